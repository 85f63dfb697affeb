# SPDX-License-Identifier: EUPL-1.2
"""An agency restricts its signal, lifts that, or lets it live on; and whoever was told of a change carries it out.

A restricted signal is neither matched nor given out; who was told of a hit with it is told to stop showing that. When
it is lifted it is matched anew, and its parts are given out again. The sender of a change hears that a recipient
carried it out only of hits that it was told of itself: else the answer would tell that there is a hit.
Spec: ``protocol/spec/changes.md``. Not here: taking back (``withdrawal.py``), HTTP (``routes/changes.py``).
"""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Final, TypeVar
from uuid import UUID

from broker import withdrawal
from broker.facts import (
    AnswerKept,
    BatchQueued,
    ChangeSeenKept,
    Fact,
    KeptResult,
    NoticeAdded,
    Outcome,
    Recorded,
    RequestKept,
    RestrictionSet,
    SignalLivesOn,
)
from broker.ingest import ANSWER_KEPT
from broker.interfaces import Act, StoredSignal, ToldHit
from broker.service import Broker
from protocol.changes import ChangeSeen, Extension, Restriction, may_live_until
from protocol.errors import Code, ConflictError, InputError, NotFoundError, RefusedError
from protocol.ids import SignalId
from protocol.messages import ActAnswer, parse
from protocol.signing import Verified

RETENTION: Final = "guard.kept-too-long"
"""The rule that holds a new signal to the same days."""
TOO_OFTEN: Final = "covenant.max-extensions"

M = TypeVar("M", Restriction, Extension)
Doing = Callable[[Act, StoredSignal, datetime], Awaitable[tuple[list[Fact], list[Recorded]]]]


async def restrict(broker: Broker, by: Verified, signal_id: SignalId, body: bytes) -> ActAnswer:
    """Restrict a signal of this agency, or lift that; everybody who was told of it hears so."""
    asked = await _read(broker, by, body, Restriction)

    async def do(act: Act, signal: StoredSignal, now: datetime) -> tuple[list[Fact], list[Recorded]]:
        if signal.restricted == asked.restricted:
            state = "is restricted already" if asked.restricted else "is not restricted"
            raise ConflictError(Code.CONFLICT, f"This signal {state}.", hint="Nothing was changed.")
        told = await act.told([signal.id])
        seqs = dict(await act.next_seqs(list(withdrawal.receivers(told))))
        event = broker.recorder.restricted(signal, by, asked, now)
        facts: list[Fact] = [RestrictionSet(signal.id, event.id if asked.restricted else None)]
        if not asked.restricted:
            # What it agreed on meanwhile was passed over.
            facts.append(BatchQueued(broker.recorder.new_id(), signal.purpose, signal.epoch, (signal.id,)))
        events = [event]
        for hit in told:
            notice, said = _tell(broker, hit, asked, seqs[hit.agency], now)
            seqs[hit.agency] += 1
            facts.append(notice)
            events.append(said)
        return facts, events

    return await _change(broker, by, signal_id, do)


async def extend(broker: Broker, by: Verified, signal_id: SignalId, body: bytes) -> ActAnswer:
    """Let a signal live on, so often and so long as its purpose allows. Whatever refuses it is logged."""
    asked = await _read(broker, by, body, Extension)

    async def do(act: Act, signal: StoredSignal, now: datetime) -> tuple[list[Fact], list[Recorded]]:
        purpose = broker.covenant.purpose(signal.purpose)
        if signal.extensions >= purpose.max_extensions:
            raise _refused("This signal was extended as often as its purpose allows.", TOO_OFTEN)
        if not may_live_until(asked.expires_at, signal.expires_at, purpose, now):
            raise _refused("A signal is extended to a later day, within its purpose's retention.", RETENTION)
        count = signal.extensions + 1
        event = broker.recorder.extended(signal, by, asked, count, now)
        return [SignalLivesOn(signal.id, asked.expires_at, count)], [event]

    try:
        return await _change(broker, by, signal_id, do)
    except RefusedError as error:
        await broker.log_refusal(by, error.code.value, error.rule)
        raise


async def acknowledge(broker: Broker, by: Verified, seq: int, body: bytes) -> ActAnswer:
    """Log that a recipient no longer shows what a notice says is gone; asked again, the same evidence."""
    await broker.require_reader(by)
    try:
        asked = parse(ChangeSeen, body)
    except InputError as error:
        await broker.log_refusal(by, error.code.value, None)
        raise
    now = broker.now()
    async with broker.act(by) as act:
        told = await act.told_change(by.party, seq)
        if told is None or told.change != asked.change:
            raise NotFoundError(Code.NOT_FOUND, "This agency was told of no such change.")
        event_id = told.acknowledged_by
        if event_id is None:
            event = broker.recorder.change_seen(by, told, seq, now)
            facts: list[Fact] = [
                ChangeSeenKept(by.party, seq, event.id),
                RequestKept(broker.recorder.new_id(), by),
            ]
            events = [event]
            if told.sender is not None and told.changed is not None:
                number = (await act.next_seqs([told.sender]))[told.sender]
                said = broker.recorder.hit_said(
                    told.sender, told.purpose, number, told.hit_id, told.changed, "acknowledged", now
                )
                events.append(said)
                facts.append(
                    NoticeAdded(
                        agency=told.sender,
                        seq=number,
                        type="acknowledged",
                        at=now,
                        event_id=said.id,
                        my_signal=told.changed,
                        purpose=told.purpose,
                        epoch=told.epoch,
                        hit_id=told.hit_id,
                        reason=told.change,
                    )
                )
            await act.commit(Outcome(tuple(facts), tuple(events)))
            event_id = event.id
    return await _answer(broker, event_id)


async def _read(broker: Broker, by: Verified, body: bytes, kind: type[M]) -> M:
    await broker.require_reader(by)
    try:
        asked = parse(kind, body)
        if by.person is None:
            raise InputError(Code.MALFORMED, "A change of a signal names the person, in Sluis-Person.")
        if by.idempotency_key is None:
            raise InputError(Code.MALFORMED, "A change needs an Idempotency-Key.", hint="Keep it for every retry.")
    except InputError as error:
        await broker.log_refusal(by, error.code.value, None)
        raise
    return asked


async def _change(broker: Broker, by: Verified, signal_id: SignalId, do: Doing) -> ActAnswer:
    now, key = broker.now(), by.idempotency_key or ""
    async with broker.act(by) as act:
        kept = await act.kept_answer(by.party, key)
        if kept is not None:
            if kept.digest != by.body_digest:
                raise ConflictError(Code.IDEMPOTENCY_CONFLICT, "This Idempotency-Key was used for another request.")
            event_id = kept.results[0].event_id
        else:
            signal = (await act.signals([signal_id], lock=True)).get(signal_id)
            if signal is None or signal.told != by.party or signal.state != "live" or signal.expires_at <= now:
                raise NotFoundError(Code.NOT_FOUND, "This agency has no such signal that is live.")
            facts, events = await do(act, signal, now)
            event_id = events[0].id
            result = KeptResult(signal_id, "accepted", event_id)
            facts += [
                RequestKept(broker.recorder.new_id(), by),
                AnswerKept(by.party, key, by.body_digest, (result,), now + ANSWER_KEPT),
            ]
            await act.commit(Outcome(tuple(facts), tuple(events)))
    return await _answer(broker, event_id)


def _tell(broker: Broker, hit: ToldHit, asked: Restriction, seq: int, now: datetime) -> tuple[NoticeAdded, Recorded]:
    event = broker.recorder.hit_said(
        hit.agency, hit.purpose, seq, hit.hit_id, hit.my_signal, "restricted" if asked.restricted else "lifted", now
    )
    notice = NoticeAdded(
        agency=hit.agency,
        seq=seq,
        type="restricted" if asked.restricted else "lifted",
        at=now,
        event_id=event.id,
        my_signal=hit.my_signal,
        purpose=hit.purpose,
        epoch=hit.epoch,
        hit_id=hit.hit_id,
        their_signal=hit.ended,
        reason=asked.reason,
    )
    return notice, event


async def _answer(broker: Broker, event: UUID) -> ActAnswer:
    proven = await broker.proven([event])
    if proven is None:
        return ActAnswer()
    return ActAnswer(evidence=proven.evidence[event], checkpoint=proven.checkpoint)


def _refused(detail: str, rule: str) -> RefusedError:
    return RefusedError(Code.POLICY_REFUSED, detail, rule=rule)
