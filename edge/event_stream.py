# SPDX-License-Identifier: EUPL-1.2
"""The events of an answer that never ends, bounded in size and in silence.

Signs of life between events are comments, which nobody but this file sees. Not here: who asks (``transport.py``), and
what an event means.
"""

import asyncio
from collections.abc import AsyncIterator

import httpx
from httpx_sse import EventSource, ServerSentEvent, SSEError

from protocol.errors import Code, UnavailableError, VerificationError


class SilentError(UnavailableError):
    """A stream gave no sign of life in time: something on the way may be keeping it back."""

    def __init__(self) -> None:
        super().__init__(Code.UNAVAILABLE, "The stream of notices gives no sign of life.")


async def events_of(
    response: httpx.Response, most: int, first_seconds: float, silent_seconds: float
) -> AsyncIterator[ServerSentEvent]:
    """Yield the events of an answer.

    Raises ``SilentError`` when nothing comes in time, ``VerificationError`` when it is no stream of events or one event
    is larger than ``most`` bytes, and httpx's errors when the connection breaks.
    """
    stream = _Watched(response.stream, most, first_seconds, silent_seconds)
    response.stream = stream
    source = EventSource(response)
    try:
        async for event in source.aiter_sse():
            stream.unread = 0
            # httpx-sse repeats the last id with every comment; the standard dispatches nothing without data.
            if event.data:
                yield event
    except SSEError:
        raise VerificationError(Code.MALFORMED, "The other side's answer is no stream of events.") from None


class _Watched(httpx.AsyncByteStream):
    """Passes bytes on, unless they do not come or never end an event."""

    def __init__(self, inner: object, most: int, first_seconds: float, silent_seconds: float) -> None:
        if not isinstance(inner, httpx.AsyncByteStream):
            raise ValueError("a stream that was opened synchronously")
        self._inner = inner
        self._most = most
        self._seconds = first_seconds
        self._silent_seconds = silent_seconds
        self.unread = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        chunks = aiter(self._inner)
        while True:
            try:
                async with asyncio.timeout(self._seconds):
                    chunk = await anext(chunks)
            except StopAsyncIteration:
                return
            except TimeoutError:
                raise SilentError() from None
            self._seconds = self._silent_seconds
            self.unread += len(chunk)
            if self.unread > self._most:
                raise VerificationError(
                    Code.MALFORMED, f"An event of the other side is larger than {self._most} bytes."
                )
            yield chunk

    async def aclose(self) -> None:
        await self._inner.aclose()
