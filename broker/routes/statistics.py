# SPDX-License-Identifier: EUPL-1.2
"""``GET /v1/statistics``: aggregates of a purpose's closed months, under a purpose that counts.

Not here: what is counted and shown (``broker/statistics.py``). Spec: ``protocol/spec/statistics.md``.
"""

from typing import Annotated

from fastapi import FastAPI, Query, Request, Response

from broker.routes.door import Door, answer
from broker.statistics import Wish, read_statistics
from edge.api import described
from protocol.errors import Code
from protocol.messages import Purpose
from protocol.statistics import StatisticsAnswer, Year


def add_statistics(app: FastAPI, door: Door) -> None:
    """Add the route of statistics."""

    @app.get(
        "/v1/statistics",
        operation_id="readStatistics",
        summary="Aggregates of closed months, without small numbers",
        tags=["statistics"],
        **described(answer=StatisticsAnswer, refusals=[Code.POLICY_REFUSED, Code.NOT_LOGGED, Code.UNAVAILABLE]),
    )
    async def statistics(
        request: Request,
        about: Annotated[Purpose, Query(description="Of which purpose.")],
        purpose: Annotated[Purpose, Query(description="Under which purpose, one that counts.")],
        year: Annotated[Year, Query(description="Of which calendar year.")],
    ) -> Response:
        signed = await door.read(request)
        return answer(await read_statistics(signed.broker, signed.verified, Wish(about, purpose, year)))
