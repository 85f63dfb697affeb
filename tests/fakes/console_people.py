# SPDX-License-Identifier: EUPL-1.2
"""Who is logged in, by a header: the screens' tests are about screens, not about logging in."""

from collections.abc import Collection

from fastapi import FastAPI, Request

from agency_client.console.visits import House, Visitor
from protocol.questions import PersonRole

TOKEN = "t" * 43


class NamedPeople:
    """Lets in whoever the header ``x-test-role`` names (several by commas), and nobody without it."""

    def __init__(self, roles: Collection[PersonRole] = ()) -> None:
        self._roles = frozenset(roles)

    async def visitor(self, request: Request) -> Visitor | None:
        """Return the visitor of the header, or the one whom the test chose."""
        named = request.headers.get("x-test-role")
        roles = frozenset(named.split(",")) if named else self._roles
        return Visitor("Anna de Vries", "anna", roles, TOKEN) if roles else None  # type: ignore[arg-type]

    def add_pages(self, app: FastAPI, house: House) -> None:
        """Add nothing: there is no login here."""
