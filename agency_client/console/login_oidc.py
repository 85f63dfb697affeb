# SPDX-License-Identifier: EUPL-1.2
"""The pages of logging in by the agency's identity provider: there and back.

What was begun waits in a cookie of the browser, sealed, so that only that browser can come back with it and nobody can
fill our memory. Not here: the protocol (``agency_client/people/oidc.py``).
"""

import asyncio
import json
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Annotated, Final

from fastapi import Depends, FastAPI, Response
from fastapi.responses import RedirectResponse

from agency_client.console.outside import Outside, outside, safe_path, words_of
from agency_client.console.people import AgencyPeople, cookie_name, drop_cookie, set_cookie, source_of
from agency_client.console.visits import House
from agency_client.people.oidc import Begun, mismatch
from edge.problems import status_of
from protocol.encoding import b64url, format_time, parse_time, unb64url
from protocol.errors import (
    AuthenticationError,
    Code,
    ConfigurationError,
    InputError,
    RefusedError,
    SluisError,
    UnavailableError,
)

_USE: Final = "oidc"
_LASTS: Final = timedelta(minutes=10)
"""How long somebody may take at the provider: as long as an unfinished login of our own."""


def add_oidc(app: FastAPI, house: House, people: AgencyPeople) -> None:
    """Add the pages."""
    enter = Annotated[Outside, Depends(outside(house, people))]

    @app.get("/login/oidc/start", include_in_schema=False)
    async def start(one: enter) -> Response:
        # A link and no form: the way to another site may not be the answer to a form (CSP form-action).
        try:
            begun = await people.provider(one.running).begin()
        except (UnavailableError, ConfigurationError) as error:
            return _failed(one, error)
        answer = RedirectResponse(begun.address, HTTPStatus.SEE_OTHER)
        set_cookie(answer, cookie_name(one.request, _USE), _sealed(one, people, begun))
        return answer

    @app.get("/login/oidc/back", include_in_schema=False)
    async def back(one: enter) -> Response:
        try:
            begun, after = _opened(one, people)
            provided = await people.provider(one.running).finish(one.request.url.query, begun)
            entrance, source = people.entrance(one.running), source_of(one.request)
            entered = await asyncio.to_thread(entrance.by_provider, provided, source)
        except (AuthenticationError, RefusedError, UnavailableError, ConfigurationError) as error:
            answer = _failed(one, error)
        else:
            answer = people.admit(one.request, entered, RedirectResponse(after, HTTPStatus.SEE_OTHER))
        drop_cookie(answer, cookie_name(one.request, _USE))
        return answer


def _sealed(one: Outside, people: AgencyPeople, begun: Begun) -> str:
    now = format_time(one.running.clock())
    said = {"state": begun.state, "nonce": begun.nonce, "verifier": begun.verifier, "next": one.next, "at": now}
    return b64url(people.gate(one.running).people.seal(json.dumps(said).encode(), _USE))


def _opened(one: Outside, people: AgencyPeople) -> tuple[Begun, str]:
    """Return what this browser began. Raises ``AuthenticationError`` when it began nothing, or long ago."""
    kept = one.request.cookies.get(cookie_name(one.request, _USE), "")
    try:
        said = json.loads(people.gate(one.running).people.open(unb64url(kept), _USE))
    except (InputError, ConfigurationError, ValueError):
        raise mismatch() from None
    began: datetime = parse_time(said["at"])
    if one.running.clock() - began >= _LASTS:
        raise mismatch()
    return Begun("", said["state"], said["nonce"], said["verifier"]), safe_path(said["next"])


def _failed(one: Outside, error: SluisError) -> Response:
    """Return a page that says what is the matter: 400 for an answer that is not in order, 503 for silence."""
    status = status_of(error.code)
    if isinstance(error, AuthenticationError):
        # Not 401: nothing that this browser could send along would make it right.
        status = HTTPStatus.BAD_REQUEST
    elif isinstance(error, ConfigurationError):
        status = HTTPStatus.SERVICE_UNAVAILABLE
        error = UnavailableError(Code.UNAVAILABLE, "Your agency's identity provider does not answer now.")
    return one.page("login_failed.html", status, error=words_of(one.speech, error))
