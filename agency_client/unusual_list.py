# SPDX-License-Identifier: EUPL-1.2
"""One list of what is worth a look: for a supervisor what the broker said and its own canaries, for a privacy officer
its own agency's use, counted here from the record parts of its own entries. No accusation, and nobody is stopped.

Not here: what is unusual (``protocol/unusual.py``, ``own_use.py``), the command (``commands_unusual.py``).
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime

from agency_client.budgets import KnownBudget
from agency_client.searching import Inquiry, Searching
from agency_client.vault import Vault
from protocol.covenant_parts import Unusual
from protocol.event_search import MAX_PAGE, EventFilters
from protocol.ids import PartyId, PurposeId
from protocol.notices import HitNotice, QueriedNotice
from protocol.own_use import COUNTED, OwnFinding, OwnUse, budget_findings
from protocol.unusual import Budgeted, UnusualEntry

CANARY = "canary"


@dataclass(frozen=True, slots=True)
class Listed:
    """One row: who, for which purpose, on which day (UTC), why, how many, and above which limit."""

    day: date
    agency: PartyId
    purpose: PurposeId
    reason: str
    count: int
    limit: int
    hour: datetime | None = None
    """When a burst began."""
    person: str | None = None
    """Whose acts were many: the own agency's reference."""
    entry: int | None = None
    """Where the log has it, when the broker said it."""


def of_broker(entries: Iterable[UnusualEntry]) -> list[Listed]:
    """Return rows of what the broker said, proven."""
    return [
        Listed(
            one.day,
            PartyId(one.agency),
            PurposeId(one.purpose),
            one.reason,
            one.count,
            one.limit,
            entry=one.evidence.index,
        )
        for one in entries
    ]


def of_canaries(vault: Vault, since: date) -> list[Listed]:
    """Return how often each agency touched a canary of ours a day, from notices that were verified."""
    ours = {one.id for one in vault.canaries.all()}
    told = [kept.notice for kept in vault.hits.all()]
    touched = [(one, one.counterpart.agency) for one in told if one.counterpart is not None]
    asked = [(one, one.asker) for one in vault.hits.queried() if one.asker is not None]
    notices: list[tuple[HitNotice | QueriedNotice, PartyId]] = [*touched, *asked]
    counts = Counter(
        (one.at.astimezone(UTC).date(), agency, one.purpose) for one, agency in notices if one.my_signal in ours
    )
    # One touch is one too many: nobody meets a person who does not exist in ordinary work.
    return [
        Listed(day, agency, purpose, CANARY, count, 0)
        for (day, agency, purpose), count in counts.items()
        if day >= since
    ]


async def of_own(
    searching: Searching, inquiry: Inquiry, since: datetime, bounds: Unusual, told: Callable[[int, int], None]
) -> tuple[OwnFinding, ...]:
    """Return what is unusual about this agency's own use. Every page is a logged reading; raises as it does."""
    use = OwnUse(bounds)
    for done, tag in enumerate(COUNTED):
        told(done, len(COUNTED))
        of_kind = replace(inquiry, filters=EventFilters(since=since, event=tag))
        after, more = None, True
        while more:
            page = await searching.page(of_kind, after, MAX_PAGE)
            for entry in page.entries:
                if entry.scope == "own":
                    use.take(entry.event.TAG, entry.event.act)
            after, more = page.next, page.next is not None
    told(len(COUNTED), len(COUNTED))
    return use.found()


def of_budgets(known: Sequence[KnownBudget], bounds: Unusual, today: date) -> list[OwnFinding]:
    """Return which budgets are near their end, as key-holders said last; of each purpose the scarcest."""
    return [
        found
        for one in known
        for found in budget_findings(
            one.purpose, Budgeted(one.budget.used, one.budget.used + one.budget.left), bounds, today
        )
    ]


def of_findings(found: Iterable[OwnFinding], me: PartyId) -> list[Listed]:
    """Return rows of the own agency."""
    return [
        Listed(
            one.day,
            me,
            one.purpose,
            one.finding.reason,
            one.finding.count,
            one.finding.limit,
            hour=one.hour,
            person=one.person,
        )
        for one in found
    ]


def in_order(rows: Iterable[Listed]) -> list[Listed]:
    """Return rows oldest first."""
    return sorted(rows, key=lambda one: (one.day, one.agency, one.purpose, one.reason, one.person or ""))
