# SPDX-License-Identifier: EUPL-1.2
"""The key-holder as a witness: it cosigns what extends the last checkpoint, and remembers before it answers."""

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from keyholder.ledger import Ledger
from keyholder.witness import Witness, WitnessAnswer
from protocol.checkpoint import Checkpoint, add_cosignatures, open_checkpoint, read_cosignatures, sign_checkpoint
from protocol.errors import UnavailableError
from protocol.merkle import leaf_hash, root_of
from protocol.note import LogSigner, WitnessSigner
from protocol.witness_rules import SIZE_TYPE, format_add_checkpoint

NOW = datetime(2026, 11, 21, 20, 0, tzinfo=UTC)
LOG = LogSigner("sluis.test/log", b"l" * 32)
WITNESS = WitnessSigner("holder-1", b"w" * 32)
LEAVES = [leaf_hash(bytes([number])) for number in range(8)]


def note(size: int, leaves: list[bytes] = LEAVES, signer: LogSigner = LOG) -> str:
    """Return the log's signed checkpoint of its first ``size`` leaves."""
    return sign_checkpoint(Checkpoint(signer.key.name, size, root_of(leaves[:size])), signer)


def proof(old: int, new: int) -> list[bytes]:
    """Return a consistency proof for sizes that are powers of two: the right half of each doubling."""
    found = []
    while old < new:
        found.append(root_of(LEAVES[old : 2 * old]))
        old *= 2
    return found


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the witness remembers."""
    return tmp_path / "ledger.sqlite"


@pytest.fixture
def witness(path: Path) -> Iterator[Witness]:
    """A witness that has seen nothing."""
    ledger = Ledger(path)
    yield Witness(ledger, LOG.key, WITNESS)
    ledger.close()


def ask(witness: Witness, old: int, text: str, hashes: list[bytes] | None = None) -> WitnessAnswer:
    """Ask for a cosignature."""
    return witness.add_checkpoint(format_add_checkpoint(old, hashes or [], text), NOW)


def test_a_growing_log_is_cosigned(witness: Witness) -> None:
    """Every checkpoint that extends the last is cosigned, so that it opens with a quorum of this witness."""
    for old, new in ((0, 1), (1, 2), (2, 4), (4, 8)):
        answer = ask(witness, old, note(new), proof(old, new) if old else [])
        assert answer.status == 200, answer
        lines = read_cosignatures(note(new), answer.body.decode(), WITNESS.key)
        opened = open_checkpoint(add_cosignatures(note(new), lines), LOG.key, [WITNESS.key], 1)
        assert (opened.checkpoint.size, opened.cosigned_at) == (new, int(NOW.timestamp()))


def test_it_shows_what_it_cosigned_last(witness: Witness) -> None:
    """The note of the last checkpoint is shown as the log signed it, and nothing that was refused."""
    assert witness.last_note() is None
    ask(witness, 0, note(4))
    ask(witness, 4, note(4, [leaf_hash(b"other"), *LEAVES[1:]]))
    assert witness.last_note() == note(4)


def test_the_same_checkpoint_is_cosigned_again(witness: Witness) -> None:
    """A log that did not hear the answer may ask again."""
    ask(witness, 0, note(4))
    assert ask(witness, 4, note(4)).status == 200


def test_a_rollback_is_refused_with_the_size_that_was_seen(witness: Witness) -> None:
    """A log that starts again from a smaller tree hears what this witness saw."""
    ask(witness, 0, note(4))
    answer = ask(witness, 2, note(8), proof(2, 8))
    assert (answer.status, answer.body, answer.content_type) == (409, b"4\n", SIZE_TYPE)
    assert ask(witness, 0, note(2)).status == 409
    assert ask(witness, 4, note(2)).status == 400


def test_a_fork_is_refused_and_kept_as_evidence(witness: Witness, path: Path) -> None:
    """Two trees of one size, both signed by the log: the second is not cosigned, and both notes are kept."""
    ask(witness, 0, note(4))
    other = note(4, [leaf_hash(b"other"), *LEAVES[1:]])
    answer = ask(witness, 4, other)
    assert (answer.status, answer.forked) == (422, True)
    ask(witness, 4, other)
    ledger = Ledger(path)
    (kept,) = ledger.contradictions()
    ledger.close()
    assert (kept.origin, kept.size, kept.cosigned, kept.note) == (LOG.key.name, 4, note(4), other)


def test_a_tree_that_does_not_contain_the_last_is_refused(witness: Witness) -> None:
    """A larger tree with another beginning has no proof that holds; the last checkpoint stays."""
    ask(witness, 0, note(4))
    other = [leaf_hash(b"other"), *LEAVES[1:]]
    assert ask(witness, 4, note(8, other), proof(4, 8)).status == 422
    assert ask(witness, 4, note(8), proof(4, 8)).status == 200


def test_another_key_or_another_log_is_refused(witness: Witness) -> None:
    """A checkpoint in the log's name by another key is 403; of a log that the covenant does not name, 404."""
    assert ask(witness, 0, note(4, signer=LogSigner(LOG.key.name, b"x" * 32))).status == 403
    assert ask(witness, 0, note(4, signer=LogSigner("elsewhere.test/log", b"l" * 32))).status == 404
    assert ask(witness, 0, note(4)).status == 200


@pytest.mark.parametrize("body", [b"", b"old 0", b"old x\n\nnote", b"\xff\xfe", b"old 0\n\n" + b"a" * 400_000])
def test_what_is_no_request_is_refused(witness: Witness, body: bytes) -> None:
    """Bytes that are no request are 400 and change nothing."""
    assert witness.add_checkpoint(body, NOW).status == 400
    assert ask(witness, 0, note(4)).status == 200


def test_a_restarted_witness_remembers(witness: Witness, path: Path) -> None:
    """Who opens the same file refuses the fork that the first would have refused."""
    ask(witness, 0, note(4))
    ledger = Ledger(path)
    again = Witness(ledger, LOG.key, WITNESS)
    assert ask(again, 0, note(4, [leaf_hash(b"other"), *LEAVES[1:]])).status == 409
    ledger.close()


def test_what_cannot_be_kept_is_not_cosigned(witness: Witness, path: Path) -> None:
    """Without the disk there is no cosignature: a witness that forgets could sign both sides of a fork."""
    import sqlite3

    other = sqlite3.connect(path, isolation_level=None)
    other.execute("DROP TABLE witnessed")
    other.close()
    with pytest.raises(UnavailableError):
        ask(witness, 0, note(4))


def test_the_test_proofs_are_right() -> None:
    """The helper's proofs are those of RFC 6962: the halves hash to the whole."""
    left, right = root_of(LEAVES[:4]), root_of(LEAVES[4:8])
    assert hashlib.sha256(b"\x01" + left + right).digest() == root_of(LEAVES)
