# SPDX-License-Identifier: EUPL-1.2
"""Evidence as its users meet it: an agency verifies, takes a day out, and a supervisor checks it with no network."""

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from edge.findings import FINDINGS
from protocol.covenant import Covenant
from protocol.covenant_bundle import pack
from protocol.errors import Code
from tests.fakes.keyholders import ENVIRONMENT
from tests.fakes.no_network import NO_NETWORK
from tests.fakes.people_files import by_phone
from tests.fakes.processes import run
from tests.fakes.whole_system import System

POLICE, CARE, SUPERVISOR = "police-oost", "care-linde", "supervisor-mid"
KNOWN = 790
WHY = ("--case", "Z-9", "--reason-code", "own-case", "--reason", "Lopende zaak", "--person", "a.bakker")
ROOT = Path(__file__).parents[2]


def export(system: System, agency: str, out: Path) -> Any:
    """Take out this day, and return what the command says."""
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    options = ["--log-purpose", "lawfulness-check", "--from", today, "--until", today, "--as", "f.g", "--json"]
    line = ["audit", "export", "--home", str(system.home(agency)), "--out", str(out), *options]
    return json.loads(run(line, environment=ENVIRONMENT, seconds=300).stdout)


def check(*arguments: object, status: int = 0) -> Any:
    """Return what the auditor's command finds, where every use of a socket is an error."""
    command = [sys.executable, "-c", NO_NETWORK, "audit", "check-pack", *map(str, arguments), "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == status, done.stderr
    return json.loads(done.stdout)


def test_evidence_from_the_act_to_whoever_doubts_it(system: System, tmp_path: Path) -> None:
    """Own entries are opened and fine, a pack holds offline, one changed byte does not, a supervisor gets all of it."""
    for agency, prefix in ((POLICE, "EP"), (CARE, "EC")):
        file = by_phone(tmp_path / f"{prefix}.csv", prefix, [KNOWN])
        assert system.read(agency, "push", str(file), *system.purpose_of(agency))["accepted"] == 1
    (hit,) = [one for one in system.read(POLICE, "inbox")["hits"] if one["reference"] == f"EP-{KNOWN}"]
    system.agency(POLICE, "open", hit["hitId"], *WHY)

    first = system.read(POLICE, "verify", "--onward", "--log-purpose", "self-monitoring")
    assert first["own"]["fine"] >= 3
    assert first["own"]["covenantUnknown"] == []
    second = system.read(POLICE, "verify", "--onward")
    assert second["readFrom"] <= first["size"] <= second["size"]
    assert "own" not in second
    own = run(["audit", "verify-own", "--home", str(system.home(POLICE)), "--lang", "nl"], environment=ENVIRONMENT)
    assert "Het logboek klopt" in str(own.stdout)

    told = export(system, POLICE, tmp_path / "police.zip")
    assert told["entries"] >= first["own"]["fine"]
    (tmp_path / "covenant.json").write_bytes(pack(system.files))
    given = ("--covenant", tmp_path / "covenant.json")
    found = check(tmp_path / "police.zip", *given)
    assert (found["entries"], found["agency"], found["pagesCompared"]) == (told["entries"], POLICE, True)
    assert len(found["cosigners"]) >= 2
    assert found["covenantsUnsigned"] == []

    whole = export(system, SUPERVISOR, tmp_path / "supervisor.zip")
    assert whole["entries"] > told["entries"]
    assert check(tmp_path / "supervisor.zip", *given)["agency"] == SUPERVISOR

    raw = bytearray((tmp_path / "police.zip").read_bytes())
    raw[raw.index(b'"entries"') + 40] ^= 1
    (tmp_path / "bent.zip").write_bytes(raw)
    bent = check(tmp_path / "bent.zip", *given, status=FINDINGS[Code.PACK_INVALID])
    assert bent["holds"] is False
    assert Covenant.parse(system.files).sha256.encode() in raw
