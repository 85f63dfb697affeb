# SPDX-License-Identifier: EUPL-1.2
"""The pages of logging in by password and code, and of logging out.

Not here: the first login (``welcome.py``), the identity provider (``login_oidc.py``), what is right
(``agency_client/people/entering.py``).
"""

import asyncio
from typing import Annotated

from fastapi import Depends, FastAPI, Request, Response
from fastapi.responses import RedirectResponse

from agency_client.console.outside import Outside, outside, words_of
from agency_client.console.people import AgencyPeople, cookie_name, drop_cookie, source_of
from agency_client.console.visits import House, Visit
from agency_client.people.gate import ended
from agency_client.people.sessions import Stage
from edge.problems import status_of
from protocol.errors import AuthenticationError, Code, RefusedError, SluisError, UnavailableError


def add_login(app: FastAPI, house: House, people: AgencyPeople) -> None:
    """Add the pages."""
    enter = Annotated[Outside, Depends(outside(house, people))]
    inside = Annotated[Visit, Depends(house.visit())]

    @app.get("/login", include_in_schema=False)
    async def login(one: enter) -> Response:
        if await people.present(one.request) is not None:
            return one.go(one.next)
        return _login(one)

    @app.post("/login", include_in_schema=False)
    async def log_in(one: enter) -> Response:
        require_local(people)
        entrance, form = people.entrance(one.running), one.form
        name, password, source = form.text("name"), form.text("password"), source_of(one.request)
        try:
            entered = await people.hashed(lambda: entrance.by_password(name, password, source))
        except (AuthenticationError, RefusedError) as error:
            return _login(one, error, name)
        after = {Stage.PASSWORD: "/login/totp", Stage.ENROL: "/welcome/totp"}.get(entered.session.stage)
        answer = one.go(one.next) if after is None else one.go(after, keep_next=True)
        return people.admit(one.request, entered, answer)

    @app.get("/login/totp", include_in_schema=False)
    async def ask_code(one: enter) -> Response:
        if await people.present(one.request) is not None:
            return one.go(one.next)
        return one.page("login_totp.html", error=None)

    @app.post("/login/totp", include_in_schema=False)
    async def take_code(one: enter) -> Response:
        entrance, token, code = people.entrance(one.running), people.token(one.request), one.form.text("code")
        source = source_of(one.request)
        try:
            entered = await asyncio.to_thread(entrance.by_code, token, code, source)
        except (AuthenticationError, RefusedError) as error:
            if str(error) == str(ended()):
                return _login(one, error)
            return one.page("login_totp.html", status_of(error.code), error=words_of(one.speech, error))
        return people.admit(one.request, entered, one.go(one.next))

    @app.post("/logout", include_in_schema=False)
    async def log_out(visit: inside) -> Response:
        present = await people.require(visit.request)
        await asyncio.to_thread(people.entrance(visit.running).leave, present)
        return left(visit.request, present.account.kind)

    @app.get("/left", include_in_schema=False)
    async def bye(one: enter) -> Response:
        address = None
        if one.request.query_params.get("by") == "oidc" and people.settings.oidc is not None:
            after = f"{people.settings.public_url}/login"
            try:
                address = await people.provider(one.running).farewell(after)
            except UnavailableError:
                address = None
        return one.page("left.html", address=address)


def left(request: Request, kind: str) -> Response:
    """Send somebody who logged out to the page that says so, without the cookie.

    A page with a link to the provider and no redirect: a form's answer may not lead to another site (CSP form-action).
    """
    answer = RedirectResponse("/left?by=oidc" if kind == "oidc" else "/left", 303)
    drop_cookie(answer, cookie_name(request))
    return answer


def require_local(people: AgencyPeople) -> None:
    """Pass where local accounts are used. Raises ``RefusedError``."""
    if not people.settings.local_accounts:
        raise RefusedError(Code.POLICY_REFUSED, "Accounts of this console are not used at your agency.")


def _login(one: Outside, error: SluisError | None = None, name: str = "") -> Response:
    settings = one.people.settings
    return one.page(
        "login.html",
        200 if error is None else status_of(error.code),
        error=None if error is None else words_of(one.speech, error),
        name=name[:40],
        local=settings.local_accounts,
        provider=None if settings.oidc is None else settings.oidc.title,
    )
