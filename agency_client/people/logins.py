# SPDX-License-Identifier: EUPL-1.2
"""The local record of logging in and out: who, when, how, and what came of it. It never leaves the agency.

Values only. Not here: the rows (``vault/people.py``), the shared log, which has the acts and not the logins.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Literal, TypeAlias

KEPT: Final = timedelta(days=183)
"""How long: half a year shows a pattern; longer would be a file about employees."""
How: TypeAlias = Literal["password", "code", "recovery-code", "set-up-code", "provider", "operator", "self"]


class Result(StrEnum):
    """What happened. Those of ``FAILURES`` are counted for the privacy officer and the operator."""

    ENTERED = "entered"
    LEFT = "left"
    LEFT_EVERYWHERE = "left-everywhere"
    WRONG = "wrong"
    PAUSED = "paused"
    REFUSED = "refused"
    """Known by the provider, and without a role here."""
    PASSWORD_CHANGED = "password-changed"  # noqa: S105 - what happened, not a password
    FACTOR_CHANGED = "factor-changed"
    SET_UP = "set-up"
    ADDED = "added"
    ROLES_CHANGED = "roles-changed"
    RESET = "reset"
    REMOVED = "removed"


FAILURES: Final = frozenset((Result.WRONG, Result.PAUSED, Result.REFUSED))


@dataclass(frozen=True, slots=True)
class Login:
    """One line of the record. Of a name without an account, no name is kept: it may be a mistyped password."""

    at: datetime
    result: Result
    how: How
    who: str = field(default="", repr=False)
    address: str = field(default="", repr=False)
