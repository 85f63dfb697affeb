# SPDX-License-Identifier: EUPL-1.2
"""Pages for who is not logged in: their forms' tokens, their small forms, where to go afterwards, what failed in words.

Not here: the pages (``login.py``, ``welcome.py``, ``login_oidc.py``).
"""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from fastapi import Request, Response
from fastapi.responses import RedirectResponse

from agency_client.console.languages import N_, Speech
from agency_client.console.people import AgencyPeople, cookie_name, running_of, set_cookie
from agency_client.console.refusals import detail_said, hint_said
from agency_client.console.visits import Form, House, read_form, require_same_site, require_token
from agency_client.people.lockout import PausedError
from agency_client.people.sessions import TOKEN_LETTERS, new_token
from agency_client.running import Running
from protocol.encoding import b64url
from protocol.errors import Code, InputError, RefusedError, SluisError

MAX_SMALL: Final = 16_384
"""Bytes of a form before anybody is known: a name, two passwords and what goes round them."""
_DOOR: Final = "door"
_NEXT: Final = re.compile(r"/(?!/)[A-Za-z0-9._~/?=&%:-]{0,500}\Z")

_NO_COOKIES: Final = N_(
    "Open the page again. If it happens again, your browser keeps no cookies of this page: it must be opened by https."
)
_SAID: Final = (
    N_("That is not right. Check what you typed, and try again."),
    N_("Your session has ended. Log in again."),
    N_("The two passwords differ."),
    N_("Type the same one twice."),
    N_("A password has at least 12 characters."),
    N_("A password has at most 200 characters."),
    N_("That password is a pattern that is tried first."),
    N_("That password is made of words that are tried first."),
    N_("Four or five words that have nothing to do with each other do well."),
    N_("You are known, and have no role in Sluis."),
    N_("Ask who manages accounts at your agency for one."),
    N_("The identity provider did not let you in, or not in order."),
    N_("The identity provider does not say who you are."),
    N_("This answer does not belong to a login that was begun here."),
    N_("Your agency's identity provider does not answer now."),
    N_("Your password is kept by your agency's identity provider."),
    N_("Recovery codes come with a second factor. Set that up first."),
    N_("Accounts of this console are not used at your agency."),
    N_("Your role does not give access to this screen."),
    N_("This form is no longer valid."),
    N_("Open the page again and fill it in once more."),
    N_("This form comes from another site."),
    N_("This form is too large."),
    N_("This page does not exist."),
    _NO_COOKIES,
)
"""What ``agency_client/people`` says to people, for the catalogue."""


@dataclass(frozen=True, slots=True)
class Outside:
    """One request of somebody who is not known yet."""

    request: Request
    house: House
    people: AgencyPeople
    speech: Speech
    form: Form
    door: str
    """A random value in a cookie, from which the token of this browser's forms follows."""

    @property
    def running(self) -> Running:
        """The client behind the console."""
        return self.house.running

    @property
    def next(self) -> str:
        """Where to go after logging in: a path of this console, or its begin."""
        return safe_path(self.form.text("next") or self.request.query_params.get("next", ""))

    def page(self, template: str, /, status: int = HTTPStatus.OK, **context: Any) -> Response:
        """Return a page, whose forms carry this browser's token."""
        token = _door_token(self.people, self.running, self.door)
        answer = self.house.page(self.request, self.speech, template, status, token=token, next=self.next, **context)
        set_cookie(answer, cookie_name(self.request, _DOOR), self.door)
        return answer

    def go(self, path: str, *, keep_next: bool = False) -> Response:
        """Send the browser on."""
        onward = f"{path}?next={self.next}" if keep_next and self.next != "/" else path
        return RedirectResponse(onward, HTTPStatus.SEE_OTHER)


def outside(house: House, people: AgencyPeople) -> Callable[[Request], Awaitable[Outside]]:
    """Return what reads a request of somebody unknown; a form is refused as ``House.visit`` refuses one."""

    async def enter(request: Request) -> Outside:
        kept = request.cookies.get(cookie_name(request, _DOOR), "")
        door, form = kept if len(kept) == TOKEN_LETTERS else new_token(), Form()
        if request.method != "GET":
            require_same_site(request, house.settings)
            require_small(request)
            form = await read_form(request)
            if not kept:
                raise RefusedError(Code.POLICY_REFUSED, "This form is no longer valid.", hint=_NO_COOKIES)
            require_token(form, _door_token(people, running_of(request), kept))
        return Outside(request, house, people, house.speech(request), form, door)

    return enter


def _door_token(people: AgencyPeople, running: Running, door: str) -> str:
    return b64url(people.gate(running).people.hash(_DOOR, door.encode()))


def require_small(request: Request) -> None:
    """Pass for a form that says beforehand that it is small. Raises ``InputError``."""
    length = request.headers.get("content-length", "")
    if not length.isascii() or not length.isdigit() or int(length[:9]) > MAX_SMALL:
        raise InputError(Code.TOO_LARGE, "This form is too large.")


def safe_path(text: str) -> str:
    """Return a path within this console; its begin for anything else, such as another site's address."""
    return text if _NEXT.match(text) else "/"


def words_of(speech: Speech, error: SluisError) -> tuple[str, str]:
    """Return what went wrong and what to do, in somebody's language."""
    if isinstance(error, PausedError):
        said = speech.gettext("There were too many failed tries.")
        if error.minutes is None:
            return said, speech.gettext("An operator of your agency can open your account again.")
        minutes = error.minutes
        wait = speech.ngettext("Try again in %(num)d minute.", "Try again in %(num)d minutes.", minutes)
        return said, wait % {"num": minutes}
    return detail_said(error, speech), hint_said(error, speech)
