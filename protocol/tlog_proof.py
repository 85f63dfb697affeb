# SPDX-License-Identifier: EUPL-1.2
"""C2SP tlog-proof: one file that proves, offline, that an entry stands in a log, with data for who must read the entry.

This module only takes such a file apart and puts it together; every part of it is a stranger's word until
``receipts.py`` has checked it. Spec: ``spec/receipts.md``. Not here: the entry's leaf, signatures, the tree.
"""

from dataclasses import dataclass
from typing import Final

from protocol.checkpoint import parse_size
from protocol.errors import Code, InputError
from protocol.merkle import HASH_BYTES, MAX_SIZE
from protocol.note import MAX_NOTE, b64, is_utf8, unbase64

SUFFIX: Final = ".tlog-proof"
"""How such files are called."""
HEADER: Final = "c2sp.org/tlog-proof@v1"
MAX_EXTRA: Final = 131_072
"""Bytes of extra data: the largest event that there can be, a thousand signals and as many tags, has 90 kB."""
MAX_HASHES: Final = 53
"""Hashes of a path: the height of the largest log that there can be (``merkle.MAX_SIZE``)."""

_EXTRA: Final = "extra "
_INDEX: Final = "index "
_BASE64_HASH: Final = 44
MAX_FILE: Final = (
    len(HEADER) + len(_EXTRA) + MAX_EXTRA * 4 // 3 + 4 + MAX_HASHES * (_BASE64_HASH + 1) + MAX_NOTE * 4 + 64
)
"""Bytes of a file: each part at its longest, a note's characters at their four bytes of UTF-8."""


@dataclass(frozen=True, slots=True)
class TlogProof:
    """The parts of a file, not verified: whoever wrote it says that entry ``index`` stands in the checkpoint's tree."""

    index: int
    hashes: tuple[bytes, ...]
    """From the leaf's sibling up (RFC 6962 section 2.1.1)."""
    checkpoint: str
    """A signed note, as it was issued; nobody looked at it yet."""
    extra: bytes | None = None
    """What the application says about the entry; C2SP: nothing authenticates it."""

    def __post_init__(self) -> None:
        if not 0 <= self.index < MAX_SIZE or len(self.hashes) > MAX_HASHES:
            raise ValueError("an index or a path that no log has")
        if any(len(digest) != HASH_BYTES for digest in self.hashes):
            raise ValueError("a hash does not have 32 bytes")
        if not 0 < len(self.checkpoint) <= MAX_NOTE or self.checkpoint[-1] != "\n" or not is_utf8(self.checkpoint):
            raise ValueError("not a note's text")
        if self.extra is not None and not 0 < len(self.extra) <= MAX_EXTRA:
            raise ValueError("extra data is absent or has some bytes, and not too many")

    def to_text(self) -> str:
        """Return the file's text."""
        extra = "" if self.extra is None else f"{_EXTRA}{b64(self.extra)}\n"
        hashes = "".join(f"{b64(digest)}\n" for digest in self.hashes)
        return f"{HEADER}\n{extra}{_INDEX}{self.index}\n{hashes}\n{self.checkpoint}"


def parse_tlog_proof(raw: bytes) -> TlogProof:
    """Read a file in its one form: what ``to_text`` would not write is refused.

    Raises ``InputError`` (``malformed``, ``too_large``).
    """
    if len(raw) > MAX_FILE:
        raise InputError(Code.TOO_LARGE, "The file is larger than any proof of a log.")
    try:
        head, blank, checkpoint = raw.decode().partition("\n\n")
    except UnicodeDecodeError:
        raise _malformed("It is not UTF-8 text.") from None
    header, *lines = head.split("\n")
    if header != HEADER:
        raise _malformed("It does not begin as one.")
    if not blank:
        raise _malformed("It has no checkpoint.")
    extra = _read_extra(lines.pop(0)) if lines and lines[0].startswith(_EXTRA) else None
    if not lines or not lines[0].startswith(_INDEX):
        raise _malformed("It does not say which entry it proves.")
    try:
        return TlogProof(
            parse_size(lines[0].removeprefix(_INDEX)), tuple(map(_read_hash, lines[1:])), checkpoint, extra
        )
    except ValueError:
        raise _malformed("Its entry number, a line of its path or its checkpoint cannot be one.") from None


def _read_extra(line: str) -> bytes:
    extra = unbase64(line.removeprefix(_EXTRA))
    if extra is None:
        raise _malformed("Its extra data is not base64.")
    return extra


def _read_hash(line: str) -> bytes:
    digest = unbase64(line)
    if digest is None:
        raise ValueError("not base64")
    return digest


def _malformed(detail: str) -> InputError:
    return InputError(Code.MALFORMED, f"This is not the proof file of a log. {detail}")
