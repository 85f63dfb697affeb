# SPDX-License-Identifier: EUPL-1.2
"""The numbers of a year of the log: by month, operation, purpose, agency and rule; and which months a year has.

Spec: ``spec/year.md``. Not here: counting (``year_counting.py``), tables (``year_tables.py``), the page
(``agency_client/year_page.py``).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from protocol.errors import Code, InputError
from protocol.ids import PartyId, PurposeId

MONTHS: Final = 12


@dataclass(frozen=True, slots=True)
class FollowUp:
    """What became of the hits of which agencies of a purpose were told."""

    in_time: int = 0
    """Somebody opened it within the covenant's time."""
    late: int = 0
    """Somebody opened it, after that time."""
    never: int = 0
    """The time is over, and nothing that was read tells of an opening."""
    waiting: int = 0
    """Not opened, and the time is not over."""
    unknown: int = 0
    """Erased or left out: nobody can say which hit it was."""

    @property
    def told(self) -> int:
        """All hits that were told."""
        return self.in_time + self.late + self.never + self.waiting + self.unknown


@dataclass(frozen=True, slots=True)
class RanUnder:
    """A version of the covenant, and from when until when entries name it."""

    sha256: str
    version: str
    first: datetime
    last: datetime
    entries: int


@dataclass(frozen=True, slots=True)
class YearFigures:
    """The numbers. A purpose None is an act without one; an agency None is the broker itself."""

    begins: datetime
    ends: datetime
    """Before this moment: the year's end, or when the log was read."""
    entries: int
    erased: int
    """Entries of which the subject part was erased."""
    left_out: int
    """Entries whose subject part is not for this reader."""
    probes: int
    """Entries about probes of the reader's own; they count as entries alone."""
    months: Mapping[tuple[str, str], int]
    """By month (``2026-11``) and operation."""
    purposes: Mapping[tuple[PurposeId | None, str], int]
    agencies: Mapping[tuple[PartyId | None, str], int]
    kinds: Mapping[int, int]
    """By the event's tag."""
    denials: Mapping[tuple[int, str, str], int]
    """By tag, code and rule; an empty rule when no rule was asked."""
    signals: Mapping[tuple[PurposeId | None, str], int]
    """``registered``, ``refused``, ``withdrawn``, ``expired``, ``canary``."""
    expiries: Mapping[tuple[PurposeId | None, str], int]
    """By purpose and the rule that ended the signal."""
    matches: Mapping[tuple[PurposeId | None, str], int]
    """By purpose and quality."""
    notices: Mapping[tuple[str, str], int]
    """By type and level; no level when the type has none."""
    follow_up: Mapping[PurposeId, FollowUp]
    outcomes: Mapping[tuple[PurposeId | None, str], int]
    """By purpose and the outcome's code: hits that were closed."""
    openings_unknown: int
    """Openings of which nobody can say what hit they were of: some hits may be followed up that seem not to be."""
    disclosures: Mapping[tuple[PurposeId | None, str], int]
    """Requests for more: ``asked``, ``approved``, ``granted``, ``refused``, ``read``, or the rule that ended one."""
    questions: Mapping[PurposeId | None, int]
    questions_met: Mapping[PurposeId | None, int]
    """Signals that the askers were told of."""
    readings: Mapping[str, int]
    """Readings of the log, by log purpose."""
    exports: Mapping[str, int]
    statistics_read: int
    subject_reports: int
    erasures: Mapping[str, int]
    """By ground, the entries of which something was erased."""
    informing: Mapping[tuple[PurposeId | None, str], int]
    """``informed``, ``deferred``, ``not-required`` when signalled; ``reviewed-…`` when looked at again."""
    unusual: Mapping[str, int]
    """By reason."""
    declared: Mapping[str, int]
    """Probes that agencies declared by number: registered, withdrawn, expired, hit, probable, possible."""
    covenants: tuple[RanUnder, ...]


def year_of(year: int, now: datetime) -> tuple[datetime, datetime]:
    """Return when a year begins and ends, as far as it is over. Raises ``InputError`` for one that did not begin."""
    begins, ends = datetime(year, 1, 1, tzinfo=UTC), datetime(year + 1, 1, 1, tzinfo=UTC)
    if now <= begins:
        raise InputError(Code.MALFORMED, f"The year {year} did not begin yet.")
    return begins, min(ends, now)


def months_of(begins: datetime, ends: datetime) -> tuple[tuple[datetime, datetime], ...]:
    """Return the months of a period within one year, each from when until when."""
    firsts = [datetime(begins.year, month, 1, tzinfo=UTC) for month in range(begins.month, MONTHS + 1)]
    starts = [begins, *(one for one in firsts if begins < one < ends)]
    return tuple(zip(starts, [*starts[1:], ends], strict=True))
