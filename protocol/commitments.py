# SPDX-License-Identifier: EUPL-1.2
"""How the log commits to an event, and how an opening is read back.

A leaf is the pair of salted hashes of the event's record and of its subject part, so that the subject part can be left
out or erased alone while the leaf and every proof stay. Spec: ``spec/events.md``.
Not here: what events there are (``events.py``), proving that a leaf is in the log (``log_evidence.py``).
"""

import hashlib
import json
from dataclasses import dataclass
from typing import Any, Final

from protocol import record_fields as f
from protocol.encoding import Json, b64url, canonical_json, label, unb64url
from protocol.errors import Code, InputError
from protocol.events import EVENTS, Act, Event, Subject, Words
from protocol.ids import HitId, SignalId
from protocol.messages import Message, Opening, as_uuid

LEAF_VERSION: Final = b"\x01"
LEAF_BYTES: Final = 65
"""Version byte and two SHA-256 hashes."""
SALT_BYTES: Final = 32
"""As long as the hash: whoever has a leaf cannot try out what it may say."""


@dataclass(frozen=True, slots=True)
class Committed:
    """An event as it goes into the log: its leaf, and the opening that only those concerned get."""

    event: Event
    opening: Opening
    leaf: bytes


@dataclass(frozen=True, slots=True)
class Opened:
    """An opening, read: its event, the leaf that commits to it, and whether the subject part was left out."""

    event: Event
    """With an empty subject part when that was left out."""
    leaf: bytes
    erased: bool


def commit(event: Event, record_salt: bytes, subject_salt: bytes) -> Committed:
    """Return the event's leaf and opening under two fresh random salts of 32 bytes.

    Raises ``InputError`` (``malformed``) for a consultation without the words of its justification.
    """
    _require_words(event)
    opening = Opening(
        record=_write_record(event),
        record_salt=record_salt,
        subject=_write_subject(event.subject),
        subject_salt=subject_salt,
    )
    return Committed(event, opening, leaf_over(opening.record, record_salt, subject_hash(opening)))


def leaf_of(opening: Opening) -> bytes:
    """Return the 65-byte leaf that commits to this opening, which must be one of a known event.

    Raises ``InputError`` (``malformed``) as ``parse_opening``.
    """
    return open_leaf(opening)[1]


def open_leaf(opening: Opening) -> tuple[Event, bytes]:
    """Return the event of a whole opening, and the leaf that commits to it. Raises as ``parse_opening``."""
    return parse_opening(opening), leaf_over(opening.record, opening.record_salt, subject_hash(opening))


def open_entry(opening: Opening) -> Opened:
    """Read an opening whose subject part may be left out. Raises ``InputError`` (``malformed``)."""
    if opening.subject is None:
        event = _read_record(opening.record, Subject())
        return Opened(event, leaf_over(opening.record, opening.record_salt, subject_hash(opening)), erased=True)
    event, leaf = open_leaf(opening)
    return Opened(event, leaf, erased=False)


def without_subject(opening: Opening) -> Opening:
    """Return the opening with its subject part left out: it opens the same leaf."""
    return Opening(record=opening.record, record_salt=opening.record_salt, subject_hash=subject_hash(opening))


def parse_opening(opening: Opening) -> Event:
    """Read an opening strictly: a known tag, its own operation, exactly its fields, each of its kind.

    Raises ``InputError`` (``malformed``).
    """
    if opening.subject is None:
        raise InputError(Code.MALFORMED, "The subject part of the event was left out or erased.")
    event = _read_record(opening.record, _read_subject(opening.subject))
    _require_words(event)
    return event


def _require_words(event: Event) -> None:
    if event.JUSTIFIED and event.subject.words is None:
        raise InputError(Code.MALFORMED, "A consultation names who looked and why.")


def _read_record(held: dict[str, Any], subject: Subject) -> Event:
    record = dict(held)
    tag = record.pop("event", None)
    kind = EVENTS.get(tag) if type(tag) is int else None
    if kind is None or record.pop("operation", None) != kind.OPERATION:
        raise InputError(Code.MALFORMED, "The log holds an event that this version does not know.")
    act_names = f.names_of(Act)
    act = f.read_fields(Act, {name: value for name, value in record.items() if name in act_names})
    own = {name: value for name, value in record.items() if name not in act_names}
    return f.read_fields(kind, own, act=act, subject=subject)


def tag_digest(tag: bytes) -> bytes:
    """Return what stands in the log for a tag: its hash, so that the log does not spread pseudonyms."""
    return hashlib.sha256(label("tag-digest") + tag).digest()


def message_digest(message: Message) -> str:
    """Return the SHA-256, in hex, of a message's canonical JSON."""
    return hashlib.sha256(canonical_json(json.loads(message.to_json()))).hexdigest()


def subject_hash(opening: Opening) -> bytes:
    """Return the salted hash that stands in the leaf for the subject part, so that the part itself can be left out."""
    if opening.subject is None or opening.subject_salt is None:
        return bytes(opening.subject_hash or b"")
    return hashlib.sha256(label("subject") + opening.subject_salt + canonical_json(opening.subject)).digest()


def leaf_over(record: dict[str, Any], record_salt: bytes, hashed_subject: bytes) -> bytes:
    """Return the leaf of a record whose subject part is known by its hash only."""
    hashed = hashlib.sha256(label("record") + record_salt + canonical_json(record)).digest()
    return LEAF_VERSION + hashed + hashed_subject


def _write_record(event: Event) -> dict[str, Json]:
    if type(event) not in EVENTS.values():
        raise ValueError("not an event of the closed list")
    return {"event": event.TAG, "operation": event.OPERATION, **f.write_fields(event.act), **f.write_fields(event)}


def _write_subject(subject: Subject) -> dict[str, Json]:
    written: dict[str, Json] = {}
    if subject.signal_ids:
        written["signalIds"] = [str(item) for item in subject.signal_ids]
    if subject.hit_id is not None:
        written["hitId"] = str(subject.hit_id)
    if subject.tag_digests:
        written["tagDigests"] = [b64url(item) for item in subject.tag_digests]
    if subject.words is not None:
        written["words"] = f.write_fields(subject.words)
    return written


def _read_subject(value: dict[str, Any]) -> Subject:
    signal_ids, hit_id, digests = value.get("signalIds", []), value.get("hitId"), value.get("tagDigests", [])
    texts = [*signal_ids, *digests] if isinstance(signal_ids, list) and isinstance(digests, list) else [None]
    if not all(isinstance(text, str) for text in texts) or not isinstance(hit_id, str | None):
        raise InputError(Code.MALFORMED, "The subject part of the event is malformed.")
    subject = Subject(
        signal_ids=tuple(SignalId(as_uuid(text)) for text in signal_ids),
        hit_id=None if hit_id is None else HitId(as_uuid(hit_id)),
        tag_digests=tuple(unb64url(text, length=32) for text in digests),
        words=f.read_fields(Words, value["words"]) if "words" in value else None,
    )
    if _write_subject(subject) != value:
        raise InputError(Code.MALFORMED, "The subject part of the event is not in its one form.")
    return subject
