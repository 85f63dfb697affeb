# SPDX-License-Identifier: EUPL-1.2
"""Reading the log: what is asked and answered, which entries somebody may see, and whether an entry fits the question.

Pure, and the same at both ends: the broker gives by these rules, the client refuses what they do not allow.
Spec: ``spec/event-search.md``. Not here: finding entries (``broker/postgres/searching.py``), proving them
(``agency_client/searching.py``).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Annotated, Final, Literal, TypeAlias, get_args
from uuid import UUID

from pydantic import Field, StringConstraints, model_validator

from protocol.covenant import Covenant
from protocol.events import (
    EVENTS,
    DisclosureDecided,
    DisclosureEnded,
    DisclosureReceived,
    DisclosureRequested,
    Event,
    EventsErased,
    HitOpened,
    KeyMuted,
    NoticeIssued,
    RequestRefused,
    SignalRefused,
    SignalsMatched,
    UnusualUse,
)
from protocol.ids import PartyId, PurposeId
from protocol.messages import Evidence, LogIndex, Message, Note, Party, Purpose, Time
from protocol.policy import Decision, ExportEvents, LogPurpose, PersonRole, PolicyEngine, ReadEvents, Scope

MAX_PAGE: Final = 200
"""Entries a page: with a push's thousand signal ids in a subject part, a few MB at most; usually 300 kB."""
PAGE: Final = 100
SCOPES: Final[tuple[Scope, ...]] = get_args(Scope)

Operation: TypeAlias = Literal[
    "collection", "alteration", "consultation", "disclosure", "combination", "erasure", "administration"
]
"""LED art. 25, or what is no operation on a subject's data."""
OPERATIONS: Final[tuple[Operation, ...]] = get_args(Operation)
Reference = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._:~-]{1,128}$")]
"""An agency's own opaque reference to its employee, as records have it."""

_OF_DISCLOSURE: Final = (DisclosureRequested.TAG, DisclosureDecided.TAG, DisclosureReceived.TAG, DisclosureEnded.TAG)
TOLD: Final = frozenset((NoticeIssued.TAG, KeyMuted.TAG, EventsErased.TAG, *_OF_DISCLOSURE))
"""What an agency was told, also that of it something was erased: to read for it under the scope ``counterpart``."""
NOT_OWN: Final = frozenset((NoticeIssued.TAG, KeyMuted.TAG, UnusualUse.TAG))
"""Records that name an agency which did not do it: who asked, in a notice to somebody else; of whom use is unusual."""
CONCERNING: Final = frozenset((HitOpened.TAG,))
"""Acts of another agency that one may see because they concern its own signal, without their subject part. Only acts
that may just as well not be done: a *notice* to the other side would always be there, except when the other side is a
canary, and so its absence would betray one."""

REFUSALS: Final = frozenset((SignalRefused.TAG, RequestRefused.TAG))
"""The kinds that tell of a refusal: no other one does, and these tell of nothing else."""


# --- Messages -------------------------------------------------------------------------------------------------------


class EventFilters(Message):
    """What is looked for: an entry fits when it fits all that is given."""

    since: Time | None = None
    """The act's own time, from this moment on."""
    until: Time | None = None
    """Before this moment."""
    operation: Operation | None = None
    event: Annotated[int, Field(ge=1, le=255)] | None = None
    """One kind, by its tag."""
    purpose: Purpose | None = None
    person: Reference | None = None
    agency: Party | None = None
    """Who acted, was told, or was matched."""
    decision: Literal["allow", "deny"] | None = None
    hit: Annotated[UUID, Field(strict=False)] | None = None
    signal: Annotated[UUID, Field(strict=False)] | None = None
    index: LogIndex | None = None
    """One entry, by its place in the log."""


class EventSearch(Message):
    """``POST /v1/events/search`` at the broker."""

    log_purpose: LogPurpose = "none"
    """Why the log is read. Whoever gives none is refused by rule, and that is logged (law.md L-5, L-7)."""
    use: Literal["read", "export"] = "read"
    """``export``: to take the entries out, with their proofs; asked of the rules and logged as that (event 21)."""
    filters: EventFilters = EventFilters()
    after: LogIndex | None = None
    """Entries behind this place; from the first when absent."""
    limit: Annotated[int, Field(ge=1, le=MAX_PAGE)] = PAGE


class EventPage(Message):
    """The entries that fit and may be seen, in the log's order; never given without the proof that this was logged."""

    entries: Annotated[tuple[Evidence, ...], Field(strict=False, max_length=MAX_PAGE)]
    """Whole; of what only concerned the reader, and of what was erased, the subject part is left out."""
    markers: Annotated[tuple[Evidence, ...], Field(strict=False, max_length=MAX_PAGE)] = ()
    """The entries that say what was erased, for each entry of which the subject part was."""
    next: LogIndex | None = None
    """Where to go on: the last entry's place, when there are more that fit. Absent: all were given."""
    through: LogIndex
    """Size of the log that was looked at."""
    reading: Evidence
    """That this reading is in the log."""
    checkpoint: Note
    """The one checkpoint in which all of it is proven."""

    @model_validator(mode="after")
    def _fits(self) -> "EventPage":
        places = [entry.index for entry in self.entries]
        if any(later <= earlier for earlier, later in pairwise(places)):
            raise ValueError("the entries stand in the log's order, each once")
        if any(place >= self.through for place in places):
            raise ValueError("an entry stands behind what was looked at")
        if self.next is not None and (not places or self.next != places[-1]):
            raise ValueError("`next` is the last entry's place")
        return self


# --- What may be seen -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Reach:
    """Entries of which purposes somebody may read, under each scope, and the rules that say so.

    A purpose None stands for entries without one.
    """

    agency: PartyId
    purposes: Mapping[Scope, frozenset[PurposeId | None]]
    policies: tuple[str, ...]

    @property
    def scopes(self) -> tuple[Scope, ...]:
        """The scopes under which there is anything to read, in their fixed order."""
        return tuple(scope for scope in SCOPES if self.purposes[scope])

    @property
    def named(self) -> tuple[PurposeId, ...]:
        """All purposes, in order of name."""
        return tuple(sorted({one for found in self.purposes.values() for one in found if one is not None}))

    def scope_of(self, event: Event, *, concerns: bool) -> Scope | None:
        """Return under which scope this entry may be seen, or None; ``concerns`` is whether it is about a signal of
        the reader's, which only the broker knows.
        """
        for scope in seen_as(event, self.agency, concerns=concerns):
            if event.act.purpose in self.purposes[scope]:
                return scope
        return None


def seen_as(event: Event, agency: PartyId, *, concerns: bool) -> tuple[Scope, ...]:
    """Return as what an agency may see an entry, the closest first; ``others`` always is the last."""
    act = event.act
    if act.agency == agency and event.TAG not in NOT_OWN:
        return "own", "others"
    if (act.recipient == agency and event.TAG in TOLD) or (concerns and event.TAG in CONCERNING):
        return "counterpart", "others"
    return ("others",)


def is_told(event: Event, agency: PartyId) -> bool:
    """Say whether an entry is what this agency was told itself, so that its subject part is its own."""
    return event.act.recipient == agency and event.TAG in TOLD


@dataclass(frozen=True, slots=True)
class Refused:
    """No entry may be read, by this rule."""

    decision: Decision


def reach_of(
    engine: PolicyEngine, agency: PartyId, role: PersonRole, search: EventSearch, now: datetime
) -> Reach | Refused:
    """Return what somebody may read of what is asked, by the rules for each purpose and scope.

    Entries without a purpose (a refused request, administration) may be read by whoever may read **every** purpose of
    the scope: nobody knows of which purpose such an entry would be, so the strictest holds. Of the own acts that is
    every purpose in which the agency's kind takes part; of others' acts every purpose there is.
    """
    covenant = engine.covenant
    asked = [search.filters.purpose] if search.filters.purpose is not None else list(covenant.purposes)
    allowed: dict[Scope, set[PurposeId | None]] = {scope: set() for scope in SCOPES}
    policies: set[str] = set()
    refused: Decision | None = None

    def decide(purpose: PurposeId, scope: Scope) -> Decision:
        question = ExportEvents if search.use == "export" else ReadEvents
        return engine.decide(question(agency, purpose, role, scope, search.log_purpose, now))

    for purpose in asked:
        for scope in SCOPES:
            decision = decide(purpose, scope)
            if decision.allowed:
                allowed[scope].add(purpose)
                policies.update(decision.policies)
            elif refused is None or _tells_more(decision, refused):
                refused = decision
    if search.filters.purpose is None:
        for scope, all_of in (("own", _own_purposes(covenant, agency)), ("others", list(covenant.purposes))):
            if all_of and all(decide(purpose, scope).allowed for purpose in all_of):
                allowed[scope].add(None)
    if not any(allowed.values()):
        return Refused(refused or decide(PurposeId("none"), "own"))
    return Reach(agency, {scope: frozenset(found) for scope, found in allowed.items()}, tuple(sorted(policies)))


def _own_purposes(covenant: Covenant, agency: PartyId) -> list[PurposeId]:
    kind = covenant.kind_of(agency)
    return [name for name, purpose in covenant.purposes.items() if kind in purpose.participants]


def _tells_more(decision: Decision, known: Decision) -> bool:
    # A missing log purpose is what the reader can mend; "no rule allows this" helps nobody.
    return not known.policies and bool(decision.policies)


# --- What fits ------------------------------------------------------------------------------------------------------


def kinds_of(filters: EventFilters) -> frozenset[int]:
    """Return which kinds of event can fit at all."""
    return frozenset(
        tag
        for tag, kind in EVENTS.items()
        if (filters.decision is None or (filters.decision == "deny") == (tag in REFUSALS))
        and (filters.operation in (None, kind.OPERATION))
        and filters.event in (None, tag)
    )


def fits(index: int, event: Event, filters: EventFilters, *, erased: bool) -> bool:
    """Say whether an entry is what was looked for. Of an erased one, nobody can say that it was of a hit or signal."""
    act, subject = event.act, event.subject
    agencies = {act.agency, act.recipient, *(event.agencies if isinstance(event, SignalsMatched) else ())}
    return (
        filters.index in (None, index)
        and event.TAG in kinds_of(filters)
        and (filters.since is None or act.time >= filters.since)
        and (filters.until is None or act.time < filters.until)
        and filters.purpose in (None, act.purpose)
        and filters.person in (None, act.person)
        and (filters.agency is None or filters.agency in agencies)
        and filters.decision in (None, act.decision)
        and (filters.hit is None or (not erased and subject.hit_id == filters.hit))
        and (filters.signal is None or (not erased and filters.signal in subject.signal_ids))
    )
