# SPDX-License-Identifier: EUPL-1.2
"""What witnesses tell the broker of its own log: cosignatures of agencies, and notes that prove it to be an old one.

Whoever shows a checkpoint under our key that our tree denies proves that this database is not the one that signed it.
That note is kept, so that every process and every later start knows. Not here: signing and asking (``log_worker.py``).
Spec: ``protocol/spec/checkpoint.md``.
"""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from broker.postgres.log import LogRows
from broker.postgres.witnessing import Contradiction, WitnessRows
from broker.sequencer import contradicts
from protocol.checkpoint import SignedCheckpoint, open_signed, read_cosignatures, without_cosignatures
from protocol.covenant import Covenant
from protocol.errors import Code, ConflictError, InputError, RefusedError, VerificationError
from protocol.ids import PartyId
from protocol.note import LogKey, WitnessKey
from protocol.tiles import needed_for_root
from protocol.witness_reports import WitnessReports, cosigned_at

CLOCKS_APART: Final = timedelta(minutes=5)
"""How far ahead of ours an agency's clock may be: as for signed requests."""
NO_WITNESS_KEY: Final = "guard.no-witness-key"


@dataclass(frozen=True, slots=True)
class Upload:
    """An agency's cosignature that holds, over a checkpoint that our own key signed."""

    signed: SignedCheckpoint
    line: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Frozen:
    """Why the log is frozen."""

    by: Contradiction
    ours: int
    """Entries of our own tree."""

    @property
    def words(self) -> str:
        """The reason for people."""
        return (
            f"{self.by.shown_by} shows a checkpoint of {self.by.size} entries that this log's own key signed, and this "
            f"database, which has {self.ours} entries, denies it. It was restored from an old backup, or the key signs "
            "for another database too. Nothing is signed until the newest database is back."
        )


def read_upload(note: str, log_key: LogKey, witness: WitnessKey, now: datetime) -> Upload:
    """Check an uploaded note. Raises ``InputError`` (``malformed``) for one that does not hold."""
    try:
        signed = open_signed(note, log_key)
        (line,) = read_cosignatures(note, note.rpartition("\n\n")[2], witness)
        tree = signed.checkpoint
        seconds = cosigned_at(tree.size, tree.root, line, tree.origin, witness)
    except VerificationError as error:
        raise InputError(
            Code.MALFORMED, f"This is no checkpoint of this log with your cosignature. {error.detail}"
        ) from error
    if seconds > (now + CLOCKS_APART).timestamp():
        raise InputError(Code.MALFORMED, "The cosignature is from the future.", hint="Set the clock of your machine.")
    return Upload(without_cosignatures(signed, log_key), line, datetime.fromtimestamp(seconds, UTC))


def witness_of(covenant: Covenant, party: PartyId) -> WitnessKey:
    """Return an agency's witness key. Raises ``RefusedError`` when the covenant has none of it."""
    key = covenant.agency_witness_keys.get(party)
    if key is None:
        raise RefusedError(
            Code.POLICY_REFUSED,
            "The covenant names no witness key of this agency.",
            rule=NO_WITNESS_KEY,
            hint="Give the party statement of a new home to the covenant board.",
        )
    return key


class Witnessing:
    """The log's rows beside what witnesses said of it."""

    def __init__(self, log: LogRows, kept: WitnessRows, key: LogKey) -> None:
        self._log = log
        self._kept = kept
        self._key = key

    async def take(self, upload: Upload, witness: WitnessKey, now: datetime) -> int:
        """Keep an agency's cosignature; return the size of its newest.

        Raises ``ConflictError`` when it is of a tree that ours denies: then our log is frozen.
        """
        if await self.weigh(upload.signed, witness.name, now):
            raise ConflictError(
                Code.CONFLICT,
                "This log's own key signed that checkpoint, and its tree denies it; the log is frozen.",
                hint="Keep the note: it is evidence. Tell the covenant board.",
            )
        return await self._kept.keep(witness.name, upload.signed.checkpoint, upload.line, upload.at)

    async def weigh(self, shown: SignedCheckpoint, by: str, now: datetime) -> bool:
        """Say whether our tree denies this checkpoint under our own key, and keep it when it does."""
        tree = shown.checkpoint
        if not await self._denied(tree.size, shown):
            return False
        await self._kept.keep_contradiction(Contradiction(tree.size, tree.root, shown.note, by, now))
        return True

    async def frozen(self) -> Frozen | None:
        """Return what freezes the log, if anything that was kept still contradicts our tree."""
        for found in await self._kept.contradictions():
            if await self._denied(found.size, open_signed(found.note, self._key)):
                head = await self._log.head()
                return Frozen(found, head[0] if head is not None else 0)
        return None

    async def reports(self, covenant: Covenant) -> WitnessReports:
        """Return how far every witness of the covenant is."""
        published = await self._log.published()
        holders = [key.name for key in covenant.witness_keys]
        agencies = [key.name for key in covenant.agency_witness_keys.values()]
        return WitnessReports(size=published.size, witnesses=tuple(await self._kept.reports(holders, agencies)))

    async def _denied(self, size: int, shown: SignedCheckpoint) -> bool:
        # Read now: another process may have grown the tree while we asked, and then we are merely late.
        head = await self._log.head()
        now = head[0] if head is not None else 0
        held = await self._log.tiles(needed_for_root(size)) if 0 < size <= now else {}
        return await asyncio.to_thread(contradicts, shown.checkpoint, now, held)
