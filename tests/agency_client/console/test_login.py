# SPDX-License-Identifier: EUPL-1.2
"""Logging in through the console's pages: cookies, forms, pauses, and where one comes out."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pyotp
import pytest

from agency_client.people.lockout import ACCOUNT, ADDRESS
from agency_client.people.logins import Result
from agency_client.run_settings import RunSettings
from tests.fakes.login_console import ORIGIN, LoginConsole, login_console
from tests.fakes.login_world import PASSWORD
from tests.fakes.small_world import World

COOKIE = "__Host-sluis-police-oost"


@pytest.fixture
async def console(tmp_path: Path, world: World) -> AsyncIterator[LoginConsole]:
    """Return a console without accounts."""
    async with login_console(tmp_path / "home", world) as found:
        yield found


def _cookies(answer: object) -> dict[str, str]:
    lines = answer.headers.get_list("set-cookie")  # type: ignore[attr-defined]
    return {line.split("=", 1)[0]: line for line in lines}


async def test_the_whole_first_login(console: LoginConsole) -> None:
    """One-time code and password, then the QR code, then the recovery codes, and one is in."""
    code = console.people.staff(console.running).add("anna", "Anna", ["coordinator"], "en").code
    browser = console.browser()
    await browser.get("/welcome")
    fields = {"name": "anna", "code": code or "", "password": PASSWORD, "again": PASSWORD}
    answer = await browser.post("/welcome", fields)
    assert answer.headers["location"] == "/welcome/totp"
    assert (await browser.get("/account")).status_code == 303
    page = (await browser.get("/welcome/totp")).text
    assert "<svg" in page
    secret = re.search(r'<code class="key">([A-Z2-7 ]+)</code>', page)
    assert secret is not None
    answer = await browser.post("/welcome/totp", {"code": pyotp.TOTP(secret[1].replace(" ", "")).at(console.now)})
    assert len(re.findall(r"[a-z2-7]{4}(-[a-z2-7]{4}){3}", answer.text)) == 8
    assert "Anna" in (await browser.get("/account")).text


async def test_the_session_s_cookie_cannot_be_read_or_set_by_others(console: LoginConsole) -> None:
    """__Host-, Secure, HttpOnly, SameSite=Lax, no domain, and gone with the browser."""
    secret = console.enrolled("anna", "coordinator")
    browser = console.browser()
    answer = await browser.log_in("anna", secret, console.now)
    line = _cookies(answer)[COOKIE]
    parts = {part.strip().lower() for part in line.split(";")[1:]}
    assert parts == {"secure", "httponly", "samesite=lax", "path=/"}
    for name, other in _cookies(await console.browser().get("/login")).items():
        assert name.startswith("__Host-sluis-")
        assert {"Secure", "HttpOnly", "SameSite=lax", "Path=/"} <= {part.strip() for part in other.split(";")}


async def test_a_token_from_before_the_login_stands_for_nothing(console: LoginConsole) -> None:
    """Session fixation: what an attacker planted in a browser does not become the victim's session."""
    secret = console.enrolled("anna", "coordinator")
    planted = "A" * 43
    browser = console.browser()
    browser.http.cookies.set(COOKIE, planted, domain="console.test")
    await browser.log_in("anna", secret, console.now)
    attacker = console.browser()
    attacker.http.cookies.set(COOKIE, planted, domain="console.test")
    assert (await attacker.get("/account")).status_code == 303
    assert planted not in [one.value for one in browser.http.cookies.jar if one.value and one.expires is None][-1:]


async def test_between_password_and_code_nothing_is_shown(console: LoginConsole) -> None:
    """Every page sends back to the login."""
    console.enrolled("anna", "coordinator", "privacy-officer")
    browser = console.browser()
    await browser.get("/login")
    assert (await browser.post("/login", {"name": "anna", "password": PASSWORD})).headers["location"] == "/login/totp"
    for path in ("/", "/account", "/account/logins", "/live"):
        assert (await browser.get(path)).headers["location"].startswith("/login"), path


async def test_a_wrong_code_and_a_wrong_password_are_told_in_words(console: LoginConsole) -> None:
    """In the language that the person reads, and without saying which was wrong."""
    console.enrolled("anna", "coordinator")
    browser = console.browser()
    await browser.get("/login")
    known = await browser.post("/login", {"name": "anna", "password": "iets anders"}, **{"accept-language": "nl"})
    await browser.get("/login")
    unknown = await browser.post("/login", {"name": "niemand", "password": "iets anders"}, **{"accept-language": "nl"})
    assert known.status_code == unknown.status_code == 401
    assert "Dat klopt niet." in known.text
    strip = re.compile(r'value="[^"]*"')
    assert strip.sub("", known.text) == strip.sub("", unknown.text)


async def test_too_many_tries_are_paused_and_the_pause_ends(console: LoginConsole) -> None:
    """With the clock moved; the page says how long."""
    secret = console.enrolled("anna", "coordinator")
    browser = console.browser()
    for _ in range(ACCOUNT.free):
        assert (await browser.log_in("anna", None, console.now, "iets anders dan dat")).status_code == 401
    paused = await browser.log_in("anna", secret, console.now)
    assert paused.status_code == 429
    assert "Try again in 1 minute." in paused.text
    console.later(seconds=ACCOUNT.first.total_seconds())
    assert (await browser.log_in("anna", secret, console.now)).status_code == 303


async def test_one_address_that_tries_everybody_is_paused(console: LoginConsole) -> None:
    """And the same machine's own address is not one: a proxy in front would be everybody."""
    browser, proxied = console.browser("192.0.2.66"), console.browser("127.0.0.1")
    statuses = [
        (await browser.log_in(f"naam{number}", None, console.now, "iets")).status_code
        for number in range(ADDRESS.free + 1)
    ]
    assert statuses == [401] * ADDRESS.free + [429]
    assert (await proxied.log_in("nog-een", None, console.now, "iets")).status_code == 401


@pytest.mark.parametrize(
    ("wanted", "comes_to"),
    [
        ("/hits/0192", "/hits/0192"),
        ("/signals?state=live", "/signals?state=live"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("https://evil.example/", "/"),
        ("javascript:alert(1)", "/"),
        ("/%0d%0aSet-Cookie:x", "/%0d%0aSet-Cookie:x"),
        ("/a\r\nSet-Cookie: x=1", "/"),
        ("/@evil.example", "/"),
        ("", "/"),
    ],
)
async def test_after_logging_in_one_stays_in_this_console(console: LoginConsole, wanted: str, comes_to: str) -> None:
    """No open redirect by ``next``."""
    secret = console.enrolled("anna", "coordinator")
    browser = console.browser()
    await browser.get("/login")
    fields = {"name": "anna", "password": PASSWORD, "next": wanted}
    onward = (await browser.post("/login", fields)).headers["location"]
    assert onward.startswith("/login/totp")
    await browser.get(onward)
    shown = re.search(r'name="next" value="([^"]*)"', browser.page.text if browser.page else "")
    assert shown is not None
    answer = await browser.post("/login/totp", {"code": pyotp.TOTP(secret).at(console.now), "next": wanted})
    assert answer.headers["location"] == comes_to
    assert "x" not in {one.name for one in browser.http.cookies.jar}


FORMS = [
    ("/login", {"name": "anna", "password": PASSWORD}),
    ("/login/totp", {"code": "000000"}),
    ("/welcome", {"name": "anna", "code": "x"}),
    ("/welcome/totp", {"code": "000000"}),
]


FROM_ELSEWHERE = {
    "cross-site": {"sec-fetch-site": "cross-site"},
    "same-site": {"sec-fetch-site": "same-site"},
    "other-origin": {"origin": "https://evil.example"},
}


@pytest.mark.parametrize(("path", "fields"), FORMS)
async def test_a_form_from_elsewhere_does_not_log_anybody_in(
    console: LoginConsole, path: str, fields: dict[str, str]
) -> None:
    """Login CSRF: nobody is logged in to somebody else's account unawares."""
    console.enrolled("anna", "coordinator")
    browser, other = console.browser(), console.browser()
    await other.get("/login")
    await browser.get("/login")
    own, tokens = browser.csrf, {"missing": "", "wrong": "A" * 43, "other-browser": other.csrf}
    for fault in (*tokens, *FROM_ELSEWHERE):
        answer = await browser.post(path, {**fields, "csrf": tokens.get(fault, own)}, **FROM_ELSEWHERE.get(fault, {}))
        assert answer.status_code == 403, fault
        assert COOKIE not in _cookies(answer), fault
    stranger = console.browser()
    answer = await stranger.post(path, {**fields, "csrf": own})
    assert answer.status_code == 403
    assert "keeps no cookies" in answer.text


async def test_a_form_of_another_session_does_nothing(console: LoginConsole) -> None:
    """Neither without the session's token, nor with a colleague's, nor from another site."""
    browser, other = await console.logged_in("anna", "coordinator"), await console.logged_in("bert", "coordinator")
    await other.get("/account")
    await browser.get("/account")
    own, tokens = browser.csrf, {"missing": "", "wrong": "A" * 43, "other-session": other.csrf}
    paths = ("/logout", "/account/everywhere", "/account/session", "/account/password", "/account/factor")
    for path in (*paths, "/account/codes"):
        for fault in (*tokens, *FROM_ELSEWHERE):
            fields = {"csrf": tokens.get(fault, own), "password": PASSWORD, "old": PASSWORD}
            answer = await browser.post(path, fields, **FROM_ELSEWHERE.get(fault, {}))
            assert answer.status_code == 403, (path, fault)
    assert (await browser.get("/account")).status_code == 200


async def test_logging_out_ends_the_session_also_for_who_copied_it(console: LoginConsole) -> None:
    """The cookie goes, and the token stands for nothing."""
    browser = await console.logged_in("anna", "coordinator")
    thief = console.browser()
    thief.http.cookies.set(COOKIE, browser.cookie() or "", domain="console.test")
    assert (await thief.get("/account")).status_code == 200
    await browser.get("/account")
    answer = await browser.post("/logout")
    assert answer.headers["location"] == "/left"
    assert "Max-Age=0" in _cookies(answer)[COOKIE]
    assert (await thief.get("/account")).status_code == 303
    assert (await browser.get("/left")).status_code == 200


async def test_logging_out_everywhere(console: LoginConsole) -> None:
    """All browsers of the person."""
    secret = console.enrolled("anna", "coordinator")
    first, second = console.browser(), console.browser()
    for browser in (first, second):
        await browser.log_in("anna", secret, console.now)
        console.later(minutes=1)
    assert "Log out everywhere else" in (await first.get("/account")).text
    await first.post("/account/everywhere")
    assert (await second.get("/account")).status_code == 303
    assert (await first.get("/account")).status_code == 303


def _handles(page: str) -> list[str]:
    return re.findall(r'name="session" value="([^"]+)"', page)


async def test_ending_one_session_that_was_chosen(console: LoginConsole) -> None:
    """That browser is out at once, the others stay in; it is written down, and again does nothing."""
    secret = console.enrolled("anna", "coordinator")
    first, second, third = (console.browser() for _ in range(3))
    for browser in (first, second, third):
        await browser.log_in("anna", secret, console.now)
        console.later(minutes=1)
    page = (await first.get("/account")).text
    # The newest first; the last one is of setting up the account.
    newest, older, enrolment = _handles(page)
    assert (first.cookie() or "") not in page
    answer = await first.post("/account/session", {"session": older})
    assert answer.headers["location"] == "/account?said=one"
    assert "You are logged out there." in (await first.get("/account?said=one")).text
    assert (await second.get("/account")).status_code == 303
    assert (await third.get("/account")).status_code == 200
    await first.get("/account")
    assert (await first.post("/account/session", {"session": older})).headers["location"] == "/account?said=over"
    record = [line.result for _, line in console.running.session.vault.people.logins(9)]
    assert record.count(Result.LEFT) == 1
    await first.http.post("/language", data={"lang": "nl"}, headers={"origin": ORIGIN})
    dutch = (await first.get("/account?said=over")).text
    assert "Daar uitloggen" in dutch
    assert "Daar was u al uitgelogd." in dutch
    assert _handles(dutch) == [newest, enrolment]


async def test_nobody_ends_another_person_s_session(console: LoginConsole) -> None:
    """A handle counts for its owner only, and neither a token nor nonsense is one."""
    secret = console.enrolled("piet", "coordinator")
    one, other = console.browser(), console.browser()
    for browser in (one, other):
        await browser.log_in("piet", secret, console.now)
        console.later(minutes=1)
    anna = await console.logged_in("anna", "coordinator")
    handle = _handles((await one.get("/account")).text)[0]
    for tried in (handle, other.cookie() or "", "", "é"):
        await anna.get("/account")
        answer = await anna.post("/account/session", {"session": tried})
        assert answer.headers["location"] == "/account?said=over"
    for browser in (one, other, anna):
        assert (await browser.get("/account")).status_code == 200


async def test_ending_the_session_that_one_is_in_is_logging_out(console: LoginConsole) -> None:
    """Though no page offers it: the cookie goes, and the session with it."""
    browser = await console.logged_in("anna", "coordinator")
    offered = _handles((await browser.get("/account")).text)
    entrance = console.people.entrance(console.running)
    present = entrance.who(browser.cookie() or "")
    assert present is not None
    handle = entrance.handle(present.session)
    assert handle not in offered
    answer = await browser.post("/account/session", {"session": handle})
    assert answer.headers["location"] == "/left"
    assert (await browser.get("/account")).status_code == 303


async def test_a_page_that_refreshes_itself_does_not_keep_a_session_alive(console: LoginConsole) -> None:
    """Live updates say nothing about whether somebody still sits there."""
    browser = await console.logged_in("anna", "coordinator")
    for _ in range(4):
        console.later(minutes=9)
        await browser.http.get("/account", headers={"hx-request": "true"})
    assert (await browser.get("/account")).status_code == 303


async def test_changing_the_password_keeps_this_browser_in_and_no_other(console: LoginConsole) -> None:
    """With the old one asked again."""
    browser = await console.logged_in("anna", "coordinator")
    before = browser.cookie()
    await browser.get("/account")
    new = "heel andere woorden nu"
    wrong = await browser.post("/account/password", {"old": "iets anders", "new": new, "again": new})
    assert wrong.status_code == 401
    assert "That is not right." in wrong.text
    weak = await browser.post("/account/password", {"old": PASSWORD, "new": "kort", "again": "kort"})
    assert weak.status_code == 400
    assert "at least 12" in weak.text
    done = await browser.post("/account/password", {"old": PASSWORD, "new": new, "again": new})
    assert done.headers["location"] == "/account?said=password"
    assert browser.cookie() != before
    assert "Your password was changed." in (await browser.get("/account?said=password")).text
    assert "<script>" not in (await browser.get("/account?said=<script>")).text.replace('<script src="', "")


async def test_another_app_can_be_linked(console: LoginConsole) -> None:
    """The password, a new QR code, its first code, new recovery codes."""
    browser = await console.logged_in("anna", "coordinator")
    assert (await browser.get("/account/factor")).headers["location"] == "/account"
    await browser.get("/account")
    answer = await browser.post("/account/factor", {"password": PASSWORD})
    assert answer.headers["location"] == "/account/factor"
    page = (await browser.get("/account/factor")).text
    secret = re.search(r'<code class="key">([A-Z2-7 ]+)</code>', page)
    assert secret is not None
    wrong = await browser.post("/account/factor/confirm", {"code": "000000"})
    assert wrong.status_code == 401
    done = await browser.post(
        "/account/factor/confirm", {"code": pyotp.TOTP(secret[1].replace(" ", "")).at(console.now)}
    )
    assert "recovery codes" in done.text
    assert (await browser.get("/account")).status_code == 200
    codes = await browser.post("/account/codes", {"password": PASSWORD})
    assert len(re.findall(r"[a-z2-7]{4}(-[a-z2-7]{4}){3}", codes.text)) == 8


async def test_the_language_of_the_account_is_spoken(console: LoginConsole) -> None:
    """From the next page on."""
    browser = await console.logged_in("anna", "coordinator")
    await browser.get("/account")
    await browser.post("/account/language", {"language": "nl"})
    assert "Mijn account" in (await browser.get("/account")).text


async def test_failed_logins_are_seen_by_who_keeps_watch(console: LoginConsole) -> None:
    """A count and the record for privacy officer and operator; nothing of it for a coordinator."""
    watcher = await console.logged_in("petra", "privacy-officer")
    other = await console.logged_in("anna", "coordinator")
    stranger = console.browser("192.0.2.66")
    await stranger.log_in("een wachtwoord misschien", None, console.now, "iets anders")
    page = (await watcher.get("/account")).text
    assert "1 login failed in the last seven days." in page
    record = (await watcher.get("/account/logins")).text
    assert "192.0.2.66" in record
    assert "een wachtwoord misschien" not in record
    assert "failed in the last" not in (await other.get("/account")).text
    assert (await other.get("/account/logins")).status_code == 403
    assert (await watcher.get("/account/logins?before=999999999999999999999")).status_code == 200


async def test_somebody_who_is_removed_is_out_at_the_next_click(console: LoginConsole) -> None:
    """And who lost a role loses its screens."""
    browser = await console.logged_in("petra", "privacy-officer")
    assert (await browser.get("/account/logins")).status_code == 200
    console.people.staff(console.running).set_roles("petra", ["coordinator"])
    assert (await browser.get("/account/logins")).status_code == 403
    console.people.staff(console.running).remove("petra")
    assert (await browser.get("/account")).status_code == 303


async def test_a_large_form_of_a_stranger_is_not_read(console: LoginConsole) -> None:
    """Before anybody is known, sixteen kilobytes are plenty."""
    browser = console.browser()
    await browser.get("/login")
    answer = await browser.post("/login", {"name": "x" * 20_000, "password": "x"})
    assert answer.status_code == 413


@pytest.mark.parametrize("text", ["<script>alert(1)</script>", '"><img src=x>', "{{ 7 * 7 }}", "anna\x07"])
async def test_what_is_typed_is_shown_as_text(console: LoginConsole, text: str) -> None:
    """Nothing of a form comes back as markup."""
    browser = console.browser()
    for path in ("/login", "/welcome"):
        await browser.get(path)
        page = (await browser.post(path, {"name": text, "password": text, "again": text, "code": text})).text
        assert text not in page or "<" not in text + "{"
        assert "49" not in re.sub(r'value="[^"]*"', "", page)


async def test_without_local_accounts_only_the_provider_lets_in(tmp_path: Path, world: World) -> None:
    """The form is not there, and sending it all the same does nothing."""
    settings = RunSettings(public_url=ORIGIN, local_accounts=False)
    async with login_console(tmp_path / "home", world, settings) as console:
        console.people.staff(console.running).add("anna", "Anna", ["coordinator"], "en", password=PASSWORD)
        browser = console.browser()
        assert 'name="password"' not in (await browser.get("/login")).text
        await browser.get("/welcome")
        assert (await browser.post("/login", {"name": "anna", "password": PASSWORD})).status_code == 403


async def test_the_log_sees_the_same_person_from_console_and_command_line(console: LoginConsole) -> None:
    """One opaque reference each; who it is stays in the vault."""
    await console.logged_in("anna", "coordinator")
    session = console.running.session
    assert session.vault.evidence.people()(session.person("anna")) == "Anna (anna)"
