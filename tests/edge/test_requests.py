# SPDX-License-Identifier: EUPL-1.2
"""Signed requests across HTTP: what ``SignedClient`` sends, ``read_signed`` accepts, and nothing else."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request

from edge.addresses import origin
from edge.api import make_app
from edge.requests import read_signed
from edge.transport import SignedClient
from protocol import signing
from protocol.errors import AuthenticationError, Code, InputError, RefusedError, UnavailableError, VerificationError
from protocol.ids import KeyId, PartyId, PurposeId
from protocol.messages import ActAnswer, WithdrawalRequest
from protocol.signing import KeyDirectory, PublicKeyEntry, Signer, sign_request
from tests.fakes.nonces import NonceDictionary

NOW = datetime(2026, 11, 21, 20, 0, tzinfo=UTC)
URL = "http://broker.test"
POLICE = Signer(KeyId("police-oost:1"), bytes(range(32)))
DIRECTORY = KeyDirectory(
    [PublicKeyEntry(POLICE.key_id, PartyId("police-oost"), POLICE.public_key, datetime(2026, 1, 1, tzinfo=UTC))]
)
NONCE = "AAECAwQFBgcICQoLDA0ODw"
LIMIT = 10_000


class Service:
    """A service that answers what it verified."""

    def __init__(self, public_url: str = URL) -> None:
        self.nonces = NonceDictionary()
        self.seen: list[signing.Verified] = []
        self.app = make_app("Test", "1.0.0", "For tests.", role="broker")
        self.public_url = public_url
        self.app.add_api_route("/v1/hits/{hit}/opening", self._act, methods=["GET", "POST"])

    async def _act(self, request: Request) -> dict[str, Any]:
        read = await read_signed(
            request, DIRECTORY, now=NOW, public_url=self.public_url, nonces=self.nonces, max_body=LIMIT
        )
        self.seen.append(read.verified)
        return {}


@pytest.fixture
async def service() -> Service:
    """Return a service without traffic."""
    return Service()


def pool(app: FastAPI) -> httpx.AsyncClient:
    """Return a connection pool that leads to the application."""
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app, raise_app_exceptions=False))


@pytest.fixture
async def http(service: Service) -> AsyncIterator[httpx.AsyncClient]:
    """Return the pool that leads to the service."""
    async with pool(service.app) as client:
        yield client


def client(http: httpx.AsyncClient, signer: Signer = POLICE, now: datetime = NOW) -> SignedClient:
    """Return a client of the service."""
    return SignedClient(URL, signer, lambda: now, http)


PATH = "/v1/hits/7/opening"
MESSAGE = WithdrawalRequest(reason="closed")


async def test_a_signed_request_arrives_with_its_meaning(service: Service, http: httpx.AsyncClient) -> None:
    """Party, person, purpose and Idempotency-Key arrive as the client gave them."""
    answer = await client(http).post(
        PATH,
        MESSAGE,
        ActAnswer,
        idempotency_key="attempt-0001",
        person="m5tcYb0Yx0c",
        purpose=PurposeId("victim-protection"),
    )
    assert answer == ActAnswer()
    (seen,) = service.seen
    assert (seen.party, seen.person, seen.purpose) == ("police-oost", "m5tcYb0Yx0c", "victim-protection")
    assert seen.idempotency_key == "attempt-0001"


async def test_a_query_with_odd_characters_arrives(service: Service, http: httpx.AsyncClient) -> None:
    """What a client puts in a query is signed as it travels, percent-encoded."""
    await client(http).get(PATH, ActAnswer, params={"after": 3, "text": "a b+c/é&d"})
    assert len(service.seen) == 1


async def test_every_attempt_has_its_own_nonce(service: Service, http: httpx.AsyncClient) -> None:
    """The same call twice is two requests, not a replay."""
    for _ in range(2):
        await client(http).post(PATH, MESSAGE, ActAnswer, idempotency_key="attempt-0001")
    assert len({seen.nonce for seen in service.seen}) == 2


async def send(http: httpx.AsyncClient, *, body: bytes = b"{}", signed_body: bytes | None = None) -> httpx.Response:
    """Send a request that was signed outside the client."""
    request = signing.Request("POST", URL + PATH, {}, body if signed_body is None else signed_body)
    headers = sign_request(POLICE, request, created=NOW, nonce=NONCE)
    return await http.post(URL + PATH, content=body, headers=headers)


async def test_a_replay_is_refused(service: Service, http: httpx.AsyncClient) -> None:
    """The very same bytes a second time are refused as a replay."""
    assert (await send(http)).status_code == 200
    again = await send(http)
    assert (again.status_code, again.json()["code"]) == (401, "signature_replayed")
    assert len(service.seen) == 1


async def test_a_changed_body_does_not_use_up_the_nonce(service: Service, http: httpx.AsyncClient) -> None:
    """Who changes a body on the way cannot make the true request look like a replay."""
    assert (await send(http, body=b"[]", signed_body=b"{}")).json()["code"] == "digest_mismatch"
    assert (await send(http)).status_code == 200


async def test_an_unsigned_request_is_not_read(service: Service) -> None:
    """A request without a good signature is refused before a byte of its body is taken."""
    taken = 0

    async def receive() -> dict[str, Any]:
        nonlocal taken
        taken += 1
        return {"type": "http.request", "body": b"x", "more_body": True}

    sent: list[dict[str, Any]] = []

    async def answer(event: dict[str, Any]) -> None:
        sent.append(event)

    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "POST",
        "path": PATH,
        "raw_path": PATH.encode(),
        "query_string": b"",
        "headers": [(b"content-digest", b"sha-256=:AA==:")],
        "scheme": "http",
    }
    await service.app(scope, receive, answer)  # type: ignore[arg-type]  # a plain function is what a server passes
    assert sent[0]["status"] == 401
    assert taken == 0


async def test_a_signed_body_above_the_routes_limit(service: Service, http: httpx.AsyncClient) -> None:
    """A known party's body above the route's limit is refused with 413."""
    answer = await send(http, body=b"x" * (LIMIT + 1))
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


async def test_a_duplicate_header_on_the_wire(service: Service, http: httpx.AsyncClient) -> None:
    """A repeated header of ours is seen as two and refused, not joined."""
    request = signing.Request("POST", URL + PATH, {"Sluis-Person": "m5tcYb0Yx0c"}, b"")
    headers = sign_request(POLICE, request, created=NOW, nonce=NONCE)
    twice = [*headers.items(), ("Sluis-Person", "m5tcYb0Yx0c"), ("Sluis-Person", "m5tcYb0Yx0c")]
    answer = await http.post(URL + PATH, headers=twice)
    assert answer.json()["code"] == "signature_invalid"


async def test_the_public_address_counts_not_the_one_reached() -> None:
    """Behind a proxy the service checks the URL that senders see, so a request for another service is refused."""
    service = Service("http://elsewhere.test")
    async with pool(service.app) as http:
        with pytest.raises(AuthenticationError) as caught:
            await client(http).post(PATH, MESSAGE, ActAnswer)
    assert caught.value.code is Code.SIGNATURE_INVALID


@pytest.mark.parametrize(
    ("given", "form"),
    [
        ("https://Broker.Example:443/", "https://broker.example"),
        ("http://127.0.0.1:80", "http://127.0.0.1"),
        ("http://[::1]:8080/sluis/", "http://[::1]:8080/sluis"),
    ],
)
def test_an_address_has_one_form(given: str, form: str) -> None:
    """Capitals, a default port and a trailing slash do not make another address."""
    assert origin(given) == form


@pytest.mark.parametrize(
    ("signer", "now", "code"),
    [
        (Signer(KeyId("police-oost:2"), bytes(32)), NOW, Code.UNKNOWN_KEY),
        (POLICE, NOW - timedelta(hours=1), Code.SIGNATURE_STALE),
        (POLICE, NOW + timedelta(hours=1), Code.SIGNATURE_STALE),
    ],
)
async def test_refusals_reach_the_client(http: httpx.AsyncClient, signer: Signer, now: datetime, code: Code) -> None:
    """The client raises what the service refused with, hint included."""
    with pytest.raises(AuthenticationError) as caught:
        await client(http, signer, now).post(PATH, MESSAGE, ActAnswer)
    assert caught.value.code is code
    assert caught.value.hint


# --- What the client makes of answers ---


def answering(handler: Callable[[httpx.Request], httpx.Response]) -> httpx.AsyncClient:
    """Return a pool whose other side answers by a function."""
    return httpx.AsyncClient(transport=httpx.MockTransport(handler))


def fails(error: Exception) -> Callable[[httpx.Request], httpx.Response]:
    """Return another side at which the network fails."""

    def handler(request: httpx.Request) -> httpx.Response:
        raise error

    return handler


@pytest.mark.parametrize(
    "error",
    [httpx.ConnectError("planted 10.1.2.3"), httpx.ReadTimeout("planted"), httpx.RemoteProtocolError("planted")],
)
async def test_a_network_failure_is_a_reason_to_wait(error: Exception) -> None:
    """Whatever breaks on the way, the caller hears that the service is not available, once, without its address."""
    calls = []

    def handler(request: httpx.Request) -> httpx.Response:
        calls.append(request)
        raise error

    async with answering(handler) as http:
        with pytest.raises(UnavailableError) as caught:
            await client(http).post(PATH, MESSAGE, ActAnswer)
    assert "planted" not in str(caught.value)
    assert len(calls) == 1


async def test_an_answer_of_another_form() -> None:
    """An answer that is not the agreed message is the other side's fault."""
    async with answering(lambda _: httpx.Response(200, json={"surprise": 1})) as http:
        with pytest.raises(VerificationError) as caught:
            await client(http).post(PATH, MESSAGE, ActAnswer)
    assert caught.value.code is Code.MALFORMED
    assert [issue.location for issue in caught.value.issues] == ["surprise"]


async def test_an_endless_answer_is_cut_off() -> None:
    """Reading stops at the limit, not at the end of the answer."""
    handed_out = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal handed_out
        while True:
            handed_out += 1_000
            yield b"x" * 1_000

    async with answering(lambda _: httpx.Response(200, content=endless())) as http:
        bounded = SignedClient(URL, POLICE, lambda: NOW, http, max_answer=5_000)
        with pytest.raises(VerificationError):
            await bounded.post(PATH, MESSAGE, ActAnswer)
    assert handed_out <= 7_000


async def test_a_compressed_answer_is_refused() -> None:
    """An answer that unfolds to more than it weighs is not unfolded."""
    headers = {"Content-Encoding": "gzip"}
    async with answering(lambda _: httpx.Response(200, headers=headers, stream=httpx.ByteStream(b"x"))) as http:
        with pytest.raises(VerificationError):
            await client(http).post(PATH, MESSAGE, ActAnswer)


async def test_a_redirect_is_not_followed() -> None:
    """A redirect leads to an address that nobody signed: it is an error."""
    asked: list[str] = []

    def handler(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        return httpx.Response(307, headers={"Location": "http://elsewhere.test/"})

    async with answering(handler) as http:
        with pytest.raises(InputError):
            await client(http).post(PATH, MESSAGE, ActAnswer)
    assert asked == [URL + PATH]


async def test_a_stream_is_read_line_by_line() -> None:
    """Server-sent events come as lines, and a refusal before them as its error."""
    async with (
        answering(lambda _: httpx.Response(200, content=b"id: 1\ndata: {}\n\n")) as http,
        client(http).stream("/v1/notices/stream", headers={}) as lines,
    ):
        assert [line async for line in lines] == ["id: 1", "data: {}", ""]
    problem = {"type": "urn:x", "title": "t", "status": 403, "detail": "No.", "code": "policy_refused", "rule": "g"}
    async with answering(lambda _: httpx.Response(403, json=problem)) as http:
        with pytest.raises(RefusedError) as caught:
            async with client(http).stream("/v1/notices/stream"):
                pytest.fail("a refused stream opened")
    assert caught.value.rule == "g"


@pytest.mark.parametrize("address", ["", "broker", "ftp://broker.test", "http://", "http://broker.test/?a=b"])
async def test_an_address_without_form(address: str) -> None:
    """A service's address must be one that can be signed."""
    async with answering(fails(httpx.ConnectError("never"))) as http:
        with pytest.raises(Exception, match="address") as caught:
            SignedClient(address, POLICE, lambda: NOW, http)
    assert getattr(caught.value, "code", None) is Code.SETTINGS_INVALID
