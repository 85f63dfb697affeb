# SPDX-License-Identifier: EUPL-1.2
"""A day's use from the events, one statement for all agencies and purposes; and what was said of days before.

An event's id begins with its time, so a day is a range of the primary key. Canaries do not count as their planter's
use. Not here: what is unusual (``protocol/unusual.py``).
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Final
from uuid import UUID

from psycopg.sql import SQL

from broker.data_keys import DataKeys
from broker.interfaces import NotedUse, UseKey
from broker.postgres.connections import Connection
from broker.postgres.proofs import event_rows, evidence, published
from protocol.ids import PartyId, PurposeId
from protocol.messages import Evidence
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
_TURN: Final = "SELECT pg_advisory_xact_lock(hashtextextended('unusual', 6))"
"""One process looks at a time; the others then find it said."""


async def read_use(connection: Connection, day: date) -> Mapping[UseKey, Sequence[Hour]]:
    """Return the hours of a day (UTC) in which each agency did something for each purpose."""
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    end = start + timedelta(days=1)
    bounds = {"low": _first_id(start - SLACK), "high": _first_id(end + SLACK), "day": start, "next": end}
    cursor = await connection.execute(SQL(USE), bounds)
    found: dict[UseKey, list[Hour]] = defaultdict(list)
    for agency, purpose, hour, subjects, hits in await cursor.fetchall():
        found[PartyId(agency), PurposeId(purpose)].append(Hour(hour.replace(tzinfo=UTC), subjects, hits))
    return found


async def read_said(connection: Connection, day: date) -> frozenset[tuple[PartyId, PurposeId, str]]:
    """Return what was said of a day, and let nobody else say anything until the transaction ends."""
    await connection.execute(SQL(_TURN))
    cursor = await connection.execute(SQL("SELECT agency, purpose, reason FROM unusual WHERE day = %s"), (day,))
    return frozenset(await cursor.fetchall())


async def list_said(
    connection: Connection, purposes: Sequence[PurposeId], since: date, keys: DataKeys
) -> tuple[Sequence[tuple[NotedUse, Evidence]], str | None]:
    """Return what was said under these purposes and is proven, oldest first, and the checkpoint."""
    head = await published(connection)
    cursor = await connection.execute(
        SQL(
            "SELECT agency, purpose, reason, day, event_id FROM unusual WHERE purpose = ANY(%s) AND day >= %s "
            "ORDER BY day, event_id LIMIT %s"
        ),
        (list(purposes), since, MAX_LISTED),
    )
    noted = [NotedUse(*row) for row in await cursor.fetchall()]
    events = await event_rows(connection, [one.event_id for one in noted])
    ready = [one for one in noted if events[one.event_id].within(head)]
    proofs = await evidence(connection, [events[one.event_id] for one in ready], head.size, keys)
    return [(one, proofs[one.event_id]) for one in ready], head.note


def _first_id(moment: datetime) -> UUID:
    return UUID(int=int(moment.timestamp() * 1000) << 80)
