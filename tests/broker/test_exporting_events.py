# SPDX-License-Identifier: EUPL-1.2
"""Taking entries out at the broker: asked of the rules as an export, and in the log as one, beside readings."""

import pytest

from protocol.commitments import open_entry
from protocol.errors import Code, RefusedError
from protocol.event_search import EventPage, EventSearch
from protocol.events import EventsExported, RequestRefused
from protocol.messages import parse
from protocol.policy import PersonRole
from tests.fakes.broker_world import CARE, POLICE, BrokerWorld, broker_world
from tests.fakes.data_keys import openings_of

OFFICER = "functionaris-3"


async def export(world: BrokerWorld, role: PersonRole = "privacy-officer") -> EventPage:
    """Take out what the police may."""
    search = EventSearch(log_purpose="lawfulness-check", use="export")
    headers = {"Sluis-Person": OFFICER, "Sluis-Role": role}
    client = world.agency(POLICE).client
    answer = await client.request("POST", "/v1/events/search", body=search.to_json(), headers=headers)
    return parse(EventPage, answer.body)


async def test_an_export_is_in_the_log_as_one_before_anything_is_given(database: str) -> None:
    """Event 21, a disclosure, with who, why, of which purposes and how many; and a refused one gives nothing."""
    async with broker_world(database) as world:
        await world.agency(POLICE).push(world.signal(POLICE, {"phone": "1"}))
        await world.agency(CARE).push(world.signal(CARE, {"phone": "2"}))
        page = await export(world)
        event = world.prove(page.reading, page.checkpoint)
        assert isinstance(event, EventsExported)
        assert (event.act.agency, event.act.person, event.log_purpose) == (POLICE, OFFICER, "lawfulness-check")
        assert (event.OPERATION, event.entries) == ("disclosure", len(page.entries) or -1)
        assert {open_entry(one.opening).event.act.agency for one in page.entries} == {POLICE}
        with pytest.raises(RefusedError) as caught:
            await export(world, role="coordinator")
        assert caught.value.code is Code.POLICY_REFUSED
        last = openings_of(database)[-1].record
        assert (last["event"], last["agency"], last["decision"]) == (RequestRefused.TAG, POLICE, "deny")
