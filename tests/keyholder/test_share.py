# SPDX-License-Identifier: EUPL-1.2
"""The seeds of one key-holder: what follows from them, and what does not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyholder.share import HeldSeeds, members_of, name_of, statement_of
from protocol.errors import Code, RefusedError
from protocol.group import base
from protocol.ids import Epoch, HolderIndex, PurposeId
from protocol.threshold import Seed, Sharing, agree, quorum_public, ratchet

PURPOSE = PurposeId("offender-prevention")
SHARING = Sharing(2, 3)
SEEDS = {members: Seed(bytes([place]) * 32) for place, members in enumerate(SHARING.sets, start=1)}


def held_by(holder: int, epoch: int = 3) -> HeldSeeds:
    """Return a key-holder's own seeds."""
    own = {members: seed for members, seed in SEEDS.items() if holder in members}
    return HeldSeeds(HolderIndex(holder), SHARING, Epoch(epoch), own)


def test_a_key_holder_has_no_seed_of_a_set_that_it_is_not_in() -> None:
    """Seeds of another set are refused, not kept."""
    with pytest.raises(ValueError, match="not in"):
        HeldSeeds(HolderIndex(1), SHARING, Epoch(0), SEEDS)


def test_missing_names_the_sets_that_are_still_to_come() -> None:
    """Before the ceremony every set is missing; afterwards none is."""
    empty = HeldSeeds(HolderIndex(1), SHARING, Epoch(0), {})
    assert empty.missing == ((1, 2), (1, 3))
    assert empty.with_seed((HolderIndex(1), HolderIndex(2)), SEEDS[HolderIndex(1), HolderIndex(2)]).missing == ((1, 3),)
    assert held_by(1).missing == ()


def test_a_seed_is_never_replaced() -> None:
    """A set that has a seed takes no other one."""
    with pytest.raises(ValueError, match="already"):
        held_by(1).with_seed((HolderIndex(1), HolderIndex(2)), Seed(bytes(32)))


def test_seeds_go_forward_and_never_back() -> None:
    """The seeds of a later epoch are the ratcheted ones; those of an earlier epoch are refused as closed."""
    moved = held_by(1, 3).at(Epoch(5))
    assert moved.seeds == {members: ratchet(ratchet(seed)) for members, seed in held_by(1).seeds.items()}
    with pytest.raises(RefusedError) as caught:
        held_by(1, 3).at(Epoch(2))
    assert caught.value.code is Code.EPOCH_CLOSED


def test_a_key_is_the_same_before_and_after_the_ratchet() -> None:
    """What an epoch's key is does not depend on when the seeds were ratcheted to it."""
    sets = SHARING.sets_of(HolderIndex(1))
    assert held_by(1, 3).key(PURPOSE, Epoch(5), sets) == held_by(1, 3).at(Epoch(4)).key(PURPOSE, Epoch(5), sets)


def test_statements_of_all_key_holders_agree_and_fit_the_keys() -> None:
    """The published points of three honest key-holders join, and are the points of the keys that they evaluate with."""
    statements = [statement_of(held_by(holder), PURPOSE, Epoch(4)) for holder in (1, 2, 3)]
    points = agree(statements, SHARING, PURPOSE, Epoch(4)).points
    quorum = (HolderIndex(1), HolderIndex(3))
    for holder in quorum:
        key = held_by(holder).key(PURPOSE, Epoch(4), SHARING.answers_for(holder, quorum))
        assert base(key) == quorum_public(points, holder, quorum, SHARING)


def test_seeds_hide_themselves() -> None:
    """No seed can be read from what is printed of them."""
    shown = repr(held_by(1))
    assert "\\x01\\x01" not in shown
    assert "0101" not in shown


@given(st.sets(st.integers(1, 9), min_size=1).map(lambda numbers: tuple(map(HolderIndex, sorted(numbers)))))
def test_a_set_name_can_be_read_back(members: tuple[HolderIndex, ...]) -> None:
    """What name_of writes, members_of reads."""
    assert members_of(name_of(members)) == members


@pytest.mark.parametrize("name", ["", "2-1", "1-1", "01-2", "1--2", "a", " 1"])
def test_another_spelling_of_a_set_is_refused(name: str) -> None:
    """A set has one name."""
    with pytest.raises(ValueError, match=r"invalid literal|not the name"):
        members_of(name)
