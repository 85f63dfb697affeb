# SPDX-License-Identifier: EUPL-1.2
"""A running broker under a changing covenant: swapped whole, logged first, and at rest when none is in force."""

from collections.abc import Callable
from datetime import timedelta

import psycopg
import pytest

from broker import standing
from edge.covenant_header import COVENANT_HEADER
from protocol.agreed import Agreed
from protocol.errors import Code, RefusedError, UnavailableError
from tests.fakes.broker_world import CARE, POLICE, PURPOSE, BrokerWorld, broker_world
from tests.fakes.covenants import amended
from tests.fakes.waiting import comes

PHONE = {"phone": "+31612345678"}
NO_POLICE = {
    f"purposes/{PURPOSE}.cedar": (
        'when\n{ ["police", "public-prosecution", "probation", "care", "municipality"].contains(principal.kind) };',
        'when\n{ ["public-prosecution", "probation", "care", "municipality"].contains(principal.kind) };',
    )
}


@pytest.fixture(autouse=True)
def _look_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(standing, "LOOK_SECONDS", 0.05)


async def _until(world: BrokerWorld, holds: Callable[[dict[str, object]], bool]) -> dict[str, object]:
    async def look() -> dict[str, object]:
        answer = await world.http.get(world.kit.covenant.broker.url + "/readyz")
        state: dict[str, object] = answer.json()
        if not holds(state):
            return {}
        assert answer.headers[COVENANT_HEADER] == state["covenant"]["sha256"]  # type: ignore[index]
        return state

    return await comes(look)


def _activated(database: str) -> list[str]:
    with psycopg.connect(database) as connection:
        found = connection.execute("SELECT sha256 FROM covenants").fetchall()
    return sorted(row[0] for row in found)


async def test_a_new_version_is_logged_and_acted_under_without_a_restart(database: str) -> None:
    """Once the board signs another version a running broker logs that it acts under it, says so, and decides by it."""
    async with broker_world(database) as world:
        assert (await world.agency(POLICE).push(world.signal(POLICE, PHONE))).results[0].status == "accepted"
        other = amended(world.kit, "2026.2", NO_POLICE)
        world.agreed = Agreed.of(other.covenant)
        state = await _until(world, lambda state: state["covenant"]["version"] == "2026.2")  # type: ignore[index]
        assert state["covenantInForce"] is True
        assert _activated(database) == sorted([world.kit.covenant.sha256, other.covenant.sha256])
        answer = await world.agency(POLICE).push(world.signal(POLICE, {"phone": "+31687654321"}))
        event = world.prove(answer.results[0].evidence, answer.checkpoint)
        assert answer.results[0].status == "refused"
        assert event.act.covenant.sha256 == other.covenant.sha256


async def test_without_a_covenant_in_force_nothing_is_decided_and_nothing_lost(database: str) -> None:
    """When the board's signatures have run out every act is put off with covenant_expired; the log is still served."""
    async with broker_world(database) as world:
        mine, theirs = world.signal(POLICE, PHONE), world.signal(CARE, PHONE)
        await world.agency(POLICE).push(mine)
        signed = world.agreed
        world.agreed = signed.renewed(world.clock())
        await _until(world, lambda state: state["covenantInForce"] is False)
        for act in (
            lambda: world.agency(CARE).push(theirs, key="the-same-key"),
            lambda: world.agency(POLICE).notices(),
            lambda: world.agency(POLICE).withdraw(mine.id),
        ):
            with pytest.raises(UnavailableError) as refused:
                await act()
            assert refused.value.code is Code.COVENANT_EXPIRED
        for path in ("/log/checkpoint", "/healthz"):
            assert (await world.http.get(world.kit.covenant.broker.url + path)).status_code == 200
        world.agreed = signed.renewed(world.clock() + timedelta(days=1))
        await _until(world, lambda state: state["covenantInForce"] is True)
        await world.agency(CARE).push(theirs, key="the-same-key")
        assert len((await world.agency(POLICE).told(1)).notices) == 1


async def test_an_agency_that_the_new_version_suspends_is_refused(database: str) -> None:
    """Parties are swapped with the rules: whom the board suspends is refused as soon as that is signed."""
    async with broker_world(database) as world:
        gone = amended(world.kit, "2026.2", {"parties.yaml": ("state: active", "state: suspended")})
        world.agreed = Agreed.of(gone.covenant)
        await _until(world, lambda state: state["covenant"]["version"] == "2026.2")  # type: ignore[index]
        with pytest.raises(RefusedError) as refused:
            await world.agency(POLICE).notices()
        assert refused.value.rule == "guard.agency-suspended"
