# SPDX-License-Identifier: EUPL-1.2
"""One day: a worry, a hit, a call, a question, an answer, an outcome, its proof, by three people at real browsers."""

from pathlib import Path
from random import randrange

import pytest
from axe_playwright_python.async_playwright import Axe  # type: ignore[import-untyped]

from protocol.evidence_pack import read_pack
from tests.browser import story
from tests.browser.conftest import CARE, POLICE, Town
from tests.browser.story import EVIL, Sight
from tests.fakes.browsing import Person, saved

DANGER = f"Niet thuis bellen {EVIL}"
RUNS = (("nl", True), ("en", False))
"""Language, and whether JavaScript runs."""


@pytest.mark.timeout(900)
@pytest.mark.parametrize(("lang", "script"), RUNS, ids=["Dutch", "English without JavaScript"])
async def test_from_a_worry_to_its_proof(town: Town, axe: Axe, tmp_path: Path, lang: str, script: bool) -> None:
    """Both find each other in seconds, ask and answer; what is dangerous comes first; the log proves all of it."""
    number = f"{randrange(10**6):06}"
    phone = f"06 11{number}"
    # Without scripts the checker cannot run either; the pages are the same ones.
    sight = Sight(axe if script else None, town.pictures if script else None)
    async with (
        town.at(CARE, "coordinator", lang=lang, script=script) as care,
        town.at(POLICE, "coordinator", lang=lang, script=script) as police,
        town.at(POLICE, "officer", lang=lang, script=script) as officer,
    ):
        ours = f"OOST-{number}"
        await story.signal(police, sight, "legal-duty", case_reference=ours, phones=phone)
        told = {"content.danger": DANGER, "content.contact-preference": "Alleen overdag"}
        await story.signal(care, sight, "reporting-right", case_reference=f"JZ-{number}", phones=phone, **told)
        hit = await story.hit(police, ours)
        await sight.picture(police, "console-hit")
        assert "088 000 00 00" in await story.open_contact(police, sight, hit, ours)
        await _prints(police)
        await police.open(hit)
        await police.send("/acknowledged")
        await story.ask_more(police, sight, hit, f"Wie begeleidt? {EVIL}")
        await _answered(care, police, sight, tmp_path)
        await police.open(hit)
        await police.send("/contacted")
        await police.fill({"outcome": "contacted-and-coordinated"})
        await police.send("/outcome")
        await sight.at(police, "closed hit")
        await _proven(officer, sight)


async def _prints(one: Person) -> None:
    """Look at a hit on paper: whom to call and what happened are there, menu and language are not."""
    await one.page.emulate_media(media="print")
    assert await one.page.locator("#call").is_visible()
    assert await one.page.locator(".timeline").is_visible()
    assert not await one.page.locator("nav.menu").is_visible()
    assert not await one.page.locator(".top form").first.is_visible()
    await one.page.emulate_media(media="screen")


async def _answered(care: Person, police: Person, sight: Sight, folder: Path) -> None:
    file = folder / "verslag.txt"
    file.write_text("Verslag van het gesprek", encoding="utf-8")
    asked = await story.request(care, "decide")
    assert EVIL in await care.text()
    await story.answer(care, sight, asked, f"Groepswerker Noor {EVIL}", file)
    mine = await story.request(police, "mine")
    page = await story.read_answer(police, sight, mine)
    assert EVIL in page
    # Danger comes first, whatever else there is to read.
    assert 0 <= page.find("Niet thuis bellen") < page.find("Groepswerker")
    async with police.page.expect_download() as waiting:
        await police.page.locator(f'form[action="{mine}/files/0"] button').click()
    assert await saved(waiting) == file.read_bytes()


async def _proven(officer: Person, sight: Sight) -> None:
    log = await story.read_log(officer, sight, {})
    await sight.picture(officer, "console-logbook")
    said = {
        "nl": ("Treffer ingezien", "Om meer gevraagd", "Treffer opgevolgd", "bevestigd door"),
        "en": ("Hit opened", "More asked for", "Hit followed up", "confirmed by"),
    }
    lang = await officer.page.locator("html").get_attribute("lang")
    assert all(words in log for words in said[lang or ""]), log
    assert read_pack(await story.take_out(officer, "2020-01-01", "2099-12-31"))
