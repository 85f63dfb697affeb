# SPDX-License-Identifier: EUPL-1.2
"""A console of this process, reached by a browser: many states at little cost, since nothing has to be started.

Not here: the consoles (``tests/fakes/console_world.py``, ``login_console.py``), the browser (``browsing.py``).
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from axe_playwright_python.async_playwright import Axe  # type: ignore[import-untyped]
from fastapi import FastAPI
from playwright.async_api import Browser

from agency_client.console.languages import Speech
from agency_client.console.pages import Pages
from edge.languages import Lang
from tests.fakes.browsing import Person, person


@asynccontextmanager
async def served(app: FastAPI) -> AsyncIterator[str]:
    """Serve a console by plain HTTP on this machine, as for trying it out; return its origin."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, lifespan="off"))
    serving = asyncio.create_task(server.serve())
    while not server.started:
        assert not serving.done()
        await asyncio.sleep(0.02)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        app.state.stopping.set()
        server.should_exit = True
        await serving


@dataclass
class Room:
    """Somebody at a browser before a console of this process; who it is, is said by a header."""

    one: Person
    axe: Axe
    made: list[str] = field(default_factory=list)
    """The templates of all pages that were asked for."""
    script: bool = True
    """Without it the checker cannot run either; the pages are the same ones."""

    async def as_a(self, role: str) -> None:
        """Be somebody of another role from now on."""
        await self.one.context.set_extra_http_headers({"x-test-role": role})

    async def seen(self, template: str, words: str, path: str | None = None) -> None:
        """Look at a page in a state: which template it is of, and what it says in it, make sure that it is that one."""
        if path is not None:
            await self.one.open(path)
        assert self.made[-1] == template, f"{words}: this is {self.made[-1]}"
        said = await self.one.page.locator("body").inner_text()
        assert words in said, f"{template} does not say {words!r} but {said[:2_000]}"
        if self.script:
            await self.one.look(self.axe, f"{template}, {words}")

    async def unchecked(self) -> None:
        """Have this page's forms sent without the browser's own checks, as some browsers and all programs do."""
        await self.one.page.evaluate("for (const form of document.forms) form.noValidate = true")


@asynccontextmanager
async def room(
    app: FastAPI, browser: Browser, axe: Axe, *, lang: Lang = "en", role: str = "coordinator", script: bool = True
) -> AsyncIterator[Room]:
    """Return somebody before this console."""
    headers = {"x-test-role": role}
    async with served(app) as origin, person(browser, origin, lang=lang, script=script, headers=headers) as one:
        yield Room(one, axe, _listened(app), script)


def _listened(app: FastAPI) -> list[str]:
    """Return the list to which each page's template is added when it is made; parts of pages are left out."""
    pages: Pages = app.state.house.pages
    made: list[str] = []
    before = pages.render

    def render(template: str, speech: Speech, /, **context: Any) -> str:
        if template != "signal_checks.html":
            made.append(template)
        return before(template, speech, **context)

    pages.render = render  # type: ignore[method-assign]
    return made
