# SPDX-License-Identifier: EUPL-1.2
"""Telling people of signals, decided again: logged as an alteration, held to the purpose's days, once a request."""

from datetime import date, timedelta
from uuid import uuid4

import psycopg
import pytest

from protocol.errors import Code, ConflictError, InputError, NotFoundError, RefusedError
from protocol.events import InformingReviewed
from protocol.ids import PartyId, SignalId
from protocol.informing import InformingReview
from protocol.messages import ActAnswer, Justification
from tests.broker.test_canaries import ALSO, SUPERVISOR, canary
from tests.fakes.broker_world import CARE, POLICE, PURPOSE, BrokerWorld, broker_world
from tests.fakes.data_keys import openings_of

PHONE = {"phone": "31612345678"}
WHY = Justification(code="informing-review", text="Nog te gevaarlijk", case_reference="Z-1")


def decided(review_on: date | None, approver: str = "p-1") -> InformingReview:
    """Return a decision: told, or put off until a day."""
    status = "informed" if review_on is None else "deferred"
    return InformingReview(status=status, review_on=review_on, approver=approver, justification=WHY)  # type: ignore[arg-type]


async def review(
    world: BrokerWorld, party: PartyId, signal: SignalId, asked: InformingReview, key: str | None = None
) -> ActAnswer:
    """Send a decision."""
    path = f"/v1/signals/{signal}/informing"
    return await world.agency(party).client.post(
        path, asked, ActAnswer, idempotency_key=key or uuid4().hex, person="medewerker-17"
    )


def stored(database: str, signal: SignalId) -> tuple[str, date | None]:
    """Return what the broker has at a signal."""
    with psycopg.connect(database) as connection:
        row = connection.execute("SELECT informed, review_on FROM signals WHERE id = %s", (signal,)).fetchone()
    assert row is not None
    return row[0], row[1]


async def test_a_deferral_and_then_telling_are_logged_and_stand(database: str) -> None:
    """First put off with day, approver and reason, then told: each an event of its own, and the signal has the last."""
    async with broker_world(database) as world:
        mine = world.signal(POLICE, PHONE)
        await world.agency(POLICE).push(mine)
        day = world.clock().date() + timedelta(days=20)
        answer = await review(world, POLICE, mine.id, decided(day))
        event = world.prove(answer.evidence, answer.checkpoint)
        assert isinstance(event, InformingReviewed)
        assert (event.OPERATION, event.informed, event.review_days) == ("alteration", "deferred", 20)
        assert (event.act.agency, event.act.person, event.act.purpose) == (POLICE, "medewerker-17", PURPOSE)
        assert (event.approver, event.act.justification, event.subject.signal_ids) == ("p-1", WHY.code, (mine.id,))
        assert stored(database, mine.id) == ("deferred", day)
        await review(world, POLICE, mine.id, decided(None))
        assert stored(database, mine.id) == ("informed", None)


async def test_the_same_request_is_logged_once(database: str) -> None:
    """Sent again under its key it gives the same entry; another decision under that key is a conflict."""
    async with broker_world(database) as world:
        mine = world.signal(POLICE, PHONE)
        await world.agency(POLICE).push(mine)
        asked = decided(None)
        answers = [await review(world, POLICE, mine.id, asked, "informing-000001") for _ in range(2)]
        assert len({one.evidence.index for one in answers if one.evidence}) == 1
        with pytest.raises(ConflictError):
            await review(world, POLICE, mine.id, decided(None, "p-2"), "informing-000001")
        found = [one for one in openings_of(database) if one.record["event"] == InformingReviewed.TAG]
        assert len(found) == 1


async def test_a_deferral_beyond_the_purposes_days_is_refused_and_logged(database: str) -> None:
    """Not a day longer than the covenant says, and not to a day that is past; the signal stays as it was."""
    async with broker_world(database) as world:
        mine = world.signal(POLICE, PHONE)
        await world.agency(POLICE).push(mine)
        informing = world.kit.covenant.purpose(PURPOSE).informing
        assert informing is not None
        today = world.clock().date()
        for day in (today, today + timedelta(days=informing.deferral_days + 1)):
            with pytest.raises(RefusedError) as error:
                await review(world, POLICE, mine.id, decided(day))
            assert (error.value.code, error.value.rule) == (Code.POLICY_REFUSED, "guard.deferral-without-review")
        assert stored(database, mine.id) == ("not-required", None)
        refused = [one for one in openings_of(database) if one.record.get("rule") == "guard.deferral-without-review"]
        assert len(refused) == 2


async def test_nobody_decides_about_anothers_signal_or_one_that_ended(database: str) -> None:
    """Another agency's, a withdrawn one, a canary under one's name: there is no such signal; a key is needed too."""
    async with broker_world(database, also=ALSO) as world:
        mine, planted = world.signal(POLICE, PHONE), canary(world, POLICE, {"phone": "31600000000"})
        await world.agency(POLICE).push(mine)
        await world.agency(SUPERVISOR).push(planted)
        for party, signal in ((CARE, mine.id), (POLICE, planted.id), (SUPERVISOR, planted.id)):
            with pytest.raises(NotFoundError):
                await review(world, party, signal, decided(None))
        with pytest.raises(InputError):
            await world.agency(POLICE).client.post(f"/v1/signals/{mine.id}/informing", decided(None), ActAnswer)
        await world.agency(POLICE).withdraw(mine.id)
        with pytest.raises(NotFoundError):
            await review(world, POLICE, mine.id, decided(None))
