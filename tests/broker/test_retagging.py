# SPDX-License-Identifier: EUPL-1.2
"""The turn of an epoch: live signals get their next keys under the same id; nothing is lost, doubled or told twice."""

from datetime import timedelta

import psycopg
import pytest

from broker.matching import hit_id
from broker.retention import oldest_live_epoch
from broker.timers import expire
from protocol.events import SignalRetagged
from protocol.ids import Epoch, PartyId, SignalId
from protocol.messages import Signal
from protocol.notices import HitNotice
from tests.fakes.broker_world import CARE, MUNICIPALITY, POLICE, BrokerWorld, broker_world

PHONE = {"phone": "1"}


async def _push(world: BrokerWorld, party: PartyId, signal: Signal) -> None:
    answer = await world.agency(party).push(signal)
    assert [one.status for one in answer.results] == ["accepted"], answer.results


def _turn(world: BrokerWorld, days: float = 1) -> None:
    """Move to so many days after the next epoch began."""
    covenant, now = world.kit.covenant, world.clock()
    following = Epoch(covenant.epoch_at(now) + 1)
    world.clock.ahead += covenant.epoch_start(following) - now + timedelta(days=days)


def _again(world: BrokerWorld, party: PartyId, old: Signal, **changes: object) -> Signal:
    made = world.signal(party, PHONE, signal_id=old.id, days=1)
    return made.model_copy(update={"case_token": old.case_token, "expires_at": old.expires_at, **changes})


async def _grace_over(world: BrokerWorld) -> int:
    covenant = world.kit.covenant
    world.clock.ahead += timedelta(days=covenant.grace_days)
    async with world.running(world.clock) as moved:
        ended = await expire(moved.broker)
        await moved.broker.store.retire(oldest_live_epoch(covenant, world.clock()))
        return ended


def _count(database: str, table: str, signal: SignalId) -> int:
    with psycopg.connect(database) as connection:
        row = connection.execute(
            f"SELECT count(*) FROM {table} WHERE signal_id = %s",  # type: ignore[arg-type]  # noqa: S608 - our own names
            (signal,),
        ).fetchone()
    assert row is not None
    return int(row[0])


async def _met(world: BrokerWorld) -> tuple[Signal, Signal]:
    mine, theirs = world.signal(POLICE, PHONE, days=300), world.signal(CARE, PHONE, days=300)
    await _push(world, POLICE, mine)
    await _push(world, CARE, theirs)
    await world.agency(POLICE).told(1)
    await world.agency(CARE).told(1)
    return mine, theirs


async def test_a_live_signal_gets_its_next_keys_under_the_same_id(database: str) -> None:
    """The log calls it retagged, with its new tags; both epochs' keys and parts stand until the grace is over."""
    async with broker_world(database) as world:
        mine, _ = await _met(world)
        _turn(world)
        answer = await world.agency(POLICE).push(again := _again(world, POLICE, mine))
        event = world.prove(answer.results[0].evidence, answer.checkpoint)
        assert isinstance(event, SignalRetagged)
        assert (event.subject.signal_ids, event.asked.epoch) == ((mine.id,), again.epoch)
        assert again.epoch == mine.epoch + 1
        assert (_count(database, "tags", mine.id), _count(database, "parts", mine.id)) == (2, 4)
        # Sent again, it is known.
        answer = await world.agency(POLICE).push(again)
        assert answer.results[0].status == "known"


async def test_hits_do_not_double_and_what_was_told_stays_open(database: str) -> None:
    """When both sides were retagged nobody is told again, and the first notice still has its parts meanwhile."""
    async with broker_world(database) as world:
        mine, theirs = await _met(world)
        _turn(world)
        await _push(world, POLICE, _again(world, POLICE, mine))
        await _push(world, CARE, _again(world, CARE, theirs))
        # Somebody new meets both, in the new epoch: told after whatever would have been told twice.
        await _push(world, MUNICIPALITY, world.signal(MUNICIPALITY, PHONE))
        notices = (await world.agency(POLICE).told(2)).notices
        assert [one.type for one in notices] == ["hit", "hit"]
        first, second = notices
        assert isinstance(first, HitNotice)
        assert isinstance(second, HitNotice)
        assert first.hit_id == hit_id(mine.id, theirs.id)
        assert (first.epoch, second.epoch) == (mine.epoch, mine.epoch + 1)
        assert first.counterpart is not None
        assert first.counterpart.parts
        assert first.counterpart.wraps
        assert first.counterpart.signature == theirs.signature


async def test_one_side_s_next_keys_do_not_part_it_from_the_other(database: str) -> None:
    """Who was retagged still meets, within the grace, who was not: by the old keys, once."""
    async with broker_world(database) as world:
        mine = world.signal(POLICE, PHONE, days=300)
        late = world.signal(CARE, PHONE, days=300)
        await _push(world, POLICE, mine)
        _turn(world)
        await _push(world, POLICE, _again(world, POLICE, mine))
        # Made before the turn, sent after it.
        await _push(world, CARE, late)
        (notice,) = (await world.agency(CARE).told(1)).notices
        assert isinstance(notice, HitNotice)
        assert (notice.epoch, notice.hit_id) == (mine.epoch, hit_id(mine.id, late.id))
        await _push(world, CARE, _again(world, CARE, late))
        assert len((await world.agency(POLICE).told(1)).notices) == 1


async def test_after_the_grace_the_old_keys_are_gone(database: str) -> None:
    """Who was retagged stands with the new keys alone and is found by them; who was not has ended."""
    async with broker_world(database) as world:
        mine, theirs = await _met(world)
        _turn(world)
        await _push(world, POLICE, _again(world, POLICE, mine))
        assert await _grace_over(world) == 1
        assert (_count(database, "tags", mine.id), _count(database, "parts", mine.id)) == (1, 2)
        assert (_count(database, "tags", theirs.id), _count(database, "parts", theirs.id)) == (0, 0)
        await _push(world, MUNICIPALITY, world.signal(MUNICIPALITY, PHONE))
        (notice,) = (await world.agency(MUNICIPALITY).told(1)).notices
        assert isinstance(notice, HitNotice)
        assert notice.epoch == mine.epoch + 1
        # A restart in between does nothing twice.
        assert await _grace_over(world) == 0


async def test_a_hit_that_was_never_fetched_is_given_as_sealed_for_the_new_epoch(database: str) -> None:
    """An agency that was away for the whole grace still gets its hit, with parts and wraps that it can open."""
    async with broker_world(database) as world:
        mine, theirs = await _met(world)
        _turn(world)
        await _push(world, POLICE, _again(world, POLICE, mine))
        await _push(world, CARE, renewed := _again(world, CARE, theirs))
        assert await _grace_over(world) == 0
        (notice,) = (await world.agency(POLICE).notices()).notices
        assert isinstance(notice, HitNotice)
        assert notice.epoch == mine.epoch + 1
        assert notice.counterpart is not None
        assert notice.counterpart.signature == renewed.signature
        assert notice.counterpart.parts
        assert notice.counterpart.wraps


@pytest.mark.parametrize("change", ["case", "expiry", "withdrawn", "epoch", "other"])
async def test_only_the_same_signal_is_retagged(database: str, change: str) -> None:
    """Another case, a later end, an ended signal, an epoch that is not later, another's id: each is a conflict."""
    async with broker_world(database) as world:
        mine, theirs = await _met(world)
        party, old, changes = POLICE, mine, dict[str, object]()
        if change == "epoch":
            again = _again(world, POLICE, mine)
        else:
            _turn(world)
            if change == "case":
                changes = {"case_token": bytes(32)}
            elif change == "expiry":
                changes = {"expires_at": mine.expires_at + timedelta(days=1)}
            elif change == "withdrawn":
                await world.agency(POLICE).withdraw(mine.id)
            else:
                old = theirs
            again = _again(world, party, old, **changes)
        answer = await world.agency(party).push(again)
        refusal = answer.results[0].refusal
        assert refusal is not None
        assert refusal.code == "conflict"
