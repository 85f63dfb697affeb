# SPDX-License-Identifier: EUPL-1.2
"""How many events a second the sequencer numbers, by the size of its batches, against the bare update of their rows.

A PostgreSQL of its own that flushes to disk, the real leader on it, and events that wait for a number. Not here: making
events, and asking witnesses (``latency.py`` has the time until a receipt).
"""

import asyncio
import os
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

import psycopg
from psycopg import AsyncConnection
from psycopg.sql import SQL

from broker.postgres.log import Leader
from protocol.checkpoint import LogSigner
from protocol.commitments import LEAF_BYTES, LEAF_VERSION
from tests.bench.measure import Row
from tests.bench.search import database

BATCHES: Final = (1, 16, 256, 4_096)
"""One by one, a few, a usual push, and the largest."""
EVENTS: Final = {1: 300, 16: 3_200, 256: 25_600, 4_096: 40_960}
"""How many in batches of each size: a second or two each."""
NOW: Final = datetime(2026, 11, 22, tzinfo=UTC)
_FILL: Final = SQL("COPY events (id, leaf, at, kind, canary, record, subject) FROM STDIN (FORMAT BINARY)")
_TYPES: Final = ("uuid", "bytea", "timestamptz", "int2", "bool", "bytea", "bytea")
_BARE: Final = SQL(
    """UPDATE events SET log_index = n.log_index FROM unnest(%s::uuid[], %s::bigint[]) AS n (id, log_index)
       WHERE events.id = n.id"""
)


def rows(events: dict[int, int] | None = None) -> list[Row]:
    """Return a row for each size of batch, in events a second."""
    with database() as url:
        return [_row(url, batch, count) for batch, count in (events or EVENTS).items()]


def _row(url: str, batch: int, count: int) -> Row:
    fill(url, count)
    mine = asyncio.run(_number(url, batch, count))
    least = _bare(url, fill(url, count), batch)
    return Row(
        f"log: events numbered and signed, {batch} at a time",
        "events/s",
        count / mine,
        "bare update of their rows",
        count / least,
    )


def fill(url: str, count: int) -> list[UUID]:
    """Put so many events into an otherwise empty log, without numbers; return their ids in order."""
    ids = [UUID(int=7 << 76 | 2 << 62 | place) for place in range(count)]
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("TRUNCATE events, log_tiles, log_head, checkpoints")
        with connection.cursor() as cursor, cursor.copy(_FILL) as copy:
            copy.set_types(_TYPES)
            for event in ids:
                leaf = LEAF_VERSION + os.urandom(LEAF_BYTES - 1)
                copy.write_row((event, leaf, NOW, 3, False, os.urandom(600), os.urandom(240)))
        connection.execute("VACUUM ANALYZE events")
    return ids


async def _number(url: str, batch: int, count: int) -> float:
    async with await AsyncConnection.connect(url, autocommit=True) as connection:
        leader = Leader(connection, LogSigner("bench.example/log", bytes(32)))
        await leader.head()
        start = time.perf_counter()
        done = 0
        while done < count:
            done += await leader.integrate(batch, NOW)
        return time.perf_counter() - start


def _bare(url: str, ids: Sequence[UUID], batch: int) -> float:
    with psycopg.connect(url, autocommit=True) as connection:
        start = time.perf_counter()
        for low in range(0, len(ids), batch):
            some = list(ids[low : low + batch])
            connection.execute(_BARE, (some, list(range(low, low + len(some)))))
        return time.perf_counter() - start
