# SPDX-License-Identifier: EUPL-1.2
"""Broker and a key-holder really gone, and back: each screen says what goes on, what is done is kept and sent later.

Not here: the same without processes and without a browser (``tests/agency_client/console/test_outage.py``).
"""

import asyncio
import re
from random import randrange

import pytest
from axe_playwright_python.async_playwright import Axe  # type: ignore[import-untyped]

from tests.browser import story
from tests.browser.conftest import CARE, Town
from tests.browser.story import PURPOSE, Sight
from tests.browser.test_screens import VISITS

HOLDER = 1
SECONDS = 300
"""To notice that somebody is away or back: tries are at most a minute apart, and a loaded machine is slow."""
AWAY = "De broker is niet bereikbaar"


@pytest.mark.timeout(900)
async def test_the_broker_is_gone_for_a_while(town: Town, axe: Axe) -> None:
    """The banner stands on every screen, a signal is kept, a question is not answered, what was there is shown; when
    the broker is back the signal is accepted without anybody doing anything, and the banner goes.
    """
    system, number = town.consoles.system, f"{randrange(10**6):06}"
    case, kept = f"JZ-V{number}", f"JZ-T{number}"
    async with (
        town.at(CARE, "coordinator", lang="nl") as one,
        town.at(CARE, "officer", lang="nl") as officer,
        town.at(CARE, "chief", lang="en") as chief,
    ):
        # Two of three key-holders are enough, and who looks after the system sees which one is away.
        await asyncio.to_thread(system.running[f"holder-{HOLDER}"].stop)
        before = await story.signal(one, Sight(), "reporting-right", case_reference=case, phones=f"06 22{number}")
        await one.come(before, "wordt vergeleken", SECONDS)
        await asyncio.to_thread(system.running["broker"].stop)
        try:
            waiting = await story.signal(one, Sight(), "reporting-right", case_reference=kept, phones=f"06 23{number}")
            await one.come(waiting, AWAY, SECONDS)
            await one.look(axe, "signal that waits, broker away")
            said = await one.text()
            assert "wordt verstuurd" in said
            assert "wat u doet, wordt bewaard en verstuurd zodra de verbinding terug is" in said
            for name, who in (("coordinator", one), ("officer", officer), ("chief", chief)):
                for screen, (visitor, pages) in VISITS.items():
                    for page in pages if visitor == name else ():
                        await who.open(page)
                        banner = "The broker cannot be reached" if who is chief else AWAY
                        assert banner in await who.text(), page
                        await who.look(axe, f"{screen}, broker away")
            await one.open("/signals")
            for shown in (case, kept):
                assert shown in await one.text()
            await one.open(f"/ask?purpose={PURPOSE}")
            await one.fill({"reason": "own-case", "case": case, "bsn": "123456782"})
            await one.send("/ask")
            assert "Er is geen antwoord" in await one.text()
            await one.look(axe, "question without an answer, broker away")
            await chief.come("/system", re.compile(rf"away</span> <strong>Key-holder {HOLDER}<"), SECONDS)
            links = await chief.page.locator('section[aria-labelledby="links"]').inner_text()
            assert links.count("away") == 2
            await chief.look(axe, "system, broker and a key-holder away")
        finally:
            await asyncio.to_thread(system.start_broker)
            await asyncio.to_thread(system.start_holder, HOLDER)
        await one.come(waiting, "wordt vergeleken", SECONDS)
        assert AWAY not in await one.text()
        await one.look(axe, "signal that waited")
