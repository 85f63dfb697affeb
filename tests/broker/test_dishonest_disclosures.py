# SPDX-License-Identifier: EUPL-1.2
"""A broker that lies about requests for more, one thing at a time: each lie is seen, and nothing of it is shown."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from agency_client.deciding import Answer
from protocol.disclosure_payload import Attachment, Wanted, seal_wanted
from protocol.disclosure_states import DisclosureState
from protocol.disclosures import (
    CHUNK,
    AnswerChunk,
    DisclosureNotice,
    Terms,
    answer_statement,
    request_statement,
    sha256,
)
from protocol.errors import Code, VerificationError
from protocol.ids import DisclosureId
from protocol.messages import Justification
from tests.fakes.broker_world import CARE, MUNICIPALITY, POLICE
from tests.fakes.disclosing_agencies import Meeting, meeting
from tests.fakes.disclosure_requests import new_disclosure

WHY = Justification(code="case-work", text="Vanavond op huisbezoek.", case_reference="Z-2026-17")
WANTED = Wanted(topics=("safety-now",), text="Is het veilig om aan te bellen?")
BIG = Answer("Zie bijlage.", {}, (Attachment("foto", bytes(range(256)) * (2 * CHUNK // 256)),))


@dataclass
class Bent:
    """A door to an honest broker, with somebody in between."""

    door: Any
    notice: Callable[[DisclosureNotice], DisclosureNotice | None] = lambda told: told
    pieces: Callable[[list[AnswerChunk]], list[AnswerChunk]] = lambda found: found
    seen: list[DisclosureNotice] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.door, name)

    async def notices(self, after: int, limit: int, wait: float) -> Any:
        """Give the notices, some of them changed."""
        page = await self.door.notices(after, limit, wait)
        told = []
        for one in page.notices:
            if isinstance(one, DisclosureNotice):
                self.seen.append(one)
                one = self.notice(one)
            if one is not None:
                told.append(one)
        return page.model_copy(update={"notices": tuple(told)})

    async def chunk(self, disclosure: DisclosureId, answer: Any, index: int, *, person: str) -> AnswerChunk:
        """Give a piece, or another one in its place."""
        honest = [await self.door.chunk(disclosure, answer, place, person=person) for place in range(self.count)]
        return self.pieces(honest)[index]

    count: int = 0


def _bend(**more: Any) -> Callable[[Any], Any]:
    return lambda door: Bent(door, **more)


async def _ask(met: Meeting, wanted: Wanted = WANTED) -> DisclosureId:
    return await met.asker.requesting.ask(met.hit, wanted, WHY, met.asker.person("Anna"))


def _of(notice: DisclosureNotice) -> Terms:
    return Terms(notice.disclosure_id, notice.hit_id, notice.asker, notice.owner, notice.purpose)


def _other_words(world: Any, notice: DisclosureNotice) -> DisclosureNotice:
    sealed = seal_wanted(Wanted(text="Geef alles."), world.kit.disclosure_keys[CARE].public, _of(notice))
    return notice.model_copy(update={"wanted": sealed})


def _other_words_signed_by_another(world: Any, notice: DisclosureNotice) -> DisclosureNotice:
    bent, signer = _other_words(world, notice), world.kit.signers[MUNICIPALITY]
    digest = sha256(bent.wanted or b"")
    signature = signer.sign(request_statement(_of(notice), notice.why_digest, digest))
    return bent.model_copy(update={"wanted_digest": digest, "key_id": signer.key_id, "signature": signature})


def _another_request(_: Any, notice: DisclosureNotice) -> DisclosureNotice:
    return notice.model_copy(update={"disclosure_id": new_disclosure()})


def _more_time(_: Any, notice: DisclosureNotice) -> DisclosureNotice:
    return notice.model_copy(update={"due_at": notice.due_at + timedelta(hours=1)})


def _another_asker(_: Any, notice: DisclosureNotice) -> DisclosureNotice:
    return notice.model_copy(update={"asker": MUNICIPALITY})


def _not_logged(_: Any, notice: DisclosureNotice) -> DisclosureNotice:
    return notice.model_copy(update={"act": notice.evidence})


def _altered_entry(_: Any, notice: DisclosureNotice) -> DisclosureNotice:
    record = {**notice.act.opening.record, "person": "p-0"}
    opening = notice.act.opening.model_copy(update={"record": record})
    return notice.model_copy(update={"act": notice.act.model_copy(update={"opening": opening})})


LIES = [
    _other_words,
    _other_words_signed_by_another,
    _another_request,
    _more_time,
    _another_asker,
    _not_logged,
    _altered_entry,
]


async def test_every_lie_about_a_request_is_seen_by_its_owner(database: str, tmp_path: Path) -> None:
    """Other words, another asker, another deadline, an entry that is not there: nothing is listed, and a finding is."""
    bent: list[Bent] = []

    def bend(door: Any) -> Any:
        bent.append(Bent(door))
        return bent[-1]

    async with meeting(database, tmp_path, bent_owner=bend) as met:
        made = await _ask(met)
        await met.world.agency(CARE).told(2)
        for lie in LIES:
            bent[-1].notice = lambda told, lie=lie: lie(met.world, told)  # type: ignore[misc]
            news = await met.owner.read(0.0)
            assert news.failures, lie.__name__
            assert all(isinstance(one, VerificationError) for one in news.failures)
            assert not met.owner.vault.disclosures.to_decide(), lie.__name__
        bent[-1].notice = lambda told: told
        assert not (await met.owner.read(0.0)).failures
        assert [one.id for one in met.owner.vault.disclosures.to_decide()] == [made]


def _forged(world: Any, notice: DisclosureNotice) -> DisclosureNotice:
    assert notice.answer is not None
    signer = world.kit.signers[MUNICIPALITY]
    bare = notice.answer.model_copy(update={"key_id": signer.key_id})
    signature = signer.sign(answer_statement(_of(notice), notice.act.opening.record["request"], bare))
    return notice.model_copy(update={"answer": bare.model_copy(update={"signature": signature})})


async def test_an_answer_to_another_request_or_by_another_is_no_answer(database: str, tmp_path: Path) -> None:
    """An old answer of the same owner, and one that somebody else signed, are refused; the honest one is taken."""
    bent: list[Bent] = []

    def bend(door: Any) -> Any:
        bent.append(Bent(door))
        return bent[-1]

    async with meeting(database, tmp_path, bent_asker=bend) as met:
        first = await _ask(met)
        second = await _ask(met, Wanted(text="En waar woont hij?"))
        await met.owner.read()
        for made in (first, second):
            await met.owner.deciding.grant(made, Answer(f"Over {made}."), met.owner.person("Bas"))
        page = await met.world.agency(POLICE).told(3)
        old = next(one for one in page.notices if isinstance(one, DisclosureNotice) and one.disclosure_id == first)

        def replay(told: DisclosureNotice) -> DisclosureNotice:
            return told.model_copy(update={"answer": old.answer}) if told.disclosure_id == second else told

        for lie in (replay, lambda told: _forged(met.world, told) if told.disclosure_id == second else told):
            bent[-1].notice = lie
            news = await met.asker.read(0.0)
            assert [error.code for error in news.failures] == [Code.ENVELOPE_INVALID]
            assert met.asker.vault.disclosures.get(second).state is DisclosureState.REQUESTED
        bent[-1].notice, bent[-1].count = (lambda told: told), 1
        assert not (await met.asker.read(0.0)).failures
        given = await met.asker.requesting.take(second, met.asker.person("Anna"))
        assert given.text == f"Over {second}."


def _swaps() -> Iterator[tuple[str, Callable[[list[AnswerChunk]], list[AnswerChunk]]]]:
    yield "reordered", lambda found: [found[1], found[0], *found[2:]]
    yield "dropped", lambda found: [found[0], found[0], *found[2:]]
    yield "ended early", lambda found: [*found[:-1], found[0]]
    yield (
        "altered",
        lambda found: [
            AnswerChunk(ciphertext=found[0].ciphertext[:-1] + bytes([found[0].ciphertext[-1] ^ 1])),
            *found[1:],
        ],
    )


@pytest.mark.parametrize("swap", [swap for _, swap in _swaps()], ids=[name for name, _ in _swaps()])
async def test_pieces_that_are_not_the_answers_are_seen(
    database: str, tmp_path: Path, swap: Callable[[list[AnswerChunk]], list[AnswerChunk]]
) -> None:
    """No piece can be moved, left out, repeated or changed; nothing is kept, and the honest ones still open."""
    bent: list[Bent] = []

    def bend(door: Any) -> Any:
        bent.append(Bent(door))
        return bent[-1]

    async with meeting(database, tmp_path, bent_asker=bend) as met:
        made = await _ask(met)
        await met.owner.read()
        await met.owner.deciding.grant(made, BIG, met.owner.person("Bas"))
        await met.asker.read()
        answer = met.asker.vault.disclosures.get(made).answer
        assert answer is not None
        bent[-1].count, bent[-1].pieces = answer.chunks, swap
        with pytest.raises(VerificationError) as error:
            await met.asker.requesting.take(made, met.asker.person("Anna"))
        assert error.value.code is Code.ENVELOPE_INVALID
        assert met.asker.vault.disclosures.content(made) is None
        assert met.asker.vault.disclosures.get(made).state is DisclosureState.GRANTED
        bent[-1].pieces = lambda found: found
        assert (await met.asker.requesting.take(made, met.asker.person("Anna"))).attachments == BIG.attachments
