# SPDX-License-Identifier: EUPL-1.2
"""Which waiting signals are past their time, and whether their counterpart came: one question, locked until told.

Not here: what is done about them (``broker/awaiting.py``).
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from psycopg.sql import SQL

from broker.interfaces import Expectation, Waiting
from broker.postgres.connections import Connection
from protocol.ids import SignalId
from protocol.messages import Quality

# A signal that another act holds is left for the next look. A canary, of which another than its agency is told, is no
# counterpart: nobody stands behind it. Questions leave no hit, so they count as nothing. A counterpart counts by its
# state alone: until its expiry is told to the waiting side, that side sees it stand.
OVERDUE: Final = """
WITH expected AS MATERIALIZED (SELECT * FROM unnest(%s::text[], %s::text[], %s::timestamptz[])
                                 AS e (purpose, agency, latest)),
     counterpart AS MATERIALIZED (SELECT * FROM unnest(%s::text[], %s::text[]) AS c (purpose, agency))
SELECT s.id, s.agency, s.purpose, s.epoch, s.awaited_since, EXISTS (
    SELECT 1 FROM (SELECT second_signal AS other, quality FROM hits WHERE first_signal = s.id
                   UNION ALL SELECT first_signal, quality FROM hits WHERE second_signal = s.id) AS h
    JOIN signals o ON o.id = h.other
    JOIN counterpart c ON c.agency = o.agency AND c.purpose = s.purpose
    WHERE h.quality = ANY(%s) AND o.state = 'live' AND o.told = o.agency)
FROM signals s JOIN expected e ON e.purpose = s.purpose AND e.agency = s.agency
WHERE s.awaited_since <= e.latest AND s.state = 'live' AND s.expires_at > %s
ORDER BY s.awaited_since, s.id LIMIT %s FOR UPDATE OF s SKIP LOCKED
"""


async def read_waiting(
    connection: Connection,
    expected: Sequence[Expectation],
    meets: Sequence[Quality],
    now: datetime,
    latest: datetime,
    limit: int,
) -> Sequence[Waiting]:
    """Return live signals that waited their whole time by ``latest``, locked, and whether a counterpart stands now."""
    senders = [(one.purpose, party, latest - one.wait) for one in expected for party in one.senders]
    others = [(one.purpose, party) for one in expected for party in one.counterparts]
    cursor = await connection.execute(
        SQL(OVERDUE),
        (
            *([row[place] for row in senders] for place in range(3)),
            *([row[place] for row in others] for place in range(2)),
            list(meets),
            now,
            limit,
        ),
    )
    # Added here: to PostgreSQL a day is what its time zone says.
    waits = {one.purpose: one.wait for one in expected}
    return [
        Waiting(signal, agency, purpose, epoch, since + waits[purpose], met)
        for signal, agency, purpose, epoch, since, met in await cursor.fetchall()
    ]


async def end_waits(connection: Connection, signals: Sequence[SignalId]) -> None:
    """Let these signals wait no more."""
    await connection.execute(SQL("UPDATE signals SET awaited_since = NULL WHERE id = ANY(%s)"), (list(signals),))
