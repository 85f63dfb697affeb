# SPDX-License-Identifier: EUPL-1.2
"""No table that we write for people carries a formula, whatever stood in the data."""

import csv
import io
import re
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from protocol.spreadsheet import FORMULA, TableWriter, as_text

ROOT = Path(__file__).resolve().parents[2]
CELLS = st.text(max_size=12) | st.sampled_from(
    ["=1+1", "+31612345678", "-2", "@SUM(A1)", "\t=1", "\r=1", ";=1", ",=1", '"=1']
)


@given(st.lists(st.lists(CELLS, min_size=1, max_size=4), max_size=4))
def test_no_cell_is_a_formula_by_any_separator(rows: list[list[str]]) -> None:
    """Read back by commas every cell is the one given, with an apostrophe where it began as a formula begins."""
    out = io.StringIO()
    table = TableWriter(out)
    for row in rows:
        table.row(row)
    read = list(csv.reader(io.StringIO(out.getvalue(), newline=""), strict=True))
    assert read == [[as_text(cell) for cell in row] for row in rows]
    assert not any(cell.startswith(FORMULA) for row in read for cell in row)


@given(st.lists(CELLS, min_size=1, max_size=4))
def test_a_cell_stays_one_where_semicolons_separate(row: list[str]) -> None:
    """A Dutch spreadsheet splits at semicolons; every cell is quoted, so that it does not split one of ours."""
    out = io.StringIO()
    TableWriter(out).row(row)
    assert out.getvalue().startswith('"')
    assert out.getvalue().endswith('"\r\n')
    inside = re.sub(r'"(?:[^"]|"")*"', "", out.getvalue())
    assert set(inside) <= {",", "\r", "\n"}


def test_plain_text_stays_as_it_is() -> None:
    """Only what a spreadsheet would take for a formula changes."""
    assert [as_text(cell) for cell in ("Anna", "a=b", "", "=1")] == ["Anna", "a=b", "", "'=1"]


def test_nothing_else_writes_csv() -> None:
    """Every table goes through the one writer."""
    folders = ("protocol", "edge", "broker", "keyholder", "agency_client", "board", "auditor")
    writers = {
        str(path.relative_to(ROOT))
        for folder in folders
        for path in (ROOT / folder).rglob("*.py")
        if re.search(r"csv\.(Dict)?[wW]riter", path.read_text(encoding="utf-8"))
    }
    assert writers == {"protocol/spreadsheet.py"}
