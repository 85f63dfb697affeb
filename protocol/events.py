# SPDX-License-Identifier: EUPL-1.2
"""The closed list of things that can ever stand in the log, and how each is committed to.

Every event has a *record* (who did what, when, why, under which rule; never a subject's identifier, which no field of
it can hold) and a *subject* part (signal and hit ids, tag digests), which can be erased alone. A leaf of the log is the
pair of salted hashes. Spec: ``spec/events.md``, whose tables a test compares with ``EVENTS``.
Not here: proving that an event is in the log (``log_evidence.py``), storing openings (the broker).
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, ClassVar, Final, Literal
from uuid import UUID

from protocol import record_fields as f
from protocol.encoding import Json, b64url, canonical_json, label, unb64url
from protocol.errors import Code, InputError
from protocol.ids import Epoch, HitId, HolderIndex, KeyId, KeyKind, PartyId, PurposeId, SignalId
from protocol.messages import Level, Message, Opening, Quality, as_uuid

LEAF_VERSION: Final = b"\x01"
LEAF_BYTES: Final = 65
"""Version byte and two SHA-256 hashes."""
SALT_BYTES: Final = 32
"""As long as the hash: whoever has a leaf cannot try out what it may say."""
MAX_SUBJECTS: Final = 1_000
"""Signal ids or tag digests of one event: a push's worth."""


# --- The parts of every event ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class CovenantRef:
    """The covenant version that ran, and its bundle's hash, so that anyone can run the decision again."""

    version: Annotated[str, f.VERSION]
    sha256: Annotated[str, f.SHA256]

    def __post_init__(self) -> None:
        f.write_fields(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why a person looked: code, words and the agency's own case reference (LED art. 25)."""

    code: Annotated[str, f.CODE]
    text: Annotated[str, f.TEXT]
    case_reference: Annotated[str, f.CASE]

    def __post_init__(self) -> None:
        f.write_fields(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """Who did it, for whom, why, under which rules. Fields that do not apply are absent."""

    time: Annotated[datetime, f.TIME]
    covenant: Annotated[CovenantRef, f.group_of(CovenantRef)]
    agency: Annotated[PartyId | None, f.SLUG] = None
    person: Annotated[str | None, f.REFERENCE] = None
    """The agency's own opaque reference to its employee."""
    system: Annotated[str | None, f.REFERENCE] = None
    """The machine account that acted when no person did."""
    purpose: Annotated[PurposeId | None, f.SLUG] = None
    basis: Annotated[str | None, f.CODE] = None
    justification: Annotated[Reason | None, f.group_of(Reason)] = None
    recipient: Annotated[PartyId | None, f.SLUG] = None
    decision: Annotated[Literal["allow", "deny"] | None, f.DECISION] = None
    policy_ids: Annotated[tuple[str, ...], f.list_of(f.RULE)] = ()
    trace_id: Annotated[str | None, f.TRACE] = None
    span_id: Annotated[str | None, f.SPAN] = None

    def __post_init__(self) -> None:
        f.write_fields(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """Whom it concerned, by ids and digests only; the part that can be erased."""

    signal_ids: tuple[SignalId, ...] = ()
    hit_id: HitId | None = None
    tag_digests: tuple[bytes, ...] = ()
    """``tag_digest`` of each tag concerned."""

    def __post_init__(self) -> None:
        ids_ok = len(self.signal_ids) <= MAX_SUBJECTS and all(isinstance(item, UUID) for item in self.signal_ids)
        digests_ok = len(self.tag_digests) <= MAX_SUBJECTS and all(len(item) == 32 for item in self.tag_digests)
        if not ids_ok or not digests_ok or not (self.hit_id is None or isinstance(self.hit_id, UUID)):
            raise InputError(Code.MALFORMED, "The subject part of the event is malformed.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What all events have. Only the classes of ``EVENTS`` can be logged."""

    TAG: ClassVar[int]
    OPERATION: ClassVar[str]
    """LED art. 25: collection, alteration, consultation, disclosure, combination, erasure; or administration."""

    act: Act
    subject: Subject = Subject()

    def __post_init__(self) -> None:
        f.write_fields(self)


# --- The closed list ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class CovenantActivated(Event):
    """From here on this covenant version rules."""

    TAG: ClassVar[int] = 1
    OPERATION: ClassVar[str] = "administration"
    version: Annotated[str, f.VERSION]
    sha256: Annotated[str, f.SHA256]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyStatementPublished(Event):
    """A key-holder said which points its shares have for a purpose and epoch; clients refuse keys that are not here."""

    TAG: ClassVar[int] = 2
    OPERATION: ClassVar[str] = "administration"
    holder: Annotated[HolderIndex, f.HOLDER]
    epoch: Annotated[Epoch, f.EPOCH]
    statement_digest: Annotated[str, f.SHA256]
    """``message_digest`` of the ``KeyStatement``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the rules were asked about a signal, without its content: enough to decide again under another covenant."""

    epoch: Annotated[Epoch, f.EPOCH]
    basis: Annotated[str, f.CODE]
    grounds: Annotated[tuple[str, ...], f.list_of(f.CODE)]
    key_kinds: Annotated[tuple[KeyKind, ...], f.list_of(f.KIND)]
    days: Annotated[int, f.DAYS]
    """Whole days until it expires, rounded down."""
    informed: Annotated[Literal["informed", "deferred", "not-required"], f.INFORMED]
    review_days: Annotated[int | None, f.DAYS] = None
    """Days until a deferral is looked at again."""
    cover: Annotated[PartyId | None, f.SLUG] = None
    """Under whose name a canary was planted."""

    def __post_init__(self) -> None:
        f.write_fields(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalRegistered(Event):
    """An agency's signal was accepted; the request that brought it is kept as evidence under this digest and key."""

    TAG: ClassVar[int] = 3
    OPERATION: ClassVar[str] = "collection"
    asked: Annotated[Asked, f.group_of(Asked)]
    urgency: Annotated[Literal["normal", "urgent"], f.URGENCY]
    request_digest: Annotated[str, f.SHA256]
    """SHA-256 of the request's body."""
    request_key_id: Annotated[KeyId, f.KEY_ID]


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalRefused(Event):
    """An agency's signal was not accepted."""

    TAG: ClassVar[int] = 4
    OPERATION: ClassVar[str] = "collection"
    asked: Annotated[Asked, f.group_of(Asked)]
    code: Annotated[str, f.CODE]
    rule: Annotated[str | None, f.RULE] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalWithdrawn(Event):
    """An agency took its signal back."""

    TAG: ClassVar[int] = 5
    OPERATION: ClassVar[str] = "erasure"
    reason: Annotated[str, f.CODE]


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalExpired(Event):
    """A signal reached its end."""

    TAG: ClassVar[int] = 6
    OPERATION: ClassVar[str] = "erasure"
    rule: Annotated[str, f.RULE]
    """What ended it: ``expires-at``, or the purpose's retention."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalsMatched(Event):
    """Two agencies' signals point at the same person."""

    TAG: ClassVar[int] = 7
    OPERATION: ClassVar[str] = "combination"
    quality: Annotated[Quality, f.QUALITY]
    kinds: Annotated[tuple[KeyKind, ...], f.list_of(f.KIND)]
    agencies: Annotated[tuple[PartyId, ...], f.list_of(f.SLUG, low=2, high=2)]


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeIssued(Event):
    """One agency was told something: ``act.recipient``, whose notices ``notice_seq`` numbers without gaps."""

    TAG: ClassVar[int] = 8
    OPERATION: ClassVar[str] = "disclosure"
    notice_seq: Annotated[int, f.COUNT]
    notice_type: Annotated[Literal["hit", "withdrawn", "muted", "queried", "overdue"], f.NOTICE_TYPE]
    level: Annotated[Level | None, f.LEVEL] = None
    quality: Annotated[Quality | None, f.QUALITY] = None
    kinds: Annotated[tuple[KeyKind, ...], f.list_of(f.KIND)] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class HitOpened(Event):
    """A person read what a hit released. Cannot exist without the person and the reason (LED art. 25(1))."""

    TAG: ClassVar[int] = 9
    OPERATION: ClassVar[str] = "consultation"

    def __post_init__(self) -> None:
        if self.act.justification is None or (self.act.person is None and self.act.system is None):
            raise InputError(Code.MALFORMED, "A consultation names who looked and why.")
        f.write_fields(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyMuted(Event):
    """A key stands on too many of one agency's signals to point at a person; ``act.recipient`` is told."""

    TAG: ClassVar[int] = 10
    OPERATION: ClassVar[str] = "administration"
    kind: Annotated[KeyKind, f.KIND]
    count: Annotated[int, f.COUNT]
    notice_seq: Annotated[int, f.COUNT]


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestRefused(Event):
    """An authenticated request was refused."""

    TAG: ClassVar[int] = 11
    OPERATION: ClassVar[str] = "administration"
    code: Annotated[str, f.CODE]
    rule: Annotated[str | None, f.RULE] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryAnswered(Event):
    """An agency asked who knows a person, without signalling, and was answered; nothing else of it is kept."""

    TAG: ClassVar[int] = 12
    OPERATION: ClassVar[str] = "consultation"
    epoch: Annotated[Epoch, f.EPOCH]
    key_kinds: Annotated[tuple[KeyKind, ...], f.list_of(f.KIND)]
    matches: Annotated[int, f.NUMBER]
    """How many signals the asker was told of."""

    def __post_init__(self) -> None:
        if self.act.justification is None or (self.act.person is None and self.act.system is None):
            raise InputError(Code.MALFORMED, "A consultation names who asked and why.")
        f.write_fields(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnusualUse(Event):
    """Counts alone make one agency's use of a purpose (``act.agency``) worth a look; no accusation."""

    TAG: ClassVar[int] = 13
    OPERATION: ClassVar[str] = "administration"
    reason: Annotated[Literal["burst", "odd-hours", "many-subjects-few-hits", "budget-near-end"], f.UNUSUAL]
    count: Annotated[int, f.NUMBER]
    limit: Annotated[int, f.NUMBER]


@dataclass(frozen=True, slots=True, kw_only=True)
class StatisticsRead(Event):
    """Somebody read aggregates of the purpose ``about``."""

    TAG: ClassVar[int] = 14
    OPERATION: ClassVar[str] = "consultation"
    about: Annotated[PurposeId, f.SLUG]
    cells: Annotated[int, f.NUMBER]


EVENTS: Final[Mapping[int, type[Event]]] = {
    kind.TAG: kind
    for kind in (
        CovenantActivated,
        KeyStatementPublished,
        SignalRegistered,
        SignalRefused,
        SignalWithdrawn,
        SignalExpired,
        SignalsMatched,
        NoticeIssued,
        HitOpened,
        KeyMuted,
        RequestRefused,
        QueryAnswered,
        UnusualUse,
        StatisticsRead,
    )
}
"""Every event there is, by its tag. A tag is never reused."""


# --- Committing -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Committed:
    """An event as it goes into the log: its leaf, and the opening that only those concerned get."""

    event: Event
    opening: Opening
    leaf: bytes


def commit(event: Event, record_salt: bytes, subject_salt: bytes) -> Committed:
    """Return the event's leaf and opening under two fresh random salts of 32 bytes."""
    opening = Opening(
        record=_write_record(event),
        record_salt=record_salt,
        subject=_write_subject(event.subject),
        subject_salt=subject_salt,
    )
    return Committed(event, opening, _leaf(opening))


def leaf_of(opening: Opening) -> bytes:
    """Return the 65-byte leaf that commits to this opening, which must be one of a known event.

    Raises ``InputError`` (``malformed``) as ``parse_opening``.
    """
    return open_leaf(opening)[1]


def open_leaf(opening: Opening) -> tuple[Event, bytes]:
    """Return the event of an opening, and the leaf that commits to it. Raises as ``parse_opening``."""
    return parse_opening(opening), _leaf(opening)


def parse_opening(opening: Opening) -> Event:
    """Read an opening strictly: a known tag, its own operation, exactly its fields, each of its kind.

    Raises ``InputError`` (``malformed``).
    """
    record = dict(opening.record)
    tag = record.pop("event", None)
    kind = EVENTS.get(tag) if type(tag) is int else None
    if kind is None or record.pop("operation", None) != kind.OPERATION:
        raise InputError(Code.MALFORMED, "The log holds an event that this version does not know.")
    act_names = f.names_of(Act)
    act = f.read_fields(Act, {name: value for name, value in record.items() if name in act_names})
    own = {name: value for name, value in record.items() if name not in act_names}
    return f.read_fields(kind, own, act=act, subject=_read_subject(opening.subject))


def tag_digest(tag: bytes) -> bytes:
    """Return what stands in the log for a tag: its hash, so that the log does not spread pseudonyms."""
    return hashlib.sha256(label("tag-digest") + tag).digest()


def message_digest(message: Message) -> str:
    """Return the SHA-256, in hex, of a message's canonical JSON."""
    return hashlib.sha256(canonical_json(json.loads(message.to_json()))).hexdigest()


def subject_hash(opening: Opening) -> bytes:
    """Return the salted hash that stands in the leaf for the subject part, so that the part itself can be left out."""
    return hashlib.sha256(label("subject") + opening.subject_salt + canonical_json(opening.subject)).digest()


def leaf_over(record: dict[str, Any], record_salt: bytes, hashed_subject: bytes) -> bytes:
    """Return the leaf of a record whose subject part is known by its hash only."""
    hashed = hashlib.sha256(label("record") + record_salt + canonical_json(record)).digest()
    return LEAF_VERSION + hashed + hashed_subject


def _leaf(opening: Opening) -> bytes:
    return leaf_over(opening.record, opening.record_salt, subject_hash(opening))


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
    )
    if _write_subject(subject) != value:
        raise InputError(Code.MALFORMED, "The subject part of the event is not in its one form.")
    return subject
