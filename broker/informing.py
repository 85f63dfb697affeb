# SPDX-License-Identifier: EUPL-1.2
"""An agency looked again at whether it can tell the person of its signal: the decision is logged, and stands.

A deferral is held to the same days as a new signal's. Spec: ``protocol/spec/subject-access.md``. Not here: the message
and its bound (``protocol/informing.py``), HTTP (``routes/informing.py``).
"""

from datetime import datetime
from typing import Final
from uuid import UUID

from broker.facts import AnswerKept, Fact, InformingChanged, KeptResult, Outcome, RequestKept
from broker.ingest import ANSWER_KEPT
from broker.service import Broker
from protocol.errors import Code, ConflictError, InputError, NotFoundError, RefusedError
from protocol.ids import SignalId
from protocol.informing import InformingReview, may_wait_until
from protocol.messages import ActAnswer, parse
from protocol.signing import Verified

RULE: Final = "guard.deferral-without-review"


async def review(broker: Broker, by: Verified, signal_id: SignalId, body: bytes) -> ActAnswer:
    """Log a decision about telling the person; the same request again gives the same evidence.

    Whatever refuses it is logged, but for a signal that this agency does not have.
    """
    await broker.require_reader(by)
    try:
        decided = parse(InformingReview, body)
        if by.idempotency_key is None:
            raise InputError(Code.MALFORMED, "A decision needs an Idempotency-Key.", hint="Keep it for every retry.")
    except InputError as error:
        await broker.log_refusal(by, error.code.value, None)
        raise
    event = await _decide(broker, by, signal_id, decided, by.idempotency_key, broker.now())
    proven = await broker.proven([event])
    if proven is None:
        return ActAnswer()
    return ActAnswer(evidence=proven.evidence[event], checkpoint=proven.checkpoint)


async def _decide(
    broker: Broker, by: Verified, signal_id: SignalId, decided: InformingReview, key: str, now: datetime
) -> UUID:
    async with broker.act(by) as act:
        kept = await act.kept_answer(by.party, key)
        if kept is not None:
            if kept.digest != by.body_digest:
                raise ConflictError(Code.IDEMPOTENCY_CONFLICT, "This Idempotency-Key was used for another request.")
            return kept.results[0].event_id
        signal = (await act.signals([signal_id], lock=True)).get(signal_id)
        # A canary is about nobody, who cannot be told.
        if signal is None or signal.agency != by.party or signal.is_canary or signal.state != "live":
            raise NotFoundError(Code.NOT_FOUND, "This agency has no such signal that is live.")
        informing = broker.covenant.purpose(signal.purpose).informing
        allowed = decided.review_on is None or may_wait_until(decided.review_on, informing, now)
        if allowed:
            event = broker.recorder.informing_reviewed(signal, by, decided, now)
            result = KeptResult(signal_id, "accepted", event.id)
            facts: list[Fact] = [
                InformingChanged(signal_id, decided.status, decided.review_on),
                RequestKept(broker.recorder.new_id(), by),
                AnswerKept(by.party, key, by.body_digest, (result,), now + ANSWER_KEPT),
            ]
            await act.commit(Outcome(tuple(facts), (event,)))
            return event.id
    await broker.log_refusal(by, Code.POLICY_REFUSED.value, RULE)
    raise RefusedError(
        Code.POLICY_REFUSED, "Telling the person is put off to a day that the purpose does not allow.", rule=RULE
    )
