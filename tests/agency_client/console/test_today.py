# SPDX-License-Identifier: EUPL-1.2
"""The screen Today: each role sees what needs it, most urgent first, as one sentence with the next act."""

import re
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from agency_client.console.hit_rows import RowShown
from agency_client.console.languages import Languages
from agency_client.console.today import TodayShown, in_order, today_shown
from agency_client.console.today_rows import Reading
from agency_client.health import Trouble
from agency_client.vault.adding import NewSignal
from agency_client.vault.quarantine import Unusable
from edge.languages import Lang
from protocol.errors import Code, Issue
from protocol.ids import PartyId, PurposeId
from protocol.questions import PersonRole
from tests.fakes.console_cases import PERSON, PHONE, others, record, signalled
from tests.fakes.console_world import Console, console_of
from tests.fakes.follow_up_desk import FollowUpDesk, tell_doubted, tell_late
from tests.fakes.small_world import NOW, World

POLICE = PartyId("police-oost")
TWIN = (("initial-sound-dob", "p|ptrs|2001-01-01"),)


def reading(console: Console, *roles: PersonRole, lang: Lang = "en", after: timedelta = timedelta(0)) -> Reading:
    """Return what somebody of these roles reads, a while later."""
    session = console.running.session
    speech = Languages("Europe/Amsterdam").of(lang)
    return Reading(
        session.vault,
        session.covenant,
        session.me.id,
        console.running.health,
        frozenset(roles),
        "f" * 32,
        NOW + after,
        speech,
    )


def sentences(shown: TodayShown) -> list[str]:
    """Return what the rows say."""
    return [row.sentence for row in shown.rows]


async def test_hits_are_sentences_with_the_time_left_and_the_next_act(tmp_path: Path, world: World) -> None:
    """In both languages: who, on what, for which case, how much time is left; a probable twin says so."""
    desk = FollowUpDesk(world.broker, POLICE)
    async with console_of(tmp_path / "home", world, broker=desk) as console:
        assert "Nothing waits for you." in (await console.get("/today")).text
        assert "Er wacht niets op u." in (await console.get("/today", lang="nl")).text
        await signalled(console.client, record("D-1", PERSON, case="2026-0481"), record("D-2", TWIN, case="2026-0500"))
        other = await others(tmp_path, world, record("L-1", PHONE), record("L-2", TWIN))
        await console.client.reading.read()
        page = (await console.get("/today", lang="nl")).text
        assert "Er wachten 2 dingen op u. Het dringendste staat boven." in page
        assert "Jeugdzorg De Linde kent dezelfde persoon." in page
        assert "Overeenkomst op telefoonnummer · Daderschap voorkomen · uw dossier 2026-0481" in page
        assert "Jeugdzorg De Linde kent waarschijnlijk dezelfde persoon." in page
        assert "kan een tweeling zijn" in page
        assert "nog 3 dagen" in page
        assert "Bekijk en bel" in page
        assert re.search(r'class="menu__count">2<', page)
        assert "2 lopende signalen" in page

        late = today_shown(reading(console, "coordinator", after=timedelta(days=4)))
        assert all(row.due == NOW + timedelta(hours=72) for row in late.rows)
        hit, _ = (one.id for one in console.client.vault.hits.all())
        await console.post(f"/hits/{hit}/acknowledged")
        english = (await console.get("/today")).text
        assert "1 thing waits for you." in english
        assert "1 hit in progress" in english
        other.vault.close()


async def test_supervisors_hear_what_is_late(tmp_path: Path, world: World) -> None:
    """A supervisor sees the hits that the broker called late, and no others; a doubt stands at the hit."""
    desk = FollowUpDesk(world.broker, POLICE)
    async with console_of(tmp_path / "home", world, broker=desk) as console:
        await signalled(console.client, record("D-1", PERSON), record("D-2", TWIN))
        other = await others(tmp_path, world, record("L-1", PHONE), record("L-2", TWIN))
        await console.client.reading.read()
        assert not today_shown(reading(console, "supervisor")).rows
        first = console.client.vault.follow_ups.open()[0]
        tell_late(world.broker, POLICE, first.hit, first.due_at)
        tell_doubted(world.broker, POLICE, first.hit)
        await console.client.reading.read()
        found = today_shown(reading(console, "supervisor", after=timedelta(days=4)))
        assert [row.href for row in found.rows] == [f"/hits/{first.hit}"]
        page = (await console.get(f"/hits/{first.hit}", role="supervisor", lang="nl")).text
        assert "De andere organisatie betwijfelt of het dezelfde persoon is" in page
        assert "Het is een andere persoon" in page
        assert "niemand deze treffer op tijd had bekeken" in page
        other.vault.close()


async def test_a_counterpart_that_stays_away_is_told(tmp_path: Path, world: World) -> None:
    """For coordinators and supervisors: which purpose, who did not signal, since when."""
    prosecution = PartyId("prosecution-oost")
    async with console_of(tmp_path / "home", world, prosecution) as console:
        advice = PurposeId("probation-advice")
        console.client.add(("D-17", [("bsn", "123456782")]), purpose=advice)
        assert await console.client.send() is None
        (signal,) = [one.signal for one in world.broker.signals.values()]
        due = NOW + timedelta(days=14)
        world.broker.overdue(prosecution, signal, due, due)
        await console.client.reading.read()
        for role in ("coordinator", "supervisor"):
            found = today_shown(reading(console, role, lang="nl", after=timedelta(days=21)))
            assert sentences(found) == ["Reclasseringsadvies: Reclassering heeft zich nog niet gemeld."]
            assert found.rows[0].due == due
        assert not today_shown(reading(console, "operator", after=timedelta(days=21))).rows


async def test_privacy_officers_see_evidence_reviews_and_citizens(tmp_path: Path, world: World) -> None:
    """What does not hold comes first; then who waits longest."""
    async with console_of(tmp_path / "home", world) as console:
        vault = console.client.vault
        one = record("D-1", PERSON)
        draft = one.draft.replace(b'"informed":"not-required"', b'"informed":"deferred"')
        draft = draft.replace(b'"reviewOn":null', b'"reviewOn":"2026-11-20"')
        await signalled(console.client, NewSignal(one.id, one.purpose, one.reference, draft, one.expires_at))
        vault.evidence.report(Code.RECEIPT_INVALID, "notice 7", "It does not hold.", NOW)
        vault.subject_requests.receive("AVG-7", date(2026, 11, 1), [b"x"], NOW)
        found = today_shown(reading(console, "privacy-officer"))
        assert sentences(found) == [
            "1 thing that Sluis was told does not hold; it is not shown anywhere.",
            "1 person was not told yet: look whether that can be done now.",
            "A citizen waits for an answer.",
        ]
        assert (await console.get("/today", role="privacy-officer")).text.count("<li>") >= 3
        assert not today_shown(reading(console, "coordinator")).rows


async def test_operators_see_what_stands_still(tmp_path: Path, world: World) -> None:
    """Rows in quarantine by system, an outbox that waits, a client that stopped."""
    async with console_of(tmp_path / "home", world) as console:
        issue = Issue("bsn", "invalid", "not a BSN")
        unusable = Unusable("dossiers <b>", "file", 1, "R-1", {"bsn": "1"}, (issue,), partly=False)
        console.client.vault.quarantine.put(unusable, NOW)
        console.running.note(blocked=Trouble("unavailable", "x", NOW))
        found = today_shown(reading(console, "operator", lang="nl"))
        assert sentences(found) == ["Er wacht iets in de uitbox.", "1 regel kon niet worden gebruikt."]
        assert "&lt;b&gt;" in (await console.get("/today", role="operator")).text
        console.running.note(blocked=None, stopped="The log was forked.")
        assert "heeft" not in sentences(today_shown(reading(console, "operator")))[0]
        assert sentences(today_shown(reading(console, "operator")))[0] == "Sluis has stopped sending and reading."


def test_what_stands_still_comes_before_deadlines_and_those_by_time() -> None:
    """The order is one of urgency, whoever's rows they are."""
    plain = RowShown("plain", (), "/", "Look", tag="seen")
    soon, late = replace(plain, sentence="soon", due=NOW), replace(plain, sentence="late", due=NOW - timedelta(days=1))
    alarm = replace(plain, sentence="alarm", press="now")
    assert [row.sentence for row in in_order([plain, soon, late, alarm])] == ["alarm", "late", "soon", "plain"]


@pytest.mark.parametrize("role", ["coordinator", "supervisor", "privacy-officer", "operator"])
async def test_everybody_has_a_first_screen(tmp_path: Path, world: World, role: str) -> None:
    """Each role comes in at Today, also when nothing waits."""
    async with console_of(tmp_path / "home", world) as console:
        answer = await console.http.get("/", headers={"x-test-role": role})
        assert answer.headers["location"] == "/today"
        assert "Nothing waits for you." in (await console.get("/today", role=role)).text
