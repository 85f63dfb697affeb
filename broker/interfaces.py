# SPDX-License-Identifier: EUPL-1.2
"""What the broker asks of its store: read under locks inside an ``Act``, then ``commit(outcome)``, the one way to
write what an act changes.

The log's own rows, nonces, and taking a batch off the queue are bookkeeping, not acts: they have calls of their own.
Not here: the one implementation (``postgres/``).
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Protocol, TypeAlias
from uuid import UUID

from broker.erasable import Erasable, MonthStanding
from broker.facts import KeptResult, Outcome, Pair, ProbesSaid, SignalState, Urgency
from broker.ldv import Cause
from broker.sought import FoundEvents, Sought
from broker.subjects import AboutEntry, AboutSought, ErasedRow
from broker.suppression import MonthCount
from edge.bells import Bell
from protocol.changes import Change
from protocol.covenant_parts import AgencyKind
from protocol.disclosure_states import DisclosureState
from protocol.disclosures import SealedAnswer, SealedRefusal, Terms, request_digest
from protocol.follow_ups import FollowUpState
from protocol.ids import AnswerId, DisclosureId, Epoch, HitId, HolderIndex, KeyId, KeyKind, PartyId, PurposeId, SignalId
from protocol.messages import Evidence, PartName, Quality, QueryKey, Role, SealedPart, SignedKeyStatement
from protocol.notices import Notice
from protocol.unusual import Hour, Reason


@dataclass(frozen=True, slots=True)
class OpenableHit:
    """A hit that an agency was told of: its own signal, and the other agency when the notice named it."""

    purpose: PurposeId
    my_signal: SignalId
    other: PartyId | None
    canary: bool
    """Whether the other signal is about nobody."""
    their_signal: SignalId | None = None
    """The other signal, when the notice named its agency and it is not forgotten."""


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """What an agency was answered under an Idempotency-Key."""

    digest: bytes
    results: tuple[KeptResult, ...]


@dataclass(frozen=True, slots=True)
class StoredSignal:
    """A signal without its keys and parts."""

    id: SignalId
    agency: PartyId
    purpose: PurposeId
    epoch: Epoch
    case_token: bytes = field(repr=False)
    urgency: Urgency
    expires_at: datetime
    digest: bytes
    state: SignalState
    event_id: UUID
    ended_event_id: UUID | None
    told: PartyId
    """Who hears of it: ``agency``, or of a canary the supervisor that planted it under that agency's name."""
    restricted: bool = False
    """Whether its agency restricted it: it stays, and is neither matched nor shown."""
    extensions: int = 0
    """How often it was given a new end."""

    @property
    def is_canary(self) -> bool:
        """Whether this signal is about nobody."""
        return self.told != self.agency


@dataclass(frozen=True, slots=True)
class Queued:
    """A batch that waits to be matched."""

    id: UUID
    signals: tuple[SignalId, ...]


@dataclass(frozen=True, slots=True)
class CommonTag:
    """A tag that one agency uses on more cases than the covenant lets point at a person."""

    tag: bytes = field(repr=False)
    agency: PartyId
    kind: KeyKind
    signals: int
    example: SignalId


@dataclass(frozen=True, slots=True)
class Agreed:
    """One tag that two signals of different agencies share; ``first`` has the lower id."""

    first: SignalId
    second: SignalId
    kind: KeyKind
    first_role: Role
    second_role: Role


@dataclass(frozen=True, slots=True)
class Candidates:
    """All that a matching pass needs: who agrees on what, and what was found and told before."""

    common: tuple[CommonTag, ...]
    agreed: tuple[Agreed, ...]
    signals: Mapping[SignalId, StoredSignal]
    found: Mapping[tuple[SignalId, SignalId], bool]
    """The hits that exist, and whether anybody was told of each."""
    known: frozenset[Pair]


@dataclass(frozen=True, slots=True)
class SharedKey:
    """One key of a query that a signal has too, as (kind, asked role, its role), and what of the signal it opens."""

    signal: SignalId
    agreed: tuple[KeyKind, Role, Role]
    wraps: Mapping[PartName, bytes] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Shared:
    """What a query has in common with other agencies' signals, which stay as they are until the end."""

    keys: tuple[SharedKey, ...] = ()
    signals: Mapping[SignalId, StoredSignal] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SealedSignal:
    """What a signal's sender signed and sealed, as far as it is asked for."""

    key_id: KeyId
    signature: bytes
    part_digests: Mapping[PartName, bytes]
    parts: tuple[SealedPart, ...]


@dataclass(frozen=True, slots=True)
class ToldHit:
    """A hit of which ``agency`` was told, as seen from a signal that ended."""

    hit_id: HitId
    ended: SignalId
    agency: PartyId
    my_signal: SignalId
    purpose: PurposeId
    epoch: Epoch


@dataclass(frozen=True, slots=True)
class Acquainted:
    """The pairs of cases that know each other by signals that end, and those cases' other live signals."""

    pairs: tuple[tuple[Pair, PurposeId], ...] = ()
    others: tuple[tuple[PurposeId, Epoch, SignalId], ...] = ()


@dataclass(frozen=True, slots=True)
class Expectation:
    """Under this purpose, signals of these agencies wait for one of those, this long."""

    purpose: PurposeId
    senders: tuple[PartyId, ...]
    counterparts: tuple[PartyId, ...]
    wait: timedelta


@dataclass(frozen=True, slots=True)
class Waiting:
    """A signal that waited its whole time, and whether it is ``met``: a counterpart stands."""

    signal: SignalId
    agency: PartyId
    purpose: PurposeId
    epoch: Epoch
    due: datetime
    met: bool


@dataclass(frozen=True, slots=True)
class StoredFollowUp:
    """How far an agency is with a hit that it was told of; ``canary``: the other signal is about nobody."""

    my_signal: SignalId
    their_signal: SignalId
    purpose: PurposeId
    epoch: Epoch
    state: FollowUpState
    canary: bool


@dataclass(frozen=True, slots=True)
class OtherSide:
    """The other agency of a hit and its signal, when it was told of the hit and its signal stands."""

    agency: PartyId
    signal: SignalId
    epoch: Epoch


@dataclass(frozen=True, slots=True)
class LateHit:
    """A hit that an agency should have followed up."""

    agency: PartyId
    hit_id: HitId
    my_signal: SignalId
    purpose: PurposeId
    epoch: Epoch
    due_at: datetime


@dataclass(frozen=True, slots=True)
class ToldChange:
    """A change that an agency was told of; ``sender`` made it, where that one was told of the hit too."""

    change: Change
    hit_id: HitId
    my_signal: SignalId
    purpose: PurposeId
    epoch: Epoch
    acknowledged_by: UUID | None
    sender: PartyId | None
    changed: SignalId | None
    """The sender's signal; none when the log was made to forget it."""


@dataclass(frozen=True, slots=True)
class StoredDisclosure:
    """A request for more, as it stands."""

    id: DisclosureId
    hit_id: HitId
    asker: PartyId
    owner: PartyId
    asker_signal: SignalId
    owner_signal: SignalId
    purpose: PurposeId
    epoch: Epoch
    state: DisclosureState
    canary: bool
    requested_at: datetime
    due_at: datetime
    fetch_by: datetime | None
    body_digest: bytes
    event_id: UUID
    why_digest: bytes
    wanted: bytes | None = field(repr=False)
    wanted_digest: bytes
    key_id: KeyId
    signature: bytes
    approver: str | None
    answer: SealedAnswer | None = None
    answer_digest: str | None = None
    refusal: SealedRefusal | None = None

    @property
    def terms(self) -> Terms:
        """What both sides sign of it."""
        return Terms(self.id, self.hit_id, self.asker, self.owner, self.purpose)

    @property
    def request(self) -> str:
        """What the log's records call it by."""
        return request_digest(self.terms, self.why_digest, self.wanted_digest)


@dataclass(frozen=True, slots=True)
class StoredChunk:
    """One sealed piece of an answer: its place, and SHA-256 of it."""

    place: int
    digest: bytes


@dataclass(frozen=True, slots=True)
class CountedKinds:
    """Which kind each agency is, and which kinds send under each purpose."""

    agencies: tuple[tuple[PartyId, AgencyKind], ...]
    senders: tuple[tuple[PurposeId, AgencyKind], ...]


@dataclass(frozen=True, slots=True)
class Declarers:
    """Who says how many of its signals were probes: each agency with each purpose under which it signals."""

    pairs: tuple[tuple[PartyId, PurposeId], ...]
    waited_before: date
    """The first month that can still wait for them."""


UseKey: TypeAlias = tuple[PartyId, PurposeId]


@dataclass(frozen=True, slots=True)
class NotedUse:
    """Unusual use that was put in the log."""

    agency: PartyId
    purpose: PurposeId
    reason: Reason
    day: date
    event_id: UUID


@dataclass(frozen=True, slots=True)
class NoticeRead:
    """Notices in order, all proven in ``checkpoint``; ``last`` is the number of the last."""

    notices: tuple[Notice, ...]
    checkpoint: str | None
    last: int


@dataclass(frozen=True, slots=True)
class Proven:
    """Evidence of events in one checkpoint that has its quorum."""

    evidence: Mapping[UUID, Evidence]
    checkpoint: str


class Act(Protocol):
    """One transaction: reads, with the locks they need, and one commit. Left without it, nothing happened."""

    async def kept_answer(self, agency: PartyId, key: str) -> KeptAnswer | None:
        """Return what was answered under this key, and hold the key. Raises ``ConflictError`` (``in_flight``)."""

    async def signals(self, ids: Sequence[SignalId], *, lock: bool = False) -> Mapping[SignalId, StoredSignal]:
        """Return those of these signals that exist; ``lock`` keeps others from ending or matching them meanwhile."""

    async def expired(self, now: datetime, oldest_epoch: Epoch, limit: int) -> Sequence[StoredSignal]:
        """Return live signals past their time or of an epoch that is over, locked; skips those that others hold."""

    async def told(self, ended: Sequence[SignalId]) -> Sequence[ToldHit]:
        """Return who was told of hits with these signals, the signals' own agencies left out."""

    async def acquainted(self, ended: Sequence[SignalId]) -> Acquainted:
        """Return which cases know each other by hits with these signals; no pass counts on it until the end."""

    async def next_seqs(self, agencies: Sequence[PartyId]) -> Mapping[PartyId, int]:
        """Return each agency's next notice number, held until the transaction ends."""

    async def queued(self, purpose: PurposeId, epoch: Epoch, limit: int) -> Sequence[Queued]:
        """Return waiting batches, oldest first; one transaction at a time matches a purpose and epoch."""

    async def candidates(self, signals: Sequence[SignalId], epoch: Epoch, common_limit: int) -> Candidates:
        """Return what these signals agree on with others in an epoch. Who is named stays as it is until the end."""

    async def shared(self, agency: PartyId, purpose: PurposeId, epoch: Epoch, keys: Sequence[QueryKey]) -> Shared:
        """Return what these keys have in common with signals of other agencies, muted keys left out."""

    async def sealed(
        self, wanted: Mapping[SignalId, Sequence[PartName]], epoch: Epoch
    ) -> Mapping[SignalId, SealedSignal]:
        """Return what the senders of these signals signed for an epoch, with those of their parts that are named."""

    async def told_hit(self, agency: PartyId, hit_id: HitId) -> OpenableHit | None:
        """Return what an agency was told of a hit, or None when it was not."""

    async def awaiting(
        self, expected: Sequence[Expectation], meets: Sequence[Quality], now: datetime, latest: datetime, limit: int
    ) -> Sequence[Waiting]:
        """Return live signals that waited their whole time by ``latest``, locked; skips those that others hold."""

    async def waited(self, signals: Sequence[SignalId]) -> None:
        """Let these signals wait no more: their counterparts came."""

    async def follow_up(self, agency: PartyId, hit_id: HitId) -> StoredFollowUp | None:
        """Return how far an agency is with a hit, locked; None when it was told of no such hit."""

    async def other_side(self, agency: PartyId, hit_id: HitId) -> OtherSide | None:
        """Return the other agency of a hit, when it was told of the hit too and its signal stands; never a planter."""

    async def late_follow_ups(
        self, agencies: Sequence[PartyId], now: datetime, latest: datetime, limit: int
    ) -> Sequence[LateHit]:
        """Return the hits that these agencies should have followed up by ``latest``, locked; skips those held."""

    async def disclosure(self, disclosure: DisclosureId, *, lock: bool = False) -> StoredDisclosure | None:
        """Return a request for more; ``lock`` keeps others from taking a step with it meanwhile."""

    async def open_disclosures(self, asker: PartyId, hit: HitId) -> int:
        """Return how many requests of an agency about a hit wait for a decision."""

    async def due_disclosures(self, now: datetime, limit: int) -> Sequence[StoredDisclosure]:
        """Return requests past their time, or of a hit of which a signal ended, locked; skips those others hold."""

    async def keep_chunk(
        self, disclosure: DisclosureId, answer: AnswerId, chunk: StoredChunk, ciphertext: bytes
    ) -> None:
        """Keep one sealed piece of an answer until the decision that names it; no act, since nothing is given yet."""

    async def chunks(self, disclosure: DisclosureId, answer: AnswerId) -> Sequence[StoredChunk]:
        """Return which pieces of an answer are there, in their order."""

    async def other_answers(self, disclosure: DisclosureId, but: AnswerId) -> int:
        """Return for how many other answers to a request there are pieces."""

    async def chunk(self, disclosure: DisclosureId, answer: AnswerId, place: int) -> bytes | None:
        """Return one sealed piece, or None."""

    async def told_change(self, agency: PartyId, seq: int) -> ToldChange | None:
        """Return a change that an agency was told of under this number, locked; None when there is no such."""

    async def reported(self, holder: HolderIndex, hours: Sequence[datetime]) -> frozenset[datetime]:
        """Return which of these hours this key-holder reported before; nobody else reports for it meanwhile."""

    async def has_statement(self, signed: SignedKeyStatement) -> bool:
        """Say whether a statement of this key-holder for this purpose and epoch is kept."""

    async def has_covenant(self, sha256: str) -> bool:
        """Say whether this covenant's activation was logged."""

    async def probes_said(self, agency: PartyId, purpose: PurposeId, month: date) -> ProbesSaid | None:
        """Return what an agency declared of a month; from then on until the commit nobody else declares or counts."""

    async def month_counted(self, purpose: PurposeId, month: date) -> bool:
        """Say whether a month's signals were counted."""

    async def said_unusual(self, day: date) -> frozenset[tuple[PartyId, PurposeId, str]]:
        """Return what was said to be unusual about a day; nobody else says anything until the end."""

    async def use_of(self, day: date) -> Mapping[UseKey, Sequence[Hour]]:
        """Return the hours of a day (UTC) in which each agency did something for each purpose, from counts alone."""

    async def most_by_one(self, day: date, above: int) -> Mapping[UseKey, int]:
        """Return how often the person looked, on a day (UTC), who looked most, where that is more than this."""

    async def search(self, sought: Sought) -> FoundEvents:
        """Return a page of the published log's entries that fit and may be seen."""

    async def entries_of(self, signal: SignalId) -> Sequence[Erasable]:
        """Return the entries of the log whose subject part names a signal and was not erased, in their order."""

    async def entry_at(self, index: int) -> Erasable | None:
        """Return the entry at an index, or None when the log has none there."""

    async def oldest_month(self, oldest_epoch: Epoch) -> MonthStanding | None:
        """Return the oldest month of the log of which anything is left; nobody else erases one until the end."""

    async def about(self, sought: AboutSought) -> Sequence[AboutEntry]:
        """Return the newest entries that name one of these values, opened."""

    async def erased_among(self, indexes: Sequence[int], agency: PartyId) -> Sequence[ErasedRow]:
        """Return those of these entries of an agency that were erased, and by which event."""

    async def commit(self, outcome: Outcome) -> None:
        """Write the outcome. Raises ``ConflictError`` (``in_flight``) when another act wrote the same: begin anew."""

    async def matched(self, batches: Sequence[UUID]) -> None:
        """Take these batches off the queue."""


class Store(Protocol):
    """Where the broker keeps everything."""

    def act(self, cause: Cause | None = None) -> AbstractAsyncContextManager[Act]:
        """Open a transaction; the cause goes into the log of processing (``Broker.act`` gives it)."""

    async def remember(self, party: PartyId, nonce: str, expires: datetime) -> None:
        """Keep a nonce. Raises ``AuthenticationError`` (``signature_replayed``)."""

    async def waiting(self) -> Sequence[tuple[PurposeId, Epoch]]:
        """Return the purposes and epochs that have batches waiting."""

    async def prove(self, events: Sequence[UUID]) -> Proven | None:
        """Return evidence of all these events, or None while one of them is not in a checkpoint with its quorum."""

    async def notices(self, agency: PartyId, after: int, limit: int) -> NoticeRead:
        """Return the notices behind ``after`` that are proven, in order, without a gap."""

    async def has_statement(self, purpose: PurposeId, epoch: Epoch, holder: HolderIndex) -> bool:
        """Say whether this key-holder's statement is kept."""

    async def key_statements(
        self, purpose: PurposeId, epoch: Epoch
    ) -> tuple[Sequence[tuple[SignedKeyStatement, Evidence]], str | None]:
        """Return the logged key statements that are proven, and the checkpoint."""

    async def count_months(self, kinds: CountedKinds, closed_before: date, declarers: Declarers) -> int:
        """Count every month before this one that was not counted, from the events, without the probes that were
        declared; return how many. A month that can still wait for who declares is left for later.
        """

    async def undeclared(
        self, purpose: PurposeId, months: Sequence[date], declarers: Declarers
    ) -> Mapping[date, Sequence[PartyId]]:
        """Return who did not declare the probes of these months."""

    async def counted_months(self, purpose: PurposeId, before: date) -> Sequence[MonthCount]:
        """Return all that was counted under a purpose before a month."""

    async def unusual(self, purposes: Sequence[PurposeId], since: date) -> Sequence[NotedUse]:
        """Return the unusual use that stands in the log and can be proven, oldest first."""

    @property
    def published(self) -> Bell:
        """Rings when a checkpoint got its quorum."""

    @property
    def queue(self) -> Bell:
        """Rings when a batch was queued."""

    async def destroy_erased(self, *, everything: bool = False) -> int:
        """Destroy the keys of what was erased and has them still; return of how many entries and months.

        ``everything`` goes through all that was ever erased. Raises ``ConfigurationError`` when it cannot be done.
        """

    async def retire(self, oldest_epoch: Epoch) -> int:
        """Forget what signals were sealed as for epochs that are over, where they stand for a later one."""

    async def analyse(self) -> None:
        """Refresh the planner's figures about tags when many rows came in since the last time."""

    async def clean(self, now: datetime) -> None:
        """Forget nonces and kept answers that are past their time."""
