# SPDX-License-Identifier: EUPL-1.2
"""A proxy of connections that cuts each of them after some bytes of the answer, as bad networks do.

Not here: changing what passes (``lying_proxy.py``).
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx

from edge.tls import trusted

_CHUNK = 65_536


@dataclass
class CuttingProxy:
    """Passes on to a port; cuts after ``after`` bytes of answers on a connection, when that is set."""

    target: int
    after: int | None = None
    port: int = 0
    cuts: int = 0

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass one connection on."""
        theirs, ours = await asyncio.open_connection("127.0.0.1", self.target)
        asking = asyncio.create_task(self._pass(reader, ours, None))
        answering = asyncio.create_task(self._pass(theirs, writer, self.after))
        await asyncio.wait((asking, answering), return_when=asyncio.FIRST_COMPLETED)
        for task in (asking, answering):
            task.cancel()
        for side in (writer, ours):
            side.transport.abort()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, after: int | None) -> None:
        passed = 0
        with contextlib.suppress(ConnectionError):
            while chunk := await reader.read(_CHUNK):
                if after is not None and passed + len(chunk) > after:
                    writer.write(chunk[: after - passed])
                    await writer.drain()
                    self.cuts += 1
                    return
                passed += len(chunk)
                writer.write(chunk)
                await writer.drain()


@asynccontextmanager
async def cutting(target: int) -> AsyncIterator[CuttingProxy]:
    """Run a proxy before a port; it cuts nothing until told to."""
    proxy = CuttingProxy(target)
    server = await asyncio.start_server(proxy.take, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()


class Through(httpx.AsyncHTTPTransport):
    """Sends every request to another port of this machine than its address says; what is signed stays the address."""

    def __init__(self, port: int) -> None:
        super().__init__(trust_env=False, verify=trusted())
        self._port = port

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request."""
        request.url = request.url.copy_with(port=self._port)
        return await super().handle_async_request(request)
