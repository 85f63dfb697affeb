# SPDX-License-Identifier: EUPL-1.2
"""Canaries on a real database: whoever touches one sees what a real hit shows, and only its planter hears of it."""

import json
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from broker.timers import expire
from broker.web import running
from protocol.agreed import Agreed
from protocol.covenant_parts import AgencyKind
from protocol.errors import NotFoundError
from protocol.events import SignalRegistered
from protocol.ids import PartyId
from protocol.messages import QueryMatch, Signal
from protocol.notices import HitNotice, QueriedNotice, WithdrawnNotice
from tests.fakes.broker_world import (
    CARE,
    MUNICIPALITY,
    POLICE,
    PROSECUTION,
    BrokerWorld,
    broker_world,
)
from tests.fakes.data_keys import keys_of, openings_of

SUPERVISOR = PartyId("supervisor-mid")
ALSO: tuple[tuple[str, AgencyKind, str], ...] = ((SUPERVISOR, "supervisor", "Toezichthouder Midden"),)
REAL, NOBODY = {"phone": "+31612345678"}, {"phone": "+31600000000"}
STRONG_REAL, STRONG_NOBODY = {"name-dob": "real"}, {"name-dob": "nobody"}
OF_THE_MOMENT = {"seq", "at", "hitId", "mySignal", "signalId", "evidence", "wrap", "ciphertext", "signature"}
"""What differs between any two hits, whoever is behind them: numbers, times, random bytes and ids."""


def canary(world: BrokerWorld, cover: PartyId, keys: dict[str, str], **more: Any) -> Signal:
    """Return a canary under a cover's name, signed by the cover's own key."""
    return world.signal(cover, keys, **more).model_copy(update={"cover": cover})


def shape(value: object, name: str = "") -> object:
    """Return a message with what must differ replaced by its length."""
    if isinstance(value, dict):
        return {key: shape(inner, key) for key, inner in value.items() if key != "evidence"}
    if isinstance(value, list):
        return [shape(inner, name) for inner in value]
    return len(str(value)) if name in OF_THE_MOMENT | {"contact", "content"} else value


def shown(message: HitNotice | QueryMatch) -> object:
    """Return a notice or an answer as its reader sees it, without what differs between any two."""
    return shape(json.loads(message.to_json()))


def events(database: str) -> list[dict[str, Any]]:
    """Return the records of the log."""
    return [opening.record for opening in openings_of(database)]


@pytest.mark.parametrize(("real", "nobody"), [(REAL, NOBODY), (STRONG_REAL, STRONG_NOBODY)])
async def test_a_push_that_touches_a_canary_gets_what_a_real_hit_gives(
    database: str, real: dict[str, str], nobody: dict[str, str]
) -> None:
    """Field by field the pusher's two notices are alike, the planter hears who pushed, and the cover hears nothing."""
    async with broker_world(database, also=ALSO) as world:
        await world.agency(PROSECUTION).push(world.signal(PROSECUTION, real))
        planted = canary(world, PROSECUTION, nobody)
        answer = await world.agency(SUPERVISOR).push(planted)
        assert [one.status for one in answer.results] == ["accepted"]
        event = world.prove(answer.results[0].evidence, answer.checkpoint)
        assert isinstance(event, SignalRegistered)
        assert (event.act.agency, event.asked.cover) == (SUPERVISOR, PROSECUTION)
        for keys in (real, nobody):
            await world.agency(CARE).push(world.signal(CARE, keys))
            await world.agency(CARE).told(1 if keys is real else 2)
        page = await world.agency(CARE).told(2)
        first, second = page.notices
        assert isinstance(first, HitNotice)
        assert isinstance(second, HitNotice)
        assert shown(first) == shown(second)
        logged = [world.prove(one.evidence, page.checkpoint) for one in (first, second)]
        assert {type(one) for one in logged} == {type(logged[0])}
        assert logged[0].act.policy_ids == logged[1].act.policy_ids
        (touched,) = (await world.agency(SUPERVISOR).told(1)).notices
        assert isinstance(touched, HitNotice)
        assert (touched.my_signal, touched.level) == (planted.id, "agency")
        assert touched.counterpart is not None
        assert (touched.counterpart.agency, touched.counterpart.parts) == (CARE, ())
        (own,) = (await world.agency(PROSECUTION).told(1)).notices
        assert isinstance(own, HitNotice)
        assert own.hit_id == first.hit_id
    said = [one["event"] for one in events(database)]
    matches = [place for place, event in enumerate(said) if event == 7]
    assert [said[place : place + 3] for place in matches] == [[7, 8, 8], [7, 8, 8]]


async def test_a_question_that_touches_a_canary_gets_what_a_real_one_gives(database: str) -> None:
    """The answers are alike but for the keys asked, the planter hears who asked and the cover of the real one only."""
    async with broker_world(database, also=ALSO) as world:
        await world.agency(PROSECUTION).push(world.signal(PROSECUTION, REAL))
        await world.agency(SUPERVISOR).push(canary(world, PROSECUTION, NOBODY))
        answers = [await world.agency(POLICE).ask(keys) for keys in (REAL, NOBODY)]
        (first,), (second,) = (answer.matches for answer in answers)
        assert shown(first) == shown(second)
        (touched,) = (await world.agency(SUPERVISOR).told(1)).notices
        assert isinstance(touched, QueriedNotice)
        assert (touched.asker, touched.level) == (POLICE, "agency")
        assert len((await world.agency(PROSECUTION).told(1)).notices) == 1
    said = [one["event"] for one in events(database) if one["event"] in {7, 8, 12}]
    assert said == [12, 7, 8, 12, 7, 8]


async def test_who_touches_a_canary_twice_for_one_case_is_told_as_often_as_of_a_real_hit(database: str) -> None:
    """Two signals of one case are told once, of a real counterpart and of a canary."""
    async with broker_world(database, also=ALSO) as world:
        await world.agency(PROSECUTION).push(world.signal(PROSECUTION, REAL))
        await world.agency(SUPERVISOR).push(canary(world, PROSECUTION, NOBODY))
        for case, keys in (("a", REAL), ("a", REAL), ("b", NOBODY), ("b", NOBODY)):
            await world.agency(POLICE).push(world.signal(POLICE, keys, case=case))
        page = await world.agency(POLICE).told(2)
        assert len(page.notices) == 2
        assert len((await world.agency(SUPERVISOR).told(1)).notices) == 1


async def test_withdrawals_reach_the_planter_and_whoever_was_told_but_never_the_cover(database: str) -> None:
    """The cover can end no canary and hears nothing; its planter ends it, and the other side hears that it is gone."""
    async with broker_world(database, also=ALSO) as world:
        planted = canary(world, PROSECUTION, NOBODY), canary(world, PROSECUTION, {"iban": "x"})
        await world.agency(SUPERVISOR).push(*planted)
        mine = world.signal(POLICE, NOBODY), world.signal(POLICE, {"iban": "x"})
        await world.agency(POLICE).push(*mine)
        await world.agency(SUPERVISOR).told(2)
        with pytest.raises(NotFoundError):
            await world.agency(PROSECUTION).withdraw(planted[0].id)
        await world.agency(SUPERVISOR).withdraw(planted[0].id)
        gone = (await world.agency(POLICE).told(3)).notices[2]
        assert isinstance(gone, WithdrawnNotice)
        assert gone.my_signal == mine[0].id
        await world.agency(POLICE).withdraw(mine[1].id)
        ended = (await world.agency(SUPERVISOR).told(3)).notices[2]
        assert isinstance(ended, WithdrawnNotice)
        assert ended.my_signal == planted[1].id
        assert (await world.agency(PROSECUTION).notices()).notices == ()


async def test_expiry_is_logged_for_the_planter(database: str) -> None:
    """A canary past its time ends as its planter's; whoever was told hears that it is gone."""
    async with broker_world(database, also=ALSO) as world:
        await world.agency(SUPERVISOR).push(canary(world, PROSECUTION, NOBODY, days=2))
        await world.agency(POLICE).push(world.signal(POLICE, NOBODY))
        await world.agency(POLICE).told(1)
        world.clock.ahead += timedelta(days=3)
        agreed = Agreed.of(world.kit.covenant)
        async with running(agreed, world.kit.log_signer, keys_of(database), database, world.clock) as started:
            await expire(started.broker)
    (ended,) = [one for one in events(database) if one["event"] == 6]
    assert ended["agency"] == SUPERVISOR


async def test_the_covers_own_push_never_meets_a_canary_and_no_value_is_muted_by_them(database: str) -> None:
    """The cover's own signal makes no hit with it, and canaries of many cases never count as its use of a value."""
    async with broker_world(database, also=ALSO) as world:
        limit = world.kit.covenant.common_key_limit
        await world.agency(SUPERVISOR).push(*(canary(world, PROSECUTION, NOBODY) for _ in range(limit + 1)))
        await world.agency(PROSECUTION).push(world.signal(PROSECUTION, NOBODY))
        await world.agency(POLICE).push(world.signal(POLICE, NOBODY))
        assert len((await world.agency(PROSECUTION).told(1)).notices) == 1
        assert len((await world.agency(SUPERVISOR).told(limit + 1)).notices) == limit + 1
    with psycopg.connect(database) as connection:
        assert connection.execute("SELECT count(*) FROM muted_tags").fetchone() == (0,)


async def test_nobody_but_a_planter_plants_and_only_what_the_cover_signed(database: str) -> None:
    """Refused: an agency that plants, a cover that did not sign, one that does not signal, a supervisor that pushes."""
    async with broker_world(database, also=ALSO) as world:
        refused = {
            "guard.not-a-planter": (POLICE, canary(world, PROSECUTION, NOBODY)),
            "unknown_key": (SUPERVISOR, canary(world, PROSECUTION, NOBODY, signed_by=MUNICIPALITY)),
            "guard.cover-does-not-send": (SUPERVISOR, canary(world, SUPERVISOR, NOBODY)),
            "guard.not-a-sender": (SUPERVISOR, world.signal(SUPERVISOR, NOBODY)),
            "signature_invalid": (
                SUPERVISOR,
                world.signal(PROSECUTION, NOBODY, signed_by=POLICE).model_copy(update={"cover": POLICE}),
            ),
        }
        for why, (party, signal) in refused.items():
            (result,) = (await world.agency(party).push(signal)).results
            assert result.refusal is not None
            assert why in (result.refusal.rule, result.refusal.code)
    with psycopg.connect(database) as connection:
        assert connection.execute("SELECT count(*) FROM signals").fetchone() == (0,)


async def test_a_planter_that_may_plant_no_more_hears_nothing_more(database: str) -> None:
    """A suspended supervisor's canaries stand for whoever touches them, and tell it nothing."""
    async with broker_world(database, also=ALSO) as world:
        await world.agency(SUPERVISOR).push(canary(world, PROSECUTION, NOBODY))
    async with broker_world(database, also=ALSO, change=_suspend) as world:
        await world.agency(POLICE).push(world.signal(POLICE, NOBODY))
        assert len((await world.agency(POLICE).told(1)).notices) == 1
    told = [one["recipient"] for one in events(database) if one["event"] == 8]
    assert told == [POLICE]


def _suspend(files: dict[str, bytes]) -> None:
    text = files["parties.yaml"].decode()
    before, _, after = text.partition(f"id: {SUPERVISOR}\n")
    files["parties.yaml"] = (
        f"{before}id: {SUPERVISOR}\n{after.replace('state: active', 'state: suspended', 1)}".encode()
    )


async def test_a_canary_sent_again_is_known(database: str) -> None:
    """The same push again gives the same evidence, and a signal of the cover with a canary's id is refused."""
    async with broker_world(database, also=ALSO) as world:
        planted = canary(world, PROSECUTION, NOBODY)
        await world.agency(SUPERVISOR).push(planted)
        (again,) = (await world.agency(SUPERVISOR).push(planted)).results
        assert again.status == "known"
        own = world.signal(PROSECUTION, REAL, signal_id=planted.id)
        (refused,) = (await world.agency(PROSECUTION).push(own)).results
        assert refused.status == "refused"
