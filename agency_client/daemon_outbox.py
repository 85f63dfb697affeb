# SPDX-License-Identifier: EUPL-1.2
"""The daemon's sender: whatever is in the vault to be sent is sent, whoever put it there, also another command.

It looks every second, at once when it is nudged, and waits ever longer while something stands in the way, unless there
is more to send. Nothing is lost meanwhile: all is on the disk (``vault/outbox.py``). Not here: how one request is sent
and proven (``tagging.py``, ``post.py``).
"""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from agency_client.budgets import keep_budgets
from agency_client.health import BROKER, trouble_of
from agency_client.patience import Patience
from agency_client.running import Running
from agency_client.session import Online
from agency_client.trail import STOPPING
from protocol.errors import Code, SluisError, VerificationError

LOOK_SECONDS: Final = 1.0
"""How often the vault is looked at for what another command of this home added: two small questions to its file."""
LONGEST_WAIT: Final = 60.0
"""Between tries while something is away: when it is back nobody waits longer than this."""
LATER: Final = 600.0
"""Between tries of what waits for a day or a person: a budget, a finding."""
_FOR_LATER: Final = frozenset({Code.BUDGET_EXHAUSTED, Code.COVENANT_EXPIRED})


@dataclass(slots=True)
class OutboxTask:
    """Sends what there is. Only one of a home may run: it holds the home's right to send."""

    running: Running
    patience: Patience = field(default_factory=lambda: Patience(1.0, LONGEST_WAIT))
    _newest: tuple[int, int] = (0, 0)
    _not_before: datetime | None = None
    _through: Online | None = None
    """Whereby it sent last."""

    async def once(self, *, nudged: bool = False) -> float:
        """Send all there is, when it is time; returns after how many seconds to look again."""
        running = self.running
        try:
            running.online.trail.require_unstopped()
        except VerificationError as error:
            running.note(stopped=error.detail, stopped_code=error.code.value)
            return LOOK_SECONDS
        running.note(stopped=None, stopped_code=None)
        outbox = running.session.vault.outbox
        if not await asyncio.to_thread(outbox.anything):
            self._rested()
            return LOOK_SECONDS
        newest = await asyncio.to_thread(outbox.newest)
        # Under another covenant what stood in the way may be over.
        same = newest == self._newest and running.online is self._through
        if same and not nudged and self._waits(running.clock()):
            return LOOK_SECONDS
        self._newest = newest
        with running.holding() as doors:
            self._through = doors
            await self._send(doors)
        return LOOK_SECONDS

    def _waits(self, now: datetime) -> bool:
        until = self._not_before
        # A clock that was set back must not make this wait for hours.
        return until is not None and now < until <= now + timedelta(seconds=LATER)

    async def _send(self, doors: Online) -> None:
        running = self.running
        try:
            await doors.trail.advance()
        except SluisError as error:
            if error.code is Code.UNAVAILABLE:
                running.away(BROKER, error)
            await self._hindered(error)
            return
        running.reached(BROKER)
        obstacle = await doors.sending.run(lambda: False, lambda _: running.changed())
        self._note_holders(doors)
        await asyncio.to_thread(keep_budgets, running.session.vault.evidence, doors.holders.heard_budgets())
        if obstacle is None:
            self._rested()
            running.note(sent_at=running.clock())
            running.changed()
        else:
            await self._hindered(obstacle)

    def _note_holders(self, doors: Online) -> None:
        silent = doors.holders.silent()
        for party, error in silent.items():
            self.running.away(party, error)

    async def _hindered(self, error: SluisError) -> None:
        running, now = self.running, self.running.clock()
        if error.code in STOPPING:
            running.note(stopped=error.detail, stopped_code=error.code.value)
        wait = LATER if error.code in _FOR_LATER else self.patience.next()
        self._not_before = now + timedelta(seconds=wait)
        running.note(blocked=trouble_of(error, running.health.blocked, now))
        await self._count()

    def _rested(self) -> None:
        self.patience.reset()
        self._not_before = None
        health = self.running.health
        if health.blocked is not None or health.waiting or health.requests or health.sent_at is None:
            self.running.note(blocked=None, waiting=0, requests=0, sent_at=self.running.clock())

    async def _count(self) -> None:
        vault = self.running.session.vault
        waiting = await asyncio.to_thread(vault.pending.count)
        requests = await asyncio.to_thread(vault.outbox.count_open)
        self.running.note(waiting=waiting, requests=requests)
