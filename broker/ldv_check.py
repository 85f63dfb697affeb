# SPDX-License-Identifier: EUPL-1.2
"""Hold the log of processing against the log of events: every span has its event, and the reverse.

Any number of lines: they go through a temporary database on the disk, which holds trace and span ids, names and data
subjects' pseudonyms, and is gone with this process. What a crash leaves is told apart from what somebody took away
(``spec/ldv.md``). Not here: where lines and events come from (``commands_ldv.py``).
"""

import sqlite3
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final

from protocol.encoding import format_time
from protocol.errors import InputError
from protocol.events import Event
from protocol.ldv import EVENT_NAMES, Span, Status, Work, name_of, nanoseconds, parse_line, subject_of

LONGEST_ACT: Final = timedelta(minutes=10)
"""No act takes so long: a run of the program that went on after it would have closed it."""
SHOWN: Final = 20
"""Places kept of each kind of finding; the rest is counted."""
_TABLES: Final = """
CREATE TABLE spans (key BLOB PRIMARY KEY, place TEXT, name TEXT, version TEXT, subject TEXT, act BLOB, at INTEGER,
                    instance TEXT) WITHOUT ROWID;
CREATE TABLE acts (key BLOB PRIMARY KEY, status INTEGER) WITHOUT ROWID;
CREATE TABLE events (key BLOB PRIMARY KEY, place TEXT, name TEXT, version TEXT, subject TEXT, whole INTEGER)
                    WITHOUT ROWID;
"""


class Finding(StrEnum):
    """What is wrong; each is an alarm."""

    NO_SPAN = "entries of the log whose line is missing"
    NO_EVENT = "lines whose entry is missing from the log, or that were made up"
    NEVER_ENDED = "lines of an act that never ended, though the program went on"
    ALTERED = "lines that say something else than their entry"
    UNMARKED = "entries of the log without trace, after others had one"
    REPEATED = "lines or entries that use ids a second time"
    UNREADABLE = "lines that cannot be read"


class Explained(StrEnum):
    """What is told and is no alarm."""

    FAILED = "lines of acts that failed: nothing was done"
    UNFINISHED = "lines of acts that a kill or power cut ended before they were done"
    BEFORE = "entries from before the log of processing began"
    ERASED = "entries of destroyed months, which cannot be joined any more"
    OF_ERASED = "lines of those months"


@dataclass(frozen=True, slots=True)
class LoggedEvent:
    """An entry of the log, in its order; ``event`` is None when its month was destroyed."""

    place: str
    at: datetime
    event: Event | None
    whole: bool = True
    """Whether its subject part is still there."""


@dataclass(slots=True)
class Report:
    """What was found: how often, and where first."""

    joined: int = 0
    alarms: Counter[Finding] = field(default_factory=Counter)
    explained: Counter[Explained] = field(default_factory=Counter)
    places: dict[Finding | Explained, list[str]] = field(default_factory=dict)

    def alarm(self, finding: Finding, place: str) -> None:
        """Count an alarm."""
        self.alarms[finding] += 1
        self._keep(finding, place)

    def explain(self, why: Explained, place: str) -> None:
        """Count what is no alarm."""
        self.explained[why] += 1
        self._keep(why, place)

    def _keep(self, kind: Finding | Explained, place: str) -> None:
        kept = self.places.setdefault(kind, [])
        if len(kept) < SHOWN:
            kept.append(place)


class Join:
    """Both logs, side by side: first all lines, then all entries, then ``report``.

    In that order, so that an act that is committed meanwhile has its entry when its line was seen.
    """

    def __init__(self) -> None:
        # SQLite's name for a database in a file of its own that nobody else sees and that goes when it is closed.
        self._tables = sqlite3.connect("")
        self._tables.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;" + _TABLES)
        self._report = Report()
        self._ended: dict[str, int] = {}
        self._erased_months: set[str] = set()
        self._begun = False

    def close(self) -> None:
        """Drop everything."""
        self._tables.close()

    def add_lines(self, lines: Iterable[tuple[str, bytes]]) -> None:
        """Take lines of the broker's files, each with its place."""
        for place, line in lines:
            if not line.strip():
                continue
            try:
                batch = parse_line(line)
            except InputError:
                self._report.alarm(Finding.UNREADABLE, place)
                continue
            for span in batch.spans:
                self._add_span(span, place, batch.service.instance)

    def _add_span(self, span: Span, place: str, instance: str) -> None:
        key, at = _key(span.trace.trace_id, span.trace.span_id), nanoseconds(span.ended)
        self._ended[instance] = max(at, self._ended.get(instance, 0))
        if span.name == Work.ACT:
            added = self._tables.execute("INSERT OR IGNORE INTO acts VALUES (?, ?)", (key, span.status.value))
        elif span.name not in EVENT_NAMES:
            # Of an agency or key-holder: they have no entries of their own to be held against.
            return
        else:
            subject = None if span.subject is None else f"{span.subject.kind} {span.subject.value}"
            row = (key, place, span.name, _version(span), subject, _act_of(span), at, instance)
            added = self._tables.execute("INSERT OR IGNORE INTO spans VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
        if not added.rowcount:
            self._report.alarm(Finding.REPEATED, place)

    def add_events(self, events: Iterable[LoggedEvent]) -> None:
        """Take entries of the log, in its order."""
        for one in events:
            event = one.event
            if event is None:
                self._erased_months.add(_month(one.at))
                self._report.explain(Explained.ERASED, one.place)
                continue
            act = event.act
            if act.trace_id is None or act.span_id is None:
                if self._begun:
                    self._report.alarm(Finding.UNMARKED, one.place)
                else:
                    self._report.explain(Explained.BEFORE, one.place)
                continue
            self._begun = True
            about = subject_of(event)
            subject = None if about is None else f"{about.kind} {about.value}"
            row = (
                _key(act.trace_id, act.span_id),
                one.place,
                name_of(type(event)),
                act.covenant.version,
                subject,
                one.whole,
            )
            if not self._tables.execute("INSERT OR IGNORE INTO events VALUES (?, ?, ?, ?, ?, ?)", row).rowcount:
                self._report.alarm(Finding.REPEATED, one.place)

    def report(self) -> Report:
        """Return what does not fit."""
        report = self._report
        (report.joined,) = self._tables.execute("SELECT count(*) FROM spans JOIN events USING (key)").fetchone()
        for (place,) in self._tables.execute(
            "SELECT place FROM events e WHERE NOT EXISTS (SELECT 1 FROM spans s WHERE s.key = e.key)"
        ):
            report.alarm(Finding.NO_SPAN, place)
        for (place,) in self._tables.execute(
            """SELECT s.place FROM spans s JOIN events e USING (key)
               WHERE s.name <> e.name OR s.version <> e.version OR (e.whole AND s.subject IS NOT e.subject)"""
        ):
            report.alarm(Finding.ALTERED, place)
        alone = self._tables.execute(
            """SELECT s.place, s.at, s.instance, a.status FROM spans s LEFT JOIN acts a ON a.key = s.act
               WHERE NOT EXISTS (SELECT 1 FROM events e WHERE e.key = s.key)"""
        )
        for place, at, instance, status in alone:
            self._judge(place, at, instance, status)
        return report

    def _judge(self, place: str, at: int, instance: str, status: int | None) -> None:
        if _month_of(at) in self._erased_months:
            self._report.explain(Explained.OF_ERASED, place)
        elif status == Status.ERROR:
            self._report.explain(Explained.FAILED, place)
        elif status is not None:
            self._report.alarm(Finding.NO_EVENT, place)
        elif self._ended[instance] - at > LONGEST_ACT // timedelta(microseconds=1) * 1_000:
            self._report.alarm(Finding.NEVER_ENDED, place)
        else:
            self._report.explain(Explained.UNFINISHED, place)


def _key(trace_id: str, span_id: str) -> bytes:
    return bytes.fromhex(trace_id + span_id)


def _act_of(span: Span) -> bytes | None:
    if span.cause is not None:
        return _key(span.cause.trace_id, span.cause.span_id)
    return None if span.parent is None else _key(span.trace.trace_id, span.parent)


def _version(span: Span) -> str:
    return span.activity.partition("#")[2]


def _month(at: datetime) -> str:
    return format_time(at)[:7]


def _month_of(nanos: int) -> str:
    return _month(datetime.fromtimestamp(nanos // 1_000_000_000, UTC))
