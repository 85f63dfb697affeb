# SPDX-License-Identifier: EUPL-1.2
"""How often somebody may try: pauses that grow with each failure, for an account and for an address.

A name without an account is treated as one with: nobody learns which exist. Pure. Not here: the counters' rows
(``vault/people.py``), what systems send (``agency_client/api/wrong_tokens.py``).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, TypeGuard

from protocol.errors import Code, RefusedError


class PausedError(RefusedError):
    """Somebody must wait: so many minutes, or until an operator helps (None)."""

    def __init__(self, minutes: int | None) -> None:
        wait = f"Try again in {minutes} min." if minutes else "An operator of your agency can open it again."
        super().__init__(Code.LOGIN_PAUSED, f"There were too many failed tries. {wait}")
        self.minutes = minutes


@dataclass(frozen=True, slots=True)
class Rule:
    """How many tries are free, how the pauses grow, and when it ends."""

    free: int
    first: timedelta
    longest: timedelta
    forgotten: timedelta
    """Without a try for so long, the count begins again."""
    last: int | None = None
    """After so many failures in a row only an operator helps."""


ACCOUNT: Final = Rule(
    free=5,
    first=timedelta(seconds=30),
    longest=timedelta(minutes=15),
    forgotten=timedelta(days=30),
    last=100,
)
"""NIST SP 800-63B-4 section 3.2.2: at most 100 failures in a row. To there takes a day; a typing error, nothing."""
ADDRESS: Final = Rule(
    free=30, first=timedelta(seconds=30), longest=timedelta(minutes=15), forgotten=timedelta(hours=24)
)
"""Wider than an account's: a whole office may come from one address. It slows who tries one password on every name."""


@dataclass(frozen=True, slots=True)
class Tries:
    """Failures in a row, and when the last one was."""

    count: int
    last_at: datetime


def after(tries: Tries | None, rule: Rule, now: datetime) -> Tries:
    """Return the count with one more try. Raises ``PausedError`` while there is a pause."""
    if not _holds(tries, rule, now):
        return Tries(1, now)
    if rule.last is not None and tries.count >= rule.last:
        raise PausedError(None)
    wait = left(tries, rule, now)
    if wait > timedelta(0):
        raise PausedError(max(1, -(-int(wait.total_seconds()) // 60)))
    return counted(tries, rule, now)


def counted(tries: Tries | None, rule: Rule, now: datetime) -> Tries:
    """Return the count with one more try, whether there is a pause or not."""
    return Tries(tries.count + 1, now) if _holds(tries, rule, now) else Tries(1, now)


def left(tries: Tries | None, rule: Rule, now: datetime) -> timedelta:
    """Return how long the pause still lasts; nothing when there is none."""
    if not _holds(tries, rule, now):
        return timedelta(0)
    return max(timedelta(0), tries.last_at + pause(tries.count, rule) - now)


def _holds(tries: Tries | None, rule: Rule, now: datetime) -> TypeGuard[Tries]:
    """Say whether there are failures that are not forgotten yet."""
    return tries is not None and now - tries.last_at < rule.forgotten


def pause(count: int, rule: Rule) -> timedelta:
    """Return how long to wait after so many failures: nothing at first, then twice as long each time."""
    over = count - rule.free
    if over < 0:
        return timedelta(0)
    # Below the exponent at which any first pause is longer than the longest.
    times: int = 2 ** min(over, 16)
    return min(rule.longest, rule.first * times)
