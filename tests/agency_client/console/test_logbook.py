# SPDX-License-Identifier: EUPL-1.2
"""The logbook: entries with their proof, a reason for each reading, citizens' requests, evidence to take out."""

import io
import json
import re
import zipfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path

import pytest

from edge.event_words import EVENTS_SAID
from protocol.errors import Code
from protocol.events import EventsRead, RequestRefused, SignalRegistered, SignalWithdrawn
from protocol.evidence_pack import read_pack, verify_pack
from protocol.ids import PartyId
from tests.agency_client.console.test_signals import FILLED, hidden, made
from tests.agency_client.console.test_system import quarantine
from tests.agency_client.test_informing import deferred
from tests.fakes.agency import make_client
from tests.fakes.console_world import Console, console_of
from tests.fakes.logbook_desk import LogbookDesk, open_logbook
from tests.fakes.small_world import NOW, World

POLICE = PartyId("police-oost")
OFFICER = "privacy-officer"
BSN = "123456782"
EVIL = "<script>alert(1)</script>"


@dataclass
class Officer:
    """The police's console, as its privacy officer uses it."""

    console: Console
    desk: LogbookDesk

    async def post(self, path: str, lang: str = "en", **fields: str) -> str:
        """Send a form and return the page."""
        return (await self.console.post(f"/logbook{path}", fields, role=OFFICER, lang=lang)).text


@pytest.fixture
async def officer(tmp_path: Path, world: World) -> AsyncIterator[Officer]:
    """Return the police, who know somebody that care knows too, and were refused once."""
    care = make_client(tmp_path / "c", world, "care-linde")
    care.add(("C-1", [("bsn", BSN)]))
    assert await care.send() is None
    desk = LogbookDesk(world, POLICE)
    async with console_of(tmp_path / "p", world, broker=desk) as console:
        open_logbook(console.running, console.client, world, desk)
        console.client.add(("P-1", [("bsn", BSN)]))
        assert await console.client.send() is None
        await console.client.reading.read()
        act = desk.log.act(agency=POLICE, person="p-2", decision="deny")
        world.broker.log.add(RequestRefused(act=act, code="malformed"))
        yield Officer(console, desk)
    care.vault.close()


async def test_what_was_proven_is_shown_without_asking_anybody(officer: Officer, world: World) -> None:
    """Own acts and notices stand there with their proof, also when the broker is away."""
    world.broker.down = True
    page = (await officer.console.get("/logbook", role=OFFICER)).text
    assert "Signal registered" in page
    assert "Notice issued" in page
    assert "confirmed by 2 of 3" in page
    assert not officer.desk.asked


async def test_only_a_privacy_officer_sees_it(officer: Officer) -> None:
    """What colleagues looked at is not for everybody."""
    assert (await officer.console.get("/logbook", role="coordinator")).status_code == HTTPStatus.FORBIDDEN
    sent = await officer.console.post("/logbook/entries", {"why": "self-monitoring"}, role="operator")
    assert sent.status_code == HTTPStatus.FORBIDDEN


async def test_a_reading_has_a_reason_and_is_logged_as_this_person(officer: Officer, world: World) -> None:
    """Without one of the law's reasons nothing is asked; with one the entries come with their proof."""
    assert "Say why you read the log" in await officer.post("/entries")
    assert not officer.desk.asked
    page = await officer.post("/entries", why="lawfulness-check")
    assert "Signal registered" in page
    assert "Request refused" in page
    assert page.count("confirmed by 2 of 3") >= 2 * page.count('class="proof"') > 0
    read = [made.event for made in world.broker.log.entries.values() if isinstance(made.event, EventsRead)]
    assert [(one.log_purpose, one.act.person) for one in read] == [
        ("lawfulness-check", officer.console.running.session.person("anna"))
    ]
    assert "Toon" not in page
    assert "Signaal geregistreerd" in await officer.post("/entries", lang="nl", why="lawfulness-check")


CHOSEN = (
    ({"decision": "deny"}, "Request refused", "Signal registered"),
    ({"event": "3"}, "Signal registered", "Request refused"),
    ({"scope": "counterpart"}, "Notice issued", "Request refused"),
    ({"scope": "own", "since": "2026-11-01", "until": "2026-11-30"}, "Signal registered", "Notice issued"),
    ({"until": "2026-11-20"}, "No entry fits", "Signal registered"),
)


async def test_entries_can_be_chosen(officer: Officer) -> None:
    """By kind, decision, whose act, and period."""
    for fields, there, gone in CHOSEN:
        shown = (await officer.post("/entries", why="self-monitoring", **fields)).partition("<h1")[2]
        assert there in shown, fields
        assert f"<strong>{gone}</strong>" not in shown, fields


async def test_a_signal_by_hand_is_logged_as_who_made_it(officer: Officer, world: World) -> None:
    """A new signal, its correction and a mended row are found by a colleague's name; what a system gave is not."""
    console = officer.console
    path = await made(console)
    assert await console.client.send() is None
    corrected = {**FILLED, "phones": "06-87654321", "correcting": path.rpartition("/")[2]}
    preview = await console.post("/signals/preview", corrected)
    await console.post("/signals/new", hidden(preview.text, "/signals/new"))
    number = quarantine(console)
    page = await console.get(f"/system/quarantine/{number}")
    columns = dict(re.findall(r'name="(cell\d)"[^>]* value="([^"]*)"', page.text))
    assert "31-02-2001" in columns.values(), columns
    mended = {name: value.replace("31-02", "31-01") for name, value in columns.items()}
    await console.post(f"/system/quarantine/{number}", mended)
    assert await console.client.send() is None
    anna = console.running.session.person("anna")
    events = [one.event for one in world.broker.log.entries.values()]
    registered = [one for one in events if isinstance(one, SignalRegistered) and one.act.agency == POLICE]
    assert [(one.act.person, one.act.system) for one in registered] == [(None, POLICE), *[(anna, None)] * 3]
    assert [one.act.person for one in events if isinstance(one, SignalWithdrawn)] == [anna]
    for page_of in (
        (await console.get("/logbook", role=OFFICER)).text,
        await officer.post("/entries", why="self-monitoring", employee="anna"),
    ):
        rows = page_of.split("<strong>Signal registered</strong>")[1:]
        assert [" · anna" in row.partition("</li>")[0] for row in rows].count(True) == 3


async def test_an_employee_is_sought_by_a_hash_and_not_kept(officer: Officer) -> None:
    """The name that is looked for does not leave, and nobody is added to those known."""
    page = await officer.post("/entries", why="self-monitoring", employee=EVIL)
    assert "No entry fits" in page
    (search,) = officer.desk.asked
    assert search.filters.person is not None
    assert EVIL not in search.to_json().decode()
    assert officer.console.client.vault.evidence.people()(search.filters.person) is None


async def test_hostile_input_is_shown_as_text(officer: Officer) -> None:
    """What is typed comes back as it was typed, and runs nowhere."""
    page = await officer.post("/entries", since=EVIL, employee=EVIL)
    assert EVIL not in page
    assert "&lt;script&gt;" in page


async def test_evidence_is_taken_out_whole(officer: Officer, world: World) -> None:
    """The download is a pack that holds for who has never seen the broker; without a period there is none."""
    assert "This is not a day" in await officer.post("/export", why="self-monitoring", since="2026-11-21")
    fields = {"why": "self-monitoring", "since": "2026-11-21", "until": "2026-11-21"}
    answer = await officer.console.post("/logbook/export", fields, role=OFFICER)
    assert answer.headers["content-disposition"].endswith('.zip"')
    verified = verify_pack(read_pack(answer.content), world.kit.covenant)
    assert {type(one.event).__name__ for one in verified.content.entries} >= {"SignalRegistered", "NoticeIssued"}


async def test_a_pack_and_a_broker_that_is_away(officer: Officer, world: World) -> None:
    """What needs the broker says so in words."""
    world.broker.down = True
    answer = await officer.console.post("/logbook/entries", {"why": "self-monitoring"}, role=OFFICER)
    assert answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE
    assert Code.UNAVAILABLE in answer.text


async def test_use_that_is_worth_a_look(officer: Officer) -> None:
    """Counted from own entries; an ordinary day has none."""
    assert "Nothing unusual was found" in await officer.post("/unusual", why="self-monitoring")
    assert {search.filters.event for search in officer.desk.asked} <= set(EVENTS_SAID)


REQUEST = {"case": "I-1", "reason": "Verzoek om inzage", "received": "2026-11-20", "bsn": BSN, "surname": "de Vries"}


async def test_a_citizen_is_answered(officer: Officer) -> None:
    """One download has the page for the person, the own file and the receipts; the request stays open until given."""
    answer = await officer.console.post("/logbook/requests/new", REQUEST, role=OFFICER)
    archive = zipfile.ZipFile(io.BytesIO(answer.content))
    names = set(archive.namelist())
    assert {"report.redacted.nl.html", "report.redacted.en.html", "report.full.json"} <= names
    assert json.loads(archive.read("report.full.json"))
    assert any(name.startswith("receipts/entry-") for name in names)
    page = (await officer.console.get("/logbook", role=OFFICER)).text
    assert "Request I-1" in page
    assert "answer made, not given yet" in page
    assert "42 days" in page or "41 days" in page or "40 days" in page
    assert "Request I-1" not in await officer.post("/requests/step", case="I-1", step="answered")


async def test_nothing_is_collected_from_half_a_form(officer: Officer) -> None:
    """What is missing is said, what was typed stays, and nothing is asked."""
    for lacking in ("case", "reason", "received", "bsn"):
        page = await officer.post("/requests/new", **{**REQUEST, "surname": "", "given_names": EVIL, lacking: ""})
        assert "Nothing was collected" in page, lacking
        assert EVIL not in page
    assert not officer.desk.searches


async def test_a_request_can_take_longer_or_be_refused(officer: Officer) -> None:
    """With a reason; without one nothing is entered."""
    await officer.post("/requests/new", **REQUEST)
    assert "Nothing was entered" in await officer.post("/requests/step", case="I-1", step="refused", ground="unfounded")
    longer = await officer.post("/requests/step", case="I-1", step="extended", until="2027-03-01", reason="veel werk")
    assert "the answer comes later" in longer
    refused = await officer.post("/requests/step", case="I-1", step="refused", ground="unfounded", reason="derde keer")
    assert "No citizen waits" in refused


async def test_reviews_that_are_due_are_decided(officer: Officer) -> None:
    """Overdue first; a decision counts when the log proves it, and beyond the purpose's days it is refused."""
    client = officer.console.client
    client.vault.signals.add([deferred("L-1", NOW.date() - timedelta(days=3))], NOW)
    assert await client.send() is None
    page = (await officer.console.get("/logbook/reviews", role=OFFICER)).text
    assert "L-1" in page
    assert "too late" in page
    (signal,) = client.vault.signals.find("L-1")
    fields = {"signal": str(signal.id), "case": "Z-1", "reason": "Nog te gevaarlijk", "approver": "chef"}
    assert "Say that the person was told" in await officer.post("/reviews", **fields)
    late = await officer.post("/reviews", **fields, decided="deferred", until="2029-01-01")
    assert "at most" in late
    done = await officer.post("/reviews", **fields, decided="informed")
    assert "Entered, and proven" in done
    assert "<strong>L-1</strong>" not in done
