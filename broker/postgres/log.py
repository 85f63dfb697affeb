# SPDX-License-Identifier: EUPL-1.2
"""The log's own rows: one leader numbers events and grows the tiles; anyone reads them.

The leader's connection holds an advisory lock and is the one it writes on, so who loses the lock can no longer write;
the head is moved by compare-and-swap besides. Not here: hashing and signing (``broker/sequencer.py``).
"""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Final

from psycopg import AsyncConnection
from psycopg.sql import SQL

from broker.postgres.connections import Connection, Pool, answering, borrow
from broker.postgres.proofs import Published, published, tiles
from broker.postgres.writes import PUBLISHED_CHANNEL
from broker.sequencer import Head, first_head, integrate
from protocol.checkpoint import LogSigner
from protocol.errors import Code, VerificationError
from protocol.merkle import TILE_WIDTH, Frontier, TileId
from protocol.tiles import TileRequest, encode_entries

_LEADER_LOCK: Final = 0x51_0002
"""The advisory lock of the one sequencer."""


class Leader:
    """The right to grow the log, while the connection lives."""

    def __init__(self, connection: Connection, signer: LogSigner) -> None:
        self._connection = connection
        self._signer = signer

    async def head(self) -> Head:
        """Return the log's head, made on first use. Raises ``VerificationError`` when the log is another's."""
        head = first_head(self._signer)
        with answering():
            async with self._connection.transaction():
                await self._connection.execute(
                    SQL(
                        """INSERT INTO log_head (origin, size, frontier, note, published_size)
                           SELECT %s, 0, %s, %s, 0 WHERE NOT EXISTS (SELECT 1 FROM log_head)"""
                    ),
                    (self._signer.key.name, head.frontier.to_bytes(), head.note),
                )
                return await self._read_head()

    async def integrate(self, limit: int, now: datetime) -> int:
        """Number at most ``limit`` events that have none, grow the tiles, sign the new head; return how many."""
        with answering():
            return await self._integrate(limit, now)

    async def _integrate(self, limit: int, now: datetime) -> int:
        async with self._connection.transaction():
            cursor = await self._connection.execute(
                SQL("SELECT id, leaf FROM events WHERE log_index IS NULL ORDER BY id LIMIT %s"), (limit,)
            )
            rows = await cursor.fetchall()
            if not rows:
                return 0
            head = await self._read_head()
            grown = integrate(head, [leaf for _, leaf in rows], self._signer)
            indexes = list(range(grown.first_index, grown.first_index + len(rows)))
            await self._exactly(
                len(rows),
                """UPDATE events SET log_index = n.log_index FROM unnest(%s::uuid[], %s::bigint[]) AS n (id, log_index)
                   WHERE events.id = n.id AND events.log_index IS NULL""",
                [row[0] for row in rows],
                indexes,
            )
            for growth in grown.growth:
                await self._exactly(
                    1,
                    """INSERT INTO log_tiles (level, n, hashes) VALUES (%s, %s, %s)
                       ON CONFLICT (level, n) DO UPDATE SET hashes = log_tiles.hashes || excluded.hashes
                       WHERE length(log_tiles.hashes) = 32 * %s""",
                    growth.tile.level,
                    growth.tile.n,
                    growth.hashes,
                    growth.start,
                )
            await self._exactly(
                1,
                "UPDATE log_head SET size = %s, frontier = %s, note = %s WHERE origin = %s AND size = %s",
                grown.head.size,
                grown.head.frontier.to_bytes(),
                grown.head.note,
                self._signer.key.name,
                head.size,
            )
            await self._connection.execute(
                SQL("INSERT INTO checkpoints (size, note, at) VALUES (%s, %s, %s)"),
                (grown.head.size, grown.head.note, now),
            )
            return len(rows)

    async def _read_head(self) -> Head:
        cursor = await self._connection.execute(SQL("SELECT origin, frontier, note FROM log_head FOR UPDATE"))
        row = await cursor.fetchone()
        if row is None or row[0] != self._signer.key.name:
            raise VerificationError(
                Code.LOG_FORKED, "The database holds the log of another origin.", hint="Check --home and --database."
            )
        return Head(Frontier.from_bytes(row[1]), row[2])

    async def _exactly(self, count: int, statement: str, *values: object) -> None:
        cursor = await self._connection.execute(SQL(statement), values)
        if cursor.rowcount != count:
            # Somebody else wrote: the transaction is undone, and nothing that we signed in it was shown to anybody.
            raise VerificationError(Code.LOG_FORKED, "Another sequencer wrote to the log.")


class LogRows:
    """Reads of the log, and the bookkeeping of cosignatures."""

    def __init__(self, pool: Pool, url: str) -> None:
        self._pool = pool
        self._url = url

    @asynccontextmanager
    async def lead(self, signer: LogSigner) -> AsyncIterator[Leader | None]:
        """Try to become the one sequencer: yields None when another process is."""
        with answering():
            connection: Connection = await AsyncConnection.connect(self._url, autocommit=True)
        try:
            with answering():
                cursor = await connection.execute(SQL("SELECT pg_try_advisory_lock(%s)"), (_LEADER_LOCK,))
                row = await cursor.fetchone()
            yield Leader(connection, signer) if row and row[0] else None
        finally:
            await connection.close()

    async def head(self) -> tuple[int, str] | None:
        """Return the newest checkpoint that we signed, with its size; None before the first start."""
        async with borrow(self._pool) as connection:
            cursor = await connection.execute(SQL("SELECT size, note FROM log_head"))
            row = await cursor.fetchone()
            return (row[0], row[1]) if row else None

    async def published(self) -> Published:
        """Return the newest tree that has its quorum."""
        async with borrow(self._pool) as connection:
            return await published(connection)

    async def seen_by(self, witness: str) -> int:
        """Return the size of the largest checkpoint that a witness cosigned, as far as we know."""
        async with borrow(self._pool) as connection:
            cursor = await connection.execute(
                SQL("SELECT coalesce(max(size), 0) FROM cosignatures WHERE witness = %s"), (witness,)
            )
            row = await cursor.fetchone()
            return int(row[0]) if row else 0

    async def lines(self, size: int) -> Mapping[str, Sequence[str]]:
        """Return the cosignature lines of one checkpoint, by witness."""
        async with borrow(self._pool) as connection:
            cursor = await connection.execute(SQL("SELECT witness, line FROM cosignatures WHERE size = %s"), (size,))
            return {witness: line.splitlines(keepends=True) for witness, line in await cursor.fetchall()}

    async def keep_lines(self, size: int, witness: str, lines: Sequence[str]) -> None:
        """Keep a witness's cosignature lines in the place of those that it gave for this checkpoint before."""
        async with borrow(self._pool) as connection:
            await connection.execute(
                SQL(
                    "INSERT INTO cosignatures (size, witness, line) VALUES (%s, %s, %s) "
                    "ON CONFLICT (size, witness) DO UPDATE SET line = excluded.line"
                ),
                (size, witness, "".join(lines)),
            )

    async def publish(self, size: int, note: str) -> None:
        """Make a checkpoint with its quorum the one that all answers rest on, and tell every process."""
        async with borrow(self._pool) as connection, connection.transaction():
            # The same tree with more cosignatures may replace a note; a smaller tree never replaces a larger.
            await connection.execute(
                SQL("UPDATE log_head SET published_size = %s, published_note = %s WHERE published_size <= %s"),
                (size, note, size),
            )
            await connection.execute(SQL("SELECT pg_notify(%s, '')"), (PUBLISHED_CHANNEL,))

    async def tiles(self, wanted: Iterable[TileId]) -> Mapping[TileId, bytes]:
        """Return the rows of these tiles."""
        async with borrow(self._pool) as connection:
            return await tiles(connection, wanted)

    async def serve(self, asked: TileRequest) -> bytes | None:
        """Return a tile or a bundle of entries, or None when the log does not have that many."""
        async with borrow(self._pool) as connection:
            if asked.level is None:
                first = asked.n * TILE_WIDTH
                cursor = await connection.execute(
                    SQL("SELECT leaf FROM events WHERE log_index >= %s AND log_index < %s ORDER BY log_index"),
                    (first, first + asked.width),
                )
                leaves = [row[0] for row in await cursor.fetchall()]
                return encode_entries(leaves) if len(leaves) == asked.width else None
            tile = TileId(asked.level, asked.n)
            row = (await tiles(connection, [tile])).get(tile, b"")
            return row[: asked.width * 32] if len(row) >= asked.width * 32 else None
