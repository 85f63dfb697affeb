# SPDX-License-Identifier: EUPL-1.2
"""What each code of an error means: in words, in both languages, for every code there is."""

import pytest

from edge.code_words import CODES_SAID, code_said
from protocol.errors import Code


@pytest.mark.parametrize("code", Code)
def test_every_code_has_a_sentence_in_both_languages(code: Code) -> None:
    """A code that is added needs its plain words, and their Dutch."""
    dutch, english = CODES_SAID[code]
    assert (code_said(code, "nl"), code_said(code, "en")) == (dutch, english)
    assert dutch != english
    for said in (english, dutch):
        assert said.endswith(".")
        assert code not in said


def test_a_code_of_another_version_has_words() -> None:
    """What this version does not know is said to be so."""
    assert code_said("of_tomorrow", "nl") == "Er ging iets mis waarvoor Sluis nog geen woorden heeft."
    assert code_said(None, "nl") == code_said("of_tomorrow", "nl")
