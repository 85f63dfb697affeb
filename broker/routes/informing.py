# SPDX-License-Identifier: EUPL-1.2
"""``POST /v1/signals/{id}/informing``: the person of a signal was told, or telling is put off again.

Not here: whether it may be (``broker/informing.py``). Spec: ``protocol/spec/subject-access.md``.
"""

from fastapi import FastAPI, Request, Response

from broker.informing import review
from broker.routes.door import Door, answer
from edge.api import described
from protocol.errors import Code
from protocol.ids import SignalId
from protocol.informing import InformingReview
from protocol.messages import ActAnswer, as_uuid


def add_informing(app: FastAPI, door: Door) -> None:
    """Add the route of informing."""

    @app.post(
        "/v1/signals/{signal_id}/informing",
        operation_id="reviewInforming",
        summary="Say that the person of a signal was told, or that telling is put off again",
        tags=["citizens"],
        **described(
            body=InformingReview,
            answer=ActAnswer,
            refusals=[Code.POLICY_REFUSED, Code.NOT_FOUND, Code.IDEMPOTENCY_CONFLICT, Code.UNAVAILABLE],
        ),
    )
    async def informing(request: Request, signal_id: str) -> Response:
        signed = await door.read(request)
        found = SignalId(as_uuid(signal_id))
        return answer(await review(signed.broker, signed.verified, found, signed.body))
