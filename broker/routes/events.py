# SPDX-License-Identifier: EUPL-1.2
"""``POST /v1/events/search``: entries of the log that a privacy officer or supervisor may see.

A POST, though nothing but its own reading is written: what is looked for says who is looked at, and addresses end up in
the logs of others. Not here: who may see what (``broker/searching.py``). Spec: ``protocol/spec/event-search.md``.
"""

import asyncio

from fastapi import FastAPI, Request, Response

from broker.routes.door import Door
from broker.searching import search_events
from edge.api import described
from protocol.errors import Code
from protocol.event_search import EventPage, EventSearch


def add_events(app: FastAPI, door: Door) -> None:
    """Add the route of reading the log."""

    @app.post(
        "/v1/events/search",
        operation_id="searchEvents",
        summary="Entries of the log that one may see, each with its proof",
        tags=["audit"],
        **described(
            body=EventSearch, answer=EventPage, refusals=[Code.POLICY_REFUSED, Code.NOT_LOGGED, Code.UNAVAILABLE]
        ),
    )
    async def search(request: Request) -> Response:
        signed = await door.read(request)
        page = await search_events(signed.broker, signed.verified, signed.body)
        return Response(await asyncio.to_thread(page.to_json), media_type="application/json")
