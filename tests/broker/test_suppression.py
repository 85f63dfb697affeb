# SPDX-License-Identifier: EUPL-1.2
"""Suppression: whatever happened, each hidden number can still be anything from nothing to just below the smallest."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date

from hypothesis import given, settings
from hypothesis import strategies as st

from broker.suppression import MonthCount, MonthShown, suppress
from protocol.covenant_parts import AgencyKind
from protocol.statistics import ANSWERED, COUNTED, ENDED, FOUND, Counted

KINDS: tuple[AgencyKind, ...] = ("care", "police", "probation")
MONTHS = tuple(date(2026, number, 1) for number in range(1, 5))
Cell = tuple[date, AgencyKind, Counted]
World = dict[Cell, int]


def _history(world: Mapping[Cell, int]) -> list[MonthCount]:
    places = sorted({(month, kind) for month, kind, _ in world})
    return [MonthCount(month, kind, {m: world[month, kind, m] for m in COUNTED}) for month, kind in places]


def _shown(answer: Sequence[MonthShown]) -> World:
    return {(row.month, row.kind, measure): count for row in answer for measure, count in row.counts.items()}


@st.composite
def _worlds(draw: st.DrawFn) -> World:
    kinds, months = KINDS[: draw(st.integers(2, 3))], MONTHS[: draw(st.integers(1, 4))]
    count = st.one_of(st.integers(0, 6), st.integers(0, 60))
    return {(month, kind, measure): draw(count) for month in months for kind in kinds for measure in COUNTED}


def _explained(shown: World, places: Sequence[Cell], cell: Cell, value: int, smallest: int) -> World:
    """Return a world with this number in the cell in which as little as possible happened besides what is shown."""
    month, kind, measure = cell
    world = {place: shown.get(place, 0) for place in places} | {cell: value}

    def signals(of: AgencyKind) -> int:
        return sum(n for (when, who, what), n in shown.items() if what == "registered" and who == of and when <= month)

    if measure in ENDED and not signals(kind):
        world[month, kind, "registered"] = value
    if measure in ANSWERED and (month, kind, "asked") not in shown:
        world[month, kind, "asked"] = smallest - 1
    if world[month, kind, "asked"] and (month, kind, "registered") not in shown:
        world[month, kind, "registered"] = smallest - 1
    found = sum(world[month, who, what] for _, who, _ in places for what in FOUND)
    if world[month, kind, "asked"] and not found:
        world[month, kind, "hit"] = 1
    if world[month, kind, "hit"] or (measure in FOUND and value):
        others = sorted({who for _, who, _ in places} - {kind})
        if (month, kind, "registered") not in shown:
            world[month, kind, "registered"] = smallest - 1
        if not any(signals(other) for other in others):
            world[month, others[0], "registered"] = smallest - 1
    return world


def _possible(world: World) -> bool:
    """Say whether that can have happened: what ends was there, a hit takes two signals, one of them new, and a request
    for more a hit; nothing is answered that was not asked.
    """
    signals: Counter[AgencyKind] = Counter()
    ended: Counter[AgencyKind] = Counter()
    found: Counter[AgencyKind] = Counter()
    kinds = sorted({kind for _, kind, _ in world})
    for month in sorted({month for month, _, _ in world}):
        for kind in kinds:
            signals[kind] += world[month, kind, "registered"]
            ended[kind] += sum(world[month, kind, measure] for measure in ENDED)
            found[kind] += sum(world[month, kind, measure] for measure in FOUND)
        for kind in kinds:
            here = sum(world[month, kind, measure] for measure in FOUND)
            others = signals.total() - signals[kind]
            if ended[kind] > signals[kind] or found[kind] > signals[kind] * others:
                return False
            if here and not world[month, kind, "registered"]:
                return False
            asked = world[month, kind, "asked"]
            if sum(world[month, kind, measure] for measure in ANSWERED) > asked:
                return False
            met = sum(world[month, who, measure] for who in kinds for measure in FOUND)
            if asked and not (met and world[month, kind, "registered"]):
                return False
        pairs = (signals.total() ** 2 - sum(count**2 for count in signals.values())) // 2
        if found.total() > pairs:
            return False
    return True


@settings(max_examples=80, deadline=None)
@given(_worlds(), st.integers(2, 10))
def test_a_hidden_number_can_be_any_small_one(world: World, smallest: int) -> None:
    """For each number that is not shown and each value below the smallest there is a possible world with that value,
    and exactly the same answer.
    """
    answer = suppress(_history(world), smallest)
    shown = _shown(answer)
    for cell in world.keys() - shown.keys():
        for value in range(smallest):
            other = _explained(shown, list(world), cell, value, smallest)
            assert other[cell] == value
            assert _possible(other), (cell, value)
            assert suppress(_history(other), smallest) == answer, (cell, value)


@settings(max_examples=100, deadline=None)
@given(_worlds(), st.integers(2, 10))
def test_what_is_shown_is_true_and_not_small(world: World, smallest: int) -> None:
    """A number that is shown is the one that was counted, and none is below the smallest."""
    shown = _shown(suppress(_history(world), smallest))
    assert all(count == world[cell] >= smallest for cell, count in shown.items())


@settings(max_examples=100, deadline=None)
@given(_worlds(), st.integers(2, 10))
def test_later_months_change_nothing(world: World, smallest: int) -> None:
    """What is shown of a month does not depend on what happens after it."""
    whole = suppress(_history(world), smallest)
    for month in {month for month, _, _ in world}:
        early = {cell: count for cell, count in world.items() if cell[0] <= month}
        assert suppress(_history(early), smallest) == tuple(row for row in whole if row.month <= month)


def _world(**counts: Sequence[int]) -> World:
    """Return months of police, with 100 signals of care in the first."""
    months = MONTHS[: len(counts["registered"])]
    world = {(month, kind, measure): 0 for month in months for kind in KINDS[:2] for measure in COUNTED}
    world[months[0], "care", "registered"] = 100
    for measure, numbers in counts.items():
        for month, number in zip(months, numbers, strict=True):
            world[month, "police", measure] = number  # type: ignore[index]  # a measure's name
    return world


def test_withdrawals_do_not_tell_how_many_signals_there_were() -> None:
    """18 withdrawn of 9, 9 and 10 registered would say that the two hidden nines are no less: they are not shown."""
    world = _world(registered=[9, 9, 10], withdrawn=[0, 0, 28])
    shown = _shown(suppress(_history(world), 10))
    assert {cell[2] for cell in shown if cell[1] == "police"} == {"registered"}
    plenty = _world(registered=[9, 9, 40], withdrawn=[0, 0, 28])
    assert (MONTHS[2], "police", "withdrawn") in _shown(suppress(_history(plenty), 10))


def test_all_withdrawn_would_tell_that_none_expired() -> None:
    """When 20 of 20 are withdrawn, none expired: that many withdrawals are not shown, and 11 are."""
    assert (MONTHS[0], "police", "withdrawn") not in _shown(
        suppress(_history(_world(registered=[20], withdrawn=[20])), 10)
    )
    assert (MONTHS[0], "police", "withdrawn") in _shown(suppress(_history(_world(registered=[20], withdrawn=[11])), 10))


def test_hits_do_not_tell_that_there_were_signals() -> None:
    """Hits of a month whose signals are too few to be shown are not shown either."""
    assert not [
        cell for cell in _shown(suppress(_history(_world(registered=[9], hit=[30])), 10)) if cell[1] == "police"
    ]
    assert (MONTHS[0], "police", "hit") in _shown(suppress(_history(_world(registered=[10], hit=[30])), 10))


def test_requests_for_more_do_not_tell_that_there_were_hits() -> None:
    """Without a number of hits in their month, requests would say that a hidden one is not none."""
    for hits, there in ((9, False), (10, True)):
        shown = _shown(suppress(_history(_world(registered=[20], hit=[hits], asked=[30])), 10))
        assert ((MONTHS[0], "police", "asked") in shown) == there


def test_answers_do_not_tell_what_became_of_the_other_requests() -> None:
    """When 30 of 30 are given, none was refused: that many are not shown, and 21 are; then nothing else fits."""
    for given_, there in ((30, False), (22, False), (21, True)):
        world = _world(registered=[20], hit=[10], asked=[30], given=[given_], declined=[0], undecided=[0])
        assert ((MONTHS[0], "police", "given") in _shown(suppress(_history(world), 10))) == there
    world = _world(registered=[20], hit=[10], asked=[60], given=[20], declined=[20], undecided=[12])
    shown = _shown(suppress(_history(world), 10))
    assert {what for _, who, what in shown if who == "police" and what in ANSWERED} == {"given", "declined"}
