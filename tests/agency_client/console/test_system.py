# SPDX-License-Identifier: EUPL-1.2
"""System: how the client is doing in words and figures, and rows in quarantine mended in place by who may see them."""

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path

import pytest

from agency_client.budgets import keep_budgets
from agency_client.connectors.entrance import Entrance, Origin
from agency_client.console.issue_words import REASONS_SAID, words_of
from agency_client.console.system import SYSTEM
from agency_client.console.system_views import WEEKS, per_week
from agency_client.health import Told, Trouble
from agency_client.mapping import Mapping
from agency_client.source_rows import _REASONS, Row
from agency_client.vault.connectors import Hindrance, Progress
from agency_client.vault.quarantine import QuarantineState
from protocol.errors import Code, InputError, Issue, UnavailableError, VerificationError
from protocol.ids import PartyId, PurposeId
from protocol.messages import Budget
from tests.fakes.agency_session import MAPPING
from tests.fakes.console_world import Console, console_of
from tests.fakes.small_world import NOW, PURPOSE, World

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"


@pytest.fixture
async def console(tmp_path: Path, world: World) -> AsyncIterator[Console]:
    """Return a console with the screen of the system."""
    async with console_of(tmp_path / "home", world, screens=(SYSTEM,)) as found:
        yield found


def quarantine(console: Console, **values: str) -> int:
    """Let a system give a row that cannot be used wholly, and return its number."""
    session = console.running.session
    folder = session.home.folder / "connectors"
    folder.mkdir(exist_ok=True)
    (folder / "zaken.yaml").write_text("kind: folder\nfolder: zaken\n", encoding="utf-8")
    (folder / "zaken.mapping.yaml").write_text(MAPPING, encoding="utf-8")
    row = {"id": "Z-1", "given": "Willemijn", "name": "Berg", "born": "31-02-2001", **values}
    Entrance(session).admit([Row(2, row)], Mapping.from_yaml(MAPPING), Origin("zaken", "export.csv"))
    return session.vault.quarantine.page(1)[0].number


async def test_all_goes_on_is_told_in_both_languages(console: Console) -> None:
    """Each party by its name, the covenant, the versions, and that nothing waits."""
    console.running.note(listening="stream")
    page = (await console.get("/system", lang="nl")).text
    for text in ("Sleutelhouder 1", "Nieuws komt meteen", "Er wacht geen regel in quarantaine.", "Versie 2026.1"):
        assert text in page
    assert "Key-holder 3" in (await console.get("/system")).text


async def test_what_does_not_answer_is_told_since_when_and_what_waits(console: Console) -> None:
    """The broker away, a message that is not delivered, signals that wait: each in a sentence."""
    console.running.away("broker", UnavailableError(Code.UNAVAILABLE, "The service cannot be reached."))
    console.running.note(waiting=41, requests=2, told=Told(waiting=1, failing=("team mail",)))
    page = re.sub(r"<[^>]*>", "", (await console.get("/system", role="operator", lang="nl")).text)
    for text in (
        "Er is iets om naar te kijken",
        "antwoordt niet",
        "sinds vandaag 21:00",
        "41",
        "niet bezorgd team mail",
        "1 bericht wacht.",
    ):
        assert text in page, text


async def test_a_problem_without_short_words_is_told_by_its_code(console: Console) -> None:
    """Of a party, of the outbox and of a connector: the code's sentence in Dutch, the error's own in English."""
    odd = "The frobnicator of table 12 said something odd."
    console.running.away("broker", VerificationError(Code.RECEIPT_INVALID, odd))
    console.running.note(blocked=Trouble("key_statement_conflict", odd, NOW))
    vault, folder = console.client.vault, console.running.session.home.folder / "connectors"
    folder.mkdir(exist_ok=True)
    (folder / "zaken.yaml").write_text("kind: folder\nfolder: zaken\n", encoding="utf-8")
    (folder / "zaken.mapping.yaml").write_text(MAPPING, encoding="utf-8")
    (folder / "stuk.yaml").write_text("kind: pigeon\n", encoding="utf-8")
    vault.connectors.note("zaken", Progress(), Hindrance(Code.UNKNOWN_COLUMN, odd), NOW)
    dutch = (await console.get("/system", role="operator", lang="nl")).text
    for text in (
        "Het bewijs dat iets in het logboek staat, klopt niet.",
        "De sleutels van de sleutelhouders zijn niet de sleutels die eerder zijn bewezen.",
        "De kolommen zijn niet de kolommen die zijn afgesproken.",
        "Een instelling klopt niet. Een beheerder moet ernaar kijken.",
    ):
        assert text in dutch, text
    assert "frobnicator" not in dutch
    assert 'lang="en"' not in dutch.replace('value="en" lang="en"', "")
    assert (await console.get("/system", role="operator")).text.count("frobnicator") == 3


def test_what_stands_in_a_connector_s_way_is_kept_until_it_is_gone(console: Console) -> None:
    """Its code and its words, as they were."""
    shelf, wrong = console.client.vault.connectors, Hindrance(Code.UNAVAILABLE, "Two lines.\nOf words.")
    for problem in (wrong, None):
        shelf.note("zaken", Progress(), problem, NOW)
        assert shelf.get("zaken").problem == problem


@pytest.mark.parametrize("reason", _REASONS)
def test_a_row_that_cannot_be_read_is_explained_in_dutch(console: Console, reason: str) -> None:
    """Each reason for which a row is none has its Dutch."""
    speech = console.app.state.house.languages.of("nl")
    said = words_of(Issue("row", reason, _REASONS[reason]), speech)
    assert said not in (_REASONS[reason], REASONS_SAID[reason])


async def test_charts_stand_beside_their_tables(console: Console) -> None:
    """Signals a week and today's budgets are drawn as images with a title, and written in tables."""
    console.client.add(*[(f"R-{n}", [("phone", f"+316{n:08}")]) for n in range(7)])
    budget = Budget(used=100, left=900, renews_at=NOW + timedelta(hours=3))
    keep_budgets(console.client.vault.evidence, {(PURPOSE, PartyId("holder-1")): budget})
    page = (await console.get("/system", lang="nl")).text
    assert page.count('role="img"') == 2
    assert "<td>7</td>" in page
    assert "<td>900</td>" in page
    assert "Daderschap voorkomen" in page
    assert " style=" not in page
    assert "<style" not in page


def test_weeks_are_counted_from_mondays(console: Console) -> None:
    """A Sunday's signals count in the week that began before it; what is older than the chart is left out."""
    speech = console.app.state.house.languages.of("nl")
    days = [("2026-11-15", 2), ("2026-11-16", 3), ("2026-11-21", 4), ("2026-01-01", 9)]
    weeks = per_week(days, NOW, speech)
    assert len(weeks) == WEEKS
    assert weeks[-2:] == [("week van 9 november 2026", 2), ("week van 16 november 2026", 7)]
    assert sum(count for _, count in weeks) == 9


# --- Quarantine -------------------------------------------------------------------------------------------------------


async def test_a_row_is_mended_in_place(console: Console) -> None:
    """What is wrong stands beside its column; the mended row becomes a signal and leaves the quarantine."""
    number = quarantine(console)
    listed = (await console.get("/system/quarantine", lang="nl")).text
    assert "Die dag bestaat niet" in listed
    assert "Z-1" in listed
    form = (await console.get(f"/system/quarantine/{number}", lang="nl")).text
    cell = re.search(r'id="(cell\d)-error">Die dag bestaat niet', form)
    assert cell is not None
    assert 'value="31-02-2001"' in form
    still = await console.post(f"/system/quarantine/{number}", {cell[1]: "31-13-2001"})
    assert still.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert "There is no such day." in still.text
    page = await console.post(f"/system/quarantine/{number}", {cell[1]: "31-01-2001"}, lang="nl")
    assert "De regel is hersteld" in page.text
    vault = console.client.vault
    assert vault.quarantine.get(number).state is QuarantineState.REPAIRED
    assert vault.pending.count() == 1


async def test_a_row_is_put_aside_once(console: Console) -> None:
    """Who comes second hears that somebody was first."""
    number = quarantine(console)
    page = await console.post(f"/system/quarantine/{number}/dismiss")
    assert "The row is put aside." in page.text
    assert "Somebody was first" in (await console.post(f"/system/quarantine/{number}/dismiss")).text
    assert "Somebody was first" in (await console.post(f"/system/quarantine/{number}", {"cell0": "x"})).text


async def test_an_operator_sees_reasons_and_no_record(console: Console) -> None:
    """Who keeps systems running learns which field is wrong, and nothing of whom it is about."""
    number = quarantine(console, name="Van den Berg")
    page = (await console.get("/system/quarantine", role="operator")).text
    assert "There is no such day." in page
    assert "birth_date" in page
    for text in ("Z-1", "Berg", "Willemijn", "2001"):
        assert text not in page
    for role in ("operator", "privacy-officer"):
        assert (await console.get(f"/system/quarantine/{number}", role=role)).status_code == HTTPStatus.FORBIDDEN
        assert (await console.post(f"/system/quarantine/{number}", {}, role=role)).status_code == HTTPStatus.FORBIDDEN
        refused = await console.post(f"/system/quarantine/{number}/dismiss", role=role)
        assert refused.status_code == HTTPStatus.FORBIDDEN


async def test_why_a_row_cannot_be_mended_is_dutch_on_a_dutch_page(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What stands in the way as a whole is said by its code, whatever its English sentence."""
    number = quarantine(console)

    def refuse(*_: object) -> None:
        raise InputError(Code.TOO_LARGE, "The frobnicator of table 12 is full.")

    monkeypatch.setattr("agency_client.connectors.repairing.Repairing.repair", refuse)
    page = await console.post(f"/system/quarantine/{number}", {"cell0": "Z-1"}, lang="nl")
    assert page.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert "frobnicator" not in page.text
    assert "Dit is te veel voor één signaal" in page.text


async def test_hostile_rows_are_shown_as_text(console: Console) -> None:
    """Whatever a system gives, it is text on every page."""
    number = quarantine(console, id=HOSTILE, name=HOSTILE, given=HOSTILE)
    for address in ("/system", "/system/quarantine", f"/system/quarantine/{number}"):
        page = (await console.get(address)).text
        assert "<script>alert" not in page
        assert "<img" not in page
    posted = (await console.post(f"/system/quarantine/{number}", {"cell1": HOSTILE})).text
    assert "<img" not in posted


@pytest.mark.parametrize("address", ["/system/quarantine/99", "/system/quarantine/x"])
async def test_a_row_that_is_not_there_is_no_error_of_ours(console: Console, address: str) -> None:
    """An address that leads to nothing says so."""
    assert (await console.get(address)).status_code == HTTPStatus.NOT_FOUND


async def test_failed_logins_are_for_those_who_watch(console: Console) -> None:
    """Operators and privacy officers see how many tries failed; coordinators have no use for it."""
    assert "0 tries failed" in (await console.get("/system", role="operator")).text
    assert "tries failed" not in (await console.get("/system", role="coordinator")).text
    assert PurposeId("victim-protection") not in (await console.get("/system", role="operator")).text
