# SPDX-License-Identifier: EUPL-1.2
"""The repository's own policies: each rule matters to a case, and purposes agree with their rules."""

from functools import cache

import pytest

from board.cases import read_cases, try_cases
from board.models import KINDS, model_engine, model_id, moment_with_grace
from board.tables import edges
from protocol.covenant import Covenant
from protocol.errors import Issue
from protocol.messages import Level
from protocol.policy import LEVELS, Notify
from protocol.policy_text import split_policies
from tests.fakes.covenants import policy_files

FILES = policy_files()
COVENANT = Covenant.parse(FILES)
ENGINE = model_engine(COVENANT)
WITHOUT_CASE = {"guard.no-legal-basis"}
"""Every edge of the repository's purposes has a law; this guard's test in test_policy.py takes one away."""


@cache
def wrong_without(rule: str) -> int:
    """Return how many cases are no longer as expected when this rule is taken out."""
    place = ENGINE.rules[rule].place.partition(":")[0]
    kept = [part.text for part in split_policies(place, FILES[place].decode()) if f'@id("{rule}")' not in part.text]
    engine = model_engine(Covenant.parse(FILES | {place: "\n".join(kept).encode()}))
    assert len(engine.rules) == len(ENGINE.rules) - 1
    issues: list[Issue] = []
    cases = read_cases(FILES, issues)
    assert not issues
    return sum(tried.wrong is not None for tried in try_cases(engine, cases))


@pytest.mark.parametrize("rule", sorted(set(ENGINE.rules) - WITHOUT_CASE))
def test_every_rule_is_held_by_a_case(rule: str):
    """Taking any rule out of the policies fails at least one case."""
    assert wrong_without(rule) > 0


@pytest.mark.parametrize("purpose", sorted(COVENANT.purposes))
def test_every_told_edge_has_a_law(purpose: str):
    """Whoever is told anything is told on a law, and nobody outside the participants is told."""
    terms = COVENANT.purposes[purpose]
    for edge in edges(ENGINE, purpose):
        if any(edge.levels):
            assert edge.law
            assert set(edge.receivers) | set(edge.senders) <= set(terms.participants)


@pytest.mark.parametrize("purpose", sorted(COVENANT.purposes))
def test_a_worse_quality_never_tells_more(purpose: str):
    """Nobody is told more on a probable hit than on a hit, or more on a possible one than on a probable one."""
    ranks: dict[Level | None, int] = {level: rank for rank, level in enumerate((None, *LEVELS))}
    for edge in edges(ENGINE, purpose):
        told = [ranks[level] for level in edge.levels]
        assert told == sorted(told, reverse=True)


def test_possible_hits_show_existence_only():
    """On a possible hit nobody learns more than that there is one, under any purpose."""
    for purpose in COVENANT.purposes:
        for edge in edges(ENGINE, purpose):
            assert edge.levels[2] in (None, "existence")


def test_kinds_without_part_are_told_nothing():
    """A kind of agency that a purpose does not name is told nothing, by anyone, at any level."""
    now = moment_with_grace(COVENANT)
    for purpose, terms in COVENANT.purposes.items():
        for receiver in [kind for kind in KINDS if kind not in terms.participants]:
            for sender in KINDS:
                question = Notify(model_id(sender), model_id(receiver), purpose, "hit", "existence", now)
                assert not ENGINE.decide(question).allowed
