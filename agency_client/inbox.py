# SPDX-License-Identifier: EUPL-1.2
"""From a notice that the broker gives to one that may be believed. Pure: it raises, or returns another type.

What must hold: the log proves the notice's event for this agency and this number; the event says what the notice says;
the signal is ours; the counterpart signed the parts it sealed; every released part opens with every key that agreed,
in the roles that are told, to the same text. A factor opens nothing (``keys.opens_parts``), so its roles are only the
broker's word, like all roles where nothing is released, ``urgency``, and a withdrawal's ``reason``, which no event has.

**Parts that do not come.** A counterpart's parts go when it withdraws, and its withdrawal is told under a later number.
So a hit may come without any of the parts that its level releases and its counterpart signed, never with some of them.
It is then *undelivered*: listed, not openable, asked for again, until the parts or the withdrawal come; how long that
may take is ``reading.py``'s.
**Signals that ended.** When we took back our own signal, or it is past its time, the broker has forgotten its keys and
can release nothing. What is still told about it is verified as far as the log goes, counted, and not shown as a hit.
Not here: fetching (``reading.py``), keeping (``vault``), showing (``wording.py``).
"""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, Protocol, TypeAlias

from agency_client.awaiting import require_overdue
from agency_client.disclosure_reading import DisclosureReader
from agency_client.erased_notices import verify_erased
from agency_client.lateness import due_of, require_doubted, require_late
from agency_client.signed_versions import SignedVersions
from agency_client.trail import Proven, prove
from agency_client.vault.disclosures import KeptDisclosure
from agency_client.vault.follow_ups import FollowUp
from agency_client.vault.signals import Kept, KeptKey
from agency_client.verified import (
    VerifiedAcknowledged,
    VerifiedDoubted,
    VerifiedHit,
    VerifiedLate,
    VerifiedLifted,
    VerifiedMute,
    VerifiedNotice,
    VerifiedOverdue,
    VerifiedPast,
    VerifiedQueried,
    VerifiedRestricted,
    VerifiedUndelivered,
    VerifiedWithdrawal,
)
from protocol.checkpoint import CosignedCheckpoint
from protocol.covenant import Covenant
from protocol.disclosures import DisclosureNotice
from protocol.encoding import format_time
from protocol.envelope import PartContext, open_part, part_digest, signal_statement
from protocol.errors import AuthenticationError, Code, VerificationError
from protocol.events import KeyMuted, NoticeIssued
from protocol.hpke import Opens
from protocol.ids import Epoch, KeyKind, PartyId, PurposeId, SignalId
from protocol.keys import opens_parts, quality_of
from protocol.messages import Agreement, Counterpart, Level, PartName, Quality, ReleasedWrap, Role, SealedPart
from protocol.notices import (
    AcknowledgedNotice,
    DoubtedNotice,
    ErasedNotice,
    HitNotice,
    LateNotice,
    LiftedNotice,
    MutedNotice,
    Notice,
    OverdueNotice,
    QueriedNotice,
    RestrictedNotice,
    WithdrawnNotice,
)
from protocol.signing import verify_message
from protocol.tags import EnvelopeKey

_PARTS_OF: Final[Mapping[Level, frozenset[PartName]]] = {
    "existence": frozenset(),
    "agency": frozenset(),
    "contact": frozenset(("contact",)),
    "content": frozenset(("contact", "content")),
}
"""What each level may release at most."""
_RANK: Final[Mapping[Quality | None, int]] = {None: 0, "possible": 1, "probable": 2, "hit": 3}


@dataclass(frozen=True, slots=True)
class Mine:
    """A signal of ours that a notice is about, with its envelope keys."""

    signal: Kept
    keys: tuple[KeptKey, ...]
    ended: bool = False
    """Whether it is taken back, on the way to be, or past its time, as far as we know ourselves."""
    registered_at: datetime | None = None
    """When the log proves that it was registered; looked up for a notice of silence only."""
    met: bool = False
    """Whether a hit with the counterpart that it awaits stands here; looked up likewise."""
    follow_up: FollowUp | None = None
    """How far we are with the hit that a notice calls late; looked up for such a notice only."""
    changed: bool = False
    """Whether we made a change that a notice says was carried out, before it; looked up likewise."""
    asked: KeptDisclosure | None = None
    """The request for more that a notice is about, as it stands here; looked up for such a notice only."""


AboutHit: TypeAlias = (
    HitNotice | WithdrawnNotice | LateNotice | DoubtedNotice | RestrictedNotice | LiftedNotice | AcknowledgedNotice
)
"""Notices of a hit, and of what became of one."""


class Claim(Protocol):
    """What a notice of a hit and a match of our own question have in common: what agrees, at which level, when."""

    @property
    def purpose(self) -> PurposeId:
        """Under which purpose."""

    @property
    def epoch(self) -> Epoch:
        """Of which epoch's keys."""

    @property
    def at(self) -> datetime:
        """The logged event's time."""

    @property
    def quality(self) -> Quality:
        """How sure it is said to be."""

    @property
    def level(self) -> Level:
        """How much it may release."""

    @property
    def agreed(self) -> tuple[Agreement, ...]:
        """On what it is said to rest."""


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads, under which covenant."""

    agency: PartyId
    covenant: Covenant
    versions: SignedVersions
    """The covenants that the board signed: all that is told must have been told under one of them."""
    opening: Opens | None = field(default=None, repr=False)
    """Our own key for what is disclosed; without it, words that are sealed to us stay closed."""

    def verify(self, notice: Notice, cosigned: CosignedCheckpoint, mine: Mine | None) -> VerifiedNotice:
        """Return the notice as one that may be believed.

        Raises ``VerificationError``: ``receipt_invalid`` when the log does not prove just this notice,
        ``covenant_untrusted`` when it was told under rules that the board did not sign or against those it signed,
        ``envelope_invalid`` when a part was not sealed by whom it names, was changed, or does not open.
        """
        if isinstance(notice, ErasedNotice):
            return verify_erased(notice, cosigned, self.agency, self.versions)
        if isinstance(notice, DisclosureNotice):
            if mine is None or mine.signal.purpose != notice.purpose:
                raise _not_proven("The notice is about a signal that this agency does not have.")
            return DisclosureReader(self.agency, self.versions, self.opening).verify(notice, cosigned, mine.asked)
        proven = prove(notice.evidence, cosigned)
        told_under = self.versions.require(proven.event).covenant
        receipt = proven.receipt(str(notice.seq))
        if mine is None:
            raise _not_proven("The notice is about a signal that this agency does not have.")
        if isinstance(notice, MutedNotice):
            self._require_muted(notice, proven, mine)
            return VerifiedMute(notice, receipt)
        if isinstance(notice, OverdueNotice):
            require_overdue(notice, proven, self.agency, mine.signal, mine.registered_at, told_under)
            if mine.met:
                raise _not_proven("The notice calls a counterpart overdue that came, and that stands.")
            return VerifiedOverdue(notice, replace(receipt, about=str(notice.my_signal)))
        self._require_issued(notice, proven, mine)
        if isinstance(notice, WithdrawnNotice):
            return VerifiedWithdrawal(notice, receipt)
        if isinstance(notice, RestrictedNotice):
            return VerifiedRestricted(notice, receipt)
        if isinstance(notice, LiftedNotice):
            return VerifiedLifted(notice, receipt)
        if isinstance(notice, AcknowledgedNotice):
            if not mine.changed:
                raise _not_proven("The notice says that somebody carried out a change that we had not made.")
            return VerifiedAcknowledged(notice, receipt)
        if isinstance(notice, LateNotice):
            require_late(notice, proven, mine.follow_up)
            return VerifiedLate(notice, receipt)
        if isinstance(notice, DoubtedNotice):
            require_doubted(notice, told_under)
            return VerifiedDoubted(notice, receipt)
        self.versions.require_level(notice, self.agency, proven.event)
        if mine.ended:
            # That somebody asked about the person stays true when the signal has gone.
            return VerifiedQueried(notice, receipt) if notice.type == "queried" else VerifiedPast(notice, receipt)
        self._require_mine(notice, mine)
        if isinstance(notice, QueriedNotice):
            return VerifiedQueried(notice, receipt)
        due = due_of(notice, told_under)
        if notice.counterpart is None:
            return VerifiedHit(notice, receipt, due)
        if self._withheld(notice, notice.counterpart):
            return VerifiedUndelivered(_without_parts(notice), receipt, due)
        self.open_parts(notice, notice.counterpart, mine.keys)
        return VerifiedHit(notice, receipt, due)

    def _require_issued(
        self,
        notice: AboutHit | QueriedNotice,
        proven: Proven,
        mine: Mine,
    ) -> None:
        event, act = proven.event, proven.event.act
        if not isinstance(event, NoticeIssued) or act.recipient != self.agency:
            raise _not_proven("The log's entry is not a notice to this agency.")
        if event.notice_seq != notice.seq or event.notice_type != notice.type:
            raise _not_proven("The log has this notice under another number or of another type.")
        if act.time != notice.at or act.purpose != mine.signal.purpose:
            raise _not_proven("The log's entry is of another time or purpose.")
        concerned = {notice.my_signal}
        if isinstance(notice, HitNotice | QueriedNotice):
            said = (event.level, event.quality, frozenset(event.kinds), act.purpose, act.decision)
            kinds = frozenset(one.kind for one in notice.agreed)
            if said != (notice.level, notice.quality, kinds, notice.purpose, "allow"):
                raise _not_proven("The log says something else about this hit than the notice.")
            if notice.rule not in act.policy_ids:
                raise _not_proven("The log names another rule than the notice.")
            other = notice.counterpart if isinstance(notice, HitNotice) else notice.asker
            if (other is None) != (notice.level == "existence"):
                raise _not_proven("The notice names another agency that its level does not, or lacks the one it names.")
        if isinstance(notice, HitNotice) and notice.counterpart is not None:
            concerned.add(notice.counterpart.signal_id)
        if isinstance(notice, QueriedNotice) and (event.act.agency != notice.asker or notice.asker == self.agency):
            raise _not_proven("The log has another asker than the notice.")
        # Exactly these: at level existence the event must not tell the counterpart's signal, whose id is a time.
        hit = None if isinstance(notice, QueriedNotice) else notice.hit_id
        if event.subject.hit_id != hit or sorted(event.subject.signal_ids) != sorted(concerned):
            raise _not_proven("The log's entry is about another hit or another counterpart.")

    def _require_muted(self, notice: MutedNotice, proven: Proven, mine: Mine) -> None:
        event = proven.event
        if (
            not isinstance(event, KeyMuted)
            or (event.act.recipient, event.act.time) != (self.agency, notice.at)
            or (event.notice_seq, event.kind, event.count) != (notice.seq, notice.kind, notice.signals)
            or event.act.purpose != notice.purpose
            or event.subject.signal_ids != (notice.example,)
        ):
            raise _not_proven("The log's entry is not this notice to this agency.")
        if mine.signal.purpose != notice.purpose or not (
            mine.ended or (notice.epoch in mine.signal.epochs and notice.kind in {key.kind for key in mine.keys})
        ):
            raise _not_proven("The notice is about a key that our signal does not have.")

    @staticmethod
    def _require_mine(notice: HitNotice | QueriedNotice, mine: Mine) -> None:
        if mine.signal.purpose != notice.purpose or notice.epoch not in mine.signal.epochs:
            raise _not_proven("The notice is about another purpose or epoch than our signal.")
        require_carried(notice, frozenset((key.kind, key.role) for key in mine.keys))

    def open_parts(self, notice: Claim, counterpart: Counterpart, keys: Sequence[KeptKey]) -> dict[PartName, bytes]:
        """Return the plain bytes of every released part. Raises ``VerificationError`` (``envelope_invalid``)."""
        self._require_signed(notice, counterpart)
        if {part.name for part in counterpart.parts} != _due(notice, counterpart):
            raise _swapped("The notice releases other parts than its level and the counterpart's signature say.")
        agreed = {(one.kind, one.my_role, one.their_role) for one in notice.agreed if opens_parts(one.kind)}
        if any(
            (wrap.kind, wrap.my_role, wrap.role) not in agreed or wrap.part not in _PARTS_OF[notice.level]
            for wrap in counterpart.wraps
        ):
            raise _swapped("The notice releases a wrap of something that does not agree, or of another part.")
        context = PartContext(counterpart.signal_id, counterpart.agency, notice.purpose, notice.epoch)
        return {part.name: _open(part, counterpart, agreed, keys, context) for part in counterpart.parts}

    def _withheld(self, notice: Claim, counterpart: Counterpart) -> bool:
        """Return whether nothing comes that opens the parts that are due. Raises as ``open_parts`` for the signature.

        The broker reads parts before wraps, so a withdrawal in between leaves parts that nothing opens.
        """
        self._require_signed(notice, counterpart)
        return bool(_due(notice, counterpart)) and not counterpart.wraps

    def _require_signed(self, notice: Claim, counterpart: Counterpart) -> None:
        context = PartContext(counterpart.signal_id, counterpart.agency, notice.purpose, notice.epoch)
        if counterpart.agency == self.agency or counterpart.key_id is None or counterpart.signature is None:
            raise _swapped("The counterpart did not sign.")
        try:
            # ``at`` is the logged event's own time, so a key that was withdrawn from use before counts no more.
            entry = self.covenant.key_directory().lookup(counterpart.key_id, notice.at)
            verify_message(entry.key, signal_statement(context, counterpart.part_digests), counterpart.signature)
        except (AuthenticationError, VerificationError) as error:
            raise _swapped("The counterpart's signature over what it sealed does not hold.") from error
        if entry.party != counterpart.agency:
            raise _swapped("Another agency than the one named signed this.")
        for part in counterpart.parts:
            if counterpart.part_digests.get(part.name) != part_digest(part):
                raise _swapped("A sealed part is not the one that the counterpart signed.")


def require_carried(claim: Claim, ours: Set[tuple[KeyKind, Role]]) -> None:
    """Pass when what is said to agree is ours, and carries the quality. Raises ``VerificationError``."""
    if any((one.kind, one.my_role) not in ours for one in claim.agreed):
        raise _not_proven("It is said that something agrees that is not in what we sent.")
    pairs = {(one.my_role, one.their_role) for one in claim.agreed}
    best = max(
        _RANK[quality_of(one.kind for one in claim.agreed if (one.my_role, one.their_role) == pair)] for pair in pairs
    )
    if _RANK[claim.quality] > best:
        raise _not_proven("More certainty is claimed than what agrees can carry.")


def content_of(notice: Notice) -> bytes:
    """Return what makes a notice the same notice: all but the proof, which changes as the log grows, and what the
    counterpart sealed and signed: that goes when it withdraws, and is another one at the turn of an epoch.
    """
    if isinstance(notice, ErasedNotice):
        # By which entry it is said, and whether the record went too, may change: the number and the moment do not.
        return f"erased/{notice.seq}/{format_time(notice.at)}".encode()
    bare: Notice = _without_seal(notice) if isinstance(notice, HitNotice) else notice
    if isinstance(notice, DisclosureNotice):
        act = notice.act.model_copy(update={"proof": ()})
        bare = notice.model_copy(update={"wanted": None, "answer": None, "refusal": None, "act": act})
    return bare.model_copy(update={"evidence": notice.evidence.model_copy(update={"proof": ()})}).to_json()


def _without_seal(notice: HitNotice) -> HitNotice:
    sealed: dict[str, object] = {"parts": (), "wraps": (), "part_digests": {}, "key_id": None, "signature": None}
    other = None if notice.counterpart is None else notice.counterpart.model_copy(update=sealed)
    return notice.model_copy(update={"epoch": Epoch(0), "counterpart": other})


def _without_parts(notice: HitNotice) -> HitNotice:
    if notice.counterpart is None:
        return notice
    return notice.model_copy(update={"counterpart": notice.counterpart.model_copy(update={"parts": (), "wraps": ()})})


def _due(notice: Claim, counterpart: Counterpart) -> frozenset[PartName]:
    """Return the parts that the level releases and the counterpart signed that it sealed."""
    return _PARTS_OF[notice.level] & counterpart.part_digests.keys()


def _open(
    part: SealedPart,
    counterpart: Counterpart,
    agreed: Set[tuple[KeyKind, Role, Role]],
    keys: Sequence[KeptKey],
    context: PartContext,
) -> bytes:
    """Open a part under everything that agrees: what did not open would be an agreement that nothing but a word shows.

    One text only: the cipher would let a dishonest sender show another under another key.
    """
    texts: set[bytes] = set()
    opened: set[tuple[KeyKind, Role, Role]] = set()
    for wrap in counterpart.wraps:
        if wrap.part == part.name:
            texts.add(_open_wrap(part, wrap, keys, context))
            opened.add((wrap.kind, wrap.my_role, wrap.role))
    if opened != agreed or len(texts) != 1:
        raise _swapped("A released part does not open alike with every key on which the two signals are said to agree.")
    return texts.pop()


def _open_wrap(part: SealedPart, wrap: ReleasedWrap, keys: Sequence[KeptKey], context: PartContext) -> bytes:
    for key in keys:
        if (key.kind, key.role) != (wrap.kind, wrap.my_role):
            continue
        try:
            return open_part(part, wrap.wrap, wrap.kind, wrap.role, EnvelopeKey(key.key), context)
        except VerificationError:
            # A signal can have several keys of a kind, such as two phones; one of them is the one that agreed.
            continue
    raise _swapped("A released part does not open with any key on which the two signals agree.")


def signal_of(notice: Notice) -> SignalId | None:
    """Return which signal of ours a notice is about; of a muted key the example, of what was erased none."""
    if isinstance(notice, ErasedNotice):
        return None
    return notice.example if isinstance(notice, MutedNotice) else notice.my_signal


def _not_proven(detail: str) -> VerificationError:
    return VerificationError(Code.RECEIPT_INVALID, detail, hint="Nothing of this notice is shown. Tell the board.")


def _swapped(detail: str) -> VerificationError:
    return VerificationError(Code.ENVELOPE_INVALID, detail, hint="Nothing of this notice is shown. Tell the board.")
