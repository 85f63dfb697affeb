# SPDX-License-Identifier: EUPL-1.2
"""Give own signals that stand the next epoch's pseudonyms, by themselves and in time, so that they go on matching.

After the turn both epochs are live for the covenant's days of grace. A signal is re-tagged at its own moment in the
first half of them, by a keyed hash: so the key-holders' work is spread, nobody can tell by the moment which signal it
is, and the second half is left for outages. It keeps its id, case and end. A refusal leaves it as it stands.
Not here: signals that were never sent (``tagging.py``), the rows (``vault.registrations``).
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import Final

from agency_client.evaluation import KeyHolders
from agency_client.keys import PublishedKeys
from agency_client.post import Post, Tally
from agency_client.submit import Batch, Sender
from agency_client.vault import Vault
from agency_client.vault.outbox import NewPosting, PostingKind, new_key
from agency_client.vault.registrations import Candidate
from edge.ldv import UNLOGGED, Works
from protocol.covenant import Covenant
from protocol.errors import RefusedError, SluisError
from protocol.group import random_bytes
from protocol.ids import Epoch, PurposeId, SignalId
from protocol.ldv import Work
from protocol.trace import trace_of_key

SPREAD: Final = 0.5
"""The part of the grace over which re-tagging is spread; what fails has the rest of it to succeed in."""
BATCH: Final = 100
"""Signals a request: half of an ordinary push's, since it works beside those."""


def due(candidates: Sequence[Candidate], covenant: Covenant, now: datetime) -> list[Candidate]:
    """Return the signals whose moment has come, in the order of their moments. Pure."""
    current = covenant.epoch_at(now)
    begun = now - covenant.epoch_start(current)
    over = timedelta(days=covenant.grace_days) * SPREAD
    live = covenant.live_epochs(now)
    share = 1.0 if begun >= over else begun / over
    chosen = [one for one in candidates if one.share <= share and one.epoch in live and one.epoch < current]
    return sorted(chosen, key=lambda one: one.share)


class Retagging:
    """Re-tags what is due, in batches of one purpose, each on the disk before it leaves."""

    def __init__(
        self,
        vault: Vault,
        holders: KeyHolders,
        keys: PublishedKeys,
        post: Post,
        sender: Sender,
        covenant: Covenant,
        clock: Callable[[], datetime],
        *,
        batch: int = BATCH,
        works: Works = UNLOGGED,
    ) -> None:
        self._vault = vault
        self._holders = holders
        self._keys = keys
        self._post = post
        self._sender = sender
        self._covenant = covenant
        self._clock = clock
        self._batch = batch
        self._works = works

    async def run(self, now: datetime) -> int:
        """Re-tag all that is due; return how many signals stand for the current epoch by it.

        Raises what stood in the way, after all else was done: what was written waits in the outbox, the rest is due
        again. A key-holder's refusal of one purpose does not hold up the others.
        """
        epoch, count = self._covenant.epoch_at(now), 0
        problem: SluisError | None = None
        for purpose, batch in await asyncio.to_thread(self._batches, epoch, now):
            try:
                count += await self._one(purpose, epoch, batch)
            except RefusedError as error:
                problem = problem or error
            except SluisError as error:
                raise problem or error from None
        if problem is not None:
            raise problem
        return count

    def left(self, now: datetime) -> int:
        """Return how many signals still stand under the epoch that is passing alone."""
        return self._vault.registrations.count_waiting(self._covenant.epoch_at(now), now)

    def _batches(self, epoch: Epoch, now: datetime) -> list[tuple[PurposeId, list[SignalId]]]:
        found = due(self._vault.registrations.candidates(epoch, now), self._covenant, now)
        known = [one for one in found if one.purpose in self._covenant.purposes]
        by_purpose = sorted(known, key=lambda one: one.purpose)
        return [
            (purpose, chunk)
            for purpose, group in groupby(by_purpose, key=lambda one: one.purpose)
            for chunk in _chunks([one.id for one in group], self._batch)
        ]

    async def _one(self, purpose: PurposeId, epoch: Epoch, signals: Sequence[SignalId]) -> int:
        pending = await asyncio.to_thread(self._vault.registrations.pending, signals)
        if not pending:
            return 0
        batch, key, limit = Batch.of(pending), new_key(), self._covenant.purpose(purpose).max_batch
        with self._works.do(Work.TAGGING, purpose, trace_of_key(key, random_bytes)):
            keys = await self._keys.get(purpose, epoch)
            outputs = await self._holders.outputs(keys, batch.tagging.inputs, limit)
        number = await asyncio.to_thread(self._write, batch, outputs, epoch, key)
        tally = Tally()
        await self._post.send(number, tally)
        return tally.retagged

    def _write(self, batch: Batch, outputs: Sequence[bytes], epoch: Epoch, key: str) -> int:
        body, signed = batch.signed(outputs, epoch, self._sender)
        posting = NewPosting(PostingKind.RETAG, "/v1/signals", key, body, batch.purpose)
        kept = [(one.id, keys) for one, keys in signed]
        return self._vault.registrations.put(posting, kept, epoch, self._clock())


def _chunks(signals: Sequence[SignalId], size: int) -> Iterator[list[SignalId]]:
    for start in range(0, len(signals), size):
        yield list(signals[start : start + size])
