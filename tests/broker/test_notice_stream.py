# SPDX-License-Identifier: EUPL-1.2
"""The stream of notices between a real broker and the agency's own client, over a network that cuts it."""

import asyncio

import httpx

from agency_client.transport import HttpBroker
from edge.transport import SignedClient
from protocol.errors import UnavailableError
from protocol.ids import PartyId
from tests.fakes.broker_world import POLICE, PROSECUTION, BrokerWorld, broker_world
from tests.fakes.cutting_proxy import Through, cutting

PHONES = [{"phone": f"+3161234567{n}"} for n in range(4)]


def door(world: BrokerWorld, party: PartyId, http: httpx.AsyncClient) -> HttpBroker:
    """Return the client's own door to the broker."""
    client = SignedClient(world.kit.covenant.broker.url, world.kit.signers[party], world.clock, http)
    return HttpBroker(client, lambda: None)


async def take(broker: HttpBroker, numbers: list[int], last: int) -> None:
    """Listen from the last number that is known until there are ``last``, or the stream breaks."""
    async with broker.notice_stream(max(numbers, default=0)) as pages:
        async for page in pages:
            numbers += [notice.seq for notice in page.notices]
            if numbers[-1] >= last:
                return


async def test_what_is_told_comes_by_the_stream_at_once(database: str) -> None:
    """A notice that is made while the stream is open comes through it, without being asked for."""
    async with broker_world(database) as world, httpx.AsyncClient(trust_env=False) as http:
        numbers: list[int] = []
        listening = asyncio.create_task(take(door(world, POLICE, http), numbers, 2))
        for phone in PHONES[:2]:
            await world.agency(POLICE).push(world.signal(POLICE, phone))
            await world.agency(PROSECUTION).push(world.signal(PROSECUTION, phone))
        await listening
        assert numbers == [1, 2]


async def test_a_stream_that_is_cut_goes_on_where_it_was(database: str) -> None:
    """Over connections that break in the middle of a page every notice comes, each once, in order."""
    async with broker_world(database) as world:
        await world.agency(POLICE).push(*(world.signal(POLICE, phone) for phone in PHONES))
        page = None
        for count, phone in enumerate(PHONES, 1):
            await world.agency(PROSECUTION).push(world.signal(PROSECUTION, phone))
            page = await world.agency(POLICE).told(count)
        assert page is not None
        async with cutting(world.sockets[0].getsockname()[1]) as proxy:
            # Enough for the headers, too little for the page of four.
            proxy.after = len(page.to_json()) // 2
            numbers: list[int] = []
            async with httpx.AsyncClient(transport=Through(proxy.port), timeout=60) as http:
                broker = door(world, POLICE, http)
                for _ in range(3):
                    try:
                        await take(broker, numbers, 4)
                    except UnavailableError:
                        continue
                assert proxy.cuts >= 1
                assert numbers == []
                proxy.after = None
                await take(broker, numbers, 4)
            assert numbers == [1, 2, 3, 4]
