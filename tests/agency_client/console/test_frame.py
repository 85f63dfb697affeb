# SPDX-License-Identifier: EUPL-1.2
"""The frame around every screen: who gets in, in which language, with which headers."""

import ast
import re
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Annotated

import pytest
from babel.messages.extract import DEFAULT_KEYWORDS
from babel.messages.pofile import read_po
from fastapi import Depends, FastAPI, Response
from jinja2.ext import babel_extract

from agency_client.console.languages import LOCALE, Languages
from agency_client.console.screens import Screen
from agency_client.console.visits import House, Visit
from tests.fakes.console_people import TOKEN
from tests.fakes.console_world import ORIGIN, Console, console_of
from tests.fakes.small_world import NOW, World

CONSOLE = LOCALE.parent


def _add_board(app: FastAPI, house: House) -> None:
    enter = Annotated[Visit, Depends(house.visit("coordinator"))]

    @app.get("/board", include_in_schema=False)
    async def board(visit: enter) -> Response:
        return visit.page("error.html", error=_Nothing())

    @app.post("/board", include_in_schema=False)
    async def write(visit: enter) -> Response:
        return visit.see("/board", said="written")


class _Nothing:
    detail, hint, issues, code = "<b>text</b>", "", (), "none"


BOARD = Screen("signals", "Board", frozenset({"coordinator"}), _add_board)


@pytest.fixture
async def console(tmp_path: Path, world: World) -> AsyncIterator[Console]:
    """Return a console with one screen of our own."""
    async with console_of(tmp_path / "home", world, screens=(BOARD,)) as found:
        yield found


async def test_who_is_not_logged_in_is_sent_to_log_in(console: Console) -> None:
    """Nobody sees a screen before logging in, and comes back to where he wanted to be."""
    answer = await console.http.get("/board")
    assert (answer.status_code, answer.headers["location"]) == (HTTPStatus.SEE_OTHER, "/login?next=/board")


async def test_another_role_is_refused(console: Console) -> None:
    """A screen is for the roles that it names."""
    assert (await console.get("/board", role="operator")).status_code == HTTPStatus.FORBIDDEN


async def test_everything_is_escaped(console: Console) -> None:
    """Text is shown as text."""
    page = (await console.get("/board")).text
    assert "&lt;b&gt;text" in page
    assert "<b>text" not in page


async def test_a_page_allows_only_its_own_origin(console: Console) -> None:
    """Nothing inline runs and nothing is loaded from elsewhere; the local API keeps its own stricter policy."""
    policy = (await console.get("/board")).headers.get_list("content-security-policy")
    assert len(policy) == 1
    assert "default-src 'none'; script-src 'self'" in policy[0]
    assert "unsafe" not in policy[0]
    api = await console.http.get("/v1/openapi.json")
    assert api.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"


@pytest.mark.parametrize(
    ("fields", "headers"),
    [
        ({}, {}),
        ({"csrf": "x" * 43}, {}),
        ({"csrf": TOKEN}, {"origin": "https://elsewhere.example"}),
        ({"csrf": TOKEN}, {"sec-fetch-site": "cross-site"}),
        ({"csrf": TOKEN}, {"sec-fetch-site": "same-site"}),
    ],
)
async def test_a_form_of_another_site_is_refused(
    console: Console, fields: dict[str, str], headers: dict[str, str]
) -> None:
    """A form counts only with its session's token and from this console's own pages."""
    sent = {"x-test-role": "coordinator", "origin": ORIGIN, "sec-fetch-site": "same-origin", **headers}
    answer = await console.http.post("/board", data=fields, headers=sent)
    assert answer.status_code == HTTPStatus.FORBIDDEN
    assert (await console.post("/board")).status_code == HTTPStatus.OK


async def test_the_language_can_be_chosen_without_logging_in(console: Console) -> None:
    """The choice is kept in a cookie and goes before the browser's wish."""
    headers = {"origin": ORIGIN, "sec-fetch-site": "same-origin"}
    answer = await console.http.post("/language", data={"lang": "nl", "back": "//evil.example"}, headers=headers)
    assert answer.headers["location"] == "/"
    console.http.cookies.set("sluis-language", "nl")
    assert "Naar de inhoud" in (await console.get("/board", lang="en")).text


async def test_what_is_not_there_is_said_in_words(console: Console) -> None:
    """A person gets a page, a program a problem."""
    page = await console.get("/nothing-here", lang="nl")
    assert page.status_code == HTTPStatus.NOT_FOUND
    assert "Dat is niet gelukt" in page.text
    assert (await console.http.get("/v1/nothing")).headers["content-type"] == "application/problem+json"


def _messages() -> Iterator[tuple[str, str | tuple[str, ...]]]:
    for template in sorted((CONSOLE / "templates").glob("*.html")):
        with template.open("rb") as file:
            for _, _, message, _ in babel_extract(file, DEFAULT_KEYWORDS, [], {"silent": "false"}):
                found = (message,) if isinstance(message, str) else tuple(text for text in message or () if text)
                # What is no constant there is one somewhere else, marked by N_.
                if found:
                    yield template.name, found[0] if len(found) == 1 else found
    for module in sorted(CONSOLE.rglob("*.py")):
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) in (
                "gettext",
                "ngettext",
                "N_",
                "Screen",
            ):
                texts = [arg.value for arg in node.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)]
                called = getattr(node.func, "attr", getattr(node.func, "id", ""))
                if texts:
                    yield module.name, tuple(texts[:2]) if called == "ngettext" else texts[-1]


def test_every_text_is_there_in_dutch() -> None:
    """No text of a template or module lacks its Dutch, none keeps an old one, and both have the same places in it."""
    dutch = {}
    for path in sorted((LOCALE / "nl").glob("*.po")):
        with path.open("rb") as file:
            for message in read_po(file, locale="nl", abort_invalid=True):
                if message.id:
                    assert not message.fuzzy, (path.name, message.id)
                    dutch.setdefault(message.id, message.string)
    used = {}
    for place, message in _messages():
        used.setdefault(message if isinstance(message, str) else tuple(message[:2]), place)
    missing = {f"{place}: {message}" for message, place in used.items() if not dutch.get(message)}
    assert not missing
    said_no_more = set(dutch) - set(used)
    assert not said_no_more
    for english, said in dutch.items():
        forms = (said,) if isinstance(said, str) else said
        first = english if isinstance(english, str) else english[1]
        for form in forms:
            assert set(re.findall(r"%\(\w+\)\w", form)) == set(re.findall(r"%\(\w+\)\w", first)), english


def test_time_left_is_told_in_words() -> None:
    """Hours while they matter, then a day and a time of day, then days; what is late says so."""
    dutch, english = Languages("Europe/Amsterdam").of("nl"), Languages("Europe/Amsterdam").of("en")
    told = [dutch.left(NOW + timedelta(hours=hours), NOW) for hours in (2, 6, 26, 24 * 7, -24 * 7)]
    assert [one.words for one in told] == [
        "nog 2 uur",
        "nog 6 uur",
        "22 november 2026 23:00",
        "nog 7 dagen",
        "7 dagen te laat",
    ] or told
    assert [one.press for one in told] == ["now", "soon", "soon", "plain", "now"]
    assert english.left(NOW + timedelta(hours=1, minutes=5), NOW).words == "1 hour left"
    assert dutch.moment(NOW, NOW) == "vandaag 21:00"
