# SPDX-License-Identifier: EUPL-1.2
"""Settlers of the acts on a signal and its hits: taking it back, opening what a hit released, reviewing who was told.

Not here: the sending (``post.py``).
"""

from datetime import datetime
from typing import Final
from uuid import UUID

from agency_client.settling import Settler, invalid
from agency_client.vault import Vault
from agency_client.vault.changes import kind_of_withdrawal
from agency_client.vault.outbox import Posting
from agency_client.verified import Receipt
from protocol.events import Event, HitOpened, InformingReviewed, SignalWithdrawn, Words
from protocol.ids import HitId, PurposeId, SignalId
from protocol.informing import InformingReview
from protocol.ldv import Work
from protocol.messages import OpeningRequest, WithdrawalRequest, parse


def _signal(posting: Posting) -> SignalId:
    return SignalId(UUID(posting.about or ""))


def _hit(posting: Posting) -> HitId:
    return HitId(UUID(posting.about or ""))


def _purpose_of_signal(vault: Vault, posting: Posting) -> PurposeId:
    # Who withdraws names no purpose: it is that of the signal.
    return vault.signals.get(_signal(posting)).purpose


def _require_withdrawn(_vault: Vault, posting: Posting, event: Event) -> None:
    asked = parse(WithdrawalRequest, posting.body)
    if (
        not isinstance(event, SignalWithdrawn)
        or event.subject.signal_ids != (_signal(posting),)
        or event.reason != asked.reason
    ):
        raise invalid("The log does not have this withdrawal with its reason.")


def _settle_withdrawal(vault: Vault, posting: Posting, receipt: Receipt, now: datetime) -> None:
    reason = parse(WithdrawalRequest, posting.body).reason
    with vault.together():
        vault.outbox.settle_withdrawal(posting.number, _signal(posting), receipt)
        vault.changes.note(_signal(posting), kind_of_withdrawal(reason), reason, receipt, now)


def _require_opened(vault: Vault, posting: Posting, event: Event) -> None:
    hit, why = _hit(posting), parse(OpeningRequest, posting.body).justification
    mine = vault.hits.get(hit).notice.my_signal
    if (
        not isinstance(event, HitOpened)
        or (event.subject.hit_id, event.subject.signal_ids) != (hit, (mine,))
        or event.act.justification != why.code
        or event.subject.words != Words(text=why.text, case_reference=why.case_reference)
    ):
        raise invalid("The log does not have this opening with its justification.")


def _settle_opening(vault: Vault, posting: Posting, receipt: Receipt, now: datetime) -> None:
    vault.outbox.settle_opening(posting.number, _hit(posting), receipt, now)


def _require_reviewed(_vault: Vault, posting: Posting, event: Event) -> None:
    decided = parse(InformingReview, posting.body)
    why, day = decided.justification, decided.review_on
    days = None if day is None else (day - event.act.time.date()).days
    if (
        not isinstance(event, InformingReviewed)
        or event.subject.signal_ids != (_signal(posting),)
        or (event.informed, event.review_days, event.approver) != (decided.status, days, decided.approver)
        or event.act.justification != why.code
        or event.subject.words != Words(text=why.text, case_reference=why.case_reference)
    ):
        raise invalid("The log does not have this decision about telling the person.")


def _settle_informing(vault: Vault, posting: Posting, receipt: Receipt, _now: datetime) -> None:
    decided = parse(InformingReview, posting.body)
    vault.outbox.settle_informing(posting.number, _signal(posting), decided, receipt)


WITHDRAWAL: Final = Settler(
    Work.WITHDRAWAL, "urn:sluis:signal", _require_withdrawn, _settle_withdrawal, _purpose_of_signal
)
OPENING: Final = Settler(Work.OPENING, "urn:sluis:hit", _require_opened, _settle_opening)
INFORMING: Final = Settler(Work.INFORMING, "urn:sluis:signal", _require_reviewed, _settle_informing)
