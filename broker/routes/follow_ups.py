# SPDX-License-Identifier: EUPL-1.2
"""``POST /v1/hits/{id}/acknowledgement`` and ``/outcome``: a person goes a step further with a hit.

Not here: which step may follow (``protocol/follow_ups.py``). Spec: ``protocol/spec/follow-up.md``.
"""

from typing import Final

from fastapi import FastAPI, Request, Response

from broker.following import acknowledge, close
from broker.routes.door import Door, answer
from edge.api import described
from protocol.errors import Code
from protocol.follow_ups import Acknowledgement, HitOutcome
from protocol.ids import HitId
from protocol.messages import ActAnswer, as_uuid

_REFUSALS: Final = (
    *(Code.POLICY_REFUSED, Code.NOT_FOUND, Code.CONFLICT),
    *(Code.IDEMPOTENCY_CONFLICT, Code.UNAVAILABLE),
)


def add_follow_ups(app: FastAPI, door: Door) -> None:
    """Add the routes of follow-up."""

    @app.post(
        "/v1/hits/{hit_id}/acknowledgement",
        operation_id="acknowledgeHit",
        summary="Say that a person saw a hit, or had contact about it",
        tags=["hits"],
        **described(body=Acknowledgement, answer=ActAnswer, refusals=[*_REFUSALS]),
    )
    async def acknowledgement(request: Request, hit_id: str) -> Response:
        signed = await door.read(request)
        return answer(await acknowledge(signed.broker, signed.verified, HitId(as_uuid(hit_id)), signed.body))

    @app.post(
        "/v1/hits/{hit_id}/outcome",
        operation_id="closeHit",
        summary="Say what came of a hit",
        tags=["hits"],
        **described(body=HitOutcome, answer=ActAnswer, refusals=[*_REFUSALS]),
    )
    async def outcome(request: Request, hit_id: str) -> Response:
        signed = await door.read(request)
        return answer(await close(signed.broker, signed.verified, HitId(as_uuid(hit_id)), signed.body))
