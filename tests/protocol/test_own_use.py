# SPDX-License-Identifier: EUPL-1.2
"""Own use from record parts: each reason just above its limit, told with when and who, and nothing below it."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from protocol.covenant_parts import OddHours, Unusual
from protocol.events import Act, CovenantRef
from protocol.ids import PurposeId
from protocol.own_use import OwnFinding, OwnUse, budget_findings
from protocol.unusual import Budgeted, Finding

PURPOSE, OTHER = PurposeId("offender-prevention"), PurposeId("victim-protection")
DAY = datetime(2026, 11, 18, tzinfo=UTC)
BOUNDS = Unusual(
    burst_per_hour=4,
    odd_hours=OddHours(from_hour=22, until_hour=6, time_zone="Europe/Amsterdam"),
    odd_hours_share=50,
    odd_hours_at_least=2,
    subjects_per_day=5,
    hit_share_below=50,
    acts_per_person=3,
    budget_share=90,
)
SIGNALLED, OPENED, ASKED, READ = 3, 9, 12, 15


def found(*done: tuple[int, int, int, str | None], purpose: PurposeId = PURPOSE) -> tuple[OwnFinding, ...]:
    """Return what is found: (how many, kind, hour in UTC, person)."""
    use = OwnUse(BOUNDS)
    covenant = CovenantRef(version="2026.1", sha256="ab" * 32)
    for many, tag, hour, person in done:
        for n in range(many):
            at = DAY + timedelta(hours=hour, minutes=n % 60)
            use.take(tag, Act(time=at, covenant=covenant, purpose=purpose, person=person))
    return use.found()


def test_a_burst_is_told_with_its_hour() -> None:
    """Four in an hour are ordinary, five are worth a look, and the hour is named."""
    assert found((4, SIGNALLED, 9, None), (4, ASKED, 10, "p-1"))[1:] == ()
    (burst,) = found((4, SIGNALLED, 9, None), (5, SIGNALLED, 10, None))
    assert burst == OwnFinding(DAY.date(), PURPOSE, Finding("burst", 5, 4), hour=DAY + timedelta(hours=10))


def test_odd_hours_are_counted_by_the_covenants_clock() -> None:
    """Three at eleven in the evening, Amsterdam time, are above half of a day."""
    assert [one.finding.reason for one in found((3, SIGNALLED, 22, None))] == ["odd-hours"]
    assert found((3, SIGNALLED, 12, None)) == ()


def test_each_person_with_many_acts_is_named() -> None:
    """Openings and questions count, signals and readings of the log do not; two persons are two findings."""
    assert found((3, OPENED, 9, "p-1"), (1, OPENED, 9, "p-2")) == ()
    listed = found((3, OPENED, 9, "p-1"), (1, ASKED, 15, "p-1"), (4, OPENED, 9, "p-2"), (9, READ, 9, "p-3"))
    assert [(one.person, one.finding) for one in listed] == [
        (person, Finding("one-person-many-subjects", 4, 3)) for person in ("p-1", "p-2")
    ]
    assert found((9, OPENED, 9, None)) == ()


def test_nothing_is_said_of_few_hits() -> None:
    """Matches are not this reader's to see, so a day with many subjects is not called one of few hits."""
    day = found((4, SIGNALLED, 9, None), (4, SIGNALLED, 10, None), (4, SIGNALLED, 11, None))
    assert day == ()


def test_a_budget_near_its_end_is_told() -> None:
    """Above the covenant's share of the day's budget, with both numbers."""
    day = date(2026, 11, 18)
    assert budget_findings(PURPOSE, Budgeted(90, 100), BOUNDS, day) == ()
    (near,) = budget_findings(PURPOSE, Budgeted(91, 100), BOUNDS, day)
    assert near.finding == Finding("budget-near-end", 91, 90)


@given(
    st.lists(
        st.tuples(
            st.integers(1, 4),
            st.sampled_from([SIGNALLED, OPENED, ASKED, READ]),
            st.integers(0, 71),
            st.sampled_from([None, "p-1", "p-2"]),
        ),
        max_size=20,
    )
)
def test_every_finding_is_above_its_limit_and_none_is_left_out(done: list[tuple[int, int, int, str | None]]) -> None:
    """Whatever was done, who is above a limit is named just once a day, and nobody else is."""
    listed = found(*done)
    assert all(one.finding.count > one.finding.limit for one in listed)
    acts: Counter[tuple[date, str]] = Counter()
    for many, tag, hour, person in done:
        if tag in (OPENED, ASKED) and person is not None:
            acts[(DAY + timedelta(hours=hour)).date(), person] += many
    named = [(one.day, one.person) for one in listed if one.person is not None]
    assert sorted(named) == sorted(key for key, count in acts.items() if count > BOUNDS.acts_per_person)
