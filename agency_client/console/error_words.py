# SPDX-License-Identifier: EUPL-1.2
"""An error's own sentence on a page: where its Dutch is known that, else what its code means.

Errors say in English what went wrong, as exactly as they can, since programs and logs read them. A page in another
language never shows that. Not here: the sentences that are known word for word (``refusals.py``), what each code means
(``edge/code_words.py``).
"""

from typing import Final

from agency_client.console.languages import Speech
from edge.code_words import code_said

_SOURCE: Final = "en"
"""The language in which errors are made."""


def known_words(words: str, speech: Speech) -> str | None:
    """Return an error's own sentence as it may be shown: in English as it came, else only where it is translated."""
    if speech.lang == _SOURCE or not words:
        return words
    said = speech.gettext(words)
    return None if said == words else said


def trouble_words(code: str | None, words: str, speech: Speech) -> str:
    """Return an error in this language: its own sentence where that is known, else what its code means."""
    said = known_words(words, speech)
    return code_said(code, speech.lang) if said is None else said


def rule_words(rule: str, says: str, speech: Speech) -> str:
    """Return why a rule of the covenant refuses. The board writes in English; its rules stand in the covenant."""
    said = known_words(says, speech)
    if said is not None:
        return said
    return speech.gettext("A rule of the covenant does not allow this: %(rule)s.") % {"rule": rule}
