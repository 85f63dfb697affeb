# SPDX-License-Identifier: EUPL-1.2
"""A console with its real login, and browsers: what each keeps in cookies, and the forms that it reads from pages."""

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import httpx
import pyotp
from fastapi import FastAPI

from agency_client.console.app import make_console
from agency_client.console.people import AgencyPeople
from agency_client.people.passwords import Cost
from agency_client.run_settings import RunSettings
from agency_client.running import Running
from agency_client.session import Online, Session
from agency_client.settings import Home, HomeFile, Identity
from agency_client.submit import Sender
from edge.covenant_trust import CovenantTrust
from edge.keyfile import SecretBytes
from protocol.ids import PartyId
from tests.fakes.agency import make_client
from tests.fakes.login_world import PASSWORD
from tests.fakes.small_world import NOW, World, agreed_of

ORIGIN = "https://console.test"
PERSON_KEY = b"PERSON-KEY-PLANTED-0123456789abc"
SIGNING_KEY = b"c" * 32


@dataclass
class Browser:
    """A browser of one person, without JavaScript."""

    http: httpx.AsyncClient
    page: httpx.Response | None = None

    async def get(self, path: str) -> httpx.Response:
        """Open a page, as a link of this console does."""
        self.page = await self.http.get(path, headers={"sec-fetch-site": "same-origin"})
        return self.page

    async def post(self, path: str, fields: Mapping[str, str] | None = None, **headers: str) -> httpx.Response:
        """Send a form with the token of the page that is open."""
        sent = {"origin": ORIGIN, "sec-fetch-site": "same-origin", **headers}
        self.page = await self.http.post(path, data={"csrf": self.csrf, **(fields or {})}, headers=sent)
        return self.page

    @property
    def csrf(self) -> str:
        """The token in the forms of the page that is open."""
        found = re.search(r'name="csrf" value="([^"]+)"', self.page.text) if self.page is not None else None
        return found.group(1) if found else ""

    def cookie(self, ending: str = "police-oost") -> str | None:
        """Return the value of a cookie by how its name ends."""
        return next((one.value for one in self.http.cookies.jar if one.name.endswith(ending)), None)

    async def log_in(self, name: str, secret: str | None, now: datetime, password: str = PASSWORD) -> httpx.Response:
        """Log in with password and code."""
        await self.get("/login")
        answer = await self.post("/login", {"name": name, "password": password})
        if secret is not None and answer.status_code == 303:
            await self.get("/login/totp")
            answer = await self.post("/login/totp", {"code": pyotp.TOTP(secret).at(now)})
        return answer


@dataclass
class LoginConsole:
    """The console of one agency, with a clock that tests move."""

    app: FastAPI
    running: Running
    people: AgencyPeople
    now: datetime = NOW
    browsers: list[httpx.AsyncClient] = field(default_factory=list)

    def later(self, **span: float) -> None:
        """Move the clock."""
        self.now += timedelta(**span)

    def browser(self, address: str = "127.0.0.1") -> Browser:
        """Open a browser that nobody used yet."""
        transport = httpx.ASGITransport(app=self.app, client=(address, 40000), raise_app_exceptions=False)
        http = httpx.AsyncClient(transport=transport, base_url=ORIGIN, headers={"accept-language": "en"})
        self.browsers.append(http)
        return Browser(http)

    def enrolled(self, name: str, *roles: str) -> str:
        """Add somebody who went through the first login; returns the shared secret."""
        from agency_client.people.gate import Source

        added = self.people.staff(self.running).add(name, name.title(), [*roles], "en")
        desk = self.people.desk(self.running)
        assert added.code is not None
        begun = desk.begin(name, added.code, PASSWORD, PASSWORD, Source())
        secret = desk.enrolment(begun.token)[0].secret
        desk.confirm(begun.token, pyotp.TOTP(secret).at(self.now), Source())
        self.later(minutes=1)
        return secret

    async def logged_in(self, name: str, *roles: str) -> Browser:
        """Return a browser of somebody who is logged in."""
        secret = self.enrolled(name, *roles)
        browser = self.browser()
        answer = await browser.log_in(name, secret, self.now)
        assert answer.status_code == 303, answer.text
        self.later(minutes=1)
        return browser


@asynccontextmanager
async def login_console(
    folder: Path, world: World, settings: RunSettings | None = None, agency: str = "police-oost"
) -> AsyncIterator[LoginConsole]:
    """Open one over a small honest world."""
    wanted = settings or RunSettings(public_url=ORIGIN)
    client = make_client(folder, world, agency)
    agreed, party = agreed_of(world.kit.covenant), PartyId(agency)
    me = next(one for one in agreed.covenant.agencies if one.id == party)
    secret = SecretBytes(PERSON_KEY)
    identity = Identity(Sender(world.signer(party), SIGNING_KEY), secret, secret, secret)
    file = HomeFile(id=party, kind=me.kind, title=me.title, oin=me.oin, made_at=NOW, key_file_cost="interactive")
    people = AgencyPeople(wanted, Cost.TEST)
    found: LoginConsole
    session = Session(
        Home(folder, file), identity, cast("CovenantTrust", None), agreed, me, client.vault, lambda: found.now,
        lambda _: None,
    )  # fmt: skip

    @asynccontextmanager
    async def living(app: FastAPI) -> AsyncIterator[None]:
        yield

    app = make_console(living, wanted, people)
    found = LoginConsole(app, cast("Running", None), people)
    found.running = Running(session, cast("Online", SimpleNamespace(**vars(client))))
    app.state.running = found.running
    yield found
    for browser in found.browsers:
        await browser.aclose()
    client.vault.close()
