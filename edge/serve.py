# SPDX-License-Identifier: EUPL-1.2
"""Run an application with uvicorn until it is asked to stop, and say on standard output when it listens.

Not here: what the application does (``api.py``); TLS mostly ends in a proxy in front (``docs/``).
"""

import asyncio
import contextlib
import json
import signal
import socket
import sys
import threading
from collections.abc import Callable, Generator
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Final, TextIO

import uvicorn
from fastapi import FastAPI

from protocol.errors import Code, ConfigurationError

GRACE: Final = 10
"""Seconds that requests in progress get after SIGTERM; service managers kill after 10 to 30."""
KEEP_ALIVE: Final = 75
"""Seconds an idle connection stays: above the 60 that proxies commonly use, so that they close first."""
MAX_CONNECTIONS: Final = 1_000
"""Above it uvicorn answers 503 by itself: an agency holds a few, and a process a few hundred agencies."""
BACKLOG: Final = 2_048
STARTUP_FAILED: Final = 3
"""Exit status when the application could not start; uvicorn's own number for it."""


def serve(
    app: FastAPI,
    *,
    host: str,
    port: int,
    role: str,
    out: TextIO | None = None,
    listening: Callable[[str], None] = lambda _: None,
    tls: tuple[Path, Path] | None = None,
) -> int:
    """Serve until SIGTERM or SIGINT; return the exit status: 0 after a graceful stop, ``STARTUP_FAILED`` otherwise.

    ``port`` 0 lets the machine choose. Once it listens, one line ``{"ready": role, "url": …}`` is written to ``out``
    (standard output), and ``listening`` is given the URL. ``tls`` is the files of a certificate with its chain and of
    its key, where no proxy in front has them. Raises ``ConfigurationError`` when the address cannot be had.
    """
    listener = _bind(host, port)
    shown = f"[{host}]" if ":" in host else host
    url = f"{'https' if tls else 'http'}://{shown}:{listener.getsockname()[1]}"
    ready = json.dumps({"ready": role, "url": url})
    config = uvicorn.Config(
        app,
        # Access lines are ours (api.py): uvicorn's hold URLs, and URLs hold ids.
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        ws="none",
        lifespan="on",
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=GRACE,
        limit_concurrency=MAX_CONNECTIONS,
        backlog=BACKLOG,
        ssl_certfile=None if tls is None else tls[0],
        ssl_keyfile=None if tls is None else tls[1],
    )
    _require_certificate(config, listener)
    server = _Server(config, app.state.stopping, ready, out if out is not None else sys.stdout, partial(listening, url))
    try:
        server.run(sockets=[listener])
    except SystemExit:
        # uvicorn leaves this way when the application's start-up failed; why is in the log.
        return STARTUP_FAILED
    finally:
        listener.close()
    return 0 if server.started else STARTUP_FAILED


def _require_certificate(config: uvicorn.Config, listener: socket.socket) -> None:
    """Read the certificate now: uvicorn would end the process over it without a word of ours."""
    try:
        config.load()
    except OSError as error:
        listener.close()
        raise ConfigurationError(
            Code.SETTINGS_INVALID,
            "The certificate or its key cannot be used.",
            hint="Both are PEM files, and belong together; is the key readable for this user?",
        ) from error


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise ConfigurationError(
            Code.SETTINGS_INVALID,
            f"Cannot listen on {host} port {port}.",
            hint="Is another process using it? Choose another port, or 0 for any free one.",
        ) from error
    return listener


class _Server(uvicorn.Server):
    """uvicorn's server that tells when it listens and when it stops, and returns instead of dying by the signal."""

    def __init__(
        self,
        config: uvicorn.Config,
        stopping: asyncio.Event,
        ready: str,
        out: TextIO,
        listening: Callable[[], None],
    ) -> None:
        super().__init__(config)
        self._stopping = stopping
        self._ready = ready
        self._out = out
        self._listening = listening
        self._loop: asyncio.AbstractEventLoop | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)
        if self.started:
            self._out.write(self._ready + "\n")
            self._out.flush()
            self._listening()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        super().handle_exit(sig, frame)
        if self._loop is not None:
            # Long polls and streams wait on it; without it they would hold the stop for the whole grace.
            self._loop.call_soon_threadsafe(self._stopping.set)

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        # As uvicorn's, except that it does not raise the signal again afterwards: the exit status is ours to give.
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        handled = (signal.SIGINT, signal.SIGTERM)
        before = {number: signal.signal(number, self.handle_exit) for number in handled}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
