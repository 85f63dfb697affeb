# SPDX-License-Identifier: EUPL-1.2
"""Whether what is said to be erased from the log was: only a proven entry of the log, a marker, can say so.

A leaf and its proof stay when what it commits to is gone, so "erased" is a claim about the opening alone. It holds when
a later entry of the same log names the index, or the month of which it is. Anything else is an entry that somebody
keeps from us. Pure. Spec: ``spec/erasure.md``.
Not here: erasing (``broker/erasing.py``), and whether a month was old enough by the covenant (``require_kept``'s
caller gives the years).
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, get_args

from protocol.checkpoint import CosignedCheckpoint
from protocol.commitments import open_entry
from protocol.errors import Code, InputError, VerificationError
from protocol.events import Event, EventsErased
from protocol.merkle import leaf_hash, verify_inclusion
from protocol.messages import ErasedEntry, ErasureGround, Evidence

RETENTION_OVER: Final[ErasureGround] = "retention-over"
"""The ground on which the clock erases a month; nothing else erases one."""
GROUNDS: Final[tuple[ErasureGround, ...]] = get_args(ErasureGround)


@dataclass(frozen=True, slots=True)
class Marker:
    """A proven entry of the log that says what was erased: subject parts by index, or all of a month."""

    index: int
    """Its own place in the log."""
    at: datetime
    ground: ErasureGround
    indexes: frozenset[int]
    month: str | None
    first: int = 0
    last: int = -1
    entries: int = 0

    def names(self, index: int) -> bool:
        """Say whether it names this entry, which must be older than itself."""
        return index < self.index and (index in self.indexes or self.first <= index <= self.last)


@dataclass(frozen=True, slots=True)
class ErasedPart:
    """A proven entry whose subject part is gone: what is left of it, and the marker that says so."""

    index: int
    event: Event
    """Its subject part is empty."""
    leaf: bytes
    marker: Marker


@dataclass(frozen=True, slots=True)
class ErasedWhole:
    """A proven entry of which only the leaf is left, and the marker of its month."""

    index: int
    leaf: bytes
    marker: Marker


def read_marker(index: int, event: Event) -> Marker:
    """Return what the event at this index, proven to be in the log, says to be erased.

    Raises ``VerificationError`` (``erasure_unproven``) when it says nothing of the kind, or something that cannot be.
    """
    if not isinstance(event, EventsErased):
        raise _unproven("The entry that is named for it tells of no erasure.")
    of_month = (event.month, event.first, event.last)
    if event.indexes and of_month == (None, None, None) and event.ground != RETENTION_OVER:
        if max(event.indexes) >= index:
            raise _unproven("The entry that is named for it stands before what it says to be erased.")
        return Marker(index, event.act.time, event.ground, frozenset(event.indexes), None, entries=event.entries)
    month, first, last = of_month
    if event.indexes or month is None or first is None or last is None or not first <= last < index:
        raise _unproven("The entry that is named for it does not say what was erased.")
    if event.ground != RETENTION_OVER or event.act.time < month_end(month):
        raise _unproven("The entry that is named for it erases a month that cannot be erased.")
    return Marker(index, event.act.time, event.ground, frozenset(), month, first, last, event.entries)


def prove_marker(evidence: Evidence, cosigned: CosignedCheckpoint) -> Marker:
    """Return the marker that ``evidence`` proves to stand in the log of this checkpoint.

    Its own subject part, the words of a reason, may be left out. Raises as ``prove_part`` and ``read_marker``.
    """
    event, _, _ = _prove(evidence, cosigned)
    return read_marker(evidence.index, event)


def prove_part(evidence: Evidence, marker: Evidence, cosigned: CosignedCheckpoint) -> ErasedPart:
    """Return what is left of an entry whose subject part is said to be erased, and by which marker.

    Raises ``VerificationError``: ``receipt_invalid`` when one of the two is not proven to be in the log,
    ``erasure_unproven`` when the subject part is there after all, or the marker does not name this entry.
    """
    event, leaf, erased = _prove(evidence, cosigned)
    said = prove_marker(marker, cosigned)
    if not erased:
        raise _unproven("The entry is said to be erased, and it is not.")
    require_named(evidence.index, event, said)
    return ErasedPart(evidence.index, event, leaf, said)


def prove_whole(entry: ErasedEntry, marker: Evidence, cosigned: CosignedCheckpoint) -> ErasedWhole:
    """Return what is left of an entry whose month is said to be erased. Raises as ``prove_part``."""
    _require_place(entry.leaf, entry.index, entry.proof, cosigned)
    said = prove_marker(marker, cosigned)
    require_named(entry.index, None, said)
    return ErasedWhole(entry.index, entry.leaf, said)


def require_named(index: int, event: Event | None, marker: Marker) -> None:
    """Pass when a marker names this entry; ``event`` is what is left of it, None when nothing but the leaf is.

    Raises ``VerificationError`` (``erasure_unproven``).
    """
    if not marker.names(index) or (event is None and marker.month is None):
        raise _unproven(f"Entry {marker.index} of the log does not name entry {index} among what was erased.")
    if event is None:
        return
    if isinstance(event, EventsErased) and marker.month is None:
        # Else two markers could hide each other's reasons; they go with their month.
        raise _unproven("An entry that tells of an erasure is never erased alone.")
    late = marker.month is not None and event.act.time >= month_end(marker.month)
    if event.act.time > marker.at or late:
        raise _unproven(f"Entry {index} is from a later time than entry {marker.index} says to have erased.")


def require_kept(marker: Marker, years: int) -> None:
    """Pass when the month that a marker erases was kept for so many years, as the covenant says.

    Raises ``VerificationError`` (``erasure_unproven``).
    """
    if marker.month is not None and marker.at < kept_until(marker.month, years):
        raise _unproven(f"Entry {marker.index} erased a month of the log before its retention was over.")


def month_of(moment: datetime) -> str:
    """Return the month of a moment, in UTC: ``2026-11``."""
    return f"{moment.astimezone(UTC):%Y-%m}"


def month_end(month: str) -> datetime:
    """Return the first moment after a month."""
    return kept_until(month, 0)


def kept_until(month: str, years: int) -> datetime:
    """Return when a month of the log has been kept for so many years, counted from its end."""
    year, number = int(month[:4]), int(month[5:])
    return datetime(year + number // 12 + years, number % 12 + 1, 1, tzinfo=UTC)


def _prove(evidence: Evidence, cosigned: CosignedCheckpoint) -> tuple[Event, bytes, bool]:
    try:
        opened = open_entry(evidence.opening)
    except InputError as error:
        raise VerificationError(Code.RECEIPT_INVALID, f"The receipt's event cannot be read. {error.detail}") from error
    _require_place(opened.leaf, evidence.index, evidence.proof, cosigned)
    return opened.event, opened.leaf, opened.erased


def _require_place(leaf: bytes, index: int, proof: tuple[bytes, ...], cosigned: CosignedCheckpoint) -> None:
    head = cosigned.checkpoint
    try:
        verify_inclusion(leaf_hash(leaf), index, head.size, proof, head.root)
    except VerificationError as error:
        raise VerificationError(
            Code.RECEIPT_INVALID, f"The receipt does not prove that its event is in the log. {error.detail}"
        ) from error


def _unproven(detail: str) -> VerificationError:
    return VerificationError(Code.ERASURE_UNPROVEN, detail, hint="Tell the board: an entry of the log is kept from us.")
