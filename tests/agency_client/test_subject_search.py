# SPDX-License-Identifier: EUPL-1.2
"""Collecting for a citizen: all live purposes and epochs, only digests, every entry checked, nothing left out."""

from pathlib import Path

import pytest

from agency_client.signed_versions import SignedVersions
from agency_client.subject_person import own_signals, sought_of
from agency_client.subject_search import Collected, SubjectSearching
from protocol.commitments import tag_digest
from protocol.encoding import b64url
from protocol.errors import Code, RefusedError, UnavailableError, VerificationError
from protocol.ids import PartyId, PurposeId
from protocol.messages import Justification
from protocol.normalise import Person
from tests.fakes.agency import Client, make_client
from tests.fakes.small_world import NOW, World, agreed_of
from tests.fakes.subject_desk import BENT, SubjectDesk, UsesAnOldReport

POLICE, CARE = PartyId("police-oost"), PartyId("care-linde")
VICTIMS = PurposeId("victim-protection")
BSN = "123456782"
ANNA = Person(given_names="Anna", surname="de Vries", birth_date="2001-01-31", bsn=BSN)
KEYS = [("bsn", BSN)]
WHY = Justification(code="access-request", text="Verzoek om inzage", case_reference="I-1")
WHO = "f" * 32


def searching(client: Client, world: World, desk: SubjectDesk, agency: PartyId = POLICE) -> SubjectSearching:
    """Return what collects for an agency's privacy officer."""
    agreed = agreed_of(world.kit.covenant)
    versions = SignedVersions(agreed, lambda _: world.kit.covenant)
    return SubjectSearching(
        client.vault, desk, client.trail, client.keys, client.holders, versions, agreed.engine, agency, lambda: NOW
    )


async def officer(folder: Path, world: World, kind: type[SubjectDesk] = SubjectDesk) -> tuple[Client, SubjectDesk]:
    """Return the police, who know Anna and were told that care knows her too."""
    care = make_client(folder / "c", world, "care-linde")
    care.add(("C-1", KEYS))
    assert await care.send() is None
    desk = kind(world.broker, POLICE)
    police = make_client(folder / "p", world, broker=desk)
    police.add(("P-1", KEYS), ("P-2", [("bsn", "999999990")]))
    assert await police.send() is None
    await police.reading.read()
    return police, desk


async def collect(client: Client, world: World, desk: SubjectDesk) -> Collected:
    """Collect what the log has about Anna."""
    return await searching(client, world, desk).collect(sought_of(ANNA), WHY, WHO)


async def test_all_purposes_and_epochs_are_asked_by_digests_alone(tmp_path: Path, world: World) -> None:
    """Every purpose that the agency answers for, every live epoch; no pseudonym, identifier or name leaves."""
    police, desk = await officer(tmp_path, world)
    collected = await collect(police, world, desk)
    (search,) = desk.searches
    covenant = world.kit.covenant
    assert set(search.purposes) == {"offender-prevention", "victim-protection", "criminal-investigation",
                                    "reoffending-supervision"}  # fmt: skip
    assert {(one.purpose, one.epoch) for one in search.tags} == {
        (purpose, epoch) for purpose in search.purposes for epoch in covenant.live_epochs(NOW)
    }
    (own,) = own_signals(police.vault, sought_of(ANNA))
    signal = world.broker.signals[own].signal
    sent = search.to_json().decode()
    assert BSN not in sent
    assert all(b64url(key.tag) not in sent for key in signal.keys)
    assert tag_digest(signal.keys[0].tag) in collected.kinds
    assert [type(one.event).__name__ for one in collected.checked.entries] == ["SignalRegistered", "NoticeIssued"]
    assert [one.role for one in collected.own.values()] == ["subject"]
    assert set(collected.scope.declined) == set(covenant.purposes) - set(search.purposes)
    assert all(collected.budgets[purpose] for purpose in search.purposes)
    # The request's own receipt is kept, so that the whole log can be held to it later.
    kinds = [kind for _, kind, _ in police.vault.evidence.receipts()]
    assert kinds.count("SubjectReported") == 1


async def test_own_signals_are_found_without_keyholders_whatever_their_epoch(tmp_path: Path, world: World) -> None:
    """The vault's own drafts lead to signals of epochs whose keys are gone, in the role that the person has there."""
    police, desk = await officer(tmp_path, world)
    police.add(("P-3", [("bsn", BSN)]), role="associate", purpose=VICTIMS)
    found = own_signals(police.vault, sought_of(ANNA))
    assert {one.draft.reference: (one.role, one.sure) for one in found.values()} == {
        "P-1": ("subject", "hit"),
        "P-3": ("associate", "hit"),
    }
    await collect(police, world, desk)
    assert set(desk.searches[0].signals) == set(found)


@pytest.mark.parametrize("kind", BENT)
async def test_a_bent_answer_is_a_finding_and_no_report(tmp_path: Path, world: World, kind: type[SubjectDesk]) -> None:
    """What is withheld, altered, somebody else's, another agency's or logged otherwise has its code, and is kept."""
    police, desk = await officer(tmp_path, world, kind)
    with pytest.raises(VerificationError) as error:
        await collect(police, world, desk)
    assert error.value.code is kind.CODE  # type: ignore[attr-defined]  # every bent one has one
    assert [finding.code for finding in police.vault.evidence.findings()] == [kind.CODE]  # type: ignore[attr-defined]
    assert not any(name == "SubjectReported" for _, name, _ in police.vault.evidence.receipts())


async def test_one_entry_does_not_stand_for_two_requests(tmp_path: Path, world: World) -> None:
    """A second request that is shown the first one's entry stands in no log, and is no request."""
    police, desk = await officer(tmp_path, world, UsesAnOldReport)
    await collect(police, world, desk)
    with pytest.raises(VerificationError) as error:
        await collect(police, world, desk)
    # The first request was about the person too, so its entry is missing among those that are given.
    assert error.value.code is Code.LOG_INCOMPLETE


async def test_what_was_erased_is_told_by_the_entry_that_says_so(tmp_path: Path, world: World) -> None:
    """An own entry that is erased is no gap: the log's own word for it comes in its place."""
    police, desk = await officer(tmp_path, world)
    (signal,) = own_signals(police.vault, sought_of(ANNA))
    place = world.broker.signals[signal].place
    desk.erase(place)
    collected = await collect(police, world, desk)
    assert place not in [one.place for one in collected.checked.entries]
    assert [(one.place, one.ground) for one in collected.checked.erased] == [(place, "court-order")]


async def test_nothing_is_asked_when_the_covenant_allows_it_for_no_purpose(tmp_path: Path, world: World) -> None:
    """An agency of a kind that answers no citizens is told so by its own client; nothing leaves."""
    police, desk = await officer(tmp_path, world)
    with pytest.raises(RefusedError):
        await searching(police, world, desk, PartyId("nobody-knows")).collect(sought_of(ANNA), WHY, WHO)
    assert desk.searches == []


async def test_keyholders_that_are_away_or_an_unproven_answer_leave_no_half_report(
    tmp_path: Path, world: World
) -> None:
    """Without pseudonyms, or without the proof that the request is logged, there is nothing."""
    police, desk = await officer(tmp_path, world)
    world.broker.late = True
    with pytest.raises(UnavailableError):
        await collect(police, world, desk)
    world.broker.late = False
    for holder in world.holders[:2]:
        holder.down = True
    fresh = make_client(tmp_path / "p2", world, broker=desk)
    with pytest.raises(UnavailableError):
        await collect(fresh, world, desk)
    assert len(desk.searches) == 1
