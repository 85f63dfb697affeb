# SPDX-License-Identifier: EUPL-1.2
"""Settlers of changes: restricting and lifting, extending, and saying that what we were told is carried out.

Not here: the sending (``post.py``).
"""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from agency_client.settling import Settler, invalid
from agency_client.vault import Vault
from agency_client.vault.changes import ChangeKind
from agency_client.vault.outbox import Posting
from agency_client.verified import Receipt
from protocol.changes import ChangeSeen, Extension, Restriction
from protocol.events import ChangeAcknowledged, Event, SignalExtended, SignalRestricted, Words
from protocol.ids import HitId, SignalId
from protocol.ldv import Work
from protocol.messages import parse

_DAY: Final = timedelta(days=1)


def _signal(posting: Posting) -> SignalId:
    return SignalId(UUID(posting.about or ""))


def _require_restricted(_vault: Vault, posting: Posting, event: Event) -> None:
    asked = parse(Restriction, posting.body)
    said = "yes" if asked.restricted else "no"
    if (
        not isinstance(event, SignalRestricted)
        or event.subject.signal_ids != (_signal(posting),)
        or (event.restricted, event.reason) != (said, asked.reason)
    ):
        raise invalid("The log does not have this restriction with its reason.")


def _settle_restriction(vault: Vault, posting: Posting, receipt: Receipt, now: datetime) -> None:
    asked = parse(Restriction, posting.body)
    kind = ChangeKind.RESTRICTED if asked.restricted else ChangeKind.LIFTED
    vault.changes.settle(posting.number, _signal(posting), kind, asked.reason, receipt, now)


def _require_extended(_vault: Vault, posting: Posting, event: Event) -> None:
    asked = parse(Extension, posting.body)
    why = asked.justification
    if (
        not isinstance(event, SignalExtended)
        or event.subject.signal_ids != (_signal(posting),)
        or event.days != (asked.expires_at - event.act.time) // _DAY
        or event.act.justification != why.code
        or event.subject.words != Words(text=why.text, case_reference=why.case_reference)
    ):
        raise invalid("The log does not have this extension with its reason.")


def _settle_extension(vault: Vault, posting: Posting, receipt: Receipt, now: datetime) -> None:
    asked = parse(Extension, posting.body)
    words = asked.justification.text
    signal = _signal(posting)
    vault.changes.settle(posting.number, signal, ChangeKind.EXTENDED, words, receipt, now, asked.expires_at)


def _require_seen(_vault: Vault, posting: Posting, event: Event) -> None:
    seq = int(posting.path.split("/")[3])
    if (
        not isinstance(event, ChangeAcknowledged)
        or event.subject.hit_id != HitId(UUID(posting.about or ""))
        or (event.notice_seq, event.change) != (seq, parse(ChangeSeen, posting.body).change)
    ):
        raise invalid("The log does not have that we carried out this change.")


def _settle_seen(vault: Vault, posting: Posting, receipt: Receipt, _now: datetime) -> None:
    vault.changes.settle_seen(posting.number, receipt)


RESTRICTION: Final = Settler(Work.CHANGE, "urn:sluis:signal", _require_restricted, _settle_restriction)
EXTENSION: Final = Settler(Work.CHANGE, "urn:sluis:signal", _require_extended, _settle_extension)
CHANGE_SEEN: Final = Settler(Work.CHANGE_SEEN, "urn:sluis:hit", _require_seen, _settle_seen)
