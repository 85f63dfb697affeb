# SPDX-License-Identifier: EUPL-1.2
"""Statistics under a purpose that counts: decided first, looked up then, logged, and only with its proof given away.

Not here: counting (``postgres/counting.py``), which numbers are shown (``suppression.py``), HTTP (``routes/``).
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from broker.declaring import declarers
from broker.facts import Outcome, RequestKept
from broker.interfaces import CountedKinds, Declarers
from broker.service import Broker
from broker.standing import Standing
from broker.suppression import MonthShown, suppress
from edge.logs import Logger, error_fields
from protocol.covenant import Covenant
from protocol.errors import Code, InputError, RefusedError, SluisError, UnavailableError
from protocol.ids import PartyId, PurposeId
from protocol.policy import Decision, PersonRole, ReadStatistics
from protocol.signing import Verified
from protocol.statistics import MonthRow, StatisticsAnswer

CLOSED_AFTER: Final = timedelta(days=1)
"""What was begun in a month is committed a day after its end, at every process of the broker."""
LOOK_SECONDS: Final = 3_600.0
"""A month is counted within an hour of its closing, so that each agency counts at the kind that it was then."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked: aggregates of the purpose ``about``, of one year, under ``purpose``."""

    about: PurposeId
    purpose: PurposeId
    year: int


def closed_before(now: datetime) -> date:
    """Return the first month that is not closed."""
    passed = now - CLOSED_AFTER
    return date(passed.year, passed.month, 1)


def counted_kinds(covenant: Covenant) -> CountedKinds:
    """Return whose events count as which kind's, and which kinds there are under each purpose."""
    return CountedKinds(
        tuple((agency.id, covenant.kind_of(agency.id)) for agency in covenant.agencies),
        tuple(
            (name, kind) for name, purpose in covenant.purposes.items() for kind in sorted(purpose.kinds_that("send"))
        ),
    )


def role_of(by: Verified) -> PersonRole:
    """Return in which role somebody asks: a machine account when no person does. Raises ``InputError``."""
    if by.person is None:
        if by.role not in {None, "system"}:
            raise InputError(Code.MALFORMED, "A role is a person's: Sluis-Role goes with Sluis-Person.")
        return "system"
    if by.role is None or by.role == "system":
        raise InputError(Code.MALFORMED, "A person says in Sluis-Role what he or she is there, such as coordinator.")
    return by.role


async def read_statistics(broker: Broker, by: Verified, wish: Wish) -> StatisticsAnswer:
    """Return the aggregates that may be shown, once it is proven that the reading stands in the log.

    Whatever refuses it does so before anything is looked up, and is logged.
    """
    await broker.require_reader(by)
    decision = await _decide(broker, by, wish)
    smallest = broker.covenant.purpose(wish.purpose).smallest_cell
    if smallest is None:
        raise ValueError("a purpose that counts has a smallest cell")
    now = broker.now()
    said = declarers(broker.covenant, now)
    await broker.store.count_months(counted_kinds(broker.covenant), closed_before(now), said)
    history = await broker.store.counted_months(wish.about, date(wish.year + 1, 1, 1))
    shown = [row for row in await asyncio.to_thread(suppress, history, smallest) if row.month.year == wish.year]
    rows = _rows(shown)
    event = broker.recorder.statistics_read(by, wish.purpose, wish.about, _cells(shown), decision, now)
    async with broker.act(by) as act:
        await act.commit(Outcome((RequestKept(broker.recorder.new_id(), by),), (event,)))
    proven = await broker.proven([event.id])
    if proven is None:
        raise UnavailableError(
            Code.NOT_LOGGED,
            "The reading is in the log, but enough witnesses have not confirmed that yet, so nothing is shown.",
            hint="Ask again in a minute; that is logged as another reading.",
        )
    return StatisticsAnswer(
        about=wish.about,
        purpose=wish.purpose,
        year=wish.year,
        smallest_cell=smallest,
        rows=rows,
        undeclared=await _undeclared(broker, wish, said, shown),
        evidence=proven.evidence[event.id],
        checkpoint=proven.checkpoint,
    )


async def _decide(broker: Broker, by: Verified, wish: Wish) -> Decision:
    try:
        role = role_of(by)
    except InputError as error:
        await broker.log_refusal(by, error.code.value, None)
        raise
    decision = broker.engine.decide(ReadStatistics(by.party, wish.purpose, wish.about, role, broker.now()))
    if not decision.allowed:
        await broker.log_refusal(by, Code.POLICY_REFUSED.value, decision.rule)
        raise RefusedError(Code.POLICY_REFUSED, decision.reason, rule=decision.rule)
    return decision


def _rows(shown: Sequence[MonthShown]) -> tuple[MonthRow, ...]:
    return tuple(MonthRow(month=f"{row.month:%Y-%m}", kind=row.kind, counts=dict(row.counts)) for row in shown)


async def _undeclared(
    broker: Broker, wish: Wish, said: Declarers, shown: Sequence[MonthShown]
) -> dict[str, tuple[PartyId, ...]]:
    """Return whose probes are still in the numbers, of months that lie wholly within this covenant."""
    begin = broker.covenant.valid_from.date()
    months = sorted({row.month for row in shown if row.month >= begin})
    found = await broker.store.undeclared(wish.about, months, said) if months and said.pairs else {}
    return {f"{month:%Y-%m}": tuple(agencies) for month, agencies in found.items()}


def _cells(shown: Sequence[MonthShown]) -> int:
    return sum(len(row.counts) for row in shown)


async def run(standing: Standing, log: Logger) -> None:
    """Count each month when it closes, for as long as the process runs."""
    while True:
        try:
            broker = standing.broker
            now = broker.now()
            said = declarers(broker.covenant, now)
            months = await broker.store.count_months(counted_kinds(broker.covenant), closed_before(now), said)
            if months:
                log.info("months counted", count=months)
        except SluisError as error:
            log.warning("months will be counted again", code=error.code.value, **error_fields(error))
        await asyncio.sleep(LOOK_SECONDS)
