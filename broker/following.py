# SPDX-License-Identifier: EUPL-1.2
"""Following up a hit: a person of an agency that was told goes a step further, and who waits too long is told so.

The clock is the purpose's and runs for each agency by itself from its own notice (``due_at``). Only an outcome that
the covenant marks ``told`` is told to the other agency, and then neither by whom nor why. Of a canary nobody is told.
Spec: ``protocol/spec/follow-up.md``. Not here: HTTP (``routes/follow_ups.py``), when it is looked at
(``following_worker.py``).
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, TypeVar
from uuid import UUID

from broker.facts import (
    AnswerKept,
    Fact,
    FollowUpLate,
    FollowUpStepped,
    KeptResult,
    NoticeAdded,
    Outcome,
    Recorded,
    RequestKept,
)
from broker.ingest import ANSWER_KEPT
from broker.interfaces import Act, LateHit, StoredFollowUp
from broker.recording import Recorder
from broker.service import Broker
from protocol.errors import Code, ConflictError, InputError, NotFoundError, SluisError
from protocol.follow_ups import Acknowledgement, FollowUpState, HitOutcome, Step, after
from protocol.ids import HitId, PartyId
from protocol.messages import ActAnswer, parse
from protocol.signing import Verified

M = TypeVar("M", Acknowledgement, HitOutcome)
BEFORE: Final[Mapping[FollowUpState, str]] = {
    FollowUpState.ACKNOWLEDGED: "A colleague acknowledged this hit before.",
    FollowUpState.CONTACTED: "A colleague entered before that there was contact about this hit.",
    FollowUpState.CLOSED: "A colleague closed this hit before.",
}
"""What is told to who comes second, by what stands."""


async def acknowledge(broker: Broker, by: Verified, hit: HitId, body: bytes) -> ActAnswer:
    """Log that a person saw a hit, or had contact about it; the same request again gives the same evidence."""
    asked = await _read(broker, by, body, Acknowledgement)
    return await _answer(broker, await _again(broker, by, hit, asked.step, None))


async def close(broker: Broker, by: Verified, hit: HitId, body: bytes) -> ActAnswer:
    """Log what came of a hit. Of two who close it at once one wins, the other is told (``conflict``)."""
    asked = await _read(broker, by, body, HitOutcome)
    if asked.outcome not in broker.covenant.outcomes:
        await broker.log_refusal(by, Code.MALFORMED.value, None)
        raise InputError(Code.MALFORMED, "The covenant has no such outcome.", hint="See vocabulary/outcomes.yaml.")
    return await _answer(broker, await _again(broker, by, hit, "closed", asked.outcome))


async def _read(broker: Broker, by: Verified, body: bytes, kind: type[M]) -> M:
    await broker.require_reader(by)
    try:
        asked = parse(kind, body)
        if by.person is None:
            raise InputError(Code.MALFORMED, "A step of follow-up names the person, in Sluis-Person.")
        if by.idempotency_key is None:
            raise InputError(Code.MALFORMED, "A step needs an Idempotency-Key.", hint="Keep it for every retry.")
    except InputError as error:
        await broker.log_refusal(by, error.code.value, None)
        raise
    return asked


async def _answer(broker: Broker, event: UUID) -> ActAnswer:
    proven = await broker.proven([event])
    if proven is None:
        return ActAnswer()
    return ActAnswer(evidence=proven.evidence[event], checkpoint=proven.checkpoint)


async def _again(broker: Broker, by: Verified, hit: HitId, step: Step, outcome: str | None) -> UUID:
    now, key = broker.now(), by.idempotency_key or ""
    async with broker.act(by) as act:
        kept = await act.kept_answer(by.party, key)
        if kept is not None:
            if kept.digest != by.body_digest:
                raise ConflictError(Code.IDEMPOTENCY_CONFLICT, "This Idempotency-Key was used for another request.")
            return kept.results[0].event_id
        found = await act.follow_up(by.party, hit)
        if found is None:
            raise NotFoundError(Code.NOT_FOUND, "This agency was not told of such a hit.")
        state = after(found.state, step)
        if state is None:
            raise _before(found.state)
        event = broker.recorder.followed_up(hit, by, found, step, outcome, now)
        result = KeptResult(found.my_signal, "accepted", event.id)
        facts: list[Fact] = [
            FollowUpStepped(by.party, hit, state, outcome),
            RequestKept(broker.recorder.new_id(), by),
            AnswerKept(by.party, key, by.body_digest, (result,), now + ANSWER_KEPT),
        ]
        events = [event]
        if outcome is not None and broker.covenant.outcomes[outcome].told and not found.canary:
            told = await _tell_other(broker, act, by.party, hit, found, outcome, now)
            facts += [fact for fact, _ in told]
            events += [one for _, one in told]
        await act.commit(Outcome(tuple(facts), tuple(events)))
        return event.id


async def _tell_other(
    broker: Broker, act: Act, agency: PartyId, hit: HitId, found: StoredFollowUp, outcome: str, now: datetime
) -> list[tuple[NoticeAdded, Recorded]]:
    other = await act.other_side(agency, hit)
    if other is None:
        return []
    seq = (await act.next_seqs([other.agency]))[other.agency]
    event = broker.recorder.hit_said(other.agency, found.purpose, seq, hit, other.signal, "doubted", now)
    notice = NoticeAdded(
        agency=other.agency,
        seq=seq,
        type="doubted",
        at=now,
        event_id=event.id,
        my_signal=other.signal,
        purpose=found.purpose,
        epoch=other.epoch,
        hit_id=hit,
        reason=outcome,
    )
    return [(notice, event)]


def _before(state: FollowUpState) -> SluisError:
    detail = BEFORE.get(state, "This step cannot follow.")
    return ConflictError(Code.CONFLICT, detail, hint="Nothing was changed. Look at the hit again.")


# --- Lateness ---------------------------------------------------------------------------------------------------------


def receivers(late: Sequence[LateHit]) -> Mapping[PartyId, int]:
    """Return how many notices each agency gets."""
    return dict(Counter(one.agency for one in late))


def tell(late: Sequence[LateHit], next_seqs: Mapping[PartyId, int], recorder: Recorder, now: datetime) -> Outcome:
    """Tell each agency, once a hit, that it did not follow it up in time."""
    seqs = dict(next_seqs)
    events: list[Recorded] = []
    facts: list[Fact] = []
    for one in late:
        seq = seqs[one.agency]
        seqs[one.agency] += 1
        event = recorder.hit_said(one.agency, one.purpose, seq, one.hit_id, one.my_signal, "late", now)
        events.append(event)
        facts += [
            FollowUpLate(one.agency, one.hit_id),
            NoticeAdded(
                agency=one.agency,
                seq=seq,
                type="late",
                at=now,
                event_id=event.id,
                my_signal=one.my_signal,
                purpose=one.purpose,
                epoch=one.epoch,
                hit_id=one.hit_id,
                due_since=one.due_at,
            ),
        ]
    return Outcome(tuple(facts), tuple(events))
