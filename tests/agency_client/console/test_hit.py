# SPDX-License-Identifier: EUPL-1.2
"""The page of a hit: who, how sure, danger before all else, nothing shown that was not asked for in the log."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

import pytest

from protocol.encoding import b64url
from protocol.ids import HitId, PartyId
from tests.fakes.agency import Client
from tests.fakes.change_desk import tell
from tests.fakes.console_cases import PERSON, others, record, signalled
from tests.fakes.console_world import Console, console_of
from tests.fakes.follow_up_desk import FollowUpDesk
from tests.fakes.small_world import World

HOSTILE = '<script>alert(1)</script>"><img src=x onerror=alert(2)>{{7*7}}\u202e'
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


async def test_each_step_is_taken_once_and_shown_with_its_proof(cases: Cases) -> None:
    """Seen, called, closed: each stands in the time line by who did it, confirmed by witnesses; a second is told."""
    seen = await cases.console.post(f"{cases.url}/acknowledged", lang="nl")
    assert "Genoteerd: u hebt deze treffer gezien." in seen.text
    assert "anna zag de treffer." in seen.text
    assert re.search(r"in het logboek, regel \d+, bevestigd door 2 van 3", seen.text)
    called = await cases.console.post(f"{cases.url}/contacted")
    assert "Noted: you had contact." in called.text
    again = await cases.console.post(f"{cases.url}/acknowledged")
    assert again.status_code == HTTPStatus.CONFLICT
    assert "Somebody was first" in again.text
    unknown = await cases.console.post(f"{cases.url}/outcome", {"outcome": "<b>"})
    assert unknown.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    closed = await cases.console.post(f"{cases.url}/outcome", {"outcome": "not-the-same-person"}, lang="nl")
    assert "Het is een andere persoon" in closed.text
    assert "Ik heb gebeld" not in closed.text
    assert "Het is een andere persoon" not in (await cases.console.get("/hits/list/open")).text
    assert cases.url in (await cases.console.get("/hits/list/closed")).text


async def test_without_the_broker_an_act_waits_and_the_page_says_so(cases: Cases) -> None:
    """Nothing is shown that the log does not have; what was done is kept and sent later."""
    cases.world.broker.down = True
    opened = await cases.console.post(f"{cases.url}/opening", WHY, lang="nl")
    assert opened.status_code == HTTPStatus.SERVICE_UNAVAILABLE
    assert "er kon nog niets worden geopend" in opened.text
    assert "088 000 00 00" not in opened.text
    seen = await cases.console.post(f"{cases.url}/acknowledged")
    assert "What you did is kept" in seen.text
    assert "This is being sent" in seen.text
    cases.world.broker.down = False
    await cases.console.client.send()
    assert "anna saw the hit." in (await cases.console.get(cases.url)).text


async def test_what_is_taken_back_is_shown_no_more(cases: Cases) -> None:
    """The page says that it is gone, and offers nothing to open."""
    await cases.console.post(f"{cases.url}/opening", WHY)
    theirs = cases.other.acts.find_signal("L-1")
    await cases.other.acts.withdraw(theirs, "mistake", "f" * 32)
    await cases.console.client.reading.read()
    page = await cases.console.get(cases.url, lang="nl")
    assert "Politie Oost heeft het signaal ingetrokken" in page.text
    assert f"{cases.url}/opening" not in page.text
    again = await cases.console.post(f"{cases.url}/opening", WHY)
    assert again.status_code == HTTPStatus.CONFLICT
    assert "088 000 00 00" not in again.text
    assert cases.url in (await cases.console.get("/hits/list/gone")).text


async def test_a_form_that_is_not_right_opens_nothing(cases: Cases) -> None:
    """Without a case or with an unknown reason the log has nothing, and the page says what is missing."""
    for wrong in ({**WHY, "case": ""}, {**WHY, "reason": "curious"}, {**WHY, "words": "x" * 501}):
        answer = await cases.console.post(f"{cases.url}/opening", wrong)
        assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
        assert 'aria-invalid="true"' in answer.text
        assert "088 000 00 00" not in answer.text
    assert cases.console.client.vault.hits.get(cases.hit).opened_at is None


@pytest.mark.parametrize("role", ["privacy-officer", "operator"])
async def test_hits_are_for_those_who_work_with_them(cases: Cases, role: str) -> None:
    """Another role sees no hit and does nothing with one."""
    assert (await cases.console.get(cases.url, role=role)).status_code == HTTPStatus.FORBIDDEN
    for act in ("opening", "acknowledged", "contacted", "outcome"):
        assert (await cases.console.post(f"{cases.url}/{act}", WHY, role=role)).status_code == HTTPStatus.FORBIDDEN


async def test_hostile_text_is_shown_as_text(tmp_path: Path, world: World) -> None:
    """In every field of both records, the reason and the names: no element, no template, no turned-round line."""
    world.broker.level = "content"
    fields = dict.fromkeys(("danger", "contact-preference", "note", f"own {HOSTILE}"), HOSTILE)
    contact = dict.fromkeys(("unit", "phone", "email", "when", "reference", f"own {HOSTILE}"), HOSTILE)
    async with console_of(tmp_path / "home", world, "prosecution-oost") as console:
        await signalled(console.client, record(f"D {HOSTILE}", PERSON, case=f"C {HOSTILE}", content=fields))
        theirs = record("L-1", PERSON, contact=contact, content=fields)
        (await others(tmp_path, world, theirs, agency="police-oost")).vault.close()
        await console.client.reading.read()
        (kept,) = console.client.vault.hits.all()
        why = {**WHY, "words": HOSTILE, "case": HOSTILE}
        pages = [await console.get(path) for path in ("/today", "/hits", f"/hits/{kept.id}", f"/hits/{kept.id}/more")]
        pages.append(await console.post(f"/hits/{kept.id}/opening", why))
        pages.append(await console.post(f"/hits/{kept.id}/opening", {**why, "case": ""}))
        pages.append(await console.get(f"/hits/{kept.id}"))
        for page in pages:
            assert "<script>alert" not in page.text
            assert "<img" not in page.text
            assert "\u202e" not in page.text
            assert 'href="javascript' not in page.text
        assert pages[4].text.count("{{7*7}}") > 10
        assert 'href="tel:' not in pages[4].text, "only a number becomes a link"


async def test_no_page_shows_a_pseudonym_a_hash_or_a_key(cases: Cases) -> None:
    """Nothing that the protocol compares or seals by reaches a screen."""
    await cases.console.post(f"{cases.url}/acknowledged")
    pages = [await cases.console.get(path) for path in ("/today", "/hits", cases.url, f"{cases.url}/more")]
    pages.append(await cases.console.post(f"{cases.url}/opening", WHY))
    secret = [
        value
        for stored in cases.world.broker.signals.values()
        for key in stored.signal.keys
        for value in (key.tag, *key.wraps.values())
    ]
    secret += cases.world.broker.log.leaves
    person = cases.console.running.session.person("anna")
    for page in pages:
        for value in secret:
            assert value.hex() not in page.text
            assert b64url(value) not in page.text
        assert person not in page.text
        assert not re.search(r"\b[0-9a-f]{40,}\b", page.text)


async def test_what_must_rest_is_shown_no_more(cases: Cases) -> None:
    """A restricted hit releases nothing, and the page says why."""
    broker, me = cases.world.broker, PartyId("prosecution-oost")
    tell(broker, me, cases.hit, "restricted", reason="disputed")
    await cases.console.client.reading.read()
    page = (await cases.console.get(cases.url, lang="nl")).text
    assert "De andere organisatie vraagt het signaal voorlopig niet te gebruiken" in page
    assert "U hoorde dat Politie Oost het signaal laat nakijken" in page
    assert f"{cases.url}/opening" not in page
    assert (await cases.console.post(f"{cases.url}/opening", WHY)).status_code == HTTPStatus.CONFLICT
