# SPDX-License-Identifier: EUPL-1.2
"""What key-holders refuse in one purpose is settled or waits there, and holds up no other purpose."""

from datetime import datetime, timedelta
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from agency_client.showing import show_waiting
from agency_client.states import SignalState
from edge.cli import exit_status
from protocol.errors import Code, RefusedError, UnavailableError
from protocol.ids import PurposeId
from tests.fakes.agency import Client, make_client
from tests.fakes.small_world import NOW, PURPOSE, World

OTHER = PurposeId("victim-protection")
ANNA = [("bsn", "123456782")]
RULE = "guard.hidden-from-kind"
POLICY = RefusedError(Code.POLICY_REFUSED, "You do not take part.", rule=RULE)
BUDGET = RefusedError(Code.BUDGET_EXHAUSTED, "9 are used.", hint="The budget renews at 2026-11-22T00:00:00Z.")
CLOSED = RefusedError(Code.EPOCH_CLOSED, "Epoch 1 is not live here.")


def refuse(
    world: World, error: RefusedError, purpose: PurposeId = PURPOSE, holders: tuple[int, ...] = (1, 2, 3)
) -> None:
    """Let key-holders refuse a purpose."""
    for holder in holders:
        world.holders[holder - 1].refuses[purpose] = error


def state(client: Client, reference: str) -> SignalState:
    """Return where a record's signal is."""
    return client.vault.signals.find(reference)[0].state


@pytest.mark.parametrize("error", [POLICY, BUDGET, CLOSED])
async def test_a_refusal_in_one_purpose_holds_up_no_other(tmp_path: Path, world: World, error: RefusedError) -> None:
    """Signals before and behind those that are refused go out in the same send, however the purposes alternate."""
    refuse(world, error)
    client = make_client(tmp_path / "p", world, batch=1)
    for number in range(6):
        client.add((f"P-{number}", ANNA), purpose=PURPOSE)
        client.add((f"V-{number}", ANNA), purpose=OTHER)
    obstacle = await client.send()
    assert obstacle is not None
    assert obstacle.code is error.code
    assert {state(client, f"V-{number}") for number in range(6)} == {SignalState.ACCEPTED}
    left = SignalState.REFUSED if error is POLICY else SignalState.NEW
    assert {state(client, f"P-{number}") for number in range(6)} == {left}


async def test_alternating_purposes_are_sent_in_one_go(tmp_path: Path, world: World) -> None:
    """A signal that stands between those of another purpose's batch is not left behind."""
    client = make_client(tmp_path / "p", world)
    for number in range(3):
        client.add((f"P-{number}", ANNA), purpose=PURPOSE)
        client.add((f"V-{number}", ANNA), purpose=OTHER)
    assert await client.send() is None
    assert client.vault.signals.count() == {SignalState.ACCEPTED: 6}
    assert len(world.broker.posts) == 2


async def test_a_policy_refusal_settles_the_signals(tmp_path: Path, world: World) -> None:
    """They are refused with code and rule, counted once, told once as the error, and never asked about again."""
    refuse(world, POLICY)
    client = make_client(tmp_path / "p", world, batch=2)
    client.add(*((f"P-{number}", ANNA) for number in range(5)))
    assert await client.send() is POLICY
    kept = client.vault.signals.find("P-4")[0]
    assert (kept.state, kept.code, kept.rule) == (SignalState.REFUSED, "policy_refused", RULE)
    assert client.sending.tally.refused == 5
    assert client.sending.tally.refusals == {f"policy_refused, rule {RULE}": 5}
    assert client.vault.pending.count() == 0
    asked = len(world.holders[0].asked)
    assert await client.send() is None
    assert len(world.holders[0].asked) == asked
    assert world.broker.posts == []


async def test_a_policy_refusal_is_offered_again_by_a_push(tmp_path: Path, world: World) -> None:
    """Once the covenant lets the agency in, the same file brings the same records again."""
    refuse(world, POLICY)
    client = make_client(tmp_path / "p", world)
    client.add(("P-1", ANNA))
    await client.send()
    for holder in world.holders:
        holder.refuses.clear()
    assert client.add(("P-1", ANNA)).new == 1
    assert await client.send() is None
    assert state(client, "P-1") is SignalState.ACCEPTED


async def test_one_refusing_key_holder_settles_nothing(tmp_path: Path, world: World) -> None:
    """What one key-holder refuses the others answer; with another one silent the signals wait, and say who refuses."""
    refuse(world, POLICY, holders=(1,))
    client = make_client(tmp_path / "p", world)
    client.add(("P-1", ANNA))
    assert await client.send() is None
    client.add(("P-2", ANNA))
    world.holders[1].down = True
    obstacle = await client.send()
    assert isinstance(obstacle, UnavailableError)
    assert f"holder-1 refuses (policy_refused, rule {RULE})" in obstacle.detail
    assert state(client, "P-2") is SignalState.NEW
    world.holders[1].down = False
    assert await client.send() is None


async def test_a_key_holder_that_refuses_one_purpose_serves_another(tmp_path: Path, world: World) -> None:
    """With one key-holder silent, the one that refuses a purpose is still asked in another."""
    world.holders[2].down = True
    refuse(world, BUDGET, holders=(1,))
    client = make_client(tmp_path / "p", world)
    client.add(("P-1", ANNA), purpose=PURPOSE)
    client.add(("V-1", ANNA), purpose=OTHER)
    assert await client.send() is BUDGET
    assert state(client, "V-1") is SignalState.ACCEPTED


async def test_an_exhausted_budget_waits_for_its_renewal(tmp_path: Path, world: World) -> None:
    """The signals stay new, the words say when the budget renews, and the next send after it takes them."""
    refuse(world, BUDGET)
    client = make_client(tmp_path / "p", world, batch=1)
    client.add(*((f"P-{number}", ANNA) for number in range(9)))
    assert await client.send() is BUDGET
    assert client.vault.signals.count() == {SignalState.NEW: 9}
    assert client.sending.tally.refused == 0
    written = StringIO()
    show_waiting(Console(file=written), client.vault.pending.count(), BUDGET)
    assert "9 signals wait in the outbox: 9 are used; the budget renews at 2026-11-22T00:00:00Z." in written.getvalue()
    assert exit_status(BUDGET.code) == exit_status(Code.UNAVAILABLE)
    assert len(world.holders[0].asked) <= 3
    for holder in world.holders:
        holder.refuses.clear()
    assert await client.send() is None
    assert client.vault.signals.count() == {SignalState.ACCEPTED: 9}


async def test_a_closed_epoch_is_computed_anew(tmp_path: Path, world: World) -> None:
    """Signals whose epoch the key-holders have closed are tagged in the epoch of the next send."""
    covenant = world.kit.covenant
    now = [NOW]

    def clock() -> datetime:
        return now[0]

    refuse(world, CLOSED)
    client = make_client(tmp_path / "p", world, clock=clock)
    client.add(("P-1", ANNA))
    assert await client.send() is CLOSED
    for holder in world.holders:
        holder.refuses.clear()
    now[0] = NOW + timedelta(days=covenant.epoch_days)
    assert await client.send() is None
    assert world.holders[0].asked == [covenant.epoch_at(NOW), covenant.epoch_at(now[0])]
    assert state(client, "P-1") is SignalState.ACCEPTED


async def test_a_signal_changed_meanwhile_is_not_refused(tmp_path: Path, world: World) -> None:
    """Only what was refused as it was read is settled: a record that changed meanwhile is asked about once more."""
    client = make_client(tmp_path / "p", world)
    client.add(("P-1", ANNA), ("P-2", ANNA))
    batch = client.vault.pending.batch(10)
    client.add(("P-2", [("bsn", "111222333")]))
    assert client.vault.pending.turn_away(batch, "policy_refused", RULE) == 1
    assert client.vault.pending.turn_away(batch, "policy_refused", RULE) == 0
    assert (state(client, "P-1"), state(client, "P-2")) == (SignalState.REFUSED, SignalState.NEW)
