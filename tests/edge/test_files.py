# SPDX-License-Identifier: EUPL-1.2
"""``edge/files.py``: whole at any moment."""

import threading
from pathlib import Path

import pytest

from edge.files import alone, put_file, put_link, sync_tree
from protocol.errors import ConfigurationError


def test_a_reader_finds_the_old_or_the_new_whole(tmp_path: Path):
    """While a file is replaced over and over, nobody reads half of one."""
    path = tmp_path / "deep" / "file"
    put_file(path, b"a" * 100_000)
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            put_file(path, b"b" * 100_000)
            put_file(path, b"a" * 100_000)

    writer = threading.Thread(target=write)
    writer.start()
    seen = {path.read_bytes() for _ in range(200)}
    stop.set()
    writer.join()
    assert seen <= {b"a" * 100_000, b"b" * 100_000}
    assert [file.name for file in path.parent.iterdir()] == ["file"]


def test_who_opened_the_old_one_reads_it_to_the_end(tmp_path: Path):
    """The old content is not overwritten under a reader, as a key file's is."""
    path = tmp_path / "file"
    put_file(path, b"old")
    with path.open("rb") as stream:
        put_file(path, b"new")
        assert stream.read() == b"old"
    assert path.read_bytes() == b"new"


def test_a_link_turns_in_one_step(tmp_path: Path):
    """A link leads to a sibling, also when it led to another before."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        put_link(tmp_path / "link", tmp_path / name)
        assert (tmp_path / "link").resolve() == (tmp_path / name).resolve()
    sync_tree(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link", "one", "two"]


def test_what_cannot_be_written_is_told(tmp_path: Path):
    """A file in the place of a folder, and a folder that is not there, are errors that name the file."""
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ConfigurationError, match="inner"):
        put_file(tmp_path / "file" / "inner", b"")
    with pytest.raises(ConfigurationError, match="link"):
        put_link(tmp_path / "absent" / "link", tmp_path)
    with pytest.raises(ConfigurationError), alone(tmp_path / "absent"):
        pass


def test_one_at_a_time(tmp_path: Path):
    """Who comes second waits until the first is done."""
    inside = threading.Event()
    order: list[str] = []

    def second() -> None:
        inside.wait()
        with alone(tmp_path):
            order.append("second")

    other = threading.Thread(target=second)
    other.start()
    with alone(tmp_path):
        inside.set()
        other.join(0.1)
        order.append("first")
    other.join()
    assert order == ["first", "second"]
