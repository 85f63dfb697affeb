# SPDX-License-Identifier: EUPL-1.2
"""Evidence: events with their openings and inclusion proofs, in the newest checkpoint that has its quorum.

One read of tiles serves all proofs of an answer. Not here: growing the log (``log.py``).
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from psycopg.sql import SQL

from broker.data_keys import DataKeys, month_of
from broker.postgres.connections import Connection
from broker.sealing import Sealed, unseal
from protocol.errors import Code, NotFoundError, UnavailableError
from protocol.merkle import TileId
from protocol.messages import ErasedEntry, Evidence, Opening
from protocol.tiles import inclusion_proofs, needed_tiles

ROW: Final = SQL("id, log_index, at, leaf, record, subject, erased_by")
"""The columns of an ``EventRow``."""


@dataclass(frozen=True, slots=True)
class Published:
    """The newest tree that has its witness quorum."""

    size: int
    note: str | None


@dataclass(frozen=True, slots=True)
class EventRow:
    """An event as stored; ``index`` is None until the sequencer numbered it."""

    id: UUID
    index: int | None
    at: datetime
    leaf: bytes
    sealed: Sealed | None
    """None when its month was erased: nothing but the leaf is left."""
    erased_by: UUID | None

    def within(self, published: Published) -> bool:
        """Say whether the published tree holds it."""
        return self.index is not None and self.index < published.size


async def published(connection: Connection) -> Published:
    """Return the newest tree with a quorum; size 0 while there is none."""
    cursor = await connection.execute(SQL("SELECT published_size, published_note FROM log_head"))
    row = await cursor.fetchone()
    return Published(*row) if row else Published(0, None)


async def event_rows(connection: Connection, ids: Sequence[UUID]) -> Mapping[UUID, EventRow]:
    """Return these events."""
    cursor = await connection.execute(SQL("SELECT {} FROM events WHERE id = ANY(%s)").format(ROW), (list(ids),))
    return {row[0]: read_row(row) for row in await cursor.fetchall()}


def read_row(row: Sequence[Any]) -> EventRow:
    """Read the columns of ``ROW``."""
    sealed = None if row[4] is None else Sealed(row[4], row[5])
    return EventRow(row[0], row[1], row[2], row[3], sealed, row[6])


async def evidence(
    connection: Connection, rows: Iterable[EventRow], size: int, keys: DataKeys
) -> Mapping[UUID, Evidence]:
    """Return the evidence of events that all stand in the tree of this size; erased parts by their hash.

    Of what went with its month there is none: ``leaves`` has what is left.
    """
    numbered = [(row, row.index) for row in rows if row.index is not None and row.sealed is not None]
    indexes = [index for _, index in numbered]
    held = await tiles(connection, await asyncio.to_thread(needed_tiles, indexes, size))
    return await asyncio.to_thread(_evidence, numbered, size, held, keys)


def _evidence(
    numbered: Sequence[tuple[EventRow, int]], size: int, held: Mapping[TileId, bytes], keys: DataKeys
) -> Mapping[UUID, Evidence]:
    proofs = inclusion_proofs([index for _, index in numbered], size, held)
    return {
        row.id: Evidence(index=index, opening=opening_of(row, keys), proof=proof)
        for (row, index), proof in zip(numbered, proofs, strict=True)
    }


async def leaves(connection: Connection, rows: Iterable[EventRow], size: int) -> Mapping[UUID, ErasedEntry]:
    """Return what is left of events whose month was erased, with its proof in the tree of this size."""
    numbered = [(row, row.index) for row in rows if row.index is not None and row.sealed is None]
    indexes = [index for _, index in numbered]
    held = await tiles(connection, await asyncio.to_thread(needed_tiles, indexes, size))
    proofs = await asyncio.to_thread(inclusion_proofs, indexes, size, held)
    return {
        row.id: ErasedEntry(index=index, leaf=row.leaf, proof=proof)
        for (row, index), proof in zip(numbered, proofs, strict=True)
    }


async def tiles(connection: Connection, wanted: Iterable[TileId]) -> Mapping[TileId, bytes]:
    """Return the rows of these tiles; a row may be longer than the tree in question needs."""
    listed = list(wanted)
    if not listed:
        return {}
    cursor = await connection.execute(
        SQL(
            """SELECT t.level, t.n, t.hashes FROM log_tiles t
               JOIN unnest(%s::smallint[], %s::bigint[]) AS w (level, n) ON t.level = w.level AND t.n = w.n"""
        ),
        ([tile.level for tile in listed], [tile.n for tile in listed]),
    )
    return {TileId(level, n): hashes for level, n, hashes in await cursor.fetchall()}


def opening_of(row: EventRow, keys: DataKeys) -> Opening:
    """Open a row with its month's keys. Raises as ``DataKeys.of_month`` and ``unseal``; ``UnavailableError`` for what
    was erased between reading the row and opening it.
    """
    if row.sealed is None:
        raise ValueError("of an erased month nothing can be opened")
    try:
        return unseal(keys.of_month(month_of(row.at)), row.id, row.sealed, row.leaf)
    except NotFoundError as error:
        raise UnavailableError(
            Code.UNAVAILABLE, "An entry of the log is being erased at this moment.", hint="Ask again in a moment."
        ) from error
