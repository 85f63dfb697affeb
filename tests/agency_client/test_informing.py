# SPDX-License-Identifier: EUPL-1.2
"""Whom could be told that they are signalled about: the list of reviews due, and a decision that the log proves."""

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from agency_client.commands_reviews import rule_said
from agency_client.draft import Draft
from agency_client.informing import InformingDesk, reviews
from agency_client.vault.adding import NewSignal
from protocol.encoding import parse_time
from protocol.errors import Code, ConflictError, RefusedError, VerificationError
from protocol.events import Event
from protocol.ids import PartyId
from protocol.informing import InformingReview
from protocol.messages import Justification
from tests.fakes.agency import Client, make_client, new_signal
from tests.fakes.small_world import NOW, PURPOSE, World
from tests.fakes.subject_desk import SubjectDesk

POLICE = PartyId("police-oost")
WHY = Justification(code="informing-review", text="Nog te gevaarlijk", case_reference="Z-1")
WHO = "f" * 32
TODAY = NOW.date()


def deferred(reference: str, review_on: date | None) -> NewSignal:
    """Return a record whose person is told later, or was told."""
    made = new_signal(reference, [("bsn", reference)])
    draft = replace(
        Draft.from_bytes(made.draft),
        informed="informed" if review_on is None else "deferred",
        review_on=review_on,
    )
    return replace(made, draft=draft.to_bytes())


async def police(folder: Path, world: World, kind: type[SubjectDesk] = SubjectDesk) -> Client:
    """Return the police with three deferrals and one person who was told."""
    client = make_client(folder / "p", world, broker=kind(world.broker, POLICE))
    days = {"1": 20, "2": -3, "3": 2}
    new = [deferred(name, TODAY + timedelta(days=count)) for name, count in days.items()]
    client.vault.signals.add([*new, deferred("4", None)], NOW)
    assert await client.send() is None
    return client


def desk(client: Client, world: World) -> InformingDesk:
    """Return the desk that decides."""
    return InformingDesk(client.vault, client.post, world.kit.covenant, lambda: NOW)


def decided(review_on: date | None) -> InformingReview:
    """Return a decision."""
    status = "informed" if review_on is None else "deferred"
    return InformingReview(status=status, review_on=review_on, approver="p-1", justification=WHY)  # type: ignore[arg-type]


async def test_the_list_has_the_longest_overdue_first(tmp_path: Path, world: World) -> None:
    """Deferrals only, by day; within some days on request, and nothing of a signal that has ended."""
    client = await police(tmp_path, world)
    covenant = world.kit.covenant
    found = reviews(client.vault, covenant, NOW)
    assert [(one.reference, one.days_left) for one in found] == [("2", -3), ("3", 2), ("1", 20)]
    assert [one.reference for one in reviews(client.vault, covenant, NOW, timedelta(days=2))] == ["2", "3"]
    assert reviews(client.vault, covenant, NOW + timedelta(days=400)) == []
    await client.acts.withdraw(client.acts.find_signal("2"), "mistake", WHO)
    assert [one.reference for one in reviews(client.vault, covenant, NOW)] == ["3", "1"]


async def test_a_decision_counts_when_the_log_proves_it(tmp_path: Path, world: World) -> None:
    """Put off again within the purpose's days, then told: it leaves the list, and the record's source stays known."""
    client = await police(tmp_path, world)
    signal = client.acts.find_signal("2")
    await desk(client, world).decide(signal, decided(TODAY + timedelta(days=30)), WHO)
    assert [one.days_left for one in reviews(client.vault, world.kit.covenant, NOW)] == [2, 20, 30]
    await desk(client, world).decide(signal, decided(None), WHO)
    assert [one.reference for one in reviews(client.vault, world.kit.covenant, NOW)] == ["3", "1"]
    kinds = [kind for _, kind, _ in client.vault.evidence.receipts()]
    assert kinds.count("InformingReviewed") == 2
    again = client.vault.signals.add([deferred("2", TODAY - timedelta(days=3))], NOW)
    assert (again.known, again.changed, again.new) == (1, 0, 0)


async def test_a_deferral_beyond_the_covenant_does_not_leave(tmp_path: Path, world: World) -> None:
    """The own client refuses it by the rule's name; so it does for a signal that does not stand."""
    client = await police(tmp_path, world)
    informing = world.kit.covenant.purpose(PURPOSE).informing
    assert informing is not None
    before = len(world.broker.posts)
    for day in (TODAY, TODAY + timedelta(days=informing.deferral_days + 1)):
        with pytest.raises(RefusedError) as error:
            await desk(client, world).decide(client.acts.find_signal("2"), decided(day), WHO)
        assert error.value.rule == "guard.deferral-without-review"
    client.vault.signals.add([deferred("5", TODAY)], NOW)
    with pytest.raises(ConflictError):
        await desk(client, world).decide(client.acts.find_signal("5"), decided(None), WHO)
    assert len(world.broker.posts) == before
    assert client.vault.outbox.count_open() == 0


class SaysTold(SubjectDesk):
    """Logs that the person was told, whatever was decided."""

    def bend_report(self, event: Event) -> Event:
        """Say informed."""
        return replace(event, informed="informed", review_days=None)  # type: ignore[call-arg]


async def test_a_decision_that_is_logged_otherwise_does_not_count(tmp_path: Path, world: World) -> None:
    """What the log says must be what was decided; else it is a finding, and the signal stays as it was."""
    client = await police(tmp_path, world, SaysTold)
    with pytest.raises(VerificationError) as error:
        await desk(client, world).decide(client.acts.find_signal("2"), decided(TODAY + timedelta(days=5)), WHO)
    assert error.value.code is Code.RECEIPT_INVALID
    assert [one.days_left for one in reviews(client.vault, world.kit.covenant, NOW)] == [-3, 2, 20]


async def test_the_purposes_ages_are_said(tmp_path: Path, world: World) -> None:
    """Below 12 who has custody, from 12 the person too, from 16 the person alone: the purpose's own numbers."""
    client = await police(tmp_path, world)
    (first, *_) = reviews(client.vault, world.kit.covenant, NOW)
    assert first.informing is not None
    said = rule_said(first.informing)
    assert said.startswith("below 12: who has custody; 12 to 15: the person too; from 16: the person alone.")
    assert parse_time(first.signal.expires_at) > NOW
