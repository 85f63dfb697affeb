# SPDX-License-Identifier: EUPL-1.2
"""Files become rows, in bounded memory; what cannot be read is reported and costs one row."""

import datetime as dt
import json
import tracemalloc
from pathlib import Path

import openpyxl
import pytest

from agency_client.source import MAX_LINE, read_rows, sample
from agency_client.source_rows import MAX_CELL, BadRow, Row
from protocol.errors import InputError


def _write(path: Path, content: bytes | str) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def _good(path: Path) -> list[dict[str, str]]:
    return [dict(row.values) for row in read_rows(path) if isinstance(row, Row)]


def _bad(path: Path) -> list[tuple[int, str]]:
    return [(row.number, row.issue.code) for row in read_rows(path) if isinstance(row, BadRow)]


@pytest.mark.parametrize("sign", [",", ";", "\t", "|"])
def test_the_delimiter_is_found_in_the_header(tmp_path: Path, sign: str) -> None:
    """Comma, semicolon, tab and bar are told apart without being told."""
    path = _write(tmp_path / "a.csv", f"naam{sign}plaats\nJansen{sign}Ede\n")
    assert _good(path) == [{"naam": "Jansen", "plaats": "Ede"}]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
def test_an_accent_reads_the_same_in_three_encodings(tmp_path: Path, encoding: str) -> None:
    """UTF-8 with and without mark and Windows-1252 give the same text."""
    path = _write(tmp_path / "a.csv", "naam;plaats\nZoë;Ede\n".encode(encoding))
    assert _good(path) == [{"naam": "Zoë", "plaats": "Ede"}]


def test_utf16_is_refused_with_a_hint(tmp_path: Path) -> None:
    """A UTF-16 file is refused as a whole, and the hint says how to save it."""
    with pytest.raises(InputError, match="UTF-8"):
        list(read_rows(_write(tmp_path / "a.csv", "naam;plaats\n".encode("utf-16"))))


def test_quoted_delimiters_and_line_breaks_belong_to_the_value(tmp_path: Path) -> None:
    """A quoted cell may hold a delimiter, a doubled quote and a line break."""
    path = _write(tmp_path / "a.csv", 'naam,notitie\nJansen,"een, ""twee""\ndrie"\nVos,x\n')
    assert _good(path) == [{"naam": "Jansen", "notitie": 'een, "twee"\ndrie'}, {"naam": "Vos", "notitie": "x"}]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"Jansen", "too-few-cells"),
        (b"Jansen;Ede;x", "too-many-cells"),
        (b'"Jansen"x;Ede', "bad-quoting"),
        (b"\x81\x8d;Ede", "not-text"),
        (b"a\x00b;Ede", "not-text"),
        (b"x" * (MAX_CELL + 1) + b";Ede", "cell-too-long"),
        (b"x" * (MAX_LINE * 2) + b";Ede", "too-long"),
    ],
)
def test_a_malformed_row_costs_only_itself(tmp_path: Path, line: bytes, reason: str) -> None:
    """The rows before and after a malformed one are read, and it is reported by number and reason."""
    path = _write(tmp_path / "a.csv", b"naam;plaats\nVos;Ede\n" + line + b"\nBos;Ede\n")
    assert [row["naam"] for row in _good(path)] == ["Vos", "Bos"]
    assert _bad(path) == [(3, reason)]


def test_an_unclosed_quote_at_the_end_is_reported(tmp_path: Path) -> None:
    """A quote that never closes is a bad row, not silence."""
    path = _write(tmp_path / "a.csv", 'naam;plaats\nVos;Ede\n"Bos;Ede\n')
    assert _bad(path) == [(3, "bad-quoting")]


@pytest.mark.parametrize("header", ["", "naam;naam\n", "naam;;plaats\n"])
def test_a_header_must_name_every_column_once(tmp_path: Path, header: str) -> None:
    """No header, two equal names and an empty name in between are refused."""
    with pytest.raises(InputError):
        list(read_rows(_write(tmp_path / "a.csv", header + "a;b;c\n" if header else "")))


def test_json_lines_give_texts(tmp_path: Path) -> None:
    """Numbers, nothing and lists become the texts that a spreadsheet would show."""
    content = {"naam": " Vos ", "nummer": 12, "deel": 3.0, "niets": None, "tel": ["1", 2]}
    path = _write(tmp_path / "a.jsonl", json.dumps(content) + "\n")
    assert _good(path) == [{"naam": "Vos", "nummer": "12", "deel": "3", "niets": "", "tel": "1; 2"}]


def test_bad_json_lines_are_told_apart(tmp_path: Path) -> None:
    """What is no JSON, no object or too deep is reported, and the rest is read."""
    path = _write(tmp_path / "a.jsonl", '{"a": 1}\n{"a"\n[1]\n{"a": {"b": 1}}\n' + "[" * 90_000 + '\n{"a": 2}\n')
    assert [row["a"] for row in _good(path)] == ["1", "2"]
    assert _bad(path) == [(2, "not-json"), (3, "not-an-object"), (4, "nested"), (5, "not-json")]


def test_a_workbook_gives_dates_and_numbers_as_text(tmp_path: Path) -> None:
    """Dates come in ISO form, whole numbers without a point, short rows filled up."""
    book = openpyxl.Workbook()
    book.active.append(["naam", "geboren", "nummer", "notitie"])
    book.active.append(["Vos", dt.date(1985, 3, 12), 612345678.0, None])
    book.active.append([])
    book.active.append(["Bos"])
    book.save(tmp_path / "a.xlsx")
    assert _good(tmp_path / "a.xlsx") == [
        {"naam": "Vos", "geboren": "1985-03-12", "nummer": "612345678", "notitie": ""},
        {"naam": "Bos", "geboren": "", "nummer": "", "notitie": ""},
    ]


@pytest.mark.parametrize("name", ["a.xlsx", "a.xls", "a.pdf"])
def test_what_is_no_known_file_is_refused(tmp_path: Path, name: str) -> None:
    """A broken workbook and unknown suffixes are refused as a whole."""
    with pytest.raises(InputError):
        list(read_rows(_write(tmp_path / name, "PK nothing")))


def test_progress_grows_to_the_whole_file(tmp_path: Path) -> None:
    """The fraction read never falls, and ends at the end, so that it can drive a progress bar."""
    path = _write(tmp_path / "a.csv", "naam;plaats\n" + "Vos;Ede\n" * 1_000)
    fractions = [row.fraction or 0.0 for row in read_rows(path)]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    """Reading ten times the rows needs the same memory."""
    peaks = []
    for count in (2_000, 20_000):
        path = _write(tmp_path / "a.csv", "naam;plaats\n" + "Vos;Ede\n" * count)
        tracemalloc.start()
        assert sum(1 for _ in read_rows(path)) == count
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 20_000


def test_a_row_and_its_report_hide_their_values(tmp_path: Path) -> None:
    """Neither rows nor reports show a value when printed."""
    path = _write(tmp_path / "a.csv", "naam;plaats\nGeheimnaam;Ede\nGeheimnaam\n")
    assert "Geheimnaam" not in repr(list(read_rows(path)))


def test_a_sample_knows_the_columns(tmp_path: Path) -> None:
    """A sample has the columns in order and says whether they are the same for every row."""
    assert sample(_write(tmp_path / "a.csv", "b;a\n1;2\n")).columns == ("b", "a")
    assert sample(_write(tmp_path / "a.csv", "b;a\n1;2\n")).fixed
    assert not sample(_write(tmp_path / "a.jsonl", '{"a": 1}\n')).fixed
