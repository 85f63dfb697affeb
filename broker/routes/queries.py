# SPDX-License-Identifier: EUPL-1.2
"""``POST /v1/queries``: an agency asks who else knows a person, without signalling.

Not here: what it is told (``broker/query.py``). Spec: ``protocol/spec/messages.md``.
"""

import asyncio

from fastapi import FastAPI, Request, Response

from broker.routes.door import Door
from edge.api import described
from protocol.errors import Code
from protocol.messages import QueryAnswer, QueryRequest


def add_queries(app: FastAPI, door: Door) -> None:
    """Add the route of queries."""

    @app.post(
        "/v1/queries",
        operation_id="askWhoKnows",
        summary="Ask who else knows a person, without signalling",
        tags=["queries"],
        **described(
            body=QueryRequest, answer=QueryAnswer, refusals=[Code.POLICY_REFUSED, Code.TOO_LARGE, Code.NOT_LOGGED]
        ),
    )
    async def query(request: Request) -> Response:
        signed = await door.read(request)
        told = await signed.broker.query(signed.verified, signed.body)
        # Fifty cases with their parts are megabytes of JSON.
        return Response(await asyncio.to_thread(told.to_json), media_type="application/json")
