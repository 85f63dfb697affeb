# SPDX-License-Identifier: EUPL-1.2
"""A day's use from the events, one statement for all agencies and purposes; and what was said of days before.

An event's id begins with its time, so a day is a range of the primary key. Canaries do not count as their planter's
use. Not here: what is unusual (``protocol/unusual.py``).
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Final
from uuid import UUID

from psycopg.sql import SQL

from broker.data_keys import DataKeys
from broker.interfaces import NotedUse, UseKey
from broker.postgres.connections import Connection
from broker.postgres.proofs import ROW, EventRow, opening_of, published, read_row
from protocol.commitments import open_entry
from protocol.ids import PartyId, PurposeId
from protocol.unusual import MAX_LISTED, Hour

SLACK: Final = timedelta(hours=1)
"""Between the time in an event and the one in its id, which are taken a moment apart, by one clock or another."""

# 3 registered, 7 matched, 12 asked (protocol/events.py). A hit counts at both agencies; of a question too, since it has
# an event 7 for each case that it met.
USE: Final = """
WITH said AS MATERIALIZED (
    SELECT kind, agency, agencies, purpose, at, canary FROM events
    WHERE id >= %(low)s AND id < %(high)s AND kind IN (3, 7, 12)),
done AS (
    SELECT agency, purpose, at, 1 AS subjects, 0 AS hits FROM said WHERE kind IN (3, 12) AND NOT canary
    UNION ALL
    SELECT a.agency, purpose, at, 0, 1 FROM said CROSS JOIN LATERAL unnest(agencies) AS a (agency) WHERE kind = 7)
SELECT agency, purpose, date_trunc('hour', at AT TIME ZONE 'UTC'), sum(subjects)::int, sum(hits)::int
FROM done WHERE at >= %(day)s AND at < %(next)s GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
"""
# 9 opened, 12 asked. A handle is of a person, a hit, a signal or a tag: what is found so is only where to look.
LOOKS: Final = """
WITH looked AS MATERIALIZED (
    SELECT id, agency, purpose FROM events
    WHERE id >= %(low)s AND id < %(high)s AND kind IN (9, 12) AND at >= %(day)s AND at < %(next)s
    AND record IS NOT NULL),
often AS (
    SELECT handle FROM looked JOIN event_handles ON event_id = id
    GROUP BY agency, purpose, handle HAVING count(*) > %(above)s)
SELECT {} FROM events WHERE id IN (
    SELECT id FROM looked JOIN event_handles ON event_id = id WHERE handle IN (SELECT handle FROM often))
"""
_TURN: Final = "SELECT pg_advisory_xact_lock(hashtextextended('unusual', 6))"
"""One process looks at a time; the others then find it said."""


async def read_use(connection: Connection, day: date) -> Mapping[UseKey, Sequence[Hour]]:
    """Return the hours of a day (UTC) in which each agency did something for each purpose."""
    cursor = await connection.execute(SQL(USE), _bounds(day))
    found: dict[UseKey, list[Hour]] = defaultdict(list)
    for agency, purpose, hour, subjects, hits in await cursor.fetchall():
        found[PartyId(agency), PurposeId(purpose)].append(Hour(hour.replace(tzinfo=UTC), subjects, hits))
    return found


async def read_said(connection: Connection, day: date) -> frozenset[tuple[PartyId, PurposeId, str]]:
    """Return what was said of a day, and let nobody else say anything until the transaction ends."""
    await connection.execute(SQL(_TURN))
    cursor = await connection.execute(SQL("SELECT agency, purpose, reason FROM unusual WHERE day = %s"), (day,))
    return frozenset(await cursor.fetchall())


async def list_said(connection: Connection, purposes: Sequence[PurposeId], since: date) -> Sequence[NotedUse]:
    """Return what was said under these purposes and can be proven, oldest first."""
    head = await published(connection)
    cursor = await connection.execute(
        SQL(
            "SELECT u.agency, u.purpose, u.reason, u.day, u.event_id FROM unusual AS u JOIN events AS e "
            "ON e.id = u.event_id WHERE u.purpose = ANY(%s) AND u.day >= %s AND e.log_index < %s "
            "AND e.record IS NOT NULL ORDER BY u.day, u.event_id LIMIT %s"
        ),
        (list(purposes), since, head.size, MAX_LISTED),
    )
    return [NotedUse(*row) for row in await cursor.fetchall()]


async def read_most_by_one(connection: Connection, day: date, above: int, keys: DataKeys) -> Mapping[UseKey, int]:
    """Return how often the person looked who looked most, where that is more than this.

    Person references are sealed. Their keyed handles tell where there may be such a person at all, and only entries
    with such a handle are opened, as far as their records.
    """
    cursor = await connection.execute(SQL(LOOKS).format(ROW), {**_bounds(day), "above": above})
    rows = await cursor.fetchall()
    looks = await asyncio.to_thread(_looks, [read_row(row) for row in rows], keys)
    found: dict[UseKey, int] = {}
    for (agency, purpose, _), count in looks.items():
        if count > above:
            found[agency, purpose] = max(count, found.get((agency, purpose), 0))
    return found


def _looks(rows: Sequence[EventRow], keys: DataKeys) -> Counter[tuple[PartyId, PurposeId, str]]:
    looks: Counter[tuple[PartyId, PurposeId, str]] = Counter()
    for row in rows:
        act = open_entry(opening_of(row, keys)).event.act
        if act.agency is not None and act.purpose is not None and act.person is not None:
            looks[act.agency, act.purpose, act.person] += 1
    return looks


def _bounds(day: date) -> dict[str, object]:
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    end = start + timedelta(days=1)
    return {"low": _first_id(start - SLACK), "high": _first_id(end + SLACK), "day": start, "next": end}


def _first_id(moment: datetime) -> UUID:
    return UUID(int=int(moment.timestamp() * 1000) << 80)
