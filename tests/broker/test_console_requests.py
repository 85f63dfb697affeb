# SPDX-License-Identifier: EUPL-1.2
"""Requests for more between two consoles at a real broker: asked, decided, read; of two who decide at once one wins."""

import asyncio
import re
from http import HTTPStatus
from pathlib import Path

from agency_client.people.accounts import Account, AccountState
from protocol.disclosure_payload import Wanted
from protocol.ids import PurposeId
from protocol.messages import Justification
from protocol.questions import PersonRole
from tests.fakes.broker_world import CARE, POLICE
from tests.fakes.console_people import TOKEN
from tests.fakes.console_world import ORIGIN
from tests.fakes.disclosing_agencies import meeting
from tests.fakes.office_console import console_at

HOSTILE = '<script>alert(1)</script>"><img src=x onerror=alert(2)>{{7*7}}\u202e'
ASKED = {
    "topic": "safety-now",
    "wanted": f"Is het veilig? {HOSTILE}",
    "reason": "own-case",
    "case": f"Z-1 {HOSTILE}"[:100],
    "words": HOSTILE,
}


def _shown_as_text(page: str) -> None:
    assert "<script>alert" not in page
    assert "<img" not in page
    assert "\u202e" not in page
    assert "49" not in re.findall(r">([^<]*7\*7[^<]*)<", page)
    assert "{{7*7}}" in page


async def test_what_is_asked_is_decided_and_read_in_two_consoles(database: str, tmp_path: Path) -> None:
    """From the form at one agency to the answer with its file, danger first, and every hostile text shown as text."""
    async with meeting(database, tmp_path) as met, console_at(met.asker) as asker, console_at(met.owner) as owner:
        form = await asker.get(f"/hits/{met.hit}/more", lang="nl")
        assert "Vraag Jeugdzorg De Linde om meer" in form.text
        assert "Is iemand nu in gevaar?" in form.text
        empty = await asker.post(f"/hits/{met.hit}/more", {**ASKED, "wanted": ""})
        assert empty.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
        assert not met.asker.vault.disclosures.mine()
        sent = await asker.post(f"/hits/{met.hit}/more", ASKED)
        assert "Your request is sent" in sent.text

        await met.owner.read()
        (found,) = met.owner.vault.disclosures.to_decide()
        today = (await owner.get("/today", lang="nl")).text
        assert "Politie Oost vraagt om meer over uw signaal." in today
        page = (await owner.get(f"/requests/{found.id}")).text
        _shown_as_text(page)
        assert "Politie Oost asked you for more." in page
        assert "Agressieve hond" in page, "what travels along is shown before it is given"
        nothing = await owner.post(f"/requests/{found.id}/grant", {"text": ""})
        assert nothing.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
        files = {"file": ("plan <b>.html", b"<script>1</script>", "text/html")}
        headers = {"x-test-role": "coordinator", "origin": ORIGIN, "sec-fetch-site": "same-origin"}
        given = await owner.http.post(
            f"/requests/{found.id}/grant",
            data={"csrf": TOKEN, "text": f"Bel eerst. {HOSTILE}"},
            files=files,
            headers=headers,
        )
        assert given.headers["location"].endswith("?said=given")
        late = await owner.post(f"/requests/{found.id}/refuse", {"reason": "not-necessary"})
        assert late.status_code == HTTPStatus.CONFLICT
        assert "A colleague was first" in late.text

        await met.asker.read()
        (mine,) = met.asker.vault.disclosures.mine()
        assert "Jeugdzorg De Linde answered your request." in (await asker.get("/today")).text
        assert "Bel eerst." not in (await asker.get(f"/requests/{mine.id}")).text
        answer = await asker.post(f"/requests/{mine.id}/answer")
        _shown_as_text(answer.text)
        assert answer.text.index("Agressieve hond") < answer.text.index("<h1")
        assert "Bel eerst." in answer.text
        file = await asker.post(f"/requests/{mine.id}/files/0")
        assert file.content == b"<script>1</script>"
        assert file.headers["content-type"] == "application/octet-stream"
        assert file.headers["content-disposition"].startswith("attachment;")
        assert "Bel eerst." not in (await asker.get(f"/requests/{mine.id}")).text
        assert f"/requests/{mine.id}" in (await asker.get(f"/hits/{met.hit}")).text
        for which in ("decide", "mine", "theirs"):
            assert (await asker.get(f"/requests/list/{which}")).status_code == HTTPStatus.OK


async def test_of_two_who_decide_at_once_one_wins(database: str, tmp_path: Path) -> None:
    """The other gets the page as it then is, and nothing of what he did leaves."""
    why = Justification(code="own-case", text="Huisbezoek", case_reference="Z-1")
    async with meeting(database, tmp_path) as met, console_at(met.owner) as owner:
        made = await met.asker.requesting.ask(met.hit, Wanted(text="Waar?"), why, met.asker.person("Anna"))
        await met.owner.read()
        one, other = await asyncio.gather(
            owner.post(f"/requests/{made}/grant", {"text": "Bij tante."}),
            owner.post(f"/requests/{made}/refuse", {"reason": "not-necessary", "refusal": "Nee."}),
        )
        assert sorted((one.status_code, other.status_code)) == [HTTPStatus.OK, HTTPStatus.CONFLICT]
        loser = one if one.status_code == HTTPStatus.CONFLICT else other
        assert "Nothing was changed by you just now." in loser.text
        await met.asker.read()
        (mine,) = met.asker.vault.disclosures.mine()
        assert mine.state in ("granted", "refused")


async def test_two_persons_decide_where_the_covenant_says_so(database: str, tmp_path: Path) -> None:
    """Who approved does not give the answer; and a colleague can be asked to, by account."""
    why = Justification(code="own-case", text="Huisbezoek", case_reference="Z-1")
    victim = PurposeId("victim-protection")
    bases = {POLICE: "legal-duty", CARE: "consent"}
    async with (
        meeting(database, tmp_path, purpose=victim, ground="runaway-minor", bases=bases) as met,
        console_at(met.owner) as owner,
    ):
        made = await met.asker.requesting.ask(met.hit, Wanted(text="Waar?"), why, met.asker.person("Anna"))
        await met.owner.read()
        page = (await owner.get(f"/requests/{made}")).text
        assert "two persons decide" in page
        assert f"/requests/{made}/grant" not in page
        approved = await owner.post(f"/requests/{made}/approve", lang="nl")
        assert "Goedgekeurd. Nu geeft een collega het antwoord." in approved.text
        assert "Een andere coördinator geeft het antwoord" in approved.text
        assert f"/requests/{made}/grant" not in approved.text
        again = await owner.post(f"/requests/{made}/grant", {"text": "Bij tante."})
        assert again.status_code == HTTPStatus.FORBIDDEN

        nobody = await owner.post(f"/requests/{made}/hand-over", {"to": "bas"})
        assert nobody.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
        people = met.owner.vault.people
        roles: frozenset[PersonRole] = frozenset(("coordinator",))
        name = people.account_id("local", "bas")
        people.add(Account(name, "local", "bas", "Bas <b>Jansen", roles, "nl", AccountState.ACTIVE, met.world.clock()))
        handed = await owner.post(f"/requests/{made}/hand-over", {"to": "bas"})
        assert "Handed over to your colleague." in handed.text
        assert "Bas &lt;b&gt;Jansen" in handed.text
        assert "asks for more about your signal" not in (await owner.get("/today")).text
