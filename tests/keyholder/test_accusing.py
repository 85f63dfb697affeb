# SPDX-License-Identifier: EUPL-1.2
"""What a key-holder's ledger holds against a log becomes a file that anybody can check."""

from datetime import UTC, datetime
from pathlib import Path

from keyholder.accusing import write_evidence
from keyholder.ledger import Ledger
from keyholder.witness import Witness
from protocol.checkpoint import Checkpoint, add_cosignatures, cosign, sign_checkpoint
from protocol.fork_evidence import read_evidence, verify_fork
from protocol.note import LogSigner, WitnessSigner
from protocol.witness_rules import format_add_checkpoint

NOW = datetime(2026, 11, 21, 20, 0, tzinfo=UTC)
LOG = LogSigner("sluis.test/log", b"l" * 32)
OTHERS = WitnessSigner("holder-2", b"o" * 32)


def test_two_trees_of_one_size_become_a_file(tmp_path: Path) -> None:
    """The fork that the witness refused is proven by the file alone; other people's lines are not in it."""
    ledger = Ledger(tmp_path / "ledger.sqlite")
    witness = Witness(ledger, LOG.key, WitnessSigner("holder-1", b"w" * 32))
    for root in (bytes(32), bytes(range(32))):
        tree = Checkpoint(LOG.key.name, 9, root)
        note = add_cosignatures(sign_checkpoint(tree, LOG), [cosign(tree, OTHERS, NOW)])
        witness.add_checkpoint(format_add_checkpoint(0 if root == bytes(32) else 9, (), note), NOW)
    (path,) = write_evidence(ledger.contradictions(), tmp_path / "evidence")
    ledger.close()
    found = verify_fork(read_evidence(path.read_bytes()), LOG.key)
    assert (found.first.size, found.first.root, found.second.root) == (9, bytes(32), bytes(range(32)))
    assert "holder-2" not in path.read_text()


def test_an_honest_log_gives_no_file(tmp_path: Path) -> None:
    """Without a contradiction the folder stays empty."""
    ledger = Ledger(tmp_path / "ledger.sqlite")
    assert list(write_evidence(ledger.contradictions(), tmp_path / "evidence")) == []
    ledger.close()
