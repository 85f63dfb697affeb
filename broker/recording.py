# SPDX-License-Identifier: EUPL-1.2
"""What the log says of each act of the broker, in one place: the fields of every event that it can write.

Pure: the moment is an argument and ids come from the given source. Not here: committing to an event with salts
(``protocol/commitments.py``, asked by the store).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from broker.erasable import MonthStanding
from broker.facts import Recorded
from broker.interfaces import OpenableHit, StoredDisclosure, StoredFollowUp, StoredSignal, ToldChange
from protocol import events
from protocol.changes import Extension, Restriction
from protocol.commitments import message_digest, tag_digest
from protocol.covenant import Covenant
from protocol.disclosures import Terms
from protocol.evaluation_reports import AgencyHour
from protocol.event_search import Reach
from protocol.events import Act, Asked, CovenantRef, Event, Subject, Words
from protocol.follow_ups import Step
from protocol.ids import HitId, HolderIndex, KeyKind, PartyId, PurposeId, SignalId
from protocol.informing import InformingReview
from protocol.messages import (
    ErasureGround,
    Justification,
    Level,
    Quality,
    QueryRequest,
    Refusal,
    Signal,
    SignedKeyStatement,
)
from protocol.policy import Decision, LogPurpose
from protocol.record_fields import MAX_DAYS
from protocol.signing import Verified
from protocol.statistics import ProbeCounts
from protocol.subject_requests import SubjectSearch
from protocol.unusual import Finding


@dataclass(frozen=True, slots=True)
class Hit:
    """What two signals agree on, for the log."""

    id: HitId
    signals: tuple[SignalId, ...]
    """Both; only the receiver's own in the event of a notice that names no counterpart."""
    quality: Quality
    kinds: tuple[KeyKind, ...]
    canary: bool = False


@dataclass(frozen=True, slots=True)
class Queried:
    """What a question and one signal agree on, for the log."""

    signal: SignalId
    owner: PartyId
    purpose: PurposeId
    quality: Quality
    kinds: tuple[KeyKind, ...]
    canary: bool = False


@dataclass(frozen=True, slots=True)
class Erased:
    """Entries whose subject parts go, for the log: on which ground; of an agency's wish also purpose, words, rules."""

    ground: ErasureGround
    indexes: tuple[int, ...]
    purpose: PurposeId | None = None
    words: Words | None = None
    policies: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Recorder:
    """Writes events under one covenant. ``system`` is what acts when no person does: this broker."""

    covenant: Covenant
    system: PartyId
    new_id: Callable[[], UUID]

    def registered(self, signal: Signal, by: Verified, decision: Decision, now: datetime) -> Recorded:
        """A signal was accepted."""
        act = self._act_of(
            by, now, purpose=signal.purpose, basis=signal.basis, decision="allow", policy_ids=decision.policies
        )
        return self._recorded(
            events.SignalRegistered(
                act=act,
                subject=Subject(signal_ids=(signal.id,), tag_digests=_digests([key.tag for key in signal.keys])),
                asked=_asked(signal, now),
                urgency=signal.urgency,
                request_digest=by.body_digest.hex(),
                request_key_id=by.key_id,
            ),
            canary=signal.cover is not None,
        )

    def retagged(self, signal: Signal, by: Verified, decision: Decision, now: datetime) -> Recorded:
        """A signal that stands was given a later epoch's pseudonyms."""
        act = self._act_of(
            by, now, purpose=signal.purpose, basis=signal.basis, decision="allow", policy_ids=decision.policies
        )
        return self._recorded(
            events.SignalRetagged(
                act=act,
                subject=Subject(signal_ids=(signal.id,), tag_digests=_digests([key.tag for key in signal.keys])),
                asked=_asked(signal, now),
                urgency=signal.urgency,
                request_digest=by.body_digest.hex(),
                request_key_id=by.key_id,
            ),
            canary=signal.cover is not None,
        )

    def refused(self, signal: Signal, by: Verified, refusal: Refusal, now: datetime) -> Recorded:
        """A signal was not accepted. Its tags are not kept, so the log does not name them either."""
        act = self._act_of(
            by, now, purpose=signal.purpose, decision="deny", policy_ids=(refusal.rule,) if refusal.rule else ()
        )
        return self._recorded(
            events.SignalRefused(
                act=act,
                subject=Subject(signal_ids=(signal.id,)),
                asked=_asked(signal, now),
                code=refusal.code,
                rule=refusal.rule,
            ),
            canary=signal.cover is not None,
        )

    def request_refused(self, by: Verified, code: str, rule: str | None, now: datetime) -> Recorded:
        """A whole request was refused, whose sender we know."""
        act = self._act_of(by, now, decision="deny", policy_ids=(rule,) if rule else ())
        return self._recorded(events.RequestRefused(act=act, code=code, rule=rule))

    def withdrawn(self, signal: StoredSignal, by: Verified, reason: str, now: datetime) -> Recorded:
        """An agency took its signal back."""
        act = self._act_of(by, now, purpose=signal.purpose)
        subject = Subject(signal_ids=(signal.id,))
        return self._recorded(events.SignalWithdrawn(act=act, subject=subject, reason=reason), canary=signal.is_canary)

    def expired(self, signal: StoredSignal, rule: str, now: datetime) -> Recorded:
        """A signal reached its end."""
        act = self._own_act(now, agency=signal.told, purpose=signal.purpose)
        subject = Subject(signal_ids=(signal.id,))
        return self._recorded(events.SignalExpired(act=act, subject=subject, rule=rule), canary=signal.is_canary)

    def matched(self, hit: Hit, agencies: tuple[PartyId, PartyId], purpose: PurposeId, now: datetime) -> Recorded:
        """Two agencies' signals point at the same person."""
        act = self._own_act(now, purpose=purpose)
        subject = Subject(signal_ids=hit.signals, hit_id=hit.id)
        return self._recorded(
            events.SignalsMatched(act=act, subject=subject, quality=hit.quality, kinds=hit.kinds, agencies=agencies),
            canary=hit.canary,
        )

    def hit_notice(
        self,
        hit: Hit,
        receiver: PartyId,
        concerns: PartyId | None,
        purpose: PurposeId,
        seq: int,
        level: Level,
        decision: Decision,
        now: datetime,
    ) -> Recorded:
        """An agency is told of a hit; ``concerns`` is the other one when the notice names it."""
        act = self._own_act(now, purpose=purpose, recipient=receiver, decision="allow", policy_ids=decision.policies)
        return self._recorded(
            events.NoticeIssued(
                act=act,
                subject=Subject(signal_ids=hit.signals, hit_id=hit.id),
                notice_seq=seq,
                notice_type="hit",
                level=level,
                quality=hit.quality,
                kinds=hit.kinds,
            ),
            concerns=concerns,
            canary=hit.canary,
        )

    def gone_notice(
        self, receiver: PartyId, purpose: PurposeId, seq: int, hit: HitId, signal: SignalId, now: datetime
    ) -> Recorded:
        """An agency is told that the counterpart of a hit is gone; ``signal`` is its own."""
        act = self._own_act(now, purpose=purpose, recipient=receiver)
        subject = Subject(signal_ids=(signal,), hit_id=hit)
        return self._recorded(events.NoticeIssued(act=act, subject=subject, notice_seq=seq, notice_type="withdrawn"))

    def overdue_notice(
        self, receiver: PartyId, purpose: PurposeId, seq: int, signal: SignalId, now: datetime
    ) -> Recorded:
        """An agency is told that its signal's counterpart stays away; there is nobody else to name."""
        act = self._own_act(now, purpose=purpose, recipient=receiver)
        subject = Subject(signal_ids=(signal,))
        return self._recorded(events.NoticeIssued(act=act, subject=subject, notice_seq=seq, notice_type="overdue"))

    def hit_said(
        self,
        receiver: PartyId,
        purpose: PurposeId,
        seq: int,
        hit: HitId,
        signal: SignalId,
        what: Literal["late", "doubted", "restricted", "lifted", "acknowledged"],
        now: datetime,
    ) -> Recorded:
        """An agency is told something about a hit that it knows; ``signal`` is its own."""
        act = self._own_act(now, purpose=purpose, recipient=receiver)
        subject = Subject(signal_ids=(signal,), hit_id=hit)
        return self._recorded(events.NoticeIssued(act=act, subject=subject, notice_seq=seq, notice_type=what))

    def disclosure_asked(
        self,
        terms: Terms,
        signals: tuple[SignalId, SignalId],
        request: str,
        by: Verified,
        why: Justification,
        decision: Decision,
        canary: bool,
        now: datetime,
    ) -> Recorded:
        """A person asks the owner of a hit's other signal for more."""
        act = self._act_of(
            by,
            now,
            purpose=terms.purpose,
            recipient=terms.owner,
            justification=why.code,
            decision="allow",
            policy_ids=decision.policies,
        )
        subject = Subject(signal_ids=signals, hit_id=terms.hit, words=_words(why))
        return self._recorded(events.DisclosureRequested(act=act, subject=subject, request=request), canary=canary)

    def disclosure_decided(
        self,
        found: StoredDisclosure,
        by: Verified,
        outcome: Literal["approved", "granted", "refused"],
        reason: str | None,
        answer: str | None,
        decision: Decision,
        now: datetime,
    ) -> Recorded:
        """A person of the owner decides what the asker is given."""
        act = self._act_of(
            by, now, purpose=found.purpose, recipient=found.asker, decision="allow", policy_ids=decision.policies
        )
        return self._recorded(
            events.DisclosureDecided(
                act=act, subject=_pair(found), request=found.request, outcome=outcome, reason=reason, answer=answer
            )
        )

    def disclosure_received(self, found: StoredDisclosure, by: Verified, answer: str, now: datetime) -> Recorded:
        """A person of the asker is about to read what was given."""
        act = self._act_of(by, now, purpose=found.purpose, recipient=found.owner)
        return self._recorded(
            events.DisclosureReceived(act=act, subject=_pair(found), request=found.request, answer=answer)
        )

    def disclosure_ended(self, found: StoredDisclosure, rule: str, by: Verified | None, now: datetime) -> Recorded:
        """A request ends unread: its asker takes it back, or this broker ends it by the clock."""
        if by is None:
            act = self._own_act(now, purpose=found.purpose)
        else:
            act = self._act_of(by, now, purpose=found.purpose, recipient=found.owner)
        return self._recorded(
            events.DisclosureEnded(act=act, subject=_pair(found), request=found.request, rule=rule),
            canary=found.canary,
        )

    def disclosure_notice(
        self, receiver: PartyId, terms: Terms, signals: tuple[SignalId, SignalId], seq: int, canary: bool, now: datetime
    ) -> Recorded:
        """An agency is told that something happened to a request for more."""
        act = self._own_act(now, purpose=terms.purpose, recipient=receiver)
        subject = Subject(signal_ids=signals, hit_id=terms.hit)
        return self._recorded(
            events.NoticeIssued(act=act, subject=subject, notice_seq=seq, notice_type="disclosure"), canary=canary
        )

    def restricted(self, signal: StoredSignal, by: Verified, asked: Restriction, now: datetime) -> Recorded:
        """An agency restricts its signal, or lifts that."""
        act = self._act_of(by, now, purpose=signal.purpose)
        said: Literal["yes", "no"] = "yes" if asked.restricted else "no"
        return self._recorded(
            events.SignalRestricted(
                act=act, subject=Subject(signal_ids=(signal.id,)), restricted=said, reason=asked.reason
            ),
            canary=signal.is_canary,
        )

    def extended(self, signal: StoredSignal, by: Verified, asked: Extension, count: int, now: datetime) -> Recorded:
        """An agency lets its signal live on."""
        act = self._act_of(by, now, purpose=signal.purpose, justification=asked.justification.code)
        subject = Subject(signal_ids=(signal.id,), words=_words(asked.justification))
        days = _bounded((asked.expires_at - now) // timedelta(days=1))
        return self._recorded(
            events.SignalExtended(act=act, subject=subject, days=days, count=count), canary=signal.is_canary
        )

    def change_seen(self, by: Verified, told: ToldChange, seq: int, now: datetime) -> Recorded:
        """A recipient no longer shows what is gone or restricted."""
        act = self._act_of(by, now, purpose=told.purpose)
        subject = Subject(signal_ids=(told.my_signal,), hit_id=told.hit_id)
        return self._recorded(events.ChangeAcknowledged(act=act, subject=subject, notice_seq=seq, change=told.change))

    def followed_up(
        self, hit: HitId, by: Verified, found: StoredFollowUp, step: Step, outcome: str | None, now: datetime
    ) -> Recorded:
        """A person goes a step further with a hit."""
        act = self._act_of(by, now, purpose=found.purpose)
        subject = Subject(signal_ids=(found.my_signal,), hit_id=hit)
        return self._recorded(
            events.FollowedUp(act=act, subject=subject, step=step, outcome=outcome), canary=found.canary
        )

    def muted(
        self,
        tag: bytes,
        kind: KeyKind,
        count: int,
        receiver: PartyId,
        purpose: PurposeId,
        seq: int,
        example: SignalId,
        now: datetime,
    ) -> Recorded:
        """A key points at nobody; its user is told."""
        act = self._own_act(now, purpose=purpose, recipient=receiver)
        subject = Subject(signal_ids=(example,), tag_digests=_digests([tag]))
        return self._recorded(events.KeyMuted(act=act, subject=subject, kind=kind, count=count, notice_seq=seq))

    def opened(self, hit: HitId, by: Verified, told: OpenableHit, why: Justification, now: datetime) -> Recorded:
        """A person is about to read what a hit released."""
        act = self._act_of(by, now, purpose=told.purpose, justification=why.code)
        subject = Subject(signal_ids=(told.my_signal,), hit_id=hit, words=_words(why))
        return self._recorded(events.HitOpened(act=act, subject=subject), concerns=told.other, canary=told.canary)

    def queried(self, request: QueryRequest, by: Verified, decision: Decision, matches: int, now: datetime) -> Recorded:
        """An agency asked who knows a person, and is told of so many."""
        act = self._act_of(
            by,
            now,
            purpose=request.purpose,
            justification=request.justification.code,
            decision="allow",
            policy_ids=decision.policies,
        )
        return self._recorded(
            events.QueryAnswered(
                act=act,
                subject=Subject(
                    tag_digests=_digests([key.tag for key in request.keys]), words=_words(request.justification)
                ),
                epoch=request.epoch,
                key_kinds=tuple(sorted({key.kind for key in request.keys})),
                matches=matches,
            )
        )

    def query_matched(self, told: Queried, asker: PartyId, now: datetime) -> Recorded:
        """A question points at the same person as an agency's signal."""
        act = self._own_act(now, purpose=told.purpose)
        return self._recorded(
            events.SignalsMatched(
                act=act,
                subject=Subject(signal_ids=(told.signal,)),
                quality=told.quality,
                kinds=told.kinds,
                agencies=(asker, told.owner),
            ),
            canary=told.canary,
        )

    def queried_notice(
        self,
        told: Queried,
        asker: PartyId | None,
        receiver: PartyId,
        seq: int,
        level: Level,
        decision: Decision,
        now: datetime,
    ) -> Recorded:
        """An agency is told that somebody asked; ``asker`` only at a level that names agencies."""
        act = self._own_act(
            now, agency=asker, purpose=told.purpose, recipient=receiver, decision="allow", policy_ids=decision.policies
        )
        return self._recorded(
            events.NoticeIssued(
                act=act,
                subject=Subject(signal_ids=(told.signal,)),
                notice_seq=seq,
                notice_type="queried",
                level=level,
                quality=told.quality,
                kinds=told.kinds,
            ),
            concerns=asker,
            canary=told.canary,
        )

    def unusual_use(self, agency: PartyId, purpose: PurposeId, finding: Finding, now: datetime) -> Recorded:
        """Counts make an agency's use of a purpose worth a look."""
        act = self._own_act(now, agency=agency, purpose=purpose)
        return self._recorded(
            events.UnusualUse(act=act, reason=finding.reason, count=finding.count, limit=finding.limit)
        )

    def events_read(
        self, by: Verified, reach: Reach, log_purpose: LogPurpose, entries: int, now: datetime, *, export: bool = False
    ) -> Recorded:
        """Somebody reads entries of the log, or takes them out with their proofs."""
        act = self._act_of(by, now, decision="allow", policy_ids=reach.policies)
        kind = events.EventsExported if export else events.EventsRead
        return self._recorded(
            kind(act=act, scopes=reach.scopes, log_purpose=log_purpose, purposes=reach.named, entries=entries)
        )

    def subject_reported(self, by: Verified, search: SubjectSearch, entries: int, now: datetime) -> Recorded:
        """An agency has the entries about a citizen collected, to answer that citizen."""
        act = self._act_of(by, now, justification=search.justification.code)
        digests = tuple(dict.fromkeys(digest for group in search.tags for digest in group.tag_digests))
        subject = Subject(signal_ids=search.signals, tag_digests=digests, words=_words(search.justification))
        return self._recorded(
            events.SubjectReported(act=act, subject=subject, purposes=search.purposes, entries=entries)
        )

    def informing_reviewed(
        self, signal: StoredSignal, by: Verified, decided: InformingReview, now: datetime
    ) -> Recorded:
        """An agency decides anew about telling the person of its signal."""
        act = self._act_of(by, now, purpose=signal.purpose, justification=decided.justification.code)
        day = decided.review_on
        return self._recorded(
            events.InformingReviewed(
                act=act,
                subject=Subject(signal_ids=(signal.id,), words=_words(decided.justification)),
                informed=decided.status,
                review_days=None if day is None else _bounded((day - now.date()).days),
                approver=decided.approver,
            )
        )

    def statistics_read(
        self, by: Verified, purpose: PurposeId, about: PurposeId, cells: int, decision: Decision, now: datetime
    ) -> Recorded:
        """Somebody reads aggregates of a purpose."""
        act = self._act_of(by, now, purpose=purpose, decision="allow", policy_ids=decision.policies)
        return self._recorded(events.StatisticsRead(act=act, about=about, cells=cells))

    def probes_declared(self, by: Verified, said: ProbeCounts, now: datetime) -> Recorded:
        """An agency says how many of a month's signals were probes."""
        act = self._act_of(by, now, purpose=said.purpose, decision="allow")
        return self._recorded(
            events.ProbesDeclared(
                act=act,
                month=said.month,
                registered=said.counts["registered"],
                withdrawn=said.counts["withdrawn"],
                expired=said.counts["expired"],
                hit=said.counts["hit"],
                probable=said.counts["probable"],
                possible=said.counts["possible"],
            )
        )

    def key_statement(self, signed: SignedKeyStatement, now: datetime) -> Recorded:
        """A key-holder's statement, verified, is published."""
        statement = signed.statement
        act = self._own_act(now, purpose=statement.purpose)
        return self._recorded(
            events.KeyStatementPublished(
                act=act,
                holder=statement.holder,
                epoch=statement.epoch,
                statement_digest=message_digest(statement),
            )
        )

    def parts_erased(self, erased: Erased, by: Verified | None, told: PartyId | None, now: datetime) -> Recorded:
        """The subject parts of these entries are gone: an agency asked for it, or else whoever runs this broker.

        What another agency was told, it reads in a marker of its own, which names neither person nor reason.
        """
        facts: dict[str, Any] = {"purpose": erased.purpose, "recipient": told}
        if erased.policies:
            facts |= {"decision": "allow", "policy_ids": erased.policies}
        if by is not None and told is None:
            act, words = self._act_of(by, now, **facts), erased.words
        else:
            # Nor whose signal it was: of a canary that would be its planter, or its cover to the cover itself.
            act, words = self._own_act(now, **facts), None
        marker = events.EventsErased(
            act=act,
            subject=Subject(words=words),
            ground=erased.ground,
            indexes=erased.indexes,
            entries=len(erased.indexes),
        )
        return self._recorded(marker)

    def month_erased(self, ground: ErasureGround, month: MonthStanding, now: datetime) -> Recorded:
        """Of a month's entries only the leaves are left."""
        return self._recorded(
            events.EventsErased(
                act=self._own_act(now),
                ground=ground,
                month=month.month,
                first=month.first,
                last=month.last,
                entries=month.entries,
            )
        )

    def evaluations_reported(
        self, holder: PartyId, index: HolderIndex, hour: datetime, row: AgencyHour, now: datetime
    ) -> Recorded:
        """A key-holder says what it did for an agency in an hour."""
        act = Act(time=now, covenant=self._ref(), agency=row.agency, system=holder, purpose=row.purpose)
        return self._recorded(
            events.EvaluationsReported(act=act, holder=index, hour=hour, elements=row.elements, refused=row.refused)
        )

    def covenant_activated(self, now: datetime) -> Recorded:
        """From here on the broker acts under this covenant."""
        act = self._own_act(now)
        ref = self._ref()
        return self._recorded(events.CovenantActivated(act=act, version=ref.version, sha256=ref.sha256))

    def _act_of(self, by: Verified, now: datetime, **facts: Any) -> Act:
        """Return the act of who signed a request: a person, or the agency's own system."""
        system = None if by.person else by.party
        return Act(time=now, covenant=self._ref(), agency=by.party, person=by.person, system=system, **facts)

    def _own_act(self, now: datetime, **facts: Any) -> Act:
        """Return an act that this broker does by itself."""
        return Act(time=now, covenant=self._ref(), system=self.system, **facts)

    def _ref(self) -> CovenantRef:
        return CovenantRef(version=self.covenant.version, sha256=self.covenant.sha256)

    def _recorded(self, event: Event, *, concerns: PartyId | None = None, canary: bool = False) -> Recorded:
        return Recorded(self.new_id(), event, concerns, canary)


def _pair(found: StoredDisclosure) -> Subject:
    return Subject(signal_ids=(found.asker_signal, found.owner_signal), hit_id=found.hit_id)


def _words(why: Justification) -> Words:
    return Words(text=why.text, case_reference=why.case_reference)


def _asked(signal: Signal, now: datetime) -> Asked:
    review = signal.informed.review_on
    return Asked(
        epoch=signal.epoch,
        basis=signal.basis,
        grounds=signal.grounds,
        key_kinds=tuple(sorted({key.kind for key in signal.keys})),
        days=_bounded((signal.expires_at - now) // timedelta(days=1)),
        informed=signal.informed.status,
        review_days=None if review is None else _bounded((review - now.date()).days),
        cover=signal.cover,
    )


def _bounded(days: int) -> int:
    return max(-MAX_DAYS, min(MAX_DAYS, days))


def _digests(tags: Sequence[bytes]) -> tuple[bytes, ...]:
    # One tag may stand under both roles; the log names it once.
    return tuple(tag_digest(tag) for tag in dict.fromkeys(tags))
