# SPDX-License-Identifier: EUPL-1.2
"""Wait for what comes by itself: at most long enough for any machine, so that only what never comes fails.

Not here: anything about how long it takes, which no test may depend on.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import psycopg

__all__ = ["PATIENCE", "comes", "is_settled", "until", "until_settled"]

PATIENCE: Final = 120.0
"""Seconds: a hundred times what the slowest of it takes, and less than a whole test may."""
_PAUSE: Final = 0.05

T = TypeVar("T")


def until(true: Callable[[], object], seconds: float = PATIENCE) -> None:
    """Wait until something is so. Raises ``AssertionError`` when it does not come."""
    ends = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < ends, "it did not come"
        time.sleep(_PAUSE)


async def comes(look: Callable[[], Awaitable[T | None] | T | None], seconds: float = PATIENCE) -> T:
    """Look until there is something, and return it. Raises ``AssertionError`` when nothing comes."""
    clock = asyncio.get_running_loop().time
    ends = clock() + seconds
    while True:
        seen = look()
        found = await seen if isinstance(seen, Awaitable) else seen
        if found:
            return found
        assert clock() < ends, "it did not come"
        await asyncio.sleep(_PAUSE)


def is_settled(database: str) -> bool:
    """Say whether a broker has nothing left to match, and everything that happened is published."""
    with psycopg.connect(database) as connection:
        row = connection.execute(
            """SELECT (SELECT count(*) FROM match_queue) + (SELECT count(*) FROM events WHERE log_index IS NULL)
               + (SELECT size - published_size FROM log_head)"""
        ).fetchone()
    return row == (0,)


async def until_settled(database: str) -> None:
    """Wait until it is."""
    await comes(lambda: asyncio.to_thread(is_settled, database))
