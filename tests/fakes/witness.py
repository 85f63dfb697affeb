# SPDX-License-Identifier: EUPL-1.2
"""A witness over HTTP for the broker's tests: the real rules, kept in memory, and faults on order.

It also answers ``GET /v1/keys`` with the key statements it is given. Not here: keeping anything over a restart.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import uvicorn
from fastapi import FastAPI, Request, Response

from protocol.checkpoint import Checkpoint, WitnessSigner, cosign
from protocol.messages import KeyStatements, SignedKeyStatement
from protocol.note import LogKey
from protocol.witness_rules import LAST_CHECKPOINT, witness_update


@dataclass
class FakeWitness:
    """One witness. ``down`` makes it fail, ``delay`` makes it slow, ``lie`` is what it always answers."""

    signer: WitnessSigner
    log_key: LogKey
    last: Checkpoint | None = None
    shown: str | None = None
    lie: tuple[int, bytes] | None = None
    down: bool = False
    delay: float = 0.0
    asked: int = 0
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    statements: list[SignedKeyStatement] = field(default_factory=list)
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    def app(self) -> FastAPI:
        """Return the application that serves it."""
        app = FastAPI()

        @app.post("/add-checkpoint")
        async def add_checkpoint(request: Request) -> Response:
            self.asked += 1
            await asyncio.sleep(self.delay)
            if self.down:
                return Response("down", 503)
            if self.lie is not None:
                return Response(self.lie[1], self.lie[0])
            body = await request.body()
            async with self._lock:
                decision = witness_update(self.last, body, self.log_key)
                if decision.new_checkpoint is None:
                    return Response(decision.body, decision.status, media_type=decision.content_type)
                self.last = decision.new_checkpoint
                self.shown = body.decode().partition("\n\n")[2]
                line = cosign(self.last, self.signer, self.clock())
            return Response(line, 200, media_type=decision.content_type)

        @app.get(LAST_CHECKPOINT)
        async def last_checkpoint() -> Response:
            return Response(self.shown, 200) if self.shown is not None else Response("none", 404)

        @app.get("/v1/keys")
        async def keys(purpose: str, epoch: int) -> Response:
            found = [
                one
                for one in self.statements
                if (one.statement.purpose, one.statement.epoch) == (purpose, epoch) and not self.down
            ]
            return Response(KeyStatements(statements=tuple(found)).to_json(), media_type="application/json")

        return app


def listeners(count: int) -> list[socket.socket]:
    """Return sockets that listen on free ports, so that addresses are known before anything runs."""
    made = []
    for _ in range(count):
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", 0))
        listener.listen(128)
        made.append(listener)
    return made


def url_of(listener: socket.socket) -> str:
    """Return the address of a listening socket."""
    return f"http://127.0.0.1:{listener.getsockname()[1]}"


@asynccontextmanager
async def serving(apps: Sequence[FastAPI], sockets: Sequence[socket.socket]) -> AsyncIterator[None]:
    """Serve each application on its socket, in this event loop."""
    servers = [
        uvicorn.Server(
            uvicorn.Config(app, log_config=None, access_log=False, lifespan="on", timeout_graceful_shutdown=2)
        )
        for app in apps
    ]
    tasks = []
    for server, listener in zip(servers, sockets, strict=True):
        server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]  # absent in newer versions
        tasks.append(asyncio.create_task(server._serve(sockets=[listener])))
    while not all(server.started for server in servers):
        for task in tasks:
            if task.done():
                task.result()
                # An application whose lifespan fails ends its server without an error.
                raise RuntimeError("An application did not start: see the log lines above.")
        await asyncio.sleep(0.01)
    try:
        yield
    finally:
        for server in servers:
            server.should_exit = True
        await asyncio.gather(*tasks)
