# SPDX-License-Identifier: EUPL-1.2
"""Reads the first sheet of an XLSX workbook row by row.

Not here: old ``.xls`` files, formulas (their last computed value counts), other sheets.
"""

import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from xml.etree.ElementTree import ParseError

import openpyxl
from openpyxl.utils.exceptions import InvalidFileException

from agency_client.source_rows import BadRow, Row, bad_row, cell_text, check_header, row_of
from protocol.errors import Code, InputError

MAX_SHARED: Final = 100 * 2**20
"""Bytes of the table of texts, unpacked: a workbook keeps all its texts in one table that must be held in memory."""
MAX_UNPACKED: Final = 4 * 2**30
"""Bytes of the whole workbook, unpacked: a million rows of a hundred columns; more is a bomb."""
MAX_RATIO: Final = 200
"""How many times smaller a part may be packed than it is: sheets come to some thirty; a bomb to a thousand."""
_ANY_RATIO: Final = 20 * 2**20
"""Bytes below which a part may be packed as well as it can be: it fits in memory whatever it is."""
_BROKEN: Final = (
    *(ParseError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError, EOFError, RuntimeError),
    *(InvalidFileException, zipfile.BadZipFile, zlib.error, struct.error),
)
"""What openpyxl and what it reads with raise for a file that is not as it should be; found by trying thousands."""
_SHEETS: Final = "xl/worksheets/"


def read_xlsx(path: Path) -> Iterator[Row | BadRow]:
    """Yield the rows of the first sheet.

    Raises ``InputError`` when it is no workbook, has no header or is too large.
    """
    _check_size(path)
    try:
        workbook = openpyxl.load_workbook(path, read_only=True, data_only=True)
    except _BROKEN as error:
        raise _no_workbook() from error
    except OSError as error:
        if error.errno is not None:
            raise
        # What openpyxl raises for a package without a workbook in it.
        raise _no_workbook() from error
    try:
        if not workbook.worksheets:
            raise _no_workbook()
        sheet = workbook.worksheets[0]
        number = 1
        try:
            total = sheet.max_row
            # What a file says of its own size is often wrong, and would cut columns off.
            sheet.reset_dimensions()
            rows = sheet.iter_rows(values_only=True)
            first = [cell_text(cell) for cell in next(rows, ())]
        except _BROKEN as error:
            raise _no_workbook() from error
        header = check_header(first)
        while True:
            number += 1
            fraction = min(number / total, 1.0) if total else None
            try:
                cells = [cell_text(cell) for cell in next(rows)]
            except StopIteration:
                return
            except _BROKEN:
                yield bad_row(number, "broken-sheet", fraction)
                return
            if any(cells):
                # Rows end at their last filled cell.
                cells += [""] * (len(header) - len(cells))
                yield row_of(number, header, cells, fraction)
    finally:
        workbook.close()


def _check_size(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as packed:
            parts = packed.infolist()
    except zipfile.BadZipFile as error:
        raise _no_workbook() from error
    # Sheets are read in pieces; every other part is held in memory as a whole.
    held = max((part.file_size for part in parts if not part.filename.casefold().startswith(_SHEETS)), default=0)
    packed_well = any(part.file_size > _ANY_RATIO and part.file_size > MAX_RATIO * part.compress_size for part in parts)
    if held > MAX_SHARED or packed_well or sum(part.file_size for part in parts) > MAX_UNPACKED:
        raise InputError(Code.TOO_LARGE, "The workbook is too large to read.", hint="Save the sheet as CSV.")


def _no_workbook() -> InputError:
    return InputError(Code.MALFORMED, "This is not an XLSX workbook.", hint="Save it again as .xlsx or as CSV.")
