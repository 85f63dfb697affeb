# SPDX-License-Identifier: EUPL-1.2
"""Measure two things in turn in one run and give their ratio, so that a slow machine slows both.

Not here: what is measured; each subject has its own module.
"""

import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: our figure, the other's, and ours divided by the other's."""

    subject: str
    unit: str
    ours: float
    against: str
    theirs: float | None = None

    @property
    def ratio(self) -> float | None:
        """Ours divided by the other's; nothing where there is nothing to divide by."""
        return self.ours / self.theirs if self.theirs else None

    def to_json(self) -> dict[str, object]:
        """Return the row with its ratio."""
        return {**asdict(self), "ratio": self.ratio}


def in_turn(ours: Callable[[], object], theirs: Callable[[], object], *, rounds: int = 5) -> tuple[float, float]:
    """Run both in turn, once to warm up and then ``rounds`` times; return the median seconds of each."""
    ours(), theirs()
    taken: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds):
        for one, seconds in ((ours, taken[0]), (theirs, taken[1])):
            start = time.perf_counter()
            one()
            seconds.append(time.perf_counter() - start)
    return statistics.median(taken[0]), statistics.median(taken[1])


def seconds(act: Callable[[], object]) -> float:
    """Run once and return the seconds."""
    start = time.perf_counter()
    act()
    return time.perf_counter() - start
