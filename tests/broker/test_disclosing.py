# SPDX-License-Identifier: EUPL-1.2
"""Asking for more and giving it, from one agency's vault to the other's, over a real broker."""

import asyncio
import os
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest

from agency_client.deciding import Answer
from protocol.disclosure_payload import Attachment, Wanted
from protocol.disclosure_states import DisclosureState, Step
from protocol.errors import Code, ConfigurationError, ConflictError, InputError, NotFoundError, RefusedError, SluisError
from protocol.hpke import OpeningKey, OpeningKeys
from protocol.ids import PurposeId
from protocol.messages import Justification
from tests.broker.test_erasing import erase
from tests.fakes.broker_world import CARE, POLICE
from tests.fakes.disclosing_agencies import Meeting, meeting

WHY = Justification(code="case-work", text="Vanavond op huisbezoek.", case_reference="Z-2026-17")
WANTED = Wanted(topics=("safety-now",), text="Is het veilig om aan te bellen?")
TWO_PERSONS = PurposeId("victim-protection")
_VICTIM = {"purpose": TWO_PERSONS, "ground": "runaway-minor", "bases": {POLICE: "legal-duty", CARE: "consent"}}


def _rows(database: str, query: str) -> list[tuple[object, ...]]:
    with psycopg.connect(database) as connection:
        return connection.execute(query).fetchall()  # type: ignore[arg-type]  # our own words


async def _asked(met: Meeting) -> object:
    made = await met.asker.requesting.ask(met.hit, WANTED, WHY, met.asker.person("Anna"))
    news = await met.owner.read()
    assert not news.failures, news.failures
    return made


async def test_what_is_asked_is_given_read_and_gone_at_the_broker(database: str, tmp_path: Path) -> None:
    """The owner reads what is asked and why, the asker gets the answer with its files, and the broker keeps nothing."""
    async with meeting(database, tmp_path) as met:
        made = await _asked(met)
        (found,) = met.owner.vault.disclosures.to_decide()
        assert (found.id, found.other, found.wanted, found.why) == (made, POLICE, WANTED, WHY)
        files = (Attachment("plan.pdf", b"x" * 300_000, "application/pdf"), Attachment("leeg.txt", b""))
        answer = Answer("Bel eerst.", {"verblijf": "bij tante"}, files)
        await met.owner.deciding.grant(made, answer, met.owner.person("Bas"))
        await met.asker.read()
        assert met.asker.vault.disclosures.counts().to_fetch == 1
        given = await met.asker.requesting.take(made, met.asker.person("Anna"))
        assert (given.text, given.fields, given.attachments) == (answer.text, answer.fields, files)
        assert not _rows(database, "SELECT 1 FROM disclosure_chunks")
        assert _rows(database, "SELECT state, wanted, answer FROM disclosures") == [("received", None, None)]
        await met.owner.read()
        assert met.owner.vault.disclosures.get(made).state is DisclosureState.RECEIVED
        assert not (await met.asker.read(0.0)).failures


async def test_danger_and_contact_preference_always_travel_along(database: str, tmp_path: Path) -> None:
    """Whatever the owner writes, what its own record says of danger and contact goes along, apart from the rest."""
    async with meeting(database, tmp_path) as met:
        made = await _asked(met)
        await met.owner.deciding.grant(made, Answer("Niets bijzonders."), met.owner.person("Bas"))
        await met.asker.read()
        given = await met.asker.requesting.take(made, met.asker.person("Anna"))
        assert given.danger == {"gevaar": "Agressieve hond"}
        assert given.contact_preference == {"contactvoorkeur": "Alleen bellen"}
        kept = met.owner.vault.disclosures.get(made).given
        assert kept is not None
        assert kept.danger == given.danger


async def test_a_refusal_tells_the_asker_why_and_nobody_else(database: str, tmp_path: Path) -> None:
    """The code stands in the log, the words reach the asker only, and the broker holds them sealed."""
    async with meeting(database, tmp_path) as met:
        made = await _asked(met)
        await met.owner.deciding.refuse(made, "no-consent", "Zij wil het niet.", met.owner.person("Bas"))
        await met.asker.read()
        kept = met.asker.vault.disclosures.get(made)
        assert kept.state is DisclosureState.REFUSED
        assert kept.refusal is not None
        assert (kept.refusal.code, kept.refusal.text) == ("no-consent", "Zij wil het niet.")
        assert "Zij wil" not in str(_rows(database, "SELECT refusal FROM disclosures"))
        with pytest.raises(ConflictError):
            await met.asker.requesting.take(made, met.asker.person("Anna"))


async def test_of_two_colleagues_at_once_one_decides(database: str, tmp_path: Path) -> None:
    """Two coordinators at two desks decide at the same moment: one wins, the other hears that it is decided."""
    async with meeting(database, tmp_path) as met:
        made = await _asked(met)
        results = await asyncio.gather(
            met.owner.deciding.grant(made, Answer("Ja."), met.owner.person("Bas")),
            met.owner.deciding.refuse(made, "not-necessary", "", met.owner.person("Cor")),
            return_exceptions=True,
        )
        (lost,) = [one for one in results if one is not None]
        assert isinstance(lost, ConflictError)
        assert lost.code is Code.ALREADY_DECIDED
        await met.asker.read()
        assert met.asker.vault.disclosures.get(made).state in (DisclosureState.GRANTED, DisclosureState.REFUSED)
        with pytest.raises(ConflictError) as again:
            await met.owner.deciding.refuse(made, "not-necessary", "", met.owner.person("Cor"))
        assert again.value.code is Code.ALREADY_DECIDED


async def test_two_persons_decide_where_the_purpose_says_so(database: str, tmp_path: Path) -> None:
    """Nothing is given before another person approved, nor by the one who did."""
    async with meeting(database, tmp_path, **_VICTIM) as met:  # type: ignore[arg-type]
        made = await _asked(met)
        bas, cor = met.owner.person("Bas"), met.owner.person("Cor")
        with pytest.raises(RefusedError, match="two persons"):
            await met.owner.deciding.grant(made, Answer("Ja."), bas)
        await met.owner.deciding.approve(made, bas)
        assert met.owner.vault.disclosures.get(made).approvals == (bas,)
        with pytest.raises(RefusedError, match="Another person"):
            await met.owner.deciding.grant(made, Answer("Ja."), bas)
        await met.owner.deciding.grant(made, Answer("Ja."), cor)
        await met.asker.read()
        assert (await met.asker.requesting.take(made, met.asker.person("Anna"))).text == "Ja."


async def test_handing_over_stays_within_the_agency(database: str, tmp_path: Path) -> None:
    """Who answers instead is kept with who said so; the broker hears nothing of it."""
    async with meeting(database, tmp_path) as met:
        made = await _asked(met)
        before = _rows(database, "SELECT count(*) FROM events")
        await met.owner.deciding.hand_over(made, "Cor", met.owner.person("Bas"))
        kept = met.owner.vault.disclosures.get(made)
        assert kept.assigned_to == met.owner.person("Cor")
        assert [(one.step, one.person) for one in kept.steps][-1] == (Step.HAND_OVER, met.owner.person("Bas"))
        assert _rows(database, "SELECT count(*) FROM events") == before


async def test_reading_it_once_more_is_logged_once_more(database: str, tmp_path: Path) -> None:
    """What was given stays readable here, and each reading stands in the log with its reader."""
    async with meeting(database, tmp_path) as met:
        made = await _asked(met)
        await met.owner.deciding.grant(made, Answer("Ja."), met.owner.person("Bas"))
        await met.asker.read()
        for who in ("Anna", "Dirk"):
            assert (await met.asker.requesting.take(made, met.asker.person(who))).text == "Ja."
        steps = [(one.step, one.person) for one in met.asker.vault.disclosures.get(made).steps]
        assert steps[-1] == (Step.READ_AGAIN, met.asker.person("Dirk"))
        assert len(_rows(database, "SELECT 1 FROM events WHERE kind = 24")) == 2


@pytest.mark.parametrize("given", [False, True])
async def test_taking_it_back_ends_it_and_deletes_what_was_given(database: str, tmp_path: Path, given: bool) -> None:
    """The owner is told, and no piece of an answer stays."""
    async with meeting(database, tmp_path) as met:
        made = await _asked(met)
        if given:
            await met.owner.deciding.grant(made, Answer("Ja."), met.owner.person("Bas"))
            await met.asker.read()
        await met.asker.requesting.cancel(made, met.asker.person("Anna"))
        await met.asker.requesting.cancel(made, met.asker.person("Anna"))
        await met.owner.read()
        assert met.owner.vault.disclosures.get(made).state is DisclosureState.CANCELLED
        assert not _rows(database, "SELECT 1 FROM disclosure_chunks")
        with pytest.raises(SluisError):
            await met.owner.deciding.refuse(made, "not-necessary", "", met.owner.person("Bas"))


@pytest.mark.parametrize("given", [False, True])
async def test_what_nobody_decides_or_fetches_in_time_expires(database: str, tmp_path: Path, given: bool) -> None:
    """Both sides are told when the time to decide, or to fetch, is over; the sealed pieces go."""
    async with meeting(database, tmp_path) as met:
        made = await _asked(met)
        ahead = timedelta(hours=73)
        if given:
            await met.owner.deciding.grant(made, Answer("Ja."), met.owner.person("Bas"))
            await met.asker.read()
            ahead = timedelta(days=15)
        assert await met.end_due() == 0
        met.world.clock.ahead = ahead
        assert await met.end_due() == 1
        for office in (met.asker, met.owner):
            news = await office.read()
            assert not news.failures, news.failures
            assert office.vault.disclosures.get(made).state is DisclosureState.EXPIRED
        assert not _rows(database, "SELECT 1 FROM disclosure_chunks")


async def test_a_request_ends_with_a_signal_of_its_hit(database: str, tmp_path: Path) -> None:
    """When a signal is taken back, what was asked about it is gone at both sides, and so is what was given."""
    async with meeting(database, tmp_path) as met:
        made = await _asked(met)
        await met.owner.deciding.grant(made, Answer("Ja."), met.owner.person("Bas"))
        await met.asker.read()
        await met.world.agency(met.owner.party).withdraw(met.owner_signal)
        with pytest.raises(SluisError):
            await met.asker.requesting.take(made, met.asker.person("Anna"))
        assert await met.end_due() == 1
        await met.asker.read()
        assert met.asker.vault.disclosures.get(made).state is DisclosureState.GONE
        with pytest.raises(SluisError):
            await met.asker.requesting.take(made, met.asker.person("Anna"))


async def test_who_was_not_told_whom_the_hit_is_with_cannot_ask(database: str, tmp_path: Path) -> None:
    """A hit of which this agency was not told is no hit to ask about, at the client and at the broker."""
    async with meeting(database, tmp_path) as met:
        with pytest.raises(NotFoundError):
            await met.asker.requesting.ask(type(met.hit)(int=5), WANTED, WHY, "p-1")


@pytest.mark.parametrize("size", [10 * 1024 * 1024 + 1])
async def test_more_than_ten_megabytes_is_refused_before_it_leaves(database: str, tmp_path: Path, size: int) -> None:
    """Nothing is sent, and the request still waits for a decision."""
    async with meeting(database, tmp_path) as met:
        made = await _asked(met)
        with pytest.raises(SluisError) as error:
            await met.owner.deciding.grant(
                made, Answer("", {}, (Attachment("groot", bytes(size)),)), met.owner.person("Bas")
            )
        assert error.value.code is Code.TOO_LARGE
        assert met.owner.vault.disclosures.counts().to_decide == 1


async def test_erasing_a_signal_leaves_nothing_of_what_was_asked_about_it(database: str, tmp_path: Path) -> None:
    """Rows and sealed pieces go, the entries forget whom they concern, and who reads late hears that it was erased."""
    async with meeting(database, tmp_path) as met:
        made = await _asked(met)
        await met.owner.deciding.grant(made, Answer("Ja."), met.owner.person("Bas"))
        await erase(met.world, met.owner.party, met.owner_signal)
        assert not _rows(database, "SELECT 1 FROM disclosures")
        assert not _rows(database, "SELECT 1 FROM disclosure_chunks")
        assert not _rows(database, "SELECT 1 FROM notices WHERE disclosure_id IS NOT NULL OR act_event_id IS NOT NULL")
        assert not _rows(database, "SELECT 1 FROM events WHERE kind BETWEEN 22 AND 25 AND subject IS NOT NULL")
        for office in (met.asker, met.owner):
            news = await office.read()
            assert not news.failures, news.failures
        assert met.asker.vault.disclosures.get(made).state is not DisclosureState.GRANTED


async def test_what_was_sealed_to_an_older_key_is_read_with_the_newer_beside_it(database: str, tmp_path: Path) -> None:
    """Both sides make a new key while a request is under way: what the others sealed before they knew opens."""
    async with meeting(database, tmp_path) as met:
        made = await met.asker.requesting.ask(met.hit, WANTED, WHY, met.asker.person("Anna"))
        for office in (met.asker, met.owner):
            older = met.world.kit.disclosure_keys[office.party]
            assert isinstance(older, OpeningKey)
            met.world.kit.disclosure_keys[office.party] = OpeningKeys([OpeningKey(os.urandom(32)), older])
            office.reopen()
        assert not (await met.owner.read()).failures
        assert met.owner.vault.disclosures.get(made).wanted == WANTED
        await met.owner.deciding.grant(made, Answer("Ja."), met.owner.person("Bas"))
        await met.asker.read()
        assert (await met.asker.requesting.take(made, met.asker.person("Anna"))).text == "Ja."


async def test_a_home_without_a_disclosure_key_says_what_to_do(database: str, tmp_path: Path) -> None:
    """An older home can neither ask nor read, and hears how that is mended."""
    async with meeting(database, tmp_path) as met:
        met.asker.requesting._opening = None
        with pytest.raises(ConfigurationError, match="renew-disclosure-key"):
            await met.asker.requesting.ask(met.hit, WANTED, WHY, met.asker.person("Anna"))
        assert not met.asker.vault.disclosures.mine()


async def test_an_unknown_topic_or_reason_is_refused_before_it_leaves(database: str, tmp_path: Path) -> None:
    """Codes are those of the covenant."""
    async with meeting(database, tmp_path) as met:
        with pytest.raises(InputError, match="topic"):
            await met.asker.requesting.ask(met.hit, Wanted(topics=("gossip",), text="x"), WHY, "p-1")
        made = await _asked(met)
        with pytest.raises(InputError, match="reason"):
            await met.owner.deciding.refuse(made, "because", "", met.owner.person("Bas"))
