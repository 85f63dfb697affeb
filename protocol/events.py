# SPDX-License-Identifier: EUPL-1.2
"""The closed list of things that can ever stand in the log.

Every event has a *record* (who did what, when, on which ground, under which rule; no field of it can hold a subject's
identifier or free words) and a *subject* part (signal and hit ids, tag digests, the words of a justification), which
can be erased alone. Spec: ``spec/events.md``, whose tables a test compares with ``EVENTS``.
Not here: how an event is committed to (``commitments.py``), proving that it is in the log (``log_evidence.py``).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, ClassVar, Final, Literal
from uuid import UUID

from protocol import record_fields as f
from protocol.errors import Code, InputError
from protocol.ids import Epoch, HitId, HolderIndex, KeyId, KeyKind, PartyId, PurposeId, SignalId
from protocol.messages import ErasureGround, Level, Quality
from protocol.questions import LogPurpose, Scope

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
class Words:
    """Why a person looked, in words, and the agency's own case reference (LED art. 25).

    No type keeps a name out of free words, so they stand in the erasable part; the record has the ground's code.
    """

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
    justification: Annotated[str | None, f.CODE] = None
    """Code of the ground on which a person looked; its words are in the subject part."""
    recipient: Annotated[PartyId | None, f.SLUG] = None
    decision: Annotated[Literal["allow", "deny"] | None, f.DECISION] = None
    policy_ids: Annotated[tuple[str, ...], f.list_of(f.RULE)] = ()
    trace_id: Annotated[str | None, f.TRACE] = None
    span_id: Annotated[str | None, f.SPAN] = None

    def __post_init__(self) -> None:
        f.write_fields(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """Whom it concerned, by ids and digests, and what was said about it in words; the part that can be erased."""

    signal_ids: tuple[SignalId, ...] = ()
    hit_id: HitId | None = None
    tag_digests: tuple[bytes, ...] = ()
    """``tag_digest`` of each tag concerned."""
    words: Words | None = None

    def __post_init__(self) -> None:
        ids_ok = len(self.signal_ids) <= MAX_SUBJECTS and all(isinstance(item, UUID) for item in self.signal_ids)
        digests_ok = len(self.tag_digests) <= MAX_SUBJECTS and all(len(item) == 32 for item in self.tag_digests)
        others_ok = isinstance(self.hit_id, UUID | None) and isinstance(self.words, Words | None)
        if not ids_ok or not digests_ok or not others_ok:
            raise InputError(Code.MALFORMED, "The subject part of the event is malformed.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What all events have. Only the classes of ``EVENTS`` can be logged."""

    TAG: ClassVar[int]
    OPERATION: ClassVar[str]
    """LED art. 25: collection, alteration, consultation, disclosure, combination, erasure; or administration."""
    JUSTIFIED: ClassVar[bool] = False
    """Whether it cannot be logged without the person or system that looked, the ground and its words (LED 25(1))."""

    act: Act
    subject: Subject = Subject()

    def __post_init__(self) -> None:
        if self.JUSTIFIED and (self.act.justification is None or (self.act.person is None and self.act.system is None)):
            raise InputError(Code.MALFORMED, "A consultation names who looked and why.")
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
    notice_type: Annotated[
        Literal["hit", "withdrawn", "muted", "queried", "overdue", "late", "doubted", "disclosure"]
        | Literal["restricted", "lifted", "acknowledged"],
        f.NOTICE_TYPE,
    ]
    level: Annotated[Level | None, f.LEVEL] = None
    quality: Annotated[Quality | None, f.QUALITY] = None
    kinds: Annotated[tuple[KeyKind, ...], f.list_of(f.KIND)] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class HitOpened(Event):
    """A person read what a hit released. Cannot exist without the person and the reason (LED art. 25(1))."""

    TAG: ClassVar[int] = 9
    OPERATION: ClassVar[str] = "consultation"
    JUSTIFIED: ClassVar[bool] = True


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
    JUSTIFIED: ClassVar[bool] = True
    epoch: Annotated[Epoch, f.EPOCH]
    key_kinds: Annotated[tuple[KeyKind, ...], f.list_of(f.KIND)]
    matches: Annotated[int, f.NUMBER]
    """How many signals the asker was told of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnusualUse(Event):
    """Counts alone make one agency's use of a purpose (``act.agency``) worth a look; no accusation."""

    TAG: ClassVar[int] = 13
    OPERATION: ClassVar[str] = "administration"
    reason: Annotated[
        Literal["burst", "odd-hours", "many-subjects-few-hits", "budget-near-end", "one-person-many-subjects"],
        f.UNUSUAL,
    ]
    count: Annotated[int, f.NUMBER]
    limit: Annotated[int, f.NUMBER]


@dataclass(frozen=True, slots=True, kw_only=True)
class StatisticsRead(Event):
    """Somebody read aggregates of the purpose ``about``."""

    TAG: ClassVar[int] = 14
    OPERATION: ClassVar[str] = "consultation"
    about: Annotated[PurposeId, f.SLUG]
    cells: Annotated[int, f.NUMBER]


@dataclass(frozen=True, slots=True, kw_only=True)
class EventsRead(Event):
    """Somebody read entries of the log: how many, whose, and for which of the purposes that the law permits."""

    TAG: ClassVar[int] = 15
    OPERATION: ClassVar[str] = "consultation"
    scopes: Annotated[tuple[Scope, ...], f.list_of(f.SCOPE)]
    log_purpose: Annotated[LogPurpose, f.LOG_PURPOSE]
    purposes: Annotated[tuple[PurposeId, ...], f.list_of(f.SLUG)] = ()
    """About which purposes; entries without a purpose are always among what is read."""
    entries: Annotated[int, f.NUMBER]


@dataclass(frozen=True, slots=True, kw_only=True)
class EventsErased(Event):
    """The subject parts of these entries, or all of a month after its retention, are gone for good."""

    TAG: ClassVar[int] = 16
    OPERATION: ClassVar[str] = "erasure"
    ground: Annotated[ErasureGround, f.ERASURE_GROUND]
    indexes: Annotated[tuple[int, ...], f.list_of(f.NUMBER)] = ()
    """Whose subject part is gone."""
    month: Annotated[str | None, f.MONTH] = None
    """Of which everything is gone, record and subject part."""
    first: Annotated[int | None, f.NUMBER] = None
    """Of a month: the first index of which nothing is left, so that no entry outside it passes for one of it."""
    last: Annotated[int | None, f.NUMBER] = None
    """Of a month: its last index."""
    entries: Annotated[int, f.NUMBER]


@dataclass(frozen=True, slots=True, kw_only=True)
class SubjectReported(Event):
    """An agency had all entries about one citizen collected, to answer that citizen."""

    TAG: ClassVar[int] = 17
    OPERATION: ClassVar[str] = "consultation"
    JUSTIFIED: ClassVar[bool] = True
    purposes: Annotated[tuple[PurposeId, ...], f.list_of(f.SLUG)] = ()
    """For which it was asked; the covenant says for which of them this agency answers."""
    entries: Annotated[int, f.NUMBER]


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationsReported(Event):
    """What a key-holder did for ``act.agency`` in one hour, by its own signed word: counts, nothing of whom."""

    TAG: ClassVar[int] = 18
    OPERATION: ClassVar[str] = "collection"
    holder: Annotated[HolderIndex, f.HOLDER]
    hour: Annotated[datetime, f.TIME]
    """When the hour began."""
    elements: Annotated[int, f.NUMBER]
    """Identifiers that were turned into pseudonyms."""
    refused: Annotated[int, f.NUMBER]
    """Requests that the key-holder refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbesDeclared(Event):
    """How many of an agency's signals of a purpose and month were probes, about nobody; not which."""

    TAG: ClassVar[int] = 19
    OPERATION: ClassVar[str] = "administration"
    month: Annotated[str, f.MONTH]
    registered: Annotated[int, f.NUMBER]
    withdrawn: Annotated[int, f.NUMBER]
    expired: Annotated[int, f.NUMBER]
    hit: Annotated[int, f.NUMBER]
    probable: Annotated[int, f.NUMBER]
    possible: Annotated[int, f.NUMBER]


@dataclass(frozen=True, slots=True, kw_only=True)
class InformingReviewed(Event):
    """It was looked at again whether the person can be told of the signal, and decided by ``approver``."""

    TAG: ClassVar[int] = 20
    OPERATION: ClassVar[str] = "alteration"
    JUSTIFIED: ClassVar[bool] = True
    informed: Annotated[Literal["informed", "deferred"], f.INFORMED]
    review_days: Annotated[int | None, f.DAYS] = None
    approver: Annotated[str, f.REFERENCE]
    """The agency's own opaque reference to who decided."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventsExported(Event):
    """Somebody took entries of the log out, with their proofs."""

    TAG: ClassVar[int] = 21
    OPERATION: ClassVar[str] = "disclosure"
    scopes: Annotated[tuple[Scope, ...], f.list_of(f.SCOPE)]
    log_purpose: Annotated[LogPurpose, f.LOG_PURPOSE]
    purposes: Annotated[tuple[PurposeId, ...], f.list_of(f.SLUG)] = ()
    entries: Annotated[int, f.NUMBER]


@dataclass(frozen=True, slots=True, kw_only=True)
class DisclosureRequested(Event):
    """A person asked the owner of a hit's other signal (``act.recipient``) for more than the hit tells."""

    TAG: ClassVar[int] = 22
    OPERATION: ClassVar[str] = "consultation"
    JUSTIFIED: ClassVar[bool] = True
    request: Annotated[str, f.SHA256]
    """``disclosures.request_digest``: of what the asker signed, which names the request and seals what is wanted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DisclosureDecided(Event):
    """A person of the owner decided on what ``act.recipient`` asked: gave it, refused it, or approved as the first of
    two.
    """

    TAG: ClassVar[int] = 23
    OPERATION: ClassVar[str] = "disclosure"
    request: Annotated[str, f.SHA256]
    outcome: Annotated[Literal["approved", "granted", "refused"], f.DECIDED]
    reason: Annotated[str | None, f.CODE] = None
    """Of a refusal: a code of ``vocabulary/disclosures.yaml``; its words are sealed to the asker."""
    answer: Annotated[str | None, f.SHA256] = None
    """``disclosures.answer_digest`` of what was given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DisclosureReceived(Event):
    """A person of the asker reads what was given; ``act.recipient`` gave it."""

    TAG: ClassVar[int] = 24
    OPERATION: ClassVar[str] = "consultation"
    request: Annotated[str, f.SHA256]
    answer: Annotated[str, f.SHA256]


@dataclass(frozen=True, slots=True, kw_only=True)
class DisclosureEnded(Event):
    """A request ended without having been read: the asker took it back, or its time or its signals are over."""

    TAG: ClassVar[int] = 25
    OPERATION: ClassVar[str] = "erasure"
    request: Annotated[str, f.SHA256]
    rule: Annotated[str, f.RULE]
    """``cancelled``, ``decide-by``, ``fetch-by`` or ``signal-ended`` (``disclosure_states.py``)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowedUp(Event):
    """A person of an agency went a step further with a hit that it was told of; ``outcome`` is why it is closed."""

    TAG: ClassVar[int] = 26
    OPERATION: ClassVar[str] = "alteration"
    step: Annotated[Literal["acknowledged", "contacted", "closed"], f.FOLLOW_UP]
    outcome: Annotated[str | None, f.CODE] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalRestricted(Event):
    """An agency restricted its signal, or lifted that: while it lasts the signal is neither matched nor shown."""

    TAG: ClassVar[int] = 27
    OPERATION: ClassVar[str] = "alteration"
    restricted: Annotated[Literal["yes", "no"], f.YES_OR_NO]
    reason: Annotated[str, f.CODE]


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalExtended(Event):
    """An agency decided, for a reason, that its signal lives on."""

    TAG: ClassVar[int] = 28
    OPERATION: ClassVar[str] = "alteration"
    JUSTIFIED: ClassVar[bool] = True
    days: Annotated[int, f.DAYS]
    """Whole days until it expires now, rounded down."""
    count: Annotated[int, f.COUNT]
    """How often it was extended, with this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeAcknowledged(Event):
    """Who was told that something is gone or restricted no longer shows it, by its own word."""

    TAG: ClassVar[int] = 29
    OPERATION: ClassVar[str] = "erasure"
    notice_seq: Annotated[int, f.COUNT]
    """Of the notice that told it."""
    change: Annotated[Literal["withdrawn", "restricted"], f.CHANGE]


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalRetagged(Event):
    """A signal that stands was given the next epoch's pseudonyms, under the same id; no new signal."""

    TAG: ClassVar[int] = 30
    OPERATION: ClassVar[str] = "alteration"
    asked: Annotated[Asked, f.group_of(Asked)]
    urgency: Annotated[Literal["normal", "urgent"], f.URGENCY]
    request_digest: Annotated[str, f.SHA256]
    request_key_id: Annotated[KeyId, f.KEY_ID]


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
        EventsRead,
        EventsErased,
        SubjectReported,
        EvaluationsReported,
        ProbesDeclared,
        InformingReviewed,
        EventsExported,
        DisclosureRequested,
        DisclosureDecided,
        DisclosureReceived,
        DisclosureEnded,
        FollowedUp,
        SignalRestricted,
        SignalExtended,
        ChangeAcknowledged,
        SignalRetagged,
    )
}
"""Every event there is, by its tag. A tag is never reused."""
