# SPDX-License-Identifier: EUPL-1.2
"""Whether the broker's answer to a subject request holds: proven, about this person, ours to see, nothing left out.

That an entry about the person was left out is seen when it was proven to us before: the vault has its receipt. That one
exists which was never proven to us (of a request whose answer we lost) is the broker's word. Pure.
Not here: asking (``subject_search.py``).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from agency_client.signed_versions import SignedVersions
from agency_client.subject_person import KnownEntry, concerns, hits_of
from agency_client.trail import Proven, prove
from agency_client.verified import Receipt
from protocol.checkpoint import CosignedCheckpoint
from protocol.commitments import open_entry
from protocol.erasure import prove_marker, require_kept, require_named
from protocol.errors import Code, VerificationError
from protocol.events import (
    Event,
    KeyMuted,
    NoticeIssued,
    SignalRegistered,
    SignalRetagged,
    SignalsMatched,
    SubjectReported,
    Words,
)
from protocol.ids import PartyId, SignalId
from protocol.messages import Evidence
from protocol.subject_requests import ErasedPlace, SubjectFound, SubjectSearch


@dataclass(frozen=True, slots=True)
class AskedSubject:
    """What was sent, by whom."""

    request: SubjectSearch
    agency: PartyId
    person: str

    @property
    def digests(self) -> frozenset[bytes]:
        """Every digest that was asked for."""
        return frozenset(digest for group in self.request.tags for digest in group.tag_digests)


@dataclass(frozen=True, slots=True)
class ErasedEntry:
    """An entry about the person that was proven to us before and is erased: when, and on which ground."""

    place: int
    marker: int
    at: datetime
    ground: str


@dataclass(frozen=True, slots=True)
class CheckedSubject:
    """A whole answer that holds, and the receipt of its request."""

    at: datetime
    entries: tuple[Proven, ...]
    erased: tuple[ErasedEntry, ...]
    more: bool
    report: Event
    receipt: Receipt
    checkpoint: str
    evidence: Mapping[int, Evidence] = field(repr=False)
    """Of every entry and of the request itself, by place."""


def check_found(
    found: SubjectFound,
    cosigned: CosignedCheckpoint,
    asked: AskedSubject,
    known: Sequence[KnownEntry],
    versions: SignedVersions,
) -> CheckedSubject:
    """Return the answer as one that may be believed.

    Raises ``VerificationError``: ``receipt_invalid`` when something is not proven, is about somebody else or not ours
    to see, ``log_incomplete`` when an entry is left out that was proven to us before, ``erasure_unproven`` when one is
    called erased that the log does not call so, ``covenant_untrusted`` when something was done under rules that the
    board did not sign. May ask for an earlier covenant: not in an event loop.
    """
    report = prove(found.report, cosigned)
    _require_ours(report.event, asked, len(found.entries))
    versions.require(report.event)
    entries = tuple(prove(one, cosigned) for one in found.entries)
    places = [one.place for one in entries]
    if places != sorted(set(places)) or report.place in places:
        raise _not_proven("The answer names one entry twice, or its entries out of order.")
    _require_about(entries, asked)
    for one in entries:
        versions.require(one.event)
    erased = _erased(found.erased, cosigned, {one.place: one.event for one in known}, versions)
    if not found.more:
        _require_whole(known, {*places, *(one.place for one in erased)})
    act = report.event.act
    receipt = report.receipt("subject-request")
    evidence = {one.index: one for one in (*found.entries, found.report)}
    return CheckedSubject(act.time, entries, erased, found.more, report.event, receipt, found.checkpoint, evidence)


def may_see(event: Event, agency: PartyId) -> bool:
    """Say whether an entry is one that an agency can be given: its own act, or what it was told itself.

    What others were told is theirs to answer for; that two agencies' signals met is known to both where both are named.
    """
    if isinstance(event, NoticeIssued | KeyMuted):
        return event.act.recipient == agency
    if isinstance(event, SignalsMatched):
        return agency in event.agencies
    return event.act.agency == agency


def _require_ours(event: Event, asked: AskedSubject, entries: int) -> None:
    request, why = asked.request, asked.request.justification
    if not isinstance(event, SubjectReported):
        raise _not_proven("The log's entry is not a subject request.")
    act, subject = event.act, event.subject
    if (act.agency, act.person, act.system) != (asked.agency, asked.person, None):
        raise _not_proven("The log's entry is about another agency or another person.")
    if (act.justification, subject.words) != (why.code, Words(text=why.text, case_reference=why.case_reference)):
        raise _not_proven("The log has another reason than the one given.")
    if frozenset(subject.tag_digests) != asked.digests or subject.signal_ids != request.signals:
        raise _not_proven("The log has another request than the one made.")
    if (event.purposes, event.entries) != (request.purposes, entries):
        raise _not_proven("The log has other purposes, or another number of entries, than the answer.")


def _require_about(entries: Sequence[Proven], asked: AskedSubject) -> None:
    events = [one.event for one in entries]
    signals = {*asked.request.signals, *registered(events, asked.agency, asked.digests)}
    hits = hits_of(events, signals, asked.agency)
    for event in events:
        if not may_see(event, asked.agency):
            raise _not_proven("The answer has an entry that is another agency's.")
        if not concerns(event, signals, asked.digests, hits):
            raise _not_proven("The answer has an entry that is about somebody else.")
        if event.act.purpose not in {None, *asked.request.purposes}:
            raise _not_proven("The answer has an entry of a purpose that was not asked for.")


def registered(events: Sequence[Event], agency: PartyId, digests: Collection[bytes]) -> frozenset[SignalId]:
    """Return the signals that an agency registered with one of these digests."""
    return frozenset(
        signal
        for event in events
        if isinstance(event, SignalRegistered | SignalRetagged)
        and event.act.agency == agency
        and not set(event.subject.tag_digests).isdisjoint(digests)
        for signal in event.subject.signal_ids
    )


def _erased(
    said: Sequence[ErasedPlace], cosigned: CosignedCheckpoint, known: Mapping[int, Event], versions: SignedVersions
) -> tuple[ErasedEntry, ...]:
    found = []
    for one in said:
        if one.index not in known:
            raise _not_proven("The answer calls an entry erased that was not asked for.")
        marker = prove_marker(one.marker, cosigned)
        require_named(one.index, known[one.index], marker)
        said_under = versions.require(open_entry(one.marker.opening).event)
        require_kept(marker, said_under.covenant.log_retention_years)
        found.append(ErasedEntry(one.index, marker.index, marker.at, marker.ground))
    return tuple(found)


def _require_whole(known: Sequence[KnownEntry], told: Collection[int]) -> None:
    left_out = [one.place for one in known if one.place not in told]
    if left_out:
        raise VerificationError(
            Code.LOG_INCOMPLETE,
            f"The broker left out {len(left_out)} entries about this person that were proven to this agency before; "
            f"the first is entry {left_out[0]}.",
            hint="No report is made of an answer that is not whole. Tell the broker's operator and the board.",
        )


def _not_proven(detail: str) -> VerificationError:
    return VerificationError(
        Code.RECEIPT_INVALID, detail, hint="Nothing of this answer is used. Tell the broker's operator and the board."
    )
