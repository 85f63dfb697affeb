# SPDX-License-Identifier: EUPL-1.2
"""Aggregates as they cross a wire: per closed month and kind of agency, never per agency, no small number, no total.

Spec: ``spec/statistics.md``. Not here: what is counted (``broker/postgres/counting.py``) and which numbers are shown
(``broker/suppression.py``).
"""

from datetime import UTC, datetime
from typing import Annotated, Final, Literal, TypeAlias, get_args

from pydantic import Field, StringConstraints, model_validator

from protocol.covenant_parts import AgencyKind
from protocol.messages import Evidence, Message, Note, Party, Purpose

Measure: TypeAlias = Literal["registered", "withdrawn", "expired", "hit", "probable", "possible"]
"""What happened in a month: to signals of agencies of one kind, or hits that such a signal brought about."""
MEASURES: Final[tuple[Measure, ...]] = get_args(Measure)
RequestMeasure: TypeAlias = Literal["asked", "given", "declined", "undecided"]
"""What happened in a month to requests for more of agencies of one kind; each has at most one end of these."""
REQUESTS: Final[tuple[RequestMeasure, ...]] = get_args(RequestMeasure)
Counted: TypeAlias = Measure | RequestMeasure
COUNTED: Final[tuple[Counted, ...]] = (*MEASURES, *REQUESTS)
ENDED: Final[tuple[Measure, ...]] = ("withdrawn", "expired")
FOUND: Final[tuple[Measure, ...]] = ("hit", "probable", "possible")
ANSWERED: Final[tuple[RequestMeasure, ...]] = ("given", "declined", "undecided")
FIRST_YEAR: Final = 2020
LAST_YEAR: Final = 2199
"""Bounds of what can be asked at all, so that a month is always a date."""
MAX_ROWS: Final = 12 * len(get_args(AgencyKind))

Year = Annotated[int, Field(ge=FIRST_YEAR, le=LAST_YEAR)]
MonthText = Annotated[str, StringConstraints(pattern=r"^2[0-9]{3}-(0[1-9]|1[0-2])$")]


class ProbeCounts(Message):
    """``POST /v1/probe-counts``: how many of this agency's signals of a month were probes (``probes.py``)."""

    purpose: Purpose
    month: MonthText
    counts: dict[Measure, Annotated[int, Field(ge=0, lt=2**31)]]

    @model_validator(mode="after")
    def _all(self) -> "ProbeCounts":
        if set(self.counts) != set(MEASURES):
            raise ValueError("every measure has its number, also when it is none")
        return self


class MonthRow(Message):
    """One month at agencies of one kind; a number that is not in ``counts`` is not shown."""

    month: MonthText
    kind: AgencyKind
    counts: dict[Counted, Annotated[int, Field(ge=0, lt=2**53)]]

    @model_validator(mode="after")
    def _whole(self) -> "MonthRow":
        if self.counts and "registered" not in self.counts:
            raise ValueError("where the signals are not shown, nothing of their month is")
        if sum(self.counts.get(one, 0) for one in ANSWERED) > self.counts.get("asked", 0):
            raise ValueError("no more requests are shown to have ended than were asked")
        return self


class StatisticsAnswer(Message):
    """``GET /v1/statistics?about=&purpose=&year=`` at the broker; never given without its evidence."""

    about: Purpose
    purpose: Purpose
    year: Year
    smallest_cell: Annotated[int, Field(ge=2, le=1_000)]
    rows: Annotated[tuple[MonthRow, ...], Field(strict=False, max_length=MAX_ROWS)]
    """In order of month and kind; only months that are closed."""
    undeclared: dict[MonthText, Annotated[tuple[Party, ...], Field(strict=False, max_length=2_000)]] = Field(
        default_factory=dict
    )
    """Who has not said how many of its signals were probes, of months that are counted: theirs are in the numbers."""
    evidence: Evidence
    checkpoint: Note

    @model_validator(mode="after")
    def _fits(self) -> "StatisticsAnswer":
        places = [(row.month, row.kind) for row in self.rows]
        if places != sorted(set(places)) or any(row.month[:4] != str(self.year) for row in self.rows):
            raise ValueError("each month of the year and kind at most once, in order")
        if any(count < self.smallest_cell for row in self.rows for count in row.counts.values()):
            raise ValueError("a number below the smallest cell is not shown")
        return self

    @property
    def cells(self) -> int:
        """How many numbers are shown, as the log has it."""
        return sum(len(row.counts) for row in self.rows)


def end_of(month: str) -> datetime:
    """Return the first moment after a month (``2026-03``), in UTC."""
    year, number = int(month[:4]), int(month[5:])
    return datetime(year + number // 12, number % 12 + 1, 1, tzinfo=UTC)
