# SPDX-License-Identifier: EUPL-1.2
"""The local API of one agency of a small honest world, and a system that calls it."""

from dataclasses import dataclass, field
from typing import Any

import httpx
from fastapi import FastAPI

from agency_client.api.app import add_api
from agency_client.vault.systems import Scope
from edge.api import make_app
from tests.fakes.agency_session import Agency

CONSTANTS = {"purpose": "offender-prevention", "grounds": "early-offences", "basis": "legal-duty"}
PERSON = {"given_names": "Anna", "surname": "Berg", "birth_date": "2001-01-31", **CONSTANTS}


@dataclass(repr=False)
class Caller:
    """A system with a token."""

    agency: Agency
    app: FastAPI
    http: httpx.AsyncClient
    token: str
    headers: dict[str, str] = field(default_factory=dict)

    async def call(self, method: str, path: str, body: Any = None, **more: Any) -> httpx.Response:
        """Call a route with the token."""
        headers = {"Authorization": f"Bearer {self.token}"} | self.headers | more.pop("headers", {})
        return await self.http.request(method, f"/v1{path}", json=body, headers=headers, **more)

    async def put(self, reference: str = "Z-1", **fields: Any) -> httpx.Response:
        """Give one record."""
        return await self.call("PUT", f"/records/{reference}", {"fields": {**PERSON, **fields}})

    def another(self, name: str, *may: Scope) -> "Caller":
        """Return another system of the same agency."""
        token = self.agency.session.vault.systems.add(name, may or (Scope.RECORDS, Scope.HITS), self.agency.hands())
        return Caller(self.agency, self.app, self.http, token)


def caller_of(agency: Agency) -> Caller:
    """Return a system that may do all; close ``http`` afterwards."""
    app = make_app("Sluis agency client", "1.0.0", "For tests.", role="agency")
    app.state.running = agency.running
    add_api(app)
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    http = httpx.AsyncClient(transport=transport, base_url="http://agency.test")
    token = agency.session.vault.systems.add("zaken", (Scope.RECORDS, Scope.HITS), agency.hands())
    return Caller(agency, app, http, token)
