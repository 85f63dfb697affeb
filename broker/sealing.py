# SPDX-License-Identifier: EUPL-1.2
"""Openings at rest: each part sealed under a key of its own, from the keys of its month.

The record's key can be derived while the month's keys are there; the subject part's comes from a key of many keys, so
that it can be destroyed alone. Handles are keyed hashes by which rows are found without telling what they are about.
Pure. Spec: ``protocol/spec/erasure.md``. Not here: where the keys are (``data_keys.py``), the rows (``postgres/``).
"""

import hashlib
import hmac
import json
from dataclasses import dataclass, field
from typing import Any, Final, Literal
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from broker.puncturable import NODE_BYTES, PuncturableKey
from protocol.commitments import SALT_BYTES
from protocol.encoding import label
from protocol.errors import Code, InputError, VerificationError
from protocol.events import Event
from protocol.messages import Opening

HandleKind = Literal["hit", "signal", "tag", "person"]
_NONCE: Final = bytes(12)
"""Every key seals once: it is made from the event's id."""
_VERSION: Final = b"\x01"


@dataclass(frozen=True, slots=True)
class MonthKeys:
    """All keys of a month's events."""

    record: bytes = field(repr=False)
    handle: bytes = field(repr=False)
    subjects: PuncturableKey = field(repr=False)

    @classmethod
    def of(cls, drawn: bytes) -> "MonthKeys":
        """Make new keys from 96 random bytes."""
        if len(drawn) != 3 * NODE_BYTES:
            raise ValueError("three keys are drawn")
        first, second, third = (drawn[start : start + NODE_BYTES] for start in (0, NODE_BYTES, 2 * NODE_BYTES))
        return cls(first, second, PuncturableKey.of(third))

    def to_bytes(self) -> bytes:
        """Return the stored form."""
        return _VERSION + self.record + self.handle + self.subjects.to_bytes()

    @classmethod
    def from_bytes(cls, raw: bytes) -> "MonthKeys":
        """Read what ``to_bytes`` writes. Raises ``InputError`` (``malformed``)."""
        if raw[:1] != _VERSION or len(raw) < 1 + 2 * NODE_BYTES:
            raise InputError(Code.MALFORMED, "The stored data keys cannot be read.")
        record, handle = raw[1 : 1 + NODE_BYTES], raw[1 + NODE_BYTES : 1 + 2 * NODE_BYTES]
        return cls(record, handle, PuncturableKey.from_bytes(raw[1 + 2 * NODE_BYTES :]))


@dataclass(frozen=True, slots=True)
class Sealed:
    """An opening at rest. Without ``subject`` that part was erased."""

    record: bytes = field(repr=False)
    subject: bytes | None = field(repr=False)


def seal(keys: MonthKeys, event: UUID, opening: Opening) -> Sealed:
    """Seal a whole opening. Raises ``NotFoundError`` when this event's subject part was erased before."""
    if opening.subject is None or opening.subject_salt is None:
        raise ValueError("only a whole opening is kept")
    return Sealed(
        _encrypt(_record_key(keys, event), event, opening.record_salt, opening.record),
        _encrypt(_subject_key(keys, event), event, opening.subject_salt, opening.subject),
    )


def unseal(keys: MonthKeys, event: UUID, sealed: Sealed, leaf: bytes) -> Opening:
    """Return the opening, as far as it is there; ``leaf`` is the log's, and tells the hash of an erased part.

    Raises ``NotFoundError`` when the subject part's key was destroyed, ``VerificationError`` for changed bytes.
    """
    record_salt, record = _decrypt(_record_key(keys, event), event, sealed.record)
    if sealed.subject is None:
        return Opening(record=record, record_salt=record_salt, subject_hash=leaf[-32:])
    subject_salt, subject = _decrypt(_subject_key(keys, event), event, sealed.subject)
    return Opening(record=record, record_salt=record_salt, subject=subject, subject_salt=subject_salt)


def leaf_number(event: UUID) -> int:
    """Return the leaf of the month's key of many keys that is this event's."""
    return int.from_bytes(hashlib.sha256(label("subject-leaf") + event.bytes).digest()[:8], "big")


def handle(keys: MonthKeys, kind: HandleKind, value: bytes) -> int:
    """Return the number by which rows about a value are found in this month: 8 bytes of HMAC-SHA-256, signed."""
    digest = hmac.digest(keys.handle, kind.encode() + b"\x00" + value, "sha256")
    return int.from_bytes(digest[:8], "big", signed=True)


def handles_of(keys: MonthKeys, event: Event) -> tuple[int, ...]:
    """Return the handles by which this event is found: its signals, hit, tag digests, and the person who acted."""
    subject = event.subject
    found = [handle(keys, "signal", signal.bytes) for signal in subject.signal_ids]
    found += [handle(keys, "tag", digest) for digest in subject.tag_digests]
    if subject.hit_id is not None:
        found.append(handle(keys, "hit", subject.hit_id.bytes))
    if event.act.person is not None:
        found.append(handle(keys, "person", f"{event.act.agency}/{event.act.person}".encode()))
    return tuple(dict.fromkeys(found))


def _record_key(keys: MonthKeys, event: UUID) -> bytes:
    return hashlib.sha256(label("record-key") + keys.record + event.bytes).digest()


def _subject_key(keys: MonthKeys, event: UUID) -> bytes:
    return hashlib.sha256(label("subject-key") + keys.subjects.derive(leaf_number(event)) + event.bytes).digest()


def _encrypt(key: bytes, event: UUID, salt: bytes, part: dict[str, Any]) -> bytes:
    return ChaCha20Poly1305(key).encrypt(_NONCE, salt + json.dumps(part).encode(), event.bytes)


def _decrypt(key: bytes, event: UUID, sealed: bytes) -> tuple[bytes, dict[str, Any]]:
    try:
        plain = ChaCha20Poly1305(key).decrypt(_NONCE, sealed, event.bytes)
    except InvalidTag:
        raise VerificationError(Code.LOG_ALTERED, "A stored entry of the log does not open with its key.") from None
    return plain[:SALT_BYTES], json.loads(plain[SALT_BYTES:])
