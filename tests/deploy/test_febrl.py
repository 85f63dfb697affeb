# SPDX-License-Identifier: EUPL-1.2
"""The half-overlap reading of FEBRL4 and its score."""

import csv
from pathlib import Path

from deploy.demo import febrl


def test_the_two_files_share_1667_persons(tmp_path: Path) -> None:
    """The files hold 3,333 and 3,334 records of which 1,667 persons stand in both."""
    first, second = febrl.write_files(tmp_path, with_identifier=True)
    persons = []
    for path in (first, second):
        with path.open(encoding="utf-8", newline="") as file:
            persons.append({febrl.person(row["rec_id"]) for row in csv.DictReader(file)})
    assert [len(p) for p in persons] == [3_333, 3_334]
    assert len(persons[0] & persons[1]) == febrl.SHARED == 1_667


def test_without_identifier_the_column_is_gone(tmp_path: Path) -> None:
    """The run without identifiers cannot see the identifier at all."""
    first, _ = febrl.write_files(tmp_path, with_identifier=False)
    assert febrl.IDENTIFIER not in first.read_text(encoding="utf-8").splitlines()[0]


def test_a_wrong_pair_costs_precision_and_a_missed_one_recall() -> None:
    """Precision and recall count pairs, each once."""
    result = febrl.score([("rec-1-org", "rec-1-dup-0"), ("rec-1-org", "rec-1-dup-0"), ("rec-2-org", "rec-3-dup-0")])
    assert (result.hits, result.right) == (2, 1)
    assert result.precision == 0.5
    assert result.recall == 1 / 1_667
