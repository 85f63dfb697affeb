# SPDX-License-Identifier: EUPL-1.2
"""Rows of what witnesses said: agencies' newest cosignatures, how far every witness is, and what contradicts our tree.

Bounded: one row an agency, and few contradictions, of which the first is already the last thing that happens to a log.
Not here: the quorum's cosignatures (``log.py``) and what any of it means (``broker/witnessing.py``).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from psycopg.sql import SQL

from broker.postgres.connections import Pool, borrow
from protocol.checkpoint import Checkpoint, parse_checkpoint
from protocol.note import parse_note
from protocol.witness_reports import WitnessReport

MAX_SERVED: Final = 24
"""Agencies' lines under a served checkpoint: with the log's and nine key-holders' they fit every reader's bound for a
note (8,192 characters); more would tell nothing new."""
MAX_CONTRADICTIONS: Final = 100


@dataclass(frozen=True, slots=True)
class Contradiction:
    """A note under our own key that our tree denied when it was shown, and by whom."""

    size: int
    root: bytes
    note: str
    shown_by: str
    at: datetime


class WitnessRows:
    """What is kept about witnesses beside the quorum's bookkeeping."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def keep(self, witness: str, tree: Checkpoint, line: str, at: datetime) -> int:
        """Keep an agency's cosignature if it is its newest; return the size of its newest."""
        async with borrow(self._pool) as connection:
            await connection.execute(
                SQL(
                    """INSERT INTO agency_cosignatures AS kept (witness, size, root, line, at)
                       VALUES (%s, %s, %s, %s, %s)
                       ON CONFLICT (witness) DO UPDATE SET size = excluded.size, root = excluded.root,
                           line = excluded.line, at = excluded.at
                       WHERE (kept.size, kept.at) < (excluded.size, excluded.at)"""
                ),
                (witness, tree.size, tree.root, line, at),
            )
            cursor = await connection.execute(
                SQL("SELECT size FROM agency_cosignatures WHERE witness = %s"), (witness,)
            )
            row = await cursor.fetchone()
            return int(row[0]) if row else 0

    async def lines(self, tree: Checkpoint) -> Sequence[str]:
        """Return agencies' lines under exactly this checkpoint, newest first."""
        async with borrow(self._pool) as connection:
            cursor = await connection.execute(
                SQL("SELECT line FROM agency_cosignatures WHERE size = %s AND root = %s ORDER BY at DESC LIMIT %s"),
                (tree.size, tree.root, MAX_SERVED),
            )
            return [row[0] for row in await cursor.fetchall()]

    async def reports(self, holders: Sequence[str], agencies: Sequence[str]) -> Sequence[WitnessReport]:
        """Return the newest cosignature of each of these that has made one."""
        async with borrow(self._pool) as connection:
            cursor = await connection.execute(
                SQL(
                    """SELECT name, newest.size, newest.line, checkpoints.note FROM unnest(%s::text[]) AS name
                       CROSS JOIN LATERAL (SELECT size, line FROM cosignatures WHERE witness = name
                                           ORDER BY size DESC LIMIT 1) AS newest
                       JOIN checkpoints ON checkpoints.size = newest.size"""
                ),
                (list(holders),),
            )
            rows = await cursor.fetchall()
            cursor = await connection.execute(
                SQL("SELECT witness, size, root, line FROM agency_cosignatures WHERE witness = ANY(%s)"),
                (list(agencies),),
            )
            own = await cursor.fetchall()
        counting = [
            WitnessReport(name=name, size=size, root=parse_checkpoint(parse_note(note).text).root, line=line)
            for name, size, line, note in rows
        ]
        return [
            *counting,
            *(WitnessReport(name=name, size=size, root=root, line=line) for name, size, root, line in own),
        ]

    async def keep_contradiction(self, found: Contradiction) -> None:
        """Keep what contradicts our tree; the same tree once, and of very many the first."""
        async with borrow(self._pool) as connection:
            await connection.execute(
                SQL(
                    """INSERT INTO log_contradictions (size, root, note, shown_by, at)
                       SELECT %s, %s, %s, %s, %s WHERE (SELECT count(*) FROM log_contradictions) < %s
                       ON CONFLICT DO NOTHING"""
                ),
                (found.size, found.root, found.note, found.shown_by, found.at, MAX_CONTRADICTIONS),
            )

    async def contradictions(self) -> Sequence[Contradiction]:
        """Return what was kept, oldest first."""
        async with borrow(self._pool) as connection:
            cursor = await connection.execute(
                SQL("SELECT size, root, note, shown_by, at FROM log_contradictions ORDER BY at, size")
            )
            return [Contradiction(*row) for row in await cursor.fetchall()]
