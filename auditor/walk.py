# SPDX-License-Identifier: EUPL-1.2
"""Verify a log from outside: its newest checkpoint, all its entries, and that it continues what was seen before.

Not here: the walk itself (``protocol/walk.py``), HTTP (``transport.py``), files (``state.py``).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from auditor.state import Seen
from protocol.checkpoint import CosignedCheckpoint, LogKey, WitnessKey, decode_note, open_checkpoint
from protocol.covenant import Covenant
from protocol.doubles import Leaves
from protocol.errors import Code, VerificationError
from protocol.merkle import Frontier
from protocol.tiles import parse_entries, parse_tile_path
from protocol.walk import Wanted, drive, verify_from_zero, verify_onward

Fetch = Callable[[str], bytes]


@dataclass(frozen=True, slots=True)
class LogTerms:
    """Whose signatures make a checkpoint of this log count."""

    log_key: LogKey
    witness_keys: tuple[WitnessKey, ...]
    quorum: int


@dataclass(frozen=True, slots=True)
class Verified:
    """A log that holds: its checkpoint, the tree of its entries, and from which entry on they were read."""

    cosigned: CosignedCheckpoint
    tree: Frontier
    read_from: int


class ContradictionError(VerificationError):
    """A log denied what it had signed before; ``found`` is the newer note, to be kept beside the older."""

    def __init__(self, error: VerificationError, found: str) -> None:
        super().__init__(
            error.code, error.detail, hint="Both signed checkpoints are evidence: tell the covenant board."
        )
        self.found = found


def terms_of(covenant: Covenant) -> LogTerms:
    """Take the keys and the quorum from the covenant."""
    witnesses: Sequence[WitnessKey] = [holder.witness_key for holder in covenant.key_holders]
    return LogTerms(covenant.log.verifier, tuple(witnesses), covenant.witness_quorum)


def verify_log(
    terms: LogTerms, fetch: Fetch, seen: Seen | None = None, on_step: Callable[[Wanted], None] | None = None
) -> Verified:
    """Fetch the checkpoint, check its quorum, and read the entries: all, or those since ``seen``.

    Raises ``VerificationError``: ``quorum_missing`` (not yet cosigned), ``checkpoint_invalid``, ``log_altered``,
    ``log_incomplete``, ``log_doubled`` (from zero only); as ``ContradictionError``: ``log_forked``,
    ``log_rolled_back``. And what ``fetch`` raises.
    """
    note = decode_note(fetch("checkpoint"))
    cosigned = open_checkpoint(note, terms.log_key, terms.witness_keys, terms.quorum)
    head = cosigned.checkpoint
    leaves = Leaves()

    def fetch_once(path: str) -> bytes:
        raw = fetch(path)
        leaves.take(parse_entries(raw, parse_tile_path(path.removeprefix("tile/")).width))
        return raw

    try:
        if seen is None:
            tree = drive(verify_from_zero(head), fetch_once, on_step)
        else:
            # It reads some bundles twice, and the old ones not at all: what it sees twice says nothing.
            tree = drive(verify_onward(seen.tree, head), fetch, on_step)
    except VerificationError as error:
        if error.code in (Code.LOG_FORKED, Code.LOG_ROLLED_BACK):
            raise ContradictionError(error, note) from error
        raise
    leaves.finish()
    return Verified(cosigned, tree, seen.tree.size if seen else 0)
