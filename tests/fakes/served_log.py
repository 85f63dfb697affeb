# SPDX-License-Identifier: EUPL-1.2
"""A log as a broker serves it, honest until told otherwise: real tree, real signatures, real cosignatures.

Not here: a broker. ``serve`` answers paths behind ``/log/``; a missing one is ``None``.
"""

from collections.abc import Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from protocol.checkpoint import Checkpoint, LogSigner, WitnessSigner, add_cosignatures, cosign, sign_checkpoint
from protocol.commitments import commit
from protocol.errors import Code, VerificationError
from protocol.events import Act, CovenantRef, RequestRefused
from protocol.merkle import Frontier, TileId, append
from protocol.tiles import encode_entries, parse_tile_path

MOMENT = datetime(2026, 11, 21, 20, 0, tzinfo=UTC)
_ACT = Act(time=MOMENT, covenant=CovenantRef(version="1", sha256="0" * 64))


def leaf(number: int, word: str = "code") -> bytes:
    """Return the leaf of some event, another for each number and word."""
    return commit(RequestRefused(act=_ACT, code=f"{word}_{number}"), bytes(32), bytes(32)).leaf


class ServedLog:
    """Entries, and the newest checkpoint with the cosignatures of the first ``cosigners`` witnesses."""

    def __init__(
        self, signer: LogSigner, witnesses: Sequence[WitnessSigner], size: int = 0, *, cosigners: int = 2
    ) -> None:
        self._signer = signer
        self._witnesses = list(witnesses)
        self.cosigners = cosigners
        self.leaves: list[bytes] = []
        self.reports: bytes | None = None
        """What is said of the witnesses; nothing, as by a log of another maker."""
        self.grow(size)

    def grow(self, count: int, word: str = "code") -> None:
        """Append entries and sign the new head."""
        self.leaves += [leaf(len(self.leaves) + i, word) for i in range(count)]
        self.sign()

    def sign(self, moment: datetime = MOMENT) -> None:
        """Sign a head for the entries as they are now, whatever was signed before; cosigned at this moment."""
        self.tree = append(Frontier(), self.leaves)
        self.head = Checkpoint(self._signer.key.name, len(self.leaves), self.tree.root)
        note = sign_checkpoint(self.head, self._signer)
        self.note = add_cosignatures(note, [cosign(self.head, w, moment) for w in self._witnesses[: self.cosigners]])

    def serve(self, path: str) -> bytes | None:
        """Return what stands behind ``/log/`` at this path."""
        if path == "checkpoint":
            return self.note.encode()
        if path == "witnesses":
            return self.reports
        asked = parse_tile_path(path.removeprefix("tile/"))
        if asked.level is None:
            entries = self.leaves[asked.n * 256 : asked.n * 256 + asked.width]
            return encode_entries(entries) if len(entries) == asked.width else None
        row = {growth.tile: growth.hashes for growth in self.tree.growth}.get(TileId(asked.level, asked.n), b"")
        return row[: asked.width * 32] if len(row) >= asked.width * 32 else None

    def fetch(self, path: str) -> bytes:
        """Serve a path like a client sees it: what is missing is an incomplete log."""
        body = self.serve(path)
        if body is None:
            raise VerificationError(Code.LOG_INCOMPLETE, "Not served.")
        return body

    @contextmanager
    def on_loopback(self):
        """Serve over HTTP on this machine and yield the address."""
        log = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = log.serve(self.path.removeprefix("/log/"))
                self.send_response(200 if body is not None else 404)
                self.send_header("Content-Length", str(len(body or b"")))
                self.end_headers()
                self.wfile.write(body or b"")

            def log_message(self, *_: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            server.server_close()
            thread.join()
