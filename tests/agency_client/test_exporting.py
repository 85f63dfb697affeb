# SPDX-License-Identifier: EUPL-1.2
"""Taking entries out: an honest broker's pack holds for who has never seen it; of a dishonest one there is none."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest

from agency_client import exporting
from agency_client.exporting import Exporting
from agency_client.searching import Inquiry, Searching
from agency_client.signed_versions import SignedVersions
from edge.pack_pages import compare_pages
from protocol import events as e
from protocol.covenant_bundle import pack as pack_covenant
from protocol.errors import Code, InputError, NotFoundError, RefusedError, VerificationError
from protocol.event_search import EventFilters, EventPage
from protocol.evidence_pack import PackContent, read_pack, verify_pack
from protocol.ids import HitId, PartyId, PurposeId
from protocol.pack_parts import PackManifest
from tests.fakes.agency import Client, clock, make_client, signed_nothing
from tests.fakes.covenants import make_covenant
from tests.fakes.searched_log import Bend, SearchedLog, SearchingDoor
from tests.fakes.small_world import NOW, agreed_of, make_world

POLICE, CARE = PartyId("police-oost"), PartyId("care-linde")
KIT = make_covenant(now=NOW)
PURPOSE = PurposeId("offender-prevention")
PERSON = "officer-00000001"
BEGINS, ENDS = NOW - timedelta(days=1), NOW + timedelta(seconds=1)


@pytest.fixture
def log() -> SearchedLog:
    """Return a log with 300 entries of others, and two of the police, of which one is erased."""
    log = SearchedLog(make_world(KIT))
    for n in range(300):
        log.add(e.SignalWithdrawn(act=log.act(agency=CARE, purpose=PURPOSE), reason=f"r{n}"))
    for n in range(2):
        subject = e.Subject(hit_id=HitId(UUID(int=n + 1)), words=e.Words(text="overleg", case_reference="Z-1"))
        act = log.act(agency=POLICE, person="p-1", purpose=PURPOSE, justification="own-case", decision="allow")
        log.add(e.HitOpened(act=act, subject=subject))
    log.erase(301)
    return log


def _exporter(folder: Path, log: SearchedLog, bend: Bend = lambda page: page) -> tuple[Client, Exporting]:
    client = make_client(folder / "p", log.world, POLICE)
    agreed = agreed_of(log.covenant)
    door = SearchingDoor(log, POLICE, bend)
    versions = SignedVersions(agreed, signed_nothing)
    searching = Searching(client.vault.evidence, door, client.trail, versions, agreed.engine, POLICE, clock)

    def bundle_of(sha256: str) -> bytes:
        if sha256 != log.covenant.sha256:
            raise NotFoundError(Code.NOT_FOUND, "Not kept.")
        return pack_covenant(log.world.kit.files)

    return client, Exporting(searching, client.trail, log.covenant, log.world.kit.signers[POLICE], bundle_of)


INQUIRY = Inquiry(EventFilters(since=BEGINS, until=ENDS), "self-monitoring", PERSON, "privacy-officer", "export")


async def _export(exporter: Exporting, inquiry: Inquiry = INQUIRY) -> tuple[bytes, PackContent]:
    return await exporter.run(inquiry, BEGINS, ENDS, lambda _, __: None)


async def test_a_pack_holds_for_who_has_never_seen_the_broker(tmp_path: Path, log: SearchedLog) -> None:
    """Own entries with their proofs, the erased one with its marker, the export's own entry, and equal pages."""
    client, exporter = _exporter(tmp_path, log)
    raw, content = await _export(exporter)
    verified = verify_pack(read_pack(raw), log.covenant)
    assert [(one.index, one.subject_part) for one in verified.content.entries] == [(300, "whole"), (301, "erased")]
    assert [type(one.event).__name__ for one in verified.content.beside] == ["EventsErased", "EventsExported"]
    assert verified.content == replace(content, manifest=verified.content.manifest)
    assert compare_pages(verified.content, verified.files)
    manifest: PackManifest = verified.content.manifest
    assert (manifest.agency, manifest.person, manifest.log_purpose) == (POLICE, PERSON, "self-monitoring")
    assert client.vault.evidence.has_receipt(manifest.exports[0])


async def test_every_page_of_an_export_is_in_the_log(
    tmp_path: Path, log: SearchedLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A period that takes several pages names the entry of each."""
    monkeypatch.setattr(exporting, "MAX_PAGE", 1)
    _, exporter = _exporter(tmp_path, log)
    inquiry = replace(INQUIRY, filters=EventFilters(since=BEGINS, until=ENDS, operation="consultation"))
    verified = verify_pack(read_pack((await _export(exporter, inquiry))[0]), log.covenant)
    assert len(verified.content.manifest.exports) == 2
    assert verified.content.manifest.filters == EventFilters(operation="consultation")


async def test_a_broker_that_logs_an_export_as_a_reading_gets_no_pack_made(tmp_path: Path, log: SearchedLog) -> None:
    """What the log has must be this export, with this reason: else nothing is written."""
    _, exporter = _exporter(tmp_path, log)
    log_search = log.search

    def as_reading(agency, search, person, role, now):  # type: ignore[no-untyped-def]
        return log_search(agency, search.model_copy(update={"use": "read"}), person, role, now)

    log.search = as_reading  # type: ignore[method-assign]
    with pytest.raises(VerificationError) as caught:
        await _export(exporter)
    assert caught.value.code is Code.RECEIPT_INVALID


def _lies(page: EventPage) -> EventPage:
    first, *more = page.entries
    opening = first.opening.model_copy(update={"record": {**first.opening.record, "person": "p-2"}})
    return page.model_copy(update={"entries": (first.model_copy(update={"opening": opening}), *more)})


def _hides_marker(page: EventPage) -> EventPage:
    return page.model_copy(update={"markers": ()})


@pytest.mark.parametrize(("bend", "code"), [(_lies, Code.RECEIPT_INVALID), (_hides_marker, Code.ERASURE_UNPROVEN)])
async def test_a_bent_answer_makes_no_pack(tmp_path: Path, log: SearchedLog, bend: Bend, code: Code) -> None:
    """An altered entry, or an erasure that nothing tells of, is an alarm and is kept as a finding."""
    client, exporter = _exporter(tmp_path, log, bend)
    with pytest.raises(VerificationError) as caught:
        await _export(exporter)
    assert caught.value.code is code
    assert [one.code for one in client.vault.evidence.findings()] == [code]


async def test_who_may_not_export_asks_nobody(tmp_path: Path, log: SearchedLog) -> None:
    """The covenant is asked first: a coordinator takes nothing out, and nothing leaves."""
    _, exporter = _exporter(tmp_path, log)
    size = len(log.world.broker.log.leaves)
    with pytest.raises(RefusedError):
        await _export(exporter, replace(INQUIRY, role="coordinator"))
    assert len(log.world.broker.log.leaves) == size


async def test_too_much_for_one_pack_is_said(tmp_path: Path, log: SearchedLog, monkeypatch: pytest.MonkeyPatch) -> None:
    """A period with more entries than a pack holds is to be cut; no half pack is made."""
    monkeypatch.setattr(exporting, "MAX_ENTRIES", 1)
    _, exporter = _exporter(tmp_path, log)
    with pytest.raises(InputError) as caught:
        await _export(exporter)
    assert caught.value.code is Code.TOO_LARGE


async def test_an_act_that_is_dated_back_makes_no_pack(tmp_path: Path, log: SearchedLog) -> None:
    """An entry that says to be older than one before it is found by whoever takes it out."""
    _, exporter = _exporter(tmp_path, log)
    late = log.act(agency=POLICE, person="p-1", time=NOW - timedelta(hours=3), decision="deny")
    log.add(e.RequestRefused(act=late, code="malformed"))
    with pytest.raises(VerificationError) as caught:
        await _export(exporter)
    assert caught.value.code is Code.LOG_BACKDATED
