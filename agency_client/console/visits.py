# SPDX-License-Identifier: EUPL-1.2
"""One request of one person: who it is, what that person may do, in which language; and the answer as a page.

Not here: who somebody is (``people`` answers that), what a screen shows (its own module).
"""

import hmac
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final, Protocol
from urllib.parse import quote

from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.requests import ClientDisconnect

from agency_client.console.languages import Languages, Speech
from agency_client.console.pages import Pages
from agency_client.run_settings import RunSettings
from agency_client.running import Running
from edge.languages import LANGS, Lang
from protocol.errors import Code, InputError, RefusedError
from protocol.questions import PersonRole

LANGUAGE_COOKIE: Final = "sluis-language"
CSRF_FIELD: Final = "csrf"
MAX_FIELDS: Final = 200
"""Fields of one form: the form of a signal has some sixty."""
MAX_FIELD: Final = 20_000
"""Characters of one field: some pages of text."""
MAX_FORM: Final = 16 * 1024 * 1024
"""Bytes of a form with its files: attachments of 10 MB, and what goes round them."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """A logged-in person."""

    name: str
    """For people of this agency."""
    subject: str = field(repr=False)
    """What is the same at each login: the account's name, or the identity provider's own."""
    roles: frozenset[PersonRole]
    csrf: str = field(repr=False)
    """The session's token that every form carries."""
    lang: Lang | None = None


class People(Protocol):
    """Who is who; ``agency_client/people`` implements it."""

    async def visitor(self, request: Request) -> Visitor | None:
        """Return who sent this request, by its session; None when nobody is logged in."""

    def add_pages(self, app: FastAPI, house: "House") -> None:
        """Add the pages of logging in and of one's own account."""


class LoginNeededError(Exception):
    """Nobody is logged in. The console's own: it becomes a redirect, never a problem."""

    def __init__(self, came_for: str) -> None:
        super().__init__("Nobody is logged in.")
        self.came_for = came_for


@dataclass(frozen=True, slots=True)
class Form:
    """What somebody filled in, bounded. Absent and empty are the same; text is stripped."""

    fields: Mapping[str, tuple[str, ...]] = field(default_factory=dict, repr=False)
    files: Mapping[str, tuple[tuple[str, bytes], ...]] = field(default_factory=dict, repr=False)
    """Under each field, the name and content of each file."""

    def text(self, name: str) -> str:
        """Return a field's text."""
        return next(iter(self.fields.get(name, ())), "")

    def texts(self, name: str) -> tuple[str, ...]:
        """Return all texts of a field that may be there several times, without empty ones."""
        return tuple(text for text in self.fields.get(name, ()) if text)


class Entry(Protocol):
    """A screen as the menu knows it (``screens.py``)."""

    @property
    def name(self) -> str:
        """Of its icon and address."""

    @property
    def title(self) -> str:
        """In English."""

    @property
    def roles(self) -> frozenset[PersonRole]:
        """Who may see it."""

    @property
    def second(self) -> bool:
        """Whether it stands below the line."""

    @property
    def count(self) -> "Callable[[Visit], int] | None":
        """How many things wait there."""


@dataclass(frozen=True, slots=True)
class MenuItem:
    """One line of the menu, for this person, now."""

    name: str
    title: str
    waiting: int
    begins_second: bool


@dataclass(frozen=True, slots=True)
class Visit:
    """One request of one person."""

    request: Request
    house: "House"
    visitor: Visitor
    speech: Speech
    form: Form

    @property
    def running(self) -> Running:
        """The client behind the console."""
        return self.house.running

    @property
    def now(self) -> datetime:
        """The present moment in UTC."""
        return self.running.clock()

    def person(self) -> str:
        """Return the opaque reference of this person, by which acts reach the log; who it is stays here, sealed."""
        return self.running.session.person(self.visitor.subject)

    def may(self, *roles: PersonRole) -> bool:
        """Say whether this person has one of these roles."""
        return bool(self.visitor.roles & set(roles))

    def page(self, template: str, /, status: int = HTTPStatus.OK, **context: Any) -> Response:
        """Return a screen."""
        return self.house.page(self.request, self.speech, template, status, visit=self, **context)

    def see(self, path: str, said: str | None = None) -> Response:
        """Send the browser on to a page after an act; ``said`` is a short code of what that page then says."""
        return RedirectResponse(path if said is None else f"{path}?said={quote(said)}", HTTPStatus.SEE_OTHER)

    @property
    def menu(self) -> tuple[MenuItem, ...]:
        """What this person can go to, and how much waits there."""
        entries = [one for one in self.house.menu if self.visitor.roles & one.roles]
        return tuple(
            MenuItem(
                one.name,
                one.title,
                one.count(self) if one.count is not None else 0,
                one.second and at > 0 and not entries[at - 1].second,
            )
            for at, one in enumerate(entries)
        )

    @property
    def said(self) -> str:
        """What was just done, as ``see`` was told."""
        return self.request.query_params.get("said", "")[:40]


@dataclass(frozen=True, slots=True)
class House:
    """What all screens share."""

    app: FastAPI
    settings: RunSettings
    people: People
    languages: Languages
    pages: Pages
    menu: Sequence[Entry]

    @property
    def running(self) -> Running:
        """The client, once the program has started."""
        running: Running = self.app.state.running
        return running

    def visit(self, *roles: PersonRole) -> Callable[[Request], Awaitable[Visit]]:
        """Return what lets in somebody who is logged in and has one of these roles; all roles when none is named.

        A form is read here, and refused without its session's token or when it comes from another site.
        """

        async def enter(request: Request) -> Visit:
            visitor = await self.people.visitor(request)
            if visitor is None:
                raise LoginNeededError(request.url.path if request.method == "GET" else "/today")
            form = Form()
            if request.method != "GET":
                require_same_site(request, self.settings)
                form = await read_form(request)
                require_token(form, visitor.csrf)
            if roles and not visitor.roles & set(roles):
                raise RefusedError(Code.POLICY_REFUSED, "Your role does not give access to this screen.")
            return Visit(request, self, visitor, self.speech(request, visitor.lang), form)

        return enter

    def speech(self, request: Request, wanted: Lang | None = None) -> Speech:
        """Return the language of a request: the cookie's choice, else the person's, else the browser's."""
        chosen = request.cookies.get(LANGUAGE_COOKIE)
        lang = next((lang for lang in LANGS if lang == chosen), None) or wanted
        return self.languages.of(lang or self.languages.preferred(request.headers.get("accept-language")))

    def page(
        self, request: Request, speech: Speech, template: str, status: int = HTTPStatus.OK, **context: Any
    ) -> Response:
        """Return a page, also for somebody who is not logged in."""
        running: Running | None = getattr(self.app.state, "running", None)
        html = self.pages.render(template, speech, running=running, here=request.url.path, **context)
        return HTMLResponse(html, status)


def require_token(form: Form, token: str) -> None:
    """Pass for a form of this session. Raises ``RefusedError``."""
    if not token or not hmac.compare_digest(form.text(CSRF_FIELD).encode(), token.encode()):
        raise RefusedError(
            Code.POLICY_REFUSED, "This form is no longer valid.", hint="Open the page again and fill it in once more."
        )


def require_same_site(request: Request, settings: RunSettings) -> None:
    """Pass for a request that a page of this console made. Raises ``RefusedError``.

    Browsers say where a request comes from in ``Sec-Fetch-Site`` and ``Origin`` (Fetch Metadata, W3C; RFC 6454).
    """
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    ours = settings.public_url or f"{request.url.scheme}://{request.headers.get('host', '')}"
    if site not in (None, "same-origin") or origin not in (None, ours):
        raise RefusedError(Code.POLICY_REFUSED, "This form comes from another site.")


async def read_form(request: Request) -> Form:
    """Read a form strictly. Raises ``InputError``."""
    found: dict[str, list[str]] = {}
    files: dict[str, list[tuple[str, bytes]]] = {}
    try:
        parsed = await request.form(max_fields=MAX_FIELDS, max_files=20, max_part_size=MAX_FORM)
    except ClientDisconnect:
        # Nobody reads the answer: somebody went on to another page while this one was checking a field.
        raise InputError(Code.MALFORMED, "The connection ended before the form was whole.") from None
    try:
        for name, value in parsed.multi_items():
            if isinstance(value, str):
                if len(value) > MAX_FIELD or "\x00" in value:
                    raise InputError(Code.MALFORMED, "A field of the form holds too much, or what cannot be text.")
                found.setdefault(name, []).append(value.strip())
            elif value.filename:
                files.setdefault(name, []).append((value.filename[:200], await value.read()))
    finally:
        await parsed.close()
    return Form(
        {name: tuple(values) for name, values in found.items()},
        {name: tuple(values) for name, values in files.items()},
    )
