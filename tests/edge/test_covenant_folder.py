# SPDX-License-Identifier: EUPL-1.2
"""Reading a covenant's folder: all of it, nothing else, and bounded."""

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from edge import covenant_folder
from edge.covenant_folder import load_covenant, read_folder
from protocol.covenant import Covenant
from protocol.errors import Code, ConfigurationError
from tests.fakes.covenants import make_covenant


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with two files, one of them deeper."""
    folder = tmp_path / "policies"
    (folder / "purposes").mkdir(parents=True)
    (folder / "covenant.yaml").write_bytes(b"a")
    (folder / "purposes" / "x.cedar").write_bytes(b"b")
    return folder


def refused(folder: Path) -> ConfigurationError:
    """Return the error with which reading fails."""
    with pytest.raises(ConfigurationError) as caught:
        read_folder(folder)
    assert caught.value.code is Code.COVENANT_INVALID
    return caught.value


def test_every_file_is_read_by_its_path(folder: Path) -> None:
    """Files are named by their path in the folder, in order; hidden files and an editor's are left out."""
    (folder / ".git").mkdir()
    (folder / ".git" / "config").write_bytes(b"c")
    (folder / "covenant.yaml~").write_bytes(b"d")
    found = read_folder(folder)
    assert list(found.items()) == [("covenant.yaml", b"a"), ("purposes/x.cedar", b"b")]


def test_a_link_to_the_outside(folder: Path) -> None:
    """A link that leaves the folder is refused, whether to a file or to a folder."""
    outside = folder.parent / "outside.yaml"
    outside.write_bytes(b"planted")
    link = folder / "link.yaml"
    link.symlink_to(outside)
    assert "link.yaml" in refused(folder).detail
    link.unlink()
    link.symlink_to(folder.parent)
    assert "link.yaml" in refused(folder).detail


def test_a_link_to_the_inside(folder: Path) -> None:
    """A link to a file of the folder is read; one to a folder is refused, since it could go round."""
    (folder / "same.yaml").symlink_to(folder / "covenant.yaml")
    assert read_folder(folder)["same.yaml"] == b"a"
    (folder / "round").symlink_to(folder)
    assert "round" in refused(folder).detail


def test_a_dangling_link(folder: Path) -> None:
    """A link to nothing is refused."""
    (folder / "gone.yaml").symlink_to(folder / "nothing.yaml")
    refused(folder)


def test_a_pipe(folder: Path) -> None:
    """A named pipe, which would make the reader wait for ever, is refused."""
    os.mkfifo(folder / "pipe")
    refused(folder)


def test_limits(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """More files, larger files, more in all, or deeper folders than agreed are refused."""
    for name, value in {"MAX_FILES": 1, "MAX_FILE": 0, "MAX_TOTAL": 1, "MAX_DEPTH": 0}.items():
        with monkeypatch.context() as patch:
            patch.setattr(covenant_folder, name, value)
            refused(folder)
    assert len(read_folder(folder)) == 2


def test_an_empty_or_absent_folder(tmp_path: Path) -> None:
    """A folder without files, no folder at all, and a file in its place are refused."""
    refused(tmp_path)
    refused(tmp_path / "absent")
    (tmp_path / "file").write_bytes(b"x")
    refused(tmp_path / "file")


def test_a_name_that_machines_write_differently(folder: Path) -> None:
    """A name in decomposed letters would give another bundle on another machine: refused."""
    (folder / "cafe\u0301.yaml").write_bytes(b"x")
    refused(folder)


def test_a_covenant_is_loaded(tmp_path: Path) -> None:
    """A folder with a covenant's files gives the covenant that those files are."""
    made = make_covenant(now=datetime(2026, 11, 21, tzinfo=UTC))
    loaded = load_covenant(made.write(tmp_path / "policies"))
    assert isinstance(loaded, Covenant)
    assert loaded.sha256 == made.covenant.sha256
