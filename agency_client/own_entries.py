# SPDX-License-Identifier: EUPL-1.2
"""What an agency may see of the log, opened entry by entry: fine, erased, or without whom it was about.

Whatever is none of these is an alarm, raised where the page is checked (``searching.py``): an entry that is another
than was proven to us, one that is kept from us, one that is said to be erased and is not. Here the times are held
against their places too. Not here: the whole log (``checking.py``).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from agency_client.searching import Inquiry, Searching
from protocol.backdating import Seen, require_dated
from protocol.doubles import Acts
from protocol.event_search import MAX_PAGE
from protocol.events import (
    ChangeAcknowledged,
    EventsExported,
    EventsRead,
    FollowedUp,
    HitOpened,
    QueryAnswered,
    SignalExtended,
    SignalRegistered,
    SignalRestricted,
    SignalRetagged,
    SignalWithdrawn,
    StatisticsRead,
)

RECEIPTED: Final = (
    SignalRegistered,
    SignalWithdrawn,
    SignalRestricted,
    SignalExtended,
    SignalRetagged,
    ChangeAcknowledged,
    HitOpened,
    FollowedUp,
    QueryAnswered,
    StatisticsRead,
    EventsRead,
    EventsExported,
)
"""Acts that a client asks for, and of which it keeps the receipt before it goes on."""


@dataclass(frozen=True, slots=True)
class OwnEntries:
    """The entries that were opened, each of them proven."""

    fine: int
    """With everything that they ever said, or all of it that this agency may see."""
    left_out: int
    """Of the fine ones: acts of others that concern a signal of this agency, without whom they were about."""
    erased: tuple[tuple[int, int], ...]
    """Entries without their subject part, each with the entry that tells of it."""
    unsigned: tuple[int, ...]
    """Entries that name a version of the covenant of which nothing is known here."""
    unreceipted: tuple[int, ...]
    """Acts in this agency's name of which this home has no receipt: another home of it did them, or nobody."""


async def open_own(
    searching: Searching,
    has_receipt: Callable[[int], bool],
    inquiry: Inquiry,
    after: int | None,
    views: Sequence[Seen],
    told: Callable[[int, int], None],
) -> OwnEntries:
    """Open every entry behind a place that may be seen; ``told`` hears how much of the log was looked through.

    Raises as ``Searching.page``, and ``VerificationError`` (``log_backdated``, ``log_doubled``).
    """
    fine = left_out = 0
    erased: list[tuple[int, int]] = []
    unsigned: list[int] = []
    unreceipted: list[int] = []
    acts = Acts()
    before = None
    more = True
    while more:
        page = await searching.page(inquiry, after, MAX_PAGE)
        times = [(entry.index, entry.event.act.time) for entry in page.entries]
        # With the newest of the page before, so that no page's edge hides what is out of order.
        require_dated([before, *times] if before is not None else times, views)
        before = max([*times, *([before] if before is not None else [])], key=lambda one: one[1], default=None)
        for entry in page.entries:
            acts.take(entry.index, entry.event, entry.leaf)
            if entry.erased_by is not None:
                erased.append((entry.index, entry.erased_by.index))
            else:
                fine += 1
                left_out += entry.subject == "withheld"
            if not entry.signed:
                unsigned.append(entry.index)
            if entry.scope == "own" and isinstance(entry.event, RECEIPTED) and not has_receipt(entry.index):
                unreceipted.append(entry.index)
        told(page.through if page.next is None else page.next + 1, page.through)
        after, more = page.next, page.next is not None
    return OwnEntries(fine, left_out, tuple(erased), tuple(unsigned), tuple(unreceipted))
