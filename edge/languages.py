# SPDX-License-Identifier: EUPL-1.2
"""Dutch and English side by side, so that neither can be forgotten, and lists of words in a sentence.

Not here: what is said (each role's ``*wording.py``), pages (``pages.py``).
"""

from collections.abc import Mapping, Sequence
from typing import Final, Literal, TypeAlias

Lang: TypeAlias = Literal["nl", "en"]
LANGS: Final[tuple[Lang, ...]] = ("nl", "en")
NAMES: Final[Mapping[Lang, str]] = {"nl": "Nederlands", "en": "English"}

Pair: TypeAlias = tuple[str, str]
"""Dutch, English."""


def say(pair: Pair, lang: Lang) -> str:
    """Return the word in this language."""
    return pair[LANGS.index(lang)]


def listed(words: Sequence[str], lang: Lang) -> str:
    """Return ``a``, ``a en b``, ``a, b en c``: all of them."""
    return _joined(words, say(("en", "and"), lang))


def either(words: Sequence[str], lang: Lang) -> str:
    """Return ``a``, ``a of b``, ``a, b of c``: any one of them."""
    return _joined(words, say(("of", "or"), lang))


def _joined(words: Sequence[str], last: str) -> str:
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} {last} {words[-1]}"
