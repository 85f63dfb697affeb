# SPDX-License-Identifier: EUPL-1.2
"""Why somebody looks: the form of a justification, and what it becomes in the log.

The words are for the log, so without names; who leaves them out has the reason's own. Not here: what is then done.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from agency_client.console.languages import N_, Speech
from agency_client.console.visits import Form
from protocol.messages import MAX_TEXT, Justification

REASONS: Final[Mapping[str, str]] = {
    "own-case": N_("I work on this person's case"),
    "safety": N_("Somebody may be in danger"),
    "on-duty": N_("I am on duty for a colleague"),
    "supervision": N_("I look along with a colleague"),
}
"""Codes that stand in the log, and how people say them."""
MAX_CASE: Final = 100


@dataclass(frozen=True, slots=True)
class ReasonForm:
    """A justification as somebody filled it in, with what is wrong with it."""

    reason: str = "own-case"
    words: str = field(default="", repr=False)
    case: str = field(default="", repr=False)
    errors: Mapping[str, str] = field(default_factory=dict)

    @staticmethod
    def read(form: Form, speech: Speech) -> "ReasonForm":
        """Take what was filled in, and say what is wrong with it."""
        reason, words, case = form.text("reason"), _one_line(form.text("words")), _one_line(form.text("case"))
        errors = {}
        if reason not in REASONS:
            errors["reason"] = speech.gettext("Choose a reason.")
        if not case or len(case) > MAX_CASE:
            errors["case"] = speech.gettext("Give your own case's number, in at most 100 characters.")
        if len(words) > MAX_TEXT:
            errors["words"] = speech.gettext("Say it shorter.")
        return ReasonForm(reason, words, case, errors)

    def justification(self, speech: Speech) -> Justification:
        """Return what stands in the log; only of a form without errors."""
        words = self.words or speech.gettext(REASONS[self.reason])
        return Justification(code=self.reason, text=words, case_reference=self.case)


def _one_line(text: str) -> str:
    """Return a text as the log takes it: one line, without what only turns or hides other letters."""
    return "".join(letter for letter in " ".join(text.split()) if letter.isprintable())


def options(speech: Speech) -> list[tuple[str, str]]:
    """Return the reasons to choose from."""
    return [(code, speech.gettext(words)) for code, words in REASONS.items()]
