# SPDX-License-Identifier: EUPL-1.2
"""``sluis agency run`` without its web server: the tasks of a client that stays, from its start to a graceful end.

Every task does one turn at a time and says when the next is due; a turn that fails for a reason of ours or of others is
part of its work, and anything else ends the process, so that the service manager starts it anew from what is on the
disk. Not here: what the tasks do (``daemon_*.py``, ``telling.py``), how the process is asked to stop.
"""

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from agency_client.daemon_duties import CovenantTask, RetagTask, SettleTask, UpkeepTask, WatchTask
from agency_client.daemon_notices import NoticesTask
from agency_client.daemon_outbox import OutboxTask
from agency_client.reading import News
from agency_client.running import Running
from agency_client.session import Online, Session, online
from edge.bells import Bell, heard
from edge.logs import Logger, error_fields

RETIRE_SECONDS: Final = 180.0
"""How long doors stay open for what still goes through them after others were opened: longer than any one request."""
FINISH_SECONDS: Final = 5.0
"""How long a turn may still take once the process is asked to stop; all that matters is on the disk before."""

LISTENING: Final = "notices"
"""The task whose work is waiting: it is ended at once."""

Turn = Callable[[], Awaitable[float]]
"""Does what is due now; returns after how many seconds the next turn is."""


@dataclass(frozen=True, slots=True)
class Duty:
    """One task of the daemon."""

    name: str
    turn: Turn
    bell: Bell = field(default_factory=Bell)
    """Brings the next turn forward."""


class Doors:
    """The open doors, and those that close soon."""

    def __init__(self, sleep: Callable[[float], Awaitable[None]]) -> None:
        self._sleep = sleep
        self._open = AsyncExitStack()
        self.in_use: Callable[[Online], bool] = lambda _: False
        """Whether somebody still uses doors for long, such as a push of a hundred thousand signals."""
        self._last: Online | None = None
        self._retiring: dict[asyncio.Task[None], AsyncExitStack] = {}

    async def open(self, session: Session) -> Online:
        """Open doors under the session's covenant; those that were open close a little later."""
        before, self._open = self._open, AsyncExitStack()
        last, self._last = self._last, await self._open.enter_async_context(online(session, self._sleep))
        if last is not None:
            self._retiring[asyncio.create_task(self._retire(before, last))] = before
        return self._last

    async def _retire(self, stack: AsyncExitStack, doors: Online) -> None:
        await self._sleep(RETIRE_SECONDS)
        while self.in_use(doors):
            await self._sleep(RETIRE_SECONDS)
        await stack.aclose()
        self._retiring = {task: kept for task, kept in self._retiring.items() if kept is not stack}

    async def close(self) -> None:
        """Close all."""
        for task in self._retiring:
            task.cancel()
        await asyncio.gather(*self._retiring, return_exceptions=True)
        for doors in (*self._retiring.values(), self._open):
            await doors.aclose()


class Daemon:
    """The tasks of one running client."""

    def __init__(self, running: Running, log: Logger, stopping: asyncio.Event) -> None:
        self.running = running
        self._log = log
        self._stopping = stopping
        self._tasks: dict[asyncio.Task[None], str] = {}
        self._resting: set[str] = set()

    def start(self, duties: Sequence[Duty]) -> None:
        """Begin with these."""
        for duty in duties:
            task = asyncio.create_task(self._turns(duty), name=duty.name)
            task.add_done_callback(self._ended)
            self._tasks[task] = duty.name

    async def _turns(self, duty: Duty) -> None:
        while not self._stopping.is_set():
            ring = duty.bell.next()
            seconds = await duty.turn()
            if self._stopping.is_set():
                return
            self._resting.add(duty.name)
            await heard(ring, seconds)
            self._resting.discard(duty.name)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._log.error("task died, stopping", step=task.get_name(), **error_fields(error))
            self.running.failed = True
            signal.raise_signal(signal.SIGTERM)

    async def stop(self) -> None:
        """Let what is in the middle of something finish, for a moment, and end the rest at once."""
        self._stopping.set()
        for task, name in self._tasks.items():
            if name in self._resting or name == LISTENING:
                task.cancel()
        if self._tasks:
            _, left = await asyncio.wait(self._tasks, timeout=FINISH_SECONDS)
            for task in left:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)


async def _untold(_running: Running, _news: News) -> None:
    return None


@asynccontextmanager
async def living(
    session: Session,
    sleep: Callable[[float], Awaitable[None]],
    log: Logger,
    stopping: asyncio.Event,
    *,
    told: Callable[[Running, News], Awaitable[None]] = _untold,
    also: Callable[[Running], Sequence[Duty]] = lambda _: (),
) -> AsyncIterator[Running]:
    """Keep a client going; ``told`` is given what notices bring, ``also`` names duties beside its own."""
    doors = Doors(sleep)
    try:
        running = Running(session, await doors.open(session))
        doors.in_use = running.is_held
        daemon = Daemon(running, log, stopping)
        daemon.start([*_duties(running, doors, told), *also(running)])
        try:
            yield running
        finally:
            await daemon.stop()
    finally:
        await doors.close()


def _duties(running: Running, doors: Doors, told: Callable[[Running, News], Awaitable[None]]) -> list[Duty]:
    async def enter(session: Session) -> None:
        running.swap(session, await doors.open(session))

    async def came(news: News) -> None:
        await told(running, news)

    outbox = OutboxTask(running)
    notices = NoticesTask(running, came)
    return [
        Duty("outbox", _nudged(outbox, running.outbox), running.outbox),
        Duty(LISTENING, _until_swapped(notices, running)),
        Duty("covenant", CovenantTask(running, enter).once),
        Duty("watch", WatchTask(running).once),
        Duty("upkeep", UpkeepTask(running).once),
        Duty("re-tagging", RetagTask(running).once),
        Duty("settle", SettleTask(running).once),
    ]


def _nudged(outbox: OutboxTask, bell: Bell) -> Turn:
    before = bell.next()

    async def turn() -> float:
        nonlocal before
        rung, before = before.is_set(), bell.next()
        return await outbox.once(nudged=rung)

    return turn


def _until_swapped(notices: NoticesTask, running: Running) -> Turn:
    """Listen under one covenant: when there are other doors, the next turn listens through them."""

    async def turn() -> float:
        ring = running.swapped.next()
        listening, swapped = asyncio.ensure_future(notices.once()), asyncio.ensure_future(ring.wait())
        try:
            await asyncio.wait((listening, swapped), return_when=asyncio.FIRST_COMPLETED)
            return listening.result() if listening.done() else 0.0
        finally:
            for task in (listening, swapped):
                task.cancel()
            await asyncio.gather(listening, swapped, return_exceptions=True)

    return turn
