# SPDX-License-Identifier: EUPL-1.2
"""Erasing as its users do it: a privacy officer's own signal, and one entry by the operator on order."""

from pathlib import Path

import psycopg

from tests.fakes.keyholders import ENVIRONMENT
from tests.fakes.people_files import by_phone
from tests.fakes.processes import run
from tests.fakes.whole_system import System

POLICE, CARE = "police-oost", "care-linde"
KNOWN = 820
WHY = ("--ground", "wrong-person", "--reason", "Verwisseld", "--case", "Z-820", "--person", "f.gegevens", "--yes")
REFUSED = 77


def _mentions(system: System, text: str) -> list[str]:
    with psycopg.connect(system.database) as connection:
        names = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        found = []
        for (name,) in names:
            query = f'SELECT count(*) FROM "{name}" AS t WHERE t::text LIKE %s OR t::text LIKE %s'  # noqa: S608
            row = connection.execute(query, (f"%{text}%", f"%{text.encode().hex()}%")).fetchone()  # type: ignore[arg-type]
            if row is not None and row[0]:
                found.append(name)
    return found


def test_a_signal_is_erased_and_everything_still_verifies(system: System, tmp_path: Path) -> None:
    """The broker forgets a signal; the other side, which had read nothing yet, reads on, and both verify the log."""
    for agency, prefix in ((POLICE, "EP"), (CARE, "EC")):
        file = by_phone(tmp_path / f"{prefix}.csv", prefix, [KNOWN])
        assert system.read(agency, "push", str(file), *system.purpose_of(agency))["accepted"] == 1
    (signal,) = (one for one in system.read(POLICE, "signals")["signals"] if one["reference"] == f"EP-{KNOWN}")
    assert "signals" in _mentions(system, signal["signalId"])
    system.agency(POLICE, "erase", f"EP-{KNOWN}", *WHY, "--role", "coordinator", status=REFUSED)
    said = system.agency(POLICE, "erase", f"EP-{KNOWN}", *WHY)
    assert "is erased; entry" in said
    assert _mentions(system, signal["signalId"]) == []
    assert system.agency(POLICE, "erase", f"EP-{KNOWN}", *WHY) == said
    told = system.read(CARE, "inbox")
    assert f"EC-{KNOWN}" not in [one["reference"] for one in told["hits"]]
    for agency in (POLICE, CARE):
        assert system.read(agency, "verify")["findings"] == 0


def test_the_operator_sees_first_what_an_order_erases(system: System) -> None:
    """Beside a running broker the operator is shown what an order would erase; what concerns nobody is not erased."""
    command = ["broker", "erase", "--home", str(system.folder / "broker"), "--database", system.database]
    about_nobody = run([*command, "--index", "0", "--ground", "court-order"], environment=ENVIRONMENT, status=None)
    assert about_nobody.returncode != 0
    with psycopg.connect(system.database) as connection:
        row = connection.execute("SELECT max(log_index) FROM events WHERE kind = 8 AND erased_by IS NULL").fetchone()
    assert row is not None
    options = ["--index", str(row[0]), "--ground", "court-order", "--dry-run"]
    shown = str(run([*command, *options], environment=ENVIRONMENT).stdout)
    assert f"Whom 1 of the log's entries concern: {row[0]}." in shown
    assert "Nothing was erased." in shown
