# SPDX-License-Identifier: EUPL-1.2
"""What the broker does for an agency's request: read, decide with the pure steps, commit, wait for the proof, answer.

Not here: HTTP (``routes/``), SQL (``postgres/``), and every decision (``ingest.py``, ``withdrawal.py``, the covenant).
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, TypeVar
from uuid import UUID

from broker import query, withdrawal
from broker.facts import AnswerKept, CovenantKept, Fact, KeptResult, Outcome, RequestKept
from broker.ingest import ANSWER_KEPT, EPOCH_RULE, Examined, accept, examine
from broker.interfaces import Act, Proven, Store
from broker.ldv import Cause
from broker.recording import Recorder
from edge.bells import heard
from protocol.agreed import Agreed
from protocol.covenant import Covenant
from protocol.errors import Code, ConflictError, InputError, NotFoundError, RefusedError, UnavailableError
from protocol.ids import Epoch, HitId, PartyId, PurposeId, SignalId
from protocol.messages import (
    ActAnswer,
    KeyStatementsAnswer,
    LoggedKeyStatement,
    OpeningRequest,
    PushAnswer,
    PushRequest,
    QueryAnswer,
    QueryMatch,
    QueryRequest,
    SignalResult,
    WithdrawalRequest,
    parse,
    utc,
)
from protocol.notices import NoticePage
from protocol.policy import Decision, PolicyEngine
from protocol.signing import KeyDirectory, Verified

PROOF_SECONDS: Final = 5.0
"""How long an answer waits for its checkpoint's quorum, which takes a fraction of a second when witnesses are well."""
LOOK_SECONDS: Final = 1.0
"""A wake-up can be lost with its connection: look again this often anyway."""
MAX_WAIT: Final = 30
"""Seconds of a long poll: below what proxies cut off."""
SUSPENDED: Final = "guard.agency-suspended"
NOT_AN_AGENCY: Final = "unknown-entity"
"""The policy engine's own word for who is not in the covenant."""
_TRIES: Final = 3
_PAUSE: Final = 0.05

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Broker:
    """The broker's acts under one version of the covenant. ``clock`` gives the present moment in UTC."""

    agreed: Agreed
    store: Store
    recorder: Recorder
    clock: Callable[[], datetime]

    @property
    def covenant(self) -> Covenant:
        """The version under which this value acts."""
        return self.agreed.covenant

    @property
    def engine(self) -> PolicyEngine:
        """Its rules."""
        return self.agreed.engine

    @property
    def directory(self) -> KeyDirectory:
        """The keys of its parties."""
        return self.agreed.directory

    def under(self, agreed: Agreed) -> "Broker":
        """Return this broker under another version of the covenant."""
        return replace(self, agreed=agreed, recorder=replace(self.recorder, covenant=agreed.covenant))

    def now(self) -> datetime:
        """Return the present moment, cut to what wires and log carry."""
        return utc(self.clock())

    def act(self, by: Verified | None = None) -> AbstractAsyncContextManager[Act]:
        """Begin an act for somebody's request, or of the broker's own; the log of processing tells which."""
        return self.store.act(Cause(self.covenant, self.now, by))

    async def activate(self) -> None:
        """Log, once, that this covenant is acted under."""
        async with self.act() as act:
            if not await act.has_covenant(self.covenant.sha256):
                event = self.recorder.covenant_activated(self.now())
                await act.commit(Outcome((CovenantKept(self.covenant.sha256, event.id),), (event,)))

    # --- Signals ---

    async def push(self, by: Verified, body: bytes) -> PushAnswer:
        """Register signals; the same request again gives the same results, with fresh evidence."""
        await self._require_agency(by)
        key = self._require_key(by)
        async with self.act(by) as act:
            kept = await act.kept_answer(by.party, key)
        if kept is not None:
            return await self._answer(_replay(kept.digest, kept.results, by))
        request = await asyncio.to_thread(parse, PushRequest, body)
        now = self.now()
        # Signatures take most of the time: beside the event loop, and before any transaction is open.
        examined = await asyncio.to_thread(examine, request.signals, by, self.engine, self.directory, now)
        return await self._answer(await _again(lambda: self._register(by, key, examined, now)))

    async def _register(
        self, by: Verified, key: str, examined: Sequence[Examined], now: datetime
    ) -> tuple[KeptResult, ...]:
        async with self.act(by) as act:
            kept = await act.kept_answer(by.party, key)
            if kept is not None:
                return _replay(kept.digest, kept.results, by)
            # Held: a signal that ends meanwhile must not be given new keys.
            stored = await act.signals([item.signal.id for item in examined], lock=True)
            accepted = await asyncio.to_thread(accept, examined, by, key, stored, self.recorder, now)
            if accepted.outcome is not None:
                await act.commit(accepted.outcome)
            return accepted.results

    async def _answer(self, results: Sequence[KeptResult]) -> PushAnswer:
        proven = await self.proven([result.event_id for result in results])
        return PushAnswer(
            results=tuple(
                SignalResult(
                    id=result.signal_id,
                    status=result.status,
                    refusal=result.refusal,
                    evidence=proven.evidence[result.event_id] if proven else None,
                )
                for result in results
            ),
            checkpoint=proven.checkpoint if proven else None,
        )

    async def withdraw(self, by: Verified, signal_id: SignalId, body: bytes) -> ActAnswer:
        """End a signal of this agency; asked again, the same evidence."""
        await self._require_agency(by)
        request = parse(WithdrawalRequest, body)
        return await self._act_answer(await _again(lambda: self._withdraw(by, signal_id, request)))

    async def _withdraw(self, by: Verified, signal_id: SignalId, request: WithdrawalRequest) -> UUID:
        now = self.now()
        async with self.act(by) as act:
            signal = (await act.signals([signal_id], lock=True)).get(signal_id)
            if signal is None or signal.told != by.party or signal.state == "expired":
                raise NotFoundError(Code.NOT_FOUND, "This agency has no such signal that is live or was withdrawn.")
            if signal.ended_event_id is not None:
                return signal.ended_event_id
            told = await act.told([signal_id])
            acquainted = await act.acquainted([signal_id])
            seqs = await act.next_seqs(list(withdrawal.receivers(told)))
            outcome = withdrawal.withdraw(signal, by, request.reason, told, acquainted, seqs, self.recorder, now)
            await act.commit(outcome)
            return outcome.events[0].id

    # --- Hits and notices ---

    async def open_hit(self, by: Verified, hit_id: HitId, body: bytes) -> ActAnswer:
        """Log that a person is about to read what a hit released. Without reason or person it is refused, and that
        is logged.
        """
        await self._require_agency(by, active=True)
        try:
            request = parse(OpeningRequest, body)
            if by.person is None:
                raise InputError(Code.MALFORMED, "An opening names the person who looks, in Sluis-Person.")
        except InputError as error:
            await self.log_refusal(by, error.code.value, None)
            raise
        return await self._act_answer(await _again(lambda: self._open(by, hit_id, request)))

    async def _open(self, by: Verified, hit_id: HitId, request: OpeningRequest) -> UUID:
        now = self.now()
        async with self.act(by) as act:
            key = by.idempotency_key
            kept = await act.kept_answer(by.party, key) if key else None
            if kept is not None:
                return _replay(kept.digest, kept.results, by)[0].event_id
            told = await act.told_hit(by.party, hit_id)
            if told is None:
                raise NotFoundError(Code.NOT_FOUND, "This agency was not told of such a hit.")
            event = self.recorder.opened(hit_id, by, told, request.justification, now)
            facts: list[Fact] = [RequestKept(self.recorder.new_id(), by)]
            if key:
                result = KeptResult(told.my_signal, "accepted", event.id)
                facts.append(AnswerKept(by.party, key, by.body_digest, (result,), now + ANSWER_KEPT))
            await act.commit(Outcome(tuple(facts), (event,)))
            return event.id

    async def notices(
        self, agency: PartyId, after: int, limit: int, wait: float, stopping: asyncio.Event
    ) -> NoticePage:
        """Return what this agency is told behind ``after``; when there is nothing, wait for it at most this long."""
        clock = asyncio.get_running_loop().time
        deadline = clock() + wait
        while True:
            ring = self.store.published.next()
            page = await self.store.notices(agency, after, limit)
            left = deadline - clock()
            if page.notices or left <= 0 or stopping.is_set():
                return NoticePage(notices=page.notices, checkpoint=page.checkpoint)
            await heard(ring, min(left, LOOK_SECONDS))

    async def require_reader(self, by: Verified) -> None:
        """Pass for an agency that takes part now. Raises ``RefusedError``, after logging it."""
        await self._require_agency(by, active=True)

    async def key_statements(self, by: Verified, purpose: PurposeId, epoch: Epoch) -> KeyStatementsAnswer:
        """Return the key-holders' statements that stand in the log."""
        await self._require_agency(by)
        said, checkpoint = await self.store.key_statements(purpose, epoch)
        return KeyStatementsAnswer(
            statements=tuple(LoggedKeyStatement(signed=signed, evidence=evidence) for signed, evidence in said),
            checkpoint=checkpoint,
        )

    # --- Queries ---

    async def query(self, by: Verified, body: bytes) -> QueryAnswer:
        """Tell who else knows a person, once it is proven that the question stands in the log.

        Whatever refuses it does so before anything is looked up, and is logged. Of the question nothing is kept but
        events and the owners' notices, so that what could not be answered in time has to be asked again.
        """
        await self._require_agency(by)
        try:
            request = parse(QueryRequest, body)
            if by.person is None:
                raise InputError(Code.MALFORMED, "A query names the person who asks, in Sluis-Person.")
        except InputError as error:
            await self.log_refusal(by, error.code.value, None)
            raise
        decision = self.engine.decide(query.question(request, by.party, self.now()))
        if not decision.allowed:
            code = Code.EPOCH_CLOSED if decision.rule == EPOCH_RULE else Code.POLICY_REFUSED
            await self.log_refusal(by, code.value, decision.rule)
            raise RefusedError(code, decision.reason, rule=decision.rule)
        matches, event = await _again(lambda: self._query(by, request, decision))
        proven = await self.proven([event])
        if proven is None:
            raise UnavailableError(
                Code.NOT_LOGGED,
                "The question is in the log, but enough witnesses have not confirmed that yet, so it is not answered.",
                hint="Ask again in a minute; that is logged as another question.",
            )
        return QueryAnswer(matches=matches, evidence=proven.evidence[event], checkpoint=proven.checkpoint)

    async def _query(
        self, by: Verified, request: QueryRequest, decision: Decision
    ) -> tuple[tuple[QueryMatch, ...], UUID]:
        async with self.act(by) as act:
            now = self.now()
            shared = await act.shared(by.party, request.purpose, request.epoch, request.keys)
            purpose = self.covenant.purpose(request.purpose)
            matches = await asyncio.to_thread(query.plan, shared, by.party, purpose, self.engine, now)
            sealed = await act.sealed(query.wanted(matches), request.epoch)
            seqs = await act.next_seqs(list(query.receivers(matches)))
            outcome = query.issue(request, by, decision, matches, seqs, self.recorder, now)
            await act.commit(outcome)
            return query.answer(matches, sealed), outcome.events[0].id

    # --- Common ---

    async def _require_agency(self, by: Verified, *, active: bool = False) -> None:
        """Pass for an agency of the covenant. Key-holders sign too, but ask nothing here."""
        agency = next((one for one in self.covenant.agencies if one.id == by.party), None)
        if agency is None:
            rule, detail = NOT_AN_AGENCY, "Only agencies of the covenant may ask this."
        elif active and agency.state != "active":
            rule, detail = SUSPENDED, "This agency is suspended in the covenant."
        else:
            return
        await self.log_refusal(by, Code.POLICY_REFUSED.value, rule)
        raise RefusedError(Code.POLICY_REFUSED, detail, rule=rule)

    async def log_refusal(self, by: Verified, code: str, rule: str | None) -> None:
        """Log that a whole request of this agency was refused."""
        async with self.act(by) as act:
            await act.commit(Outcome((), (self.recorder.request_refused(by, code, rule, self.now()),)))

    @staticmethod
    def _require_key(by: Verified) -> str:
        if by.idempotency_key is None:
            raise InputError(
                Code.MALFORMED, "A push needs an Idempotency-Key.", hint="Keep it for every retry of the same bytes."
            )
        return by.idempotency_key

    async def _act_answer(self, event: UUID) -> ActAnswer:
        proven = await self.proven([event])
        if proven is None:
            return ActAnswer()
        return ActAnswer(evidence=proven.evidence[event], checkpoint=proven.checkpoint)

    async def proven(self, events: Sequence[UUID]) -> Proven | None:
        """Return evidence of these events as soon as witnesses confirmed it; None when that takes too long."""
        clock = asyncio.get_running_loop().time
        deadline = clock() + PROOF_SECONDS
        while True:
            ring = self.store.published.next()
            proven = await self.store.prove(events)
            left = deadline - clock()
            if proven is not None or left <= 0:
                return proven
            await heard(ring, min(left, LOOK_SECONDS))


def _replay(digest: bytes, results: Sequence[KeptResult], by: Verified) -> tuple[KeptResult, ...]:
    if digest != by.body_digest:
        raise ConflictError(
            Code.IDEMPOTENCY_CONFLICT,
            "This Idempotency-Key was used for another request.",
            hint="Use a new key for new content.",
        )
    return tuple(results)


async def _again(act: Callable[[], Awaitable[T]]) -> T:
    """Do an act anew when another one came in between; after a few times the caller is asked to come back."""
    for _ in range(_TRIES - 1):
        try:
            return await act()
        except ConflictError as error:
            if error.code is not Code.IN_FLIGHT:
                raise
            await asyncio.sleep(_PAUSE)
    return await act()
