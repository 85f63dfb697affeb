# SPDX-License-Identifier: EUPL-1.2
"""What counts say: nothing at or below a limit, a finding above it, and never less because there was more."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from protocol.covenant_parts import OddHours, Unusual
from protocol.unusual import PERCENT, Budgeted, Finding, Hour, findings

MIDNIGHT = datetime(2026, 11, 21, tzinfo=UTC)
BOUNDS = Unusual(
    burst_per_hour=100,
    odd_hours=OddHours(from_hour=22, until_hour=6, time_zone="Europe/Amsterdam"),
    odd_hours_share=50,
    odd_hours_at_least=20,
    subjects_per_day=200,
    hit_share_below=2,
    budget_share=90,
    acts_per_person=60,
)
COUNTS = st.lists(st.tuples(st.integers(0, 23), st.integers(0, 400), st.integers(0, 40)), max_size=24)


def day(*counts: tuple[int, int, int]) -> list[Hour]:
    """Return hours: (UTC hour, subjects, hits)."""
    return [Hour(MIDNIGHT + timedelta(hours=hour), subjects, hits) for hour, subjects, hits in counts]


def reasons(hours: list[Hour], budget: Budgeted | None = None) -> set[str]:
    """Return why this day is worth a look, to somebody who knows hits."""
    return {one.reason for one in findings(hours, BOUNDS, hits_known=True, budget=budget)}


@pytest.mark.parametrize(
    ("hours", "budget", "expected"),
    [
        (day((10, 100, 50)), None, ()),
        (day((10, 101, 50)), None, (Finding("burst", 101, 100),)),
        # 21:00 UTC in November is 22:00 in Amsterdam, 05:00 is 06:00.
        (day((20, 20, 5), (21, 20, 5)), None, ()),
        (day((21, 21, 5), (10, 20, 5)), None, (Finding("odd-hours", 21, 20),)),
        (day((4, 31, 5), (10, 30, 5)), None, (Finding("odd-hours", 31, 30),)),
        (day((5, 31, 5), (10, 30, 5)), None, ()),
        (day((9, 100, 0), (10, 100, 3)), None, ()),
        (day((9, 100, 0), (10, 100, 3), (11, 1, 0)), None, (Finding("many-subjects-few-hits", 201, 200),)),
        (day((9, 100, 0), (10, 100, 5), (11, 1, 0)), None, ()),
        ([], Budgeted(90, 100), ()),
        ([], Budgeted(91, 100), (Finding("budget-near-end", 91, 90),)),
        ([], None, ()),
    ],
)
def test_each_reason_begins_just_above_its_limit(
    hours: list[Hour], budget: Budgeted | None, expected: tuple[Finding, ...]
) -> None:
    """At a limit nothing is found, one above it the reason with both numbers."""
    assert findings(hours, BOUNDS, hits_known=True, budget=budget) == expected


def test_one_person_who_looks_at_many_is_worth_a_look() -> None:
    """At the limit nothing is found, one act above it the reason, also on a day without any signal."""
    assert findings([], BOUNDS, hits_known=True, person_acts=60) == ()
    found = findings([], BOUNDS, hits_known=True, person_acts=61)
    assert found == (Finding("one-person-many-subjects", 61, 60),)


def test_odd_hours_follow_summer_time() -> None:
    """In July 20:00 UTC is ten in the evening in Amsterdam."""
    july = datetime(2026, 7, 1, 20, tzinfo=UTC)
    assert [one.reason for one in findings([Hour(july, 21)], BOUNDS, hits_known=False)] == ["odd-hours"]


def test_odd_hours_may_lie_within_a_day() -> None:
    """From one until five is a span without midnight in it."""
    bounds = BOUNDS.model_copy(update={"odd_hours": OddHours(from_hour=1, until_hour=5, time_zone="UTC")})
    found = {hour: findings([Hour(MIDNIGHT.replace(hour=hour), 21)], bounds, hits_known=False) for hour in range(24)}
    assert [hour for hour, what in found.items() if what] == [1, 2, 3, 4]


def test_who_knows_no_hits_never_says_that_they_are_few() -> None:
    """A key-holder, to whom nothing is a hit, does not call a busy day enumeration."""
    assert findings(day((9, 100, 0), (10, 100, 0), (11, 100, 0)), BOUNDS, hits_known=False) == ()


@given(COUNTS)
def test_every_finding_is_above_its_limit(counts: list[tuple[int, int, int]]) -> None:
    """A finding's count is above its limit, and a day within all limits gives none."""
    found = findings(day(*counts), BOUNDS, hits_known=True, budget=Budgeted(len(counts), 10))
    assert all(one.count > one.limit for one in found)
    subjects, hits = sum(count for _, count, _ in counts), sum(hit for _, _, hit in counts)
    if subjects <= BOUNDS.odd_hours_at_least:
        assert {one.reason for one in found} <= {"budget-near-end"}
    if hits * PERCENT >= subjects * BOUNDS.hit_share_below:
        assert "many-subjects-few-hits" not in {one.reason for one in found}


@given(COUNTS, st.integers(0, 23), st.integers(1, 50))
def test_more_of_it_never_makes_it_less_unusual(counts: list[tuple[int, int, int]], place: int, more: int) -> None:
    """More subjects without a hit keep what was found, but for odd hours, to which only more of the night adds."""
    hours = day(*((hour, sum(s for h, s, _ in counts if h == hour), 3) for hour in range(24)))
    fuller = [replace(one, subjects=one.subjects + more * (one.start.hour == place)) for one in hours]
    kept = reasons(hours) - (set() if place in {21, 22, 23, 0, 1, 2, 3, 4} else {"odd-hours"})
    assert kept <= reasons(fuller)


@given(COUNTS, st.integers(1, 20))
def test_hits_never_make_it_more_unusual(counts: list[tuple[int, int, int]], more: int) -> None:
    """More hits only take the reason of few hits away."""
    hours = day(*counts)
    assert reasons([replace(one, hits=one.hits + more) for one in hours]) <= reasons(hours)


@pytest.mark.parametrize(
    "wrong", [{"from": 6, "until": 6, "timeZone": "UTC"}, {"from": 22, "until": 6, "timeZone": "Europe/Nergens"}]
)
def test_hours_that_are_no_hours_are_refused(wrong: dict[str, object]) -> None:
    """An empty span and a time zone that nobody keeps are refused when the covenant is read."""
    with pytest.raises(ValidationError):
        OddHours.model_validate(wrong)
