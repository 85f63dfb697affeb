# SPDX-License-Identifier: EUPL-1.2
"""How soon an agency hears: from the moment that the second push of a pair is due to its notice at the other agency.

Pushes leave at their time, whether or not earlier ones were answered, and count from that time: a broker that falls
behind cannot hide it. The floor is a signed request that asks for nothing, sent between them to the same broker.
"""

import asyncio
import os
import statistics
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import httpx

from edge.transport import MAX_CONNECTIONS, READ_SECONDS, SignedClient
from protocol.ids import PartyId, SignalId
from protocol.messages import PushAnswer, PushRequest, parse
from protocol.notices import HitNotice, NoticePage
from tests.bench.measure import Row
from tests.bench.world import AGENCY, OTHER, World

RATE: Final = 20
"""Pushes a second."""
SECONDS: Final = 20
WARM: Final = 10
"""Pairs before the first that counts."""
_BEHIND: Final = 2**52
"""A notice's number that is never reached: who asks for what comes after it gets an empty page at once."""
_LAST_SECONDS: Final = 30.0
"""For the last notices to come."""


class Told:
    """When an agency was told about each of its signals, on the loop's clock."""

    def __init__(self) -> None:
        self._moments: dict[SignalId, asyncio.Future[float]] = {}

    def of(self, signal: SignalId) -> "asyncio.Future[float]":
        """Return the moment, there already or still to come."""
        return self._moments.setdefault(signal, asyncio.get_running_loop().create_future())

    def came(self, signal: SignalId, moment: float) -> None:
        """Keep the first moment; a notice may come twice."""
        if not self.of(signal).done():
            self.of(signal).set_result(moment)


def rows(world: World) -> list[Row]:
    """Return the rows about latency, in milliseconds."""
    seconds, receipts, floor = asyncio.run(_measure(world))
    proven = statistics.quantiles(receipts, n=100, method="inclusive")
    cuts = statistics.quantiles(seconds, n=100, method="inclusive")
    against, theirs = "signed round trip, p50", statistics.median(floor) * 1e3
    subject = f"push to notice at {RATE} pushes/s"
    return [
        Row(f"{subject}, p50", "ms", cuts[49] * 1e3, against, theirs),
        Row(f"{subject}, p99", "ms", cuts[98] * 1e3, against, theirs),
        Row(f"push to cosigned receipt at {RATE}/s, p50", "ms", proven[49] * 1e3, against, theirs),
        Row(f"push to cosigned receipt at {RATE}/s, p99", "ms", proven[98] * 1e3, against, theirs),
    ]


async def _measure(world: World) -> tuple[list[float], list[float], list[float]]:
    """Return the seconds of each pair that counts, of each push until its receipt, and of each bare round trip."""
    pairs = WARM + RATE * SECONDS // 2
    plan: list[tuple[PartyId, PushRequest]] = []
    for place in range(pairs):
        # Both directions in turn: which agency is second, and so which one listens.
        sides = (AGENCY, OTHER) if place % 2 else (OTHER, AGENCY)
        tag = os.urandom(32)
        plan += [(party, world.make_signals(party, [[("phone", tag)]])) for party in sides]
    loop = asyncio.get_running_loop()
    due: list[float] = []
    async with _http() as http, _listening(world, AGENCY, http) as one, _listening(world, OTHER, http) as two:
        told = {AGENCY: one, OTHER: two}
        clients = {party: world.client(party, http) for party in told}
        sending = []
        floor: list[float] = []
        start = loop.time() + 0.1
        async with asyncio.TaskGroup() as group:
            asking = group.create_task(_ask(clients[AGENCY], floor))
            for place, (party, push) in enumerate(plan):
                due.append(start + place / RATE)
                await asyncio.sleep(max(0.0, due[-1] - loop.time()))
                sending.append(group.create_task(_send(clients[party], push.to_json())))
            receipts = await asyncio.gather(*sending)
            asking.cancel()
        firsts = [(party, push.signals[0].id) for party, push in plan[::2]]
        async with asyncio.timeout(_LAST_SECONDS):
            heard = await asyncio.gather(*(told[party].of(signal) for party, signal in firsts))
    taken = [moment - second for moment, second in zip(heard, due[1::2], strict=True)]
    return taken[WARM:], receipts[2 * WARM :], floor


@asynccontextmanager
async def _http() -> AsyncIterator[httpx.AsyncClient]:
    limits = httpx.Limits(max_connections=4 * MAX_CONNECTIONS, max_keepalive_connections=4 * MAX_CONNECTIONS)
    async with httpx.AsyncClient(timeout=READ_SECONDS, limits=limits, trust_env=False) as http:
        yield http


@asynccontextmanager
async def _listening(world: World, party: PartyId, http: httpx.AsyncClient) -> AsyncIterator[Told]:
    """Follow an agency's notices by server-sent events from the last one it has; give what came and when."""
    client = world.client(party, http)
    after = await _last(client)
    told = Told()
    ready = asyncio.Event()

    async def follow() -> None:
        loop = asyncio.get_running_loop()
        async with client.stream("/v1/notices/stream", params={"after": after}) as lines:
            async for line in lines:
                moment = loop.time()
                ready.set()
                if line.startswith("data: "):
                    page = parse(NoticePage, line.removeprefix("data: ").encode())
                    for one in page.notices:
                        if isinstance(one, HitNotice):
                            told.came(one.my_signal, moment)

    following = asyncio.create_task(follow())
    try:
        await ready.wait()
        yield told
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


async def _last(client: SignedClient) -> int:
    after = 0
    while notices := (await client.get("/v1/notices", NoticePage, params={"after": after})).notices:
        after = notices[-1].seq
    return after


async def _send(client: SignedClient, body: bytes) -> float:
    """Push, and return the seconds until the answer with its cosigned proof."""
    loop = asyncio.get_running_loop()
    start = loop.time()
    answer = await client.request("POST", "/v1/signals", body=body, headers={"Idempotency-Key": os.urandom(12).hex()})
    result = parse(PushAnswer, answer.body).results[0]
    if result.status != "accepted":
        raise RuntimeError("a push was refused: the figure would mean nothing")
    if result.evidence is None:
        raise RuntimeError("a push came back without its proof: the figure would mean nothing")
    return loop.time() - start


async def _ask(client: SignedClient, seconds: list[float]) -> None:
    """Send bare signed requests, four a second, for as long as nobody stops us."""
    loop = asyncio.get_running_loop()
    while True:
        start = loop.time()
        await client.request("GET", "/v1/notices", params={"after": _BEHIND, "limit": 1})
        seconds.append(loop.time() - start)
        await asyncio.sleep(0.25)
