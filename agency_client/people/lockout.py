# SPDX-License-Identifier: EUPL-1.2
"""How often somebody may try: pauses that grow with each failure, for an account and for an address.

A name without an account is treated as one with: nobody learns which exist. Pure. Not here: the counters' rows
(``vault/people.py``).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from protocol.errors import Code, RefusedError


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
    """Return the count with one more try. Raises ``RefusedError`` (``login_paused``) while there is a pause."""
    if tries is None or now - tries.last_at >= rule.forgotten:
        return Tries(1, now)
    if rule.last is not None and tries.count >= rule.last:
        raise RefusedError(
            Code.LOGIN_PAUSED, "There were too many failed tries. An operator of your agency can open it again."
        )
    left = tries.last_at + pause(tries.count, rule) - now
    if left > timedelta(0):
        minutes = -(-int(left.total_seconds()) // 60)
        words = "a minute" if minutes <= 1 else f"{minutes} minutes"
        raise RefusedError(Code.LOGIN_PAUSED, f"There were too many failed tries. Try again in {words}.")
    return Tries(tries.count + 1, now)


def pause(count: int, rule: Rule) -> timedelta:
    """Return how long to wait after so many failures: nothing at first, then twice as long each time."""
    over = count - rule.free
    if over < 0:
        return timedelta(0)
    # Below the exponent at which any first pause is longer than the longest.
    times: int = 2 ** min(over, 16)
    return min(rule.longest, rule.first * times)
