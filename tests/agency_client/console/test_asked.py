# SPDX-License-Identifier: EUPL-1.2
"""Who asked about our people and which values point at nobody: on a signal's page and on Today, in both languages."""

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from agency_client.ask import question_of
from agency_client.console.asked import ON_A_PAGE, canary_questions, told_today
from agency_client.console.languages import Languages
from agency_client.console.today import today_shown
from agency_client.console.today_rows import LIMIT, Reading, waiting_for
from agency_client.vault.tables import CanaryRow, NoticeRow
from agency_client.verified import Receipt, VerifiedQueried
from edge.languages import Lang
from protocol.encoding import format_time
from protocol.ids import PartyId
from protocol.messages import Justification
from protocol.normalise import Person
from protocol.notices import MutedNotice, QueriedNotice
from protocol.questions import PersonRole
from tests.fakes.agency import Client, make_client
from tests.fakes.console_cases import record, signalled
from tests.fakes.console_world import Console, console_of
from tests.fakes.small_world import NOW, PURPOSE, World

BSN = "123456782"
CARE = PartyId("care-linde")
WHY = Justification(code="own-case", text="Zorgen in een lopende zaak.", case_reference="Z-1")
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"


@pytest.fixture
async def console(tmp_path: Path, world: World) -> AsyncIterator[Console]:
    """Return the console of care, which may be told that others ask."""
    async with console_of(tmp_path / "home", world, CARE) as found:
        yield found


async def asked_about(tmp_path: Path, world: World, console: Console, case: str) -> QueriedNotice:
    """Have care signal somebody and the police ask about them; return the notice that was verified."""
    await signalled(console.client, record("C-1", [("bsn", BSN)], case=case))
    police: Client = make_client(tmp_path / "police", world)
    await police.asking.ask(question_of(Person(bsn=BSN), PURPOSE, WHY, world.kit.covenant), "0" * 32)
    police.vault.close()
    await console.client.reading.read()
    (notice,) = console.client.vault.hits.queried()
    return notice


def reading(console: Console, *roles: PersonRole, lang: Lang = "nl", after: timedelta = timedelta(0)) -> Reading:
    """Return what somebody of these roles reads, a while later."""
    session, speech = console.running.session, Languages("Europe/Amsterdam").of(lang)
    covenant, health = session.covenant, console.running.health
    return Reading(session.vault, covenant, CARE, health, frozenset(roles), "f" * 32, NOW + after, speech)


def tell_again(console: Console, notice: QueriedNotice, count: int, **other: object) -> None:
    """Keep more verified words like this one."""
    # All at one place of the log, which is kept once: what they prove is not looked at here.
    receipt = Receipt(0, "NoticeIssued", "0", leaf=b"", opening=b"{}", checkpoint="", size=1, proof=())
    with console.client.vault.together():
        for seq in range(notice.seq + 1, notice.seq + 1 + count):
            told = notice.model_copy(update={"seq": seq, **other})
            console.client.vault.hits.put(VerifiedQueried(told, receipt), b"x", NOW)


async def test_a_question_stands_on_its_signals_page(tmp_path: Path, world: World, console: Console) -> None:
    """When, who, on what, for what, and where the log proves it."""
    notice = await asked_about(tmp_path, world, console, "2026-0481")
    page = (await console.get(f"/signals/{notice.my_signal}", lang="nl")).text
    part = page.split('id="asked"')[1].split("</section>")[0]
    for text in (
        "Wie naar deze persoon vroeg",
        "Politie Oost vroeg naar deze persoon.",
        "Overeenkomst op burgerservicenummer · Daderschap voorkomen",
        "vandaag 21:00",
        f"in het logboek, regel {notice.evidence.index}, bevestigd door 2 van 3",
        "van u wordt niets gevraagd",
    ):
        assert text in part, text
    english = (await console.get(f"/signals/{notice.my_signal}")).text
    assert "asked about this person." in english
    assert "Who asked about this person" in english


async def test_a_signal_about_which_nobody_asked_says_nothing_of_it(console: Console) -> None:
    """No empty card, no warning."""
    await signalled(console.client, record("C-1", [("bsn", BSN)]))
    (signal,) = console.client.vault.signal_lists.page(NOW, 1)
    page = (await console.get(f"/signals/{signal.kept.id}")).text
    assert 'id="asked"' not in page
    assert "too many of your signals" not in page


async def test_today_tells_it_below_all_that_waits(tmp_path: Path, world: World, console: Console) -> None:
    """One row for coordinators, for a week, which links to the signal and is not counted as waiting."""
    notice = await asked_about(tmp_path, world, console, "2026-0481")
    page = (await console.get("/today", lang="nl")).text
    assert "Er wacht niets op u." in page
    assert "Politie Oost vroeg naar de persoon van uw dossier 2026-0481." in page
    assert f'href="/signals/{notice.my_signal}"' in page
    assert "asked about the person of your case 2026-0481." in (await console.get("/today")).text
    assert "vroeg naar" not in (await console.get("/today", role="operator", lang="nl")).text
    assert told_today(reading(console, "coordinator", after=timedelta(days=6, hours=23))).rows
    assert not told_today(reading(console, "coordinator", after=timedelta(days=7, hours=1))).rows
    assert waiting_for(reading(console, "coordinator")) == 0


async def test_text_of_others_is_shown_as_text(tmp_path: Path, world: World, console: Console) -> None:
    """A case does nothing on either page, and an agency that left the covenant is named by its id."""
    notice = await asked_about(tmp_path, world, console, HOSTILE)
    tell_again(console, notice, 1, asker=PartyId("long-gone"))
    for path in ("/today", f"/signals/{notice.my_signal}"):
        page = (await console.get(path)).text
        assert "<script>alert" not in page
        assert "<img src=x" not in page
        assert "&lt;script&gt;alert(1)" in page
        assert "long-gone asked about" in page


async def test_who_may_not_be_named_is_not(tmp_path: Path, world: World, console: Console) -> None:
    """At the lowest level there is only that somebody asked."""
    notice = await asked_about(tmp_path, world, console, "2026-0481")
    tell_again(console, notice, 1, asker=None, level="existence")
    page = (await console.get(f"/signals/{notice.my_signal}", lang="nl")).text
    assert "Een andere organisatie vroeg naar deze persoon." in page


async def test_who_asked_about_somebody_around_says_so(tmp_path: Path, world: World, console: Console) -> None:
    """The words follow whom of ours, and whom of theirs, it was about."""
    notice = await asked_about(tmp_path, world, console, "2026-0481")
    around = tuple(one.model_copy(update={"my_role": "associate", "their_role": "associate"}) for one in notice.agreed)
    tell_again(console, notice, 1, agreed=around)
    page = (await console.get(f"/signals/{notice.my_signal}")).text
    assert "asked about somebody around this person." in page
    assert "they know this person as somebody around theirs" in page
    assert "asked about somebody around the person of your case 2026-0481." in (await console.get("/today")).text


async def test_only_a_page_is_opened_of_many(
    tmp_path: Path, world: World, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However often somebody asked, no more notices are opened than rows are shown, and the rest is a number."""
    notice = await asked_about(tmp_path, world, console, "2026-0481")
    tell_again(console, notice, 120)
    opened: list[int] = []
    vault = console.client.vault
    really = vault.asked._opened

    def counted(row: NoticeRow) -> QueriedNotice | MutedNotice:
        opened.append(row.seq)
        return really(row)

    monkeypatch.setattr(vault.asked, "_opened", counted)
    shown = today_shown(reading(console, "coordinator"))
    assert (len(shown.told.rows), shown.told.more, len(opened)) == (LIMIT, 121 - LIMIT, LIMIT)
    assert opened == sorted(opened, reverse=True)
    assert "en nog 101" in (await console.get("/today", lang="nl")).text
    page = (await console.get(f"/signals/{notice.my_signal}")).text
    assert page.count("asked about this person.") == ON_A_PAGE


async def test_a_muted_value_is_told_with_what_to_do(world: World, console: Console) -> None:
    """Once, also when it is told again in a later period, and until the signal ends."""
    await signalled(console.client, record("C-1", [("phone", "+31612345678"), ("bsn", BSN)], case="2026-0481"))
    (stored,) = world.broker.signals.values()
    world.broker.mute(CARE, stored.signal)
    world.broker.mute(CARE, stored.signal)
    await console.client.reading.read()
    assert len(console.client.vault.hits.muted()) == 2
    page = (await console.get(f"/signals/{stored.signal.id}", lang="nl")).text
    assert page.count("Dit gegeven staat in te veel van uw signalen") == 1
    assert "Het stond in 21 van uw signalen." in page
    assert "Laat het dan weg uit uw registraties." in page
    assert "+31612345678</strong>" in page or f"{BSN}</strong>" in page
    found = told_today(reading(console, "coordinator"))
    assert [row.sentence for row in found.rows] == [
        "Een gegeven van u staat in 21 van uw signalen, en wordt niet meer vergeleken."
    ]
    assert found.more == 0
    assert "zoals in uw dossier 2026-0481" in found.rows[0].sub
    assert re.search(r"of your signals, and is not compared", (await console.get("/today")).text)
    assert not told_today(reading(console, "coordinator", after=timedelta(days=91))).rows


async def test_a_question_about_a_canary_is_a_supervisors(tmp_path: Path, world: World, console: Console) -> None:
    """It is pressing, counted, and no coordinator reads of it as if it were about a person."""
    notice = await asked_about(tmp_path, world, console, "2026-0481")
    with console.client.vault._database.writing() as session:
        name, moment = str(notice.my_signal), format_time(NOW)
        session.add(
            CanaryRow(
                id=name,
                cover="police-oost",
                purpose=PURPOSE,
                reference=b"",
                waiting=None,
                created_at=moment,
                expires_at=moment,
            )
        )
    assert not told_today(reading(console, "coordinator")).rows
    (row,) = canary_questions(reading(console, "supervisor"))
    assert row.sentence == "Politie Oost vroeg naar uw lokgegeven, dat een signaal van Politie Oost leek."
    assert row.press == "now"
    assert waiting_for(reading(console, "supervisor")) == 1
    assert row.sentence in (await console.get("/today", role="supervisor", lang="nl")).text


async def test_an_older_vault_is_read_too_and_what_was_erased_is_gone(
    tmp_path: Path, world: World, console: Console
) -> None:
    """What was told before there was a row for it gets one; what retention erased has none."""
    notice = await asked_about(tmp_path, world, console, "2026-0481")
    vault = console.client.vault
    with vault._database.writing() as session:
        session.connection().exec_driver_sql("DELETE FROM asked")
    assert not vault.asked.of_signal(notice.my_signal, 9)
    type(vault.asked)(vault._database)
    assert vault.asked.of_signal(notice.my_signal, 9) == [notice]
    vault.retention.erase_notices(NOW + timedelta(days=1))
    assert not vault.asked.of_signal(notice.my_signal, 9)
    assert vault.asked.count_since(NOW - timedelta(days=1)) == 0
    type(vault.asked)(vault._database)
    assert not vault.asked.of_signal(notice.my_signal, 9)
