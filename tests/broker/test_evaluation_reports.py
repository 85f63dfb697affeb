# SPDX-License-Identifier: EUPL-1.2
"""What a key-holder reports goes into the log once, as the key-holder's word, and nobody else can report."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from protocol.errors import Code, InputError, RefusedError
from protocol.evaluation_reports import AgencyHour, EvaluationReports, HourReport, ReportsTaken
from protocol.ids import PartyId
from tests.fakes.broker_world import POLICE, PURPOSE, BrokerWorld, broker_world
from tests.fakes.data_keys import openings_of

HOLDER, OTHER = PartyId("holder-1"), PartyId("holder-2")


def hour_of(world: BrokerWorld, ago: int) -> datetime:
    """Return the hour that began so many hours before this one."""
    return world.clock().replace(minute=0, second=0, microsecond=0) - timedelta(hours=ago)


async def say(world: BrokerWorld, hours: Sequence[datetime], elements: int = 412, by: PartyId = HOLDER) -> int:
    """Report the same of each of these hours, and return how many were new."""
    rows = (AgencyHour(agency=POLICE, purpose=PURPOSE, elements=elements, refused=1), AgencyHour(elements=0, refused=7))
    reports = EvaluationReports(reports=tuple(HourReport(hour=hour, rows=rows) for hour in hours))
    answer = await world.agency(by).client.post("/v1/evaluation-reports", reports, ReportsTaken)
    return answer.taken


def logged(database: str) -> list[tuple[object, ...]]:
    """Return what stands in the log: who says it, of whom, and the counts."""
    names = ("system", "agency", "purpose", "holder", "elements", "refused")
    found = [opening.record for opening in openings_of(database) if opening.record["event"] == 18]
    return [tuple(record.get(name) for name in names) for record in found]


async def test_an_hour_is_logged_once_as_the_key_holders_word(database: str) -> None:
    """Each row is one event that names who reports and of whom; a repeated hour changes nothing, another's does."""
    async with broker_world(database) as world:
        first, second = hour_of(world, 3), hour_of(world, 2)
        assert await say(world, [first]) == 1
        assert await say(world, [first, second], elements=1) == 1
        assert await say(world, [first], elements=9, by=OTHER) == 1
    rows = [("holder-1", POLICE, PURPOSE, 1, 412, 1), ("holder-1", POLICE, PURPOSE, 1, 1, 1)]
    rows += [("holder-2", POLICE, PURPOSE, 2, 9, 1)]
    assert [row for row in logged(database) if row[1]] == rows
    assert [row[5] for row in logged(database) if row[1] is None] == [7, 7, 7]


async def test_nobody_else_reports(database: str) -> None:
    """An agency that reports for key-holders is refused, and that is logged."""
    async with broker_world(database) as world:
        with pytest.raises(RefusedError) as refused:
            await say(world, [hour_of(world, 2)], by=POLICE)
        assert (refused.value.code, refused.value.rule) == (Code.POLICY_REFUSED, "reports.key-holders-only")
    assert [opening.record["event"] for opening in openings_of(database)][-1] == 11
    assert logged(database) == []


@pytest.mark.parametrize("ago", [0, -1, 24 * 63])
async def test_only_hours_that_are_over_are_taken(database: str, ago: int) -> None:
    """The present hour, a coming one, and one that key-holders no longer keep are refused."""
    async with broker_world(database) as world:
        with pytest.raises(InputError):
            await say(world, [hour_of(world, ago)])
    assert logged(database) == []
