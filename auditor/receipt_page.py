# SPDX-License-Identifier: EUPL-1.2
"""A page about checked receipts, in Dutch and English, that a citizen or a court can read and print.

Not here: the frame (``edge/pages.py``), the words (``receipt_words.py``, ``receipt_wording.py``).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from auditor.checking import Proven
from auditor.receipt_wording import (
    HOLDS,
    HOLDS_NOT,
    MEANING,
    MEANING_NOT,
    NOT_GIVEN,
    NOTHING,
    SIGNED,
    TIMES,
    UNSIGNED,
    WRONG,
)
from auditor.receipt_words import facts_of
from edge.languages import LANGS, Lang, say
from edge.pages import Chapter, Safe, el, facts, joined, page
from protocol.covenant import Covenant
from protocol.errors import SluisError

_TITLE = ("Ontvangstbewijzen uit het logboek van Sluis", "Receipts from the log of Sluis")
_ABOUT = ("Wat dit betekent", "What this means")


@dataclass(frozen=True, slots=True)
class Looked:
    """A file and what came of it."""

    name: str
    found: Proven | SluisError


def headline(looked: Looked, lang: Lang) -> str:
    """Return in one sentence whether a file's proof holds, and if not why."""
    if isinstance(looked.found, Proven):
        return say(HOLDS, lang)
    why = WRONG.get(looked.found.code)
    return f"{say(HOLDS_NOT, lang)}: {looked.found.detail if why is None else say(why, lang)}."


def closing(looked: Sequence[Looked], given: Sequence[Covenant], lang: Lang, *, lacking: bool) -> list[str]:
    """Return what the proofs that hold mean, what they do not, and what was believed without checking: ``given`` are
    covenants that were taken from files; ``lacking`` says that some receipt's own version is not here.
    """
    if not any(isinstance(one.found, Proven) for one in looked):
        return [say(NOTHING, lang)]
    sources = [f"{one.version}: {one.sha256}" for one in given]
    believed = [say(UNSIGNED, lang), *sources] if given else [say(SIGNED, lang)]
    missing = [say(NOT_GIVEN, lang)] if lacking else []
    return [say(MEANING, lang), say(MEANING_NOT, lang), say(TIMES, lang), *missing, *believed]


def receipts_page(looked: Sequence[Looked], given: Sequence[Covenant], *, lacking: bool) -> str:
    """Return the page, in both languages."""
    chapters = {
        lang: [
            *(
                Chapter(f"receipt-{place}", f"{one.name}: {headline(one, lang)}", _body(one, lang))
                for place, one in enumerate(looked)
            ),
            Chapter(
                "about",
                say(_ABOUT, lang),
                joined(el("p", line) for line in closing(looked, given, lang, lacking=lacking)),
            ),
        ]
        for lang in LANGS
    }
    return page({lang: say(_TITLE, lang) for lang in LANGS}, chapters)


def _body(looked: Looked, lang: Lang) -> Safe:
    if isinstance(looked.found, Proven):
        return facts(facts_of(looked.found, lang))
    return el("p", looked.found.detail, lang="en")
