# SPDX-License-Identifier: EUPL-1.2
"""A system with the right to it reads the hits of its own records, and tells what came of them."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from agency_client.draft import Draft
from agency_client.following import Following
from agency_client.post import Post
from agency_client.session import Online
from protocol.errors import Code, UnavailableError
from tests.fakes.agency import make_client
from tests.fakes.local_api import PERSON, Caller
from tests.fakes.small_world import PURPOSE, World


async def with_hit(caller: Caller, world: World, folder: Path) -> str:
    """Let care know the same person; returns the hit's id."""
    client = caller.agency.client
    mapped = {"purpose": PURPOSE, "grounds": "exploits-or-recruits", "bsn": "123456782"}
    answer = await caller.put("Z-1", **mapped)
    assert answer.status_code == 200, answer.text
    assert await client.send() is None
    draft = Draft.from_bytes(client.vault.signals.find("Z-1")[0].draft)
    keys = [(str(key.kind), key.normal_form) for key in draft.keys]
    covenant = world.kit.covenant
    name = next(
        one.id
        for one in covenant.agencies
        if one.id != "police-oost" and covenant.kind_of(one.id) in covenant.purposes[PURPOSE].participants
    )
    other = make_client(folder, world, name)
    other.add(("J-1", keys))
    assert await other.send() is None
    await client.reading.read()
    other.vault.close()
    return str(client.vault.hits.all()[0].id)


def followed(caller: Caller, post: Any) -> None:
    """Put the desk of follow-up into what runs."""
    session = caller.agency.session
    desk = Following(session.vault, cast("Post", post), session.covenant, caller.agency.hands)
    caller.agency.running.online = cast("Online", SimpleNamespace(following=desk))


class Away:
    """A broker that is away."""

    async def send(self, number: int, tally: object) -> None:
        """Answer nothing."""
        raise UnavailableError(Code.UNAVAILABLE, "The broker does not answer.")


async def test_a_system_sees_the_hits_of_its_own_records(caller: Caller, world: World, tmp_path: Path) -> None:
    """It is told who knows the person and how sure, page by page; another system, and one without the right, is not."""
    hit = await with_hit(caller, world, tmp_path / "other")
    listed = (await caller.call("GET", "/hits?limit=1")).json()
    assert [one["hitId"] for one in listed["hits"]] == [hit]
    assert (listed["hits"][0]["reference"], listed["hits"][0]["state"]) == ("Z-1", "live")
    assert (await caller.call("GET", f"/hits?after={listed['next']}")).json() == {"hits": []}
    assert (await caller.call("GET", f"/hits/{hit}")).json() == listed["hits"][0]
    other = caller.another("other")
    assert (await other.call("GET", "/hits")).json() == {"hits": []}
    assert (await other.call("GET", f"/hits/{hit}")).status_code == 404
    for path in ("/hits/nothing", "/hits?limit=0", "/hits?after=x", "/hits?limit=999"):
        assert (await caller.call("GET", path)).json()["code"] == "malformed"


async def test_an_outcome_waits_while_the_broker_is_away(caller: Caller, world: World, tmp_path: Path) -> None:
    """The outcome is kept and answered as accepted; said again it is the same; an unknown code is refused."""
    hit = await with_hit(caller, world, tmp_path / "other")
    followed(caller, Away())
    outcome = next(iter(world.kit.covenant.outcomes))
    path, said = f"/hits/{hit}/outcome", {"outcome": outcome, "person": "medewerker 17"}
    assert (await caller.call("POST", path, {**said, "outcome": "no-such-outcome"})).json()["code"] == "malformed"
    answers = [await caller.call("POST", path, said) for _ in range(2)]
    assert [one.status_code for one in answers] == [202, 202], answers[0].text
    assert answers[0].json()["followUp"]["pending"]
    assert caller.agency.session.vault.outbox.count_open() == 1
    assert "medewerker" not in answers[0].text
    assert PERSON["surname"] not in answers[0].text
