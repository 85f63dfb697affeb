# SPDX-License-Identifier: EUPL-1.2
"""``/access/v1``: the cases of "AuthZEN Authorization API 1.0 - Certification Scenario" (github.com/openid/authzen,
certification/authorization-api-1_0-scenario.md, August 2026), levels Basic, Batch and Discovery, on our own rules.

The scenario's alice, bob, records and actions are ours here: police and probation, two purposes, and actions of the
rules. Its section numbers stand with the cases. Not here: Search, which we do not serve.
"""

import json
from collections.abc import Mapping
from typing import Any

import httpx
import psycopg

from protocol.encoding import b64url
from protocol.group import random_bytes
from protocol.ids import PartyId
from protocol.signing import Request, sign_request
from tests.fakes.broker_world import POLICE, PROBATION, BrokerWorld, broker_world

ALICE, BOB = {"type": "agency", "id": POLICE}, {"type": "agency", "id": PROBATION}
COORDINATOR = {"type": "person", "id": "medewerker-17", "properties": {"agency": PROBATION, "role": "coordinator"}}
OPERATOR = {"type": "person", "id": "medewerker-18", "properties": {"agency": PROBATION, "role": "operator"}}
PREVENTION, VICTIMS = {"type": "purpose", "id": "offender-prevention"}, {"type": "purpose", "id": "victim-protection"}
READ = {"name": "evaluate"}
ASK_MORE = {"name": "requestDisclosure", "properties": {"owner": POLICE, "justified": True}}


def tell(level: str) -> dict[str, Any]:
    """Return the action of telling a probable hit with a signal of the police, at a level."""
    return {"name": "notify", "properties": {"sender": POLICE, "quality": "probable", "level": level}}


def asked(subject: object = ALICE, action: object = READ, resource: object = PREVENTION, **more: Any) -> dict[str, Any]:
    """Return one question; ``None`` leaves a part out."""
    parts = {"subject": subject, "action": action, "resource": resource}
    return {name: part for name, part in parts.items() if part is not None} | more


QUERY = {"name": "query", "properties": {"justified": True}}
PHONES, LICENCES = ({**PREVENTION, "properties": {"keyKinds": [kind]}} for kind in ("phone", "licence"))
SINGLE: list[tuple[str, dict[str, Any], bool]] = [
    ("2.2.1 permit", asked(), True),
    ("2.2.2 deny", asked(BOB, READ, VICTIMS), False),
    ("2.2.3 optional context", asked(context={"time": "2025-06-27T18:03-07:00", "ip": "192.168.1.1"}), True),
    ("2.2.4 deny by the resource's properties", asked(ALICE, QUERY, LICENCES), False),
    ("2.2.4 and the same with others", asked(ALICE, QUERY, PHONES), True),
    ("2.2.5 permit by the subject's properties", asked(COORDINATOR, ASK_MORE), True),
    ("2.2.5 and the same with others", asked(OPERATOR, ASK_MORE), False),
    ("2.2.6 permit by the action's properties", asked(BOB, tell("contact")), True),
    ("2.2.7 deny by the action's properties", asked(BOB, tell("content")), False),
    (
        "2.2.8 additional properties",
        asked(
            {**ALICE, "properties": {"department": "Sales", "role": "manager"}},
            {**READ, "properties": {"method": "GET"}},
            {**PREVENTION, "properties": {"status": "active", "owner": "bob"}},
        ),
        True,
    ),
    ("2.2.9 unknown fields", asked(foo="bar", futureField={"nested": True}), True),
    ("3.4.3 a name that nobody knows", asked({"type": "user", "id": "alice"}), False),
]
MALFORMED: list[tuple[str, bytes]] = [
    *(
        (f"2.4.1 and 2.4.2: {name}", json.dumps(body).encode())
        for name, body in {
            "no subject": asked(None),
            "no action": asked(action=None),
            "no resource": asked(resource=None),
            "subject without type": asked({"id": POLICE}),
            "subject without id": asked({"type": "agency"}),
            "action without name": asked(action={}),
            "resource without type": asked(resource={"id": "offender-prevention"}),
            "resource without id": asked(resource={"type": "purpose"}),
        }.items()
    ),
    ("2.4.4 malformed JSON", b'{"subject": '),
    ("2.4.4 not an object", b"[]"),
    ("2.4.5 empty body", b""),
    ("2.4.6 subject is a string", json.dumps(asked("alice")).encode()),
    ("2.4.6 action's name is a number", json.dumps(asked(action={"name": 123})).encode()),
]
BATCHES: list[tuple[str, dict[str, Any], list[bool]]] = [
    ("3.2.1", asked(resource=None, evaluations=[{"resource": PREVENTION}, {"resource": VICTIMS}]), [True, True]),
    ("3.2.2", asked(BOB, None, evaluations=[{"action": READ}, {"action": ASK_MORE}]), [True, False]),
    (
        "3.2.3",
        asked(ALICE, QUERY, None, evaluations=[{"resource": PHONES}, {"resource": LICENCES}]),
        [True, False],
    ),
    (
        "3.2.4",
        asked(None, ASK_MORE, evaluations=[{"subject": OPERATOR}, {"subject": COORDINATOR}]),
        [False, True],
    ),
    ("3.2.5", {"evaluations": [asked(), asked(BOB, READ, VICTIMS)]}, [True, False]),
    (
        "3.2.6",
        asked(
            resource=None,
            context={"time": "2025-06-27T18:03-07:00"},
            evaluations=[{"resource": PREVENTION}, {"resource": PREVENTION, "context": {"epoch": 0}}],
        ),
        [True, False],
    ),
    ("3.2.7", asked(ALICE, QUERY, PHONES, evaluations=[{}, {"resource": LICENCES}]), [True, False]),
    (
        "3.4.1",
        asked(
            resource=None,
            options={"evaluations_semantic": "execute_all"},
            evaluations=[{"resource": PREVENTION}, {}],
        ),
        [True, False],
    ),
]


async def call(
    world: BrokerWorld,
    path: str,
    body: bytes,
    headers: Mapping[str, str] = {"Content-Type": "application/json"},
    *,
    party: PartyId = POLICE,
    signed: bool = True,
) -> httpx.Response:
    """Send a request as any HTTP program would, signed by a party."""
    url = world.kit.covenant.broker.url + path
    extra = dict(headers)
    if signed:
        request = Request("POST", url, {}, body)
        nonce = b64url(random_bytes(16))
        extra |= sign_request(world.kit.signers[party], request, created=world.clock(), nonce=nonce)
    return await world.http.post(url, content=body, headers=extra)


async def test_the_certification_scenario_holds_over_http(database: str) -> None:
    """Each case of the levels Basic, Batch and Discovery gets the status, shape and decision that it demands."""
    async with broker_world(database) as world:
        for name, body, wanted in SINGLE:
            found = await call(world, "/access/v1/evaluation", json.dumps(body).encode())
            assert (found.status_code, found.headers["content-type"]) == (200, "application/json"), name
            assert found.json()["decision"] is wanted, name
            assert isinstance(found.json()["context"], dict), name
            again = await call(world, "/access/v1/evaluation", json.dumps(body).encode())
            assert again.json() == found.json(), f"2.6 {name}"
            for batch in (body, body | {"evaluations": []}):
                same = await call(world, "/access/v1/evaluations", json.dumps(batch).encode())
                assert same.json() == found.json(), f"3.4.2 and 3.4.3 {name}"
        for name, raw in MALFORMED:
            assert (await call(world, "/access/v1/evaluation", raw)).status_code == 400, name
        for name, body, decisions in BATCHES:
            found = await call(world, "/access/v1/evaluations", json.dumps(body).encode())
            assert found.status_code == 200, name
            assert [one["decision"] for one in found.json()["evaluations"]] == decisions, name
            assert "decision" not in found.json(), f"3.3.4 {name}"
        await _headers(world)
        await _discovery(world)


async def _headers(world: BrokerWorld) -> None:
    plain = {"Content-Type": "text/plain"}
    body, json_type = json.dumps(asked()).encode(), {"Content-Type": "application/json"}
    assert (await call(world, "/access/v1/evaluation", body, plain)).status_code == 400, "2.4.3"
    for raw, status in ((body, 200), (b"{", 400)):
        found = await call(world, "/access/v1/evaluation", raw, json_type | {"X-Request-ID": "bfe9eb29-ab87"})
        assert (found.status_code, found.headers["x-request-id"]) == (status, "bfe9eb29-ab87"), "2.5.1"
    assert "x-request-id" not in (await call(world, "/access/v1/evaluation", body)).headers, "2.5.2"


async def _discovery(world: BrokerWorld) -> None:
    base = world.kit.covenant.broker.url
    found = await world.http.get(f"{base}/.well-known/authzen-configuration")
    assert (found.status_code, found.headers["content-type"]) == (200, "application/json"), "6.5"
    assert found.json() == {
        "policy_decision_point": base,
        "access_evaluation_endpoint": f"{base}/access/v1/evaluation",
        "access_evaluations_endpoint": f"{base}/access/v1/evaluations",
    }, "6.3 and 6.4"


async def test_only_agencies_ask_and_only_refusals_are_logged(database: str) -> None:
    """Unsigned is 401, a key-holder is refused and logged, and a thousand answers leave nothing behind."""
    body = json.dumps(asked(evaluations=[{}] * 100)).encode()
    async with broker_world(database) as world:
        unsigned = await call(world, "/access/v1/evaluation", body, signed=False)
        assert (unsigned.status_code, unsigned.json()["code"]) == (401, "signature_missing")
        for _ in range(10):
            assert (await call(world, "/access/v1/evaluations", body)).status_code == 200
        before = _events(database)
        holder = world.kit.covenant.key_holders[0].id
        refused = await call(world, "/access/v1/evaluation", body, party=holder)
        assert (refused.status_code, refused.json()["code"]) == (403, "policy_refused")
        assert (before, _events(database)) == (1, 2)


def _events(database: str) -> int:
    with psycopg.connect(database) as connection:
        row = connection.execute("SELECT count(*) FROM events").fetchone()
    assert row is not None
    return int(row[0])
