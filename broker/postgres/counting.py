# SPDX-License-Identifier: EUPL-1.2
"""Count closed months from the events, each once, and read what was counted.

An event's id begins with its time, so a month is a range of the primary key: nothing else of the log is read. A month
that is counted stays as it is, whatever is erased or agreed later. Canaries, of which another is told, are left out,
and so are agencies that the covenant no longer names. Probes are taken off by the numbers that agencies declared, since
nobody here knows which signals they were. Not here: what may be shown (``broker/suppression.py``).
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Final
from uuid import UUID

from psycopg.sql import SQL

from broker.facts import ProbesSaid
from broker.interfaces import CountedKinds, Declarers
from broker.postgres.connections import Connection
from broker.suppression import MonthCount
from protocol.ids import PartyId, PurposeId
from protocol.statistics import COUNTED

SLACK: Final = timedelta(hours=1)
"""Between the time in an event and the one in its id, which are taken a moment apart, by one clock or another."""
_TURN: Final = "SELECT pg_advisory_xact_lock(hashtextextended('monthly-counts', 5))"
"""One process counts at a time; the others then find it done."""

# 3 registered, 5 withdrawn, 6 expired (protocol/events.py). A hit counts at the kind whose signal came second and so
# brought it about: once, whoever the other is. Which signal that was, the registrations' ids tell. Of requests for more
# the entries' records are sealed; the notices of what happened to them have its moment. They count at who asked.
COUNT: Final = """
WITH happening AS (
    SELECT CASE e.kind WHEN 3 THEN 'registered' WHEN 5 THEN 'withdrawn' ELSE 'expired' END AS measure,
           date_trunc('month', e.at AT TIME ZONE 'UTC')::date AS month, e.purpose, e.agency
    FROM events e WHERE e.id >= %(low)s AND e.id < %(high)s AND e.kind IN (3, 5, 6) AND NOT e.canary
    UNION ALL
    SELECT h.quality, date_trunc('month', h.at AT TIME ZONE 'UTC')::date, h.purpose,
           CASE WHEN one.event_id > two.event_id THEN one.agency ELSE two.agency END
    FROM hits h JOIN signals one ON one.id = h.first_signal JOIN signals two ON two.id = h.second_signal
    WHERE h.at >= %(since)s AND h.at < %(before)s AND one.told = one.agency AND two.told = two.agency
    UNION ALL
    SELECT 'asked', date_trunc('month', d.requested_at AT TIME ZONE 'UTC')::date, d.purpose, d.asker
    FROM disclosures d WHERE d.requested_at >= %(since)s AND d.requested_at < %(before)s AND NOT d.canary
    UNION ALL
    SELECT CASE n.reason WHEN 'grant' THEN 'given' WHEN 'refuse' THEN 'declined' ELSE 'undecided' END,
           date_trunc('month', n.at AT TIME ZONE 'UTC')::date, d.purpose, d.asker
    FROM notices n JOIN disclosures d ON d.id = n.disclosure_id AND d.asker = n.agency AND NOT d.canary
    WHERE n.at >= %(since)s AND n.at < %(before)s AND n.reason IN ('grant', 'refuse', 'decide-by')),
counted AS (
    SELECT h.purpose, h.month, k.kind, h.measure, count(*) AS n
    FROM happening h JOIN unnest(%(agencies)s::text[], %(kinds)s::text[]) AS k (agency, kind) ON k.agency = h.agency
    GROUP BY 1, 2, 3, 4),
declared AS (
    SELECT p.purpose, p.month, k.kind, sum(p.registered) AS registered, sum(p.withdrawn) AS withdrawn,
           sum(p.expired) AS expired, sum(p.hit) AS hit, sum(p.probable) AS probable, sum(p.possible) AS possible
    FROM probe_counts p JOIN unnest(%(agencies)s::text[], %(kinds)s::text[]) AS k (agency, kind) ON k.agency = p.agency
    GROUP BY 1, 2, 3)
INSERT INTO monthly_counts (purpose, month, kind, registered, withdrawn, expired, hit, probable, possible,
    asked, given, declined, undecided)
SELECT p.purpose, m.month, p.kind,
       greatest(coalesce(max(n) FILTER (WHERE measure = 'registered'), 0) - coalesce(max(d.registered), 0), 0),
       greatest(coalesce(max(n) FILTER (WHERE measure = 'withdrawn'), 0) - coalesce(max(d.withdrawn), 0), 0),
       greatest(coalesce(max(n) FILTER (WHERE measure = 'expired'), 0) - coalesce(max(d.expired), 0), 0),
       greatest(coalesce(max(n) FILTER (WHERE measure = 'hit'), 0) - coalesce(max(d.hit), 0), 0),
       greatest(coalesce(max(n) FILTER (WHERE measure = 'probable'), 0) - coalesce(max(d.probable), 0), 0),
       greatest(coalesce(max(n) FILTER (WHERE measure = 'possible'), 0) - coalesce(max(d.possible), 0), 0),
       coalesce(max(n) FILTER (WHERE measure = 'asked'), 0), coalesce(max(n) FILTER (WHERE measure = 'given'), 0),
       coalesce(max(n) FILTER (WHERE measure = 'declined'), 0), coalesce(max(n) FILTER (WHERE measure = 'undecided'), 0)
FROM unnest(%(purposes)s::text[], %(senders)s::text[]) AS p (purpose, kind)
CROSS JOIN unnest(%(months)s::date[]) AS m (month)
LEFT JOIN counted c ON (c.purpose, c.month, c.kind) = (p.purpose, m.month, p.kind)
LEFT JOIN declared d ON (d.purpose, d.month, d.kind) = (p.purpose, m.month, p.kind)
GROUP BY 1, 2, 3
ON CONFLICT DO NOTHING
"""


async def count_months(connection: Connection, kinds: CountedKinds, closed_before: date, declarers: Declarers) -> int:
    """Count every month before ``closed_before`` (a first of a month) that was not counted; return how many.

    Months from ``declarers.waited_before`` on only when all who signalled have declared; none behind one that waits.
    """
    if not await _missing(connection, closed_before) or not kinds.senders:
        return 0
    async with connection.transaction():
        await connection.execute(SQL(_TURN))
        missing = await _unwaited(connection, await _missing(connection, closed_before), declarers)
        if missing:
            low, high = _moment(missing[0]) - SLACK, _moment(_next(missing[-1])) + SLACK
            await connection.execute(
                SQL(COUNT),
                {
                    "low": _first_id(low),
                    "high": _first_id(high),
                    "since": low,
                    "before": high,
                    "agencies": [agency for agency, _ in kinds.agencies],
                    "kinds": [kind for _, kind in kinds.agencies],
                    "purposes": [purpose for purpose, _ in kinds.senders],
                    "senders": [kind for _, kind in kinds.senders],
                    "months": missing,
                },
            )
    return len(missing)


async def _unwaited(connection: Connection, months: Sequence[date], declarers: Declarers) -> list[date]:
    found: list[date] = []
    for month in months:
        if month >= declarers.waited_before and await _silent(connection, month, declarers.pairs):
            break
        found.append(month)
    return found


_SILENT: Final = """
SELECT d.agency, d.purpose FROM unnest(%(agencies)s::text[], %(purposes)s::text[]) AS d (agency, purpose)
WHERE EXISTS (
    SELECT 1 FROM events e
    WHERE e.agency = d.agency AND e.kind = 3 AND e.purpose = d.purpose AND e.log_index IS NOT NULL
      AND e.at >= %(since)s AND e.at < %(before)s)
  AND NOT EXISTS (
    SELECT 1 FROM probe_counts p WHERE (p.agency, p.purpose, p.month) = (d.agency, d.purpose, %(month)s))
ORDER BY 1, 2
"""


async def _silent(
    connection: Connection, month: date, pairs: Sequence[tuple[PartyId, PurposeId]]
) -> list[tuple[PartyId, PurposeId]]:
    """Return which of these agencies signalled in a month and did not declare its probes, in order of name."""
    cursor = await connection.execute(
        SQL(_SILENT),
        {
            "agencies": [agency for agency, _ in pairs],
            "purposes": [purpose for _, purpose in pairs],
            "since": _moment(month),
            "before": _moment(_next(month)),
            "month": month,
        },
    )
    return [(PartyId(agency), PurposeId(purpose)) for agency, purpose in await cursor.fetchall()]


async def read_declared(connection: Connection, agency: PartyId, purpose: PurposeId, month: date) -> ProbesSaid | None:
    """Return what an agency declared of a month, and hold the turn to count until the transaction's end."""
    await connection.execute(SQL(_TURN))
    cursor = await connection.execute(
        SQL(
            "SELECT registered, withdrawn, expired, hit, probable, possible, event_id FROM probe_counts "
            "WHERE agency = %s AND purpose = %s AND month = %s"
        ),
        (agency, purpose, month),
    )
    row = await cursor.fetchone()
    return None if row is None else ProbesSaid(agency, purpose, month, tuple(row[:-1]), row[-1])


async def is_counted(connection: Connection, purpose: PurposeId, month: date) -> bool:
    """Say whether a month was counted."""
    cursor = await connection.execute(
        SQL("SELECT 1 FROM monthly_counts WHERE purpose = %s AND month = %s LIMIT 1"), (purpose, month)
    )
    return await cursor.fetchone() is not None


async def read_undeclared(
    connection: Connection, purpose: PurposeId, months: Sequence[date], declarers: Declarers
) -> dict[date, list[PartyId]]:
    """Return for each of these months who signalled and did not declare its probes; without months where all did."""
    pairs = [pair for pair in declarers.pairs if pair[1] == purpose]
    silent = {month: [agency for agency, _ in await _silent(connection, month, pairs)] for month in months}
    return {month: agencies for month, agencies in silent.items() if agencies}


async def read_months(connection: Connection, purpose: PurposeId, before: date) -> Sequence[MonthCount]:
    """Return all that was counted under a purpose before a month."""
    cursor = await connection.execute(
        SQL(
            "SELECT month, kind, registered, withdrawn, expired, hit, probable, possible, asked, given, declined, "
            "undecided FROM monthly_counts WHERE purpose = %s AND month < %s ORDER BY month, kind"
        ),
        (purpose, before),
    )
    return [MonthCount(row[0], row[1], dict(zip(COUNTED, row[2:], strict=True))) for row in await cursor.fetchall()]


async def _missing(connection: Connection, closed_before: date) -> list[date]:
    cursor = await connection.execute(SQL("SELECT id FROM events ORDER BY id LIMIT 1"))
    first = await cursor.fetchone()
    if first is None:
        return []
    cursor = await connection.execute(SQL("SELECT DISTINCT month FROM monthly_counts"))
    known = {row[0] for row in await cursor.fetchall()}
    month, missing = _month_of(first[0]), []
    while month < closed_before:
        if month not in known:
            missing.append(month)
        month = _next(month)
    return missing


def _first_id(moment: datetime) -> UUID:
    """Return an id at or below all UUIDv7 of a moment and later."""
    return UUID(int=int(moment.timestamp() * 1000) << 80)


def _month_of(event: UUID) -> date:
    moment = datetime.fromtimestamp((event.int >> 80) / 1000, UTC)
    return date(moment.year, moment.month, 1)


def _next(month: date) -> date:
    return date(month.year + month.month // 12, month.month % 12 + 1, 1)


def _moment(month: date) -> datetime:
    return datetime(month.year, month.month, 1, tzinfo=UTC)
