# SPDX-License-Identifier: EUPL-1.2
"""Receipts as their users meet them: written by an agency of a running system, checked where there is no network."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from protocol.covenant import Covenant
from tests.fakes.no_network import NO_NETWORK
from tests.fakes.people_files import by_phone
from tests.fakes.whole_system import System

POLICE, CARE = "police-oost", "care-linde"
KNOWN = 780
WHY = ("--case", "Z-9", "--reason-code", "own-case", "--reason", "Lopende zaak", "--person", "a.bakker")
ROOT = Path(__file__).parents[2]


def checked(*arguments: object) -> Any:
    """Return what the auditor's command finds, where every use of a socket is an error."""
    command = [sys.executable, "-c", NO_NETWORK, "audit", "check", *map(str, arguments), "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_receipts_from_the_act_to_whoever_doubts_it(system: System, tmp_path: Path) -> None:
    """A push, a hit and its opening each give a file; with the covenant beside it, it holds on a machine offline."""
    for agency, prefix in ((POLICE, "RP"), (CARE, "RC")):
        file = by_phone(tmp_path / f"{prefix}.csv", prefix, [KNOWN])
        assert system.read(agency, "push", str(file), *system.purpose_of(agency))["accepted"] == 1
    (hit,) = [one for one in system.read(POLICE, "inbox")["hits"] if one["reference"] == f"RP-{KNOWN}"]
    system.agency(POLICE, "open", hit["hitId"], *WHY)
    out = tmp_path / "out"
    answer = system.read(POLICE, "receipts", "--signal", f"RP-{KNOWN}", "--out", str(out))
    told = {one["event"]: one["file"] for one in answer["receipts"]}
    assert set(told) == {"SignalRegistered", "NoticeIssued", "HitOpened"}
    covenants = [option for name in answer["covenants"] for option in ("--covenant", out / name)]
    found = checked(*(out / name for name in told.values()), *covenants)
    assert {one["event"]: one["file"] for one in found["receipts"]} == told
    assert {one["agency"] for one in found["receipts"] if one["event"] != "NoticeIssued"} == {POLICE}
    assert all(len(one["witnesses"]) >= 2 and one["covenant"]["known"] for one in found["receipts"])
    sha256 = found["unsignedCovenants"]
    assert sha256 == [Covenant.read((out / name).read_bytes()).sha256 for name in answer["covenants"]]
    bare = tmp_path / "bare"
    answer = system.read(POLICE, "receipts", "--hit", hit["hitId"], "--without-subject", "--out", str(bare))
    found = checked(*(bare / one["file"] for one in answer["receipts"]), *covenants)
    assert [one["subjectLeftOut"] for one in found["receipts"]] == [True, True]
    raw = b"".join(file.read_bytes() for file in bare.glob("*.tlog-proof"))
    assert hit["hitId"].encode() not in raw
