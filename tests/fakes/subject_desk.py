# SPDX-License-Identifier: EUPL-1.2
"""The broker in memory as a privacy officer reaches it: the real rules of what is given, over the whole log.

Honest; the classes below bend one thing each, and say which code a client must answer with. Not here: the real store.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast
from uuid import UUID

from broker.postgres.subject_requests import named_in
from broker.subject_requests import find
from broker.subjects import AboutEntry, AboutSought, ErasedRow
from protocol.commitments import Committed
from protocol.errors import Code, UnavailableError
from protocol.events import Event, EventsErased, SignalRegistered, Subject
from protocol.ids import PartyId, PurposeId, SignalId
from protocol.informing import InformingReview
from protocol.messages import Evidence, parse
from protocol.policy import SubjectRequest
from protocol.questions import PersonRole
from protocol.subject_requests import ErasedPlace, SubjectFound, SubjectSearch
from tests.fakes.small_world import NOW, AgencyDoor, MemoryBroker, _stored, _verified, agreed_of


class MemoryAct:
    """What a subject request asks of the store, over the log in memory."""

    def __init__(self, broker: MemoryBroker) -> None:
        self._broker = broker

    async def about(self, sought: AboutSought) -> Sequence[AboutEntry]:
        """Return what names one of these values, and is of these purposes."""
        wanted = set(sought.values)
        return [
            AboutEntry(UUID(int=index), made.event)
            for index, made in self._broker.log.entries.items()
            if made.event.act.purpose in {None, *sought.purposes} and not wanted.isdisjoint(named_in(made.event))
        ]

    async def erased_among(self, indexes: Sequence[int], agency: PartyId) -> Sequence[ErasedRow]:
        """Return none: ``SubjectDesk.erased`` says what was erased."""
        return []


class SubjectDesk(AgencyDoor):
    """A door that answers subject requests and takes decisions about informing."""

    def __init__(self, broker: MemoryBroker, agency: PartyId) -> None:
        super().__init__(broker, agency)
        self.searches: list[SubjectSearch] = []
        self.erased: dict[int, tuple[int, Committed]] = {}
        """Index -> the place of the entry that says that it was erased."""

    async def subject_request(self, body: bytes, *, person: str, role: PersonRole) -> bytes:
        """Answer by the real rules."""
        self._require_up()
        search = parse(SubjectSearch, body)
        self.searches.append(search)
        engine = agreed_of(self.broker.kit.covenant).engine
        allowed = frozenset(
            one for one in search.purposes if engine.decide(SubjectRequest(self.agency, one, role, NOW)).allowed
        )
        given = await find(cast(Any, MemoryAct(self.broker)), search, self.agency, allowed, NOW)
        places = sorted(one.id.int for one in given if one.id.int not in self.erased)
        by = _verified(self.agency, body, person)
        event = self.broker.recorder.subject_reported(by, search, len(places), NOW).event
        return self.answer(search, places, self.bend_report(event)).to_json()

    def answer(self, search: SubjectSearch, places: list[int], event: Event) -> SubjectFound:
        """Log the request and return the answer."""
        if self.broker.late:
            raise UnavailableError(Code.NOT_LOGGED, "The request is not proven yet.", hint="Ask again.")
        log = self.broker.log
        index, made = log.add(event)
        erased = tuple(
            ErasedPlace(index=one, marker=log.evidence(*self.erased[one])) for one in search.known if one in self.erased
        )
        entries = tuple(log.evidence(one, log.entries[one]) for one in places)
        found = SubjectFound(
            entries=entries, more=False, erased=erased, report=log.evidence(index, made), checkpoint=log.checkpoint()
        )
        return self.bend(found)

    def erase(self, index: int) -> None:
        """Erase an entry, and say so in the log."""
        act = replace(self.broker.recorder.covenant_activated(NOW).event.act)
        marker = EventsErased(act=act, ground="court-order", indexes=(index,), entries=1)
        self.erased[index] = self.broker.log.add(marker)

    def bend(self, found: SubjectFound) -> SubjectFound:
        """Return the answer as it is given."""
        return found

    def bend_report(self, event: Event) -> Event:
        """Return the event as it is logged."""
        return event

    async def post(
        self, path: str, body: bytes, *, idempotency_key: str, purpose: PurposeId | None, person: str | None
    ) -> bytes:
        """Take a decision about informing beside what any agency sends."""
        if not path.endswith("/informing"):
            return await super().post(path, body, idempotency_key=idempotency_key, purpose=purpose, person=person)
        self._require_up()
        signal = self.broker.signals[SignalId(UUID(path.split("/")[3]))]
        key = (self.agency, idempotency_key)
        if key not in self.broker._acts:
            by = _verified(self.agency, body, person)
            event = self.broker.recorder.informing_reviewed(
                _stored(signal), by, parse(InformingReview, body), NOW
            ).event
            self.broker._acts[key] = self.broker.log.add(self.bend_report(event))
        return self.broker._act(*key).to_json()


class WithholdsOwn(SubjectDesk):
    """Leaves out an entry that was proven to the agency before, and counts as if it did not exist."""

    CODE = Code.LOG_INCOMPLETE

    def answer(self, search: SubjectSearch, places: list[int], event: Event) -> SubjectFound:
        """Leave out the first, and log the number that is given."""
        return super().answer(search, places[1:], replace(event, entries=len(places) - 1))  # type: ignore[call-arg]


class WithholdsOne(SubjectDesk):
    """Leaves out an entry, but logs that it was given."""

    CODE = Code.RECEIPT_INVALID

    def bend(self, found: SubjectFound) -> SubjectFound:
        """Leave out the last."""
        return found.model_copy(update={"entries": found.entries[:-1]})


class AltersEntry(SubjectDesk):
    """Gives an entry with another content than the log has."""

    CODE = Code.RECEIPT_INVALID

    def bend(self, found: SubjectFound) -> SubjectFound:
        """Say another time."""
        first = found.entries[0]
        record = first.opening.record | {"time": "2026-01-02T00:00:00.000Z"}
        changed = first.model_copy(update={"opening": first.opening.model_copy(update={"record": record})})
        return found.model_copy(update={"entries": (changed, *found.entries[1:])})


class GivesSomebodyElse(SubjectDesk):
    """Gives an entry of the agency's own about another person."""

    CODE = Code.RECEIPT_INVALID

    def answer(self, search: SubjectSearch, places: list[int], event: Event) -> SubjectFound:
        """Log a signal about another, and give it along."""
        own = next(
            made.event
            for made in self.broker.log.entries.values()
            if isinstance(made.event, SignalRegistered) and made.event.act.agency == self.agency
        )
        other = replace(
            own, subject=Subject(signal_ids=(SignalId(UUID(int=7 << 76 | 2 << 62)),), tag_digests=(bytes(32),))
        )
        index, _ = self.broker.log.add(other)
        return super().answer(search, [*places, index], replace(event, entries=len(places) + 1))  # type: ignore[call-arg]


class GivesAnothers(SubjectDesk):
    """Gives what another agency did, about the person."""

    CODE = Code.RECEIPT_INVALID

    def answer(self, search: SubjectSearch, places: list[int], event: Event) -> SubjectFound:
        """Give the other agency's own registering along."""
        index = next(
            place
            for place, made in self.broker.log.entries.items()
            if isinstance(made.event, SignalRegistered) and made.event.act.agency != self.agency
        )
        every = sorted({*places, index})
        return super().answer(search, every, replace(event, entries=len(every)))  # type: ignore[call-arg]


class RepeatsEntry(SubjectDesk):
    """Gives one entry twice."""

    CODE = Code.RECEIPT_INVALID

    def bend(self, found: SubjectFound) -> SubjectFound:
        """Put the first in the last's place."""
        return found.model_copy(update={"entries": (*found.entries[:-1], found.entries[0])})


class CallsErased(SubjectDesk):
    """Calls an entry erased of which no entry of the log says so."""

    CODE = Code.ERASURE_UNPROVEN

    def answer(self, search: SubjectSearch, places: list[int], event: Event) -> SubjectFound:
        """Show another erasure in the place of this one's."""
        self.erase(10**6)
        self.erased[places[0]] = self.erased[10**6]
        return super().answer(search, places[1:], replace(event, entries=len(places) - 1))  # type: ignore[call-arg]


class LogsAnotherPerson(SubjectDesk):
    """Logs the request under another person's name."""

    CODE = Code.RECEIPT_INVALID

    def bend_report(self, event: Event) -> Event:
        """Name somebody else."""
        return replace(event, act=replace(event.act, person="1" * 32))


class LogsAnotherReason(SubjectDesk):
    """Logs the request with other words."""

    CODE = Code.RECEIPT_INVALID

    def bend_report(self, event: Event) -> Event:
        """Say another code."""
        return replace(event, act=replace(event.act, justification="own-case"))


class UsesAnOldReport(SubjectDesk):
    """Shows the entry of an earlier request for a later one, which then stands in no log."""

    CODE = Code.RECEIPT_INVALID

    def __init__(self, broker: MemoryBroker, agency: PartyId) -> None:
        super().__init__(broker, agency)
        self._first: tuple[int, Committed] | None = None

    def bend(self, found: SubjectFound) -> SubjectFound:
        """Give the first request's entry every time."""
        if self._first is None:
            self._first = (found.report.index, self.broker.log.entries[found.report.index])
            return found
        evidence: Evidence = self.broker.log.evidence(*self._first)
        return found.model_copy(
            update={"report": evidence, "entries": tuple(one for one in found.entries if one.index != evidence.index)}
        )


BENT: tuple[type[SubjectDesk], ...] = (
    WithholdsOwn,
    WithholdsOne,
    AltersEntry,
    GivesSomebodyElse,
    GivesAnothers,
    RepeatsEntry,
    CallsErased,
    LogsAnotherPerson,
    LogsAnotherReason,
)
