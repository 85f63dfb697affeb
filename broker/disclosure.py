# SPDX-License-Identifier: EUPL-1.2
"""What each step with a request for more changes, what the log says of it, and who is told: values only.

Pure. Of a canary the cover is told nothing: it has no such signal, and nobody will answer; who asked hears, in the end,
that nobody decided, as may happen with any request. Not here: who may take a step (``disclosures.py`` asks the rules),
which step may follow which (``protocol/disclosure_states.py``).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal, TypeAlias
from uuid import UUID

from broker.facts import DisclosureAsked, DisclosureStepped, Fact, NoticeAdded, Recorded
from broker.interfaces import StoredDisclosure
from broker.recording import Recorder
from protocol.disclosure_states import BY_STEP, Step, after, rule_of
from protocol.disclosures import DisclosureDecision as Decided
from protocol.disclosures import DisclosureRequest, Terms, answer_digest, request_digest, sha256, why_digest
from protocol.errors import Code, ConflictError
from protocol.ids import Epoch, PartyId, SignalId
from protocol.policy import Decision
from protocol.signing import Verified

Seqs: TypeAlias = Mapping[PartyId, int]
"""Each receiver's next notice number."""
_OUTCOME: Final[Mapping[Step, Literal["approved", "granted", "refused"]]] = {
    Step.APPROVE: "approved",
    Step.GRANT: "granted",
    Step.REFUSE: "refused",
}


@dataclass(frozen=True, slots=True)
class Taken:
    """A step taken: what changes, and the entries; the first of them is the step's own."""

    facts: tuple[Fact, ...]
    events: tuple[Recorded, ...]


@dataclass(frozen=True, slots=True)
class Sides:
    """The two agencies of a request, with the signal of each."""

    terms: Terms
    asker_signal: SignalId
    owner_signal: SignalId
    epoch: Epoch
    canary: bool

    @property
    def signals(self) -> tuple[SignalId, SignalId]:
        """The asker's and the owner's."""
        return self.asker_signal, self.owner_signal

    def told(self, step: Step) -> tuple[PartyId, ...]:
        """Return whose clients are told of a step; the cover of a canary never is."""
        told = BY_STEP[step].told
        asker = (self.terms.asker,) if told in ("asker", "both") else ()
        owner = (self.terms.owner,) if told in ("owner", "both") and not self.canary else ()
        return asker + owner


def sides_of(found: StoredDisclosure) -> Sides:
    """Return the two sides of a request that is there."""
    return Sides(found.terms, found.asker_signal, found.owner_signal, found.epoch, found.canary)


def ask(
    request: DisclosureRequest,
    sides: Sides,
    by: Verified,
    decision: Decision,
    hours: int,
    seqs: Seqs,
    recorder: Recorder,
    now: datetime,
) -> Taken:
    """Write a request down, and tell the owner."""
    why, wanted = why_digest(request.justification), sha256(request.wanted)
    digest = request_digest(sides.terms, why, wanted)
    event = recorder.disclosure_asked(
        sides.terms, sides.signals, digest, by, request.justification, decision, sides.canary, now
    )
    asked = DisclosureAsked(
        id=sides.terms.id,
        hit_id=sides.terms.hit,
        asker=sides.terms.asker,
        owner=sides.terms.owner,
        asker_signal=sides.asker_signal,
        owner_signal=sides.owner_signal,
        purpose=sides.terms.purpose,
        epoch=sides.epoch,
        canary=sides.canary,
        requested_at=now,
        due_at=now + timedelta(hours=hours),
        body_digest=by.body_digest,
        event_id=event.id,
        why_digest=why,
        wanted=request.wanted,
        wanted_digest=wanted,
        key_id=request.key_id,
        signature=request.signature,
    )
    return _taken(Step.ASK, sides, asked, event, seqs, recorder, now)


def decide(
    found: StoredDisclosure,
    step: Step,
    decided: Decided,
    by: Verified,
    decision: Decision,
    days: int,
    seqs: Seqs,
    recorder: Recorder,
    now: datetime,
) -> Taken:
    """Write down what the owner decides. Raises ``ConflictError`` when it is decided, or too late."""
    state = after(step, found.state) or found.state
    if now >= found.due_at:
        raise ConflictError(Code.CONFLICT, "The time to decide on this request is over.")
    answer = None if decided.answer is None else answer_digest(found.terms, found.request, decided.answer)
    reason = None if decided.refusal is None else decided.refusal.reason
    event = recorder.disclosure_decided(found, by, _OUTCOME[step], reason, answer, decision, now)
    stepped = DisclosureStepped(
        found.id,
        state,
        by.person if step is Step.APPROVE else None,
        now + timedelta(days=days) if step is Step.GRANT else None,
        decided.answer,
        answer,
        decided.refusal,
    )
    return _taken(step, sides_of(found), stepped, event, seqs, recorder, now)


def receive(found: StoredDisclosure, by: Verified, answer: str, seqs: Seqs, recorder: Recorder, now: datetime) -> Taken:
    """Write down that the asker reads what was given; the first time its owner is told, and the pieces go."""
    step = receiving(found)
    state = after(step, found.state) or found.state
    if answer != found.answer_digest:
        raise ConflictError(Code.CONFLICT, "Another answer was given than the one that was read.")
    if step is Step.RECEIVE and (found.fetch_by is None or now >= found.fetch_by):
        raise ConflictError(Code.CONFLICT, "The time to fetch what was given is over.")
    event = recorder.disclosure_received(found, by, answer, now)
    return _taken(step, sides_of(found), DisclosureStepped(found.id, state), event, seqs, recorder, now)


def receiving(found: StoredDisclosure) -> Step:
    """Return which step a reading is: the first, or once more."""
    return Step.READ_AGAIN if found.state in BY_STEP[Step.READ_AGAIN].before else Step.RECEIVE


def end(
    found: StoredDisclosure, step: Step, by: Verified | None, seqs: Seqs, recorder: Recorder, now: datetime
) -> Taken:
    """Write down that a request ends unread: taken back, or over."""
    state = after(step, found.state) or found.state
    event = recorder.disclosure_ended(found, rule_of(step), by, now)
    return _taken(step, sides_of(found), DisclosureStepped(found.id, state), event, seqs, recorder, now)


def due_step(found: StoredDisclosure, now: datetime) -> Step:
    """Return by which step a request that is due ends: by its time, or else because a signal of its hit ended."""
    if found.state in BY_STEP[Step.FETCH_BY].before:
        return Step.FETCH_BY if found.fetch_by is not None and now >= found.fetch_by else Step.SIGNAL_ENDED
    return Step.DECIDE_BY if now >= found.due_at else Step.SIGNAL_ENDED


def receivers(sides: Sequence[tuple[Sides, Step]]) -> list[PartyId]:
    """Return who gets a notice, for the numbers of those notices."""
    return [party for one, step in sides for party in one.told(step)]


def _taken(
    step: Step, sides: Sides, change: Fact, event: Recorded, seqs: Seqs, recorder: Recorder, now: datetime
) -> Taken:
    facts: list[Fact] = [change]
    events = [event]
    for party in sides.told(step):
        told = recorder.disclosure_notice(party, sides.terms, sides.signals, seqs[party], sides.canary, now)
        events.append(told)
        facts.append(_notice(step, sides, party, seqs[party], told.id, event.id, now))
    return Taken(tuple(facts), tuple(events))


def _notice(
    step: Step, sides: Sides, party: PartyId, seq: int, event: UUID, act_event: UUID, now: datetime
) -> NoticeAdded:
    asks = party == sides.terms.asker
    return NoticeAdded(
        agency=party,
        seq=seq,
        type="disclosure",
        at=now,
        event_id=event,
        my_signal=sides.asker_signal if asks else sides.owner_signal,
        purpose=sides.terms.purpose,
        epoch=sides.epoch,
        hit_id=sides.terms.hit,
        their_signal=sides.owner_signal if asks else sides.asker_signal,
        reason=step.value,
        disclosure_id=sides.terms.id,
        act_event_id=act_event,
    )
