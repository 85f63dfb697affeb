# SPDX-License-Identifier: EUPL-1.2
"""The OpenAPI document of a service, as the NL GOV API Design Rules want it: FastAPI's own, corrected in one place.

Only routes under ``/v1`` are described. Not here: the answers themselves (``api.py``).
"""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from edge.problems import PROBLEM_TYPE, status_of
from protocol.errors import Code
from protocol.messages import Message, Problem

PREFIX: Final = "/v1"
_MESSAGES: Final[dict[str, type[Message]]] = {}
"""What routes take and give, by the name that documents have for it. Its schema is made for who reads a document:
making all of them takes longer than all else of a start.
"""


def described(
    *, body: type[Message] | None = None, answer: type[Message] | None = None, refusals: Sequence[Code] = ()
) -> dict[str, Any]:
    """Return the keyword arguments that describe a route which reads its signed body itself.

    ``@router.post("/v1/signals", **described(body=PushRequest, answer=PushAnswer, refusals=[Code.POLICY_REFUSED]))``
    """
    responses: dict[int | str, dict[str, Any]] = {}
    for code in (Code.MALFORMED, Code.SIGNATURE_INVALID, *refusals):
        status = status_of(code)
        responses[status] = {
            "description": HTTPStatus(status).phrase,
            "content": {PROBLEM_TYPE: {"schema": _ref(Problem)}},
        }
    extra: dict[str, Any] = {}
    if body is not None:
        extra["requestBody"] = {"required": True, "content": {"application/json": {"schema": _ref(body)}}}
    if answer is not None:
        responses[200] = {"description": "Done", "content": {"application/json": {"schema": _ref(answer)}}}
    return {"responses": responses, "openapi_extra": extra}


def problem_schema(message: type[Message]) -> dict[str, str]:
    """Return the schema of a route's own kind of problem."""
    return _ref(message)


def _schema(message: type[Message]) -> dict[str, Any]:
    return message.model_json_schema(by_alias=True, ref_template="#/components/schemas/{model}")


def _ref(message: type[Message]) -> dict[str, str]:
    _MESSAGES[message.__name__] = message
    return {"$ref": f"#/components/schemas/{message.__name__}"}


def document(app: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI document of the ``/v1`` routes: 400 for 422, API-Version on every answer, paths below /v1."""
    if app.openapi_schema:
        return app.openapi_schema
    made = get_openapi(
        title=app.title,
        version=app.version,
        description=app.description,
        routes=app.routes,
        license_info={"name": "EUPL-1.2", "url": "https://eupl.eu/1.2/en/"},
        servers=[{"url": PREFIX}],
    )
    made["info"]["contact"] = app.contact
    if schemes := getattr(app.state, "security_schemes", None):
        made.setdefault("components", {})["securitySchemes"] = schemes
    schemas = made.setdefault("components", {}).setdefault("schemas", {})
    made["components"]["headers"] = {
        "API-Version": {"description": "The full version of this API.", "schema": {"type": "string"}}
    }
    paths = {path: item for path, item in made.get("paths", {}).items() if path.startswith(PREFIX + "/")}
    made["paths"] = {path.removeprefix(PREFIX): item for path, item in paths.items()}
    for item in made["paths"].values():
        for operation in item.values():
            _conform(operation, schemas)
    schemas["Problem"] = _hoisted(_schema(Problem), schemas)
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    app.openapi_schema = made
    return made


def _conform(operation: dict[str, Any], schemas: dict[str, Any]) -> None:
    responses = operation.setdefault("responses", {})
    has_input = operation.get("parameters") or operation.get("requestBody")
    if responses.pop("422", None) is not None or has_input:
        described_400 = {"description": "Bad Request", "content": {PROBLEM_TYPE: {"schema": _ref(Problem)}}}
        responses["400"] = described_400
    for response in responses.values():
        response.setdefault("headers", {})["API-Version"] = {"$ref": "#/components/headers/API-Version"}
    for holder in (operation.get("requestBody", {}), *responses.values()):
        for content in holder.get("content", {}).values():
            name = content.get("schema", {}).get("$ref", "").rpartition("/")[2]
            if name in _MESSAGES and name not in schemas:
                schemas[name] = _hoisted(_schema(_MESSAGES[name]), schemas)


def _hoisted(schema: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    for name, definition in schema.get("$defs", {}).items():
        schemas.setdefault(name, definition)
    return {key: value for key, value in schema.items() if key != "$defs"}
