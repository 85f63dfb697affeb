# SPDX-License-Identifier: EUPL-1.2
"""Whether what we are told about our own follow-up is true, as far as we can know it ourselves.

The client knows from the notice of a hit until when it is to be followed up, and by its own receipts whether somebody
did. So a broker can call nobody late too early, nor after a step that stands in the log before. Pure.
Not here: that the log has the notice (``inbox.py``).
"""

from datetime import datetime, timedelta

from agency_client.trail import Proven
from agency_client.vault.follow_ups import FollowUp
from protocol.covenant import Covenant
from protocol.errors import Code, VerificationError
from protocol.notices import DoubtedNotice, HitNotice, LateNotice


def due_of(notice: HitNotice, told_under: Covenant) -> datetime | None:
    """Return until when a hit is to be followed up, under the covenant by which it was told."""
    purpose = told_under.purposes.get(notice.purpose)
    return None if purpose is None else notice.at + timedelta(hours=purpose.deadline_hours(notice.urgency))


def require_late(notice: LateNotice, proven: Proven, found: FollowUp | None) -> None:
    """Pass when nobody of us did anything in time. Raises ``VerificationError`` (``receipt_invalid``).

    Of a hit that is not followed up here, such as a probe's, there is nothing to compare, and nothing is shown.
    """
    if notice.at < notice.due_since:
        raise _untrue("The notice calls us late before the time is over.")
    if found is None:
        return
    if notice.due_since != found.due_at:
        raise _untrue("The notice counts from another time than the hit's own.")
    if found.begun_place is not None and found.begun_place < proven.place:
        raise _untrue("The notice says that nobody followed up the hit, and the log has before it that somebody did.")


def require_doubted(notice: DoubtedNotice, told_under: Covenant) -> None:
    """Pass when the outcome is one that the covenant has told. Raises ``VerificationError`` (``receipt_invalid``)."""
    outcome = told_under.outcomes.get(notice.reason)
    if outcome is None or not outcome.told:
        raise _untrue("The notice gives an outcome that the covenant does not have told to the other side.")


def _untrue(detail: str) -> VerificationError:
    return VerificationError(Code.RECEIPT_INVALID, detail, hint="Nothing of this notice is shown. Tell the board.")
