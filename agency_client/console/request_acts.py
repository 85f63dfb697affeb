# SPDX-License-Identifier: EUPL-1.2
"""What people do with a request for more: give, refuse, approve, hand over; read the answer, take the request back.

Of two who decide at once one wins, and the other gets the page as it then is. An attachment is handed out only by an
act that the log has, and always as a file. Not here: the page (``request_shown.py``), the acts themselves
(``agency_client/requesting.py``, ``agency_client/deciding.py``).
"""

import asyncio
from collections.abc import Awaitable, Mapping
from http import HTTPStatus
from typing import Annotated, Final
from urllib.parse import quote
from uuid import UUID

from fastapi import Depends, FastAPI, Response

from agency_client.console.colleagues import reference_of
from agency_client.console.hit_acts import ROLES
from agency_client.console.request_shown import AnswerShown, answer_shown, request_shown
from agency_client.console.visits import House, Visit
from agency_client.deciding import Answer
from edge.problems import plain
from protocol.disclosure_payload import Attachment
from protocol.disclosures import MAX_ATTACHMENTS, MAX_FILES, MAX_WORDS
from protocol.errors import Code, ConflictError, NotFoundError, RefusedError, UnavailableError
from protocol.ids import DisclosureId

_MB: Final = 1024 * 1024


def request_id(text: str) -> DisclosureId:
    """Return the request of an address. Raises ``NotFoundError``."""
    try:
        return DisclosureId(UUID(text))
    except ValueError:
        raise NotFoundError(Code.NOT_FOUND, "There is no such request.") from None


async def request_page(
    visit: Visit,
    request: DisclosureId,
    *,
    status: int = HTTPStatus.OK,
    answer: AnswerShown | None = None,
    errors: Mapping[str, str] | None = None,
    problem: str = "",
) -> Response:
    """Return the page of a request, with an answer that was just read, or what stood in the way."""
    shown = await asyncio.to_thread(
        request_shown, visit.running, request, reference_of(visit), visit.visitor.subject, visit.speech
    )
    page = visit.page(
        "request.html",
        status,
        one=shown,
        answer=answer,
        errors=errors or {},
        problem=problem,
        text=visit.form.text("text"),
        reason=visit.form.text("reason"),
        refusal_text=visit.form.text("refusal"),
    )
    page.headers["Cache-Control"] = "no-store"
    return page


def add_request(app: FastAPI, house: House) -> None:
    """Add a request's page and its acts."""
    enter = Annotated[Visit, Depends(house.visit(*ROLES))]
    decide = Annotated[Visit, Depends(house.visit("coordinator"))]

    @app.get("/requests/{request}", include_in_schema=False)
    async def one(visit: enter, request: str) -> Response:
        return await request_page(visit, request_id(request))

    @app.post("/requests/{request}/grant", include_in_schema=False)
    async def grant(visit: decide, request: str) -> Response:
        found, answer = request_id(request), _answer(visit)
        if errors := _wrong(visit, answer):
            return await request_page(visit, found, status=HTTPStatus.UNPROCESSABLE_ENTITY, errors=errors)
        return await _tried(visit, found, visit.running.online.deciding.grant(found, answer, visit.person()), "given")

    @app.post("/requests/{request}/refuse", include_in_schema=False)
    async def refuse(visit: decide, request: str) -> Response:
        found, code, text = request_id(request), visit.form.text("reason"), visit.form.text("refusal")
        known = visit.running.session.covenant.disclosures
        if known is None or code not in known.refusals or len(text) > MAX_WORDS:
            errors = {"reason": visit.speech.gettext("Choose a reason.")}
            return await request_page(visit, found, status=HTTPStatus.UNPROCESSABLE_ENTITY, errors=errors)
        desk = visit.running.online.deciding
        return await _tried(visit, found, desk.refuse(found, code, text, visit.person()), "refused")

    @app.post("/requests/{request}/approve", include_in_schema=False)
    async def approve(visit: decide, request: str) -> Response:
        found, desk = request_id(request), visit.running.online.deciding
        return await _tried(visit, found, desk.approve(found, visit.person()), "approved")

    @app.post("/requests/{request}/hand-over", include_in_schema=False)
    async def hand_over(visit: decide, request: str) -> Response:
        found, to = request_id(request), visit.form.text("to")
        accounts = visit.running.session.vault.people.accounts()
        if not any(one.subject == to and "coordinator" in one.roles for one in accounts):
            errors = {"to": visit.speech.gettext("Choose a colleague.")}
            return await request_page(visit, found, status=HTTPStatus.UNPROCESSABLE_ENTITY, errors=errors)
        desk = visit.running.online.deciding
        return await _tried(visit, found, desk.hand_over(found, to, visit.person()), "handed-over")

    @app.post("/requests/{request}/cancel", include_in_schema=False)
    async def cancel(visit: enter, request: str) -> Response:
        found, desk = request_id(request), visit.running.online.requesting
        return await _tried(visit, found, desk.cancel(found, visit.person()), "cancelled")

    @app.post("/requests/{request}/answer", include_in_schema=False)
    async def read(visit: enter, request: str) -> Response:
        return await _read(visit, request_id(request), None)

    @app.post("/requests/{request}/files/{place}", include_in_schema=False)
    async def attachment(visit: enter, request: str, place: int) -> Response:
        return await _read(visit, request_id(request), place)


async def _tried(visit: Visit, request: DisclosureId, act: Awaitable[None], said: str) -> Response:
    try:
        await act
    except UnavailableError:
        visit.running.nudge()
        visit.running.changed()
        return visit.see(f"/requests/{request}", "waits")
    except ConflictError as error:
        return await request_page(visit, request, status=HTTPStatus.CONFLICT, problem=_problem(error))
    visit.running.changed()
    return visit.see(f"/requests/{request}", said)


def _problem(error: ConflictError) -> str:
    return "restricted" if error.code is Code.SIGNAL_RESTRICTED else "conflict"


async def _read(visit: Visit, request: DisclosureId, place: int | None) -> Response:
    """Have the log say that the answer is read, and only then show it, or hand out one of its files."""
    try:
        given = await visit.running.online.requesting.take(request, visit.person())
    except UnavailableError:
        visit.running.nudge()
        status = HTTPStatus.SERVICE_UNAVAILABLE
        return await request_page(visit, request, status=status, problem="reading-waits")
    except ConflictError as error:
        return await request_page(visit, request, status=HTTPStatus.CONFLICT, problem=_problem(error))
    except RefusedError as error:
        if error.code is not Code.CONFLICT:
            raise
        return await request_page(visit, request, status=HTTPStatus.CONFLICT, problem="conflict")
    visit.running.changed()
    if place is None:
        return await request_page(visit, request, answer=answer_shown(given, visit.speech))
    if not 0 <= place < len(given.attachments):
        raise NotFoundError(Code.NOT_FOUND, "There is no such file.")
    return as_file(given.attachments[place])


def as_file(attachment: Attachment) -> Response:
    """Return an attachment that a browser saves and never shows, whatever it says that it is."""
    name = plain(attachment.name).replace("/", "_").replace("\\", "_")
    return Response(
        attachment.content,
        media_type="application/octet-stream",
        headers={
            "Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}",
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "no-store",
        },
    )


def _answer(visit: Visit) -> Answer:
    files = visit.form.files.get("file", ())
    return Answer(visit.form.text("text"), {}, tuple(Attachment(name, content) for name, content in files))


def _wrong(visit: Visit, answer: Answer) -> Mapping[str, str]:
    speech = visit.speech
    if not answer.text and not answer.attachments:
        return {"text": speech.gettext("Write an answer, or add a file.")}
    if len(answer.text) > MAX_WORDS:
        return {"text": speech.gettext("Say it in at most 4,000 characters.")}
    size = sum(len(one.content) for one in answer.attachments)
    if len(answer.attachments) > MAX_FILES or size > MAX_ATTACHMENTS:
        text = speech.gettext("At most %(files)s files, of %(size)s MB together.")
        return {"file": text % {"files": MAX_FILES, "size": MAX_ATTACHMENTS // _MB}}
    return {}
