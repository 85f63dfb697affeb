# SPDX-License-Identifier: EUPL-1.2
"""Evidence that a log signed two histories: a file that anybody can check, offline, with the log's public key.

Two checkpoints of one size and different roots need nothing more. Of different sizes the file also says which root the
larger tree has for the first entries that the smaller one signed, with a consistency proof: that root is another one.
Spec: ``spec/checkpoint.md``. Not here: finding a contradiction (the trail, the witness, the auditor) and keeping it.
"""

import json
from dataclasses import dataclass
from typing import Annotated, Final, Literal

from pydantic import Field

from protocol.checkpoint import Checkpoint, SignedCheckpoint, open_signed, without_cosignatures
from protocol.errors import Code, InputError, VerificationError
from protocol.merkle import verify_consistency
from protocol.messages import Bytes32, Message, Note, parse
from protocol.note import LogKey
from protocol.tiles import consistency_proof, needed_for_consistency, needed_for_root, path_of, root_from_tiles
from protocol.walk import Walk, Wanted

MAX_FILE: Final = 65_536
"""Bytes: two notes of at most 8,192 characters and a proof of at most 63 hashes fit twice."""


class Beginning(Message):
    """What the larger tree has in the place of the smaller one: its root, proven to be a beginning of the larger."""

    root: Bytes32
    proof: Annotated[tuple[Bytes32, ...], Field(strict=False, max_length=63)]


class ForkEvidence(Message):
    """The file. Nothing in it is believed before ``verify_fork``."""

    format: Literal["sluis/fork/1"] = "sluis/fork/1"
    first: Note
    second: Note
    beginning: Beginning | None = None


@dataclass(frozen=True, slots=True)
class Fork:
    """Two checkpoints that a log signed and that cannot both be true; the smaller first. Made by ``verify_fork``."""

    first: Checkpoint
    second: Checkpoint


def read_evidence(raw: bytes) -> ForkEvidence:
    """Read a file, also one that ``sluis audit verify`` kept beside its state. Raises ``InputError``."""
    if len(raw) > MAX_FILE:
        raise InputError(Code.TOO_LARGE, f"Evidence of a contradiction has at most {MAX_FILE} bytes.")
    try:
        return parse(ForkEvidence, raw)
    except InputError:
        kept = _kept_by_an_auditor(raw)
        if kept is None:
            raise
        return kept


def verify_fork(evidence: ForkEvidence, log_key: LogKey) -> Fork:
    """Check that the log signed both, and that they contradict each other.

    Raises ``VerificationError``: ``checkpoint_invalid`` when the log did not sign one of them, ``proof_invalid`` when
    the file does not show that both cannot be true.
    """
    signed = [open_signed(note, log_key).checkpoint for note in (evidence.first, evidence.second)]
    first, second = sorted(signed, key=lambda one: one.size)
    if first.size == second.size:
        if first.root == second.root:
            raise _not_shown("Both notes say the same: there is no contradiction.")
        return Fork(first, second)
    if evidence.beginning is None or first.size == 0:
        raise _not_shown(
            f"The log signed both, of {first.size} and of {second.size} entries, but the file does not show that one "
            "does not continue the other. Having been given the older one last is no proof for others."
        )
    verify_consistency(first.size, second.size, evidence.beginning.proof, evidence.beginning.root, second.root)
    if evidence.beginning.root == first.root:
        raise _not_shown("The larger tree begins with the smaller one: there is no contradiction.")
    return Fork(first, second)


def fork_evidence(
    one: SignedCheckpoint, other: SignedCheckpoint, log_key: LogKey, beginning: Beginning | None = None
) -> ForkEvidence:
    """Return the file's content: both notes with the log's signature only, the smaller first."""
    first, second = sorted((one, other), key=lambda signed: signed.checkpoint.size)
    return ForkEvidence(
        first=without_cosignatures(first, log_key).note,
        second=without_cosignatures(second, log_key).note,
        beginning=beginning,
    )


def find_beginning(old: Checkpoint, new: Checkpoint) -> Walk[Beginning]:
    """Read from the tiles of a larger tree which root it has for the size of a smaller one.

    Raises ``VerificationError`` when the tiles served are not those of ``new`` (``proof_invalid``) or are cut short,
    and ``ValueError`` unless 0 < old.size < new.size.
    """
    if not 0 < old.size < new.size:
        raise ValueError("a beginning is smaller than the whole, and not empty")
    tiles = {}
    for tile in sorted(needed_for_root(old.size) | needed_for_consistency(old.size, new.size)):
        tiles[tile] = yield Wanted(path_of(tile, new.size), old.size, new.size)
    found = Beginning(root=root_from_tiles(old.size, tiles), proof=consistency_proof(old.size, new.size, tiles))
    verify_consistency(old.size, new.size, found.proof, found.root, new.root)
    return found


def _kept_by_an_auditor(raw: bytes) -> ForkEvidence | None:
    try:
        held = json.loads(raw)
        return ForkEvidence(first=held["seen"], second=held["found"])
    except (ValueError, KeyError, TypeError):
        return None


def _not_shown(detail: str) -> VerificationError:
    return VerificationError(Code.PROOF_INVALID, detail)
