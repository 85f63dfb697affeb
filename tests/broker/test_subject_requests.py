# SPDX-License-Identifier: EUPL-1.2
"""What the broker gives an agency that answers a citizen: its own acts and what it was told, proven; nothing else."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from broker.matching import hit_id
from protocol.commitments import tag_digest
from protocol.encoding import b64url
from protocol.errors import Code, InputError, RefusedError
from protocol.events import Event, EventsErased, NoticeIssued, SignalsMatched, SubjectReported, Words
from protocol.ids import PartyId, PurposeId, SignalId
from protocol.messages import parse
from protocol.questions import PersonRole
from protocol.subject_requests import MAX_DIGESTS, SubjectFound
from tests.broker.test_canaries import ALSO, SUPERVISOR, canary
from tests.broker.test_erasing import erase
from tests.fakes.broker_world import (
    CARE,
    MUNICIPALITY,
    POLICE,
    PROBATION,
    PROSECUTION,
    PURPOSE,
    BrokerWorld,
    broker_world,
    tag_of,
)

PHONE = {"phone": "31612345678"}
OTHER = {"phone": "31687654321"}
VICTIMS = PurposeId("victim-protection")
WHO = "functionaris-7"


def digest_of(world: BrokerWorld, keys: Mapping[str, str], purpose: PurposeId = PURPOSE) -> list[bytes]:
    """Return the digests of a person's pseudonyms in this epoch."""
    return [tag_digest(tag_of(kind, value, purpose, world.epoch)) for kind, value in keys.items()]


async def ask(
    world: BrokerWorld,
    party: PartyId,
    keys: Mapping[str, str] = PHONE,
    *,
    purposes: Sequence[PurposeId] = (PURPOSE,),
    role: PersonRole = "privacy-officer",
    signals: Sequence[SignalId] = (),
    known: Sequence[int] = (),
    changes: Mapping[str, Any] | None = None,
) -> SubjectFound:
    """Ask what the log has about a person."""
    tags = [
        {
            "purpose": purpose,
            "epoch": world.epoch,
            "tagDigests": [b64url(one) for one in digest_of(world, keys, purpose)],
        }
        for purpose in purposes
    ]
    asked: dict[str, Any] = {
        "justification": {"code": "access-request", "text": "Verzoek om inzage", "caseReference": "I-1"},
        "purposes": list(purposes),
        "tags": tags if keys else [],
        "signals": [str(one) for one in signals],
        "known": list(known),
    }
    body = json.dumps(asked | dict(changes or {})).encode()
    headers = {"Sluis-Person": WHO, "Sluis-Role": role}
    answer = await world.agency(party).client.request("POST", "/v1/subject-requests", body=body, headers=headers)
    return parse(SubjectFound, answer.body)


def events(world: BrokerWorld, found: SubjectFound) -> list[Event]:
    """Return the proven events of an answer."""
    return [world.prove(one, found.checkpoint) for one in found.entries]


def kinds(world: BrokerWorld, found: SubjectFound) -> Counter[str]:
    """Return how many entries of each kind there are."""
    return Counter(type(event).__name__ for event in events(world, found))


async def test_an_agency_gets_its_own_acts_and_what_it_was_told(database: str) -> None:
    """Registering, the match whose other side it knows, its notices, its openings and its withdrawal, all proven; the
    request itself stands in the log with its person, reason, purposes, digests and number of entries.
    """
    async with broker_world(database) as world:
        mine, theirs = world.signal(POLICE, PHONE), world.signal(PROSECUTION, PHONE)
        await world.agency(POLICE).push(mine)
        await world.agency(PROSECUTION).push(theirs)
        await world.agency(POLICE).push(world.signal(POLICE, OTHER))
        await world.agency(POLICE).told(1)
        await world.agency(POLICE).open(hit_id(mine.id, theirs.id))
        await world.agency(POLICE).withdraw(mine.id)
        await world.agency(PROSECUTION).told(2)
        found = await ask(world, POLICE)
        report = world.prove(found.report, found.checkpoint)
        assert kinds(world, found) == {
            "SignalRegistered": 1,
            "SignalsMatched": 1,
            "NoticeIssued": 1,
            "HitOpened": 1,
            "SignalWithdrawn": 1,
        }
        assert [one.index for one in found.entries] == sorted(one.index for one in found.entries)
        assert not found.more
        assert isinstance(report, SubjectReported)
        assert (report.act.agency, report.act.person, report.entries) == (POLICE, WHO, len(found.entries))
        assert (report.purposes, report.act.justification) == ((PURPOSE,), "access-request")
        assert report.subject.words == Words(text="Verzoek om inzage", case_reference="I-1")
        assert report.subject.tag_digests == tuple(digest_of(world, PHONE))
        # The next request finds this one too: who looked is part of what is processed.
        assert kinds(world, await ask(world, POLICE))["SubjectReported"] == 1


async def test_what_others_did_or_were_told_is_theirs_to_answer_for(database: str) -> None:
    """No notice to another agency, no opening by it, none of its signals or questions, is ever given."""
    async with broker_world(database) as world:
        mine, theirs = world.signal(POLICE, PHONE), world.signal(PROSECUTION, PHONE)
        await world.agency(POLICE).push(mine)
        await world.agency(PROSECUTION).push(theirs)
        await world.agency(PROSECUTION).told(1)
        await world.agency(PROSECUTION).open(hit_id(mine.id, theirs.id))
        await world.agency(PROBATION).ask(PHONE)
        await world.agency(POLICE).told(2)
        given = events(world, await ask(world, POLICE, signals=[theirs.id]))
        assert {one.act.agency for one in given if not isinstance(one, NoticeIssued)} <= {POLICE, None}
        assert {one.act.recipient for one in given if isinstance(one, NoticeIssued)} == {POLICE}
        assert {one.notice_type for one in given if isinstance(one, NoticeIssued)} == {"hit", "queried"}
        assert sum(isinstance(one, SignalsMatched) for one in given) == 1
        # Somebody who has nothing about the person gets nothing, whatever others have.
        assert (await ask(world, MUNICIPALITY)).entries == ()


async def test_whose_signal_met_ours_is_not_told_below_its_level(database: str) -> None:
    """Where the covenant told us only that there is something, the match, which names the other, is not given."""
    async with broker_world(database) as world:
        weak = {"initials-dob": "a-vries-20010131", "address": "1234AB5"}
        await world.agency(POLICE).push(world.signal(POLICE, weak))
        await world.agency(CARE).push(world.signal(CARE, weak))
        page = await world.agency(POLICE).told(1)
        assert page.notices[0].level == "existence"  # type: ignore[union-attr]
        found = await ask(world, POLICE, weak)
        assert kinds(world, found) == {"SignalRegistered": 1, "NoticeIssued": 1}
        assert CARE not in str([one.act for one in events(world, found)])


async def test_own_signals_are_found_without_their_pseudonyms(database: str) -> None:
    """Of an epoch whose keys are gone no digest can be made: own signals' ids find their entries all the same."""
    async with broker_world(database) as world:
        mine = world.signal(POLICE, PHONE)
        await world.agency(POLICE).push(mine)
        await world.agency(POLICE).withdraw(mine.id)
        found = await ask(world, POLICE, {}, signals=[mine.id])
        assert kinds(world, found) == {"SignalRegistered": 1, "SignalWithdrawn": 1}
        # Somebody else's id finds nothing of theirs.
        assert (await ask(world, CARE, {}, signals=[mine.id])).entries == ()


async def test_a_purpose_that_is_not_allowed_answers_as_one_without_entries(database: str) -> None:
    """Probation asks about victims: the answer is word for word that of a purpose of which it has nothing, and what the
    victim's side has is not looked up, also not by digests under another purpose's name.
    """
    async with broker_world(database) as world:
        for party in (CARE, POLICE):
            signal = world.signal(party, PHONE, purpose=VICTIMS, basis="consent" if party == CARE else "legal-duty")
            await world.agency(party).push(signal.model_copy(update={"grounds": ("runaway-minor",)}))
        await world.agency(CARE).told(1)
        hidden = await ask(world, PROBATION, purposes=[VICTIMS])
        empty = await ask(world, PROBATION, OTHER)
        for found in (hidden, empty):
            assert (found.entries, found.more, found.erased) == ((), False, ())
        stolen = {
            "tags": [
                {
                    "purpose": PURPOSE,
                    "epoch": world.epoch,
                    "tagDigests": [b64url(one) for one in digest_of(world, PHONE, VICTIMS)],
                }
            ]
        }
        # All that is there is that it asked before.
        assert kinds(world, await ask(world, PROBATION, changes=stolen)) == {"SubjectReported": 1}
        assert kinds(world, await ask(world, CARE, purposes=[VICTIMS]))["SignalRegistered"] == 1


@pytest.mark.parametrize("role", ["coordinator", "operator", "supervisor"])
async def test_only_a_privacy_officer_asks_and_a_refusal_is_logged(database: str, role: PersonRole) -> None:
    """Another role is refused whatever the purpose, before anything is looked up."""
    async with broker_world(database) as world:
        for purposes in ([PURPOSE], [VICTIMS]):
            with pytest.raises(RefusedError) as error:
                await ask(world, POLICE, role=role, purposes=purposes)
            assert error.value.code is Code.POLICY_REFUSED
        found = await ask(world, POLICE)
        assert found.entries == ()


async def test_a_request_without_reason_or_beyond_its_bound_is_refused(database: str) -> None:
    """No reason, or more digests than one person can have: nothing is looked up."""
    async with broker_world(database) as world:
        with pytest.raises(InputError):
            await ask(world, POLICE, changes={"justification": None})
        many = [b64url(one.to_bytes(32, "big")) for one in range(MAX_DIGESTS + 1)]
        group = {"purpose": PURPOSE, "epoch": world.epoch, "tagDigests": many}
        with pytest.raises(InputError):
            await ask(world, POLICE, changes={"tags": [group]})


async def test_what_was_erased_is_named_by_the_entry_that_says_so(database: str) -> None:
    """An own entry whose subject part is gone is found no more: of one that the agency knew, the erasure is shown."""
    async with broker_world(database) as world:
        mine = world.signal(POLICE, PHONE)
        answer = await world.agency(POLICE).push(mine)
        assert answer.results[0].evidence is not None
        place = answer.results[0].evidence.index
        await world.agency(POLICE).withdraw(mine.id)
        await erase(world, POLICE, mine.id)
        found = await ask(world, POLICE, signals=[mine.id], known=[place, 10**6])
        assert found.entries == ()
        (erased,) = found.erased
        marker = world.prove(erased.marker, found.checkpoint)
        assert erased.index == place
        assert isinstance(marker, EventsErased)
        assert place in marker.indexes
        # Nobody else is told which of the agency's entries were erased.
        assert (await ask(world, CARE, signals=[mine.id], known=[place])).erased == ()


async def test_an_epoch_that_is_far_ahead_has_nothing(database: str) -> None:
    """Whatever number is sent, the answer is that of an epoch without entries."""
    async with broker_world(database) as world:
        digests = [b64url(one) for one in digest_of(world, PHONE)]
        tags = {"tags": [{"purpose": PURPOSE, "epoch": 2**32 - 1, "tagDigests": digests}]}
        assert (await ask(world, POLICE, changes=tags)).entries == ()


async def test_a_canary_looks_like_any_match_and_is_no_act_of_its_cover(database: str) -> None:
    """Whoever touched a canary is given what a real match gives; the cover, and its planter's being told, are not."""
    async with broker_world(database, also=ALSO) as world:
        await world.agency(SUPERVISOR).push(canary(world, CARE, OTHER))
        await world.agency(CARE).push(world.signal(CARE, PHONE))
        for keys in (PHONE, OTHER):
            await world.agency(POLICE).push(world.signal(POLICE, keys))
        await world.agency(POLICE).told(2)
        touched, real = [events(world, await ask(world, POLICE, keys)) for keys in (OTHER, PHONE)]
        assert [type(one) for one in touched] == [type(one) for one in real]
        assert [one.agencies for one in touched if isinstance(one, SignalsMatched)] == [
            one.agencies for one in real if isinstance(one, SignalsMatched)
        ]
        assert (await ask(world, CARE, OTHER)).entries == ()
        with pytest.raises(RefusedError):
            await ask(world, SUPERVISOR, OTHER, role="supervisor")
