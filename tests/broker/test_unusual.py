# SPDX-License-Identifier: EUPL-1.2
"""Unusual use at the broker: from counts of events, said once whoever looks, told to a supervisor alone."""

import asyncio
import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from broker.unusual import look
from broker.web import running
from protocol.agreed import Agreed
from protocol.covenant_parts import AgencyKind
from protocol.errors import InputError, RefusedError
from protocol.events import EventsRead, UnusualUse
from protocol.ids import PartyId
from protocol.policy import PersonRole
from protocol.unusual import UnusualAnswer
from tests.fakes.broker_world import CARE, POLICE, PROSECUTION, PURPOSE, BrokerWorld, broker_world
from tests.fakes.data_keys import keys_of, openings_of

SUPERVISOR = PartyId("supervisor-mid")
ALSO: tuple[tuple[str, AgencyKind, str], ...] = ((SUPERVISOR, "supervisor", "Toezichthouder Midden"),)


def few(files: dict[str, bytes]) -> None:
    """Set limits that a test can pass: 4 in an hour, 6 a day with hits below half, and no odd hours to speak of."""
    text = files["covenant.yaml"].decode()
    for name, value in {
        "burstPerHour": "4",
        "subjectsPerDay": "6",
        "hitShareBelow": "50",
        "oddHoursAtLeast": "1000",
        "actsPerPerson": "3",
    }.items():
        text = re.sub(rf"^  {name}: .*$", f"  {name}: {value}", text, flags=re.MULTILINE)
    files["covenant.yaml"] = text.encode()


async def _push(world: BrokerWorld, party: PartyId, count: int, start: int = 0) -> None:
    numbers = range(start, start + count)
    await world.agency(party).push(*(world.signal(party, {"phone": f"+3161000{n:04}"}) for n in numbers))


async def _look(world: BrokerWorld, times: int = 1) -> int:
    agreed = Agreed.of(world.kit.covenant)
    async with running(agreed, world.kit.log_signer, keys_of(world.database), world.database, world.clock) as started:
        return sum(await asyncio.gather(*(look(started.broker) for _ in range(times))))


async def _list(
    world: BrokerWorld, party: PartyId = SUPERVISOR, role: PersonRole = "supervisor", why: str = "lawfulness-check"
) -> UnusualAnswer:
    params: dict[str, str | int] = {"since": "2026-01-01", "logPurpose": why}
    client = world.agency(party).client
    return await client.get("/v1/unusual", UnusualAnswer, params=params, person="toezicht-01", role=role)


def _kinds(database: str) -> Counter[int]:
    return Counter(opening.record["event"] for opening in openings_of(database))


def _said(database: str) -> list[tuple[Any, ...]]:
    found = [opening.record for opening in openings_of(database)]
    names = ("agency", "purpose", "reason", "count", "limit")
    return sorted(tuple(one[name] for name in names) for one in found if one["event"] == 13)


def _to_noon(world: BrokerWorld) -> None:
    """Move the clock to the next noon, so that no test runs over an hour's end."""
    now = world.clock()
    world.clock.ahead += datetime(now.year, now.month, now.day, 12, 10, tzinfo=UTC) + timedelta(days=1) - now


async def test_unusual_use_is_said_once_whoever_looks(database: str) -> None:
    """At the limits nothing is said; above them each reason once, by however many processes, and again the next day."""
    async with broker_world(database, also=ALSO, change=few) as world:
        _to_noon(world)
        await _push(world, POLICE, 4)
        await _push(world, CARE, 1, 500)
        assert await _look(world) == 0
        await _push(world, POLICE, 1, 10)
        assert await _look(world, times=3) == 1
        assert _said(database) == [(POLICE, PURPOSE, "burst", 5, 4)]
        for _ in range(2):
            await world.agency(POLICE).ask({"phone": "+31699999999"})
        assert await _look(world) == 1
        assert _said(database)[1] == (POLICE, PURPOSE, "many-subjects-few-hits", 7, 6)
        assert await _look(world) == 0
        world.clock.ahead += timedelta(days=1)
        await _push(world, POLICE, 5, 20)
        assert await _look(world) == 1


async def test_one_person_who_looks_at_many_is_said_without_the_person(database: str) -> None:
    """Questions of one employee above the limit are one finding, spread over employees they are none; also when one
    citizen is asked about each time, since the record does not tell. The entry names the agency, never who.
    """
    async with broker_world(database, also=ALSO, change=few) as world:
        _to_noon(world)
        for n in range(6):
            world.clock.ahead += timedelta(minutes=25)
            await world.agency(POLICE).ask({"phone": "+31699999999"}, person=f"employee-{n % 2}")
        assert await _look(world) == 0
        await world.agency(POLICE).ask({"phone": "+31699999999"}, person="employee-1")
        await world.agency(PROSECUTION).ask({"phone": "+31699999998"}, person="employee-1")
        await _look(world)
        assert [one for one in _said(database) if one[2] == "one-person-many-subjects"] == [
            (POLICE, PURPOSE, "one-person-many-subjects", 4, 3)
        ]
        records = [opening.record for opening in openings_of(database)]
        assert all("person" not in one for one in records if one["event"] == 13)


async def test_hits_make_many_subjects_ordinary(database: str) -> None:
    """Who finds others for half of its subjects is not called enumerating."""
    async with broker_world(database, also=ALSO, change=few) as world:
        _to_noon(world)
        await _push(world, PROSECUTION, 4)
        world.clock.ahead += timedelta(hours=1)
        await _push(world, POLICE, 4)
        world.clock.ahead += timedelta(hours=1)
        await _push(world, POLICE, 3, 100)
        await world.agency(POLICE).told(4)
        assert await _look(world) == 0


async def test_canaries_are_nobodys_use(database: str) -> None:
    """What a supervisor plants counts neither as its own use nor as its cover's."""
    async with broker_world(database, also=ALSO, change=few) as world:
        _to_noon(world)
        planted = [world.signal(CARE, {"phone": f"+3161000{n:04}"}) for n in range(9)]
        await world.agency(SUPERVISOR).push(*(one.model_copy(update={"cover": CARE}) for one in planted))
        assert await _look(world) == 0


async def test_only_a_supervisor_is_told_and_only_sums(database: str) -> None:
    """A supervisor gets agency, purpose, reason and numbers with proof; who is not one, or gives no reason, nothing."""
    async with broker_world(database, also=ALSO, change=few) as world:
        _to_noon(world)
        await _push(world, POLICE, 5)
        await _look(world)
        answer = await _list(world)
        readings = 1
        while not answer.entries:
            await asyncio.sleep(0.1)
            answer = await _list(world)
            readings += 1
        reading = world.prove(answer.reading, answer.checkpoint)
        assert isinstance(reading, EventsRead)
        assert (reading.act.agency, reading.act.person) == (SUPERVISOR, "toezicht-01")
        assert (reading.scopes, reading.log_purpose, reading.entries) == (("others",), "lawfulness-check", 1)
        assert _kinds(database)[15] == readings
        (entry,) = answer.entries
        assert (entry.agency, entry.reason, entry.count, entry.limit) == (POLICE, "burst", 5, 4)
        event = world.prove(entry.evidence, answer.checkpoint)
        assert isinstance(event, UnusualUse)
        assert (event.act.agency, event.subject.signal_ids, event.subject.tag_digests) == (POLICE, (), ())
        for party, role, why in (
            (POLICE, "privacy-officer", "lawfulness-check"),
            (SUPERVISOR, "coordinator", "lawfulness-check"),
            (SUPERVISOR, "supervisor", "none"),
        ):
            with pytest.raises(RefusedError):
                await _list(world, party, role, why)  # type: ignore[arg-type]  # words of the test
        with pytest.raises(InputError):
            await _list(world, why="curiosity")
        assert _kinds(database)[15] == readings
        assert (await world.agency(POLICE).notices()).notices == ()
