# SPDX-License-Identifier: EUPL-1.2
"""A key-holder that does not use the key it published is caught by its proof, and nothing of its answer is used."""

from pathlib import Path

from protocol.errors import Code, VerificationError
from protocol.threshold import draw_seed
from tests.fakes.agency import make_client
from tests.fakes.small_world import World

ANNA = [("bsn", "123456782")]


async def test_another_key_is_caught_and_replaced(tmp_path: Path, world: World) -> None:
    """With one lying key-holder the client names it, asks another quorum, and gets the same pseudonyms."""
    honest = make_client(tmp_path / "c", world, "care-linde")
    honest.add(("C-1", ANNA))
    assert await honest.send() is None
    world.holders[0].seeds = {members: draw_seed() for members in world.holders[0].seeds}
    client = make_client(tmp_path / "p", world)
    client.add(("P-1", ANNA))
    assert await client.send() is None
    (finding,) = client.vault.evidence.findings()
    assert (finding.code, finding.place) == (Code.PROOF_INVALID, "key-holder holder-1")
    assert len(world.broker.hits) == 1


async def test_two_lying_key_holders_stop_the_push(tmp_path: Path, world: World) -> None:
    """When too few honest key-holders are left, the error is the false proof, and nothing is sent."""
    for holder in world.holders[:2]:
        holder.seeds = {members: draw_seed() for members in holder.seeds}
    client = make_client(tmp_path / "p", world)
    client.add(("P-1", ANNA))
    obstacle = await client.send()
    assert isinstance(obstacle, VerificationError)
    assert obstacle.code is Code.PROOF_INVALID
    assert world.broker.posts == []


async def test_statements_that_disagree_are_refused(tmp_path: Path, world: World) -> None:
    """A key on which the members of a set do not agree is not used, however well it is signed and logged."""
    first = world.broker._statement

    def lying(holder, purpose, epoch):
        if holder == 2:
            world.broker.seeds = {members: draw_seed() for members in world.broker.seeds}
        return first(holder, purpose, epoch)

    world.broker._statement = lying  # type: ignore[method-assign]
    client = make_client(tmp_path / "p", world)
    client.add(("P-1", ANNA))
    obstacle = await client.send()
    assert obstacle is not None
    assert obstacle.code is Code.KEY_STATEMENT_CONFLICT
    assert world.holders[0].elements == 0
