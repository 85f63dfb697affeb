# SPDX-License-Identifier: EUPL-1.2
"""Lets every connector of a home look in its turn, each in a task of its own, for as long as the client runs.

A connector that fails says why and tries again later; the others go on. A description that is added, changed or taken
away counts within seconds. Not here: what a look does (``folder.py``, ``sql.py``).
"""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from agency_client.connectors.descriptions import Broken, Described, FolderDescription, described
from agency_client.connectors.folder import FolderLook
from agency_client.connectors.looks import Look, Looked
from agency_client.connectors.settings import PasswordFrom, machine_passwords
from agency_client.connectors.sql import SqlLook
from agency_client.connectors.states import ConnectorState, hindrance_of, states_of
from agency_client.daemon import Duty
from agency_client.running import Running
from agency_client.session import Session
from agency_client.vault.connectors import Hindrance, Progress
from edge.bells import heard
from edge.logs import Logger, logger
from protocol.errors import SluisError

RELOAD_SECONDS: Final = 5.0
"""Between looks at the descriptions themselves."""
SLOWER: Final = 12
"""So many times longer a failing connector waits: a database that is away is not asked every second."""
MAX_WAIT: Final = 600.0
"""Seconds between tries at the most: ten minutes after a database is back its records come."""
WISHES_SECONDS: Final = 5.0
"""Between looks whether a withdrawal that waited for an answer can go now."""
NOTED_EVERY: Final = timedelta(minutes=1)
"""How exactly it is kept when a connector looked last, when nothing came: a write a minute, not one a look."""
PRUNE_EVERY: Final = timedelta(hours=1)


@dataclass(slots=True)
class _Task:
    described: Described
    task: "asyncio.Task[None]"
    stop: asyncio.Event = field(default_factory=asyncio.Event)


class Connectors:
    """The connectors of a running client."""

    def __init__(self, running: Running, passwords: PasswordFrom | None = None) -> None:
        self._running = running
        self._passwords = passwords or machine_passwords()
        self._tasks: dict[str, _Task] = {}
        self._log: Logger = logger("agency")
        self._pruned_at: datetime | None = None

    def states(self) -> list[ConnectorState]:
        """Return how every connector is doing, by name; reads the disk, so not for the event loop."""
        return states_of(self._running.session)

    async def run(self, stop: asyncio.Event) -> None:
        """Look until ``stop``; a look that goes on then ends at the next batch, and loses nothing."""
        wishes = asyncio.create_task(self._carry_out(stop))
        try:
            while not stop.is_set():
                await self._reload()
                await heard(stop, RELOAD_SECONDS)
        finally:
            for one in self._tasks.values():
                one.stop.set()
            await asyncio.gather(wishes, *(one.task for one in self._tasks.values()))
            self._tasks.clear()

    async def _reload(self) -> None:
        home = self._running.session.home.folder
        found = await asyncio.to_thread(lambda: list(described(home)))
        now = self._running.clock()
        wanted = {one.name: one for one in found if isinstance(one, Described) and one.says.enabled}
        for name, task in list(self._tasks.items()):
            if task.task.done():
                # It never ends by itself: what it raised is a bug of ours, and must not pass in silence.
                task.task.result()
            if name not in wanted or wanted[name].stamp != task.described.stamp:
                task.stop.set()
                await task.task
                del self._tasks[name]
        for name, one in wanted.items():
            if name not in self._tasks:
                stop = asyncio.Event()
                self._tasks[name] = _Task(one, asyncio.create_task(self._keep_looking(one, stop)), stop)
        for broken in found:
            if isinstance(broken, Broken):
                kept = self._running.session.vault.connectors
                await asyncio.to_thread(kept.note, broken.name, Progress(), hindrance_of(broken.problem), now)

    async def _keep_looking(self, one: Described, stop: asyncio.Event) -> None:
        look, every = look_of(one, self._running.session, self._passwords), float(one.says.every_seconds)
        slow = max(every, min(every * SLOWER, MAX_WAIT))
        last: tuple[Hindrance | None, datetime] | None = None
        while not stop.is_set():
            done, problem = await self._look(one.name, look, stop)
            now = self._running.clock()
            if last is None or last[0] != problem or done.admitted.rows or now - last[1] >= NOTED_EVERY:
                last = (problem, now)
                await asyncio.to_thread(self._note, one.name, done, problem, now)
            await heard(stop, every if problem is None else slow)

    def _note(self, name: str, done: Looked, problem: Hindrance | None, now: datetime) -> None:
        found = done.admitted
        progress = Progress(found.taken, found.quarantined + found.partly, found.withdrawn)
        self._running.session.vault.connectors.note(name, progress, problem, now)

    async def _look(self, name: str, look: Look, stop: asyncio.Event) -> tuple[Looked, Hindrance | None]:
        done, problem = Looked(), None
        try:
            await asyncio.to_thread(look.look, self._running.session, stop.is_set, done)
        except SluisError as error:
            done.problems.append(hindrance_of(error))
        found = done.admitted
        if found.taken or found.withdrawn:
            self._running.nudge()
        if found.taken or found.withdrawn or found.quarantined or found.partly:
            self._running.changed()
            self._log.info("connector took records", step=name, signals=found.taken, count=found.quarantined)
        if done.problems:
            problem = done.problems[0]
        return done, problem

    async def _carry_out(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            if await asyncio.to_thread(carry_out, self._running.session):
                self._running.nudge()
            now = self._running.clock()
            if self._pruned_at is None or now - self._pruned_at >= PRUNE_EVERY:
                self._pruned_at = now
                await asyncio.to_thread(prune, self._running.session)
            await heard(stop, WISHES_SECONDS)


def connecting(running: Running, stopping: asyncio.Event) -> Duty:
    """Return the connectors as a task of the daemon; its one turn lasts until the process is asked to stop."""
    connectors = Connectors(running)

    async def turn() -> float:
        await connectors.run(stopping)
        return RELOAD_SECONDS

    return Duty("connectors", turn)


def look_of(one: Described, session: Session, passwords: PasswordFrom) -> Look:
    """Return what looks for a description."""
    home = session.home.folder
    if isinstance(one.says, FolderDescription):
        return FolderLook.of(one, one.says, home)
    return SqlLook(one, one.says, home, passwords)


def carry_out(session: Session) -> int:
    """Carry out the withdrawals that systems asked for and that can go now; returns how many were put in the outbox."""
    return session.vault.records.carry_out(session.clock(), lambda system: session.person(f"system {system}"))


def prune(session: Session) -> int:
    """Forget rows that waited in quarantine too long, and records that are over; returns how many."""
    return session.vault.quarantine.prune(session.clock()) + session.vault.records.prune()
