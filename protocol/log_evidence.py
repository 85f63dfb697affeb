# SPDX-License-Identifier: EUPL-1.2
"""No receipt, no action: whether an event is proven to stand in the log that a quorum of witnesses saw.

Spec: ``spec/events.md``. Not here: whether the event says what the act needs it to say (the caller compares), and
whether the checkpoint follows on the last one seen (the client's trail).
"""

from protocol.checkpoint import CosignedCheckpoint
from protocol.commitments import open_leaf
from protocol.errors import Code, InputError, VerificationError
from protocol.events import Event
from protocol.merkle import leaf_hash, verify_inclusion
from protocol.messages import Evidence


def verify_evidence(evidence: Evidence, cosigned: CosignedCheckpoint) -> Event:
    """Return the event that ``evidence`` proves to stand in the log of this checkpoint. Raises as ``verify_leaf``."""
    return verify_leaf(evidence, cosigned)[0]


def verify_leaf(evidence: Evidence, cosigned: CosignedCheckpoint) -> tuple[Event, bytes]:
    """Return the event and its leaf as ``evidence`` proves them to stand in the log of this checkpoint.

    Raises ``VerificationError`` (``receipt_invalid``) when the opening is not that of a known event, or its leaf is not
    at the said index.
    """
    try:
        event, leaf = open_leaf(evidence.opening)
    except InputError as error:
        raise VerificationError(Code.RECEIPT_INVALID, f"The receipt's event cannot be read. {error.detail}") from error
    checkpoint = cosigned.checkpoint
    try:
        verify_inclusion(leaf_hash(leaf), evidence.index, checkpoint.size, evidence.proof, checkpoint.root)
    except VerificationError as error:
        raise VerificationError(
            Code.RECEIPT_INVALID, f"The receipt does not prove that its event is in the log. {error.detail}"
        ) from error
    return event, leaf
