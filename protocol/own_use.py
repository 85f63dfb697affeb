# SPDX-License-Identifier: EUPL-1.2
"""What an agency finds unusual about its own use, from the record parts of its own entries alone.

Pure: kinds and acts -> findings a day and purpose, by the rules that the broker and key-holders use too. The subject
part is not a parameter: whom it was about cannot matter. Spec: ``spec/unusual.md``.
Not here: reading entries (``agency_client``), what the limits are (the covenant).
"""

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final

from protocol.covenant_parts import Unusual
from protocol.events import Act, HitOpened, QueryAnswered, SignalRegistered
from protocol.ids import PurposeId
from protocol.unusual import Budgeted, Finding, Hour, findings

SUBJECTS: Final = frozenset((SignalRegistered.TAG, QueryAnswered.TAG))
"""Entries that each are one subject that the agency signalled or asked about."""
LOOKS: Final = frozenset((HitOpened.TAG, QueryAnswered.TAG))
"""Entries that each are one look by a person."""
COUNTED: Final = tuple(sorted(SUBJECTS | LOOKS))


@dataclass(frozen=True, slots=True)
class OwnFinding:
    """One reason to look at an own day. ``hour`` is when a burst began, ``person`` whose acts were many."""

    day: date
    purpose: PurposeId
    finding: Finding
    hour: datetime | None = None
    person: str | None = None


class OwnUse:
    """Counts entries as they come; memory grows with hours and persons, not with entries."""

    def __init__(self, bounds: Unusual) -> None:
        self._bounds = bounds
        self._hours: Counter[tuple[PurposeId, datetime]] = Counter()
        self._persons: Counter[tuple[PurposeId, date, str]] = Counter()

    def take(self, tag: int, act: Act) -> None:
        """Count one entry of the agency's own acts; other kinds count for nothing."""
        if act.purpose is None:
            return
        at = act.time.astimezone(UTC)
        if tag in SUBJECTS:
            self._hours[act.purpose, at.replace(minute=0, second=0, microsecond=0)] += 1
        if tag in LOOKS and act.person is not None:
            self._persons[act.purpose, at.date(), act.person] += 1

    def found(self) -> tuple[OwnFinding, ...]:
        """Return what is unusual, oldest first. Each person above the limit is a finding of its own."""
        days = {(purpose, start.date()) for purpose, start in self._hours}
        listed = [one for purpose, day in days for one in self._of_day(purpose, day)]
        limit = self._bounds.acts_per_person
        listed += [
            OwnFinding(day, purpose, Finding("one-person-many-subjects", count, limit), person=person)
            for (purpose, day, person), count in self._persons.items()
            if count > limit
        ]
        return tuple(sorted(listed, key=lambda one: (one.day, one.purpose, one.finding.reason, one.person or "")))

    def _of_day(self, purpose: PurposeId, day: date) -> list[OwnFinding]:
        hours = [
            Hour(start, count) for (name, start), count in self._hours.items() if (name, start.date()) == (purpose, day)
        ]
        # Matches are entries between agencies, which this one does not read: nothing is said of few hits.
        busiest = max(hours, key=lambda hour: hour.subjects).start
        return [
            OwnFinding(day, purpose, one, hour=busiest if one.reason == "burst" else None)
            for one in findings(hours, self._bounds, hits_known=False)
        ]


def budget_findings(purpose: PurposeId, budget: Budgeted, bounds: Unusual, day: date) -> tuple[OwnFinding, ...]:
    """Return whether a budget is near its end, as a key-holder said last."""
    return tuple(OwnFinding(day, purpose, one) for one in findings([], bounds, hits_known=False, budget=budget))
