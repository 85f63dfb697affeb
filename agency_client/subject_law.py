# SPDX-License-Identifier: EUPL-1.2
"""What the law asks of an answer to a citizen: by when it is given, and on which grounds it may be refused.

LED articles were read in the directive's text; GDPR and national articles are from memory: have them checked.
Not here: what is answered (``subject_report.py``), the register of requests (``vault/subject_requests.py``).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from edge.languages import Pair

ANSWER_WITHIN: Final = timedelta(weeks=6)
"""Wpg, police data, from memory: six weeks. The clock that is shown (law.md D-8)."""
GDPR_DAYS: Final = timedelta(days=30)
"""Where the GDPR applies instead: one month (art. 12(3)). Shown beside it, rounded down, so that it is never late."""


@dataclass(frozen=True, slots=True)
class Ground:
    """A ground to refuse, for people, and its law."""

    said: Pair
    law: str


GROUNDS: Final[Mapping[str, Ground]] = {
    "obstructs-inquiry": Ground(
        ("het antwoord zou een onderzoek of procedure belemmeren", "the answer would obstruct an inquiry or procedure"),
        "LED 15(1)(a)",
    ),
    "prejudices-investigation": Ground(
        (
            "het antwoord zou het voorkomen, opsporen of vervolgen van strafbare feiten schaden",
            "the answer would prejudice the prevention, detection or prosecution of criminal offences",
        ),
        "LED 15(1)(b)",
    ),
    "public-security": Ground(("de openbare veiligheid", "public security"), "LED 15(1)(c)"),
    "national-security": Ground(("de nationale veiligheid", "national security"), "LED 15(1)(d)"),
    "rights-of-others": Ground(
        ("de bescherming van rechten en vrijheden van anderen", "the rights and freedoms of others"),
        "LED 15(1)(e); GDPR 15(4), 23",
    ),
    "not-identified": Ground(
        ("niet is vast te stellen wie het verzoek doet", "it cannot be established who makes the request"),
        "LED 12(5); GDPR 12(6)",
    ),
    "unfounded": Ground(
        ("het verzoek is kennelijk ongegrond of buitensporig", "the request is manifestly unfounded or excessive"),
        "LED 12(4); GDPR 12(5)",
    ),
}
"""Every ground on which an answer may be refused, by its code (law.md D-11)."""


@dataclass(frozen=True, slots=True)
class Clock:
    """By when a request that came on a day is answered. ``extended`` is a later day that the person was told."""

    received: date
    today: date
    extended: date | None = None

    @property
    def answer_before(self) -> date:
        """The last day."""
        return self.extended or self.received + ANSWER_WITHIN

    @property
    def gdpr_before(self) -> date:
        """The last day where the GDPR applies."""
        return self.received + GDPR_DAYS

    @property
    def days_left(self) -> int:
        """Whole days until the last day; below zero when it has passed."""
        return (self.answer_before - self.today).days
