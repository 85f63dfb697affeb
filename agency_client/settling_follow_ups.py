# SPDX-License-Identifier: EUPL-1.2
"""Settlers of the steps of follow-up: the log must have just this step of this person, with its outcome.

Not here: the sending (``post.py``).
"""

from datetime import datetime
from typing import Final
from uuid import UUID

from agency_client.settling import Settler, invalid
from agency_client.vault import Vault
from agency_client.vault.outbox import Posting, PostingKind
from agency_client.verified import Receipt
from protocol.errors import SluisError
from protocol.events import Event, FollowedUp
from protocol.follow_ups import Acknowledgement, HitOutcome, Step
from protocol.ids import HitId
from protocol.ldv import Work
from protocol.messages import parse


def _hit(posting: Posting) -> HitId:
    return HitId(UUID(posting.about or ""))


def _asked(posting: Posting) -> tuple[Step, str | None]:
    if posting.kind is PostingKind.OUTCOME:
        return "closed", parse(HitOutcome, posting.body).outcome
    return parse(Acknowledgement, posting.body).step, None


def _require(vault: Vault, posting: Posting, event: Event) -> None:
    hit = _hit(posting)
    mine = vault.hits.get(hit).notice.my_signal
    if (
        not isinstance(event, FollowedUp)
        or (event.subject.hit_id, event.subject.signal_ids) != (hit, (mine,))
        or (event.step, event.outcome) != _asked(posting)
    ):
        raise invalid("The log does not have this step of follow-up as it was taken.")


def _settle(vault: Vault, posting: Posting, receipt: Receipt, now: datetime) -> None:
    vault.follow_ups.settle(posting.number, _hit(posting), *_asked(posting), receipt, now)


def _refused(vault: Vault, posting: Posting, _error: SluisError) -> None:
    vault.follow_ups.give_up(_hit(posting), _asked(posting)[0])


ACKNOWLEDGEMENT: Final = Settler(Work.FOLLOW_UP, "urn:sluis:hit", _require, _settle, refused=_refused)
OUTCOME: Final = Settler(Work.FOLLOW_UP, "urn:sluis:hit", _require, _settle, refused=_refused)
