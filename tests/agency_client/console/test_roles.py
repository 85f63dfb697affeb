# SPDX-License-Identifier: EUPL-1.2
"""Every route of the console against every role, and against a thief: nothing is open by having been forgotten."""

import base64
import re
from collections.abc import AsyncIterator, Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Final

import httpx
import pytest
from starlette.routing import Route

from agency_client.api.app import add_api
from agency_client.console.people import cookie_name
from agency_client.people.accounts import ROLES
from agency_client.people.gate import Source
from agency_client.people.oidc_settings import OidcSettings
from agency_client.people.sessions import Stage
from agency_client.run_settings import RunSettings
from agency_client.serving import add_health
from protocol.questions import PersonRole
from tests.fakes.login_console import ORIGIN, PERSON_KEY, SIGNING_KEY, LoginConsole, login_console
from tests.fakes.login_world import PASSWORD
from tests.fakes.small_world import World

ANYBODY: Final = frozenset({"anybody"})
PEOPLE: Final[frozenset[str]] = frozenset(ROLES)
COORDINATOR: Final = frozenset({"coordinator"})
CASEWORK: Final = frozenset({"coordinator", "supervisor"})
PRIVACY: Final = frozenset({"privacy-officer"})
WATCH: Final = frozenset({"privacy-officer", "operator"})

TABLE: Final[dict[str, frozenset[str]]] = {
    "GET /healthz": ANYBODY,
    "GET /readyz": ANYBODY,
    "GET /static/{name}": ANYBODY,
    "POST /language": ANYBODY,
    "GET /login": ANYBODY,
    "POST /login": ANYBODY,
    "GET /login/totp": ANYBODY,
    "POST /login/totp": ANYBODY,
    "GET /login/oidc/start": ANYBODY,
    "GET /login/oidc/back": ANYBODY,
    "GET /left": ANYBODY,
    "GET /welcome": ANYBODY,
    "POST /welcome": ANYBODY,
    "GET /welcome/totp": ANYBODY,
    "POST /welcome/totp": ANYBODY,
    "GET /": PEOPLE,
    "GET /live": PEOPLE,
    "POST /logout": PEOPLE,
    "GET /account": PEOPLE,
    "POST /account/password": PEOPLE,
    "POST /account/factor": PEOPLE,
    "GET /account/factor": PEOPLE,
    "POST /account/factor/confirm": PEOPLE,
    "POST /account/codes": PEOPLE,
    "POST /account/language": PEOPLE,
    "POST /account/everywhere": PEOPLE,
    "POST /account/sessions": PEOPLE,
    "POST /account/session": PEOPLE,
    "GET /account/logins": WATCH,
    "GET /account/{part}": PEOPLE,
    "GET /today": PEOPLE,
    "GET /hits": CASEWORK,
    "GET /hits/list/{progress}": CASEWORK,
    "GET /hits/list/{progress}/{page}": CASEWORK,
    "GET /hits/{hit}": CASEWORK,
    "POST /hits/{hit}/opening": CASEWORK,
    "POST /hits/{hit}/acknowledged": CASEWORK,
    "POST /hits/{hit}/contacted": CASEWORK,
    "POST /hits/{hit}/outcome": CASEWORK,
    "GET /hits/{hit}/more": CASEWORK,
    "POST /hits/{hit}/more": CASEWORK,
    "GET /signals": CASEWORK | PRIVACY,
    "POST /signals/find": CASEWORK | PRIVACY,
    "GET /signals/new": COORDINATOR,
    "GET /signals/{signal}/correct": COORDINATOR,
    "POST /signals/form": COORDINATOR,
    "POST /signals/check": COORDINATOR,
    "POST /signals/preview": COORDINATOR,
    "POST /signals/new": COORDINATOR,
    "POST /signals/{signal}/withdraw": COORDINATOR,
    "POST /signals/{signal}/restrict": COORDINATOR,
    "POST /signals/{signal}/lift": COORDINATOR,
    "POST /signals/{signal}/extend": COORDINATOR,
    "GET /signals/{signal}": CASEWORK | PRIVACY,
    "GET /ask": COORDINATOR,
    "POST /ask": COORDINATOR,
    "GET /requests": CASEWORK,
    "GET /requests/list/{which}": CASEWORK,
    "GET /requests/list/{which}/{before}": CASEWORK,
    "GET /requests/{request}": CASEWORK,
    "POST /requests/{request}/grant": COORDINATOR,
    "POST /requests/{request}/refuse": COORDINATOR,
    "POST /requests/{request}/approve": COORDINATOR,
    "POST /requests/{request}/hand-over": COORDINATOR,
    "POST /requests/{request}/cancel": CASEWORK,
    "POST /requests/{request}/answer": CASEWORK,
    "POST /requests/{request}/files/{place}": CASEWORK,
    "GET /logbook": PRIVACY,
    "POST /logbook/entries": PRIVACY,
    "POST /logbook/unusual": PRIVACY,
    "POST /logbook/export": PRIVACY,
    "GET /logbook/requests/new": PRIVACY,
    "POST /logbook/requests/new": PRIVACY,
    "POST /logbook/requests/step": PRIVACY,
    "GET /logbook/reviews": PRIVACY,
    "POST /logbook/reviews": PRIVACY,
    "GET /covenant": PEOPLE,
    "GET /system": PEOPLE,
    "GET /system/quarantine": PEOPLE,
    "GET /system/quarantine/{number}": CASEWORK,
    "POST /system/quarantine/{number}": CASEWORK,
    "POST /system/quarantine/{number}/dismiss": CASEWORK,
}
"""Who may use a route. A new route needs a line here, and who writes it thinks about who may."""
STREAMS: Final = {"GET /live"}
"""Answers without an end: looked at by their own test."""
UNKNOWN: Final = "0192f0c1-0000-7000-8000-000000000001"
_PLACES: Final = {"page": "2", "before": "2", "place": "0", "progress": "open", "which": "mine", "name": "console.css"}


@pytest.fixture
async def console(tmp_path: Path, world: World) -> AsyncIterator[LoginConsole]:
    """Return the whole console with everything that is served beside it."""
    oidc = OidcSettings(issuer="https://idp.example", client_id="sluis", roles={"x": ("operator",)})
    settings = RunSettings(public_url=ORIGIN, oidc=oidc)
    async with login_console(tmp_path / "home", world, settings) as found:
        add_api(found.app)
        add_health(found.app)
        yield found


def _routes(console: LoginConsole) -> Iterator[str]:
    for route in console.app.routes:
        if isinstance(route, Route) and not route.path.startswith("/v1/"):
            yield from (f"{method} {route.path}" for method in sorted(route.methods or ()) if method != "HEAD")


async def _asked(console: LoginConsole, route: str, roles: frozenset[str]) -> httpx.Response:
    """Use a route as somebody who has just logged in, or as a stranger."""
    method, path = route.split(" ")
    path = re.sub(r"\{(\w+)\}", lambda found: _PLACES.get(found[1], UNKNOWN), path)
    fields, headers = {}, {"origin": ORIGIN, "sec-fetch-site": "same-origin"}
    if roles != ANYBODY:
        gate = console.people.gate(console.running)
        subject = next(iter(roles)) if len(roles) == 1 else "everything"
        account = next((one for one in console.people.staff(console.running).all() if one.subject == subject), None)
        if account is None:
            staff = console.people.staff(console.running)
            account = staff.add(subject, subject, [*roles], "en", password=PASSWORD).account
        token = gate.open(account, Stage.FULL, Source()).token
        headers["cookie"] = f"__Host-sluis-police-oost={token}"
        fields["csrf"] = console.people.entrance(console.running).csrf(token)
    if not console.browsers:
        # One for all: it keeps nothing, since each request brings its own cookie.
        console.browser()
    http = console.browsers[0]
    http.cookies.clear()
    return await http.request(method, path, data=fields if method == "POST" else None, headers=headers)


def _turned_away(answer: httpx.Response) -> bool:
    at_the_door = answer.headers.get("location", "").startswith("/login?")
    return at_the_door or (answer.status_code == HTTPStatus.FORBIDDEN and "Your role does not give" in answer.text)


async def test_every_route_says_who_may_use_it(console: LoginConsole) -> None:
    """A route without a line in the table, or a line without a route, fails."""
    assert set(_routes(console)) == set(TABLE)


@pytest.mark.parametrize("role", [*ROLES, "anybody"])
async def test_a_route_lets_in_whom_the_table_names_and_nobody_else(console: LoginConsole, role: str) -> None:
    """Each route with each role, and without any."""
    wrong = []
    for route, allowed in TABLE.items():
        if route in STREAMS:
            continue
        answer = await _asked(console, route, frozenset({role}))
        if _turned_away(answer) is (role in allowed or allowed == ANYBODY):
            wrong.append(f"{route} as {role}: {answer.status_code}")
    assert not wrong


async def test_the_stream_is_for_people_only(console: LoginConsole) -> None:
    """It says only that something changed; a stranger does not learn even that."""
    assert _turned_away(await _asked(console, "GET /live", ANYBODY))


async def test_a_console_session_is_no_key_to_the_local_api(console: LoginConsole) -> None:
    """Systems have tokens of their own; a browser's cookie is none of them."""
    paths = console.app.openapi()["paths"]
    assert paths
    for path, methods in paths.items():
        for method in methods:
            place = re.sub(r"\{\w+\}", UNKNOWN, path)
            full = place if place.startswith("/v1") else f"/v1{place}"
            answer = await _asked(console, f"{method.upper()} {full}", frozenset({"coordinator"}))
            assert answer.status_code in (401, 400, 413, 415, 411), (path, method, answer.status_code)
            assert answer.status_code != 200


def _spelled(secret: bytes) -> list[bytes]:
    ways = [secret.hex().encode(), base64.b64encode(secret), base64.urlsafe_b64encode(secret)]
    return [secret, *(way.rstrip(b"=") for way in ways), secret.hex().upper().encode()]


INLINE: Final = re.compile(rb"<style|style=|<script(?![^>]* src=)|\son[a-z]+=|javascript:", re.IGNORECASE)


def _faults(route: str, answer: httpx.Response, secrets: list[bytes]) -> Iterator[str]:
    raw, headers = answer.content + str(answer.headers).encode(), answer.headers
    if any(secret in raw for secret in (*secrets, b"$argon2", PASSWORD.encode())):
        yield "a key or a password"
    wanted = {"x-content-type-options": "nosniff", "x-frame-options": "DENY", "cache-control": "no-store"}
    file = route == "GET /static/{name}"
    yield from (name for name, value in wanted.items() if headers[name] != value and not (file and "cache" in name))
    policy = headers["content-security-policy"]
    if "frame-ancestors 'none'" not in policy or "unsafe" in policy:
        yield "its policy"
    if not file and INLINE.search(answer.content):
        # The policy would stop it; it must not be there at all.
        yield "something inline"


async def test_no_answer_has_a_key_or_lacks_its_protection(console: LoginConsole) -> None:
    """A thief with the cookie of a person of every role asks for everything: no key, no password, nothing inline; and
    every page, redirect and error has its policy, is stored nowhere and shown in no frame.
    """
    identity = console.running.session.identity
    planted = [PERSON_KEY, SIGNING_KEY, identity.sender.case_key, identity.person_key.reveal()]
    secrets = [way for secret in planted for way in _spelled(secret)]
    faults, read = [], 0
    for route in TABLE:
        if route not in STREAMS:
            answer = await _asked(console, route, frozenset(ROLES))
            read += len(answer.content)
            faults += [f"{route}: {fault}" for fault in _faults(route, answer, secrets)]
    assert not faults
    assert read > 50_000


def test_roles_are_what_the_covenant_s_rules_know() -> None:
    """Those of people; the machine's is no person's."""
    from typing import get_args

    assert set(ROLES) == set(get_args(PersonRole)) - {"system"}


def test_the_cookie_s_name_is_this_agency_s() -> None:
    """Consoles of several agencies on one machine do not log each other out: cookies know no ports."""

    class _Request:
        class app:  # noqa: N801 - as Starlette spells it
            class state:  # noqa: N801
                class running:  # noqa: N801
                    class session:  # noqa: N801
                        class me:  # noqa: N801
                            id = "care-zuid"

    assert cookie_name(_Request()) == "__Host-sluis-care-zuid"  # type: ignore[arg-type]
