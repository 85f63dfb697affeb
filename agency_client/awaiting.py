# SPDX-License-Identifier: EUPL-1.2
"""Own signals that wait for a counterpart: until when, whether it came, and whether a notice of silence holds.

The client knows by itself when each of its signals was registered, by the receipt, and how long its purpose waits, by
the covenant. So a broker can raise no alarm about a signal that awaits nobody, none too early, and none twice. That it
raises none is seen by the date. Pure, over what the vault holds. Not here: showing (``showing_waits.py``).
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from agency_client.states import SignalState
from agency_client.trail import Proven
from agency_client.vault import Vault
from agency_client.vault.hits import HitState, KeptHit
from agency_client.vault.signals import Kept
from protocol.covenant import Covenant
from protocol.covenant_purposes import Awaited
from protocol.encoding import parse_time
from protocol.errors import Code, VerificationError
from protocol.events import NoticeIssued
from protocol.ids import PartyId, PurposeId
from protocol.messages import Quality
from protocol.notices import OverdueNotice

MEETS: Final[frozenset[Quality]] = frozenset(("hit", "probable"))
"""Hits that are the counterpart, as the broker has it (``protocol/spec/awaited.md``)."""
_PAGE: Final = 500
"""Signals read from the vault at a time."""


class WaitState(StrEnum):
    """``due``: there is time left; ``late``: there is none, and no counterpart; ``done``: it came."""

    DUE = "due"
    LATE = "late"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Wait:
    """One of our signals that awaits a counterpart."""

    signal: Kept
    awaited: Awaited
    due: datetime
    state: WaitState
    told_at: datetime | None
    """When the broker told us of the silence, if it did."""


def awaited_of(covenant: Covenant, agency: PartyId, purpose: PurposeId) -> Awaited | None:
    """Return what this agency's signals await under a purpose, or None."""
    agreed = covenant.purposes.get(purpose)
    awaited = None if agreed is None else agreed.awaited
    return awaited if awaited is not None and covenant.kind_of(agency) == awaited.sender else None


def is_met(hits: Collection[KeptHit], awaited: Awaited, covenant: Covenant) -> bool:
    """Say whether one of a signal's hits is with the counterpart that it awaits, and stands."""
    return any(_meets(kept, awaited, covenant) for kept in hits)


def _meets(kept: KeptHit, awaited: Awaited, covenant: Covenant) -> bool:
    notice = kept.notice
    if kept.state is HitState.WITHDRAWN or notice.quality not in MEETS or notice.counterpart is None:
        return False
    other = covenant.find(notice.counterpart.agency)
    return other is not None and covenant.root_of(other.kind) == awaited.counterpart


def require_overdue(
    notice: OverdueNotice,
    proven: Proven,
    agency: PartyId,
    signal: Kept,
    registered_at: datetime | None,
    covenant: Covenant,
) -> None:
    """Pass when the log has just this notice, and it is true as far as we can know.

    ``covenant`` is the version under which it was told: the days may have been others since.

    Raises ``VerificationError`` (``receipt_invalid``).
    """
    event, act = proven.event, proven.event.act
    if (
        not isinstance(event, NoticeIssued)
        or (act.recipient, act.time, act.purpose) != (agency, notice.at, notice.purpose)
        or (event.notice_seq, event.notice_type) != (notice.seq, notice.type)
        or (event.subject.signal_ids, event.subject.hit_id) != ((notice.my_signal,), None)
    ):
        raise _untrue("The log's entry is not this notice to this agency.")
    if signal.purpose != notice.purpose or notice.epoch not in signal.epochs:
        raise _untrue("The notice is about another purpose or epoch than our signal.")
    awaited = awaited_of(covenant, agency, notice.purpose)
    if awaited is None:
        raise _untrue("The notice says that a counterpart is awaited, and the covenant awaits none of our signal.")
    if registered_at is None:
        raise _untrue("The notice is about a signal of ours that the log does not prove to stand.")
    if notice.due_since != registered_at + timedelta(days=awaited.days) or notice.at < notice.due_since:
        raise _untrue("The notice calls a counterpart overdue before its time, or since another time.")


def waits(vault: Vault, covenant: Covenant, agency: PartyId, now: datetime) -> Iterator[Wait]:
    """Yield our live signals that await a counterpart, in the order in which they were read."""
    told = {notice.my_signal: notice.at for notice in vault.hits.overdue()}
    last = 0
    awaiting = [name for name in covenant.purposes if awaited_of(covenant, agency, name) is not None]
    while awaiting and (page := vault.signals.page(last, _PAGE, awaiting)):
        last = page[-1][0]
        waiting = [
            (kept, awaited)
            for _, kept in page
            if (awaited := awaited_of(covenant, agency, kept.purpose)) is not None
            and _stands(vault, covenant, kept, now)
        ]
        registered = vault.evidence.registered([kept.id for kept, _ in waiting])
        for kept, awaited in waiting:
            if (since := registered.get(kept.id)) is not None:
                due = since + timedelta(days=awaited.days)
                state = WaitState.LATE if now >= due else WaitState.DUE
                if is_met(vault.hits.of_signal(kept.id), awaited, covenant):
                    state = WaitState.DONE
                yield Wait(kept, awaited, due, state, told.get(kept.id))


@dataclass(frozen=True, slots=True)
class AwaitedPage:
    """A page of what is awaited, in the order in which somebody must act, and how much there is of each."""

    waits: tuple[Wait, ...]
    counts: Mapping[WaitState, int]
    next: int | None
    """Where the page after this one begins; None when this is the last."""


_ORDER: Final = (WaitState.LATE, WaitState.DUE, WaitState.DONE)


def awaited_page(
    vault: Vault,
    covenant: Covenant,
    agency: PartyId,
    now: datetime,
    *,
    state: WaitState | None = None,
    limit: int = 50,
    begin: int = 0,
) -> AwaitedPage:
    """Return a page of our waits: the late ones first, the longest first, then by the day they are due, done ones last.

    ``state`` leaves out the others, in the page and not in the counts.
    """
    found = sorted(waits(vault, covenant, agency, now), key=lambda one: (_ORDER.index(one.state), one.due))
    counts = Counter(one.state for one in found)
    chosen = [one for one in found if state is None or one.state is state]
    end = begin + limit
    return AwaitedPage(
        tuple(chosen[begin:end]), {one: counts[one] for one in _ORDER}, end if end < len(chosen) else None
    )


def overdue(vault: Vault, covenant: Covenant, agency: PartyId, now: datetime) -> Iterator[Wait]:
    """Yield those of our waits whose silence was told and still lasts, in the order in which it was told."""
    for notice in vault.hits.overdue():
        awaited = awaited_of(covenant, agency, notice.purpose)
        kept = vault.signals.get(notice.my_signal)
        if (
            awaited is not None
            and _stands(vault, covenant, kept, now)
            and not is_met(vault.hits.of_signal(kept.id), awaited, covenant)
        ):
            yield Wait(kept, awaited, notice.due_since, WaitState.LATE, notice.at)


def _stands(vault: Vault, covenant: Covenant, kept: Kept, now: datetime) -> bool:
    if kept.state is not SignalState.ACCEPTED or kept.epoch is None or parse_time(kept.expires_at) <= now:
        return False
    return kept.epoch >= min(covenant.live_epochs(now)) and not vault.hits.taken_back(kept.id)


def _untrue(detail: str) -> VerificationError:
    return VerificationError(Code.RECEIPT_INVALID, detail, hint="Nothing of this notice is shown. Tell the board.")
