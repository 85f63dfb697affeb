# SPDX-License-Identifier: EUPL-1.2
"""What a notice says must be what the log says and what opens; what does not come is waited for, and then missed."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from agency_client.reading import DELIVERY_GRACE
from agency_client.showing import show_hit
from agency_client.trail import FROZEN_AFTER
from agency_client.vault.hits import HitState
from protocol.errors import Code, RefusedError
from protocol.events import Subject
from protocol.ids import PartyId, PurposeId
from protocol.messages import Justification
from protocol.notices import HitNotice, WithdrawnNotice
from tests.fakes import dishonest_broker as lies
from tests.fakes.agency import CONTACT, Client, make_client
from tests.fakes.small_world import NOW, AgencyDoor, World

POLICE = PartyId("police-oost")
ANNA = [("bsn", "123456782"), ("address", "1234AB|5")]
WHY = Justification(code="own-case", text="Zorgen in een lopende zaak.", case_reference="Z-1")


async def with_hit(folder: Path, world: World, door: AgencyDoor | None = None) -> tuple[Client, Client]:
    """Return police that was told of one hit, reading through this door, and the care agency behind the hit."""
    police, care = make_client(folder / "p", world, broker=door), make_client(folder / "c", world, "care-linde")
    police.add(("P-1", ANNA))
    assert await police.send() is None
    care.add(("C-1", ANNA))
    assert await care.send() is None
    return police, care


def found(client: Client) -> list[str]:
    """Return the codes of what the client keeps as findings."""
    return [finding.code for finding in client.vault.evidence.findings()]


def later(client: Client, by: timedelta) -> None:
    """Move the clock of a client's reading."""
    client.reading._clock = client.trail._clock = lambda: NOW + by


@pytest.mark.parametrize(
    "lie",
    [
        lies.RelabelsRoles,
        lies.RelabelsWraps,
        lies.AddsAgreement,
        lies.WrapsUnderFactor,
        lies.KeepsPartsOnly,
        lies.NamesNobody,
        lies.Misdates,
        lies.NamesAnotherRule,
    ],
)
async def test_a_bent_notice_is_refused(tmp_path: Path, world: World, lie: type) -> None:
    """Another role, agreement, wrap, time, rule or no counterpart has its code, and leaves no hit behind."""
    police, _ = await with_hit(tmp_path, world, lie(world.broker, POLICE))
    news = await police.reading.read()
    assert [failure.code for failure in news.failures] == [lie.CODE]
    assert found(police) == [lie.CODE]
    assert police.vault.hits.all() == []


@pytest.mark.parametrize(
    "bend",
    [
        lambda event: replace(event, quality="possible"),
        lambda event: replace(event, level="agency"),
        lambda event: replace(event, kinds=event.kinds[:1]),
        lambda event: replace(event, act=replace(event.act, decision="deny")),
        lambda event: replace(event, act=replace(event.act, decision=None)),
        lambda event: replace(event, act=replace(event.act, purpose=PurposeId("victim-protection"))),
        lambda event: replace(event, act=replace(event.act, time=NOW + timedelta(milliseconds=1))),
        lambda event: replace(event, act=replace(event.act, policy_ids=("another.rule",))),
        lambda event: replace(event, subject=Subject(hit_id=event.subject.hit_id)),
        lambda event: replace(event, subject=replace(event.subject, signal_ids=event.subject.signal_ids[:1])),
    ],
)
async def test_a_notice_is_what_its_event_says(tmp_path: Path, world: World, bend: Callable[[Any], Any]) -> None:
    """An event that says anything else than the notice proves another notice."""
    world.broker.recorder = lies.LogsOtherwise(world.broker.recorder, "hit_notice", bend)  # type: ignore[assignment]
    police, _ = await with_hit(tmp_path, world)
    assert [failure.code for failure in (await police.reading.read()).failures] == [Code.RECEIPT_INVALID]
    assert police.vault.hits.all() == []


async def test_existence_must_not_tell_the_other_signal(tmp_path: Path, world: World) -> None:
    """At level existence a hit whose event names both signals is refused, and one that names ours only is taken."""
    world.broker.level = "existence"
    police, care = await with_hit(tmp_path, world)
    assert len((await police.reading.read()).verified) == 1
    other = next(one.signal.id for one in world.broker.signals.values() if one.agency != POLICE)
    world.broker.recorder = lies.LogsOtherwise(  # type: ignore[assignment]
        world.broker.recorder,
        "hit_notice",
        lambda event: replace(event, subject=replace(event.subject, signal_ids=(*event.subject.signal_ids, other))),
    )
    care.add(("C-2", ANNA))
    assert await care.send() is None
    news = await police.reading.read()
    assert [failure.code for failure in news.failures] == [Code.RECEIPT_INVALID]


@pytest.mark.parametrize("lie", [lies.Withholds, lies.WithholdsWraps])
async def test_a_withheld_contact_is_waited_for_and_then_missed(tmp_path: Path, world: World, lie: type) -> None:
    """A hit without its contact cannot be opened; after the grace it is a finding; once the contact comes it opens."""
    police, _ = await with_hit(tmp_path, world, lie(world.broker, POLICE))
    assert (await police.reading.read()).failures == []
    (hit,) = police.vault.hits.all()
    assert hit.state is HitState.UNDELIVERED
    shown = StringIO()
    show_hit(Console(file=shown, width=200), police.vault, hit, world.kit.covenant, NOW)
    assert "not delivered yet" in shown.getvalue()
    assert "sluis agency open" not in shown.getvalue()
    with pytest.raises(RefusedError, match="not delivered yet"):
        await police.acts.open(hit.id, WHY, "0" * 32)
    later(police, DELIVERY_GRACE)
    assert (await police.reading.read()).failures == []
    later(police, DELIVERY_GRACE + timedelta(seconds=1))
    assert [failure.code for failure in (await police.reading.read()).failures] == [lie.CODE]
    assert found(police) == [lie.CODE]
    honest = make_client(tmp_path / "p", world)
    assert (await honest.reading.read()).failures == []
    assert honest.vault.hits.get(hit.id).state is HitState.LIVE
    assert (await honest.acts.open(hit.id, WHY, "0" * 32)).parts == {"contact": CONTACT}


async def test_a_contact_that_went_with_its_signal_is_not_missed(tmp_path: Path, world: World) -> None:
    """A counterpart that withdrew before we read leaves a hit that is withdrawn, and no finding, however late."""
    police, care = await with_hit(tmp_path, world)
    await care.acts.withdraw(care.acts.find_signal("C-1"), "mistake", "0" * 32)
    later(police, DELIVERY_GRACE * 2)
    assert (await police.reading.read()).failures == []
    (hit,) = police.vault.hits.all()
    assert (hit.state, found(police)) == (HitState.WITHDRAWN, [])


async def test_a_refused_hit_that_comes_after_its_withdrawal_is_withdrawn(tmp_path: Path, world: World) -> None:
    """A notice that did not hold, and holds after the counterpart withdrew, is kept as withdrawn and never missed."""
    police, care = await with_hit(tmp_path, world, lies.Misdates(world.broker, POLICE))
    await care.acts.withdraw(care.acts.find_signal("C-1"), "mistake", "0" * 32)
    news = await police.reading.read()
    assert [type(one.notice) for one in news.verified] == [WithdrawnNotice]
    honest = make_client(tmp_path / "p", world)
    await honest.reading.read()
    assert [hit.state for hit in honest.vault.hits.all()] == [HitState.WITHDRAWN]


async def test_a_hit_of_a_signal_that_we_took_back_is_no_error(tmp_path: Path, world: World) -> None:
    """A hit told before and read after our own withdrawal is verified, counted and not shown, and reading goes on."""
    police, care = await with_hit(tmp_path, world)
    await police.acts.withdraw(police.acts.find_signal("P-1"), "mistake", "0" * 32)
    police.add(("P-2", [("bsn", "111222333")]))
    assert await police.send() is None
    care.add(("C-2", [("bsn", "111222333")]))
    assert await care.send() is None
    news = await police.reading.read()
    assert (len(news.verified), news.failures, found(police)) == (2, [], [])
    assert police.vault.hits.last_seq() == 2
    (hit,) = police.vault.hits.all()
    assert hit.notice.seq == 2


async def test_a_hit_of_a_signal_that_we_took_back_must_still_be_logged(tmp_path: Path, world: World) -> None:
    """Our own withdrawal does not make a notice true that the log does not prove."""
    police, _ = await with_hit(tmp_path, world, lies.Misdates(world.broker, POLICE))
    await police.acts.withdraw(police.acts.find_signal("P-1"), "mistake", "0" * 32)
    assert [failure.code for failure in (await police.reading.read()).failures] == [Code.RECEIPT_INVALID]


async def test_a_hit_of_a_signal_past_its_end_is_no_error(tmp_path: Path, world: World) -> None:
    """A hit that is read after our signal expired, when the broker has no wraps for us any more, is not an alarm."""
    police, _ = await with_hit(tmp_path, world)
    world.broker.signals[police.acts.find_signal("P-1").id].state = world.broker.signals[
        police.acts.find_signal("P-1").id
    ].state.WITHDRAWN
    later(police, timedelta(days=90))
    assert (await police.reading.read()).failures == []
    assert police.vault.hits.all() == []


@pytest.mark.parametrize(
    "bend",
    [
        lambda event: replace(event, act=replace(event.act, purpose=PurposeId("victim-protection"))),
        lambda event: replace(event, act=replace(event.act, time=NOW + timedelta(seconds=1))),
        lambda event: replace(event, subject=replace(event.subject, signal_ids=())),
        lambda event: replace(event, count=22),
    ],
)
async def test_a_muted_key_is_what_its_event_says(tmp_path: Path, world: World, bend: Callable[[Any], Any]) -> None:
    """A muted key of another purpose, time, example or count than the log has is refused."""
    world.broker.recorder = lies.LogsOtherwise(world.broker.recorder, "muted", bend)  # type: ignore[assignment]
    police = make_client(tmp_path / "p", world)
    police.add(("P-1", ANNA))
    assert await police.send() is None
    world.broker.mute(POLICE, next(iter(world.broker.signals.values())).signal)
    assert [failure.code for failure in (await police.reading.read()).failures] == [Code.RECEIPT_INVALID]
    assert police.vault.hits.muted() == []


async def test_a_muted_key_of_another_s_signal_is_refused(tmp_path: Path, world: World) -> None:
    """An example that is no signal of ours says nothing about our keys."""
    police, _ = await with_hit(tmp_path, world)
    other = next(one.signal for one in world.broker.signals.values() if one.agency != POLICE)
    world.broker.mute(POLICE, other)
    assert [failure.code for failure in (await police.reading.read()).failures] == [Code.RECEIPT_INVALID]


async def test_a_log_that_nobody_cosigned_for_a_day_is_told(tmp_path: Path, world: World) -> None:
    """A broker that answers under a checkpoint of yesterday leaves a finding, and a fresh one does not."""
    police, _ = await with_hit(tmp_path, world)
    later(police, FROZEN_AFTER)
    assert len((await police.reading.read()).verified) == 1
    assert found(police) == []
    later(police, FROZEN_AFTER + timedelta(seconds=1))
    await police.reading.read()
    await police.checking.run(lambda _, __: None)
    assert found(police) == [Code.QUORUM_MISSING]
    assert all(isinstance(hit.notice, HitNotice) for hit in police.vault.hits.all())
