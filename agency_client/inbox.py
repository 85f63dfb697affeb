# SPDX-License-Identifier: EUPL-1.2
"""From a notice that the broker gives to one that may be believed. Pure: it raises, or returns another type.

What must hold: the log proves the notice's event for this agency and this number; the event says what the notice says;
the signal is ours; the counterpart signed the parts it sealed; every released part opens with a key that agreed.
Each failure has its own code. Not here: fetching (``reading.py``), keeping (``vault``), showing (``wording.py``).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from agency_client.trail import Proven, prove
from agency_client.vault.signals import Kept, KeptKey
from agency_client.verified import Receipt, VerifiedHit, VerifiedMute, VerifiedNotice, VerifiedWithdrawal
from protocol.checkpoint import CosignedCheckpoint
from protocol.covenant import Covenant
from protocol.envelope import PartContext, open_part, part_digest, signal_statement
from protocol.errors import AuthenticationError, Code, VerificationError
from protocol.events import KeyMuted, NoticeIssued
from protocol.ids import PartyId, SignalId
from protocol.keys import quality_of
from protocol.messages import (
    Counterpart,
    HitNotice,
    Level,
    MutedNotice,
    Notice,
    PartName,
    Quality,
    SealedPart,
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


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads, under which covenant."""

    agency: PartyId
    covenant: Covenant

    def verify(self, notice: Notice, cosigned: CosignedCheckpoint, mine: Mine | None) -> VerifiedNotice:
        """Return the notice as one that may be believed.

        Raises ``VerificationError``: ``receipt_invalid`` when the log does not prove just this notice,
        ``envelope_invalid`` when a part was not sealed by whom it names, was changed, or does not open.
        """
        proven = prove(notice.evidence, cosigned)
        receipt = Receipt(proven.place, "NoticeIssued", str(notice.seq), proven.leaf, proven.opening)
        if isinstance(notice, MutedNotice):
            self._require_muted(notice, proven)
            return VerifiedMute(notice, receipt)
        if mine is None:
            raise _not_proven("The notice is about a signal that this agency does not have.")
        self._require_issued(notice, proven)
        if isinstance(notice, WithdrawnNotice):
            return VerifiedWithdrawal(notice, receipt)
        self._require_mine(notice, mine)
        if notice.counterpart is not None:
            self.open_parts(notice, notice.counterpart, mine.keys)
        return VerifiedHit(notice, receipt)

    def _require_issued(self, notice: HitNotice | WithdrawnNotice, proven: Proven) -> None:
        event = proven.event
        if not isinstance(event, NoticeIssued) or event.act.recipient != self.agency:
            raise _not_proven("The log's entry is not a notice to this agency.")
        if event.notice_seq != notice.seq or event.notice_type != notice.type:
            raise _not_proven("The log has this notice under another number or of another type.")
        if event.subject.hit_id != notice.hit_id or notice.my_signal not in event.subject.signal_ids:
            raise _not_proven("The log's entry is about another hit.")
        if isinstance(notice, HitNotice):
            said = (event.level, event.quality, frozenset(event.kinds), event.act.purpose)
            told = (notice.level, notice.quality, frozenset(one.kind for one in notice.agreed), notice.purpose)
            if said != told:
                raise _not_proven("The log says something else about this hit than the notice.")
            theirs = notice.counterpart
            if theirs is not None and theirs.signal_id not in event.subject.signal_ids:
                raise _not_proven("The log's entry names another counterpart.")

    def _require_muted(self, notice: MutedNotice, proven: Proven) -> None:
        event = proven.event
        if (
            not isinstance(event, KeyMuted)
            or event.act.recipient != self.agency
            or (event.notice_seq, event.kind, event.count) != (notice.seq, notice.kind, notice.signals)
        ):
            raise _not_proven("The log's entry is not this notice to this agency.")

    @staticmethod
    def _require_mine(notice: HitNotice, mine: Mine) -> None:
        if (mine.signal.purpose, mine.signal.epoch) != (notice.purpose, notice.epoch):
            raise _not_proven("The notice is about another purpose or epoch than our signal.")
        ours = {(key.kind, key.role) for key in mine.keys}
        if any((one.kind, one.my_role) not in ours for one in notice.agreed):
            raise _not_proven("The notice says that something agrees that our signal does not have.")
        pairs = {(one.my_role, one.their_role) for one in notice.agreed}
        best = max(
            _RANK[quality_of(one.kind for one in notice.agreed if (one.my_role, one.their_role) == pair)]
            for pair in pairs
        )
        if _RANK[notice.quality] > best:
            raise _not_proven("The notice claims more certainty than what agrees can carry.")

    def open_parts(self, notice: HitNotice, counterpart: Counterpart, keys: Sequence[KeptKey]) -> dict[PartName, bytes]:
        """Return the plain bytes of every released part. Raises ``VerificationError`` (``envelope_invalid``)."""
        context = PartContext(counterpart.signal_id, counterpart.agency, notice.purpose, notice.epoch)
        self._require_signed(notice, counterpart, context)
        released = {part.name for part in counterpart.parts}
        if not released <= _PARTS_OF[notice.level]:
            raise _swapped("The notice releases more than its level allows.")
        # A part that the level would release can be absent: the counterpart may have withdrawn by now.
        return {part.name: _open(part, counterpart, keys, context) for part in counterpart.parts}

    def _require_signed(self, notice: HitNotice, counterpart: Counterpart, context: PartContext) -> None:
        if counterpart.agency == self.agency or counterpart.key_id is None or counterpart.signature is None:
            raise _swapped("The counterpart did not sign.")
        try:
            entry = self.covenant.key_directory().lookup(counterpart.key_id, notice.at)
            verify_message(entry.key, signal_statement(context, counterpart.part_digests), counterpart.signature)
        except (AuthenticationError, VerificationError) as error:
            raise _swapped("The counterpart's signature over what it sealed does not hold.") from error
        if entry.party != counterpart.agency:
            raise _swapped("Another agency than the one named signed this.")
        for part in counterpart.parts:
            if counterpart.part_digests.get(part.name) != part_digest(part):
                raise _swapped("A sealed part is not the one that the counterpart signed.")


def content_of(notice: Notice) -> bytes:
    """Return what makes a notice the same notice: all but the proof, which changes as the log grows, and what was
    released, which goes when the counterpart withdraws.
    """
    changed: dict[str, object] = {"evidence": notice.evidence.model_copy(update={"proof": ()})}
    if isinstance(notice, HitNotice) and notice.counterpart is not None:
        changed["counterpart"] = notice.counterpart.model_copy(update={"parts": (), "wraps": ()})
    return notice.model_copy(update=changed).to_json()


def _open(part: SealedPart, counterpart: Counterpart, keys: Sequence[KeptKey], context: PartContext) -> bytes:
    for wrap in counterpart.wraps:
        if wrap.part != part.name:
            continue
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
    """Return which signal of ours a notice is about; None for a muted key."""
    return None if isinstance(notice, MutedNotice) else notice.my_signal


def _not_proven(detail: str) -> VerificationError:
    return VerificationError(Code.RECEIPT_INVALID, detail, hint="Nothing of this notice is shown. Tell the board.")


def _swapped(detail: str) -> VerificationError:
    return VerificationError(Code.ENVELOPE_INVALID, detail, hint="Nothing of this notice is shown. Tell the board.")
