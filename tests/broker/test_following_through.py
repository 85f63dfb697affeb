# SPDX-License-Identifier: EUPL-1.2
"""Follow-up and changes from one agency's vault to the other's, over a real broker."""

from datetime import timedelta
from pathlib import Path

import pytest

from agency_client.acts import Acts
from agency_client.changing import Changing
from agency_client.deciding import Answer
from agency_client.following import Following
from agency_client.vault.changes import ChangeKind
from agency_client.vault.hits import HitState
from broker.following_worker import GRACE, tell_late
from protocol.disclosure_payload import Wanted
from protocol.errors import Code, ConflictError, RefusedError
from protocol.follow_ups import FollowUpState
from protocol.messages import Justification
from tests.broker.test_following import close_hit
from tests.fakes.broker_world import PURPOSE
from tests.fakes.disclosing_agencies import Office, meeting

WHY = Justification(code="case-work", text="Vanavond op huisbezoek.", case_reference="Z-2026-17")
WANTED = Wanted(topics=("safety-now",), text="Is het veilig om aan te bellen?")


def _following(office: Office) -> Following:
    return Following(office.vault, office.post, office.world.kit.covenant, office.world.clock)


def _changing(office: Office) -> Changing:
    acts = Acts(office.vault, office.post, office.reading._reader, office.world.clock)
    return Changing(office.vault, office.post, acts, office.world.kit.covenant, office.world.clock)


async def _read(office: Office) -> None:
    news = await office.read()
    assert not news.failures, news.failures


async def test_a_hit_is_followed_up_from_deadline_to_doubt(database: str, tmp_path: Path) -> None:
    """Late by the broker's clock and one's own, then acknowledged and closed; the other side hears the doubt."""
    async with meeting(database, tmp_path) as met:
        (open_one,) = met.asker.vault.follow_ups.open()
        hours = met.world.kit.covenant.purposes[PURPOSE].deadline_hours("normal")
        met.world.clock.ahead = timedelta(hours=hours) + GRACE + timedelta(minutes=1)
        async with met.world.running(met.world.clock) as moved:
            assert await tell_late(moved.broker) == 2
        await _read(met.asker)
        assert [one.late for one in met.asker.vault.follow_ups.open()] == [True]
        following, anna = _following(met.asker), met.asker.person("Anna")
        await following.acknowledge(open_one.hit, anna)
        await following.outcome(open_one.hit, "not-the-same-person", anna)
        closed = met.asker.vault.follow_ups.of(open_one.hit)
        assert closed is not None
        assert (closed.state, closed.outcome) == (FollowUpState.CLOSED, "not-the-same-person")
        await _read(met.owner)
        theirs = met.owner.vault.follow_ups.of(met.hit)
        assert theirs is not None
        assert (theirs.state, theirs.doubt) == (FollowUpState.OPEN, "not-the-same-person")


async def test_a_colleague_with_another_vault_is_first(database: str, tmp_path: Path) -> None:
    """What the broker has from elsewhere wins; here the step is given up and nothing waits."""
    async with meeting(database, tmp_path) as met:
        await close_hit(met.world, met.asker.party, met.hit)
        with pytest.raises(ConflictError):
            await _following(met.asker).outcome(met.hit, "no-action-needed", met.asker.person("Anna"))
        assert met.asker.vault.outbox.count_open() == 0


async def test_a_restriction_hides_all_that_was_released_and_lifting_shows_it(database: str, tmp_path: Path) -> None:
    """Hit and answer are not to be had while it lasts; the sender sees who carried it out, and both come back."""
    async with meeting(database, tmp_path) as met:
        anna, bas = met.asker.person("Anna"), met.owner.person("Bas")
        made = await met.asker.requesting.ask(met.hit, WANTED, WHY, anna)
        await _read(met.owner)
        await met.owner.deciding.grant(made, Answer("Bel eerst."), bas)
        await _read(met.asker)
        assert (await met.asker.requesting.take(made, anna)).text == "Bel eerst."
        changing = _changing(met.owner)
        await changing.restrict(met.owner_signal, True, "accuracy-contested", bas)
        await _read(met.asker)
        assert met.asker.vault.hits.get(met.hit).state is HitState.RESTRICTED
        with pytest.raises(ConflictError) as hidden:
            await met.asker.requesting.take(made, anna)
        assert hidden.value.code is Code.SIGNAL_RESTRICTED
        await _changing(met.asker).answer()
        await _read(met.owner)
        change = met.owner.vault.changes.of(met.owner_signal)[0]
        assert (change.kind, change.waits) == (ChangeKind.RESTRICTED, False)
        assert [one.agency for one in change.recipients] == [met.asker.party]
        await changing.restrict(met.owner_signal, False, "settled", bas)
        await _read(met.asker)
        assert met.asker.vault.hits.get(met.hit).state is HitState.LIVE
        assert (await met.asker.requesting.take(made, anna)).text == "Bel eerst."


async def test_a_signal_lives_on_at_both_ends(database: str, tmp_path: Path) -> None:
    """The new end that the log proves stands in the vault; a second extension does not even leave."""
    async with meeting(database, tmp_path) as met:
        changing, bas = _changing(met.owner), met.owner.person("Bas")
        before = met.owner.vault.signals.get(met.owner_signal).expires_at
        await changing.extend(met.owner_signal, "De zorgen duren voort.", bas)
        assert met.owner.vault.signals.get(met.owner_signal).expires_at > before
        with pytest.raises(RefusedError):
            await changing.extend(met.owner_signal, "Nog eens.", bas)
