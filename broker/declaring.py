# SPDX-License-Identifier: EUPL-1.2
"""Agencies say how many of a month's signals were probes, so that statistics leave these out: numbers, not which.

Who says too much only makes its own kind's numbers smaller, never below zero. A month waits some days for everybody's
word, and is then counted with what was said. Spec: ``protocol/spec/probes.md``. Not here: what a probe is (only
agencies know), subtracting (``postgres/counting.py``).
"""

from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID

from broker.facts import Outcome, ProbesSaid, RequestKept
from broker.interfaces import Declarers
from broker.service import Broker
from protocol.covenant import Covenant
from protocol.errors import Code, ConflictError, InputError, RefusedError
from protocol.messages import ActAnswer, parse
from protocol.signing import Verified
from protocol.statistics import MEASURES, ProbeCounts, end_of

DECLARED_WITHIN: Final = timedelta(days=5)
"""After a month's end: a client that runs on working days gets over the longest weekend."""
SEND_RULE: Final = "guard.not-a-sender"


def declarers(covenant: Covenant, now: datetime) -> Declarers:
    """Return who declares under this covenant, when it signalled in the month."""
    probed = covenant.terms.probes.per_pair_per_week > 0
    pairs = tuple(
        (agency.id, name)
        for agency in covenant.agencies
        for name, purpose in covenant.purposes.items()
        if probed and agency.state == "active" and covenant.kind_of(agency.id) in purpose.kinds_that("send")
    )
    passed = now - DECLARED_WITHIN
    return Declarers(pairs, date(passed.year, passed.month, 1))


async def declare_probes(broker: Broker, by: Verified, body: bytes) -> ActAnswer:
    """Keep and log an agency's numbers of a month that is over; asked again, the same evidence.

    Raises ``RefusedError`` for who does not signal, ``InputError`` for a month that is not over, ``ConflictError`` for
    other numbers than before, or a month that was counted meanwhile.
    """
    await broker.require_reader(by)
    said = parse(ProbeCounts, body)
    purpose = broker.covenant.purposes.get(said.purpose)
    if purpose is None or broker.covenant.kind_of(by.party) not in purpose.kinds_that("send"):
        await broker.log_refusal(by, Code.POLICY_REFUSED.value, SEND_RULE)
        raise RefusedError(Code.POLICY_REFUSED, "This agency does not signal for this purpose.", rule=SEND_RULE)
    if broker.now() < end_of(said.month):
        raise InputError(Code.MALFORMED, "The month is not over.")
    event = await _declare(broker, by, said)
    proven = await broker.proven([event])
    if proven is None:
        return ActAnswer()
    return ActAnswer(evidence=proven.evidence[event], checkpoint=proven.checkpoint)


async def _declare(broker: Broker, by: Verified, said: ProbeCounts) -> UUID:
    month = date.fromisoformat(f"{said.month}-01")
    async with broker.act(by) as act:
        before = await act.probes_said(by.party, said.purpose, month)
        if before is not None:
            if before.counts != tuple(said.counts[measure] for measure in MEASURES):
                raise ConflictError(Code.CONFLICT, "Other numbers of this month were declared before.")
            return before.event_id
        if await act.month_counted(said.purpose, month):
            raise ConflictError(Code.CONFLICT, "This month was counted without the declaration.")
        event = broker.recorder.probes_declared(by, said, broker.now())
        counts = tuple(said.counts[measure] for measure in MEASURES)
        kept = ProbesSaid(by.party, said.purpose, month, counts, event.id)
        await act.commit(Outcome((kept, RequestKept(broker.recorder.new_id(), by)), (event,)))
        return event.id
