# SPDX-License-Identifier: EUPL-1.2
"""Files that another agency sent are saved under names that can do no harm, and over nothing."""

import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agency_client.saving import MAX_NAME, harmless_name, save_files
from protocol.disclosure_payload import Attachment
from protocol.errors import ConfigurationError


@given(st.text(max_size=300))
def test_every_name_becomes_a_plain_one(name: str) -> None:
    """No folder, no control character, not hidden, not empty, not too long."""
    found = harmless_name(name)
    assert found
    assert len(found) <= MAX_NAME
    assert not found.startswith(".")
    assert not set(found) & set('/\\\0\n\r<>:"|?*')


@pytest.mark.parametrize(
    ("name", "plain"),
    [("../../etc/passwd", "passwd"), ("..", "attachment"), ("a\\b\\c.exe", "c.exe"), (".bashrc", "bashrc")],
)
def test_a_name_cannot_lead_elsewhere(name: str, plain: str) -> None:
    """Folders, dots and backslashes in a name are only letters of it."""
    assert harmless_name(name) == plain


def test_nothing_is_written_over(tmp_path: Path) -> None:
    """A second file of the same name gets a number, and only its owner can read it."""
    first = save_files(tmp_path / "in", [Attachment("a.txt", b"1")])
    second = save_files(tmp_path / "in", [Attachment("a.txt", b"2")])
    assert (first["a.txt"].read_bytes(), second["a.txt"].read_bytes()) == (b"1", b"2")
    assert stat.S_IMODE(second["a.txt"].stat().st_mode) == 0o600


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    """A link that waits under the file's name leads nowhere."""
    target = tmp_path / "target"
    target.write_bytes(b"kept")
    (tmp_path / "a.txt").symlink_to(target)
    saved = save_files(tmp_path, [Attachment("a.txt", b"new")])
    assert target.read_bytes() == b"kept"
    assert saved["a.txt"].name == "a-1.txt"


def test_a_folder_that_cannot_be_is_said(tmp_path: Path) -> None:
    """A file in the folder's place is told in words."""
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ConfigurationError, match="cannot be saved"):
        save_files(tmp_path / "file", [Attachment("a", b"")])
