# SPDX-License-Identifier: EUPL-1.2
"""The key-holder over HTTP: evaluations, key statements, witness. Thin: read, ask the service, write.

Not here: what is allowed (``evaluate.py``), the house conventions (``edge/api.py``).
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Final

from fastapi import FastAPI, Query, Request, Response

from edge.api import described, make_app
from edge.requests import read_signed
from keyholder.service import Service
from protocol.errors import Code, InputError, NotFoundError, SluisError
from protocol.messages import MAX_ELEMENTS, EpochNumber, EvaluationAnswer, EvaluationRequest, KeyStatements, Purpose
from protocol.witness_rules import LAST_CHECKPOINT, MAX_REQUEST, NOTE_TYPE

API_VERSION: Final = "1.0.0"
MAX_EVALUATION: Final = 64 * MAX_ELEMENTS + 4_096
"""Bytes: 43 characters of base64url an element, quotes, comma and white space; and the rest of the message."""


def make_keyholder_app(service: Service, *, public_url: str) -> FastAPI:
    """Return the application; its lifespan keeps the seeds moving."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        stopping = app.state.stopping
        timers = [
            asyncio.create_task(work(stopping))
            for work in (service.keep_time, service.follow, service.forward, service.keep_reporting)
        ]
        try:
            yield
        finally:
            stopping.set()
            await asyncio.gather(*timers)

    app = make_app(
        "Sluis key-holder",
        API_VERSION,
        "Evaluates blinded elements with one share of a purpose's key, and witnesses the log.",
        lifespan,
        role="keyholder",
        max_body=max(MAX_EVALUATION, MAX_REQUEST),
        covenant=lambda: service.agreed.covenant.sha256,
    )
    _add_evaluations(app, service, public_url)
    _add_statements(app, service)
    _add_witness(app, service)
    _add_readiness(app, service)
    return app


def _add_evaluations(app: FastAPI, service: Service, public_url: str) -> None:
    refusals = [Code.POLICY_REFUSED, Code.BUDGET_EXHAUSTED, Code.TOO_LARGE, Code.COVENANT_EXPIRED]

    @app.post(
        "/v1/evaluations",
        operation_id="evaluate",
        summary="Evaluate blinded elements",
        tags=["evaluations"],
        **described(body=EvaluationRequest, answer=EvaluationAnswer, refusals=refusals),
    )
    async def evaluations(request: Request) -> Response:
        now, agreed = service.clock(), service.agreed
        agreed.require_in_force(now)
        try:
            signed = await read_signed(
                request,
                agreed.directory,
                now=now,
                public_url=public_url,
                nonces=service,
                max_body=MAX_EVALUATION,
            )
        except SluisError as error:
            await service.refused(error, now, None)
            raise
        return _json(await service.evaluate(signed, agreed, now))


def _add_statements(app: FastAPI, service: Service) -> None:
    @app.get(
        "/v1/keys",
        operation_id="keyStatements",
        summary="Signed statements of this key-holder's public points",
        tags=["keys"],
        **described(answer=KeyStatements, refusals=[Code.EPOCH_CLOSED, Code.NOT_FOUND]),
    )
    async def keys(
        purpose: Annotated[Purpose | None, Query()] = None, epoch: Annotated[EpochNumber | None, Query()] = None
    ) -> Response:
        return _json(await service.statements(purpose, epoch, service.clock()))


def _add_witness(app: FastAPI, service: Service) -> None:
    @app.post("/add-checkpoint", include_in_schema=False)
    async def add_checkpoint(request: Request) -> Response:
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_REQUEST:
                raise InputError(Code.TOO_LARGE, f"A witness request has at most {MAX_REQUEST} bytes.")
        found = await service.add_checkpoint(bytes(body), service.clock())
        return Response(found.body, status_code=found.status, headers={"Content-Type": found.content_type})

    @app.get(LAST_CHECKPOINT, include_in_schema=False)
    async def last_checkpoint() -> Response:
        note = await service.last_checkpoint()
        if note is None:
            raise NotFoundError(Code.NOT_FOUND, "This witness has cosigned no checkpoint yet.")
        return Response(note, headers={"Content-Type": NOTE_TYPE})


def _add_readiness(app: FastAPI, service: Service) -> None:
    @app.get("/readyz", include_in_schema=False)
    async def readyz() -> dict[str, object]:
        covenant = service.covenant
        await service.check_ready(service.clock())
        return {
            "status": "ready",
            "covenant": {"version": covenant.version, "sha256": covenant.sha256},
            "epoch": service.held.epoch,
        }


def _json(message: EvaluationAnswer | KeyStatements) -> Response:
    return Response(message.to_json(), media_type="application/json")
