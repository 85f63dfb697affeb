# SPDX-License-Identifier: EUPL-1.2
"""Which counts may be shown: none below the smallest cell, and none that would narrow down one that is not shown.

No totals are made, so nothing can be subtracted. But numbers are tied to each other by what they count: there are no
withdrawals without signals, no hit without two, and no request for more without a hit. So a number is also left out
while what is shown could not account for it together with the largest number that may hide elsewhere. What is left out
for that is not marked otherwise than what is small.

A decision rests on shown numbers of the same and earlier months alone, so later months change nothing of an answer.
Pure. Spec and proof: ``protocol/spec/statistics.md``. Not here: counting (``postgres/counting.py``). Differential
privacy is not here either: the numbers are exact, and two counted purposes that overlap can still be compared.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby

from protocol.covenant_parts import AgencyKind
from protocol.statistics import ANSWERED, ENDED, FOUND, Counted


@dataclass(frozen=True, slots=True)
class MonthCount:
    """What happened in one closed month at agencies of one kind: every measure has its number."""

    month: date
    kind: AgencyKind
    counts: Mapping[Counted, int]


@dataclass(frozen=True, slots=True)
class MonthShown:
    """The same, with only the numbers that may be shown."""

    month: date
    kind: AgencyKind
    counts: Mapping[Counted, int]


def suppress(history: Sequence[MonthCount], smallest: int) -> tuple[MonthShown, ...]:
    """Return what may be shown of all months from the first one on; the order is by month and kind.

    ``history`` has a row a month and kind. ``smallest`` is the least number that is shown, 2 or more.
    """
    shown: list[MonthShown] = []
    before = _Sums(smallest)
    for month, group in groupby(sorted(history, key=lambda row: (row.month, row.kind)), key=lambda row: row.month):
        rows = list(group)
        visible: dict[AgencyKind, dict[Counted, int]] = {row.kind: {} for row in rows}
        # All kinds' signals first: hits of one are accounted for by those of the others too.
        for row in rows:
            if row.counts["registered"] >= smallest:
                visible[row.kind]["registered"] = row.counts["registered"]
                before.signals[row.kind] += row.counts["registered"]
        for row in rows:
            # What was withdrawn or found says that there were signals: with a hidden number of them, it hides too.
            if visible[row.kind]:
                visible[row.kind] |= before.rest(row)
        # Who asks for more has a hit: without any that is shown, requests would say that there was a hidden one.
        if any(measure in counts for counts in visible.values() for measure in FOUND):
            for row in rows:
                if visible[row.kind]:
                    visible[row.kind] |= _requests(row, smallest)
        shown += [MonthShown(month, kind, counts) for kind, counts in visible.items()]
    return tuple(shown)


def _requests(row: MonthCount, smallest: int) -> dict[Counted, int]:
    """Return the numbers of a row's requests for more that may be shown: ends only as far as those asked hold them."""
    asked = row.counts["asked"]
    if asked < smallest:
        return {}
    found: dict[Counted, int] = {"asked": asked}
    ended = 0
    for measure in ANSWERED:
        count = row.counts[measure]
        if count >= smallest and ended + count + smallest - 1 <= asked:
            ended += count
            found[measure] = count
    return found


class _Sums:
    """What was shown so far, by kind."""

    def __init__(self, smallest: int) -> None:
        self._smallest = smallest
        self._hidden = smallest - 1
        """The largest number that any hidden cell must be able to have."""
        self.signals: Counter[AgencyKind] = Counter()
        self._ended: Counter[AgencyKind] = Counter()
        self._found: Counter[AgencyKind] = Counter()

    def rest(self, row: MonthCount) -> dict[Counted, int]:
        """Return the other numbers of a row's signals that may be shown, and remember them."""
        kind = row.kind
        found: dict[Counted, int] = {}
        for measure in ENDED:
            count = row.counts[measure]
            if count >= self._smallest and self._ended[kind] + count + self._hidden <= self.signals[kind]:
                self._ended[kind] += count
                found[measure] = count
        # Pairs of this kind's signals with others', half of them: the other half is the other kinds' to account for.
        others = self.signals.total() - self.signals[kind]
        for measure in FOUND:
            count = row.counts[measure]
            if (
                count >= self._smallest
                and 2 * (self._found[kind] + count + self._hidden) <= self.signals[kind] * others
            ):
                self._found[kind] += count
                found[measure] = count
        return found
