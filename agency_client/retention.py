# SPDX-License-Identifier: EUPL-1.2
"""When what the vault holds about people is over, and its erasure then.

A signal's content, and what hits with it released, stay for a while after its end, so that a coordinator can answer who
calls about it: ``look_back``, or the purpose's own retention when that is shorter. A hit whose other side withdrew lost
what was released at once, and the rest goes in the same time; what notices said goes when no signal that they could be
about may still stand. Receipts stay: what the log has is proven by them, and the log has its own retention. Not here:
the rows (``vault/retention.py``).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from agency_client.vault import Vault
from agency_client.vault.retention import Ended
from protocol.covenant import Covenant
from protocol.ids import PurposeId

LOOK_BACK: Final = timedelta(days=30)
"""A month after its end nobody calls about a signal any more; until then its coordinator must be able to answer."""


@dataclass(frozen=True, slots=True)
class Keeping:
    """How long is kept what a signal's end leaves."""

    look_back: timedelta = LOOK_BACK

    def after_end(self, retention: timedelta) -> timedelta:
        """Return how long a signal's content stays after its end, under a purpose with this retention."""
        return min(self.look_back, retention)

    def is_over(self, ended_at: datetime, retention: timedelta, now: datetime) -> bool:
        """Say whether the content of a signal that ended is to be erased."""
        return now >= ended_at + self.after_end(retention)

    def told_before(self, retention: timedelta, now: datetime) -> datetime:
        """Return the moment before which a notice was given whose words are to be erased."""
        return now - retention - self.after_end(retention)


@dataclass(frozen=True, slots=True)
class Erased:
    """How much was erased."""

    signals: int
    hits: int
    notices: int


def retention_of(covenant: Covenant, purpose: PurposeId) -> timedelta:
    """Return how long a signal of a purpose may stand; of one that the covenant lacks by now nothing may."""
    found = covenant.purposes.get(purpose)
    return timedelta() if found is None else timedelta(days=found.retention_days)


def erase_what_is_over(vault: Vault, covenant: Covenant, keeping: Keeping, now: datetime) -> Erased:
    """Erase all that is over. May take seconds: not for an event loop."""
    shelf = vault.retention
    shelf.note_ended(now)
    over = [one.signal for one in shelf.ended() if _is_over(one, covenant, keeping, now)]
    shelf.erase(over, now)
    hits = 0
    for purpose in covenant.purposes:
        retention = retention_of(covenant, purpose)
        hits += shelf.erase_withdrawn(purpose, now - keeping.after_end(retention))
    longest = max((retention_of(covenant, purpose) for purpose in covenant.purposes), default=timedelta())
    notices = shelf.erase_notices(keeping.told_before(longest, now))
    if over or hits or notices:
        shelf.settle()
    return Erased(len(over), hits, notices)


def _is_over(one: Ended, covenant: Covenant, keeping: Keeping, now: datetime) -> bool:
    return keeping.is_over(one.ended_at, retention_of(covenant, one.purpose), now)
