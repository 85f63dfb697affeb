# SPDX-License-Identifier: EUPL-1.2
"""The log's past decisions as lines, for a covenant board to make again under another covenant.

A line has no subject part. Canaries are left out, so that a list that goes round betrays none: their planting, hits
with them, and what their planters were told. Not here: a line's form (``protocol/decision_lines.py``), the command
(``broker/exporting.py``).
"""

from collections.abc import Collection, Iterator
from typing import Any, Final

import psycopg
from psycopg.sql import SQL

from broker.data_keys import DataKeys
from broker.postgres.proofs import ROW, opening_of, read_row
from protocol.decision_lines import is_decision, write_line
from protocol.messages import Opening

PAGE: Final = 2_000
"""Entries read at a time, some 4 MB."""
_ROWS: Final = """
SELECT {} FROM events
WHERE NOT canary AND log_index >= %s AND log_index < (SELECT published_size FROM log_head)
ORDER BY log_index LIMIT %s"""


def decision_lines(url: str, keys: DataKeys, purposes: Collection[str] = ()) -> Iterator[str]:
    """Yield a line for every decision that stands in the published log, in its order; of these purposes, or of all."""
    with psycopg.connect(url, autocommit=True) as connection:
        for index, opening in _openings(connection, keys):
            wanted = not purposes or opening.record.get("purpose") in purposes
            if wanted and is_decision(opening.record):
                yield write_line(index, opening)


def _openings(connection: psycopg.Connection[Any], keys: DataKeys) -> Iterator[tuple[int, Opening]]:
    after = 0
    while True:
        rows = connection.execute(SQL(_ROWS).format(ROW), (after, PAGE)).fetchall()
        for row in map(read_row, rows):
            if row.index is not None and row.sealed is not None:
                yield row.index, opening_of(row, keys)
        if len(rows) < PAGE:
            return
        after = rows[-1][1] + 1
