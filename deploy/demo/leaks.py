# SPDX-License-Identifier: EUPL-1.2
"""Search files for identifier values in every form in which a careless program leaks them.

Forms of a value: as it is (any letter case), in hex, in base64 and base64url at each of the three alignments, and its
SHA-256 raw, in hex, base64 and base64url. All values are searched in one pass over the bytes: 8-byte windows are looked
up in a table of the forms' first six bytes, and what survives is compared in full.

What counts as found. Random base64 text and random bytes hold any six given letters once in some billions of places,
and there are billions of (place, value) pairs here, so a plain form shorter than ``FREE_LENGTH`` counts only as text
that somebody wrote: a word of its own, behind a separator or the length that a database writes before a text, and in
lower, upper or title case or as the value itself is written.
A value shorter than ``SHORTEST`` cannot
be told from accident at all: ``Needles`` counts how many it left out, and the caller gives the combinations in which
they occur instead.
"""

import base64
import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

SHORTEST: Final = 6
"""Bytes: 6 random bytes meet one of 50,000 values in 1 GB of random data with a chance of 0.2."""
FREE_LENGTH: Final = 12
"""Characters from which a plain form counts anywhere: 64**-12 leaves no accidents in any amount of base64 text."""
_CHUNK: Final = 1 << 24
_TABLE_BITS: Final = 25
_MIX: Final = np.uint64(0x9E3779B97F4A7C15)
_SIX: Final = np.uint64(0xFFFFFFFFFFFF)
_WORD: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/_-")
_WORDS: Final = frozenset(bytes((one,)) for one in _WORD)
_BEFORE: Final = frozenset(b"\0\t\n\r") | (frozenset(range(0x20, 0x7F)) - _WORD)
"""What stands before a word in text, or between texts."""
_FRAMING: Final = re.compile(rb"(?i)(content-length: *)(\d+)")
"""HTTP's own count of bytes: seven digits that can equal a person number by accident, and say nothing."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A value found: which (by its number, never by its text), in what form, in which file and where."""

    value: int
    form: str
    file: str
    offset: int


@dataclass(slots=True)
class Needles:
    """Every form of every value, ready to search for."""

    values: tuple[str, ...]
    too_short: int = 0
    _exact: dict[bytes, list[tuple[bytes, int, str]]] = field(default_factory=dict)
    _folded: dict[bytes, list[tuple[bytes, int, str]]] = field(default_factory=dict)

    @classmethod
    def of(cls, values: Iterable[str]) -> "Needles":
        """Return the needles of these values; the same value twice is one."""
        distinct = tuple(sorted(set(values)))
        made = cls(distinct)
        for number, value in enumerate(distinct):
            if len(value.encode()) < SHORTEST:
                made.too_short += 1
                continue
            made._add_forms(number, value)
        return made

    def _add_forms(self, number: int, value: str) -> None:
        variants = {value.encode(), value.lower().encode()}
        for raw in variants:
            digest = hashlib.sha256(raw).digest()
            self._add(self._folded, raw.lower(), number, "plain")
            self._add(self._folded, raw.hex().encode(), number, "hex")
            for text in _base64_forms(raw):
                self._add(self._exact, text, number, "base64")
            self._add(self._exact, digest, number, "sha256")
            self._add(self._folded, digest.hex().encode(), number, "sha256 in hex")
            for text in {base64.b64encode(digest)[:42], base64.urlsafe_b64encode(digest)[:42]}:
                self._add(self._exact, text, number, "sha256 in base64")

    @staticmethod
    def _add(table: dict[bytes, list[tuple[bytes, int, str]]], needle: bytes, number: int, form: str) -> None:
        if len(needle) >= SHORTEST:
            entries = table.setdefault(needle[:SHORTEST], [])
            if (needle, number, form) not in entries:
                entries.append((needle, number, form))

    def search(self, files: Mapping[str, Path], ignore: frozenset[int] = frozenset()) -> list[Finding]:
        """Return what is found in these files (name to show -> path); ``ignore`` holds numbers of values."""
        passes = [(_Index.of(self._exact, self.values), False), (_Index.of(self._folded, self.values), True)]
        overlap = self._longest()
        found: list[Finding] = []
        for name, path in files.items():
            if not path.is_file():
                continue
            for start, raw in _blocks(path, overlap):
                block = _FRAMING.sub(_blank, raw)
                for index, fold in passes:
                    data = block.lower() if fold else block
                    found += [
                        Finding(number, form, name, start + at)
                        for at, number, form in index.scan(data, block)
                        if number not in ignore
                    ]
        return list(dict.fromkeys(found))

    def _longest(self) -> int:
        tables = (self._exact, self._folded)
        return max((len(e[0]) for table in tables for entries in table.values() for e in entries), default=SHORTEST)


@dataclass(frozen=True, slots=True)
class _Index:
    table: dict[bytes, list[tuple[bytes, int, str]]]
    values: tuple[str, ...]
    prefixes: NDArray[np.uint64]
    bitmap: NDArray[np.bool_]

    @classmethod
    def of(cls, table: dict[bytes, list[tuple[bytes, int, str]]], values: tuple[str, ...]) -> "_Index":
        prefixes = np.sort(np.array([int.from_bytes(p, "little") for p in table], dtype=np.uint64))
        bitmap = np.zeros(1 << _TABLE_BITS, dtype=np.bool_)
        bitmap[_slot(prefixes)] = True
        return cls(table, values, prefixes, bitmap)

    def scan(self, data: bytes, written: bytes) -> list[tuple[int, int, str]]:
        """Return (offset, value number, form) of every needle in ``data``: ``written``, or that in lower case."""
        padded = data + bytes(16)
        hits: list[tuple[int, int, str]] = []
        for shift in range(8):
            usable = (len(padded) - shift) // 8 * 8
            windows = np.frombuffer(padded, dtype="<u8", count=usable // 8, offset=shift) & _SIX
            places = np.flatnonzero(self.bitmap[_slot(windows)])
            if not len(places) or not len(self.prefixes):
                continue
            keys = windows[places]
            at = np.minimum(np.searchsorted(self.prefixes, keys), len(self.prefixes) - 1)
            for place in places[self.prefixes[at] == keys]:
                offset = int(place) * 8 + shift
                hits += self._confirm(data, written, offset)
        return hits

    def _confirm(self, data: bytes, written: bytes, offset: int) -> list[tuple[int, int, str]]:
        found = []
        for needle, number, form in self.table[data[offset : offset + SHORTEST].ljust(SHORTEST, b"\0")]:
            end = offset + len(needle)
            if data[offset:end] == needle and (
                form != "plain" or _is_text(written, offset, end, self.values[number].encode())
            ):
                found.append((offset, number, form))
        return found


def _blank(match: re.Match[bytes]) -> bytes:
    return match[1] + b" " * len(match[2])


def _slot(keys: NDArray[np.uint64]) -> NDArray[np.uint64]:
    return (keys * _MIX) >> np.uint64(64 - _TABLE_BITS)


def _is_text(written: bytes, start: int, end: int, value: bytes) -> bool:
    """Say whether these bytes look as if somebody wrote them, rather than as six of so many random ones."""
    found = written[start:end]
    if len(found) >= FREE_LENGTH:
        return True
    if start and written[start - 1] not in _BEFORE and not _is_length(written[max(0, start - 4) : start], len(found)):
        return False
    # A digest in hex or base64 may begin or end in any six characters, so a short form must be a word of its own.
    return written[end : end + 1] not in _WORDS and found in (value, found.lower(), found.upper(), found.title())


def _is_length(before: bytes, size: int) -> bool:
    """Say whether this is a text's length as PostgreSQL writes it: in a short or long header, or in binary COPY."""
    short, long, copied = (
        bytes(((size + 1) << 1 | 1,)),
        ((size + 4) << 2).to_bytes(4, "little"),
        size.to_bytes(4, "big"),
    )
    return before[-1:] == short or before in (long, copied)


def _base64_forms(raw: bytes) -> set[bytes]:
    """Return how ``raw`` looks inside longer base64 text, whatever stands before and after it."""
    forms = set()
    for lead in range(3):
        start = (8 * lead + 5) // 6
        end = (8 * (lead + len(raw))) // 6
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            # Under 10 characters base64 of a short value would be found by accident in random base64 text.
            text = encode(bytes(lead) + raw + bytes(3))[start:end]
            if len(text) >= 10:
                forms.add(text)
    return forms


def _blocks(path: Path, overlap: int) -> Iterable[tuple[int, bytes]]:
    with path.open("rb") as file:
        start, tail = 0, b""
        while chunk := file.read(_CHUNK):
            block = tail + chunk
            yield start - len(tail), block
            start += len(chunk)
            tail = block[-overlap:]
