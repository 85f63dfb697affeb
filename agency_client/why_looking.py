# SPDX-License-Identifier: EUPL-1.2
"""Why somebody looks, by the covenant's codes: to open a hit, to ask about a person, to ask for more.

Not here: the form in the console (``console/reasons.py``), that a reason is needed at all (the covenant's guards).
"""

import json

from protocol.covenant import Covenant
from protocol.errors import Code, InputError
from protocol.messages import Justification, parse


def justification_of(code: str, text: str, case: str) -> Justification:
    """Return what the log is told of why, from what somebody typed. Raises ``InputError`` with what is wrong."""
    return parse(Justification, json.dumps({"code": code, "text": text, "caseReference": case}).encode())


def require_reason(code: str, covenant: Covenant) -> None:
    """Pass for a reason that the covenant knows. Raises ``InputError``."""
    if code not in covenant.reasons:
        known = ", ".join(f"{one} ({title.en})" for one, title in covenant.reasons.items())
        raise InputError(Code.MALFORMED, "The covenant has no such reason to look.", hint=f"It has: {known}.")
