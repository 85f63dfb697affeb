# SPDX-License-Identifier: EUPL-1.2
"""Following up hits at the agency: by deadline, each step proven, one colleague first, and no false lateness."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from agency_client.commands_follow_up import add_follow_up
from agency_client.following import Following
from agency_client.lateness import due_of
from agency_client.vault.follow_ups import FollowUp
from protocol.errors import Code, ConflictError, InputError, NotFoundError, UnavailableError, VerificationError
from protocol.events import Event
from protocol.follow_ups import FollowUpState
from protocol.ids import HitId, PartyId
from tests.fakes.agency import Client, make_client
from tests.fakes.follow_up_desk import FollowUpDesk, tell_doubted, tell_late
from tests.fakes.machine import machine_of
from tests.fakes.small_world import NOW, PURPOSE, World

POLICE, CARE = PartyId("police-oost"), PartyId("care-linde")
WHO = "f" * 32
DONE = "contacted-and-coordinated"


async def with_hits(
    folder: Path, world: World, count: int = 1, kind: type[FollowUpDesk] = FollowUpDesk
) -> tuple[Client, Following, list[FollowUp]]:
    """Return police with so many hits, who follows them up, and how far they are."""
    police = make_client(folder / "p", world, broker=kind(world.broker, POLICE))
    care = make_client(folder / "c", world, CARE)
    for number in range(count):
        police.add((f"P-{number}", [("bsn", str(number))]))
        care.add((f"C-{number}", [("bsn", str(number))]))
    assert await police.send() is None
    assert await care.send() is None
    assert not (await police.reading.read()).failures
    following = Following(police.vault, police.post, world.kit.covenant, lambda: NOW)
    return police, following, police.vault.follow_ups.open()


def due(world: World) -> timedelta:
    """Return how long a hit may wait."""
    return timedelta(hours=world.kit.covenant.purposes[PURPOSE].follow_up_hours)


async def test_a_hit_has_until_its_purpose_s_hours_are_over(tmp_path: Path, world: World) -> None:
    """A verified hit begins its clock at the moment of its notice; urgent ones have the urgent hours."""
    police, _, (found,) = await with_hits(tmp_path, world)
    assert (found.state, found.due_at, found.late) == (FollowUpState.OPEN, NOW + due(world), False)
    assert found.is_overdue(found.due_at)
    assert not found.is_overdue(NOW)
    notice = police.vault.hits.get(found.hit).notice
    hours = world.kit.covenant.purposes[PURPOSE].urgent_follow_up_hours
    urgent = notice.model_copy(update={"urgency": "urgent"})
    assert due_of(urgent, world.kit.covenant) == NOW + timedelta(hours=hours)


async def test_each_step_counts_when_the_log_proves_it(tmp_path: Path, world: World) -> None:
    """Acknowledged, contacted, closed with an outcome; each has its receipt, and what is closed leaves the list."""
    police, following, (found,) = await with_hits(tmp_path, world)
    for act, state in ((following.acknowledge, "acknowledged"), (following.contacted, "contacted")):
        await act(found.hit, WHO)
        now = police.vault.follow_ups.of(found.hit)
        assert now is not None
        assert (now.state, now.pending) == (state, None)
    await following.outcome(found.hit, DONE, WHO)
    closed = police.vault.follow_ups.of(found.hit)
    assert closed is not None
    assert (closed.state, closed.outcome) == (FollowUpState.CLOSED, DONE)
    assert police.vault.follow_ups.open() == []
    kinds = [kind for _, kind, _ in police.vault.evidence.receipts()]
    assert kinds.count("FollowedUp") == 3
    counts = police.vault.follow_ups.counts()
    assert (counts.open, counts.begun, counts.closed) == (0, 0, 1)


async def test_the_list_pages_by_deadline(tmp_path: Path, world: World) -> None:
    """Pages follow each other without gap or repeat, whatever is done in between."""
    police, following, all_of = await with_hits(tmp_path, world, 5)
    shelf = police.vault.follow_ups
    first = shelf.open(2)
    await following.outcome(first[0].hit, DONE, WHO)
    second = shelf.open(2, first[-1])
    third = shelf.open(2, second[-1])
    assert [one.hit for one in (*first, *second, *third)] == [one.hit for one in all_of]


async def test_of_two_colleagues_one_is_first(tmp_path: Path, world: World) -> None:
    """The second who closes a hit is told so, nothing of his is sent, and the first one's outcome stands."""
    police, following, (found,) = await with_hits(tmp_path, world)
    await following.outcome(found.hit, DONE, WHO)
    before = len(world.broker.posts)
    with pytest.raises(ConflictError):
        await following.outcome(found.hit, "no-action-needed", "e" * 32)
    with pytest.raises(ConflictError):
        await following.acknowledge(found.hit, WHO)
    assert len(world.broker.posts) == before
    standing = police.vault.follow_ups.of(found.hit)
    assert standing is not None
    assert standing.outcome == DONE


async def test_a_colleague_elsewhere_was_first(tmp_path: Path, world: World) -> None:
    """When the broker says so, the step is given up, told once, and nothing waits in the outbox."""
    police, following, (found,) = await with_hits(tmp_path, world)
    door: Any = police.post._broker
    door.states[found.hit] = FollowUpState.CLOSED
    with pytest.raises(ConflictError):
        await following.acknowledge(found.hit, WHO)
    now = police.vault.follow_ups.of(found.hit)
    assert now is not None
    assert (now.pending, police.vault.outbox.count_open()) == (None, 0)
    assert await police.send() is None


async def test_a_step_waits_while_the_broker_is_away(tmp_path: Path, world: World) -> None:
    """It shows as being sent, a colleague cannot take it twice, and it is done once the broker is back."""
    police, following, (found,) = await with_hits(tmp_path, world)
    world.broker.down = True
    with pytest.raises(UnavailableError):
        await following.acknowledge(found.hit, WHO)
    waits = police.vault.follow_ups.of(found.hit)
    assert waits is not None
    assert (waits.state, waits.pending) == (FollowUpState.OPEN, "acknowledged")
    with pytest.raises(ConflictError):
        await following.acknowledge(found.hit, "e" * 32)
    world.broker.down = False
    assert await police.send() is None
    done = police.vault.follow_ups.of(found.hit)
    assert done is not None
    assert (done.state, done.pending) == (FollowUpState.ACKNOWLEDGED, None)


async def test_what_does_not_exist_is_not_followed_up(tmp_path: Path, world: World) -> None:
    """An unknown hit or an outcome that the covenant does not have leaves nothing behind."""
    police, following, (found,) = await with_hits(tmp_path, world)
    with pytest.raises(NotFoundError):
        await following.acknowledge(HitId(found.signal), WHO)
    with pytest.raises(InputError):
        await following.outcome(found.hit, "made-up", WHO)
    assert police.vault.outbox.count_open() == 0


class LogsAnotherOutcome(FollowUpDesk):
    """Logs that a hit was closed with another outcome than was sent."""

    def logged(self, event: Event) -> Event:
        """Return the event with another outcome."""
        return replace(event, outcome="no-action-needed")  # type: ignore[call-arg]


class LogsAnotherHit(FollowUpDesk):
    """Logs a step about another signal."""

    def logged(self, event: Event) -> Event:
        """Return the event about a signal that is not ours."""
        other = next(one.signal.id for one in self.broker.signals.values() if one.agency != self.agency)
        return replace(event, subject=replace(event.subject, signal_ids=(other,)))


@pytest.mark.parametrize("kind", [LogsAnotherOutcome, LogsAnotherHit])
async def test_a_step_that_is_not_in_the_log_is_not_done(
    tmp_path: Path, world: World, kind: type[FollowUpDesk]
) -> None:
    """A broker that logs something else than was sent is found out; the hit stays open."""
    police, following, (found,) = await with_hits(tmp_path, world, kind=kind)
    with pytest.raises(VerificationError) as caught:
        await following.outcome(found.hit, DONE, WHO)
    assert caught.value.code is Code.RECEIPT_INVALID
    assert [one.code for one in police.vault.evidence.findings()] == [Code.RECEIPT_INVALID]
    now = police.vault.follow_ups.of(found.hit)
    assert now is not None
    assert now.state is FollowUpState.OPEN


async def test_lateness_that_is_true_is_kept(tmp_path: Path, world: World) -> None:
    """The notice marks the hit late, once, and the list can show those alone."""
    police, following, (found,) = await with_hits(tmp_path, world)
    tell_late(world.broker, POLICE, found.hit, found.due_at)
    assert not (await police.reading.read()).failures
    late = police.vault.follow_ups.open(late=True)
    assert [(one.hit, one.late) for one in late] == [(found.hit, True)]
    assert police.vault.follow_ups.counts().late == 1
    await following.acknowledge(found.hit, WHO)
    assert police.vault.follow_ups.counts().late == 0


async def test_false_lateness_is_refused(tmp_path: Path, world: World) -> None:
    """Too early, by another clock, told twice, or after a step that the log has before it: a finding, nothing shown."""
    police, following, (one, two, three) = await with_hits(tmp_path, world, 3)
    tell_late(world.broker, POLICE, one.hit, one.due_at, one.due_at - timedelta(minutes=1))
    tell_late(world.broker, POLICE, two.hit, two.due_at - timedelta(hours=1))
    await following.acknowledge(three.hit, WHO)
    tell_late(world.broker, POLICE, three.hit, three.due_at)
    news = await police.reading.read()
    assert [error.code for error in news.failures] == [Code.RECEIPT_INVALID] * 3
    assert police.vault.follow_ups.open(late=True) == []
    tell_late(world.broker, POLICE, one.hit, one.due_at)
    tell_late(world.broker, POLICE, one.hit, one.due_at, one.due_at + timedelta(hours=1))
    codes = [error.code for error in (await police.reading.read()).failures]
    assert codes[-1] is Code.NOTICE_REPLAYED
    assert len(police.vault.follow_ups.open(late=True)) == 1


async def test_a_doubt_of_the_other_side_stands_at_the_hit(tmp_path: Path, world: World) -> None:
    """What the other agency closed as another person is shown at the hit; another outcome cannot be told so."""
    police, _, (one, two) = await with_hits(tmp_path, world, 2)
    tell_doubted(world.broker, POLICE, one.hit)
    tell_doubted(world.broker, POLICE, two.hit, "no-action-needed")
    news = await police.reading.read()
    assert [error.code for error in news.failures] == [Code.RECEIPT_INVALID]
    found = {each.hit: each.doubt for each in police.vault.follow_ups.open()}
    assert found == {one.hit: "not-the-same-person", two.hit: None}


def _commands(client: Client, world: World) -> typer.Typer:
    session = SimpleNamespace(vault=client.vault, covenant=world.kit.covenant, clock=lambda: NOW + due(world))
    app = typer.Typer()
    add_follow_up(app, machine_of(session, offline=True))
    return app


async def test_the_command_lists_by_deadline(tmp_path: Path, world: World) -> None:
    """People see record, deadline and how far it is; programs the same as JSON; codes are listed with their meaning."""
    police, following, (one, two) = await with_hits(tmp_path, world, 2)
    await following.acknowledge(one.hit, WHO)
    tell_late(world.broker, POLICE, two.hit, two.due_at)
    await police.reading.read()
    app = _commands(police, world)
    home = ["--home", str(tmp_path)]
    shown = CliRunner().invoke(app, ["follow-up", *home]).output
    assert "acknowledged" in shown
    assert "late since" in shown
    listed = json.loads(CliRunner().invoke(app, ["follow-up", *home, "--json"]).output)["followUp"]
    assert {row["hitId"]: (row["state"], row["late"]) for row in listed} == {
        str(one.hit): ("acknowledged", False),
        str(two.hit): ("open", True),
    }
    late = json.loads(CliRunner().invoke(app, ["follow-up", *home, "--late", "--json"]).output)["followUp"]
    assert [row["hitId"] for row in late] == [str(two.hit)]
    codes = CliRunner().invoke(app, ["outcome", *home, "any"]).output
    assert all(code in codes for code in world.kit.covenant.outcomes)
