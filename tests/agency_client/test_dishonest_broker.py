# SPDX-License-Identifier: EUPL-1.2
"""Whatever a broker bends, the client says what, keeps evidence, and shows and sends nothing on it."""

from pathlib import Path

import pytest

from agency_client.states import SignalState
from protocol.errors import Code, VerificationError
from protocol.ids import PartyId
from protocol.messages import Justification
from tests.fakes import dishonest_broker as lies
from tests.fakes.agency import Client, make_client
from tests.fakes.small_world import NOW, AgencyDoor, World

POLICE = PartyId("police-oost")
ANNA = [("bsn", "123456782")]
BRAM = [("name-dob", "bram|berg|2001-01-31")]
WHY = Justification(code="own-case", text="Zorgen in een lopende zaak.", case_reference="Z-1")


async def police_with_hit(folder: Path, world: World, door: AgencyDoor, keys: list[tuple[str, str]] = ANNA) -> Client:
    """Return a client that was told of one hit by an honest care agency, and reads through this door."""
    police = make_client(folder / "p", world, broker=door)
    care = make_client(folder / "c", world, "care-linde")
    police.add(("P-1", keys))
    assert await police.send() is None
    care.add(("C-1", keys))
    assert await care.send() is None
    return police


def found(client: Client) -> list[str]:
    """Return the codes of what the client keeps as findings."""
    return [finding.code for finding in client.vault.evidence.findings()]


@pytest.mark.parametrize(
    "lie", [lies.SwapsEnvelope, lies.SwapsSigned, lies.SwapsWrap, lies.NamesAnother, lies.HidesNotice]
)
async def test_a_bent_notice_is_neither_shown_nor_kept(tmp_path: Path, world: World, lie: type) -> None:
    """A swapped envelope, wrap or name, or a hidden notice, has its own code and leaves no hit behind."""
    police = await police_with_hit(tmp_path, world, lie(world.broker, POLICE))
    news = await police.reading.read()
    if lie is not lies.HidesNotice:
        assert [failure.code for failure in news.failures] == [lie.CODE]
        assert found(police) == [lie.CODE]
    assert news.verified == []
    assert police.vault.hits.all() == []


async def test_a_hidden_notice_shows_by_the_gap(tmp_path: Path, world: World) -> None:
    """When a later notice comes without the one before, the client names the missing number and waits for it."""
    police = await police_with_hit(tmp_path, world, lies.HidesNotice(world.broker, POLICE))
    municipality = make_client(tmp_path / "m", world, "municipality-dalen")
    municipality.add(("M-1", ANNA))
    await municipality.send()
    news = await police.reading.read()
    assert [failure.code for failure in news.failures] == [Code.NOTICE_MISSING]
    assert "Notice 1 is missing" in news.failures[0].detail
    assert police.vault.hits.all() == []


async def test_an_exaggerated_hit_is_refused(tmp_path: Path, world: World) -> None:
    """A broker that calls a probable hit a hit says something else than it logged."""
    police = await police_with_hit(tmp_path, world, lies.Exaggerates(world.broker, POLICE), BRAM)
    news = await police.reading.read()
    assert [failure.code for failure in news.failures] == [lies.Exaggerates.CODE]
    assert police.vault.hits.all() == []


@pytest.mark.parametrize("lie", [lies.Replays, lies.RepeatsDifferently])
async def test_a_replayed_notice_is_no_news(tmp_path: Path, world: World, lie: type) -> None:
    """An old notice under a new number, or a number with another content, is a finding and no second hit."""
    police = await police_with_hit(tmp_path, world, lie(world.broker, POLICE))
    assert len((await police.reading.read()).verified) + len(police.vault.hits.all()) >= 1
    news = await police.reading.read()
    assert news.verified == []
    assert lie.CODE in found(police)
    assert len(police.vault.hits.all()) == 1


async def test_an_honest_repeat_is_no_finding(tmp_path: Path, world: World) -> None:
    """The same notice again, with a newer proof, is what at-least-once delivery gives."""
    police = await police_with_hit(tmp_path, world, world.broker.door(POLICE))
    await police.reading.read()
    page = await world.broker.door(POLICE).notices(0, 10, 0)
    cosigned = await police.trail.admit(page.checkpoint or "")
    from agency_client.reading import News

    news = News()
    assert police.reading._take(page.notices[0], police.vault.hits.last_seq(), cosigned, news)
    assert (news.verified, news.failures, found(police)) == ([], [], [])


async def test_a_hit_told_twice_is_a_replay(tmp_path: Path, world: World) -> None:
    """A second notice of the same hit under its own logged number is a replay."""
    world.broker.__class__ = lies.TellsTwice
    police = await police_with_hit(tmp_path, world, world.broker.door(POLICE))
    await police.reading.read()
    world.broker.tell_again(POLICE)  # type: ignore[attr-defined]
    news = await police.reading.read()
    assert [failure.code for failure in news.failures] == [Code.NOTICE_REPLAYED]
    assert len(police.vault.hits.all()) == 1


@pytest.mark.parametrize("lie", [lies.WithoutQuorum, lies.WithoutCheckpoint])
async def test_a_notice_without_quorum_is_not_opened(tmp_path: Path, world: World, lie: type) -> None:
    """A notice whose checkpoint has fewer cosignatures than the covenant asks is not looked at."""
    police = await police_with_hit(tmp_path, world, lie(world.broker, POLICE))
    with pytest.raises(VerificationError) as caught:
        await police.reading.read()
    assert caught.value.code is lie.CODE
    assert police.vault.hits.all() == []


async def test_a_fork_stops_the_client_and_keeps_both_notes(tmp_path: Path, world: World) -> None:
    """Two histories of the log stop sending and reading until an operator looked; both signed notes are kept."""
    door = lies.Forks(world.broker, POLICE)
    police = await police_with_hit(tmp_path, world, door)
    before = police.vault.evidence.checkpoint()
    door.fork()
    with pytest.raises(VerificationError) as caught:
        await police.trail.advance()
    assert caught.value.code is Code.LOG_FORKED
    (finding,) = police.vault.evidence.findings()
    assert finding.ours == before
    assert door.other is not None
    assert finding.theirs == door.other.checkpoint()
    for act in (
        police.trail.advance(),
        police.reading.read(),
        police.acts.open(next(iter(world.broker.hits)), WHY, "p"),
    ):
        with pytest.raises((VerificationError, LookupError, Exception)) as caught:
            await act
        assert getattr(caught.value, "code", None) in {Code.LOG_FORKED, Code.NOT_FOUND}
    police.vault.evidence.mark_seen(NOW)
    door.other = None
    assert (await police.trail.advance()).checkpoint.size == len(world.broker.log.leaves)


async def test_a_rolled_back_log_stops_the_client(tmp_path: Path, world: World) -> None:
    """A head that is older than the one seen before is no answer to what is newest."""
    door = lies.RollsBack(world.broker, POLICE)
    door.old = world.broker.log.checkpoint() if world.broker.log.leaves else None
    police = make_client(tmp_path / "p", world, broker=door)
    police.add(("P-1", ANNA))
    assert await police.send() is None
    world.broker.log.add_leaf(b"\x01" + bytes(64))
    first = world.broker.log.checkpoint()
    world.broker.log.add_leaf(b"\x01" + bytes(64))
    await police.trail.advance()
    door.old = first
    with pytest.raises(VerificationError) as caught:
        await police.trail.advance()
    assert caught.value.code is Code.LOG_ROLLED_BACK
    assert found(police) == [Code.LOG_ROLLED_BACK]


async def test_a_hidden_event_is_found_by_verify(tmp_path: Path, world: World) -> None:
    """Reading the log from zero finds that an entry is not the one that was signed."""
    police = await police_with_hit(tmp_path, world, lies.HidesEvent(world.broker, POLICE))
    with pytest.raises(VerificationError) as caught:
        await police.checking.run(lambda _, __: None)
    assert caught.value.code is Code.LOG_ALTERED


async def test_an_entry_that_is_no_event_is_found_by_verify(tmp_path: Path, world: World) -> None:
    """An entry of another length than an event's leaf is altered, although the log signed it."""
    police = await police_with_hit(tmp_path, world, world.broker.door(POLICE))
    world.broker.log.add_leaf(b"\x01" + bytes(65))
    with pytest.raises(VerificationError) as caught:
        await police.checking.run(lambda _, __: None)
    assert caught.value.code is Code.LOG_ALTERED


async def test_an_event_that_was_replaced_is_found_by_its_receipt(tmp_path: Path, world: World) -> None:
    """A log that adds up, but has another entry where one was proven to us before, is altered."""
    police = await police_with_hit(tmp_path, world, world.broker.door(POLICE))
    police.vault.evidence.put_setting("checkpoint", "")
    other = make_client(tmp_path / "x", world)
    from agency_client.checking import Checking

    world.broker.log.leaves[3] = b"\x01" + bytes(64)
    leaves, world.broker.log.leaves = world.broker.log.leaves, []
    world.broker.log.__init__(world.kit)  # type: ignore[misc]
    for leaf in leaves:
        world.broker.log.add_leaf(leaf)
    with pytest.raises(VerificationError) as caught:
        await Checking(police.vault.evidence, other.trail).run(lambda _, __: None)
    assert caught.value.code is Code.LOG_ALTERED


async def test_a_signal_without_its_own_event_is_not_accepted(tmp_path: Path, world: World) -> None:
    """The proof of another signal's event does not settle a signal: it stays in the outbox."""
    police = make_client(tmp_path / "p", world, broker=lies.DropsSignal(world.broker, POLICE))
    police.add(("P-1", ANNA), ("P-2", BRAM))
    obstacle = await police.send()
    assert obstacle is not None
    assert obstacle.code is Code.RECEIPT_INVALID
    assert police.vault.signals.count() == {SignalState.SENT: 2}
    assert found(police) == [Code.RECEIPT_INVALID]


async def test_an_opening_that_was_not_logged_shows_nothing(tmp_path: Path, world: World) -> None:
    """A contact stays closed when the log does not have the opening."""
    police = await police_with_hit(tmp_path, world, lies.LiesAboutAct(world.broker, POLICE))
    await police.reading.read()
    (hit,) = police.vault.hits.all()
    with pytest.raises(VerificationError) as caught:
        await police.acts.open(hit.id, WHY, "0" * 32)
    assert caught.value.code is Code.RECEIPT_INVALID
    assert police.vault.hits.get(hit.id).opened_at is None


async def test_one_bad_notice_does_not_keep_the_next_from_us(tmp_path: Path, world: World) -> None:
    """A notice that does not hold is passed over, and taken once it comes as it should."""
    police = await police_with_hit(tmp_path, world, lies.SwapsWrap(world.broker, POLICE))
    assert len((await police.reading.read()).failures) == 1
    honest = make_client(tmp_path / "p", world)
    news = await honest.reading.read()
    assert len(news.verified) == 1
    assert len(honest.vault.hits.all()) == 1
