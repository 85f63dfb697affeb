# SPDX-License-Identifier: EUPL-1.2
"""Rows of changes: a signal is restricted or lives on, a recipient carried out what it was told.

Not here: what may be changed (``broker/changing.py``).
"""

from collections.abc import Sequence

from psycopg.sql import SQL

from broker import facts as f
from broker.interfaces import ToldChange
from broker.postgres.connections import Connection
from protocol.ids import PartyId


async def read_told_change(connection: Connection, agency: PartyId, seq: int) -> ToldChange | None:
    """Return a change that an agency was told of under this number, locked; None when there is no such.

    Its sender stands there only when it was told of the hit itself.
    """
    cursor = await connection.execute(
        SQL(
            """SELECT n.type, n.hit_id, n.my_signal, n.purpose, n.epoch, n.acknowledged_by,
                      (SELECT s.told FROM signals s JOIN notices t ON t.agency = s.told AND t.hit_id = n.hit_id
                       WHERE s.id = n.their_signal AND t.type = 'hit'), n.their_signal
               FROM notices n
               WHERE n.agency = %s AND n.seq = %s AND n.type IN ('withdrawn', 'restricted') FOR UPDATE OF n"""
        ),
        (agency, seq),
    )
    row = await cursor.fetchone()
    return None if row is None else ToldChange(*row)


async def set_restriction(connection: Connection, changed: Sequence[f.RestrictionSet]) -> None:
    """Write that these signals are restricted, or no longer."""
    async with connection.cursor() as cursor:
        await cursor.executemany(
            SQL("UPDATE signals SET restricted_by = %s WHERE id = %s"),
            [(one.event_id, one.signal_id) for one in changed],
        )


async def live_on(connection: Connection, extended: Sequence[f.SignalLivesOn]) -> None:
    """Write these signals' new ends."""
    async with connection.cursor() as cursor:
        await cursor.executemany(
            SQL("UPDATE signals SET expires_at = %s, extensions = %s WHERE id = %s"),
            [(one.expires_at, one.count, one.signal_id) for one in extended],
        )


async def keep_seen(connection: Connection, seen: Sequence[f.ChangeSeenKept]) -> None:
    """Write by which event recipients said that they carried out what they were told."""
    async with connection.cursor() as cursor:
        await cursor.executemany(
            SQL("UPDATE notices SET acknowledged_by = %s WHERE agency = %s AND seq = %s"),
            [(one.event_id, one.agency, one.seq) for one in seen],
        )
