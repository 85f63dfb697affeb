# SPDX-License-Identifier: EUPL-1.2
"""``POST /access/v1/evaluation`` and ``/evaluations`` (OpenID AuthZEN 1.0): what the rules say, for other systems.

Asking changes nothing and is not logged; a refused asker is. Not here: the mapping (``protocol/authzen.py``).
"""

import asyncio
from typing import Final

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse

from broker.routes.door import Asked, Door, answer
from protocol import authzen
from protocol.errors import Code, InputError

MAX_QUESTIONS_BODY: Final = 262_144
"""Bytes of a request: a hundred questions of some 2 kB with their facts."""
METADATA_AGE: Final = "public, max-age=3600"
"""An hour: the addresses change with the covenant at most."""
_JSON: Final = "application/json"


def add_access(app: FastAPI, door: Door) -> None:
    """Add the routes of the decision surface."""

    @app.post("/access/v1/evaluation", include_in_schema=False)
    async def evaluation(request: Request) -> Response:
        signed = await _read(door, request)
        asked = authzen.read_evaluation(signed.body)
        return answer(authzen.answer(asked, signed.broker.engine, signed.broker.now()))

    @app.post("/access/v1/evaluations", include_in_schema=False)
    async def evaluations(request: Request) -> Response:
        signed = await _read(door, request)
        asked = authzen.read_evaluations(signed.body)
        # A hundred decisions that nobody asked before take some 30 ms.
        return answer(await asyncio.to_thread(authzen.answer_all, asked, signed.broker.engine, signed.broker.now()))

    @app.get("/.well-known/authzen-configuration", include_in_schema=False)
    async def configuration() -> Response:
        base = door.public_url.rstrip("/")
        found = {
            "policy_decision_point": base,
            "access_evaluation_endpoint": f"{base}/access/v1/evaluation",
            "access_evaluations_endpoint": f"{base}/access/v1/evaluations",
        }
        return JSONResponse(found, headers={"Cache-Control": METADATA_AGE})


async def _read(door: Door, request: Request) -> Asked:
    signed = await door.read(request, MAX_QUESTIONS_BODY)
    await signed.broker.require_reader(signed.verified)
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _JSON:
        raise InputError(Code.MALFORMED, f"A question is sent as {_JSON}.")
    return signed
