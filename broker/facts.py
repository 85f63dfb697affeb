# SPDX-License-Identifier: EUPL-1.2
"""What an act changes, as values: a pure step returns ``Outcome(facts, events)``, the store writes it at once.

Not here: how a fact becomes rows (``postgres/writes.py``) and what the events say (``recording.py``).
"""

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final, Literal, TypeAlias
from uuid import UUID

from broker.erasable import Erasable
from protocol.disclosure_states import DisclosureState
from protocol.disclosures import SealedAnswer, SealedRefusal
from protocol.events import Event
from protocol.follow_ups import FollowUpState
from protocol.ids import DisclosureId, Epoch, HitId, HolderIndex, KeyId, KeyKind, PartyId, PurposeId, SignalId
from protocol.messages import Level, PartName, Quality, Refusal, Role, Signal, SignedKeyStatement
from protocol.signing import Verified
from protocol.unusual import Reason

SignalState: TypeAlias = Literal["live", "withdrawn", "expired"]
NoticeType: TypeAlias = Literal[
    "hit",
    "withdrawn",
    "muted",
    "queried",
    "overdue",
    "late",
    "doubted",
    "restricted",
    "lifted",
    "acknowledged",
    "disclosure",
]
Urgency: TypeAlias = Literal["normal", "urgent"]
Status: TypeAlias = Literal["accepted", "known", "refused"]

URGENT: Final[Urgency] = "urgent"


@dataclass(frozen=True, slots=True)
class Recorded:
    """An event and the id by which rows refer to it until it has a number in the log."""

    id: UUID
    event: Event
    concerns: PartyId | None = None
    """Of whose signal somebody was told or read, though the record does not name it. Of an opening (event 9) alone may
    it read the record: that a notice is missing would betray a canary (``protocol/event_search.py``)."""
    canary: bool = False
    """About nobody: only who planted it may ever see what touched it."""


@dataclass(frozen=True, slots=True)
class SignalAdded:
    """A signal was accepted, with its keys and parts; ``digest`` is SHA-256 of the signal as sent."""

    signal: Signal
    agency: PartyId
    part_digests: dict[PartName, bytes]
    digest: bytes
    event_id: UUID
    awaited_since: datetime | None = None
    """Since when it waits for its counterpart; of a signal whose purpose awaits none, absent."""
    told: PartyId | None = None
    """Of a canary: who planted it and hears of it; else ``agency`` does."""


@dataclass(frozen=True, slots=True)
class SignalRetagged:
    """A live signal was registered anew for a later epoch, with its new keys and parts."""

    signal: Signal
    agency: PartyId
    part_digests: dict[PartName, bytes]
    digest: bytes
    event_id: UUID
    told: PartyId | None = None
    """Of a canary: who planted it."""


@dataclass(frozen=True, slots=True)
class WaitEnded:
    """A signal waits no more: its agency is told that the counterpart stayed away."""

    signal_id: SignalId


@dataclass(frozen=True, slots=True)
class BatchQueued:
    """Accepted signals that have to be matched; written with them, so that no crash forgets it."""

    id: UUID
    purpose: PurposeId
    epoch: Epoch
    signals: tuple[SignalId, ...]


@dataclass(frozen=True, slots=True)
class KeptResult:
    """What became of one signal of a push, kept for who asks again."""

    signal_id: SignalId
    status: Status
    event_id: UUID
    refusal: Refusal | None = None


@dataclass(frozen=True, slots=True)
class AnswerKept:
    """The results under an Idempotency-Key; ``digest`` is SHA-256 of the request's body."""

    agency: PartyId
    key: str
    digest: bytes
    results: tuple[KeptResult, ...]
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class RequestKept:
    """The signed request that made us act, as evidence."""

    id: UUID
    verified: Verified


@dataclass(frozen=True, slots=True)
class SignalEnded:
    """A signal was withdrawn or expired: its tags, wraps and parts are deleted."""

    signal_id: SignalId
    state: SignalState
    event_id: UUID


@dataclass(frozen=True, slots=True)
class HitFound:
    """Two signals agree; ``first`` has the lower id."""

    id: HitId
    first: SignalId
    second: SignalId
    first_agency: PartyId
    second_agency: PartyId
    purpose: PurposeId
    epoch: Epoch
    quality: Quality
    at: datetime


@dataclass(frozen=True, slots=True, order=True)
class Pair:
    """Two cases of two agencies under one purpose, the lower agency first."""

    first_agency: PartyId
    first_token: bytes = field(repr=False)
    second_agency: PartyId
    second_token: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class PairKnown:
    """Both agencies of this pair of cases are told of each other; not again while that hit stands."""

    pair: Pair
    purpose: PurposeId
    hit_id: HitId


@dataclass(frozen=True, slots=True)
class PairForgotten:
    """A signal of the hit by which two cases knew each other has ended: what else they agree on may be told."""

    pair: Pair
    purpose: PurposeId


@dataclass(frozen=True, slots=True)
class NoticeAdded:
    """An agency is told something, under its next number."""

    agency: PartyId
    seq: int
    type: NoticeType
    at: datetime
    event_id: UUID
    my_signal: SignalId
    purpose: PurposeId
    epoch: Epoch
    hit_id: HitId | None = None
    their_signal: SignalId | None = None
    quality: Quality | None = None
    level: Level | None = None
    urgency: Urgency | None = None
    agreed: tuple[tuple[KeyKind, Role, Role], ...] | None = None
    """(kind, my role, their role) of every key that agreed."""
    rule: str | None = None
    reason: str | None = None
    kind: KeyKind | None = None
    signals: int | None = None
    due_since: datetime | None = None
    disclosure_id: DisclosureId | None = None
    act_event_id: UUID | None = None
    """Of a request for more: the entry of what happened to it, which its notice shows beside its own."""


@dataclass(frozen=True, slots=True)
class DisclosureAsked:
    """An agency asked another for more than a hit tells."""

    id: DisclosureId
    hit_id: HitId
    asker: PartyId
    owner: PartyId
    asker_signal: SignalId
    owner_signal: SignalId
    purpose: PurposeId
    epoch: Epoch
    canary: bool
    """The other signal is about nobody: its cover is told nothing, and nobody will answer."""
    requested_at: datetime
    due_at: datetime
    body_digest: bytes
    event_id: UUID
    why_digest: bytes
    wanted: bytes = field(repr=False)
    wanted_digest: bytes
    key_id: KeyId
    signature: bytes


@dataclass(frozen=True, slots=True)
class DisclosureStepped:
    """A request for more went a step further; what is None stays as it is."""

    id: DisclosureId
    state: DisclosureState
    approver: str | None = None
    fetch_by: datetime | None = None
    answer: SealedAnswer | None = None
    answer_digest: str | None = None
    refusal: SealedRefusal | None = None


@dataclass(frozen=True, slots=True)
class FollowUpBegun:
    """An agency is told of a hit, and has until ``due_at`` to follow it up."""

    agency: PartyId
    hit_id: HitId
    mine: SignalId
    theirs: SignalId
    purpose: PurposeId
    epoch: Epoch
    due_at: datetime


@dataclass(frozen=True, slots=True)
class FollowUpStepped:
    """An agency went a step further with a hit."""

    agency: PartyId
    hit_id: HitId
    state: FollowUpState
    outcome: str | None


@dataclass(frozen=True, slots=True)
class FollowUpLate:
    """An agency is told that it did not follow up a hit in time; it is told once."""

    agency: PartyId
    hit_id: HitId


@dataclass(frozen=True, slots=True)
class RestrictionSet:
    """A signal is restricted by this event; or, without one, no longer."""

    signal_id: SignalId
    event_id: UUID | None


@dataclass(frozen=True, slots=True)
class SignalLivesOn:
    """A signal was extended, for the so many-th time."""

    signal_id: SignalId
    expires_at: datetime
    count: int


@dataclass(frozen=True, slots=True)
class ChangeSeenKept:
    """A recipient said that it carried out what a notice told it."""

    agency: PartyId
    seq: int
    event_id: UUID


@dataclass(frozen=True, slots=True)
class TagMuted:
    """A tag points at nobody any more, for everybody; ``agency`` is whose use of it showed that."""

    tag: bytes = field(repr=False)
    agency: PartyId
    event_id: UUID


@dataclass(frozen=True, slots=True)
class StatementKept:
    """A key-holder's statement, verified, that we logged."""

    signed: SignedKeyStatement
    event_id: UUID


@dataclass(frozen=True, slots=True)
class CovenantKept:
    """A covenant under which this broker acts."""

    sha256: str
    event_id: UUID


@dataclass(frozen=True, slots=True)
class HourReported:
    """What a key-holder said of an hour stands in the log; it is not taken again."""

    holder: HolderIndex
    hour: datetime


@dataclass(frozen=True, slots=True)
class InformingChanged:
    """It was decided anew whether, and when at the latest, the person of a signal is told."""

    signal_id: SignalId
    status: Literal["informed", "deferred"]
    review_on: date | None


@dataclass(frozen=True, slots=True)
class UnusualSaid:
    """That a day's use was unusual for this reason stands in the log; it is not said again."""

    agency: PartyId
    purpose: PurposeId
    reason: Reason
    day: date
    event_id: UUID


@dataclass(frozen=True, slots=True)
class ProbesSaid:
    """How many of an agency's signals of a month were probes, in the order of the measures."""

    agency: PartyId
    purpose: PurposeId
    month: date
    counts: tuple[int, ...]
    event_id: UUID


@dataclass(frozen=True, slots=True)
class EntriesErased:
    """The subject parts of these entries go, and what other rows say of the same; the event ``marker`` names them."""

    entries: tuple[Erasable, ...]
    marker: UUID


@dataclass(frozen=True, slots=True)
class SignalForgotten:
    """The row of a signal that has ended goes, and every mention of it in other rows."""

    signal_id: SignalId


@dataclass(frozen=True, slots=True)
class MonthErased:
    """Of a month's entries only leaves stay, and what else is as old goes; the event ``marker`` says so."""

    month: str
    marker: UUID
    last: int


Fact: TypeAlias = (
    SignalAdded
    | BatchQueued
    | AnswerKept
    | RequestKept
    | SignalEnded
    | HitFound
    | PairKnown
    | PairForgotten
    | NoticeAdded
    | WaitEnded
    | SignalRetagged
    | FollowUpBegun
    | FollowUpStepped
    | FollowUpLate
    | DisclosureAsked
    | DisclosureStepped
    | RestrictionSet
    | SignalLivesOn
    | ChangeSeenKept
    | TagMuted
    | StatementKept
    | CovenantKept
    | UnusualSaid
    | InformingChanged
    | ProbesSaid
    | HourReported
    | EntriesErased
    | SignalForgotten
    | MonthErased
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one act changes and what the log says of it. Nothing can be changed without being logged."""

    facts: tuple[Fact, ...]
    events: tuple[Recorded, ...]

    def __post_init__(self) -> None:
        """Raise ``ValueError`` for an outcome without event: a bug of ours."""
        if not self.events:
            raise ValueError("an outcome without an event")
