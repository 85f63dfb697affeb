# SPDX-License-Identifier: EUPL-1.2
"""Rows of a query come in once, in any database, also when many have the same time or a transaction ends late."""

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agency_client.connectors.descriptions import SqlDescription, read_description
from agency_client.connectors.looks import Looked
from agency_client.connectors.settings import PasswordFrom
from agency_client.connectors.sql import SqlLook
from agency_client.states import SignalState
from broker import binaries, cluster
from protocol.errors import ConfigurationError, InputError, SluisError, UnavailableError
from tests.fakes.agency_session import MAPPING, Agency, agency_of, signed
from tests.fakes.small_world import NOW, make_world

SQLITE = """
kind: sql
url: sqlite:///{url}
query: SELECT id, given, name, born, NULL AS bsn, NULL AS tel, gone, n FROM zaak WHERE n > :cursor ORDER BY n
cursor: {{column: n, type: number, start: "0", overlap: 3}}
deletedColumn: gone
"""
POSTGRES = """
kind: sql
url: {url}
query: >-
  SELECT id, given, name, born, NULL AS bsn, NULL AS tel, changed_at FROM zaak WHERE changed_at > :cursor
  ORDER BY changed_at
cursor: {{column: changed_at, type: time, start: "2026-01-01T00:00:00+00:00", overlap: 60}}
deletions:
  query: SELECT id, gone_at FROM weg WHERE gone_at >= :cursor ORDER BY gone_at
  reference: id
  cursor: {{column: gone_at, type: time, start: "2026-01-01T00:00:00+00:00"}}
"""


def look_of(agency: Agency, text: str, environment: dict[str, str] | None = None) -> SqlLook:
    """Return the look of a description."""
    path = agency.connectors / "zaken.yaml"
    path.write_text(text)
    (agency.connectors / "zaken.mapping.yaml").write_text(MAPPING)
    found = read_description(path)
    assert isinstance(found.says, SqlDescription)
    return SqlLook(found, found.says, agency.session.home.folder, PasswordFrom(environment or {}))


def looked(look: SqlLook, agency: Agency) -> Looked:
    """Look once."""
    done = Looked()
    look.look(agency.session, lambda: False, done)
    return done


@dataclass
class Cases:
    """A case system on SQLite."""

    path: Path
    number: int = 0
    numbers: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.run("CREATE TABLE zaak (id, given, name, born, gone, n INTEGER)")

    def run(self, statement: str, *values: object) -> None:
        """Run a statement and commit."""
        with sqlite3.connect(self.path) as connection:
            connection.execute(statement, values)
        connection.close()

    def put(self, reference: str, n: int | None = None, given: str | None = "Anna", gone: object = None) -> None:
        """Add a case."""
        self.number = self.number + 1 if n is None else n
        born = "2001-01-31" if given else None
        self.run("INSERT INTO zaak VALUES (?, ?, 'Berg', ?, ?, ?)", reference, given, born, gone, self.number)


@pytest.fixture
def cases(tmp_path: Path) -> Cases:
    """Return an empty case system."""
    return Cases(tmp_path / "zaken.db")


def test_a_look_goes_on_where_the_last_one_was(agency: Agency, cases: Cases) -> None:
    """New rows are new, old ones known, and how far it is does not stand in the clear."""
    look = look_of(agency, SQLITE.format(url=cases.path))
    for number in range(5):
        cases.put(f"Z-{number}")
    assert looked(look, agency).admitted.new == 5
    cases.put("Z-5")
    done = looked(look, agency).admitted
    assert (done.new, done.known, done.rows) == (1, 0, 1)
    assert look.says.cursor.overlap == 3


def test_rows_with_one_value_are_all_taken_across_batches(
    agency: Agency, cases: Cases, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ties are read as a whole, also when the program stops in their midst."""
    monkeypatch.setattr("agency_client.connectors.sql.BATCH", 4)
    look = look_of(agency, SQLITE.format(url=cases.path))
    for number in range(11):
        cases.put(f"Z-{number}", n=7)
    stops = iter((False, True))
    done = Looked()
    look.look(agency.session, lambda: next(stops), done)
    assert done.admitted.new == 4
    assert looked(look, agency).admitted.new == 7
    cases.put("Z-late", n=7)
    assert looked(look, agency).admitted.new == 1


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.integers(-2, 2)),
        st.tuples(st.just("look"), st.integers(0, 4)),
    ),
    max_size=14,
)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_no_row_is_lost_or_doubled_whatever_the_order(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, steps: list[tuple[str, int]]
) -> None:
    """Rows with equal and with late values within the overlap, and looks that stop anywhere: each is taken once."""
    monkeypatch.setattr("agency_client.connectors.sql.BATCH", 2)
    folder = tmp_path_factory.mktemp("steps")
    agency, cases = agency_of(folder / "home", make_world(signed())), Cases(folder / "zaken.db")
    look = look_of(agency, SQLITE.format(url=cases.path))
    top, taken = 5, Looked()
    for number, (what, by) in enumerate(steps):
        if what == "put":
            # Less than the overlap of 3 behind the highest that a look may have seen: as docs/guide-systems.md says.
            cases.put(f"Z-{number}", n=max(1, top + min(by, 2)))
            top = max(top, top + by)
        else:
            left = iter(range(by))
            look.look(agency.session, lambda left=left: next(left, None) is None, taken)
    looked(look, agency)
    put = [f"Z-{number}" for number, (what, _) in enumerate(steps) if what == "put"]
    assert [len(agency.session.vault.signals.find(reference)) for reference in put] == [1] * len(put)
    assert looked(look, agency).admitted.rows == 0
    agency.session.vault.close()


def test_rows_that_are_gone_or_bad_are_dealt_with(agency: Agency, cases: Cases) -> None:
    """The deletion column withdraws; a bad row waits in quarantine once, however often it is seen."""
    look = look_of(agency, SQLITE.format(url=cases.path))
    cases.put("Z-1")
    cases.put("Z-2", given=None)
    assert looked(look, agency).admitted.new == 1
    cases.put("Z-1", gone="2026-11-21")
    # Within the overlap the first row is seen again before the deletion, in that order, and nothing comes back.
    for _ in range(3):
        looked(look, agency)
        assert agency.session.vault.signals.find("Z-1")[0].state is SignalState.WITHDRAWN
    assert agency.session.vault.quarantine.counts() == {"zaken": 1}
    assert len(agency.session.vault.signals.find("Z-1")) == 1


def test_a_history_is_read_once(agency: Agency, cases: Cases) -> None:
    """Of a table that keeps every version each look ends with the newest, and an older one does not come back."""
    look = look_of(agency, SQLITE.format(url=cases.path))
    cases.put("Z-1")
    cases.put("Z-1", given="Annelies")
    assert (looked(look, agency).admitted.new, looked(look, agency).admitted.rows) == (1, 0)
    cases.put("Z-2")
    assert looked(look, agency).admitted.rows == 1
    for number in range(9):
        cases.put(f"Y-{number}")
    looked(look, agency)
    looked(look, agency)
    assert len(agency.session.vault.connectors.seen("zaken")) <= 4, "what looks do not go back to is forgotten"
    agency.session.vault.connectors.rewind("zaken")
    assert looked(look, agency).admitted.rows == 12


def test_a_query_writes_nothing(agency: Agency, cases: Cases) -> None:
    """The connection can only read, whatever stands in the description."""
    writes = SQLITE.replace("SELECT id", "UPDATE zaak SET gone = 1 RETURNING id")
    text = writes.format(url=cases.path).split(" FROM zaak", 1)
    query = text[0] + " -- :cursor ORDER BY n\n" + text[1].split("\n", 1)[1]
    with pytest.raises((ConfigurationError, UnavailableError)):
        looked(look_of(agency, query), agency)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("ORDER BY n", "ORDER BY n DESC"), "not in the order"),
        (("type: number", "type: time"), "start of the cursor"),
        (("FROM zaak", "FROM geheim"), "cannot be reached|does not take the query"),
        (("column: n", "column: m"), "gives no column m"),
        (("given, name", "given"), "all columns of the mapping"),
    ],
)
def test_what_is_wrong_is_said_in_words(agency: Agency, cases: Cases, change: tuple[str, str], says: str) -> None:
    """A query that does not do as agreed is told, without the database's own words."""
    cases.put("Z-1")
    cases.put("Z-2")
    with pytest.raises(SluisError, match=says) as caught:
        looked(look_of(agency, SQLITE.format(url=cases.path).replace(*change)), agency)
    assert "geheim" not in str(caught.value)


def test_more_rows_than_a_look_within_the_overlap_are_said(agency: Agency, cases: Cases) -> None:
    """When a look cannot get past rows with one value it says so instead of reading them for ever."""
    look = look_of(agency, SQLITE.format(url=cases.path))
    look.most = 3
    for number in range(8):
        cases.put(f"Z-{number}", n=1)
    assert looked(look, agency).admitted.rows >= 3
    with pytest.raises(InputError, match="the same n"):
        looked(look, agency)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("postgresql+psycopg://a:geheim@db/x", "has a password"),
        ("postgresql+psycopg://a@db/x?password=geheim", "has a password"),
        ("oracle+nothing://a@db/x", "no driver"),
        ("geheim", "not an address"),
        ("postgresql+psycopg://a@127.0.0.1:1/geheim", "cannot be reached"),
    ],
)
def test_an_address_that_cannot_be_used_is_not_repeated(agency: Agency, url: str, says: str) -> None:
    """Errors about an address say what is wrong and repeat nothing of it."""
    with pytest.raises(SluisError, match=says) as caught:
        looked(look_of(agency, SQLITE.replace("sqlite:///{url}", "{url}").format(url=url)), agency)
    assert "geheim" not in str(caught.value)


def test_a_password_comes_from_a_file_of_its_own_or_a_variable(tmp_path: Path) -> None:
    """The file may be read by nobody else, and a variable must be there."""
    path = tmp_path / "db.password"
    path.write_text("geheim\n")
    path.chmod(0o644)
    source = PasswordFrom({"DB": "uit-omgeving"})
    with pytest.raises(ConfigurationError, match="Other users"):
        source.read(tmp_path, "db.password", None)
    path.chmod(0o600)
    found = source.read(tmp_path, "db.password", None), source.read(tmp_path, None, "DB")
    assert [one.reveal() if one else None for one in found] == ["geheim", "uit-omgeving"]
    with pytest.raises(ConfigurationError, match="no variable"):
        source.read(tmp_path, None, "OTHER")


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    """A real PostgreSQL: its libpq address."""
    folder = Path(tempfile.mkdtemp(prefix="sluis-pg-", dir="/tmp"))
    folder.chmod(0o755)
    forced = os.environ.get("SLUIS_TEST_POSTGRES_BIN")
    started = cluster.start(folder / "postgres", binaries.find(Path(forced) if forced else None, os.environ["PATH"]))
    yield started.url()
    started.stop()
    shutil.rmtree(folder, ignore_errors=True)


INSERT = "INSERT INTO zaak VALUES (%s, 'Anna', 'Berg', '2001-01-31', %s)"


def test_postgresql_with_late_transactions_and_deletions(agency: Agency, postgres: str) -> None:
    """On a real PostgreSQL: ties, a row that was committed late, a year mistyped, and deletions by a second query."""
    moment = datetime(2026, 11, 20, 12, tzinfo=UTC)
    assert moment < NOW
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute("CREATE TABLE zaak (id text, given text, name text, born date, changed_at timestamptz)")
        connection.execute("CREATE TABLE weg (id text, gone_at timestamptz)")
        for number in range(300):
            connection.execute(INSERT, (f"Z-{number}", moment))
        connection.execute(INSERT, ("Z-far", datetime(2999, 1, 1, tzinfo=UTC)))
        look = look_of(agency, POSTGRES.format(url=postgres.replace("postgresql://", "postgresql+psycopg://")))
        assert looked(look, agency).admitted.new == 301
        connection.execute(INSERT, ("Z-late", moment - timedelta(seconds=30)))
        connection.execute(INSERT, ("Z-same", moment))
        connection.execute("INSERT INTO weg VALUES ('Z-7', %s)", (moment,))
        done = looked(look, agency).admitted
        assert (done.new, done.withdrawn) == (2, 1)
        done = looked(look, agency).admitted
        assert (done.new, done.changed, done.withdrawn) == (0, 0, 0)
        assert agency.session.vault.signals.find("Z-7")[0].state is SignalState.WITHDRAWN
        connection.execute("INSERT INTO weg VALUES ('Z-8', %s)", (moment,))
        connection.execute("UPDATE zaak SET changed_at = %s WHERE id = 'Z-8'", (moment + timedelta(seconds=5),))
        done = looked(look, agency).admitted
        assert (done.new, done.withdrawn) == (1, 1)
        assert agency.session.vault.signals.find("Z-8")[0].state is SignalState.NEW, "it went and came back"
        writing = POSTGRES.replace("SELECT id, given", "INSERT INTO zaak SELECT id, given")
        with pytest.raises(ConfigurationError, match="does not take the query"):
            looked(
                look_of(agency, writing.format(url=postgres.replace("postgresql://", "postgresql+psycopg://"))), agency
            )
