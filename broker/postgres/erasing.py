# SPDX-License-Identifier: EUPL-1.2
"""Erasing in the database, and destroying the keys of what was erased there.

The rows change in the transaction of the entry that says so; keys are destroyed after its commit, and whatever a crash
left undone is found by ``key_gone`` and ``erased_months``. Spec: ``protocol/spec/erasure.md``, which says of every
table what goes and what stays. Not here: whether anything may be erased (``broker/erasing.py``).
"""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from psycopg.sql import SQL

from broker import facts as f
from broker.data_keys import DataKeys, month_of
from broker.erasable import Erasable, MonthStanding
from broker.postgres.connections import Connection
from broker.postgres.lines import strike_lines
from broker.postgres.proofs import ROW, EventRow, opening_of, published, read_row
from broker.sealing import handle
from edge.ldv import SpanLog
from protocol.commitments import open_entry
from protocol.erasure import month_end
from protocol.errors import Code, ConflictError
from protocol.events import KeyMuted, NoticeIssued
from protocol.ids import Epoch, SignalId

SLACK: Final = timedelta(hours=1)
"""Between the time in an event and the one in its id, which are taken a moment apart, by one clock or another."""
REQUEST_SLACK: Final = timedelta(minutes=1)
"""A request is kept in the transaction of its event, under an id that is drawn within it."""
BATCH: Final = 1_000
"""Keys destroyed at a time: the file of a month's keys is written anew for each batch."""

_FORGET_NOTICE: Final = """type = 'erased', my_signal = NULL, hit_id = NULL, their_signal = NULL, quality = NULL,
  level = NULL, urgency = NULL, agreed = NULL, rule = NULL, reason = NULL, kind = NULL, signals = NULL,
  due_since = NULL, disclosure_id = NULL, act_event_id = NULL"""


# --- What there is ----------------------------------------------------------------------------------------------------


async def entries_of(connection: Connection, signal: SignalId, keys: DataKeys) -> Sequence[Erasable]:
    """Return every entry whose subject part names this signal and is there, in the order of the log."""
    months = await asyncio.to_thread(lambda: [keys.of_month(month) for month in keys.months()])
    cursor = await connection.execute(
        SQL(
            "SELECT {}, kind FROM events WHERE erased_by IS NULL "
            "AND id IN (SELECT event_id FROM event_handles WHERE handle = ANY(%s)) ORDER BY log_index, id"
        ).format(ROW),
        ([handle(month, "signal", signal.bytes) for month in months],),
    )
    found = await asyncio.to_thread(_erasables, await cursor.fetchall(), keys)
    return [one for one in found if signal in one.named]


async def entry_at(connection: Connection, index: int, keys: DataKeys) -> Erasable | None:
    """Return the entry at an index, or None when the log has none there."""
    cursor = await connection.execute(SQL("SELECT {}, kind FROM events WHERE log_index = %s").format(ROW), (index,))
    rows = await cursor.fetchall()
    found = await asyncio.to_thread(_erasables, rows, keys)
    return found[0] if found else None


def _erasables(rows: Sequence[Sequence[Any]], keys: DataKeys) -> list[Erasable]:
    return [_erasable(read_row(row), row[-1], keys) for row in rows]


def _erasable(row: EventRow, kind: int, keys: DataKeys) -> Erasable:
    if row.erased_by is not None:
        return Erasable(row.id, row.index, kind, row.at, erased=True)
    opening = opening_of(row, keys)
    event = open_entry(opening).event
    act, subject = event.act, event.subject
    notice = None
    if isinstance(event, NoticeIssued | KeyMuted) and act.recipient is not None:
        notice = (act.recipient, event.notice_seq)
    person = None
    if act.person is not None:
        person = handle(keys.of_month(month_of(row.at)), "person", f"{act.agency}/{act.person}".encode())
    named = (*subject.signal_ids, *((subject.hit_id,) if subject.hit_id is not None else ()))
    return Erasable(row.id, row.index, kind, row.at, False, named, bool(opening.subject), notice, person)


async def oldest_month(connection: Connection, oldest_epoch: Epoch) -> MonthStanding | None:
    """Return how the oldest month stands of which anything is left, or None when nothing is."""
    cursor = await connection.execute(SQL("SELECT max(month) FROM erased_months"))
    done = await cursor.fetchone()
    low = _first_id(month_end(done[0]) - SLACK) if done and done[0] else UUID(int=0)
    cursor = await connection.execute(
        SQL(
            """SELECT min(at) FROM (SELECT at FROM events WHERE id >= %s AND record IS NOT NULL
                                    ORDER BY id LIMIT 1000) AS first"""
        ),
        (low,),
    )
    oldest = _there(await cursor.fetchone())
    return None if oldest[0] is None else await _standing(connection, month_of(oldest[0]), oldest_epoch)


async def _standing(connection: Connection, month: str, oldest_epoch: Epoch) -> MonthStanding:
    head = await published(connection)
    bounds = _bounds(month)
    cursor = await connection.execute(
        SQL(
            """SELECT count(*), coalesce(max(log_index), -1),
                      count(*) FILTER (WHERE log_index IS NULL OR log_index >= %(size)s)
               FROM events WHERE id >= %(low)s AND id < %(high)s AND at >= %(start)s AND at < %(end)s
               AND record IS NOT NULL"""
        ),
        {**bounds, "size": head.size},
    )
    entries, last, unproven = _there(await cursor.fetchone())
    cursor = await connection.execute(
        SQL(
            """WITH of_month AS (SELECT id FROM events WHERE id >= %(low)s AND id < %(high)s
                                 AND at >= %(start)s AND at < %(end)s)
               SELECT (SELECT count(*) FROM signals WHERE state = 'live' AND event_id IN (SELECT id FROM of_month)),
                      (SELECT count(*) FROM key_statements WHERE epoch >= %(epoch)s
                       AND event_id IN (SELECT id FROM of_month))"""
        ),
        {**bounds, "epoch": oldest_epoch},
    )
    signals, statements = _there(await cursor.fetchone())
    return MonthStanding(month, entries, 0, last, unproven, signals, statements)


# --- What an erasure writes -------------------------------------------------------------------------------------------


async def erase_entries(connection: Connection, erased: Sequence[f.EntriesErased]) -> None:
    """Erase the subject parts of these entries, and what elsewhere says the same. Raises ``ConflictError``."""
    for fact in erased:
        ids = [entry.event_id for entry in fact.entries]
        cursor = await connection.execute(
            SQL("UPDATE events SET subject = NULL, erased_by = %s WHERE id = ANY(%s) AND subject IS NOT NULL"),
            (fact.marker, ids),
        )
        if cursor.rowcount != len(ids):
            raise ConflictError(Code.IN_FLIGHT, "The same is being erased.", hint="Ask again in a moment.")
        kept = [entry.person_handle for entry in fact.entries if entry.person_handle is not None]
        await connection.execute(
            SQL("DELETE FROM event_handles WHERE event_id = ANY(%s) AND NOT handle = ANY(%s)"), (ids, kept)
        )
        told = [entry.notice for entry in fact.entries if entry.notice is not None]
        await connection.execute(
            SQL(
                f"""UPDATE notices SET {_FORGET_NOTICE} FROM unnest(%s::text[], %s::bigint[]) AS t (agency, seq)
                    WHERE notices.agency = t.agency AND notices.seq = t.seq"""  # noqa: S608 - our own columns
            ),
            ([agency for agency, _ in told], [seq for _, seq in told]),
        )
        await connection.execute(
            SQL(
                """DELETE FROM idempotency WHERE EXISTS (
                     SELECT 1 FROM jsonb_array_elements(results) r WHERE (r ->> 'event')::uuid = ANY(%s))"""
            ),
            (ids,),
        )
        await _forget_requests(connection, fact.entries)


async def _forget_requests(connection: Connection, entries: Sequence[Erasable]) -> None:
    """Delete the kept requests whose path names what is erased: a withdrawal, an opening."""
    rows = [
        (_first_id(entry.at - REQUEST_SLACK), _first_id(entry.at + REQUEST_SLACK), str(named).encode())
        for entry in entries
        for named in entry.named
    ]
    await connection.execute(
        SQL(
            """DELETE FROM requests r USING unnest(%s::uuid[], %s::uuid[], %s::bytea[]) AS n (low, high, text)
               WHERE r.id >= n.low AND r.id < n.high AND position(n.text IN r.base) > 0"""
        ),
        tuple([row[place] for row in rows] for place in range(3)),
    )


async def forget_signals(connection: Connection, forgotten: Sequence[f.SignalForgotten]) -> None:
    """Delete the rows of signals that have ended, and every mention of them in others' rows."""
    ids = [fact.signal_id for fact in forgotten]
    both = (ids, ids)
    for statement, values in (
        ("DELETE FROM tags WHERE signal_id = ANY(%s)", (ids,)),
        ("DELETE FROM parts WHERE signal_id = ANY(%s)", (ids,)),
        ("DELETE FROM earlier_registrations WHERE signal_id = ANY(%s)", (ids,)),
        (
            """DELETE FROM disclosure_chunks c USING disclosures d WHERE c.disclosure_id = d.id
               AND (d.asker_signal = ANY(%s) OR d.owner_signal = ANY(%s))""",
            both,
        ),
        ("DELETE FROM disclosures WHERE asker_signal = ANY(%s) OR owner_signal = ANY(%s)", both),
        ("DELETE FROM follow_ups WHERE my_signal = ANY(%s) OR their_signal = ANY(%s)", both),
        (
            """UPDATE notices n SET their_signal = NULL FROM hits h JOIN signals s
                 ON s.id = h.first_signal OR s.id = h.second_signal
               WHERE (h.first_signal = ANY(%s) OR h.second_signal = ANY(%s)) AND n.agency = s.told
               AND n.hit_id = h.id""",
            both,
        ),
        (
            """DELETE FROM known_pairs USING hits h WHERE known_pairs.hit_id = h.id
               AND (h.first_signal = ANY(%s) OR h.second_signal = ANY(%s))""",
            both,
        ),
        ("DELETE FROM hits WHERE first_signal = ANY(%s) OR second_signal = ANY(%s)", both),
        ("UPDATE signals SET supersedes = NULL WHERE supersedes = ANY(%s)", (ids,)),
        (
            """UPDATE match_queue SET signals = ARRAY(SELECT s FROM unnest(signals) s WHERE NOT s = ANY(%s))
               WHERE signals && %s::uuid[]""",
            both,
        ),
        ("DELETE FROM signals WHERE id = ANY(%s) AND state <> 'live'", (ids,)),
    ):
        await connection.execute(SQL(statement), values)


async def erase_months(connection: Connection, erased: Sequence[f.MonthErased]) -> None:
    """Leave nothing of these months but leaves, and delete what else is as old."""
    for fact in erased:
        bounds = {**_bounds(fact.month), "marker": fact.marker, "month": fact.month, "last": fact.last}
        for statement in _MONTH:
            await connection.execute(SQL(statement), bounds)


_OF_MONTH: Final = "id >= %(low)s AND id < %(high)s AND at >= %(start)s AND at < %(end)s"
_THEIR_EVENT: Final = f"event_id IN (SELECT id FROM events WHERE {_OF_MONTH})"  # noqa: S608 - our own columns
_MONTH: Final = (
    f"UPDATE notices SET {_FORGET_NOTICE} WHERE {_THEIR_EVENT}",  # noqa: S608
    f"DELETE FROM event_handles WHERE {_THEIR_EVENT}",  # noqa: S608
    f"DELETE FROM muted_tags WHERE {_THEIR_EVENT}",  # noqa: S608
    f"DELETE FROM disclosures WHERE state NOT IN ('requested', 'approved', 'granted') AND {_THEIR_EVENT}",  # noqa: S608
    f"DELETE FROM unusual WHERE {_THEIR_EVENT}",  # noqa: S608
    f"DELETE FROM key_statements WHERE {_THEIR_EVENT}",  # noqa: S608
    f"DELETE FROM signals WHERE state <> 'live' AND {_THEIR_EVENT}",  # noqa: S608
    """DELETE FROM earlier_registrations e WHERE NOT EXISTS (SELECT 1 FROM signals s WHERE s.id = e.signal_id)""",
    """DELETE FROM follow_ups f WHERE NOT EXISTS (SELECT 1 FROM signals s WHERE s.id = f.my_signal)
       OR NOT EXISTS (SELECT 1 FROM signals s WHERE s.id = f.their_signal)""",
    """DELETE FROM hits h WHERE NOT EXISTS (SELECT 1 FROM signals s WHERE s.id = h.first_signal)
       OR NOT EXISTS (SELECT 1 FROM signals s WHERE s.id = h.second_signal)""",
    "DELETE FROM known_pairs k WHERE NOT EXISTS (SELECT 1 FROM hits h WHERE h.id = k.hit_id)",
    "DELETE FROM requests WHERE id < %(end_id)s",
    f"""UPDATE events SET record = NULL, subject = NULL, erased_by = %(marker)s, at = %(start)s, kind = 0,
          agency = NULL, recipient = NULL, concerns = NULL, agencies = NULL, purpose = NULL, decision = NULL,
          canary = false
        WHERE {_OF_MONTH}""",  # noqa: S608
    "INSERT INTO erased_months (month, event_id, last) VALUES (%(month)s, %(marker)s, %(last)s)",
)


# --- Keys -------------------------------------------------------------------------------------------------------------


async def destroy_erased(connection: Connection, keys: DataKeys, spans: SpanLog | None, *, everything: bool) -> int:
    """Destroy the keys of what was erased here and has them still; return of how many entries and months.

    ``everything`` goes through all that was ever erased, also what was done before: keys that came back out of a
    backup of the key folder go again.
    """
    count = 0
    last = UUID(int=0)
    while True:
        cursor = await connection.execute(
            SQL(
                """SELECT id, at FROM events WHERE erased_by IS NOT NULL AND record IS NOT NULL
                   AND (NOT key_gone OR %s) AND id > %s ORDER BY id LIMIT %s"""
            ),
            (everything, last, BATCH),
        )
        rows = await cursor.fetchall()
        if not rows:
            break
        of_month: dict[str, list[UUID]] = defaultdict(list)
        held = set(await asyncio.to_thread(keys.months))
        for event, at in rows:
            if month_of(at) in held:
                of_month[month_of(at)].append(event)
        if spans is not None:
            await strike_lines(connection, [event for events in of_month.values() for event in events], keys, spans)
        for month, events in of_month.items():
            await asyncio.to_thread(keys.puncture, month, events)
        await connection.execute(
            SQL("UPDATE events SET key_gone = true WHERE id = ANY(%s) AND NOT key_gone"), ([row[0] for row in rows],)
        )
        count, last = count + len(rows), rows[-1][0]
    cursor = await connection.execute(SQL("SELECT month FROM erased_months"))
    gone = {row[0] for row in await cursor.fetchall()}
    for month in sorted(gone.intersection(await asyncio.to_thread(keys.months))):
        await asyncio.to_thread(keys.destroy, month)
        count += 1
    if spans is not None:
        await asyncio.to_thread(spans.forget, gone)
    return count


def _bounds(month: str) -> dict[str, Any]:
    start, end = datetime(int(month[:4]), int(month[5:]), 1, tzinfo=UTC), month_end(month)
    return {
        "low": _first_id(start - SLACK),
        "high": _first_id(end + SLACK),
        "start": start,
        "end": end,
        "end_id": _first_id(end),
    }


def _first_id(moment: datetime) -> UUID:
    """Return an id at or below all UUIDv7 of a moment and later."""
    return UUID(int=int(moment.timestamp() * 1000) << 80)


def _there(row: tuple[Any, ...] | None) -> tuple[Any, ...]:
    if row is None:
        raise ValueError("a count that gives no row")
    return row
