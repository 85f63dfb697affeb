# SPDX-License-Identifier: EUPL-1.2
"""Why somebody looks: the reasons are the covenant's, in its order and its words."""

import pytest

from agency_client.console.languages import Languages
from agency_client.console.reasons import ReasonForm, options, reason_said
from agency_client.console.visits import Form
from protocol.covenant import Covenant
from protocol.errors import ConfigurationError
from tests.fakes.covenants import make_covenant
from tests.fakes.small_world import NOW

LANGUAGES = Languages("Europe/Amsterdam")
DUTCH, ENGLISH = LANGUAGES.of("nl"), LANGUAGES.of("en")
FILE = "vocabulary/reasons.yaml"
OWN = b"""reasons:
  youth-meeting: {nl: Het jeugdoverleg vroeg het, en: The youth meeting asked}
  own-case: {nl: Eigen zaak, en: Own case}
"""


def _covenant(text: bytes | None) -> Covenant:
    def change(files: dict[str, bytes]) -> None:
        del files[FILE]
        if text is not None:
            files[FILE] = text

    return make_covenant(now=NOW, agencies=2, change=change).covenant


def _form(reason: str) -> Form:
    return Form({"reason": (reason,), "case": ("Z-1",)})


def test_the_covenant_says_which_reasons_there_are() -> None:
    """Only those, in its order; words that are left out are the reason's own, in the language of who looks."""
    covenant = _covenant(OWN)
    assert options(covenant, DUTCH) == [("youth-meeting", "Het jeugdoverleg vroeg het"), ("own-case", "Eigen zaak")]
    assert options(covenant, ENGLISH)[0] == ("youth-meeting", "The youth meeting asked")
    assert ReasonForm.read(_form("safety"), covenant, DUTCH).errors == {"reason": "Kies een reden."}
    why = ReasonForm.read(_form("youth-meeting"), covenant, DUTCH)
    assert not why.errors
    said = why.justification(covenant, DUTCH)
    assert (said.code, said.text, said.case_reference) == ("youth-meeting", "Het jeugdoverleg vroeg het", "Z-1")
    assert reason_said("youth-meeting", covenant, ENGLISH) == "The youth meeting asked"
    assert reason_said("of-yesterday", covenant, ENGLISH) == "of-yesterday"


@pytest.mark.parametrize("text", [b"reasons: {}\n", b"reasons:\n  own-case: {nl: Eigen zaak}\n", b"others: {}\n"])
def test_reasons_that_are_not_whole_are_refused(text: bytes) -> None:
    """At least one, each in both languages."""
    with pytest.raises(ConfigurationError):
        _covenant(text)
