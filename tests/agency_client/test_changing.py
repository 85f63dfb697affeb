# SPDX-License-Identifier: EUPL-1.2
"""Changing own signals, and carrying out others' changes: proven, hidden at once, answered, and never shown again."""

import json
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from agency_client.changing import Changing
from agency_client.commands_changes import add_changes
from agency_client.vault.changes import ChangeKind
from agency_client.vault.hits import HitState
from agency_client.wording import words_of
from protocol.encoding import parse_time
from protocol.errors import Code, ConflictError, RefusedError, UnavailableError, VerificationError
from protocol.events import Event
from protocol.ids import PartyId, SignalId
from protocol.messages import Justification
from tests.fakes.agency import CONTACT, Client, make_client
from tests.fakes.change_desk import ChangeDesk, bent, tell
from tests.fakes.machine import machine_of
from tests.fakes.small_world import NOW, PURPOSE, World

POLICE, CARE = PartyId("police-oost"), PartyId("care-linde")
WHO = "f" * 32
ANNA = [("bsn", "123456782")]
WHY = Justification(code="own-case", text="Zorgen in een lopende zaak.", case_reference="Z-1")


async def met(
    folder: Path, world: World, kind: type[ChangeDesk] = ChangeDesk
) -> tuple[Client, Client, Changing, SignalId]:
    """Return police and care that were told of each other, and who changes care's signal."""
    police = make_client(folder / "p", world, broker=ChangeDesk(world.broker, POLICE))  # type: ignore[arg-type]
    care = make_client(folder / "c", world, CARE, broker=kind(world.broker, CARE))  # type: ignore[arg-type]
    police.add(("P-1", ANNA))
    care.add(("C-1", ANNA))
    for client in (police, care):
        assert await client.send() is None
    for client in (police, care):
        assert not (await client.reading.read()).failures
    changing = Changing(care.vault, care.post, care.acts, world.kit.covenant, lambda: NOW)
    return police, care, changing, care.acts.find_signal("C-1").id


async def test_what_is_restricted_is_hidden_until_it_is_lifted(tmp_path: Path, world: World) -> None:
    """The recipient's copy goes, nothing of it opens, and after lifting it is fetched again and opens."""
    police, care, changing, signal = await met(tmp_path, world)
    (hit,) = police.vault.hits.all()
    await changing.restrict(signal, True, "accuracy-contested", WHO)
    assert care.vault.changes.is_restricted(signal)
    assert not (await police.reading.read()).failures
    kept = police.vault.hits.get(hit.id)
    assert kept.state is HitState.RESTRICTED
    assert kept.notice.counterpart is not None
    assert (kept.notice.counterpart.parts, kept.notice.counterpart.wraps) == ((), ())
    with pytest.raises(RefusedError):
        await police.acts.open(hit.id, WHY, WHO)
    await changing.restrict(signal, False, "accuracy-settled", WHO)
    await police.reading.read()
    assert police.vault.hits.get(hit.id).state is HitState.LIVE
    assert (await police.acts.open(hit.id, WHY, WHO)).parts["contact"] == CONTACT


async def test_a_recipient_answers_by_itself_and_the_sender_sees_who(tmp_path: Path, world: World) -> None:
    """When the copy is gone the client says so, in the log; until then the sender's list says who it waits for."""
    police, care, changing, signal = await met(tmp_path, world)
    await changing.restrict(signal, True, "accuracy-contested", WHO)
    (change,) = care.vault.changes.of(signal)
    assert (change.kind, change.reason, change.waits) == (ChangeKind.RESTRICTED, "accuracy-contested", True)
    assert [one.agency for one in change.recipients] == [POLICE]
    await police.reading.read()
    assert police.vault.outbox.count_open() == 1
    assert await police.send() is None
    assert [kind for _, kind, _ in police.vault.evidence.receipts()].count("ChangeAcknowledged") == 1
    assert not (await care.reading.read()).failures
    (change,) = care.vault.changes.page()
    assert not change.waits


async def test_a_withdrawal_and_a_correction_are_carried_out_too(tmp_path: Path, world: World) -> None:
    """Taking back counts as withdrawn, what a corrected record supersedes as corrected; an expiry asks no answer."""
    police, care, changing, signal = await met(tmp_path, world)
    care.add(("C-1", [*ANNA, ("phone", "31612345678")]))
    assert await care.send() is None
    await police.reading.read()
    assert await police.send() is None
    await care.reading.read()
    (corrected,) = care.vault.changes.of(signal)
    assert (corrected.kind, corrected.waits) == (ChangeKind.CORRECTED, False)
    newest = care.acts.find_signal("C-1").id
    assert newest != signal
    await changing.withdraw(newest, "mistake", WHO)
    assert care.vault.changes.of(newest)[0].kind is ChangeKind.WITHDRAWN
    assert police.vault.hits.all()[0].state is HitState.WITHDRAWN


async def test_an_extension_needs_words_and_has_its_bounds(tmp_path: Path, world: World) -> None:
    """Once, as long as the purpose allows, with a reason in the log; more is refused before anything leaves."""
    _, care, changing, signal = await met(tmp_path, world)
    purpose = world.kit.covenant.purposes[PURPOSE]
    with pytest.raises(RefusedError):
        await changing.extend(signal, "Nog nodig.", WHO, NOW + timedelta(days=1))
    with pytest.raises(RefusedError):
        await changing.extend(signal, "Nog nodig.", WHO, NOW + timedelta(days=purpose.retention_days + 1))
    await changing.extend(signal, "De zorgen duren voort.", WHO)
    ends = parse_time(care.vault.signals.get(signal).expires_at)
    assert NOW + timedelta(days=purpose.retention_days - 1) < ends < NOW + timedelta(days=purpose.retention_days)
    assert care.vault.changes.extensions(signal) == 1
    before = len(world.broker.posts)
    with pytest.raises(RefusedError):
        await changing.extend(signal, "Nog eens.", WHO)
    assert len(world.broker.posts) == before


async def test_a_change_waits_while_the_broker_is_away(tmp_path: Path, world: World) -> None:
    """It is in the outbox, nothing is called changed before the proof, and it is done once the broker is back."""
    _, care, changing, signal = await met(tmp_path, world)
    world.broker.down = True
    with pytest.raises(UnavailableError):
        await changing.restrict(signal, True, "accuracy-contested", WHO)
    assert not care.vault.changes.is_restricted(signal)
    world.broker.down = False
    assert await care.send() is None
    assert care.vault.changes.is_restricted(signal)
    with pytest.raises(ConflictError):
        await changing.restrict(signal, True, "accuracy-contested", WHO)


class SaysLifted(ChangeDesk):
    """Logs a lifting where a restriction was asked."""

    def logged(self, event: Event) -> Event:
        """Return the opposite."""
        return bent(event, restricted="no")


class SaysAnotherReason(ChangeDesk):
    """Logs another reason than was sent."""

    def logged(self, event: Event) -> Event:
        """Return the event with another reason."""
        return bent(event, reason="mistake")


@pytest.mark.parametrize("kind", [SaysLifted, SaysAnotherReason])
async def test_a_change_that_is_not_in_the_log_is_not_made(
    tmp_path: Path, world: World, kind: type[ChangeDesk]
) -> None:
    """A broker that logs something else is found out, and the signal is not called restricted."""
    _, care, changing, signal = await met(tmp_path, world, kind)
    with pytest.raises(VerificationError) as caught:
        await changing.restrict(signal, True, "accuracy-contested", WHO)
    assert caught.value.code is Code.RECEIPT_INVALID
    assert not care.vault.changes.is_restricted(signal)


async def test_a_hidden_restriction_is_a_gap(tmp_path: Path, world: World) -> None:
    """A broker that leaves the notice of a restriction out and goes on leaves a gap, which is a finding."""
    police, care, changing, signal = await met(tmp_path, world)
    await changing.restrict(signal, True, "accuracy-contested", WHO)
    care.add(("C-2", [("bsn", "2")]))
    police.add(("P-2", [("bsn", "2")]))
    assert await care.send() is None
    assert await police.send() is None
    del world.broker.told[POLICE][1]
    news = await police.reading.read()
    assert [error.code for error in news.failures] == [Code.NOTICE_MISSING]


async def test_an_answer_to_a_change_that_was_not_made_is_refused(tmp_path: Path, world: World) -> None:
    """Nobody can have carried out what we never changed: the broker that says so is kept as a finding."""
    police, care, _, signal = await met(tmp_path, world)
    (hit,) = police.vault.hits.all()
    tell(world.broker, CARE, hit.id, "acknowledged", change="withdrawn")
    news = await care.reading.read()
    assert [error.code for error in news.failures] == [Code.RECEIPT_INVALID]
    assert care.vault.changes.of(signal) == []


async def test_a_kill_between_hiding_and_answering_loses_nothing(tmp_path: Path, world: World) -> None:
    """The copy goes and the answer is written in one step: read again, there is still one answer to send."""
    police, _, changing, signal = await met(tmp_path, world)
    await changing.restrict(signal, True, "accuracy-contested", WHO)
    put: Any = police.vault.outbox.put
    police.vault.outbox.put = lambda *_: (_ for _ in ()).throw(RuntimeError("killed"))  # type: ignore[method-assign]
    with pytest.raises(RuntimeError):
        await police.reading.read()
    assert police.vault.hits.all()[0].state is HitState.LIVE
    police.vault.outbox.put = put  # type: ignore[method-assign]
    await police.reading.read()
    assert police.vault.hits.all()[0].state is HitState.RESTRICTED
    assert police.vault.outbox.count_open() == 1


async def test_people_and_programs_see_who_carried_a_change_out(tmp_path: Path, world: World) -> None:
    """The list names the agency and says that it waits; a restricted hit says in words that it may not be used."""
    police, care, changing, signal = await met(tmp_path, world)
    await changing.restrict(signal, True, "accuracy-contested", WHO)
    session = SimpleNamespace(vault=care.vault, covenant=world.kit.covenant, clock=lambda: NOW)
    app = typer.Typer()
    add_changes(app, machine_of(session, offline=True))
    app.callback()(lambda: None)
    (row,) = json.loads(CliRunner().invoke(app, ["changes", "--home", str(tmp_path), "--json"]).output)["changes"]
    assert (row["reference"], row["change"], row["recipients"][0]["agency"]) == ("C-1", "restricted", POLICE)
    shown = CliRunner().invoke(app, ["changes", "--home", str(tmp_path)]).output
    assert "not yet" in shown
    await police.reading.read()
    (kept,) = police.vault.hits.all()
    assert "do not use it now" in words_of(kept, "P-1", world.kit.covenant, NOW).sentence


async def test_lifting_that_comes_by_itself_is_followed_at_once(tmp_path: Path, world: World) -> None:
    """A client that is told by a stream fetches what may be shown again without being asked."""
    police, _, changing, signal = await met(tmp_path, world)
    for on in (True, False):
        await changing.restrict(signal, on, "accuracy-contested", WHO)
        await police.reading.take(world.broker.page(POLICE, police.reading.last_seq(), 10))
    assert police.vault.hits.all()[0].state is HitState.LIVE
    assert (await police.acts.open(police.vault.hits.all()[0].id, WHY, WHO)).parts["contact"] == CONTACT
