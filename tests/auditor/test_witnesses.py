# SPDX-License-Identifier: EUPL-1.2
"""What an outsider is told of the witnesses, beside a log that he verified himself."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from typer.testing import CliRunner

from auditor.cli import app
from protocol.checkpoint import Checkpoint, WitnessSigner, cosign
from protocol.witness_reports import WitnessReport, WitnessReports
from tests.fakes.covenant_repository import signed_covenants
from tests.fakes.covenants import make_covenant
from tests.fakes.served_log import ServedLog, leaf

NOW = datetime.now(UTC)
KIT = make_covenant(now=NOW)
HOLDERS = list(KIT.witness_signers.values())
POLICE, *_ = AGENCIES = list(KIT.agency_witnesses.values())


@pytest.fixture(scope="module")
def covenant(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Return the options that name a board's root and its signed covenant."""
    board = signed_covenants(tmp_path_factory.mktemp("board"), KIT.files)
    return ["--root", str(board.root_path), "--from", str(board.published)]


def report(signer: WitnessSigner, tree: Checkpoint, ago: timedelta = timedelta()) -> WitnessReport:
    """Return what a witness signed so long before this moment."""
    line = cosign(tree, signer, datetime.now(UTC) - ago)
    return WitnessReport(name=signer.key.name, size=tree.size, root=tree.root, line=line)


def run(log: ServedLog, reports: Sequence[WitnessReport], *more: str, status: int = 0) -> str:
    """Verify a log that says this of its witnesses."""
    log.reports = WitnessReports(size=len(log.leaves), witnesses=tuple(reports)).to_json()
    with log.on_loopback() as url:
        done = CliRunner().invoke(app, ["verify", "--broker", url, *more])
    assert done.exit_code == status, done.output
    return done.output


def test_every_witness_is_shown_as_its_signature_says(covenant: list[str]) -> None:
    """Who is up to date, who is behind and since when, and who fails; agencies beside the quorum."""
    log, before = ServedLog(KIT.log_signer, HOLDERS, 300), ServedLog(KIT.log_signer, HOLDERS, 120)
    reports = [
        report(HOLDERS[0], log.head),
        report(HOLDERS[1], before.head, timedelta(days=2)),
        report(POLICE, before.head, timedelta(hours=30)),
    ]
    said = run(log, reports, *covenant)
    assert f"{HOLDERS[0].key.name} (key-holder): size 300, just now" in said
    assert f"{HOLDERS[1].key.name} (key-holder): size 120, 180 entries behind, 2 days ago, FAILING" in said
    assert f"{HOLDERS[2].key.name} (key-holder): no cosignature yet, FAILING" in said
    assert f"{POLICE.key.name} (agency, beside the quorum): size 120, 180 entries behind, 1 day ago\n" in said
    dutch = run(log, reports, *covenant, "--lang", "nl")
    assert (
        f"{HOLDERS[1].key.name} (sleutelhouder): tot regel 120, 180 regels achter, 2 dagen geleden, VALT UIT" in dutch
    )
    states = json.loads(run(log, reports, *covenant, "--json"))["witnesses"]
    assert [state["name"] for state in states] == [one.key.name for one in (*HOLDERS, *AGENCIES)]
    assert [state["failing"] for state in states[:4]] == [False, True, True, False]


def test_a_witness_that_saw_another_log_is_an_alarm(covenant: list[str]) -> None:
    """An agency cosigned a tree that is not in the log as it is shown to us: the log is forked."""
    log, other = ServedLog(KIT.log_signer, HOLDERS, 300), ServedLog(KIT.log_signer, HOLDERS, 120)
    other.leaves[5] = leaf(5, "other")
    other.sign()
    run(log, [report(POLICE, other.head)], *covenant, status=11)


def test_what_a_witness_did_not_sign_is_an_alarm(covenant: list[str]) -> None:
    """A broker that makes reports up is found out by the signature that it cannot make."""
    log = ServedLog(KIT.log_signer, HOLDERS, 300)
    lie = report(HOLDERS[0], log.head).model_copy(update={"name": HOLDERS[1].key.name})
    run(log, [lie], *covenant, status=14)


def test_a_log_that_says_nothing_of_witnesses_holds_all_the_same(covenant: list[str]) -> None:
    """Only its own note and entries decide; the witnesses' state is then not shown."""
    log = ServedLog(KIT.log_signer, HOLDERS, 300)
    with log.on_loopback() as url:
        done = CliRunner().invoke(app, ["verify", "--broker", url, *covenant, "--json"])
    assert done.exit_code == 0
    assert json.loads(done.output)["witnesses"] is None
