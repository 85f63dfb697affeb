# SPDX-License-Identifier: EUPL-1.2
"""Notices come by a stream, by asking where none gets through, each once, and a log that lies stops the listening."""

from pathlib import Path

from agency_client.daemon_notices import STOPPED_LOOK
from protocol.errors import Code
from tests.fakes.agency import make_client
from tests.fakes.small_world import World
from tests.fakes.staying_client import Staying, stay

PEOPLE = [("bsn", number) for number in ("123456782", "111222333", "999999990", "123456709", "123456710")]


async def pushed(staying: Staying, folder: Path, world: World) -> None:
    """Let the client know five people, and another agency report them."""
    staying.client.add(*((f"P-{place}", [key]) for place, key in enumerate(PEOPLE)))
    assert await staying.client.send() is None
    care = make_client(folder / "c", world, "care-linde")
    care.add(*((f"C-{place}", [key]) for place, key in enumerate(PEOPLE)))
    assert await care.send() is None


async def test_notices_come_by_the_stream(tmp_path: Path, world: World) -> None:
    """What is told while the stream is open comes through it, verified as any page."""
    staying = stay(tmp_path / "p", world)
    opened = staying.door.notice_stream

    def open_late(after: int) -> object:
        # Told between the last question and the stream.
        world.broker.told[staying.client.reading._reader.agency] = held
        return opened(after)

    await pushed(staying, tmp_path, world)
    party = staying.client.reading._reader.agency
    held = world.broker.told.pop(party)
    staying.door.notice_stream = open_late  # type: ignore[method-assign,assignment]
    await staying.notices.once()
    assert [len(news.verified) for news in staying.news] == [1] * 5
    assert len(staying.client.vault.hits.all()) == 5
    assert staying.running.health.notice_at is not None


async def test_a_stream_that_is_cut_loses_and_doubles_nothing(tmp_path: Path, world: World) -> None:
    """A proxy that cuts the stream after every second notice changes nothing about what is read."""
    staying = stay(tmp_path / "p", world)
    staying.door.most = 2
    await pushed(staying, tmp_path, world)
    await staying.live(30)
    numbers = [one.notice.seq for news in staying.news for one in news.verified]
    assert numbers == [1, 2, 3, 4, 5]
    assert len(staying.client.vault.hits.all()) == 5


async def test_without_a_stream_it_is_asked(tmp_path: Path, world: World) -> None:
    """Behind a proxy that keeps streams back notices come by long polls, and a stream is tried again later."""
    staying = stay(tmp_path / "p", world)
    staying.door.held_back = True
    await staying.live(60, 10)
    assert (staying.door.opened, staying.running.health.listening) == (1, "poll")
    assert staying.door.polled > 0
    await pushed(staying, tmp_path, world)
    await staying.live(30, 10)
    assert len(staying.client.vault.hits.all()) == 5
    assert staying.door.opened == 1
    staying.door.held_back = False
    await staying.live(600, 60)
    assert staying.door.opened > 1


async def test_a_forked_log_stops_sending_and_listening(tmp_path: Path, world: World) -> None:
    """After a log contradicted itself nothing is asked or sent, it is said, and an operator's word lets it go on."""
    staying = stay(tmp_path / "p", world)
    shelf = staying.client.vault.evidence
    await staying.live(5)
    shelf.report(Code.LOG_FORKED, "log", "Two checkpoints contradict each other.", staying.now)
    staying.client.add(("P-1", PEOPLE[:1]))
    staying.door.polled = staying.door.opened = 0
    posts = len(world.broker.posts)
    await staying.live(60, 5)
    health = staying.running.health
    assert health.stopped is not None
    assert health.stopped_code == Code.LOG_FORKED
    assert not health.works
    assert (staying.door.polled, staying.door.opened, len(world.broker.posts)) == (0, 0, posts)
    # What is here can still be shown.
    assert len(staying.client.vault.signals.find("P-1")) == 1
    shelf.mark_seen(staying.now)
    await staying.live(3 * STOPPED_LOOK)
    assert staying.running.health.stopped is None
    assert len([one for one in world.broker.signals.values() if one.agency == "police-oost"]) == 1


async def test_what_does_not_hold_is_not_asked_for_in_a_hurry(tmp_path: Path, world: World) -> None:
    """A broker that holds a notice back is asked again with patience, and the finding stands once."""
    staying = stay(tmp_path / "p", world)
    await pushed(staying, tmp_path, world)
    party = staying.client.reading._reader.agency
    world.broker.told[party] = world.broker.told[party][1:]
    asked = 0
    notices = staying.door.notices

    async def counted(after: int, limit: int, wait: float) -> object:
        nonlocal asked
        asked += 1
        return await notices(after, limit, wait)

    staying.door.notices = counted  # type: ignore[method-assign,assignment]
    await staying.live(600)
    assert asked < 60
    findings = staying.client.vault.evidence.findings(unseen_only=True)
    assert [one.code for one in findings] == [Code.NOTICE_MISSING]
