# SPDX-License-Identifier: EUPL-1.2
"""Verify the log from its first entry, or on from where we were, and that all that was proven to us stands in it.

Every entry is read and hashed; beside them run our receipts, each of which must be the entry at its place, with a time
that fits there. Memory stays small: entries come in bundles of 256, receipts a page at a time.
Not here: what makes entries the log's (``protocol/walk.py``), opening our own (``own_entries.py``), verifying as an
outsider without receipts (``auditor``).
"""

import asyncio
import json
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import dropwhile
from typing import Final

from agency_client.trail import Trail
from agency_client.vault.evidence import EvidenceShelf
from protocol.backdating import Seen, require_dated
from protocol.checkpoint import CosignedCheckpoint
from protocol.doubles import Leaves
from protocol.encoding import b64url, parse_time, unb64url
from protocol.errors import Code, VerificationError
from protocol.merkle import TILE_WIDTH, Frontier
from protocol.tiles import entries_path, parse_entries
from protocol.walk import Wanted, drive_async, verify_from_zero, verify_onward

AT_ONCE: Final = 4
"""Bundles fetched at the same time."""
KEPT_VIEWS: Final = 60
"""Past verifications whose moments are held against the times of entries: two months of one a day."""
_TREE: Final = "verified-tree"
_VIEWS: Final = "verified-views"


@dataclass(frozen=True, slots=True)
class Checked:
    """What holds: the head, who cosigned it, from which entry on it was read, and how many of our receipts stand in
    what was read.
    """

    head: CosignedCheckpoint
    receipts: int
    read_from: int
    views: tuple[Seen, ...]
    """What witnesses had seen when, as we knew before and know now: for the times of other entries."""


class Checking:
    """Walks the log once, beside the receipts in the same order."""

    def __init__(self, shelf: EvidenceShelf, trail: Trail) -> None:
        self._shelf = shelf
        self._trail = trail

    async def run(self, told: Callable[[int, int], None], *, onward: bool = False) -> Checked:
        """Verify all, or with ``onward`` what is new; ``told`` hears how many entries of how many are done.

        Raises ``VerificationError``: ``log_altered`` when the entries are not those that were signed, or one is another
        than was proven to us; ``log_incomplete`` when one that was proven to us is missing; ``log_doubled``,
        ``log_backdated``; and what the trail raises.
        """
        head = await self._trail.advance()
        seen = self._tree() if onward else None
        again = Frontier() if seen is None else seen.cut_to_full_tiles()
        beside = _Beside(self._shelf.receipts(), again.size)
        bundles = _Bundles(self._trail, again.size, head.checkpoint.size)
        leaves = Leaves()

        async def fetch(path: str) -> bytes:
            if not bundles.comes(path):
                # Something did not add up, and the walk reads the log from zero to tell why.
                return await self._trail.file(path)
            raw, width = await bundles.next()
            entries = parse_entries(raw, width)
            beside.take(entries)
            leaves.take(entries)
            return raw

        def step(wanted: Wanted) -> None:
            told(wanted.done, wanted.total)

        walk = verify_from_zero(head.checkpoint) if seen is None else verify_onward(seen, head.checkpoint)
        try:
            tree = await drive_async(walk, fetch, step)
        finally:
            await bundles.close()
        leaves.finish()
        told(head.checkpoint.size, head.checkpoint.size)
        self._trail.report_if_frozen()
        # An onward walk of a log that did not grow reads nothing: then nothing new can lie beside it.
        receipts = beside.finish() if seen != tree else 0
        views = (*self._views(), Seen.of(head))
        await asyncio.to_thread(self._require_dated, again.size, head.checkpoint.size, views)
        self._keep(tree, views)
        return Checked(head, receipts, again.size, views)

    def _require_dated(self, first: int, behind: int, views: Sequence[Seen]) -> None:
        openings = self._shelf.openings_between(first, behind)
        require_dated(((place, parse_time(str(one.record["time"]))) for place, one, _ in openings), views)

    def _tree(self) -> Frontier | None:
        held = self._shelf.setting(_TREE)
        return None if held is None else Frontier.from_bytes(unb64url(held))

    def _views(self) -> tuple[Seen, ...]:
        held = json.loads(self._shelf.setting(_VIEWS) or "[]")
        return tuple(Seen(size, datetime.fromtimestamp(seconds, UTC)) for size, seconds in held)

    def _keep(self, tree: Frontier, views: Sequence[Seen]) -> None:
        # The first stays: the older a view is, the more it says about entries behind it.
        kept = views if len(views) <= KEPT_VIEWS else (views[0], *views[1 - KEPT_VIEWS :])
        self._shelf.put_setting(_TREE, b64url(tree.to_bytes()))
        self._shelf.put_setting(_VIEWS, json.dumps([[one.size, int(one.at.timestamp())] for one in kept]))


class _Bundles:
    """The log's bundles in order, fetched a few ahead of the walk that reads them."""

    def __init__(self, trail: Trail, first: int, size: int) -> None:
        self._trail = trail
        self._left = deque(
            (entries_path(n, width), width)
            for n in range(first // TILE_WIDTH, -(-size // TILE_WIDTH))
            for width in (min(TILE_WIDTH, size - n * TILE_WIDTH),)
        )
        self._under_way: deque[tuple[asyncio.Task[bytes], str, int]] = deque()

    def comes(self, path: str) -> bool:
        """Say whether this path is the next in order."""
        self._start()
        return bool(self._under_way) and self._under_way[0][1] == path

    async def next(self) -> tuple[bytes, int]:
        """Return the next bundle and how many entries it must have."""
        task, _, width = self._under_way.popleft()
        return await task, width

    def _start(self) -> None:
        while self._left and len(self._under_way) < AT_ONCE:
            path, width = self._left.popleft()
            self._under_way.append((asyncio.create_task(self._trail.file(path)), path, width))

    async def close(self) -> None:
        """Drop what is still under way."""
        tasks = [task for task, _, _ in self._under_way]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class _Beside:
    """The receipts that are still to come, beside the entries as they come."""

    def __init__(self, receipts: Iterator[tuple[int, str, bytes]], first: int) -> None:
        self._receipts = dropwhile(lambda receipt: receipt[0] < first, receipts)
        self._next = next(self._receipts, None)
        self._size = first
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

        Raises ``VerificationError``: ``log_altered`` when one is another entry, ``log_incomplete`` when one lies behind
        the log's end.
        """
        if self._other is not None:
            place, kind = self._other
            raise VerificationError(Code.LOG_ALTERED, f"Entry {place}, proven to us as {kind}, is another one now.")
        if self._next is not None:
            raise VerificationError(
                Code.LOG_INCOMPLETE, f"Entry {self._next[0]}, proven to us before, is not in the log."
            )
        return self._found
