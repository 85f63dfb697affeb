# SPDX-License-Identifier: EUPL-1.2
"""The one form of an archive: any program opens it, and nothing else than what we would write is read."""

import io
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.errors import Code, VerificationError
from protocol.stored_zip import read_zip, write_zip

FILES = {"manifest.json": b"{}", "covenants/abc.json": b"x" * 300, "summary.nl.html": b""}
NAMES = st.from_regex(r"[a-z][a-z0-9-]{0,8}\.[a-z]{1,4}", fullmatch=True)


def test_other_programs_open_it():
    """The standard library finds every file, stored, under its name and with its content."""
    with zipfile.ZipFile(io.BytesIO(write_zip(FILES))) as opened:
        assert opened.testzip() is None
        assert {info.filename: opened.read(info) for info in opened.infolist()} == FILES
        assert {info.compress_type for info in opened.infolist()} == {zipfile.ZIP_STORED}


@given(st.dictionaries(NAMES, st.binary(max_size=200), min_size=1, max_size=5))
def test_what_is_written_is_read(files: dict[str, bytes]):
    """The same files come back, and give the same bytes in any order."""
    raw = write_zip(files)
    assert read_zip(raw) == files
    assert write_zip(dict(reversed(files.items()))) == raw


@given(st.data())
def test_any_changed_byte_is_found(data: st.DataObject):
    """A changed byte anywhere in the container, in a file's content or in its name is refused."""
    raw = write_zip(FILES)
    place = data.draw(st.integers(0, len(raw) - 1))
    bent = raw[:place] + bytes([raw[place] ^ data.draw(st.integers(1, 255))]) + raw[place + 1 :]
    with pytest.raises(VerificationError) as caught:
        read_zip(bent)
    assert caught.value.code is Code.PACK_INVALID


@pytest.mark.parametrize(
    "name", ["../manifest.json", "/etc.json", "a/b/c.json", "A.json", "a\\b.json", ".json", "a", ""]
)
def test_no_name_leads_elsewhere(name: str):
    """A name with a way out, or that machines write differently, is neither written nor read."""
    with pytest.raises(ValueError, match="plain"):
        write_zip({name: b""})
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr(zipfile.ZipInfo(name), b"")
    with pytest.raises(VerificationError):
        read_zip(made.getvalue())


@pytest.mark.parametrize(
    "change",
    [lambda raw: raw + b"x", lambda raw: raw[:-1], lambda raw: b"x" + raw, lambda raw: raw[:40], lambda _: b""],
)
def test_no_more_and_no_less(change):
    """Bytes before, behind or missing are found."""
    with pytest.raises(VerificationError):
        read_zip(change(write_zip(FILES)))


def test_a_compressed_archive_is_not_unpacked():
    """A bomb is an archive that is not in our form: it is refused before anything is unpacked."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("manifest.json", b"0" * 1_000_000)
    with pytest.raises(VerificationError):
        read_zip(made.getvalue())


def test_a_file_named_twice_is_found():
    """Two files of one name are no pack: programs differ in which one they take."""
    one, end = write_zip({"a.json": b"1"}), write_zip({"a.json": b"2"})
    with pytest.raises(VerificationError, match=r"a\.json"):
        read_zip(one[: one.index(b"PK\x01\x02")] + end)
