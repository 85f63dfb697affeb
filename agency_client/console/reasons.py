# SPDX-License-Identifier: EUPL-1.2
"""Why somebody looks: the form of a justification, and what it becomes in the log.

Which reasons there are is the covenant's to say (``vocabulary/reasons.yaml``). The words are for the log, so without
names; who leaves them out has the reason's own. Not here: what is then done.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from agency_client.console.languages import Speech
from agency_client.console.previews import title_in
from agency_client.console.visits import Form
from protocol.covenant import Covenant
from protocol.messages import MAX_TEXT, Justification

MAX_CASE: Final = 100


@dataclass(frozen=True, slots=True)
class ReasonForm:
    """A justification as somebody filled it in, with what is wrong with it."""

    reason: str = ""
    """Empty until somebody chose: the page shows the first one."""
    words: str = field(default="", repr=False)
    case: str = field(default="", repr=False)
    errors: Mapping[str, str] = field(default_factory=dict)

    @staticmethod
    def read(form: Form, covenant: Covenant, speech: Speech) -> "ReasonForm":
        """Take what was filled in, and say what is wrong with it."""
        reason, words, case = form.text("reason"), _one_line(form.text("words")), _one_line(form.text("case"))
        errors = {}
        if reason not in reasons_of(covenant, speech):
            errors["reason"] = speech.gettext("Choose a reason.")
        if not case or len(case) > MAX_CASE:
            errors["case"] = speech.gettext("Give your own case's number, in at most 100 characters.")
        if len(words) > MAX_TEXT:
            errors["words"] = speech.gettext("Say it shorter.")
        return ReasonForm(reason, words, case, errors)

    def justification(self, covenant: Covenant, speech: Speech) -> Justification:
        """Return what stands in the log; only of a form without errors."""
        words = self.words or reasons_of(covenant, speech)[self.reason]
        return Justification(code=self.reason, text=words, case_reference=self.case)


def _one_line(text: str) -> str:
    """Return a text as the log takes it: one line, without what only turns or hides other letters."""
    return "".join(letter for letter in " ".join(text.split()) if letter.isprintable())


def reasons_of(covenant: Covenant, speech: Speech) -> dict[str, str]:
    """Return the reasons that the covenant knows, in its order, and how people say them."""
    return {code: title_in(title, speech) for code, title in covenant.reasons.items()}


def reason_said(code: str, covenant: Covenant, speech: Speech) -> str:
    """Return a reason in words; the code itself when the covenant of today does not have it."""
    return reasons_of(covenant, speech).get(code, code)


def options(covenant: Covenant, speech: Speech) -> list[tuple[str, str]]:
    """Return the reasons to choose from."""
    return list(reasons_of(covenant, speech).items())
