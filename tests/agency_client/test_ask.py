# SPDX-License-Identifier: EUPL-1.2
"""Asking without signalling: own rules first, one signed question, and an answer that is believed when it is proven."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from agency_client.ask import Question, question_of, require_allowed
from agency_client.ask_showing import answer_json, by_chance, per_million, show_answer
from agency_client.showing import queried_json
from protocol.encoding import canonical_json
from protocol.errors import Code, InputError, RefusedError, UnavailableError, VerificationError
from protocol.events import Subject, Words
from protocol.ids import KeyKind, PartyId, PurposeId
from protocol.keys import expected_strangers
from protocol.messages import Justification
from protocol.normalise import Person
from protocol.notices import QueriedNotice
from tests.fakes import dishonest_answers as lies
from tests.fakes.agency import CONTACT, Client, make_client
from tests.fakes.dishonest_broker import LogsOtherwise
from tests.fakes.small_world import NOW, PURPOSE, AgencyDoor, World, agreed_of

POLICE = PartyId("police-oost")
BSN, DATE = "123456782", "2001-01-31"
ANNA = Person(given_names="Anna", surname="de Vries", birth_date=DATE, bsn=BSN)
KEYS = [("bsn", BSN)]
WHY = Justification(code="own-case", text="Zorgen in een lopende zaak.", case_reference="Z-1")
WHO = "0" * 32


def question(world: World, person: Person = ANNA, purpose: PurposeId = PURPOSE) -> Question:
    """Return the question about a person."""
    return question_of(person, purpose, WHY, world.kit.covenant)


async def asker(folder: Path, world: World, door: type[AgencyDoor] = AgencyDoor, cases: int = 2) -> Client:
    """Return the police, who ask through this door about somebody whom care and prosecution know."""
    for name in ("care-linde", "prosecution-oost")[:cases]:
        other = make_client(folder / name, world, name)
        other.add((f"{name} 1", KEYS))
        assert await other.send() is None
    return make_client(folder / "p", world, broker=door(world.broker, POLICE))


async def test_an_answer_says_who_knows_and_whom_to_call(tmp_path: Path, world: World) -> None:
    """The asker reads every agency that knows the person, with its contact, and keeps the receipt and nothing else."""
    police = await asker(tmp_path, world)
    answered = await police.asking.ask(question(world), WHO)
    assert {case.agency for case in answered.cases} == {"care-linde", "prosecution-oost"}
    assert all(case.parts == {"contact": CONTACT} for case in answered.cases)
    assert {budget.used for budget in answered.budgets.values()} != {0}
    assert list(police.vault.evidence.receipts())[-1][:2] == (answered.place, "QueryAnswered")
    assert (police.vault.hits.all(), police.vault.outbox.count_open(), police.vault.pending.count()) == ([], 0, 0)
    raw = b"".join(path.read_bytes() for path in (tmp_path / "p").iterdir())
    assert b"Vries" not in raw
    assert BSN.encode() not in raw


async def test_the_words_of_an_answer(tmp_path: Path, world: World) -> None:
    """A person reads who knows whom, how sure, the contact, what chance gives, that it is logged, and the budget."""
    police = await asker(tmp_path, world, cases=1)
    answered = await police.asking.ask(question(world), WHO)
    out = StringIO()
    show_answer(Console(file=out, width=200), answered, world.kit.covenant)
    said = out.getvalue()
    assert "Jeugdzorg De Linde knows the person you ask about: BSN agrees." in said
    assert "one person's own number" in said
    assert "088 000 00 00" in said
    assert "By chance alone, such a question finds a stranger as probable in about 1 of" in said
    assert "who knows the person sees that it was asked" in said
    assert "left 1,000,000" in said
    read: Any = answer_json(answered, world.kit.covenant)
    assert canonical_json(read)
    (match,) = read["matches"]
    assert (match["agency"], match["kinds"], match["parts"]) == ("care-linde", ["bsn"], {"contact": CONTACT})
    assert match["strangersPerMillionQuestions"] == per_million(expected_strangers([KeyKind("bsn")]))
    assert read["budget"]["left"] == 1_000_000


async def test_no_match_says_what_that_means(tmp_path: Path, world: World) -> None:
    """That nobody is named is no proof that nobody knows the person, and the words say so."""
    police = await asker(tmp_path, world, cases=0)
    answered = await police.asking.ask(question(world), WHO)
    assert answered.cases == ()
    out = StringIO()
    show_answer(Console(file=out, width=200), answered, world.kit.covenant)
    assert "may know the person all the same" in out.getvalue()


async def test_a_twin_is_named_and_existence_hides_who(tmp_path: Path, world: World) -> None:
    """Where nothing tells twins apart it is said, and at level existence neither agency nor contact is shown."""
    made = question(world, replace(ANNA, postcode="1234 AB", house_number="5", bsn=""))
    weak = [(key.kind, key.normal_form) for key in made.keys if key.kind in {"initials-dob", "address"}]
    other = make_client(tmp_path / "c", world, "care-linde")
    other.add(("C-1", weak))
    assert await other.send() is None
    police = make_client(tmp_path / "p", world)
    answered = await police.asking.ask(made, WHO)
    (case,) = answered.cases
    assert (case.level, case.agency, case.parts) == ("existence", None, {})
    out = StringIO()
    show_answer(Console(file=out, width=200), answered, world.kit.covenant)
    assert "Another agency possibly knows" in out.getvalue()
    assert "It could be a twin." in out.getvalue()
    assert "does not let you hear which agency" in out.getvalue()


@pytest.mark.parametrize("lie", lies.BENT)
async def test_a_bent_answer_is_not_shown(tmp_path: Path, world: World, lie: type[AgencyDoor]) -> None:
    """Whatever is invented, withheld, altered or not proven has its code, is a finding, and leaves no receipt."""
    police = await asker(tmp_path, world, lie)
    with pytest.raises(VerificationError) as error:
        await police.asking.ask(question(world), WHO)
    assert error.value.code is lie.CODE  # type: ignore[attr-defined]  # every lie has one
    assert [finding.code for finding in police.vault.evidence.findings()] == [lie.CODE]  # type: ignore[attr-defined]
    assert not any(kind == "QueryAnswered" for _, kind, _ in police.vault.evidence.receipts())


def bent(event: Any, **changed: Any) -> Any:
    """Return the event with another subject part."""
    return replace(event, subject=replace(event.subject, **changed))


@pytest.mark.parametrize(
    "bend",
    [
        lambda event: replace(event, matches=event.matches + 1),
        lambda event: replace(event, epoch=event.epoch + 1),
        lambda event: replace(event, key_kinds=("phone",)),
        lambda event: bent(event, tag_digests=event.subject.tag_digests[:-1]),
        lambda event: bent(event, tag_digests=(*event.subject.tag_digests, bytes(32))),
        lambda event: replace(event, act=replace(event.act, person="1" * 32)),
        lambda event: replace(event, act=replace(event.act, agency=PartyId("care-linde"))),
        lambda event: replace(event, act=replace(event.act, purpose=PurposeId("victim-protection"))),
        lambda event: replace(event, act=replace(event.act, decision="deny")),
        lambda event: replace(event, act=replace(event.act, policy_ids=("another.rule",))),
        lambda event: replace(event, act=replace(event.act, justification="x")),
        lambda event: bent(event, words=Words(text="y", case_reference="z")),
    ],
)
async def test_an_answer_is_what_its_event_says(tmp_path: Path, world: World, bend: Callable[[Any], Any]) -> None:
    """An event that says anything else than the question proves another question."""
    world.broker.recorder = LogsOtherwise(world.broker.recorder, "queried", bend)  # type: ignore[assignment]
    police = await asker(tmp_path, world)
    with pytest.raises(VerificationError) as error:
        await police.asking.ask(question(world), WHO)
    assert error.value.code is Code.RECEIPT_INVALID


async def test_one_entry_of_the_log_is_one_question(tmp_path: Path, world: World) -> None:
    """The same question again with the proof of the first is refused: it would be in no log."""
    police = await asker(tmp_path, world, lies.ReusesEvidence)
    await police.asking.ask(question(world), WHO)
    with pytest.raises(VerificationError, match="another question"):
        await police.asking.ask(question(world), WHO)


async def test_what_may_not_be_asked_never_leaves(tmp_path: Path, world: World) -> None:
    """The client's own covenant refuses before key-holders or broker hear anything, and says where one may ask."""
    care = make_client(tmp_path / "c", world, "care-linde")
    with pytest.raises(RefusedError) as error:
        await care.asking.ask(question(world), WHO)
    assert error.value.rule == "guard.not-an-asker"
    assert "victim-protection" in str(error.value.hint)
    police, engine = PartyId("police-oost"), agreed_of(world.kit.covenant).engine
    with pytest.raises(RefusedError) as error:
        require_allowed(police, PurposeId("no-such-purpose"), (), engine, NOW)
    assert "offender-prevention" in str(error.value.hint)
    require_allowed(police, PURPOSE, (), engine, NOW)
    assert (world.broker.posts, world.holders[0].elements) == ([], 0)


async def test_what_a_purpose_does_not_compare_is_not_sent(world: World) -> None:
    """A kind that the purpose does not compare is left out and said so, without its value; nothing left is an error."""
    victims = PurposeId("victim-protection")
    made = question(world, replace(ANNA, skn="123456"), victims)
    assert "skn" not in {key.kind for key in made.keys}
    assert not any(BSN in issue.message for issue in made.unused)
    compared = world.kit.covenant.purpose(victims).key_kinds
    assert {key.kind for key in made.keys} <= set(compared)
    with pytest.raises(InputError):
        question(world, Person(postcode="1234 AB", house_number="5"))


async def test_a_question_that_is_not_proven_has_no_answer(tmp_path: Path, world: World) -> None:
    """While the log is late the client shows nothing and does not ask again by itself."""
    world.broker.late = True
    police = await asker(tmp_path, world, cases=0)
    with pytest.raises(UnavailableError) as error:
        await police.asking.ask(question(world), WHO)
    assert error.value.code is Code.NOT_LOGGED
    assert len([path for path, _ in world.broker.posts if path == "/v1/queries"]) == 1


async def test_who_cannot_be_reached_is_no_answer(tmp_path: Path, world: World) -> None:
    """Without key-holders nothing was asked; without the broker it may have been; the words say which."""
    police = await asker(tmp_path, world, cases=1)
    world.holders[0].down = world.holders[1].down = True
    with pytest.raises(UnavailableError) as error:
        await police.asking.ask(question(world), WHO)
    assert "Nothing was asked" in str(error.value.hint)
    world.holders[0].down = world.holders[1].down = False
    police.holders.forget_silence()
    world.broker.down = True
    with pytest.raises(UnavailableError) as error:
        await police.asking.ask(question(world), WHO)
    assert "another question" in str(error.value.hint)


# --- The owner's side -------------------------------------------------------------------------------------------------


async def owner(folder: Path, world: World) -> Client:
    """Return care, about whose person the police asked."""
    police = await asker(folder, world, cases=1)
    await police.asking.ask(question(world), WHO)
    return make_client(folder / "care-linde", world, "care-linde")


async def test_the_owner_reads_that_it_was_asked(tmp_path: Path, world: World) -> None:
    """The owner reads who asked about whom and on what, for which purpose, and that nothing is asked of it."""
    care = await owner(tmp_path, world)
    news = await care.reading.read()
    assert news.failures == []
    (notice,) = care.vault.hits.queried()
    assert isinstance(notice, QueriedNotice)
    read: Any = queried_json(care.vault, notice, world.kit.covenant)
    assert (read["agency"], read["reference"], read["kinds"]) == (POLICE, "care-linde 1", ["bsn"])
    assert read["sentence"].startswith("Politie Oost asked about the person of care-linde 1 on ")
    assert read["sentence"].endswith("BSN agrees. Nothing is asked of you.")
    assert care.vault.hits.all() == []
    assert (await care.reading.read()).verified == []


async def test_a_question_about_a_signal_that_ended_is_still_told(tmp_path: Path, world: World) -> None:
    """That somebody asked stays true after our own signal was withdrawn."""
    care = await owner(tmp_path, world)
    await care.acts.withdraw(care.acts.find_signal("care-linde 1"), "mistake", WHO)
    assert (await care.reading.read()).failures == []
    assert len(care.vault.hits.queried()) == 1


@pytest.mark.parametrize(
    "bend",
    [
        lambda event: replace(event, quality="possible"),
        lambda event: replace(event, level="existence"),
        lambda event: replace(event, kinds=("phone",)),
        lambda event: replace(event, notice_type="hit"),
        lambda event: replace(event, act=replace(event.act, agency=PartyId("prosecution-oost"))),
        lambda event: replace(event, act=replace(event.act, agency=None)),
        lambda event: replace(event, act=replace(event.act, recipient=POLICE)),
        lambda event: replace(event, act=replace(event.act, time=NOW + timedelta(seconds=1))),
        lambda event: replace(event, act=replace(event.act, policy_ids=("another.rule",))),
        lambda event: replace(event, subject=Subject()),
    ],
)
async def test_a_notice_of_a_question_is_what_its_event_says(
    tmp_path: Path, world: World, bend: Callable[[Any], Any]
) -> None:
    """Another asker, level, kind, time, rule or signal than the log has is refused, and nothing of it is kept."""
    true = world.broker.recorder
    told: dict[int, str | None] = {}

    def bent(event: Any) -> Any:
        told[event.notice_seq] = event.act.agency
        return bend(event)

    world.broker.recorder = LogsOtherwise(true, "queried_notice", bent)  # type: ignore[assignment]
    honest = world.broker._tell_queried
    world.broker._tell_queried = lambda fact, place, made: (  # type: ignore[method-assign]
        honest(fact, place, made),
        _as_told(world, fact.agency, told[fact.seq]),
    )
    care = await owner(tmp_path, world)
    news = await care.reading.read()
    assert len(news.failures) == 1
    assert news.failures[0].code in {Code.RECEIPT_INVALID, Code.COVENANT_UNTRUSTED}
    assert care.vault.hits.queried() == []


def _as_told(world: World, agency: PartyId, asker: str | None) -> None:
    """Let the notice name the true asker, whatever the event says."""
    row = world.broker.told[agency][-1]
    row.notice = row.notice.model_copy(update={"asker": asker})


def test_what_chance_alone_gives() -> None:
    """Per quality the least that is told counts, by the bound of the key table; identifiers have no figure."""
    kinds = [KeyKind(kind) for kind in ("name-dob", "initial-sound-dob", "phone", "sound-month-day", "address")]
    chances = by_chance(kinds, 17_900_000)
    assert chances["probable"] == expected_strangers([KeyKind("initial-sound-dob")], 17_900_000)
    assert chances["possible"] == expected_strangers([KeyKind("sound-month-day"), KeyKind("address")], 17_900_000)
    assert by_chance([KeyKind("phone")], 17_900_000) == {}
