# SPDX-License-Identifier: EUPL-1.2
"""Borrow a connection, and say in our own words when the database does not answer.

The driver's text is never passed on: it can repeat an address, and with it a password. Not here: what is asked.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from psycopg import AsyncConnection, OperationalError
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from protocol.errors import Code, UnavailableError

Connection = AsyncConnection[tuple[Any, ...]]
Pool = AsyncConnectionPool[Connection]


@contextmanager
def answering() -> Iterator[None]:
    """Turn the driver's failures into ``UnavailableError``; also a deadlock, which our order of locks excludes.

    Nothing of an unfinished transaction was done, and what was committed is found again by who retries.
    """
    require_wanted = _wanted()
    try:
        yield
    except (OperationalError, PoolTimeout):
        # A connection that was given up because its task was cancelled fails too: that is no failure of the database.
        require_wanted()
        raise UnavailableError(Code.UNAVAILABLE, "The broker's database does not answer now.") from None


@asynccontextmanager
async def borrow(pool: Pool) -> AsyncIterator[Connection]:
    """Lend a connection. Raises ``UnavailableError``."""
    require_wanted = _wanted()
    with answering():
        async with pool.connection() as connection:
            # Before Python 3.12 ``wait_for``, by which the pool waits, loses a cancellation that comes together with
            # the connection (python/cpython#86296). A worker would go on, and the process would never stop.
            require_wanted()
            yield connection


def _wanted() -> Callable[[], None]:
    """Return what raises ``CancelledError`` when this task was cancelled after now."""
    task = asyncio.current_task()
    before = 0 if task is None else task.cancelling()

    def require_wanted() -> None:
        if task is not None and task.cancelling() > before:
            raise asyncio.CancelledError

    return require_wanted
