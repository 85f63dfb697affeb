# SPDX-License-Identifier: EUPL-1.2
"""``GET /v1/unusual``: what was said to be unusual about agencies' use; sums only, for a supervisor.

Not here: who may read it and what it is (``broker/unusual.py``). Spec: ``protocol/spec/unusual.md``.
"""

from datetime import date
from typing import Annotated

from fastapi import FastAPI, Query, Request, Response

from broker.routes.door import Door, answer
from broker.unusual import list_unusual
from edge.api import described
from protocol.errors import Code
from protocol.policy import LogPurpose
from protocol.unusual import UnusualAnswer


def add_unusual(app: FastAPI, door: Door) -> None:
    """Add the route of unusual use."""

    @app.get(
        "/v1/unusual",
        operation_id="listUnusualUse",
        summary="Unusual use that stands in the log, for a supervisor",
        tags=["supervision"],
        **described(answer=UnusualAnswer, refusals=[Code.POLICY_REFUSED, Code.UNAVAILABLE]),
    )
    async def unusual(
        request: Request,
        since: Annotated[date, Query(description="From which day (UTC).")],
        log_purpose: Annotated[LogPurpose, Query(alias="logPurpose", description="Why the log is read.")],
    ) -> Response:
        signed = await door.read(request)
        return answer(await list_unusual(signed.broker, signed.verified, since, log_purpose))
