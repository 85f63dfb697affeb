# SPDX-License-Identifier: EUPL-1.2
"""``POST /v1/hits/{id}/opening``: a person is about to read what a hit released."""

from fastapi import FastAPI, Request, Response

from broker.routes.door import Door, answer
from edge.api import described
from protocol.errors import Code
from protocol.ids import HitId
from protocol.messages import ActAnswer, OpeningRequest, as_uuid


def add_hits(app: FastAPI, door: Door) -> None:
    """Add the routes of hits."""

    @app.post(
        "/v1/hits/{hit_id}/opening",
        operation_id="openHit",
        summary="Log that a person is about to read a hit",
        tags=["hits"],
        **described(
            body=OpeningRequest, answer=ActAnswer, refusals=[Code.POLICY_REFUSED, Code.NOT_FOUND, Code.UNAVAILABLE]
        ),
    )
    async def open_hit(request: Request, hit_id: str) -> Response:
        signed = await door.read(request)
        return answer(await signed.broker.open_hit(signed.verified, HitId(as_uuid(hit_id)), signed.body))
