# SPDX-License-Identifier: EUPL-1.2
"""One agency's console over a small honest world: real vault, real verification, no processes.

``Console.get`` and ``Console.post`` are what a browser without JavaScript does.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import httpx
from fastapi import FastAPI

from agency_client.console.app import make_console
from agency_client.console.screens import SCREENS, Screen
from agency_client.doors import BrokerDoor
from agency_client.following import Following
from agency_client.run_settings import RunSettings
from agency_client.running import Running
from agency_client.session import Online, Session
from agency_client.settings import Home, HomeFile, Identity
from agency_client.submit import Sender
from edge.covenant_trust import CovenantTrust
from edge.keyfile import SecretBytes
from protocol.ids import PartyId
from protocol.questions import PersonRole
from tests.fakes.agency import Client, clock, make_client
from tests.fakes.console_people import TOKEN, NamedPeople
from tests.fakes.small_world import NOW, World, agreed_of

ORIGIN = "http://console.test"
PLAIN = RunSettings(public_url=ORIGIN)
"""Of a console that is reached by that address only; a real browser needs other ones."""


@dataclass
class Console:
    """A console, its client, and a browser that stays logged in."""

    client: Client
    running: Running
    app: FastAPI
    http: httpx.AsyncClient

    async def get(self, path: str, *, role: str = "coordinator", lang: str = "en") -> httpx.Response:
        """Open a page."""
        return await self.http.get(path, headers={"x-test-role": role, "accept-language": lang})

    async def post(
        self,
        path: str,
        fields: Mapping[str, str | Sequence[str]] | None = None,
        *,
        role: str = "coordinator",
        lang: str = "en",
    ) -> httpx.Response:
        """Send a form of this console, and follow where it leads."""
        headers = {"x-test-role": role, "accept-language": lang, "origin": ORIGIN, "sec-fetch-site": "same-origin"}
        return await self.http.post(
            path, data={"csrf": TOKEN, **(fields or {})}, headers=headers, follow_redirects=True
        )


@asynccontextmanager
async def console_of(
    folder: Path,
    world: World,
    agency: str = "police-oost",
    *,
    roles: Sequence[PersonRole] = (),
    screens: Sequence[Screen] = SCREENS,
    broker: BrokerDoor | None = None,
    settings: RunSettings = PLAIN,
) -> AsyncIterator[Console]:
    """Return the console of one agency of the world; ``broker`` is a door that answers more than the ordinary one."""
    client = make_client(folder, world, agency, broker=broker)
    agreed, party = agreed_of(world.kit.covenant), PartyId(agency)
    me = next(one for one in agreed.covenant.agencies if one.id == party)
    secret = SecretBytes(b"p" * 32)
    identity = Identity(Sender(world.signer(party), b"c" * 32), secret, secret, secret)
    file = HomeFile(id=party, kind=me.kind, title=me.title, oin=me.oin, made_at=NOW, key_file_cost="interactive")
    nobody = cast("CovenantTrust", None)
    session = Session(Home(folder, file), identity, nobody, agreed, me, client.vault, clock, lambda _: None)
    following = Following(client.vault, client.post, agreed.covenant, clock)
    doors = cast("Online", SimpleNamespace(**vars(client), following=following))
    async with console_over(session, doors, client, roles=roles, screens=screens, settings=settings) as console:
        yield console
    client.vault.close()


@asynccontextmanager
async def console_over(
    session: Session,
    doors: Online,
    client: Client,
    *,
    roles: Sequence[PersonRole] = (),
    screens: Sequence[Screen] = SCREENS,
    settings: RunSettings = PLAIN,
) -> AsyncIterator[Console]:
    """Return a console over an opened home and its doors."""
    running = Running(session, doors)

    @asynccontextmanager
    async def living(app: FastAPI) -> AsyncIterator[None]:
        app.state.running = running
        yield

    app = make_console(living, settings, NamedPeople(roles), screens)
    app.state.running = running
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url=ORIGIN) as http:
        yield Console(client, running, app, http)
