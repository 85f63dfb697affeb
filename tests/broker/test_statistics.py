# SPDX-License-Identifier: EUPL-1.2
"""Statistics at the broker: closed months only, no small numbers, logged before they are given, counted once."""

import asyncio
import os
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from agency_client.deciding import Answer
from broker.declaring import declarers
from broker.postgres.store import PostgresStore
from broker.statistics import closed_before, counted_kinds
from broker.suppression import MonthCount
from broker.web import running
from edge.transport import SignedClient
from protocol.agreed import Agreed
from protocol.covenant_parts import AgencyKind
from protocol.errors import Code, ConflictError, InputError, RefusedError
from protocol.events import ProbesDeclared, StatisticsRead
from protocol.ids import PartyId, PurposeId
from protocol.messages import ActAnswer
from protocol.policy import PersonRole
from protocol.statistics import COUNTED, MEASURES, REQUESTS, Counted, ProbeCounts, StatisticsAnswer
from tests.broker.test_disclosing import WANTED, WHY
from tests.fakes.broker_world import CARE, POLICE, PROSECUTION, PURPOSE, BrokerWorld, broker_world
from tests.fakes.data_keys import keys_of
from tests.fakes.disclosing_agencies import meeting

RAPPORTEUR = PartyId("rapporteur")
ALSO: tuple[tuple[str, AgencyKind, str], ...] = ((RAPPORTEUR, "rapporteur", "Nationaal Rapporteur"),)
PERSON = "onderzoeker-17"
STATISTICS = PurposeId("monitoring-statistics")


async def _ask(
    world: BrokerWorld,
    party: PartyId = RAPPORTEUR,
    *,
    about: str = PURPOSE,
    year: int | None = None,
    person: str | None = PERSON,
    role: PersonRole | None = "coordinator",
) -> StatisticsAnswer:
    client: SignedClient = world.agency(party).client
    params = {"about": about, "purpose": STATISTICS, "year": year or world.clock().year}
    return await client.get("/v1/statistics", StatisticsAnswer, params=params, person=person, role=role)


def _to_next_month(world: BrokerWorld, now: datetime) -> str:
    """Move the clock to the sixth day of the next month; return the month that then is closed, whoever declared."""
    start = datetime(now.year + now.month // 12, now.month % 12 + 1, 6, 12, tzinfo=UTC)
    world.clock.ahead += start - now
    return f"{now:%Y-%m}"


async def _happen(world: BrokerWorld) -> None:
    """20 signals of police, of which 11 are withdrawn; 11 of prosecution that hit as many; 3 of care."""
    keys = [{"phone": f"+316000000{number:02}"} for number in range(20)]
    mine = [world.signal(POLICE, one) for one in keys]
    await world.agency(POLICE).push(*mine)
    await world.agency(PROSECUTION).push(*(world.signal(PROSECUTION, one) for one in keys[:11]))
    await world.agency(CARE).push(*(world.signal(CARE, {"phone": f"+316100000{number:02}"}) for number in range(3)))
    await world.agency(PROSECUTION).told(11)
    for signal in mine[:11]:
        await world.agency(POLICE).withdraw(signal.id)


def _counts(answer: StatisticsAnswer, month: str) -> dict[str, dict[Counted, int]]:
    return {row.kind: dict(row.counts) for row in answer.rows if row.month == month}


EXPECTED: dict[str, dict[Counted, int]] = {
    "care": {},
    "municipality": {},
    "police": {"registered": 20, "withdrawn": 11},
    "probation": {},
    "public-prosecution": {"registered": 11, "hit": 11},
}


async def test_a_closed_month_is_counted_and_the_reading_is_logged(database: str) -> None:
    """A closed month is shown, by kind, without small numbers, the same each time, with proof of the reading."""
    async with broker_world(database, also=ALSO) as world:
        await _happen(world)
        now = world.clock()
        open_month = f"{now:%Y-%m}"
        assert open_month not in {row.month for row in (await _ask(world)).rows}
        year, month = now.year, _to_next_month(world, now)
        answer = await _ask(world, year=year)
        assert {kind: counts for kind, counts in _counts(answer, month).items() if kind in EXPECTED} == EXPECTED
        assert answer.smallest_cell == 10
        event = world.prove(answer.evidence, answer.checkpoint)
        assert isinstance(event, StatisticsRead)
        assert (event.about, event.cells) == (PURPOSE, answer.cells) == (PURPOSE, 4)
        assert (event.act.agency, event.act.person, event.act.purpose) == (RAPPORTEUR, PERSON, STATISTICS)
        assert event.act.decision == "allow"
        # What happens later, and what is erased, changes nothing of it.
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute("UPDATE events SET subject = NULL")
        again = await _ask(world, year=year)
        assert again.rows == answer.rows
        assert again.evidence.index > answer.evidence.index


@pytest.mark.parametrize(
    ("party", "person", "role", "rule"),
    [
        (POLICE, PERSON, "coordinator", "guard.not-a-counter"),
        (RAPPORTEUR, PERSON, "privacy-officer", "default-deny"),
        (RAPPORTEUR, None, None, "default-deny"),
    ],
)
async def test_others_are_refused(
    database: str, party: PartyId, person: str | None, role: PersonRole | None, rule: str
) -> None:
    """Who does not count, or asks in a role that the covenant does not name, is refused by rule."""
    async with broker_world(database, also=ALSO) as world:
        with pytest.raises(RefusedError) as caught:
            await _ask(world, party, person=person, role=role)
        assert (caught.value.code, caught.value.rule) == (Code.POLICY_REFUSED, rule)


@pytest.mark.parametrize(("person", "role"), [(PERSON, None), (PERSON, "system"), (None, "coordinator")])
async def test_a_role_is_a_person_s(database: str, person: str | None, role: PersonRole | None) -> None:
    """A person without a role, or a role without a person, is malformed, and the refusal is logged."""
    async with broker_world(database, also=ALSO) as world:
        with pytest.raises(InputError):
            await _ask(world, person=person, role=role)
        with psycopg.connect(database) as connection:
            (count,) = connection.execute("SELECT count(*) FROM events WHERE kind = 11").fetchone()  # type: ignore[misc]
        assert count == 1


def _hide(files: dict[str, bytes]) -> None:
    path = "purposes/victim-protection.yaml"
    files[path] = files[path].replace(b"hiddenFrom: [", b"hiddenFrom: [rapporteur, ")


async def test_a_hidden_purpose_is_refused_before_anything_is_looked_up(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a purpose that is closed to the asker nothing is counted and nothing read."""
    looked: list[str] = []

    async def look(_: PostgresStore, purpose: PurposeId, before: date) -> list[MonthCount]:
        looked.append(purpose)
        return []

    monkeypatch.setattr(PostgresStore, "counted_months", look)
    async with broker_world(database, also=ALSO, change=_hide) as world:
        with pytest.raises(RefusedError) as caught:
            await _ask(world, about="victim-protection")
        assert (caught.value.rule, looked) == ("guard.about-hidden", [])
        await _ask(world)
        assert looked == [PURPOSE]


async def test_canaries_are_not_counted(database: str) -> None:
    """A signal of which another than its agency is told counts nowhere: not itself, nor a hit with it."""
    async with broker_world(database, also=ALSO) as world:
        keys = [{"phone": f"+316000000{number:02}"} for number in range(12)]
        await world.agency(POLICE).push(*(world.signal(POLICE, one) for one in keys))
        await world.agency(PROSECUTION).push(*(world.signal(PROSECUTION, one) for one in keys))
        await world.agency(PROSECUTION).told(12)
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute("UPDATE signals SET told = 'supervisor' WHERE agency = 'police-oost'")
            connection.execute("UPDATE events SET canary = true WHERE agency = 'police-oost' AND kind = 3")
        year, month = world.clock().year, _to_next_month(world, world.clock())
        counts = _counts(await _ask(world, year=year), month)
        assert (counts["police"], counts["public-prosecution"]) == ({}, {"registered": 12})


async def test_many_processes_count_a_month_once(database: str) -> None:
    """Three processes that count at once count each event once; expiries and hits count at their kinds."""
    async with broker_world(database) as world:
        keys = [{"phone": f"+316000000{number:02}"} for number in range(4)]
        await world.agency(POLICE).push(*(world.signal(POLICE, one) for one in keys))
        await world.agency(CARE).push(*(world.signal(CARE, one) for one in keys[:3]))
        await world.agency(CARE).told(3)
        _to_next_month(world, world.clock())
        covenant = world.kit.covenant

        async def count() -> list[MonthCount]:
            async with running(
                Agreed.of(covenant), world.kit.log_signer, keys_of(database), database, world.clock
            ) as started:
                before = closed_before(world.clock())
                said = declarers(covenant, world.clock())
                await started.store.count_months(counted_kinds(covenant), before, said)
                return list(await started.store.counted_months(PURPOSE, before))

        first, second, third = await asyncio.gather(count(), count(), count())
        assert first == second == third
        found = {row.kind: {m: n for m, n in row.counts.items() if n} for row in first if any(row.counts.values())}
        assert found == {"police": {"registered": 4}, "care": {"registered": 3, "hit": 3}}
        assert all(set(row.counts) == set(COUNTED) for row in first)


async def test_requests_for_more_count_at_who_asked_and_end_once(database: str, tmp_path: Path) -> None:
    """Given, refused, or not decided in time; one that is taken back, or read, is nothing more."""
    async with meeting(database, tmp_path) as met:
        anna, bas, desk = met.asker.person("Anna"), met.owner.person("Bas"), met.asker.requesting
        made = [await desk.ask(met.hit, WANTED, WHY, anna) for _ in range(5)]
        await met.owner.read(0.0)
        await met.owner.deciding.grant(made[0], Answer("Ja."), bas)
        await met.owner.deciding.refuse(made[1], "not-necessary", "", bas)
        await desk.cancel(made[2], anna)
        await met.asker.read(0.0)
        await desk.take(made[0], anna)
        met.world.clock.ahead += timedelta(hours=73)
        assert await met.end_due() == 2
        _to_next_month(met.world, met.world.clock())
        async with met.world.running(met.world.clock) as started:
            covenant, before = met.world.kit.covenant, closed_before(met.world.clock())
            await started.store.count_months(counted_kinds(covenant), before, declarers(covenant, met.world.clock()))
            rows = await started.store.counted_months(PURPOSE, before)
        # Over both months, should this run near the end of one.
        found = Counter((row.kind, what) for row in rows for what in REQUESTS for _ in range(row.counts[what]))
        expected = {"asked": 5, "given": 1, "declined": 1, "undecided": 2}
        assert found == {("police", what): number for what, number in expected.items()}


def _said(month: str, purpose: PurposeId = PURPOSE, **counts: int) -> ProbeCounts:
    """Return numbers of probes; those that are not given are none."""
    return ProbeCounts(purpose=purpose, month=month, counts={measure: counts.get(measure, 0) for measure in MEASURES})


async def declare(world: BrokerWorld, party: PartyId, said: ProbeCounts) -> ActAnswer:
    """Declare an agency's probes."""
    return await world.agency(party).client.post(
        "/v1/probe-counts", said, ActAnswer, idempotency_key=os.urandom(9).hex()
    )


async def test_declared_probes_are_taken_off_and_who_said_nothing_is_named(database: str) -> None:
    """The numbers are smaller by what was declared, never below zero; that it was said stands in the log, once."""
    async with broker_world(database, also=ALSO) as world:
        await _happen(world)
        year, month = world.clock().year, _to_next_month(world, world.clock())
        first = await declare(world, POLICE, _said(month, registered=6, withdrawn=1))
        event = world.prove(first.evidence, first.checkpoint)
        assert isinstance(event, ProbesDeclared)
        assert (event.act.agency, event.act.purpose, event.month) == (POLICE, PURPOSE, month)
        assert (event.registered, event.withdrawn, event.expired, event.hit) == (6, 1, 0, 0)
        again = await declare(world, POLICE, _said(month, registered=6, withdrawn=1))
        assert again.evidence is not None
        assert first.evidence is not None
        assert again.evidence.index == first.evidence.index
        await declare(world, CARE, _said(month, registered=40))
        answer = await _ask(world, year=year)
        counts = _counts(answer, month)
        assert (counts["police"]["registered"], counts["care"]) == (14, {})
        assert counts["public-prosecution"]["registered"] == 11
        assert answer.undeclared == {month: (PROSECUTION,)}


async def test_a_month_waits_for_declarations_for_some_days_only(database: str) -> None:
    """It is counted at once when all who signalled have declared, and after five days whoever did not."""
    async with broker_world(database, also=ALSO) as world:
        await world.agency(POLICE).push(*(world.signal(POLICE, {"phone": f"+3160000{one:04}"}) for one in range(12)))
        now = world.clock()
        year, month = now.year, _to_next_month(world, now)
        world.clock.ahead -= timedelta(days=3)
        assert month not in {row.month for row in (await _ask(world, year=year)).rows}
        await declare(world, CARE, _said(month))
        assert month not in {row.month for row in (await _ask(world, year=year)).rows}
        await declare(world, POLICE, _said(month))
        answer = await _ask(world, year=year)
        assert _counts(answer, month)["police"] == {"registered": 12}
        assert answer.undeclared == {}
        with pytest.raises(ConflictError):
            await declare(world, POLICE, _said(month, registered=1))


async def test_only_a_sender_declares_and_only_of_a_month_that_is_over_and_not_counted(database: str) -> None:
    """Refused: who does not signal for the purpose, a month that lasts, other numbers, and a month that was counted."""
    async with broker_world(database, also=ALSO) as world:
        await _happen(world)
        now = world.clock()
        with pytest.raises(InputError):
            await declare(world, POLICE, _said(f"{now:%Y-%m}"))
        month = _to_next_month(world, now)
        with pytest.raises(RefusedError) as caught:
            await declare(world, RAPPORTEUR, _said(month))
        assert caught.value.rule == "guard.not-a-sender"
        await declare(world, POLICE, _said(month, registered=1))
        with pytest.raises(ConflictError):
            await declare(world, POLICE, _said(month, registered=2))
        await _ask(world)
        with pytest.raises(ConflictError):
            await declare(world, CARE, _said(month))


def test_a_month_is_closed_a_day_after_its_end() -> None:
    """On the first of a month the one before is still open; on the second it is closed."""
    assert closed_before(datetime(2026, 12, 1, 23, tzinfo=UTC)).isoformat() == "2026-11-01"
    assert closed_before(datetime(2026, 12, 2, tzinfo=UTC)).isoformat() == "2026-12-01"
    assert closed_before(datetime(2026, 12, 2, tzinfo=UTC) + timedelta(days=400)).isoformat() == "2028-01-01"
