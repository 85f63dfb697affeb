# SPDX-License-Identifier: EUPL-1.2
"""A workbook that is broken, anywhere and anyhow, is refused or read as far as it goes: never an error of ours."""

import contextlib
import io
import zipfile
from pathlib import Path

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agency_client.source import read_rows
from protocol.errors import InputError

PIECES = (b"", b"<a/>", b"<v>", b'"', b"99999999999999999999", b"-1", b"ZZZZZZ1", b"A9999999", b"&x;", b"\x00\xff")


@pytest.fixture(scope="module")
def parts() -> dict[str, bytes]:
    """Return the parts of a good workbook."""
    book, out = openpyxl.Workbook(), io.BytesIO()
    for row in (["id", "name"], ["1", "Anna"], ["2", "=1+1"], ["3", 4.5]):
        book.worksheets[0].append(row)
    book.save(out)
    with zipfile.ZipFile(out) as packed:
        return {name: packed.read(name) for name in packed.namelist()}


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    part=st.integers(0, 50),
    at=st.floats(0, 1),
    cut=st.integers(0, 60),
    piece=st.sampled_from(PIECES),
    gone=st.integers(0, 9),
)
def test_no_broken_workbook_stops_us(
    tmp_path: Path, parts: dict[str, bytes], part: int, at: float, cut: int, piece: bytes, gone: int
) -> None:
    """Any part cut, overwritten or left out: rows as far as they go, or one error that says what to do."""
    name = sorted(parts)[part % len(parts)]
    place = int(at * len(parts[name]))
    bent = {**parts, name: parts[name][:place] + piece + parts[name][place + cut :]}
    if gone == 0:
        del bent[name]
    path = tmp_path / "bent.xlsx"
    with zipfile.ZipFile(path, "w") as packed:
        for known, content in bent.items():
            packed.writestr(known, content)
    with contextlib.suppress(InputError):
        assert len(list(read_rows(path))) <= 10
