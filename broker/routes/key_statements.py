# SPDX-License-Identifier: EUPL-1.2
"""``GET /v1/key-statements``: what the key-holders said their keys are, with the proof that it stands in the log."""

from typing import Annotated

from fastapi import FastAPI, Query, Request, Response

from broker.routes.door import Door, answer
from edge.api import described
from protocol.errors import Code
from protocol.messages import EpochNumber, KeyStatementsAnswer, Purpose


def add_key_statements(app: FastAPI, door: Door) -> None:
    """Add the route of key statements."""

    @app.get(
        "/v1/key-statements",
        operation_id="getKeyStatements",
        summary="The key-holders' logged statements",
        tags=["keys"],
        **described(answer=KeyStatementsAnswer, refusals=[Code.POLICY_REFUSED, Code.UNAVAILABLE]),
    )
    async def key_statements(
        request: Request, purpose: Annotated[Purpose, Query()], epoch: Annotated[EpochNumber, Query()]
    ) -> Response:
        signed = await door.read(request)
        return answer(await signed.broker.key_statements(signed.verified, purpose, epoch))
