# SPDX-License-Identifier: EUPL-1.2
"""What is decided otherwise under a new version of a covenant: every point of the decision space, merged exactly.

A change is a product set: some kinds of agency, times some qualities, times some levels. Merging joins two sets that
agree in all dimensions but one, so no point is lost and none is added; a test compares with asking every point.
Not here: the points (``space.py``), words (``wording.py``), settings that decide nothing (``settings.py``).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Literal, TypeAlias

from board.deciding import Answer, Decider, rules_for
from board.models import KINDS
from board.space import ANOTHER, LIVE, OTHER_STATE, OWN, STATE, Asked, Point, Space, spaces
from protocol.covenant import Covenant
from protocol.covenant_parts import AgencyKind
from protocol.facts import Facts
from protocol.ids import PurposeId
from protocol.policy import PolicyEngine
from protocol.questions import Question, ReadStatistics, action_of

Box: TypeAlias = tuple[frozenset[str], ...]
"""A set of values for each dimension of a space, in its order."""


@dataclass(frozen=True, slots=True)
class Turn:
    """How a decision turned, and the rules that decided before and after."""

    way: Literal["allowed", "forbidden", "rule"]
    """Allowed now; forbidden now; allowed before and after, on another rule."""
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Change:
    """A product set of points that all turned alike."""

    action: type[Question]
    purpose: PurposeId
    turn: Turn
    values: Mapping[str, frozenset[str]]
    special: bool
    """Whether some point of it is out of the ordinary: a suspended agency, a closed epoch, a covenant not in force."""

    def points(self) -> Iterator[Point]:
        """Yield every point of the set."""
        for values in product(*self.values.values()):
            yield dict(zip(self.values, values, strict=True))


def changes(
    old: PolicyEngine,
    new: PolicyEngine,
    kinds: tuple[AgencyKind, ...] = KINDS,
    began: Callable[[int, int], None] = lambda done, total: None,
) -> list[Change]:
    """Return all that two engines of models (``models.py``) decide otherwise, ordinary situations first.

    ``began`` is told before each part how many parts are done and how many there are.
    """
    desks = (_Desk.of(old), _Desk.of(new))
    walk = spaces(old.covenant, new.covenant, kinds)
    found: list[Change] = []
    for done, space in enumerate(walk):
        began(done, len(walk))
        found += _of_space(space, *desks)
    began(len(walk), len(walk))
    return sorted(found, key=lambda change: change.special)


@dataclass(frozen=True, slots=True)
class _Desk:
    """One version: its rules, a quick way to ask them, and its moments."""

    engine: PolicyEngine
    decider: Decider
    asked: Asked

    @staticmethod
    def of(engine: PolicyEngine) -> "_Desk":
        return _Desk(engine, Decider(engine), Asked.of(engine.covenant))


def _judgement(space: Space, engine: PolicyEngine) -> object:
    purpose = engine.covenant.purposes.get(space.purpose)
    if purpose is None:
        return None
    acts = {kind: frozenset(part.acts) for kind, part in purpose.participants.items()}
    rules = []
    for rule in sorted(rules_for(engine, action_of(space.action), space.purpose), key=lambda rule: rule.order):
        body = engine.body_of(rule.id)
        assert isinstance(body, dict)  # noqa: S101 so is every policy in Cedar's JSON form
        rules.append((rule.id, {name: part for name, part in body.items() if name != "annotations"}))
    return acts, frozenset(purpose.hidden_from), rules


def _asked_alike(space: Space, old: Covenant, new: Covenant) -> bool:
    """Say whether every point has the same facts under both versions, without making them."""
    if space.action is ReadStatistics and old.purposes != new.purposes:
        return False
    return old.purposes.get(space.purpose) == new.purposes.get(space.purpose)


def _of_space(space: Space, old: _Desk, new: _Desk) -> Iterator[Change]:
    judged_alike = _judgement(space, old.engine) == _judgement(space, new.engine)
    asked_alike = _asked_alike(space, old.engine.covenant, new.engine.covenant)
    if judged_alike and asked_alike:
        return
    asked = (old.asked,) if asked_alike else (old.asked, new.asked)
    turned: dict[tuple[Turn, bool], list[Box]] = {}
    for facts, box in _cells(space, asked):
        before, after = facts[0], facts[-1]
        if judged_alike and before == after:
            continue
        turn = _turn(old.decider.decide(before), new.decider.decide(after))
        if turn is not None:
            for part, special in _parted(space, box):
                turned.setdefault((turn, special), []).append(part)
    for (turn, special), boxes in turned.items():
        for box in merged(boxes):
            yield Change(space.action, space.purpose, turn, dict(zip(space.dimensions, box, strict=True)), special)


def _turn(before: Answer, after: Answer) -> Turn | None:
    if before.allowed != after.allowed:
        return Turn("allowed" if after.allowed else "forbidden", before.rule if before.allowed else "", after.rule)
    if after.allowed and before.rule != after.rule:
        return Turn("rule", before.rule, after.rule)
    return None


_Facts: TypeAlias = tuple[Facts | None, ...]
"""Of each version that is asked: one stands for both where every question gives both the same facts."""
_Class: TypeAlias = tuple[str, list[str], _Facts]
"""A dimension, values of it that give the same facts, and those facts with all else as in the first point."""


def _cells(space: Space, asked: tuple[Asked, ...]) -> Iterator[tuple[_Facts, Box]]:
    """Yield sets of points that have the same facts, with these facts.

    Given the agencies, every fact depends on one dimension only; so the values of a dimension that give the same facts
    stand for each other, whatever the other dimensions say, and facts can be put together from each dimension's.
    """
    for who in space.pairs():
        first = {**who, **{name: space.dimensions[name][0] for name in space.rest}}
        plain = tuple([one.facts_at(space, first) for one in asked])
        classes = [list(_alike(space, first, name, asked)) for name in space.rest]
        for chosen in product(*classes):
            sets = {name: frozenset({value}) for name, value in who.items()}
            sets |= {name: frozenset(values) for name, values, _ in chosen}
            facts = tuple([_together(place, plain, chosen) for place in range(len(asked))])
            if None in plain:
                point = {**who, **{name: values[0] for name, values, _ in chosen}}
                facts = tuple([one.facts_at(space, point) for one in asked])
            yield facts, tuple(sets[name] for name in space.dimensions)


def _alike(space: Space, first: Point, name: str, asked: tuple[Asked, ...]) -> Iterator[_Class]:
    found: dict[_Facts, list[str]] = {}
    for value in space.dimensions[name]:
        facts = tuple([one.facts_at(space, {**first, name: value}) for one in asked])
        found.setdefault(facts, []).append(value)
    for facts, values in found.items():
        yield name, values, facts


def _together(version: int, plain: _Facts, chosen: Sequence[_Class]) -> Facts | None:
    """Return the facts of a version when each dimension has these values: what each changes in the first point's."""
    base = plain[version]
    if base is None:
        return None
    context = dict(base.context)
    for _, _, facts in chosen:
        own = facts[version]
        if own is None:
            return None
        if own.context != base.context:
            context.update(entry for entry in own.context if entry not in base.context)
    return replace(base, context=tuple(context.items()))


_ORDINARY: dict[str, str] = {STATE: "active", OTHER_STATE: "active", "time": LIVE, OWN: ANOTHER}


def _parted(space: Space, box: Box) -> Iterator[tuple[Box, bool]]:
    """Cut a set into its ordinary points and the others; a cell has one value in each of these dimensions, but time."""
    plain = tuple(
        values & {_ORDINARY[name]} if name in _ORDINARY else values
        for name, values in zip(space.dimensions, box, strict=True)
    )
    if not all(plain):
        yield box, True
        return
    yield plain, False
    if plain != box:
        yield tuple(values - one or values for values, one in zip(box, plain, strict=True)), True


def merged(boxes: Iterable[Box]) -> list[Box]:
    """Return fewer sets with the same points: sets that differ in one dimension only become one, until none do."""
    found = list(dict.fromkeys(boxes))
    while True:
        before = len(found)
        for place in reversed(range(len(found[0]) if found else 0)):
            joined: dict[Box, frozenset[str]] = {}
            for box in found:
                key = (*box[:place], *box[place + 1 :])
                joined[key] = joined.get(key, frozenset()) | box[place]
            found = [(*key[:place], values, *key[place:]) for key, values in joined.items()]
        if len(found) == before:
            return found
