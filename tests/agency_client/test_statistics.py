# SPDX-License-Identifier: EUPL-1.2
"""Statistics at the client: what is shown, and which answers are not believed."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import typer
from rich.console import Console
from typer.testing import CliRunner

from agency_client import commands_statistics
from agency_client.showing_statistics import show_statistics, statistics_json
from agency_client.signed_versions import SignedVersions
from agency_client.statistics import CheckedStatistics, Statistics, Wish, purpose_for
from protocol.errors import Code, InputError, RefusedError, VerificationError
from protocol.events import Event, StatisticsRead
from protocol.ids import PartyId, PurposeId
from protocol.messages import Evidence, parse
from protocol.policy import PersonRole
from protocol.statistics import MonthRow, StatisticsAnswer, end_of
from tests.fakes.agency import Client, clock, make_client, signed_nothing
from tests.fakes.covenants import make_covenant
from tests.fakes.dishonest_broker import LogsOtherwise
from tests.fakes.machine import machine_of
from tests.fakes.small_world import NOW, AgencyDoor, World, agreed_of, make_world

RAPPORTEUR = PartyId("rapporteur")
ABOUT, UNDER = PurposeId("victim-protection"), PurposeId("monitoring-statistics")
PERSON = "person-00000001"
ROWS = (
    MonthRow(month="2026-09", kind="care", counts={"registered": 31, "hit": 12}),
    MonthRow(month="2026-10", kind="care", counts={}),
    MonthRow(month="2026-10", kind="police", counts={"registered": 1_040}),
)


@pytest.fixture
def world() -> World:
    """Return a world with a rapporteur, whose broker counted two months."""
    made = make_world(make_covenant(now=NOW, also=[(RAPPORTEUR, "rapporteur", "Nationaal Rapporteur")]))
    made.broker.counted = ROWS
    return made


def _wish(**changes: Any) -> Wish:
    return replace(Wish(ABOUT, UNDER, 2026, RAPPORTEUR, PERSON, "coordinator"), **changes)


def _reader(folder: Path, world: World, door: AgencyDoor | None = None) -> tuple[Client, Statistics]:
    client = make_client(folder / "r", world, RAPPORTEUR, broker=door)
    agreed = agreed_of(world.kit.covenant)
    versions = SignedVersions(agreed, signed_nothing)
    chosen = door or world.broker.door(RAPPORTEUR)
    return client, Statistics(client.vault.evidence, chosen, client.trail, versions, agreed.engine, clock)


async def _refused(folder: Path, world: World, door: AgencyDoor) -> Code:
    """Return the code with which what this door gives is refused; there is a finding and no receipt."""
    client, reader = _reader(folder, world, door)
    before = client.vault.evidence.count_receipts()
    with pytest.raises(VerificationError) as caught:
        await reader.read(_wish())
    assert [one.code for one in client.vault.evidence.findings()] == [caught.value.code]
    assert client.vault.evidence.count_receipts() == before
    return caught.value.code


async def test_an_honest_answer_is_shown_in_plain_words(tmp_path: Path, world: World) -> None:
    """What is shown says what it is, what a missing number means, and that the reading is logged."""
    client, reader = _reader(tmp_path, world)
    found = await reader.read(_wish())
    assert isinstance(found, CheckedStatistics)
    assert client.vault.evidence.has_receipt(found.receipt.place)
    out = Console(width=160, force_terminal=False)
    with out.capture() as caught:
        show_statistics(out, found, world.kit.covenant)
    lines = [" ".join(line.split()) for line in caught.get().splitlines()]
    assert "2026-09 Care 31 not shown not shown 12 not shown not shown" in lines
    assert "2026-10 Care fewer than 10 not shown not shown not shown not shown not shown" in lines
    assert "2026-10 Police 1,040 not shown not shown not shown not shown not shown" in lines
    assert any(line.startswith("Not shown: a number below 10") for line in lines)
    rows = statistics_json(found)["rows"]
    assert isinstance(rows, list)
    assert rows[0] == {"month": "2026-09", "kind": "care", "counts": {"registered": 31, "hit": 12}}


async def test_requests_for_more_have_a_table_of_their_own(tmp_path: Path, world: World) -> None:
    """Beside the signals, of the months in which they are shown; else one sentence says that none is."""
    _, reader = _reader(tmp_path, world)
    out, asked = Console(width=160, force_terminal=False), {"asked": 40, "given": 21}
    for more, said in (
        ({}, "Requests for more: of no month are there so many that they are shown."),
        (asked, "2026-09 Care 40 21 not shown not shown"),
    ):
        counts: Any = {"registered": 31, "hit": 12, **more}
        world.broker.counted = (MonthRow(month="2026-09", kind="care", counts=counts), *ROWS[1:])
        found = await reader.read(_wish())
        with out.capture() as caught:
            show_statistics(out, found, world.kit.covenant)
        assert said in [" ".join(line.split()) for line in caught.get().splitlines()]
        assert statistics_json(found)["rows"][0]["counts"] == counts  # type: ignore[index,call-overload]  # JSON


async def test_each_reading_is_another(tmp_path: Path, world: World) -> None:
    """Two readings have two places in the log, and both receipts are kept."""
    client, reader = _reader(tmp_path, world)
    first, second = await reader.read(_wish()), await reader.read(_wish())
    assert first.receipt.place < second.receipt.place
    assert client.vault.evidence.count_receipts() == 2


@pytest.mark.parametrize("role", ["privacy-officer", "supervisor"])
async def test_who_may_not_read_asks_nothing(tmp_path: Path, world: World, role: PersonRole) -> None:
    """In a role that the covenant does not name, nothing leaves and nothing is logged."""
    _, reader = _reader(tmp_path, world)
    with pytest.raises(RefusedError):
        await reader.read(_wish(role=role))
    assert world.broker.log.leaves == []


def test_the_counting_purpose_is_found(world: World) -> None:
    """The rapporteur need not name the purpose under which it counts; the police counts nothing."""
    covenant = world.kit.covenant
    assert purpose_for(ABOUT, RAPPORTEUR, covenant) == UNDER
    with pytest.raises(InputError):
        purpose_for(ABOUT, PartyId("police-oost"), covenant)
    with pytest.raises(InputError):
        purpose_for(UNDER, RAPPORTEUR, covenant)


class Bends(AgencyDoor):
    """Answers honestly, but for one change of the answer."""

    def __init__(self, world: World, bend: Callable[[StatisticsAnswer], StatisticsAnswer]) -> None:
        super().__init__(world.broker, RAPPORTEUR)
        self.bend = bend

    async def statistics(
        self, about: PurposeId, purpose: PurposeId, year: int, *, person: str, role: PersonRole
    ) -> StatisticsAnswer:
        """Bend the answer."""
        return self.bend(await super().statistics(about, purpose, year, person=person, role=role))


def _changed(**changes: Any) -> Callable[[StatisticsAnswer], StatisticsAnswer]:
    return lambda answer: answer.model_copy(update=changes)


MORE = (*ROWS, MonthRow(month="2026-10", kind="probation", counts={"registered": 31}))


@pytest.mark.parametrize(
    "bend",
    [
        _changed(about=PurposeId("offender-prevention")),
        _changed(year=2025),
        _changed(smallest_cell=5),
        _changed(rows=MORE),
    ],
    ids=["another purpose", "another year", "another smallest cell", "a number more than was logged"],
)
async def test_a_bent_answer_is_refused(tmp_path: Path, world: World, bend: Any) -> None:
    """An answer that says something else than what was asked, agreed or logged is not shown."""
    assert await _refused(tmp_path, world, Bends(world, bend)) is Code.RECEIPT_INVALID


@pytest.mark.parametrize(
    "rows",
    [
        (MonthRow(month="2026-11", kind="care", counts={"registered": 31}),),
        (MonthRow(month="2026-10", kind="rapporteur", counts={"registered": 31}),),
        (MonthRow(month="2026-10", kind="probation", counts={"registered": 31}),),
    ],
    ids=["an open month", "a kind that sends nothing", "a kind that it is hidden from"],
)
async def test_what_cannot_be_counted_is_refused(tmp_path: Path, world: World, rows: tuple[MonthRow, ...]) -> None:
    """A month that is not over, or a kind that cannot signal there, is not believed, however well logged."""
    world.broker.counted = rows
    assert await _refused(tmp_path, world, world.broker.door(RAPPORTEUR)) is Code.RECEIPT_INVALID


@pytest.mark.parametrize(
    "bend",
    [
        lambda event: replace(event, cells=event.cells + 1),
        lambda event: replace(event, about=PurposeId("offender-prevention")),
        lambda event: replace(event, act=replace(event.act, person="person-00000002")),
        lambda event: replace(event, act=replace(event.act, agency=PartyId("police-oost"))),
        lambda event: replace(event, act=replace(event.act, purpose=ABOUT)),
        lambda event: replace(event, act=replace(event.act, policy_ids=("another.rule",))),
        lambda event: replace(event, act=replace(event.act, decision=None)),
    ],
    ids=["numbers", "purpose", "person", "agency", "counting purpose", "rule", "decision"],
)
async def test_a_reading_that_is_logged_otherwise_is_refused(
    tmp_path: Path, world: World, bend: Callable[[StatisticsRead], Event]
) -> None:
    """A reading that stands in the log as another's, or as of something else, is not shown."""
    world.broker.recorder = LogsOtherwise(world.broker.recorder, "statistics_read", bend)  # type: ignore[assignment]
    assert await _refused(tmp_path, world, world.broker.door(RAPPORTEUR)) is Code.RECEIPT_INVALID


async def test_an_unsigned_rule_is_refused(tmp_path: Path, world: World) -> None:
    """A reading under a version that the board never signed is evidence against the broker."""

    def bend(event: StatisticsRead) -> Event:
        return replace(event, act=replace(event.act, covenant=replace(event.act.covenant, sha256="0" * 64)))

    world.broker.recorder = LogsOtherwise(world.broker.recorder, "statistics_read", bend)  # type: ignore[assignment]
    assert await _refused(tmp_path, world, world.broker.door(RAPPORTEUR)) is Code.COVENANT_UNTRUSTED


async def test_one_entry_does_not_stand_for_two_readings(tmp_path: Path, world: World) -> None:
    """The proof of an earlier reading, given again for a new one, is refused."""
    kept: list[tuple[Evidence, str]] = []

    def again(answer: StatisticsAnswer) -> StatisticsAnswer:
        kept.append((answer.evidence, answer.checkpoint))
        return answer.model_copy(update={"evidence": kept[0][0], "checkpoint": kept[0][1]})

    client, reader = _reader(tmp_path, world, Bends(world, again))
    await reader.read(_wish())
    with pytest.raises(VerificationError) as caught:
        await reader.read(_wish())
    assert (caught.value.code, client.vault.evidence.count_receipts()) == (Code.RECEIPT_INVALID, 1)


@pytest.mark.parametrize(
    "rows",
    [
        [{"month": "2026-09", "kind": "care", "counts": {"registered": 9}}],
        [{"month": "2026-09", "kind": "care", "counts": {"hit": 12}}],
        [{"month": "2026-09", "kind": "care", "counts": {"registered": 31, "hit": 12, "asked": 19, "given": 20}}],
        [{"month": "2025-09", "kind": "care", "counts": {}}],
        [{"month": "2026-09", "kind": "care", "counts": {}}, {"month": "2026-09", "kind": "care", "counts": {}}],
    ],
    ids=["a small number", "hits without signals", "more answers than requests", "another year", "twice"],
)
def test_an_answer_cannot_have_what_must_not_be_shown(rows: list[dict[str, object]]) -> None:
    """A small number, hits where the signals are hidden, answers to nothing, another year or a repeat is no answer."""
    assert _answer([{"month": "2026-09", "kind": "care", "counts": {"registered": 10}}]).cells == 1
    with pytest.raises(InputError):
        _answer(rows)


def _answer(rows: list[dict[str, object]]) -> StatisticsAnswer:
    salt = "A" * 43
    opening = {"record": {}, "recordSalt": salt, "subject": {}, "subjectSalt": salt}
    whole = {"about": ABOUT, "purpose": UNDER, "year": 2026, "smallestCell": 10, "checkpoint": "note", "rows": rows}
    return parse(
        StatisticsAnswer, json.dumps(whole | {"evidence": {"index": 0, "opening": opening, "proof": []}}).encode()
    )


def test_a_month_ends_where_the_next_begins() -> None:
    """December ends with the year."""
    assert end_of("2026-12") - end_of("2026-11") == timedelta(days=31)
    assert end_of("2026-12").year == 2027


async def test_the_command_asks_as_a_person_in_a_role(
    tmp_path: Path, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`sluis agency statistics` finds the counting purpose, asks under the person's reference and prints what holds."""
    _, reader = _reader(tmp_path, world)

    @asynccontextmanager
    async def online(*_: object) -> AsyncIterator[object]:
        yield SimpleNamespace(statistics=reader)

    monkeypatch.setattr(commands_statistics, "online", online)
    me, covenant = SimpleNamespace(id=RAPPORTEUR), world.kit.covenant
    session = SimpleNamespace(me=me, covenant=covenant, person=lambda name: f"person-{name}")
    app = typer.Typer()
    app.callback()(lambda: None)
    commands_statistics.add_statistics(app, machine_of(session))
    asked = ["statistics", "--home", str(tmp_path), "--about", ABOUT, "--year", "2026"]
    # The command runs a loop of its own, so it stands beside this one.
    found = await asyncio.to_thread(CliRunner().invoke, app, [*asked, "--json"])
    assert found.exit_code == 0, found.output
    assert json.loads(found.output)["rows"][0]["counts"] == {"registered": 31, "hit": 12}
    refused = await asyncio.to_thread(CliRunner().invoke, app, [*asked, "--role", "privacy-officer"])
    assert refused.exit_code == 77
    wrong = await asyncio.to_thread(CliRunner().invoke, app, [*asked, "--role", "system"])
    assert wrong.exit_code == 65
