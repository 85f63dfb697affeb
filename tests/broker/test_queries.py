# SPDX-License-Identifier: EUPL-1.2
"""A question and what it leads to: the answer, the owners' notices, the log; and nothing else anywhere."""

import asyncio
import json

import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from protocol.commitments import tag_digest
from protocol.encoding import b64url
from protocol.errors import Code, InputError, RefusedError, UnavailableError
from protocol.events import NoticeIssued, QueryAnswered
from protocol.ids import Epoch, PartyId, PurposeId
from protocol.notices import HitNotice, QueriedNotice
from tests.fakes.broker_world import (
    CARE,
    POLICE,
    PROBATION,
    PROSECUTION,
    PURPOSE,
    broker_world,
    tag_of,
)
from tests.fakes.data_keys import openings_of

PHONE = {"phone": "+31612345678"}
VICTIMS = PurposeId("victim-protection")
WHAT_GROWS = {
    "events",
    "event_handles",
    "notices",
    "notice_counters",
    "log_tiles",
    "log_head",
    "checkpoints",
    "cosignatures",
    "nonces",
}
"""The log's own tables, the notices with their numbers, and the nonces of signed requests, which are no question's."""


def _records(database: str, event: int) -> list[dict[str, object]]:
    found = [{**opening.record, "subject": opening.subject} for opening in openings_of(database)]
    return [one for one in found if one["event"] == event]


def _rows(database: str) -> dict[str, list[str]]:
    """Return all rows of all tables, as text."""
    with psycopg.connect(database) as connection:
        tables = connection.execute(
            "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
            "WHERE n.nspname = 'public' AND c.relkind = 'r'"
        ).fetchall()
        return {
            name: sorted(row[0] for row in connection.execute(SQL("SELECT t::text FROM {} t").format(Identifier(name))))
            for (name,) in tables
        }


async def test_both_sides_see_that_it_was_asked(database: str) -> None:
    """The asker is told whom to call, with the proof of its question; the owner is told who asked, with proof."""
    async with broker_world(database) as world:
        theirs = world.signal(PROSECUTION, PHONE)
        await world.agency(PROSECUTION).push(theirs)
        answer = await world.agency(POLICE).ask({**PHONE, "iban": "z"})
        (match,) = answer.matches
        assert (match.quality, match.level, match.urgency) == ("hit", "contact", "normal")
        assert [(one.kind, one.my_role, one.their_role) for one in match.agreed] == [("phone", "subject", "subject")]
        other = match.counterpart
        assert other is not None
        assert (other.agency, other.signal_id, other.signature) == (PROSECUTION, theirs.id, theirs.signature)
        assert other.parts == tuple(part for part in theirs.parts if part.name == "contact")
        assert {wrap.part: wrap.wrap for wrap in other.wraps} == {"contact": theirs.keys[0].wraps["contact"]}
        event = world.prove(answer.evidence, answer.checkpoint)
        assert isinstance(event, QueryAnswered)
        assert (event.act.agency, event.act.person, event.act.purpose) == (POLICE, "medewerker-17", PURPOSE)
        assert (event.matches, event.key_kinds, event.epoch) == (1, ("iban", "phone"), world.epoch)
        assert event.act.justification == "case-work"
        assert event.subject.words is not None
        assert event.subject.words.case_reference == "Z-1"
        tags = [tag_of("phone", PHONE["phone"], epoch=world.epoch), tag_of("iban", "z", epoch=world.epoch)]
        assert set(event.subject.tag_digests) == {tag_digest(tag) for tag in tags}
        assert event.subject.signal_ids == ()
        page = await world.agency(PROSECUTION).told(1)
        (notice,) = page.notices
        assert isinstance(notice, QueriedNotice)
        assert (notice.seq, notice.my_signal, notice.asker, notice.level) == (1, theirs.id, POLICE, "content")
        told = world.prove(notice.evidence, page.checkpoint)
        assert isinstance(told, NoticeIssued)
        assert (told.act.recipient, told.act.agency, told.notice_type) == (PROSECUTION, POLICE, "queried")
        assert told.act.justification is None
        (joined,) = _records(database, 7)
        assert (joined["agencies"], joined["subject"]) == ([POLICE, PROSECUTION], {"signalIds": [str(theirs.id)]})


async def test_nothing_of_a_question_is_stored_but_the_log_and_the_notice(database: str) -> None:
    """After questions with and without matches no other table has changed, and no table holds a tag that was asked."""
    async with broker_world(database) as world:
        await world.agency(PROSECUTION).push(world.signal(PROSECUTION, PHONE))
        await world.agency(PROBATION).push(world.signal(PROBATION, {"iban": "other"}))
        before = _rows(database)
        asked = {"phone": PHONE["phone"], "email": "nobody-signals-this"}
        assert len((await world.agency(POLICE).ask(asked)).matches) == 1
        assert (await world.agency(PROSECUTION).ask({"handle": "nor this"})).matches == ()
        with pytest.raises(RefusedError):
            await world.agency(CARE).ask({"handle": "nor this"})
        after = _rows(database)
        assert {name for name in after if after[name] != before.get(name)} <= WHAT_GROWS
        for kind, value in (("email", "nobody-signals-this"), ("handle", "nor this")):
            tag = tag_of(kind, value, epoch=world.epoch)
            whole = json.dumps(after)
            assert tag.hex() not in whole
            assert b64url(tag) not in whole


async def test_whoever_may_not_ask_learns_nothing(database: str) -> None:
    """No asker, a purpose that is closed to it, one that does not exist: the same refusal whether or not anybody knows
    the person, decided before anything is looked up; it is logged, and nobody is told.
    """
    async with broker_world(database) as world:
        signals = [world.signal(POLICE, PHONE, purpose=purpose) for purpose in (PURPOSE, VICTIMS)]
        signals[1] = signals[1].model_copy(update={"grounds": ("under-coercion",)})
        pushed = await world.agency(POLICE).push(*signals)
        assert [result.status for result in pushed.results] == ["accepted"] * 2
        refused: list[tuple[PartyId, PurposeId, str]] = [
            (CARE, PURPOSE, "guard.not-an-asker"),
            (PROBATION, VICTIMS, "guard.hidden-from-kind"),
            (PROBATION, PurposeId("no-such-purpose"), "unknown-entity"),
        ]
        for asker, purpose, rule in refused:
            said = []
            for keys in (PHONE, {"phone": "unknown"}):
                with pytest.raises(RefusedError) as error:
                    await world.agency(asker).ask(keys, purpose=purpose)
                said.append((error.value.code, error.value.rule, error.value.detail, error.value.hint))
            assert said[0] == said[1]
            assert said[0][:2] == (Code.POLICY_REFUSED, rule)
        logged = [(one["agency"], one["code"], one["rule"]) for one in _records(database, 11)]
        assert logged == [(asker, "policy_refused", rule) for asker, _, rule in refused for _ in range(2)]
        assert _records(database, 12) == _records(database, 7) == []
        assert (await world.agency(POLICE).notices()).notices == ()


async def test_a_question_names_who_asks_and_why(database: str) -> None:
    """Without a person, or a reason and a case, or of an epoch that is not live, it is refused, and that is logged; a
    question leaves no standing signal, so that who signals afterwards is told nothing of it.
    """
    async with broker_world(database) as world:
        with pytest.raises(InputError):
            await world.agency(POLICE).ask(PHONE, person=None)
        body = {"purpose": PURPOSE, "epoch": world.epoch, "keys": []}
        with pytest.raises(InputError):
            await world.agency(POLICE).client.request("POST", "/v1/queries", body=json.dumps(body).encode())
        with pytest.raises(RefusedError) as error:
            await world.agency(POLICE).ask(PHONE, epoch=Epoch(world.epoch + 1))
        assert error.value.code is Code.EPOCH_CLOSED
        assert [one["code"] for one in _records(database, 11)] == ["malformed", "malformed", "epoch_closed"]
        assert _records(database, 12) == []
        assert (await world.agency(POLICE).ask(PHONE)).matches == ()
        await world.agency(PROSECUTION).push(world.signal(PROSECUTION, PHONE))
        assert (await world.agency(PROSECUTION).notices(wait=1)).notices == ()


async def test_what_is_no_match_is_not_told(database: str) -> None:
    """Own signals, other purposes, withdrawn ones, mislabelled kinds, two associates and weak keys match nothing."""
    async with broker_world(database) as world:
        police, prosecution = world.agency(POLICE), world.agency(PROSECUTION)
        gone = world.signal(PROSECUTION, PHONE)
        weak = world.signal(PROSECUTION, {"sound-month-day": "w"})
        around = world.signal(PROSECUTION, [("iban", "a", "associate")])
        other = world.signal(PROSECUTION, {"email": "e"})
        tag = other.keys[0].model_copy(update={"tag": tag_of("handle", "h", epoch=world.epoch)})
        await police.push(world.signal(POLICE, PHONE))
        await prosecution.push(gone, weak, around, other.model_copy(update={"keys": (tag,)}))
        await prosecution.withdraw(gone.id)
        keys = [(kind, value, "subject") for kind, value in {**PHONE, "sound-month-day": "w", "handle": "h"}.items()]
        answer = await police.ask([*keys, ("iban", "a", "associate")])  # type: ignore[list-item]  # words of the test
        assert answer.matches == ()
        event = world.prove(answer.evidence, answer.checkpoint)
        assert isinstance(event, QueryAnswered)
        assert event.matches == 0
        assert (await prosecution.notices()).notices[1:] == ()


async def test_levels_are_the_covenant_s(database: str) -> None:
    """Asker and owner are each told at their own level: on two medium keys both hear of existence, and no name."""
    async with broker_world(database) as world:
        medium = {"name-year": "n", "sound-month-day": "n"}
        mine = world.signal(CARE, medium), world.signal(CARE, {"name-dob": "n"})
        await world.agency(CARE).push(*mine)
        answer = await world.agency(POLICE).ask(medium)
        (match,) = answer.matches
        assert (match.quality, match.level, match.counterpart) == ("possible", "existence", None)
        await world.agency(POLICE).ask({"name-dob": "n"})
        page = await world.agency(CARE).told(2)
        told = [one for one in page.notices if isinstance(one, QueriedNotice)]
        assert [(one.seq, one.level, one.asker) for one in told] == [(1, "existence", None), (2, "agency", POLICE)]
        hidden = world.prove(told[0].evidence, page.checkpoint)
        assert hidden.act.agency is None
        assert POLICE not in told[0].evidence.opening.to_json().decode()
        # The joining stands in the log all the same, for who may read it.
        assert [one["agencies"] for one in _records(database, 7)] == [[POLICE, CARE]] * 2


async def test_a_case_is_told_once_and_a_muted_key_never(database: str) -> None:
    """Of a case with several signals the best is told, once to each side; a key on too many cases points at nobody."""
    async with broker_world(database) as world:
        strong, sure = world.signal(CARE, {"name-dob": "n"}, case="A"), world.signal(CARE, PHONE, case="A")
        await world.agency(CARE).push(sure, strong, world.signal(CARE, PHONE, case="B"))
        answer = await world.agency(POLICE).ask({**PHONE, "name-dob": "n"})
        assert [match.quality for match in answer.matches] == ["hit", "hit"]
        page = await world.agency(CARE).told(2)
        assert len(page.notices) == 2
        assert {one.my_signal for one in page.notices if isinstance(one, QueriedNotice)} >= {sure.id}
        await world.agency(CARE).push(*(world.signal(CARE, {"iban": "many"}, case=f"{number}") for number in range(21)))
        await world.agency(CARE).told(3)
        assert (await world.agency(POLICE).ask({"iban": "many"})).matches == ()


async def test_an_answer_has_a_bound(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """More cases than an answer holds are not told, not joined and not announced."""
    monkeypatch.setattr("broker.query.MAX_MATCHES", 3)
    async with broker_world(database) as world:
        await world.agency(CARE).push(*(world.signal(CARE, PHONE, case=f"{number}") for number in range(5)))
        answer = await world.agency(POLICE).ask(PHONE)
        assert len(answer.matches) == 3
        event = world.prove(answer.evidence, answer.checkpoint)
        assert isinstance(event, QueryAnswered)
        assert event.matches == len(_records(database, 7)) == 3
        assert len((await world.agency(CARE).told(3)).notices) == 3


async def test_an_answer_needs_its_proof(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a quorum the question is logged and not answered, and the owner hears of it once it is proven."""
    monkeypatch.setattr("broker.service.PROOF_SECONDS", 0.3)
    async with broker_world(database) as world:
        await world.agency(PROSECUTION).push(world.signal(PROSECUTION, PHONE))
        for witness in world.witnesses:
            witness.down = True
        with pytest.raises(UnavailableError) as error:
            await world.agency(POLICE).ask(PHONE)
        assert error.value.code is Code.NOT_LOGGED
        assert len(_records(database, 12)) == 1
        assert (await world.agency(PROSECUTION).notices()).notices == ()
        for witness in world.witnesses:
            witness.down = False
        assert len((await world.agency(PROSECUTION).told(1)).notices) == 1


async def test_questions_and_hits_share_numbers_without_gaps(database: str) -> None:
    """Hits and questions are told under one series of numbers, however they come together."""
    async with broker_world(database) as world:
        await world.agency(CARE).push(world.signal(CARE, PHONE))
        await asyncio.gather(
            world.agency(PROSECUTION).push(world.signal(PROSECUTION, PHONE)),
            *(world.agency(one).ask(PHONE) for one in (POLICE, PROBATION) for _ in range(4)),
        )
        page = await world.agency(CARE).told(9)
        assert [notice.seq for notice in page.notices] == list(range(1, 10))
        assert sorted(notice.type for notice in page.notices) == ["hit"] + ["queried"] * 8
        assert any(isinstance(notice, HitNotice) for notice in page.notices)
