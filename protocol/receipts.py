# SPDX-License-Identifier: EUPL-1.2
"""Receipts: a file that proves offline, with a covenant's public keys alone, that one event stands in the log.

A receipt is a C2SP tlog-proof whose extra data is the event's opening. What kind of event it is makes no difference.
``read_receipt`` only takes it apart; ``verify_receipt`` returns another type, made nowhere else. Each thing that can be
wrong has its own code. Spec: ``spec/receipts.md``. Not here: the words for people (``auditor/receipt_words.py``), and
whether the covenant is the board's (its own distribution).
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from protocol.checkpoint import CosignedCheckpoint, LogKey, WitnessKey, open_checkpoint
from protocol.commitments import Opened, open_entry
from protocol.covenant import Covenant
from protocol.encoding import canonical_json
from protocol.errors import Code, InputError, VerificationError
from protocol.events import Event
from protocol.merkle import leaf_hash, verify_inclusion
from protocol.messages import Evidence, Opening, parse
from protocol.tlog_proof import TlogProof, parse_tlog_proof


@dataclass(frozen=True, slots=True)
class ReceiptTerms:
    """Whose signatures make a checkpoint count under one version of the covenant."""

    version: str
    sha256: str
    log: LogKey
    witnesses: tuple[WitnessKey, ...]
    quorum: int

    @staticmethod
    def of(covenant: Covenant) -> "ReceiptTerms":
        """Take the keys and the quorum from a covenant. Raises ``ConfigurationError`` when it lacks a party."""
        covenant.require_complete()
        return ReceiptTerms(
            covenant.version, covenant.sha256, covenant.log.verifier, covenant.witness_keys, covenant.witness_quorum
        )


@dataclass(frozen=True, slots=True)
class ReadReceipt:
    """A receipt taken apart, not verified: the proof, and what it says about the entry."""

    proof: TlogProof
    opened: Opened


@dataclass(frozen=True, slots=True)
class CheckedReceipt:
    """An event that stands in the log. Made by ``verify_receipt`` only."""

    event: Event
    erased: bool
    """Whether the subject part was left out or erased: then the event's own is empty, and only its hash was proven."""
    index: int
    cosigned: CosignedCheckpoint
    terms: ReceiptTerms
    """Under which version's keys it holds; the event names the version under which it was done."""


def write_receipt(evidence: Evidence, note: str) -> str:
    """Return the text of the receipt of an event that this checkpoint proves."""
    return TlogProof(evidence.index, evidence.proof, note, _canonical(evidence.opening)).to_text()


def read_receipt(raw: bytes) -> ReadReceipt:
    """Take a receipt apart.

    Raises ``InputError`` (``malformed``, ``too_large``) when the file is no receipt, and ``VerificationError``
    (``receipt_invalid``) when its opening is not that of a known event.
    """
    proof = parse_tlog_proof(raw)
    if proof.extra is None:
        raise InputError(
            Code.MALFORMED,
            "This file proves an entry of a log, but does not say what the entry is: no receipt of ours.",
        )
    try:
        opening = parse(Opening, proof.extra)
        opened = open_entry(opening)
    except InputError as error:
        raise VerificationError(
            Code.RECEIPT_INVALID,
            f"What the receipt says about its entry cannot be read. {error.detail}",
            hint="It was changed, or a newer version of Sluis wrote it.",
        ) from error
    if _canonical(opening) != proof.extra:
        raise VerificationError(Code.RECEIPT_INVALID, "What the receipt says about its entry is not in its one form.")
    return ReadReceipt(proof, opened)


def verify_receipt(raw: bytes, terms: Sequence[ReceiptTerms]) -> CheckedReceipt:
    """Return what a receipt proves under one of these versions' keys, that of the event's own version first.

    Raises as ``read_receipt``, and ``VerificationError``: ``log_unknown`` when it is of another log than theirs,
    ``checkpoint_invalid`` when the log or a witness did not sign its checkpoint, ``quorum_missing`` when too few
    witnesses did, ``proof_invalid`` when what it says is not what stands in that tree at that place.
    """
    read = read_receipt(raw)
    event, proof = read.opened.event, read.proof
    named = event.act.covenant.sha256
    of_this_log = [one for one in terms if proof.checkpoint.startswith(f"{one.log.name}\n")]
    if not of_this_log:
        raise VerificationError(
            Code.LOG_UNKNOWN,
            "The receipt is of another log than the one of this covenant.",
            hint="Take the covenant of the log that the receipt names.",
        )
    cosigned, chosen = _open(proof.checkpoint, sorted(of_this_log, key=lambda one: one.sha256 != named))
    head = cosigned.checkpoint
    try:
        verify_inclusion(leaf_hash(read.opened.leaf), proof.index, head.size, proof.hashes, head.root)
    except VerificationError as error:
        raise VerificationError(
            Code.PROOF_INVALID,
            f"What the receipt says does not stand in the log at this place. {error.detail}",
            hint="Somebody changed what it says, or its proof.",
        ) from error
    return CheckedReceipt(event, read.opened.erased, proof.index, cosigned, chosen)


def _open(note: str, terms: Sequence[ReceiptTerms]) -> tuple[CosignedCheckpoint, ReceiptTerms]:
    failures: list[VerificationError] = []
    for one in terms:
        try:
            return open_checkpoint(note, one.log, one.witnesses, one.quorum), one
        except VerificationError as error:
            failures.append(error)
    # That witnesses are missing says more than that another version's keys did not sign.
    raise next((error for error in failures if error.code is Code.QUORUM_MISSING), failures[0])


def _canonical(opening: Opening) -> bytes:
    return canonical_json(json.loads(opening.to_json()))
