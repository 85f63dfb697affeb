# SPDX-License-Identifier: EUPL-1.2
"""The pages of logging in, in a real browser: its cookies, its policy, and for whoever uses them in another way."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from axe_playwright_python.async_playwright import Axe  # type: ignore[import-untyped]
from playwright.async_api import Browser
from pyotp import TOTP

from agency_client.people.lockout import ACCOUNT
from agency_client.people.oidc_settings import OidcSettings
from agency_client.run_settings import RunSettings
from edge.languages import Lang
from tests.browser.serving import Room, room
from tests.fakes.covenants import make_covenant
from tests.fakes.login_console import LoginConsole, login_console
from tests.fakes.login_world import PASSWORD
from tests.fakes.processes import free_port
from tests.fakes.small_world import NOW, make_world

WRONG = "iets dat het niet is"


@asynccontextmanager
async def entrance(
    folder: Path,
    browser: Browser,
    axe: Axe,
    lang: Lang,
    *,
    script: bool = True,
    settings: RunSettings = RunSettings(),  # noqa: B008 - frozen
) -> AsyncIterator[tuple[LoginConsole, Room]]:
    """Return a console with its real login, and somebody who stands before it."""
    world = make_world(make_covenant(now=NOW))
    async with (
        login_console(folder / "home", world, settings) as console,
        room(console.app, browser, axe, lang=lang, script=script) as found,
    ):
        yield console, found


WORDS = {
    "nl": (
        "Uw eerste keer inloggen",
        "verschillen",
        "Laat de app deze afbeelding",
        "Elke code werkt één keer",
        "Dat klopt niet",
    ),
    "en": ("Your first login", "The two passwords differ.", "scan this picture", "ecovery codes", "That is not right"),
}


@pytest.mark.parametrize(("lang", "script"), [("nl", False), ("en", True)])
async def test_a_first_login_and_what_comes_after(
    tmp_path: Path, browser: Browser, axe: Axe, lang: Lang, script: bool
) -> None:
    """One-time code, password, app, recovery codes, account, log-out, log-in: with and without JavaScript, each page
    without a violation of WCAG, at 320 pixels and at twice the size of text.
    """
    async with entrance(tmp_path, browser, axe, lang, script=script) as (console, found):
        see, one = found.seen, found.one
        first, differ, scan, recovery, not_right = WORDS[lang]
        added = console.people.staff(console.running).add("anna", "Anna", ["coordinator", "privacy-officer"], lang)
        await see("welcome.html", first, "/welcome")
        fields = {"name": "anna", "code": added.code or "", "password": PASSWORD, "again": PASSWORD[:-1]}
        await one.fill(fields)
        await one.send("/welcome")
        await see("welcome.html", differ)
        await one.fill({**fields, "again": PASSWORD})
        await one.send("/welcome")
        await see("enrol.html", scan)
        secret = "".join((await one.page.locator("code.key").first.inner_text()).split())
        await one.fill({"code": TOTP(secret).at(console.now)})
        await one.send("/welcome/totp")
        await see("recovery.html", recovery)
        assert await one.page.locator("ul.codes li").count() == 8
        console.later(minutes=1)
        await see("account.html", "Anna", "/account")
        await see("logins.html", "Anna", "/account/logins")
        cookies = {cookie["name"]: cookie for cookie in await one.context.cookies()}
        kept = cookies["__Host-sluis-police-oost"]
        assert (kept["secure"], kept["httpOnly"], kept["sameSite"], kept["path"]) == (True, True, "Lax", "/")
        if script:
            assert "__Host" not in await one.page.evaluate("document.cookie")
        await one.send("/logout")
        await see("left.html", "Sluis")
        await one.open("/login")
        await one.fill({"name": "anna", "password": WRONG})
        await one.send("/login")
        await see("login.html", not_right)
        await one.fill({"name": "anna", "password": PASSWORD})
        await one.send("/login")
        await see("login_totp.html", "Sluis")
        await one.fill({"code": TOTP(secret).at(console.now)})
        await one.send("/login/totp")
        assert "/login" not in one.page.url


async def test_what_goes_wrong_at_the_door(tmp_path: Path, browser: Browser, axe: Axe) -> None:
    """A wrong code, a wrong password on one's own account, and a pause after too many tries."""
    async with entrance(tmp_path, browser, axe, "en") as (console, found):
        see, one = found.seen, found.one
        secret = console.enrolled("anna", "coordinator")
        await one.open("/login")
        await one.fill({"name": "anna", "password": PASSWORD})
        await one.send("/login")
        await one.fill({"code": "000000"})
        await one.send("/login/totp")
        await see("login_totp.html", "That is not right.")
        await one.fill({"code": TOTP(secret).at(console.now)})
        await one.send("/login/totp")
        console.later(minutes=1)
        await one.open("/account")
        await one.fill({"old": WRONG, "new": PASSWORD, "again": PASSWORD})
        await one.send("/password")
        await see("account.html", "That is not right.")
        await one.fill({"password": PASSWORD})
        await one.send("/factor")
        await see("enrol.html", "scan this picture")
        await one.fill({"code": "000000"})
        await one.send("/factor/confirm")
        await see("enrol.html", "That is not right.")
        await one.send("/logout")
        for _ in range(ACCOUNT.free + 1):
            await one.open("/login")
            await one.fill({"name": "anna", "password": WRONG})
            await one.send("/login")
        await see("login.html", "Try again in")


async def test_a_provider_that_does_not_answer(tmp_path: Path, browser: Browser, axe: Axe) -> None:
    """The agency's own identity provider stands first; that it is away is said in words, with a way back."""
    (tmp_path / "secret").write_text("client-secret\n")
    oidc = OidcSettings(
        issuer=f"http://127.0.0.1:{free_port()}",
        client_id="sluis",
        client_secret_file=str(tmp_path / "secret"),
        title="Politie-account",
        roles={"sluis-coordinator": ("coordinator",)},
    )
    async with entrance(tmp_path, browser, axe, "nl", settings=RunSettings(oidc=oidc)) as (_, found):
        await found.seen("login.html", "Politie-account", "/login")
        await found.one.follow("Politie-account")
        await found.seen("login_failed.html", "Inloggen is niet gelukt")
