# SPDX-License-Identifier: EUPL-1.2
"""What somebody sees when something did not work: a page in their language, also of what the web framework refuses."""

import html
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Final

import httpx
import pytest
from fastapi import Depends, FastAPI, Response
from structlog.testing import capture_logs

from agency_client.api.app import add_api
from agency_client.console.screen import Screen
from agency_client.console.screens import SCREENS
from agency_client.console.visits import MAX_FIELDS, MAX_FORM, House, Visit
from tests.fakes.console_people import TOKEN
from tests.fakes.console_world import ORIGIN, Console, console_of
from tests.fakes.small_world import World

HEADERS: Final = {"x-test-role": "coordinator", "origin": ORIGIN, "sec-fetch-site": "same-origin"}


def _add_broken(app: FastAPI, house: House) -> None:
    enter = Annotated[Visit, Depends(house.visit())]

    @app.get("/broken", include_in_schema=False)
    async def broken(_: enter) -> Response:
        raise ZeroDivisionError("the secret of 123456782")

    @app.get("/counted", include_in_schema=False)
    async def counted(_: enter, number: int) -> Response:
        return Response(str(number))


BROKEN: Final = Screen("today", "Today", frozenset({"coordinator"}), _add_broken)


@pytest.fixture
async def console(tmp_path: Path, world: World) -> AsyncIterator[Console]:
    """Return a console with routes that fail."""
    async with console_of(tmp_path / "home", world, screens=(*SCREENS, BROKEN)) as found:
        yield found


@asynccontextmanager
async def browser(console: Console, lang: str) -> AsyncIterator[httpx.AsyncClient]:
    """Open a browser that shows what a server answers when a route fails."""
    transport = httpx.ASGITransport(app=console.app, raise_app_exceptions=False)
    headers = {**HEADERS, "accept-language": lang}
    async with httpx.AsyncClient(transport=transport, base_url=ORIGIN, headers=headers) as http:
        yield http


def _words(answer: httpx.Response) -> str:
    assert answer.headers["content-type"].startswith("text/html"), answer.text
    assert "script-src 'self'" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", html.unescape(answer.text)))


async def test_a_form_s_address_that_is_opened_says_so(console: Console) -> None:
    """By choosing a language on a page that a form led to, or by coming back to it."""
    async with browser(console, "nl") as http:
        answer = await http.get("/hits/1/opening")
    assert answer.status_code == HTTPStatus.METHOD_NOT_ALLOWED
    assert answer.headers["allow"] == "POST"
    assert "Iets in wat" not in _words(answer)
    assert "Deze pagina komt alleen nadat het formulier ervan is verstuurd." in _words(answer)
    async with browser(console, "en") as http:
        assert "This page comes only after its form was sent." in _words(await http.get("/hits/1/opening"))


async def test_what_has_not_the_agreed_form_is_a_page(console: Console) -> None:
    """Too many fields, or a number that is none: in the reader's language, without the framework's words."""
    many = {"csrf": TOKEN, **{f"field{number}": "x" for number in range(MAX_FIELDS + 1)}}
    async with browser(console, "nl") as http:
        answers = [await http.post("/signals/find", data=many), await http.get("/counted?number=veel")]
    for answer in answers:
        assert answer.status_code == HTTPStatus.BAD_REQUEST
        said = _words(answer)
        assert "Iets in wat is opgegeven, kan niet worden gelezen of gebruikt." in said
        for english in ("Too many", "Bad Request", "valid integer", "agreed form"):
            assert english not in said


async def test_too_much_is_a_page(console: Console) -> None:
    """Before any of it is read; programs get a problem."""
    add_api(console.app)
    sent = {"content-length": str(MAX_FORM + 1), "content-type": "multipart/form-data; boundary=x"}
    async with browser(console, "nl") as http:
        answer = await http.post("/requests/1/grant", content=b"x", headers=sent)
        problem = await http.post("/v1/records", content=b"x", headers=sent)
    assert (answer.status_code, answer.headers["connection"]) == (HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "close")
    assert "Dit formulier is te groot." in _words(answer)
    assert problem.json()["code"] == "too_large"


async def test_a_failure_of_ours_is_a_page_with_a_reference_that_the_log_has(console: Console) -> None:
    """In the reader's language, and nothing of what failed."""
    with capture_logs() as lines:
        async with browser(console, "nl") as http:
            answer = await http.get("/broken")
    assert answer.status_code == HTTPStatus.INTERNAL_SERVER_ERROR
    said = _words(answer)
    assert "Hier ging iets mis. Wat niet aan u is bevestigd, is niet gedaan." in said
    assert "123456782" not in answer.text
    (failure,) = [line for line in lines if line["event"] == "unexpected failure"]
    assert f"Geef uw beheerder dit kenmerk: {failure['reference']}." in said


async def test_programs_get_problems(console: Console) -> None:
    """Whatever fails below /v1 is no page."""
    add_api(console.app)
    async with browser(console, "nl") as http:
        for method, path in (("GET", "/v1/nothing"), ("PATCH", "/v1/records"), ("GET", "/v1/hits?after=x")):
            answer = await http.request(method, path)
            assert answer.headers["content-type"] == "application/problem+json", path
