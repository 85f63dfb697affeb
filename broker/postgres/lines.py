# SPDX-License-Identifier: EUPL-1.2
"""Strike out of the log of processing whom an erased entry was about.

Before the entry counts as destroyed, so that a crash repeats it. Not here: how a line is struck (``edge/ldv.py``).
"""

import asyncio
from collections.abc import Sequence
from datetime import UTC, date, timedelta
from uuid import UUID

from broker.data_keys import DataKeys
from broker.postgres.connections import Connection
from broker.postgres.proofs import EventRow, event_rows, opening_of
from edge.ldv import SpanLog
from protocol.commitments import open_entry
from protocol.trace import Trace


async def strike_lines(connection: Connection, events: Sequence[UUID], keys: DataKeys, spans: SpanLog) -> None:
    """Strike the data subjects of these erased entries out of their lines. Raises ``UnavailableError``."""
    rows = await event_rows(connection, events)
    await asyncio.to_thread(_strike, list(rows.values()), keys, spans)


def _strike(rows: Sequence[EventRow], keys: DataKeys, spans: SpanLog) -> None:
    places: list[Trace] = []
    days: set[date] = set()
    for row in rows:
        if row.sealed is None:
            continue
        act = open_entry(opening_of(row, keys)).event.act
        if act.trace_id is not None and act.span_id is not None:
            places.append(Trace(act.trace_id, act.span_id))
            # An act of the last second of a day is written on the next.
            day = act.time.astimezone(UTC).date()
            days |= {day, day + timedelta(days=1)}
    if places:
        spans.strike(places, days)
