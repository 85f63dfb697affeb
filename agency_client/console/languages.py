# SPDX-License-Identifier: EUPL-1.2
"""What the console says, in Dutch and English, and how it writes times and numbers.

English is written in the code and templates; Dutch stands in ``locale/nl/*.po``, one file a screen. Babel reads those
at the start, so that nothing compiled has to be kept. Not here: which language somebody wants (``visits.py``).
"""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache, cached_property
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime, format_time
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal
from babel.support import NullTranslations, Translations

from edge.languages import LANGS, Lang

LOCALE: Final = Path(__file__).parent / "locale"
_HOUR: Final = timedelta(hours=1)
_DAY: Final = timedelta(days=1)
_SOON: Final = timedelta(hours=4)
"""Time left below which something is shown as pressing: half a working day."""
_IN_HOURS: Final = timedelta(hours=12)
"""Time left below which hours are counted: beyond it, a day and a time of day say more."""


def N_(text: str) -> str:  # noqa: N802 - the mark's name in every gettext
    """Mark a text that is translated where it is shown, for the check that every text is there in Dutch."""
    return text


@dataclass(frozen=True, slots=True)
class TimeLeft:
    """How much time is left, in words, and how pressing that is: ``now``, ``soon`` or ``plain``."""

    words: str
    press: str


class Speech:
    """One language: its words, and how it writes times and numbers in the agency's time zone."""

    def __init__(self, lang: Lang, words: NullTranslations, zone: ZoneInfo) -> None:
        self.lang = lang
        self.words = words
        self._zone = zone

    def gettext(self, text: str) -> str:
        """Return the text in this language."""
        return self.words.ugettext(text)

    def ngettext(self, one: str, many: str, number: int) -> str:
        """Return the text for this number of things."""
        return self.words.ungettext(one, many, number)

    def moment(self, at: datetime, now: datetime) -> str:
        """Return when something happened: ``today 11:42``, ``9 November 2026 09:15``."""
        day = self._day_word(at, now)
        clock = format_time(at.astimezone(self._zone), "HH:mm", locale=self.lang)
        return f"{day or self.day(at)} {clock}"

    def exact(self, at: datetime) -> str:
        """Return the moment to the second, with its time zone."""
        return format_datetime(at.astimezone(self._zone), "d MMMM y HH:mm:ss z", locale=self.lang)

    def day(self, at: datetime | date) -> str:
        """Return a day: ``9 november 2026``."""
        local = at.astimezone(self._zone) if isinstance(at, datetime) else at
        return format_date(local, "d MMMM y", locale=self.lang)

    def number(self, value: float) -> str:
        """Return a number with this language's separators."""
        return format_decimal(value, locale=self.lang)

    def left(self, due: datetime, now: datetime) -> TimeLeft:
        """Return how much time is left until something is due, or how late it is."""
        span = due - now
        if span < timedelta(0):
            return TimeLeft(self._late(-span), "now")
        if span < _HOUR:
            minutes = max(1, int(span.total_seconds() // 60))
            return TimeLeft(self.ngettext("%(num)d minute left", "%(num)d minutes left", minutes) % {"num": minutes},
                            "now")  # fmt: skip
        if span < _IN_HOURS:
            hours = int(span / _HOUR)
            words = self.ngettext("%(num)d hour left", "%(num)d hours left", hours) % {"num": hours}
            return TimeLeft(words, "now" if span < _SOON else "soon")
        if span < 2 * _DAY:
            return TimeLeft(self.moment(due, now), "soon")
        days = int(span / _DAY)
        return TimeLeft(self.ngettext("%(num)d day left", "%(num)d days left", days) % {"num": days}, "plain")

    def _late(self, span: timedelta) -> str:
        if span < _HOUR:
            return self.gettext("just too late")
        if span < _DAY:
            hours = int(span / _HOUR)
            return self.ngettext("%(num)d hour too late", "%(num)d hours too late", hours) % {"num": hours}
        days = int(span / _DAY)
        return self.ngettext("%(num)d day too late", "%(num)d days too late", days) % {"num": days}

    def _day_word(self, at: datetime, now: datetime) -> str | None:
        apart = (at.astimezone(self._zone).date() - now.astimezone(self._zone).date()).days
        words = {-1: self.gettext("yesterday"), 0: self.gettext("today"), 1: self.gettext("tomorrow")}
        return words.get(apart)


class Languages:
    """All languages of the console."""

    def __init__(self, zone: str, locale: Path = LOCALE) -> None:
        self._zone = ZoneInfo(zone)
        self._locale = locale

    def of(self, lang: Lang) -> Speech:
        """Return one language."""
        return self._speeches[lang]

    def preferred(self, header: str | None) -> Lang:
        """Return the first of our languages that a browser's ``Accept-Language`` names; Dutch when it names none."""
        named = [part.split(";")[0].strip().lower()[:2] for part in (header or "")[:200].split(",")]
        return next((lang for name in named for lang in LANGS if lang == name), LANGS[0])

    @cached_property
    def _speeches(self) -> Mapping[Lang, Speech]:
        return {lang: Speech(lang, _read(self._locale / lang), self._zone) for lang in LANGS}


def catalogue_files(folder: Path) -> Sequence[Path]:
    """Return the files of one language."""
    return sorted(folder.glob("*.po"))


@cache
def _read(folder: Path) -> NullTranslations:
    """Return the words of one language, read once a process; none of a language that has no files: the code's own."""
    joined = NullTranslations()
    for path in catalogue_files(folder):
        with path.open("rb") as file:
            catalogue = read_po(file, locale=folder.name, abort_invalid=True)
        compiled = io.BytesIO()
        write_mo(compiled, catalogue)
        compiled.seek(0)
        found = Translations(compiled)
        if isinstance(joined, Translations):
            joined.merge(found)
        else:
            joined = found
    return joined
