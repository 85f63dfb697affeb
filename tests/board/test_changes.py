# SPDX-License-Identifier: EUPL-1.2
"""The difference between two versions is exact: the same points as asking everything of both, one by one."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import product
from typing import get_args

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from board.changes import Change, changes, merged
from board.deciding import Decider
from board.models import model_id
from board.space import Asked, Space, question_at, spaces
from protocol.facts import Facts, facts_of
from protocol.ids import Epoch, KeyKind, PurposeId
from protocol.messages import Quality
from protocol.policy import UNKNOWN_ENTITY, PolicyEngine
from protocol.questions import (
    LEVELS,
    DecideDisclosure,
    Evaluate,
    LogPurpose,
    Notify,
    PersonRole,
    Plant,
    Push,
    Query,
    Question,
    ReadEvents,
    ReadStatistics,
    RequestDisclosure,
    Scope,
)
from tests.fakes.small_covenants import KINDS, PURPOSE, Small, changed

OLD = Small()
OLD_ENGINE = OLD.engine()
OTHER = Small(bases=("legal-duty",), grounds=("debts",), key_kinds=("skn",), retention=31, deferral=5).engine().covenant
"""Differs from ``OLD`` in every setting of the purpose that a question is held against."""
EXAMPLES = settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck))

Decided = tuple[bool, str]
Spot = tuple[str, str, tuple[tuple[str, str], ...]]
Remembered = dict[Facts | None, Decided]
OLD_REMEMBERED: Remembered = {}


def every_point(space: Space) -> Iterator[dict[str, str]]:
    """Yield every combination of a space's values that can be, without its structure."""
    for values in product(*space.dimensions.values()):
        point = dict(zip(space.dimensions, values, strict=True))
        if point.get("own") == "itself" and (point["agency"], point["state"]) != (point["other"], point["other-state"]):
            continue
        yield point


def decided(engine: PolicyEngine, facts: Facts | None, remembered: Remembered) -> Decided:
    """Ask Cedar itself, once for the same facts."""
    if facts not in remembered:
        if facts is None:
            remembered[facts] = (False, UNKNOWN_ENTITY)
        else:
            decision = engine.decide_uncached(facts)
            remembered[facts] = (decision.allowed, decision.rule)
    return remembered[facts]


def brute_force(old: PolicyEngine, new: PolicyEngine) -> dict[Spot, tuple[Decided, Decided]]:
    """Return every point that is decided otherwise: another answer, or allowed on another rule."""
    found = {}
    asked = (Asked.of(old.covenant), Asked.of(new.covenant))
    remembered: Remembered = {}
    for space in spaces(old.covenant, new.covenant, KINDS):
        for point in every_point(space):
            facts = [facts_of(question_at(space.action, space.purpose, point, one), one.covenant) for one in asked]
            before = decided(old, facts[0], OLD_REMEMBERED)
            after = decided(new, facts[1], remembered)
            if before[0] != after[0] or (after[0] and before[1] != after[1]):
                found[spot(space.action.__name__, space.purpose, point)] = (before, after)
    return found


def spot(action: str, purpose: str, point: Mapping[str, str]) -> Spot:
    """Return a point's name."""
    return (action, purpose, tuple(sorted(point.items())))


def spread(found: list[Change]) -> dict[Spot, Change]:
    """Return each point of the changes with the one change that it is in."""
    spots: dict[Spot, Change] = {}
    for change in found:
        for point in change.points():
            name = spot(change.action.__name__, change.purpose, point)
            assert name not in spots
            spots[name] = change
    return spots


@EXAMPLES
@given(changed(OLD).flatmap(changed))
def test_a_difference_is_what_asking_everything_finds(new: Small):
    """No point that changed is missing, none that did not is there, and each says by which rules it turned."""
    engine = new.engine()
    expected = brute_force(OLD_ENGINE, engine)
    forward = spread(changes(OLD_ENGINE, engine, KINDS))
    assert forward.keys() == expected.keys()
    for name, ((was, before), (is_, after)) in expected.items():
        turn = forward[name].turn
        assert turn.way == ("rule" if was and is_ else "allowed" if is_ else "forbidden")
        assert (turn.before, turn.after) == (before if was else "", after)
    backward = spread(changes(engine, OLD_ENGINE, KINDS))
    assert {name: change.turn.way for name, change in backward.items()} == {
        name: {"allowed": "forbidden", "forbidden": "allowed", "rule": "rule"}[change.turn.way]
        for name, change in forward.items()
    }


def test_the_same_covenant_differs_nowhere():
    """Two readings of the same files differ in no point."""
    assert changes(OLD_ENGINE, Small().engine(), KINDS) == []


@EXAMPLES
@given(changed(OLD), st.randoms(use_true_random=False))
def test_rule_by_rule_answers_as_the_engine_does(small: Small, chance):
    """Asking each rule alone, only about what it looks at, gives the engine's own answer and rule."""
    engine = small.engine()
    asked = Asked.of(engine.covenant)
    decider = Decider(engine)
    for space in spaces(engine.covenant, engine.covenant, KINDS):
        points = list(every_point(space))
        for point in chance.sample(points, min(20, len(points))):
            facts = asked.facts_at(space, point)
            answer = decider.decide(facts)
            assert (answer.allowed, answer.rule) == decided(engine, facts, {})


def test_ordinary_situations_come_first():
    """A suspended agency, a closed epoch or a covenant that is over stand apart, after what happens every day."""
    new = Small(
        without=frozenset({"guard.agency-suspended", "guard.not-a-sender"}),
        acts={**OLD.acts, "care": ("send", "receive")},
    )
    found = changes(OLD_ENGINE, new.engine(), KINDS)
    marks = [change.special for change in found]
    assert marks == sorted(marks)
    assert set(marks) == {False, True}
    for change in found:
        for point in change.points():
            ordinary = point["state"] == "active" == point.get("other-state", "active")
            ordinary = ordinary and point["time"] == "live" and point.get("own", "another") == "another"
            assert change.special is not ordinary


@given(st.sets(st.tuples(*[st.sampled_from("abc")] * 3)))
def test_merging_keeps_exactly_the_points(points: set[tuple[str, ...]]):
    """Sets that are merged hold the same points as before, each in one set, and no two that could still be joined."""
    boxes = merged([tuple(frozenset({value}) for value in point) for point in points])
    spots = [spot for box in boxes for spot in product(*box)]
    assert sorted(spots) == sorted(points)
    for one in boxes:
        for other in boxes:
            assert one is other or sum(a != b for a, b in zip(one, other, strict=True)) > 1


NOW = datetime(2026, 8, 1, 12, tzinfo=UTC)
PARTIES = st.builds(
    lambda kind, state, other: model_id(kind, state, other=other),
    st.sampled_from(KINDS),
    st.sampled_from(("active", "suspended")),
    st.booleans(),
)
MOMENTS = st.sampled_from((NOW, NOW.replace(year=2025), NOW.replace(year=2029), NOW.replace(month=7, day=5)))
EPOCHS = st.integers(0, 9).map(Epoch)
GROUNDS = st.lists(st.sampled_from(("worry", "debts", "other")), max_size=3, unique=True).map(tuple)
BASES = st.sampled_from(("consent", "legal-duty", "other"))
KEYS = st.lists(st.sampled_from(("bsn", "skn", "imei")), max_size=3, unique=True).map(
    lambda kinds: tuple(map(KeyKind, kinds))
)
EXPIRIES = st.one_of(
    st.just(NOW), st.timedeltas(timedelta(days=-900), timedelta(days=900)).map(lambda past: NOW + past)
)
REVIEWS = st.one_of(st.none(), st.integers(-20, 20).map(lambda days: (NOW + timedelta(days=days)).date()))
SIGNAL = (EPOCHS, MOMENTS, GROUNDS, BASES, KEYS, EXPIRIES)
ROLES = st.sampled_from(get_args(PersonRole))
HERE = st.just(PURPOSE)
ANY_QUESTION = st.one_of(
    st.builds(Evaluate, PARTIES, HERE, EPOCHS, MOMENTS),
    st.builds(Push, PARTIES, HERE, *SIGNAL, st.sampled_from(("informed", "deferred", "not-required")), REVIEWS),
    st.builds(Plant, PARTIES, PARTIES, HERE, *SIGNAL),
    st.builds(Query, PARTIES, HERE, EPOCHS, MOMENTS, KEYS, st.booleans()),
    st.builds(Notify, PARTIES, PARTIES, HERE, st.sampled_from(get_args(Quality)), st.sampled_from(LEVELS), MOMENTS),
    st.builds(RequestDisclosure, PARTIES, PARTIES, HERE, ROLES, st.booleans(), MOMENTS),
    st.builds(DecideDisclosure, PARTIES, PARTIES, HERE, ROLES, MOMENTS),
    st.builds(
        ReadEvents,
        PARTIES,
        HERE,
        ROLES,
        st.sampled_from(get_args(Scope)),
        st.sampled_from(get_args(LogPurpose)),
        MOMENTS,
    ),
    st.builds(ReadStatistics, PARTIES, HERE, st.sampled_from((PURPOSE, PurposeId("no-such-purpose"))), ROLES, MOMENTS),
)


@cache
def reached() -> frozenset[tuple[Facts | None, Facts | None]]:
    """Return the pairs of facts of all points of two versions that differ in every setting of a purpose."""
    asked = (Asked.of(OLD_ENGINE.covenant), Asked.of(OTHER))
    return frozenset(
        (asked[0].facts_at(space, point), asked[1].facts_at(space, point))
        for space in spaces(OLD_ENGINE.covenant, OTHER, KINDS)
        for point in every_point(space)
    )


@given(ANY_QUESTION)
@settings(max_examples=400, deadline=None)
def test_no_question_has_facts_that_no_point_has(question: Question):
    """Whatever is asked, at any moment, with any codes and days: both versions' facts are those of a point."""
    assert tuple(facts_of(question, covenant) for covenant in (OLD_ENGINE.covenant, OTHER)) in reached()
