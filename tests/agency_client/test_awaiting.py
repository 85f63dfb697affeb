# SPDX-License-Identifier: EUPL-1.2
"""Awaited counterparts at the client: what is due, late and done, and which notices of silence are not believed."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
import typer
from rich.console import Console
from typer.testing import CliRunner

from agency_client.awaiting import AwaitedPage, Wait, WaitState, awaited_page, overdue, waits
from agency_client.commands_awaited import add_awaited
from agency_client.reading import News
from agency_client.showing_waits import show_overdue, show_waits, wait_json
from agency_client.signed_versions import SignedVersions
from protocol.agreed import Agreed
from protocol.errors import Code
from protocol.ids import PartyId, PurposeId
from protocol.messages import Signal
from tests.fakes.agency import Client, make_client, signed_nothing
from tests.fakes.machine import machine_of
from tests.fakes.small_world import NOW, World

ADVICE = PurposeId("probation-advice")
PROSECUTION = PartyId("prosecution-oost")
ANNA = [("bsn", "123456782")]
DUE = NOW + timedelta(days=14)
LATER = DUE + timedelta(hours=1)


async def _waiting(folder: Path, world: World, agency: str = PROSECUTION, purpose: PurposeId = ADVICE) -> Client:
    client = make_client(folder / agency, world, agency)
    client.add(("D-17", ANNA), purpose=purpose)
    assert await client.send() is None
    return client


def _signal(world: World, agency: str = PROSECUTION) -> Signal:
    (found,) = [stored.signal for stored in world.broker.signals.values() if stored.agency == agency]
    return found


async def _read(client: Client) -> News:
    return await client.reading.read()


def _waits(client: Client, world: World, later: bool = True) -> list[Wait]:
    return list(waits(client.vault, world.kit.covenant, PROSECUTION, LATER if later else NOW))


def _told(client: Client, world: World) -> list[Wait]:
    return list(overdue(client.vault, world.kit.covenant, PROSECUTION, LATER))


def _text(show: Callable[[Console], None]) -> str:
    out = Console(width=200, force_terminal=False)
    with out.capture() as caught:
        show(out)
    return " ".join(caught.get().split())


async def test_silence_is_shown_with_its_date(tmp_path: Path, world: World) -> None:
    """A verified notice of silence is shown as one sentence, with the day from which the counterpart is late."""
    client = await _waiting(tmp_path, world)
    (wait,) = _waits(client, world, later=False)
    assert (wait.state, wait.due, wait.told_at) == (WaitState.DUE, DUE, None)
    world.broker.overdue(PROSECUTION, _signal(world), DUE, LATER)
    news = await _read(client)
    assert (len(news.verified), news.failures) == (1, [])
    (wait,) = _waits(client, world)
    assert (wait.state, wait.told_at) == (WaitState.LATE, LATER)
    covenant = world.kit.covenant
    assert _text(lambda out: show_overdue(out, client.vault, _told(client, world), covenant)) == (
        "No counterpart yet for D-17: Probation advice was awaited from probation since Sat 05 Dec 2026. "
        "No signal of theirs is known."
    )
    assert "late since Sat 05 Dec 2026" in _text(lambda out: show_waits(out, client.vault, [wait], covenant))
    assert wait_json(wait, client.vault, covenant)["due"] == "2026-12-05T20:00:00.000Z"


async def test_a_late_signal_without_a_notice_says_so(tmp_path: Path, world: World) -> None:
    """A broker that keeps silent about silence is seen by the date."""
    client = await _waiting(tmp_path, world)
    (wait,) = _waits(client, world)
    assert (wait.state, wait.told_at) == (WaitState.LATE, None)
    assert _text(lambda out: show_overdue(out, client.vault, _told(client, world), world.kit.covenant)) == ""
    assert "no notice said so yet" in _text(lambda out: show_waits(out, client.vault, [wait], world.kit.covenant))


async def test_a_counterpart_that_came_is_done(tmp_path: Path, world: World) -> None:
    """After the notice of silence the counterpart's hit makes the signal done, and nothing is shown as late."""
    client = await _waiting(tmp_path, world)
    world.broker.overdue(PROSECUTION, _signal(world), DUE)
    await _read(client)
    await _waiting(tmp_path, world, "probation-oost")
    news = await _read(client)
    assert (len(news.verified), news.failures) == (1, [])
    (wait,) = _waits(client, world)
    assert wait.state is WaitState.DONE
    assert _text(lambda out: show_overdue(out, client.vault, _told(client, world), world.kit.covenant)) == ""


async def test_a_withdrawn_signal_awaits_nobody(tmp_path: Path, world: World) -> None:
    """A signal that was taken back is not listed, whatever was told of it."""
    client = await _waiting(tmp_path, world)
    world.broker.overdue(PROSECUTION, _signal(world), DUE)
    await _read(client)
    assert len(_told(client, world)) == 1
    await client.acts.withdraw(client.acts.find_signal("D-17"), "ended", "person-00000001")
    assert (_waits(client, world), _told(client, world)) == ([], [])


@pytest.mark.parametrize(
    ("due", "at"),
    [
        (DUE - timedelta(days=7), DUE - timedelta(days=7)),
        (DUE, DUE - timedelta(minutes=1)),
        (DUE + timedelta(minutes=1), LATER),
    ],
    ids=["after fewer days", "before the time it names", "since another time"],
)
async def test_an_alarm_at_another_time_is_refused(tmp_path: Path, world: World, due: object, at: object) -> None:
    """A broker that calls a counterpart overdue before its time, or since another time, is not believed."""
    client = await _waiting(tmp_path, world)
    world.broker.overdue(PROSECUTION, _signal(world), due, at)  # type: ignore[arg-type]
    assert [failure.code for failure in (await _read(client)).failures] == [Code.RECEIPT_INVALID]
    assert client.vault.hits.overdue() == []


@pytest.mark.parametrize(
    ("agency", "purpose"), [("probation-oost", ADVICE), (PROSECUTION, PurposeId("offender-prevention"))]
)
async def test_an_alarm_about_what_nobody_awaits_is_refused(
    tmp_path: Path, world: World, agency: str, purpose: PurposeId
) -> None:
    """A signal of another kind of agency, or under another purpose, awaits nobody, whatever the broker logs."""
    client = await _waiting(tmp_path, world, agency, purpose)
    world.broker.overdue(PartyId(agency), _signal(world, agency), DUE, LATER)
    assert [failure.code for failure in (await _read(client)).failures] == [Code.RECEIPT_INVALID]


async def test_silence_is_told_once(tmp_path: Path, world: World) -> None:
    """The same silence under another number, properly logged, is a replay."""
    client = await _waiting(tmp_path, world)
    world.broker.overdue(PROSECUTION, _signal(world), DUE)
    world.broker.overdue(PROSECUTION, _signal(world), DUE, LATER)
    news = await _read(client)
    assert [failure.code for failure in news.failures] == [Code.NOTICE_REPLAYED]
    assert len(client.vault.hits.overdue()) == 1


async def test_an_alarm_about_a_counterpart_that_stands_is_refused(tmp_path: Path, world: World) -> None:
    """Silence about a signal whose counterpart we were told of, and that stands, is not believed."""
    client = await _waiting(tmp_path, world)
    await _waiting(tmp_path, world, "probation-oost")
    world.broker.overdue(PROSECUTION, _signal(world), DUE, LATER)
    news = await _read(client)
    assert [failure.code for failure in news.failures] == [Code.RECEIPT_INVALID]
    assert client.vault.hits.overdue() == []


async def test_an_alarm_under_an_earlier_covenant_is_measured_by_it(tmp_path: Path, world: World) -> None:
    """A notice told under another version holds by that version's days, and not when the board never signed it."""
    client = await _waiting(tmp_path, world)
    covenant = world.kit.covenant
    world.broker.overdue(PROSECUTION, _signal(world), DUE)
    reader = client.reading._reader
    other = replace(covenant, sha256="0" * 64)
    current = Agreed.of(other)
    client.reading._reader = replace(reader, covenant=other, versions=SignedVersions(current, signed_nothing))
    assert [failure.code for failure in (await _read(client)).failures] == [Code.COVENANT_UNTRUSTED]
    known = SignedVersions(current, {covenant.sha256: covenant}.__getitem__)
    client.reading._reader = replace(reader, covenant=other, versions=known)
    assert len((await _read(client)).verified) == 1


async def test_the_command_lists_what_is_awaited(tmp_path: Path, world: World) -> None:
    """`sluis agency awaited` shows a late signal as a table row for people and as JSON for programs."""
    client = await _waiting(tmp_path, world)
    me = SimpleNamespace(id=PROSECUTION)
    session = SimpleNamespace(vault=client.vault, covenant=world.kit.covenant, me=me, clock=lambda: LATER)
    app = typer.Typer()
    app.callback()(lambda: None)
    add_awaited(app, machine_of(session, offline=True))
    shown = CliRunner().invoke(app, ["awaited", "--home", str(tmp_path)])
    assert (shown.exit_code, "late since Sat 05 Dec 2026" in shown.output) == (0, True)
    told = CliRunner().invoke(app, ["awaited", "--home", str(tmp_path), "--json"])
    (listed,) = json.loads(told.output)["awaited"]
    assert (listed["reference"], listed["state"], listed["counterpart"]) == ("D-17", "late", "probation")


async def test_a_screen_pages_through_what_is_awaited(tmp_path: Path, world: World) -> None:
    """Late ones first, done ones last, with how many there are of each; one state alone on request."""
    client = make_client(tmp_path / PROSECUTION, world, PROSECUTION)
    client.add(*((f"D-{number}", [("bsn", str(number))]) for number in range(3)), purpose=ADVICE)
    client.add(("D-9", ANNA))
    assert await client.send() is None
    probation = make_client(tmp_path / "r", world, "probation-oost")
    probation.add(("R-1", [("bsn", "1")]), purpose=ADVICE)
    assert await probation.send() is None
    await _read(client)

    def page(begin: int = 0, state: WaitState | None = None) -> AwaitedPage:
        covenant = world.kit.covenant
        return awaited_page(client.vault, covenant, PROSECUTION, LATER, state=state, limit=2, begin=begin)

    first = page()
    assert [one.state for one in first.waits] == [WaitState.LATE, WaitState.LATE]
    assert (first.counts[WaitState.LATE], first.counts[WaitState.DUE], first.counts[WaitState.DONE]) == (2, 0, 1)
    assert first.next == 2
    last = page(first.next)
    assert ([one.state for one in last.waits], last.next) == ([WaitState.DONE], None)
    assert [one.state for one in page(state=WaitState.DONE).waits] == [WaitState.DONE]
