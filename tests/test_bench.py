# SPDX-License-Identifier: EUPL-1.2
"""``make bench`` in small: figures, table and JSON. Not here: the subjects that take minutes."""

import json
from pathlib import Path

import pytest
from rich.console import Console

from tests.bench import decisions, log, proofs, search, sequencer
from tests.bench.__main__ import NAMES, main
from tests.bench.measure import Row, in_turn
from tests.bench.report import machine, show, write


def test_a_measurement_becomes_a_line_of_the_table_and_an_object_of_the_json(tmp_path: Path) -> None:
    """What was measured stands in the table and, with its ratio and the machine's facts, in the JSON document."""
    rows = [*log.rows(200), Row("memory: broker", "MB", 123.4, "")]
    console = Console(width=160, record=True, quiet=False, file=(tmp_path / "out").open("w"))
    show(rows, console)
    shown = console.export_text()
    assert "log: append a leaf" in shown
    assert "two SHA-256" in shown
    assert "123" in shown
    write(rows, machine("15.0", 0.5), tmp_path / "bench.json")
    read = json.loads((tmp_path / "bench.json").read_text())
    assert read["machine"]["postgresql"] == "15.0"
    assert read["machine"]["cores"] >= 1
    first, second = read["rows"]
    assert first["ratio"] == pytest.approx(first["ours"] / first["theirs"])
    assert first["ours"] > 0
    assert (second["theirs"], second["ratio"]) == (None, None)


def test_a_decision_is_measured_asked_and_remembered() -> None:
    """Each row has its floor; asking costs less than with rules as text, and remembering more than a lookup."""
    asked, remembered, whole = decisions.rows(cold=20, as_text=2, hot_rounds=1)
    assert asked.theirs is not None
    assert asked.ours > asked.theirs
    assert remembered.ours > whole.ours > asked.ours
    assert all(row.ratio for row in (asked, remembered, whole))


def test_the_slower_of_two_takes_longer() -> None:
    """Measured in turn, ten thousand times the work takes more time."""
    slow, fast = in_turn(lambda: sum(range(100_000)), lambda: sum(range(10)))
    assert slow > fast


def test_an_unknown_subject_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """A wrong name ends the command before anything is measured, and the right names are shown."""
    with pytest.raises(SystemExit):
        main(["--only", "nothing"])
    said = capsys.readouterr().err
    assert all(name in said for name in NAMES)


def test_proofs_and_the_whole_log_are_measured_against_hashing() -> None:
    """A small tree's proofs are made and verified, and each figure stands above its floor of bare hashes."""
    *found, memory = proofs.rows(3_000, 20)
    assert [row.theirs is not None and row.ours > row.theirs for row in found] == [True] * 4
    assert memory.ours >= 0


def test_the_sequencer_is_measured_at_each_batch_size() -> None:
    """Events are numbered in batches on a real database, and larger batches number more a second."""
    one, many = sequencer.rows({1: 30, 256: 2_560})
    assert many.ours > one.ours > 0
    assert one.theirs is not None
    assert one.theirs > 0


def test_a_page_of_the_log_is_measured_beside_a_bare_one() -> None:
    """A small log, with all the questions: every row has its floor, and the slowest pages are no faster than half."""
    middle, slow = search.rows(2_000, 24)
    assert middle.theirs is not None
    assert slow.theirs is not None
    assert 0 < middle.ours <= slow.ours
