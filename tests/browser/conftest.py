# SPDX-License-Identifier: EUPL-1.2
"""One browser and one whole system for all tests of this folder; one event loop, since a browser lives in one."""

import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from axe_playwright_python.async_playwright import Axe  # type: ignore[import-untyped]
from playwright.async_api import Browser, async_playwright

from agency_client.console.visits import LANGUAGE_COOKIE
from tests.broker.conftest import database, server, template
from tests.browser.chromium import FLAGS, find_chromium
from tests.browser.story import PICTURES
from tests.fakes.browsing import Person, log_in, person
from tests.fakes.consoles import PASSWORD, Consoles, consoles

__all__ = ["database", "server", "template"]
"""Fixtures of the broker's tests: requests are decided on at a real one."""
CARE, POLICE = "care-linde", "police-oost"
AGENCIES = (
    (POLICE, "police", "Politie Oost", "legal-duty"),
    (CARE, "care", "Jeugdzorg De Linde", "reporting-right"),
)


@dataclass
class Town:
    """The consoles of two agencies, and who works there."""

    browser: Browser
    consoles: Consoles
    keys: dict[str, dict[str, str]] = field(default_factory=dict)
    """Of authenticator apps, by agency and user name."""
    states: dict[tuple[str, str], Any] = field(default_factory=dict)
    """What browsers keep of somebody who is logged in."""

    @property
    def pictures(self) -> Path | None:
        """Where pictures go, when they are wanted."""
        return None if PICTURES is None else Path(PICTURES)

    @asynccontextmanager
    async def at(self, agency: str, name: str, *, lang: str = "en", script: bool = True) -> AsyncIterator[Person]:
        """Return somebody who is logged in; each time with a browser context of their own."""
        origin = self.consoles.url(agency)
        state = self.states.get((agency, name))
        async with person(self.browser, origin, lang=lang, script=script, state=state) as one:
            if state is None:
                await log_in(one, name, PASSWORD, self.keys.setdefault(agency, {}))
                self.states[agency, name] = await one.context.storage_state()
            await one.context.add_cookies([{"name": LANGUAGE_COOKIE, "value": lang, "url": origin}])
            yield one


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run every test here in the session's own event loop."""
    for item in items:
        if item.path.parent.name == "browser" and item.get_closest_marker("asyncio") is not None:
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """Return a running browser."""
    path = find_chromium()
    assert path is not None, "there is no Chromium: run `make browser`"
    async with async_playwright() as playwright:
        made = await playwright.chromium.launch(executable_path=path, args=list(FLAGS), timeout=120_000)
        yield made
        await made.close()


@pytest.fixture(scope="session")
def system() -> Iterator[Consoles]:
    """Return a running system with a console of each agency."""
    # Not pytest's folder, which is closed to the unprivileged user that a private PostgreSQL runs as.
    with tempfile.TemporaryDirectory(prefix="sluis-browser-") as folder:
        Path(folder).chmod(0o711)
        with consoles(Path(folder), AGENCIES) as made:
            yield made


@pytest.fixture(scope="session")
def town(browser: Browser, system: Consoles) -> Town:
    """Return who works where."""
    return Town(browser, system)


@pytest.fixture(scope="session")
def axe() -> Axe:
    """Return the checker."""
    return Axe()
