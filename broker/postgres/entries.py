# SPDX-License-Identifier: EUPL-1.2
"""Every entry of the log as an event, in its order, for the check that joins it with the log of processing.

Entries that were committed and not yet numbered come last. Not here: what is checked (``broker/ldv_check.py``).
"""

from collections.abc import Iterator
from typing import Any, Final

import psycopg
from psycopg.sql import SQL

from broker.data_keys import DataKeys
from broker.ldv_check import LoggedEvent
from broker.postgres.proofs import ROW, EventRow, opening_of, read_row
from protocol.commitments import open_entry
from protocol.errors import UnavailableError

PAGE: Final = 2_000
"""Entries read at a time, some 4 MB."""
_NUMBERED: Final = "SELECT {} FROM events WHERE log_index >= %s ORDER BY log_index LIMIT %s"
_WAITING: Final = "SELECT {} FROM events WHERE log_index IS NULL"


def log_entries(url: str, keys: DataKeys) -> Iterator[LoggedEvent]:
    """Yield every entry of the log."""
    with psycopg.connect(url, autocommit=True) as connection:
        after = 0
        while rows := _page(connection, after):
            for row in rows:
                yield _entry(row, keys)
            after = (rows[-1].index or 0) + 1
        for found in connection.execute(SQL(_WAITING).format(ROW)).fetchall():
            row = read_row(found)
            # One that was numbered since then was not seen above.
            if row.index is None or row.index >= after:
                yield _entry(row, keys)


def _page(connection: psycopg.Connection[Any], after: int) -> list[EventRow]:
    return [read_row(row) for row in connection.execute(SQL(_NUMBERED).format(ROW), (after, PAGE)).fetchall()]


def _entry(row: EventRow, keys: DataKeys) -> LoggedEvent:
    place = f"entry {row.index}" if row.index is not None else "an entry that has no number yet"
    try:
        opened = None if row.sealed is None else open_entry(opening_of(row, keys))
    except UnavailableError:
        # Its month is being destroyed at this moment.
        opened = None
    if opened is None:
        return LoggedEvent(place, row.at, None)
    return LoggedEvent(place, row.at, opened.event, whole=not opened.erased)
