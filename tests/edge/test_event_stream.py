# SPDX-License-Identifier: EUPL-1.2
"""A stream of events that is held back, cut, endless or something else is told apart from one that is only quiet."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime

import httpx
import pytest

from edge.event_stream import SilentError
from edge.transport import SignedClient
from protocol.errors import Code, UnavailableError, VerificationError
from protocol.ids import KeyId
from protocol.signing import Signer

Body = Callable[[], AsyncIterator[bytes]]
NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)
LONG, NEVER = 60.0, 0.05


async def collect(
    body: Body, *, kind: str = "text/event-stream", first: float = LONG, silent: float = LONG, most: int = 1_000
) -> list[str]:
    """Read a stream to its end and return the data of its events."""

    def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, headers={"Content-Type": kind}, content=body())

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http:
        signer = Signer(KeyId("police-oost:1"), b"s" * 32)
        client = SignedClient("http://broker.test", signer, lambda: NOW, http, max_answer=most)
        async with client.events("/v1/notices/stream", first_seconds=first, silent_seconds=silent) as events:
            return [event.data async for event in events]


async def test_signs_of_life_are_no_events() -> None:
    """Comments keep a stream alive, and only its events are seen."""

    async def body() -> AsyncIterator[bytes]:
        yield b": welcome\n\n"
        yield b"id: 3\nevent: notices\ndata: {"
        yield b"}\n\n: still here\n\n"
        yield b"data: second\n\n"

    assert await collect(body) == ["{}", "second"]


async def test_a_stream_that_is_kept_back_is_silent() -> None:
    """When not even the greeting comes, something on the way keeps the stream."""

    async def body() -> AsyncIterator[bytes]:
        await asyncio.sleep(LONG)
        yield b": welcome\n\n"

    with pytest.raises(SilentError):
        await collect(body, first=NEVER)


async def test_a_stream_that_falls_silent_is_told() -> None:
    """A stream that greets and then gives no sign of life any more does not hang its reader."""

    async def body() -> AsyncIterator[bytes]:
        yield b": welcome\n\n"
        await asyncio.sleep(LONG)

    with pytest.raises(SilentError):
        await collect(body, silent=NEVER)


async def test_a_cut_stream_is_unavailable() -> None:
    """A connection that breaks between events is an outage, not a fault."""

    async def body() -> AsyncIterator[bytes]:
        yield b": welcome\n\n"
        raise httpx.ReadError("cut")

    with pytest.raises(UnavailableError) as raised:
        await collect(body)
    assert not isinstance(raised.value, SilentError)


async def test_an_endless_event_is_refused() -> None:
    """An event that never ends does not fill the reader's memory."""

    async def body() -> AsyncIterator[bytes]:
        while True:
            yield b"data: " + b"x" * 100

    with pytest.raises(VerificationError) as raised:
        await collect(body)
    assert raised.value.code is Code.MALFORMED


async def test_many_events_are_no_endless_event() -> None:
    """The bound is of one event, however many follow."""

    async def body() -> AsyncIterator[bytes]:
        for _ in range(50):
            yield b"data: " + b"x" * 100 + b"\n\n"

    assert len(await collect(body)) == 50


async def test_another_kind_of_answer_is_no_stream() -> None:
    """What does not say that it is a stream of events is not read as one."""

    async def body() -> AsyncIterator[bytes]:
        yield b"data: x\n\n"

    with pytest.raises(VerificationError):
        await collect(body, kind="text/html")
