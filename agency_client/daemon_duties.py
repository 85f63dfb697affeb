# SPDX-License-Identifier: EUPL-1.2
"""What the daemon does every so often: look for a newer covenant, watch the log as a witness, keep its house.

Each duty says how long until its next turn; one that fails says so in the health and is done again. Not here: sending
(``daemon_outbox.py``), listening (``daemon_notices.py``), and when the turns are (``daemon.py``).
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from agency_client.health import BROKER, trouble_of
from agency_client.patience import Patience, around
from agency_client.retention import Keeping, erase_what_is_over
from agency_client.running import Running, covenant_state
from agency_client.session import Session, renewed
from agency_client.trail import STOPPING
from edge.covenant_watch import LOOK_SECONDS
from protocol.errors import (
    AuthenticationError,
    ConflictError,
    NotFoundError,
    RefusedError,
    SluisError,
    UnavailableError,
    VerificationError,
)

WATCH_SECONDS: Final = 60.0
"""Between looks at the log: a fork is seen within a minute, and witnesses of an idle agency are still seen to look."""
UPKEEP_SECONDS: Final = 600.0
"""Between looks at what is due once an hour or a day: probes, declarations, the new epoch's pseudonyms."""
SETTLE_SECONDS: Final = 300.0
"""Between the times that what was heard is kept and the log of processing is sent on."""
RETENTION_EVERY: Final = timedelta(hours=1)


@dataclass(slots=True)
class CovenantTask:
    """Takes the board's newest covenant over; ``enter`` opens new doors under it and closes the old ones later."""

    running: Running
    enter: Callable[[Session], Awaitable[None]]

    async def once(self) -> float:
        """Look for a newer one. Returns after how many seconds to look again."""
        running, before = self.running, self.running.session
        now = running.clock()
        try:
            found = await asyncio.to_thread(renewed, before)
        except SluisError as error:
            known = running.health.covenant
            trouble = trouble_of(error, known.trouble if known else None, now)
            running.note(covenant=replace(known or covenant_state(before), looked_at=now, trouble=trouble))
            return around(LOOK_SECONDS)
        if found is not before:
            await self.enter(found)
        running.note(covenant=replace(covenant_state(found), looked_at=now))
        return around(LOOK_SECONDS)


@dataclass(slots=True)
class WatchTask:
    """Looks at the log, which cosigns and shows it to the broker, and at whether the key-holders are there."""

    running: Running

    async def once(self) -> float:
        """Look. Returns after how many seconds to look again."""
        running, doors = self.running, self.running.online
        try:
            await doors.trail.advance()
        except VerificationError as error:
            if error.code in STOPPING:
                running.note(stopped=error.detail, stopped_code=error.code.value)
            else:
                running.away(BROKER, error)
        except SluisError as error:
            running.away(BROKER, error)
        else:
            head = doors.trail.last()
            running.reached(BROKER)
            running.note(looked_at=running.clock(), log_size=head and head.checkpoint.size)
        doors.trail.report_if_frozen()
        await asyncio.gather(*(self._ping(party, ping) for party, ping in doors.pings.items()))
        return around(WATCH_SECONDS)

    async def _ping(self, party: str, ping: Callable[[], Awaitable[None]]) -> None:
        try:
            await ping()
        except SluisError as error:
            self.running.away(party, error)
        else:
            self.running.reached(party)


@dataclass(slots=True)
class UpkeepTask:
    """Probes and their declarations, the turn of an epoch, what is over."""

    running: Running
    patience: Patience = field(default_factory=lambda: Patience(30.0, UPKEEP_SECONDS))
    _retained: datetime | None = None

    async def once(self) -> float:
        """Do what is due. Returns after how many seconds to look again."""
        running, session, doors = self.running, self.running.session, self.running.online
        now = running.clock()
        if self._retained is None or not timedelta() <= now - self._retained < RETENTION_EVERY:
            await asyncio.to_thread(erase_what_is_over, session.vault, session.covenant, Keeping(), now)
            self._retained = now
            running.note(retained_at=now)
            running.changed()
        if running.health.stopped is not None:
            return UPKEEP_SECONDS
        if await asyncio.to_thread(session.prober().alone):
            running.nudge()
        try:
            with running.holding():
                await doors.declaring.run()
            if await doors.retagging.run(now):
                running.changed()
            running.note(retagging=await asyncio.to_thread(doors.retagging.left, now))
        except VerificationError as error:
            session.vault.evidence.report(error.code, "numbers of probes", error.detail, now)
        except (UnavailableError, RefusedError, NotFoundError, AuthenticationError, ConflictError):
            return self.patience.next()
        self.patience.reset()
        return around(UPKEEP_SECONDS)


@dataclass(slots=True)
class RetagTask:
    """Gives own signals that stand the new epoch's pseudonyms, spread over the first half of the grace."""

    running: Running
    patience: Patience = field(default_factory=lambda: Patience(30.0, UPKEEP_SECONDS))

    async def once(self) -> float:
        """Re-tag what is due. Returns after how many seconds to look again."""
        running, retagging = self.running, self.running.online.retagging
        if running.health.stopped is not None:
            return UPKEEP_SECONDS
        now = running.clock()
        wait = around(UPKEEP_SECONDS)
        try:
            with running.holding():
                if await retagging.run(now):
                    running.changed()
            self.patience.reset()
        except SluisError:
            # Said by the outbox, where what was written waits; the rest is due again.
            wait = self.patience.next()
        running.note(retagging=await asyncio.to_thread(retagging.left, now))
        return wait


@dataclass(slots=True)
class SettleTask:
    """Keeps what was heard of budgets and covenants, and sends the log of processing on."""

    running: Running

    async def once(self) -> float:
        """Settle. Returns after how many seconds to settle again."""
        with contextlib.suppress(UnavailableError):
            await asyncio.to_thread(self.running.online.settle)
        return around(SETTLE_SECONDS)
