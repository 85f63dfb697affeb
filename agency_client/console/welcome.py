# SPDX-License-Identifier: EUPL-1.2
"""The pages of a first login: the one-time code and a password, then the second factor, then the recovery codes.

Not here: what is right (``agency_client/people/enrolling.py``).
"""

import asyncio
from http import HTTPStatus
from typing import Annotated

from fastapi import Depends, FastAPI, Response
from fastapi.responses import RedirectResponse
from markupsafe import Markup

from agency_client.console.login import require_local
from agency_client.console.outside import Outside, outside, words_of
from agency_client.console.people import AgencyPeople, source_of
from agency_client.console.visits import House, Visit
from agency_client.people.sessions import Stage
from edge.problems import status_of
from protocol.errors import AuthenticationError, InputError, RefusedError, SluisError


def add_welcome(app: FastAPI, house: House, people: AgencyPeople) -> None:
    """Add the pages."""
    enter = Annotated[Outside, Depends(outside(house, people))]

    @app.get("/welcome", include_in_schema=False)
    async def welcome(one: enter) -> Response:
        return one.page("welcome.html", error=None, name="")

    @app.post("/welcome", include_in_schema=False)
    async def begin(one: enter) -> Response:
        require_local(people)
        desk, form, source = people.desk(one.running), one.form, source_of(one.request)
        name, code = form.text("name"), form.text("code")
        try:
            entered = await people.hashed(
                lambda: desk.begin(name, code, form.text("password"), form.text("again"), source)
            )
        except (AuthenticationError, RefusedError, InputError) as error:
            said = words_of(one.speech, error)
            return one.page("welcome.html", status_of(error.code), error=said, name=name[:40])
        answer = one.go("/" if entered.session.stage is Stage.FULL else "/welcome/totp")
        return people.admit(one.request, entered, answer)

    @app.get("/welcome/totp", include_in_schema=False)
    async def show(one: enter) -> Response:
        return await enrolment_page(one, people)

    @app.post("/welcome/totp", include_in_schema=False)
    async def confirm(one: enter) -> Response:
        return await take_first_code(one, people)


async def enrolment_page(one: Outside | Visit, people: AgencyPeople, error: SluisError | None = None) -> Response:
    """Return what an authenticator app must take in; the begin for who has nothing to set up."""
    try:
        wanted, _ = await asyncio.to_thread(people.desk(one.running).enrolment, people.token(one.request))
    except AuthenticationError:
        return RedirectResponse("/account" if isinstance(one, Visit) else "/login", HTTPStatus.SEE_OTHER)
    return one.page(
        "enrol.html",
        HTTPStatus.OK if error is None else status_of(error.code),
        error=None if error is None else words_of(one.speech, error),
        qr=Markup(wanted.qr),  # noqa: S704 - drawn by our own code, from letters and digits only
        secret=wanted.spelled,
        uri=wanted.uri,
    )


async def take_first_code(one: Outside | Visit, people: AgencyPeople) -> Response:
    """Take the first code of a new factor, and show the recovery codes this once."""
    desk, token, source = people.desk(one.running), people.token(one.request), source_of(one.request)
    try:
        done = await asyncio.to_thread(desk.confirm, token, one.form.text("code"), source)
    except (AuthenticationError, RefusedError) as error:
        return await enrolment_page(one, people, error)
    # Without the visit: its session has just been replaced, and the forms of its frame would be refused.
    answer = one.house.page(one.request, one.speech, "recovery.html", codes=done.codes)
    return people.admit(one.request, done.entered, answer)
