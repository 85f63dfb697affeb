# SPDX-License-Identifier: EUPL-1.2
"""Evidence: an event counts only when it is proven in a checkpoint that a quorum cosigned."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from protocol.checkpoint import (
    Checkpoint,
    CosignedCheckpoint,
    LogSigner,
    WitnessSigner,
    add_cosignatures,
    cosign,
    open_checkpoint,
    sign_checkpoint,
)
from protocol.commitments import commit
from protocol.errors import Code, VerificationError
from protocol.events import Act, CovenantRef, RequestRefused
from protocol.log_evidence import verify_evidence
from protocol.merkle import Frontier, append
from protocol.messages import Evidence
from protocol.tiles import inclusion_proof

MOMENT = datetime(2026, 11, 21, 20, 0, tzinfo=UTC)
ACT = Act(time=MOMENT, covenant=CovenantRef(version="1", sha256="0" * 64), agency="police-oost")
EVENTS = [RequestRefused(act=ACT, code=f"code_{i}") for i in range(300)]
COMMITTED = [commit(event, b"%032d" % i, bytes(32)) for i, event in enumerate(EVENTS)]
TREE = append(Frontier(), [item.leaf for item in COMMITTED])
ROWS = {growth.tile: growth.hashes for growth in TREE.growth}


def _cosigned(root: bytes) -> CosignedCheckpoint:
    log, witness = LogSigner("log.example", bytes(32)), WitnessSigner("w.example", b"w" * 32)
    head = Checkpoint("log.example", len(EVENTS), root)
    note = add_cosignatures(sign_checkpoint(head, log), [cosign(head, witness, MOMENT)])
    return open_checkpoint(note, log.key, [witness.key], 1)


CHECKPOINT = _cosigned(TREE.root)


def _evidence(index: int) -> Evidence:
    proof = inclusion_proof(index, len(EVENTS), ROWS)
    return Evidence(index=index, opening=COMMITTED[index].opening, proof=proof)


@pytest.mark.parametrize("index", [0, 255, 256, 299])
def test_a_logged_event_is_returned(index):
    """Evidence of an event in the log gives that event."""
    assert verify_evidence(_evidence(index), CHECKPOINT) == EVENTS[index]


def _refused(evidence: Evidence, checkpoint: CosignedCheckpoint = CHECKPOINT) -> None:
    with pytest.raises(VerificationError) as caught:
        verify_evidence(evidence, checkpoint)
    assert caught.value.code is Code.RECEIPT_INVALID


def test_anything_changed_is_refused():
    """Another index, opening, salt, proof or root than the logged one is not evidence."""
    good = _evidence(7)
    other = COMMITTED[8].opening
    _refused(good.model_copy(update={"index": 8}))
    _refused(good.model_copy(update={"index": 300}))
    _refused(good.model_copy(update={"opening": other}))
    _refused(good.model_copy(update={"opening": good.opening.model_copy(update={"record_salt": bytes(32)})}))
    _refused(good.model_copy(update={"opening": good.opening.model_copy(update={"subject_salt": b"x" * 32})}))
    _refused(good.model_copy(update={"proof": good.proof[:-1]}))
    _refused(good.model_copy(update={"proof": (*good.proof, bytes(32))}))
    _refused(good, _cosigned(b"r" * 32))


def test_an_event_that_nobody_knows_is_refused():
    """An opening with an unknown tag is not evidence, even if its leaf were in the log."""
    good = _evidence(7)
    record = good.opening.record | {"event": 99}
    _refused(good.model_copy(update={"opening": good.opening.model_copy(update={"record": record})}))


def test_changing_what_an_event_says_breaks_it():
    """The same event with another word in its record is not the logged one."""
    event = replace(EVENTS[7], code="code_8")
    forged = commit(event, b"%032d" % 7, bytes(32))
    _refused(_evidence(7).model_copy(update={"opening": forged.opening}))
