# SPDX-License-Identifier: EUPL-1.2
"""The log's past decisions as lines, for a covenant board to make again under another covenant.

A line has no subject part. Canaries are left out, so that a list that goes round betrays none: their planting, hits
with them, and what their planters were told. Not here: a line's form (``protocol/decision_lines.py``), the command
(``broker/exporting.py``).
"""

import json
from collections.abc import Collection, Iterator
from typing import Any, Final

import psycopg
from psycopg.sql import SQL

from protocol.decision_lines import is_decision, write_line
from protocol.messages import Opening

PAGE: Final = 2_000
"""Entries read at a time, some 4 MB."""
_ROWS: Final = """
SELECT log_index, record, record_salt, subject, subject_salt FROM events
WHERE log_index >= %s AND log_index < (SELECT published_size FROM log_head) ORDER BY log_index LIMIT %s"""
_CANARIES: Final = "SELECT id FROM signals WHERE told <> agency"
_CANARY_HITS: Final = """
SELECT h.id FROM hits h JOIN signals g ON g.id = h.first_signal OR g.id = h.second_signal WHERE g.told <> g.agency"""


def decision_lines(url: str, purposes: Collection[str] = ()) -> Iterator[str]:
    """Yield a line for every decision that stands in the published log, in its order; of these purposes, or of all."""
    with psycopg.connect(url, autocommit=True) as connection:
        canaries = {str(row[0]) for query in (_CANARIES, _CANARY_HITS) for row in connection.execute(SQL(query))}
        for index, opening in _openings(connection):
            wanted = not purposes or opening.record.get("purpose") in purposes
            if wanted and is_decision(opening.record) and not _of_canary(opening, canaries):
                yield write_line(index, opening)


def _of_canary(opening: Opening, canaries: set[str]) -> bool:
    named = {*opening.subject.get("signalIds", ()), opening.subject.get("hitId")}
    return "cover" in opening.record.get("asked", {}) or not named.isdisjoint(canaries)


def _openings(connection: psycopg.Connection[Any]) -> Iterator[tuple[int, Opening]]:
    after = 0
    while True:
        rows = connection.execute(SQL(_ROWS), (after, PAGE)).fetchall()
        for index, record, record_salt, subject, subject_salt in rows:
            yield (
                index,
                Opening(
                    record=json.loads(record),
                    record_salt=bytes(record_salt),
                    subject=json.loads(subject),
                    subject_salt=bytes(subject_salt),
                ),
            )
        if len(rows) < PAGE:
            return
        after = rows[-1][0] + 1
