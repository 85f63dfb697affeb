# SPDX-License-Identifier: EUPL-1.2
"""Logging in by an identity provider: a real one in a process of its own, and the console's pages around it."""

import json
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from agency_client.people.oidc_settings import OidcSettings
from agency_client.run_settings import RunSettings
from tests.fakes.login_console import ORIGIN, Browser, LoginConsole, login_console
from tests.fakes.small_world import World

USERS = {
    "anna-1": {"name": "Anna Bakker", "roles": ["sluis-coordinator"], "locale": "en"},
    "niemand-2": {"name": "Zonder Rol", "roles": ["something-else"]},
}


def free_port() -> int:
    """Return a port that nobody listens on now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
    return port


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    """Start oidc-provider-mock, and return its address."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    users = [word for name, claims in USERS.items() for word in ("--user-claims", json.dumps({"sub": name, **claims}))]
    command = [sys.executable, "-m", "oidc_provider_mock", "--port", str(port), "--require-nonce", "true", *users]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(600):
            try:
                httpx.get(f"{address}/.well-known/openid-configuration", trust_env=False)
                break
            except httpx.TransportError:
                assert process.poll() is None
                time.sleep(0.1)
        yield address
    finally:
        process.terminate()
        process.wait(30)


def settings_for(issuer: str, secret: Path) -> RunSettings:
    """Return settings with this provider."""
    secret.write_text("client-secret\n")
    oidc = OidcSettings(
        issuer=issuer,
        client_id="sluis",
        client_secret_file=str(secret),
        title="Politie-account",
        roles={"sluis-coordinator": ("coordinator",)},
    )
    return RunSettings(public_url=ORIGIN, oidc=oidc)


@pytest.fixture
async def console(tmp_path: Path, world: World, issuer: str) -> AsyncIterator[LoginConsole]:
    """Return a console whose people log in by the provider."""
    async with login_console(tmp_path / "home", world, settings_for(issuer, tmp_path / "secret")) as found:
        # The provider's clock is the machine's.
        found.now = datetime.now(UTC)
        yield found


async def _sent(browser: Browser, after: str = "/") -> str:
    """Follow the button of the login page; returns where it leads."""
    page = await browser.get(f"/login?next={after}")
    assert f"/login/oidc/start?next={after}" in page.text.replace("%2F", "/")
    return (await browser.get(f"/login/oidc/start?next={after}")).headers["location"]


async def _chosen(address: str, person: str, action: str = "authorize") -> str:
    """Do what somebody does at the provider; returns the way back."""
    async with httpx.AsyncClient(trust_env=False) as http:
        answer = await http.post(address, data={"sub": person, "action": action})
    assert answer.status_code == 302, answer.text
    back = urlsplit(answer.headers["location"])
    return f"{back.path}?{back.query}"


async def test_the_whole_way_there_and_back(console: LoginConsole) -> None:
    """With the role that the claims give, and to the page that one came for."""
    browser = console.browser()
    address = await _sent(browser, "/account")
    sent = parse_qs(urlsplit(address).query)
    assert sent["code_challenge_method"] == ["S256"]
    assert {"nonce", "state", "code_challenge"} <= set(sent)
    answer = await browser.get(await _chosen(address, "anna-1"))
    assert (answer.status_code, answer.headers["location"]) == (303, "/account")
    page = (await browser.get("/account")).text
    assert "Anna Bakker" in page
    assert "identity provider, which keeps your password" in page
    session = console.running.session
    subject = next(one.subject for one in console.people.staff(console.running).all())
    assert session.vault.evidence.people()(session.person(subject)) == "Anna Bakker"


async def test_somebody_without_a_role_is_not_let_in(console: LoginConsole) -> None:
    """And is told whom to ask."""
    browser = console.browser()
    answer = await browser.get(await _chosen(await _sent(browser), "niemand-2"))
    assert answer.status_code == HTTPStatus.FORBIDDEN
    assert "no role in Sluis" in answer.text
    assert (await browser.get("/account")).status_code == 303


async def test_who_says_no_at_the_provider_is_not_let_in(console: LoginConsole) -> None:
    """In words, and with a way to try again. (This provider leaves the state out of a no; test_oidc.py has both.)"""
    browser = console.browser()
    answer = await browser.get(await _chosen(await _sent(browser), "anna-1", "deny"))
    assert answer.status_code == HTTPStatus.BAD_REQUEST
    assert "Logging in did not work" in answer.text
    assert "/login" in answer.text


async def test_an_answer_with_another_state_is_a_page_of_status_400(console: LoginConsole) -> None:
    """Somebody else's answer in my browser does not log me in as them."""
    mine, theirs = console.browser(), console.browser()
    await _sent(mine)
    back = await _chosen(await _sent(theirs), "anna-1")
    answer = await mine.get(back)
    assert answer.status_code == HTTPStatus.BAD_REQUEST
    assert "does not belong to a login that was begun here" in answer.text
    assert (await console.browser().get(back)).status_code == HTTPStatus.BAD_REQUEST


async def test_an_answer_counts_once(console: LoginConsole) -> None:
    """Coming back by the same address again, from a history, logs nobody in."""
    browser = console.browser()
    back = await _chosen(await _sent(browser), "anna-1")
    assert (await browser.get(back)).status_code == 303
    assert (await browser.get(back)).status_code == HTTPStatus.BAD_REQUEST


async def test_an_answer_after_too_long_does_not_count(console: LoginConsole) -> None:
    """Ten minutes."""
    browser = console.browser()
    back = await _chosen(await _sent(browser), "anna-1")
    console.later(minutes=10)
    assert (await browser.get(back)).status_code == HTTPStatus.BAD_REQUEST


async def test_what_waits_in_the_browser_cannot_be_read_or_made(console: LoginConsole) -> None:
    """The cookie is sealed; another one is nobody's login."""
    browser = console.browser()
    sent = parse_qs(urlsplit(await _sent(browser)).query)
    kept = browser.cookie("-oidc") or ""
    assert sent["nonce"][0] not in kept
    browser.http.cookies.set("__Host-sluis-police-oost-oidc", kept[:-4] + "AAAA", domain="console.test")
    answer = await browser.get(f"/login/oidc/back?code=x&state={sent['state'][0]}")
    assert answer.status_code == HTTPStatus.BAD_REQUEST


async def test_after_logging_out_one_can_leave_the_provider_too(console: LoginConsole, issuer: str) -> None:
    """By a link, since a form's answer may not lead to another site."""
    browser = console.browser()
    await browser.get(await _chosen(await _sent(browser), "anna-1"))
    await browser.get("/account")
    answer = await browser.post("/logout")
    assert answer.headers["location"] == "/left?by=oidc"
    assert f"{issuer}/oauth2/end_session?client_id=sluis" in (await browser.get("/left?by=oidc")).text


async def test_a_provider_that_is_away_is_a_page_of_status_503(tmp_path: Path, world: World) -> None:
    """In plain words; the local accounts still work."""
    away = settings_for(f"http://127.0.0.1:{free_port()}", tmp_path / "secret")
    async with login_console(tmp_path / "home", world, away) as console:
        browser = console.browser()
        await browser.get("/login")
        answer = await browser.get("/login/oidc/start")
        assert answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE
        assert "identity provider does not answer now" in answer.text
        assert (await browser.get("/left?by=oidc")).status_code == 200
        secret = console.enrolled("bert", "operator")
        assert (await browser.log_in("bert", secret, console.now)).status_code == 303


async def test_without_a_provider_there_are_no_such_pages(tmp_path: Path, world: World) -> None:
    """Nor a button."""
    async with login_console(tmp_path / "home", world) as console:
        browser = console.browser()
        assert "oidc" not in (await browser.get("/login")).text
        assert (await browser.get("/login/oidc/start")).status_code == 404
