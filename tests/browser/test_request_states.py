# SPDX-License-Identifier: EUPL-1.2
"""Requests for more in each of their states, at both ends of a real broker: asked, decided wrongly, refused, read.

Not here: all other screens' states (``test_states.py``), deciding by keys (``test_keys.py``).
"""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal, cast

import pytest
from axe_playwright_python.async_playwright import Axe  # type: ignore[import-untyped]
from playwright.async_api import Browser

from agency_client.deciding import Answer
from agency_client.doors import BrokerDoor
from agency_client.people.accounts import Account, AccountState
from agency_client.post import Tally
from agency_client.run_settings import RunSettings
from protocol.disclosure_payload import Wanted
from protocol.errors import Code, UnavailableError
from protocol.ids import PurposeId
from protocol.messages import Justification
from protocol.questions import PersonRole
from tests.broker.test_changing import restrict
from tests.browser.serving import room
from tests.fakes.broker_world import CARE, POLICE
from tests.fakes.disclosing_agencies import Office, meeting
from tests.fakes.office_console import console_at

WHY = Justification(code="own-case", text="Huisbezoek", case_reference="Z-1")
LONG = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft"


@pytest.mark.timeout(300)
async def test_a_request_at_both_ends(database: str, tmp_path: Path, browser: Browser, axe: Axe) -> None:
    """Empty lists; waiting, wrongly decided, given, refused and taken back, at who decides and at who asked."""
    async with (
        meeting(database, tmp_path) as met,
        console_at(met.owner, RunSettings()) as owner,
        console_at(met.asker, RunSettings()) as asker,
        room(owner.app, browser, axe, lang="nl") as here,
        room(asker.app, browser, axe, lang="en") as there,
    ):
        _add_colleague(met.owner)
        for which in ("decide", "mine"):
            await here.seen("requests.html", "Hier is niets.", f"/requests/list/{which}")
        person = met.asker.person("Anna")
        given, refused, ended = [
            await met.asker.requesting.ask(met.hit, Wanted(topics=("safety-now",), text=text), WHY, person)
            for text in ("Waar?", LONG, "Met wie?")
        ]
        await met.owner.read()
        await here.seen("today.html", "vraagt om meer over uw signaal", "/today")
        await here.seen("requests.html", "Politie Oost", "/requests")
        await here.seen("request.html", LONG, f"/requests/{refused}")
        await here.one.send("/grant")
        await here.seen("request.html", "Schrijf een antwoord")
        await here.one.open(f"/requests/{refused}")
        await here.unchecked()
        await here.one.send("/refuse")
        await here.seen("request.html", "Kies een reden")
        await here.one.fill({"to": "bas"})
        await here.one.send("/hand-over")
        await here.seen("request.html", "Overgedragen aan uw collega")
        await here.one.fill({"reason": "not-necessary", "refusal": LONG})
        late = await here.one.context.new_page()
        await late.goto(here.one.page.url)
        await here.one.send("/refuse")
        await here.seen("request.html", "De weigering is verstuurd")
        here.one.page, page = late, here.one.page
        await here.one.fill({"reason": "not-necessary"})
        await here.one.send("/refuse")
        await here.seen("request.html", "Een collega was u voor")
        here.one.page = page
        await here.one.open(f"/requests/{given}")
        file = tmp_path / f"{LONG}.txt"
        file.write_text("Verslag", encoding="utf-8")
        await here.one.fill({"text": LONG, "file": [str(file)]})
        await here.one.send("/grant")
        await here.seen("request.html", "Uw antwoord is gegeven")

        await there.seen("request.html", "Take the request back", f"/requests/{ended}")
        await there.one.send("/cancel")
        await there.seen("request.html", "Your request is taken back.")
        await met.asker.read()
        await there.seen("today.html", "answered your request", "/today")
        await there.seen("requests.html", "refused", "/requests/list/mine")
        await there.seen("request.html", "Not necessary for what is asked", f"/requests/{refused}")
        await there.seen("request.html", "It is shown once the log has", f"/requests/{given}")
        await there.one.send("/answer")
        await there.seen("request.html", "That you read it stands in the log.")
        await there.seen("hit.html", "Requests for more", f"/hits/{met.hit}")


@pytest.mark.timeout(300)
async def test_a_request_that_waits_and_is_over(database: str, tmp_path: Path, browser: Browser, axe: Axe) -> None:
    """While a signal is restricted nothing is offered that would be refused; after its time the request is over."""
    async with (
        meeting(database, tmp_path) as met,
        console_at(met.owner, RunSettings()) as owner,
        console_at(met.asker, RunSettings()) as asker,
        room(owner.app, browser, axe, lang="nl") as here,
        room(asker.app, browser, axe, lang="en") as there,
    ):
        person = met.asker.person("Anna")
        given, open_ = [
            await met.asker.requesting.ask(met.hit, Wanted(text=text), WHY, person) for text in ("Waar?", "Met wie?")
        ]
        await met.owner.read()
        await met.owner.deciding.grant(given, Answer("Bij haar tante."), met.owner.person("Bas"))
        await restrict(met.world, met.owner.party, met.owner_signal)
        await here.one.open(f"/requests/{open_}")
        await here.one.fill({"text": LONG})
        await here.one.send("/grant")
        await here.seen("request.html", "is beperkt zolang het wordt nagekeken")
        await met.asker.read()
        await there.seen("request.html", "is restricted while it is checked", f"/requests/{given}")
        assert await there.one.page.get_by_role("button", name="Read the answer").count() == 0
        await there.seen("more.html", "Nothing is asked, given or read", f"/hits/{met.hit}/more")
        await restrict(met.world, met.owner.party, met.owner_signal, on=False)
        await met.asker.read()
        await there.seen("request.html", "Read the answer", f"/requests/{given}")

        met.world.clock.ahead = timedelta(hours=73)
        assert await met.end_due() == 1
        for office in (met.asker, met.owner):
            await office.read()
        await there.seen("request.html", "not done in time", f"/requests/{open_}")
        await there.seen("requests.html", "not done in time", "/requests/list/mine")
        await here.seen("request.html", "niet op tijd", f"/requests/{open_}")


@pytest.mark.timeout(300)
async def test_a_request_that_two_decide(database: str, tmp_path: Path, browser: Browser, axe: Axe) -> None:
    """Before and after the first of them agreed."""
    victim, bases = PurposeId("victim-protection"), {POLICE: "legal-duty", CARE: "consent"}
    async with (
        meeting(database, tmp_path, purpose=victim, ground="runaway-minor", bases=bases) as met,
        console_at(met.owner, RunSettings()) as owner,
        room(owner.app, browser, axe, lang="en") as here,
    ):
        made = await met.asker.requesting.ask(met.hit, Wanted(text="Waar?"), WHY, met.asker.person("Anna"))
        await met.owner.read()
        await here.seen("request.html", "two persons decide", f"/requests/{made}")
        await here.one.send("/approve")
        await here.seen("request.html", "Another coordinator gives the answer")


@dataclass
class Leaving:
    """A door to a broker that goes away at the next post: before it took it, or after, so that the answer is lost."""

    door: Any
    when: Literal["", "before", "after"] = ""

    def __getattr__(self, name: str) -> Any:
        real = getattr(self.door, name)
        if name != "post":
            return real

        async def called(*args: Any, **options: Any) -> Any:
            if self.when == "before":
                raise UnavailableError(Code.UNAVAILABLE, "The service cannot be reached.")
            answer = await real(*args, **options)
            if self.when == "after":
                raise UnavailableError(Code.UNAVAILABLE, "The service cannot be reached.")
            return answer

        return called


@pytest.mark.timeout(300)
@pytest.mark.parametrize("when", ["before", "after"])
async def test_the_broker_goes_away_while_somebody_decides(
    database: str, tmp_path: Path, browser: Browser, axe: Axe, when: Literal["before", "after"]
) -> None:
    """The page says that the decision is kept and not lost, and nobody can decide it twice; it goes by itself later."""
    doors: list[Leaving] = []

    def bend(door: BrokerDoor) -> BrokerDoor:
        doors.append(Leaving(door))
        return cast("BrokerDoor", doors[-1])

    async with (
        meeting(database, tmp_path, bent_owner=bend) as met,
        console_at(met.owner, RunSettings()) as owner,
        room(owner.app, browser, axe, lang="nl") as here,
    ):
        made = await met.asker.requesting.ask(met.hit, Wanted(text="Waar?"), WHY, met.asker.person("Anna"))
        await met.owner.read()
        await here.one.open(f"/requests/{made}")
        await here.one.fill({"text": LONG})
        doors[-1].when = when
        await here.one.send("/grant")
        await here.seen("request.html", "De broker is nu niet bereikbaar. Wat u deed, is bewaard")
        await here.seen("request.html", "wordt verstuurd", f"/requests/{made}")
        assert await here.one.page.get_by_role("button", name="Geef dit antwoord").count() == 0
        doors[-1].when = ""
        for number in met.owner.vault.outbox.open_numbers():
            await met.owner.post.send(number, Tally())
        await here.seen("request.html", "beantwoord", f"/requests/{made}")
        await met.asker.read()
        assert (await met.asker.requesting.take(made, met.asker.person("Anna"))).text == LONG


def _add_colleague(office: Office) -> None:
    people, roles = office.vault.people, frozenset[PersonRole](("coordinator",))
    name = people.account_id("local", "bas")
    people.add(Account(name, "local", "bas", "Bas Jansen", roles, "nl", AccountState.ACTIVE, office.world.clock()))
