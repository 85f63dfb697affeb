# SPDX-License-Identifier: EUPL-1.2
"""Signed notes (C2SP signed-note): text with signature lines under it, the keys that make them, and cosignatures v1.

Spec: ``spec/checkpoint.md``. Not here: what a note's text means (``checkpoint.py``).
"""

import base64
import binascii
import hashlib
from dataclasses import dataclass, field
from typing import Final, NamedTuple, TypeAlias

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from protocol.encoding import u64
from protocol.errors import Code, InputError, VerificationError
from protocol.weak_keys import is_weak

MAX_NOTE: Final = 65_536
"""Characters of a note: room for sixteen signatures of any kind C2SP knows, and a bound for who parses a stranger's."""
MAX_SIGNATURES: Final = 64
"""Signature lines: more than any covenant has witnesses, few enough to look at each."""

_LOG_TYPE: Final = b"\x01"
_WITNESS_TYPE: Final = b"\x04"
_KEY_BYTES: Final = 32
_SIGNATURE_BYTES: Final = 64
_TIME_BYTES: Final = 8
_MAX_TIME: Final = 2**63 - 1
_DASH: Final = "\u2014 "


# --- Keys -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LogKey:
    """The public key of a log (C2SP type 0x01, Ed25519); its name is the log's origin."""

    name: str
    public: bytes
    key_id: bytes = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "key_id", _key_id(self.name, _LOG_TYPE, self.public))

    @property
    def vkey(self) -> str:
        """The key as text: ``name+hash+base64``."""
        return _vkey(self.name, self.key_id, _LOG_TYPE + self.public)

    @classmethod
    def parse(cls, vkey: str) -> "LogKey":
        """Read a vkey of type 0x01. Raises ``InputError`` (``malformed``)."""
        return cls(*_parse_vkey(vkey, _LOG_TYPE))


@dataclass(frozen=True, slots=True)
class WitnessKey:
    """The public key of a witness (C2SP type 0x04, Ed25519 cosignature/v1)."""

    name: str
    public: bytes
    key_id: bytes = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "key_id", _key_id(self.name, _WITNESS_TYPE, self.public))

    @property
    def vkey(self) -> str:
        """The key as text: ``name+hash+base64``."""
        return _vkey(self.name, self.key_id, _WITNESS_TYPE + self.public)

    @classmethod
    def parse(cls, vkey: str) -> "WitnessKey":
        """Read a vkey of type 0x04. Raises ``InputError`` (``malformed``)."""
        return cls(*_parse_vkey(vkey, _WITNESS_TYPE))


class LogSigner:
    """Signs checkpoints for a log. Made from a 32-byte Ed25519 seed, which it never shows."""

    __slots__ = ("_private", "key")

    def __init__(self, name: str, seed: bytes) -> None:
        self._private = Ed25519PrivateKey.from_private_bytes(seed)
        self.key = LogKey(name, self._private.public_key().public_bytes_raw())

    def __repr__(self) -> str:
        return f"LogSigner({self.key.name!r})"

    def sign(self, text: str) -> str:
        """Return the signature line over a note's text."""
        return signature_line(self.key, self._private.sign(text.encode()))


class WitnessSigner:
    """Cosigns checkpoints for a witness. Made from a 32-byte Ed25519 seed, which it never shows."""

    __slots__ = ("_private", "key")

    def __init__(self, name: str, seed: bytes) -> None:
        self._private = Ed25519PrivateKey.from_private_bytes(seed)
        self.key = WitnessKey(name, self._private.public_key().public_bytes_raw())

    def __repr__(self) -> str:
        return f"WitnessSigner({self.key.name!r})"

    def sign(self, text: str, seconds: int) -> str:
        """Return the cosignature line over a note's text, made ``seconds`` after the POSIX epoch."""
        return signature_line(self.key, u64(seconds) + self._private.sign(_cosigned(text, seconds)))


Key: TypeAlias = LogKey | WitnessKey


def _key_id(name: str, kind: bytes, public: bytes) -> bytes:
    if not _is_name(name) or len(public) != _KEY_BYTES or is_weak(public):
        raise ValueError("not a key of a signed note")
    return hashlib.sha256(name.encode() + b"\n" + kind + public).digest()[:4]


def _is_name(name: str) -> bool:
    return bool(name) and "+" not in name and not any(char.isspace() or char < " " for char in name) and is_utf8(name)


def is_utf8(text: str) -> bool:
    """Tell whether text can be written as UTF-8: a str can hold lone surrogates, which no UTF-8 has."""
    return not any("\ud800" <= char <= "\udfff" for char in text)


def _vkey(name: str, key_id: bytes, typed: bytes) -> str:
    return f"{name}+{key_id.hex()}+{b64(typed)}"


def _parse_vkey(vkey: str, kind: bytes) -> tuple[str, bytes]:
    name, _, rest = vkey.partition("+")
    key_id, _, encoded = rest.partition("+")
    typed = unbase64(encoded)
    if typed is None or not _is_name(name) or typed[:1] != kind or len(typed) != 1 + _KEY_BYTES or is_weak(typed[1:]):
        raise InputError(Code.MALFORMED, "Not a verifier key of the expected type.")
    if _key_id(name, kind, typed[1:]).hex() != key_id:
        raise InputError(Code.MALFORMED, "The verifier key's hash is not that of its name and key.")
    return name, typed[1:]


def b64(raw: bytes) -> str:
    """Return standard base64 with padding (RFC 4648 section 4), as C2SP's formats use it."""
    return base64.b64encode(raw).decode()


def unbase64(text: str) -> bytes | None:
    """Decode standard base64 in its one canonical form; None for anything else."""
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return raw if b64(raw) == text else None


# --- Notes ----------------------------------------------------------------------------------------------------------


class SignatureLine(NamedTuple):
    """One line under a note, whoever made it: not verified."""

    name: str
    key_id: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class UnverifiedNote:
    """A note taken apart (C2SP signed-note): its text with the final newline, and its signature lines."""

    text: str
    lines: tuple[SignatureLine, ...]


def parse_note(note: str) -> UnverifiedNote:
    """Split a note at its last blank line. Raises ``VerificationError`` (``checkpoint_invalid``)."""
    if len(note) > MAX_NOTE or not is_utf8(note) or any(char < " " and char != "\n" for char in note):
        raise _invalid("The note is too long or holds characters that no note has.")
    head, blank, tail = note.rpartition("\n\n")
    if not blank or not tail.endswith("\n"):
        raise _invalid("The note has no signatures.")
    lines = tail[:-1].split("\n")
    if len(lines) > MAX_SIGNATURES:
        raise _invalid("The note has too many signatures.")
    return UnverifiedNote(head + "\n", tuple(_parse_line(line) for line in lines))


def decode_note(raw: bytes) -> str:
    """Read a note's bytes as text. Raises ``VerificationError`` (``checkpoint_invalid``)."""
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise _invalid("The note is not UTF-8.") from error


def signature_line(key: Key, signature: bytes) -> str:
    """Return the line that says: this key made this signature."""
    return f"{_DASH}{key.name} {b64(key.key_id + signature)}\n"


def _parse_line(line: str) -> SignatureLine:
    name, _, encoded = line.removeprefix(_DASH).partition(" ")
    raw = unbase64(encoded)
    if not line.startswith(_DASH) or not _is_name(name) or raw is None or len(raw) <= 4:
        raise _invalid("A signature line of the note is malformed.")
    return SignatureLine(name, raw[:4], raw[4:])


def verify_note(note: UnverifiedNote, key: LogKey) -> None:
    """Check that ``key`` signed the note; every line in its name must hold, and there must be one.

    Raises ``VerificationError`` (``checkpoint_invalid``).
    """
    found = [line.signature for line in note.lines if (line.name, line.key_id) == (key.name, key.key_id)]
    if not found:
        raise _invalid("The log's key has not signed the note.")
    for signature in found:
        _verify(key, signature, note.text.encode())


def cosignature_times(note: UnverifiedNote, key: WitnessKey) -> list[int]:
    """Return when ``key`` cosigned the note, in POSIX seconds; empty when it did not.

    Raises ``VerificationError`` (``checkpoint_invalid``) when a line in its name does not hold.
    """
    times = []
    for line in note.lines:
        if (line.name, line.key_id) != (key.name, key.key_id):
            continue
        seconds = int.from_bytes(line.signature[:_TIME_BYTES], "big")
        # A zero time says, in C2SP, that no statement is made about this being the latest tree; we need that statement.
        if len(line.signature) != _TIME_BYTES + _SIGNATURE_BYTES or not 0 < seconds <= _MAX_TIME:
            raise _invalid("A cosignature is malformed.")
        _verify(key, line.signature[_TIME_BYTES:], _cosigned(note.text, seconds))
        times.append(seconds)
    return times


def _cosigned(text: str, seconds: int) -> bytes:
    return f"cosignature/v1\ntime {seconds}\n{text}".encode()


def _verify(key: Key, signature: bytes, message: bytes) -> None:
    try:
        Ed25519PublicKey.from_public_bytes(key.public).verify(signature, message)
    except (InvalidSignature, ValueError) as error:
        raise _invalid(f"A signature in the name of {key.name} does not hold.") from error


def _invalid(detail: str) -> VerificationError:
    return VerificationError(Code.CHECKPOINT_INVALID, detail)
