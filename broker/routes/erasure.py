# SPDX-License-Identifier: EUPL-1.2
"""``POST /v1/signals/{id}/erasure``: the log forgets whom the entries of an agency's own signal concern.

Not here: what is erased (``broker/erasing.py``). Spec: ``protocol/spec/erasure.md``.
"""

from fastapi import FastAPI, Request, Response

from broker.erasing import erase_signal
from broker.routes.door import Door, answer
from edge.api import described
from protocol.errors import Code
from protocol.ids import SignalId
from protocol.messages import ActAnswer, ErasureRequest, as_uuid


def add_erasure(app: FastAPI, door: Door) -> None:
    """Add the route of erasure."""

    @app.post(
        "/v1/signals/{signal_id}/erasure",
        operation_id="eraseSignal",
        summary="Have the log forget whom a signal concerned",
        tags=["signals"],
        **described(
            body=ErasureRequest,
            answer=ActAnswer,
            refusals=[
                Code.POLICY_REFUSED,
                Code.NOT_FOUND,
                Code.IDEMPOTENCY_CONFLICT,
                Code.NOT_LOGGED,
                Code.UNAVAILABLE,
            ],
        ),
    )
    async def erase(request: Request, signal_id: str) -> Response:
        signed = await door.read(request)
        found = SignalId(as_uuid(signal_id))
        return answer(await erase_signal(signed.broker, signed.verified, found, signed.body))
