# SPDX-License-Identifier: EUPL-1.2
"""The daemon's life: its tasks take turns, end gracefully, and go on under a newer covenant without a restart."""

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from agency_client import daemon, daemon_duties
from agency_client.daemon import Daemon, Doors, Duty
from agency_client.daemon_duties import CovenantTask, RetagTask, WatchTask
from agency_client.daemon_outbox import OutboxTask
from agency_client.daemon_state import StateTask, read_state
from agency_client.patience import Patience, around
from agency_client.session import Online, Session
from edge.bells import Bell, heard
from edge.logs import logger
from protocol.errors import Code, UnavailableError
from tests.fakes.small_world import World
from tests.fakes.staying_client import Staying, stay

LONG = 3_600.0


@pytest.fixture
def staying(tmp_path: Path, world: World) -> Staying:
    """Return a client that stays."""
    return stay(tmp_path / "p", world)


def running_daemon(staying: Staying) -> Daemon:
    """Return a daemon without tasks yet."""
    return Daemon(staying.running, logger("agency"), asyncio.Event())


async def test_a_turn_in_progress_is_finished(staying: Staying, monkeypatch: pytest.MonkeyPatch) -> None:
    """A task that is in the middle of something when the process is asked to stop finishes it; one that rests ends."""
    began, go_on, done = asyncio.Event(), asyncio.Event(), []
    rests: list[float] = []

    async def rest(ring: asyncio.Event, seconds: float) -> bool:
        rests.append(seconds)
        return await heard(ring, seconds)

    monkeypatch.setattr(daemon, "heard", rest)

    async def busy() -> float:
        began.set()
        await go_on.wait()
        done.append("busy")
        return LONG

    async def resting() -> float:
        done.append("resting")
        return 2 * LONG

    started = running_daemon(staying)
    started.start([Duty("busy", busy), Duty("resting", resting)])
    await began.wait()
    stopping = asyncio.create_task(started.stop())
    await asyncio.sleep(0)
    go_on.set()
    await stopping
    assert sorted(done) == ["busy", "resting"]
    # The one that finished did not rest any more.
    assert rests == [2 * LONG]


async def test_a_turn_that_hangs_is_ended(staying: Staying, monkeypatch: pytest.MonkeyPatch) -> None:
    """A task that does not come to an end by itself does not hold up the stop."""
    monkeypatch.setattr(daemon, "FINISH_SECONDS", 0.05)
    began = asyncio.Event()
    ended = []

    async def hangs() -> float:
        began.set()
        try:
            await asyncio.sleep(LONG)
        finally:
            ended.append(True)
        return LONG

    started = running_daemon(staying)
    started.start([Duty("hangs", hangs)])
    await began.wait()
    await started.stop()
    assert ended == [True]


async def test_a_bell_brings_a_turn_forward(staying: Staying) -> None:
    """A task that would rest for an hour takes its turn when it is called."""
    bell, turns = Bell(), asyncio.Queue[int]()
    count = 0

    async def turn() -> float:
        nonlocal count
        count += 1
        turns.put_nowait(count)
        return LONG

    started = running_daemon(staying)
    started.start([Duty("task", turn, bell)])
    assert await turns.get() == 1
    await asyncio.sleep(0)
    bell.ring()
    assert await turns.get() == 2
    await started.stop()


async def test_a_task_that_dies_ends_the_process(staying: Staying, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault of ours is not lived with: the process ends, to be started anew from what is on the disk."""
    raised: asyncio.Queue[int] = asyncio.Queue()
    monkeypatch.setattr(signal, "raise_signal", raised.put_nowait)

    async def dies() -> float:
        raise ValueError("a bug")

    started = running_daemon(staying)
    started.start([Duty("dies", dies)])
    assert await raised.get() == signal.SIGTERM
    await started.stop()
    assert staying.running.failed


async def test_a_newer_covenant_opens_other_doors(staying: Staying, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the board signed a newer version, acts go under it through new doors, and the old ones close later."""
    opened: list[Session] = []
    closed: list[Session] = []

    @asynccontextmanager
    async def fake_online(session: Session, sleep: Callable[[float], Awaitable[None]]) -> AsyncIterator[Online]:
        opened.append(session)
        yield staying.running.online
        closed.append(session)

    over, paused = asyncio.Event(), asyncio.Event()

    async def pause(_: float) -> None:
        paused.set()
        await over.wait()

    monkeypatch.setattr(daemon, "online", fake_online)
    before = staying.running.session
    newer = replace(before, agreed=before.agreed.renewed(staying.now + timedelta(days=1)))
    monkeypatch.setattr(daemon_duties, "renewed", lambda session: newer)
    doors = Doors(pause)
    await doors.open(before)
    swapped = staying.running.swapped.next()

    async def enter(session: Session) -> None:
        staying.running.swap(session, await doors.open(session))

    await CovenantTask(staying.running, enter).once()
    assert staying.running.session is newer
    assert swapped.is_set()
    assert (opened, closed) == ([before, newer], [])
    covenant = staying.running.health.covenant
    assert covenant is not None
    assert (covenant.until, covenant.trouble) == (staying.now + timedelta(days=1), None)
    await paused.wait()
    assert closed == []
    # Those that nobody uses any more close by themselves, and the others at the end.
    over.set()
    for _ in range(10):
        await asyncio.sleep(0)
    assert closed == [before]
    await doors.close()
    assert closed == [before, newer]


async def test_doors_in_use_stay_open(staying: Staying, monkeypatch: pytest.MonkeyPatch) -> None:
    """A long push goes on through the doors with which it began, however long ago others were opened."""
    closed: list[Session] = []

    @asynccontextmanager
    async def fake_online(session: Session, sleep: Callable[[float], Awaitable[None]]) -> AsyncIterator[Online]:
        yield staying.running.online
        closed.append(session)

    async def pause(_: float) -> None:
        await asyncio.sleep(0)

    monkeypatch.setattr(daemon, "online", fake_online)
    session = staying.running.session
    doors = Doors(pause)
    doors.in_use = staying.running.is_held
    await doors.open(session)
    with staying.running.holding():
        await doors.open(session)
        for _ in range(20):
            await asyncio.sleep(0)
        assert closed == []
    for _ in range(20):
        await asyncio.sleep(0)
    assert len(closed) == 1
    await doors.close()
    assert len(closed) == 2


async def test_other_doors_end_a_long_wait(staying: Staying, world: World) -> None:
    """What waited because the covenant was over is tried at once under another one."""
    online: Any = staying.running.online
    sending = online.sending

    class Over:
        """A covenant that is over."""

        async def run(self, *_: object) -> UnavailableError:
            return UnavailableError(Code.COVENANT_EXPIRED, "The covenant was signed until yesterday.")

    staying.client.add(("P-1", [("bsn", "123456782")]))
    task = OutboxTask(staying.running)
    online.sending = Over()
    await task.once()
    online.sending = sending
    await task.once()
    assert staying.client.vault.outbox.anything()
    renewed: Any = SimpleNamespace(**vars(online))
    staying.running.swap(staying.running.session, renewed)
    await task.once()
    assert not staying.client.vault.outbox.anything()


async def test_a_covenant_that_cannot_be_had_is_said(staying: Staying, monkeypatch: pytest.MonkeyPatch) -> None:
    """When no covenant can be acted under the client stays, says since when, and comes back by itself."""
    session = staying.running.session

    def over(_: Session) -> Session:
        raise UnavailableError(Code.COVENANT_EXPIRED, "The covenant was signed until yesterday.")

    async def enter(_: Session) -> None:
        pytest.fail("there is nothing to enter")

    task = CovenantTask(staying.running, enter)
    monkeypatch.setattr(daemon_duties, "renewed", over)
    await task.once()
    since = staying.now
    staying.now += timedelta(hours=3)
    await task.once()
    covenant = staying.running.health.covenant
    assert covenant is not None
    assert covenant.trouble is not None
    assert (covenant.trouble.code, covenant.trouble.since) == (Code.COVENANT_EXPIRED, since)
    assert not staying.running.health.works
    monkeypatch.setattr(daemon_duties, "renewed", lambda _: session)
    await task.once()
    assert staying.running.health.works


async def test_the_log_is_watched(staying: Staying, world: World) -> None:
    """A look says how long the log is, and who does not answer; the next says that they are back."""

    async def answers() -> None:
        return None

    async def silent() -> None:
        raise UnavailableError(Code.UNAVAILABLE, "The service cannot be reached.")

    first, second = (one.id for one in world.kit.covenant.key_holders[:2])
    online: Any = staying.running.online
    online.pings = {first: answers, second: silent}
    task = WatchTask(staying.running)
    await task.once()
    health = staying.running.health
    assert (health.broker.ok, health.log_size, health.looked_at) == (True, len(world.broker.log.leaves), staying.now)
    assert [one.name for one in health.key_holders if not one.ok] == [second]
    online.pings = {first: answers, second: answers}
    world.broker.down = True
    await task.once()
    health = staying.running.health
    assert not health.broker.ok
    assert all(one.ok for one in health.key_holders)


async def test_the_turn_of_an_epoch_is_gone_through(staying: Staying) -> None:
    """What is due is re-tagged, what is left is said, and what fails is done again sooner."""

    class Epoch:
        """A turn of an epoch with three signals to go."""

        waiting = 3
        away = False

        async def run(self, now: object) -> int:
            if self.away:
                raise UnavailableError(Code.UNAVAILABLE, "Two of three key-holders are needed.")
            self.waiting -= 1
            return 1

        def left(self, now: object) -> int:
            return self.waiting

    epoch = Epoch()
    online: Any = staying.running.online
    online.retagging = epoch
    task = RetagTask(staying.running)
    usual = await task.once()
    assert staying.running.health.retagging == 2
    epoch.away = True
    assert await task.once() < usual / 2
    assert staying.running.health.retagging == 2
    epoch.away = False
    staying.running.note(stopped="The log contradicted itself.")
    await task.once()
    assert epoch.waiting == 2


async def test_a_nudge_does_not_wait_for_patience(staying: Staying, world: World) -> None:
    """Somebody who asks to send now is tried for at once, also in the middle of a pause."""
    staying.client.add(("P-1", [("bsn", "123456782")]))
    world.broker.down = True
    task = OutboxTask(staying.running)
    for _ in range(3):
        await task.once(nudged=True)
    world.broker.down = False
    await task.once()
    assert staying.client.vault.outbox.anything()
    await task.once(nudged=True)
    assert not staying.client.vault.outbox.anything()


async def test_the_state_is_in_a_file(staying: Staying, tmp_path: Path) -> None:
    """What the running client says of itself can be read by others, and only says counts, codes and times."""
    task = StateTask(staying.running, tmp_path, 7, lambda: "http://127.0.0.1:1")
    staying.client.add(("P-1", [("bsn", "123456782")]))
    await task.once()
    found = read_state(tmp_path)
    assert found is not None
    assert (found["pid"], found["url"], found["works"]) == (7, "http://127.0.0.1:1", True)
    assert (tmp_path / "daemon.json").stat().st_mode & 0o777 == 0o600
    assert "123456782" not in (tmp_path / "daemon.json").read_text()
    (tmp_path / "daemon.json").write_text("{")
    assert read_state(tmp_path) is None


def test_patience_grows_to_its_limit_and_starts_anew() -> None:
    """Waits double up to a limit, half of each is drawn, and something that works makes them short again."""
    patience = Patience(1.0, 60.0)
    waits = [patience.next() for _ in range(100)]
    for wait, whole in zip(waits, [1, 2, 4, 8, 16, 32, *[60] * 94], strict=True):
        assert whole / 2 <= wait <= whole
    patience.reset()
    assert patience.next() <= 1
    assert len({around(60.0) for _ in range(20)}) > 1
