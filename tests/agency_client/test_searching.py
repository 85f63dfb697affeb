# SPDX-License-Identifier: EUPL-1.2
"""Reading the log at the client: what is shown was proven here, and an answer that does not hold is an alarm."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from agency_client.searching import Inquiry, Searching, SeenPage
from agency_client.signed_versions import SignedVersions
from agency_client.trail import prove
from protocol import events as e
from protocol.errors import Code, InputError, RefusedError, VerificationError
from protocol.event_search import EventFilters, EventPage
from protocol.ids import HitId, KeyKind, PartyId, PurposeId, SignalId
from protocol.messages import Evidence
from protocol.policy import PersonRole
from tests.fakes.agency import Client, clock, make_client, signed_nothing
from tests.fakes.covenants import CovenantKit, make_covenant
from tests.fakes.searched_log import Bend, SearchedLog, SearchingDoor
from tests.fakes.small_world import NOW, agreed_of, make_world

PURPOSE = PurposeId("offender-prevention")
POLICE, CARE, SUPERVISOR = PartyId("police-oost"), PartyId("care-linde"), PartyId("supervisor-oost")
PERSON = "officer-00000001"
HIT = HitId(UUID(int=77))
WHY = e.Words(text="overleg [bold]x[/]", case_reference="Z-1")


@cache
def _kit() -> CovenantKit:
    return make_covenant(now=NOW, agencies=5, also=((SUPERVISOR, "supervisor", "Toezichthouder"),))


@pytest.fixture
def log() -> SearchedLog:
    """Return a log in which police signalled, was told, looked, and was refused, and care did the like."""
    log = SearchedLog(make_world(_kit()))
    for place, party in enumerate((POLICE, CARE)):
        signal = SignalId(UUID(int=place + 1))
        log.add(_registered(log, party, signal))
    kinds = (KeyKind("phone"),)
    log.add(e.SignalsMatched(act=_of(log), quality="hit", kinds=kinds, agencies=(POLICE, CARE)))
    for party in (POLICE, CARE):
        told = _of(log, recipient=party, system="broker", decision="allow")
        subject = e.Subject(hit_id=HIT, signal_ids=(SignalId(UUID(int=1)),))
        log.add(
            e.NoticeIssued(act=told, subject=subject, notice_seq=1, notice_type="hit", level="agency", quality="hit")
        )
    for party, other in ((POLICE, CARE), (CARE, POLICE)):
        looked = _of(log, agency=party, person="p-1", justification="own-case")
        log.add(e.HitOpened(act=looked, subject=e.Subject(hit_id=HIT, words=WHY)), concerns=other)
    log.add(e.RequestRefused(act=log.act(agency=POLICE, person="p-2", decision="deny"), code="malformed"))
    return log


def _of(log: SearchedLog, **facts: Any) -> e.Act:
    return log.act(purpose=PURPOSE, **facts)


def _registered(log: SearchedLog, party: PartyId, signal: SignalId) -> e.SignalRegistered:
    asked = e.Asked(
        epoch=0,  # type: ignore[arg-type]  # a number of the test
        basis="legal-duty",
        grounds=("exploits-or-recruits",),
        key_kinds=(KeyKind("phone"),),
        days=30,
        informed="not-required",
    )
    return e.SignalRegistered(
        act=_of(log, agency=party, system=party, basis="legal-duty", decision="allow"),
        subject=e.Subject(signal_ids=(signal,)),
        asked=asked,
        urgency="normal",
        request_digest="ab" * 32,
        request_key_id=f"{party}:1",  # type: ignore[arg-type]  # a name of the test
    )


def inquiry_of(role: PersonRole = "privacy-officer", **filters: Any) -> Inquiry:
    """Return what somebody looks for."""
    return Inquiry(EventFilters(**filters), "self-monitoring", PERSON, role)


def reader_of(
    folder: Path, log: SearchedLog, party: PartyId = POLICE, bend: Bend = lambda page: page
) -> tuple[Client, Searching, SearchingDoor]:
    """Return an agency's client, its reading of this log, and the door that it reads through."""
    client = make_client(folder / party, log.world, party)
    agreed = agreed_of(log.covenant)
    door = SearchingDoor(log, party, bend)
    versions = SignedVersions(agreed, signed_nothing)
    reading = Searching(client.vault.evidence, door, client.trail, versions, agreed.engine, party, clock)
    return client, reading, door


def _names(page: SeenPage) -> list[str]:
    return [type(entry.event).__name__ for entry in page.entries]


async def test_an_officer_sees_proven_entries_and_why_each_is_shown(tmp_path: Path, log: SearchedLog) -> None:
    """Own acts and notices whole, the other side's opening without its subject part; the reading is kept as proven."""
    client, reading, _ = reader_of(tmp_path, log)
    page = await reading.page(inquiry_of(), None, 100)
    assert _names(page) == ["SignalRegistered", "NoticeIssued", "HitOpened", "HitOpened", "RequestRefused"]
    assert [one.scope for one in page.entries] == ["own", "counterpart", "own", "counterpart", "own"]
    assert [one.subject for one in page.entries] == ["given", "given", "given", "withheld", "given"]
    assert all(one.signed for one in page.entries)
    assert client.vault.evidence.has_receipt(page.reading)
    assert client.vault.evidence.findings() == []


async def test_a_supervisor_sees_all(tmp_path: Path, log: SearchedLog) -> None:
    """By mandate everybody's entries are shown, the match too."""
    _, reading, _ = reader_of(tmp_path, log, SUPERVISOR)
    page = await reading.page(inquiry_of("supervisor"), None, 100)
    assert len(page.entries) == 8
    assert {one.scope for one in page.entries} == {"others"}


async def test_who_may_not_read_asks_nothing(tmp_path: Path, log: SearchedLog) -> None:
    """In a role that the covenant does not name, nothing leaves and nothing is logged."""
    _, reading, door = reader_of(tmp_path, log)
    before = len(log.world.broker.log.leaves)
    with pytest.raises(RefusedError):
        await reading.page(inquiry_of("coordinator"), None, 100)
    assert door.asked == []
    assert len(log.world.broker.log.leaves) == before


async def test_pages_follow_each_other(tmp_path: Path, log: SearchedLog) -> None:
    """Page by page the same entries come as at once, and each page is a reading of its own."""
    _, reading, _ = reader_of(tmp_path, log)
    whole = await reading.page(inquiry_of(until=NOW.replace(year=2999)), None, 100)
    first = await reading.page(inquiry_of(event=9), None, 1)
    second = await reading.page(inquiry_of(event=9), first.next, 1)
    places = [one.index for page in (first, second) for one in page.entries]
    assert places == [one.index for one in whole.entries if one.event.TAG == 9]
    assert second.next is None
    assert first.reading < second.reading


async def test_an_erased_part_is_shown_with_the_entry_that_says_so(tmp_path: Path, log: SearchedLog) -> None:
    """Erased is told from withheld by a marker that stands in the log."""
    marker = log.erase(0)
    _, reading, _ = reader_of(tmp_path, log)
    page = await reading.page(inquiry_of(event=3), None, 100)
    (entry,) = page.entries
    assert entry.subject == "erased"
    assert entry.erased_by is not None
    assert entry.erased_by.index == marker.index


async def test_what_was_proven_before_must_be_among_what_fits(tmp_path: Path, log: SearchedLog) -> None:
    """A receipt that fits is found again; one that does not fit the question is not missed."""
    client, reading, _ = reader_of(tmp_path, log)
    await _keep(client, log, 0)
    assert _names(await reading.page(inquiry_of(event=3), None, 100)) == ["SignalRegistered"]
    assert _names(await reading.page(inquiry_of(event=12), None, 100)) == []


async def _keep(client: Client, log: SearchedLog, index: int) -> None:
    """Keep the receipt of an entry, as after the act itself."""
    cosigned = await client.trail.advance()
    proven = prove(log.evidence(log.entries[index]), cosigned)
    client.vault.evidence.put_receipt(proven.receipt("an act"))


# --- Dishonest answers ------------------------------------------------------------------------------------------------


def _bent(change: Callable[[tuple[Evidence, ...]], tuple[Evidence, ...]]) -> Bend:
    def bend(page: EventPage) -> EventPage:
        return page.model_copy(update={"entries": change(page.entries)})

    return bend


def _altered(entries: tuple[Evidence, ...]) -> tuple[Evidence, ...]:
    first = entries[0]
    record = first.opening.record | {"decision": "deny"}
    return (first.model_copy(update={"opening": first.opening.model_copy(update={"record": record})}), *entries[1:])


def _moved(entries: tuple[Evidence, ...]) -> tuple[Evidence, ...]:
    return (entries[0].model_copy(update={"index": entries[0].index + 1}), *entries[1:])


def _shortened(entries: tuple[Evidence, ...]) -> tuple[Evidence, ...]:
    return (entries[0].model_copy(update={"proof": entries[0].proof[:-1]}), *entries[1:])


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (_altered, Code.RECEIPT_INVALID),
        (_moved, Code.RECEIPT_INVALID),
        (_shortened, Code.RECEIPT_INVALID),
        (lambda entries: entries[1:], Code.RECEIPT_INVALID),
        (lambda entries: entries[:-1], Code.RECEIPT_INVALID),
    ],
    ids=["altered", "moved", "other proof", "first left out", "last left out"],
)
async def test_a_bent_page_is_an_alarm(
    tmp_path: Path, log: SearchedLog, change: Callable[[tuple[Evidence, ...]], tuple[Evidence, ...]], code: Code
) -> None:
    """An entry that was changed, moved, not proven or left out of what the log says was read, is not shown."""
    await _alarmed(tmp_path, log, _bent(change), code)


@pytest.mark.parametrize(
    "change", [lambda page: (page[0], *page), lambda page: page[::-1]], ids=["twice", "out of order"]
)
async def test_a_page_that_is_none_is_refused(
    tmp_path: Path, log: SearchedLog, change: Callable[[tuple[Evidence, ...]], tuple[Evidence, ...]]
) -> None:
    """An entry twice, or out of the log's order, does not have a page's form."""
    bend = _bent(change)
    with pytest.raises(InputError):
        await reader_of(tmp_path, log, bend=bend)[1].page(inquiry_of(), None, 100)


async def _alarmed(
    tmp_path: Path, log: SearchedLog, bend: Bend, code: Code, inquiry: Inquiry | None = None, after: int | None = None
) -> None:
    client, reading, _ = reader_of(tmp_path, log, bend=bend)
    before = client.vault.evidence.count_receipts()
    with pytest.raises(VerificationError) as caught:
        await reading.page(inquiry or inquiry_of(), after, 100)
    assert caught.value.code is code
    assert [one.code for one in client.vault.evidence.findings()] == [code]
    assert client.vault.evidence.count_receipts() == before


def _swapped(log: SearchedLog, place: int, other: int, *, whole: bool = True) -> Bend:
    """Give another entry of the log in the place of one that was asked."""

    def bend(page: EventPage) -> EventPage:
        entry = log.evidence(log.entries[other])
        entry = entry if whole else entry.model_copy(update={"opening": page.entries[place].opening})
        kept = [one for at, one in enumerate(page.entries) if at != place]
        entries = tuple(sorted((*kept, entry), key=lambda one: one.index))
        return page.model_copy(update={"entries": entries})

    return bend


async def test_an_entry_of_others_is_not_shown(tmp_path: Path, log: SearchedLog) -> None:
    """What is between others, though proven, is not for this reader: the broker told too much."""
    await _alarmed(tmp_path, log, _swapped(log, 0, 2), Code.RECEIPT_INVALID)


async def test_words_of_another_agency_are_not_shown(tmp_path: Path, log: SearchedLog) -> None:
    """Of an opening by the other side only the record may come; with its words it is refused."""
    await _alarmed(tmp_path, log, _swapped(log, 3, 6), Code.RECEIPT_INVALID)


async def test_an_entry_outside_the_question_is_not_shown(tmp_path: Path, log: SearchedLog) -> None:
    """What was not asked for does not come in through an answer."""
    await _alarmed(tmp_path, log, _swapped(log, 0, 5), Code.RECEIPT_INVALID, inquiry_of(event=3))


async def test_a_part_left_out_without_a_marker_is_an_alarm(tmp_path: Path, log: SearchedLog) -> None:
    """Who keeps a part from us says that it was erased, and can name no entry that says so."""
    log.erase(0)
    await _alarmed(tmp_path, log, lambda page: page.model_copy(update={"markers": ()}), Code.ERASURE_UNPROVEN)


async def test_an_own_act_that_is_withheld_is_missed(tmp_path: Path, log: SearchedLog) -> None:
    """An entry that was proven to us at the time, and is not in an answer that it fits, is an alarm that names it."""
    client, _, _ = reader_of(tmp_path, log)
    await _keep(client, log, 0)
    log.entries = log.entries[1:]
    client, reading, _ = reader_of(tmp_path, log)
    with pytest.raises(VerificationError) as caught:
        await reading.page(inquiry_of(), None, 100)
    assert caught.value.code is Code.ENTRY_WITHHELD
    assert "Entry 0" in caught.value.detail


async def test_a_log_cut_short_for_us_is_missed(tmp_path: Path, log: SearchedLog) -> None:
    """A broker that looks at less of the log than it showed before hides what is newest."""
    client, _, _ = reader_of(tmp_path, log)
    await client.trail.advance()

    def bend(page: EventPage) -> EventPage:
        entries = page.entries[:1]
        return page.model_copy(update={"entries": entries, "through": entries[0].index + 1})

    _, reading, _ = reader_of(tmp_path, log, bend=bend)
    with pytest.raises(VerificationError) as caught:
        await reading.page(inquiry_of(), None, 100)
    assert caught.value.code is Code.ENTRY_WITHHELD


async def test_one_entry_of_the_log_is_one_reading(tmp_path: Path, log: SearchedLog) -> None:
    """The proof of an earlier reading does not stand for a later one."""
    first: list[EventPage] = []

    def bend(page: EventPage) -> EventPage:
        first.append(page)
        return first[0]

    _, reading, _ = reader_of(tmp_path, log, bend=bend)
    await reading.page(inquiry_of(event=3), None, 100)
    with pytest.raises(VerificationError):
        await reading.page(inquiry_of(event=3), None, 100)


@pytest.mark.parametrize(
    "change",
    [
        {"agency": CARE},
        {"person": "officer-00000002"},
        {"decision": "deny"},
        {"policy_ids": ("some.other.rule",)},
        {"purposes": (PURPOSE,)},
        {"scopes": ("own",)},
        {"entries": 4},
        {"log_purpose": "lawfulness-check"},
    ],
    ids=lambda change: next(iter(change)),
)
async def test_a_reading_that_is_logged_otherwise_is_an_alarm(
    tmp_path: Path, log: SearchedLog, change: dict[str, Any]
) -> None:
    """Who read, why, how much, of what and by which rules must stand in the log as it was."""

    def said(honest: e.EventsRead) -> e.EventsRead:
        of_act = {name: value for name, value in change.items() if hasattr(honest.act, name)}
        rest = {name: value for name, value in change.items() if name not in of_act}
        return replace(honest, act=replace(honest.act, **of_act), **rest)

    log.said = said
    await _alarmed(tmp_path, log, lambda page: page, Code.RECEIPT_INVALID)
