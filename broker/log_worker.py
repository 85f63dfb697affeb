# SPDX-License-Identifier: EUPL-1.2
"""The one sequencer: number events, sign checkpoints, have them cosigned, publish what has its quorum.

Two loops beside each other: the tree grows soon after each commit, whatever the witnesses do; witnesses are asked in
parallel, one request each at a time, so a slow one delays nobody. Before anything is signed, witnesses are asked what
they saw. Who shows a note under our own key that our tree does not extend proves that our database is an old one, and
the log freezes; who only says so is a failing witness, and the quorum of the others goes on.
Not here: hashing, signing and reading answers (``sequencer.py``), rows (``postgres/log.py``), HTTP (``transport.py``).
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from broker.bells import Bell, heard
from broker.postgres.log import Leader, LogRows
from broker.sequencer import MAX_BATCH, Verdict, contradicts, has_quorum, read_answer
from broker.transport import KeyHolderDoor
from edge.logs import Logger, error_fields
from protocol.checkpoint import LogSigner, add_cosignatures, open_signed
from protocol.errors import SluisError
from protocol.tiles import consistency_proof, needed_for_consistency, needed_for_root
from protocol.witness_rules import format_add_checkpoint

GATHER_SECONDS: Final = 0.01
"""Commits of these milliseconds share one checkpoint; far below the 100 ms that a push may wait for its number."""
LOOK_SECONDS: Final = 1.0
"""A wake-up can be lost; a witness can come back: look again this often anyway."""
TAKE_OVER_SECONDS: Final = 1.0
"""How often a second process tries to take over from a sequencer that died."""
_ATTEMPTS: Final = 3
"""Answers of 409 in one round: the first tells the size, the second should do; more is a confused witness."""


@dataclass(slots=True)
class LogWorker:
    """Grows one log, when it is this process's turn."""

    rows: LogRows
    signer: LogSigner
    doors: Sequence[KeyHolderDoor]
    quorum: int
    events: Bell
    clock: Callable[[], datetime]
    log: Logger
    frozen: bool = False
    """Whether our key is proven to have signed what our tree denies: nothing is signed until a person has looked."""
    _failing: dict[str, str] = field(default_factory=dict)
    _seen: dict[str, int] = field(default_factory=dict)
    _busy: dict[str, "asyncio.Task[bool]"] = field(default_factory=dict)
    _grown: Bell = field(default_factory=Bell)

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
            await asyncio.sleep(TAKE_OVER_SECONDS)

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
            if head is not None and head[0] > (await self.rows.published()).size:
                published = await self._round(*head)
                if (published and not ring.is_set()) or not published:
                    await heard(ring, LOOK_SECONDS)
            else:
                await heard(ring, LOOK_SECONDS)
            await self._require_thawed()

    async def _round(self, size: int, note: str) -> bool:
        """Ask every witness that is not busy to cosign this checkpoint; publish it as soon as a quorum has."""
        for door in self.doors:
            name = door.witness.name
            if name not in self._busy or self._busy[name].done():
                self._busy[name] = asyncio.create_task(self._cosign(door, size, note))
        waiting = {task for task in self._busy.values() if not task.done()}
        while True:
            lines = await self.rows.lines(size)
            cosigned = add_cosignatures(note, [line for held in lines.values() for line in held])
            if has_quorum(cosigned, self.signer.key, [door.witness for door in self.doors], self.quorum):
                await self.rows.publish(size, cosigned)
                return True
            if not waiting:
                return False
            _, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)

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
                    await self._weigh(door, size)
                    return False
                if answer.verdict is Verdict.REFUSED:
                    self._fails(name, "witness refuses", status=status)
                    return False
                self._seen[name] = answer.size
            self._fails(name, "witness contradicts itself")
        except SluisError as error:
            self._fails(name, "witness cannot be reached", code=error.code.value)
        return False

    async def _weigh(self, door: KeyHolderDoor, size: int) -> None:
        """Freeze when this witness shows a checkpoint that our key signed and our tree denies."""
        try:
            shown = open_signed(await door.last_checkpoint(), self.signer.key).checkpoint
        except SluisError as error:
            self._fails(door.witness.name, "witness denies our log and proves nothing", code=error.code.value)
            return
        # Read now: another process may have become the sequencer while we asked, and then we are merely late.
        head = await self.rows.head()
        now = head[0] if head is not None else size
        held = await self.rows.tiles(needed_for_root(shown.size)) if 0 < shown.size <= now else {}
        if not await asyncio.to_thread(contradicts, shown, now, held):
            self._fails(door.witness.name, "witness denies our log and proves nothing")
            return
        self.frozen = True
        self.log.error("log frozen, our key signed another tree", step=door_step(door.witness.name), size=shown.size)

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
        if self.frozen:
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
