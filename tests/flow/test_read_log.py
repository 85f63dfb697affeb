# SPDX-License-Identifier: EUPL-1.2
"""The log as a privacy officer reads it: search, show and tail as processes against a running system."""

import json
import os
import signal
from pathlib import Path

from tests.fakes.keyholders import ENVIRONMENT
from tests.fakes.people_files import by_phone
from tests.fakes.processes import run, start
from tests.fakes.waiting import until
from tests.fakes.whole_system import System

POLICE, CARE = "police-oost", "care-linde"
KNOWN = 800
WHY = ("--log-purpose", "self-monitoring", "--as", "p.officer")
NO_PERMISSION, NO_INPUT, INPUT, INTERRUPTED = 77, 66, 65, 130


def _audit(system: System, command: str, *arguments: str, agency: str = POLICE, status: int = 0) -> str:
    line = ["audit", command, "--home", str(system.home(agency)), *arguments]
    done = run(line, environment=ENVIRONMENT, seconds=120, status=status)
    return str(done.stdout if status == 0 else done.stderr)


def test_the_log_from_searching_to_following(system: System, tmp_path: Path) -> None:
    """An officer finds what was done, reads an entry in plain words, and sees the next come; each reading is logged."""
    file = by_phone(tmp_path / "S.csv", "S", [KNOWN])
    assert system.read(POLICE, "push", str(file), *system.purpose_of(POLICE))["accepted"] == 1
    found = json.loads(_audit(system, "search", *WHY, "--operation", "collection", "--all", "--json"))
    last = found["entries"][-1]
    assert last["name"] == "SignalRegistered"
    assert (last["scope"], last["subjectPart"], last["rulesSigned"]) == ("own", "given", True)
    assert len(found["proof"]["cosigners"]) >= 2
    shown = _audit(system, "show", str(last["index"]), *WHY, "--lang", "nl")
    assert "Signaal geregistreerd (verzamelen)" in shown
    assert "in het logboek, bevestigd door" in shown
    read = json.loads(_audit(system, "search", *WHY, "--person", "p.officer", "--all", "--json"))
    assert {one["name"] for one in read["entries"]} == {"EventsRead"}
    assert {one["index"] for one in read["entries"]} >= set(found["readings"])
    nothing = _audit(system, "search", *WHY, "--from", "2030-01-01")
    assert "No entry fits that you may see." in nothing
    _follow(system, tmp_path, last["index"])


def _follow(system: System, tmp_path: Path, after: int) -> None:
    """Follow, let something happen, see it come, and stop with Ctrl-C."""
    line = ["audit", "tail", "--home", str(system.home(POLICE)), *WHY, "--after", str(after), "--every", "5", "--json"]
    with start(line, folder=tmp_path, name="tail", environment=ENVIRONMENT, wait=False) as tail:
        file = by_phone(tmp_path / "T.csv", "T", [KNOWN + 1])
        system.agency(POLICE, "push", str(file), *system.purpose_of(POLICE))
        until(lambda: "SignalRegistered" in tail.stdout())
        os.kill(tail.pid, signal.SIGINT)
        # Nothing waits on it: a loaded machine takes its time.
        assert tail.wait(90) == INTERRUPTED
        assert "Traceback" not in tail.logs()


def test_who_may_not_read_is_told_so(system: System) -> None:
    """Without one of the four reasons, or in another role, nothing is asked; an entry of others is not there."""
    assert "--log-purpose" in _audit(system, "search", "--log-purpose", "curiosity", status=INPUT)
    said = _audit(system, "search", *WHY, "--role", "coordinator", status=NO_PERMISSION)
    assert "policy_refused" in said
    assert "no entry 0" in _audit(system, "show", "0", *WHY, status=NO_INPUT)
