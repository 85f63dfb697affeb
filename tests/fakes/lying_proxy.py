# SPDX-License-Identifier: EUPL-1.2
"""Stands at the broker's address, passes everything on, and changes answers when a test tells it to.

To an agency it is the broker: what it changes is what a lying broker could say. It also keeps the requests that it saw,
as whoever stands between two machines can. Not here: the lies (``dishonest_broker.py`` and the tests of the flow).
"""

import http.client
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.fakes.processes import free_port

_OURS = frozenset({"content-length", "transfer-encoding", "connection", "keep-alive"})
"""Headers that belong to a connection."""
_SECONDS = 60.0
"""More than the longest that a broker holds a question."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request, as it came."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer, as the broker gave it or as it is bent."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def with_body(self, body: bytes) -> "Answered":
        """Return the answer with another body."""
        return replace(self, body=body)


Lie = Callable[[Asked, Answered], Answered]


class LyingProxy:
    """Listens at ``url`` from the start; the broker itself must listen at port ``target``."""

    def __init__(self) -> None:
        self.target = free_port()
        self.asked: list[Asked] = []
        self._lie: Lie | None = None
        self._server = self._listen(0)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        """Stop listening: to agencies, no broker is there."""
        self._server.shutdown()
        self._server.server_close()

    @contextmanager
    def away(self) -> Iterator[None]:
        """Let nobody be at the address for a while."""
        self.close()
        try:
            yield
        finally:
            self._server = self._listen(int(self.url.rpartition(":")[2]))

    @contextmanager
    def lying(self, lie: Lie) -> Iterator[None]:
        """Change every answer by ``lie``."""
        self._lie = lie
        try:
            yield
        finally:
            self._lie = None

    def pass_on(self, asked: Asked) -> Answered:
        """Ask the broker; raises ``OSError`` or ``HTTPException`` when it is not there."""
        connection = http.client.HTTPConnection("127.0.0.1", self.target, timeout=_SECONDS)
        try:
            connection.request(asked.method, asked.path, asked.body, dict(asked.headers))
            answer = connection.getresponse()
            headers = {name: value for name, value in answer.getheaders() if name.lower() not in _OURS}
            return Answered(answer.status, headers, answer.read())
        finally:
            connection.close()

    def answer(self, asked: Asked) -> Answered:
        """Ask the broker and bend what it says."""
        self.asked.append(asked)
        answered = self.pass_on(asked)
        return self._lie(asked, answered) if self._lie else answered

    def _listen(self, port: int) -> ThreadingHTTPServer:
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _pass(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                headers = {name: value for name, value in self.headers.items() if name.lower() != "connection"}
                try:
                    answered = proxy.answer(Asked(self.command, self.path, headers, body))
                except (OSError, http.client.HTTPException):
                    # The broker is gone, in the middle of an answer perhaps: so is this connection.
                    self.close_connection = True
                    return
                self.send_response_only(answered.status)
                for name, value in answered.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(answered.body)))
                self.end_headers()
                self.wfile.write(answered.body)

            do_GET = do_POST = do_PUT = _pass  # noqa: N815 - names of the standard library

            def log_message(self, *_: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        return server
