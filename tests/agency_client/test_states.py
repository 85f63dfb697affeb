# SPDX-License-Identifier: EUPL-1.2
"""The table of a signal's life."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agency_client.states import TABLE, WAITING, SignalState, Step, after, before


@given(st.sampled_from(list(SignalState)), st.sampled_from(list(Step)))
def test_only_the_table_moves_a_signal(state: SignalState, step: Step) -> None:
    """A step outside the table is refused, and one inside gives what the table says."""
    if (state, step) in TABLE:
        assert after(state, step) is TABLE[(state, step)]
        assert state in before(step)
    else:
        assert state not in before(step)
        with pytest.raises(ValueError, match="no step"):
            after(state, step)


@given(st.lists(st.sampled_from(list(Step)), max_size=12))
def test_no_signal_leaves_an_end(steps: list[Step]) -> None:
    """Refused and withdrawn signals stay so, whatever happens after."""
    state, ended = SignalState.NEW, None
    for step in steps:
        if (state, step) in TABLE:
            state = after(state, step)
        if ended is not None:
            assert state is ended
        if state in {SignalState.REFUSED, SignalState.WITHDRAWN}:
            ended = state


def test_waiting_signals_can_all_move_on() -> None:
    """Every waiting state has a step forward, so nothing waits for ever."""
    for state in WAITING:
        assert any(known is state for known, _ in TABLE)
