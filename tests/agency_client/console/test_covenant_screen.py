# SPDX-License-Identifier: EUPL-1.2
"""The covenant in plain words, as the rules themselves decide, and what its last version changed."""

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest

from agency_client.console.covenant import COVENANT
from agency_client.console.covenant_views import Edge, matrix_of
from agency_client.taken import note_taken
from protocol.covenant import Covenant
from protocol.errors import Code, NotFoundError
from protocol.ids import PurposeId
from tests.fakes.console_world import Console, console_of
from tests.fakes.covenants import amended
from tests.fakes.small_world import NOW, World, agreed_of

VICTIMS = PurposeId("victim-protection")


class Versions:
    """What the board signed before."""

    def __init__(self, *covenants: Covenant) -> None:
        self._known = {one.sha256: one for one in covenants}

    def earlier(self, sha256: str) -> Covenant:
        """Return a version."""
        if sha256 not in self._known:
            raise NotFoundError(Code.NOT_FOUND, "No such version.")
        return self._known[sha256]


@pytest.fixture
async def console(tmp_path: Path, world: World) -> AsyncIterator[Console]:
    """Return a console with the screen of the covenant."""
    async with console_of(tmp_path / "home", world, screens=(COVENANT,)) as found:
        yield found


def text_of(page: str) -> str:
    """Return what people read of a page."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", page))


async def test_a_purpose_is_told_in_plain_words(console: Console) -> None:
    """What for, who takes part, what is compared, how long, how soon: in both languages, under its own anchor."""
    dutch, english = [(await console.get("/covenant", lang=lang)).text for lang in ("nl", "en")]
    assert 'id="victim-protection"' in dutch
    for text in (
        "Slachtoffers beschermen",
        "wie met de verdachte werkt, merkt er niets van",
        "binnen 24 uur; met spoed binnen 8 uur",
        "beslist binnen 24 uur; wat is verstrekt kan 7 dagen worden opgehaald; twee mensen beslissen samen",
        "Krijgt nooit iets te horen Openbaar Ministerie, Reclassering",
        "2 van 3 sleutelhouders maken samen een pseudoniem",
        "Jeugdzorg De Linde",
    ):
        assert text in text_of(dutch), text
    assert "within 24 hours; when urgent within 8 hours" in english


async def test_each_rule_has_an_anchor_with_its_law(console: Console) -> None:
    """What a hit names as its ground is found here by that name."""
    page = (await console.get("/covenant")).text
    row = re.search(r'<tr id="victim-protection.notify.contact">(.*?)</tr>', page)
    assert row is not None
    assert "everyone who takes part is told whom to call" in row[1]
    assert "Wet gegevensverwerking door samenwerkingsverbanden" in row[1]
    assert 'id="guard.hidden-from-kind"' in page


async def test_the_matrix_is_what_the_rules_decide(console: Console, world: World) -> None:
    """Every level in the table is the most that the engine allows between two such agencies."""
    engine = agreed_of(world.kit.covenant).engine
    matrix = matrix_of(engine, NOW)
    assert matrix[Edge(VICTIMS, "municipality", "care")] == ("contact", "agency", "existence")
    assert not [edge for edge in matrix if edge.purpose == VICTIMS and edge.receiver == "public-prosecution"]
    page = text_of((await console.get("/covenant", lang="nl")).text)
    assert (
        "Gemeente Zorg- en hulpverlening en Politie welke organisatie, en wie te bellen welke organisatie het is dat "
        "iemand een signaal heeft" in page
    )


def _with(console: Console, world: World, old: Covenant, *known: Covenant) -> None:
    session, shelf = console.running.session, console.client.vault.evidence
    note_taken(shelf, old.sha256, NOW)
    note_taken(shelf, world.kit.covenant.sha256, NOW)
    trust: Any = Versions(*known)
    console.running.session = replace(session, trust=trust)


async def test_what_the_last_version_changed_is_told(console: Console, world: World) -> None:
    """Newly allowed, no longer allowed and other settings, each in a sentence."""
    rule = "victim-protection.notify.agency"
    old = amended(
        world.kit,
        "2025.9",
        {
            "purposes/victim-protection.yaml": ("followUpHours: 24", "followUpHours: 48"),
            "purposes/victim-protection.cedar": (
                '["hit", "probable"].contains(context.quality) &&\n  ["existence", "agency"]',
                '["hit"].contains(context.quality) &&\n  ["existence", "agency"]',
            ),
        },
    ).covenant
    assert rule in agreed_of(old).engine.rules
    _with(console, world, old, old)
    page = text_of((await console.get("/covenant", lang="nl")).text)
    assert "Sinds versie 2025.9." in page
    assert "Mag nu wel" in page
    assert "Slachtoffers beschermen: Gemeente hoort welke organisatie het is, bij een waarschijnlijke treffer" in page
    assert "uren om een treffer op te volgen, was 48, is nu 24." in page
    assert "Mag niet meer" not in page


async def test_an_unreadable_version_before_is_no_error(console: Console, world: World) -> None:
    """When what was before cannot be had, the page says so and shows the rest."""
    old = amended(world.kit, "2025.9").covenant
    _with(console, world, old)
    page = await console.get("/covenant")
    assert page.status_code == HTTPStatus.OK
    assert "The version before cannot be read now." in page.text


async def test_the_first_version_has_no_change(console: Console) -> None:
    """Nothing was before: it says so."""
    assert "This is the first version" in (await console.get("/covenant")).text


@pytest.mark.parametrize("role", ["coordinator", "supervisor", "privacy-officer", "operator"])
async def test_everybody_may_read_what_was_agreed(console: Console, role: str) -> None:
    """The covenant is no secret."""
    assert (await console.get("/covenant", role=role)).status_code == HTTPStatus.OK


async def test_nobody_who_is_not_logged_in_reads_it(console: Console) -> None:
    """All screens ask who it is."""
    assert (await console.http.get("/covenant")).status_code == HTTPStatus.SEE_OTHER
