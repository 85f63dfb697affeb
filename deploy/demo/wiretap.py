# SPDX-License-Identifier: EUPL-1.2
"""Listen in on every connection between the parties, as somebody on the network without TLS could.

Each front is a TCP port that forwards to one service and writes what passes to files, one per connection and direction.
The services do not know that it is there: the covenant names the fronts as their addresses.

Run as ``python -m deploy.demo.wiretap FOLDER NAME…``. It prints ``{"NAME": port, …}`` on one line, then reads lines
``NAME PORT`` that say where each service listens. It ends when its input ends.
Not here: TLS, which a real deployment has and which would leave nothing to read.
"""

import asyncio
import contextlib
import itertools
import json
import sys
from pathlib import Path

_CHUNK = 1 << 16


class Wiretap:
    """Fronts by name, and where each forwards to once that is known."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._backends: dict[str, int] = {}
        self._count = itertools.count(1)

    async def open_front(self, name: str) -> int:
        """Listen on a free loopback port for the service ``name`` and return the port."""

        async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await self._forward(name, reader, writer)

        server = await asyncio.start_server(accept, "127.0.0.1", 0)
        port: int = server.sockets[0].getsockname()[1]
        return port

    def connect(self, name: str, port: int) -> None:
        """Forward ``name`` to this loopback port from now on."""
        self._backends[name] = port

    async def _forward(self, name: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        port = self._backends.get(name)
        if port is None:
            writer.close()
            return
        try:
            back_reader, back_writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            writer.close()
            return
        number = next(self._count)
        asked, answered = (self._folder / f"{name}-{number:05d}.{way}" for way in ("asked", "answered"))
        await asyncio.gather(_copy(reader, back_writer, asked), _copy(back_reader, writer, answered))


async def _copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter, record: Path) -> None:
    with record.open("wb", buffering=0) as file, contextlib.suppress(ConnectionError):
        while chunk := await source.read(_CHUNK):
            file.write(chunk)
            sink.write(chunk)
            await sink.drain()
    with contextlib.suppress(ConnectionError):
        sink.close()
        await sink.wait_closed()


async def _run(folder: Path, names: list[str]) -> None:
    tap = Wiretap(folder)
    print(json.dumps({name: await tap.open_front(name) for name in names}), flush=True)
    while line := await asyncio.to_thread(sys.stdin.readline):
        name, port = line.split()
        tap.connect(name, int(port))
        print(json.dumps({"connected": name}), flush=True)


if __name__ == "__main__":
    asyncio.run(_run(Path(sys.argv[1]), sys.argv[2:]))
