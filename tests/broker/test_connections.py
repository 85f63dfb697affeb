# SPDX-License-Identifier: EUPL-1.2
"""A task that is to end ends, also when it is told so at the very moment that it gets a connection."""

import asyncio
from datetime import UTC, datetime

import psycopg
import pytest
from psycopg_pool import AsyncConnectionPool

from broker.log_worker import LogWorker
from broker.postgres.connections import Pool, answering, borrow
from broker.postgres.log import LogRows
from broker.postgres.witnessing import WitnessRows
from broker.witnessing import Witnessing
from edge.bells import Bell
from edge.logs import logger
from protocol.checkpoint import LogSigner

MOMENTS = range(5)
"""Turns of the event loop between the moment that the connection comes free and the cancellation."""


def _pool(database: str, size: int) -> Pool:
    return AsyncConnectionPool(database, min_size=size, max_size=size, kwargs={"autocommit": True}, open=False)


@pytest.mark.parametrize("turns", MOMENTS)
async def test_a_cancellation_is_not_lost_while_waiting_for_a_connection(database: str, turns: int) -> None:
    """Whoever waits for a connection and is cancelled as it comes does nothing with it, and gives it back."""
    went_on = False

    async def work(pool: Pool) -> None:
        nonlocal went_on
        async with borrow(pool) as connection:
            went_on = True
            await connection.execute("SELECT pg_sleep(60)")

    async with _pool(database, 1) as pool:
        async with borrow(pool):
            waiting = asyncio.create_task(work(pool))
            await _queued(pool)
        for _ in range(turns):
            await asyncio.sleep(0)
        had_it = went_on
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert went_on == had_it
        async with borrow(pool) as connection:
            await connection.execute("SELECT 1")


async def test_giving_up_a_query_is_no_failure_of_the_database(database: str) -> None:
    """A task that is cancelled ends as cancelled, though its connection fails by that."""

    async def work() -> None:
        with answering():
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                raise psycopg.OperationalError("the connection is closed") from None

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize("turns", MOMENTS)
async def test_a_sequencer_that_waits_for_a_connection_stops_when_asked(database: str, turns: int) -> None:
    """Asked to stop once, at any moment around getting its connection, the sequencer ends."""
    signer = LogSigner("log.example", bytes(32))
    async with _pool(database, 1) as pool:
        rows = LogRows(pool, database)
        told = Witnessing(rows, WitnessRows(pool), signer.key)
        worker = LogWorker(rows, told, signer, (), 1, Bell(), lambda: datetime.now(UTC), logger("test"))
        leading = asyncio.create_task(worker.run())
        await _led(pool)
        async with borrow(pool):
            await _queued(pool)
        for _ in range(turns):
            await asyncio.sleep(0)
        leading.cancel()
        ended, _ = await asyncio.wait([leading], timeout=30)
        assert ended


async def _led(pool: Pool) -> None:
    while True:
        async with borrow(pool) as connection:
            if await (await connection.execute("SELECT 1 FROM log_head")).fetchone():
                return
        await asyncio.sleep(0.01)


async def _queued(pool: Pool) -> None:
    while not pool.get_stats().get("requests_waiting", 0):  # noqa: ASYNC110 - the pool tells nobody
        await asyncio.sleep(0.01)
