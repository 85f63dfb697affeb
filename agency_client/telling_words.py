# SPDX-License-Identifier: EUPL-1.2
"""What is told when something waits: that, and where to look. Nothing else, whatever it is.

An e-mail passes machines of others and stands on a telephone's lock screen: no person, agency, purpose, number or
urgency is in it. Not here: whom it is told.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from edge.languages import Lang


@dataclass(frozen=True, slots=True)
class Words:
    """A message for one person."""

    subject: str
    text: str


_SUBJECT: Final[Mapping[Lang, str]] = {
    "nl": "Er staat iets voor u klaar in Sluis",
    "en": "There is something for you in Sluis",
}
_TEXT: Final[Mapping[Lang, str]] = {
    "nl": (
        "Er staat iets voor u klaar in Sluis. Kijk op {url}\n\n"
        "Dit bericht zegt met opzet niet meer. U kunt er niet op antwoorden.\n"
    ),
    "en": (
        "There is something for you in Sluis. Look at {url}\n\n"
        "This message says no more on purpose. You cannot reply to it.\n"
    ),
}


def words_for(lang: Lang, url: str) -> Words:
    """Return the message in a language; ``url`` is the console's own address."""
    return Words(_SUBJECT[lang], _TEXT[lang].format(url=url))
