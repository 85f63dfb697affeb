# SPDX-License-Identifier: EUPL-1.2
"""The one sequencer: number events, sign checkpoints, have them cosigned, publish what has its quorum.

Two loops beside each other: the tree grows soon after each commit, whatever the witnesses do; witnesses are asked in
parallel, one request each at a time, so a slow one delays nobody. Before anything is signed, witnesses are asked what
they saw. Who shows a note under our own key that our tree does not extend proves that our database is an old one, and
the log freezes; who only says so is a failing witness, and the quorum of the others goes on. A log in which nothing
happens is cosigned anew every few hours, so that nobody takes it for one that is held back.
Not here: hashing, signing and reading answers (``sequencer.py``), what freezes the log (``witnessing.py``), rows
(``postgres/log.py``), HTTP (``transport.py``).
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from broker.postgres.log import Leader, LogRows
from broker.postgres.proofs import Published
from broker.sequencer import MAX_BATCH, Verdict, has_quorum, read_answer
from broker.transport import KeyHolderDoor
from broker.witnessing import Frozen, Witnessing
from edge.bells import Bell, heard
from edge.logs import Logger, error_fields
from protocol.checkpoint import LogSigner, add_cosignatures, open_checkpoint, open_signed, without_cosignatures
from protocol.errors import SluisError, VerificationError
from protocol.tiles import consistency_proof, needed_for_consistency
from protocol.witness_reports import LAST_SECOND
from protocol.witness_rules import format_add_checkpoint

GATHER_SECONDS: Final = 0.01
"""Commits of these milliseconds share one checkpoint; far below the 100 ms that a push may wait for its number."""
LOOK_SECONDS: Final = 1.0
"""A wake-up can be lost; a witness can come back: look again this often anyway."""
TAKE_OVER_SECONDS: Final = 1.0
"""How often a second process tries to take over from a sequencer that died."""
REFRESH_AFTER: Final = timedelta(hours=4)
"""How old the quorum's cosignatures may get when nothing happens: an agency takes a day without a fresh one for a log
that is held back, and so has six of them."""
CATCH_UP_AFTER: Final = timedelta(minutes=1)
"""How often a witness that is behind, or a head that is old, is tried again while nothing happens."""
_ATTEMPTS: Final = 3
"""Answers of 409 in one round: the first tells the size, the second should do; more is a confused witness."""


@dataclass(slots=True)
class LogWorker:
    """Grows one log, when it is this process's turn."""

    rows: LogRows
    witnessing: Witnessing
    signer: LogSigner
    doors: Sequence[KeyHolderDoor]
    quorum: int
    events: Bell
    clock: Callable[[], datetime]
    log: Logger
    frozen: Frozen | None = None
    """Why nothing is signed any more, when our key is proven to have signed what our tree denies."""
    _failing: dict[str, str] = field(default_factory=dict)
    _seen: dict[str, int] = field(default_factory=dict)
    _busy: dict[str, "asyncio.Task[bool]"] = field(default_factory=dict)
    _grown: Bell = field(default_factory=Bell)
    _refreshed: datetime | None = None
    _looked_at: float = -LOOK_SECONDS

    async def take(self, doors: Sequence[KeyHolderDoor], quorum: int) -> None:
        """Ask these witnesses from now on, and publish what so many of them cosigned."""
        for door in doors:
            if door.witness.name not in self._seen:
                self._seen[door.witness.name] = await self.rows.seen_by(door.witness.name)
        self.doors, self.quorum = doors, quorum
        names = {door.witness.name for door in doors}
        self._failing = {name: why for name, why in self._failing.items() if name in names}

    async def run(self) -> None:
        """Lead when nobody else does, for as long as the process runs."""
        while True:
            try:
                async with self.rows.lead(self.signer) as leader:
                    if leader is not None:
                        await self._lead(leader)
            except* SluisError as group:
                self.log.warning("sequencer stopped and will start again", **error_fields(_first(group)))
            finally:
                await self._drop_requests()
            await self._look_again()
            await asyncio.sleep(TAKE_OVER_SECONDS)

    async def _look_again(self) -> None:
        """Learn, about once a second, what another process or an agency found out about our log."""
        now = asyncio.get_running_loop().time()
        if self.frozen is None and now - self._looked_at >= LOOK_SECONDS:
            self._looked_at = now
            try:
                self._freeze(await self.witnessing.frozen())
            except SluisError as error:
                self.log.warning("what witnesses showed cannot be read", **error_fields(error))

    async def _lead(self, leader: Leader) -> None:
        head = await leader.head()
        for door in self.doors:
            self._seen[door.witness.name] = await self.rows.seen_by(door.witness.name)
        await self._ask_before_signing(head.size, head.note)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._grow(leader))
            group.create_task(self._publish())

    async def _ask_before_signing(self, size: int, note: str) -> None:
        """Wait until so many witnesses know nothing beyond our head that no quorum can have seen more."""
        needed = len(self.doors) - self.quorum + 1
        while True:
            answers = await asyncio.gather(*(self._cosign(door, size, note) for door in self.doors))
            await self._require_thawed()
            if sum(answers) >= needed:
                return
            self.log.info("waiting for witnesses before signing", count=sum(answers))
            await asyncio.sleep(LOOK_SECONDS)

    async def _grow(self, leader: Leader) -> None:
        while True:
            ring = self.events.next()
            count = await leader.integrate(MAX_BATCH, self.clock())
            if count:
                self._grown.ring()
            if count < MAX_BATCH:
                await heard(ring, LOOK_SECONDS)
                await asyncio.sleep(GATHER_SECONDS)
            await self._require_thawed()

    async def _publish(self) -> None:
        while True:
            ring = self._grown.next()
            head = await self.rows.head()
            published = await self.rows.published()
            if head is not None and head[0] > published.size:
                done = await self._round(*head)
                if (done and not ring.is_set()) or not done:
                    await heard(ring, LOOK_SECONDS)
            else:
                if head is not None and published.note is not None:
                    await self._refresh(*head, published)
                await heard(ring, LOOK_SECONDS)
            await self._require_thawed()

    async def _round(self, size: int, note: str) -> bool:
        """Ask every witness that is not busy to cosign this checkpoint; publish it as soon as a quorum has."""
        waiting = self._ask(self.doors, size, note)
        while True:
            if await self._publish_cosigned(size, note):
                return True
            if not waiting:
                return False
            _, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)

    async def _refresh(self, size: int, note: str, published: Published) -> None:
        """Have the unchanged head cosigned anew when that was long ago, and by who is behind."""
        now = self.clock()
        if self._refreshed is not None and now - self._refreshed < CATCH_UP_AFTER:
            return
        old = now - self._cosigned_at(published) > REFRESH_AFTER
        asked = [door for door in self.doors if old or self._seen[door.witness.name] < size]
        self._refreshed = now
        if waiting := self._ask(asked, size, note):
            # A slow one is not waited for: its line is there at the next look.
            await asyncio.wait(waiting, timeout=LOOK_SECONDS)
            await self._publish_cosigned(size, note)

    def _ask(self, doors: Sequence[KeyHolderDoor], size: int, note: str) -> "set[asyncio.Task[bool]]":
        """Ask those of these witnesses that are not busy; return all that is under way."""
        for door in doors:
            name = door.witness.name
            if name not in self._busy or self._busy[name].done():
                self._busy[name] = asyncio.create_task(self._cosign(door, size, note))
        return {task for task in self._busy.values() if not task.done()}

    async def _publish_cosigned(self, size: int, note: str) -> bool:
        """Publish a checkpoint with all its cosignatures if they are a quorum; say whether they are."""
        lines = await self.rows.lines(size)
        cosigned = add_cosignatures(note, [line for held in lines.values() for line in held])
        if not has_quorum(cosigned, self.signer.key, [door.witness for door in self.doors], self.quorum):
            return False
        await self.rows.publish(size, cosigned)
        return True

    def _cosigned_at(self, published: Published) -> datetime:
        """Return when a quorum had last seen the published head; of another covenant's witnesses none has."""
        zone = self.clock().tzinfo
        try:
            keys = [door.witness for door in self.doors]
            opened = open_checkpoint(published.note or "", self.signer.key, keys, self.quorum)
        except VerificationError:
            return datetime.min.replace(tzinfo=zone)
        return datetime.fromtimestamp(min(opened.cosigned_at, LAST_SECOND), zone)

    async def _cosign(self, door: KeyHolderDoor, size: int, note: str) -> bool:
        """Bring one witness to this checkpoint; say whether it cosigned. Its failure is nobody else's."""
        name = door.witness.name
        try:
            for _ in range(_ATTEMPTS):
                old = self._seen[name]
                status, body = await door.add_checkpoint(await self._request(old, size, note))
                answer = read_answer(status, body, note, old, size, door.witness)
                if answer.verdict is Verdict.COSIGNED:
                    await self.rows.keep_lines(size, name, answer.lines)
                    self._seen[name] = size
                    self._failing.pop(name, None)
                    return True
                if answer.verdict is Verdict.DENIED:
                    await self._weigh(door)
                    return False
                if answer.verdict is Verdict.REFUSED:
                    self._fails(name, "witness refuses", status=status)
                    return False
                self._seen[name] = answer.size
            self._fails(name, "witness contradicts itself")
        except SluisError as error:
            self._fails(name, "witness cannot be reached", code=error.code.value)
        return False

    async def _weigh(self, door: KeyHolderDoor) -> None:
        """Freeze when this witness shows a checkpoint that our key signed and our tree denies."""
        try:
            shown = open_signed(await door.last_checkpoint(), self.signer.key)
        except SluisError as error:
            self._fails(door.witness.name, "witness denies our log and proves nothing", code=error.code.value)
            return
        kept = without_cosignatures(shown, self.signer.key)
        if not await self.witnessing.weigh(kept, door.witness.name, self.clock()):
            self._fails(door.witness.name, "witness denies our log and proves nothing")
            return
        self._freeze(await self.witnessing.frozen())

    def _freeze(self, found: Frozen | None) -> None:
        if found is not None and self.frozen is None:
            self.frozen = found
            # What the words for people say, in the form that log lines have.
            event = "log frozen. database is older than what our key signed"
            self.log.error(event, step=door_step(found.by.shown_by), size=found.by.size, entries=found.ours)

    def _fails(self, name: str, why: str, **fields: int | str) -> None:
        # Asked with every batch: said once, until it changes.
        if self._failing.get(name) != why:
            self._failing[name] = why
            self.log.warning(why, step=door_step(name), **fields)

    @property
    def failing(self) -> tuple[str, ...]:
        """The witnesses that did not cosign when they were last asked by this process."""
        return tuple(sorted(self._failing))

    async def _request(self, old: int, size: int, note: str) -> bytes:
        if old == 0 or old >= size:
            return format_add_checkpoint(min(old, size), (), note)
        held = await self.rows.tiles(needed_for_consistency(old, size))
        proof = await asyncio.to_thread(consistency_proof, old, size, held)
        return format_add_checkpoint(old, proof, note)

    async def _require_thawed(self) -> None:
        await self._look_again()
        if self.frozen is not None:
            # Keeps the lead, so that no other process signs either.
            await asyncio.Event().wait()

    async def _drop_requests(self) -> None:
        for task in self._busy.values():
            task.cancel()
        await asyncio.gather(*self._busy.values(), return_exceptions=True)
        self._busy.clear()


def door_step(name: str) -> str:
    """Return a witness's name in the form that log lines allow."""
    return name.rpartition("/")[2]


def _first(group: BaseExceptionGroup[SluisError]) -> SluisError:
    found = group.exceptions[0]
    return _first(found) if isinstance(found, BaseExceptionGroup) else found
