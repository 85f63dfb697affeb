# SPDX-License-Identifier: EUPL-1.2
"""Tiers follow from selectivity, and what an agreement is worth follows from tiers."""

from dataclasses import replace
from itertools import product

import pytest

from protocol.chances import POPULATION
from protocol.errors import ConfigurationError
from protocol.ids import KeyKind
from protocol.keys import KINDS, STRANGERS, Tier, check_selectivity, could_be_twins, expected_strangers, quality_of


def _kinds(*names: str) -> list[KeyKind]:
    assert set(names) <= set(KINDS)
    return [KeyKind(name) for name in names]


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_is_as_selective_as_its_tier_asks(kind: KeyKind) -> None:
    """Fewer strangers than the tier's bound agree among seventeen million people."""
    assert KINDS[kind].u * POPULATION < STRANGERS[KINDS[kind].tier]


@pytest.mark.parametrize("tier", Tier)
def test_a_kind_that_is_not_selective_enough_is_refused(tier: Tier) -> None:
    """A kind at its tier's bound is refused by name; so is a postcode as a factor."""
    postcode = replace(KINDS[KeyKind("address")], kind=KeyKind("postcode"), tier=tier, u=37 / POPULATION)
    with pytest.raises(ConfigurationError) as caught:
        check_selectivity(POPULATION, [*KINDS.values(), postcode])
    assert [issue.location for issue in caught.value.issues] == ["postcode"]


def test_a_larger_population_refuses_more() -> None:
    """The table holds for the Netherlands and not for a billion people."""
    check_selectivity(POPULATION)
    with pytest.raises(ConfigurationError):
        check_selectivity(1_000_000_000)


@pytest.mark.parametrize(
    ("agreed", "quality"),
    [
        (["phone"], "hit"),
        (["phone", "address"], "hit"),
        (["name-dob"], "probable"),
        (["initial-sound-dob"], "probable"),
        (["name-year", "sound-initial-dob"], "possible"),
        (["name-year"], None),
        (["name-year", "address"], "possible"),
        (["one-sound-dob", "address"], "possible"),
        (["one-sound-dob", "dob-postcode"], "possible"),
        (["one-sound-dob", "vehicle"], "possible"),
        (["one-sound-dob", "initials-dob"], None),
        (["one-sound-dob", "name-year"], None),
        (["address", "vehicle", "dob-postcode"], None),
        ([], None),
    ],
)
def test_the_worth_of_an_agreement(agreed: list[str], quality: str | None) -> None:
    """Identifier: hit. Strong: probable. Two medium, or medium or weak with a factor: possible. Else nothing."""
    assert quality_of(_kinds(*agreed)) == quality
    assert quality_of(_kinds(*agreed, *agreed)) == quality


def test_an_unknown_kind_counts_for_nothing() -> None:
    """A kind that is not in the table neither helps nor harms."""
    assert quality_of([KeyKind("shoe-size")]) is None
    assert quality_of([KeyKind("shoe-size"), KeyKind("phone")]) == "hit"


def test_twins_are_named_where_nothing_tells_them_apart() -> None:
    """Surname, initial, birth date and address are twins' too; a given name, a phone and a BSN are not."""
    assert could_be_twins(_kinds("initial-sound-dob"))
    assert could_be_twins(_kinds("initial-sound-dob", "one-sound-dob", "address", "dob-postcode"))
    assert not could_be_twins(_kinds("initial-sound-dob", "sound-dob"))
    assert not could_be_twins(_kinds("initial-sound-dob", "phone"))
    assert not could_be_twins([])


def test_whatever_is_told_expects_less_than_one_stranger() -> None:
    """Every least combination that makes a hit expects fewer strangers than the medium bound, and says how many."""
    rules = list(KINDS.values())
    for one, other in product(rules, rules):
        kinds = [one.kind, other.kind]
        if quality_of(kinds) is not None and Tier.IDENTIFIER not in (one.tier, other.tier):
            assert expected_strangers(kinds) < STRANGERS[Tier.MEDIUM], kinds
    assert expected_strangers(_kinds("name-dob")) == pytest.approx(KINDS[KeyKind("name-dob")].u * POPULATION)
    assert expected_strangers([]) == POPULATION


def test_every_kind_is_explained_in_two_languages() -> None:
    """Each kind has words in Dutch and English and a reason for its chance."""
    for rule in KINDS.values():
        assert rule.nl
        assert rule.en
        assert rule.reason
