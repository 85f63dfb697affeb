# SPDX-License-Identifier: EUPL-1.2
"""Files become new signals in the vault: bad rows are named beside the file, good rows go on, memory stays."""

import csv
import subprocess
import sys
from pathlib import Path

import pytest

from agency_client.draft import Draft
from agency_client.intake import Intake, Taken
from agency_client.mapping import Mapping
from agency_client.vault import Vault
from protocol.ids import PartyId
from protocol.policy import PolicyEngine
from tests.fakes.agency import clock
from tests.fakes.agency_vault import open_vault
from tests.fakes.small_world import World

MAPPING = Mapping(
    (("id", "reference"), ("given", "given_names"), ("name", "surname"), ("born", "birth_date"), ("bsn", "bsn")),
    (("purpose", "offender-prevention"), ("grounds", "early-offences"), ("basis", "legal-duty")),
)
ROWS = "id,given,name,born,bsn\nP-1,Anna,de Vries,2004-02-29,\nP-2,Bram,Berg,1999-01-31,123456789\nP-3,,,,\nP-4,x\n"


@pytest.fixture
def intake(world: World) -> Intake:
    """Return the intake of the police, with a contact card."""
    covenant = world.kit.covenant
    return Intake(PolicyEngine(covenant), covenant.agency(PartyId("police-oost")), {"unit": "Team Oost"}, clock)


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    """Return an empty vault."""
    return open_vault(tmp_path)


def take(intake: Intake, vault: Vault, path: Path, mapping: Mapping = MAPPING) -> Taken:
    """Take a file in."""
    return intake.take(path, mapping, vault, lambda _: None)


def test_bad_rows_are_named_and_good_rows_go_on(intake: Intake, vault: Vault, tmp_path: Path) -> None:
    """A broken or empty row is not sent, a bad value is left out, and the file beside says which and why."""
    path = tmp_path / "people.csv"
    path.write_text(ROWS)
    taken = take(intake, vault, path)
    assert (taken.rows, taken.quarantined, taken.partly, taken.added.new) == (4, 2, 1, 2)
    with (tmp_path / "people.csv.quarantine.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["row"], row["sent"], row["reason"]) for row in rows] == [
        ("3", "rest", "bad-check-digit"),
        ("4", "no", "invalid_identifier"),
        ("5", "no", "too-few-cells"),
    ]
    assert "123456789" not in (tmp_path / "people.csv.quarantine.csv").read_text()
    draft = Draft.from_bytes(vault.pending.batch(1)[0].draft)
    assert draft.parts == {"contact": {"unit": "Team Oost"}}


def test_the_same_file_again_adds_nothing(intake: Intake, vault: Vault, tmp_path: Path) -> None:
    """Reading a file again finds every record known, and a corrected row is taken as changed."""
    path = tmp_path / "people.csv"
    path.write_text(ROWS)
    take(intake, vault, path)
    again = take(intake, vault, path)
    assert (again.added.new, again.added.known) == (0, 2)
    path.write_text(ROWS.replace("123456789", "123456782"))
    assert take(intake, vault, path).added.changed == 1


def test_a_record_that_says_nothing_is_as_urgent_as_its_purpose(intake: Intake, vault: Vault, tmp_path: Path) -> None:
    """Without a word on urgency the purpose decides: a victim's signal is urgent, and a record may say otherwise."""
    path = tmp_path / "victims.csv"
    path.write_text("id,given,name,born,haste\nV-1,Anna,de Vries,2009-02-28,\nV-2,Bo,de Vries,2010-02-28,normaal\n")
    victims = Mapping(
        (*MAPPING.columns[:4], ("haste", "urgency")),
        (("purpose", "victim-protection"), ("grounds", "runaway-minor"), ("basis", "legal-duty")),
    )
    take(intake, vault, path, victims)
    found = [Draft.from_bytes(pending.draft).urgency for pending in vault.pending.batch(2)]
    assert found == ["urgent", "normal"]


def test_what_the_covenant_forbids_is_said_before_sending(intake: Intake, vault: Vault, tmp_path: Path) -> None:
    """A basis or ground that the broker would refuse for certain keeps the row here, with the possible ones."""
    path = tmp_path / "people.csv"
    path.write_text(ROWS)
    taken = take(intake, vault, path, MAPPING.with_constants(basis="consent", grounds="no-such-ground"))
    assert (taken.quarantined, taken.added.new) == (4, 0)
    text = (tmp_path / "people.csv.quarantine.csv").read_text()
    assert "unknown-basis" in text
    assert "legal-duty" in text
    assert "unknown-ground" in text


@pytest.mark.parametrize(
    ("constants", "rule"),
    [
        ({"informed": "deferred"}, "guard.deferral-without-review"),
        ({"informed": "deferred", "review_on": "2027-11-01"}, "guard.deferral-without-review"),
        ({"informed": "deferred", "review_on": "2026-12-01"}, None),
        ({"informed": "informed"}, None),
    ],
)
def test_what_a_rule_refuses_is_kept_here_with_its_own_sentence(
    intake: Intake, vault: Vault, tmp_path: Path, constants: dict[str, str], rule: str | None, world: World
) -> None:
    """A record that the broker's rules would refuse stays here, and the quarantine names the rule and what it says."""
    path = tmp_path / "people.csv"
    path.write_text(ROWS)
    taken = take(intake, vault, path, MAPPING.with_constants(**constants))
    text = (tmp_path / "people.csv.quarantine.csv").read_text()
    assert taken.added.new == (0 if rule else 2)
    if rule is not None:
        assert text.count(rule) == 2
        assert PolicyEngine(world.kit.covenant).rules[rule].says in text


def test_what_only_time_refuses_waits_in_the_vault(world: World, vault: Vault, tmp_path: Path) -> None:
    """When the covenant's signatures just became too old nothing is lost: the records wait until that is mended."""
    path = tmp_path / "people.csv"
    path.write_text(ROWS)
    ended = PolicyEngine(world.kit.covenant, until=clock())
    intake = Intake(ended, ended.covenant.agency(PartyId("police-oost")), {}, clock)
    assert take(intake, vault, path).added.new == 2


_MEASURE = """
import resource, sys
from pathlib import Path
from agency_client.intake import Intake, Quarantine, Taken
from protocol.ids import PartyId
from protocol.policy import PolicyEngine
from tests.agency_client.test_intake import MAPPING
from tests.fakes.agency import clock
from tests.fakes.agency_vault import open_vault
from tests.fakes.covenants import make_covenant
from tests.fakes.small_world import NOW

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

folder = Path(sys.argv[1])
covenant = make_covenant(now=NOW).covenant
intake = Intake(PolicyEngine(covenant), covenant.agency(PartyId("police-oost")), {}, clock)
vault = open_vault(folder)
peaks = []
for name in ("small", "large"):
    intake.take(folder / (name + ".csv"), MAPPING, vault, lambda _: None)
    peaks.append(peak())
print(peaks[1] - peaks[0])
"""


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    """A file ten times as long needs at most a few megabytes more at its peak."""
    for name, count in (("small", 400), ("large", 4_000)):
        with (tmp_path / f"{name}.csv").open("w") as file:
            file.write("id,given,name,born,bsn\n")
            for n in range(count):
                file.write(f"{name}-{n},Anna,Berg,{1950 + n % 50}-01-{n % 28 + 1:02},\n")
    done = subprocess.run(
        [sys.executable, "-c", _MEASURE, str(tmp_path)], capture_output=True, text=True, timeout=60, check=True
    )
    assert int(done.stdout) < 8 * 1024
