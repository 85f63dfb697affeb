# SPDX-License-Identifier: EUPL-1.2
"""Sessions: what a cookie's token stands for, how far its login got, and when it ends.

Pure. Only a keyed hash of a token is ever kept; the token itself is in the browser alone. Not here: cookies
(``console/people.py``), rows (``vault/people.py``).
"""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from agency_client.people.accounts import AccountId
from protocol.encoding import b64url
from protocol.group import random_bytes

TOKEN_BYTES: Final = 32
"""OWASP asks 8 of true entropy at least; 32 cannot be found by trying, also not in a stolen file of keyed hashes."""
TOKEN_LETTERS: Final = 43
"""Of ``TOKEN_BYTES`` in base64url."""
IDLE: Final = timedelta(minutes=30)
"""Without anything done: a telephone call about a hit fits in it, a lunch does not (OWASP: 15 to 30 minutes)."""
LONGEST: Final = timedelta(hours=10)
"""From login, whatever is done: a working day."""
UNFINISHED: Final = timedelta(minutes=10)
"""For who gave a password and not yet the rest: to fetch a telephone and to take in a QR code."""
TOUCH: Final = timedelta(minutes=1)
"""Using a session is written down this often, not at every request."""


class Stage(StrEnum):
    """How far a login got. Only a full session shows anything."""

    PASSWORD = "password"  # noqa: S105 - a stage, not a password
    """The password was right; a code must follow."""
    ENROL = "enrol"
    """A second factor must be set up first."""
    FULL = "full"


@dataclass(frozen=True, slots=True)
class Session:
    """One browser's login. Found by the keyed hash of its token."""

    id: bytes = field(repr=False)
    account: AccountId
    stage: Stage
    created_at: datetime
    seen_at: datetime
    device: str = field(default="", repr=False)
    """The browser in two words, so that its owner recognises it."""
    pending: dict[str, str] = field(default_factory=dict, repr=False)
    """What is being set up and does not hold yet: a shared secret, a password's hash."""

    def ends_at(self) -> datetime:
        """Return when it ends if nothing more is done."""
        if self.stage is not Stage.FULL:
            return self.created_at + UNFINISHED
        return min(self.seen_at + IDLE, self.created_at + LONGEST)

    def is_over(self, now: datetime) -> bool:
        """Say whether it ended."""
        return now >= self.ends_at()

    def touched(self, now: datetime) -> "Session | None":
        """Return it as used just now; None when that was written not long ago."""
        return replace(self, seen_at=now) if now - self.seen_at >= TOUCH else None


def new_token() -> str:
    """Return a fresh token for a cookie."""
    return b64url(random_bytes(TOKEN_BYTES))


def device_of(agent: str) -> str:
    """Return a browser and its system in two words, from a ``User-Agent``; never more than those words."""
    browsers = {"Edg/": "Edge", "OPR/": "Opera", "Firefox/": "Firefox", "Chrome/": "Chrome", "Safari/": "Safari"}
    systems = {"Windows": "Windows", "Android": "Android", "iPhone": "iPhone", "iPad": "iPad", "Mac OS": "macOS",
               "Linux": "Linux"}  # fmt: skip
    found = (next((name for mark, name in table.items() if mark in agent[:300]), "") for table in (browsers, systems))
    return ", ".join(name for name in found if name)
