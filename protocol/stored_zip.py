# SPDX-License-Identifier: EUPL-1.2
"""A zip archive in one fixed form: files stored as they are, under plain names, and always the same bytes for them.

Any unzip program opens it. We read only what we would have written ourselves, byte for byte: so nothing in it can be
compressed, hidden between files, named twice, or lead out of the folder into which somebody unpacks it.
Spec: ``spec/evidence-pack.md``. Not here: what the files mean (``evidence_pack.py``).
"""

import re
import struct
import zlib
from collections.abc import Mapping
from typing import Final

from protocol.errors import Code, VerificationError

MAX_ARCHIVE: Final = 256 * 1024 * 1024
"""Bytes: far below where zip needs its 64-bit form, and what one machine still reads at once."""
MAX_FILES: Final = 1_000

_NAME: Final = re.compile(r"(?:[a-z0-9][a-z0-9-]{0,80}/)?[a-z0-9][a-z0-9-]{0,80}(?:\.[a-z0-9]{1,8}){1,2}\Z")
_DATE: Final = 0x0021
"""1980-01-01, the first day that the form knows: when a file was made is said inside, under the signature."""
_VERSION: Final = 20
_UNIX: Final = 3 << 8 | _VERSION
_MODE: Final = 0o100644 << 16
_LOCAL: Final = struct.Struct("<4s5H3I2H")
_CENTRAL: Final = struct.Struct("<4s6H3I5H2I")
_END: Final = struct.Struct("<4s4H2IH")


def write_zip(files: Mapping[str, bytes]) -> bytes:
    """Return the archive of these files, in the order of their names.

    Raises ``ValueError`` for a name that is not plain, and for too much.
    """
    if len(files) > MAX_FILES or any(_NAME.match(name) is None for name in files):
        raise ValueError("too many files, or a name that is not plain")
    bodies, directory = [], []
    at = 0
    for name, content in sorted(files.items()):
        facts = (0, _DATE, zlib.crc32(content), len(content), len(content), len(name))
        local = _LOCAL.pack(b"PK\x03\x04", _VERSION, 0, 0, *facts, 0) + name.encode()
        directory.append(
            _CENTRAL.pack(b"PK\x01\x02", _UNIX, _VERSION, 0, 0, *facts, 0, 0, 0, 0, _MODE, at) + name.encode()
        )
        bodies += [local, content]
        at += len(local) + len(content)
        if at > MAX_ARCHIVE:
            raise ValueError("too much for one archive")
    listed = b"".join(directory)
    end = _END.pack(b"PK\x05\x06", 0, 0, len(files), len(files), len(listed), at, 0)
    return b"".join((*bodies, listed, end))


def read_zip(raw: bytes) -> dict[str, bytes]:
    """Return the files of an archive that ``write_zip`` made.

    Raises ``VerificationError`` (``pack_invalid``) that names where another byte stands.
    """
    if len(raw) > MAX_ARCHIVE:
        raise _refused("The pack is larger than any that this program writes.")
    files: dict[str, bytes] = {}
    at = 0
    while raw[at : at + 4] == b"PK\x03\x04" and len(files) < MAX_FILES:
        name, start, end = _entry(raw, at)
        if name in files or end > len(raw):
            raise _refused(f"The pack is not in its one form at {name}.")
        files[name], at = raw[start:end], end
    if not files:
        raise _refused("This is not a pack.")
    again = write_zip(files)
    if again != raw:
        raise _refused(f"The pack is not in its one form {_place(files, again, raw)}.")
    return files


def _entry(raw: bytes, at: int) -> tuple[str, int, int]:
    head = raw[at : at + _LOCAL.size]
    if len(head) < _LOCAL.size:
        raise _refused("The pack ends in the middle of a file.")
    length, name_length = _LOCAL.unpack(head)[8], _LOCAL.unpack(head)[9]
    start = at + _LOCAL.size + name_length
    try:
        name = raw[at + _LOCAL.size : start].decode("ascii")
    except UnicodeDecodeError:
        name = ""
    if _NAME.match(name) is None:
        raise _refused("A file in the pack has a name that no file of a pack has.")
    return name, start, start + length


def _place(files: Mapping[str, bytes], wanted: bytes, found: bytes) -> str:
    """Say beside which file the first byte stands that differs."""
    differs = next((i for i, (a, b) in enumerate(zip(wanted, found, strict=False)) if a != b), len(wanted))
    at = 0
    for name, content in sorted(files.items()):
        at += _LOCAL.size + len(name) + len(content)
        if differs < at:
            return f"at {name}"
    return "in its list of files"


def _refused(detail: str) -> VerificationError:
    return VerificationError(Code.PACK_INVALID, detail, hint="Somebody changed it, or it was not copied whole.")
