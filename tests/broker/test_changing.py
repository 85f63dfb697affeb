# SPDX-License-Identifier: EUPL-1.2
"""Changes of a signal that stands: restricted and lifted, extended, and carried out by who was told."""

import asyncio
import os
from datetime import timedelta

import psycopg
import pytest

from broker.matching import hit_id
from broker.timers import expire
from protocol.changes import Change, ChangeSeen, Extension, Restriction
from protocol.errors import ConflictError, InputError, NotFoundError, RefusedError
from protocol.events import ChangeAcknowledged, NoticeIssued, SignalExtended, SignalRestricted
from protocol.ids import PartyId, SignalId
from protocol.messages import ActAnswer, Justification, utc
from protocol.notices import AcknowledgedNotice, HitNotice, LiftedNotice, RestrictedNotice, WithdrawnNotice
from tests.fakes.broker_world import CARE, MUNICIPALITY, POLICE, PURPOSE, BrokerWorld, broker_world

PHONE = {"phone": "1"}
WHY = Justification(code="still-needed", text="De zorgen duren voort.", case_reference="Z-1")


async def restrict(
    world: BrokerWorld, party: PartyId, signal: SignalId, *, on: bool = True, key: str | None = None
) -> ActAnswer:
    """Restrict a signal, or lift that."""
    return await world.agency(party).client.post(
        f"/v1/signals/{signal}/restriction",
        Restriction(restricted=on, reason="accuracy-contested"),
        ActAnswer,
        idempotency_key=key or os.urandom(12).hex(),
        person="medewerker-17",
    )


async def extend(
    world: BrokerWorld,
    party: PartyId,
    signal: SignalId,
    days: float,
    *,
    key: str | None = None,
    person: str | None = "medewerker-17",
) -> ActAnswer:
    """Let a signal live on, so many days from this hour."""
    hour = world.clock().replace(minute=0, second=0, microsecond=0)
    return await world.agency(party).client.post(
        f"/v1/signals/{signal}/extension",
        Extension(expires_at=utc(hour + timedelta(days=days)), justification=WHY),
        ActAnswer,
        idempotency_key=key or os.urandom(12).hex(),
        person=person,
    )


async def seen(world: BrokerWorld, party: PartyId, seq: int, change: Change = "withdrawn") -> ActAnswer:
    """Say that what a notice tells is carried out."""
    return await world.agency(party).client.post(
        f"/v1/notices/{seq}/acknowledgement", ChangeSeen(change=change), ActAnswer, idempotency_key=os.urandom(12).hex()
    )


async def _met(world: BrokerWorld) -> tuple[SignalId, SignalId]:
    mine, theirs = world.signal(POLICE, PHONE), world.signal(CARE, PHONE)
    await world.agency(POLICE).push(mine)
    await world.agency(CARE).push(theirs)
    await world.agency(POLICE).told(1)
    await world.agency(CARE).told(1)
    return mine.id, theirs.id


async def test_a_restricted_signal_is_neither_shown_nor_matched(database: str) -> None:
    """Its parts are not given out, nobody new finds it, and who was told of it hears so with a proof."""
    async with broker_world(database) as world:
        mine, theirs = await _met(world)
        answer = await restrict(world, CARE, theirs)
        event = world.prove(answer.evidence, answer.checkpoint)
        assert isinstance(event, SignalRestricted)
        assert (event.restricted, event.reason, event.act.person) == ("yes", "accuracy-contested", "medewerker-17")
        page = await world.agency(POLICE).told(2)
        hit, told = page.notices
        assert isinstance(hit, HitNotice)
        assert hit.counterpart is not None
        assert (hit.counterpart.parts, hit.counterpart.wraps) == ((), ())
        assert isinstance(told, RestrictedNotice)
        assert (told.hit_id, told.my_signal, told.reason) == (hit_id(mine, theirs), mine, "accuracy-contested")
        proven = world.prove(told.evidence, page.checkpoint)
        assert isinstance(proven, NoticeIssued)
        assert (proven.notice_type, proven.subject.signal_ids, proven.act.agency) == ("restricted", (mine,), None)
        await world.agency(MUNICIPALITY).push(world.signal(MUNICIPALITY, PHONE))
        # The municipality meets the police, and only them.
        assert len((await world.agency(POLICE).told(3)).notices) == 3
        (only,) = (await world.agency(MUNICIPALITY).told(1)).notices
        assert isinstance(only, HitNotice)
        assert not (await world.agency(POLICE).ask(PHONE)).matches or all(
            one.counterpart is None or one.counterpart.agency != CARE
            for one in (await world.agency(POLICE).ask(PHONE)).matches
        )


async def test_lifting_gives_back_and_finds_what_was_missed(database: str) -> None:
    """The parts are given out again, who was told hears so, and what agreed meanwhile is told now, once."""
    async with broker_world(database) as world:
        _, theirs = await _met(world)
        await restrict(world, CARE, theirs)
        await world.agency(MUNICIPALITY).push(world.signal(MUNICIPALITY, PHONE))
        await world.agency(MUNICIPALITY).told(1)
        await restrict(world, CARE, theirs, on=False)
        told = (await world.agency(POLICE).told(4)).notices
        assert [one.type for one in told] == ["hit", "restricted", "hit", "lifted"]
        assert isinstance(told[3], LiftedNotice)
        assert isinstance(told[0], HitNotice)
        assert told[0].counterpart is not None
        assert told[0].counterpart.parts
        assert [one.type for one in (await world.agency(MUNICIPALITY).told(2)).notices] == ["hit", "hit"]
        # It can be restricted again, and that is told again.
        await restrict(world, CARE, theirs)
        assert (await world.agency(POLICE).told(5)).notices[4].type == "restricted"


async def test_of_two_who_restrict_at_once_one_wins(database: str) -> None:
    """The second is told so, the same request gives the same proof, and what is not restricted is not lifted."""
    async with broker_world(database, brokers=2) as world:
        _, theirs = await _met(world)
        with pytest.raises(ConflictError):
            await restrict(world, CARE, theirs, on=False)
        done = await asyncio.gather(*(restrict(world, CARE, theirs) for _ in range(2)), return_exceptions=True)
        assert sorted(type(one).__name__ for one in done) == ["ActAnswer", "ConflictError"]
        first = await restrict(world, CARE, theirs, on=False, key="lifting-00000001")
        again = await restrict(world, CARE, theirs, on=False, key="lifting-00000001")
        assert first.evidence is not None
        assert again.evidence is not None
        assert first.evidence.index == again.evidence.index


async def test_only_the_owner_changes_a_signal_that_stands(database: str) -> None:
    """Another agency's signal, one that ended, and one that there is not, are answered alike."""
    async with broker_world(database) as world:
        mine, theirs = await _met(world)
        await world.agency(POLICE).withdraw(mine)
        for party, signal in ((POLICE, theirs), (POLICE, mine), (POLICE, SignalId(hit_id(mine, theirs)))):
            with pytest.raises(NotFoundError):
                await restrict(world, party, signal)
            with pytest.raises(NotFoundError):
                await extend(world, party, signal, 60)
        with pytest.raises(InputError):
            await extend(world, CARE, theirs, 60, person=None)


async def test_a_signal_lives_on_as_often_as_the_purpose_allows(database: str) -> None:
    """With a reason and within the retention; the log has how long and how often, and the second time is refused."""
    async with broker_world(database) as world:
        purpose = world.kit.covenant.purposes[PURPOSE]
        _, theirs = await _met(world)
        for days in (purpose.retention_days + 2, 10):
            with pytest.raises(RefusedError) as caught:
                await extend(world, CARE, theirs, days)
            assert caught.value.rule == "guard.kept-too-long"
        answer = await extend(world, CARE, theirs, 100)
        event = world.prove(answer.evidence, answer.checkpoint)
        assert isinstance(event, SignalExtended)
        assert event.count == 1
        assert event.days in (99, 100)
        assert event.subject.words is not None
        assert event.subject.words.text == WHY.text
        assert purpose.max_extensions == 1
        with pytest.raises(RefusedError) as caught:
            await extend(world, CARE, theirs, 200)
        assert caught.value.rule == "covenant.max-extensions"
        # It outlives its first end, and not the new one.
        world.clock.ahead = timedelta(days=31)
        async with world.running(world.clock) as moved:
            assert await expire(moved.broker) == 1
            world.clock.ahead = timedelta(days=101)
            assert await expire(moved.broker) == 1


async def test_who_carried_it_out_is_logged_and_told_to_the_sender(database: str) -> None:
    """A recipient says so once; the sender hears of which hit, by a notice that names nobody."""
    async with broker_world(database) as world:
        mine, theirs = await _met(world)
        await restrict(world, CARE, theirs)
        await restrict(world, CARE, theirs, on=False)
        await world.agency(CARE).withdraw(theirs, "mistake")
        notices = (await world.agency(POLICE).told(4)).notices
        assert isinstance(notices[3], WithdrawnNotice)
        for seq in (1, 3, 9):
            with pytest.raises(NotFoundError):
                await seen(world, POLICE, seq)
        places = []
        for seq, change in ((2, "restricted"), (4, "withdrawn"), (4, "withdrawn")):
            answer = await seen(world, POLICE, seq, change)  # type: ignore[arg-type]  # a word of the test
            event = world.prove(answer.evidence, answer.checkpoint)
            assert isinstance(event, ChangeAcknowledged)
            assert (event.notice_seq, event.change, event.act.agency, event.act.system) == (seq, change, POLICE, POLICE)
            assert event.subject.signal_ids == (mine,)
            assert answer.evidence is not None
            places.append(answer.evidence.index)
        assert places[1] == places[2]
        page = await world.agency(CARE).told(3)
        told = page.notices[1:]
        assert [one.change for one in told if isinstance(one, AcknowledgedNotice)] == ["restricted", "withdrawn"]
        for one in told:
            assert isinstance(one, AcknowledgedNotice)
            proven = world.prove(one.evidence, page.checkpoint)
            assert (proven.act.agency, proven.subject.signal_ids) == (None, (theirs,))


async def test_a_sender_that_was_not_told_of_the_hit_hears_nothing(database: str) -> None:
    """Where only one side knows of a hit, an answer to the other's change would tell that there is one."""
    async with broker_world(database) as world:
        _, theirs = await _met(world)
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute("DELETE FROM notices WHERE agency = %s", (CARE,))
            connection.execute("UPDATE notice_counters SET seq = 0 WHERE agency = %s", (CARE,))
        await world.agency(CARE).withdraw(theirs, "mistake")
        await world.agency(POLICE).told(2)
        await seen(world, POLICE, 2)
        assert (await world.agency(CARE).notices()).notices == ()
