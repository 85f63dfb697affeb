# SPDX-License-Identifier: EUPL-1.2
"""Key-holders, a log and a broker in memory, that use the real protocol code, behind the client's own doors.

Honest; ``dishonest_broker.py`` bends one thing at a time. It is small: no policy (everybody is told at one level), no
storage, no HTTP. Not here: the real services, which have tests of their own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, cast
from uuid import UUID, uuid4

from agency_client.states import SignalState
from broker import query
from broker.facts import NoticeAdded
from broker.interfaces import OpenableHit, SealedSignal, Shared, SharedKey, StoredSignal, ToldChange
from broker.matching import hit_id
from broker.recording import Hit, Recorder
from protocol.agreed import Agreed
from protocol.changes import ChangeSeen
from protocol.checkpoint import Checkpoint, add_cosignatures, cosign, sign_checkpoint
from protocol.commitments import Committed, commit
from protocol.covenant import Covenant
from protocol.envelope import part_digest
from protocol.errors import Code, NotFoundError, RefusedError, UnavailableError
from protocol.events import Event
from protocol.group import decode_points, random_bytes, sum_points
from protocol.ids import Epoch, HitId, HolderIndex, PartyId, PurposeId, SignalId
from protocol.keys import quality_of
from protocol.merkle import Frontier, TileId, append
from protocol.messages import (
    ActAnswer,
    Agreement,
    Budget,
    Counterpart,
    EvaluationAnswer,
    EvaluationRequest,
    Evidence,
    KeyStatement,
    KeyStatementsAnswer,
    Level,
    LoggedKeyStatement,
    OpeningRequest,
    PartName,
    PushAnswer,
    PushRequest,
    QueryAnswer,
    QueryRequest,
    Refusal,
    ReleasedWrap,
    SetPoint,
    Signal,
    SignalResult,
    WithdrawalRequest,
    parse,
)
from protocol.notices import (
    HitNotice,
    MutedNotice,
    Notice,
    NoticePage,
    OverdueNotice,
    QueriedNotice,
    RestrictedNotice,
    WithdrawnNotice,
)
from protocol.oprf import evaluate
from protocol.policy import Decision, PersonRole, ReadStatistics
from protocol.signing import Signer, Verified, sign_key_statement
from protocol.statistics import MonthRow, StatisticsAnswer
from protocol.threshold import HolderSet, Seed, combined_share, draw_seed, share_point
from protocol.tiles import encode_entries, inclusion_proof, needed_tiles, parse_tile_path
from tests.fakes.covenants import CovenantKit

NOW = datetime(2026, 11, 21, 20, tzinfo=UTC)
PURPOSE = PurposeId("offender-prevention")
ALLOWED = Decision(True, "offender-prevention.notify.contact", ("offender-prevention.notify.contact",), "")


_AGREED: dict[str, Agreed] = {}


def agreed_of(covenant: Covenant) -> Agreed:
    """Return a covenant ready for use; its rules are parsed once for all tests, which takes a tenth of a second."""
    return _AGREED.setdefault(covenant.sha256, _AGREED.get(covenant.sha256) or Agreed.of(covenant))


class MemoryHolder:
    """A key-holder; ``down`` makes it unreachable, ``seeds`` replaced makes it lie, ``refuses`` names purposes."""

    def __init__(self, index: HolderIndex, party: PartyId, seeds: Mapping[HolderSet, Seed], covenant: Covenant) -> None:
        self.index = index
        self.party = party
        self.seeds = dict(seeds)
        self.covenant = covenant
        self.down = False
        self.refuses: dict[PurposeId, RefusedError] = {}
        self.asked: list[Epoch] = []
        self.elements = 0

    async def evaluate(self, request: EvaluationRequest) -> EvaluationAnswer:
        """Multiply, and prove it."""
        if self.down:
            raise UnavailableError(Code.UNAVAILABLE, "The service cannot be reached.")
        self.asked.append(request.epoch)
        if request.purpose in self.refuses:
            raise self.refuses[request.purpose]
        sets = self.covenant.sharing.answers_for(self.index, request.quorum)
        key = combined_share(self.seeds, request.purpose, request.epoch, sets)
        public = sum_points([share_point(self.seeds[one], request.purpose, request.epoch) for one in sets])
        points, proof = evaluate(key, public, decode_points(request.elements))
        self.elements += len(points)
        left = Budget(used=self.elements, left=10**6, renews_at=NOW)
        return EvaluationAnswer(
            holder=self.index, elements=tuple(point.encoded for point in points), proof=proof, budget=left
        )


class MemoryLog:
    """A log with its witnesses."""

    def __init__(self, kit: CovenantKit) -> None:
        self._kit = kit
        self.leaves: list[bytes] = []
        self.entries: dict[int, Committed] = {}
        self._frontier = Frontier()
        self.tiles: dict[TileId, bytes] = {}

    def add(self, event: Event) -> tuple[int, Committed]:
        """Append an event."""
        made = commit(event, random_bytes(32), random_bytes(32))
        self.add_leaf(made.leaf)
        self.entries[len(self.leaves) - 1] = made
        return len(self.leaves) - 1, made

    def add_leaf(self, leaf: bytes) -> None:
        """Append a leaf."""
        grown = append(self._frontier, [leaf])
        self._frontier = grown.frontier
        for growth in grown.growth:
            self.tiles[growth.tile] = self.tiles.get(growth.tile, b"") + growth.hashes
        self.leaves.append(leaf)

    def checkpoint(self, witnesses: int = 2) -> str:
        """Return the head, cosigned by so many witnesses."""
        head = Checkpoint(self._kit.log_signer.key.name, len(self.leaves), self._frontier.root)
        note = sign_checkpoint(head, self._kit.log_signer)
        signers = list(self._kit.witness_signers.values())[:witnesses]
        return add_cosignatures(note, [cosign(head, signer, NOW) for signer in signers])

    def evidence(self, index: int, made: Committed) -> Evidence:
        """Return the proof of an entry in the head."""
        size = len(self.leaves)
        rows = {tile: self.tiles[tile] for tile in needed_tiles([index], size)}
        return Evidence(index=index, opening=made.opening, proof=inclusion_proof(index, size, rows))

    def file(self, path: str) -> bytes:
        """Return a tile or a bundle."""
        wanted = parse_tile_path(path.removeprefix("tile/"))
        if wanted.level is None:
            start = wanted.n * 256
            return encode_entries(self.leaves[start : start + wanted.width])
        row = self.tiles.get(TileId(wanted.level, wanted.n), b"")[: wanted.width * 32]
        if len(row) != wanted.width * 32:
            raise NotFoundError(Code.NOT_FOUND, "No such tile.")
        return row


@dataclass
class Stored:
    """A signal at the broker."""

    agency: PartyId
    signal: Signal
    place: int
    made: Committed
    state: SignalState = SignalState.ACCEPTED


@dataclass
class Told:
    """A notice, without its proof."""

    notice: Notice
    place: int
    made: Committed


@dataclass
class MemoryBroker:
    """A broker that matches at once, and tells everybody at ``level``."""

    kit: CovenantKit
    seeds: Mapping[HolderSet, Seed]
    log: MemoryLog
    level: Level = "contact"
    down: bool = False
    late: bool = False
    """Answers without evidence, as when the witnesses are late."""
    refuse: Refusal | None = None
    posts: list[tuple[str, str]] = field(default_factory=list)
    signals: dict[SignalId, Stored] = field(default_factory=dict)
    told: dict[PartyId, list[Told]] = field(default_factory=dict)
    hits: dict[HitId, tuple[SignalId, SignalId]] = field(default_factory=dict)
    counted: tuple[MonthRow, ...] = ()
    """What it says that it counted, whoever asks about what."""
    _answers: dict[tuple[PartyId, str], tuple[bytes, list[tuple[SignalResult, int, Committed]]]] = field(
        default_factory=dict
    )
    _acts: dict[tuple[PartyId, str], tuple[int, Committed]] = field(default_factory=dict)
    _statements: dict[tuple[PurposeId, Epoch], list[Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.recorder = Recorder(self.kit.covenant, PartyId("broker"), uuid4)

    def door(self, agency: PartyId) -> "AgencyDoor":
        """Return the door of one agency."""
        return AgencyDoor(self, agency)

    def statements(self, purpose: PurposeId, epoch: Epoch) -> KeyStatementsAnswer:
        """Log and return the key statements of all key-holders."""
        if (purpose, epoch) not in self._statements:
            rows = self._statements[(purpose, epoch)] = []
            for signed in [self._statement(HolderIndex(one.index), purpose, epoch) for one in self._holders()]:
                rows.append((signed, *self.log.add(self.recorder.key_statement(signed, NOW).event)))
        rows = self._statements[(purpose, epoch)]
        logged = tuple(LoggedKeyStatement(signed=s, evidence=self.log.evidence(i, made)) for s, i, made in rows)
        return KeyStatementsAnswer(statements=logged, checkpoint=self.log.checkpoint())

    def _holders(self) -> Sequence[Any]:
        return self.kit.covenant.key_holders

    def _statement(self, holder: HolderIndex, purpose: PurposeId, epoch: Epoch) -> Any:
        sharing = self.kit.covenant.sharing
        points = tuple(
            SetPoint(members=members, point=share_point(self.seeds[members], purpose, epoch).encoded)
            for members in sharing.sets_of(holder)
        )
        statement = KeyStatement(
            holder=holder,
            threshold=HolderIndex(sharing.threshold),
            holders=HolderIndex(sharing.holders),
            purpose=purpose,
            epoch=epoch,
            points=points,
        )
        return sign_key_statement(self.kit.signers[PartyId(f"holder-{holder}")], statement)

    def push(self, agency: PartyId, key: str, body: bytes, by: Verified) -> PushAnswer:
        """Take in a push, once."""
        if (agency, key) not in self._answers:
            rows = [self._take(agency, signal, by) for signal in parse(PushRequest, body).signals]
            self._answers[(agency, key)] = (body, rows)
            for result, _, _ in rows:
                if result.status == "accepted":
                    self._match(self.signals[result.id])
        before, rows = self._answers[(agency, key)]
        assert before == body, "the same key with another body"
        if self.late:
            return PushAnswer(results=tuple(result for result, _, _ in rows))
        results = tuple(
            result.model_copy(update={"evidence": self.log.evidence(index, made)}) for result, index, made in rows
        )
        return PushAnswer(results=results, checkpoint=self.log.checkpoint())

    def _take(self, agency: PartyId, signal: Signal, by: Verified) -> tuple[SignalResult, int, Committed]:
        known = self.signals.get(signal.id)
        if known is not None:
            return SignalResult(id=signal.id, status="known"), known.place, known.made
        if self.refuse is not None:
            place, made = self.log.add(self.recorder.refused(signal, by, self.refuse, NOW).event)
            return SignalResult(id=signal.id, status="refused", refusal=self.refuse), place, made
        place, made = self.log.add(self.recorder.registered(signal, by, ALLOWED, NOW).event)
        self.signals[signal.id] = Stored(agency, signal, place, made)
        return SignalResult(id=signal.id, status="accepted"), place, made

    def _match(self, mine: Stored) -> None:
        for theirs in list(self.signals.values()):
            if theirs.agency == mine.agency or theirs.state is not SignalState.ACCEPTED:
                continue
            found = hit_id(mine.signal.id, theirs.signal.id)
            agreed = [
                (one.kind, one.role, other.role)
                for one in mine.signal.keys
                for other in theirs.signal.keys
                if one.tag == other.tag
            ]
            quality = quality_of(kind for kind, _, _ in agreed)
            if quality is None or found in self.hits:
                continue
            self.hits[found] = (mine.signal.id, theirs.signal.id)
            kinds = tuple(sorted({kind for kind, _, _ in agreed}))
            hit = Hit(found, (mine.signal.id, theirs.signal.id), quality, kinds)
            self._tell(mine, theirs, hit, agreed)
            self._tell(theirs, mine, hit, [(kind, other, one) for kind, one, other in agreed])

    def _tell(self, mine: Stored, theirs: Stored, hit: Hit, agreed: Sequence[tuple[Any, Any, Any]]) -> None:
        rows = self.told.setdefault(mine.agency, [])
        named = hit if self.level != "existence" else replace(hit, signals=(mine.signal.id,))
        purpose = mine.signal.purpose
        event = self.recorder.hit_notice(
            named, mine.agency, None, purpose, len(rows) + 1, self.level, ALLOWED, NOW
        ).event
        place, made = self.log.add(event)
        notice = HitNotice(
            seq=len(rows) + 1,
            at=NOW,
            hit_id=hit.id,
            my_signal=mine.signal.id,
            purpose=mine.signal.purpose,
            epoch=mine.signal.epoch,
            quality=hit.quality,
            level=self.level,
            urgency="normal",
            agreed=tuple(Agreement(kind=k, my_role=m, their_role=t) for k, m, t in agreed),
            counterpart=None if self.level == "existence" else self._counterpart(theirs, agreed),
            rule=ALLOWED.rule,
            evidence=Evidence(index=place, opening=made.opening, proof=()),
        )
        rows.append(Told(notice, place, made))

    def _counterpart(self, theirs: Stored, agreed: Sequence[tuple[Any, Any, Any]]) -> Counterpart:
        names: set[PartName] = set(
            {"agency": (), "contact": ("contact",), "content": ("contact", "content")}[self.level]  # type: ignore[index]
        )
        wraps = tuple(
            ReleasedWrap(kind=key.kind, role=key.role, my_role=mine, part=name, wrap=wrap)
            for kind, mine, role in agreed
            for key in theirs.signal.keys
            if (key.kind, key.role) == (kind, role)
            for name, wrap in key.wraps.items()
            if name in names
        )
        return Counterpart(
            agency=theirs.agency,
            signal_id=theirs.signal.id,
            parts=tuple(part for part in theirs.signal.parts if part.name in names),
            part_digests={part.name: part_digest(part) for part in theirs.signal.parts},
            wraps=wraps,
            key_id=theirs.signal.key_id,
            signature=theirs.signal.signature,
        )

    def statistics(self, about: PurposeId, purpose: PurposeId, year: int, by: Verified) -> StatisticsAnswer:
        """Log a reading, and return what this broker counted."""
        engine = agreed_of(self.kit.covenant).engine
        decision = engine.decide(ReadStatistics(by.party, purpose, about, by.role or "system", NOW))
        cells = sum(len(row.counts) for row in self.counted)
        place, made = self.log.add(self.recorder.statistics_read(by, purpose, about, cells, decision, NOW).event)
        return StatisticsAnswer(
            about=about,
            purpose=purpose,
            year=year,
            smallest_cell=self.kit.covenant.purpose(purpose).smallest_cell or 2,
            rows=self.counted,
            evidence=self.log.evidence(place, made),
            checkpoint=self.log.checkpoint(),
        )

    def query(self, agency: PartyId, body: bytes, by: Verified) -> QueryAnswer:
        """Answer a question by the real rules, and tell the owners; the levels here are the covenant's own."""
        request = parse(QueryRequest, body)
        engine, purpose = agreed_of(self.kit.covenant).engine, self.kit.covenant.purpose(request.purpose)
        decision = engine.decide(query.question(request, agency, NOW))
        if not decision.allowed:
            raise RefusedError(Code.POLICY_REFUSED, decision.reason, rule=decision.rule)
        matches = query.plan(self._shared(agency, request), agency, purpose, engine, NOW)
        seqs = {party: len(self.told.get(party, [])) + 1 for party in query.receivers(matches)}
        outcome = query.issue(request, by, decision, matches, seqs, self.recorder, NOW)
        logged = {one.id: self.log.add(one.event) for one in outcome.events}
        for fact in outcome.facts:
            assert isinstance(fact, NoticeAdded)
            self._tell_queried(fact, *logged[fact.event_id])
        if self.late:
            raise UnavailableError(Code.NOT_LOGGED, "The question is not proven yet.", hint="Ask again.")
        evidence = self.log.evidence(*logged[outcome.events[0].id])
        told = query.answer(
            matches, {signal: self._sealed(signal, names) for signal, names in query.wanted(matches).items()}
        )
        return QueryAnswer(matches=told, evidence=evidence, checkpoint=self.log.checkpoint())

    def _shared(self, agency: PartyId, request: QueryRequest) -> Shared:
        live = [one for one in self.signals.values() if one.agency != agency and one.state is SignalState.ACCEPTED]
        keys = tuple(
            SharedKey(one.signal.id, (key.kind, key.role, theirs.role), theirs.wraps)
            for one in live
            for key in request.keys
            for theirs in one.signal.keys
            if (key.kind, key.tag) == (theirs.kind, theirs.tag)
        )
        return Shared(keys, {one.signal.id: _stored(one) for one in live})

    def _sealed(self, signal: SignalId, names: Sequence[PartName]) -> SealedSignal:
        found = self.signals[signal].signal
        digests = {part.name: part_digest(part) for part in found.parts}
        parts = tuple(part for part in found.parts if part.name in names)
        return SealedSignal(found.key_id, found.signature, digests, parts)

    def _tell_queried(self, fact: NoticeAdded, place: int, made: Committed) -> None:
        agreed = tuple(Agreement(kind=k, my_role=m, their_role=t) for k, m, t in fact.agreed or ())
        notice = QueriedNotice(
            seq=fact.seq,
            at=NOW,
            my_signal=fact.my_signal,
            purpose=fact.purpose,
            epoch=fact.epoch,
            quality=cast(Any, fact.quality),
            level=cast(Any, fact.level),
            agreed=agreed,
            asker=made.opening.record.get("agency"),
            rule=cast(Any, fact.rule),
            evidence=Evidence(index=place, opening=made.opening, proof=()),
        )
        self.told.setdefault(fact.agency, []).append(Told(notice, place, made))

    def mute(self, agency: PartyId, signal: Signal) -> None:
        """Tell an agency that a key of a signal is muted."""
        rows = self.told.setdefault(agency, [])
        key = signal.keys[0]
        event = self.recorder.muted(key.tag, key.kind, 21, agency, PURPOSE, len(rows) + 1, signal.id, NOW).event
        place, made = self.log.add(event)
        notice = MutedNotice(
            seq=len(rows) + 1,
            at=NOW,
            purpose=signal.purpose,
            epoch=signal.epoch,
            kind=key.kind,
            signals=21,
            example=signal.id,
            evidence=Evidence(index=place, opening=made.opening, proof=()),
        )
        rows.append(Told(notice, place, made))

    def overdue(self, agency: PartyId, signal: Signal, due: datetime, at: datetime | None = None) -> None:
        """Tell an agency that the counterpart of a signal stays away."""
        rows, at = self.told.setdefault(agency, []), at or due
        event = self.recorder.overdue_notice(agency, signal.purpose, len(rows) + 1, signal.id, at).event
        place, made = self.log.add(event)
        notice = OverdueNotice(
            seq=len(rows) + 1,
            at=at,
            my_signal=signal.id,
            purpose=signal.purpose,
            epoch=signal.epoch,
            due_since=due,
            evidence=Evidence(index=place, opening=made.opening, proof=()),
        )
        rows.append(Told(notice, place, made))

    def withdraw(self, agency: PartyId, signal: SignalId, key: str, reason: str, by: Verified) -> ActAnswer:
        """End a signal and tell who was told of it."""
        if (agency, key) not in self._acts:
            self._acts[(agency, key)] = self.log.add(
                self.recorder.withdrawn(_stored(self.signals[signal]), by, reason, NOW).event
            )
            self.signals[signal].state = SignalState.WITHDRAWN
            for found, pair in self.hits.items():
                if signal in pair:
                    other = self.signals[pair[0] if pair[1] == signal else pair[1]]
                    self._tell_withdrawn(found, other, reason)
        return self._act(agency, key)

    def _tell_withdrawn(self, found: HitId, mine: Stored, reason: str) -> None:
        rows = self.told.setdefault(mine.agency, [])
        event = self.recorder.gone_notice(mine.agency, PURPOSE, len(rows) + 1, found, mine.signal.id, NOW).event
        place, made = self.log.add(event)
        notice = WithdrawnNotice(
            seq=len(rows) + 1,
            at=NOW,
            hit_id=found,
            my_signal=mine.signal.id,
            reason=reason,
            evidence=Evidence(index=place, opening=made.opening, proof=()),
        )
        rows.append(Told(notice, place, made))

    def opening(self, agency: PartyId, found: HitId, key: str, body: bytes, by: Verified) -> ActAnswer:
        """Log that a person opens a hit."""
        if (agency, key) not in self._acts:
            why = parse(OpeningRequest, body).justification
            mine = next(one for one in self.hits[found] if self.signals[one].agency == agency)
            event = self.recorder.opened(found, by, OpenableHit(PURPOSE, mine, None, canary=False), why, NOW).event
            self._acts[(agency, key)] = self.log.add(event)
        return self._act(agency, key)

    def seen(self, agency: PartyId, seq: int, key: str, body: bytes, by: Verified) -> ActAnswer:
        """Log that an agency carried out what a notice told it."""
        if (agency, key) not in self._acts:
            told = self.told[agency][seq - 1].notice
            assert isinstance(told, WithdrawnNotice | RestrictedNotice)
            change = ToldChange(
                *(told.type, told.hit_id, told.my_signal, PURPOSE, Epoch(0)),
                acknowledged_by=None,
                sender=None,
                changed=None,
            )
            assert parse(ChangeSeen, body).change == told.type
            self._acts[(agency, key)] = self.log.add(self.recorder.change_seen(by, change, seq, NOW).event)
        return self._act(agency, key)

    def _act(self, agency: PartyId, key: str) -> ActAnswer:
        if self.late:
            return ActAnswer()
        return ActAnswer(evidence=self.log.evidence(*self._acts[(agency, key)]), checkpoint=self.log.checkpoint())

    def page(self, agency: PartyId, after: int, limit: int) -> NoticePage:
        """Return an agency's notices, proven in the head."""
        rows = [row for row in self.told.get(agency, []) if row.notice.seq > after][:limit]
        proven = [
            self._left_of(row.notice).model_copy(update={"evidence": self.log.evidence(row.place, row.made)})
            for row in rows
        ]
        return NoticePage(notices=tuple(proven), checkpoint=self.log.checkpoint() if proven else None)

    def _left_of(self, notice: Notice) -> Notice:
        """Return a notice without the parts, or the wraps, that went with a withdrawn signal."""
        if not isinstance(notice, HitNotice) or notice.counterpart is None:
            return notice
        gone: dict[str, Any] = {}
        if self.signals[notice.counterpart.signal_id].state is SignalState.WITHDRAWN:
            gone = {"parts": (), "wraps": ()}
        elif self.signals[notice.my_signal].state is SignalState.WITHDRAWN:
            gone = {"wraps": ()}
        return notice.model_copy(update={"counterpart": notice.counterpart.model_copy(update=gone)})


class AgencyDoor:
    """The broker as one agency reaches it."""

    def __init__(self, broker: MemoryBroker, agency: PartyId) -> None:
        self.broker = broker
        self.agency = agency

    def _require_up(self) -> None:
        if self.broker.down:
            raise UnavailableError(Code.UNAVAILABLE, "The service cannot be reached.")

    async def post(
        self, path: str, body: bytes, *, idempotency_key: str, purpose: PurposeId | None, person: str | None
    ) -> bytes:
        """Take a request."""
        self._require_up()
        self.broker.posts.append((path, idempotency_key))
        by = _verified(self.agency, body, person)
        if path == "/v1/signals":
            return self.broker.push(self.agency, idempotency_key, body, by).to_json()
        if path.startswith("/v1/notices/"):
            return self.broker.seen(self.agency, int(path.split("/")[3]), idempotency_key, body, by).to_json()
        subject = UUID(path.split("/")[3])
        if path.endswith("/withdrawal"):
            reason = parse(WithdrawalRequest, body).reason
            return self.broker.withdraw(self.agency, SignalId(subject), idempotency_key, reason, by).to_json()
        return self.broker.opening(self.agency, HitId(subject), idempotency_key, body, by).to_json()

    async def statistics(
        self, about: PurposeId, purpose: PurposeId, year: int, *, person: str, role: PersonRole
    ) -> StatisticsAnswer:
        """Take a reading of statistics."""
        self._require_up()
        by = replace(_verified(self.agency, b"", person), role=role)
        return parse(StatisticsAnswer, self.broker.statistics(about, purpose, year, by).to_json())

    async def query(self, body: bytes, *, purpose: PurposeId, person: str) -> bytes:
        """Take a question."""
        self._require_up()
        self.broker.posts.append(("/v1/queries", person))
        return self.broker.query(self.agency, body, _verified(self.agency, body, person)).to_json()

    async def notices(self, after: int, limit: int, wait: float) -> NoticePage:
        """Return a page."""
        self._require_up()
        return parse(NoticePage, self.broker.page(self.agency, after, limit).to_json())

    async def key_statements(self, purpose: PurposeId, epoch: Epoch) -> KeyStatementsAnswer:
        """Return the logged statements."""
        self._require_up()
        return self.broker.statements(purpose, epoch)

    async def checkpoint(self) -> str:
        """Return the head."""
        self._require_up()
        return self.broker.log.checkpoint()

    async def log_file(self, path: str) -> bytes:
        """Return a tile or a bundle."""
        self._require_up()
        return self.broker.log.file(path)


def _stored(one: Stored) -> StoredSignal:
    signal = one.signal
    return StoredSignal(
        id=signal.id,
        agency=one.agency,
        purpose=signal.purpose,
        epoch=signal.epoch,
        case_token=signal.case_token,
        urgency=signal.urgency,
        expires_at=signal.expires_at,
        digest=b"",
        state="live",
        event_id=uuid4(),
        ended_event_id=None,
        told=one.agency,
    )


def _verified(agency: PartyId, body: bytes, person: str | None) -> Verified:
    from hashlib import sha256

    return Verified(
        party=agency,
        key_id=cast(Any, f"{agency}:1"),
        nonce="n" * 22,
        created=NOW,
        expires=NOW,
        person=person,
        purpose=None,
        idempotency_key=None,
        body_digest=sha256(body).digest(),
        base=b"",
        signature=b"",
    )


@dataclass
class World:
    """One covenant with its key-holders and broker."""

    kit: CovenantKit
    holders: list[MemoryHolder]
    broker: MemoryBroker

    def signer(self, agency: PartyId) -> Signer:
        """Return an agency's signing key."""
        return self.kit.signers[agency]


def make_world(kit: CovenantKit) -> World:
    """Return an honest world for a covenant."""
    sharing = kit.covenant.sharing
    seeds = {members: draw_seed() for members in sharing.sets}
    holders = [
        MemoryHolder(
            HolderIndex(one.index),
            one.id,
            {members: seeds[members] for members in sharing.sets_of(HolderIndex(one.index))},
            kit.covenant,
        )
        for one in kit.covenant.key_holders
    ]
    return World(kit, holders, MemoryBroker(kit, seeds, MemoryLog(kit)))
