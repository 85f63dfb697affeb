# SPDX-License-Identifier: EUPL-1.2
"""A key-holder reports each closed hour until it was taken, and then never again."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from keyholder.ledger import Ledger
from keyholder.reporting import due, report
from protocol.errors import Code, UnavailableError
from protocol.evaluation_reports import MAX_REPORTS, EvaluationReports
from protocol.ids import PartyId, PurposeId

NOW = datetime(2026, 11, 22, 12, 30, tzinfo=UTC)
POLICE, PURPOSE = PartyId("police-oost"), PurposeId("offender-prevention")


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    """Return a ledger with use at nine and twelve, and refusals at nine, of a known and an unknown caller."""
    made = Ledger(tmp_path / "ledger.sqlite")
    made.reserve(POLICE, PURPOSE, NOW.date(), 10, 100, 9)
    made.reserve(POLICE, PURPOSE, NOW.date(), 5, 100, 9)
    made.reserve(POLICE, PURPOSE, NOW.date(), 7, 100, 12)
    at_nine = NOW.replace(hour=9)
    for minute in (1, 1, 59):
        made.refuse(at_nine.replace(minute=minute), POLICE, PURPOSE, Code.BUDGET_EXHAUSTED, 50)
    made.refuse(at_nine, None, None, Code.SIGNATURE_INVALID, 0)
    return made


def rows(reports: EvaluationReports | None) -> list[tuple[object, ...]]:
    """Return a report's rows, each with its hour."""
    assert reports is not None
    return [(one.hour.hour, r.agency, r.purpose, r.elements, r.refused) for one in reports.reports for r in one.rows]


def test_a_closed_hour_is_counted_whole(ledger: Ledger) -> None:
    """Use and refusals of an hour stand in one report; the hour that runs still is not in it."""
    assert rows(due(ledger, NOW)) == [(9, None, None, 0, 1), (9, POLICE, PURPOSE, 15, 3)]
    later = rows(due(ledger, NOW + timedelta(hours=1)))
    assert (12, POLICE, PURPOSE, 7, 0) in later


async def test_what_was_not_taken_is_sent_again(ledger: Ledger) -> None:
    """While the broker is away nothing is marked; what it took is never sent again."""
    sent: list[EvaluationReports] = []

    async def away(reports: EvaluationReports) -> None:
        raise UnavailableError(Code.UNAVAILABLE, "away")

    async def takes(reports: EvaluationReports) -> None:
        sent.append(reports)

    with pytest.raises(UnavailableError):
        await report(ledger, away, NOW)
    assert await report(ledger, takes, NOW) == 1
    assert await report(ledger, takes, NOW) == 0
    assert await report(ledger, takes, NOW + timedelta(hours=1)) == 1
    assert [one.reports[0].hour.hour for one in sent] == [9, 12]


async def test_many_hours_go_in_several_requests(tmp_path: Path) -> None:
    """After a long outage all hours are reported, oldest first, in requests of bounded size."""
    ledger, sizes = Ledger(tmp_path / "ledger.sqlite"), []
    for ago in range(1, 2 * MAX_REPORTS + 4):
        hour = NOW - timedelta(hours=ago)
        ledger.reserve(POLICE, PURPOSE, hour.date(), 1, 10_000, hour.hour)

    async def takes(reports: EvaluationReports) -> None:
        sizes.append(len(reports.reports))

    assert await report(ledger, takes, NOW) == 2 * MAX_REPORTS + 3
    assert sizes == [MAX_REPORTS, MAX_REPORTS, 3]
