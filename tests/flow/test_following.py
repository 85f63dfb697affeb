# SPDX-License-Identifier: EUPL-1.2
"""Follow-up and changes as people enter them at the command line, from one agency to the other."""

from pathlib import Path

from tests.fakes.people_files import by_phone
from tests.fakes.whole_system import System

WHO = ("--person", "a.bakker")


def test_a_hit_is_followed_up_and_a_signal_restricted(system: System, tmp_path: Path) -> None:
    """Acknowledged and closed at one side, the doubt seen at the other; restricted, carried out, and lifted again."""
    for agency, prefix in (("police-oost", "FP"), ("care-linde", "FC")):
        file = by_phone(tmp_path / f"{prefix}.csv", prefix, range(830, 832))
        assert system.read(agency, "push", str(file), *system.purpose_of(agency))["accepted"] == 2
    hits = [hit for hit in system.read("police-oost", "inbox")["hits"] if hit["reference"].startswith("FP-")]
    assert len(hits) == 2
    found = {hit["reference"]: hit["hitId"] for hit in hits}
    system.agency("police-oost", "acknowledge", found["FP-830"], *WHO)
    system.agency("police-oost", "outcome", found["FP-830"], "not-the-same-person", *WHO)
    left = [row["reference"] for row in system.read("police-oost", "follow-up")["followUp"]]
    assert ("FP-830" in left, "FP-831" in left) == (False, True)
    system.read("care-linde", "inbox")
    doubts = {row["reference"]: row["doubt"] for row in system.read("care-linde", "follow-up")["followUp"]}
    assert (doubts["FC-830"], doubts["FC-831"]) == ("not-the-same-person", None)
    system.agency("care-linde", "restrict", "FC-831", *WHO)
    states = {hit["reference"]: hit["state"] for hit in system.read("police-oost", "inbox")["hits"]}
    assert states["FP-831"] == "restricted"
    system.read("care-linde", "inbox")
    changes = [row for row in system.read("care-linde", "changes")["changes"] if row["reference"] == "FC-831"]
    assert changes[0]["recipients"][0]["agency"] == "police-oost"
    assert changes[0]["recipients"][0]["acknowledgedAt"] is not None
    system.agency("care-linde", "lift", "FC-831", *WHO)
    states = {hit["reference"]: hit["state"] for hit in system.read("police-oost", "inbox")["hits"]}
    assert states["FP-831"] == "live"
