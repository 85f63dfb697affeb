# SPDX-License-Identifier: EUPL-1.2
"""Birth dates in the forms of agencies, whole or in part; impossible ones are refused."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.birthdates import BirthDate, parse_birth_date
from protocol.identifiers import UnusableError


@given(st.dates(dt.date(1880, 1, 1), dt.date(2099, 12, 31)))
def test_every_form_of_a_date_is_that_date(date: dt.date) -> None:
    """ISO, Dutch, compact, slashed and timed forms are one date."""
    expected = BirthDate(date.year, date.month, date.day)
    forms = (
        "%Y-%m-%d",
        "%d-%m-%Y",
        "%Y%m%d",
        "%d/%m/%Y",
        "%d.%m.%Y",
        "%Y/%m/%d",
        "%Y-%m-%dT00:00:00",
        "%Y-%m-%d 00:00",
    )
    for form in forms:
        assert parse_birth_date(date.strftime(form)) == expected
    assert parse_birth_date(f"{date.day}-{date.month}-{date.year}") == expected


@pytest.mark.parametrize(
    ("written", "date"),
    [
        ("12 maart 1985", BirthDate(1985, 3, 12)),
        ("12 mrt. 1985", BirthDate(1985, 3, 12)),
        ("00-03-1985", BirthDate(1985, 3)),
        ("00-00-1985", BirthDate(1985)),
        ("12-00-1985", BirthDate(1985, None, 12)),
        ("XX-XX-1985", BirthDate(1985)),
        ("19850300", BirthDate(1985, 3)),
        ("1985-03", BirthDate(1985, 3)),
        ("1985", BirthDate(1985)),
        ("31-00-1985", BirthDate(1985, None, 31)),
    ],
)
def test_an_unknown_day_or_month_leaves_the_rest(written: str, date: BirthDate) -> None:
    """00, XX and nothing stand for unknown; what is known stays."""
    assert parse_birth_date(written) == date
    assert date.whole == (date.month is not None and date.day is not None)


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("30-02-1985", "impossible-date"),
        ("29-02-1985", "impossible-date"),
        ("1985-25-03", "impossible-date"),
        ("32-00-1985", "impossible-date"),
        ("12-03-85", "two-digit-year"),
        ("120385", "two-digit-year"),
        ("12-03-1785", "year-out-of-range"),
        ("12-03-2985", "year-out-of-range"),
        ("X2-03-1985", "not-a-date"),
        ("12-03/1985", "not-a-date"),
        ("gisteren", "not-a-date"),
        ("12 foo 1985", "not-a-date"),
        ("", "not-a-date"),
    ],
)
def test_what_is_no_date_is_refused(written: str, reason: str) -> None:
    """Impossible, ambiguous and unreadable dates are refused with a reason."""
    with pytest.raises(UnusableError) as caught:
        parse_birth_date(written)
    assert caught.value.reason == reason


def test_a_swapped_day_and_month_is_hinted_at() -> None:
    """Month 25 with day 3 gets the hint that they look swapped."""
    with pytest.raises(UnusableError, match="swapped"):
        parse_birth_date("1985-25-03")
