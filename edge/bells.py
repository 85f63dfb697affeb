# SPDX-License-Identifier: EUPL-1.2
"""Wake-ups between tasks of one process. A bell only says *look again*: what happened is in the store.

Not here: wake-ups between processes (the broker rings these bells for what PostgreSQL notifies).
"""

import asyncio


class Bell:
    """Rung for everybody who listens at that moment. Take ``next`` before looking, so that no ring is missed."""

    __slots__ = ("_coming",)

    def __init__(self) -> None:
        self._coming = asyncio.Event()

    def next(self) -> asyncio.Event:
        """Return what the coming ring will set."""
        return self._coming

    def ring(self) -> None:
        """Wake everybody who took ``next``."""
        rung, self._coming = self._coming, asyncio.Event()
        rung.set()


async def heard(ring: asyncio.Event, seconds: float) -> bool:
    """Wait for a ring at most this long; say whether it came."""
    try:
        async with asyncio.timeout(max(seconds, 0)):
            await ring.wait()
    except TimeoutError:
        return False
    return True
