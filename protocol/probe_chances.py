# SPDX-License-Identifier: EUPL-1.2
"""The chance that probes catch a broker that withholds a share of the hits, and what the probes cost. Pure.

Spec and derivation: ``spec/probes.md``. Not here: the probes (``probes.py``), the table for people
(``agency_client/showing_probes.py``).
"""

import math
from typing import Final

SHARES: Final = (0.01, 0.05, 0.10, 0.50)
"""Shares of the hits that a broker withholds, in the table for people."""
WEEKS: Final = (52 / 12, 52 / 4, 52.0)
"""A month, a quarter and a year."""


def chance_to_catch(share: float, rate: float, pairs: int, weeks: float, working: float = 1.0) -> float:
    """Return the chance that at least one probe is among the withheld hits.

    ``rate`` probes a pair and week begin at random (Poisson), of which a share ``working`` is pushed by both and makes
    a hit. A broker that cannot tell them from real hits withholds each with chance ``share``, so those that it holds
    are Poisson too, with mean ``share * rate * pairs * weeks * working``. The chance of none is ``exp`` of minus that.
    """
    if not 0 <= share <= 1 or not 0 <= working <= 1 or min(rate, pairs, weeks) < 0:
        raise ValueError("shares lie between 0 and 1, the others are not negative")
    return -math.expm1(-share * rate * pairs * weeks * working)


def chance_of_given(share: float, probes: int) -> float:
    """Return the same for a number of probes that is known: one minus the chance that all come through."""
    if not 0 <= share <= 1 or probes < 0:
        raise ValueError("a share lies between 0 and 1, a number is not negative")
    return float(1 - (1 - share) ** probes)


def weeks_until(share: float, rate: float, pairs: int, sure: float = 0.95) -> float:
    """Return after how many weeks the broker is caught with this chance; infinite when nothing is probed or held."""
    found = share * rate * pairs
    return -math.log1p(-sure) / found if found > 0 else math.inf


def cost(rate: float, pairs: int, own_a_week: float) -> float:
    """Return which share of an agency's signals are its probes: it pushes one for each probe of each of its pairs."""
    probes = rate * pairs
    return probes / (probes + own_a_week) if probes else 0.0
