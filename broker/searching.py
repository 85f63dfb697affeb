# SPDX-License-Identifier: EUPL-1.2
"""Read entries of the log: decided for each purpose first, looked up then, logged, and only given with that proof.

Spec: ``protocol/spec/event-search.md``. Not here: which entries an agency may see (``protocol/event_search.py``),
finding them (``postgres/searching.py``), HTTP (``routes/events.py``).
"""

from typing import Final

from broker.facts import Outcome, RequestKept
from broker.interfaces import Proven
from broker.service import Broker
from broker.sought import FoundEvent, FoundEvents, Sought
from broker.statistics import role_of
from protocol.commitments import open_entry, without_subject
from protocol.covenant import Covenant
from protocol.errors import Code, InputError, RefusedError, UnavailableError
from protocol.event_search import EventPage, EventSearch, Reach, Refused, fits, reach_of
from protocol.ids import PartyId
from protocol.messages import Evidence, parse
from protocol.signing import Verified

NO_PURPOSE: Final = "guard.log-purpose-missing"


async def search_events(broker: Broker, by: Verified, body: bytes) -> EventPage:
    """Return a page of entries, once it is proven that this reading stands in the log.

    Whatever refuses it does so before anything is looked up, and is logged.
    """
    await broker.require_reader(by)
    search, reach = await _decide(broker, by, body)
    now = broker.now()
    sought = Sought(
        reach.agency,
        reach.purposes,
        search.filters,
        search.after,
        search.limit,
        other_planters(broker.covenant, by.party),
    )
    async with broker.act(by) as act:
        found = await act.search(sought)
        count, export = len(found.entries), search.use == "export"
        event = broker.recorder.events_read(by, reach, search.log_purpose, count, now, export=export)
        await act.commit(Outcome((RequestKept(broker.recorder.new_id(), by),), (event,)))
    erased = [entry.erased_by for entry in found.entries if entry.erased_by is not None and entry.whole]
    proven = await broker.proven([event.id, *(entry.event_id for entry in found.entries), *dict.fromkeys(erased)])
    if proven is None:
        raise UnavailableError(
            Code.NOT_LOGGED,
            "The reading is in the log, but enough witnesses have not confirmed that yet, so nothing is shown.",
            hint="Ask again in a minute; that is logged as another reading.",
        )
    return EventPage(
        entries=tuple(_shown(entry, proven, search) for entry in found.entries),
        # Their words are the reason of who had it erased; that it was is what the reader is to know.
        markers=tuple(_without_subject(proven.evidence[marker]) for marker in dict.fromkeys(erased)),
        next=_next(found),
        through=found.size,
        reading=proven.evidence[event.id],
        checkpoint=proven.checkpoint,
    )


def other_planters(covenant: Covenant, reader: PartyId) -> tuple[PartyId, ...]:
    """Return the agencies, this one left out, that may plant canaries under some purpose."""
    kinds = {kind for purpose in covenant.purposes.values() for kind in purpose.kinds_that("plant")}
    return tuple(one.id for one in covenant.agencies if one.id != reader and covenant.root_of(one.kind) in kinds)


async def _decide(broker: Broker, by: Verified, body: bytes) -> tuple[EventSearch, Reach]:
    try:
        role = role_of(by)
        search = parse(EventSearch, body)
    except InputError as error:
        await broker.log_refusal(by, error.code.value, None)
        raise
    reach = reach_of(broker.engine, by.party, role, search, broker.now())
    if isinstance(reach, Refused):
        decision = reach.decision
        await broker.log_refusal(by, Code.POLICY_REFUSED.value, decision.rule)
        raise RefusedError(
            Code.POLICY_REFUSED,
            decision.reason,
            rule=decision.rule,
            hint="Name one of the four log purposes." if decision.rule == NO_PURPOSE else None,
        )
    return search, reach


def _shown(entry: FoundEvent, proven: Proven, search: EventSearch) -> Evidence:
    """Return the evidence as far as the reader may see it, checked by what it says itself."""
    evidence = proven.evidence[entry.event_id]
    opened = open_entry(evidence.opening)
    if not fits(evidence.index, opened.event, search.filters, erased=opened.erased):
        # Two values with one keyed handle of 64 bits: what was logged as read must not be other than what was asked.
        raise UnavailableError(Code.UNAVAILABLE, "An entry was found that was not asked for.", hint="Ask otherwise.")
    return evidence if entry.whole else _without_subject(evidence)


def _without_subject(evidence: Evidence) -> Evidence:
    if evidence.opening.subject is None:
        return evidence
    return evidence.model_copy(update={"opening": without_subject(evidence.opening)})


def _next(found: FoundEvents) -> int | None:
    return found.entries[-1].index if found.more else None
