# SPDX-License-Identifier: EUPL-1.2
"""``POST /v1/signals/{id}/restriction``, ``/extension`` and ``/v1/notices/{seq}/acknowledgement``.

Not here: what may be changed (``broker/changing.py``). Spec: ``protocol/spec/changes.md``.
"""

from typing import Annotated, Final

from fastapi import FastAPI, Path, Request, Response

from broker.changing import acknowledge, extend, restrict
from broker.routes.door import Door, answer
from edge.api import described
from protocol.changes import ChangeSeen, Extension, Restriction
from protocol.errors import Code
from protocol.ids import SignalId
from protocol.messages import ActAnswer, as_uuid

_REFUSALS: Final = (
    *(Code.POLICY_REFUSED, Code.NOT_FOUND, Code.CONFLICT),
    *(Code.IDEMPOTENCY_CONFLICT, Code.UNAVAILABLE),
)
Number = Annotated[int, Path(ge=1, le=2**53 - 1)]


def add_changes(app: FastAPI, door: Door) -> None:
    """Add the routes of changes."""

    @app.post(
        "/v1/signals/{signal_id}/restriction",
        operation_id="restrictSignal",
        summary="Restrict a signal, or lift that",
        tags=["signals"],
        **described(body=Restriction, answer=ActAnswer, refusals=[*_REFUSALS]),
    )
    async def restriction(request: Request, signal_id: str) -> Response:
        signed = await door.read(request)
        found = SignalId(as_uuid(signal_id))
        return answer(await restrict(signed.broker, signed.verified, found, signed.body))

    @app.post(
        "/v1/signals/{signal_id}/extension",
        operation_id="extendSignal",
        summary="Let a signal live on",
        tags=["signals"],
        **described(body=Extension, answer=ActAnswer, refusals=[*_REFUSALS]),
    )
    async def extension(request: Request, signal_id: str) -> Response:
        signed = await door.read(request)
        found = SignalId(as_uuid(signal_id))
        return answer(await extend(signed.broker, signed.verified, found, signed.body))

    @app.post(
        "/v1/notices/{seq}/acknowledgement",
        operation_id="acknowledgeChange",
        summary="Say that what is gone or restricted is not shown any more",
        tags=["notices"],
        **described(
            body=ChangeSeen, answer=ActAnswer, refusals=[Code.POLICY_REFUSED, Code.NOT_FOUND, Code.UNAVAILABLE]
        ),
    )
    async def seen(request: Request, seq: Number) -> Response:
        signed = await door.read(request)
        return answer(await acknowledge(signed.broker, signed.verified, seq, signed.body))
