# SPDX-License-Identifier: EUPL-1.2
"""The tolerant keys on generated Dutch people with clerks' errors: what is found, and that strangers are not."""

from collections import defaultdict

import pytest

from protocol.chances import SURNAME, SURNAME_SOUND
from protocol.errors import InputError
from protocol.keys import MatchKey, quality_of
from protocol.names import parse_surname
from protocol.normalise import Person, Record, normalise
from protocol.phonetic import sound_of
from tests.fakes.dutch_people import Town, same_share

PEOPLE = 1_500


def _keys(person: Person) -> tuple[MatchKey, ...]:
    try:
        return normalise(Record(person)).keys
    except InputError:
        return ()


@pytest.mark.parametrize(("errors", "recall"), [(0, 1.0), (1, 0.95), (2, 0.70)])
def test_people_are_found_with_errors_and_strangers_are_not(errors: int, recall: float) -> None:
    """With one error nearly all people are found, with two most; no stranger is told as probable."""
    town = Town(seed=errors)
    people = [town.person() for _ in range(PEOPLE)]
    index: defaultdict[MatchKey, list[int]] = defaultdict(list)
    for number, person in enumerate(people):
        for key in _keys(person):
            index[key].append(number)
    right = wrong = wrong_probable = 0
    for number, person in enumerate(people):
        agreed = defaultdict(set)
        for key in _keys(town.with_errors(person, errors)):
            for other in index[key]:
                agreed[other].add(key.kind)
        for other, kinds in agreed.items():
            quality = quality_of(kinds)
            right += quality is not None and other == number
            wrong += quality is not None and other != number
            wrong_probable += quality == "probable" and other != number
    print(f"errors={errors}: recall {right / PEOPLE:.3f}, {wrong} strangers")
    assert right / PEOPLE >= recall
    assert wrong_probable == 0
    assert wrong <= 1


def test_the_chances_of_surnames_hold_for_dutch_names() -> None:
    """Two drawn people share a surname, and its sound, no more often than the table of chances says."""
    plain = [parse_surname(name).whole for name in Town(seed=9).surnames(20_000)]
    assert same_share(plain) <= SURNAME
    assert same_share([sound_of(name.replace(" ", "")) for name in plain]) <= SURNAME_SOUND
