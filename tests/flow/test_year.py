# SPDX-License-Identifier: EUPL-1.2
"""A year of the log as a process against a running system: an officer's own and a supervisor's of all."""

import json
from datetime import UTC, datetime
from pathlib import Path

from tests.fakes.keyholders import ENVIRONMENT
from tests.fakes.page_reader import check_self_contained
from tests.fakes.people_files import by_phone
from tests.fakes.processes import run
from tests.fakes.whole_system import System

POLICE, SUPERVISOR = "police-oost", "supervisor-mid"
KNOWN = 900


def _year(system: System, agency: str, *arguments: str) -> str:
    year = str(datetime.now(UTC).year)
    line = ["audit", "year", year, "--home", str(system.home(agency)), "--log-purpose", "lawfulness-check", *arguments]
    return str(run(line, environment=ENVIRONMENT, seconds=300, status=0).stdout)


def test_a_year_is_told_with_its_proof(system: System, tmp_path: Path) -> None:
    """The officer's folder has page, tables and checkpoint; a supervisor counts everybody's entries too."""
    file = by_phone(tmp_path / "Y.csv", "Y", [KNOWN])
    assert system.read(POLICE, "push", str(file), *system.purpose_of(POLICE))["accepted"] == 1
    out = tmp_path / "year"
    said = _year(system, POLICE, "--out", str(out), "--lang", "nl")
    assert "Het jaar is nog niet om" in said
    own = json.loads(next(out.glob("year-*.json")).read_text())
    assert own["entries"] == sum(row["count"] for row in own["tables"]["months"])
    assert any(row["event"] == "SignalRegistered" for row in own["tables"]["kinds"])
    assert len(own["proof"]["cosigners"]) >= 2
    assert own["proof"]["root"] in next(out.glob("*-checkpoint.txt")).read_text()
    check_self_contained(next(out.glob("*.html")).read_text())
    assert len(list(out.glob("*.csv"))) == len(own["tables"])
    everybody = json.loads(_year(system, SUPERVISOR, "--json"))
    assert everybody["supervised"]
    assert everybody["entries"] > own["entries"]
    assert {row["agency"] for row in everybody["tables"]["agencies"]} > {POLICE}
