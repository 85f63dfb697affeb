# SPDX-License-Identifier: EUPL-1.2
"""The answer to a citizen: what is processed, for which purposes, where it came from and who received it; in two forms.

The *full* form is for the privacy officer's file: who acted, own references, what needs a look. The *redacted* form is
for the citizen (CJEU C-579/21, Pankki S): no employee, no reference of this or another agency, and nothing about
somebody else: what stands under a signal in which the person is only somebody around its subject is left out, since it
would tell of that subject, and so is what may be about another person. Pure.
Not here: collecting (``subject_search.py``), words and pages (``subject_wording.py``, ``subject_page.py``).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Final, Literal, TypeAlias

from agency_client.subject_checking import ErasedEntry
from agency_client.subject_law import Clock
from agency_client.subject_person import OwnSignal, sureness
from agency_client.subject_search import Collected
from agency_client.trail import Proven
from agency_client.vault.hits import KeptHit
from protocol.encoding import parse_time
from protocol.events import Event, NoticeIssued, SignalRegistered, SignalsMatched, SubjectReported
from protocol.ids import Epoch, HitId, KeyKind, PartyId, PurposeId, SignalId
from protocol.messages import PartName, Quality, Role

Form: TypeAlias = Literal["full", "redacted"]
SURE: Final[frozenset[Quality]] = frozenset(("hit", "probable"))
"""What counts as the same person; a *possible* one is looked at by the officer first, or somebody else's data leak."""


@dataclass(frozen=True, slots=True)
class Met:
    """Another agency that a hit named, and whether its signal is about the person, not about somebody around."""

    agency: PartyId
    about_person: bool
    received: tuple[PartName, ...]
    """What it released to us."""


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that was done with the person's data."""

    at: datetime
    place: int
    event: Event = field(repr=False)
    sure: Quality
    role: Role | None
    """The person's in the own signal that it is about; none when it is about no signal, or one that the vault lacks."""
    other: PartyId | None
    """The other agency that it names to us."""
    other_about_person: bool
    received: tuple[PartName, ...]
    """What the other one released to us by it."""
    reference: str | None = field(repr=False)
    """The own record's."""

    @property
    def for_person(self) -> bool:
        """Whether it can be told to the person without telling of somebody else."""
        of_signal = bool(self.event.subject.signal_ids) and not isinstance(self.event, SubjectReported)
        return self.sure in SURE and (self.role == "subject" or not of_signal)


@dataclass(frozen=True, slots=True)
class PurposePart:
    """What was found under one purpose."""

    purpose: PurposeId
    refused: str | None
    """The ground on which nothing of it is told (``subject_law.GROUNDS``)."""
    lines: tuple[Line, ...]
    recipients: tuple[PartyId, ...]
    """Agencies that know of the person by a match with us."""
    sources: tuple[PartyId, ...]
    """Agencies that told us about the person."""
    received: tuple[PartName, ...]
    """What they released."""
    categories: tuple[KeyKind, ...]
    grounds: tuple[str, ...]
    bases: tuple[str, ...]
    live_until: date | None
    """When the last signal that stands ends."""
    epochs: tuple[Epoch, ...]


@dataclass(frozen=True, slots=True)
class SubjectReport:
    """The whole answer, in one form."""

    form: Form
    agency: PartyId
    case: str
    clock: Clock
    made_at: datetime
    covenant_version: str
    place: int
    """Where the log records that it was collected."""
    purposes: tuple[PurposePart, ...]
    requests: tuple[Line, ...]
    """Earlier requests of this person: what was looked up to answer them."""
    declined: Mapping[PurposeId, str]
    """Purpose -> why this agency does not answer for it, in the covenant's words."""
    erased: tuple[ErasedEntry, ...]
    weak: int
    """Entries that share too little with the person to be about him or her."""
    more: bool

    @property
    def to_check(self) -> int:
        """How many lines the privacy officer looks at before anything is told of them."""
        lines = [*self.requests, *(line for part in self.purposes for line in part.lines)]
        return sum(not line.for_person for line in lines)


def build(
    collected: Collected,
    hits: Mapping[HitId, KeptHit],
    *,
    agency: PartyId,
    case: str,
    clock: Clock,
    covenant_version: str,
    refused: Mapping[PurposeId, str],
) -> SubjectReport:
    """Return the full form; ``hits`` are the vault's, ``refused`` says of which purposes nothing is told."""
    checked = collected.checked
    met = _met(hits, checked.entries, agency)
    lines = [_line(one, collected, met) for one in checked.entries]
    kept = [line for line in lines if line is not None]
    return SubjectReport(
        form="full",
        agency=agency,
        case=case,
        clock=clock,
        made_at=checked.at,
        covenant_version=covenant_version,
        place=checked.receipt.place,
        purposes=tuple(_part(purpose, kept, collected, refused.get(purpose)) for purpose in collected.scope.answered),
        requests=tuple(line for line in kept if isinstance(line.event, SubjectReported)),
        declined={purpose: decision.reason for purpose, decision in collected.scope.declined.items()},
        erased=checked.erased,
        weak=len(lines) - len(kept),
        more=checked.more,
    )


def redact(report: SubjectReport) -> SubjectReport:
    """Return the form for the citizen."""
    parts = tuple(_redacted(part) for part in report.purposes)
    requests = tuple(line for line in report.requests if line.for_person)
    return replace(report, form="redacted", purposes=parts, requests=requests, erased=(), weak=0)


def _redacted(part: PurposePart) -> PurposePart:
    if part.refused is not None:
        # Neither that there is something, nor that there is nothing.
        return PurposePart(part.purpose, part.refused, (), (), (), (), (), (), (), None, ())
    lines = tuple(_bare(line) for line in part.lines if line.for_person)
    bare = _summed(part.purpose, lines, part.refused, part.epochs)
    return replace(bare, categories=part.categories, live_until=part.live_until) if lines else bare


def _bare(line: Line) -> Line:
    if line.other_about_person:
        return replace(line, reference=None)
    return replace(line, reference=None, other=None, received=())


def _met(hits: Mapping[HitId, KeptHit], entries: Iterable[Proven], agency: PartyId) -> dict[HitId, Met]:
    """Return whom each hit named to us: by the notice, which tells roles too, else by the log's own entry."""
    found: dict[HitId, Met] = {}
    for one in entries:
        event, hit = one.event, one.event.subject.hit_id
        if isinstance(event, SignalsMatched) and hit is not None:
            other = next((party for party in event.agencies if party != agency), agency)
            found[hit] = Met(other, about_person=False, received=())
    for hit, kept in hits.items():
        other_side = kept.notice.counterpart
        if other_side is not None:
            about = any(one.their_role == "subject" and one.my_role == "subject" for one in kept.notice.agreed)
            found[hit] = Met(other_side.agency, about, tuple(part.name for part in other_side.parts))
    return found


def _line(one: Proven, collected: Collected, met: Mapping[HitId, Met]) -> Line | None:
    event = one.event
    # A request is about who asked, by his or her own identifiers: the signals that it looked at can be another's.
    about = () if isinstance(event, SubjectReported) else event.subject.signal_ids
    own = next((collected.own[signal] for signal in about if signal in collected.own), None)
    sure = own.sure if own is not None else _sure_of(one, collected)
    if sure is None:
        return None
    other, about_person, received = _other(event, met)
    return Line(
        at=event.act.time,
        place=one.place,
        event=event,
        sure=sure,
        role=None if own is None else own.role,
        other=other,
        other_about_person=about_person,
        received=received,
        reference=None if own is None else own.draft.reference,
    )


def _sure_of(one: Proven, collected: Collected) -> Quality | None:
    """Return how sure it is of an entry about no signal that the vault has: by its digests, or its signal's."""
    direct = sureness(one.event, collected.kinds)
    if direct is not None or isinstance(one.event, SubjectReported):
        return direct
    wanted = set(one.event.subject.signal_ids)
    registered = (
        other.event
        for other in collected.checked.entries
        if isinstance(other.event, SignalRegistered) and wanted & set(other.event.subject.signal_ids)
    )
    return next((found for event in registered if (found := sureness(event, collected.kinds)) is not None), None)


def _other(event: Event, met: Mapping[HitId, Met]) -> tuple[PartyId | None, bool, tuple[PartName, ...]]:
    if isinstance(event, NoticeIssued) and event.notice_type == "queried":
        return event.act.agency, True, ()
    hit = event.subject.hit_id
    if hit is None or hit not in met:
        return None, False, ()
    told = isinstance(event, NoticeIssued) and event.notice_type == "hit"
    return met[hit].agency, met[hit].about_person, met[hit].received if told else ()


def _part(
    purpose: PurposeId,
    lines: Sequence[Line],
    collected: Collected,
    refused: str | None,
) -> PurposePart:
    mine = tuple(line for line in lines if line.event.act.purpose == purpose)
    own = [
        one
        for one in collected.own.values()
        if one.kept.purpose == purpose and one.role == "subject" and one.sure in SURE
    ]
    part = _summed(purpose, mine, refused, collected.epochs.get(purpose, ()))
    return replace(part, categories=_categories(own), live_until=_live_until(own, mine))


def _summed(purpose: PurposeId, lines: tuple[Line, ...], refused: str | None, epochs: tuple[Epoch, ...]) -> PurposePart:
    """Return a part with what its lines say by themselves."""
    registered = [line.event for line in lines if isinstance(line.event, SignalRegistered)]
    told = [line for line in lines if isinstance(line.event, NoticeIssued) and line.event.notice_type == "hit"]
    matched = [line for line in lines if isinstance(line.event, SignalsMatched)]
    asked = [line for line in lines if isinstance(line.event, NoticeIssued) and line.event.notice_type == "queried"]
    return PurposePart(
        purpose=purpose,
        refused=refused,
        lines=lines,
        recipients=_parties([*matched, *told, *asked]),
        sources=_parties(told),
        received=tuple(sorted({name for line in told for name in line.received})),
        categories=(),
        grounds=tuple(sorted({ground for event in registered for ground in event.asked.grounds})),
        bases=tuple(sorted({event.asked.basis for event in registered})),
        live_until=None,
        epochs=epochs,
    )


def _parties(lines: Iterable[Line]) -> tuple[PartyId, ...]:
    return tuple(sorted({line.other for line in lines if line.other is not None}))


def _categories(own: Iterable[OwnSignal]) -> tuple[KeyKind, ...]:
    return tuple(sorted({key.kind for one in own for key in one.draft.keys if key.role == one.role}))


def _live_until(own: Iterable[OwnSignal], lines: Iterable[Line]) -> date | None:
    ended: set[SignalId] = {
        signal for line in lines if line.event.OPERATION == "erasure" for signal in line.event.subject.signal_ids
    }
    ends = [parse_time(one.kept.expires_at).date() for one in own if one.kept.id not in ended]
    return max(ends, default=None)
