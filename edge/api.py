# SPDX-License-Identifier: EUPL-1.2
"""The house conventions of every HTTP service: NL GOV API Design Rules, problems, headers, limits, access line.

``make_app`` returns a FastAPI application; a role adds its routes with the prefix ``/v1`` (described in
``/v1/openapi.json``) or without it (log, witness, health: not described). Not here: who may call (``requests.py``), the
OpenAPI document (``description.py``).
"""

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from contextlib import AbstractAsyncContextManager
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError

from edge.covenant_header import COVENANT_HEADER
from edge.description import PREFIX, described, document
from edge.logs import Logger, error_fields, logger
from edge.problems import PROBLEM_TYPE, internal_problem, problem, status_of, tells_of_our_house, to_bytes
from protocol.errors import Code, InputError, Issue, RefusedError, SluisError
from protocol.messages import MAX_ISSUES, Problem

__all__ = ["MAX_BODY", "PREFIX", "SECURITY_HEADERS", "described", "make_app"]

# ASGI's own shapes (https://asgi.readthedocs.io).
Scope = MutableMapping[str, Any]
Event = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Event]]
Send = Callable[[Event], Awaitable[None]]
Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]
Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]

MAX_BODY: Final = 16 * 1024 * 1024
"""Bytes of any request's body: a full push is about 6 MB; a route that expects less says so to ``read_signed``."""
RETRY_AFTER: Final = 2
"""Seconds that a caller is asked to wait after a 503: a restart of a service takes about that long."""

MAX_REQUEST_ID: Final = 256
"""Bytes of a caller's X-Request-ID that are given back: several UUIDs; it never reaches our log."""

SECURITY_HEADERS: Final[Mapping[str, str]] = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
"""Set where the route did not set its own: log tiles are immutable and may be cached."""

_CONTACT: Final = {"name": "Sluis", "url": "https://sluis.example/contact", "email": "beheer@sluis.example"}


def make_app(
    title: str,
    version: str,
    description: str,
    lifespan: Lifespan | None = None,
    *,
    role: str = "service",
    max_body: int = MAX_BODY,
    contact: Mapping[str, str] = _CONTACT,
    covenant: Callable[[], str] | None = None,
) -> FastAPI:
    """Return an application with the house conventions and ``/healthz``; ``version`` is semver.

    ``covenant`` gives the SHA-256 of the covenant that is acted under now, for the header ``Sluis-Covenant``.

    ``app.state.stopping`` is an ``asyncio.Event`` that is set when the process is asked to stop: long polls and streams
    wait on it too, so that they end.
    """
    app = FastAPI(
        title=title,
        version=version,
        description=description,
        lifespan=lifespan,
        contact=dict(contact),
        openapi_url=f"{PREFIX}/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.stopping = asyncio.Event()
    log = logger(role)
    faces = _Faces(version, log)
    app.add_exception_handler(SluisError, faces.sluis_error)
    app.add_exception_handler(RequestValidationError, faces.validation_error)
    for unmatched in (404, 405, HTTPException):
        # By number too: what the router raises is not FastAPI's own class.
        app.add_exception_handler(unmatched, faces.http_error)
    app.add_exception_handler(Exception, faces.unexpected)
    app.add_middleware(_House, version=version, max_body=max_body, log=log, covenant=covenant)
    app.openapi = lambda: document(app)  # type: ignore[method-assign]  # FastAPI's documented way to extend it

    @app.get("/healthz", include_in_schema=False)
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    return app


# --- Errors -----------------------------------------------------------------------------------------------------------


class _Faces:
    """What each kind of error looks like to a caller, and what the log keeps of it."""

    def __init__(self, version: str, log: Logger) -> None:
        self._version = version
        self._log = log

    async def sluis_error(self, request: Request, error: Exception) -> Response:
        if not isinstance(error, SluisError) or tells_of_our_house(error) or error.code is Code.INTERNAL:
            return await self.unexpected(request, error)
        self._log.info("request refused", code=error.code.value, status=status_of(error.code))
        wait = error.retry_after if isinstance(error, RefusedError) else None
        return self._answer(problem(error), {} if wait is None else {"Retry-After": str(wait)})

    async def validation_error(self, request: Request, error: Exception) -> Response:
        found = error.errors() if isinstance(error, RequestValidationError) else []
        issues = [Issue(_location(item["loc"]), str(item["type"]), str(item["msg"])[:200]) for item in found]
        return await self.sluis_error(
            request,
            InputError(Code.MALFORMED, "The request does not have the agreed form.", issues=issues[:MAX_ISSUES]),
        )

    async def http_error(self, request: Request, error: Exception) -> Response:
        if isinstance(error.__cause__, SluisError):
            # FastAPI wraps what reading the body raised, such as our own limit.
            return await self.sluis_error(request, error.__cause__)
        status = int(getattr(error, "status_code", 500))
        if status >= 500:
            return await self.unexpected(request, error)
        code = Code.NOT_FOUND if status == 404 else Code.MALFORMED
        phrase = HTTPStatus(status).phrase
        headers = dict(getattr(error, "headers", None) or {})
        answer = problem(InputError(code, f"{phrase}."), status=status).model_copy(update={"title": phrase})
        return self._answer(answer, headers)

    async def unexpected(self, request: Request, error: Exception) -> Response:
        reference = secrets.token_hex(8)
        code = error.code.value if isinstance(error, SluisError) else Code.INTERNAL.value
        self._log.error("unexpected failure", code=code, reference=reference, **error_fields(error))
        return self._answer(internal_problem(reference))

    def _answer(self, found: Problem, extra: Mapping[str, str] = {}) -> Response:
        headers = {**SECURITY_HEADERS, "API-Version": self._version, **extra}
        if found.status == 401:
            headers["WWW-Authenticate"] = _challenge(found)
        if found.status == 503:
            headers["Retry-After"] = str(RETRY_AFTER)
        return Response(to_bytes(found), status_code=found.status, media_type=PROBLEM_TYPE, headers=headers)


def _challenge(found: Problem) -> str:
    """Return what a 401 asks for: a token of the agency's own systems (RFC 6750), else a signature (RFC 9421)."""
    if found.code == Code.TOKEN_MISSING:
        return 'Bearer realm="sluis"'
    if found.code == Code.TOKEN_INVALID:
        return 'Bearer realm="sluis", error="invalid_token"'
    return 'Signature realm="sluis"'


def _location(path: Sequence[int | str]) -> str:
    # The first step says where in the request: "query", "path", "body".
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text[:200]


# --- Around every request ---------------------------------------------------------------------------------------------


class _House:
    """Adds the headers to every answer, stops a body above the limit while it arrives, and writes the access line."""

    def __init__(
        self, app: Asgi, *, version: str, max_body: int, log: Logger, covenant: Callable[[], str] | None
    ) -> None:
        self._app = app
        self._headers = {**SECURITY_HEADERS, "API-Version": version}
        self._max_body = max_body
        self._log = log
        self._covenant = covenant

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        status = 0
        read = 0

        async def counted() -> Event:
            nonlocal read
            event = await receive()
            read += len(event.get("body", b""))
            if read > self._max_body:
                raise _too_large(self._max_body)
            return event

        async def dressed(event: Event) -> None:
            nonlocal status
            if event["type"] == "http.response.start":
                status = event["status"]
                event["headers"] = [*self._dress(event.get("headers", [])), *_request_id(scope)]
            await send(event)

        try:
            if announced(scope) > self._max_body:
                # Answered before a byte of it is read; the server then closes the connection.
                await _Refusal(self._max_body)(scope, receive, dressed)
            else:
                await self._app(scope, counted, dressed)
        finally:
            self._log.info(
                "request",
                method=scope["method"],
                route=_template(scope),
                status=int(status or HTTPStatus.INTERNAL_SERVER_ERROR),
                ms=round((time.perf_counter() - started) * 1000, 1),
            )

    def _dress(self, headers: Sequence[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        present = {name.lower() for name, _ in headers}
        house = self._headers if self._covenant is None else {**self._headers, COVENANT_HEADER: self._covenant()}
        added = [(name.encode(), value.encode()) for name, value in house.items()]
        return [*headers, *((name, value) for name, value in added if name.lower() not in present)]


class _Refusal:
    """The answer to a request whose Content-Length says too much."""

    def __init__(self, limit: int) -> None:
        self._body = to_bytes(problem(_too_large(limit)))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = {"Connection": "close"}
        answer = Response(self._body, status_code=413, media_type=PROBLEM_TYPE, headers=headers)
        await answer(scope, receive, send)


def _too_large(limit: int) -> InputError:
    return InputError(Code.TOO_LARGE, f"The body is larger than {limit} bytes.", hint="Send it in smaller pieces.")


def _request_id(scope: Scope) -> list[tuple[bytes, bytes]]:
    """Return the caller's own name for this request, to be given back (OpenID AuthZEN 1.0, section 10.1.3)."""
    named = [(name, value) for name, value in scope["headers"] if name == b"x-request-id"]
    return named if len(named) == 1 and len(named[0][1]) <= MAX_REQUEST_ID else []


def announced(scope: Scope) -> int:
    """Return how many bytes a request says that its body has; nothing when it does not say."""
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value) if value.isdigit() else 0
    return 0


def _template(scope: Scope) -> str | None:
    """Return the route as it was declared, never the path asked: that may hold an id."""
    route = scope.get("route")
    path = getattr(route, "path", None)
    return path if isinstance(path, str) else None
