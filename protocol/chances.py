# SPDX-License-Identifier: EUPL-1.2
"""The chance that two unrelated people agree on a name, a birth date or an address: what selectivity is computed from.

Each figure is the sum of the squared shares of the values, estimated for the Netherlands; ``spec/normalise.md`` says
from what, and how sure each is. Not here: which parts make which key, and the tiers (``keys.py``).
"""

from typing import Final

POPULATION: Final = 17_000_000
"""N where a covenant states no figure of its own: inhabitants of the Netherlands, rounded down."""

BIRTH_DATE: Final = 1 / 27_000
"""75 birth years that carry nearly all living people, 365 days."""
YEAR: Final = 1 / 75
MONTH: Final = 1 / 12
DAY: Final = 1 / 30
MONTH_DAY: Final = 1 / 365
GIVEN: Final = 3e-3
"""Within one generation the most popular names have 1 to 2 per cent of a sex."""
GIVEN_SOUND: Final = 4e-3
SURNAME: Final = 3e-4
"""De Jong 0.5 %, Jansen 0.45 %, De Vries 0.43 %: the top 25 make 1.8e-4, the tail the rest."""
SURNAME_SOUND: Final = 6e-4
"""Jansen and Janssen together 0.8 %, Meijer, Meyer and Meier, and so on."""
ONE_SOUND: Final = 5e-3
"""Given names, surnames, and the few that are both (Simon, Thomas)."""
INITIAL: Final = 0.08
"""J, M and A begin most names; one in twelve pairs agree."""
TOGETHER: Final = 2.0
"""Names go with age and origin, so their chances are not independent."""
EITHER_WAY: Final = 2.0
"""An unordered pair can agree in two ways."""
HALVES: Final = 1.7
"""One in seven people has a double surname, usable in three forms: (6/7 + 3/7)**2."""
DETERMINED: Final = 1e-10
"""Issued to one person, digits checked: what is left is a number filled in at the wrong person."""
RE_ISSUED: Final = 1e-8
"""Given to somebody else after a while, or shared beyond a household."""
HOUSEHOLD: Final = 1 / 8_000_000
"""Households in the Netherlands: one in so many pairs lives at one address."""
PLATE: Final = 1 / 9_000_000
"""Cars and vans in the Netherlands."""
STREET: Final = 1 / 460_000
"""Postcodes in use; 37 people each."""
NUMBER: Final = 0.01
"""House numbers crowd below one hundred."""
