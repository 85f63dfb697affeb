# SPDX-License-Identifier: EUPL-1.2
"""What a key-holder says that it did: per closed hour, agency and purpose, how much was evaluated and refused.

Counts alone: a key-holder sees blinded points only. Spec: ``spec/evaluation-reports.md``.
Not here: the counting (``keyholder/ledger.py``), who may send it (``broker/evaluation_reports.py``).
"""

from datetime import datetime, timedelta
from typing import Annotated, Final

from pydantic import Field, field_validator

from protocol.messages import Message, Party, Purpose, Time

HOUR: Final = timedelta(hours=1)
MAX_REPORTS: Final = 48
"""Hours a request: two days, so that after an outage a few requests catch up."""
MAX_ROWS: Final = 1_000
"""Agencies times purposes of an hour."""
OLDEST: Final = timedelta(days=62)
"""As long as a key-holder keeps its hours."""
_Count = Annotated[int, Field(ge=0, lt=2**53)]


class AgencyHour(Message):
    """What was done for one agency and purpose; a refused request may have proven neither."""

    agency: Party | None = None
    purpose: Purpose | None = None
    elements: _Count
    refused: _Count


class HourReport(Message):
    """A closed hour (UTC)."""

    hour: Time
    rows: Annotated[tuple[AgencyHour, ...], Field(strict=False, min_length=1, max_length=MAX_ROWS)]

    @field_validator("hour")
    @classmethod
    def _whole(cls, hour: datetime) -> datetime:
        if (hour.minute, hour.second, hour.microsecond) != (0, 0, 0):
            raise ValueError("a report is of a whole hour")
        return hour


class EvaluationReports(Message):
    """Hours that were not reported before, oldest first."""

    reports: Annotated[tuple[HourReport, ...], Field(strict=False, min_length=1, max_length=MAX_REPORTS)]

    @field_validator("reports")
    @classmethod
    def _ascending(cls, reports: tuple[HourReport, ...]) -> tuple[HourReport, ...]:
        hours = [report.hour for report in reports]
        if hours != sorted(set(hours)):
            raise ValueError("each hour once, oldest first")
        return reports


class ReportsTaken(Message):
    """How many of the hours are new; those that were sent before stand as they were."""

    taken: _Count
