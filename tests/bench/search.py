# SPDX-License-Identifier: EUPL-1.2
"""What a filtered page of the log costs to find and read among a million entries, against a bare page by place.

A PostgreSQL of its own with the broker's tables and indexes; the rows have all columns that are searched by, made in
the database itself, and as many sealed bytes as real ones. The questions are those that people ask: of an officer one
kind, refusals, one employee, a hit, a month; of a supervisor one agency, one operation, everything.
Not here: opening and proving the page's entries, which does not depend on how many there are.
"""

import asyncio
import os
import random
import shutil
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import psycopg
from psycopg import AsyncConnection
from psycopg.sql import SQL

from broker import binaries, cluster
from broker.migrate import migrate
from broker.postgres.proofs import ROW, event_rows
from broker.postgres.searching import find_events
from broker.sealing import handle
from broker.sought import Sought
from protocol.event_search import EventFilters
from protocol.ids import PartyId, PurposeId
from tests.bench.measure import Row
from tests.fakes.data_keys import MemoryDataKeys

EVENTS: Final = 1_000_000
PAGES: Final = 600
"""Pages of each kind of reading: the slowest one in a hundred is then the sixth slowest."""
PAGE: Final = 100
AGENCIES: Final = tuple(PartyId(f"agency-{place}") for place in range(40))
PURPOSES: Final = tuple(PurposeId(f"purpose-{place}") for place in range(6))
PERSONS: Final = 50
"""Employees of each agency who do something: some five hundred acts each."""
START: Final = datetime(2026, 1, 1, tzinfo=UTC)
MONTHS: Final = tuple(f"2026-{number:02}" for number in range(1, 11))
SPAN: Final = timedelta(days=300)
_OF_A_HIT: Final = 50
"""Entries of which a few tell of one hit."""

# Of a hundred entries: 40 signals, 5 refused, 8 withdrawn, 4 expired, 10 matches, 20 notices, 3 openings, 6 questions,
# 1 refused request, 3 readings. Agencies are not alike: a few do most, as in life.
_ROWS: Final = """
INSERT INTO events (id, log_index, leaf, at, kind, agency, recipient, concerns, agencies, purpose, decision, canary,
                    record, subject)
SELECT (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '7000' || lpad(to_hex(g), 16, '8'))::uuid,
       g, decode(lpad(to_hex(g), 130, '0'), 'hex'), at, kind,
       CASE WHEN kind NOT IN (7, 8) THEN who END,
       CASE WHEN kind = 8 THEN who END,
       CASE WHEN kind = 9 THEN other END,
       CASE WHEN kind = 7 THEN ARRAY[who, other] END,
       CASE WHEN kind <> 11 THEN 'purpose-' || (g * 7 / 3) %% 6 END,
       CASE WHEN kind IN (4, 11) THEN 'deny' WHEN kind IN (3, 8, 12, 15) THEN 'allow' END,
       false, convert_to(rpad(md5(g::text), 600, md5((g + 1)::text)), 'UTF8'),
       convert_to(rpad(md5(g::text), 240, md5((g + 2)::text)), 'UTF8')
FROM (
    SELECT g, %(start)s + g * (%(span)s::interval / %(count)s) AS at,
           (ARRAY[3,4,5,6,7,8,9,12,11,15])[width_bucket(
               ((g * 7919) %% 100), ARRAY[0,40,45,53,57,67,87,90,96,97])] AS kind,
           'agency-' || floor(40 * power(((g * 104729) %% 1000) / 1000.0, 2))::int AS who,
           'agency-' || (g * 31) %% 40 AS other
    FROM generate_series(%(low)s::bigint, %(high)s::bigint - 1) AS g) AS made
"""
_PERSON_HANDLES: Final = """
INSERT INTO event_handles (handle, event_id)
SELECT n.handle, e.id FROM events e
JOIN named n ON n.month = to_char(e.at AT TIME ZONE 'UTC', 'YYYY-MM') AND n.agency = e.agency
            AND n.person = e.log_index %% %(persons)s
WHERE e.kind IN (3, 4, 5, 9, 12, 15)
"""
_HIT_HANDLES: Final = """
INSERT INTO event_handles (handle, event_id)
SELECT h.handle, e.id FROM events e
JOIN hit_names h ON h.month = to_char(e.at AT TIME ZONE 'UTC', 'YYYY-MM') AND h.number = e.log_index / %(each)s
WHERE e.kind IN (7, 8, 9)
"""
_FLOOR: Final = SQL("SELECT {} FROM events WHERE log_index > %s ORDER BY log_index LIMIT %s").format(ROW)
_CHUNK: Final = 200_000
_OFFICER: Final = {
    "own": frozenset((*PURPOSES, None)),
    "counterpart": frozenset(PURPOSES),
    "others": frozenset[PurposeId | None](),
}
_SUPERVISOR: Final = {scope: frozenset((*PURPOSES, None)) for scope in ("own", "counterpart", "others")}


def rows(count: int = EVENTS, pages: int = PAGES) -> list[Row]:
    """Return the rows about finding and reading a page, in milliseconds."""
    keys = MemoryDataKeys()
    for month in MONTHS:
        keys.of_month(month, make=True)
    with database() as url:
        fill(url, count, keys)
        found, bare = asyncio.run(_read(url, count, keys, pages))
    said = f"search: filtered page among {count:,}"
    against = "bare page by place"
    return [
        Row(f"{said}, p50", "ms", statistics.median(found) * 1e3, against, statistics.median(bare) * 1e3),
        Row(f"{said}, p99", "ms", _p99(found) * 1e3, against, _p99(bare) * 1e3),
    ]


def fill(url: str, count: int, keys: MemoryDataKeys) -> None:
    """Put so many events into a migrated database, with what they are found by."""
    with psycopg.connect(url, autocommit=True) as connection:
        for low in range(0, count, _CHUNK):
            values = {"low": low, "high": min(count, low + _CHUNK), "count": count, "start": START, "span": SPAN}
            connection.execute(_ROWS, values)
        connection.execute("CREATE TEMP TABLE named (month TEXT, agency TEXT, person INT, handle BIGINT)")
        connection.execute("CREATE TEMP TABLE hit_names (month TEXT, number INT, handle BIGINT)")
        with connection.cursor() as cursor:
            with cursor.copy("COPY named FROM STDIN") as copy:
                for month in MONTHS:
                    for agency in AGENCIES:
                        for person in range(PERSONS):
                            value = f"{agency}/person-{person}".encode()
                            copy.write_row((month, agency, person, handle(keys.of_month(month), "person", value)))
            with cursor.copy("COPY hit_names FROM STDIN") as copy:
                for month in MONTHS:
                    for number in range(count // _OF_A_HIT + 1):
                        held = handle(keys.of_month(month), "hit", UUID(int=number).bytes)
                        copy.write_row((month, number, held))
        connection.execute("ANALYZE named, hit_names")
        connection.execute(_PERSON_HANDLES, {"persons": PERSONS})
        connection.execute(_HIT_HANDLES, {"each": _OF_A_HIT})
        connection.execute(
            "INSERT INTO log_head (origin, size, frontier, note, published_size, published_note) "
            "VALUES ('bench', %(count)s, '', 'note', %(count)s, 'note')",
            {"count": count},
        )
        connection.execute("VACUUM ANALYZE")


def questions(count: int, draw: random.Random) -> Sequence[Sought]:
    """Return one of each question that people ask, at a random place and of a random agency."""
    agency, other = draw.choice(AGENCIES), draw.choice(AGENCIES)
    after = draw.randrange(count)
    month = START + timedelta(days=draw.randrange(270))
    period = {"since": month, "until": month + timedelta(days=30)}
    of_officer = [
        EventFilters(),
        EventFilters(event=9),
        EventFilters(decision="deny"),
        EventFilters(operation="disclosure", purpose=draw.choice(PURPOSES)),
        EventFilters(**period),  # type: ignore[arg-type]  # moments, both
        EventFilters(person=f"person-{draw.randrange(PERSONS)}"),
        EventFilters(hit=UUID(int=draw.randrange(count // _OF_A_HIT + 1))),
        EventFilters(index=after),
    ]
    of_supervisor = [
        EventFilters(),
        EventFilters(agency=other),
        EventFilters(operation="consultation", purpose=draw.choice(PURPOSES)),
        EventFilters(agency=other, event=7, **period),  # type: ignore[arg-type]  # moments, both
    ]
    few = ("person", "hit", "index")
    return [
        Sought(
            agency,
            reach,  # type: ignore[arg-type]  # scopes, all three
            filters,
            None if any(getattr(filters, name) is not None for name in few) or filters.since else after,
            PAGE,
            (),
        )
        for reach, asked in ((_OFFICER, of_officer), (_SUPERVISOR, of_supervisor))
        for filters in asked
    ]


async def _read(url: str, count: int, keys: MemoryDataKeys, pages: int) -> tuple[list[float], list[float]]:
    """Read pages of every question and as many bare ones, in turn; return the seconds of each."""
    draw = random.Random(7)
    found: list[float] = []
    bare: list[float] = []
    async with await AsyncConnection.connect(url, autocommit=True) as connection:

        async def ours(sought: Sought) -> None:
            page = await find_events(connection, sought, keys)
            await event_rows(connection, [entry.event_id for entry in page.entries])

        async def floor(after: int) -> None:
            await (await connection.execute(_FLOOR, (after, PAGE))).fetchall()

        for sought in questions(count, draw):
            await ours(sought)
        while len(found) < pages:
            for sought in questions(count, draw):
                found.append(await _seconds(ours, sought))
                bare.append(await _seconds(floor, draw.randrange(count)))
    return found, bare


async def _seconds(act: Callable[[Any], Awaitable[None]], about: object) -> float:
    start = time.perf_counter()
    await act(about)
    return time.perf_counter() - start


def _p99(taken: Sequence[float]) -> float:
    return statistics.quantiles(taken, n=100)[98]


@contextmanager
def database() -> Iterator[str]:
    """Yield the address of a fresh, migrated database in a PostgreSQL of its own."""
    folder = Path(tempfile.mkdtemp(prefix="sluis-bench-", dir="/tmp"))
    folder.chmod(0o755)
    started = cluster.start(folder / "postgres", binaries.find(None, os.environ["PATH"]))
    try:
        with psycopg.connect(started.url(), autocommit=True) as connection:
            connection.execute("CREATE DATABASE bench")
        url = started.url("bench")
        migrate(url)
        yield url
    finally:
        started.stop()
        shutil.rmtree(folder, ignore_errors=True)
