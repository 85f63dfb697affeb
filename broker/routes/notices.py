# SPDX-License-Identifier: EUPL-1.2
"""``GET /v1/notices`` (long poll) and ``GET /v1/notices/stream`` (server-sent events).

In order, at least once, resumable. Not here: who is told what (``broker/notify.py``).
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Final

from fastapi import FastAPI, Header, Query, Request, Response
from fastapi.responses import StreamingResponse

from broker.routes.door import Door
from broker.service import MAX_WAIT
from edge.api import described
from protocol.errors import Code
from protocol.ids import PartyId
from protocol.notices import MAX_NOTICES, NoticePage

KEEP_ALIVE_SECONDS: Final = 15.0
"""Between signs of life on a silent stream: half of what impatient proxies wait."""
STREAM_SECONDS: Final = 900.0
"""A stream ends after a quarter of an hour and is opened again, with a fresh signature by a key that still counts."""
STREAM_PAGE: Final = 100

After = Annotated[int, Query(ge=0, lt=2**53, description="Number of the last notice that you have.")]


def add_notices(app: FastAPI, door: Door) -> None:
    """Add the routes of notices."""

    @app.get(
        "/v1/notices",
        operation_id="getNotices",
        summary="What this agency is told",
        tags=["notices"],
        **described(answer=NoticePage, refusals=[Code.POLICY_REFUSED, Code.UNAVAILABLE]),
    )
    async def notices(
        request: Request,
        after: After = 0,
        limit: Annotated[int, Query(ge=1, le=MAX_NOTICES)] = STREAM_PAGE,
        wait: Annotated[int, Query(ge=0, le=MAX_WAIT, description="Seconds to wait when there is nothing.")] = 0,
    ) -> Response:
        signed = await door.read(request)
        await signed.broker.require_reader(signed.verified)
        page = await signed.broker.notices(signed.verified.party, after, limit, wait, door.stopping)
        return Response(await asyncio.to_thread(page.to_json), media_type="application/json")

    @app.get("/v1/notices/stream", include_in_schema=False)
    async def stream(
        request: Request,
        after: After = 0,
        last_event_id: Annotated[str | None, Header(pattern=r"^[0-9]{1,15}$")] = None,
    ) -> Response:
        signed = await door.read(request)
        await signed.broker.require_reader(signed.verified)
        start = after if last_event_id is None else int(last_event_id)
        return StreamingResponse(
            _events(door, signed.verified.party, start),
            media_type="text/event-stream",
            headers={"X-Accel-Buffering": "no"},
        )


async def _events(door: Door, agency: PartyId, after: int) -> AsyncIterator[bytes]:
    clock = asyncio.get_running_loop().time
    deadline = clock() + STREAM_SECONDS
    # Headers and a first sign of life at once, so that the client knows it is heard.
    yield b": welcome\n\n"
    while not door.stopping.is_set() and clock() < deadline and door.standing.in_force:
        page = await door.broker.notices(agency, after, STREAM_PAGE, KEEP_ALIVE_SECONDS, door.stopping)
        if page.notices:
            after = page.notices[-1].seq
            body = await asyncio.to_thread(page.to_json)
            yield b"id: %d\nevent: notices\ndata: %s\n\n" % (after, body)
        else:
            yield b": still here\n\n"
