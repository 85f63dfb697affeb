# SPDX-License-Identifier: EUPL-1.2
"""``POST /v1/probe-counts``: how many of an agency's signals of a month were probes.

Not here: what follows from it (``broker/declaring.py``). Spec: ``protocol/spec/probes.md``.
"""

from fastapi import FastAPI, Request, Response

from broker.declaring import declare_probes
from broker.routes.door import Door, answer
from edge.api import described
from protocol.errors import Code
from protocol.messages import ActAnswer
from protocol.statistics import ProbeCounts


def add_probe_counts(app: FastAPI, door: Door) -> None:
    """Add the route of declared probes."""

    @app.post(
        "/v1/probe-counts",
        operation_id="declareProbes",
        summary="How many of this agency's signals of a month were probes",
        tags=["statistics"],
        **described(
            body=ProbeCounts, answer=ActAnswer, refusals=[Code.POLICY_REFUSED, Code.CONFLICT, Code.UNAVAILABLE]
        ),
    )
    async def declare(request: Request) -> Response:
        signed = await door.read(request)
        return answer(await declare_probes(signed.broker, signed.verified, signed.body))
