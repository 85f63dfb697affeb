# SPDX-License-Identifier: EUPL-1.2
"""Following up hits: steps in order, once each; lateness told once; doubts told to the other side only."""

import asyncio
import os
from datetime import timedelta

import psycopg
import pytest

from broker.following_worker import GRACE, tell_late
from broker.matching import hit_id
from protocol.errors import Code, ConflictError, InputError, NotFoundError, SluisError
from protocol.events import FollowedUp, NoticeIssued
from protocol.follow_ups import TABLE, Acknowledgement, FollowUpState, HitOutcome, after
from protocol.ids import HitId, PartyId
from protocol.messages import ActAnswer, Signal
from protocol.notices import DoubtedNotice, HitNotice, LateNotice
from tests.fakes.broker_world import CARE, MUNICIPALITY, POLICE, PURPOSE, BrokerWorld, broker_world, new_signal_id

PHONE = {"phone": "1"}
WEAK = {"name-year": "n", "sound-month-day": "n"}
OTHER_PERSON = "not-the-same-person"
DONE = "contacted-and-coordinated"


async def acknowledge(
    world: BrokerWorld, party: PartyId, hit: HitId, step: str = "acknowledged", *, key: str | None = None
) -> ActAnswer:
    """Say that a hit was seen, or that there was contact."""
    return await world.agency(party).client.post(
        f"/v1/hits/{hit}/acknowledgement",
        Acknowledgement(step=step),  # type: ignore[arg-type]  # a word of the test
        ActAnswer,
        idempotency_key=key or os.urandom(12).hex(),
        person="medewerker-17",
    )


async def close_hit(
    world: BrokerWorld,
    party: PartyId,
    hit: HitId,
    outcome: str = DONE,
    *,
    key: str | None = None,
    person: str | None = "medewerker-17",
) -> ActAnswer:
    """Say what came of a hit."""
    return await world.agency(party).client.post(
        f"/v1/hits/{hit}/outcome",
        HitOutcome(outcome=outcome),
        ActAnswer,
        idempotency_key=key or os.urandom(12).hex(),
        person=person,
    )


async def _hit(world: BrokerWorld, keys: dict[str, str] = PHONE, **more: object) -> tuple[HitId, Signal, Signal]:
    mine, theirs = world.signal(POLICE, keys, **more), world.signal(CARE, keys)  # type: ignore[arg-type]
    await world.agency(POLICE).push(mine)
    await world.agency(CARE).push(theirs)
    await world.agency(POLICE).told(1)
    await world.agency(CARE).told(1)
    return hit_id(mine.id, theirs.id), mine, theirs


async def _look(world: BrokerWorld) -> int:
    async with world.running(world.clock) as started:
        return await tell_late(started.broker)


def _hours(world: BrokerWorld) -> timedelta:
    return timedelta(hours=world.kit.covenant.purposes[PURPOSE].deadline_hours("normal"))


def test_the_table_leads_from_open_to_closed_and_never_back() -> None:
    """Every state but the last leads on, no step is taken twice, and nothing follows what is closed."""
    order = list(FollowUpState)
    assert all(order.index(new) > order.index(old) for (old, _), new in TABLE.items())
    assert {old for old, _ in TABLE} == set(order) - {FollowUpState.CLOSED}
    assert after(FollowUpState.CLOSED, "acknowledged") is None


async def test_each_step_is_logged_with_who_did_it(database: str) -> None:
    """The log proves each step with its person, its hit and the agency's own signal; nobody else is told."""
    async with broker_world(database) as world:
        hit, mine, _ = await _hit(world)
        for step, outcome, answer in (
            ("acknowledged", None, await acknowledge(world, POLICE, hit)),
            ("contacted", None, await acknowledge(world, POLICE, hit, "contacted")),
            ("closed", DONE, await close_hit(world, POLICE, hit)),
        ):
            event = world.prove(answer.evidence, answer.checkpoint)
            assert isinstance(event, FollowedUp)
            assert (event.step, event.outcome, event.act.person) == (step, outcome, "medewerker-17")
            assert (event.subject.hit_id, event.subject.signal_ids) == (hit, (mine.id,))
            assert event.act.purpose == PURPOSE
        assert len((await world.agency(CARE).notices()).notices) == 1


async def test_the_same_request_gives_the_same_proof(database: str) -> None:
    """A retry under the same key changes nothing; the key with another request is refused."""
    async with broker_world(database) as world:
        hit, *_ = await _hit(world)
        first = await close_hit(world, POLICE, hit, key="closing-0000001")
        again = await close_hit(world, POLICE, hit, key="closing-0000001")
        assert (first.evidence and first.evidence.index) == (again.evidence and again.evidence.index)
        with pytest.raises(ConflictError) as caught:
            await close_hit(world, POLICE, hit, "no-action-needed", key="closing-0000001")
        assert caught.value.code is Code.IDEMPOTENCY_CONFLICT


async def test_of_two_who_close_at_once_one_wins(database: str) -> None:
    """Two coordinators, two processes, one hit: one outcome stands, the other is told that a colleague was first."""
    async with broker_world(database, brokers=2) as world:
        hit, *_ = await _hit(world)
        outcomes = (DONE, "no-action-needed")
        done = await asyncio.gather(*(close_hit(world, POLICE, hit, code) for code in outcomes), return_exceptions=True)
        won = [one for one in done if isinstance(one, ActAnswer)]
        lost = [one for one in done if isinstance(one, SluisError)]
        assert len(won) == len(lost) == 1
        assert lost[0].code is Code.CONFLICT
        with pytest.raises(ConflictError):
            await acknowledge(world, POLICE, hit)
        # The other side's follow-up is its own.
        await close_hit(world, CARE, hit, "no-action-needed")


async def test_who_was_not_told_follows_nothing_up(database: str) -> None:
    """Another agency, or a hit that there is not, is answered alike; a step without a person is refused and logged."""
    async with broker_world(database) as world:
        hit, *_ = await _hit(world)
        for party, which in ((MUNICIPALITY, hit), (POLICE, hit_id(new_signal_id(), new_signal_id()))):
            with pytest.raises(NotFoundError):
                await close_hit(world, party, which)
        with pytest.raises(InputError):
            await close_hit(world, POLICE, hit, person=None)
        with pytest.raises(InputError):
            await close_hit(world, POLICE, hit, "made-up")


async def test_lateness_is_told_once_and_in_time(database: str) -> None:
    """Within the purpose's hours nothing is told; after them who did nothing is, once, whoever looks."""
    async with broker_world(database) as world:
        hit, mine, _ = await _hit(world)
        await acknowledge(world, CARE, hit)
        world.clock.ahead = _hours(world) - timedelta(minutes=5)
        assert await _look(world) == 0
        world.clock.ahead = _hours(world) + GRACE + timedelta(minutes=1)
        assert sum(await asyncio.gather(*(_look(world) for _ in range(3)))) == 1
        assert await _look(world) == 0
        page = await world.agency(POLICE).told(2)
        told, late = page.notices
        assert isinstance(told, HitNotice)
        assert isinstance(late, LateNotice)
        assert (late.hit_id, late.my_signal, late.due_since) == (hit, mine.id, told.at + _hours(world))
        event = world.prove(late.evidence, page.checkpoint)
        assert isinstance(event, NoticeIssued)
        assert (event.notice_type, event.act.recipient, event.notice_seq) == ("late", POLICE, 2)
        assert (event.subject.hit_id, event.subject.signal_ids) == (hit, (mine.id,))
        assert len((await world.agency(CARE).notices()).notices) == 1
        # Late is not too late.
        await acknowledge(world, POLICE, hit)


async def test_nobody_is_late_with_what_has_gone(database: str) -> None:
    """A hit whose other side withdrew has nothing left to follow up in time; its outcome can still be entered."""
    async with broker_world(database) as world:
        hit, _, theirs = await _hit(world)
        await world.agency(CARE).withdraw(theirs.id)
        world.clock.ahead = _hours(world) + GRACE + timedelta(minutes=1)
        assert await _look(world) == 0
        await close_hit(world, POLICE, hit, "no-action-needed")


async def test_a_doubt_reaches_the_other_side_without_a_name(database: str) -> None:
    """Who says that it is another person has the other agency told so: which hit, and nothing of who or why."""
    async with broker_world(database) as world:
        hit, _, theirs = await _hit(world)
        await close_hit(world, POLICE, hit, OTHER_PERSON)
        page = await world.agency(CARE).told(2)
        doubted = page.notices[1]
        assert isinstance(doubted, DoubtedNotice)
        assert (doubted.hit_id, doubted.my_signal, doubted.reason) == (hit, theirs.id, OTHER_PERSON)
        event = world.prove(doubted.evidence, page.checkpoint)
        assert (event.act.agency, event.act.recipient, event.subject.signal_ids) == (None, CARE, (theirs.id,))


async def test_of_a_canary_nobody_is_told(database: str) -> None:
    """Whoever closes a hit with a canary does as ever; its cover hears nothing, and nobody is late for it."""
    async with broker_world(database) as world:
        hit, _, theirs = await _hit(world)
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute("UPDATE signals SET told = 'supervisor' WHERE id = %s", (theirs.id,))
        await close_hit(world, POLICE, hit, OTHER_PERSON)
        assert len((await world.agency(CARE).notices()).notices) == 1


async def test_a_closed_pair_of_cases_stays_silent(database: str) -> None:
    """Two cases that know each other are not told of each other again, whatever became of their hit."""
    async with broker_world(database) as world:
        hit, mine, _ = await _hit(world, case="Z-1")
        await close_hit(world, POLICE, hit, OTHER_PERSON)
        await world.agency(CARE).told(2)
        fourth = world.signal(POLICE, {"phone": "1", "bsn": "2"}).model_copy(update={"case_token": mine.case_token})
        await world.agency(POLICE).push(fourth)
        third = world.signal(MUNICIPALITY, PHONE)
        await world.agency(MUNICIPALITY).push(third)
        # The municipality's hits come after the silent one would have.
        told = (await world.agency(POLICE).told(2)).notices
        assert {one.type for one in told} == {"hit"}
        assert len([one for one in told if isinstance(one, HitNotice) and one.hit_id != hit]) >= 1
        assert not any(
            isinstance(one, HitNotice) and one.counterpart is not None and one.counterpart.agency == CARE
            for one in told[1:]
        )
