# SPDX-License-Identifier: EUPL-1.2
"""A request for more as its users meet it, through real processes: asked, seen, given with a file, read, proven."""

from pathlib import Path

from tests.fakes.keyholders import ENVIRONMENT
from tests.fakes.people_files import by_phone
from tests.fakes.processes import run
from tests.fakes.whole_system import System

POLICE, CARE = "police-oost", "care-linde"
KNOWN = 840
WHY = ("--case", "Z-17", "--reason", "Huisbezoek", "--person", "a.bakker")
SHORT = 18


def test_more_is_asked_given_and_read(system: System, tmp_path: Path) -> None:
    """Police ask care about a hit; care gives a text and a file; police save it; a second decision comes too late."""
    for agency, prefix in ((CARE, "VC"), (POLICE, "VP")):
        file = by_phone(tmp_path / f"{prefix}.csv", prefix, [KNOWN])
        assert system.read(agency, "push", str(file), *system.purpose_of(agency))["accepted"] == 1
    hits = system.read(POLICE, "inbox")["hits"]
    hit = next(one for one in hits if one["reference"] == f"VP-{KNOWN}")
    said = system.agency(POLICE, "more", hit["hitId"], "--topic", "safety-now", "--ask", "Is het veilig?", *WHY)
    assert "proven to stand in the log" in said
    system.agency(CARE, "inbox")
    (asked,) = [
        one for one in system.read(CARE, "requests", "--to-decide")["requests"] if one["reference"] == f"VC-{KNOWN}"
    ]
    assert (asked["wanted"], asked["topics"], asked["case"]) == ("Is het veilig?", ["safety-now"], "Z-17")
    letter = tmp_path / "brief.txt"
    letter.write_text("Bel bij de buren.")
    given = system.agency(CARE, "grant", asked["id"][:SHORT], "--text", "Bel eerst.", "--attach", str(letter))
    assert "Given, and proven" in given
    late = system.command(CARE, "refuse", asked["id"], "no-consent")
    assert "already_decided" in run(late, environment=ENVIRONMENT, status=None).stderr
    read = system.read(POLICE, "take", asked["id"], "--into", str(tmp_path / "in"), "--person", "a.bakker")
    assert (read["from"], read["text"]) == (CARE, "Bel eerst.")
    assert Path(read["attachments"][0]["saved"]).read_text() == "Bel bij de buren."
    system.agency(CARE, "inbox")
    states = {one["id"]: one["state"] for one in system.read(CARE, "requests")["requests"]}
    assert states[asked["id"]] == "received"
    assert system.read(POLICE, "verify")["findings"] == 0
    raw = (system.home(POLICE) / "vault.db").read_bytes()
    assert b"Bel bij de buren" not in raw
    assert b"Is het veilig" not in raw
