# SPDX-License-Identifier: EUPL-1.2
"""The console while the broker is gone: every screen answers and says so, acts are kept, and are done afterwards."""

from collections.abc import AsyncIterator
from http import HTTPStatus
from pathlib import Path

import pytest

from agency_client.console.screens import SCREENS
from agency_client.daemon_notices import NoticesTask
from agency_client.daemon_outbox import OutboxTask
from agency_client.reading import News
from protocol.errors import Code
from protocol.ids import PartyId
from tests.fakes.agency import make_client
from tests.fakes.console_world import Console, console_of
from tests.fakes.follow_up_desk import FollowUpDesk
from tests.fakes.small_world import World

ANNA = [("bsn", "123456782"), ("name-dob", "anna|vries|2004-02-29")]
WHY = {"reason": "own-case", "case": "2026-0481", "words": "Zorgen om deze jongen"}
AGENCY = "prosecution-oost"


@pytest.fixture
async def console(tmp_path: Path, world: World) -> AsyncIterator[Console]:
    """Return a console with one hit."""
    desk = FollowUpDesk(world.broker, PartyId(AGENCY))
    async with console_of(tmp_path / "home", world, AGENCY, broker=desk) as made:
        made.client.add(("P-1", ANNA))
        assert await made.client.send() is None
        other = make_client(tmp_path / "other", world, "police-oost")
        other.add(("C-1", ANNA))
        assert await other.send() is None
        await made.client.reading.read()
        yield made
        other.vault.close()


async def told(_: News) -> None:
    """Tell nobody."""


async def test_the_console_works_on_while_the_broker_is_gone(console: Console, world: World) -> None:
    """Each screen answers and says what is going on; an opening is kept, opens nothing yet, and is done once later."""
    outbox, notices = OutboxTask(console.running), NoticesTask(console.running, told)
    (hit,) = console.client.vault.hits.all()
    world.broker.down = True
    answer = await console.post(f"/hits/{hit.id}/opening", WHY)
    assert answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE
    assert "088 000 00 00" not in answer.text
    await outbox.once()
    await notices.once()
    for screen in SCREENS:
        role = sorted(screen.roles)[0]
        page = await console.get(f"/{screen.name}", role=role)
        assert page.status_code == HTTPStatus.OK, screen.name
        assert "The broker cannot be reached" in page.text
        dutch = await console.get(f"/{screen.name}", role=role, lang="nl")
        assert "The broker cannot be reached" not in dutch.text
    assert console.client.vault.outbox.count_open() == 1
    world.broker.down = False
    await outbox.once(nudged=True)
    page = await console.get(f"/hits/{hit.id}")
    assert "The broker cannot be reached" not in page.text
    answer = await console.post(f"/hits/{hit.id}/opening", WHY)
    assert answer.status_code == HTTPStatus.OK
    assert "088 000 00 00" in answer.text
    assert console.client.vault.outbox.count_open() == 0


async def test_the_console_goes_on_showing_when_all_is_stopped(console: Console, world: World) -> None:
    """After the log contradicted itself what is here is shown, and nothing is asked of the broker for it."""
    outbox = OutboxTask(console.running)
    console.client.vault.evidence.report(Code.LOG_FORKED, "log", "Contradiction.", console.running.clock())
    await outbox.once()
    posts = len(world.broker.posts)
    for screen in SCREENS:
        page = await console.get(f"/{screen.name}", role=sorted(screen.roles)[0])
        assert page.status_code == HTTPStatus.OK, screen.name
        assert "Sluis has stopped sending and reading" in page.text
    assert len(world.broker.posts) == posts
