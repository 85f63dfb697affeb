# SPDX-License-Identifier: EUPL-1.2
"""The decision and the work of one evaluation, without I/O or clock: may this agency ask this now, and the answer.

In order: covenant and policy, batch limit, epoch, quorum, elements; then the shell reserves the budget, which
``within_budget`` judges; then ``answer`` computes. Each refusal says which limit or rule, and names no element.
Spec: ``protocol/spec/threshold.md``. Not here: who signed the request (``edge/requests.py``), how a reservation is kept
(``ledger.py``).
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from keyholder.ledger import Spent
from keyholder.share import HeldSeeds
from protocol.covenant import Covenant
from protocol.encoding import format_time
from protocol.errors import Code, InputError, Issue, RefusedError
from protocol.group import Point, base, decode_points
from protocol.ids import Epoch, PartyId, PurposeId
from protocol.messages import Budget, EvaluationAnswer, EvaluationRequest
from protocol.oprf import evaluate
from protocol.policy import Evaluate, PolicyEngine
from protocol.threshold import HolderSet


@dataclass(frozen=True, slots=True)
class Admitted:
    """A request that may be answered once ``limit``, the day's budget, has room for its elements."""

    agency: PartyId
    purpose: PurposeId
    epoch: Epoch
    sets: tuple[HolderSet, ...]
    """The sets for which this key-holder answers in the quorum that was named."""
    elements: tuple[Point, ...]
    day: date
    hour: int
    """Of that day (UTC), for counts of unusual use."""
    limit: int


def admit(
    agency: PartyId,
    request: EvaluationRequest,
    *,
    covenant: Covenant,
    engine: PolicyEngine,
    held: HeldSeeds,
    now: datetime,
) -> Admitted:
    """Decide on a request that ``agency`` was verified to have signed.

    Raises ``RefusedError`` (``policy_refused`` with the deciding rule, ``epoch_closed``) and ``InputError``
    (``too_large``, ``malformed`` for a quorum without this key-holder, ``invalid_element``).
    """
    _ask_policy(agency, request, covenant, engine, now)
    purpose = covenant.purpose(request.purpose)
    if len(request.elements) > purpose.max_batch:
        raise InputError(
            Code.TOO_LARGE,
            f"A request for this purpose has at most {purpose.max_batch} elements.",
            hint="Split it into several requests.",
        )
    if request.epoch < held.epoch:
        raise _epoch_closed(request.epoch, covenant.live_epochs(now), None)
    return Admitted(
        agency,
        request.purpose,
        request.epoch,
        held.sharing.answers_for(held.holder, request.quorum),
        tuple(decode_points(request.elements)),
        now.astimezone(UTC).date(),
        now.astimezone(UTC).hour,
        purpose.budget_per_day,
    )


def within_budget(admitted: Admitted, spent: Spent) -> Budget:
    """Return the budget after this request's reservation.

    Raises ``RefusedError`` (``budget_exhausted``) when it was not granted, with what is used, what is left, and when
    it renews: in words, and as issues at ``budget.used``, ``budget.left`` and ``budget.renewsAt`` for programs.
    """
    renews_at = datetime.combine(admitted.day + timedelta(days=1), time(), UTC)
    left = max(0, admitted.limit - spent.used)
    if not spent.granted:
        facts = {"used": str(spent.used), "left": str(left), "renewsAt": format_time(renews_at)}
        raise RefusedError(
            Code.BUDGET_EXHAUSTED,
            f"{spent.used} of today's {admitted.limit} elements for this purpose are used and {left} are left; "
            f"this request has {len(admitted.elements)}.",
            hint=f"The budget renews at {format_time(renews_at)}.",
            issues=[Issue(f"budget.{name}", "budget", value) for name, value in facts.items()],
        )
    return Budget(used=spent.used, left=left, renews_at=renews_at)


def answer(admitted: Admitted, held: HeldSeeds, budget: Budget) -> EvaluationAnswer:
    """Evaluate every element and prove it; about 0.2 ms of one core an element.

    Raises ``RefusedError`` (``epoch_closed``) when the epoch's seeds were destroyed meanwhile.
    """
    key = held.key(admitted.purpose, admitted.epoch, admitted.sets)
    evaluated, proof = evaluate(key, base(key), admitted.elements)
    return EvaluationAnswer(
        holder=held.holder, elements=tuple(point.encoded for point in evaluated), proof=proof, budget=budget
    )


def _ask_policy(
    agency: PartyId, request: EvaluationRequest, covenant: Covenant, engine: PolicyEngine, now: datetime
) -> None:
    decision = engine.decide(Evaluate(agency, request.purpose, request.epoch, now))
    if decision.allowed:
        return
    live = covenant.live_epochs(now)
    if request.epoch not in live and engine.decide(Evaluate(agency, request.purpose, live[0], now)).allowed:
        # The epoch is all that is wrong: the client can mend that by itself, so it has a code of its own.
        raise _epoch_closed(request.epoch, live, decision.rule)
    raise RefusedError(
        Code.POLICY_REFUSED, decision.reason, rule=decision.rule, hint="`sluis policy` shows what the rule says."
    )


def _epoch_closed(epoch: Epoch, live: tuple[Epoch, ...], rule: str | None) -> RefusedError:
    return RefusedError(
        Code.EPOCH_CLOSED,
        f"Epoch {epoch} is not live here.",
        rule=rule,
        hint=f"Live now: {', '.join(str(one) for one in live)}. Check the clock and the covenant's version.",
    )
