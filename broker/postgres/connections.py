# SPDX-License-Identifier: EUPL-1.2
"""Borrow a connection, and say in our own words when the database does not answer.

The driver's text is never passed on: it can repeat an address, and with it a password. Not here: what is asked.
"""

from collections.abc import AsyncIterator, Iterator
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
    try:
        yield
    except (OperationalError, PoolTimeout):
        raise UnavailableError(Code.UNAVAILABLE, "The broker's database does not answer now.") from None


@asynccontextmanager
async def borrow(pool: Pool) -> AsyncIterator[Connection]:
    """Lend a connection. Raises ``UnavailableError``."""
    with answering():
        async with pool.connection() as connection:
            yield connection
