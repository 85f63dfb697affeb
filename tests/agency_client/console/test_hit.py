# SPDX-License-Identifier: EUPL-1.2
"""The page of a hit: who, how sure, danger before all else, nothing shown that was not asked for in the log."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

import pytest

from protocol.ids import HitId, PartyId
from tests.fakes.agency import Client
from tests.fakes.console_cases import PERSON, others, record, signalled
from tests.fakes.console_world import Console, console_of
from tests.fakes.follow_up_desk import FollowUpDesk
from tests.fakes.small_world import World

WHY = {"reason": "own-case", "case": "2026-0481", "words": "Zorgen om deze jongen"}


@dataclass
class Cases:
    """A console with one hit, and the other agency's client."""

    console: Console
    other: Client
    hit: HitId
    world: World

    @property
    def url(self) -> str:
        """The hit's page."""
        return f"/hits/{self.hit}"


@pytest.fixture
async def cases(tmp_path: Path, world: World) -> AsyncIterator[Cases]:
    """Return one hit on a phone number and a name, whose contact and content are released."""
    world.broker.level = "content"
    desk = FollowUpDesk(world.broker, PartyId("prosecution-oost"))
    async with console_of(tmp_path / "home", world, "prosecution-oost", broker=desk) as console:
        mine = record(
            "D-17", (*PERSON, ("bsn", "123456782")), case="2026-0481", content={"danger": "Eigen waarschuwing"}
        )
        await signalled(console.client, mine)
        theirs = record(
            "L-1",
            PERSON,
            contact={"unit": "Team Jeugd", "phone": "088 000 00 00", "when": "werkdagen 8-17"},
            content={"danger": "Niet thuis bellen.", "note": "Zorgen sinds de zomer."},
        )
        other = await others(tmp_path, world, theirs, agency="police-oost")
        await console.client.reading.read()
        (listed,) = console.client.vault.hits.all()
        yield Cases(console, other, listed.id, world)
        other.vault.close()


async def test_a_hit_says_who_on_what_and_how_sure(cases: Cases) -> None:
    """In Dutch and English: the sentence, what agreed, what did not without saying that it differs, and how sure."""
    dutch = (await cases.console.get(cases.url, lang="nl")).text
    assert "Politie Oost kent dezelfde persoon" in dutch
    assert "telefoonnummer" in dutch
    assert "burgerservicenummer: daar onbekend, of kwam niet overeen" in dutch
    assert "Dat dit iemand anders is, is zeer onwaarschijnlijk." in dutch
    assert "minder dan 1 op de 10.000" in dutch
    english = (await cases.console.get(cases.url)).text
    assert "Politie Oost knows the same person" in english
    assert "BSN: unknown there, or did not agree" in english
    for page in (dutch, english):
        assert "differ" not in page
        assert "anders dan" not in page


async def test_nothing_released_is_shown_before_the_log_has_the_reading(cases: Cases) -> None:
    """The contact is in the answer to the opening, and on no page after it."""
    before = (await cases.console.get(cases.url)).text
    assert "088 000 00 00" not in before
    opened = await cases.console.post(f"{cases.url}/opening", WHY)
    assert opened.status_code == HTTPStatus.OK
    assert opened.headers["cache-control"] == "no-store"
    assert 'href="tel:0880000000"' in opened.text
    assert "Zorgen sinds de zomer." in opened.text
    after = (await cases.console.get(cases.url)).text
    assert "088 000 00 00" not in after
    assert "Zorgen om deze jongen" in after, "why stands in the time line"
    assert re.search(r"read what Politie Oost released", after)


async def test_danger_comes_before_all_else(cases: Cases) -> None:
    """What they wrote about safety stands above the heading, and what we wrote ourselves too."""
    opened = (await cases.console.post(f"{cases.url}/opening", WHY)).text
    assert opened.index("Niet thuis bellen.") < opened.index("<h1")
    assert opened.index("Eigen waarschuwing") < opened.index("<h1")
