# SPDX-License-Identifier: EUPL-1.2
"""From a notice about a request for more to one that may be believed. Pure: it raises, or returns another type.

What must hold: the log has this notice for this agency, and beside it the entry of what happened (the request, the
decision, the reading, the end), of the same moment and hit; the asker signed the request, with what is wanted; the
owner signed the answer or refusal, for just this request; the deadlines are those of the covenant; the rules that the
board signed allow it; and what is sealed to us opens. Not here: fetching and opening an answer's chunks
(``requesting.py``, ``deciding.py``).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from agency_client.disclosure_kept import Direction, KeptDisclosure, RefusedWith
from agency_client.signed_versions import SignedVersions
from agency_client.trail import Proven, prove
from agency_client.verified import Receipt, Told, VerifiedDisclosure
from protocol.checkpoint import CosignedCheckpoint
from protocol.disclosure_payload import Wanted, open_refusal, open_wanted
from protocol.disclosure_states import CANCELLED, Step
from protocol.disclosures import (
    DisclosureNotice,
    Terms,
    answer_digest,
    answer_statement,
    refusal_statement,
    request_digest,
    request_statement,
    require_signed,
    sha256,
    why_digest,
)
from protocol.errors import Code, VerificationError
from protocol.events import (
    DisclosureDecided,
    DisclosureEnded,
    DisclosureReceived,
    DisclosureRequested,
    Event,
    NoticeIssued,
)
from protocol.hpke import Opens
from protocol.ids import PartyId
from protocol.messages import Justification
from protocol.policy import DecideDisclosure, PolicyEngine, RequestDisclosure

_ENDED: Final[Mapping[str, Step]] = {
    CANCELLED: Step.CANCEL,
    Step.DECIDE_BY.value: Step.DECIDE_BY,
    Step.FETCH_BY.value: Step.FETCH_BY,
    Step.SIGNAL_ENDED.value: Step.SIGNAL_ENDED,
}


@dataclass(frozen=True, slots=True)
class DisclosureReader:
    """Who reads, with which key, under the covenants that the board signed."""

    agency: PartyId
    versions: SignedVersions
    opening: Opens | None = field(repr=False)

    def verify(
        self, notice: DisclosureNotice, cosigned: CosignedCheckpoint, known: KeptDisclosure | None
    ) -> VerifiedDisclosure:
        """Return the notice as one that may be believed; ``known`` is what stands here of the same request.

        Raises ``VerificationError``: ``receipt_invalid``, ``covenant_untrusted``, ``envelope_invalid``.
        """
        issued, acted = prove(notice.evidence, cosigned), prove(notice.act, cosigned)
        self.versions.require(issued.event)
        engine = self.versions.require(acted.event)
        terms = Terms(notice.disclosure_id, notice.hit_id, notice.asker, notice.owner, notice.purpose)
        direction = self._direction(notice)
        self._require_issued(notice, issued)
        self._require_act(notice, acted)
        request = request_digest(terms, notice.why_digest, notice.wanted_digest)
        if known is not None and (known.request, known.direction) != (request, direction):
            raise _not_proven("The notice is about another request than the one that is known by this name.")
        if known is None and direction == "mine":
            raise _not_proven("The notice is about a request that this agency never made.")
        if getattr(acted.event, "request", None) != request:
            raise _not_proven("The log's entry is about another request.")
        require_signed(
            engine.covenant.key_directory(),
            notice.asker,
            notice.key_id,
            notice.signature,
            request_statement(terms, notice.why_digest, notice.wanted_digest),
            notice.requested_at,
        )
        told, why, wanted = self._told(notice, acted, terms, request, engine, known)
        receipt = issued.receipt(str(notice.seq))
        begun = KeptDisclosure.begun(
            terms,
            direction,
            notice.my_signal,
            at=notice.requested_at,
            due_at=notice.due_at,
            why=why,
            wanted=wanted,
            request=request,
        )
        return VerifiedDisclosure(notice, receipt, begun, told)

    def _direction(self, notice: DisclosureNotice) -> Direction:
        if notice.asker == notice.owner or self.agency not in (notice.asker, notice.owner):
            raise _not_proven("The notice is about a request between others.")
        return "mine" if notice.asker == self.agency else "theirs"

    def _require_issued(self, notice: DisclosureNotice, proven: Proven) -> None:
        event = proven.event
        if (
            not isinstance(event, NoticeIssued)
            or event.act.recipient != self.agency
            or (event.notice_seq, event.notice_type) != (notice.seq, notice.type)
            or (event.act.time, event.act.purpose) != (notice.at, notice.purpose)
        ):
            raise _not_proven("The log's entry is not this notice to this agency.")
        _require_subject(notice, event)

    def _require_act(self, notice: DisclosureNotice, proven: Proven) -> None:
        act = proven.event.act
        if (act.time, act.purpose) != (notice.at, notice.purpose):
            raise _not_proven("The entry of what happened is of another time or purpose than its notice.")
        _require_subject(notice, proven.event)

    def _told(
        self,
        notice: DisclosureNotice,
        acted: Proven,
        terms: Terms,
        request: str,
        engine: PolicyEngine,
        known: KeptDisclosure | None,
    ) -> tuple[Told, Justification | None, Wanted | None]:
        receipt = acted.receipt(str(notice.disclosure_id))
        match acted.event:
            case DisclosureRequested():
                why, wanted = self._asked(notice, acted.event, terms, engine)
                return Told(Step.ASK, notice.at, receipt, notice.seq, acted.event.act.person), why, wanted
            case DisclosureDecided(outcome="granted"):
                return self._granted(notice, acted, terms, request, engine), None, None
            case DisclosureDecided(outcome="refused"):
                return self._refused(notice, acted, terms, request, engine), None, None
            case DisclosureReceived():
                self._require_between(acted.event, notice.asker, notice.owner)
                if known is not None and known.answer_digest not in (None, acted.event.answer):
                    raise _not_proven("The log says that another answer was read than the one that was given.")
                return Told(Step.RECEIVE, notice.at, receipt, notice.seq, acted.event.act.person), None, None
            case DisclosureEnded():
                return self._ended(notice, acted.event, receipt), None, None
        raise _not_proven("The log's entry is not about a request for more.")

    def _asked(
        self, notice: DisclosureNotice, event: DisclosureRequested, terms: Terms, engine: PolicyEngine
    ) -> tuple[Justification, Wanted | None]:
        self._require_between(event, notice.asker, notice.owner)
        words = event.subject.words
        if words is None or event.act.justification is None:
            raise _not_proven("The log has this request without its reason.")
        why = Justification(code=event.act.justification, text=words.text, case_reference=words.case_reference)
        if why_digest(why) != notice.why_digest or notice.requested_at != notice.at:
            raise _not_proven("The log has another reason, or another moment, than the asker signed.")
        hours = timedelta(hours=engine.covenant.purpose(notice.purpose).disclosure_hours)
        if notice.due_at != notice.requested_at + hours:
            raise _not_proven("The deadline is not the one that the purpose gives.")
        question = RequestDisclosure(notice.asker, notice.owner, notice.purpose, "coordinator", True, notice.at)
        if not engine.decide(question).allowed:
            raise _untrusted("No rule that the board signed lets this agency ask for more.")
        if notice.wanted is None:
            return why, None
        if sha256(notice.wanted) != notice.wanted_digest:
            raise _swapped("What is asked is not what the asker signed.")
        if self.opening is None:
            return why, None
        return why, open_wanted(notice.wanted, self.opening, terms)

    def _granted(
        self, notice: DisclosureNotice, acted: Proven, terms: Terms, request: str, engine: PolicyEngine
    ) -> Told:
        event = acted.event
        if not isinstance(event, DisclosureDecided) or event.answer is None:
            raise _not_proven("The log has a decision without what was given.")
        self._require_decided(notice, event, engine)
        days = timedelta(days=engine.covenant.purpose(notice.purpose).disclosure_days)
        if notice.fetch_by != notice.at + days:
            raise _not_proven("The time to fetch is not the one that the purpose gives.")
        answer = notice.answer
        if answer is not None:
            directory = engine.covenant.key_directory()
            statement = answer_statement(terms, request, answer)
            require_signed(directory, notice.owner, answer.key_id, answer.signature, statement, notice.at)
            if answer_digest(terms, request, answer) != event.answer:
                raise _swapped("The answer is not the one that the log has.")
        return Told(
            Step.GRANT,
            notice.at,
            acted.receipt(str(notice.disclosure_id)),
            notice.seq,
            event.act.person,
            notice.fetch_by,
            None,
            answer,
            event.answer,
        )

    def _refused(
        self, notice: DisclosureNotice, acted: Proven, terms: Terms, request: str, engine: PolicyEngine
    ) -> Told:
        event, refusal = acted.event, notice.refusal
        if not isinstance(event, DisclosureDecided) or refusal is None or event.reason != refusal.reason:
            raise _not_proven("The log has another reason for the refusal than the notice.")
        self._require_decided(notice, event, engine)
        statement = refusal_statement(terms, request, refusal)
        directory = engine.covenant.key_directory()
        require_signed(directory, notice.owner, refusal.key_id, refusal.signature, statement, notice.at)
        text = "" if self.opening is None else open_refusal(refusal.words, refusal.reason, self.opening, terms)
        return Told(
            Step.REFUSE,
            notice.at,
            acted.receipt(str(notice.disclosure_id)),
            notice.seq,
            event.act.person,
            None,
            RefusedWith(refusal.reason, text),
        )

    def _ended(self, notice: DisclosureNotice, event: DisclosureEnded, receipt: Receipt) -> Told:
        step = _ENDED.get(event.rule)
        if step is None:
            raise _not_proven("The log ends this request by no rule that there is.")
        if step is Step.CANCEL:
            self._require_between(event, notice.asker, notice.owner)
        elif event.act.agency is not None or event.act.person is not None:
            raise _not_proven("The log says that somebody ended what only time or a signal's end can end.")
        if step is Step.DECIDE_BY and notice.at < notice.due_at:
            raise _not_proven("The request is called expired before its time.")
        if step is Step.FETCH_BY and (notice.fetch_by is None or notice.at < notice.fetch_by):
            raise _not_proven("What was given is called expired before its time.")
        return Told(step, notice.at, receipt, notice.seq, event.act.person)

    def _require_decided(self, notice: DisclosureNotice, event: Event, engine: PolicyEngine) -> None:
        self._require_between(event, notice.owner, notice.asker)
        question = DecideDisclosure(notice.owner, notice.asker, notice.purpose, "coordinator", notice.at)
        if not engine.decide(question).allowed:
            raise _untrusted("No rule that the board signed lets this agency decide on this.")

    def _require_between(self, event: Event, actor: PartyId, recipient: PartyId) -> None:
        act = event.act
        if (act.agency, act.recipient) != (actor, recipient) or recipient != self.agency or act.person is None:
            raise _not_proven("The log's entry is of another agency, for another one, or of nobody.")


def _require_subject(notice: DisclosureNotice, event: Event) -> None:
    subject = event.subject
    if subject.hit_id != notice.hit_id or sorted(subject.signal_ids) != sorted((notice.my_signal, notice.their_signal)):
        raise _not_proven("The log's entry is about another hit or other signals.")


def _not_proven(detail: str) -> VerificationError:
    return VerificationError(Code.RECEIPT_INVALID, detail, hint="Nothing of this notice is shown. Tell the board.")


def _untrusted(detail: str) -> VerificationError:
    return VerificationError(Code.COVENANT_UNTRUSTED, detail, hint="Nothing of this notice is shown. Tell the board.")


def _swapped(detail: str) -> VerificationError:
    return VerificationError(Code.ENVELOPE_INVALID, detail, hint="Nothing of this notice is shown. Tell the board.")
