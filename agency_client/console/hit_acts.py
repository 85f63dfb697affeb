# SPDX-License-Identifier: EUPL-1.2
"""What people do with a hit: read what it released, acknowledge it, say that they called, enter the outcome.

Each act goes into the outbox first; while the broker is away it waits there, and the page says so. What was opened is
in the answer to that one request and nowhere else. Not here: the page (``hit.py``), the acts themselves
(``agency_client/acts.py``, ``following.py``).
"""

import asyncio
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Annotated, Final
from uuid import UUID

from fastapi import Depends, FastAPI, Response

from agency_client.console.hit import hit_shown
from agency_client.console.reasons import ReasonForm, options
from agency_client.console.released import Released, released_of
from agency_client.console.visits import House, Visit
from protocol.errors import Code, ConflictError, NotFoundError, RefusedError, UnavailableError
from protocol.ids import HitId
from protocol.questions import PersonRole

ROLES: Final[tuple[PersonRole, ...]] = ("coordinator", "supervisor")
"""Who works with hits."""


def hit_id(text: str) -> HitId:
    """Return the hit of an address. Raises ``NotFoundError``."""
    try:
        return HitId(UUID(text))
    except ValueError:
        raise NotFoundError(Code.NOT_FOUND, "There is no such hit.") from None


async def hit_page(
    visit: Visit,
    hit: HitId,
    *,
    status: int = HTTPStatus.OK,
    opened: Released | None = None,
    form: ReasonForm | None = None,
    problem: str = "",
) -> Response:
    """Return the page of a hit, with what was just opened, or what stood in the way."""
    shown = await asyncio.to_thread(hit_shown, visit.running, hit, visit.speech)
    asked = form or ReasonForm(case="" if shown.own is None else shown.own.case)
    answer = visit.page(
        "hit.html",
        status,
        hit=shown,
        opened=opened,
        form=asked,
        problem=problem,
        reasons=options(visit.running.session.covenant, visit.speech),
    )
    answer.headers["Cache-Control"] = "no-store"
    return answer


async def tried(
    visit: Visit,
    hit: HitId,
    act: Awaitable[None],
    said: str,
    restricted: Callable[[], Awaitable[Response]] | None = None,
) -> Response:
    """Do an act on a hit and go back to its page, which says what became of it; or to ``restricted`` when the act waits
    until a restriction is lifted.
    """
    try:
        await act
    except UnavailableError:
        visit.running.nudge()
        visit.running.changed()
        return visit.see(f"/hits/{hit}", "waits")
    except ConflictError as error:
        if restricted is not None and error.code is Code.SIGNAL_RESTRICTED:
            return await restricted()
        return await hit_page(visit, hit, status=HTTPStatus.CONFLICT, problem="conflict")
    visit.running.changed()
    return visit.see(f"/hits/{hit}", said)


def add_hit(app: FastAPI, house: House) -> None:
    """Add a hit's page and its acts."""
    enter = Annotated[Visit, Depends(house.visit(*ROLES))]

    @app.get("/hits/{hit}", include_in_schema=False)
    async def one(visit: enter, hit: str) -> Response:
        return await hit_page(visit, hit_id(hit))

    @app.post("/hits/{hit}/opening", include_in_schema=False)
    async def opening(visit: enter, hit: str) -> Response:
        return await _open(visit, hit_id(hit))

    @app.post("/hits/{hit}/acknowledged", include_in_schema=False)
    async def acknowledged(visit: enter, hit: str) -> Response:
        desk, found = visit.running.online.following, hit_id(hit)
        return await tried(visit, found, desk.acknowledge(found, visit.person()), "acknowledged")

    @app.post("/hits/{hit}/contacted", include_in_schema=False)
    async def contacted(visit: enter, hit: str) -> Response:
        desk, found = visit.running.online.following, hit_id(hit)
        return await tried(visit, found, desk.contacted(found, visit.person()), "contacted")

    @app.post("/hits/{hit}/outcome", include_in_schema=False)
    async def outcome(visit: enter, hit: str) -> Response:
        desk, found, code = visit.running.online.following, hit_id(hit), visit.form.text("outcome")
        if code not in visit.running.session.covenant.outcomes:
            return await hit_page(visit, found, status=HTTPStatus.UNPROCESSABLE_ENTITY, problem="outcome")
        return await tried(visit, found, desk.outcome(found, code, visit.person()), "closed")


async def _open(visit: Visit, hit: HitId) -> Response:
    form = ReasonForm.read(visit.form, visit.running.session.covenant, visit.speech)
    if form.errors:
        return await hit_page(visit, hit, status=HTTPStatus.UNPROCESSABLE_ENTITY, form=form)
    try:
        why = form.justification(visit.running.session.covenant, visit.speech)
        opened = await visit.running.online.acts.open(hit, why, visit.person())
    except UnavailableError:
        visit.running.nudge()
        visit.running.changed()
        status = HTTPStatus.SERVICE_UNAVAILABLE
        return await hit_page(visit, hit, status=status, form=form, problem="opening-waits")
    except RefusedError as error:
        if error.code is not Code.CONFLICT:
            raise
        # Taken back, or not delivered yet: the page itself says so.
        return await hit_page(visit, hit, status=HTTPStatus.CONFLICT, form=form, problem="conflict")
    visit.running.changed()
    return await hit_page(visit, hit, opened=released_of(opened.parts, visit.speech), form=form)
