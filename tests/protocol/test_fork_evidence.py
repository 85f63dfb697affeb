# SPDX-License-Identifier: EUPL-1.2
"""Evidence of a fork holds for anybody with the log's key, and nothing else makes a fork."""

import json

import pytest

from protocol.checkpoint import LogSigner, SignedCheckpoint, WitnessSigner, open_signed
from protocol.errors import Code, InputError, VerificationError
from protocol.fork_evidence import (
    MAX_FILE,
    Beginning,
    ForkEvidence,
    find_beginning,
    fork_evidence,
    read_evidence,
    verify_fork,
)
from protocol.walk import drive
from tests.fakes.served_log import ServedLog

LOG = LogSigner("sluis.test/log", b"l" * 32)
WITNESS = WitnessSigner("holder-1", b"w" * 32)


def log_of(size: int, word: str = "code", *, changed: int | None = None) -> ServedLog:
    """Return a log; ``changed`` is an entry that is another one than usual."""
    log = ServedLog(LOG, [WITNESS], size, cosigners=1)
    if changed is not None:
        log.leaves[changed] = ServedLog(LOG, [], changed + 1, cosigners=0).leaves[changed][:-1] + b"!"
        log.sign()
    return log


def signed(log: ServedLog) -> SignedCheckpoint:
    """Return its checkpoint."""
    return open_signed(log.note, LOG.key)


def beginning_of(old: ServedLog, new: ServedLog) -> Beginning:
    """Read what the larger log has in the place of the smaller."""
    return drive(find_beginning(old.head, new.head), new.fetch)


def test_two_roots_of_one_size_are_a_fork() -> None:
    """Both notes, with the log's signature only, are the whole proof; it survives being written and read."""
    evidence = fork_evidence(signed(log_of(7)), signed(log_of(7, changed=3)), LOG.key)
    assert "holder-1" not in evidence.first + evidence.second
    found = verify_fork(read_evidence(evidence.to_json()), LOG.key)
    assert (found.first.size, found.second.size) == (7, 7)
    assert found.first.root != found.second.root


@pytest.mark.parametrize("small", [1, 2, 5, 8, 255, 256, 300])
def test_another_beginning_is_a_fork(small: int) -> None:
    """Of a smaller and a larger tree the file proves that the larger begins otherwise, whatever the sizes are."""
    old, new = log_of(small, changed=0), log_of(600)
    evidence = fork_evidence(signed(new), signed(old), LOG.key, beginning_of(old, new))
    found = verify_fork(read_evidence(evidence.to_json()), LOG.key)
    assert (found.first, found.second) == (old.head, new.head)


@pytest.mark.parametrize("small", [1, 5, 8, 256, 300])
def test_an_honest_log_cannot_be_accused(small: int) -> None:
    """A log that only grew gives no evidence: not with its true beginning, a made-up one, another's, or none."""
    old, new = log_of(small), log_of(600)
    true = beginning_of(old, new)
    assert true.root == old.head.root
    lies = [
        None,
        true,
        Beginning(root=bytes(32), proof=true.proof),
        Beginning(root=log_of(small, changed=0).head.root, proof=true.proof),
        Beginning(root=bytes(32), proof=(*true.proof, bytes(32))),
        Beginning(root=bytes(32), proof=()),
    ]
    for lie in lies:
        with pytest.raises(VerificationError) as refused:
            verify_fork(fork_evidence(signed(old), signed(new), LOG.key, lie), LOG.key)
        assert refused.value.code is Code.PROOF_INVALID, lie
    with pytest.raises(VerificationError):
        verify_fork(fork_evidence(signed(new), signed(new), LOG.key), LOG.key)


def test_only_what_the_log_signed_counts() -> None:
    """A note by another key, or with another text under the log's signature, proves nothing."""
    other = LogSigner("sluis.test/log", b"x" * 32)
    forged = ServedLog(other, [WITNESS], 7, cosigners=1).note
    changed = log_of(7).note.replace("\n7\n", "\n8\n")
    for note in (forged, changed):
        with pytest.raises(VerificationError) as refused:
            verify_fork(ForkEvidence(first=log_of(7, changed=3).note, second=note), LOG.key)
        assert refused.value.code is Code.CHECKPOINT_INVALID


def test_tiles_that_are_not_the_logs_prove_nothing() -> None:
    """A server that gives other tiles than its checkpoint says cannot make its own past look forked."""
    old, new = log_of(300), log_of(600)
    with pytest.raises(VerificationError) as refused:
        drive(find_beginning(old.head, new.head), log_of(600, changed=5).fetch)
    assert refused.value.code is Code.PROOF_INVALID


def test_an_auditors_own_file_is_read_too() -> None:
    """What ``sluis audit verify`` keeps beside its state is evidence of the same form."""
    kept = {"version": 1, "code": "log_forked", "seen": log_of(7).note, "found": log_of(7, changed=3).note}
    assert verify_fork(read_evidence(json.dumps(kept).encode()), LOG.key).first.size == 7


@pytest.mark.parametrize("raw", [b"", b"{}", b"[]", b'{"seen": 1}', b"\xff", b"x" * (MAX_FILE + 1)])
def test_what_is_no_evidence_is_refused(raw: bytes) -> None:
    """Bytes of another form are an input error."""
    with pytest.raises(InputError):
        read_evidence(raw)
