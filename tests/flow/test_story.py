# SPDX-License-Identifier: EUPL-1.2
"""The main line as its users meet it: from two agencies' files to an opened contact, and a signal taken back."""

from pathlib import Path

from tests.fakes.people_files import by_phone
from tests.fakes.whole_system import System

WHY = ("--reason-code", "own-case", "--reason", "Lopende zaak", "--case", "Z-1", "--person", "a.bakker")


def test_a_story_from_push_to_contact(system: System, tmp_path: Path) -> None:
    """Two agencies push, both are told in one sentence, and a contact opens once its reason stands in the log."""
    for agency, prefix in (("police-oost", "SP"), ("care-linde", "SC")):
        file = by_phone(tmp_path / f"{prefix}.csv", prefix, range(100, 103))
        pushed = system.read(agency, "push", str(file), *system.purpose_of(agency))
        assert (pushed["accepted"], pushed["waiting"]) == (3, 0)
    hits = [hit for hit in system.read("police-oost", "inbox")["hits"] if hit["reference"].startswith("SP-")]
    assert {hit["reference"] for hit in hits} == {"SP-100", "SP-101", "SP-102"}
    assert hits[0]["sentence"].startswith("Jeugdzorg De Linde knows the person of SP-")
    opened = system.read("police-oost", "open", hits[0]["hitId"], *WHY)
    assert opened["parts"]["contact"]["unit"] == "Team van Jeugdzorg De Linde"
    system.agency("care-linde", "withdraw", "SC-100", "--reason", "mistake")
    system.agency("care-linde", "withdraw", "SC-100", "--reason", "mistake")
    states = {hit["reference"]: hit["state"] for hit in system.read("police-oost", "inbox")["hits"]}
    assert [states[f"SP-{n}"] for n in (100, 101, 102)] == ["withdrawn", "live", "live"]
    assert b"a.bakker" not in (system.home("police-oost") / "vault.db").read_bytes()
    assert system.read("police-oost", "verify")["receipts"] >= 8
