# SPDX-License-Identifier: EUPL-1.2
"""A question as its users meet it: asked by the police, answered at once, and seen by who knows the person."""

from pathlib import Path

import psycopg

from tests.fakes.keyholders import ENVIRONMENT
from tests.fakes.people_files import by_phone
from tests.fakes.processes import run
from tests.fakes.whole_system import System

POLICE, CARE, DALEN = "police-oost", "care-linde", "municipality-dalen"
PURPOSE = ("--purpose", "offender-prevention")
WHY = ("--case", "Z-9", "--reason-code", "own-case", "--reason", "Lopende zaak", "--person", "a.bakker")
KNOWN, UNKNOWN = 700, 701
NO_PERMISSION, NO_INPUT = 77, 65
GROWS = {"events", "event_handles", "notices", "notice_counters", "log_tiles", "log_head", "checkpoints", "nonces"}
GROWS |= {"cosignatures", "agency_cosignatures"}


def sizes(system: System) -> dict[str, int]:
    """Return how many rows each table of the broker has."""
    with psycopg.connect(system.database) as connection:
        names = connection.execute(
            "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
            "WHERE n.nspname = 'public' AND c.relkind = 'r'"
        ).fetchall()
        counted = {}
        for (name,) in names:
            row = connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()  # noqa: S608 - the catalogue's names
            assert row is not None
            counted[name] = row[0]
        return counted


def test_a_question_from_asking_to_its_trace(system: System, tmp_path: Path) -> None:
    """Police ask about somebody whom two others know: whom to call, at once; both see it; nothing else is kept."""
    for agency, prefix in ((CARE, "QC"), (DALEN, "QD")):
        file = by_phone(tmp_path / f"{prefix}.csv", prefix, [KNOWN])
        assert system.read(agency, "push", str(file), *system.purpose_of(agency))["accepted"] == 1
    before = sizes(system)
    asked = by_phone(tmp_path / "asked.csv", "Q", [KNOWN])
    answer = system.read(POLICE, "ask", *PURPOSE, *WHY, "--file", str(asked))
    assert {match["agency"] for match in answer["matches"]} == {CARE, DALEN}
    assert {match["parts"]["contact"]["phone"] for match in answer["matches"]} == {"088 000 00 00"}
    assert (answer["matches"][0]["quality"], answer["matches"][0]["kinds"]) == ("hit", ["phone"])
    assert answer["budget"]["used"] >= len(answer["matches"][0]["kinds"])
    said = system.agency(POLICE, "ask", *PURPOSE, *WHY, "--phone", f"06{10_000_000 + UNKNOWN}")
    assert "may know the person all the same" in said
    assert "Budget of this purpose today: used" in said
    assert "renews at" in said
    after = sizes(system)
    assert {name for name in after if after[name] != before[name]} <= GROWS
    for agency, reference in ((CARE, f"QC-{KNOWN}"), (DALEN, f"QD-{KNOWN}")):
        seen = [one for one in system.read(agency, "inbox")["queried"] if one["reference"] == reference]
        assert [(one["agency"], one["quality"], one["kinds"]) for one in seen] == [(POLICE, "hit", ["phone"])]
        assert seen[0]["sentence"].startswith(f"Politie Oost asked about the person of {reference} on ")
    assert system.read(POLICE, "verify")["findings"] == 0
    raw = (system.home(POLICE) / "vault.db").read_bytes()
    assert str(10_000_000 + KNOWN).encode() not in raw
    assert b"a.bakker" not in raw


def test_who_may_not_ask_is_told_so_before_anything_leaves(system: System) -> None:
    """Care may not look people up: its own client says so by the rule's name, and nothing reaches the broker."""
    before = sizes(system)
    line = system.command(CARE, "ask", *PURPOSE, *WHY, "--phone", "0612345678")
    done = run(line, environment=ENVIRONMENT, status=NO_PERMISSION)
    assert "Error (policy_refused, rule guard.not-an-asker)" in done.stderr
    assert "victim-protection" in done.stderr
    assert sizes(system)["events"] == before["events"]
    run(system.command(POLICE, "ask", *PURPOSE, *WHY), environment=ENVIRONMENT, status=NO_INPUT)
