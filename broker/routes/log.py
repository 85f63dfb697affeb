# SPDX-License-Identifier: EUPL-1.2
"""The log for everybody (C2SP tlog-tiles): ``/log/checkpoint``, ``/log/tile/…``, ``/log/tile/entries/…``.

Nothing in it is secret. Not here: growing it (``broker/log_worker.py``).
"""

from typing import Final

from fastapi import FastAPI, Response

from broker.postgres.log import LogRows
from broker.postgres.witnessing import WitnessRows
from protocol.checkpoint import add_cosignatures, parse_checkpoint
from protocol.errors import Code, InputError, NotFoundError
from protocol.note import parse_note
from protocol.tiles import parse_tile_path

IMMUTABLE: Final = "public, max-age=31536000, immutable"
"""A path names exactly these bytes, for ever: a longer tile has another path."""


def add_log(app: FastAPI, rows: LogRows, witnesses: WitnessRows) -> None:
    """Add the log's routes."""

    @app.get("/log/checkpoint", include_in_schema=False)
    async def checkpoint() -> Response:
        head = await rows.published()
        if head.note is None:
            raise NotFoundError(Code.NOT_FOUND, "The log has no checkpoint with its witness quorum yet.")
        # Agencies' lines show the head to more eyes; whoever counts a quorum ignores them.
        note = add_cosignatures(head.note, await witnesses.lines(parse_checkpoint(parse_note(head.note).text)))
        return Response(note, media_type="text/plain; charset=utf-8", headers={"Cache-Control": "no-cache"})

    @app.get("/log/tile/{path:path}", include_in_schema=False)
    async def tile(path: str) -> Response:
        try:
            asked = parse_tile_path(path)
        except InputError:
            raise _no_tile() from None
        body = await rows.serve(asked)
        if body is None:
            raise _no_tile()
        return Response(body, media_type="application/octet-stream", headers={"Cache-Control": IMMUTABLE})


def _no_tile() -> NotFoundError:
    return NotFoundError(Code.NOT_FOUND, "The log has no such tile.")
