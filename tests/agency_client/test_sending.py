# SPDX-License-Identifier: EUPL-1.2
"""From records to proven signals and hits, in a small honest world."""

from pathlib import Path

import pytest

from agency_client.states import SignalState
from protocol.errors import Code, RefusedError, UnavailableError
from protocol.ids import PartyId
from protocol.messages import Justification, Refusal
from tests.fakes.agency import CONTACT, make_client
from tests.fakes.small_world import NOW, World

ANNA = [("bsn", "123456782"), ("name-dob", "anna|vries|2004-02-29")]
BRAM = [("bsn", "111222333"), ("sound-dob", "bram|berg|2001-01-31")]
WHY = Justification(code="own-case", text="Zorgen in een lopende zaak.", case_reference="Z-1")


async def test_two_agencies_find_out_and_one_reads_the_contact(tmp_path: Path, world: World) -> None:
    """A record that two agencies share becomes a verified hit at both, and its contact opens after the log has it."""
    police, care = make_client(tmp_path / "p", world), make_client(tmp_path / "c", world, "care-linde")
    police.add(("P-1", ANNA), ("P-2", BRAM))
    assert await police.send() is None
    care.add(("C-1", ANNA[:1]))
    assert await care.send() is None
    news = await police.reading.read()
    assert (len(news.verified), news.failures) == (1, [])
    (hit,) = police.vault.hits.all()
    assert hit.notice.counterpart is not None
    assert hit.notice.counterpart.agency == "care-linde"
    opened = await police.acts.open(hit.id, WHY, "0" * 32)
    assert opened.parts == {"contact": CONTACT}
    assert police.vault.hits.all()[0].opened_at is not None
    assert len((await care.reading.read()).verified) == 1
    checked = await police.checking.run(lambda _, __: None)
    assert checked.receipts == 4
    assert checked.head.checkpoint.size == len(world.broker.log.leaves)


async def test_factors_carry_no_wraps(tmp_path: Path, world: World) -> None:
    """An address and a plate open nothing, and a signal of factors alone has no parts at all."""
    police, care = make_client(tmp_path / "p", world), make_client(tmp_path / "c", world, "care-linde")
    keys = [*ANNA, ("address", "1234AB|5"), ("vehicle", "AB123C")]
    police.add(("P-1", keys), ("P-2", [("vehicle", "XX999X")]))
    assert await police.send() is None
    # A batch is sent in any order.
    second, first = sorted((one.signal for one in world.broker.signals.values()), key=lambda one: len(one.keys))
    assert {key.kind for key in first.keys if key.wraps} == {"bsn", "name-dob"}
    assert second.parts == ()
    care.add(("C-1", keys))
    assert await care.send() is None
    assert len((await police.reading.read()).verified) == 1
    (hit,) = police.vault.hits.all()
    assert (await police.acts.open(hit.id, WHY, "0" * 32)).parts == {"contact": CONTACT}


async def test_sending_again_sends_nothing(tmp_path: Path, world: World) -> None:
    """What is accepted is not sent again, and the same records add nothing."""
    client = make_client(tmp_path / "p", world)
    client.add(("P-1", ANNA))
    assert await client.send() is None
    assert client.add(("P-1", ANNA)).known == 1
    assert await client.send() is None
    assert len(world.broker.posts) == 1
    assert client.vault.signals.count() == {SignalState.ACCEPTED: 1}


@pytest.mark.parametrize("silent", [1, 2, 3])
async def test_one_silent_key_holder_is_replaced(tmp_path: Path, world: World, silent: int) -> None:
    """Any one key-holder may be down: another quorum is asked, and gives the same pseudonyms."""
    first = make_client(tmp_path / "p", world)
    first.add(("P-1", ANNA))
    assert await first.send() is None
    world.holders[silent - 1].down = True
    second = make_client(tmp_path / "c", world, "care-linde")
    second.add(("C-1", ANNA))
    assert await second.send() is None
    assert len(world.broker.hits) == 1


async def test_with_two_key_holders_down_signals_wait(tmp_path: Path, world: World) -> None:
    """With too few key-holders nothing is sent and nothing lost; when they are back, all goes once."""
    client = make_client(tmp_path / "p", world)
    client.add(("P-1", ANNA), ("P-2", BRAM))
    world.holders[0].down = world.holders[2].down = True
    obstacle = await client.send()
    assert isinstance(obstacle, UnavailableError)
    assert "holder-1" in str(obstacle)
    assert "holder-3" in str(obstacle)
    assert client.vault.signals.count() == {SignalState.NEW: 2}
    world.holders[0].down = False
    client.holders.forget_silence()
    assert await client.send() is None
    assert client.vault.signals.count() == {SignalState.ACCEPTED: 2}


async def test_a_broker_that_is_away_gets_the_same_request_later(tmp_path: Path, world: World) -> None:
    """A push that finds no broker waits in the outbox and goes out with the same key and bytes."""
    client = make_client(tmp_path / "p", world)
    client.add(("P-1", ANNA))
    await client.keys.get(client.vault.pending.batch(1)[0].purpose, world.kit.covenant.epoch_at(NOW))
    world.broker.down = True
    assert isinstance(await client.send(), UnavailableError)
    assert client.vault.signals.count() == {SignalState.SENT: 1}
    world.broker.down = False
    assert await client.send() is None
    assert len(world.broker.signals) == 1


async def test_a_push_without_proof_is_asked_for_again(tmp_path: Path, world: World) -> None:
    """An answer without evidence leaves the signal as sent, and the same request brings the evidence later."""
    client = make_client(tmp_path / "p", world)
    client.add(("P-1", ANNA))
    world.broker.late = True
    obstacle = await client.send()
    assert obstacle is not None
    assert obstacle.code is Code.NOT_LOGGED
    assert client.vault.signals.count() == {SignalState.SENT: 1}
    world.broker.late = False
    assert await client.send() is None
    assert len({key for _, key in world.broker.posts}) == 1
    assert len(world.broker.signals) == 1


async def test_a_refusal_names_its_rule(tmp_path: Path, world: World) -> None:
    """A signal that the broker refuses is proven too, and shows the deciding rule."""
    client = make_client(tmp_path / "p", world)
    client.add(("P-1", ANNA))
    world.broker.refuse = Refusal(code="policy_refused", rule="guard.some-rule", detail="No.")
    assert await client.send() is None
    assert client.sending.tally.refusals == {"policy_refused, rule guard.some-rule": 1}
    kept = client.vault.signals.find("P-1")[0]
    assert (kept.state, kept.rule) == (SignalState.REFUSED, "guard.some-rule")


async def test_equal_keys_are_evaluated_once_a_batch(tmp_path: Path, world: World) -> None:
    """A key that many records share costs one evaluation, and still stands on each signal."""
    client = make_client(tmp_path / "p", world)
    client.add(*((f"P-{n}", [("phone", "+31612345678")]) for n in range(30)))
    assert await client.send() is None
    assert world.holders[0].elements == 1
    assert len({signal.signal.keys[0].tag for signal in world.broker.signals.values()}) == 1


async def test_a_withdrawn_signal_takes_back_what_it_released(tmp_path: Path, world: World) -> None:
    """After a withdrawal the other side's hit is marked, and the sealed contact is gone from its vault."""
    police, care = make_client(tmp_path / "p", world), make_client(tmp_path / "c", world, "care-linde")
    police.add(("P-1", ANNA))
    care.add(("C-1", ANNA))
    await police.send()
    await care.send()
    await police.reading.read()
    signal = care.acts.find_signal("C-1")
    await care.acts.withdraw(signal, "mistake", "0" * 32)
    assert care.vault.signals.get(signal.id).state is SignalState.WITHDRAWN
    await police.reading.read()
    (hit,) = police.vault.hits.all()
    assert hit.state == "withdrawn"
    assert hit.notice.counterpart is not None
    assert hit.notice.counterpart.parts == ()
    with pytest.raises(RefusedError):
        await police.acts.open(hit.id, WHY, "0" * 32)


async def test_a_muted_key_is_shown_with_its_signal(tmp_path: Path, world: World) -> None:
    """A verified word about a muted key names a signal of ours that has it."""
    client = make_client(tmp_path / "p", world)
    client.add(("P-1", ANNA))
    await client.send()
    (stored,) = world.broker.signals.values()
    world.broker.mute(PartyId("police-oost"), stored.signal)
    assert len((await client.reading.read()).verified) == 1
    assert client.vault.hits.muted()[0].example == stored.signal.id


async def test_a_changed_record_replaces_its_signal(tmp_path: Path, world: World) -> None:
    """A record that changed becomes a new signal, and the old one is withdrawn once the new one stands."""
    client = make_client(tmp_path / "p", world)
    client.add(("P-1", ANNA))
    await client.send()
    client.add(("P-1", BRAM))
    assert await client.send() is None
    states = [kept.state for kept in client.vault.signals.find("P-1")]
    assert states == [SignalState.ACCEPTED, SignalState.WITHDRAWN]
