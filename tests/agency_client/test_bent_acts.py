# SPDX-License-Identifier: EUPL-1.2
"""An act is done only when the log has it as it was asked: who, why, about what, and once."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agency_client.states import SignalState
from protocol.errors import Code, VerificationError
from protocol.events import Words
from protocol.ids import PartyId, PurposeId
from protocol.messages import Justification
from tests.fakes import dishonest_broker as lies
from tests.fakes.agency import Client, make_client
from tests.fakes.small_world import AgencyDoor, World

POLICE = PartyId("police-oost")
ANNA = [("bsn", "123456782")]
WHY = Justification(code="own-case", text="Zorgen in een lopende zaak.", case_reference="Z-1")
PERSON = "0" * 32
ELSEWHERE = PurposeId("victim-protection")


def bend_act(**changed: Any) -> Callable[[Any], Any]:
    """Return what changes fields of an event's act."""
    return lambda event: replace(event, act=replace(event.act, **changed))


def bend_words(**said: str) -> Callable[[Any], Any]:
    """Return what changes the words of an event's justification."""
    return lambda event: replace(event, subject=replace(event.subject, words=Words(**said)))


def bend(world: World, act: str, how: Callable[[Any], Any]) -> None:
    """Have the broker log one kind of act otherwise."""
    world.broker.recorder = lies.LogsOtherwise(world.broker.recorder, act, how)  # type: ignore[assignment]


async def with_hit(folder: Path, world: World, door: AgencyDoor | None = None) -> Client:
    """Return police with one hit in its vault."""
    police, care = make_client(folder / "p", world, broker=door), make_client(folder / "c", world, "care-linde")
    police.add(("P-1", ANNA))
    assert await police.send() is None
    care.add(("C-1", ANNA))
    assert await care.send() is None
    await police.reading.read()
    return police


@pytest.mark.parametrize(
    "how",
    [
        bend_act(justification="other"),
        bend_words(text="Iets anders.", case_reference="Z-1"),
        bend_words(text=WHY.text, case_reference="Z-2"),
        bend_act(person="1" * 32),
        bend_act(person=None, system="police-oost"),
        bend_act(purpose=ELSEWHERE),
        bend_act(purpose=None),
        bend_act(agency=PartyId("care-linde")),
        lambda event: replace(event, subject=replace(event.subject, signal_ids=())),
        lambda event: replace(event, subject=replace(event.subject, hit_id=None)),
    ],
)
async def test_an_opening_is_logged_as_it_was_asked(tmp_path: Path, world: World, how: Callable[[Any], Any]) -> None:
    """A contact stays closed when the log has another reason, person, purpose, agency, signal or hit."""
    police = await with_hit(tmp_path, world)
    bend(world, "opened", how)
    (hit,) = police.vault.hits.all()
    with pytest.raises(VerificationError) as caught:
        await police.acts.open(hit.id, WHY, PERSON)
    assert caught.value.code is Code.RECEIPT_INVALID
    assert police.vault.hits.get(hit.id).opened_at is None


async def test_one_entry_is_not_two_readings(tmp_path: Path, world: World) -> None:
    """The proof of an earlier reading does not open a contact a second time."""
    police = await with_hit(tmp_path, world, lies.ReusesEvidence(world.broker, POLICE))
    (hit,) = police.vault.hits.all()
    await police.acts.open(hit.id, WHY, PERSON)
    with pytest.raises(VerificationError) as caught:
        await police.acts.open(hit.id, WHY, PERSON)
    assert caught.value.code is lies.ReusesEvidence.CODE


async def test_a_second_reading_has_its_own_entry(tmp_path: Path, world: World) -> None:
    """The same person may read again for the same reason, and the log has both."""
    police = await with_hit(tmp_path, world)
    (hit,) = police.vault.hits.all()
    before = police.vault.evidence.count_receipts()
    for _ in range(2):
        assert (await police.acts.open(hit.id, WHY, PERSON)).parts != {}
    assert police.vault.evidence.count_receipts() == before + 2


@pytest.mark.parametrize(
    "how",
    [
        lambda event: replace(event, reason="other"),
        lambda event: replace(event, subject=replace(event.subject, signal_ids=())),
        bend_act(person="1" * 32),
        bend_act(person=None, system="police-oost"),
        bend_act(purpose=ELSEWHERE),
    ],
)
async def test_a_withdrawal_is_logged_as_it_was_asked(tmp_path: Path, world: World, how: Callable[[Any], Any]) -> None:
    """A signal is not called withdrawn when the log has another reason, signal, person or purpose."""
    police = await with_hit(tmp_path, world)
    bend(world, "withdrawn", how)
    with pytest.raises(VerificationError) as caught:
        await police.acts.withdraw(police.acts.find_signal("P-1"), "mistake", PERSON)
    assert caught.value.code is Code.RECEIPT_INVALID
    assert police.acts.find_signal("P-1").state is SignalState.ACCEPTED


@pytest.mark.parametrize(
    "how",
    [
        lambda event: replace(event, asked=replace(event.asked, grounds=("early-offences",))),
        lambda event: replace(event, urgency="urgent"),
        lambda event: replace(event, asked=replace(event.asked, epoch=event.asked.epoch + 1)),
        lambda event: replace(event, request_digest="0" * 64),
        lambda event: replace(event, subject=replace(event.subject, tag_digests=())),
        bend_act(basis="reporting-right"),
        bend_act(basis=None),
        bend_act(decision="deny"),
        bend_act(purpose=ELSEWHERE),
        bend_act(system="broker"),
    ],
)
async def test_a_signal_is_registered_as_it_was_sent(tmp_path: Path, world: World, how: Callable[[Any], Any]) -> None:
    """A signal stays in the outbox when the log has other grounds, urgency, basis, epoch, pseudonyms or request."""
    bend(world, "registered", how)
    police = make_client(tmp_path / "p", world)
    police.add(("P-1", ANNA))
    obstacle = await police.send()
    assert obstacle is not None
    assert obstacle.code is Code.RECEIPT_INVALID
    assert police.vault.signals.count() == {SignalState.SENT: 1}
