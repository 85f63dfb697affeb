# SPDX-License-Identifier: EUPL-1.2
"""What somebody sees when something did not work: a page in their language, whoever made the error.

Programs that use the local API get problems (RFC 9457) instead (``edge/api.py``), which also writes the log. Not here:
the words (``refusals.py``).
"""

import re
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Final, cast
from urllib.parse import quote

from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse
from starlette.exceptions import HTTPException as PlainHTTPException

from agency_client.console.languages import N_
from agency_client.console.visits import House, LoginNeededError
from edge.api import SECURITY_HEADERS
from edge.code_words import code_said
from edge.logs import logger
from edge.problems import status_of
from protocol.errors import Code, InputError, NotFoundError, SluisError, UnavailableError

API: Final = ("/v1/", "/healthz")
"""Paths of the local API, whose errors are problems and not pages."""
CONTENT_SECURITY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""Nothing is loaded from elsewhere and nothing inline runs; the images in data: are those of the components' CSS."""
OWN_HEADERS: Final = {
    "Content-Security-Policy": CONTENT_SECURITY,
    # Browsers send no Origin with a form under no-referrer, and the check of where it came from needs it.
    "Referrer-Policy": "same-origin",
}
_Handler = Callable[[Request, Exception], Awaitable[Response]]
_REFERENCE: Final = re.compile(r"\b[0-9a-f]{16}\b")
_FORM_ONLY: Final = N_("This page comes only after its form was sent.")


def add_errors(app: FastAPI, house: House) -> None:
    """Give each kind of error its page, in the place of the problem that it is for programs."""
    kinds = (SluisError, HTTPException, RequestValidationError, Exception)
    problems, framework, validation, unexpected = (cast("_Handler", app.exception_handlers[kind]) for kind in kinds)

    async def log_in(request: Request, error: Exception) -> Response:
        came_for = error.came_for if isinstance(error, LoginNeededError) else "/today"
        address = f"/login?next={quote(came_for)}"
        if request.headers.get("hx-request"):
            return Response(status_code=HTTPStatus.NO_CONTENT, headers={"HX-Redirect": address})
        return RedirectResponse(address, HTTPStatus.SEE_OTHER)

    async def explained(request: Request, error: SluisError, status: int | None = None) -> Response:
        visitor = await house.people.visitor(request)
        speech = house.speech(request, visitor.lang if visitor else None)
        return house.page(request, speech, "error.html", status or status_of(error.code), error=error)

    async def ours(request: Request, error: Exception) -> Response:
        if _is_program(request) or not isinstance(error, SluisError):
            return await problems(request, error)
        return await explained(request, error)

    async def by_framework(request: Request, error: Exception) -> Response:
        if _is_program(request):
            return await framework(request, error)
        if isinstance(error.__cause__, SluisError):
            # FastAPI wraps what reading the body raised, such as our own limit.
            return await explained(request, error.__cause__)
        status = int(getattr(error, "status_code", HTTPStatus.INTERNAL_SERVER_ERROR))
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return await failed(request, error)
        if status == HTTPStatus.NOT_FOUND:
            return await explained(request, NotFoundError(Code.NOT_FOUND, "This page does not exist."))
        said = _FORM_ONLY if status == HTTPStatus.METHOD_NOT_ALLOWED else f"{HTTPStatus(status).phrase}."
        answer = await explained(request, InputError(Code.MALFORMED, said), status)
        answer.headers.update(getattr(error, "headers", None) or {})
        return answer

    async def misshapen(request: Request, error: Exception) -> Response:
        if _is_program(request):
            return await validation(request, error)
        return await explained(request, InputError(Code.MALFORMED, "The request does not have the agreed form."))

    async def failed(request: Request, error: Exception) -> Response:
        # Written into the log in any case, under the reference that is shown.
        answer = await unexpected(request, error)
        if _is_program(request):
            return answer
        found = _REFERENCE.search(bytes(answer.body).decode())
        shown = {} if found is None else {"reference": found[0]}
        internal = UnavailableError(Code.INTERNAL, code_said(Code.INTERNAL, "en"))
        # Without the visitor: asking who it is may be what failed.
        page = house.page(request, house.speech(request), "error.html", answer.status_code, error=internal, **shown)
        # Outside of all that adds headers to other answers.
        page.headers.update({**SECURITY_HEADERS, **OWN_HEADERS})
        return page

    app.add_exception_handler(LoginNeededError, log_in)
    app.add_exception_handler(SluisError, ours)
    app.add_exception_handler(RequestValidationError, misshapen)
    for unmatched in (HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED, HTTPException, PlainHTTPException):
        app.add_exception_handler(unmatched, by_framework)
    app.add_exception_handler(Exception, failed)


def too_large(request: Request, house: House) -> Response:
    """Return the page for who sends more than any form holds; who it is was not looked up yet."""
    error = InputError(Code.TOO_LARGE, "This form is too large.")
    page = house.page(request, house.speech(request), "error.html", status_of(error.code), error=error)
    page.headers.update({**SECURITY_HEADERS, "Connection": "close"})
    logger("agency").info("request refused", code=error.code.value, status=page.status_code)
    return page


def _is_program(request: Request) -> bool:
    return request.url.path.startswith(API)
