# SPDX-License-Identifier: EUPL-1.2
"""Count a year's entries of the log, once through.

Pure: proven entries in the log's order -> ``YearFigures``. What is kept while counting is numbers, and an id of each
hit that nobody opened yet: memory does not grow with the log. Entries about probes, where the reader knows these,
count as entries and as nothing else. Spec: ``spec/year.md``. Not here: proving entries (``agency_client``).
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from protocol import events as e
from protocol.errors import Code, InputError
from protocol.event_search import NOT_OWN
from protocol.ids import HitId, PartyId, PurposeId, SignalId
from protocol.proven_entries import SubjectPart
from protocol.statistics import MEASURES
from protocol.year_figures import FollowUp, RanUnder, YearFigures

LimitOf = Callable[[PartyId, PurposeId], timedelta | None]
"""Within which time an agency follows a hit of a purpose up; None when it need not."""


@dataclass(slots=True)
class _FollowedUp:
    in_time: int = 0
    late: int = 0
    unknown: int = 0


class YearCount:
    """Counts the entries of a period as they come."""

    def __init__(
        self, begins: datetime, ends: datetime, limit_of: LimitOf, probes: frozenset[SignalId] = frozenset()
    ) -> None:
        """Count for a period; ``probes`` are the signals that the reader knows to be probes."""
        self.begins, self.ends, self._limit_of, self._own_probes = begins, ends, limit_of, probes
        self._parts: Counter[SubjectPart] = Counter()
        self._months: Counter[tuple[str, str]] = Counter()
        self._purposes: Counter[tuple[PurposeId | None, str]] = Counter()
        self._agencies: Counter[tuple[PartyId | None, str]] = Counter()
        self._kinds: Counter[int] = Counter()
        self._denials: Counter[tuple[int, str, str]] = Counter()
        self._signals: Counter[tuple[PurposeId | None, str]] = Counter()
        self._expiries: Counter[tuple[PurposeId | None, str]] = Counter()
        self._matches: Counter[tuple[PurposeId | None, str]] = Counter()
        self._notices: Counter[tuple[str, str]] = Counter()
        self._followed: dict[PurposeId, _FollowedUp] = {}
        self._waiting: dict[tuple[HitId, PartyId], tuple[PurposeId, datetime]] = {}
        self._outcomes: Counter[tuple[PurposeId | None, str]] = Counter()
        self._disclosures: Counter[tuple[PurposeId | None, str]] = Counter()
        self._questions: Counter[PurposeId | None] = Counter()
        self._met: Counter[PurposeId | None] = Counter()
        self._readings: Counter[str] = Counter()
        self._exports: Counter[str] = Counter()
        self._erasures: Counter[str] = Counter()
        self._informing: Counter[tuple[PurposeId | None, str]] = Counter()
        self._unusual: Counter[str] = Counter()
        self._declared: Counter[str] = Counter()
        self._covenants: dict[str, RanUnder] = {}
        self._entries = self._probes = self._openings_unknown = 0

    def take(self, event: e.Event, part: SubjectPart) -> None:
        """Count one entry, in the log's order. Raises ``InputError`` for one outside the period."""
        act = event.act
        if not self.begins <= act.time < self.ends:
            raise InputError(Code.MALFORMED, "An entry is not of the period that is counted.")
        self._entries += 1
        self._parts[part] += 1
        self._months[f"{act.time.astimezone(UTC):%Y-%m}", event.OPERATION] += 1
        self._purposes[act.purpose, event.OPERATION] += 1
        self._agencies[None if event.TAG in NOT_OWN else act.agency, event.OPERATION] += 1
        self._kinds[event.TAG] += 1
        self._run_under(act)
        if self._own_probes and not self._own_probes.isdisjoint(event.subject.signal_ids):
            self._probes += 1
            return
        self._take_kind(event, part)

    def _run_under(self, act: e.Act) -> None:
        name = act.covenant.sha256
        known = self._covenants.get(name)
        first = act.time if known is None else min(known.first, act.time)
        last = act.time if known is None else max(known.last, act.time)
        self._covenants[name] = RanUnder(
            name, act.covenant.version, first, last, 1 if known is None else known.entries + 1
        )

    def _take_kind(self, event: e.Event, part: SubjectPart) -> None:
        purpose = event.act.purpose
        match event:
            case e.SignalRegistered():
                # A canary is about nobody, and only its planter can know that of it.
                self._signals[purpose, "registered" if event.asked.cover is None else "canary"] += 1
                if event.asked.cover is None:
                    self._informing[purpose, event.asked.informed] += 1
            case e.SignalRefused():
                self._signals[purpose, "refused"] += 1
                self._denials[event.TAG, event.code, event.rule or ""] += 1
            case e.SignalWithdrawn():
                self._signals[purpose, "withdrawn"] += 1
            case e.SignalExpired():
                self._signals[purpose, "expired"] += 1
                self._expiries[purpose, event.rule] += 1
            case e.SignalsMatched():
                self._matches[purpose, event.quality] += 1
            case e.NoticeIssued():
                self._notices[event.notice_type, event.level or ""] += 1
                self._tell(event, part)
            case e.HitOpened():
                self._open(event, part)
            case e.FollowedUp():
                self._act(event)
                if event.outcome is not None:
                    self._outcomes[purpose, event.outcome] += 1
            case e.DisclosureRequested():
                self._disclosures[purpose, "asked"] += 1
            case e.DisclosureDecided():
                self._disclosures[purpose, event.outcome] += 1
            case e.DisclosureReceived():
                self._disclosures[purpose, "read"] += 1
            case e.DisclosureEnded():
                self._disclosures[purpose, event.rule] += 1
            case e.RequestRefused():
                self._denials[event.TAG, event.code, event.rule or ""] += 1
            case e.QueryAnswered():
                self._questions[purpose] += 1
                self._met[purpose] += event.matches
            case e.UnusualUse():
                self._unusual[event.reason] += 1
            case e.EventsRead():
                self._readings[event.log_purpose] += 1
            case e.EventsExported():
                self._exports[event.log_purpose] += 1
            case e.EventsErased():
                self._erasures[event.ground] += event.entries
            case e.ProbesDeclared():
                for name in MEASURES:
                    self._declared[name] += getattr(event, name)
            case e.InformingReviewed():
                self._informing[purpose, f"reviewed-{event.informed}"] += 1

    def _tell(self, event: e.NoticeIssued, part: SubjectPart) -> None:
        agency, purpose, hit = event.act.recipient, event.act.purpose, event.subject.hit_id
        if event.notice_type != "hit" or agency is None or purpose is None:
            return
        limit = self._limit_of(agency, purpose)
        if limit is None:
            return
        if part != "whole" or hit is None:
            self._of(purpose).unknown += 1
            return
        self._of(purpose)
        self._waiting.setdefault((hit, agency), (purpose, event.act.time + limit))

    def _open(self, event: e.HitOpened, part: SubjectPart) -> None:
        agency, hit = event.act.agency, event.subject.hit_id
        if part == "erased" or agency is None or (part == "whole" and hit is None):
            self._openings_unknown += 1
            return
        self._act(event)

    def _act(self, event: e.HitOpened | e.FollowedUp) -> None:
        agency, hit = event.act.agency, event.subject.hit_id
        if agency is None:
            return
        told = None if hit is None else self._waiting.pop((hit, agency), None)
        if told is None:
            # Opened again; or of a hit that was told before this period; or of another agency's, for whom we count not.
            return
        purpose, due = told
        found = self._of(purpose)
        if event.act.time <= due:
            found.in_time += 1
        else:
            found.late += 1

    def _of(self, purpose: PurposeId) -> _FollowedUp:
        return self._followed.setdefault(purpose, _FollowedUp())

    def figures(self) -> YearFigures:
        """Return the numbers of what was taken."""
        never = Counter(purpose for purpose, due in self._waiting.values() if due < self.ends)
        waiting = Counter(purpose for purpose, due in self._waiting.values() if due >= self.ends)
        return YearFigures(
            begins=self.begins,
            ends=self.ends,
            entries=self._entries,
            erased=self._parts["erased"],
            left_out=self._parts["left-out"],
            probes=self._probes,
            months=dict(self._months),
            purposes=dict(self._purposes),
            agencies=dict(self._agencies),
            kinds=dict(self._kinds),
            denials=dict(self._denials),
            signals=dict(self._signals),
            expiries=dict(self._expiries),
            matches=dict(self._matches),
            notices=dict(self._notices),
            follow_up={
                purpose: FollowUp(one.in_time, one.late, never[purpose], waiting[purpose], one.unknown)
                for purpose, one in self._followed.items()
            },
            outcomes=dict(self._outcomes),
            openings_unknown=self._openings_unknown,
            disclosures=dict(self._disclosures),
            questions=dict(self._questions),
            questions_met=dict(self._met),
            readings=dict(self._readings),
            exports=dict(self._exports),
            statistics_read=self._kinds[e.StatisticsRead.TAG],
            subject_reports=self._kinds[e.SubjectReported.TAG],
            erasures=dict(self._erasures),
            informing=dict(self._informing),
            unusual=dict(self._unusual),
            declared={name: count for name, count in self._declared.items() if count},
            covenants=tuple(sorted(self._covenants.values(), key=lambda one: one.first)),
        )
