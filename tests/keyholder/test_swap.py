# SPDX-License-Identifier: EUPL-1.2
"""A running key-holder under a changing covenant: rules and parties change at once, what it counts and holds stays."""

import io
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from edge import logs
from edge.covenant_header import COVENANT_HEADER
from edge.transport import SignedClient
from keyholder.opening import open_service
from keyholder.routes import make_keyholder_app
from keyholder.service import Service
from protocol.agreed import Agreed
from protocol.errors import Code, RefusedError, UnavailableError
from protocol.group import base, random_scalar
from protocol.ids import HolderIndex, PartyId, PurposeId
from protocol.messages import EvaluationAnswer, EvaluationRequest
from tests.fakes.covenants import amended
from tests.fakes.keyholders import KeyHolders

POLICE, PREVENTION = PartyId("police-oost"), PurposeId("offender-prevention")


def now() -> datetime:
    """Return the time."""
    return datetime.now(UTC)


@pytest.fixture(autouse=True)
def _own_log() -> Iterator[None]:
    """Log here: what an earlier test logged to may be closed by now."""
    logs.configure(stream=io.StringIO())
    yield
    logs.configure()


@pytest.fixture
async def service(key_holders: KeyHolders) -> AsyncIterator[Service]:
    """Key-holder 1 in this process, following nothing by itself."""
    made = open_service(key_holders.opened(1), now)
    yield made
    made.ledger.close()


class _Caller:
    """An agency that calls the service."""

    def __init__(self, service: Service, key_holders: KeyHolders) -> None:
        self.covenant = key_holders.covenant
        app = make_keyholder_app(service, public_url=service.url)
        self.http = httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=service.url)
        self.client = SignedClient(service.url, key_holders.kit.signers[POLICE], now, self.http)

    async def used(self) -> int:
        """Evaluate one element and return how many are used today."""
        request = EvaluationRequest(
            purpose=PREVENTION,
            epoch=self.covenant.epoch_at(now()),
            quorum=(HolderIndex(1), HolderIndex(2)),
            elements=(base(random_scalar()).encoded,),
        )
        return (await self.client.post("/v1/evaluations", request, EvaluationAnswer)).budget.used


async def test_a_swap_changes_the_rules_and_keeps_the_rest(service: Service, key_holders: KeyHolders) -> None:
    """Under the next version other rules count from the next request on; budgets and signed statements stay."""
    caller = _Caller(service, key_holders)
    used, stated = await caller.used(), await service.statements(None, None, now())
    first = service.agreed
    suspended = amended(key_holders.kit, "2026.2", {"parties.yaml": ("state: active", "state: suspended")})
    service.take(Agreed.of(suspended.covenant))
    with pytest.raises(RefusedError) as refused:
        await caller.used()
    assert refused.value.rule == "guard.agency-suspended"
    assert (await caller.http.get("/healthz")).headers[COVENANT_HEADER] == suspended.covenant.sha256
    assert (await service.statements(None, None, now())) == stated
    service.take(first)
    assert await caller.used() == used + 1


async def test_without_a_covenant_in_force_nothing_is_evaluated(service: Service, key_holders: KeyHolders) -> None:
    """When the signatures have run out no element is evaluated or counted, and the witness goes on."""
    caller = _Caller(service, key_holders)
    used, first = await caller.used(), service.agreed
    service.take(first.renewed(now() - timedelta(seconds=1)))
    with pytest.raises(UnavailableError) as refused:
        await caller.used()
    assert refused.value.code is Code.COVENANT_EXPIRED
    for path, status in (("/readyz", 503), ("/healthz", 200)):
        assert (await caller.http.get(path)).status_code == status
    # Refused for its own sake, not for the covenant's.
    assert (await caller.http.post("/add-checkpoint", content=b"no checkpoint")).status_code == 400
    service.take(first)
    assert await caller.used() == used + 1
