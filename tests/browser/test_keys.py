# SPDX-License-Identifier: EUPL-1.2
"""The main tasks without a mouse: to the content, a signal, a hit from Today to its outcome, a request decided on.

Consoles of this process. Not here: how keys are pressed (``keys.py``).
"""

from pathlib import Path

import pytest
from axe_playwright_python.async_playwright import Axe  # type: ignore[import-untyped]
from playwright.async_api import Browser

from agency_client.console.screens import SCREENS
from agency_client.run_settings import RunSettings
from protocol.disclosure_payload import Wanted
from protocol.ids import PartyId
from protocol.messages import Justification
from tests.browser.keys import FOCUS, choose, press, tab_to, type_into, unfold
from tests.browser.serving import room
from tests.fakes.console_cases import PERSON, others, record, signalled
from tests.fakes.console_world import console_of
from tests.fakes.covenants import make_covenant
from tests.fakes.disclosing_agencies import meeting
from tests.fakes.follow_up_desk import FollowUpDesk
from tests.fakes.office_console import console_at
from tests.fakes.small_world import NOW, PURPOSE, make_world

AGENCY = "prosecution-oost"


async def test_a_signal_is_sent_by_keys(tmp_path: Path, browser: Browser, axe: Axe) -> None:
    """The skip link comes first and leads to the content; every stop can be seen; a form is filled and sent."""
    world = make_world(make_covenant(now=NOW))
    async with (
        console_of(tmp_path / "home", world, settings=RunSettings()) as console,
        room(console.app, browser, axe) as found,
    ):
        one, keys = found.one, found.one.page.keyboard
        await one.open("/signals")
        await keys.press("Tab")
        tag, href, _, _ = await one.page.evaluate(FOCUS)
        assert (tag, href) == ("A", "#content")
        stops = []
        for _ in range(60):
            await keys.press("Tab")
            stops.append(await one.page.evaluate(FOCUS))
            if stops[-1][0] == "BODY":
                break
        unseen = [stop for stop in stops if stop[0] != "BODY" and not stop[3]]
        assert not unseen, unseen
        wanted = {f"/{screen.name}" for screen in SCREENS if "coordinator" in screen.roles}
        assert wanted <= {stop[1] for stop in stops}
        await one.open("/signals")
        await keys.press("Tab")
        await keys.press("Enter")
        await keys.press("Tab")
        assert await one.page.evaluate("document.querySelector('main').contains(document.activeElement)")

        await press(one, "New signal")
        await press(one, console.running.session.covenant.purpose(PURPOSE).title.en)
        await type_into(one, case_reference="OOST-KEYS")
        for name in ("grounds", "basis"):
            await choose(one, name)
        await type_into(one, bsn="123456782")
        await press(one, "See who may learn what")
        await press(one, "Send this signal")
        assert "said=sent" in one.page.url
        assert console.client.vault.pending.count() == 1


async def test_a_hit_is_worked_off_by_keys(tmp_path: Path, browser: Browser, axe: Axe) -> None:
    """From Today to the hit, its contact for a reason, seen, called, and what came of it."""
    world = make_world(make_covenant(now=NOW))
    world.broker.level = "content"
    desk = FollowUpDesk(world.broker, PartyId(AGENCY))
    async with (
        console_of(tmp_path / "home", world, AGENCY, broker=desk, settings=RunSettings()) as console,
        room(console.app, browser, axe) as found,
    ):
        one = found.one
        await signalled(console.client, record("D-1", PERSON))
        theirs = record("L-1", PERSON, content={"danger": "Do not ring at home."})
        (await others(tmp_path, world, theirs, agency="police-oost")).vault.close()
        await console.client.reading.read()
        await one.open("/today")
        await press(one, "Look and call")
        await choose(one, "reason", "Somebody may be")
        await type_into(one, case="2026-0481", words="Overleg met de school")
        await press(one, "Show whom to call")
        said = await one.text()
        assert said.index("Do not ring at home.") < said.index("088 000 00 00")
        assert console.client.vault.hits.all()[0].opened_at is not None
        await press(one, "I have seen this")
        await one.until("Noted: you saw this hit.")
        await press(one, "I have called")
        await one.until("Noted: you had contact.")
        await choose(one, "outcome", "Spoke")
        await press(one, "Close this hit")
        await one.until("The outcome is entered, and the hit is closed.")


WHY = Justification(code="own-case", text="Huisbezoek", case_reference="Z-1")


@pytest.mark.timeout(300)
async def test_requests_are_decided_on_by_keys(database: str, tmp_path: Path, browser: Browser, axe: Axe) -> None:
    """From Today to the request, an answer in words; and the next one refused, with a reason."""
    async with (
        meeting(database, tmp_path) as met,
        console_at(met.owner, RunSettings()) as owner,
        room(owner.app, browser, axe) as found,
    ):
        one = found.one
        for wanted in ("Where?", "With whom?"):
            await met.asker.requesting.ask(met.hit, Wanted(text=wanted), WHY, met.asker.person("Anna"))
        await met.owner.read()
        await one.open("/today")
        await press(one, "Decide")
        await type_into(one, text="With her aunt.")
        await press(one, "Give this answer")
        await one.until("Your answer is given")
        await one.open("/today")
        await press(one, "Decide")
        await unfold(one, "Refuse")
        await choose(one, "reason", "Not nec")
        await type_into(one, refusal="Ask the municipality.")
        await press(one, "Refuse")
        await one.until("The refusal is sent.")
        await met.asker.read()
        assert sorted(str(kept.state) for kept in met.asker.vault.disclosures.mine()) == ["granted", "refused"]


async def test_who_sees_where_the_focus_is(tmp_path: Path, browser: Browser, axe: Axe) -> None:
    """A stop that cannot be seen is a fault, so that the tests above can fail."""
    world = make_world(make_covenant(now=NOW))
    async with (
        console_of(tmp_path / "home", world, settings=RunSettings()) as console,
        room(console.app, browser, axe) as found,
    ):
        await found.one.open("/today")
        await found.one.page.evaluate(
            "document.addEventListener('focusin', (event) => { event.target.style.outlineStyle = 'none'; })"
        )
        with pytest.raises(AssertionError, match="cannot be seen"):
            await tab_to(found.one, "Skip to content")
