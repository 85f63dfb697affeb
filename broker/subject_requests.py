# SPDX-License-Identifier: EUPL-1.2
"""Collect what the log has about a citizen, for the privacy officer of one agency who answers that citizen.

Decided for each purpose first: of one that the covenant does not let this agency answer for nothing is looked up, and
the answer is that of a purpose without entries. An agency is given its own acts and what it was told itself; that two
signals met only where it was told whose the other is; never what others were told, which is theirs to answer for.
Spec: ``protocol/spec/subject-access.md``. Not here: finding entries (``postgres/subject_requests.py``), HTTP.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Final

from broker.facts import Outcome, RequestKept
from broker.interfaces import Act
from broker.levels import NAMED
from broker.service import Broker
from broker.statistics import role_of
from broker.subjects import AboutEntry, AboutSought
from protocol.errors import Code, InputError, RefusedError, UnavailableError
from protocol.events import Event, KeyMuted, NoticeIssued, SignalRegistered, SignalRetagged, SignalsMatched
from protocol.ids import HitId, PartyId, PurposeId, SignalId
from protocol.messages import parse
from protocol.policy import SubjectRequest
from protocol.questions import PersonRole
from protocol.signing import Verified
from protocol.subject_requests import MAX_ENTRIES, ErasedPlace, SubjectFound, SubjectSearch

_EVER: Final = datetime(2026, 1, 1, tzinfo=UTC)
"""Before the first covenant: no entry is older."""


async def collect(broker: Broker, by: Verified, body: bytes) -> SubjectFound:
    """Return what this agency may see, once it is proven that the collecting stands in the log.

    Whatever refuses it does so before anything is looked up, and is logged.
    """
    await broker.require_reader(by)
    try:
        role = role_of(by)
        search = parse(SubjectSearch, body)
    except InputError as error:
        await broker.log_refusal(by, error.code.value, None)
        raise
    now = broker.now()
    await _require_role(broker, by, role, now)
    allowed = frozenset(purpose for purpose in search.purposes if _allowed(broker, by.party, purpose, role, now))
    async with broker.act(by) as act:
        found = await find(act, search, by.party, allowed, _since(broker, search))
        entries = found[:MAX_ENTRIES]
        erased = await act.erased_among(search.known, by.party)
        event = broker.recorder.subject_reported(by, search, len(entries), now)
        await act.commit(Outcome((RequestKept(broker.recorder.new_id(), by),), (event,)))
    markers = {one.marker for one in erased}
    proven = await broker.proven([event.id, *(one.id for one in entries), *sorted(markers)])
    if proven is None:
        raise UnavailableError(
            Code.NOT_LOGGED,
            "The request is in the log, but enough witnesses have not confirmed that yet, so nothing is given.",
            hint="Ask again in a minute; that is logged as another request.",
        )
    return SubjectFound(
        entries=tuple(sorted((proven.evidence[one.id] for one in entries), key=lambda one: one.index)),
        more=len(found) > len(entries),
        erased=tuple(ErasedPlace(index=one.index, marker=proven.evidence[one.marker]) for one in erased),
        report=proven.evidence[event.id],
        checkpoint=proven.checkpoint,
    )


async def _require_role(broker: Broker, by: Verified, role: PersonRole, now: datetime) -> None:
    """Pass for who may answer citizens for any purpose at all: for which is not said by a refusal."""
    rule, reason = None, "The covenant has no purpose."
    for purpose in broker.covenant.purposes:
        decision = broker.engine.decide(SubjectRequest(by.party, purpose, role, now))
        if decision.allowed:
            return
        rule, reason = decision.rule, decision.reason
    await broker.log_refusal(by, Code.POLICY_REFUSED.value, rule)
    raise RefusedError(Code.POLICY_REFUSED, reason, rule=rule)


def _allowed(broker: Broker, agency: PartyId, purpose: PurposeId, role: PersonRole, now: datetime) -> bool:
    return broker.engine.decide(SubjectRequest(agency, purpose, role, now)).allowed


def _since(broker: Broker, search: SubjectSearch) -> datetime:
    """Return when the first of the asked epochs began: no earlier entry names a tag of theirs."""
    # One that is far ahead has no date, and no entry either.
    current = broker.covenant.epoch_at(broker.now())
    return broker.covenant.epoch_start(min((current, *(group.epoch for group in search.tags))))


async def find(
    act: Act, search: SubjectSearch, agency: PartyId, allowed: frozenset[PurposeId], since: datetime
) -> list[AboutEntry]:
    """Return what may be given, the newest first: by digests, then by own signals, then by those signals' hits.

    Always the same three statements, so that no answer waits for what there is.
    """
    digests = [digest for group in search.tags if group.purpose in allowed for digest in group.tag_digests]
    first = await act.about(AboutSought(agency, allowed, tuple(("tag", one) for one in digests), since))
    signals = sorted({*search.signals, *own_signals((one.event for one in first), agency)})
    second = await act.about(AboutSought(agency, allowed, tuple(("signal", one.bytes) for one in signals), _EVER))
    hits = sorted(told_hits([one.event for one in (*first, *second)], agency, named=False))
    third = await act.about(AboutSought(agency, allowed, tuple(("hit", one.bytes) for one in hits), _EVER))
    every = {one.id: one for one in (*first, *second, *third)}
    named = told_hits([one.event for one in every.values()], agency, named=True)
    given = [one for one in every.values() if may_give(one.event, agency, named)]
    return sorted(given, key=lambda one: one.id, reverse=True)


def own_signals(events: Iterable[Event], agency: PartyId) -> frozenset[SignalId]:
    """Return the signals that an agency registered itself; of a canary that bears its name it knows nothing."""
    return frozenset(
        signal
        for event in events
        if isinstance(event, SignalRegistered | SignalRetagged) and event.act.agency == agency
        for signal in event.subject.signal_ids
    )


def told_hits(events: Sequence[Event], agency: PartyId, *, named: bool) -> frozenset[HitId]:
    """Return the hits of which an agency was told; ``named``: only those of which it was told whose the other is."""
    return frozenset(
        event.subject.hit_id
        for event in events
        if isinstance(event, NoticeIssued)
        and event.act.recipient == agency
        and event.subject.hit_id is not None
        and (not named or event.level in NAMED)
    )


def may_give(event: Event, agency: PartyId, named: frozenset[HitId]) -> bool:
    """Say whether an agency is given an entry: its own act, what it was told, and a match whose other side it knows."""
    if isinstance(event, NoticeIssued | KeyMuted):
        return event.act.recipient == agency
    if isinstance(event, SignalsMatched):
        return agency in event.agencies and event.subject.hit_id in named
    return event.act.agency == agency
