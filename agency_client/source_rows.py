# SPDX-License-Identifier: EUPL-1.2
"""What every kind of file gives: rows of named texts, and rows that could not be read, with the reason.

Not here: the kinds of file (``source.py``, ``source_xlsx.py``).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal
from typing import Final
from uuid import UUID

from protocol.errors import Code, InputError, Issue

MAX_CELL: Final = 8_192
"""Characters of one cell: a long note; names and numbers are far below it."""
MAX_COLUMNS: Final = 500
"""Columns of a file: the widest exports of case systems have some two hundred."""

SIMPLE: Final = (str, int, float, bool, date, time, Decimal, UUID)
"""Types of one value of a row; a datetime is a date, a truth value a number."""

_REASONS: Final = {
    "too-long": "The line is too long for a row: is a line break or a closing quote missing?",
    "not-text": "The line is not text in UTF-8 or Windows-1252.",
    "bad-quoting": "A quote is not closed, or stands within a value without being doubled.",
    "too-many-cells": "The row has more cells than the header: is a delimiter not quoted?",
    "too-few-cells": "The row has fewer cells than the header: was the line cut?",
    "cell-too-long": f"A cell has more than {MAX_CELL} characters.",
    "not-json": "The line is not JSON: one object on each line.",
    "not-an-object": "The line is JSON, but not an object with named values.",
    "nested": "A value is an object or a list of lists; give texts, numbers or lists of them.",
    "no-reference": "The row says that its record is gone, but not which one.",
    "broken-sheet": "The sheet breaks off here; save the file again.",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its number as a spreadsheet counts (the header is 1), and its cells by column, without outer spaces."""

    number: int
    values: Mapping[str, str] = field(repr=False)
    fraction: float | None = None
    """How much of the file lies behind, 0 to 1, for a progress bar; ``number / fraction`` estimates the total."""


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that could not be read, and why; never its content."""

    number: int
    issue: Issue
    fraction: float | None = None


def bad_row(number: int, reason: str, fraction: float | None) -> BadRow:
    """Return the report of a row; the reason is one of this file's."""
    return BadRow(number, Issue("row", reason, _REASONS[reason]), fraction)


def row_of(number: int, header: Sequence[str], cells: Sequence[str], fraction: float | None) -> Row | BadRow:
    """Return the row of these cells, or why it is none."""
    if len(cells) < len(header):
        return bad_row(number, "too-few-cells", fraction)
    if any(cell.strip() for cell in cells[len(header) :]):
        return bad_row(number, "too-many-cells", fraction)
    if any(len(cell) > MAX_CELL for cell in cells):
        return bad_row(number, "cell-too-long", fraction)
    return Row(number, {name: cell.strip() for name, cell in zip(header, cells, strict=False)}, fraction)


def typed_row(number: int, values: Mapping[str, object]) -> Row | BadRow:
    """Return the row of these typed values, as a database or a JSON object has them, or why it is none.

    A list becomes texts separated by ``;``, as a cell with several values.
    """
    cells: dict[str, str] = {}
    if len(values) > MAX_COLUMNS:
        return bad_row(number, "too-many-cells", None)
    for name, value in values.items():
        items = value if isinstance(value, list | tuple) else [value]
        if any(not isinstance(item, SIMPLE) and item is not None for item in items):
            return bad_row(number, "nested", None)
        cells[name.strip()] = "; ".join(filter(None, (cell_text(item) for item in items)))
    if any("\x00" in text for pair in cells.items() for text in pair):
        return bad_row(number, "not-text", None)
    if any(len(text) > MAX_CELL for pair in cells.items() for text in pair):
        return bad_row(number, "cell-too-long", None)
    return Row(number, cells)


def check_header(cells: Sequence[str]) -> tuple[str, ...]:
    """Return the column names; empty ones at the end are dropped.

    Raises ``InputError`` (``unknown_column``) when there are none, too many, an empty one between, or two the same.
    """
    names = [cell.strip() for cell in cells]
    while names and not names[-1]:
        names.pop()
    if not names or len(names) > MAX_COLUMNS or "" in names:
        raise InputError(
            Code.UNKNOWN_COLUMN,
            "The first row does not name the columns.",
            hint=f"Give each column a name, at most {MAX_COLUMNS} of them.",
        )
    if len(set(names)) != len(names):
        raise InputError(Code.UNKNOWN_COLUMN, "Two columns have the same name.", hint="Rename one of them.")
    return tuple(names)


def cell_text(value: object) -> str:
    """Return a typed cell as text: dates in ISO form, whole numbers without a decimal point."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.date().isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()
