# SPDX-License-Identifier: EUPL-1.2
"""Rows of the logbook for people: an entry with its proof, use that is worth a look, how far a witness is.

Not here: what is true (``searching.py``, ``unusual_list.py``, ``cosigning.py``), where it comes from (``logbook.py``).
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from agency_client.actors import actors
from agency_client.console.visits import Visit
from agency_client.cosigning import known_witnesses
from agency_client.event_sentences import lines_of
from agency_client.searching import SeenPage
from agency_client.unusual_list import CANARY, Listed
from edge.event_words import EVENTS_SAID, UNUSUAL_SAID
from edge.languages import say
from edge.witness_lines import ago
from protocol.checkpoint import CosignedCheckpoint
from protocol.commitments import open_entry
from protocol.errors import VerificationError
from protocol.event_search import REFUSALS
from protocol.events import Event
from protocol.ids import PartyId, PurposeId
from protocol.messages import Opening


@dataclass(frozen=True, slots=True)
class EntryRow:
    """One entry of the log. ``lines`` are all that it says, with a label each; none where they are not shown."""

    place: int
    at: datetime
    what: str
    who: str
    whom: str
    """The employee behind it, when this agency's."""
    purpose: str
    refusal: bool
    confirmed: int
    """By how many witnesses."""
    scope: str = ""
    lines: Sequence[tuple[str, str]] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class UseRow:
    """Use that is worth a look."""

    when: str
    who: str
    purpose: str
    why: str
    count: str
    limit: str


@dataclass(frozen=True, slots=True)
class WitnessRow:
    """How far one witness is."""

    title: str
    counts: bool
    size: int | None
    ago: str
    failing: bool


def kept_rows(visit: Visit, found: Iterable[tuple[int, Opening]], cosigned: CosignedCheckpoint) -> list[EntryRow]:
    """Return rows of what was proven to this client before: the checkpoint continues the ones of that time."""
    named = actors(visit.running.session.vault, visit.speech.lang)
    return [_row(visit, place, open_entry(opening).event, cosigned, named(place)) for place, opening in found]


def seen_rows(visit: Visit, page: SeenPage) -> list[EntryRow]:
    """Return rows of a page that was read."""
    session, lang = visit.running.session, visit.speech.lang
    rules, named = session.engine.rules, actors(session.vault, lang)
    return [
        _row(
            visit,
            one.index,
            one.event,
            page.cosigned,
            named(one.index),
            one.scope,
            tuple(lines_of(one, page.cosigned, session.covenant, rules, named(one.index), lang)),
        )
        for one in page.entries
    ]


def use_rows(visit: Visit, found: Iterable[Listed]) -> list[UseRow]:
    """Return rows of use that is worth a look: counts, and no accusation."""
    lang, number, name_of = visit.speech.lang, visit.speech.number, visit.running.session.vault.evidence.people()
    return [
        UseRow(
            when=visit.speech.day(one.day) + (f", {one.hour:%H:%M} UTC" if one.hour is not None else ""),
            who=_agency(visit, one.agency) + (f", {name_of(one.person) or one.person}" if one.person else ""),
            purpose=_purpose(visit, one.purpose),
            why=say(UNUSUAL_SAID[one.reason], lang),
            count=number(one.count),
            limit="" if one.reason == CANARY else number(one.limit),
        )
        for one in found
    ]


def witness_rows(visit: Visit) -> list[WitnessRow]:
    """Return how far the witnesses were when the log was last looked at; none before that, or under another covenant's
    keys.
    """
    session, now = visit.running.session, visit.now
    try:
        known = known_witnesses(session.vault.evidence, session.covenant)
    except VerificationError:
        return []
    return [
        WitnessRow(
            _witness(visit, one.name),
            one.counts,
            one.size,
            ago(now - one.at, visit.speech.lang) if one.at is not None else "",
            one.failing(now),
        )
        for one in (known.states if known is not None else ())
    ]


def _row(
    visit: Visit,
    place: int,
    event: Event,
    cosigned: CosignedCheckpoint,
    name_of: Callable[[str], str | None],
    scope: str = "",
    lines: Sequence[tuple[str, str]] = (),
) -> EntryRow:
    act = event.act
    who = _agency(visit, act.agency)
    return EntryRow(
        place=place,
        at=act.time,
        what=say(EVENTS_SAID[event.TAG], visit.speech.lang),
        who=who if act.recipient is None else f"{who} → {_agency(visit, act.recipient)}",
        whom=name_of(act.person) or act.person if act.person and act.agency == visit.running.session.me.id else "",
        purpose=_purpose(visit, act.purpose),
        refusal=event.TAG in REFUSALS,
        confirmed=len(cosigned.cosigners),
        scope=scope,
        lines=lines,
    )


def _agency(visit: Visit, agency: PartyId | None) -> str:
    if agency is None:
        return visit.speech.gettext("the broker itself")
    found = visit.running.session.covenant.find(agency)
    return agency if found is None else str(getattr(found.title, visit.speech.lang))


def _purpose(visit: Visit, purpose: PurposeId | None) -> str:
    found = None if purpose is None else visit.running.session.covenant.purposes.get(purpose)
    return str(purpose or "") if found is None else str(getattr(found.title, visit.speech.lang))


def _witness(visit: Visit, name: str) -> str:
    covenant = visit.running.session.covenant
    titles = {one.id: one.title for one in covenant.agencies if one.witness}
    holder = next((one for one in covenant.key_holders if one.witness.startswith(f"{name}+")), None)
    title = holder.title if holder is not None else titles.get(PartyId(name))
    return name if title is None else str(getattr(title, visit.speech.lang))
