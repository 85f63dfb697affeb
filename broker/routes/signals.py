# SPDX-License-Identifier: EUPL-1.2
"""``POST /v1/signals`` and ``POST /v1/signals/{id}/withdrawal``. Spec: protocol.md section 6."""

import asyncio
from typing import Final

from fastapi import FastAPI, Request, Response

from broker.routes.door import Door, answer
from edge.api import MAX_BODY, described
from protocol.errors import Code
from protocol.ids import SignalId
from protocol.messages import ActAnswer, PushAnswer, PushRequest, WithdrawalRequest, as_uuid

_REFUSALS: Final = (Code.POLICY_REFUSED, Code.UNAVAILABLE)


def add_signals(app: FastAPI, door: Door) -> None:
    """Add the routes of signals."""

    @app.post(
        "/v1/signals",
        operation_id="pushSignals",
        summary="Register up to 1,000 signals",
        tags=["signals"],
        **described(
            body=PushRequest, answer=PushAnswer, refusals=[*_REFUSALS, Code.IDEMPOTENCY_CONFLICT, Code.TOO_LARGE]
        ),
    )
    async def push(request: Request) -> Response:
        signed = await door.read(request, MAX_BODY)
        pushed = await signed.broker.push(signed.verified, signed.body)
        # A thousand results with their proofs are a megabyte of JSON.
        return Response(await asyncio.to_thread(pushed.to_json), media_type="application/json")

    @app.post(
        "/v1/signals/{signal_id}/withdrawal",
        operation_id="withdrawSignal",
        summary="Take a signal back",
        tags=["signals"],
        **described(body=WithdrawalRequest, answer=ActAnswer, refusals=[*_REFUSALS, Code.NOT_FOUND]),
    )
    async def withdraw(request: Request, signal_id: str) -> Response:
        signed = await door.read(request)
        found = SignalId(as_uuid(signal_id))
        return answer(await signed.broker.withdraw(signed.verified, found, signed.body))
