# SPDX-License-Identifier: EUPL-1.2
"""Number events and grow the log; read what witnesses answer. Bytes and values in, values out.

Not here: who may do it (one process at a time: ``postgres/log.py``), when (``log_worker.py``), HTTP (``transport.py``).
Spec: audit.md, ``protocol/spec/checkpoint.md``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from protocol.checkpoint import Checkpoint, LogSigner, WitnessKey, open_checkpoint, read_cosignatures, sign_checkpoint
from protocol.errors import Code, SluisError, VerificationError
from protocol.merkle import Frontier, TileGrowth, TileId, append
from protocol.note import LogKey, decode_note
from protocol.tiles import root_from_tiles
from protocol.witness_rules import parse_conflict

MAX_BATCH: Final = 4_096
"""Events numbered in one transaction: four full pushes, about 30 ms of hashing."""


@dataclass(frozen=True, slots=True)
class Head:
    """The log's newest tree and the checkpoint that we signed of it."""

    frontier: Frontier
    note: str

    @property
    def size(self) -> int:
        """Its number of leaves."""
        return self.frontier.size


@dataclass(frozen=True, slots=True)
class Integration:
    """A batch of events gets the indexes from ``first_index`` on, these rows grow, and this is the new head."""

    first_index: int
    growth: tuple[TileGrowth, ...]
    head: Head


def first_head(signer: LogSigner) -> Head:
    """Return the head of a log without entries."""
    frontier = Frontier()
    return Head(frontier, sign_checkpoint(Checkpoint(signer.key.name, 0, frontier.root), signer))


def integrate(head: Head, leaves: Sequence[bytes], signer: LogSigner) -> Integration:
    """Append leaves to the tree and sign its new head."""
    appended = append(head.frontier, leaves)
    checkpoint = Checkpoint(signer.key.name, appended.frontier.size, appended.root)
    return Integration(head.size, appended.growth, Head(appended.frontier, sign_checkpoint(checkpoint, signer)))


class Verdict(Enum):
    """What a witness's answer means."""

    COSIGNED = auto()
    BEHIND = auto()
    """It saw a smaller tree than we thought: send the proof from there."""
    DENIED = auto()
    """It says that it saw a larger tree, or another one: true only if it can show a note under our own key."""
    REFUSED = auto()
    """Anything else; try again later."""


@dataclass(frozen=True, slots=True)
class WitnessAnswer:
    """A witness's answer, read: ``lines`` when cosigned, ``size`` when behind."""

    verdict: Verdict
    lines: tuple[str, ...] = ()
    size: int = 0


def read_answer(status: int, body: bytes, note: str, old_size: int, size: int, key: WitnessKey) -> WitnessAnswer:
    """Read the answer to a checkpoint of ``size`` that was sent with a proof from ``old_size``."""
    try:
        if status == 200:
            return WitnessAnswer(Verdict.COSIGNED, read_cosignatures(note, decode_note(body), key))
        if status == 409:
            seen = parse_conflict(body)
            if seen > size:
                return WitnessAnswer(Verdict.DENIED)
            return WitnessAnswer(Verdict.BEHIND if seen != old_size else Verdict.REFUSED, size=seen)
    except (ValueError, SluisError):
        return WitnessAnswer(Verdict.REFUSED)
    # 422: the tree that it saw at the old size is not the beginning of ours, or so it says.
    return WitnessAnswer(Verdict.DENIED if status == 422 else Verdict.REFUSED)


def contradicts(shown: Checkpoint, size: int, tiles: Mapping[TileId, bytes]) -> bool:
    """Say whether our tree of ``size`` denies a checkpoint that our own key signed.

    ``tiles`` holds at least ``needed_for_root(shown.size)``, unless that is above ``size``.
    """
    if shown.size > size:
        return True
    # Of the empty tree there is only one.
    return shown.size > 0 and root_from_tiles(shown.size, tiles) != shown.root


def has_quorum(note: str, log_key: LogKey, witnesses: Sequence[WitnessKey], quorum: int) -> bool:
    """Say whether enough witnesses cosigned this note. Raises ``VerificationError`` for a note that does not hold."""
    try:
        open_checkpoint(note, log_key, witnesses, quorum)
    except VerificationError as error:
        if error.code is Code.QUORUM_MISSING:
            return False
        raise
    return True
