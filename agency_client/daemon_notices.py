# SPDX-License-Identifier: EUPL-1.2
"""The daemon's ear: notices as they come, by a stream; by asking again and again where no stream gets through.

Whatever way a notice takes, it is verified in the same way, and where to go on from is what the vault has: a stream
that breaks loses and doubles nothing. Each round first asks for all there is, so that what did not hold is asked for
again. Not here: what holds (``reading.py``), what the stream is (``edge/event_stream.py``).
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from agency_client.health import BROKER, Listening
from agency_client.patience import Patience
from agency_client.reading import News
from agency_client.running import Running
from agency_client.session import Online
from agency_client.trail import STOPPING
from edge.event_stream import SilentError
from protocol.errors import Code, SluisError, UnavailableError, VerificationError

LONG_POLL: Final = 25.0
"""Seconds that the broker may hold a question: below the 30 that it allows."""
STREAM_AGAIN: Final = timedelta(minutes=10)
"""How long it goes on by asking before a stream is tried anew: proxies change seldom."""
STOPPED_LOOK: Final = 5.0
"""Seconds between looks whether somebody looked at what stopped us: nothing leaves for it."""
LONGEST_WAIT: Final = 60.0
SHORT_LIFE: Final = timedelta(seconds=60)
"""A stream that breaks before was hardly one: impatient proxies cut after half a minute."""
MOST_BROKEN: Final = 5
"""So many short streams in a row mean that none gets through."""
BROKEN_PAUSE: Final = 0.5
TOLD_AT_ONCE: Final = 1.0
"""Seconds before the next round after a stream that ended as it should: brokers end each after a quarter of an hour."""


@dataclass(slots=True)
class NoticesTask:
    """Listens. ``told`` is given what came."""

    running: Running
    told: Callable[[News], Awaitable[None]]
    patience: Patience = field(default_factory=lambda: Patience(1.0, LONGEST_WAIT))
    _broken: int = 0
    """How many streams in a row broke soon after they began."""
    _asking_until: datetime | None = None
    """Until when no stream is tried."""

    async def once(self) -> float:
        """Listen until something ends it; returns after how many seconds to listen again."""
        running = self.running
        try:
            return await self._listen(running.online)
        except UnavailableError as error:
            if error.code in (Code.UNAVAILABLE, Code.NOT_LOGGED, Code.INTERNAL):
                running.away(BROKER, error)
            running.note(listening="away")
            return self.patience.next()
        except VerificationError as error:
            running.note(listening="away")
            if error.code in STOPPING:
                running.note(stopped=error.detail, stopped_code=error.code.value)
                return STOPPED_LOOK
            running.away(BROKER, error)
            return self.patience.next()
        except SluisError as error:
            # Refused, or not known any more: a person must look, and it may be mended without us.
            running.away(BROKER, error)
            running.note(listening="away")
            return self.patience.next()

    async def _listen(self, doors: Online) -> float:
        doors.trail.require_unstopped()
        by_stream = self._by_stream(self.running.clock())
        if not await self._take(await doors.reading.read(), "stream" if by_stream else "poll"):
            return self.patience.next()
        if not by_stream:
            good = await self._take(await doors.reading.read(LONG_POLL), "poll")
            return 0.0 if good else self.patience.next()
        began = self.running.clock()
        try:
            await self._follow(doors)
        except SilentError:
            return self._ask_for_a_while()
        except UnavailableError:
            # Whether the broker is away, the next round's question says; this says only that the stream broke.
            lived = self.running.clock() - began
            self._broken = self._broken + 1 if timedelta() <= lived < SHORT_LIFE else 1
            return self._ask_for_a_while() if self._broken > MOST_BROKEN else BROKEN_PAUSE * self._broken
        self._broken = 0
        return TOLD_AT_ONCE

    def _ask_for_a_while(self) -> float:
        self._asking_until, self._broken = self.running.clock() + STREAM_AGAIN, 0
        return 0.0

    def _by_stream(self, now: datetime) -> bool:
        until = self._asking_until
        return until is None or not now < until <= now + STREAM_AGAIN

    async def _follow(self, doors: Online) -> None:
        last = doors.reading.last_seq()
        async with doors.reading.stream(last) as pages:
            async for page in pages:
                if not await self._take(await doors.reading.take(page), "stream"):
                    return

    async def _take(self, news: News, listening: Listening) -> bool:
        """Note what came; returns whether it is good to go on at once."""
        now = self.running.clock()
        self.running.reached(BROKER)
        self.running.note(listening=listening, read_at=now)
        if news.verified:
            self.running.note(notice_at=now)
            self.running.changed()
            await self.told(news)
        if news.failures:
            self.running.changed()
            # What did not hold is asked for again, and must not be asked for without a pause.
            return bool(news.verified)
        self.patience.reset()
        return True
