# SPDX-License-Identifier: EUPL-1.2
"""Awaited counterparts: silence is told, once, in time, to the side that waits and to nobody else."""

import asyncio
from datetime import timedelta

import psycopg
import pytest

from broker.awaiting import awaits, expectations
from broker.awaiting_worker import GRACE, tell_overdue
from broker.timers import expire
from protocol.events import NoticeIssued
from protocol.ids import PurposeId
from protocol.messages import Signal
from protocol.notices import HitNotice, NoticePage, OverdueNotice
from tests.fakes.broker_world import PROBATION, PROSECUTION, BrokerWorld, broker_world
from tests.fakes.covenants import make_covenant
from tests.fakes.small_world import NOW

ADVICE = PurposeId("probation-advice")
BSN = {"bsn": "1"}
WAIT = timedelta(days=14)


def _signal(world: BrokerWorld, party: str, keys: dict[str, str], **more: object) -> Signal:
    signal = world.signal(party, keys, purpose=ADVICE, **more)  # type: ignore[arg-type]
    return signal.model_copy(update={"grounds": ("summoned-suspect",), "basis": "legal-duty"})


async def _summon(world: BrokerWorld, keys: dict[str, str] = BSN, **more: object) -> Signal:
    signal = _signal(world, PROSECUTION, keys, **more)
    answer = await world.agency(PROSECUTION).push(signal)
    assert [one.status for one in answer.results] == ["accepted"]
    return signal


async def _advise(world: BrokerWorld, keys: dict[str, str] = BSN) -> Signal:
    signal = _signal(world, PROBATION, keys)
    answer = await world.agency(PROBATION).push(signal)
    assert [one.status for one in answer.results] == ["accepted"]
    return signal


async def _look(world: BrokerWorld) -> int:
    """Look for what is overdue as one more process of the broker would."""
    async with world.running(world.clock) as started:
        return await tell_overdue(started.broker)


async def _told(world: BrokerWorld, party: str, count: int) -> NoticePage:
    return await world.agency(party).told(count)  # type: ignore[arg-type]


def test_only_the_sender_s_kind_waits() -> None:
    """Under the purpose prosecution waits for probation; the other way round, and elsewhere, nobody waits."""
    covenant = make_covenant(now=NOW).covenant
    assert awaits(covenant, PROSECUTION, ADVICE)
    assert not awaits(covenant, PROBATION, ADVICE)
    assert not awaits(covenant, PROSECUTION, PurposeId("offender-prevention"))
    (expected,) = expectations(covenant)
    assert (expected.senders, expected.counterparts, expected.wait) == ((PROSECUTION,), (PROBATION,), WAIT)


async def test_silence_is_told_once_and_in_time(database: str) -> None:
    """Nothing is told within the days; after them the sender is told, once, with a proof that names its signal only."""
    async with broker_world(database) as world:
        signal = await _summon(world)
        world.clock.ahead = WAIT - timedelta(minutes=1)
        assert await _look(world) == 0
        world.clock.ahead = WAIT + GRACE + timedelta(minutes=1)
        assert await _look(world) == 1
        assert await _look(world) == 0
        page = await _told(world, PROSECUTION, 1)
        (notice,) = page.notices
        assert isinstance(notice, OverdueNotice)
        assert (notice.my_signal, notice.purpose, notice.epoch) == (signal.id, ADVICE, signal.epoch)
        assert timedelta() < notice.at - notice.due_since < GRACE + timedelta(minutes=2)
        event = world.prove(notice.evidence, page.checkpoint)
        assert isinstance(event, NoticeIssued)
        assert (event.notice_type, event.act.recipient, event.act.purpose) == ("overdue", PROSECUTION, ADVICE)
        assert (event.subject.signal_ids, event.subject.hit_id) == ((signal.id,), None)
        assert (await world.agency(PROBATION).notices()).notices == ()


async def test_many_processes_tell_each_signal_once(database: str) -> None:
    """Four processes that look at the same moment tell each of many signals once, under numbers without gaps."""
    async with broker_world(database) as world:
        signals = [_signal(world, PROSECUTION, {"bsn": str(number)}) for number in range(40)]
        await world.agency(PROSECUTION).push(*signals)
        world.clock.ahead = WAIT + GRACE + timedelta(minutes=1)
        found = await asyncio.gather(*(_look(world) for _ in range(4)))
        await _look(world)
        page = await _told(world, PROSECUTION, 40)
        assert sum(found) <= 40
        assert [one.seq for one in page.notices] == list(range(1, 41))
        assert {one.my_signal for one in page.notices if isinstance(one, OverdueNotice)} == {one.id for one in signals}


async def test_a_counterpart_in_time_is_no_silence(database: str) -> None:
    """Who has its counterpart is not told that it lacks one, also when that one goes after the time was over."""
    async with broker_world(database) as world:
        await _summon(world)
        advice = await _advise(world)
        await _told(world, PROSECUTION, 1)
        world.clock.ahead = WAIT + GRACE + timedelta(minutes=1)
        assert await _look(world) == 0
        await world.agency(PROBATION).withdraw(advice.id)
        assert await _look(world) == 0


async def test_a_counterpart_that_went_before_the_time_is_none(database: str) -> None:
    """A counterpart that was withdrawn within the days leaves the sender waiting."""
    async with broker_world(database) as world:
        await _summon(world)
        advice = await _advise(world)
        await _told(world, PROSECUTION, 1)
        await world.agency(PROBATION).withdraw(advice.id)
        world.clock.ahead = WAIT + GRACE + timedelta(minutes=1)
        assert await _look(world) == 1


async def test_a_possible_hit_is_no_counterpart(database: str) -> None:
    """Two weak keys that agree may be about another person, so the sender goes on waiting."""
    async with broker_world(database) as world:
        weak = {"name-year": "n", "sound-month-day": "n"}
        await _summon(world, weak)
        await _advise(world, weak)
        (hit,) = (await _told(world, PROSECUTION, 1)).notices
        assert isinstance(hit, HitNotice)
        assert hit.quality == "possible"
        world.clock.ahead = WAIT + GRACE + timedelta(minutes=1)
        assert await _look(world) == 1


async def test_a_canary_is_no_counterpart(database: str) -> None:
    """A signal that a supervisor planted under the counterpart's name ends no wait."""
    async with broker_world(database) as world:
        await _summon(world)
        advice = await _advise(world)
        await _told(world, PROSECUTION, 1)
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute("UPDATE signals SET told = 'supervisor' WHERE id = %s", (advice.id,))
        world.clock.ahead = WAIT + GRACE + timedelta(minutes=1)
        assert await _look(world) == 1


async def test_a_late_counterpart_is_an_ordinary_hit(database: str) -> None:
    """After the notice of silence the counterpart's hit comes as any other."""
    async with broker_world(database) as world:
        await _summon(world, days=60)
        world.clock.ahead = WAIT + GRACE + timedelta(minutes=1)
        assert await _look(world) == 1
        await _advise(world)
        page = await _told(world, PROSECUTION, 2)
        assert [one.type for one in page.notices] == ["overdue", "hit"]


@pytest.mark.parametrize("end", ["withdrawn", "expired"])
async def test_a_signal_that_ended_is_not_told(database: str, end: str) -> None:
    """A signal that was taken back, or that ended before its time to wait was over, raises no alarm."""
    async with broker_world(database) as world:
        signal = await _summon(world, days=10 if end == "expired" else 60)
        if end == "withdrawn":
            await world.agency(PROSECUTION).withdraw(signal.id)
        world.clock.ahead = WAIT + GRACE + timedelta(minutes=1)
        assert await _look(world) == 0
        async with world.running(world.clock) as started:
            await expire(started.broker)
        assert await _look(world) == 0
        assert (await world.agency(PROSECUTION).notices()).notices == ()
