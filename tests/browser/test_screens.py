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
from tests.browser.conftest import CARE, POLICE, Town
from tests.fakes.browsing import Person, person

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
    """Axe finds nothing against WCAG 2.2 A and AA, nothing is wider than 320 pixels, and large text is not cut off."""
    for name in ("coordinator", "officer", "chief"):
        async with town.at(CARE, name, lang=lang) as one:
            for screen, (who, pages) in VISITS.items():
                for page in pages if who == name else ():
                    await one.open(page)
                    assert await one.page.locator("html").get_attribute("lang") == lang
                    await one.look(axe, screen)
            if name == "coordinator":
                for page in NOWHERE:
                    await one.open(page)
                    await one.look(axe, "error")


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


FOCUS: Final = """() => { const one = document.activeElement, look = getComputedStyle(one);
  return [one.tagName, one.getAttribute("href") ?? one.getAttribute("name") ?? "", one.textContent.trim().slice(0, 40),
    look.outlineStyle !== "none" && parseFloat(look.outlineWidth) >= 2]; }"""


async def test_all_can_be_done_by_keys(town: Town) -> None:
    """The skip link comes first and leads to the content; every stop can be seen; a form is filled and sent by keys."""
    async with town.at(POLICE, "coordinator", lang="en") as one:
        keys = one.page.keyboard
        await one.open("/signals")
        await keys.press("Tab")
        tag, href, _, _ = await one.page.evaluate(FOCUS)
        assert (tag, href) == ("A", "#content")
        stops = []
        for _ in range(60):
            await keys.press("Tab")
            stops.append(await one.page.evaluate(FOCUS))
            if stops[-1][0] == "BODY":
                break
        unseen = [stop for stop in stops if stop[0] != "BODY" and not stop[3]]
        assert not unseen, unseen
        wanted = {f"/{screen.name}" for screen in SCREENS if "coordinator" in screen.roles}
        assert wanted <= {stop[1] for stop in stops}
        await one.open("/signals")
        await keys.press("Tab")
        await keys.press("Enter")
        await keys.press("Tab")
        inside = await one.page.evaluate("document.querySelector('main').contains(document.activeElement)")
        assert inside


async def test_a_signal_is_sent_by_keys(town: Town) -> None:
    """Nobody needs a mouse from the empty form to the signal that was sent."""
    async with town.at(POLICE, "coordinator", lang="en") as one:
        await one.open("/signals/new?purpose=offender-prevention")
        for name, typed in (("case_reference", "OOST-KEYS"), ("grounds", None), ("basis", None), ("bsn", "123456782")):
            await _tab_to(one, name)
            await (one.page.keyboard.press("Space") if typed is None else one.page.keyboard.type(typed))
        await _press(one, "See who may learn what")
        await _press(one, "Send this signal")
        assert "said=sent" in one.page.url


async def _tab_to(one: Person, wanted: str) -> None:
    for _ in range(120):
        await one.page.keyboard.press("Tab")
        _, name, text, seen = await one.page.evaluate(FOCUS)
        if wanted in (name, text):
            assert seen, f"the focus on {wanted} cannot be seen"
            return
    raise AssertionError(f"Tab never came to {wanted}")


async def _press(one: Person, words: str) -> None:
    await _tab_to(one, words)
    async with one.page.expect_navigation(wait_until="load"):
        await one.page.keyboard.press("Enter")
