# SPDX-License-Identifier: EUPL-1.2
"""Canonical bytes: length prefixes, strict base64url, canonical JSON, labels that keep uses apart.

Spec: ``spec/encoding.md``. Not here: what is encoded; each format has its own module and page.
"""

import binascii
import json
import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final, TypeAlias

import rfc8785

from protocol.errors import Code, InputError

MAX_LP: Final = 0xFFFF
"""A length prefix has two bytes; nothing that we bind this way comes near it."""

# What only the standard alphabet has becomes what none has, so that the strict decoder refuses it.
_TO_STANDARD = bytes.maketrans(b"-_+/=", b"+/!!!")
_TO_URL = bytes.maketrans(b"+/", b"-_")
# A last group of two characters carries 8 of 12 bits, one of three 16 of 18: the bits left over must be zero.
_CLEAN_ENDS = {2: frozenset("AQgw"), 3: frozenset("AEIMQUYcgkosw048")}
_SURROGATE = re.compile("[\ud800-\udfff]")
_MAX_EXACT: Final = 2**53
"""Integers from here on have no exact double, which is all that JSON promises."""
_LABEL = re.compile(r"sluis/v1/[a-z0-9-]+\Z")

Json: TypeAlias = "bool | int | str | list[Json] | dict[str, Json] | None"
"""JSON without floating point: no format of ours needs it, and its canonical form is where libraries differ."""


def lp(value: bytes | str) -> bytes:
    """Return a 2-byte big-endian length and the value; text as UTF-8.

    Raises ``ValueError`` above 65,535 bytes: a bug of ours, since inputs are bounded before.
    """
    raw = value.encode() if isinstance(value, str) else value
    if len(raw) > MAX_LP:
        raise ValueError("value too long for a two-byte length prefix")
    return len(raw).to_bytes(2, "big") + raw


def u32(value: int) -> bytes:
    """Return 4 bytes, big-endian."""
    return value.to_bytes(4, "big")


def u64(value: int) -> bytes:
    """Return 8 bytes, big-endian."""
    return value.to_bytes(8, "big")


@lru_cache(maxsize=64)
def label(name: str) -> bytes:
    """Return the domain-separation label ``sluis/v1/<name>`` as bytes; raises ``ValueError`` for any other shape."""
    full = f"sluis/v1/{name}"
    if not _LABEL.match(full):
        raise ValueError("not a label")
    return full.encode()


def b64url(value: bytes) -> str:
    """Return base64url without padding (RFC 4648 section 5)."""
    return binascii.b2a_base64(value, newline=False).translate(_TO_URL, b"=").decode()


def unb64url(text: str, *, length: int | None = None) -> bytes:
    """Decode base64url strictly: no padding, no other characters, no stray bits; exactly ``length`` bytes if given.

    Raises ``InputError`` (``malformed``).
    """
    tail = len(text) % 4
    try:
        raw = binascii.a2b_base64(text.encode().translate(_TO_STANDARD) + b"=="[: -tail % 4], strict_mode=True)
    except ValueError:
        # One character too many, too, has no padding that fits.
        raise InputError(Code.MALFORMED, "Not base64url without padding.") from None
    if tail and text[-1] not in _CLEAN_ENDS[tail]:
        raise InputError(Code.MALFORMED, "Base64url with stray trailing bits.")
    if length is not None and len(raw) != length:
        raise InputError(Code.MALFORMED, f"Expected {length} bytes.")
    return raw


def canonical_json(value: Json) -> bytes:
    """Return the RFC 8785 form as UTF-8 bytes; the same value gives the same bytes everywhere."""
    if _is_plain(value):
        # Ten times faster, and the same bytes for what all our formats hold.
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()
    return rfc8785.dumps(value)


def _is_plain(value: Json) -> bool:
    """Whether Python's own encoder writes the RFC 8785 form: no floats, no large integers, no name that sorts otherwise
    in UTF-16, and no text that is not Unicode, which all have rules of their own.
    """
    if isinstance(value, str):
        return _SURROGATE.search(value) is None
    if isinstance(value, dict):
        return all(name.isascii() and _is_plain(item) for name, item in value.items())
    if isinstance(value, list):
        return all(map(_is_plain, value))
    return value is None or (isinstance(value, int) and -_MAX_EXACT < value < _MAX_EXACT)


def format_time(moment: datetime) -> str:
    """Return RFC 3339 in UTC with milliseconds: ``2026-11-21T20:00:00.000Z``. The moment must carry a time zone."""
    if moment.tzinfo is None:
        raise ValueError("a moment without a time zone")
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_time(text: str) -> datetime:
    """Read what ``format_time`` writes, and nothing else. Raises ``InputError`` (``malformed``)."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise InputError(Code.MALFORMED, "Not a UTC time with milliseconds.") from error
    # Many forms are read; only the one that we write comes back the same.
    if moment.tzinfo is not UTC or format_time(moment) != text:
        raise InputError(Code.MALFORMED, "Not a UTC time with milliseconds.")
    return moment
