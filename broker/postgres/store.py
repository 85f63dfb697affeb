# SPDX-License-Identifier: EUPL-1.2
"""The store as the service sees it: a pool of connections, transactions, and bells rung by PostgreSQL's notifications.

Not here: SQL of acts (``acts.py``) and of the log (``log.py``).
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

import psycopg
from psycopg import AsyncConnection
from psycopg.sql import SQL
from psycopg_pool import AsyncConnectionPool

from broker.data_keys import DataKeys
from broker.interfaces import CountedKinds, Declarers, NotedUse, NoticeRead, Proven
from broker.ldv import Cause, LoggedAct
from broker.postgres.acts import PostgresAct
from broker.postgres.connections import Connection, Pool, answering, borrow
from broker.postgres.counting import count_months, read_months, read_undeclared
from broker.postgres.erasing import destroy_erased
from broker.postgres.log import LogRows
from broker.postgres.notices import read_notices
from broker.postgres.proofs import event_rows, evidence, published
from broker.postgres.retagging import retire
from broker.postgres.unusual import list_said
from broker.postgres.witnessing import WitnessRows
from broker.postgres.writes import EVENTS_CHANNEL, PUBLISHED_CHANNEL, QUEUE_CHANNEL
from broker.suppression import MonthCount
from edge.bells import Bell
from edge.ldv import SpanLog
from protocol.errors import AuthenticationError, Code, UnavailableError
from protocol.ids import Epoch, HolderIndex, PartyId, PurposeId
from protocol.ldv import Status
from protocol.messages import Evidence, SignedKeyStatement, parse

MAX_CONNECTIONS: Final = 16
"""A process: more than two cores can use at once; PostgreSQL's own default limit (100) then serves six processes."""
WAIT_SECONDS: Final = 10.0
"""For a free connection; longer means overload, and the caller is asked to come back."""
RETIRED_AT_ONCE: Final = 500
"""Registrations forgotten in one transaction: some ten thousand tag rows, short locks."""
_RETRY_SECONDS: Final = 0.5
_ANALYSE_ROWS: Final = 20_000
"""New tag rows after which statistics are refreshed at least; below it PostgreSQL's own habits do."""


class PostgresStore:
    """``interfaces.Store``. Use as ``async with PostgresStore.open(url, draw, keys) as store``."""

    def __init__(
        self, url: str, pool: Pool, draw: Callable[[int], bytes], keys: DataKeys, spans: SpanLog | None
    ) -> None:
        self._url = url
        self._spans = spans
        self._pool = pool
        self._draw = draw
        self._keys = keys
        self._analysed_at = 0
        self.log = LogRows(pool, url)
        self.witnesses = WitnessRows(pool)
        self.published = Bell()
        self.queue = Bell()
        self.events = Bell()

    @staticmethod
    @asynccontextmanager
    async def open(
        url: str, draw: Callable[[int], bytes], keys: DataKeys, spans: SpanLog | None = None
    ) -> "AsyncIterator[PostgresStore]":
        """Connect, listen, and close at the end; ``draw`` gives random bytes. Raises ``UnavailableError``.

        ``keys`` seal and open what the log's entries say; ``spans`` is the log of processing, which tests of other
        things do without.
        """
        pool: Pool = AsyncConnectionPool(
            url,
            min_size=2,
            max_size=MAX_CONNECTIONS,
            timeout=WAIT_SECONDS,
            kwargs={"autocommit": True},
            configure=_configure,
            open=False,
        )
        try:
            with answering():
                await pool.open(wait=True, timeout=WAIT_SECONDS)
            store = PostgresStore(url, pool, draw, keys, spans)
            listener = asyncio.create_task(store._listen(), name="listener")
            try:
                yield store
            finally:
                listener.cancel()
                await asyncio.gather(listener, return_exceptions=True)
        finally:
            await pool.close()

    @asynccontextmanager
    async def act(self, cause: Cause | None = None) -> AsyncIterator[PostgresAct]:
        """Open a transaction; it is kept only when the act committed something, and the log of processing has it.

        The spans of its events are on the disk before it is kept, so that no event is ever without; the act's own span
        comes after, and says whether it was kept (``protocol/spec/ldv.md``).
        """
        logged = None if cause is None else LoggedAct(cause, self._draw)
        status, spans = Status.ERROR, None
        try:
            async with borrow(self._pool) as connection, connection.transaction() as transaction:
                act = PostgresAct(connection, self._draw, self._keys, logged)
                yield act
                if not act.done:
                    raise psycopg.Rollback(transaction)
                if logged is not None and self._spans is not None and logged.said_something:
                    spans = self._spans
                    await asyncio.to_thread(_write_events, spans, logged)
            status = Status.UNSET
        finally:
            if logged is not None and spans is not None:
                # What is committed is committed: that this one line cannot be written makes nobody repeat it.
                with suppress(UnavailableError):
                    spans.write([logged.of_act(status)], durable=False)

    async def remember(self, party: PartyId, nonce: str, expires: datetime) -> None:
        """Keep a nonce. Raises ``AuthenticationError`` (``signature_replayed``)."""
        async with borrow(self._pool) as connection:
            cursor = await connection.execute(
                SQL("INSERT INTO nonces (party, nonce, expires_at) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING"),
                (party, nonce, expires),
            )
            if cursor.rowcount != 1:
                raise AuthenticationError(
                    Code.SIGNATURE_REPLAYED, "This very request came before.", hint="Sign every attempt anew."
                )

    async def waiting(self) -> Sequence[tuple[PurposeId, Epoch]]:
        """Return the purposes and epochs that have batches waiting."""
        async with borrow(self._pool) as connection:
            cursor = await connection.execute(SQL("SELECT DISTINCT purpose, epoch FROM match_queue ORDER BY 1, 2"))
            return [(PurposeId(row[0]), Epoch(row[1])) for row in await cursor.fetchall()]

    async def prove(self, events: Sequence[UUID]) -> Proven | None:
        """Return evidence of all these events, or None while one of them is not in a checkpoint with its quorum."""
        async with borrow(self._pool) as connection:
            head = await published(connection)
            # Asked again and again while a push waits, so the cheap question comes first.
            cursor = await connection.execute(
                SQL("SELECT 1 FROM events WHERE id = ANY(%s) AND (log_index IS NULL OR log_index >= %s) LIMIT 1"),
                (list(events), head.size),
            )
            if head.note is None or await cursor.fetchone() is not None:
                return None
            rows = await event_rows(connection, events)
            return Proven(await evidence(connection, rows.values(), head.size, self._keys), head.note)

    async def notices(self, agency: PartyId, after: int, limit: int) -> NoticeRead:
        """Return the notices behind ``after`` that are proven, in order, without a gap."""
        async with borrow(self._pool) as connection:
            return await read_notices(connection, agency, after, limit, self._keys)

    async def has_statement(self, purpose: PurposeId, epoch: Epoch, holder: HolderIndex) -> bool:
        """Say whether this key-holder's statement is kept."""
        async with borrow(self._pool) as connection:
            cursor = await connection.execute(
                SQL("SELECT 1 FROM key_statements WHERE purpose = %s AND epoch = %s AND holder = %s"),
                (purpose, epoch, holder),
            )
            return await cursor.fetchone() is not None

    async def key_statements(
        self, purpose: PurposeId, epoch: Epoch
    ) -> tuple[Sequence[tuple[SignedKeyStatement, Evidence]], str | None]:
        """Return the logged key statements that are proven, and the checkpoint."""
        async with borrow(self._pool) as connection:
            head = await published(connection)
            cursor = await connection.execute(
                SQL("SELECT statement, event_id FROM key_statements WHERE purpose = %s AND epoch = %s ORDER BY holder"),
                (purpose, epoch),
            )
            kept = await cursor.fetchall()
            rows = await event_rows(connection, [event for _, event in kept])
            ready = {key: row for key, row in rows.items() if row.within(head)}
            proofs = await evidence(connection, ready.values(), head.size, self._keys)
            said = [
                (parse(SignedKeyStatement, text.encode()), proofs[event]) for text, event in kept if event in proofs
            ]
            return said, head.note

    async def count_months(self, kinds: CountedKinds, closed_before: date, declarers: Declarers) -> int:
        """Count every month before this one that was not counted, from the events, without the probes that were
        declared; return how many. A month that can still wait for who declares is left for later.
        """
        async with borrow(self._pool) as connection:
            return await count_months(connection, kinds, closed_before, declarers)

    async def undeclared(
        self, purpose: PurposeId, months: Sequence[date], declarers: Declarers
    ) -> Mapping[date, Sequence[PartyId]]:
        """Return who did not declare the probes of these months."""
        async with borrow(self._pool) as connection:
            return await read_undeclared(connection, purpose, months, declarers)

    async def counted_months(self, purpose: PurposeId, before: date) -> Sequence[MonthCount]:
        """Return all that was counted under a purpose before a month."""
        async with borrow(self._pool) as connection:
            return await read_months(connection, purpose, before)

    async def unusual(self, purposes: Sequence[PurposeId], since: date) -> Sequence[NotedUse]:
        """Return the unusual use that stands in the log and can be proven, oldest first."""
        async with borrow(self._pool) as connection:
            return await list_said(connection, purposes, since)

    async def destroy_erased(self, *, everything: bool = False) -> int:
        """Destroy the keys of what was erased and has them still; return of how many entries and months."""
        async with borrow(self._pool) as connection:
            return await destroy_erased(connection, self._keys, self._spans, everything=everything)

    async def retire(self, oldest_epoch: Epoch) -> int:
        """Forget what signals were sealed as for epochs that are over, where they stand for a later one."""
        count = 0
        while True:
            async with borrow(self._pool) as connection, connection.transaction():
                done = await retire(connection, oldest_epoch, RETIRED_AT_ONCE)
            count += done
            if done < RETIRED_AT_ONCE:
                return count

    async def analyse(self) -> None:
        """Refresh the planner's figures about tags when many rows came in since the last time."""
        async with borrow(self._pool) as connection:
            cursor = await connection.execute(
                SQL(
                    "SELECT sum(n_live_tup), sum(n_mod_since_analyze) FROM pg_stat_user_tables "
                    "WHERE relname ~ '^tags_[0-9]+$'"
                )
            )
            row = await cursor.fetchone()
            total, fresh = (int(row[0] or 0), int(row[1] or 0)) if row else (0, 0)
            if fresh > max(_ANALYSE_ROWS, total // 4):
                await connection.execute(SQL("ANALYZE tags"))

    async def clean(self, now: datetime) -> None:
        """Forget nonces and kept answers that are past their time."""
        async with borrow(self._pool) as connection:
            await connection.execute(SQL("DELETE FROM nonces WHERE expires_at < %s"), (now,))
            await connection.execute(SQL("DELETE FROM idempotency WHERE expires_at < %s"), (now,))

    async def ping(self) -> None:
        """Pass when the database answers. Raises ``UnavailableError``."""
        async with borrow(self._pool) as connection:
            await connection.execute(SQL("SELECT 1"))

    async def _listen(self) -> None:
        """Ring the bells for what any process notifies; after a broken connection ring all, since some were missed."""
        bells = {EVENTS_CHANNEL: self.events, QUEUE_CHANNEL: self.queue, PUBLISHED_CHANNEL: self.published}
        while True:
            try:
                connection: AsyncConnection[tuple[Any, ...]]
                async with await AsyncConnection.connect(self._url, autocommit=True) as connection:
                    for channel in bells:
                        await connection.execute(SQL(f"LISTEN {channel}"))
                    for bell in bells.values():
                        bell.ring()
                    async for notification in connection.notifies():
                        bells[notification.channel].ring()
            except psycopg.OperationalError:
                await asyncio.sleep(_RETRY_SECONDS)


def _write_events(spans: SpanLog, logged: LoggedAct) -> None:
    spans.write(logged.of_events())


async def _configure(connection: Connection) -> None:
    # A plan made for any array would scan what a plan for this array looks up.
    await connection.execute("SET plan_cache_mode = force_custom_plan")
