# SPDX-License-Identifier: EUPL-1.2
"""What is unusual about a day's use, from the ledger's hours: agencies, purposes and counts, and nothing else.

A key-holder sees elements, not persons: it counts so many as one subject (``protocol/unusual.py``), and knows no hits.
Not here: the thresholds (the covenant), saying it (``service.py``, ``main.py``).
"""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, timedelta

from keyholder.ledger import Ledger
from protocol.covenant import Covenant
from protocol.ids import PurposeId
from protocol.unusual import ELEMENTS_PER_SUBJECT, Budgeted, Finding, Hour, findings


@dataclass(frozen=True, slots=True)
class UnusualUse:
    """One finding about one agency's use of a purpose on a day (UTC)."""

    day: date
    agency: str
    purpose: str
    finding: Finding


def unusual_use(ledger: Ledger, covenant: Covenant, day: date) -> tuple[UnusualUse, ...]:
    """Return what is unusual about a day, in order of agency and purpose."""
    hours: dict[tuple[str, str], list[Hour]] = defaultdict(list)
    elements: dict[tuple[str, str], int] = defaultdict(int)
    for row in ledger.hourly(day):
        if row.start.date() < day + timedelta(days=1):
            hours[row.agency, row.purpose].append(Hour(row.start, row.elements // ELEMENTS_PER_SUBJECT))
            elements[row.agency, row.purpose] += row.elements
    found = []
    for (agency, purpose), counted in sorted(hours.items()):
        limit = budget_of(covenant, purpose)
        budget = None if limit is None else Budgeted(elements[agency, purpose], limit)
        for one in findings(counted, covenant.terms.unusual, hits_known=False, budget=budget):
            found.append(UnusualUse(day, agency, purpose, one))
    return tuple(found)


def budget_of(covenant: Covenant | None, purpose: str) -> int | None:
    """Return a day's budget for a purpose; ``None`` where the covenant names none."""
    agreed = None if covenant is None else covenant.purposes.get(PurposeId(purpose))
    return None if agreed is None else agreed.budget_per_day
