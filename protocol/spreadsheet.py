# SPDX-License-Identifier: EUPL-1.2
"""Cells of tables that people open in a spreadsheet: one that would be taken for a formula is text instead.

The one place for this; every CSV that Sluis writes passes through it. Spec: ``spec/evidence-pack.md``, "The table".
Not here: any particular table.
"""

import csv
from collections.abc import Iterable
from typing import Final, Protocol

FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
"""With what a spreadsheet's formula begins (OWASP, "CSV injection")."""


class Writable(Protocol):
    """What a table is written to: a text file opened with ``newline=""``, or one in memory."""

    def write(self, text: str, /) -> object:
        """Take text."""


class TableWriter:
    """Writes rows as CSV (RFC 4180): every cell quoted, so that no other separator splits one, and none a formula."""

    def __init__(self, out: Writable) -> None:
        self._table = csv.writer(out, lineterminator="\r\n", quoting=csv.QUOTE_ALL)

    def row(self, cells: Iterable[object]) -> None:
        """Write one row."""
        self._table.writerow([as_text(str(cell)) for cell in cells])


def as_text(cell: str) -> str:
    """Return the cell with an apostrophe in front where a spreadsheet would see a formula."""
    return f"'{cell}" if cell.startswith(FORMULA) else cell
