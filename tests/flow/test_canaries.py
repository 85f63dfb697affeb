# SPDX-License-Identifier: EUPL-1.2
"""Canaries by the commands: drafted, lent, planted, touched by a push and a question, listed and withdrawn."""

import json
from pathlib import Path
from typing import Any

from tests.fakes.keyholders import ENVIRONMENT
from tests.fakes.people_files import by_phone
from tests.fakes.processes import run
from tests.fakes.whole_system import System

SUPERVISOR, COVER, TOUCHER = "supervisor-mid", "care-linde", "police-oost"
WHY = ("--reason-code", "own-case", "--reason", "Lopende zaak", "--case", "Z-1", "--person", "a.bakker")


def canary(system: System, agency: str, command: str, *arguments: str, status: int = 0) -> str:
    """Run a command of canaries."""
    line = ["agency", "canary", command, "--home", str(system.home(agency)), *arguments]
    return str(run(line, environment=ENVIRONMENT, seconds=120, status=status).stdout)


def draft(system: System, folder: Path, prefix: str, people: range) -> Path:
    """Let the supervisor draft canaries under the cover's name; return the request."""
    card = folder / "card.json"
    card.write_text(json.dumps({"unit": "Team van Jeugdzorg De Linde", "phone": "088 000 00 00"}))
    file, request = by_phone(folder / f"{prefix}.csv", prefix, people), folder / f"{prefix}.request.json"
    options = ["--purpose", "offender-prevention", "--grounds", "exploits-or-recruits", "--basis", "reporting-right"]
    more = ["--cover", COVER, "--contact", str(card), "--out", str(request)]
    canary(system, SUPERVISOR, "draft", str(file), *options, *more)
    return request


def test_canaries_from_draft_to_touch(system: System, tmp_path: Path) -> None:
    """Who touches a canary sees an ordinary hit of the cover, the supervisor is told who did, and the cover nothing."""
    request = draft(system, tmp_path, "CN", range(750, 753))
    kept = json.loads(request.read_text())["request"]
    assert (kept["planter"], kept["cover"], len(kept["statements"])) == (SUPERVISOR, COVER, 3)
    assert {name for one in kept["statements"] for name in one} == {"id", "purpose", "epoch", "partDigests"}
    signed = tmp_path / "signed.json"
    shown = canary(system, COVER, "lend", str(request), "--out", str(signed))
    assert "Toezichthouder Midden plants 3 signals about nobody in your name" in shown
    assert "3 canaries stand" in canary(system, SUPERVISOR, "plant", str(signed))
    # The cover's own signal about the same number, and a real hit of the cover to compare with.
    real = by_phone(tmp_path / "SC.csv", "KC", (750, 760))
    assert system.read(COVER, "push", str(real), *system.purpose_of(COVER))["accepted"] == 2
    pushed = by_phone(tmp_path / "SP.csv", "KP", (751, 760))
    assert system.read(TOUCHER, "push", str(pushed), *system.purpose_of(TOUCHER))["accepted"] == 2
    hits = {one["reference"]: one for one in system.read(TOUCHER, "inbox")["hits"]}
    touched, ordinary = hits["KP-751"], hits["KP-760"]
    differ = {name for name in touched if touched[name] != ordinary[name]}
    assert differ <= {"hitId", "seq", "reference", "signalId", "toldAt", "deadline", "sentence"}
    assert touched["sentence"].replace("751", "760") == ordinary["sentence"]
    contacts = [system.read(TOUCHER, "open", one["hitId"], *WHY)["parts"] for one in (touched, ordinary)]
    assert contacts[0] == contacts[1]
    asked = ["--purpose", "offender-prevention", "--phone", "0610000752", *WHY, "--json"]
    answers = json.loads(system.agency(TOUCHER, "ask", *asked))
    assert "Jeugdzorg De Linde" in json.dumps(answers, ensure_ascii=False)
    _require_told(system.read(SUPERVISOR, "inbox"))
    own = {one["reference"] for one in system.read(COVER, "inbox")["hits"]}
    assert "KC-760" in own
    assert not any(name.startswith("CN-") for name in own)
    asked_about = {one["reference"] for one in system.read(COVER, "inbox")["queried"]}
    assert not any(name.startswith(("CN-", "KC-")) for name in asked_about)
    assert "offender-prevention" in {one["purpose"] for one in system.read(TOUCHER, "status")["budgets"]}
    unusual = system.read(SUPERVISOR, "unusual", "--log-purpose", "lawfulness-check")["unusual"]
    assert all(one["count"] > one["limit"] for one in unusual)
    (touched,) = [one for one in unusual if one["reason"] == "canary"]
    assert (touched["agency"], touched["count"]) == (TOUCHER, 2)
    own = system.read(TOUCHER, "unusual", "--log-purpose", "self-monitoring")["unusual"]
    assert {one["agency"] for one in own} <= {TOUCHER}
    system.agency(TOUCHER, "unusual", "--log-purpose", "self-monitoring", "--role", "coordinator", status=77)
    canary(system, SUPERVISOR, "withdraw", "CN-751")
    states = {one["reference"]: one["state"] for one in _list(system)}
    assert states == {"CN-750": "stands", "CN-751": "withdrawn", "CN-752": "stands"}
    gone = {one["reference"]: one["state"] for one in system.read(TOUCHER, "inbox")["hits"]}
    assert (gone["KP-751"], gone["KP-760"]) == ("withdrawn", "live")


def _require_told(inbox: dict[str, Any]) -> None:
    (hit,), (query,) = inbox["hits"], inbox["queried"]
    assert hit["sentence"].startswith("Canary touched: Politie Oost signalled about the person of CN-751 on ")
    assert query["sentence"].startswith("Canary touched: Politie Oost asked about the person of CN-752 on ")
    assert (hit["canary"], query["canary"], hit["deadline"]) == (True, True, None)
    assert inbox["findings"] == []


def _list(system: System) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(canary(system, SUPERVISOR, "list", "--json"))["canaries"]
    return found
