# SPDX-License-Identifier: EUPL-1.2
"""Pauses grow with each failure, and end."""

from datetime import UTC, datetime, timedelta

import pytest

from agency_client.people.lockout import ACCOUNT, ADDRESS, Rule, Tries, after, pause
from protocol.errors import Code, RefusedError

NOW = datetime(2026, 11, 9, 12, 0, tzinfo=UTC)


def test_typing_errors_cost_nothing() -> None:
    """Some tries are free."""
    tries = None
    for _ in range(ACCOUNT.free):
        tries = after(tries, ACCOUNT, NOW)
    assert tries == Tries(ACCOUNT.free, NOW)


def test_the_next_try_must_wait() -> None:
    """And the answer says how long."""
    with pytest.raises(RefusedError, match="in 1 min") as caught:
        after(Tries(ACCOUNT.free, NOW), ACCOUNT, NOW + timedelta(seconds=1))
    assert caught.value.code is Code.LOGIN_PAUSED
    assert after(Tries(ACCOUNT.free, NOW), ACCOUNT, NOW + ACCOUNT.first).count == ACCOUNT.free + 1


@pytest.mark.parametrize("rule", [ACCOUNT, ADDRESS])
def test_pauses_double_up_to_the_longest(rule: Rule) -> None:
    """So that trying goes slowly, and nobody is locked out for ever by a stranger."""
    pauses = [pause(count, rule) for count in range(1, 60)]
    assert pauses == sorted(pauses)
    assert pauses[rule.free] == 2 * rule.first
    assert pauses[-1] == rule.longest


def test_who_tries_on_and_on_gets_a_hundred_tries_a_day_at_most() -> None:
    """NIST SP 800-63B-4 section 3.2.2, with a clock that the guesser never lets stand still."""
    tries, now, made = None, NOW, 0
    while now < NOW + timedelta(days=1):
        try:
            tries = after(tries, ACCOUNT, now)
            made += 1
        except RefusedError:
            pass
        now += timedelta(seconds=10)
    assert made <= 100
    with pytest.raises(RefusedError, match="operator"):
        after(Tries(100, NOW), ACCOUNT, NOW + timedelta(days=2))


def test_failures_are_forgotten() -> None:
    """An honest typing error of last month does not count."""
    assert after(Tries(4, NOW), ACCOUNT, NOW + ACCOUNT.forgotten) == Tries(1, NOW + ACCOUNT.forgotten)
