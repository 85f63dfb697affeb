# SPDX-License-Identifier: EUPL-1.2
"""Find entries by the keyed handles of digests, signals and hits, and open what one agency may be given of them.

An entry that is not this agency's, and does not name it, is not opened, nor is one of a purpose that was not allowed.
Handles are cut hashes, so each entry is looked at again after opening. Not here: which of them may be given
(``broker/subject_requests.py``), proofs (``proofs.py``).
"""

import asyncio
from collections.abc import Sequence
from typing import Final

from psycopg.sql import SQL

from broker.data_keys import DataKeys, month_of
from broker.postgres.connections import Connection
from broker.postgres.proofs import ROW, EventRow, opening_of, read_row
from broker.sealing import HandleKind, handle
from broker.subjects import AboutEntry, AboutSought, ErasedRow
from protocol.commitments import parse_opening
from protocol.events import Event
from protocol.ids import PartyId

MAX_ROWS: Final = 4_096
"""Entries opened for one value's kind: twice what an answer holds, about a tenth of a second."""

_ABOUT: Final = SQL(
    """SELECT {} FROM events e
       WHERE e.id IN (SELECT h.event_id FROM event_handles h WHERE h.handle = ANY(%s)) AND e.subject IS NOT NULL
         AND (e.purpose = ANY(%s) OR e.purpose IS NULL)
         AND (e.agency = %s OR e.recipient = %s OR e.agencies @> ARRAY[%s])
       ORDER BY e.id DESC LIMIT %s"""
).format(ROW)
_ERASED: Final = SQL(
    """SELECT log_index, erased_by FROM events
       WHERE log_index = ANY(%s) AND erased_by IS NOT NULL AND (agency = %s OR recipient = %s OR record IS NULL)
       ORDER BY log_index"""
)


async def entries_about(connection: Connection, sought: AboutSought, keys: DataKeys) -> Sequence[AboutEntry]:
    """Return the newest entries, opened, at most ``MAX_ROWS``."""
    handles = await asyncio.to_thread(_handles, sought, keys)
    me = sought.agency
    cursor = await connection.execute(_ABOUT, (handles, sorted(sought.purposes), me, me, me, MAX_ROWS))
    rows = [read_row(row) for row in await cursor.fetchall()]
    return await asyncio.to_thread(_open, rows, sought, keys)


async def erased_among(connection: Connection, indexes: Sequence[int], agency: PartyId) -> Sequence[ErasedRow]:
    """Return those of these entries of an agency that were erased; of an erased month nobody knows whose they were."""
    cursor = await connection.execute(_ERASED, (list(indexes), agency, agency))
    return [ErasedRow(*row) for row in await cursor.fetchall()]


def _handles(sought: AboutSought, keys: DataKeys) -> list[int]:
    first = month_of(sought.since)
    return [
        handle(held, kind, value)
        for month in keys.months()
        if month >= first
        for held in (keys.of_month(month),)
        for kind, value in sought.values
    ]


def _open(rows: Sequence[EventRow], sought: AboutSought, keys: DataKeys) -> list[AboutEntry]:
    wanted = set(sought.values)
    opened = [AboutEntry(row.id, parse_opening(opening_of(row, keys))) for row in rows]
    return [one for one in opened if not wanted.isdisjoint(named_in(one.event))]


def named_in(event: Event) -> list[tuple[HandleKind, bytes]]:
    """Return the signals, tag digests and hit that an entry names."""
    subject = event.subject
    found: list[tuple[HandleKind, bytes]] = [("signal", signal.bytes) for signal in subject.signal_ids]
    found += [("tag", digest) for digest in subject.tag_digests]
    if subject.hit_id is not None:
        found.append(("hit", subject.hit_id.bytes))
    return found
