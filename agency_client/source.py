# SPDX-License-Identifier: EUPL-1.2
"""Reads an agency's files row by row: CSV, JSON Lines and XLSX, in memory that does not grow with the file.

A row that cannot be read is reported and the next one follows. Not here: what a column means (``mapping.py``), whether
a value is right (``protocol/normalise.py``), XLSX itself (``source_xlsx.py``).
"""

import csv
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final

from agency_client.source_rows import (
    MAX_CELL,
    BadRow,
    Row,
    bad_row,
    cell_text,
    check_header,
    row_of,
)
from protocol.errors import Code, InputError

MAX_LINE: Final = 1_048_576
"""Bytes of one line: a thousand full cells. A longer one is no row, and is skipped without being held."""
SAMPLE_ROWS: Final = 50
"""Rows looked at to guess a mapping."""
_DELIMITERS: Final = (";", ",", "\t", "|")
_UTF8_BOM: Final = b"\xef\xbb\xbf"
_UTF16_BOMS: Final = (b"\xff\xfe", b"\xfe\xff")
_JSON_SUFFIXES: Final = frozenset({".jsonl", ".ndjson"})
_CSV_SUFFIXES: Final = frozenset({".csv", ".tsv", ".txt"})


@dataclass(frozen=True, slots=True)
class Sample:
    """The columns of a file and its first rows, to guess a mapping from and to show."""

    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    fixed: bool
    """Whether every row has these columns; objects of a JSON Lines file may have others."""


def read_rows(path: Path) -> Iterator[Row | BadRow]:
    """Yield the rows of a file in order, by the file's suffix.

    Raises ``InputError`` when the file as a whole cannot be read: unknown suffix, no header, no workbook.
    """
    suffix = path.suffix.casefold()
    if suffix in _CSV_SUFFIXES:
        yield from _read_csv(path)
    elif suffix in _JSON_SUFFIXES:
        yield from _read_json_lines(path)
    elif suffix == ".xlsx":
        # Loaded for such files only: it takes as long as everything else together.
        from agency_client.source_xlsx import read_xlsx

        yield from read_xlsx(path)
    else:
        raise InputError(
            Code.MALFORMED,
            "This kind of file is not known.",
            hint="Give a .csv, .jsonl or .xlsx file; save an older .xls as .xlsx.",
        )


def sample(path: Path) -> Sample:
    """Return the columns and the first rows. A JSON Lines file has the columns of its first rows together."""
    rows: list[Row] = []
    for row in read_rows(path):
        if isinstance(row, Row):
            rows.append(row)
        if len(rows) == SAMPLE_ROWS:
            break
    columns = tuple(dict.fromkeys(column for row in rows for column in row.values))
    return Sample(columns, tuple(rows), bool(rows) and path.suffix.casefold() not in _JSON_SUFFIXES)


@dataclass(slots=True)
class _Lines:
    """Lines of a file as text, bounded, with what could not be read of them."""

    file: BinaryIO
    size: int
    read: int = 0
    bad: list[str] = field(default_factory=list)

    def __iter__(self) -> Iterator[str]:
        while raw := self.file.readline(MAX_LINE + 1):
            self.read += len(raw)
            if len(raw) > MAX_LINE and not raw.endswith(b"\n"):
                self._skip_line()
                self.bad.append("too-long")
                continue
            text = _decode(raw)
            if text is None:
                self.bad.append("not-text")
            else:
                yield text

    def _skip_line(self) -> None:
        while raw := self.file.readline(MAX_LINE):
            self.read += len(raw)
            if raw.endswith(b"\n"):
                return

    @property
    def fraction(self) -> float:
        """How much of the file has been read, 0 to 1."""
        return min(self.read / self.size, 1.0) if self.size else 1.0


def _decode(raw: bytes) -> str | None:
    # Line by line, since exports are pasted together: what is not UTF-8 is, in the Netherlands, Windows-1252.
    for encoding in ("utf-8", "cp1252"):
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError:
            continue
        return None if "\x00" in text else text
    return None


def _open(file: BinaryIO, path: Path) -> _Lines:
    start = file.read(3)
    if start[:2] in _UTF16_BOMS:
        raise InputError(Code.MALFORMED, "The file is in UTF-16.", hint="Save it as UTF-8.")
    bom = len(_UTF8_BOM) if start == _UTF8_BOM else 0
    file.seek(bom)
    return _Lines(file, path.stat().st_size, bom)


def _read_csv(path: Path) -> Iterator[Row | BadRow]:
    with path.open("rb") as file:
        lines = _open(file, path)
        texts = iter(lines)
        first = next((text for text in texts if text.strip()), "")
        try:
            delimiter = _delimiter(first)
            names = next(csv.reader([first], delimiter=delimiter, skipinitialspace=True), [])
        except csv.Error:
            # A lone carriage return, or a name longer than any cell may be.
            raise InputError(
                Code.UNKNOWN_COLUMN,
                "The first row cannot be read.",
                hint="Save the file as CSV with Unix or Windows lines.",
            ) from None
        header = check_header(names)
        # Strict: a stray quote is an error to report, not text to take along.
        reader = csv.reader(texts, delimiter=delimiter, skipinitialspace=True, strict=True)
        number = 1
        while True:
            cells: Sequence[str] | None
            reason = "bad-quoting"
            try:
                cells = next(reader)
            except StopIteration:
                break
            except csv.Error as error:
                cells, reason = None, "too-long" if "limit" in str(error) else "bad-quoting"
            for skipped in lines.bad:
                number += 1
                yield bad_row(number, skipped, lines.fraction)
            lines.bad.clear()
            number += 1
            if cells is None:
                yield bad_row(number, reason, lines.fraction)
            elif any(cell.strip() for cell in cells):
                yield row_of(number, header, cells, lines.fraction)
        for skipped in lines.bad:
            number += 1
            yield bad_row(number, skipped, lines.fraction)


def _delimiter(header: str) -> str:
    return max(_DELIMITERS, key=lambda sign: len(next(csv.reader([header], delimiter=sign), [])))


def _read_json_lines(path: Path) -> Iterator[Row | BadRow]:
    with path.open("rb") as file:
        lines = _open(file, path)
        number = 0
        for text in lines:
            for skipped in lines.bad:
                number += 1
                yield bad_row(number, skipped, lines.fraction)
            lines.bad.clear()
            number += 1
            if text.strip():
                yield _json_row(number, text, lines.fraction)
        for skipped in lines.bad:
            number += 1
            yield bad_row(number, skipped, lines.fraction)


def _json_row(number: int, text: str, fraction: float) -> Row | BadRow:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return bad_row(number, "not-json", fraction)
    if not isinstance(found, dict):
        return bad_row(number, "not-an-object", fraction)
    values: dict[str, str] = {}
    for name, value in found.items():
        items = value if isinstance(value, list) else [value]
        if any(isinstance(item, list | dict) for item in items):
            return bad_row(number, "nested", fraction)
        values[name.strip()] = "; ".join(filter(None, (cell_text(item) for item in items)))
    if any(len(value) > MAX_CELL for value in values.values()):
        return bad_row(number, "cell-too-long", fraction)
    return Row(number, values, fraction)
