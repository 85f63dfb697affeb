# SPDX-License-Identifier: EUPL-1.2
"""Erase from the log: whom the entries of a signal concern, whom one entry concerns, or a month after its retention.

First an entry that says so and the rows, in one transaction; then the keys, so that what is left in PostgreSQL's files
and backups cannot be opened either. A crash between the two is made good at the next start and every minute.
Spec: ``protocol/spec/erasure.md``. Not here: the rows (``postgres/erasing.py``), the keys (``data_keys.py``), HTTP
(``routes/erasure.py``), the operator's command (``commands_erase.py``).
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final
from uuid import UUID

from broker import withdrawal
from broker.disclosures import end_due
from broker.erasable import Erasable, MonthStanding
from broker.facts import AnswerKept, EntriesErased, Fact, KeptResult, MonthErased, Outcome, SignalForgotten
from broker.ingest import ANSWER_KEPT
from broker.interfaces import Act, StoredSignal
from broker.recording import Erased
from broker.retention import oldest_live_epoch
from broker.service import Broker
from broker.standing import Standing
from broker.statistics import role_of
from edge.logs import Logger, error_fields
from protocol.erasure import RETENTION_OVER, kept_until
from protocol.errors import Code, ConflictError, InputError, NotFoundError, RefusedError, SluisError, UnavailableError
from protocol.events import EventsErased, SignalExpired, SignalRegistered, SignalWithdrawn, Words
from protocol.ids import PartyId, SignalId
from protocol.messages import ActAnswer, ErasureGround, ErasureRequest, parse
from protocol.policy import Decision, EraseSignal
from protocol.record_fields import MAX_ITEMS
from protocol.signing import Verified

ERASED: Final = "erased"
"""The reason that the other side reads when a live signal is ended by its erasure; as a rule, ``EXPIRED``'s word."""
LOOK_SECONDS: Final = 60.0
"""A key that could not be destroyed at once is destroyed within a minute of when it can be."""
NOBODY: Final = SignalId(UUID(int=0))
"""Stands in a kept answer for the signal, which must be forgotten there too."""
_OF_SIGNAL: Final = (SignalRegistered.TAG, SignalWithdrawn.TAG, SignalExpired.TAG)


@dataclass(frozen=True, slots=True)
class Plan:
    """What an erasure by the operator would erase: entries by their subject parts, or a month."""

    entries: tuple[Erasable, ...] = ()
    signal: StoredSignal | None = None
    month: MonthStanding | None = None

    @property
    def ends(self) -> bool:
        """Whether it ends a signal that is live."""
        return self.signal is not None and self.signal.state == "live"

    @property
    def empty(self) -> bool:
        """Whether all of it was erased before."""
        return not self.entries and self.signal is None and self.month is None


# --- By an agency -----------------------------------------------------------------------------------------------------


async def erase_signal(broker: Broker, by: Verified, signal_id: SignalId, body: bytes) -> ActAnswer:
    """Have the log forget whom the entries of an agency's own signal concern; a live one is ended by it.

    Under the same Idempotency-Key the same evidence. Whatever refuses it is logged.
    """
    await broker.require_reader(by)
    try:
        role = role_of(by)
        request = parse(ErasureRequest, body)
        if by.idempotency_key is None:
            raise InputError(Code.MALFORMED, "An erasure needs an Idempotency-Key.", hint="Keep it for every retry.")
    except InputError as error:
        await broker.log_refusal(by, error.code.value, None)
        raise
    async with broker.act(by) as act:
        known = await _known(act, by)
        signal = None if known is not None else await _own(act, by, signal_id)
    if signal is not None:
        decision = broker.engine.decide(EraseSignal(by.party, signal.purpose, role, broker.now()))
        if not decision.allowed:
            await broker.log_refusal(by, Code.POLICY_REFUSED.value, decision.rule)
            raise RefusedError(Code.POLICY_REFUSED, decision.reason, rule=decision.rule)
        if signal.state == "live":
            await _withdraw(broker, by, signal_id)
        # Requests about its hits end with it, and both sides are told before the signal is forgotten.
        await end_due(broker)
        await _settled(broker, signal_id)
        known = await _erase(broker, by, signal_id, request, decision)
    await destroy_now(broker)
    if known is None:
        raise ValueError("an erasure without a marker")
    proven = await broker.proven([known])
    return ActAnswer() if proven is None else ActAnswer(evidence=proven.evidence[known], checkpoint=proven.checkpoint)


async def _known(act: Act, by: Verified) -> UUID | None:
    kept = await act.kept_answer(by.party, by.idempotency_key or "")
    if kept is None:
        return None
    if kept.digest != by.body_digest:
        raise ConflictError(
            Code.IDEMPOTENCY_CONFLICT,
            "This Idempotency-Key was used for another request.",
            hint="Use a new key for new content.",
        )
    return kept.results[0].event_id


async def _own(act: Act, by: Verified, signal_id: SignalId) -> StoredSignal:
    signal = (await act.signals([signal_id], lock=True)).get(signal_id)
    if signal is None or signal.told != by.party:
        raise NotFoundError(Code.NOT_FOUND, "This agency has no such signal, or it was erased already.")
    return signal


async def _withdraw(broker: Broker, by: Verified, signal_id: SignalId) -> None:
    now = broker.now()
    async with broker.act(by) as act:
        signal = await _own(act, by, signal_id)
        if signal.state != "live":
            return
        told, acquainted = await act.told([signal_id]), await act.acquainted([signal_id])
        seqs = await act.next_seqs(list(withdrawal.receivers(told)))
        await act.commit(withdrawal.withdraw(signal, by, ERASED, told, acquainted, seqs, broker.recorder, now))


async def _settled(broker: Broker, signal_id: SignalId) -> None:
    """Wait until every entry of a signal has its place in the log, by which it is named."""
    async with broker.act() as act:
        entries = await act.entries_of(signal_id)
    if await broker.proven([entry.event_id for entry in entries]) is None:
        raise UnavailableError(
            Code.NOT_LOGGED,
            "The signal has ended, but the log has not confirmed all about it yet, so nothing is erased.",
            hint="Ask again in a minute.",
        )


async def _erase(
    broker: Broker, by: Verified, signal_id: SignalId, request: ErasureRequest, decision: Decision
) -> UUID:
    now = broker.now()
    async with broker.act(by) as act:
        known = await _known(act, by)
        if known is not None:
            return known
        signal = await _own(act, by, signal_id)
        words = Words(text=request.text, case_reference=request.case_reference)
        facts: list[Fact] = []
        events = []
        for part, told in _parts(await act.entries_of(signal_id), by.party):
            erased = Erased(request.ground, _indexes(part), signal.purpose, words, decision.policies)
            event = broker.recorder.parts_erased(erased, by, told, now)
            events.append(event)
            facts.append(EntriesErased(part, event.id))
        result = KeptResult(NOBODY, "accepted", events[0].id)
        facts.append(AnswerKept(by.party, by.idempotency_key or "", by.body_digest, (result,), now + ANSWER_KEPT))
        await act.commit(Outcome((*facts, SignalForgotten(signal_id)), tuple(events)))
        return events[0].id


# --- By the operator, on order ----------------------------------------------------------------------------------------


async def plan_entry(broker: Broker, index: int) -> Plan:
    """Return what erasing one entry's subject part would do. Raises ``NotFoundError``, ``ConflictError``."""
    async with broker.act() as act:
        entry = await act.entry_at(index)
        if entry is None:
            raise NotFoundError(Code.NOT_FOUND, f"The log has no entry {index}.")
        if entry.erased:
            return Plan()
        if entry.kind == EventsErased.TAG or not entry.filled:
            raise ConflictError(Code.CONFLICT, f"Entry {index} concerns nobody, so there is nothing to erase alone.")
        if entry.kind in _OF_SIGNAL and await act.signals([SignalId(one) for one in entry.named]):
            raise ConflictError(
                Code.CONFLICT,
                f"Entry {index} begins or ends a signal that is still known here.",
                hint="Erase the signal as a whole: --signal.",
            )
        return Plan((entry,))


async def plan_signal(broker: Broker, signal_id: SignalId) -> Plan:
    """Return what erasing a signal would do."""
    async with broker.act() as act:
        signal = (await act.signals([signal_id])).get(signal_id)
        return Plan(tuple(await act.entries_of(signal_id)), signal)


async def plan_month(broker: Broker, month: str) -> Plan:
    """Return what erasing a month would do. Raises ``ConflictError`` while any of it is under retention or needed."""
    async with broker.act() as act:
        standing = await act.oldest_month(oldest_live_epoch(broker.covenant, broker.now()))
        if standing is None or standing.month > month:
            return Plan()
        _require_over(broker, month)
        if standing.month != month:
            raise ConflictError(Code.CONFLICT, f"Months go in their order: {standing.month} is first.")
        _require_unneeded(standing)
        return Plan(month=standing)


async def carry_out(broker: Broker, plan: Plan, ground: ErasureGround) -> int:
    """Erase what was planned, and destroy its keys; return how many entries."""
    if (ground == RETENTION_OVER) != (plan.month is not None):
        raise InputError(Code.MALFORMED, f"A month is erased on the ground {RETENTION_OVER}, and nothing else is.")
    if plan.month is not None:
        count = await _erase_month(broker, plan.month.month)
    else:
        if plan.signal is not None and plan.ends:
            await _expire(broker, plan.signal.id)
        if plan.signal is not None:
            await _settled(broker, plan.signal.id)
        count = await _erase_parts(broker, plan, ground)
    await broker.store.destroy_erased()
    return count


async def _expire(broker: Broker, signal_id: SignalId) -> None:
    now = broker.now()
    async with broker.act() as act:
        signal = (await act.signals([signal_id], lock=True)).get(signal_id)
        if signal is None or signal.state != "live":
            return
        told, acquainted = await act.told([signal_id]), await act.acquainted([signal_id])
        seqs = await act.next_seqs(list(withdrawal.receivers(told)))
        await act.commit(withdrawal.expire([(signal, ERASED)], told, acquainted, seqs, broker.recorder, now))


async def _erase_parts(broker: Broker, plan: Plan, ground: ErasureGround) -> int:
    async with broker.act() as act:
        entries: Sequence[Erasable] = plan.entries
        if plan.signal is not None:
            await act.signals([plan.signal.id], lock=True)
            entries = await act.entries_of(plan.signal.id)
        facts: list[Fact] = []
        events = []
        for part, told in _parts(entries, None):
            event = broker.recorder.parts_erased(Erased(ground, _indexes(part)), None, told, broker.now())
            events.append(event)
            facts.append(EntriesErased(part, event.id))
        if plan.signal is not None:
            facts.append(SignalForgotten(plan.signal.id))
        if events:
            await act.commit(Outcome(tuple(facts), tuple(events)))
        return len(entries)


def _parts(entries: Sequence[Erasable], owner: PartyId | None) -> list[tuple[tuple[Erasable, ...], PartyId | None]]:
    """Return the entries by marker, with whom each marker is for: who was told, or nobody but the owner.

    Who was told of a hit is shown the marker of that, and must not read in it of how much else the signal was part.
    """
    of: dict[PartyId | None, list[Erasable]] = {None: []}
    for entry in entries:
        told = None if entry.notice is None or entry.notice[0] == owner else entry.notice[0]
        of.setdefault(told, []).append(entry)
    return [
        (tuple(held[start : start + MAX_ITEMS]), told)
        for told, held in of.items()
        for start in range(0, len(held), MAX_ITEMS)
    ]


def _indexes(entries: Sequence[Erasable]) -> tuple[int, ...]:
    indexes = tuple(entry.index for entry in entries if entry.index is not None)
    if len(indexes) != len(entries):
        raise UnavailableError(
            Code.NOT_LOGGED, "The log has not numbered all of it yet, so nothing is erased.", hint="Ask again shortly."
        )
    return indexes


# --- By the clock -----------------------------------------------------------------------------------------------------


async def erase_months(broker: Broker) -> int:
    """Erase every month that was kept for as long as the covenant says; return how many entries.

    Raises ``ConflictError`` when one that is due is still needed; those behind it wait, since months go in their order.
    """
    count = 0
    while True:
        async with broker.act() as act:
            standing = await act.oldest_month(oldest_live_epoch(broker.covenant, broker.now()))
        if standing is None or kept_until(standing.month, broker.covenant.log_retention_years) > broker.now():
            return count
        count += await _erase_month(broker, standing.month)


async def _erase_month(broker: Broker, month: str) -> int:
    async with broker.act() as act:
        standing = await act.oldest_month(oldest_live_epoch(broker.covenant, broker.now()))
        if standing is None or standing.month != month:
            return 0
        _require_over(broker, month)
        _require_unneeded(standing)
        event = broker.recorder.month_erased(RETENTION_OVER, standing, broker.now())
        await act.commit(Outcome((MonthErased(month, event.id, standing.last),), (event,)))
        return standing.entries


def _require_over(broker: Broker, month: str) -> None:
    until = kept_until(month, broker.covenant.log_retention_years)
    if broker.now() < until:
        raise ConflictError(
            Code.CONFLICT, f"The covenant keeps the log of {month} until {until:%Y-%m-%d}: it is under retention."
        )


def _require_unneeded(standing: MonthStanding) -> None:
    if standing.needed:
        raise ConflictError(
            Code.CONFLICT,
            f"The log of {standing.month} is over its retention and still needed: live signals "
            f"{standing.live_signals}, live key statements {standing.live_statements}, not yet published "
            f"{standing.unproven}.",
        )


async def destroy_now(broker: Broker) -> None:
    """Destroy the keys of what was just erased; what fails here is done by ``run``, within a minute."""
    try:
        await broker.store.destroy_erased()
    except SluisError:
        return


async def run(standing: Standing, log: Logger) -> None:
    """Destroy keys that a crash left, and erase months when their retention is over, as long as the process runs.

    At the start everything that was ever erased is gone through: the key folder may have come out of a backup.
    """
    everything, looked = True, date.min
    while True:
        broker = standing.broker
        try:
            count = await broker.store.destroy_erased(everything=everything)
            everything = False
            # Also when the covenant is over: what must be deleted is deleted.
            if looked < broker.now().date():
                entries = await erase_months(broker)
                looked = broker.now().date()
                count += await broker.store.destroy_erased()
                if entries:
                    log.info("months of the log erased", entries=entries)
            if count:
                log.info("data keys destroyed", count=count)
        except ConflictError as error:
            looked = broker.now().date()
            log.warning("a month of the log stays beyond its retention", code=error.code.value, **error_fields(error))
        except SluisError as error:
            log.warning("erasing failed and will be repeated", code=error.code.value, **error_fields(error))
        await asyncio.sleep(LOOK_SECONDS)
