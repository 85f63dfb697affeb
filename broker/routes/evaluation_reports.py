# SPDX-License-Identifier: EUPL-1.2
"""``POST /v1/evaluation-reports``: a key-holder says what it evaluated and refused, hour by hour.

Not here: what becomes of it (``broker/evaluation_reports.py``). Spec: ``protocol/spec/evaluation-reports.md``.
"""

from typing import Final

from fastapi import FastAPI, Request, Response

from broker.evaluation_reports import take_reports
from broker.routes.door import Door, answer
from edge.api import described
from protocol.errors import Code
from protocol.evaluation_reports import EvaluationReports, ReportsTaken

MAX_BODY: Final = 4 * 1024 * 1024
"""Bytes: two days of a hundred agencies and six purposes take some 3 MB."""


def add_evaluation_reports(app: FastAPI, door: Door) -> None:
    """Add the route."""

    @app.post(
        "/v1/evaluation-reports",
        operation_id="reportEvaluations",
        summary="What a key-holder did, hour by hour",
        tags=["keys"],
        **described(
            body=EvaluationReports,
            answer=ReportsTaken,
            refusals=[Code.POLICY_REFUSED, Code.MALFORMED, Code.UNAVAILABLE],
        ),
    )
    async def reports(request: Request) -> Response:
        signed = await door.read(request, MAX_BODY)
        return answer(await take_reports(signed.broker, signed.verified, signed.body))
