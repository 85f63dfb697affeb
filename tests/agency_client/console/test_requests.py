# SPDX-License-Identifier: EUPL-1.2
"""The screen Requests by itself; from console to console it is seen in ``tests/broker/test_console_requests.py``."""

from collections.abc import AsyncIterator
from http import HTTPStatus
from pathlib import Path

import pytest

from agency_client.console.request_acts import as_file
from protocol.disclosure_payload import Attachment
from tests.fakes.console_world import Console, console_of
from tests.fakes.small_world import World

NOBODY = "018f0000-0000-7000-8000-000000000000"


@pytest.fixture
async def console(tmp_path: Path, world: World) -> AsyncIterator[Console]:
    """Return a console at which nothing was asked."""
    async with console_of(tmp_path / "home", world) as found:
        yield found


async def test_an_empty_list_says_so_in_words(console: Console) -> None:
    """Each list, in both languages."""
    for which in ("decide", "mine", "theirs"):
        assert "Nothing here." in (await console.get(f"/requests/list/{which}")).text
        assert "Hier is niets." in (await console.get(f"/requests/list/{which}", lang="nl")).text
    assert (await console.get("/requests/list/others")).status_code == HTTPStatus.NOT_FOUND


@pytest.mark.parametrize("role", ["privacy-officer", "operator"])
async def test_requests_are_for_those_who_work_with_hits(console: Console, role: str) -> None:
    """Others neither see them nor decide."""
    for path in ("/requests", f"/requests/{NOBODY}", "/hits", f"/hits/{NOBODY}/more"):
        assert (await console.get(path, role=role)).status_code == HTTPStatus.FORBIDDEN
    for act in ("grant", "refuse", "approve", "hand-over", "cancel", "answer", "files/0"):
        assert (await console.post(f"/requests/{NOBODY}/{act}", role=role)).status_code == HTTPStatus.FORBIDDEN


async def test_a_supervisor_looks_and_does_not_decide(console: Console) -> None:
    """Deciding on what is given is for coordinators."""
    assert (await console.get("/requests", role="supervisor")).status_code == HTTPStatus.OK
    for act in ("grant", "refuse", "approve", "hand-over"):
        answer = await console.post(f"/requests/{NOBODY}/{act}", role="supervisor")
        assert answer.status_code == HTTPStatus.FORBIDDEN


async def test_what_is_not_there_is_said_in_words(console: Console) -> None:
    """Also for an address that is no request at all."""
    for name in (NOBODY, "x", "1%00"):
        assert (await console.get(f"/requests/{name}")).status_code == HTTPStatus.NOT_FOUND


def test_an_attachment_is_a_file_and_never_a_page() -> None:
    """Whatever it is called and says that it is, a browser saves it under a harmless name."""
    answer = as_file(Attachment('..\\x/"\r\nSet-Cookie: a=b.html', b"<b>", "text/html"))
    said = answer.headers["content-disposition"]
    assert "\n" not in said
    assert "/" not in said.removeprefix("attachment; filename*=UTF-8''")
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["x-content-type-options"] == "nosniff"
