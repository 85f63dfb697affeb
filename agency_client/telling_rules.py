# SPDX-License-Identifier: EUPL-1.2
"""When a recipient is told that something waits: gathered, not more often than it wants, never lost, never doubled.

Pure. A message that may or may not have gone out (the process was killed, the connection broke at the end) counts as
gone for as long as a second one would be one too many, and is sent again after that. Not here: what happened
(``telling.py``), the sending.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from agency_client.telling_settings import Recipient, ToldRole

GATHER: Final = timedelta(minutes=1)
"""What comes together is told together: the hits of one push come within seconds."""
URGENT_GAP: Final = timedelta(minutes=1)
"""Between two urgent messages: the second would be read in the same minute."""
FIRST_RETRY: Final = timedelta(seconds=30)
LAST_RETRY: Final = timedelta(hours=1)
_DOUBLINGS: Final = 12
ROLE_OF: Final[Mapping[str, ToldRole]] = {
    "muted": "operator",
    "overdue": "supervisor",
    "late": "supervisor",
    "doubted": "privacy-officer",
    "erased": "privacy-officer",
}
"""For whom a notice is, by its type; every other is for coordinators."""
ASKS_NOTHING: Final = frozenset({"acknowledged", "lifted"})
"""Notices after which nobody has to do anything: they are seen when somebody looks."""


@dataclass(frozen=True, slots=True)
class Pending:
    """What is known of one recipient."""

    wanted_at: datetime | None = None
    """Since when there is something it was not told of."""
    urgent: bool = False
    offered_at: datetime | None = None
    """When a message was begun of which nothing says whether it went out."""
    told_at: datetime | None = None
    failures: int = 0
    failed_at: datetime | None = None


def due(pending: Pending, recipient: Recipient) -> datetime | None:
    """Return from when on it is to be told; None when there is nothing to tell."""
    if pending.wanted_at is None:
        return None
    at_once = pending.urgent and recipient.urgent_at_once
    gap = URGENT_GAP if at_once else timedelta(minutes=recipient.at_most_every_minutes)
    moments = [pending.wanted_at if at_once else pending.wanted_at + GATHER]
    moments += [moment + gap for moment in (pending.told_at, pending.offered_at) if moment is not None]
    if pending.failed_at is not None:
        wait = min(LAST_RETRY, FIRST_RETRY * 2 ** min(pending.failures - 1, _DOUBLINGS))
        moments.append(pending.failed_at + wait)
    return max(moments)


def role_of(notice: str) -> ToldRole:
    """Return for whom a notice of this type is."""
    return ROLE_OF.get(notice, "coordinator")
