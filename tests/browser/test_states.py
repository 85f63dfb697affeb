# SPDX-License-Identifier: EUPL-1.2
"""Screens in the states that no ordinary day shows: empty, wrongly filled in, refused, restricted, withdrawn, away.

Consoles of this process, whose clients really verify; each page in each state is looked at by the checker, at 320
pixels and with large text, once and in one language. Not here: who logs in (``test_login.py``), processes that really
stop (``test_outages.py``), requests (``test_request_states.py``).
"""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from axe_playwright_python.async_playwright import Axe  # type: ignore[import-untyped]
from playwright.async_api import Browser

from agency_client.changing import Changing
from agency_client.connectors.entrance import Entrance, Origin
from agency_client.console.languages import LOCALE
from agency_client.health import ConnectorHealth, Told, Trouble
from agency_client.mapping import Mapping
from agency_client.run_settings import RunSettings
from agency_client.source_rows import Row
from agency_client.taken import note_taken
from edge.languages import Lang
from protocol.errors import Code, RefusedError, UnavailableError
from protocol.events import HitOpened, Subject, Words
from protocol.ids import HitId, PartyId
from protocol.messages import Refusal
from tests.agency_client.test_informing import deferred
from tests.browser.serving import Room, room
from tests.fakes.agency import clock
from tests.fakes.agency_session import MAPPING
from tests.fakes.browsing import person
from tests.fakes.change_desk import ChangeDesk, keep_back, tell
from tests.fakes.console_cases import PERSON, others, record, signalled
from tests.fakes.console_world import Console, console_of
from tests.fakes.covenants import amended, make_covenant
from tests.fakes.follow_up_desk import FollowUpDesk, tell_doubted, tell_late
from tests.fakes.logbook_desk import LogbookDesk, open_logbook
from tests.fakes.small_world import NOW, PURPOSE, World, make_world

TEMPLATES = LOCALE.parent / "templates"
BSN = "123456782"
LONG = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft"
"""A word that fits on no narrow screen."""


class Desk(FollowUpDesk, ChangeDesk):
    """A door at which hits are followed up and signals changed."""


@dataclass
class Place:
    """A console, the world around it, and somebody before it."""

    room: Room
    console: Console
    world: World


@asynccontextmanager
async def place(
    folder: Path,
    browser: Browser,
    axe: Axe,
    agency: str = "police-oost",
    *,
    lang: Lang = "en",
    role: str = "coordinator",
) -> AsyncIterator[Place]:
    """Return an agency's console, and somebody before it."""
    world = make_world(make_covenant(now=NOW))
    desk = Desk(world.broker, PartyId(agency))
    async with (
        console_of(folder / "home", world, agency, broker=desk, settings=RunSettings()) as console,
        room(console.app, browser, axe, lang=lang, role=role) as made,
    ):
        client = console.client
        changing: Any = Changing(client.vault, client.post, client.acts, world.kit.covenant, clock)
        console.running.online.changing = changing  # type: ignore[misc]
        yield Place(made, console, world)


def test_every_page_is_looked_at() -> None:
    """Of each template of a page some test here names a state in which it is looked at."""
    pages = {one.name for one in TEMPLATES.glob("*.html") if '{% extends "frame.html" %}' in one.read_text()}
    tests = "".join(one.read_text() for one in Path(__file__).parent.glob("test_*.py"))
    assert pages == set(re.findall(r'seen?\(\s*"([a-z_]+\.html)"', tests))


async def test_a_hit_in_each_of_its_states(tmp_path: Path, browser: Browser, axe: Axe) -> None:
    """Not opened, wrongly opened, opened, closed wrongly, done by somebody else, doubted, restricted by either side,
    not delivered, withdrawn.
    """
    me = PartyId("prosecution-oost")
    async with place(tmp_path, browser, axe, me, lang="nl") as at:
        see, one, client = at.room.seen, at.room.one, at.console.client
        at.world.broker.level = "content"
        await see("hits.html", "Hier is niets.", "/hits")
        await signalled(client, record("D-17", (*PERSON, ("bsn", BSN)), case=LONG, content={"danger": LONG}))
        known = record("L-1", PERSON, content={"danger": f"Niet thuis bellen. {LONG}", "note": LONG})
        other = await others(tmp_path, at.world, known, agency="police-oost")
        await client.reading.read()
        (kept,) = client.vault.hits.all()
        hit = f"/hits/{kept.id}"
        await see("today.html", "Politie Oost kent dezelfde persoon", "/today")
        await see("hits.html", "Politie Oost kent dezelfde persoon", "/hits")
        await see("hit.html", "Uit uw eigen dossier: let op de veiligheid", hit)
        await at.room.unchecked()
        await one.fill({"case": ""})
        await one.send("/opening")
        await see("hit.html", "Geef het nummer van uw eigen dossier")
        await one.open(hit)
        await at.room.unchecked()
        await one.page.get_by_role("button", name="Sluit deze treffer").click()
        await see("hit.html", "Kies een uitkomst")
        at.world.broker.down = True
        await one.fill({"reason": "own-case"})
        await one.send("/opening")
        await see("hit.html", "er kon nog niets worden geopend")
        await one.send("/acknowledged")
        await see("hit.html", "Dit wordt verstuurd")
        at.world.broker.down = False
        assert await client.send() is None
        await one.open(hit)
        await at.console.post(f"{hit}/contacted")
        await one.send("/contacted")
        await see("hit.html", "Iemand was u voor")
        await one.fill({"reason": "own-case"})
        await one.send("/opening")
        await see("hit.html", "Let op de veiligheid")
        await one.open(f"{hit}/more")
        await at.room.unchecked()
        await one.fill({"case": ""})
        await one.send("/more")
        await see("more.html", "Geef het nummer van uw eigen dossier")
        tell_late(at.world.broker, me, kept.id, NOW)
        tell_doubted(at.world.broker, me, kept.id)
        await client.reading.read()
        await see("hit.html", "betwijfelt of het dezelfde persoon is", hit)
        tell(at.world.broker, me, kept.id, "restricted", reason="disputed")
        await client.reading.read()
        await see("hit.html", "vraagt het signaal voorlopig niet te gebruiken", hit)
        assert await one.page.get_by_role("link", name="Vraag om meer").count() == 0
        await see("more.html", "Een signaal van deze treffer is beperkt", f"{hit}/more")
        tell(at.world.broker, me, kept.id, "lifted", reason="disputed")
        (theirs,) = set(at.world.broker.hits[kept.id]) - {kept.notice.my_signal}
        keep_back(at.world.broker, theirs, True)
        await client.reading.read()
        await see("hit.html", "is nog niet bezorgd", hit)
        assert await one.page.get_by_role("link", name="Vraag om meer").count() == 1
        await one.open(f"/signals/{kept.notice.my_signal}")
        await one.fill({"restriction": "contested"})
        await one.send("/restrict")
        await see("hit.html", "U hebt uw eigen signaal beperkt", hit)
        await see("more.html", "Een signaal van deze treffer is beperkt", f"{hit}/more")
        await other.acts.withdraw(other.acts.find_signal("L-1"), "mistake", "f" * 32)
        await client.reading.read()
        await see("hit.html", "heeft het signaal ingetrokken", hit)
        await see("more.html", "Er is niemand om het aan te vragen", f"{hit}/more")
        await see("hits.html", "Politie Oost", "/hits/list/gone")
        other.vault.close()


async def test_a_hit_without_a_name(tmp_path: Path, browser: Browser, axe: Axe) -> None:
    """Where only its existence may be told there is nobody to call and nobody to ask."""
    async with place(tmp_path, browser, axe) as at:
        at.world.broker.level = "existence"
        await signalled(at.console.client, record("D-1", PERSON))
        (await others(tmp_path, at.world, record("L-1", PERSON))).vault.close()
        await at.console.client.reading.read()
        (kept,) = at.console.client.vault.hits.all()
        await at.room.seen("hit.html", "does not let you know which organisation it is", f"/hits/{kept.id}")
        await at.room.seen("more.html", "There is nobody to ask", f"/hits/{kept.id}/more")


FILLED = {"case_reference": "2026-0481", "grounds": "exploits-or-recruits", "basis": "legal-duty", "bsn": BSN}
WRONG = {
    "case_reference": "",
    "bsn": "123456789",
    "phones": "0612",
    "emails": LONG,
    "birth_date": "31-02-2004",
    "postcode": "1",
    "handle1_name": "x",
    "associate1.phones": "1",
    "review_on": "2001-01-01",
}


async def test_a_signal_in_each_of_its_states(tmp_path: Path, browser: Browser, axe: Axe) -> None:
    """None yet, wrongly filled in, waiting, compared, extended, restricted, corrected, withdrawn, not found."""
    async with place(tmp_path, browser, axe) as at:
        see, one, client = at.room.seen, at.room.one, at.console.client
        await see("today.html", "Nothing waits for you.", "/today")
        await see("signals.html", "Your agency has no signals yet.", "/signals")
        await see("signal_purpose.html", "For which purpose?", "/signals/new")
        await one.open(f"/signals/new?purpose={PURPOSE}")
        await one.fill(WRONG)
        await one.send("/signals/preview")
        await see("signal_form.html", "things have to be mended")
        await one.open(f"/signals/new?purpose={PURPOSE}")
        await one.fill({**FILLED, "content.danger": LONG, "informed": "deferred", "review_on": "2026-12-01"})
        await one.send("/signals/preview")
        await see("signal_preview.html", "not sent yet")
        await one.send("/signals/new")
        await see("signal.html", "The signal is being sent.")
        signal = one.page.url.removeprefix(one.origin).partition("?")[0]
        (await others(tmp_path, at.world, record("L-1", (("bsn", BSN),)))).vault.close()
        assert await client.send() is None
        await client.reading.read()
        await see("signal.html", "Jeugdzorg De Linde knows the same person.", signal)
        for act, wrong in (("restrict", "Choose one of these."), ("extend", "Say in a sentence why")):
            await one.open(signal)
            await at.room.unchecked()
            await one.send(f"/{act}")
            await see("signal.html", wrong)
        await one.fill({"why": LONG})
        await one.send("/extend")
        await see("signal.html", "The signal was extended.")
        await one.fill({"restriction": "contested"})
        await one.send("/restrict")
        await see("signal.html", "This signal is restricted")
        await see("signals.html", "restricted", "/signals")
        await one.open(signal)
        await one.send("/lift")
        await see("signal.html", "The restriction was lifted")
        await one.open(f"{signal}/correct")
        await see("signal_form.html", "Correct a signal")
        await one.fill({"phones": "06-87654321"})
        await one.send("/signals/preview")
        await one.send("/signals/new")
        corrected = one.page.url.removeprefix(one.origin).partition("?")[0]
        assert await client.send() is None
        await see("signal.html", "A corrected signal took this one", signal)
        await one.open(corrected)
        at.world.broker.down = True
        await one.fill({"reason": "mistake"})
        await one.send("/withdraw")
        await see("signal.html", "There is no connection now")
        at.world.broker.down = False
        assert await client.send() is None
        await see("signal.html", "ended", corrected)
        await one.open("/signals")
        await one.fill({"reference": "nobody's"})
        await one.send("/signals/find")
        await see("signals.html", "None of your signals has this.")
        await one.fill({"reference": "", "phones": "1"})
        await one.send("/signals/find")
        await see("signals.html", "no existing phone number")


async def test_signals_that_cannot_be_used_wholly(tmp_path: Path, browser: Browser, axe: Axe) -> None:
    """Refused by the broker, and a value that stands on too many signals."""
    async with place(tmp_path, browser, axe, "care-linde", lang="nl") as at:
        await signalled(at.console.client, record("C-1", (("phone", "+31612345678"), ("bsn", BSN))))
        (stored,) = at.world.broker.signals.values()
        at.world.broker.mute(PartyId("care-linde"), stored.signal)
        await at.console.client.reading.read()
        await at.room.seen("signal.html", "staat in te veel van uw signalen", f"/signals/{stored.signal.id}")
        await at.room.seen("today.html", "Goed om te weten", "/today")
        at.world.broker.refuse = Refusal(
            code=Code.POLICY_REFUSED, detail="It is not allowed.", rule="guard.hidden-from-kind"
        )
        at.console.client.vault.signals.add([record("C-2", PERSON)], NOW)
        await at.console.client.send()
        (refused,) = at.console.client.vault.signals.find("C-2")
        await at.room.seen("signal.html", "Dit signaal is geweigerd", f"/signals/{refused.id}")


async def test_a_question_and_what_comes_of_it(tmp_path: Path, browser: Browser, axe: Axe) -> None:
    """Wrongly filled in, answered by two, answered by nobody, no budget, nobody there."""
    async with place(tmp_path, browser, axe) as at:
        see, one = at.room.seen, at.room.one
        for name in ("care-linde", "prosecution-oost"):
            theirs = record(name, (("bsn", BSN),), content={"danger": LONG})
            (await others(tmp_path, at.world, theirs, agency=name)).vault.close()
        await see("ask_purpose.html", "For which purpose do you ask?", "/ask")
        form = f"/ask?purpose={PURPOSE}"

        async def ask(**fields: str) -> None:
            await one.open(form)
            await one.fill({"reason": "own-case", "case": "2026-0481", **fields})
            await one.send("/ask")

        await ask(bsn="12", case="", phones="1", birth_date="31-02-2004")
        await see("ask.html", "too few or too many characters")
        await ask(bsn=BSN)
        await see("ask_answer.html", "2 organisations know this person")
        await ask(bsn="111222333")
        await see("ask_answer.html", "Nobody that may tell you so")
        at.world.broker.down = True
        await ask(bsn=BSN)
        await see("ask.html", "There is no answer")
        at.world.broker.down = False
        for holder in at.world.holders:
            holder.refuses[PURPOSE] = RefusedError(Code.BUDGET_EXHAUSTED, "Used up.")
        await ask(bsn=BSN)
        await see("ask.html", "budget for this purpose is used up")


async def test_what_a_municipality_may_not_do(tmp_path: Path, browser: Browser, axe: Axe) -> None:
    """It looks nobody up, and hears what to do instead."""
    async with place(tmp_path, browser, axe, "municipality-dalen", lang="nl") as at:
        await at.room.seen("ask_purpose.html", "mag niet vragen zonder te signaleren", "/ask")


async def test_the_logbook_and_its_forms(tmp_path: Path, browser: Browser, axe: Axe) -> None:
    """Findings, entries, none, unusual use, citizens who wait, who could be told: with what was filled in wrongly."""
    world, police = make_world(make_covenant(now=NOW)), PartyId("police-oost")
    desk = LogbookDesk(world, police)
    async with (
        console_of(tmp_path / "home", world, broker=desk, settings=RunSettings()) as console,
        room(console.app, browser, axe, role="privacy-officer") as found,
    ):
        see, one, client = found.seen, found.one, console.client
        open_logbook(console.running, client, world, desk)
        await see("logbook.html", "Nothing was proven yet", "/logbook")
        await see("logbook_reviews.html", "Nobody's informing is due", "/logbook/reviews")
        client.vault.signals.add([deferred("L-1", NOW.date() - timedelta(days=3))], NOW)
        client.add(("P-1", [("bsn", BSN)]))
        assert await client.send() is None
        client.vault.evidence.report(Code.RECEIPT_INVALID, "notice 7", "It does not hold.", NOW)
        await see("today.html", "does not hold", "/today")
        await one.open("/logbook")
        await found.unchecked()
        await one.send("/logbook/entries")
        await see("logbook.html", "Something is missing in the form")
        await one.fill({"why": "lawfulness-check"})
        await one.send("/logbook/entries")
        await see("logbook_found.html", "Signal registered")
        await one.open("/logbook")
        await one.fill({"why": "lawfulness-check", "until": "2026-11-01"})
        await one.send("/logbook/entries")
        await see("logbook_found.html", "No entry fits")
        await one.open("/logbook")
        await one.fill({"why": "lawfulness-check"})
        async with one.page.expect_navigation(wait_until="load"):
            await one.page.locator('button[formaction="/logbook/unusual"]').click()
        await see("logbook_unusual.html", "Nothing unusual was found.")
        _look_often(desk, police, console.running.session.person("anna"))
        await one.open("/logbook")
        await one.fill({"why": "lawfulness-check"})
        async with one.page.expect_navigation(wait_until="load"):
            await one.page.locator('button[formaction="/logbook/unusual"]').click()
        await see("logbook_unusual.html", "one employee who looked at many people in a day")
        await one.open("/logbook/requests/new")
        await found.unchecked()
        await one.send("/logbook/requests/new")
        await see("logbook_request.html", "Nothing was collected")
        sent = {"case": "I-1", "reason": "Verzoek", "received": "2026-11-20", "bsn": BSN, "surname": "de Vries"}
        await console.post("/logbook/requests/new", sent, role="privacy-officer")
        await see("logbook.html", "Request I-1", "/logbook")
        await one.page.locator("summary", has_text="I-1").click()
        await one.send("/step", "refused")
        await see("logbook.html", "A refusal needs a ground and a reason")
        await see("logbook_reviews.html", "L-1", "/logbook/reviews")
        await one.page.locator("summary", has_text="L-1").click()
        await one.send("/logbook/reviews")
        await see("logbook_reviews.html", "Nothing was entered")
        world.broker.down = True
        await one.open("/logbook")
        await one.fill({"why": "lawfulness-check"})
        await one.send("/logbook/entries")
        await see("error.html", "That did not work")


def _look_often(desk: LogbookDesk, agency: PartyId, person: str) -> None:
    """Have somebody of an agency open more hits in a day than its covenant finds usual."""
    why = Words(text="overleg", case_reference="Z-1")
    for number in range(desk.log.covenant.terms.unusual.acts_per_person + 1):
        act = desk.log.act(agency=agency, person=person, purpose=PURPOSE, justification="own-case")
        desk.log.add(HitOpened(act=act, subject=Subject(hit_id=HitId(UUID(int=number)), words=why)))


async def test_the_system_when_things_go_wrong(tmp_path: Path, browser: Browser, axe: Axe) -> None:
    """Parties away, messages that do not arrive, connectors that do not work, and rows that cannot be used."""
    async with place(tmp_path, browser, axe, lang="nl") as at:
        see, one, running = at.room.seen, at.room.one, at.console.running
        await see("quarantine.html", "Er wacht geen regel", "/system/quarantine")
        folder = running.session.home.folder / "connectors"
        folder.mkdir(exist_ok=True)
        (folder / "zaken.yaml").write_text("kind: folder\nfolder: zaken\n", encoding="utf-8")
        (folder / "zaken.mapping.yaml").write_text(MAPPING, encoding="utf-8")
        row = {"id": LONG, "given": "Willemijn", "name": "Berg", "born": "31-02-2001"}
        Entrance(running.session).admit([Row(2, row)], Mapping.from_yaml(MAPPING), Origin("zaken", "export.csv"))
        number = running.session.vault.quarantine.page(1)[0].number
        at.console.client.add(*[(f"R-{n}", [("phone", f"+316{n:08}")]) for n in range(3)])
        away = UnavailableError(Code.UNAVAILABLE, "The service cannot be reached.")
        running.away("holder-2", away)
        await see("system.html", "1 sleutelhouder is niet bereikbaar", "/system")
        running.away("broker", away)
        connectors = (ConnectorHealth("zaken", "folder", True, 1, "The folder is not there."),)
        running.note(waiting=41, requests=2, told=Told(1, ("team mail",)), connectors=connectors)
        running.note(blocked=Trouble("unavailable", "It cannot be reached.", NOW))
        running.note(covenant=replace(running.health.covenant, trouble=Trouble("unavailable", "x", NOW)))  # type: ignore[type-var]
        running.session.vault.evidence.report(Code.RECEIPT_INVALID, "notice 7", "It does not hold.", NOW)
        await see("system.html", "Er is iets om naar te kijken", "/system")
        await see("covenant.html", "Deze versie geldt nog.", "/covenant")
        await see("quarantine.html", "Die dag bestaat niet", "/system/quarantine")
        await see("quarantine_row.html", "Die dag bestaat niet", f"/system/quarantine/{number}")
        await one.send(f"/{number}")
        await see("quarantine_row.html", "Die dag bestaat niet")
        await at.console.post(f"/system/quarantine/{number}/dismiss")
        await one.send("/dismiss")
        await see("quarantine.html", "Iemand was u voor")
        await at.room.as_a("operator")
        await see("today.html", "uitbox", "/today")


STOPPED: tuple[tuple[Lang, str, str], ...] = (
    ("en", "coordinator", "Sluis has stopped sending and reading"),
    ("nl", "operator", "Sluis verstuurt en leest niets meer"),
)


@pytest.mark.parametrize(("lang", "role", "words"), STOPPED)
async def test_a_client_that_stopped(
    tmp_path: Path, browser: Browser, axe: Axe, lang: Lang, role: str, words: str
) -> None:
    """After the log contradicted itself every screen says so above all else, and shows what is there."""
    async with place(tmp_path, browser, axe, lang=lang, role=role) as at:
        await signalled(at.console.client, record("D-1", PERSON))
        at.console.running.note(stopped="The log contradicts itself.", stopped_code=Code.LOG_FORKED.value)
        for template, path in (("today.html", "/today"), ("system.html", "/system")):
            await at.room.seen(template, words, path)
            above = at.room.one.page.locator("main > .utrecht-alert").first
            assert words in await above.inner_text()


async def test_the_covenant_after_a_change(tmp_path: Path, browser: Browser, axe: Axe) -> None:
    """What is newly allowed and what is not any more stands above the purposes."""
    async with place(tmp_path, browser, axe, lang="nl") as at:
        running, new = at.console.running, at.world.kit.covenant
        changes = {"purposes/victim-protection.yaml": ("followUpHours: 24", "followUpHours: 48")}
        old = amended(at.world.kit, "2025.9", changes).covenant

        class Before:
            def earlier(self, sha256: str) -> object:
                assert sha256 == old.sha256
                return old

        trust: Any = Before()
        for one in (old, new):
            note_taken(at.console.client.vault.evidence, one.sha256, NOW)
        running.session = replace(running.session, trust=trust)
        await at.room.seen("covenant.html", "Sinds versie 2025.9.", "/covenant")


async def test_what_is_refused_to_a_person(tmp_path: Path, browser: Browser, axe: Axe) -> None:
    """Another's screen, a form that is too old, a page that is not there: in words, with a way back."""
    async with place(tmp_path, browser, axe, role="operator") as at:
        await at.room.seen("error.html", "Your role does not give access", "/hits")
        await at.room.seen("error.html", "This page does not exist.", "/nowhere")
        await at.room.as_a("coordinator")
        await at.room.one.open(f"/ask?purpose={PURPOSE}")
        await at.room.one.page.evaluate("for (const one of document.querySelectorAll('[name=csrf]')) one.value = 'x'")
        await at.room.unchecked()
        await at.room.one.send("/ask")
        await at.room.seen("error.html", "This form is no longer valid.")


async def test_whatever_leaves_the_console_is_seen(browser: Browser) -> None:
    """A page that asks another machine for something makes its test fail, and gets nothing."""
    with pytest.raises(AssertionError, match=r"a request to elsewhere\.example"):
        async with person(browser, "http://127.0.0.1:9") as one:
            await one.page.goto('data:text/html,<img src="https://elsewhere.example/x.png">')


async def test_what_a_checker_finds_is_a_fault(tmp_path: Path, browser: Browser, axe: Axe) -> None:
    """Grey on white, a picture without words, something too wide: each is noted, also on a page that was clean."""
    worsened = {
        "color-contrast": "document.querySelector('h1').style.color = '#ddd'",
        "image-alt": "document.querySelector('main').append(document.createElement('img'))",
        "320 pixels": "document.querySelector('main').style.width = '2000px'",
    }
    async with place(tmp_path, browser, axe) as at:
        await at.room.seen("hits.html", "Nothing here.", "/hits")
        for fault, change in worsened.items():
            await at.room.one.open("/hits")
            await at.room.one.page.evaluate(change)
            await at.room.one.look(axe, "worse")
            assert fault in str(at.room.one.faults)
            at.room.one.faults.clear()
