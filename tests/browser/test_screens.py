# SPDX-License-Identifier: EUPL-1.2
"""Every screen, for everybody who may see it: no barrier that a checker finds, at 320 pixels, with large text, by keys.

A screen that is added without a visit here fails. Filled screens are looked at where the story passes them
(``test_day.py``); here they are as they are on an ordinary day.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import pytest
from axe_playwright_python.async_playwright import Axe  # type: ignore[import-untyped]
from playwright.async_api import Browser

from agency_client.console.screens import SCREENS
from tests.browser.conftest import CARE, Town
from tests.fakes.browsing import person

VISITS: Final[Mapping[str, tuple[str, Sequence[str]]]] = {
    "today": ("coordinator", ["/today"]),
    "hits": ("coordinator", ["/hits", "/hits/list/closed"]),
    "signals": ("coordinator", ["/signals", "/signals/new", "/signals/new?purpose=offender-prevention"]),
    "ask": ("coordinator", ["/ask", "/ask?purpose=offender-prevention"]),
    "requests": ("coordinator", ["/requests", "/requests/list/mine"]),
    "logbook": ("officer", ["/logbook", "/logbook/requests/new", "/logbook/reviews"]),
    "covenant": ("coordinator", ["/covenant"]),
    "system": ("chief", ["/system"]),
    "account": ("coordinator", ["/account"]),
}
"""Of each screen who looks at it, and its pages."""
OUTSIDE: Final = ("/login", "/welcome", "/left")
NOWHERE: Final = ("/no-such-page", "/hits/00000000-0000-0000-0000-000000000000")


def test_every_screen_is_visited() -> None:
    """A new screen comes with its visit."""
    assert {screen.name for screen in SCREENS} | {"account"} == set(VISITS)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("lang", ["nl", "en"])
async def test_no_screen_has_a_barrier(town: Town, axe: Axe, lang: str) -> None:
    """Axe finds nothing against WCAG 2.2 A and AA, nothing is wider than 320 pixels, and large text is not cut off.

    Pages differ by their words alone from language to language, so that the checker sees them in one of both.
    """
    checker = axe if lang == "nl" else None
    for name in ("coordinator", "officer", "chief"):
        async with town.at(CARE, name, lang=lang) as one:
            for screen, (who, pages) in VISITS.items():
                for page in pages if who == name else ():
                    await one.open(page)
                    assert await one.page.locator("html").get_attribute("lang") == lang
                    await one.look(checker, screen)
            if name == "coordinator":
                for page in NOWHERE:
                    await one.open(page)
                    await one.look(checker, "error")
                await one.open("/today")
                await one.speak("en" if lang == "nl" else "nl")
                assert await one.page.locator("html").get_attribute("lang") != lang


async def test_the_doors_have_no_barrier(browser: Browser, town: Town, axe: Axe) -> None:
    """Who is not logged in yet can log in by any means of their own."""
    async with person(browser, town.consoles.url(CARE), lang="nl") as one:
        for page in OUTSIDE:
            await one.open(page)
            await one.look(axe, page)
        await one.open("/login")
        await one.fill({"name": "nobody", "password": "a password that nobody has"})
        await one.send("/login")
        await one.look(axe, "login failed")
