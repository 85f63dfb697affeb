# SPDX-License-Identifier: EUPL-1.2
"""A client that stays loses and doubles nothing, whoever is away for however long, and says how it is."""

from datetime import timedelta
from pathlib import Path

import pytest

from agency_client.states import SignalState
from agency_client.vault.hits import HitState
from protocol.errors import Code, RefusedError, UnavailableError
from protocol.messages import Justification
from tests.fakes.agency import make_client
from tests.fakes.small_world import NOW, PURPOSE, World
from tests.fakes.staying_client import Staying, stay

HOUR, STEP = 3_600.0, 30.0
ANNA = [("bsn", "123456782"), ("name-dob", "anna|vries|2004-02-29")]
BRAM = [("bsn", "111222333"), ("sound-dob", "bram|berg|2001-01-31")]
CHRIS = [("bsn", "999999990")]
WHY = Justification(code="own-case", text="Zorgen in een lopende zaak.", case_reference="Z-1")


async def settled(staying: Staying, world: World, references: int) -> None:
    """Check that each record stands once, at the broker and here, and that nothing waits."""
    vault = staying.client.vault
    assert vault.signals.count() == {SignalState.ACCEPTED: references}
    mine = [one for one in world.broker.signals.values() if one.agency == "police-oost"]
    assert len(mine) == references
    assert vault.outbox.count_open() == 0
    assert staying.running.health.works


async def test_an_hour_without_broker_loses_and_doubles_nothing(tmp_path: Path, world: World) -> None:
    """What was added before, during and at the end of an hour without broker stands once, and each hit is told once."""
    care = make_client(tmp_path / "c", world, "care-linde")
    care.add(("C-1", ANNA[:1]), ("C-2", BRAM[:1]))
    assert await care.send() is None
    staying = stay(tmp_path / "p", world)
    staying.client.add(("P-1", ANNA))
    await staying.live(5)
    (hit,) = staying.client.vault.hits.all()
    world.broker.down = True
    staying.client.add(("P-2", BRAM))
    await staying.live(HOUR / 2, STEP)
    staying.client.add(("P-3", CHRIS))
    with pytest.raises(UnavailableError):
        await staying.client.acts.open(hit.id, WHY, "0" * 32)
    await staying.live(HOUR / 2, STEP)
    health = staying.running.health
    assert not health.works
    assert not health.broker.ok
    assert health.broker.since < NOW + timedelta(minutes=2)
    assert health.listening == "away"
    assert health.blocked is not None
    assert health.blocked.code == Code.UNAVAILABLE
    assert (health.waiting, health.requests) == (2, 1)
    world.broker.down = False
    await staying.live(65)
    await settled(staying, world, 3)
    told = [kept.notice.my_signal for kept in staying.client.vault.hits.all()]
    assert len(told) == len(set(told)) == 2
    assert staying.client.vault.hits.all()[0].opened_at is not None
    openings = [key for path, key in world.broker.posts if path.endswith("/opening")]
    assert len(set(openings)) == 1


async def test_an_outage_is_met_with_patience(tmp_path: Path, world: World) -> None:
    """During an hour without broker it is tried some hundred times, not thousands."""
    staying = stay(tmp_path / "p", world)
    world.broker.down = True
    staying.client.add(("P-1", ANNA))
    tries = 0
    advance = staying.client.trail.advance

    async def counted() -> object:
        nonlocal tries
        tries += 1
        return await advance()

    staying.running.online.trail.advance = counted  # type: ignore[method-assign,assignment]
    await staying.live(HOUR, STEP)
    assert 60 <= tries <= 180


async def test_an_hour_without_key_holders_sends_what_needs_none(tmp_path: Path, world: World) -> None:
    """Without key-holders new signals wait and withdrawals go on; it is said who is away."""
    staying = stay(tmp_path / "p", world)
    staying.client.add(("P-1", ANNA))
    await staying.live(5)
    for holder in world.holders[1:]:
        holder.down = True
    staying.client.add(("P-2", BRAM))
    await staying.live(HOUR / 2, 2 * STEP)
    (old,) = staying.client.vault.signals.find("P-1")
    await staying.client.acts.withdraw(old, "ended", "0" * 32)
    health = staying.running.health
    assert health.broker.ok
    assert {one.name for one in health.key_holders if not one.ok} >= {world.holders[1].party}
    assert health.blocked is not None
    await staying.live(HOUR / 2, 2 * STEP)
    assert health.waiting == 1
    for holder in world.holders:
        holder.down = False
    await staying.live(65)
    assert staying.client.vault.signals.count() == {SignalState.ACCEPTED: 1, SignalState.WITHDRAWN: 1}


async def test_a_kill_in_the_middle_doubles_nothing(tmp_path: Path, world: World) -> None:
    """A client that dies after the broker took a request, and before it knew, sends the same request again."""
    staying = stay(tmp_path / "p", world)
    world.broker.late = True
    staying.client.add(("P-1", ANNA), ("P-2", BRAM))
    await staying.live(60)
    assert staying.running.health.blocked is not None
    # Nothing of the program is left but what is on the disk.
    staying.client.vault.close()
    world.broker.late = False
    again = stay(tmp_path / "p", world, now=NOW + timedelta(hours=1))
    await again.live(65)
    await settled(again, world, 2)
    assert len({key for path, key in world.broker.posts if path == "/v1/signals"}) == 1


async def test_what_other_commands_add_is_sent(tmp_path: Path, world: World) -> None:
    """A record that another program of this home writes into the vault leaves within seconds."""
    staying = stay(tmp_path / "p", world)
    await staying.live(5)
    other = make_client(tmp_path / "p", world, broker=staying.door)
    other.add(("P-1", ANNA))
    other.vault.close()
    await staying.live(3)
    await settled(staying, world, 1)


async def test_a_budget_that_is_used_up_is_not_asked_for_every_second(tmp_path: Path, world: World) -> None:
    """What waits for a budget is tried every ten minutes, and no more often."""
    staying = stay(tmp_path / "p", world)
    used_up = RefusedError(Code.BUDGET_EXHAUSTED, "The budget of today is used.")
    for holder in world.holders:
        holder.refuses[PURPOSE] = used_up
    staying.client.add(("P-1", ANNA))
    before = sum(len(holder.asked) for holder in world.holders)
    await staying.live(HOUR, 2 * STEP)
    blocked = staying.running.health.blocked
    assert blocked is not None
    assert blocked.code == Code.BUDGET_EXHAUSTED
    assert sum(len(holder.asked) for holder in world.holders) - before <= 8 * len(world.holders)


async def test_a_withdrawn_counterpart_is_heard_after_the_outage(tmp_path: Path, world: World) -> None:
    """A hit whose other side withdrew while the network was gone is no longer shown as live once it is back."""
    care = make_client(tmp_path / "c", world, "care-linde")
    care.add(("C-1", ANNA[:1]))
    assert await care.send() is None
    staying = stay(tmp_path / "p", world)
    staying.client.add(("P-1", ANNA))
    await staying.live(5)
    staying.door._require_up = _gone  # type: ignore[method-assign]
    (theirs,) = care.vault.signals.find("C-1")
    await care.acts.withdraw(theirs, "ended", "0" * 32)
    await staying.live(HOUR, STEP)
    assert [kept.state for kept in staying.client.vault.hits.all()] == [HitState.LIVE]
    del staying.door._require_up
    await staying.live(65)
    assert [kept.state for kept in staying.client.vault.hits.all()] == [HitState.WITHDRAWN]


def _gone() -> None:
    raise UnavailableError(Code.UNAVAILABLE, "The broker cannot be reached.")
