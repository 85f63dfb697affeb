# SPDX-License-Identifier: EUPL-1.2
"""The pages of logging in, in a real browser: its cookies, its policy, and for whoever uses them in another way."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from axe_playwright_python.async_playwright import Axe  # type: ignore[import-untyped]
from playwright.async_api import Browser
from pyotp import TOTP

from agency_client.run_settings import RunSettings
from edge.languages import Lang
from tests.browser.serving import served
from tests.fakes.browsing import person
from tests.fakes.covenants import make_covenant
from tests.fakes.login_console import LoginConsole, login_console
from tests.fakes.login_world import PASSWORD
from tests.fakes.small_world import NOW, make_world


@asynccontextmanager
async def _served(folder: Path) -> AsyncIterator[tuple[LoginConsole, str]]:
    """Serve a console by plain HTTP on this machine, as for trying it out."""
    world = make_world(make_covenant(now=NOW))
    async with login_console(folder, world, RunSettings()) as console, served(console.app) as origin:
        yield console, origin


@pytest.mark.asyncio
@pytest.mark.parametrize(("lang", "script"), [("nl", False), ("en", True)])
async def test_a_first_login_and_what_comes_after(
    tmp_path: Path, browser: Browser, axe: Axe, lang: Lang, script: bool
) -> None:
    """One-time code, password, app, recovery codes, account, log-out, log-in: with and without JavaScript, each page
    without a violation of WCAG, at 320 pixels and at twice the size of text.
    """
    async with (
        _served(tmp_path / "home") as (console, origin),
        person(browser, origin, lang=lang, script=script) as one,
    ):

        async def look(place: str) -> None:
            # The checker is a script itself; pages are the same without.
            if script:
                await one.look(axe, place)

        added = console.people.staff(console.running).add("anna", "Anna", ["coordinator", "privacy-officer"], lang)
        await one.open("/welcome")
        await look("welcome")
        fields = {"name": "anna", "code": added.code or "", "password": PASSWORD, "again": PASSWORD[:-1]}
        await one.fill(fields)
        await one.send("/welcome")
        await look("welcome, refused")
        await one.fill({**fields, "again": PASSWORD})
        await one.send("/welcome")
        await look("the app")
        secret = "".join((await one.page.locator("code.key").first.inner_text()).split())
        await one.fill({"code": TOTP(secret).at(console.now)})
        await one.send("/welcome/totp")
        await look("recovery codes")
        assert await one.page.locator("ul.codes li").count() == 8
        console.later(minutes=1)
        for path in ("/account", "/account/logins"):
            await one.open(path)
            await look(path)
        cookies = {cookie["name"]: cookie for cookie in await one.context.cookies()}
        kept = cookies["__Host-sluis-police-oost"]
        assert (kept["secure"], kept["httpOnly"], kept["sameSite"], kept["path"]) == (True, True, "Lax", "/")
        if script:
            assert "__Host" not in await one.page.evaluate("document.cookie")
        await one.send("/logout")
        await look("left")
        await one.open("/login")
        await one.fill({"name": "anna", "password": "iets dat het niet is"})
        await one.send("/login")
        await look("login, refused")
        await one.fill({"name": "anna", "password": PASSWORD})
        await one.send("/login")
        await look("the code")
        await one.fill({"code": TOTP(secret).at(console.now)})
        await one.send("/login/totp")
        assert "/login" not in one.page.url
