# SPDX-License-Identifier: EUPL-1.2
"""The log as this client has seen it: one line of checkpoints, each proven to continue the one before.

Two checkpoints that contradict each other are kept as evidence and stop the client, until an operator says that he has
looked at them (``sluis agency verify --evidence-seen``); the last good checkpoint stays the one to continue from.
Not here: the checkpoints' own form (``protocol/checkpoint.py``) and proofs (``protocol/walk.py``).
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from agency_client.cosigning import Cosigning
from agency_client.doors import BrokerDoor
from agency_client.vault.evidence import EvidenceShelf
from agency_client.verified import Receipt
from protocol.checkpoint import Checkpoint, CosignedCheckpoint, open_checkpoint
from protocol.covenant import Covenant
from protocol.errors import Code, NotFoundError, SluisError, UnavailableError, VerificationError
from protocol.events import Event
from protocol.fork_evidence import Beginning, find_beginning
from protocol.log_evidence import verify_leaf
from protocol.messages import Evidence, parse
from protocol.note import LogKey, WitnessKey
from protocol.walk import drive_async, verify_continuation

STOPPING: Final = frozenset({Code.LOG_FORKED, Code.LOG_ROLLED_BACK})
"""Findings after which nothing that the log proves can be relied on."""
FROZEN_AFTER: Final = timedelta(hours=24)
"""A broker has its witnesses cosign the log anew every four hours, also when nothing happens."""
_TRIES: Final = 5
"""Times that another process of the same home may move the checkpoint between our reading and writing it."""


@dataclass(frozen=True, slots=True)
class LogKeys:
    """Whose signatures make a checkpoint count."""

    log: LogKey
    witnesses: tuple[WitnessKey, ...]
    quorum: int

    @staticmethod
    def of(covenant: Covenant) -> "LogKeys":
        """Take them from the covenant."""
        witnesses = tuple(WitnessKey.parse(holder.witness) for holder in covenant.key_holders)
        return LogKeys(LogKey.parse(covenant.log.key), witnesses, covenant.witness_quorum)

    def open(self, note: str) -> CosignedCheckpoint:
        """Verify a note. Raises ``VerificationError`` (``checkpoint_invalid``, ``quorum_missing``)."""
        return open_checkpoint(note, self.log, self.witnesses, self.quorum)


@dataclass(frozen=True, slots=True)
class Proven:
    """An event that stands in the log at this place: parsed from an opening whose leaf was proven."""

    place: int
    event: Event
    leaf: bytes
    opening: bytes
    proof: tuple[bytes, ...]
    cosigned: CosignedCheckpoint

    def receipt(self, about: str) -> Receipt:
        """Return what is kept of it, for whatever act or notice it was; ``about`` is what that is found by."""
        size, note = self.cosigned.checkpoint.size, self.cosigned.note
        kind = type(self.event).__name__
        return Receipt(self.place, kind, about, self.leaf, self.opening, self.proof, size, note)


def _is_later(found: CosignedCheckpoint, last: CosignedCheckpoint | None) -> bool:
    """Say whether to go on from this one: it is larger, or the same and witnesses have seen it since."""
    if last is None or last.checkpoint.size < found.checkpoint.size:
        return True
    return last.checkpoint == found.checkpoint and last.cosigned_at < found.cosigned_at


def kept_beginning(shelf: EvidenceShelf, one: Checkpoint, other: Checkpoint) -> Beginning | None:
    """Return what was kept to show others that two checkpoints contradict each other, if the log served it."""
    older, newer = sorted((one, other), key=lambda head: head.size)
    kept = shelf.setting(_beginning_name(older, newer))
    return None if kept is None else parse(Beginning, kept.encode())


def _beginning_name(older: Checkpoint, newer: Checkpoint) -> str:
    return f"fork {older.size} {older.root.hex()} {newer.size} {newer.root.hex()}"


def prove(evidence: Evidence, cosigned: CosignedCheckpoint) -> Proven:
    """Check that an opening is what the log has at its place. Raises ``VerificationError`` (``receipt_invalid``)."""
    event, leaf = verify_leaf(evidence, cosigned)
    return Proven(evidence.index, event, leaf, evidence.opening.to_json(), evidence.proof, cosigned)


class Trail:
    """Keeps the line of checkpoints; every note that the client relies on goes through here first."""

    def __init__(
        self,
        shelf: EvidenceShelf,
        broker: BrokerDoor,
        keys: LogKeys,
        clock: Callable[[], datetime],
        witness: Cosigning | None = None,
    ) -> None:
        """``witness`` cosigns what was proven here and shows it to the broker."""
        self._witness = witness
        self._shelf = shelf
        self._broker = broker
        self._keys = keys
        self._clock = clock
        self._turn = asyncio.Lock()
        self._admitted: dict[Checkpoint, int] = {}
        """What was proven before, and when its quorum had last seen it."""

    def require_unstopped(self) -> None:
        """Pass unless evidence against the log waits for an operator. Raises ``VerificationError`` with its code."""
        for finding in self._shelf.findings(unseen_only=True):
            if finding.code in STOPPING:
                raise VerificationError(
                    Code(finding.code),
                    "The log contradicted itself. Both checkpoints are kept as evidence, and nothing is sent or shown.",
                    hint="Look with `sluis agency verify`, tell the covenant board, then "
                    "`sluis agency verify --evidence-seen` to go on from the last good checkpoint.",
                )

    def last(self) -> CosignedCheckpoint | None:
        """Return the last checkpoint that was proven, or None before the first."""
        note = self._shelf.checkpoint()
        return None if note is None else self._keys.open(note)

    async def advance(self) -> CosignedCheckpoint:
        """Fetch the newest checkpoint and prove that it continues the last one.

        Raises ``VerificationError``: ``log_rolled_back`` when it is older, ``log_forked`` when it is another history.
        """
        self.require_unstopped()
        seen = self.last()
        head = self._keys.open(await self._broker.checkpoint())
        if seen is not None and head.checkpoint.size < seen.checkpoint.size:
            stopped = self._stop(Code.LOG_ROLLED_BACK, "The log is shorter than it was.", seen, head)
            # A broker that was restored from an old backup may not know it; this tells it.
            if self._witness is not None:
                await self._witness.show(seen)
            raise stopped
        taken = await self._take(head)
        if self._witness is not None:
            await self._witness.show(self.last() or taken, self.file)
        return taken

    async def admit(self, note: str) -> CosignedCheckpoint:
        """Take the checkpoint of an answer: newer than our last, or an older one that our last continues.

        An answer that the broker kept from before may rest on an older checkpoint; that is no roll-back.
        """
        self.require_unstopped()
        return await self._take(self._keys.open(note))

    async def _take(self, found: CosignedCheckpoint) -> CosignedCheckpoint:
        async with self._turn:
            for _ in range(_TRIES):
                if self._admitted.get(found.checkpoint, -1) >= found.cosigned_at:
                    return found
                last = self.last()
                if last is not None:
                    await self._require_one_history(last, found)
                if not _is_later(found, last) or self._shelf.put_checkpoint(
                    None if last is None else last.note, found.note
                ):
                    self._admitted[found.checkpoint] = found.cosigned_at
                    return found
        raise UnavailableError(Code.UNAVAILABLE, "Another process of this home keeps moving the last checkpoint.")

    async def _require_one_history(self, last: CosignedCheckpoint, found: CosignedCheckpoint) -> None:
        """Raises ``log_forked`` only for a contradiction; a tile that is missing or short is ``log_incomplete``."""
        older, newer = sorted((last.checkpoint, found.checkpoint), key=lambda one: one.size)
        try:
            await drive_async(verify_continuation(older, newer), self.file)
        except VerificationError as error:
            if error.code is not Code.LOG_FORKED:
                raise
            # Stopped before anything else is asked of the broker.
            stopped = self._stop(Code.LOG_FORKED, "Two checkpoints of the log contradict each other.", last, found)
            if self._witness is not None:
                await self._witness.show(last)
            await self._keep_beginning(older, newer)
            raise stopped from error

    async def _keep_beginning(self, older: Checkpoint, newer: Checkpoint) -> None:
        """Keep what shows the fork to others, if the log still serves it."""
        if not 0 < older.size < newer.size:
            return
        try:
            found = await drive_async(find_beginning(older, newer), self.file)
        except SluisError:
            # Both notes are kept all the same; they stop us, and prove to others what they can.
            return
        if found.root != older.root:
            self._shelf.put_setting(_beginning_name(older, newer), found.to_json().decode())

    def report_if_frozen(self) -> None:
        """Keep a finding when nobody cosigned the log for long: nothing happened, or what is newer is held back."""
        last, now = self.last(), self._clock()
        if last is not None and now.timestamp() - last.cosigned_at > FROZEN_AFTER.total_seconds():
            detail = "The newest checkpoint is old: its witnesses are away, or what is newer is held back from us."
            self._shelf.report(Code.QUORUM_MISSING, "log", detail, now)

    async def file(self, path: str) -> bytes:
        """Fetch a tile or bundle; one that is not there is a hole in the log (``log_incomplete``)."""
        try:
            return await self._broker.log_file(path)
        except NotFoundError as error:
            raise VerificationError(Code.LOG_INCOMPLETE, "A part of the log is not served.") from error

    def _stop(self, code: Code, text: str, ours: CosignedCheckpoint, theirs: CosignedCheckpoint) -> VerificationError:
        self._shelf.report(code, "log", text, self._clock(), ours=ours.note, theirs=theirs.note)
        return VerificationError(
            code, text, hint="Both are kept as evidence; the client stops until you ran `sluis agency verify`."
        )
