# SPDX-License-Identifier: EUPL-1.2
"""Agencies as witnesses of a running system: their own commands cosign, and everybody can see how far each one is."""

from tests.fakes.keyholders import ENVIRONMENT
from tests.fakes.processes import run
from tests.fakes.whole_system import System


def test_every_command_that_looks_at_the_log_cosigns_it(system: System) -> None:
    """After an agency read its inbox its cosignature is with the broker, under its covenant's own witness key; status
    of agency and broker, and an outsider's verification, say so.
    """
    system.agency("police-oost", "inbox")
    known = system.read("police-oost", "status")["witnesses"]
    assert known["own"]["failed"] is None
    assert known["own"]["cosigns"] is True
    holders = [one for one in known["witnesses"] if one["counts"]]
    assert len(holders) == 3
    assert not any(one["failing"] for one in holders)
    own = next(one for one in known["witnesses"] if one["name"] == "police-oost")
    assert own["size"] == known["own"]["size"]
    assert "our own cosignature: size" in system.agency("police-oost", "status")
    for command in (
        ["audit", "verify", "--broker", system.url, *system.trusting],
        ["broker", "status", "--home", str(system.folder / "broker"), "--url", system.url],
    ):
        said = str(run(command, environment=ENVIRONMENT).stdout)
        assert "police-oost (agency, beside the quorum): size" in said
        assert "holder-1 (key-holder): size" in said
        assert "FAILING" not in said
