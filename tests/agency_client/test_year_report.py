# SPDX-License-Identifier: EUPL-1.2
"""A year of the log in figures: read by months, each entry proven, told on a page with the table beside each chart."""

import csv
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from agency_client import year_reading
from agency_client.commands_audit_year import _write, document_of
from agency_client.searching import Inquiry, Searching
from agency_client.signed_versions import SignedVersions
from agency_client.year_page import DISCLOSED, YearReport, summary_of, year_page
from agency_client.year_reading import limit_of, read_year
from agency_client.year_wording import PARTS, WORDS
from edge.languages import LANGS
from protocol import events as e
from protocol.disclosure_states import TABLE, rule_of
from protocol.errors import Code, VerificationError
from protocol.event_search import EventFilters, EventPage
from protocol.ids import HitId, PartyId, PurposeId, SignalId
from protocol.messages import ErasureGround
from protocol.year_counting import YearCount
from protocol.year_figures import FollowUp
from tests.fakes.agency import clock, make_client, signed_nothing
from tests.fakes.covenants import CovenantKit, make_covenant
from tests.fakes.page_reader import check_marked_up, check_self_contained, read
from tests.fakes.searched_log import Bend, SearchedLog, SearchingDoor
from tests.fakes.small_world import NOW, agreed_of, make_world

PURPOSE = PurposeId("offender-prevention")
POLICE, CARE, SUPERVISOR = PartyId("police-oost"), PartyId("care-linde"), PartyId("supervisor-oost")
SOON, LATE = timedelta(minutes=5), timedelta(days=50)
FROM = datetime(NOW.year, 10, 1, tzinfo=UTC)
"""Two months: each one more is another reading, by all rules, which takes a test its time."""


@cache
def _kit() -> CovenantKit:
    # In force for the whole year, so that entries of months ago name it.
    return make_covenant(now=NOW, agencies=5, also=((SUPERVISOR, "supervisor", "Toezichthouder <b>Oost</b>"),))


def _told(log: SearchedLog, to: PartyId, hit: int, ago: timedelta) -> None:
    log.add(
        e.NoticeIssued(
            act=log.act(time=NOW - ago, purpose=PURPOSE, recipient=to, system="broker", decision="allow"),
            subject=e.Subject(hit_id=HitId(UUID(int=hit)), signal_ids=(SignalId(UUID(int=hit + 100)),)),
            notice_seq=hit,
            notice_type="hit",
            level="contact",
            quality="hit",
        )
    )


def _opened(log: SearchedLog, by: PartyId, hit: int, ago: timedelta) -> None:
    act = log.act(time=NOW - ago, purpose=PURPOSE, agency=by, person="p-1", justification="own-case")
    why = e.Words(text="overleg", case_reference="Z-1")
    log.add(e.HitOpened(act=act, subject=e.Subject(hit_id=HitId(UUID(int=hit)), words=why)))


@pytest.fixture
def log() -> SearchedLog:
    """Return a log of two months: hits opened in time, late and never; refusals; and acts of others."""
    log = SearchedLog(make_world(_kit()))
    _told(log, POLICE, 1, LATE)
    _told(log, POLICE, 2, LATE - timedelta(hours=1))
    _told(log, CARE, 3, LATE - timedelta(hours=2))
    _told(log, SUPERVISOR, 4, LATE - timedelta(hours=2))
    _opened(log, POLICE, 1, LATE - timedelta(hours=3))
    for n in range(3):
        refused = log.act(time=NOW - timedelta(days=40 - n), agency=POLICE, purpose=PURPOSE, decision="deny")
        log.add(e.RequestRefused(act=refused, code="policy_refused", rule="offender-prevention.some-rule"))
    _opened(log, POLICE, 2, timedelta(days=1))
    _told(log, POLICE, 5, SOON)
    return log


async def _year(folder: Path, log: SearchedLog, party: PartyId, bend: Bend = lambda page: page) -> YearReport:
    client = make_client(folder / party, log.world, party)
    agreed = agreed_of(log.covenant)
    door, versions = SearchingDoor(log, party, bend), SignedVersions(agreed, signed_nothing)
    searching = Searching(client.vault.evidence, door, client.trail, versions, agreed.engine, party, clock)
    role: Any = "supervisor" if party == SUPERVISOR else "privacy-officer"
    inquiry = Inquiry(EventFilters(), "lawfulness-check", "officer-00000001", role)
    counted = YearCount(FROM, NOW, limit_of(log.covenant), client.vault.probes.signals())
    checked = await client.checking.run(lambda _, __: None)
    read = await read_year(searching, inquiry, counted, checked, lambda _, __: None)
    return YearReport(NOW.year, read, log.covenant, party, 0, 0, closed=False, erasable=False)


async def test_an_officer_has_the_year_of_its_own(tmp_path: Path, log: SearchedLog) -> None:
    """What it did and was told: hits in time, late and not over; refusals by rule; every month a logged reading."""
    report = await _year(tmp_path, log, POLICE)
    found = report.read.figures
    assert found.entries == 8
    assert found.follow_up == {PURPOSE: FollowUp(in_time=1, late=1, waiting=1)}
    assert found.denials == {(11, "policy_refused", "offender-prevention.some-rule"): 3}
    assert sum(found.months.values()) == sum(found.agencies.values()) == 8
    assert len(report.read.readings) == 2
    readings = [one.made.event for one in log.entries if isinstance(one.made.event, e.EventsRead)]
    assert sum(one.entries for one in readings) == 8
    assert {one.log_purpose for one in readings} == {"lawfulness-check"}


async def test_a_supervisor_has_the_year_of_all(tmp_path: Path, log: SearchedLog) -> None:
    """By mandate everybody's entries are counted; what it is told of canaries needs no follow-up."""
    report = await _year(tmp_path, log, SUPERVISOR)
    assert report.read.figures.entries == 10
    assert report.read.figures.follow_up == {PURPOSE: FollowUp(in_time=1, late=1, never=1, waiting=1)}
    assert report.supervised
    said = " ".join(summary_of(report, "en"))
    assert "Of 4 hits that were told, 1 were opened in time, 1 late and 1 not" in said
    assert "until 2" in said


async def test_pages_of_a_month_are_one_month(
    tmp_path: Path, log: SearchedLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Page by page the same is counted, and each page is a reading of its own."""
    monkeypatch.setattr(year_reading, "MAX_PAGE", 2)
    report = await _year(tmp_path, log, POLICE)
    assert report.read.figures.entries == 8
    assert len(report.read.readings) > 2


def _leaves_out_proof(page: EventPage) -> EventPage:
    if not page.entries:
        return page
    first = page.entries[0]
    record = first.opening.record | {"notice_seq": 9}
    return page.model_copy(
        update={"entries": (first.model_copy(update={"opening": first.opening.model_copy(update={"record": record})}),)}
    )


async def test_a_broker_that_bends_a_number_gets_no_year_told(tmp_path: Path, log: SearchedLog) -> None:
    """One altered entry in any month is an alarm, and no figure is returned."""
    with pytest.raises(VerificationError) as caught:
        await _year(tmp_path, log, POLICE, _leaves_out_proof)
    assert caught.value.code is Code.RECEIPT_INVALID


async def test_an_act_that_is_told_twice_is_not_counted_twice(tmp_path: Path, log: SearchedLog) -> None:
    """A notice with a number that was used before is an alarm."""
    _told(log, POLICE, 5, timedelta(minutes=1))
    with pytest.raises(VerificationError) as caught:
        await _year(tmp_path, log, POLICE)
    assert caught.value.code is Code.LOG_DOUBLED


@pytest.mark.parametrize("party", [POLICE, SUPERVISOR])
async def test_the_page_stands_alone_and_has_a_table_beside_each_chart(
    tmp_path: Path, log: SearchedLog, party: PartyId
) -> None:
    """It loads nothing, is marked up in both languages, and no image is without its table; titles are escaped."""
    report = await _year(tmp_path, log, party)
    text = year_page(report)
    check_self_contained(text)
    check_marked_up(text, LANGS)
    assert text.count("<figure>") == text.count("<svg") > 8
    figures = text.split("<figure>")[1:]
    assert all("<table>" in one.split("</figure>")[0] for one in figures)
    ids = [one["id"] for _, one in read(text).elements if one.get("id")]
    assert len(ids) == len(set(ids))
    assert "<b>Oost" not in text
    told = text.split('id="en"')[1]
    assert ("Probes about nobody are in these numbers" in told) == (party == SUPERVISOR)
    assert "The year is not over" in told


async def test_the_folder_has_page_document_tables_and_checkpoint(tmp_path: Path, log: SearchedLog) -> None:
    """Each table says what the document says, and sums to the entries."""
    report = await _year(tmp_path, log, POLICE)
    _write(tmp_path / "out", report)
    names = {one.name for one in (tmp_path / "out").iterdir()}
    assert {f"year-{NOW.year}{end}" for end in (".html", ".json", "-checkpoint.txt", "-months.csv")} <= names
    with (tmp_path / "out" / f"year-{NOW.year}-months.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    document: Any = document_of(report)
    assert [{**row, "count": int(row["count"])} for row in rows] == document["tables"]["months"]
    assert sum(int(row["count"]) for row in rows) == document["entries"] == 8
    assert document["proof"]["readings"] == list(report.read.readings)
    note = (tmp_path / "out" / f"year-{NOW.year}-checkpoint.txt").read_text()
    assert document["proof"]["root"] in note
    assert not document["closed"]


async def test_a_year_that_is_over_says_so(tmp_path: Path, log: SearchedLog) -> None:
    """A closed year has no date in its title, and old ones say that months may be gone."""
    report = replace(await _year(tmp_path, log, POLICE), closed=True, erasable=True)
    text = year_page(report)
    assert f"<title>Sluis in {NOW.year}: wat er is gebeurd</title>" in text
    assert "erased as a whole after their retention" in text
    assert "not over" not in text


def test_all_that_is_counted_has_words() -> None:
    """Grounds of erasure, steps of requests for more, and what is kept under a name are said in both languages."""
    assert set(ErasureGround.__args__) <= set(PARTS)  # type: ignore[attr-defined]  # a Literal's
    ends = {rule_of(row.step) for row in TABLE if row.event is e.DisclosureEnded}
    assert set(DISCLOSED) == {"asked", "approved", "granted", "refused", "read"} | ends
    assert set(DISCLOSED) <= set(PARTS)
    for pair in (*WORDS.values(), *PARTS.values()):
        assert len(pair) == len(LANGS)
        assert all(pair)
