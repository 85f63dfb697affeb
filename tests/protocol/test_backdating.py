# SPDX-License-Identifier: EUPL-1.2
"""Times of entries against their places: an alarm for what no clock and no slow broker explains, and only for that."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.backdating import MAX_AHEAD, MAX_LAG, Seen, require_dated
from protocol.errors import Code, VerificationError

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
MOMENT = timedelta(milliseconds=1)


def _alarmed(entries, seen) -> None:
    with pytest.raises(VerificationError) as caught:
        require_dated(entries, seen)
    assert caught.value.code is Code.LOG_BACKDATED


def test_an_entry_that_is_older_than_the_checkpoint_before_it_is_backdated():
    """Who writes an act of yesterday into today's log is found by yesterday's checkpoint; an hour's slack is not."""
    seen = [Seen(10, NOON)]
    require_dated([(10, NOON - MAX_LAG)], seen)
    _alarmed([(10, NOON - MAX_LAG - MOMENT)], seen)


def test_an_entry_from_after_the_checkpoint_that_holds_it_is_postdated():
    """Witnesses cannot have seen what had not happened."""
    seen = [Seen(10, NOON)]
    require_dated([(9, NOON + MAX_AHEAD)], seen)
    _alarmed([(9, NOON + MAX_AHEAD + MOMENT)], seen)
    require_dated([(10, NOON + timedelta(days=9))], seen)


def test_an_entry_that_is_older_than_one_before_it_is_out_of_order():
    """Also without any checkpoint in between: the log grows at its end only."""
    require_dated([(1, NOON), (2, NOON - MAX_LAG), (3, NOON)], [])
    _alarmed([(1, NOON), (2, NOON + MOMENT), (3, NOON - MAX_LAG)], [])


@given(st.lists(st.tuples(st.integers(0, 3_000), st.integers(0, 2_000)), max_size=20), st.integers(0, 25))
def test_an_honest_log_is_never_accused(acts: list[tuple[int, int]], size: int):
    """Whatever waits less than the bound before it is numbered raises no alarm, with a checkpoint anywhere."""
    numbered, now = [], NOON
    for index, (passed, waited) in enumerate(acts):
        now += timedelta(seconds=passed)
        numbered.append((index, now, now - timedelta(seconds=waited)))
    size = min(size, len(numbered))
    seen = Seen(size, numbered[size - 1][1] if size else NOON)
    require_dated([(index, at) for index, _, at in numbered], [seen])
