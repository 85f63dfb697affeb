# SPDX-License-Identifier: EUPL-1.2
"""``/log/witnesses``: how far each witness is, for everybody; ``/v1/log/cosignatures``: agencies' own cosignatures.

Nothing in it is about a person. Not here: what a cosignature must be (``broker/witnessing.py``).
"""

from fastapi import FastAPI, Request, Response

from broker.routes.door import Door, answer
from broker.witnessing import Witnessing, read_upload, witness_of
from edge.api import described
from protocol.errors import Code
from protocol.messages import parse
from protocol.witness_reports import CosignatureKept, CosignatureUpload


def add_witnesses(app: FastAPI, door: Door, witnessing: Witnessing) -> None:
    """Add the routes."""

    @app.get("/log/witnesses", include_in_schema=False)
    async def witnesses() -> Response:
        reports = await witnessing.reports(door.broker.covenant)
        return Response(reports.to_json(), media_type="application/json", headers={"Cache-Control": "no-cache"})

    @app.post(
        "/v1/log/cosignatures",
        operation_id="cosignLog",
        summary="Keep an agency's cosignature of the log's newest checkpoint",
        tags=["log"],
        **described(
            body=CosignatureUpload,
            answer=CosignatureKept,
            refusals=[Code.POLICY_REFUSED, Code.MALFORMED, Code.CONFLICT],
        ),
    )
    async def cosign(request: Request) -> Response:
        signed = await door.read(request)
        broker, by = signed.broker, signed.verified
        await broker.require_reader(by)
        witness = witness_of(broker.covenant, by.party)
        upload = read_upload(
            parse(CosignatureUpload, signed.body).note, broker.covenant.log.verifier, witness, broker.now()
        )
        return answer(CosignatureKept(size=await witnessing.take(upload, witness, broker.now())))
