# SPDX-License-Identifier: EUPL-1.2
"""Turn new signals of the vault into requests of the outbox and send them, several batches at once.

While key-holders and broker work on one batch, the client blinds, checks and seals others; every request is on the disk
before it is sent. What the key-holders refuse in one purpose does not hold up the others. Not here: reading files into
the vault (``intake.py``) and what one answer proves (``post.py``).
"""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

from agency_client.evaluation import KeyHolders
from agency_client.keys import PublishedKeys
from agency_client.post import FIRST_COME, Post, Tally
from agency_client.submit import Batch, Sender
from agency_client.vault import Vault
from agency_client.vault.outbox import NewPosting, PostingKind, new_key
from agency_client.vault.pending import Pending
from edge.ldv import UNLOGGED, Works
from protocol.covenant import Covenant
from protocol.errors import Code, ConflictError, NotFoundError, RefusedError, SluisError, VerificationError
from protocol.group import random_bytes
from protocol.ids import Epoch, PurposeId
from protocol.ldv import Work
from protocol.messages import MAX_SIGNALS
from protocol.trace import trace_of_key

BATCH: Final = 200
"""Signals a request: with fifteen keys each some 3,000 points, about a second of key-holders' and client's work, so
that a kill costs little and the first hit comes soon."""
IN_FLIGHT: Final = 3
"""Batches at once: one at the key-holders, one at the broker, one in the client's own hands."""
_SHUFFLED: Final = 16
"""Random bytes by which a batch is put in no order: so many that no two are the same."""
LOOK_SECONDS: Final = 0.2
"""How often the sender looks for signals that a file brought meanwhile."""


class Sending:
    """Empties the vault of new signals and the outbox of requests."""

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
        self._batch = min(batch, MAX_SIGNALS)
        self._works = works
        self.tally = Tally()
        self._waits: dict[PurposeId, SluisError] = {}
        """Purposes whose signals cannot be tagged in this run, and why."""
        self._held: dict[int, SluisError] = {}
        """Requests that cannot be sent in this run, and why."""
        self._turned_away: RefusedError | None = None

    async def run(self, more: Callable[[], bool], told: Callable[[Tally], None]) -> SluisError | None:
        """Send all there is, and go on while ``more`` says that a file still brings signals.

        Returns what stood in the way, or None when nothing waits any more; everything else was done first, and nothing
        is lost. ``told`` hears of progress. A refusal for good is counted; by the broker it is no obstacle, and by the
        key-holders it is returned once, when nothing waits: a whole purpose is closed to this agency.
        """
        self._holders.forget_silence()
        self._waits, self._held, self._turned_away = {}, {}, None
        while True:
            retagged = self.tally.retag
            obstacle = await self._send_open(told) or await self._tag_all(more, told)
            # Tagging can leave more to do: withdrawals of what was superseded, and signals whose epoch had closed.
            if obstacle is not None or (self.tally.retag == retagged and not self._open()):
                return obstacle or self._left()

    def _open(self) -> list[int]:
        return [number for number in self._vault.outbox.open_numbers() if number not in self._held]

    def _left(self) -> SluisError | None:
        """Return what is to be told when all is done that could be: false evidence before what waits."""
        waits = [*self._held.values(), *self._waits.values()]
        false = [error for error in waits if isinstance(error, VerificationError)]
        return next(iter([*false, *waits]), self._turned_away)

    async def _send_open(self, told: Callable[[Tally], None]) -> SluisError | None:
        for number in self._open():
            obstacle = await self._send(number)
            told(self.tally)
            if obstacle is not None:
                return obstacle
        return None

    async def _send(self, number: int) -> SluisError | None:
        try:
            await self._post.send(number, self.tally)
        except (RefusedError, NotFoundError) as error:
            # Settled as refused for good; only what will be possible later waits, and holds up nothing else.
            if error.code is Code.BUDGET_EXHAUSTED:
                self._held[number] = error
            return None
        except SluisError as error:
            # A colleague was first: settled as refused, and nobody's obstacle.
            return None if error.code in FIRST_COME else error
        return None

    async def _tag_all(self, more: Callable[[], bool], told: Callable[[Tally], None]) -> SluisError | None:
        running: set[asyncio.Task[SluisError | None]] = set()
        obstacle: SluisError | None = None
        passed: dict[tuple[PurposeId, str | None], int] = {}
        while True:
            # Asked before looking, so that what comes between the look and the answer is looked for once more.
            coming = more()
            batch: list[Pending] = []
            if obstacle is None and len(running) < IN_FLIGHT:
                batch = await asyncio.to_thread(self._vault.pending.batch, self._batch, passed, tuple(self._waits))
            if batch:
                passed[batch[-1].purpose, batch[-1].person] = batch[-1].position
                running.add(asyncio.create_task(self._one_batch(batch)))
                continue
            if not running:
                if obstacle is not None or not coming:
                    return obstacle
                await asyncio.sleep(LOOK_SECONDS)
                continue
            done, running = await asyncio.wait(
                running, timeout=LOOK_SECONDS if coming else None, return_when=asyncio.FIRST_COMPLETED
            )
            for task in done:
                obstacle = obstacle or task.result()
            told(self.tally)

    async def _one_batch(self, read: Sequence[Pending]) -> SluisError | None:
        # In no order: neither how a file was sorted nor which of its signals is a probe shows by its place.
        batch = sorted(read, key=lambda _: random_bytes(_SHUFFLED))
        try:
            number = await self._tag(batch)
        except ConflictError:
            # Withdrawn or changed at another terminal while it was tagged: the next run takes it as it is then.
            return None
        except SluisError as error:
            if isinstance(error, VerificationError) and error.code is not Code.PROOF_INVALID:
                # The log or the published keys do not hold: nothing more is sent on their word.
                return error
            self._waits.setdefault(batch[0].purpose, error)
            return None
        return None if number is None else await self._send(number)

    async def _tag(self, pending: Sequence[Pending]) -> int | None:
        """Return the number of the request that carries the batch, or None when the covenant lets it have none."""
        batch, epoch = Batch.of(pending), self._covenant.epoch_at(self._clock())
        # The request's key, which gives its trace too: from the key-holders to the event it is one.
        key, limit = new_key(), self._covenant.purpose(batch.purpose).max_batch
        with self._works.do(Work.TAGGING, batch.purpose, trace_of_key(key, random_bytes)):
            keys = await self._keys.get(batch.purpose, epoch)
            try:
                outputs = await self._holders.outputs(keys, batch.tagging.inputs, limit)
            except RefusedError as error:
                if error.code is not Code.POLICY_REFUSED:
                    raise
                refused = await asyncio.to_thread(self._vault.pending.turn_away, pending, error.code, error.rule)
                self.tally.refuse(refused, error.code, error.rule)
                self._turned_away = error
                return None
        return await asyncio.to_thread(self._write, batch, outputs, epoch, key)

    def _write(self, batch: Batch, outputs: Sequence[bytes], epoch: Epoch, key: str) -> int:
        body, kept = batch.signed(outputs, epoch, self._sender)
        # A batch is of one sender: it is logged as that person's act, or else as our system's.
        posting = NewPosting(PostingKind.PUSH, "/v1/signals", key, body, batch.purpose, batch.pending[0].person)
        return self._vault.outbox.put_push(posting, kept, epoch, self._clock())
