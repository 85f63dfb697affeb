# SPDX-License-Identifier: EUPL-1.2
"""Verify the whole log from its first entry, and that everything that was proven to us still stands in it.

Memory stays small: entries come in bundles of 256, receipts a page at a time. Not here: what makes entries the log's
(``protocol/walk.py``), and verifying as an outsider without receipts (``auditor``).
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from agency_client.trail import Trail
from agency_client.vault.evidence import EvidenceShelf
from protocol.checkpoint import CosignedCheckpoint
from protocol.errors import Code, VerificationError
from protocol.merkle import TILE_WIDTH
from protocol.tiles import entries_path, parse_entries
from protocol.walk import Wanted, drive_async, verify_from_zero

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
        beside = _Beside(self._shelf.receipts())
        bundles = _Bundles(self._trail, head.checkpoint.size)

        async def fetch(_: str) -> bytes:
            # The walk asks for the bundles in their order, which is the order in which they come.
            raw, width = await bundles.next()
            beside.take(parse_entries(raw, width))
            return raw

        def step(wanted: Wanted) -> None:
            told(wanted.done, wanted.total)

        try:
            await drive_async(verify_from_zero(head.checkpoint), fetch, step)
        finally:
            await bundles.close()
        told(head.checkpoint.size, head.checkpoint.size)
        self._trail.report_if_frozen()
        return Checked(head, beside.finish())


class _Bundles:
    """The log's bundles in order, fetched a few ahead of the walk that reads them."""

    def __init__(self, trail: Trail, size: int) -> None:
        self._trail = trail
        self._left = deque((n, min(TILE_WIDTH, size - n * TILE_WIDTH)) for n in range(-(-size // TILE_WIDTH)))
        self._under_way: deque[tuple[asyncio.Task[bytes], int]] = deque()

    async def next(self) -> tuple[bytes, int]:
        """Return the next bundle and how many entries it must have."""
        while self._left and len(self._under_way) < AT_ONCE:
            n, width = self._left.popleft()
            self._under_way.append((asyncio.create_task(self._trail.file(entries_path(n, width))), width))
        task, width = self._under_way.popleft()
        return await task, width

    async def close(self) -> None:
        """Drop what is still under way."""
        tasks = [task for task, _ in self._under_way]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class _Beside:
    """The receipts that are still to come, beside the entries as they come."""

    def __init__(self, receipts: Iterator[tuple[int, str, bytes]]) -> None:
        self._receipts = receipts
        self._next = next(receipts, None)
        self._size = 0
        self._found = 0
        self._other: tuple[int, str] | None = None

    def take(self, entries: Sequence[bytes]) -> None:
        """Take the next entries in order."""
        start, self._size = self._size, self._size + len(entries)
        while self._next is not None and self._next[0] < self._size:
            place, kind, leaf = self._next
            if entries[place - start] == leaf:
                self._found += 1
            elif self._other is None:
                self._other = (place, kind)
            self._next = next(self._receipts, None)

    def finish(self) -> int:
        """Return how many receipts were found, once the entries are known to be the log's.

        Raises ``VerificationError`` (``log_incomplete``) when one is another entry or lies behind the log's end.
        """
        if self._other is not None:
            place, kind = self._other
            raise VerificationError(Code.LOG_INCOMPLETE, f"Entry {place}, proven to us as {kind}, is another one now.")
        if self._next is not None:
            raise VerificationError(
                Code.LOG_INCOMPLETE, f"Entry {self._next[0]}, proven to us before, is not in the log."
            )
        return self._found
