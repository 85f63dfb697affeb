# SPDX-License-Identifier: EUPL-1.2
"""A key of many keys: all can be derived, any can be destroyed alone, and what is left never brings one back."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.puncturable import ARITY, DEPTH, LEAVES, NODE_BYTES, PuncturableKey
from protocol.errors import InputError, NotFoundError

LEAF = st.integers(0, LEAVES - 1) | st.integers(0, 40) | st.integers(LEAVES - 40, LEAVES - 1)
ROOT = bytes(range(32))


@given(st.lists(LEAF, min_size=1, max_size=6, unique=True), st.sets(LEAF, max_size=4))
def test_destroying_some_keys_destroys_these_and_no_other(leaves: list[int], others: set[int]) -> None:
    """Destroyed leaves have no key any more; every other leaf, neighbours included, has the key that it had."""
    whole = PuncturableKey.of(ROOT)
    left = whole.without(leaves)
    near = {leaf ^ 1 for leaf in leaves} | {(leaf + 1) % LEAVES for leaf in leaves}
    for leaf in (others | near) - set(leaves):
        assert left.derive(leaf) == whole.derive(leaf)
        assert left.has(leaf)
    for leaf in leaves:
        assert not left.has(leaf)
        with pytest.raises(NotFoundError):
            left.derive(leaf)


@given(st.lists(LEAF, min_size=1, max_size=4))
def test_no_node_that_is_left_stands_above_a_destroyed_leaf(leaves: list[int]) -> None:
    """What is stored after a destruction holds no node from which the destroyed key could be derived."""
    left = PuncturableKey.of(ROOT).without(leaves)
    for level, number in left.nodes:
        for leaf in leaves:
            assert leaf >> 2 * (DEPTH - level) != number


@given(st.lists(LEAF, max_size=4))
def test_the_stored_form_reads_back(leaves: list[int]) -> None:
    """Written and read back, a key is the same; destroying again what is gone changes nothing."""
    key = PuncturableKey.of(ROOT).without(leaves)
    assert PuncturableKey.from_bytes(key.to_bytes()) == key
    assert key.without(leaves) == key


@pytest.mark.parametrize("raw", [b"x", bytes(40), bytes(42), b"\x21" + bytes(8 + NODE_BYTES)])
def test_other_bytes_are_no_key(raw: bytes) -> None:
    """A cut row, a number that its level does not have, or a level below the leaves is refused."""
    with pytest.raises(InputError):
        PuncturableKey.from_bytes(raw + PuncturableKey.of(ROOT).to_bytes()[: 0 if raw[:1] == b"\x21" else 5])


def test_leaves_have_keys_of_their_own() -> None:
    """Any two leaves have different keys, and another root gives others."""
    key, other = PuncturableKey.of(ROOT), PuncturableKey.of(os.urandom(32))
    leaves = [*range(2 * ARITY), LEAVES - 1]
    assert len({key.derive(leaf) for leaf in leaves} | {other.derive(leaf) for leaf in leaves}) == 2 * len(leaves)
