# SPDX-License-Identifier: EUPL-1.2
"""Verify the whole log from its first entry, and that everything that was proven to us still stands in it.

Memory stays small: entries come in bundles of 256, receipts a page at a time. Not here: verifying as an outsider
without receipts (``auditor``).
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from agency_client.trail import Trail
from agency_client.vault.evidence import EvidenceShelf
from protocol.checkpoint import CosignedCheckpoint
from protocol.errors import Code, VerificationError
from protocol.merkle import TILE_WIDTH, Frontier, append
from protocol.tiles import entries_path, parse_entries

AT_ONCE: Final = 4
"""Bundles fetched at the same time."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What holds: the head, who cosigned it, and how many of our receipts stand in the log."""

    head: CosignedCheckpoint
    receipts: int


class Checking:
    """Walks the log once, beside the receipts in the same order."""

    def __init__(self, shelf: EvidenceShelf, trail: Trail) -> None:
        self._shelf = shelf
        self._trail = trail

    async def run(self, told: Callable[[int, int], None]) -> Checked:
        """Verify all; ``told`` hears how many entries of how many are done.

        Raises ``VerificationError``: ``log_altered`` when the entries are not those that were signed,
        ``log_incomplete`` when one that was proven to us is missing or another, and what the trail raises.
        """
        head = await self._trail.advance()
        size = head.checkpoint.size
        walk = _Walk(self._shelf.receipts())
        for start in range(0, size, TILE_WIDTH * AT_ONCE):
            numbers = range(start // TILE_WIDTH, min(-(-size // TILE_WIDTH), start // TILE_WIDTH + AT_ONCE))
            widths = [min(TILE_WIDTH, size - n * TILE_WIDTH) for n in numbers]
            raws = await asyncio.gather(
                *(self._trail.file(entries_path(n, width)) for n, width in zip(numbers, widths, strict=True))
            )
            for raw, width in zip(raws, widths, strict=True):
                walk.take(parse_entries(raw, width))
            told(walk.size, size)
        if walk.frontier.root != head.checkpoint.root:
            raise VerificationError(
                Code.LOG_ALTERED,
                "The entries that the log serves are not those that it signed.",
                hint="An entry was left out or changed. Tell the covenant board.",
            )
        return Checked(head, walk.finish())


class _Walk:
    """The tree as it grows, and the receipts that are still to come."""

    def __init__(self, receipts: Iterator[tuple[int, str, bytes]]) -> None:
        self.frontier = Frontier()
        self._receipts = receipts
        self._next = next(receipts, None)
        self._found = 0

    @property
    def size(self) -> int:
        """Entries seen."""
        return self.frontier.size

    def take(self, entries: Sequence[bytes]) -> None:
        """Take the next entries in order."""
        start = self.size
        self.frontier = append(self.frontier, entries).frontier
        while self._next is not None and self._next[0] < self.size:
            place, kind, leaf = self._next
            if entries[place - start] != leaf:
                raise VerificationError(
                    Code.LOG_INCOMPLETE, f"Entry {place}, proven to us as {kind}, is another one now."
                )
            self._found += 1
            self._next = next(self._receipts, None)

    def finish(self) -> int:
        """Return how many receipts were found; raises when one lies behind the log's end."""
        if self._next is not None:
            raise VerificationError(
                Code.LOG_INCOMPLETE, f"Entry {self._next[0]}, proven to us before, is not in the log."
            )
        return self._found
