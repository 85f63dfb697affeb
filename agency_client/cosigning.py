# SPDX-License-Identifier: EUPL-1.2
"""The agency as a witness: cosign what the trail proved, show it to the broker, and know how far other witnesses are.

Only the trail's own newest checkpoint is ever cosigned: proven to continue all before it, and kept, before anything is
signed. For the quorum none of this counts. It makes clients compare what they are shown: the trees that others cosigned
must be in ours, so a second log for one agency only shows there as the silence of all others; and a broker that was
restored from an old backup hears of it from whoever saw more. An upload that fails stops nothing.
Spec: ``protocol/spec/checkpoint.md``. Not here: what is proven (``trail.py``).
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from agency_client.doors import WitnessDoor
from agency_client.vault.evidence import EvidenceShelf
from protocol.checkpoint import (
    Checkpoint,
    CosignedCheckpoint,
    add_cosignatures,
    cosign,
    open_signed,
    without_cosignatures,
)
from protocol.covenant import Covenant
from protocol.covenant_parts import Agency
from protocol.errors import Code, SluisError, VerificationError
from protocol.messages import LogIndex, Message, Time, parse
from protocol.note import WitnessSigner
from protocol.walk import drive_async, verify_continuation
from protocol.witness_reports import CosignatureUpload, WitnessReports, WitnessState, read_reports

SHOWN: Final = "cosigned"
"""The vault's setting with what was shown last, and what was heard of other witnesses."""
AGAIN_AFTER: Final = timedelta(hours=1)
"""The same checkpoint is shown again this much later, so that others see that we still look."""

MOST_COMPARED: Final = 16
"""Trees of other witnesses that one look compares with ours: each costs a few small files of the log."""
PLACE: Final = "witnesses"
"""Where such a finding was made: its other note is a witness's, not the log's."""
File = Callable[[str], Awaitable[bytes]]
"""Fetches a tile of the log."""


class Shown(Message):
    """What this agency showed the broker last, and what it heard."""

    size: LogIndex
    at: Time
    failed: str | None = None
    """The code of what stood in the way; absent when the broker kept the cosignature."""
    own: bool = True
    """Whether this agency cosigns at all: its home and the covenant name the same witness key."""
    reports: WitnessReports | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """What is known here of witnesses: ours, and the others as their own signatures show, when last asked."""

    shown: Shown
    states: Sequence[WitnessState]


class Cosigning:
    """Shows the trail's checkpoints to the broker. ``signer`` is absent in a home from before witness keys."""

    def __init__(
        self,
        signer: WitnessSigner | None,
        me: Agency,
        covenant: Covenant,
        shelf: EvidenceShelf,
        broker: WitnessDoor,
        clock: Callable[[], datetime],
    ) -> None:
        self._signer = signer if signer is not None and me.witness == signer.key.vkey else None
        self._covenant = covenant
        self._shelf = shelf
        self._broker = broker
        self._clock = clock

    async def show(self, proven: CosignedCheckpoint, file: File | None = None) -> None:
        """Cosign and upload the trail's newest checkpoint, unless that was done a moment ago; compare with others.

        With ``file``, which fetches from the log; without it, since it is known to contradict itself, only our own is
        shown, at once. Raises only ``VerificationError`` (``log_forked``): another witness cosigned another tree.
        """
        now, last = self._clock(), last_shown(self._shelf)
        size = proven.checkpoint.size
        if (
            file is not None
            and last is not None
            and last.size == size
            and last.failed is None
            and timedelta() <= now - last.at < AGAIN_AFTER
        ):
            return
        failed: Code | None = None
        reports = last.reports if last is not None else None
        try:
            if self._signer is not None:
                await self._broker.cosign(CosignatureUpload(note=self._note(proven, self._signer, now)))
            if file is not None:
                found = await self._broker.witnesses()
                read_reports(found, self._covenant)
                await self._compare(found, proven, file)
                reports = found
        except SluisError as error:
            if file is not None and error.code is Code.LOG_FORKED:
                raise
            failed = error.code
        shown = Shown(size=size, at=now, failed=failed and failed.value, own=self._signer is not None, reports=reports)
        self._shelf.put_setting(SHOWN, shown.to_json().decode())

    async def _compare(self, reports: WitnessReports, proven: CosignedCheckpoint, file: File) -> None:
        """Pass when each tree that a witness cosigned is in ours. Raises ``VerificationError`` (``log_forked``)."""
        ours, origin = proven.checkpoint, self._covenant.log.origin
        trees = {Checkpoint(origin, one.size, one.root): one.line for one in reports.witnesses if one.size <= ours.size}
        # The newest first: those of today's witnesses are few, and tell most.
        for tree in sorted(trees, key=lambda one: one.size, reverse=True)[:MOST_COMPARED]:
            try:
                await drive_async(verify_continuation(tree, ours), file)
            except VerificationError as error:
                if error.code is Code.LOG_FORKED:
                    text = "Another witness cosigned a tree that is not in the log as it is shown to us."
                    theirs = f"{tree.text}\n{trees[tree]}"
                    self._shelf.report(error.code, PLACE, text, self._clock(), ours=proven.note, theirs=theirs)
                raise

    def _note(self, proven: CosignedCheckpoint, signer: WitnessSigner, now: datetime) -> str:
        log = self._covenant.log.verifier
        signed = without_cosignatures(open_signed(proven.note, log), log)
        return add_cosignatures(signed.note, [cosign(proven.checkpoint, signer, now)])


def last_shown(shelf: EvidenceShelf) -> Shown | None:
    """Return what was shown last, or None before the first time."""
    kept = shelf.setting(SHOWN)
    return None if kept is None else parse(Shown, kept.encode())


def known_witnesses(shelf: EvidenceShelf, covenant: Covenant) -> Known | None:
    """Return what is known here of witnesses; None before the first time. Raises ``VerificationError``."""
    shown = last_shown(shelf)
    if shown is None:
        return None
    return Known(shown, read_reports(shown.reports, covenant) if shown.reports is not None else ())
