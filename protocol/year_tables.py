# SPDX-License-Identifier: EUPL-1.2
"""A year's figures as tables for programs: the same rows in CSV and JSON, under names that stay.

Spec: ``spec/year.md``. Not here: counting (``year_counting.py``), tables for people (``agency_client/year_page.py``).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from protocol.encoding import Json, format_time
from protocol.events import EVENTS
from protocol.pack_table import write_rows
from protocol.year_figures import YearFigures

BROKER: Final = "-"
"""Stands where no agency acted, or an act has no purpose, level or rule."""


@dataclass(frozen=True, slots=True)
class YearTable:
    """A table: names of its columns, and rows of words and numbers."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str | int, ...], ...]

    def csv(self) -> bytes:
        """Return it for a spreadsheet, which no cell of it fools."""
        return write_rows(self.columns, [[str(cell) for cell in row] for row in self.rows])

    def json(self) -> list[Json]:
        """Return it for programs."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


def tables_of(found: YearFigures) -> dict[str, YearTable]:
    """Return every table by its name."""
    kinds = {EVENTS[tag].__name__: count for tag, count in found.kinds.items()}
    denials = {(EVENTS[tag].__name__, code, rule): count for (tag, code, rule), count in found.denials.items()}
    followed = ("inTime", "late", "never", "waiting", "unknown")
    return {
        "months": _counted(("month", "operation"), found.months),
        "purposes": _counted(("purpose", "operation"), found.purposes),
        "agencies": _counted(("agency", "operation"), found.agencies),
        "kinds": _counted(("event",), kinds),
        "denials": _counted(("event", "code", "rule"), denials),
        "signals": _counted(("purpose", "what"), found.signals),
        "expiries": _counted(("purpose", "rule"), found.expiries),
        "matches": _counted(("purpose", "quality"), found.matches),
        "notices": _counted(("type", "level"), found.notices),
        "follow-up": YearTable(
            ("purpose", *followed),
            tuple(
                (purpose, one.in_time, one.late, one.never, one.waiting, one.unknown)
                for purpose, one in sorted(found.follow_up.items())
            ),
        ),
        "outcomes": _counted(("purpose", "outcome"), found.outcomes),
        "disclosures": _counted(("purpose", "what"), found.disclosures),
        "questions": YearTable(
            ("purpose", "count", "signals"),
            tuple(
                (purpose or BROKER, count, found.questions_met.get(purpose, 0))
                for purpose, count in sorted(found.questions.items(), key=str)
            ),
        ),
        "readings": _counted(("logPurpose",), found.readings),
        "exports": _counted(("logPurpose",), found.exports),
        "erasures": _counted(("ground",), found.erasures),
        "informing": _counted(("purpose", "what"), found.informing),
        "unusual": _counted(("reason",), found.unusual),
        "declared-probes": _counted(("what",), found.declared),
        "covenants": YearTable(
            ("version", "sha256", "first", "last", "count"),
            tuple(
                (one.version, one.sha256, format_time(one.first), format_time(one.last), one.entries)
                for one in found.covenants
            ),
        ),
    }


def _counted(columns: Sequence[str], counts: Mapping[Any, int]) -> YearTable:
    rows = [
        (*(part or BROKER for part in (key if isinstance(key, tuple) else (key,))), count)
        for key, count in counts.items()
    ]
    return YearTable((*columns, "count"), tuple(sorted(rows, key=lambda row: [str(cell) for cell in row[:-1]])))
