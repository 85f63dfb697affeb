# SPDX-License-Identifier: EUPL-1.2
"""Files of made-up people as agencies have them. Not here: what becomes of them."""

import csv
from collections.abc import Iterable
from pathlib import Path

COLUMNS = ("kenmerk", "voornaam", "achternaam", "geboortedatum", "postcode", "huisnummer", "telefoon")


def write_people(path: Path, rows: Iterable[Iterable[str]]) -> Path:
    """Write rows in the order of ``COLUMNS``."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file, delimiter=";")
        writer.writerow(COLUMNS)
        writer.writerows(rows)
    return path


def by_phone(path: Path, prefix: str, people: Iterable[int]) -> Path:
    """Write people who have nothing but a number of their own in ``telefoon``; equal numbers are one person."""
    return write_people(path, ([f"{prefix}-{n}", "", "", "", "", "", f"06{10_000_000 + n}"] for n in people))
