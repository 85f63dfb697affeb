# SPDX-License-Identifier: EUPL-1.2
"""The turn of an epoch at the agency: signals get their next keys by themselves, spread, once, and open as before."""

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from agency_client.retagging import SPREAD, Retagging, due
from agency_client.states import SignalState
from agency_client.submit import Sender
from agency_client.vault.hits import HitState
from agency_client.vault.registrations import Candidate
from protocol.errors import Code, UnavailableError, VerificationError
from protocol.ids import Epoch, PartyId, PurposeId, SignalId
from protocol.messages import Justification, Refusal, Signal, SignalResult
from protocol.signing import Verified
from tests.fakes.agency import CONTACT, Client, make_client
from tests.fakes.small_world import ALLOWED, NOW, PURPOSE, AgencyDoor, MemoryBroker, Stored, World

POLICE, CARE = PartyId("police-oost"), PartyId("care-linde")
WHO = "f" * 32
ANNA = [("bsn", "123456782")]
WHY = Justification(code="own-case", text="Zorgen in een lopende zaak.", case_reference="Z-1")


class TurningBroker(MemoryBroker):
    """A broker in memory that takes a signal again for a later epoch."""

    refuses: Refusal | None = None
    logs_as_new = False

    def _take(self, agency: PartyId, signal: Signal, by: Verified) -> tuple[SignalResult, int, Any]:
        known = self.signals.get(signal.id)
        if known is None or signal.epoch <= known.signal.epoch:
            return super()._take(agency, signal, by)
        if self.refuses is not None:
            place, made = self.log.add(self.recorder.refused(signal, by, self.refuses, NOW).event)
            return SignalResult(id=signal.id, status="refused", refusal=self.refuses), place, made
        record = self.recorder.registered if self.logs_as_new else self.recorder.retagged
        place, made = self.log.add(record(signal, by, ALLOWED, NOW).event)
        self.signals[signal.id] = Stored(agency, signal, place, made)
        return SignalResult(id=signal.id, status="accepted"), place, made


def turned(world: World, days: float = 6.0) -> datetime:
    """Return a moment so many days after the next epoch began."""
    covenant = world.kit.covenant
    return covenant.epoch_start(Epoch(covenant.epoch_at(NOW) + 1)) + timedelta(days=days)


def desk(client: Client, world: World, party: PartyId, now: datetime, **more: Any) -> Retagging:
    """Return what re-tags one agency's signals."""
    sender = Sender(world.signer(party), b"c" * 32)
    return Retagging(
        client.vault, client.holders, client.keys, client.post, sender, world.kit.covenant, lambda: now, **more
    )


async def standing(folder: Path, world: World, count: int = 1, party: PartyId = POLICE) -> Client:
    """Return an agency with so many signals that stand."""
    broker = world.broker
    world.broker = TurningBroker(broker.kit, broker.seeds, broker.log) if type(broker) is MemoryBroker else broker
    client = make_client(folder / party, world, party, broker=AgencyDoor(world.broker, party))  # type: ignore[arg-type]
    client.add(*((f"R-{number}", [("bsn", str(number))]) for number in range(count)))
    assert await client.send() is None
    return client


def test_each_signal_has_its_own_moment_in_the_first_half_of_the_grace(world: World) -> None:
    """None before the turn, all by the middle of the grace, and in between the share of the time that is over."""
    covenant = world.kit.covenant
    old = covenant.epoch_at(NOW)
    many = [Candidate(SignalId(uuid4()), PURPOSE, old, number / 100) for number in range(100)]
    assert due(many, covenant, NOW) == []
    half = covenant.grace_days * SPREAD
    counts = [len(due(many, covenant, turned(world, share * half))) for share in (0, 0.25, 0.5, 1, 1.5)]
    assert counts == [1, 26, 51, 100, 100]
    assert due(many, covenant, turned(world, covenant.grace_days + 1)) == []
    found = due(many[::-1], covenant, turned(world))
    assert [one.share for one in found] == sorted(one.share for one in found)


async def test_signals_that_stand_get_the_next_epoch_s_keys(tmp_path: Path, world: World) -> None:
    """Each keeps its id, case and end; the log has it as retagged; a second run has nothing to do."""
    client = await standing(tmp_path, world, 5)
    before = {one: (stored.signal.case_token, stored.signal.expires_at) for one, stored in world.broker.signals.items()}
    now = turned(world, 13)
    assert await desk(client, world, POLICE, now, batch=2).run(now) == 5
    after = {one: (stored.signal.case_token, stored.signal.expires_at) for one, stored in world.broker.signals.items()}
    assert after == before
    epoch = world.kit.covenant.epoch_at(now)
    assert {stored.signal.epoch for stored in world.broker.signals.values()} == {epoch}
    assert {kept.epoch for _, kept in client.vault.signals.page(0, 10)} == {epoch}
    assert client.vault.signals.count()[SignalState.ACCEPTED] == 5
    kinds = [kind for _, kind, _ in client.vault.evidence.receipts()]
    assert (kinds.count("SignalRegistered"), kinds.count("SignalRetagged")) == (5, 5)
    posts = len(world.broker.posts)
    assert await desk(client, world, POLICE, now).run(now) == 0
    assert len(world.broker.posts) == posts
    assert desk(client, world, POLICE, now).left(now) == 0


async def test_a_hit_of_before_the_turn_still_opens(tmp_path: Path, world: World) -> None:
    """What was sealed under the old epoch's keys opens after both sides were re-tagged, and nobody is told again."""
    police = await standing(tmp_path, world, 1)
    care = await standing(tmp_path, world, 1, CARE)
    assert not (await police.reading.read()).failures
    (hit,) = police.vault.hits.all()
    now = turned(world)
    late = turned(world, 13)
    for client, party in ((police, POLICE), (care, CARE)):
        await desk(client, world, party, late).run(late)
    assert (await police.acts.open(hit.id, WHY, WHO)).parts["contact"] == CONTACT
    assert len(world.broker.told[POLICE]) == 1
    # Who reads it only now believes it as well: the signal was registered under both epochs.
    assert not (await care.reading.read()).failures
    assert [kept.state for kept in care.vault.hits.all()] == [HitState.LIVE]
    assert now < late


async def test_a_kill_on_the_way_loses_and_doubles_nothing(tmp_path: Path, world: World) -> None:
    """Written before it leaves: while the broker is away nothing is tagged twice, and the outbox sends it later."""
    client = await standing(tmp_path, world, 3)
    now = turned(world, 13)
    world.broker.down = True
    with pytest.raises(UnavailableError):
        # The published keys are read of the log, which is away too: nothing was begun.
        await desk(client, world, POLICE, now).run(now)
    assert client.vault.outbox.count_open() == 0
    world.broker.down, world.broker.late = False, True
    with pytest.raises(UnavailableError):
        await desk(client, world, POLICE, now).run(now)
    assert client.vault.outbox.count_open() == 1
    assert await desk(client, world, POLICE, now).run(now) == 0
    world.broker.late = False
    assert await client.send() is None
    assert client.sending.tally.accepted == 3
    assert desk(client, world, POLICE, now).left(now) == 0


async def test_a_refusal_leaves_the_signal_as_it_stands(tmp_path: Path, world: World) -> None:
    """It stays accepted under its old epoch, rests a day, and is tried again then."""
    client = await standing(tmp_path, world)
    broker: Any = world.broker
    broker.refuses = Refusal(code="policy_refused", rule="guard.deferral-without-review", detail="Look again first.")
    now = turned(world, 10)
    client.post._clock = lambda: now
    assert await desk(client, world, POLICE, now).run(now) == 0
    (kept,) = [kept for _, kept in client.vault.signals.page(0, 10)]
    assert (kept.state, kept.epoch) == (SignalState.ACCEPTED, world.kit.covenant.epoch_at(NOW))
    broker.refuses = None
    assert await desk(client, world, POLICE, now).run(now) == 0
    rested = now + timedelta(days=1, minutes=1)
    assert await desk(client, world, POLICE, rested).run(rested) == 1


async def test_a_new_registration_does_not_pass_for_a_retagging(tmp_path: Path, world: World) -> None:
    """A broker that logs a second registration, which counts as another signal, is found out."""
    client = await standing(tmp_path, world)
    broker: Any = world.broker
    broker.logs_as_new = True
    now = turned(world, 13)
    with pytest.raises(VerificationError) as caught:
        await desk(client, world, POLICE, now).run(now)
    assert caught.value.code is Code.RECEIPT_INVALID


async def test_what_ends_is_not_retagged(tmp_path: Path, world: World) -> None:
    """Withdrawn, being withdrawn, and expired signals are left alone, and so is a purpose that the covenant lost."""
    client = await standing(tmp_path, world, 2)
    await client.acts.withdraw(client.acts.find_signal("R-0"), "mistake", WHO)
    now = turned(world, 13)
    found = client.vault.registrations.candidates(world.kit.covenant.epoch_at(now), now)
    assert [one.id for one in found] == [client.acts.find_signal("R-1").id]
    later = now + timedelta(days=365)
    assert client.vault.registrations.candidates(world.kit.covenant.epoch_at(later), later) == []
    assert replace(found[0], purpose=PurposeId("gone")).purpose not in world.kit.covenant.purposes
