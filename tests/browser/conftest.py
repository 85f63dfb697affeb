# SPDX-License-Identifier: EUPL-1.2
"""One browser for all tests of this folder; one event loop, since a browser lives in one."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, async_playwright

from tests.browser.chromium import FLAGS, find_chromium


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
def axe() -> Axe:
    """Return the checker."""
    return Axe()
