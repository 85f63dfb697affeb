# SPDX-License-Identifier: EUPL-1.2
"""My account: password, second factor, language and sessions; and for who keeps watch, the record of logins.

Not here: what is right (``agency_client/people/enrolling.py``), other people's accounts (the command line).
"""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Final

from fastapi import Depends, FastAPI, Response

from agency_client.console.languages import N_
from agency_client.console.login import left
from agency_client.console.outside import words_of
from agency_client.console.people import AgencyPeople, source_of
from agency_client.console.visits import House, Visit
from agency_client.console.welcome import enrolment_page, take_first_code
from agency_client.people.gate import Source
from agency_client.people.logins import FAILURES, How, Result
from edge.problems import status_of
from protocol.errors import AuthenticationError, InputError, RefusedError, SluisError

_WEEK: Final = timedelta(days=7)
_PAGE: Final = 50
SAID: Final[Mapping[str, str]] = {
    "password": N_("Your password was changed. You are logged out everywhere else."),
    "language": N_("Your language was changed."),
    "ended": N_("You are logged out everywhere else."),
    "one": N_("You are logged out there."),
    "over": N_("That login was over already."),
}
RESULTS: Final[Mapping[Result, str]] = {
    Result.ENTERED: N_("logged in"),
    Result.LEFT: N_("logged out"),
    Result.LEFT_EVERYWHERE: N_("logged out everywhere"),
    Result.WRONG: N_("wrong"),
    Result.PAUSED: N_("tried during a pause"),
    Result.REFUSED: N_("known by the provider, without a role here"),
    Result.PASSWORD_CHANGED: N_("changed the password"),
    Result.FACTOR_CHANGED: N_("changed the second factor"),
    Result.SET_UP: N_("set up the account"),
    Result.ADDED: N_("account added"),
    Result.ROLES_CHANGED: N_("roles changed"),
    Result.RESET: N_("account reset"),
    Result.REMOVED: N_("account removed"),
}
HOWS: Final[Mapping[How, str]] = {
    "password": N_("password"),
    "code": N_("password and code"),
    "recovery-code": N_("recovery code"),
    "set-up-code": N_("one-time code"),
    "provider": N_("identity provider"),
    "operator": N_("operator, at the command line"),
    "self": N_("themselves"),
}


def add_account(app: FastAPI, house: House, people: AgencyPeople) -> None:
    """Add the pages."""
    inside = Annotated[Visit, Depends(house.visit())]
    watch = Annotated[Visit, Depends(house.visit("privacy-officer", "operator"))]

    @app.get("/account", include_in_schema=False)
    async def account(visit: inside) -> Response:
        return await _account(visit, people)

    @app.post("/account/password", include_in_schema=False)
    async def password(visit: inside) -> Response:
        desk, present, source = people.desk(visit.running), await people.require(visit.request), _source(visit)
        old, new, again = (visit.form.text(name) for name in ("old", "new", "again"))
        try:
            entered = await people.hashed(lambda: desk.change_password(present, old, new, again, source))
        except (AuthenticationError, RefusedError, InputError) as error:
            return await _account(visit, people, "password", error)
        return people.admit(visit.request, entered, visit.see("/account", "password"))

    @app.post("/account/factor", include_in_schema=False)
    async def factor(visit: inside) -> Response:
        desk, present, source = people.desk(visit.running), await people.require(visit.request), _source(visit)
        given = visit.form.text("password")
        try:
            await people.hashed(lambda: desk.renew_factor(present, given, source))
        except (AuthenticationError, RefusedError) as error:
            return await _account(visit, people, "factor", error)
        return visit.see("/account/factor")

    @app.get("/account/factor", include_in_schema=False)
    async def show_factor(visit: inside) -> Response:
        return await enrolment_page(visit, people)

    @app.post("/account/factor/confirm", include_in_schema=False)
    async def confirm_factor(visit: inside) -> Response:
        return await take_first_code(visit, people)

    @app.post("/account/codes", include_in_schema=False)
    async def codes(visit: inside) -> Response:
        desk, present, source = people.desk(visit.running), await people.require(visit.request), _source(visit)
        given = visit.form.text("password")
        try:
            found = await people.hashed(lambda: desk.renew_codes(present, given, source))
        except (AuthenticationError, RefusedError, InputError) as error:
            return await _account(visit, people, "codes", error)
        return visit.page("recovery.html", codes=found)

    @app.post("/account/language", include_in_schema=False)
    async def language(visit: inside) -> Response:
        desk, present = people.desk(visit.running), await people.require(visit.request)
        await asyncio.to_thread(desk.set_language, present, visit.form.text("language"))
        return visit.see("/account", "language")

    @app.post("/account/everywhere", include_in_schema=False)
    async def everywhere(visit: inside) -> Response:
        present = await people.require(visit.request)
        await asyncio.to_thread(people.entrance(visit.running).leave_everywhere, present)
        return left(visit.request, present.account.kind)

    @app.get("/account/logins", include_in_schema=False)
    async def logins(visit: watch) -> Response:
        return await _logins(visit)

    @app.post("/account/sessions", include_in_schema=False)
    async def end_others(visit: inside) -> Response:
        present = await people.require(visit.request)
        shelf = people.gate(visit.running).people
        await asyncio.to_thread(shelf.end_sessions_of, present.account.id, present.session.id)
        return visit.see("/account", "ended")

    @app.post("/account/session", include_in_schema=False)
    async def end_one(visit: inside) -> Response:
        present, entrance = await people.require(visit.request), people.entrance(visit.running)
        done = await asyncio.to_thread(entrance.end_one, present, visit.form.text("session"))
        if done is not None and done.id == present.session.id:
            return left(visit.request, present.account.kind)
        return visit.see("/account", "over" if done is None else "one")

    @app.get("/account/{part}", include_in_schema=False)
    async def back(visit: inside, part: str) -> Response:
        # The addresses that forms go to, for who opens one: by choosing a language there, or by coming back.
        return visit.see("/account")


async def _account(visit: Visit, people: AgencyPeople, part: str = "", error: SluisError | None = None) -> Response:
    """Return the page; with what went wrong beside the form that it went wrong in."""
    present = await people.require(visit.request)
    shelf, entrance = people.gate(visit.running).people, people.entrance(visit.running)
    sessions = await asyncio.to_thread(shelf.sessions_of, present.account.id)
    return visit.page(
        "account.html",
        200 if error is None else status_of(error.code),
        account=present.account,
        mine=present.session.id,
        sessions=[(one, entrance.handle(one)) for one in sessions if not one.is_over(visit.now)],
        wrong={part: words_of(visit.speech, error)} if error is not None else {},
        note=visit.speech.gettext(SAID[visit.said]) if visit.said in SAID else "",
        failed=await asyncio.to_thread(_failed, visit) if visit.may("privacy-officer", "operator") else None,
    )


def _failed(visit: Visit) -> int:
    """Return how many logins failed in the last week."""
    counts = visit.running.session.vault.people.counts(visit.now - _WEEK)
    return sum(counts.get(result, 0) for result in FAILURES)


async def _logins(visit: Visit) -> Response:
    before = visit.request.query_params.get("before", "")
    last = int(before) if before.isascii() and before.isdigit() and len(before) < 16 else None
    shelf = visit.running.session.vault.people
    found = await asyncio.to_thread(shelf.logins, _PAGE + 1, last)
    shown = found[:_PAGE]
    return visit.page(
        "logins.html",
        lines=[one for _, one in shown],
        results=RESULTS,
        hows=HOWS,
        failures=FAILURES,
        failed=await asyncio.to_thread(_failed, visit),
        newer="/account/logins" if last is not None else None,
        older=f"/account/logins?before={shown[-1][0]}" if len(found) > _PAGE else None,
    )


def _source(visit: Visit) -> Source:
    return source_of(visit.request)
