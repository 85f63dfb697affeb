# SPDX-License-Identifier: EUPL-1.2
"""A fork that an agency saw, from its vault to a file that an outsider checks with only the covenant."""

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from agency_client.commands_audit_evidence import add_evidence
from agency_client.trail import LogKeys, Trail
from auditor.cli import app as audit_commands
from protocol.covenant_bundle import pack
from protocol.errors import Code, VerificationError
from tests.fakes.agency_vault import open_vault
from tests.fakes.covenants import CovenantKit, make_covenant
from tests.fakes.machine import machine_of
from tests.fakes.served_log import MOMENT, ServedLog, leaf


class Broker:
    """Serves a log."""

    def __init__(self, log: ServedLog) -> None:
        self.log = log

    async def checkpoint(self) -> str:
        """Serve the checkpoint."""
        return self.log.note

    async def log_file(self, path: str) -> bytes:
        """Serve a tile."""
        return self.log.fetch(path)


class Agency:
    """One agency's vault and trail, and its ``sluis audit`` commands."""

    def __init__(self, folder: Path) -> None:
        self.kit: CovenantKit = make_covenant(now=MOMENT)
        log = ServedLog(self.kit.log_signer, list(self.kit.witness_signers.values()), 5)
        self.broker, self.vault = Broker(log), open_vault(folder, b"evidence")
        keys = LogKeys.of(self.kit.covenant)
        self.trail = Trail(self.vault.evidence, self.broker, keys, lambda: MOMENT)  # type: ignore[arg-type]
        self.commands = typer.Typer()
        session: Any = SimpleNamespace(vault=self.vault, covenant=self.kit.covenant)

        add_evidence(self.commands, machine_of(session, offline=True))
        self.bundle = folder / "covenant.json"
        self.bundle.write_bytes(pack(self.kit.files))

    async def stop_by(self, code: Code) -> None:
        """Look at the log, which must stop us."""
        with pytest.raises(VerificationError) as stopped:
            await self.trail.advance()
        assert stopped.value.code is code

    def audit(self, *arguments: str, status: int = 0) -> str:
        """Run one of the agency's audit commands."""
        done = CliRunner().invoke(self.commands, [*arguments, "--home", "."])
        assert done.exit_code == status, done.output
        return done.output

    def check(self, file: Path, *more: str, status: int = 0) -> str:
        """Check a file as an outsider."""
        done = CliRunner().invoke(audit_commands, ["check-fork", str(file), "--covenant", str(self.bundle), *more])
        assert done.exit_code == status, done.output
        return done.output


@pytest.fixture
def agency(tmp_path: Path) -> Iterator[Agency]:
    """An agency that has seen five entries."""
    made = Agency(tmp_path)
    yield made
    made.vault.close()


async def test_a_fork_becomes_a_file_that_anybody_can_check(agency: Agency, tmp_path: Path) -> None:
    """The broker rewrites an entry and goes on: list and file say so, and a check with only the covenant agrees, in
    both languages; the client stays stopped until a person looked, and the evidence stays after that.
    """
    await agency.trail.advance()
    agency.broker.log.leaves[2] = leaf(2, "other")
    agency.broker.log.grow(300)
    await agency.stop_by(Code.LOG_FORKED)
    assert "NOT LOOKED AT: the client is stopped" in agency.audit("evidence", "list")
    file = tmp_path / "fork.json"
    agency.audit("evidence", "export", "--out", str(file))
    assert "PROVEN: this log signed two histories." in agency.check(file)
    dutch = agency.check(file, "--lang", "nl")
    assert "BEWEZEN: dit logboek heeft twee geschiedenissen ondertekend." in dutch
    assert "5 regels ondertekend, en ook 305 waarvan de eerste 5 andere zijn" in dutch
    heads = json.loads(agency.check(file, "--json"))["heads"]
    assert [head["size"] for head in heads] == [5, 305]
    await agency.stop_by(Code.LOG_FORKED)
    agency.vault.evidence.mark_seen(MOMENT)
    agency.trail.require_unstopped()
    assert "looked at" in agency.audit("evidence", "list")
    agency.audit("evidence", "export", "--out", str(tmp_path / "again.json"))
    assert (tmp_path / "again.json").read_bytes() == file.read_bytes()


async def test_two_roots_of_one_size_need_no_tiles(agency: Agency, tmp_path: Path) -> None:
    """When the log signs another tree of the same size the two notes prove it by themselves."""
    await agency.trail.advance()
    agency.broker.log.leaves[2] = leaf(2, "other")
    agency.broker.log.sign()
    await agency.stop_by(Code.LOG_FORKED)
    agency.audit("evidence", "export", "--out", str(tmp_path / "fork.json"))
    assert "two different roots for its first 5 entries" in agency.check(tmp_path / "fork.json")


async def test_a_rollback_is_kept_but_accuses_nobody_before_others(agency: Agency, tmp_path: Path) -> None:
    """That an older checkpoint came last stops us; as a file it proves nothing to others, and says so."""
    await agency.trail.advance()
    del agency.broker.log.leaves[3:]
    agency.broker.log.sign()
    await agency.stop_by(Code.LOG_ROLLED_BACK)
    told = agency.audit("evidence", "export", "--out", str(tmp_path / "back.json"))
    assert "only we can say" in told
    assert "NOT PROVEN by this file" in agency.check(tmp_path / "back.json", status=76)


async def test_a_file_of_another_log_is_refused(agency: Agency, tmp_path: Path) -> None:
    """Notes that another key signed are no evidence against this log, whatever they say."""
    stranger = make_covenant(now=MOMENT).log_signer.__class__("sluis.test/log", b"x" * 32)
    notes = [ServedLog(stranger, [], 5, cosigners=0).note, ServedLog(stranger, [], 6, cosigners=0).note]
    file = tmp_path / "made-up.json"
    file.write_text(json.dumps({"format": "sluis/fork/1", "first": notes[0], "second": notes[1]}))
    agency.check(file, status=14)
    assert json.loads(agency.check(file, "--json", status=14))["proven"] is False


def test_without_a_contradiction_there_is_nothing_to_export(agency: Agency, tmp_path: Path) -> None:
    """The list says so, and no file is written."""
    assert "has not contradicted itself" in agency.audit("evidence", "list")
    assert json.loads(agency.audit("evidence", "list", "--json")) == {"evidence": []}
    agency.audit("evidence", "export", "--out", str(tmp_path / "none.json"), status=66)
    assert not (tmp_path / "none.json").exists()
