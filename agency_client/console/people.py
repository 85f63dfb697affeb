# SPDX-License-Identifier: EUPL-1.2
"""Who a request is from: the session behind its cookie. The one way from a browser to a ``Visitor``.

The cookie has a ``__Host-`` name, so that no other host and no plain connection can set it (RFC 6265bis), and the
agency's name in it, so that consoles on several ports of one machine do not log each other out. Not here: the pages
(``login.py``, ``account.py``), the rules (``agency_client/people``).
"""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TypeVar

from fastapi import FastAPI, Request, Response

from agency_client.console.visits import House, Visitor
from agency_client.people.enrolling import EnrolmentDesk
from agency_client.people.entering import Entrance, Present
from agency_client.people.gate import Entered, Gate, Source, address_of, ended
from agency_client.people.passwords import Cost, Hashing
from agency_client.people.sessions import Stage, device_of
from agency_client.people.staff import Staff
from agency_client.run_settings import RunSettings
from agency_client.running import Running
from protocol.errors import Code, ConfigurationError

if TYPE_CHECKING:
    from agency_client.people.oidc import Provider

COOKIE: Final = "__Host-sluis"
_HASHING_AT_ONCE: Final = 2
"""Passwords compared at a time: each takes 64 MiB and a core for a moment. Others wait their turn."""
_UNUSED: Final = ("/live",)
"""Requests that a page makes by itself: they do not keep a session alive."""

T = TypeVar("T")


class AgencyPeople:
    """The people of this agency, as the console needs them (``visits.People``)."""

    def __init__(self, settings: RunSettings, cost: Cost = Cost.LOGIN) -> None:
        self.settings = settings
        self._hashing = Hashing.at(cost)
        self._turns = asyncio.Semaphore(_HASHING_AT_ONCE)
        self._provider: Provider | None = None

    async def visitor(self, request: Request) -> Visitor | None:
        """Return who sent this request, by its session; None when nobody is logged in."""
        present = await self.present(request)
        if present is None:
            return None
        account = present.account
        return Visitor(account.display, account.subject, account.roles, present.csrf, account.language)

    async def present(self, request: Request) -> Present | None:
        """Return the account and session of this request."""
        token = self.token(request)
        if not token:
            return None
        # What a page fetches by itself says nothing about whether somebody still sits there.
        used = request.url.path not in _UNUSED and "hx-request" not in request.headers
        entrance = self.entrance(running_of(request))
        return await asyncio.to_thread(entrance.who, token, used=used)

    async def require(self, request: Request) -> Present:
        """Return the account and session of this request. Raises ``AuthenticationError``."""
        present = await self.present(request)
        if present is None:
            raise ended()
        return present

    def add_pages(self, app: FastAPI, house: House) -> None:
        """Add the pages of logging in and of one's own account."""
        from agency_client.console.account import add_account
        from agency_client.console.login import add_login
        from agency_client.console.welcome import add_welcome

        add_login(app, house, self)
        add_welcome(app, house, self)
        if self.settings.oidc is not None:
            # Loaded where it is used only: its libraries take as long to load as all others together.
            from agency_client.console.login_oidc import add_oidc

            add_oidc(app, house, self)
        add_account(app, house, self)

    def gate(self, running: Running) -> Gate:
        """Return what all ways in share."""
        needed = self.settings.second_factor == "required"
        return Gate(running.session.vault.people, self._hashing, running.clock, needed)

    def entrance(self, running: Running) -> Entrance:
        """Return the ways in and out."""
        return Entrance(self.gate(running))

    def desk(self, running: Running) -> EnrolmentDesk:
        """Return where people set up what they log in with."""
        return EnrolmentDesk(self.gate(running), running.session.me.title.nl)

    def staff(self, running: Running) -> Staff:
        """Return the operator's desk."""
        return Staff(self.gate(running))

    def provider(self, running: Running) -> "Provider":
        """Return the identity provider. Raises ``ConfigurationError`` when the settings have none that can be used."""
        from agency_client.people.oidc import Provider, read_secret

        wanted, own = self.settings.oidc, self.settings.public_url
        if wanted is None or own is None:
            raise ConfigurationError(
                Code.SETTINGS_INVALID, "An identity provider needs oidc and publicUrl in run.json."
            )
        if self._provider is None:
            home = running.session.home.folder
            secret = None if wanted.client_secret_file is None else read_secret(home / wanted.client_secret_file)
            authority = None if wanted.ca_file is None else str(home / wanted.ca_file)
            known = wanted.model_copy(update={"ca_file": authority})
            self._provider = Provider(known, secret, f"{own}/login/oidc/back", running.clock)
        return self._provider

    async def hashed(self, work: Callable[[], T]) -> T:
        """Do what compares or makes a password, in its turn and beside the loop."""
        async with self._turns:
            return await asyncio.to_thread(work)

    # --- Cookies ---

    def token(self, request: Request) -> str:
        """Return the session's token, if the browser has one."""
        return request.cookies.get(cookie_name(request), "")

    def admit(self, request: Request, entered: Entered, answer: Response) -> Response:
        """Give the browser its new session with this answer."""
        set_cookie(answer, cookie_name(request), entered.token)
        if entered.session.stage is Stage.FULL:
            account, session = entered.account, running_of(request).session
            shown = f"{account.display} ({account.subject})" if account.kind == "local" else account.display
            session.person(account.subject, shown)
        return answer


def running_of(request: Request) -> Running:
    """Return the client behind the console."""
    running: Running = request.app.state.running
    return running


def cookie_name(request: Request, use: str = "") -> str:
    """Return the name of a cookie of this console: ``__Host-sluis-police-oost``, and one for another use beside it."""
    return "-".join(part for part in (COOKIE, running_of(request).session.me.id, use) if part)


def set_cookie(answer: Response, name: str, value: str) -> None:
    """Set a cookie that scripts cannot read, that other sites do not send along with forms, and that ends with the
    browser. ``Lax`` and not ``Strict``: a link in a mail, and the way back from a provider, must find who is logged in.
    """
    answer.set_cookie(name, value, path="/", secure=True, httponly=True, samesite="lax")


def drop_cookie(answer: Response, name: str) -> None:
    """Make the browser forget a cookie."""
    answer.delete_cookie(name, path="/", secure=True, httponly=True, samesite="lax")


def source_of(request: Request) -> Source:
    """Return where a request came from."""
    host = request.client.host if request.client is not None else ""
    return Source(address_of(host), device_of(request.headers.get("user-agent", "")))
