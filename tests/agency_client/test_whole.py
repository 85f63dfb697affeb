# SPDX-License-Identifier: EUPL-1.2
"""The client's commands against real key-holders and a real broker: the story, outages, and kills at random moments."""

import csv
import random
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.keyholders import ENVIRONMENT
from tests.fakes.processes import start
from tests.fakes.whole_system import System, whole_system

COLUMNS = ["kenmerk", "voornaam", "achternaam", "geboortedatum", "telefoon"]
KILLS = 3
PEOPLE = 300


@pytest.fixture(scope="module")
def system() -> Iterator[System]:
    """Return a running system."""
    # Not pytest's folder, which is closed to the unprivileged user that a private PostgreSQL runs as.
    with tempfile.TemporaryDirectory(prefix="sluis-test-") as folder:
        Path(folder).chmod(0o711)
        with whole_system(Path(folder)) as made:
            yield made


def write(path: Path, prefix: str, people: range, surname: str = "Berg") -> Path:
    """Write a file of people who are told apart by phone and birth date."""
    with path.open("w", newline="") as file:
        rows = csv.writer(file, delimiter=";")
        rows.writerow(COLUMNS)
        for n in people:
            born = f"{n % 28 + 1:02}-{n % 12 + 1:02}-{1960 + n % 40}"
            rows.writerow([f"{prefix}-{n}", f"Anna{chr(97 + n % 26)}", surname, born, f"06{10_000_000 + n}"])
    return path


def test_a_story_from_push_to_contact(system: System, tmp_path: Path) -> None:
    """Two agencies push, both are told in one sentence, and a contact opens once its reason stands in the log."""
    for agency, prefix in (("police-oost", "P"), ("care-linde", "C")):
        file = write(tmp_path / f"{prefix}.csv", prefix, range(3))
        pushed = system.read(agency, "push", str(file), *system.purpose_of(agency))
        assert (pushed["accepted"], pushed["waiting"]) == (3, 0)
    hits = system.read("police-oost", "inbox")["hits"]
    assert {hit["reference"] for hit in hits} == {"P-0", "P-1", "P-2"}
    assert hits[0]["sentence"].startswith("Jeugdzorg De Linde knows the person of P-")
    why = ["--reason-code", "own-case", "--reason", "Lopende zaak", "--case", "Z-1", "--person", "a.bakker"]
    opened = system.read("police-oost", "open", hits[0]["hitId"][:8], *why)
    assert opened["parts"]["contact"]["unit"] == "Team van Jeugdzorg De Linde"
    system.agency("care-linde", "withdraw", "C-0", "--reason", "mistake")
    system.agency("care-linde", "withdraw", "C-0", "--reason", "mistake")
    states = {hit["reference"]: hit["state"] for hit in system.read("police-oost", "inbox")["hits"]}
    assert states == {"P-0": "withdrawn", "P-1": "live", "P-2": "live"}
    assert b"a.bakker" not in (system.home("police-oost") / "vault.db").read_bytes()
    assert system.read("police-oost", "verify")["receipts"] >= 8


def test_with_two_key_holders_down_a_push_waits(system: System, tmp_path: Path) -> None:
    """One key-holder down changes nothing; with two down the push waits with status 75, and `send` finishes it."""
    system.running["holder-1"].stop()
    file = write(tmp_path / "one.csv", "ONE", range(2_000, 2_003))
    assert system.read("police-oost", "push", str(file), *system.purpose_of("police-oost"))["accepted"] == 3
    system.running["holder-2"].stop()
    file = write(tmp_path / "two.csv", "TWO", range(3_000, 3_003))
    pushed = system.read("police-oost", "push", str(file), *system.purpose_of("police-oost"), status=75)
    assert (pushed["accepted"], pushed["waiting"]) == (0, 3)
    system.start_holder(1)
    system.start_holder(2)
    assert system.read("police-oost", "send")["accepted"] == 3


def test_a_killed_client_loses_and_doubles_nothing(system: System, tmp_path: Path) -> None:
    """Killed again and again at random moments of a push, the client ends with every record proven exactly once."""
    chance = random.Random(20261121)
    file = write(tmp_path / "kill.csv", "K", range(10_000, 10_000 + PEOPLE), "Kil")
    line = system.command("police-oost", "push", str(file), *system.purpose_of("police-oost"), "--json")
    for attempt in range(KILLS):
        process = start(line, folder=tmp_path, name=f"push-{attempt}", environment=ENVIRONMENT, wait=False)
        time.sleep(chance.uniform(1.0, 4.5))
        process.kill()
    system.read("police-oost", "push", str(file), *system.purpose_of("police-oost"))
    mine = [one for one in system.read("police-oost", "signals")["signals"] if one["reference"].startswith("K-")]
    assert sorted(one["reference"] for one in mine) == sorted(f"K-{10_000 + n}" for n in range(PEOPLE))
    assert {one["state"] for one in mine} == {"accepted"}
    other = write(tmp_path / "other.csv", "O", range(10_000, 10_000 + PEOPLE, 9), "Kil")
    system.read("care-linde", "push", str(other), *system.purpose_of("care-linde"))
    told = system.read("police-oost", "inbox")["hits"]
    # By phone only: these made-up people also resemble each other by name and birth date.
    hits = [one for one in told if one["reference"].startswith("K-") and one["quality"] == "hit"]
    assert sorted(one["reference"] for one in hits) == sorted(f"K-{n}" for n in range(10_000, 10_000 + PEOPLE, 9))
    assert system.read("police-oost", "verify")["findings"] == 0
