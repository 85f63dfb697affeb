# SPDX-License-Identifier: EUPL-1.2
"""A purpose that awaits a counterpart: which ones a covenant can have."""

import pytest

from protocol.covenant import Covenant
from protocol.errors import ConfigurationError
from tests.fakes.covenants import policy_files

PATH = "purposes/probation-advice.yaml"


def _with(old: bytes, new: bytes) -> dict[str, bytes]:
    files = policy_files()
    assert old in files[PATH]
    return files | {PATH: files[PATH].replace(old, new)}


def test_nobody_plants_where_a_counterpart_is_awaited() -> None:
    """A canary there would end a wait for an advice, or be known by the alarm that it did not."""
    planter = b"participants:\n  supervisor: {acts: [plant]}\n"
    with pytest.raises(ConfigurationError) as caught:
        Covenant.parse(_with(b"participants:\n", planter))
    assert any("Nobody plants under" in issue.message for issue in caught.value.issues)


def test_only_who_sends_can_await_or_be_awaited() -> None:
    """A kind that sends nothing under the purpose neither waits nor is waited for."""
    with pytest.raises(ConfigurationError) as caught:
        Covenant.parse(_with(b"counterpart: probation,", b"counterpart: police,"))
    assert any("waited names kinds that send" in issue.message for issue in caught.value.issues)


def test_the_wait_ends_before_the_signal() -> None:
    """A wait as long as a signal's life would never be told, so that a covenant cannot have it."""
    with pytest.raises(ConfigurationError) as caught:
        Covenant.parse(_with(b"days: 14}", b"days: 180}"))
    assert any("fewer days than a signal lives" in issue.message for issue in caught.value.issues)
