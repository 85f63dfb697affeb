# SPDX-License-Identifier: EUPL-1.2
"""Requests for more while a signal of their hit is restricted: nothing passes, and all goes on when it is lifted."""

import asyncio
from http import HTTPStatus
from pathlib import Path

import psycopg
import pytest

from agency_client.deciding import Answer
from agency_client.disclosure_kept import KeptDisclosure
from protocol.disclosure_states import DisclosureState
from protocol.errors import Code, ConflictError
from protocol.ids import DisclosureId, SignalId
from tests.broker.test_changing import restrict
from tests.broker.test_disclosing import _VICTIM, WANTED, WHY
from tests.fakes.disclosing_agencies import Meeting, Office, meeting
from tests.fakes.office_console import console_at


async def asked(met: Meeting) -> DisclosureId:
    """Let the asker ask, and the owner hear of it."""
    made = await met.asker.requesting.ask(met.hit, WANTED, WHY, met.asker.person("Anna"))
    assert not (await met.owner.read(0.0)).failures
    return made


def sides(met: Meeting) -> tuple[tuple[Office, SignalId], tuple[Office, SignalId]]:
    """Return whose signal may be restricted, and it."""
    return (met.owner, met.owner_signal), (met.asker, met.asker_signal)


def kept(office: Office, made: DisclosureId) -> KeptDisclosure:
    """Return a request as an office has it."""
    return office.vault.disclosures.get(made)


async def test_nothing_is_given_while_a_signal_is_restricted(database: str, tmp_path: Path) -> None:
    """Whichever side's it is, and also when the owner's client has not heard of it; it goes on when it is lifted."""
    async with meeting(database, tmp_path) as met:
        made = await asked(met)
        grant = met.owner.deciding.grant
        for office, signal in sides(met):
            await restrict(met.world, office.party, signal)
            with pytest.raises(ConflictError) as caught:
                await grant(made, Answer("Bel eerst."), met.owner.person("Bas"))
            assert caught.value.code is Code.SIGNAL_RESTRICTED
            # Refused for good: nothing of it waits to be sent by itself, and somebody can decide anew.
            assert not met.owner.vault.outbox.anything()
            found = kept(met.owner, made)
            assert (found.state, found.waiting, found.given) == (DisclosureState.REQUESTED, None, None)
            with psycopg.connect(database) as connection:
                assert connection.execute("SELECT state FROM disclosures").fetchall() == [("requested",)]
            await restrict(met.world, office.party, signal, on=False)
            await met.owner.read(0.0)
        await grant(made, Answer("Bel eerst."), met.owner.person("Bas"))
        await met.asker.read(0.0)
        assert (await met.asker.requesting.take(made, met.asker.person("Anna"))).text == "Bel eerst."


async def test_a_restricted_signal_can_be_refused_and_taken_back(database: str, tmp_path: Path) -> None:
    """To say no, or that it is needed no more, gives nothing; asking anew does not pass."""
    async with meeting(database, tmp_path) as met:
        made, other = await asked(met), await asked(met)
        await restrict(met.world, met.owner.party, met.owner_signal)
        await met.owner.deciding.refuse(made, "not-necessary", "Wordt nagekeken.", met.owner.person("Bas"))
        await met.asker.requesting.cancel(other, met.asker.person("Anna"))
        assert kept(met.owner, made).state is DisclosureState.REFUSED
        assert kept(met.asker, other).state is DisclosureState.CANCELLED
        with pytest.raises(ConflictError) as caught:
            await asked(met)
        assert caught.value.code is Code.SIGNAL_RESTRICTED


async def test_nobody_approves_what_is_being_checked(database: str, tmp_path: Path) -> None:
    """The first of two persons waits too."""
    async with meeting(database, tmp_path, **_VICTIM) as met:  # type: ignore[arg-type]
        made = await asked(met)
        await restrict(met.world, met.owner.party, met.owner_signal)
        with pytest.raises(ConflictError) as caught:
            await met.owner.deciding.approve(made, met.owner.person("Bas"))
        assert caught.value.code is Code.SIGNAL_RESTRICTED
        assert kept(met.owner, made).approvals == ()


async def test_what_was_given_is_not_read_while_a_signal_is_restricted(database: str, tmp_path: Path) -> None:
    """Neither the first time nor once more, also when the asker's client has not heard of it; then it is read again."""
    async with meeting(database, tmp_path) as met:
        made, who = await asked(met), met.asker.person("Anna")
        await met.owner.deciding.grant(made, Answer("Bel eerst."), met.owner.person("Bas"))
        await met.asker.read(0.0)
        takes = met.asker.requesting.take
        for state in (DisclosureState.GRANTED, DisclosureState.RECEIVED):
            assert kept(met.asker, made).state is state
            for office, signal in sides(met):
                await restrict(met.world, office.party, signal)
                for _ in range(2):
                    with pytest.raises(ConflictError) as caught:
                        await takes(made, who)
                    assert caught.value.code is Code.SIGNAL_RESTRICTED
                    # The second time the asker's client has heard of it.
                    await met.asker.read(0.0)
                assert kept(met.asker, made).state is state
                await restrict(met.world, office.party, signal, on=False)
                await met.asker.read(0.0)
            assert (await takes(made, who)).text == "Bel eerst."
            await met.owner.read(0.0)


async def test_an_answer_and_a_restriction_at_once_are_one_after_the_other(database: str, tmp_path: Path) -> None:
    """In the log nothing is given after the restriction: the answer was first, or it is refused."""
    async with meeting(database, tmp_path) as met:
        made = await asked(met)
        given, _ = await asyncio.gather(
            met.owner.deciding.grant(made, Answer("Ja."), met.owner.person("Bas")),
            restrict(met.world, met.owner.party, met.owner_signal),
            return_exceptions=True,
        )
        with psycopg.connect(database) as connection:
            kinds = [kind for (kind,) in connection.execute("SELECT kind FROM events ORDER BY log_index").fetchall()]
        if given is None:
            assert kinds.index(23) < kinds.index(27)
        else:
            assert isinstance(given, ConflictError)
            assert given.code is Code.SIGNAL_RESTRICTED
            assert 23 not in kinds


async def test_the_console_says_that_it_waits(database: str, tmp_path: Path) -> None:
    """Both sides read why nothing happens, in their language, and no colleague is blamed for it."""
    async with meeting(database, tmp_path) as met, console_at(met.owner) as owner, console_at(met.asker) as asker:
        made, other = await asked(met), await asked(met)
        await met.owner.deciding.grant(other, Answer("Ja."), met.owner.person("Bas"))
        await met.asker.read(0.0)
        await restrict(met.world, met.owner.party, met.owner_signal)
        page = await owner.post(f"/requests/{made}/grant", {"text": "Ja."}, lang="nl")
        read = await asker.post(f"/requests/{other}/answer")
        assert page.status_code == read.status_code == HTTPStatus.CONFLICT
        assert "is beperkt zolang het wordt nagekeken" in page.text
        assert "is restricted while it is checked" in read.text
        assert "A colleague was first" not in read.text
        await restrict(met.world, met.asker.party, met.asker_signal)
        await met.owner.read(0.0)
        page = await owner.post(f"/requests/{made}/grant", {"text": "Bel eerst haar tante."}, lang="nl")
        assert page.status_code == HTTPStatus.CONFLICT
        assert page.text.count("is beperkt zolang het wordt nagekeken") == 1
        assert "Wat u schreef, en niet is verstuurd" in page.text
        assert "Bel eerst haar tante." in page.text
        for _ in range(2):
            # The second time the asker's client has heard of it, and asks nobody.
            fields = {"reason": "own-case", "case": "Z-1", "wanted": "Is het veilig?"}
            page = await asker.post(f"/hits/{met.hit}/more", fields, lang="nl")
            assert page.status_code == HTTPStatus.CONFLICT
            assert page.text.count("is beperkt zolang het wordt nagekeken") == 1
            assert "Is het veilig?" in page.text
            await met.asker.read(0.0)
        # The first was refused by the broker; the second was never written.
        assert [one.failed is None for one in met.asker.vault.disclosures.of_hit(met.hit)].count(False) == 1
