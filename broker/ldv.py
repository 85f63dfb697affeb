# SPDX-License-Identifier: EUPL-1.2
"""The broker's spans: one for each event of an act, with its ids in the event; and one for the act itself.

Only the caller's own entries carry the caller's trace. What others are told is the root of a trace of its own and links
to the act: a trace id is 16 bytes of a sender's choice, which would otherwise reach a receiver past every rule, and
tell it which notices have one sender. Pure. Not here: when they are written (``postgres/store.py``), the check that
joins both logs (``ldv_check.py``). Spec: ``protocol/spec/ldv.md``.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime

from broker.facts import Outcome, Recorded
from protocol.covenant import Covenant
from protocol.ldv import Span, Status, Work, activity_of, name_of, party_uri, subject_of
from protocol.signing import Verified
from protocol.trace import Trace, new_trace


@dataclass(frozen=True, slots=True)
class Cause:
    """Why an act is begun: somebody's request, or else the broker's own clock; and under which covenant."""

    covenant: Covenant
    clock: Callable[[], datetime]
    by: Verified | None = None


@dataclass(slots=True)
class LoggedAct:
    """The spans of one act, from its begin to its end. ``draw`` gives random bytes."""

    cause: Cause
    draw: Callable[[int], bytes]
    trace: Trace = field(init=False)
    started: datetime = field(init=False)
    _events: list[Recorded] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        above = self._above()
        self.trace = above.child(self.draw) if above is not None else new_trace(self.draw)
        self.started = self.cause.clock()

    def _above(self) -> Trace | None:
        return self.cause.by.trace if self.cause.by is not None else None

    def stamp(self, outcome: Outcome) -> Outcome:
        """Return the outcome with a trace id and span id in each of its events, and remember those."""
        stamped = tuple(self._stamped(recorded) for recorded in outcome.events)
        self._events += stamped
        return replace(outcome, events=stamped)

    def _stamped(self, recorded: Recorded) -> Recorded:
        by, act = self.cause.by, recorded.event.act
        own = by is not None and act.agency == by.party and act.recipient in {None, by.party}
        trace = self.trace.child(self.draw) if own else new_trace(self.draw)
        act = replace(act, trace_id=trace.trace_id, span_id=trace.span_id)
        return replace(recorded, event=replace(recorded.event, act=act))

    @property
    def said_something(self) -> bool:
        """Whether there are events."""
        return bool(self._events)

    def of_events(self) -> list[Span]:
        """Return the spans of all events so far, to be written before they are committed."""
        ended = self.cause.clock()
        return [self._of_event(recorded, ended) for recorded in self._events]

    def _of_event(self, recorded: Recorded, ended: datetime) -> Span:
        event = recorded.event
        if event.act.trace_id is None or event.act.span_id is None:
            raise ValueError("an event that was not stamped")
        trace = Trace(event.act.trace_id, event.act.span_id)
        inside = trace.trace_id == self.trace.trace_id
        return Span(
            name=name_of(type(event)),
            trace=trace,
            started=self.started,
            ended=ended,
            activity=activity_of(self.cause.covenant, event.act.purpose),
            parent=self.trace.span_id if inside else None,
            cause=None if inside else self.trace,
            subject=subject_of(event),
        )

    def of_act(self, status: Status) -> Span:
        """Return the act's own span, to be written when it is known whether it was committed."""
        above, by = self._above(), self.cause.by
        purposes = {recorded.event.act.purpose for recorded in self._events}
        return Span(
            name=Work.ACT,
            trace=self.trace,
            started=self.started,
            ended=self.cause.clock(),
            activity=activity_of(self.cause.covenant, purposes.pop() if len(purposes) == 1 else None),
            parent=above.span_id if above is not None else None,
            processor=party_uri(self.cause.covenant, by.party) if above is not None and by is not None else None,
            status=status,
        )
