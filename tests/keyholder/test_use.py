# SPDX-License-Identifier: EUPL-1.2
"""Unusual use at a key-holder: counted by the hour, found from counts, said once without saying whose elements."""

import io
import json
import sqlite3
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from typer.testing import CliRunner

from edge.keyfile import SecretText
from edge.logs import configure
from keyholder.ledger import HOURS_KEPT, HourUsage, Ledger
from keyholder.main import app
from keyholder.opening import open_enrolled, open_service
from keyholder.settings import open_home
from keyholder.use import budget_of, unusual_use
from protocol.ids import PartyId, PurposeId
from protocol.unusual import ELEMENTS_PER_SUBJECT, Finding
from tests.fakes.covenants import make_covenant
from tests.fakes.keyholders import PASSPHRASE, KeyHolders

POLICE, CARE = PartyId("police-oost"), PartyId("care-linde")
PREVENTION = PurposeId("offender-prevention")
NOW = datetime(2026, 11, 21, 20, tzinfo=UTC)
TODAY = NOW.date()
COVENANT = make_covenant(now=NOW, budget=100_000).covenant
BURST = COVENANT.terms.unusual.burst_per_hour


def test_hours_are_counted_apart_and_forgotten_in_time(tmp_path: Path) -> None:
    """What is granted counts in its hour, what is refused does not, and old hours go with the nonces."""
    ledger = Ledger(tmp_path / "ledger")
    for hour, count in ((9, 10), (9, 5), (10, 7)):
        ledger.reserve(POLICE, PREVENTION, TODAY, count, 100, hour)
    ledger.reserve(POLICE, PREVENTION, TODAY, 100, 100, 11)
    ledger.reserve(POLICE, PREVENTION, TODAY - HOURS_KEPT - timedelta(days=1), 1, 100, 1)
    ledger.forget_expired(NOW)
    at = [datetime(2026, 11, 21, hour, tzinfo=UTC) for hour in (9, 10)]
    assert ledger.hourly(date(2026, 1, 1)) == (
        HourUsage(at[0], POLICE, PREVENTION, 15),
        HourUsage(at[1], POLICE, PREVENTION, 7),
    )


def test_a_ledger_from_before_hours_were_counted_begins_to_count_them(tmp_path: Path) -> None:
    """An older file is taken as it is, and keeps what it has."""
    before = Ledger(tmp_path / "ledger")
    before.reserve(POLICE, PREVENTION, TODAY, 60, 100)
    before.close()
    with sqlite3.connect(tmp_path / "ledger") as file:
        file.execute("DROP TABLE hour")
    again = Ledger(tmp_path / "ledger")
    assert again.reserve(POLICE, PREVENTION, TODAY, 40, 100, 9).used == 100
    assert [row.elements for row in again.hourly(TODAY)] == [40]


def test_a_burst_and_a_budget_near_its_end_are_found_for_their_agency_alone(tmp_path: Path) -> None:
    """One agency's many elements in an hour are a burst of that agency; the other's few are nothing."""
    ledger = Ledger(tmp_path / "ledger")
    ledger.reserve(POLICE, PREVENTION, TODAY, BURST * ELEMENTS_PER_SUBJECT, 100_000, 9)
    assert unusual_use(ledger, COVENANT, TODAY) == ()
    ledger.reserve(POLICE, PREVENTION, TODAY, ELEMENTS_PER_SUBJECT, 100_000, 9)
    ledger.reserve(CARE, PREVENTION, TODAY, 100, 100_000, 9)
    found = unusual_use(ledger, COVENANT, TODAY)
    assert [(one.agency, one.finding) for one in found] == [(POLICE, Finding("burst", BURST + 1, BURST))]
    ledger.reserve(CARE, PREVENTION, TODAY, 90_000, 100_000, 10)
    reasons = {(one.agency, one.finding.reason) for one in unusual_use(ledger, COVENANT, TODAY)}
    assert (CARE, "budget-near-end") in reasons
    assert unusual_use(ledger, COVENANT, TODAY - timedelta(days=1)) == ()


def test_a_purpose_that_is_no_more_has_no_budget() -> None:
    """Old days of a purpose that the covenant dropped are shown without a limit."""
    assert budget_of(COVENANT, PREVENTION) == 100_000
    assert (budget_of(COVENANT, "gone"), budget_of(None, PREVENTION)) == (None, None)


def test_unusual_use_is_said_once_and_shown(key_holders: KeyHolders) -> None:
    """A running key-holder logs each reason once a day with counts only; the ledger's table shows used, left, why."""
    home = key_holders.homes[1]
    now = datetime.now(UTC)
    ledger = Ledger(open_home(home).ledger_path)
    ledger.reserve(POLICE, PREVENTION, now.date(), 950, 1_000, now.hour)
    ledger.close()
    written = io.StringIO()
    configure(stream=written)
    service = open_service(open_enrolled(home, SecretText(PASSPHRASE)), lambda: now)
    reasons = {service.look_at_use(now), service.look_at_use(now)}
    service.ledger.close()
    lines = [json.loads(line) for line in written.getvalue().splitlines() if "unusual use" in line]
    budget = [line for line in lines if line["reason"] == "budget-near-end"]
    assert len(reasons) == 1
    assert len(lines) == reasons.pop()
    assert [(one["party"], one["purpose"], one["count"], one["limit"]) for one in budget] == [
        (POLICE, PREVENTION, 950, 900)
    ]
    said = CliRunner().invoke(app, ["ledger", "--home", str(home)]).stdout
    assert "police-oost │ offender-prevention │ 1        │ 950      │ 1000   │ 50" in said
    assert "budget-near-end" in said
