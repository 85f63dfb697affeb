# SPDX-License-Identifier: EUPL-1.2
"""A broker's log that can be searched, in memory and by the real rules; a test may bend what it answers.

Not here: finding by an index (``broker/postgres/searching.py`` has tests on a real database).
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime

from protocol import events as e
from protocol.commitments import Committed, open_entry, without_subject
from protocol.covenant import Covenant
from protocol.event_search import EventPage, EventSearch, Reach, Refused, fits, reach_of
from protocol.ids import PartyId
from protocol.messages import Evidence, parse
from protocol.policy import PersonRole, PolicyEngine
from tests.fakes.small_world import NOW, World

Bend = Callable[[EventPage], EventPage]


@dataclass(frozen=True)
class Entry:
    """One entry of the log, with what only the broker knows of it."""

    index: int
    made: Committed
    concerns: PartyId | None = None
    erased_by: int | None = None


@dataclass
class SearchedLog:
    """What the broker has in its log, beside the leaves."""

    world: World
    entries: list[Entry] = field(default_factory=list)
    said: Callable[[e.EventsRead], e.EventsRead] = lambda event: event
    """What it logs of a reading."""

    @property
    def covenant(self) -> Covenant:
        """What the parties agreed."""
        return self.world.kit.covenant

    def act(self, **facts: object) -> e.Act:
        """Return an act under this covenant."""
        ref = e.CovenantRef(version=self.covenant.version, sha256=self.covenant.sha256)
        held: dict[str, object] = {"time": NOW, "covenant": ref} | facts
        return e.Act(**held)  # type: ignore[arg-type]  # what a test says of it

    def add(self, event: e.Event, *, concerns: PartyId | None = None) -> Entry:
        """Log an event."""
        index, made = self.world.broker.log.add(event)
        self.entries.append(Entry(index, made, concerns))
        return self.entries[-1]

    def erase(self, index: int) -> Entry:
        """Erase the subject part of an entry; return the marker."""
        marker = self.add(
            e.EventsErased(
                act=self.act(system="broker"),
                subject=e.Subject(words=e.Words(text="verzoek", case_reference="Z-9")),
                ground="citizen-request",
                indexes=(index,),
                entries=1,
            )
        )
        self.entries = [replace(one, erased_by=marker.index) if one.index == index else one for one in self.entries]
        return marker

    def evidence(self, entry: Entry) -> Evidence:
        """Return the proof of an entry, as far as it is there still."""
        whole = self.world.broker.log.evidence(entry.index, entry.made)
        return whole if entry.erased_by is None else _without(whole)

    def search(self, agency: PartyId, search: EventSearch, person: str, role: PersonRole, now: datetime) -> EventPage:
        """Answer as an honest broker does."""
        reach = reach_of(PolicyEngine(self.covenant), agency, role, search, now)
        assert not isinstance(reach, Refused)
        through = len(self.world.broker.log.leaves)
        chosen = [one for one in self.entries if self._seen(one, agency, search, reach)]
        page = chosen[: search.limit]
        kind = e.EventsExported if search.use == "export" else e.EventsRead
        read = kind(
            act=self.act(agency=agency, person=person, time=now, decision="allow", policy_ids=reach.policies),
            scopes=reach.scopes,
            log_purpose=search.log_purpose,
            purposes=reach.named,
            entries=len(page),
        )
        reading = self.add(self.said(read))
        named = dict.fromkeys(one.erased_by for one in page if one.erased_by is not None)
        at = {one.index: one for one in self.entries}
        return EventPage(
            entries=tuple(self._shown(one, reach) for one in page),
            markers=tuple(self.evidence(at[index]) for index in named),
            next=page[-1].index if len(chosen) > search.limit else None,
            through=through,
            reading=self.evidence(reading),
            checkpoint=self.world.broker.log.checkpoint(),
        )

    def _seen(self, entry: Entry, agency: PartyId, search: EventSearch, reach: Reach) -> bool:
        event, erased = entry.made.event, entry.erased_by is not None
        after = -1 if search.after is None else search.after
        plain = reach.scope_of(event, concerns=False)
        withheld = plain is None and entry.concerns == agency
        return (
            entry.index > after
            and (plain is not None or reach.scope_of(event, concerns=withheld) is not None)
            and fits(entry.index, event, search.filters, erased=erased or withheld)
        )

    def _shown(self, entry: Entry, reach: Reach) -> Evidence:
        evidence = self.evidence(entry)
        return evidence if reach.scope_of(entry.made.event, concerns=False) is not None else _without(evidence)


def _without(evidence: Evidence) -> Evidence:
    if open_entry(evidence.opening).erased:
        return evidence
    return evidence.model_copy(update={"opening": without_subject(evidence.opening)})


@dataclass
class SearchingDoor:
    """The search as one agency reaches it; ``bend`` changes the answer."""

    log: SearchedLog
    agency: PartyId
    bend: Bend = lambda page: page
    asked: list[EventSearch] = field(default_factory=list)

    async def search_events(self, search: EventSearch, *, person: str, role: PersonRole) -> EventPage:
        """Answer, through the wire's form."""
        self.asked.append(search)
        return parse(EventPage, self.bend(self.log.search(self.agency, search, person, role, NOW)).to_json())
