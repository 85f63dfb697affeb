# SPDX-License-Identifier: EUPL-1.2
"""The check that joins both logs: what somebody took away or made up, and what a crash explains."""

import os
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from broker.commands_ldv import report_lines
from broker.facts import Outcome, Recorded
from broker.ldv import Cause, LoggedAct
from broker.ldv_check import LONGEST_ACT, Explained, Finding, Join, LoggedEvent, Report
from edge.ldv import service_of
from protocol.events import Act, CovenantRef, Event, NoticeIssued, SignalWithdrawn, Subject
from protocol.ids import PartyId, PurposeId, SignalId
from protocol.ldv import Span, Status, Work, to_line
from protocol.trace import new_trace
from tests.fakes.covenants import make_covenant

START = datetime(2026, 11, 22, 3, tzinfo=UTC)
COVENANT = make_covenant(now=START).covenant
PURPOSE = PurposeId("offender-prevention")
REF = CovenantRef(version=COVENANT.version, sha256=COVENANT.sha256)


@dataclass
class Both:
    """A broker's two logs, written as the broker does."""

    now: datetime = START
    lines: list[tuple[str, bytes]] = field(default_factory=list)
    events: list[LoggedEvent] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.service = service_of("sluis-broker", PartyId("broker"))

    def write(self, spans: Sequence[Span]) -> None:
        """Write a line."""
        self.lines.append((f"spans, line {len(self.lines) + 1}", to_line(spans, self.service)))

    def act(self, events: int = 1, *, status: Status | None = Status.UNSET, kept: bool = True) -> None:
        """Do an act with so many events; without ``status`` it is killed, ``kept`` says whether its COMMIT counted."""
        logged = LoggedAct(Cause(COVENANT, lambda: self.now), os.urandom)
        outcome = logged.stamp(Outcome((), tuple(Recorded(uuid4(), self.withdrawn()) for _ in range(events))))
        self.write(logged.of_events())
        if kept:
            self.events += [self.entry(recorded.event) for recorded in outcome.events]
        if status is not None:
            self.write([logged.of_act(status)])
        self.now += timedelta(seconds=1)

    def withdrawn(self) -> Event:
        """Return an event that has no place in a trace yet."""
        subject = Subject(signal_ids=(SignalId(UUID(bytes=os.urandom(16))),))
        act = Act(time=self.now, covenant=REF, purpose=PURPOSE, agency=PartyId("police-oost"))
        return SignalWithdrawn(act=act, subject=subject, reason="case-closed")

    def entry(self, event: Event | None) -> LoggedEvent:
        """Return an event as an entry of the log."""
        return LoggedEvent(f"entry {len(self.events)}", self.now, event)

    def check(self) -> Report:
        """Join."""
        with closing(Join()) as join:
            join.add_lines(self.lines)
            join.add_events(self.events)
            return join.report()


def whole(acts: int = 5) -> Both:
    """Return two logs that fit."""
    both = Both()
    for number in range(acts):
        both.act(1 + number % 3)
    return both


def test_two_logs_that_fit_are_fine():
    """Each line has its entry and each entry its line."""
    report = whole().check()
    assert (report.joined, report.alarms, report.explained) == (9, {}, {})
    assert list(report_lines(report)) == ["Every line has its entry and every entry its line: 9 belong together."]


def test_a_line_that_was_taken_away_is_missed():
    """An entry without its line is told, with its number."""
    both = whole()
    del both.lines[4]
    report = both.check()
    assert report.alarms == {Finding.NO_SPAN: 3}
    assert report.places[Finding.NO_SPAN][0].startswith("entry ")
    assert any(line.startswith("ALARM: 3 entries of the log whose line is missing") for line in report_lines(report))


def test_an_entry_that_was_taken_away_is_missed():
    """A line whose act says that it was kept, and which has no entry, is told with its place."""
    both = whole()
    del both.events[3]
    assert both.check().alarms == {Finding.NO_EVENT: 1}


def test_a_line_that_was_made_up_is_found():
    """An invented line has no entry, whatever act it names: a finished one, or one that never was."""
    both = whole()
    both.now += LONGEST_ACT
    invented = replace(LoggedAct(Cause(COVENANT, lambda: START), os.urandom).of_act(Status.UNSET), name="hit opened")
    both.write([invented])
    both.write([replace(invented, trace=new_trace(os.urandom), cause=_act_span(both).trace)])
    both.now += LONGEST_ACT
    both.act()
    assert both.check().alarms == {Finding.NEVER_ENDED: 1, Finding.NO_EVENT: 1}


def _act_span(both: Both) -> Span:
    logged = LoggedAct(Cause(COVENANT, lambda: both.now), os.urandom)
    span = logged.of_act(Status.UNSET)
    both.write([span])
    return span


def test_a_kill_before_the_commit_is_explained():
    """The line of an act that was killed before it was kept is no alarm: nothing was done."""
    both = whole()
    both.act(2, status=None, kept=False)
    restarted = whole()
    both.lines += restarted.lines
    both.events += restarted.events
    report = both.check()
    assert (report.alarms, report.explained) == ({}, {Explained.UNFINISHED: 2})


def test_a_kill_after_the_commit_leaves_both():
    """An act that was killed after it was kept has line and entry, and nothing to explain."""
    both = whole()
    both.act(2, status=None)
    report = both.check()
    assert (report.joined, report.alarms, report.explained) == (11, {}, {})


def test_a_failed_act_is_explained():
    """The line of an act whose transaction failed is told apart by the act's own."""
    both = whole()
    both.act(2, status=Status.ERROR, kept=False)
    report = both.check()
    assert (report.alarms, report.explained) == ({}, {Explained.FAILED: 2})


def test_what_was_changed_is_found():
    """A line with another name, version or person than its entry is told."""
    both = whole(1)
    both.act()
    changed = both.events[1].event
    assert changed is not None
    both.events[1] = replace(both.events[1], event=NoticeIssued(act=changed.act, notice_seq=1, notice_type="withdrawn"))
    assert both.check().alarms == {Finding.ALTERED: 1}
    other = replace(changed, subject=Subject(signal_ids=(SignalId(uuid4()),)))
    both.events[1] = replace(both.events[1], event=other)
    assert both.check().alarms == {Finding.ALTERED: 1}
    both.events[1] = replace(both.events[1], event=replace(changed, subject=Subject()), whole=False)
    assert both.check().alarms == {}


def test_ids_that_come_twice_are_found():
    """A line that was copied is told."""
    both = whole(1)
    both.lines.append(both.lines[0])
    assert both.check().alarms == {Finding.REPEATED: 1}


def test_a_line_that_cannot_be_read_is_told():
    """A torn or changed line is an alarm of its own, and so is what it held."""
    both = whole(2)
    place, line = both.lines[2]
    both.lines[2] = (place, line[:-40])
    assert both.check().alarms == {Finding.UNREADABLE: 1, Finding.NO_SPAN: 2}


def test_entries_from_before_are_counted_apart():
    """A log that is older than its lines is no alarm; an entry without trace after the first with one is."""
    both = Both()
    both.events.append(both.entry(both.withdrawn()))
    both.act()
    assert (both.check().alarms, both.check().explained) == ({}, {Explained.BEFORE: 1})
    both.events.append(both.entry(both.withdrawn()))
    assert both.check().alarms == {Finding.UNMARKED: 1}


def test_a_destroyed_month_is_no_alarm():
    """Lines of a month whose entries were destroyed are told apart; other months' are not excused."""
    both = whole(1)
    both.events = [replace(one, event=None) for one in both.events]
    report = both.check()
    assert (report.alarms, report.explained) == ({}, {Explained.ERASED: 1, Explained.OF_ERASED: 1})
    both.now += timedelta(days=31)
    both.act(kept=False)
    assert both.check().alarms == {Finding.NO_EVENT: 1}


def test_lines_of_other_parties_are_passed_over():
    """An agency's own lines have no entries to be held against."""
    both = whole(1)
    span = LoggedAct(Cause(COVENANT, lambda: START), os.urandom).of_act(Status.UNSET)
    both.write([replace(span, name=Work.PUSH)])
    assert both.check().alarms == {}


def test_many_places_are_counted():
    """A long list is cut, and says how much more there is."""
    both = whole(0)
    both.act(30)
    both.lines.clear()
    lines = list(report_lines(both.check()))
    assert lines[0] == "ALARM: 30 entries of the log whose line is missing"
    assert "  and 10 more" in lines
