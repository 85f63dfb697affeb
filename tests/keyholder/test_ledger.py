# SPDX-License-Identifier: EUPL-1.2
"""The key-holder's ledger: what it answers is on the disk, and nothing is counted twice or forgotten."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from keyholder.ledger import NONCE_MARGIN, Destruction, Ledger, Refusals, Spent, Usage, Witnessed
from protocol.errors import AuthenticationError, Code, ConfigurationError, UnavailableError
from protocol.ids import Epoch, PartyId, PurposeId

POLICE, CARE = PartyId("police-oost"), PartyId("care-rivier")
PREVENTION, VICTIMS = PurposeId("offender-prevention"), PurposeId("victim-protection")
TODAY = date(2026, 11, 21)
NOW = datetime(2026, 11, 21, 20, 0, 0, tzinfo=UTC)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the ledger is."""
    return tmp_path / "ledger.sqlite"


@pytest.fixture
def ledger(path: Path):
    """A new ledger."""
    opened = Ledger(path)
    yield opened
    opened.close()


def test_a_reservation_takes_what_fits_and_nothing_of_what_does_not(ledger: Ledger) -> None:
    """A reservation takes all of what fits under the limit and nothing of what does not."""
    assert ledger.reserve(POLICE, PREVENTION, TODAY, 60, 100) == Spent(True, 60)
    assert ledger.reserve(POLICE, PREVENTION, TODAY, 41, 100) == Spent(False, 60)
    assert ledger.reserve(POLICE, PREVENTION, TODAY, 40, 100) == Spent(True, 100)
    assert ledger.reserve(POLICE, PREVENTION, TODAY, 1, 100) == Spent(False, 100)


def test_budgets_are_apart_per_agency_purpose_and_day(ledger: Ledger) -> None:
    """What one agency uses for one purpose on one day takes nothing from any other."""
    ledger.reserve(POLICE, PREVENTION, TODAY, 100, 100)
    for agency, purpose, day in (
        (CARE, PREVENTION, TODAY),
        (POLICE, VICTIMS, TODAY),
        (POLICE, PREVENTION, TODAY + timedelta(days=1)),
    ):
        assert ledger.reserve(agency, purpose, day, 100, 100) == Spent(True, 100)


def test_a_first_request_above_the_limit_is_refused(ledger: Ledger) -> None:
    """A first request above the limit is refused and leaves no trace of use."""
    assert ledger.reserve(POLICE, PREVENTION, TODAY, 101, 100) == Spent(False, 0)
    assert ledger.usage(TODAY) == ()


def test_many_threads_never_get_more_than_the_limit_together(ledger: Ledger) -> None:
    """Forty reservations of ten at once under a limit of 200 are granted exactly twenty times."""
    with ThreadPoolExecutor(8) as pool:
        spent = list(pool.map(lambda _: ledger.reserve(POLICE, PREVENTION, TODAY, 10, 200), range(40)))
    assert sum(one.granted for one in spent) == 20
    assert ledger.usage(TODAY) == (Usage(TODAY, POLICE, PREVENTION, 20, 200),)


def test_a_reopened_ledger_remembers(path: Path, ledger: Ledger) -> None:
    """Use, nonces, destructions and the last checkpoint are there for whoever opens the file next."""
    ledger.reserve(POLICE, PREVENTION, TODAY, 60, 100)
    ledger.remember(POLICE, "n1", NOW)
    ledger.begin_destruction(range(2, 4), NOW)
    ledger.advance("log", NOW, lambda last: (None, Witnessed(7, b"r" * 32, "note")))
    again = Ledger(path)
    assert again.reserve(POLICE, PREVENTION, TODAY, 41, 100) == Spent(False, 60)
    with pytest.raises(AuthenticationError):
        again.remember(POLICE, "n1", NOW)
    assert again.destructions() == (Destruction(Epoch(2), NOW, None), Destruction(Epoch(3), NOW, None))
    assert again.advance("log", NOW, lambda last: (last, None)) == Witnessed(7, b"r" * 32, "note")
    again.close()


def test_the_file_is_written_through(ledger: Ledger) -> None:
    """Every connection waits for the disk: WAL with synchronous FULL."""
    with ledger._transaction() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar_one() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar_one() == 2


def test_a_nonce_counts_once_per_party(ledger: Ledger) -> None:
    """The same nonce is refused a second time from the same party only."""
    ledger.remember(POLICE, "n1", NOW)
    ledger.remember(CARE, "n1", NOW)
    with pytest.raises(AuthenticationError) as caught:
        ledger.remember(POLICE, "n1", NOW)
    assert caught.value.code is Code.SIGNATURE_REPLAYED


def test_a_nonce_is_forgotten_only_after_its_request_is_too_old(ledger: Ledger) -> None:
    """A nonce outlives its request's expiry by the margin, and is then forgotten."""
    ledger.remember(POLICE, "n1", NOW)
    ledger.forget_expired(NOW + NONCE_MARGIN)
    with pytest.raises(AuthenticationError):
        ledger.remember(POLICE, "n1", NOW)
    ledger.forget_expired(NOW + NONCE_MARGIN + timedelta(seconds=1))
    ledger.remember(POLICE, "n1", NOW)


def test_refusals_are_summed_per_day(ledger: Ledger) -> None:
    """Refusals of one day, agency, purpose and code are one line with the number of requests and elements."""
    for minute in (0, 0, 5):
        at = NOW + timedelta(minutes=minute)
        ledger.refuse(at, POLICE, PREVENTION, Code.BUDGET_EXHAUSTED, 10)
    ledger.refuse(NOW, None, None, Code.SIGNATURE_INVALID, 0)
    assert ledger.refusals(TODAY) == (
        Refusals(TODAY, "-", "-", "signature_invalid", 1, 0),
        Refusals(TODAY, POLICE, PREVENTION, "budget_exhausted", 3, 30),
    )
    assert ledger.refusals(TODAY + timedelta(days=1)) == ()


def test_a_destruction_is_begun_and_finished(ledger: Ledger) -> None:
    """A destruction keeps the time it was begun, also when it is begun again, and gets the time it was finished."""
    later = NOW + timedelta(hours=1)
    ledger.begin_destruction(range(2, 3), NOW)
    ledger.begin_destruction(range(2, 4), later)
    ledger.finish_destruction(Epoch(3), later)
    assert ledger.destructions() == (Destruction(Epoch(2), NOW, later), Destruction(Epoch(3), later, None))


def test_a_decision_that_fails_leaves_the_last_checkpoint(ledger: Ledger) -> None:
    """When the decision about a checkpoint raises, the remembered one stays."""
    ledger.advance("log", NOW, lambda last: (None, Witnessed(7, b"r" * 32, "note")))

    def fail(last: Witnessed | None) -> tuple[None, Witnessed]:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        ledger.advance("log", NOW, fail)
    assert ledger.advance("log", NOW, lambda last: (last, None)) == Witnessed(7, b"r" * 32, "note")


def test_another_program_that_holds_the_file_makes_it_unavailable(
    path: Path, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the file cannot be written, the caller hears not_logged and nothing was reserved."""
    monkeypatch.setattr("keyholder.tables.BUSY_SECONDS", 0)
    impatient = Ledger(path)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(UnavailableError) as caught:
        impatient.reserve(POLICE, PREVENTION, TODAY, 1, 100)
    other.execute("ROLLBACK")
    other.close()
    impatient.close()
    assert caught.value.code is Code.NOT_LOGGED
    assert ledger.usage(TODAY) == ()


def test_a_foreign_file_is_refused(tmp_path: Path) -> None:
    """A file that is not a ledger of this version is refused, and not turned into one."""
    text, other = tmp_path / "text", tmp_path / "other.sqlite"
    text.write_text("not a database, whatever its name says, and long enough to look like a header")
    sqlite3.connect(other).execute("PRAGMA user_version = 9").close()
    for path in (text, other):
        with pytest.raises(ConfigurationError):
            Ledger(path)


def test_the_file_is_for_its_owner_only(path: Path, ledger: Ledger) -> None:
    """Nobody but the owner may read or write the ledger."""
    assert path.stat().st_mode & 0o077 == 0
