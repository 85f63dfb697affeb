# SPDX-License-Identifier: EUPL-1.2
"""Birth dates as agencies write them, whole or in part.

Spec: ``spec/normalise.md``. Not here: which keys a partial date still makes (``normalise.py``); today's date.
"""

import re
from calendar import monthrange
from dataclasses import dataclass
from typing import Final

from protocol.identifiers import UnusableError

FIRST_YEAR: Final = 1880
"""Nobody born earlier is alive; a lower year is a typing error or a system's filler (1753, 1800)."""
LAST_YEAR: Final = 2099
"""This file has no clock; a year of the next century is a typing error."""
PLACEHOLDER_DAYS: Final = frozenset({(1, 1), (7, 1)})
"""Month and day that registries give to people whose day of birth is unknown: 1 January and 1 July. Many share them."""

_YEAR_FIRST = re.compile(r"(\d{4})([-/. ])([0-9x]{1,2})\2([0-9x]{1,2})\Z")
_DAY_FIRST = re.compile(r"([0-9x]{1,2})([-/. ])([0-9x]{1,2})\2(\d{4})\Z")
_COMPACT = re.compile(r"(\d{4})([0-9x]{2})([0-9x]{2})\Z")
_YEAR_ONLY = re.compile(r"(\d{4})(?:-([0-9x]{2}))?\Z")
_WORDS = re.compile(r"(\d{1,2})[ -.]+([a-z]+)\.?[ -]+(\d{4})\Z")
_MIDNIGHT = re.compile(r"[t ]00:00(?::00(?:\.0+)?)?(?:z|\+00:00)?\Z")
_TWO_DIGIT_YEAR = re.compile(r"\d{1,2}[-/. ]\d{1,2}[-/. ]\d{2}\Z|\d{6}\Z")
_UNKNOWN = frozenset({"", "0", "00", "x", "xx"})
_MONTHS: Final = {
    name: number
    for number, names in enumerate(
        (
            ("januari", "january", "jan"),
            ("februari", "february", "feb"),
            ("maart", "march", "mrt", "mar"),
            ("april", "apr"),
            ("mei", "may"),
            ("juni", "june", "jun"),
            ("juli", "july", "jul"),
            ("augustus", "august", "aug"),
            ("september", "sept", "sep"),
            ("oktober", "october", "okt", "oct"),
            ("november", "nov"),
            ("december", "dec"),
        ),
        start=1,
    )
    for name in names
}
_HINT: Final = "Write it as 1985-03-12, 12-03-1985 or 19850312, with 00 for an unknown day or month."


@dataclass(frozen=True, slots=True)
class BirthDate:
    """A year, and month and day where known; always a day that exists."""

    year: int
    month: int | None = None
    day: int | None = None

    @property
    def whole(self) -> bool:
        """Whether year, month and day are all known."""
        return self.month is not None and self.day is not None

    @property
    def placeholder(self) -> bool:
        """Whether month and day are those given to people whose day of birth is unknown."""
        return (self.month, self.day) in PLACEHOLDER_DAYS


def parse_birth_date(text: str) -> BirthDate:
    """Read ISO, common Dutch forms and yyyymmdd; 00, XX or nothing for an unknown month or day.

    Raises ``UnusableError``: ``not-a-date``, ``two-digit-year``, ``year-out-of-range`` or ``impossible-date``.
    """
    plain = _MIDNIGHT.sub("", text.strip().casefold())
    year, month, day = _parts(plain)
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise UnusableError("year-out-of-range", f"The year lies outside {FIRST_YEAR} to {LAST_YEAR}. {_HINT}")
    if month is not None and month > 12:
        swapped = day is not None and day <= 12
        more = "Day and month look swapped; " if swapped else ""
        raise UnusableError("impossible-date", f"{more}there is no such month. {_HINT}")
    if day is not None and day > (31 if month is None else monthrange(year, month)[1]):
        raise UnusableError("impossible-date", f"There is no such day in that month. {_HINT}")
    return BirthDate(year, month, day)


def _parts(plain: str) -> tuple[int, int | None, int | None]:
    if found := _YEAR_FIRST.match(plain):
        return int(found[1]), _part(found[3]), _part(found[4])
    if found := _DAY_FIRST.match(plain):
        return int(found[4]), _part(found[3]), _part(found[1])
    if found := _COMPACT.match(plain):
        return int(found[1]), _part(found[2]), _part(found[3])
    if found := _YEAR_ONLY.match(plain):
        return int(found[1]), _part(found[2] or ""), None
    if (found := _WORDS.match(plain)) and found[2] in _MONTHS:
        return int(found[3]), _MONTHS[found[2]], _part(found[1])
    if _TWO_DIGIT_YEAR.match(plain):
        raise UnusableError("two-digit-year", f"A year of two digits can be of two centuries. {_HINT}")
    raise UnusableError("not-a-date", f"This is not a date in a form we know. {_HINT}")


def _part(text: str) -> int | None:
    if text in _UNKNOWN:
        return None
    if "x" in text:
        raise UnusableError("not-a-date", f"A month or day is unknown as a whole or not at all. {_HINT}")
    return int(text)
