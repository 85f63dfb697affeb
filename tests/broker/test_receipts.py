# SPDX-License-Identifier: EUPL-1.2
"""Receipts of a real broker's answers: every kind of act has one, and it stays true whatever happens afterwards."""

import os

from protocol.ids import PartyId, PurposeId
from protocol.messages import ActAnswer, ErasureRequest, Evidence
from protocol.notices import ErasedNotice, HitNotice
from protocol.receipts import CheckedReceipt, ReceiptTerms, verify_receipt, write_receipt
from protocol.statistics import StatisticsAnswer
from tests.fakes.broker_world import POLICE, PROSECUTION, PURPOSE, BrokerWorld, broker_world
from tests.fakes.covenants import amended

RAPPORTEUR = PartyId("rapporteur")
PHONE = {"phone": "+31612345678"}


def _receipt(evidence: Evidence | None, note: str | None) -> bytes:
    assert evidence is not None
    assert note is not None
    return write_receipt(evidence, note).encode()


async def _acts(world: BrokerWorld) -> dict[str, bytes]:
    """Have every kind of act done, and return a receipt of each."""
    police, prosecution = world.agency(POLICE), world.agency(PROSECUTION)
    mine, refused = world.signal(POLICE, PHONE), world.signal(POLICE, PHONE, basis="no-basis")
    pushed = await police.push(mine, refused)
    assert [one.status for one in pushed.results] == ["accepted", "refused"]
    await prosecution.push(world.signal(PROSECUTION, PHONE))
    page = await police.told(1)
    (told,) = page.notices
    assert isinstance(told, HitNotice)
    opened = await police.open(told.hit_id)
    asked = await prosecution.ask(PHONE)
    params = {"about": PURPOSE, "purpose": PurposeId("monitoring-statistics"), "year": world.clock().year}
    read = await world.agency(RAPPORTEUR).client.get(
        "/v1/statistics", StatisticsAnswer, params=params, person="onderzoeker-17", role="coordinator"
    )
    withdrawn = await police.withdraw(mine.id)
    return {
        "SignalRegistered": _receipt(pushed.results[0].evidence, pushed.checkpoint),
        "SignalRefused": _receipt(pushed.results[1].evidence, pushed.checkpoint),
        "NoticeIssued": _receipt(told.evidence, page.checkpoint),
        "HitOpened": _receipt(opened.evidence, opened.checkpoint),
        "QueryAnswered": _receipt(asked.evidence, asked.checkpoint),
        "StatisticsRead": _receipt(read.evidence, read.checkpoint),
        "SignalWithdrawn": _receipt(withdrawn.evidence, withdrawn.checkpoint),
    }


def _check(world: BrokerWorld, raw: bytes) -> CheckedReceipt:
    return verify_receipt(raw, [ReceiptTerms.of(world.kit.covenant)])


async def test_every_kind_of_act_has_a_receipt(database: str) -> None:
    """Each act at a broker, a refused one too, is answered with what a receipt needs; it holds by public keys alone."""
    async with broker_world(database, also=[(RAPPORTEUR, "rapporteur", "Nationaal Rapporteur")]) as world:
        for name, raw in (await _acts(world)).items():
            found = _check(world, raw)
            assert type(found.event).__name__ == name
            assert found.event.act.covenant.sha256 == world.kit.covenant.sha256
            assert not found.erased
            assert len(found.cosigned.cosigners) >= world.kit.covenant.witness_quorum


async def test_receipts_hold_after_the_log_grew_the_covenant_changed_and_it_forgot(database: str) -> None:
    """Receipts given out stay true; of what the log forgot, what is left has a receipt that says so."""
    async with broker_world(database, also=[(RAPPORTEUR, "rapporteur", "Nationaal Rapporteur")]) as world:
        kept = await _acts(world)
        sizes = {_check(world, raw).cosigned.checkpoint.size for raw in kept.values()}
        mine, theirs = (
            world.signal(POLICE, {"phone": "+31600000001"}),
            world.signal(PROSECUTION, {"phone": "+31600000001"}),
        )
        before = await world.agency(PROSECUTION).notices()
        await world.agency(POLICE).push(mine)
        await world.agency(PROSECUTION).push(theirs)
        await world.agency(PROSECUTION).told(len(before.notices) + 1)
        request = ErasureRequest(ground="wrong-person", text="verkeerde persoon", case_reference="P-7")
        erasure = await world.agency(POLICE).client.post(
            f"/v1/signals/{mine.id}/erasure",
            request,
            ActAnswer,
            idempotency_key=os.urandom(12).hex(),
            person="medewerker-9",
            role="privacy-officer",
        )
        marker = _check(world, _receipt(erasure.evidence, erasure.checkpoint))
        assert type(marker.event).__name__ == "EventsErased"
        assert marker.cosigned.checkpoint.size > max(sizes)
        page = await world.agency(PROSECUTION).notices()
        forgotten = next(one for one in page.notices if isinstance(one, ErasedNotice))
        left = _check(world, _receipt(forgotten.evidence, page.checkpoint))
        assert left.erased
        assert type(left.event).__name__ == "NoticeIssued"
        assert left.event.act.recipient == PROSECUTION
        later = ReceiptTerms.of(amended(world.kit, "later").covenant)
        for name, raw in kept.items():
            found = verify_receipt(raw, [later, ReceiptTerms.of(world.kit.covenant)])
            assert type(found.event).__name__ == name
            assert (found.erased, found.terms.version) == (False, world.kit.covenant.version)
