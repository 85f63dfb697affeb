# SPDX-License-Identifier: EUPL-1.2
"""Read the log with the broker's help, and believe of a page only what can be verified.

What must hold: the log proves that just this reading was logged, under rules that the board signed, and each entry, in
one checkpoint that continues ours; each is one that was asked for and that these rules let this reader see; what is
said to be erased was, by an entry that says so; and what was proven to us before and fits is among them, in a log that
was looked at as far as we know it to be. That nothing else fits is the broker's word: it alone can find.
Spec: ``protocol/spec/event-search.md``. Not here: the words (``event_sentences.py``), the commands
(``commands_audit_search.py``).
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, Protocol

from agency_client.signed_versions import SignedVersions
from agency_client.trail import Trail, prove
from agency_client.vault.evidence import EvidenceShelf
from protocol.checkpoint import CosignedCheckpoint
from protocol.commitments import Opened, open_entry
from protocol.erasure import Marker, prove_marker, prove_part
from protocol.errors import Code, InputError, RefusedError, UnavailableError, VerificationError
from protocol.event_search import EventFilters, EventPage, EventSearch, Reach, Refused, fits, reach_of
from protocol.events import Event, EventsExported, EventsRead
from protocol.ids import PartyId
from protocol.log_evidence import verify_evidence
from protocol.merkle import leaf_hash, verify_inclusion
from protocol.messages import Evidence, Opening
from protocol.policy import LogPurpose, PersonRole, PolicyEngine, Scope

SubjectPart = Literal["given", "withheld", "erased"]
_ABOUT: Final = "log"
"""What the receipt of a reading is kept under."""


@dataclass(frozen=True, slots=True)
class Inquiry:
    """What somebody wants to read of the log, why, and as whom."""

    filters: EventFilters
    log_purpose: LogPurpose
    person: str
    role: PersonRole
    use: Literal["read", "export"] = "read"

    def search(self, after: int | None, limit: int) -> EventSearch:
        """Return the request for a page."""
        return EventSearch(log_purpose=self.log_purpose, use=self.use, filters=self.filters, after=after, limit=limit)


@dataclass(frozen=True, slots=True)
class SeenEntry:
    """An entry that the log proves and this reader may see."""

    index: int
    event: Event
    """With an empty subject part when that was not given."""
    leaf: bytes
    opening: Opening
    """As far as it was given."""
    scope: Scope
    subject: SubjectPart
    erased_by: Marker | None
    signed: bool
    """Whether the version of the covenant that it names is one that the board signed, as far as is known here."""


@dataclass(frozen=True, slots=True)
class SeenPage:
    """A page of such entries, in the log's order."""

    entries: tuple[SeenEntry, ...]
    next: int | None
    through: int
    cosigned: CosignedCheckpoint
    reading: int
    """Where the log has this reading."""
    beside: tuple[tuple[int, Opening], ...]
    """The entries that tell of erasures, and of this reading itself, for who takes the page out as evidence."""
    read_at: datetime
    reach: Reach


class SearchDoor(Protocol):
    """The broker, as far as it is asked for this."""

    async def search_events(self, search: EventSearch, *, person: str, role: PersonRole) -> EventPage:
        """Return a page of entries. Every call is another reading."""


def check_page(
    answer: EventPage,
    cosigned: CosignedCheckpoint,
    inquiry: Inquiry,
    search: EventSearch,
    me: PartyId,
    versions: SignedVersions,
) -> SeenPage:
    """Return the page as one that may be believed. Raises ``VerificationError``, whatever does not hold.

    May ask for earlier covenants: not in an event loop.
    """
    reach, read_at = _require_logged(answer, cosigned, inquiry, search, me, versions)
    places = [entry.index for entry in answer.entries]
    if places and search.after is not None and places[0] <= search.after:
        raise _untrue("The answer goes back in the log.")
    if len(places) > search.limit or (answer.next is not None and len(places) < search.limit):
        raise _untrue("The answer is not a page as it was asked for.")
    if not answer.through <= cosigned.checkpoint.size or answer.reading.index < answer.through:
        raise _untrue("The answer says to be of a log that its checkpoint does not have.")
    markers = {marker.index: marker for marker in answer.markers}
    said = [(prove_marker(marker, cosigned), marker) for marker in markers.values()]
    entries = tuple(_entry(one, cosigned, search.filters, reach, said, versions) for one in answer.entries)
    beside = tuple((one.index, one.opening) for one in (*markers.values(), answer.reading))
    return SeenPage(entries, answer.next, answer.through, cosigned, answer.reading.index, beside, read_at, reach)


def _require_logged(
    answer: EventPage,
    cosigned: CosignedCheckpoint,
    inquiry: Inquiry,
    search: EventSearch,
    me: PartyId,
    versions: SignedVersions,
) -> tuple[Reach, datetime]:
    event = verify_evidence(answer.reading, cosigned)
    act = event.act
    kind = EventsExported if search.use == "export" else EventsRead
    if not isinstance(event, kind) or (act.agency, act.person, act.system) != (me, inquiry.person, None):
        raise _untrue("The log's entry is not this person's reading of the log.")
    reach = reach_of(versions.require(event), me, inquiry.role, search, act.time)
    if isinstance(reach, Refused):
        raise _untrue("The rules that the board signed do not allow this reading.")
    logged = (event.log_purpose, event.scopes, event.purposes, act.policy_ids, act.decision, event.entries)
    if logged != (inquiry.log_purpose, reach.scopes, reach.named, reach.policies, "allow", len(answer.entries)):
        raise _untrue("The log has another reading than this one.")
    return reach, act.time


def _entry(
    evidence: Evidence,
    cosigned: CosignedCheckpoint,
    filters: EventFilters,
    reach: Reach,
    markers: list[tuple[Marker, Evidence]],
    versions: SignedVersions,
) -> SeenEntry:
    opened = _opened(evidence, cosigned)
    if not fits(evidence.index, opened.event, filters, erased=opened.erased):
        raise _untrue(f"Entry {evidence.index} is not one that was asked for.")
    scope = reach.scope_of(opened.event, concerns=False)
    subject: SubjectPart = "given"
    erased_by: Marker | None = None
    if opened.erased and scope is None:
        # That it concerns a signal of ours is the broker's word, and all that it may show of it.
        scope, subject = reach.scope_of(opened.event, concerns=True), "withheld"
    elif opened.erased:
        subject = "erased"
        named = next((marker for said, marker in markers if said.names(evidence.index)), None)
        if named is None:
            raise VerificationError(
                Code.ERASURE_UNPROVEN,
                f"The subject part of entry {evidence.index} is left out, and no entry of the log says why.",
                hint="Tell the board: a part of an entry is kept from us.",
            )
        erased_by = prove_part(evidence, named, cosigned).marker
    if scope is None:
        raise _untrue(f"Entry {evidence.index} is not for this reader to see, or not so much of it.")
    return SeenEntry(
        index=evidence.index,
        event=opened.event,
        leaf=opened.leaf,
        opening=evidence.opening,
        scope=scope,
        subject=subject,
        erased_by=erased_by,
        signed=_is_signed(opened.event, versions),
    )


def _opened(evidence: Evidence, cosigned: CosignedCheckpoint) -> Opened:
    try:
        opened = open_entry(evidence.opening)
        head = cosigned.checkpoint
        verify_inclusion(leaf_hash(opened.leaf), evidence.index, head.size, evidence.proof, head.root)
    except (InputError, VerificationError) as error:
        raise _untrue(f"Entry {evidence.index} is not in the log as it was given. {error.detail}") from error
    return opened


def _is_signed(event: Event, versions: SignedVersions) -> bool:
    try:
        versions.require(event)
    except (VerificationError, UnavailableError):
        # Of long ago we may not have the version; who reads is told, and what is shown is proven all the same.
        return False
    return True


class Searching:
    """Reads the log for one agency."""

    def __init__(
        self,
        shelf: EvidenceShelf,
        broker: SearchDoor,
        trail: Trail,
        versions: SignedVersions,
        engine: PolicyEngine,
        me: PartyId,
        clock: Callable[[], datetime],
    ) -> None:
        self._shelf = shelf
        self._broker = broker
        self._trail = trail
        self._versions = versions
        self._engine = engine
        self._me = me
        self._clock = clock

    async def page(self, inquiry: Inquiry, after: int | None, limit: int) -> SeenPage:
        """Ask for a page, and return what may be believed of it.

        Raises ``RefusedError`` before anything leaves when the covenant does not allow it, ``VerificationError`` when
        the answer does not hold, after keeping the finding, and ``UnavailableError``; then it has to be asked again.
        """
        self._trail.require_unstopped()
        search = inquiry.search(after, limit)
        reach = reach_of(self._engine, self._me, inquiry.role, search, self._clock())
        if isinstance(reach, Refused):
            said = reach.decision
            raise RefusedError(Code.POLICY_REFUSED, said.reason, rule=said.rule, hint="Nothing was asked.")
        known = self._trail.last()
        answer = await self._broker.search_events(search, person=inquiry.person, role=inquiry.role)
        try:
            cosigned = await self._trail.admit(answer.checkpoint)
            if known is not None and answer.through < known.checkpoint.size:
                raise _withheld("The broker looked at less of the log than was shown to us before.")
            page = await asyncio.to_thread(check_page, answer, cosigned, inquiry, search, self._me, self._versions)
            if self._shelf.has_receipt(answer.reading.index):
                # Else one entry would stand for two readings, and the second would be in no log.
                raise _untrue("The log's entry is of another reading, proven before.")
            await asyncio.to_thread(self._require_all_known, page, inquiry.filters, after)
        except VerificationError as error:
            self._shelf.report(error.code, "answer search", error.detail, self._clock())
            raise
        self._shelf.put_receipt(prove(answer.reading, cosigned).receipt(_ABOUT))
        return page

    def _require_all_known(self, page: SeenPage, filters: EventFilters, after: int | None) -> None:
        """Pass when every entry that was proven to us before, may be read and fits is in the page, as it was then.

        Raises ``VerificationError``: ``entry_withheld``, ``log_altered``.
        """
        given: Mapping[int, bytes] = {entry.index: entry.leaf for entry in page.entries}
        first = 0 if after is None else after + 1
        behind = page.through if page.next is None else page.next + 1
        for place, opening, leaf in self._shelf.openings_between(first, behind):
            opened = open_entry(opening)
            event = opened.event
            if given.get(place, leaf) != leaf:
                raise VerificationError(
                    Code.LOG_ALTERED, f"Entry {place} is another one now than was proven to us before."
                )
            if place in given or page.reach.scope_of(event, concerns=False) is None:
                continue
            if fits(place, event, filters, erased=opened.erased) and not self._is_over(event, page.read_at):
                raise _withheld(f"Entry {place} was proven to us before and fits, and the broker left it out.")

    def _is_over(self, event: Event, now: datetime) -> bool:
        """Say whether a whole month of this age may have been erased."""
        years = self._engine.covenant.log_retention_years
        moment = event.act.time
        return (moment.year + years, moment.month) < (now.year, now.month)


def _withheld(detail: str) -> VerificationError:
    return VerificationError(Code.ENTRY_WITHHELD, detail, hint="Nothing of the page is shown. Tell the covenant board.")


def _untrue(detail: str) -> VerificationError:
    return VerificationError(Code.RECEIPT_INVALID, detail, hint="Nothing of it is shown. Tell the covenant board.")
