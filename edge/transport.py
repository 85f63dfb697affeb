# SPDX-License-Identifier: EUPL-1.2
"""Call a service with signed requests: connections reused, answers bounded and parsed, problems turned into errors.

It never tries again by itself: who calls knows whether the same Idempotency-Key may be sent once more. Not here: what
an answer proves (the caller verifies it). Spec: ``protocol/spec/signing.md``.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, TypeVar

import httpx
from httpx_sse import ServerSentEvent

from edge.addresses import origin
from edge.event_stream import SilentError, events_of
from edge.problems import error_from_problem
from edge.tls import trusted
from edge.tracing import outgoing
from protocol.encoding import b64url
from protocol.errors import Code, ConfigurationError, InputError, UnavailableError, VerificationError
from protocol.group import random_bytes
from protocol.ids import PurposeId
from protocol.messages import Message, parse
from protocol.questions import PersonRole
from protocol.signing import Request, Signer, sign_request
from protocol.trace import TRACEPARENT

CONNECT_SECONDS: Final = 5.0
READ_SECONDS: Final = 60.0
"""Longer than a long poll (at most 30 s) and than a full push with its wait for the log (about 15 s)."""
MAX_ANSWER: Final = 64 * 1024 * 1024
"""Bytes of an answer: a page of 500 notices with two full parts each is the largest."""
MAX_CONNECTIONS: Final = 20
NONCE_BYTES: Final = 16

M = TypeVar("M", bound=Message)


@dataclass(frozen=True, slots=True)
class Answer:
    """A successful answer, not yet believed."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


def make_http(*, read_seconds: float = READ_SECONDS) -> httpx.AsyncClient:
    """Return a connection pool: no redirects, which would be to an address that nobody signed, and no environment."""
    return httpx.AsyncClient(
        timeout=httpx.Timeout(read_seconds, connect=CONNECT_SECONDS),
        limits=httpx.Limits(max_connections=MAX_CONNECTIONS, max_keepalive_connections=MAX_CONNECTIONS),
        follow_redirects=False,
        trust_env=False,
        verify=trusted(),
    )


class SignedClient:
    """One party's calls to one service. The pool is the caller's: shared between services, closed by the caller."""

    def __init__(
        self,
        base_url: str,
        signer: Signer,
        clock: Callable[[], datetime],
        http: httpx.AsyncClient,
        *,
        max_answer: int = MAX_ANSWER,
        called: str = "service",
        heard: Callable[[Mapping[str, str]], None] | None = None,
    ) -> None:
        """``base_url`` is the service's address as the covenant gives it, ``called`` what people call it; ``heard`` is
        given the headers of every answer, of a refusal too.

        Raises ``ConfigurationError``.
        """
        try:
            parsed = httpx.URL(base_url)
        except httpx.InvalidURL:
            parsed = httpx.URL("")
        if parsed.scheme not in {"http", "https"} or not parsed.host or parsed.query or parsed.fragment:
            raise ConfigurationError(Code.SETTINGS_INVALID, "A service's address is http(s)://host[:port][/path].")
        self._base = origin(base_url)
        self._signer = signer
        self._clock = clock
        self._http = http
        self._max_answer = max_answer
        self._called = called
        self._heard = heard

    async def post(
        self,
        path: str,
        message: Message,
        answer: type[M],
        *,
        idempotency_key: str | None = None,
        person: str | None = None,
        role: PersonRole | None = None,
        purpose: PurposeId | None = None,
    ) -> M:
        """Send a message and return the parsed answer. Raises the error that the service's problem stands for,
        ``UnavailableError`` when it cannot be reached, ``VerificationError`` when its answer is not as agreed.
        """
        headers = _headers(idempotency_key, person, purpose)
        if role is not None:
            headers["Sluis-Role"] = role
        return _parsed(answer, await self.request("POST", path, body=message.to_json(), headers=headers))

    async def get(
        self,
        path: str,
        answer: type[M],
        *,
        params: Mapping[str, str | int] | None = None,
        person: str | None = None,
        role: PersonRole | None = None,
        purpose: PurposeId | None = None,
        read_seconds: float | None = None,
    ) -> M:
        """Ask and return the parsed answer; ``read_seconds`` for a long poll. Raises as ``post`` does."""
        headers = _headers(None, person, purpose)
        if role is not None:
            headers["Sluis-Role"] = role
        found = await self.request("GET", path, params=params, headers=headers, read_seconds=read_seconds)
        return _parsed(answer, found)

    async def request(
        self,
        method: str,
        path: str,
        *,
        body: bytes = b"",
        params: Mapping[str, str | int] | None = None,
        headers: Mapping[str, str] | None = None,
        read_seconds: float | None = None,
    ) -> Answer:
        """Send one signed request, with a fresh nonce and time, and return a 2xx answer. Raises as ``post`` does."""
        async with self._send(method, path, body, params, headers or {}, read_seconds) as response:
            content = await _bounded(response, self._max_answer)
            if not response.is_success:
                raise error_from_problem(content, response.status_code)
            return Answer(response.status_code, dict(response.headers), content)

    @asynccontextmanager
    async def stream(
        self,
        path: str,
        *,
        params: Mapping[str, str | int] | None = None,
        headers: Mapping[str, str] | None = None,
        read_seconds: float | None = None,
    ) -> AsyncIterator[AsyncIterator[str]]:
        """Open a signed GET whose answer comes in lines (server-sent events); the caller bounds what it keeps."""
        async with self._send("GET", path, b"", params, headers or {}, read_seconds) as response:
            if not response.is_success:
                raise error_from_problem(await _bounded(response, self._max_answer), response.status_code)
            yield response.aiter_lines()

    @asynccontextmanager
    async def events(
        self, path: str, *, params: Mapping[str, str | int] | None = None, first_seconds: float, silent_seconds: float
    ) -> AsyncIterator[AsyncIterator[ServerSentEvent]]:
        """Open a signed GET whose answer is a stream of events, each bounded as an answer is.

        Raises as ``post`` does, and ``SilentError`` when nothing comes: ``first_seconds`` for the first sign of life,
        ``silent_seconds`` for each after it.
        """
        async with AsyncExitStack() as stack:
            sending = self._send("GET", path, b"", params, {}, first_seconds + silent_seconds)
            try:
                async with asyncio.timeout(first_seconds):
                    response = await stack.enter_async_context(sending)
            except TimeoutError:
                raise SilentError() from None
            if not response.is_success:
                raise error_from_problem(await _bounded(response, self._max_answer), response.status_code)
            yield events_of(response, self._max_answer, first_seconds, silent_seconds)

    @asynccontextmanager
    async def _send(
        self,
        method: str,
        path: str,
        body: bytes,
        params: Mapping[str, str | int] | None,
        headers: Mapping[str, str],
        read_seconds: float | None,
    ) -> AsyncIterator[httpx.Response]:
        if not path.startswith("/"):
            raise ValueError("a path starts with a slash")
        timeout = self._http.timeout
        if read_seconds is not None:
            timeout = httpx.Timeout(read_seconds, connect=CONNECT_SECONDS)
        plain = {
            "Accept": "application/json, application/problem+json, text/event-stream",
            "Accept-Encoding": "identity",
        }
        if body:
            plain["Content-Type"] = "application/json"
        bound = {**headers, TRACEPARENT: outgoing().header}
        request = self._http.build_request(
            method,
            self._base + path,
            params=params,
            content=body or None,
            headers=plain | bound,
            timeout=timeout,
        )
        signed = sign_request(
            self._signer,
            Request(method, str(request.url), bound, body),
            created=self._clock(),
            nonce=b64url(random_bytes(NONCE_BYTES)),
        )
        request.headers.update(signed)
        try:
            response = await self._http.send(request, stream=True)
        except httpx.TransportError as error:
            raise _unreachable(error, self._called) from None
        if self._heard is not None:
            self._heard(response.headers)
        try:
            yield response
        except httpx.TransportError as error:
            # The request may have been carried out: the caller repeats it with the same Idempotency-Key.
            raise _unreachable(error, self._called) from None
        finally:
            await response.aclose()


def _headers(idempotency_key: str | None, person: str | None, purpose: PurposeId | None) -> dict[str, str]:
    given = {"Idempotency-Key": idempotency_key, "Sluis-Person": person, "Sluis-Purpose": purpose}
    return {name: value for name, value in given.items() if value is not None}


async def _bounded(response: httpx.Response, limit: int) -> bytes:
    if response.headers.get("content-encoding", "identity") != "identity":
        # A small compressed answer can unfold to gigabytes; we asked for none.
        raise VerificationError(Code.MALFORMED, "The other side compressed an answer that had to be plain.")
    content = bytearray()
    async for chunk in response.aiter_bytes():
        content += chunk
        if len(content) > limit:
            raise VerificationError(Code.MALFORMED, f"The other side's answer is larger than {limit} bytes.")
    return bytes(content)


def _parsed(kind: type[M], answer: Answer) -> M:
    try:
        return parse(kind, answer.body)
    except InputError as error:
        raise VerificationError(
            Code.MALFORMED,
            "The other side's answer does not have the agreed form.",
            hint="Are both sides on the same version?",
            issues=error.issues,
        ) from None


def _unreachable(error: httpx.TransportError, called: str) -> UnavailableError:
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
        return UnavailableError(Code.UNAVAILABLE, f"The {called} cannot be reached.")
    if isinstance(error, httpx.TimeoutException):
        return UnavailableError(Code.UNAVAILABLE, f"The {called} did not answer in time.")
    return UnavailableError(Code.UNAVAILABLE, f"The connection to the {called} broke before the answer was complete.")
