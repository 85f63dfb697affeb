# SPDX-License-Identifier: EUPL-1.2
"""``POST /v1/subject-requests``: what the log has about a citizen who asks, for the agency that answers.

Not here: what it is given (``broker/subject_requests.py``). Spec: ``protocol/spec/subject-access.md``.
"""

import asyncio
from typing import Final

from fastapi import FastAPI, Request, Response

from broker.routes.door import Door
from broker.subject_requests import collect
from edge.api import described
from protocol.errors import Code
from protocol.subject_requests import SubjectFound, SubjectSearch

MAX_BODY: Final = 262_144
"""Bytes: a thousand digests, a thousand signals and a thousand places are 110 kB."""


def add_subject_requests(app: FastAPI, door: Door) -> None:
    """Add the route of subject requests."""

    @app.post(
        "/v1/subject-requests",
        operation_id="collectForCitizen",
        summary="Collect what the log has about a citizen who asks for access",
        tags=["citizens"],
        **described(
            body=SubjectSearch, answer=SubjectFound, refusals=[Code.POLICY_REFUSED, Code.TOO_LARGE, Code.NOT_LOGGED]
        ),
    )
    async def subject_requests(request: Request) -> Response:
        signed = await door.read(request, MAX_BODY)
        found = await collect(signed.broker, signed.verified, signed.body)
        # Thousands of entries with their proofs are megabytes of JSON.
        return Response(await asyncio.to_thread(found.to_json), media_type="application/json")
