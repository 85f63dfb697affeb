# SPDX-License-Identifier: EUPL-1.2
"""What a running key-holder does with a request: join the pure decision, the ledger and the worker threads.

Holds the current seeds and moves them on when an epoch ends. Not here: HTTP (``routes.py``), the decision itself
(``evaluate.py``), where clock and passphrase come from (``main.py``).
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import partial
from typing import TYPE_CHECKING, Final, TypeVar

from anyio import CapacityLimiter, to_thread

from edge.covenant_watch import LOOK_SECONDS as COVENANT_SECONDS
from edge.ldv import SpanLog
from edge.logs import Logger
from keyholder.evaluate import Admitted, admit, answer, within_budget
from keyholder.ledger import Ledger
from keyholder.ratchet import lowest_live, ratchet
from keyholder.reporting import REST_SECONDS, report
from keyholder.seedfile import SeedFolder
from keyholder.share import HeldSeeds, statement_of
from keyholder.use import unusual_use
from keyholder.witness import Witness, WitnessAnswer
from protocol.agreed import Agreed
from protocol.covenant import Covenant
from protocol.errors import Code, NotFoundError, RefusedError, SluisError, UnavailableError
from protocol.evaluation_reports import EvaluationReports
from protocol.group import random_bytes
from protocol.ids import Epoch, PartyId, PurposeId
from protocol.ldv import Span, Status, Work, activity_of, party_uri
from protocol.messages import Budget, EvaluationAnswer, EvaluationRequest, KeyStatements, SignedKeyStatement, parse
from protocol.note import LogKey
from protocol.signing import Signer, Verified, sign_key_statement
from protocol.trace import new_trace

if TYPE_CHECKING:
    # Loads the web server's parts, which the commands of the key ceremony do without.
    from edge.ldv_otlp import Forwarder
    from edge.requests import SignedRequest

LOOK_SECONDS: Final = 10.0
"""How often to look whether an epoch is over: the keys of a closed epoch are gone within this time."""
WORKERS: Final = 2
"""Evaluations at once: each spreads over the cores by itself (group.py), a second one fills its pauses; more only wait
with their elements in memory."""

T = TypeVar("T")


@dataclass(slots=True)
class Service:
    """One running key-holder. ``held`` is what it evaluates with, ``stated`` what it signs statements about."""

    url: str
    """Its address in the covenant."""
    agreed: Agreed
    """The covenant of this moment; replaced whole by ``take``, and a request uses one value from begin to end."""
    signer: Signer
    witness: Witness
    ledger: Ledger
    seeds: SeedFolder
    held: HeldSeeds
    clock: Callable[[], datetime]
    log: Logger
    spans: SpanLog
    """The log of processing (``protocol/spec/ldv.md``)."""
    look: Callable[[datetime], Agreed] | None = None
    """Returns the covenant to act under later on; without it the first one stays."""
    look_seconds: float = COVENANT_SECONDS
    forwarder: "Forwarder | None" = None
    """Sends the log of processing on to a collector, when one is configured."""
    report: "Callable[[EvaluationReports], Awaitable[object]] | None" = None
    """Sends the hours' counts to the log; without it they stay in the ledger."""
    _said: set[tuple[date, str, str, str]] = field(init=False, default_factory=set)
    _workers: CapacityLimiter = field(init=False)
    _statements: dict[tuple[PurposeId, Epoch], SignedKeyStatement] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self._workers = CapacityLimiter(WORKERS)

    @property
    def covenant(self) -> Covenant:
        """The version that is acted under now."""
        return self.agreed.covenant

    def take(self, agreed: Agreed) -> None:
        """Act under this version from now on. Budgets, seeds, statements and what was witnessed stay as they are."""
        before = self.agreed.covenant
        if before.log.key != agreed.covenant.log.key:
            self.witness = self.witness.of_log(LogKey.parse(agreed.covenant.log.key))
        self.agreed = agreed
        if before.sha256 != agreed.covenant.sha256:
            self.log.info("covenant activated", version=agreed.covenant.version)

    @property
    def stated(self) -> HeldSeeds:
        """The seeds that key statements are about."""
        return self.held

    async def remember(self, party: PartyId, nonce: str, expires: datetime) -> None:
        """Keep a nonce (``edge.requests.NonceMemory``). Raises ``AuthenticationError`` (``signature_replayed``)."""
        await _aside(partial(self.ledger.remember, party, nonce, expires))

    async def evaluate(self, signed: "SignedRequest", agreed: Agreed, now: datetime) -> EvaluationAnswer:
        """Decide, reserve, evaluate. Raises as ``admit`` and ``within_budget`` do; a refusal is in the ledger first."""
        agency = signed.verified.party
        request = None
        try:
            request = parse(EvaluationRequest, signed.body)
            admitted = admit(agency, request, covenant=agreed.covenant, engine=agreed.engine, held=self.held, now=now)
            count = len(admitted.elements)
            reserve = partial(
                self.ledger.reserve, agency, admitted.purpose, admitted.day, count, admitted.limit, admitted.hour
            )
            budget = within_budget(admitted, await _aside(reserve))
        except SluisError as error:
            await self.refused(error, now, agency, request)
            raise
        work = partial(self._answer, signed.verified, agreed, admitted, budget, now)
        return await to_thread.run_sync(work, limiter=self._workers)

    def _answer(
        self, by: Verified, agreed: Agreed, admitted: Admitted, budget: Budget, now: datetime
    ) -> EvaluationAnswer:
        status = Status.ERROR
        try:
            found = answer(admitted, self.held, budget)
            status = Status.UNSET
        finally:
            # Before the answer leaves: whose elements these are nobody here can know, so the line names no one.
            self.spans.write(
                [
                    Span(
                        name=Work.EVALUATION,
                        trace=by.trace.child(random_bytes) if by.trace is not None else new_trace(random_bytes),
                        started=now,
                        ended=self.clock(),
                        activity=activity_of(agreed.covenant, admitted.purpose),
                        parent=by.trace.span_id if by.trace is not None else None,
                        processor=party_uri(agreed.covenant, by.party),
                        status=status,
                    )
                ]
            )
        return found

    async def refused(
        self, error: SluisError, now: datetime, agency: PartyId | None, request: EvaluationRequest | None = None
    ) -> None:
        """Write a refusal down. ``agency`` is given only when it was proven."""
        if isinstance(error, UnavailableError):
            # The ledger itself failed, or a body never came: nothing was decided.
            return
        purpose = request.purpose if request is not None and request.purpose in self.covenant.purposes else None
        elements = len(request.elements) if request is not None else 0
        await _aside(partial(self.ledger.refuse, now, agency, purpose, error.code, elements))

    async def statements(self, purpose: PurposeId | None, epoch: Epoch | None, now: datetime) -> KeyStatements:
        """Return signed statements of the asked, else of all, purposes and live epochs.

        Raises ``NotFoundError`` for a purpose that the covenant does not have, ``RefusedError`` (``epoch_closed``).
        """
        covenant = self.covenant
        live = [one for one in covenant.live_epochs(now) if one >= self.stated.epoch]
        if purpose is not None and purpose not in covenant.purposes:
            raise NotFoundError(Code.NOT_FOUND, "The covenant names no such purpose.")
        if epoch is not None and epoch not in live:
            raise RefusedError(Code.EPOCH_CLOSED, f"Epoch {epoch} is not live here.")
        wanted = [
            (one, at)
            for one in ([purpose] if purpose is not None else sorted(covenant.purposes))
            for at in ([epoch] if epoch is not None else live)
        ]
        for key in wanted:
            if key not in self._statements:
                self._statements[key] = await _aside(partial(self._sign, *key))
        return KeyStatements(statements=tuple(self._statements[key] for key in wanted))

    async def add_checkpoint(self, body: bytes, now: datetime) -> WitnessAnswer:
        """Answer a log that asks for a cosignature."""
        answered = await _aside(partial(self.witness.add_checkpoint, body, now))
        if answered.forked:
            self.log.error("log contradicts itself", code=Code.LOG_FORKED.value)
        return answered

    async def last_checkpoint(self) -> str | None:
        """Return the last checkpoint that was cosigned."""
        return await _aside(self.witness.last_note)

    async def check_ready(self, now: datetime) -> None:
        """Return when a request could be answered now. Raises ``UnavailableError`` that says why not."""
        self.agreed.require_in_force(now)
        if self.held.epoch > lowest_live(self.covenant, now):
            raise UnavailableError(Code.UNAVAILABLE, "The clock stands before the epoch of the keys.")
        await _aside(self.ledger.check)

    async def follow(self, stopping: asyncio.Event) -> None:
        """Until told to stop: act under the board's newest covenant."""
        while self.look is not None and not stopping.is_set():
            try:
                async with asyncio.timeout(self.look_seconds):
                    await stopping.wait()
            except TimeoutError:
                self.take(await _aside(partial(self.look, self.clock())))

    async def forward(self, stopping: asyncio.Event) -> None:
        """Until told to stop: send the log of processing on, when there is a collector."""
        if self.forwarder is not None:
            await self.forwarder.run(stopping, self.log)

    async def keep_reporting(self, stopping: asyncio.Event) -> None:
        """Until told to stop: report each closed hour to the log."""
        failing = False
        while self.report is not None and not stopping.is_set():
            try:
                if count := await report(self.ledger, self.report, self.clock()):
                    self.log.info("hours reported", count=count)
                failing = False
            except SluisError as error:
                if not failing:
                    self.log.warning("hours will be reported again", code=error.code.value)
                failing = True
            try:
                async with asyncio.timeout(REST_SECONDS):
                    await stopping.wait()
            except TimeoutError:
                continue

    async def keep_time(self, stopping: asyncio.Event) -> None:
        """Until told to stop: move the seeds on when an epoch is over, and forget nonces that cannot come back."""
        while not stopping.is_set():
            try:
                await _aside(partial(self._move_on, self.clock()))
            except SluisError as error:
                self.log.error("timer failed", code=error.code.value)
            try:
                async with asyncio.timeout(LOOK_SECONDS):
                    await stopping.wait()
            except TimeoutError:
                continue

    def _move_on(self, now: datetime) -> None:
        self.ledger.forget_expired(now)
        self.spans.forget_over(self.covenant.log_retention_years)
        self.look_at_use(now)
        if lowest_live(self.covenant, now) <= self.held.epoch:
            return
        moved = ratchet(self.seeds, self.ledger, self.covenant, now)
        if moved is not None:
            self.held = moved.held
            self._statements = {key: value for key, value in self._statements.items() if key[1] >= moved.held.epoch}
            self.log.info("keys destroyed", count=len(moved.destroyed), epoch=moved.held.epoch)

    def look_at_use(self, now: datetime) -> int:
        """Say in the log, once in this process's life, what is unusual about today's use; return how many reasons."""
        found = unusual_use(self.ledger, self.covenant, now.astimezone(UTC).date())
        for one in found:
            key = (one.day, one.agency, one.purpose, one.finding.reason)
            if key not in self._said:
                self._said.add(key)
                self.log.warning(
                    "unusual use",
                    party=one.agency,
                    purpose=one.purpose,
                    reason=one.finding.reason,
                    count=one.finding.count,
                    limit=one.finding.limit,
                )
        self._said = {key for key in self._said if key[0] == now.astimezone(UTC).date()}
        return len(found)

    def _sign(self, purpose: PurposeId, epoch: Epoch) -> SignedKeyStatement:
        return sign_key_statement(self.signer, statement_of(self.stated, purpose, epoch))


async def _aside(work: Callable[[], T]) -> T:
    """Run what waits for the disk or a core in a thread, so that other requests go on meanwhile."""
    return await to_thread.run_sync(work)
