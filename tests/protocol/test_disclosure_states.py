# SPDX-License-Identifier: EUPL-1.2
"""The life of a request for more: a finite table without dead ends, and the picture that is drawn from it."""

import xml.etree.ElementTree as ET
from itertools import product

import pytest

from docs.draw_disclosure import PICTURE, drawn
from protocol.disclosure_states import BY_STEP, DECIDED, ENDS, LIVE, OPEN, TABLE, DisclosureState, Step, after, rule_of
from protocol.errors import Code, ConflictError
from protocol.events import EVENTS


def test_every_step_stands_in_the_table_once() -> None:
    """No step is missing and none is there twice."""
    assert sorted(row.step for row in TABLE) == sorted(Step)


def test_every_state_is_reached_and_every_live_one_can_be_left() -> None:
    """From the first state all are reached; what is live always ends by the clock at the latest, and ends stay ends."""
    reached: set[DisclosureState] = set()
    front = [after(Step.ASK, None)]
    while front:
        state = front.pop()
        if state is None or state in reached:
            continue
        reached.add(state)
        front += [row.after for row in TABLE if state in row.before]
    assert reached == set(DisclosureState)
    for state in LIVE:
        assert any(row.by == "broker" and row.after in ENDS for row in TABLE if state in row.before)
    for state in ENDS:
        assert all(row.after is None for row in TABLE if state in row.before)


def test_what_the_table_does_not_allow_is_refused() -> None:
    """Every other step is a conflict; a decision that comes second says that it is decided."""
    for step, state in product(Step, [None, *DisclosureState]):
        row = BY_STEP[step]
        if state in row.before:
            assert after(step, state) in (row.after, state)
            continue
        with pytest.raises(ConflictError) as error:
            after(step, state)
        second = row.by == "owner" and (state in DECIDED or state is DisclosureState.APPROVED)
        assert error.value.code is (Code.ALREADY_DECIDED if second else Code.CONFLICT)


def test_each_step_is_logged_and_told_unless_it_stays_within_an_agency() -> None:
    """Only a hand-over has no event; whatever ends a request tells whoever else waits for it."""
    for row in TABLE:
        assert (row.event is None) == (row.step is Step.HAND_OVER)
        assert row.event is None or row.event in EVENTS.values()
        if row.after in ENDS:
            assert row.told == {"asker": "owner", "owner": "asker", "broker": "both"}[row.by]


def test_the_rule_of_an_end_has_the_logs_form() -> None:
    """An end by the asker says so; one by the clock has the step's own name."""
    assert {rule_of(step) for step in (Step.CANCEL, Step.DECIDE_BY, Step.FETCH_BY, Step.SIGNAL_ENDED)} == {
        "cancelled",
        "decide-by",
        "fetch-by",
        "signal-ended",
    }
    assert set(OPEN) < set(LIVE)


def test_the_committed_picture_is_the_one_that_is_drawn() -> None:
    """``python -m docs.draw_disclosure`` was run after the table changed, and the picture is sound XML."""
    assert PICTURE.read_text(encoding="utf-8") == drawn()
    root = ET.fromstring(drawn())  # noqa: S314 - our own picture
    assert root.find("{http://www.w3.org/2000/svg}desc") is not None
