# SPDX-License-Identifier: EUPL-1.2
"""How long to wait before another try: twice as long after each failure, up to a limit, and never all at once.

Half of every wait is drawn, so that the clients of many agencies do not come back at the same moment (exponential
back-off with equal jitter, after M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015). Not here:
what is tried, and the waiting itself.
"""

from dataclasses import dataclass
from typing import Final

from protocol.group import random_bytes

_DRAWN: Final = 4
"""Random bytes of a wait: steps far finer than anybody could see."""
_DOUBLINGS: Final = 20
"""More would overflow nothing, and change nothing: every limit is reached before."""


@dataclass(slots=True)
class Patience:
    """The waits of one task: from ``first`` seconds on, never more than ``most``."""

    first: float
    most: float
    failures: int = 0

    def next(self) -> float:
        """Return how many seconds to wait after one more failure."""
        wait = min(self.most, self.first * 2.0 ** min(self.failures, _DOUBLINGS))
        self.failures += 1
        return wait / 2 + wait / 2 * _fraction()

    def reset(self) -> None:
        """Begin anew: something worked."""
        self.failures = 0


def around(seconds: float) -> float:
    """Return a wait of about so long: a tenth more or less, so that what many do every minute is spread over it."""
    return seconds * (0.9 + 0.2 * _fraction())


def _fraction() -> float:
    return int.from_bytes(random_bytes(_DRAWN)) / (1 << 8 * _DRAWN)
