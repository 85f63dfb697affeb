# SPDX-License-Identifier: EUPL-1.2
"""The house conventions that every service gets from ``make_app``."""

import io
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
from fastapi import APIRouter, FastAPI, Request, Response

from edge import logs
from edge.api import MAX_REQUEST_ID, SECURITY_HEADERS, described, make_app
from edge.covenant_header import COVENANT_HEADER
from protocol.errors import Code, ConfigurationError, InputError, Issue, RefusedError, UnavailableError
from protocol.messages import PushAnswer, PushRequest

LIMIT = 1_000


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """Return what the process logs."""
    stream = io.StringIO()
    logs.configure(stream=stream)
    yield stream
    logs.configure()


@pytest.fixture
def app(log: io.StringIO) -> FastAPI:
    """Return an application with a route for every way to answer."""
    app = make_app("Test", "1.2.3", "For tests.", role="broker", max_body=LIMIT)
    router = APIRouter(prefix="/v1")

    @router.post("/signals", **described(body=PushRequest, answer=PushAnswer, refusals=[Code.POLICY_REFUSED]))
    async def signals(request: Request) -> dict[str, int]:
        return {"read": len(await request.body())}

    @router.get("/things/{thing_id}")
    async def thing(thing_id: int, after: int, limit: int = 3) -> dict[str, int]:
        return {"thing": thing_id}

    @router.get("/raise/{what}")
    async def fail(what: str) -> None:
        errors: dict[str, Exception] = {
            "refused": RefusedError(Code.POLICY_REFUSED, "Not for you.", rule="guard.x"),
            "input": InputError(Code.MALFORMED, "Wrong.", issues=[Issue("a", "b", "c"), Issue("d", "e", "f")]),
            "wait": UnavailableError(Code.UNAVAILABLE, "Later."),
            "house": ConfigurationError(Code.KEY_FILE_INVALID, "planted-secret at /etc/keys"),
            "bug": RuntimeError("planted-secret 123456782"),
        }
        raise errors[what]

    @app.get("/log/tile", include_in_schema=False)
    async def tile() -> Response:
        return Response(b"tile", headers={"Cache-Control": "max-age=31536000, immutable"})

    app.include_router(router)
    return app


@pytest.fixture
async def http(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """Return a client that sees what a caller sees, also of failures."""
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/healthz", 200),
        ("GET", "/v1/things/1?after=2", 200),
        ("GET", "/v1/things/x", 400),
        ("GET", "/v1/raise/refused", 403),
        ("GET", "/v1/nothing", 404),
        ("GET", "/v1/signals/", 404),
        ("DELETE", "/v1/signals", 405),
        ("GET", "/v1/raise/bug", 500),
        ("GET", "/v1/raise/house", 500),
        ("GET", "/v1/raise/wait", 503),
        ("GET", "/v1/openapi.json", 200),
    ],
)
async def test_every_answer_carries_the_headers(http: httpx.AsyncClient, method: str, path: str, status: int) -> None:
    """Every answer, errors included, says the API's version and has each security header exactly once."""
    answer = await http.request(method, path)
    assert answer.status_code == status
    assert answer.headers.get_list("API-Version") == ["1.2.3"]
    for name, value in SECURITY_HEADERS.items():
        assert answer.headers.get_list(name) == [value]
    if status >= 400:
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.json()["status"] == status
        assert {"type", "title", "detail", "code"} <= set(answer.json())


async def test_a_route_keeps_its_own_caching(http: httpx.AsyncClient) -> None:
    """A route that may be cached says so, and the house does not contradict it."""
    assert (await http.get("/log/tile")).headers.get_list("Cache-Control") == ["max-age=31536000, immutable"]


async def test_all_input_errors_at_once(http: httpx.AsyncClient) -> None:
    """Every wrong place is named in one answer of status 400, without the values."""
    answer = await http.get("/v1/things/planted?after=planted&limit=planted")
    assert answer.status_code == 400
    places = [item["location"] for item in answer.json()["errors"]]
    assert places == ["path.thing_id", "query.after", "query.limit"]
    assert "planted" not in answer.text


async def test_a_refusal_names_its_rule(http: httpx.AsyncClient) -> None:
    """A refusal by policy carries the stable code and the deciding rule."""
    answer = (await http.get("/v1/raise/refused")).json()
    assert (answer["code"], answer["rule"]) == ("policy_refused", "guard.x")


@pytest.mark.parametrize("what", ["bug", "house"])
async def test_a_failure_of_ours_tells_nothing(http: httpx.AsyncClient, log: io.StringIO, what: str) -> None:
    """An unexpected failure shows a reference that is also in the log, and its text in neither."""
    answer = await http.get(f"/v1/raise/{what}")
    assert answer.json()["code"] == "internal"
    reference = answer.json()["hint"].rpartition(" ")[2]
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    (line,) = [line for line in lines if line.get("reference") == reference]
    assert line["where"][-1].endswith(":fail")
    assert "planted" not in answer.text + log.getvalue()
    assert "123456782" not in answer.text + log.getvalue()


async def test_announced_body_above_the_limit(http: httpx.AsyncClient) -> None:
    """A Content-Length above the limit is answered with 413."""
    answer = await http.post("/v1/signals", content=b"x" * (LIMIT + 1))
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert (await http.post("/v1/signals", content=b"x" * LIMIT)).json() == {"read": LIMIT}


async def test_streamed_body_above_the_limit_is_not_buffered(app: FastAPI) -> None:
    """Without a Content-Length reading stops as soon as the limit is passed, however much is still to come."""
    handed_out = 0

    async def receive() -> dict[str, Any]:
        nonlocal handed_out
        handed_out += 100
        return {"type": "http.request", "body": b"x" * 100, "more_body": True}

    sent: list[dict[str, Any]] = []

    async def send(event: dict[str, Any]) -> None:
        sent.append(event)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "path": "/v1/signals",
        "raw_path": b"/v1/signals",
        "query_string": b"",
        "headers": [],
        "scheme": "http",
        "server": ("test", 80),
    }
    await app(scope, receive, send)  # type: ignore[arg-type]  # a plain function is what a server passes
    assert sent[0]["status"] == 413
    assert handed_out == LIMIT + 100


async def test_the_access_line_has_the_template(http: httpx.AsyncClient, log: io.StringIO) -> None:
    """The line of a request names the route as declared, never the path asked or its query."""
    await http.get("/v1/things/99887766?after=55443322")
    await http.get("/v1/nothing/99887766")
    lines = [json.loads(line) for line in log.getvalue().splitlines() if '"request"' in line]
    assert [(line["method"], line["route"], line["status"]) for line in lines] == [
        ("GET", "/v1/things/{thing_id}", 200),
        ("GET", None, 404),
    ]
    assert all(line["ms"] >= 0 and "dropped" not in line for line in lines)
    assert "99887766" not in log.getvalue()
    assert "55443322" not in log.getvalue()


async def test_the_document_follows_the_design_rules(http: httpx.AsyncClient) -> None:
    """The OpenAPI document has server, contact and semver, 400 and no 422, and API-Version on every answer."""
    document = (await http.get("/v1/openapi.json")).json()
    assert document["servers"] == [{"url": "/v1"}]
    assert set(document["info"]["contact"]) == {"name", "url", "email"}
    assert document["info"]["version"] == "1.2.3"
    assert set(document["paths"]) == {"/signals", "/things/{thing_id}", "/raise/{what}"}
    operations = [operation for item in document["paths"].values() for operation in item.values()]
    for operation in operations:
        assert "422" not in operation["responses"]
        assert "400" in operation["responses"]
        for status, response in operation["responses"].items():
            assert "API-Version" in response["headers"]
            assert status < "400" or list(response["content"]) == ["application/problem+json"]
    assert "HTTPValidationError" not in document["components"]["schemas"]


async def test_the_document_describes_signed_bodies(http: httpx.AsyncClient) -> None:
    """A route that reads its own body is described with its message, and every reference leads somewhere."""
    document = (await http.get("/v1/openapi.json")).json()
    content = document["paths"]["/signals"]["post"]["requestBody"]["content"]["application/json"]
    assert content["schema"] == {"$ref": "#/components/schemas/PushRequest"}
    assert "caseToken" in document["components"]["schemas"]["Signal"]["properties"]
    text = json.dumps(document)
    assert "$defs" not in text
    named = {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}
    assert named <= set(document["components"]["schemas"])


async def test_there_is_no_page_to_browse(http: httpx.AsyncClient) -> None:
    """No interactive documentation is served."""
    assert {(await http.get(path)).status_code for path in ("/docs", "/redoc", "/openapi.json")} == {404}


async def test_every_answer_says_under_which_covenant() -> None:
    """A role that acts under a covenant names it with each answer, refusals too, and another after a swap."""
    acting = ["a" * 64]
    named = make_app("Test", "1.2.3", "For tests.", covenant=lambda: acting[-1])
    for app, said in ((named, True), (make_app("Test", "1.2.3", "For tests."), False)):
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as http:
            for path in ("/healthz", "/nowhere"):
                assert (await http.get(path)).headers.get(COVENANT_HEADER) == (acting[-1] if said else None)
            acting.append("b" * 64)
            assert (await http.get("/healthz")).headers.get(COVENANT_HEADER) == ("b" * 64 if said else None)


@pytest.mark.parametrize(("name", "given_back"), [("r" * MAX_REQUEST_ID, True), ("r" * (MAX_REQUEST_ID + 1), False)])
@pytest.mark.parametrize("path", ["/healthz", "/v1/raise/refused"])
async def test_a_callers_name_for_its_request_is_given_back(
    http: httpx.AsyncClient, log: io.StringIO, path: str, name: str, given_back: bool
) -> None:
    """X-Request-ID comes back with answers and refusals alike when it is short, and never reaches the log."""
    answer = await http.get(path, headers={"X-Request-ID": name})
    assert answer.headers.get("x-request-id") == (name if given_back else None)
    assert name not in log.getvalue()
