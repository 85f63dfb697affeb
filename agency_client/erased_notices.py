# SPDX-License-Identifier: EUPL-1.2
"""A notice that was erased from the log before it was read: only that it was told, and by which entry it went.

Numbers have no gaps, so a broker cannot drop what is erased; nor can it call erased what it keeps from us, since the
log must name it. Pure: it raises, or returns another type. Spec: ``protocol/spec/erasure.md``.
Not here: other notices (``inbox.py``), what makes a marker one (``protocol/erasure.py``).
"""

from agency_client.signed_versions import SignedVersions
from agency_client.verified import Receipt, VerifiedErased
from protocol.checkpoint import CosignedCheckpoint
from protocol.commitments import open_entry
from protocol.erasure import ErasedPart, month_of, prove_part, prove_whole, require_kept
from protocol.errors import Code, VerificationError
from protocol.events import Event, KeyMuted, NoticeIssued
from protocol.ids import PartyId
from protocol.messages import Evidence
from protocol.notices import ErasedNotice


def verify_erased(
    notice: ErasedNotice, cosigned: CosignedCheckpoint, agency: PartyId, versions: SignedVersions
) -> VerifiedErased:
    """Return the notice as one that may be believed.

    Raises ``VerificationError``: ``receipt_invalid`` when the log does not prove that just this number was told to this
    agency, ``erasure_unproven`` when nothing in it says that this was erased, or the month went before its retention
    was over, ``covenant_untrusted`` when it was done under rules that the board did not sign.
    """
    if notice.evidence is not None:
        part = prove_part(notice.evidence, notice.marker, cosigned)
        versions.require(_event(notice.marker))
        versions.require(part.event)
        _require_told(part, notice, agency)
        receipts = (_receipt(notice.marker, notice, cosigned), _receipt(notice.evidence, notice, cosigned))
        return VerifiedErased(notice, part.marker, receipts)
    if notice.entry is None:
        raise _not_proven("The notice is called erased, and nothing of it is shown.")
    whole = prove_whole(notice.entry, notice.marker, cosigned)
    require_kept(whole.marker, versions.require(_event(notice.marker)).covenant.log_retention_years)
    if whole.marker.month is None or month_of(notice.at) > whole.marker.month:
        raise _not_proven("The notice is of a later month than the one that was erased.")
    return VerifiedErased(notice, whole.marker, (_receipt(notice.marker, notice, cosigned),))


def _require_told(part: ErasedPart, notice: ErasedNotice, agency: PartyId) -> None:
    event = part.event
    if not isinstance(event, NoticeIssued | KeyMuted) or event.act.recipient != agency:
        raise _not_proven("The log's entry is not a notice to this agency.")
    if event.notice_seq != notice.seq or event.act.time != notice.at:
        raise _not_proven("The log has this notice under another number or at another time.")


def _event(proven: Evidence) -> Event:
    return open_entry(proven.opening).event


def _receipt(evidence: Evidence, notice: ErasedNotice, cosigned: CosignedCheckpoint) -> Receipt:
    opened, size = open_entry(evidence.opening), cosigned.checkpoint.size
    opening = evidence.opening.to_json()
    kind = type(opened.event).__name__
    return Receipt(evidence.index, kind, str(notice.seq), opened.leaf, opening, evidence.proof, size, cosigned.note)


def _not_proven(detail: str) -> VerificationError:
    return VerificationError(Code.RECEIPT_INVALID, detail, hint="Tell the board.")
