# SPDX-License-Identifier: EUPL-1.2
"""An agency has the log forget about a signal, and believes it only when the log says just that."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from agency_client.erasing import Erasing
from agency_client.signed_versions import SignedVersions
from agency_client.states import SignalState
from broker.recording import Erased
from protocol.errors import Code, ConflictError, UnavailableError, VerificationError
from protocol.events import EventsErased, SignalRegistered, Words
from protocol.ids import PartyId, PurposeId, SignalId
from protocol.messages import ActAnswer, ErasureRequest
from protocol.policy import PersonRole
from tests.fakes.agency import Client, clock, make_client, new_signal, signed_nothing
from tests.fakes.small_world import NOW, PURPOSE, World, _verified, agreed_of

POLICE = PartyId("police-oost")
ANNA = [("bsn", "123456782")]
PERSON = "medewerker-9"
REQUEST = ErasureRequest(ground="wrong-person", text="Verkeerde persoon.", case_reference="P-7")
Bend = Callable[[EventsErased], EventsErased]


@dataclass
class Door:
    """A broker that erases, and may log something else than it was asked."""

    world: World
    bend: Bend = lambda event: event
    late: bool = False
    keys: list[str] = field(default_factory=list)

    async def erase(
        self, signal: SignalId, request: ErasureRequest, *, idempotency_key: str, person: str, role: PersonRole
    ) -> ActAnswer:
        """Log the erasure of a signal's registration."""
        self.keys.append(idempotency_key)
        if self.late:
            return ActAnswer()
        broker, log = self.world.broker, self.world.broker.log
        words = Words(text=request.text, case_reference=request.case_reference)
        by, place = _verified(POLICE, request.to_json(), person), broker.signals[signal].place
        event = broker.recorder.parts_erased(Erased(request.ground, (place,), PURPOSE, words), by, None, NOW).event
        assert isinstance(event, EventsErased)
        evidence = log.evidence(*log.add(self.bend(event)))
        return ActAnswer(evidence=evidence, checkpoint=log.checkpoint())


async def ready(folder: Path, world: World, door: Door) -> tuple[Client, Erasing]:
    """Return police with one signal that stands, and what erases it."""
    police = make_client(folder / "p", world)
    police.add(("P-1", ANNA))
    assert await police.send() is None
    versions = SignedVersions(agreed_of(world.kit.covenant), signed_nothing, None)
    return police, Erasing(police.vault, door, police.trail, versions, POLICE, clock)


async def test_an_erased_signal_stands_no_more(tmp_path: Path, world: World) -> None:
    """With the log's word for it the signal has ended here, and the entry that says so is kept as a receipt."""
    police, erasing = await ready(tmp_path, world, Door(world))
    signal = police.acts.find_signal("P-1")
    marker = await erasing.erase(signal, REQUEST, PERSON, "privacy-officer")
    assert marker.ground == "wrong-person"
    assert marker.indexes == set(police.vault.evidence.places(SignalRegistered.__name__, str(signal.id)))
    assert police.vault.signals.get(signal.id).state is SignalState.WITHDRAWN
    assert police.vault.evidence.has_receipt(marker.index)


async def test_the_same_request_has_the_same_key(tmp_path: Path, world: World) -> None:
    """While the proof is late nothing is settled; asked again, the broker can tell that it is the same request."""
    door = Door(world, late=True)
    police, erasing = await ready(tmp_path, world, door)
    signal = police.acts.find_signal("P-1")
    for request in (REQUEST, REQUEST, REQUEST.model_copy(update={"case_reference": "P-8"})):
        with pytest.raises(UnavailableError):
            await erasing.erase(signal, request, PERSON, "privacy-officer")
    assert police.vault.signals.get(signal.id).state is SignalState.ACCEPTED
    first, second, third = door.keys
    assert first == second != third


@pytest.mark.parametrize(
    "bend",
    [
        lambda event: replace(event, ground="citizen-request"),
        lambda event: replace(event, act=replace(event.act, person="medewerker-8")),
        lambda event: replace(event, act=replace(event.act, purpose=PurposeId("victim-protection"))),
        lambda event: replace(event, indexes=(0,)),
        lambda event: replace(event, subject=replace(event.subject, words=None)),
    ],
    ids=["ground", "person", "purpose", "entries", "words"],
)
async def test_another_erasure_is_not_believed(tmp_path: Path, world: World, bend: Bend) -> None:
    """An entry with another ground, person, purpose, reason or without the signal's registration is an alarm."""
    police, erasing = await ready(tmp_path, world, Door(world, bend))
    signal = police.acts.find_signal("P-1")
    with pytest.raises(VerificationError) as caught:
        await erasing.erase(signal, REQUEST, PERSON, "privacy-officer")
    assert caught.value.code is Code.RECEIPT_INVALID
    assert [one.code for one in police.vault.evidence.findings()] == [Code.RECEIPT_INVALID]
    assert police.vault.signals.get(signal.id).state is SignalState.ACCEPTED


async def test_what_never_left_is_not_asked_for(tmp_path: Path, world: World) -> None:
    """Of a signal that the log does not have, nothing can be erased, and nobody is asked."""
    door = Door(world)
    police, erasing = await ready(tmp_path, world, door)
    police.vault.signals.add([new_signal("P-2", [("bsn", "111222333")])], NOW)
    with pytest.raises(ConflictError):
        await erasing.erase(police.acts.find_signal("P-2"), REQUEST, PERSON, "privacy-officer")
    assert door.keys == []
