# SPDX-License-Identifier: EUPL-1.2
"""Use that is worth a look, from counts alone: bursts, odd hours, many subjects with few hits, one person with many
acts, a budget near its end.

Pure: hours of one day, agency and purpose -> findings, each with what was counted and the limit that it is above. It
sees neither signals nor pseudonyms nor persons, and accuses nobody: there are good reasons for a busy night.
Spec: ``spec/unusual.md``. Not here: counting (the key-holder's ledger, the broker's events), who is told.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Final, Literal, TypeAlias, get_args
from zoneinfo import ZoneInfo

from pydantic import Field

from protocol.covenant_parts import Unusual
from protocol.messages import Evidence, Message, Note, Party, Purpose

Reason: TypeAlias = Literal[
    "burst", "odd-hours", "many-subjects-few-hits", "budget-near-end", "one-person-many-subjects"
]
REASONS: Final[tuple[Reason, ...]] = get_args(Reason)

ELEMENTS_PER_SUBJECT: Final = 15
"""Match keys that one ordinary record makes (protocol.md section 3): a key-holder, who sees no subjects, counts so many
elements as one."""
PERCENT: Final = 100
MAX_LISTED: Final = 1_000
"""Findings in one answer; more is a month of everybody's."""


@dataclass(frozen=True, slots=True)
class Hour:
    """What an agency did for a purpose in one hour: ``subjects`` that it signalled or asked about, and their hits."""

    start: datetime
    """UTC."""
    subjects: int
    hits: int = 0


@dataclass(frozen=True, slots=True)
class Finding:
    """One reason to look, with the count and the limit that it is above."""

    reason: Reason
    count: int
    limit: int


@dataclass(frozen=True, slots=True)
class Budgeted:
    """A day's budget of elements, and what of it is used; only a key-holder knows."""

    used: int
    limit: int


def findings(
    hours: Iterable[Hour], bounds: Unusual, *, hits_known: bool, budget: Budgeted | None = None, person_acts: int = 0
) -> tuple[Finding, ...]:
    """Return what is unusual about one day, in a fixed order; ``count`` is above ``limit`` in each.

    ``hits_known`` is false for a key-holder, to whom every subject looks like one without hits. ``person_acts`` is how
    often the person looked who looked most.
    """
    day = list(hours)
    subjects, hits = sum(hour.subjects for hour in day), sum(hour.hits for hour in day)
    odd = sum(hour.subjects for hour in day if _is_odd(hour.start, bounds))
    found = [
        Finding("burst", max((hour.subjects for hour in day), default=0), bounds.burst_per_hour),
        Finding("odd-hours", odd, max(bounds.odd_hours_at_least, subjects * bounds.odd_hours_share // PERCENT)),
    ]
    if hits_known and hits * PERCENT < subjects * bounds.hit_share_below:
        found.append(Finding("many-subjects-few-hits", subjects, bounds.subjects_per_day))
    if budget is not None:
        found.append(Finding("budget-near-end", budget.used, budget.limit * bounds.budget_share // PERCENT))
    found.append(Finding("one-person-many-subjects", person_acts, bounds.acts_per_person))
    return tuple(one for one in found if one.count > one.limit)


def _is_odd(start: datetime, bounds: Unusual) -> bool:
    odd = bounds.odd_hours
    hour = start.astimezone(ZoneInfo(odd.time_zone)).hour
    if odd.from_hour <= odd.until_hour:
        return odd.from_hour <= hour < odd.until_hour
    return hour >= odd.from_hour or hour < odd.until_hour


class UnusualEntry(Message):
    """One finding that stands in the log (event 13)."""

    agency: Party
    purpose: Purpose
    reason: Reason
    day: Annotated[date, Field(strict=False)]
    count: Annotated[int, Field(ge=0, lt=2**53)]
    limit: Annotated[int, Field(ge=0, lt=2**53)]
    evidence: Evidence


class UnusualAnswer(Message):
    """``GET /v1/unusual?since=&logPurpose=`` at the broker; only what is proven, oldest first, and never without the
    proof that this was logged.
    """

    entries: Annotated[tuple[UnusualEntry, ...], Field(strict=False, max_length=MAX_LISTED)]
    reading: Evidence
    """That this reading is in the log (event 15)."""
    checkpoint: Note
    """The one checkpoint in which all of it is proven."""
