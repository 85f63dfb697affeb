# SPDX-License-Identifier: EUPL-1.2
"""The words for entries: none is missing, and no two kinds are called alike."""

from typing import get_args

from edge.event_words import EVENTS_SAID, OPERATIONS_SAID, REASONS_SAID
from protocol.events import EVENTS
from protocol.questions import LogPurpose


def test_every_event_operation_and_reason_has_its_words():
    """What can stand in the log can be said in both languages."""
    assert set(EVENTS_SAID) == set(EVENTS)
    assert set(OPERATIONS_SAID) >= {kind.OPERATION for kind in EVENTS.values()}
    assert set(REASONS_SAID) == set(get_args(LogPurpose))


def test_no_two_kinds_are_called_alike():
    """A reader can tell each kind from the others in either language."""
    for column in zip(*EVENTS_SAID.values(), strict=True):
        assert len(set(column)) == len(column)
