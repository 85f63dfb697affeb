# SPDX-License-Identifier: EUPL-1.2
"""How far each agency is with each hit that it was told of: read under lock, begun, taken a step, found late.

Not here: what may follow what (``protocol/follow_ups.py``), what is done about lateness (``broker/following.py``).
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from psycopg.sql import SQL

from broker import facts as f
from broker.interfaces import LateHit, OtherSide, StoredFollowUp
from broker.postgres.connections import Connection
from protocol.follow_ups import FollowUpState
from protocol.ids import HitId, PartyId

# While one of both signals is gone there is nothing to hurry for. One that another act holds is left for the next look.
LATE: Final = """
SELECT f.agency, f.hit_id, f.my_signal, f.purpose, f.epoch, f.due_at
FROM follow_ups f JOIN signals m ON m.id = f.my_signal JOIN signals t ON t.id = f.their_signal
WHERE f.state = 'open' AND NOT f.late AND f.due_at <= %s AND f.agency = ANY(%s)
  AND m.state = 'live' AND t.state = 'live' AND m.expires_at > %s AND t.expires_at > %s
  AND m.restricted_by IS NULL AND t.restricted_by IS NULL
ORDER BY f.due_at, f.agency, f.hit_id LIMIT %s FOR UPDATE OF f SKIP LOCKED
"""


async def read_follow_up(connection: Connection, agency: PartyId, hit: HitId) -> StoredFollowUp | None:
    """Return how far an agency is with a hit, locked; None when it was told of no such hit."""
    cursor = await connection.execute(
        SQL(
            """SELECT f.my_signal, f.their_signal, f.purpose, f.epoch, f.state, t.told <> t.agency
               FROM follow_ups f LEFT JOIN signals t ON t.id = f.their_signal
               WHERE f.agency = %s AND f.hit_id = %s FOR UPDATE OF f"""
        ),
        (agency, hit),
    )
    row = await cursor.fetchone()
    if row is None:
        return None
    mine, theirs, purpose, epoch, state, canary = row
    return StoredFollowUp(mine, theirs, purpose, epoch, FollowUpState(state), canary=bool(canary))


async def read_other_side(connection: Connection, agency: PartyId, hit: HitId) -> OtherSide | None:
    """Return the other agency of a hit, when it was told of the hit too and its signal stands; never a planter."""
    cursor = await connection.execute(
        SQL(
            """SELECT s.agency, s.id, n.epoch FROM follow_ups f JOIN signals s ON s.id = f.their_signal
               JOIN notices n ON n.agency = s.told AND n.hit_id = f.hit_id AND n.type = 'hit'
               WHERE f.agency = %s AND f.hit_id = %s AND s.told = s.agency AND s.state = 'live'"""
        ),
        (agency, hit),
    )
    row = await cursor.fetchone()
    return None if row is None else OtherSide(*row)


async def read_late(
    connection: Connection, agencies: Sequence[PartyId], now: datetime, latest: datetime, limit: int
) -> Sequence[LateHit]:
    """Return the hits that these agencies should have followed up by ``latest`` and did not, locked."""
    cursor = await connection.execute(SQL(LATE), (latest, list(agencies), now, now, limit))
    return [LateHit(*row) for row in await cursor.fetchall()]


async def begin(connection: Connection, begun: Sequence[f.FollowUpBegun]) -> None:
    """Write that these agencies have hits to follow up."""
    async with connection.cursor() as cursor:
        await cursor.executemany(
            SQL(
                """INSERT INTO follow_ups (agency, hit_id, my_signal, their_signal, purpose, epoch, state, due_at, late)
                   VALUES (%s, %s, %s, %s, %s, %s, 'open', %s, false)"""
            ),
            [(one.agency, one.hit_id, one.mine, one.theirs, one.purpose, one.epoch, one.due_at) for one in begun],
        )


async def step(connection: Connection, stepped: Sequence[f.FollowUpStepped]) -> None:
    """Write how far an agency is now."""
    async with connection.cursor() as cursor:
        await cursor.executemany(
            SQL("UPDATE follow_ups SET state = %s, outcome = %s WHERE agency = %s AND hit_id = %s"),
            [(one.state, one.outcome, one.agency, one.hit_id) for one in stepped],
        )


async def note_late(connection: Connection, late: Sequence[f.FollowUpLate]) -> None:
    """Write that an agency is told that it is late; it is told once."""
    async with connection.cursor() as cursor:
        await cursor.executemany(
            SQL("UPDATE follow_ups SET late = true WHERE agency = %s AND hit_id = %s"),
            [(one.agency, one.hit_id) for one in late],
        )
