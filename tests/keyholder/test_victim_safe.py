# SPDX-License-Identifier: EUPL-1.2
"""Whoever works with the suspect learns nothing of a victim's purpose at a key-holder, by answer, count or work done.

Two key-holders: at one, the victim's side had pseudonyms made under the hidden purpose; at the other nobody did.
Not here: the broker (``tests/broker/test_victim_safe.py``).
"""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute

from keyholder.ledger import Ledger
from keyholder.opening import Opened, open_service
from keyholder.routes import make_keyholder_app
from protocol.encoding import b64url
from protocol.group import random_bytes
from protocol.ids import PartyId, PurposeId
from protocol.messages import EvaluationRequest
from protocol.oprf import blind
from protocol.signing import Request, sign_request
from tests.fakes.keyholders import KeyHolders

SUSPECT_SIDE = [PartyId("prosecution-oost"), PartyId("probation-oost")]
VICTIMS_SIDE = [PartyId("care-linde"), PartyId("police-oost"), PartyId("municipality-dalen")]
HIDDEN, OWN = PurposeId("victim-protection"), PurposeId("offender-prevention")
ELEMENTS = tuple(one.encoded for one in blind([b"the very same person", b"another"]).elements)
PUBLIC = {"/v1/keys", "/add-checkpoint", "/last-checkpoint", "/healthz", "/readyz"}
"""Routes that answer everybody alike, signed or not."""


def now() -> datetime:
    """Return the time."""
    return datetime.now(UTC)


class Asked:
    """One key-holder in this process, and what its ledger was made to do."""

    def __init__(self, opened: Opened, key_holders: KeyHolders) -> None:
        self.service = open_service(opened, now)
        self.app: FastAPI = make_keyholder_app(self.service, public_url=self.service.url)
        self.signers = key_holders.kit.signers
        self.epoch = key_holders.covenant.live_epochs(now())[0]
        self.done: list[str] = []

    async def evaluate(self, party: PartyId, purpose: PurposeId) -> dict[str, Any]:
        """Ask; return all that can be seen of the answer, and the ledger's work behind it."""
        message = EvaluationRequest(purpose=purpose, epoch=self.epoch, quorum=(1, 2), elements=ELEMENTS)
        url, body = self.service.url + "/v1/evaluations", message.to_json()
        nonce = b64url(random_bytes(16))
        signed = sign_request(self.signers[party], Request("POST", url, {}, body), created=now(), nonce=nonce)
        self.done.clear()
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=self.app)) as http:
            answer = await http.post(url, content=body, headers={"Content-Type": "application/json", **signed})
        told = {name: "made" if name in ("elements", "proof", "holder") else one for name, one in answer.json().items()}
        headers = {name: one for name, one in answer.headers.items() if name != "content-length"}
        return {"status": answer.status_code, "headers": headers, "told": told, "ledger": list(self.done)}


@pytest.fixture
def two(key_holders: KeyHolders, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Asked, Asked]]:
    """Two key-holders whose ledgers say what they are made to do."""
    made = [Asked(key_holders.opened(index), key_holders) for index in (1, 2)]
    for name in ("remember", "reserve", "refuse"):
        monkeypatch.setattr(Ledger, name, _noted(name, getattr(Ledger, name), made))
    yield made[0], made[1]
    for one in made:
        one.service.ledger.close()


def _noted(name: str, real: Callable[..., Any], made: list[Asked]) -> Callable[..., Any]:
    def noted(self: Ledger, *args: Any, **options: Any) -> Any:
        next(one for one in made if one.service.ledger is self).done.append(name)
        return real(self, *args, **options)

    return noted


async def test_the_suspects_side_is_answered_alike_with_and_without_a_victim(two: tuple[Asked, Asked]) -> None:
    """Refusal, answer, what is used and left, and the work in the ledger are the same at both."""
    with_victim, without = two
    for party in VICTIMS_SIDE:
        assert (await with_victim.evaluate(party, HIDDEN))["status"] == 200
    for party in SUSPECT_SIDE:
        for purpose, status in ((HIDDEN, 403), (OWN, 200), (HIDDEN, 403)):
            found = await with_victim.evaluate(party, purpose)
            assert found == await without.evaluate(party, purpose)
            assert found["status"] == status
            assert found["ledger"] == ["remember", "refuse" if status == 403 else "reserve"]
            assert status == 200 or found["told"]["rule"] == "guard.hidden-from-kind", json.dumps(found["told"])


def test_every_route_has_its_case(two: tuple[Asked, Asked]) -> None:
    """A new route must say here that it answers everybody alike, or be asked above."""
    routes = {route.path for route in two[0].app.routes if isinstance(route, APIRoute)}
    assert routes - PUBLIC == {"/v1/evaluations"}
