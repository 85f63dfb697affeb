# SPDX-License-Identifier: EUPL-1.2
"""Read a year of the log, month by month, and count it: every page is verified and logged as any other reading.

Before a number is believed the whole log was verified from its first entry (``checking.py``), and times are held
against what witnesses saw. Not here: what is counted (``protocol/year_counting.py``), the page (``year_page.py``).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from agency_client.checking import Checked
from agency_client.searching import Inquiry, Searching
from protocol.backdating import require_dated
from protocol.checkpoint import CosignedCheckpoint
from protocol.covenant import Covenant
from protocol.doubles import Acts
from protocol.event_search import MAX_PAGE, EventFilters
from protocol.ids import PartyId, PurposeId
from protocol.proven_entries import SubjectPart
from protocol.year_counting import LimitOf, YearCount
from protocol.year_figures import YearFigures, months_of

_PARTS: Final[dict[str, SubjectPart]] = {"given": "whole", "erased": "erased", "withheld": "left-out"}


@dataclass(frozen=True, slots=True)
class YearRead:
    """A year's figures, and what proves them."""

    figures: YearFigures
    checked: Checked
    """The whole log, from its first entry."""
    cosigned: CosignedCheckpoint
    """The last checkpoint in which entries were proven; it continues the one that was checked."""
    readings: tuple[int, ...]
    """Where the log has that this was read."""
    unsigned: int
    """Entries that name a version of the covenant of which nothing is known here."""


async def read_year(
    searching: Searching, inquiry: Inquiry, counted: YearCount, checked: Checked, told: Callable[[int, int], None]
) -> YearRead:
    """Count the entries of ``counted``'s period; ``told`` hears how many months of how many are done.

    Raises as ``Searching.page``, and ``VerificationError`` (``log_backdated``, ``log_doubled``).
    """
    months, readings, unsigned = months_of(counted.begins, counted.ends), [], 0
    cosigned = checked.head
    for done, (since, until) in enumerate(months):
        told(done, len(months))
        month = replace(inquiry, filters=EventFilters(since=since, until=until))
        # What is told twice is looked for within a month, so that memory does not grow with the year.
        acts, newest, after, more = Acts(), None, None, True
        while more:
            page = await searching.page(month, after, MAX_PAGE)
            times = [(entry.index, entry.event.act.time) for entry in page.entries]
            # With the newest of the page before, so that no page's edge hides what is out of order.
            require_dated([newest, *times] if newest is not None else times, checked.views)
            newest = max([*times, *([newest] if newest is not None else [])], key=lambda one: one[1], default=None)
            for entry in page.entries:
                acts.take(entry.index, entry.event, entry.leaf)
                counted.take(entry.event, _PARTS[entry.subject])
                unsigned += not entry.signed
            readings.append(page.reading)
            cosigned, after, more = page.cosigned, page.next, page.next is not None
    told(len(months), len(months))
    return YearRead(counted.figures(), checked, cosigned, tuple(readings), unsigned)


def limit_of(covenant: Covenant) -> LimitOf:
    """Return within which time an agency follows up, by this covenant."""

    def limit(agency: PartyId, purpose: PurposeId) -> timedelta | None:
        found = covenant.purposes.get(purpose)
        if found is None or covenant.find(agency) is None or covenant.kind_of(agency) == "supervisor":
            return None
        return timedelta(hours=found.follow_up_hours)

    return limit
