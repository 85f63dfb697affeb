# SPDX-License-Identifier: EUPL-1.2
"""Wrong tokens lead to pauses that grow and end, for who sends them and for nobody else; nothing of a token is kept."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from structlog.testing import capture_logs

from agency_client.api.wrong_tokens import ADDRESS, KEPT, SYSTEM, WrongTokens, caller_of
from agency_client.vault.systems import Scope
from protocol.errors import Code, RefusedError
from tests.fakes.local_api import Caller

NOW = datetime(2026, 11, 9, 12, 0, tzinfo=UTC)
WRONG = "sluis_zaken.d3JvbmctYW5kLXNlY3JldA"


@asynccontextmanager
async def at(caller: Caller, address: str) -> AsyncIterator[Caller]:
    """Let the same system call from another machine."""
    transport = httpx.ASGITransport(app=caller.app, client=(address, 40_000), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://agency.test") as http:
        yield Caller(caller.agency, caller.app, http, caller.token)


async def come(caller: Caller, token: str) -> httpx.Response:
    """Ask something with a token."""
    return await caller.call("GET", "/hits", headers={"Authorization": f"Bearer {token}"})


async def test_after_ten_wrong_tokens_there_is_a_pause_that_ends(caller: Caller) -> None:
    """It says how long, lasts as long as it says, also for the right token, and then all is as it was."""
    async with at(caller, "10.1.2.3") as one:
        assert {(await come(one, WRONG)).status_code for _ in range(SYSTEM.free)} == {401}
        for token in (WRONG, one.token):
            answer = await come(one, token)
            assert (answer.status_code, answer.json()["code"]) == (429, "token_paused")
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.headers["retry-after"] == "30"
        caller.agency.hands.move(timedelta(seconds=29, milliseconds=500))
        assert (await come(one, one.token)).headers["retry-after"] == "1"
        caller.agency.hands.move(timedelta(milliseconds=500))
        assert (await come(one, one.token)).status_code == 200


async def test_a_pause_grows_with_each_wrong_token_and_is_forgotten(caller: Caller) -> None:
    """Twice as long each time, and after an hour without one the count begins again."""
    async with at(caller, "10.1.2.3") as one:
        waits = []
        for _ in range(SYSTEM.free + 3):
            if (answer := await come(one, WRONG)).status_code == 401:
                answer = await come(one, WRONG)
            if "retry-after" in answer.headers:
                waits.append(int(answer.headers["retry-after"]))
                caller.agency.hands.move(timedelta(seconds=waits[-1]))
        assert waits[:4] == [30, 60, 120, 240]
        caller.agency.hands.move(SYSTEM.forgotten)
        assert {(await come(one, WRONG)).status_code for _ in range(SYSTEM.free)} == {401}


async def test_others_go_on(caller: Caller) -> None:
    """Another system at the same address, the same system at another one: neither sees the pause."""
    other = caller.another("crm", Scope.HITS)
    async with at(caller, "10.1.2.3") as one, at(caller, "10.1.2.4") as elsewhere:
        for _ in range(SYSTEM.free + 1):
            await come(one, WRONG)
        assert (await come(one, one.token)).status_code == 429
        assert (await come(one, other.token)).status_code == 200
        assert (await come(elsewhere, elsewhere.token)).status_code == 200


async def test_an_address_that_tries_many_names_is_paused_whole(caller: Caller) -> None:
    """Names are free to invent, so that all of an address count together too; not this machine's: it may be a proxy."""
    tokens = [f"sluis_name-{number}.AAAA" for number in range(ADDRESS.free)]
    async with at(caller, "2001:db8::7") as one:
        for token in tokens:
            assert (await come(one, token)).status_code == 401
        assert (await come(one, one.token)).status_code == 429
        caller.agency.hands.move(ADDRESS.first)
        assert (await come(one, one.token)).status_code == 200
    for token in tokens:
        await come(caller, token)
    assert (await come(caller, caller.token)).status_code == 200


async def test_a_revoked_token_waits_and_its_neighbours_do_not(caller: Caller) -> None:
    """A system that nobody told, and that never gives up, stops itself only."""
    old, one_day = caller.another("crm", Scope.HITS), caller.agency.hands.now + timedelta(days=1)
    caller.agency.session.vault.systems.revoke("crm", caller.agency.hands())
    async with at(caller, "10.1.2.3") as one:
        refused = 0
        while caller.agency.hands.now < one_day:
            refused += (await come(one, old.token)).status_code == 401
            caller.agency.hands.move(timedelta(minutes=4))
        assert refused < 120
        assert (await come(one, one.token)).status_code == 200


async def test_right_tokens_and_missing_ones_count_nothing(caller: Caller) -> None:
    """Neither who may come in, nor a browser without a token, brings a pause nearer; nor does lacking a right."""
    narrow = caller.another("crm", Scope.RECORDS)
    async with at(caller, "10.1.2.3") as one:
        for _ in range(SYSTEM.free + 2):
            assert (await come(one, one.token)).status_code == 200
            assert (await come(one, narrow.token)).status_code == 403
            missing = await one.http.get("/v1/hits")
            assert missing.json()["code"] == "token_missing"


async def test_the_log_tells_of_the_pause_and_nothing_of_the_token(caller: Caller) -> None:
    """Who watches sees that it happens; neither token, name nor address stands there."""
    async with at(caller, "10.1.2.3") as one:
        with capture_logs() as lines:
            for _ in range(SYSTEM.free + 1):
                await come(one, WRONG)
    (told,) = [line for line in lines if line["event"] == "too many wrong tokens"]
    assert (told["log_level"], told["code"], told["seconds"]) == ("warning", "token_paused", 30)
    assert [line["code"] for line in lines if line["event"] == "request refused"][-2:] == [
        "token_invalid",
        "token_paused",
    ]
    for secret in ("zaken", WRONG, WRONG.partition(".")[2], "10.1.2.3"):
        assert secret not in str(lines)


def test_only_so_many_counts_are_kept() -> None:
    """The oldest goes, and what was just tried stays."""
    tries = WrongTokens()
    first, last = caller_of("10.0.0.1", "a"), caller_of("10.0.0.2", "b")
    for _ in range(SYSTEM.free):
        tries.count(first, NOW)
    with pytest.raises(RefusedError) as caught:
        tries.require_unpaused(first, NOW)
    assert caught.value.code is Code.TOKEN_PAUSED
    for number in range(KEPT):
        tries.count(caller_of(None, f"name-{number}"), NOW)
    assert len(tries) == KEPT
    tries.require_unpaused(first, NOW)
    for _ in range(SYSTEM.free):
        tries.count(last, NOW)
    assert len(tries) == KEPT
    with pytest.raises(RefusedError):
        tries.require_unpaused(last, NOW)


def test_what_is_kept_of_a_caller_tells_nothing() -> None:
    """A text that is no token of ours may be somebody's password: only hashes stand in memory."""
    for key in caller_of("10.0.0.1", "my-whole-password"):
        assert len(key) == 32
        assert b"password" not in key
    assert len(caller_of(None, "a")) == 1
    assert caller_of("10.0.0.1", "a").keys().isdisjoint(caller_of("10.0.0.2", "a").keys())
