# SPDX-License-Identifier: EUPL-1.2
"""The line of checkpoints: each continues the one before, however answers overtake each other."""

from pathlib import Path

import pytest

from protocol.errors import Code, VerificationError
from protocol.ids import PartyId
from tests.fakes import dishonest_broker as lies
from tests.fakes.agency import make_client
from tests.fakes.small_world import World

SIZES = (1, 2, 3, 255, 256, 257, 300, 513)


def grow(world: World, size: int) -> str:
    """Grow the log to a size and return its head."""
    while len(world.broker.log.leaves) < size:
        world.broker.log.add_leaf(b"\x01" + len(world.broker.log.leaves).to_bytes(64, "big"))
    return world.broker.log.checkpoint()


async def test_every_larger_head_is_proven_to_continue(tmp_path: Path, world: World) -> None:
    """The client follows a growing log over the edges of tiles, and keeps the last head."""
    trail = make_client(tmp_path / "p", world).trail
    for size in SIZES:
        grow(world, size)
        assert (await trail.advance()).checkpoint.size == size
    last = trail.last()
    assert last is not None
    assert last.checkpoint.size == SIZES[-1]


async def test_an_older_answer_is_admitted_and_moves_nothing_back(tmp_path: Path, world: World) -> None:
    """Evidence that was kept from before rests on an older head; it counts when it is the same history."""
    trail = make_client(tmp_path / "p", world).trail
    old = grow(world, 100)
    grow(world, 300)
    await trail.advance()
    assert (await trail.admit(old)).checkpoint.size == 100
    last = trail.last()
    assert last is not None
    assert last.checkpoint.size == 300


async def test_two_roots_for_one_size_are_a_fork(tmp_path: Path, world: World) -> None:
    """Equal sizes with different roots need no tiles to be seen through."""
    trail = make_client(tmp_path / "p", world).trail
    grow(world, 5)
    await trail.advance()
    world.broker.log.__init__(world.kit)  # type: ignore[misc]
    world.broker.log.add_leaf(b"\x01" + b"\x02" * 64)
    grow(world, 5)
    with pytest.raises(VerificationError) as caught:
        await trail.advance()
    assert caught.value.code is Code.LOG_FORKED
    with pytest.raises(VerificationError):
        trail.require_unstopped()


async def test_a_tile_that_is_cut_short_is_no_fork(tmp_path: Path, world: World) -> None:
    """What the log does not serve proves nothing against it: the client tries later and is not stopped."""
    door = lies.HidesTile(world.broker, PartyId("police-oost"))
    trail = make_client(tmp_path / "p", world, broker=door).trail
    grow(world, 100)
    await trail.advance()
    grow(world, 300)
    with pytest.raises(VerificationError) as caught:
        await trail.advance()
    assert caught.value.code is lies.HidesTile.CODE
    trail.require_unstopped()
    last = trail.last()
    assert last is not None
    assert last.checkpoint.size == 100
    assert (await make_client(tmp_path / "p", world).trail.advance()).checkpoint.size == 300


async def test_a_head_that_nobody_cosigned_is_refused(tmp_path: Path, world: World) -> None:
    """A head of the log alone proves nothing and is not kept."""
    client = make_client(tmp_path / "p", world)
    grow(world, 5)
    with pytest.raises(VerificationError) as caught:
        await client.trail.admit(world.broker.log.checkpoint(witnesses=0))
    assert caught.value.code is Code.QUORUM_MISSING
    assert client.vault.evidence.checkpoint() is None
