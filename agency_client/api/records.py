# SPDX-License-Identifier: EUPL-1.2
"""``/v1/records``: give records, ask what stands of one, withdraw one. Each is the same again when said again.

Not here: what is done (``giving.py``).
"""

import asyncio
from collections.abc import Sequence
from typing import Annotated, Final

from fastapi import APIRouter, Path, Request, Response

from agency_client.api.described import Routes, answered
from agency_client.api.giving import OTHER_SYSTEM, Giving
from agency_client.api.messages import (
    NamedRecord,
    RecordAnswer,
    RecordInput,
    RecordProblem,
    RecordResult,
    RecordsAnswer,
    RecordsRequest,
)
from agency_client.api.references import PATTERN, read_reference
from agency_client.api.tokens import read_json, require_system
from agency_client.vault.systems import KeptSystem, Scope
from edge.api import PREFIX
from edge.problems import PROBLEM_TYPE, problem, to_bytes
from protocol.errors import Code, ConflictError, InputError, Issue
from protocol.messages import parse

MAX_BODY: Final = 8 * 1024 * 1024
"""Bytes of a batch: a thousand records of eight thousand characters."""
MAX_ONE: Final = 1024 * 1024
"""Bytes of one record: a thousand full values would be eight."""
Ref = Annotated[
    str,
    Path(
        description="Your own reference of the record. Never a BSN, a phone number or another identifier of a person.",
        json_schema_extra={"pattern": PATTERN},
    ),
]
_UNUSED: Final = frozenset({"quarantined", "refused"})
_TOOK: Final = frozenset({"new", "changed"})


def add_records(router: APIRouter, routes: Routes) -> None:
    """Add the routes."""

    @router.post(
        f"{PREFIX}/records",
        summary="Give records",
        operation_id="giveRecords",
        **answered(RecordsAnswer, body=RecordsRequest, refusals=[Code.TOO_LARGE, Code.UNAVAILABLE]),
    )
    async def give(request: Request) -> Response:
        """Take 1 to 1,000 records in one transaction; each gets its own result."""
        system = await require_system(request, routes, Scope.RECORDS)
        asked = parse(RecordsRequest, await read_json(request, MAX_BODY))
        return routes.json(RecordsAnswer(results=tuple(await _give(system, asked.records))))

    @router.put(
        f"{PREFIX}/records/{{ref}}",
        summary="Give one record",
        operation_id="putRecord",
        **answered(
            RecordResult,
            body=RecordInput,
            refusals=[Code.CONFLICT, Code.TOO_LARGE, Code.UNAVAILABLE],
            problem=RecordProblem,
        ),
    )
    async def put(request: Request, ref: Ref) -> Response:
        """Say all that is known of a record now: a new one, the same, or a change that corrects its signal."""
        system = await require_system(request, routes, Scope.RECORDS)
        reference = read_reference(ref)
        asked = parse(RecordInput, await read_json(request, MAX_ONE))
        result = (await _give(system, [NamedRecord(reference=reference, fields=asked.fields)]))[0]
        if result.result == "refused" and result.errors[0].code == OTHER_SYSTEM:
            raise ConflictError(Code.CONFLICT, result.errors[0].message)
        return _refused(result) if result.result in _UNUSED else routes.json(result)

    @router.get(
        f"{PREFIX}/records/{{ref}}",
        summary="Ask what stands of a record",
        operation_id="getRecord",
        **answered(RecordAnswer, refusals=[Code.NOT_FOUND]),
    )
    async def get(request: Request, ref: Ref) -> Response:
        """Say which signals were made of a record and where each is."""
        system = await require_system(request, routes, Scope.RECORDS)
        giving, reference = Giving(routes.running.session, system.name), read_reference(ref)
        return routes.json(await asyncio.to_thread(giving.get, reference))

    @router.delete(
        f"{PREFIX}/records/{{ref}}",
        summary="Withdraw a record",
        operation_id="deleteRecord",
        **answered(RecordAnswer, refusals=[Code.NOT_FOUND, Code.CONFLICT]),
    )
    async def delete(request: Request, ref: Ref) -> Response:
        """Withdraw the signals of a record that is gone; what is on its way is withdrawn after its answer."""
        system = await require_system(request, routes, Scope.RECORDS)
        giving, reference = Giving(routes.running.session, system.name), read_reference(ref)
        found = await asyncio.to_thread(giving.withdraw, reference)
        routes.changed()
        return routes.json(found)

    async def _give(system: KeptSystem, records: Sequence[NamedRecord]) -> list[RecordResult]:
        results = await asyncio.to_thread(Giving(routes.running.session, system.name).give, records)
        if any(one.result in _TOOK or one.quarantine is not None for one in results):
            routes.changed()
        return results


def _refused(result: RecordResult) -> Response:
    error = InputError(
        Code.RECORD_UNUSABLE,
        "The record cannot be used as it is.",
        hint=None
        if result.quarantine is None
        else f"It waits in quarantine under number {result.quarantine}; a corrected one takes its place.",
        issues=[Issue(one.location, one.code, one.message) for one in result.errors],
    )
    told = problem(error)
    found = RecordProblem.model_validate({**dict(told), "quarantine": result.quarantine})
    return Response(to_bytes(found), status_code=found.status, media_type=PROBLEM_TYPE)
