# SPDX-License-Identifier: EUPL-1.2
"""W3C Trace Context: one form is written, every other is passed over."""

import os

import pytest

from protocol.trace import MAX_TRACEPARENT, Trace, new_trace, parse_traceparent, trace_of_key

TRACE_ID, SPAN_ID = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
VALUE = f"00-{TRACE_ID}-{SPAN_ID}-01"
"""The example of the Recommendation, section 3.2.3."""


def test_what_is_written_is_read_back():
    """The header of a trace says its two ids, and is read as the same trace."""
    trace = new_trace(os.urandom)
    assert parse_traceparent(trace.header) == trace
    assert parse_traceparent(VALUE) == Trace(TRACE_ID, SPAN_ID)


@pytest.mark.parametrize(
    "text",
    [
        "",
        VALUE.upper(),
        VALUE + "-",
        VALUE + "-what-a-later-version-adds",
        VALUE[:-1],
        " " + VALUE,
        VALUE + "\n",
        f"ff-{TRACE_ID}-{SPAN_ID}-01",
        f"00-{'0' * 32}-{SPAN_ID}-01",
        f"00-{TRACE_ID}-{'0' * 16}-01",
        f"00-{TRACE_ID[:-1]}-{SPAN_ID}-01",
        f"00-{TRACE_ID}-{SPAN_ID}-0g",
        f"01-{TRACE_ID}-{SPAN_ID}-01-" + "x" * MAX_TRACEPARENT,
    ],
)
def test_what_is_not_a_trace_is_passed_over(text: str):
    """A malformed, empty, overlong or impossible header is no trace and no error."""
    assert parse_traceparent(text) is None


def test_a_later_version_is_read_by_its_first_part():
    """The Recommendation tells to read what we know of a version that adds to it."""
    assert parse_traceparent(f"01-{TRACE_ID}-{SPAN_ID}-00-more") == Trace(TRACE_ID, SPAN_ID)


def test_a_trace_has_ids():
    """A trace without ids cannot be made."""
    with pytest.raises(ValueError, match="not the ids"):
        Trace("0" * 32, SPAN_ID)
    with pytest.raises(ValueError, match="not the ids"):
        Trace(TRACE_ID, "X" * 16)


def test_zeros_are_never_drawn():
    """Ids of zeros, which mean that there is no trace, are drawn again."""
    draws = iter([bytes(16), b"\x01" * 16, bytes(8), b"\x02" * 8])
    assert new_trace(lambda _: next(draws)) == Trace("01" * 16, "02" * 8)


def test_every_attempt_at_one_act_has_one_trace():
    """An Idempotency-Key gives the trace id, also after a restart; the span is new each time."""
    first, second = trace_of_key("a-key-of-ours", os.urandom), trace_of_key("a-key-of-ours", os.urandom)
    assert first.trace_id == second.trace_id
    assert first.span_id != second.span_id
    assert trace_of_key("another-key", os.urandom).trace_id != first.trace_id
