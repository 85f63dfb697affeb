# SPDX-License-Identifier: EUPL-1.2
"""What is asked and given, as bytes: sizes that say little, pieces that belong together, and nothing else opens."""

from dataclasses import replace
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.disclosure_payload import (
    SIZES,
    Attachment,
    Content,
    Unsigned,
    Wanted,
    open_answer,
    open_refusal,
    open_wanted,
    seal_answer,
    seal_refusal,
    seal_wanted,
)
from protocol.disclosures import (
    CHUNK,
    CHUNK_OVERHEAD,
    MAX_ATTACHMENTS,
    MAX_CHUNKS,
    MAX_SEALED_WORDS,
    MAX_WORDS,
    DisclosureDecision,
    SealedAnswer,
    Terms,
    answer_digest,
    chunks_digest,
    sha256,
)
from protocol.errors import Code, InputError, VerificationError
from protocol.hpke import OpeningKey
from protocol.ids import AnswerId, DisclosureId, HitId, PartyId, PurposeId
from protocol.messages import parse

KEY = OpeningKey(bytes(range(32)))
NAME = AnswerId(UUID(int=3))
TERMS = Terms(
    DisclosureId(UUID(int=1)), HitId(UUID(int=2)), PartyId("care-a"), PartyId("police-b"), PurposeId("some-purpose")
)
OTHERS = [
    replace(TERMS, id=DisclosureId(UUID(int=9))),
    replace(TERMS, hit=HitId(UUID(int=9))),
    replace(TERMS, asker=PartyId("care-z")),
    replace(TERMS, owner=PartyId("police-z")),
    replace(TERMS, purpose=PurposeId("another-purpose")),
]


def _sealed(made: Unsigned) -> SealedAnswer:
    return SealedAnswer(
        id=made.id, key=made.key, chunks=len(made.chunks), digest=made.digest, key_id="police-b:1", signature=bytes(64)
    )


TEXTS = st.dictionaries(st.text(min_size=1, max_size=20), st.text(max_size=40), max_size=3)


@given(st.text(max_size=500), TEXTS, TEXTS, TEXTS, st.lists(st.binary(max_size=9_000), max_size=3))
def test_what_is_given_comes_out_as_it_went_in(
    text: str, fields: dict[str, str], danger: dict[str, str], contact: dict[str, str], files: list[bytes]
) -> None:
    """Words, fields, danger, contact preference and files, whatever they hold."""
    attachments = tuple(Attachment(f"file {place}", content) for place, content in enumerate(files))
    try:
        content = Content(text, fields, danger, contact, attachments)
        made = seal_answer(content, NAME, KEY.public, TERMS)
    except InputError:
        # Half of a character pair is no text that JSON can carry.
        return
    assert open_answer(_sealed(made), made.chunks, KEY, TERMS) == content


@pytest.mark.parametrize("size", [0, 3_000, 4_000, 5_000, 60_000, 70_000, 262_000, 300_000, 1_100_000])
def test_an_answers_size_says_only_its_class(size: int) -> None:
    """Sealed answers have one of a few sizes, and a piece is never larger than the wire allows."""
    made = seal_answer(Content(attachments=(Attachment("a", bytes(size)),)), NAME, KEY.public, TERMS)
    total = sum(len(chunk) - CHUNK_OVERHEAD for chunk in made.chunks)
    assert total in {*SIZES, *(count * CHUNK for count in (2, 4, 8, 16, 32, MAX_CHUNKS))}
    assert max(len(chunk) for chunk in made.chunks) <= CHUNK + CHUNK_OVERHEAD


def test_ten_megabytes_fit_and_a_byte_more_does_not() -> None:
    """The bound is of all attachments together."""
    half = MAX_ATTACHMENTS // 2
    files = (Attachment("a", bytes(half)), Attachment("b", bytes(half)))
    made = seal_answer(Content(attachments=files), NAME, KEY.public, TERMS)
    assert len(made.chunks) <= MAX_CHUNKS
    with pytest.raises(InputError) as error:
        seal_answer(Content(attachments=(*files, Attachment("c", b"x"))), NAME, KEY.public, TERMS)
    assert error.value.code is Code.TOO_LARGE


MADE = seal_answer(Content("Ja.", attachments=(Attachment("a", bytes(2 * CHUNK)),)), NAME, KEY.public, TERMS)


@pytest.mark.parametrize("order", [(1, 0, 2, 3), (0, 1, 2), (0, 0, 2, 3), (0, 1, 2, 3, 3), ()])
def test_pieces_in_another_order_or_number_open_nothing(order: tuple[int, ...]) -> None:
    """Neither under the digest that was signed, nor under one made for them: each piece knows its place, and the last
    one that it is the last.
    """
    chunks = tuple(MADE.chunks[place] for place in order)
    honest = _sealed(MADE)
    bent = honest.model_copy(
        update={"chunks": max(1, len(chunks)), "digest": chunks_digest(tuple(sha256(one) for one in chunks))}
    )
    for said in (honest, bent):
        with pytest.raises(VerificationError):
            open_answer(said, chunks, KEY, TERMS)


@pytest.mark.parametrize("terms", OTHERS)
def test_nothing_opens_for_another_request(terms: Terms) -> None:
    """Answer, question and refusal each belong to one request, hit, asker, owner and purpose."""
    with pytest.raises(VerificationError):
        open_answer(_sealed(MADE), MADE.chunks, KEY, terms)
    with pytest.raises(VerificationError):
        open_wanted(seal_wanted(Wanted(text="x"), KEY.public, TERMS), KEY, terms)
    with pytest.raises(VerificationError):
        open_refusal(seal_refusal("x", "no-consent", KEY.public, TERMS), "no-consent", KEY, terms)


def test_another_answer_of_the_same_request_lends_no_piece() -> None:
    """Two answers that a colleague began anew do not mix."""
    other = seal_answer(Content("Nee."), AnswerId(UUID(int=4)), KEY.public, TERMS)
    mixed = _sealed(other).model_copy(update={"id": NAME})
    with pytest.raises(VerificationError):
        open_answer(mixed, other.chunks, KEY, TERMS)


def test_a_refusals_words_belong_to_its_code() -> None:
    """The broker cannot put another reason over the same words."""
    with pytest.raises(VerificationError):
        open_refusal(seal_refusal("x", "no-consent", KEY.public, TERMS), "not-necessary", KEY, TERMS)


@pytest.mark.parametrize("text", ["x", "x" * MAX_WORDS, "\U0001f40d" * MAX_WORDS])
def test_words_fit_the_wire_and_their_length_hardly_shows(text: str) -> None:
    """A page of any letters fits; short questions are all of one size."""
    sealed = seal_wanted(Wanted(text=text), KEY.public, TERMS)
    assert len(sealed) <= MAX_SEALED_WORDS
    assert open_wanted(sealed, KEY, TERMS).text == text
    assert len(seal_wanted(Wanted(text="ab"), KEY.public, TERMS)) == len(
        seal_wanted(Wanted(text="a" * 900), KEY.public, TERMS)
    )


def test_every_part_of_an_answer_changes_what_the_log_calls_it() -> None:
    """Nothing of an answer can be changed under the digest that stands in the log."""
    honest = _sealed(MADE)
    known = answer_digest(TERMS, "ab" * 32, honest)
    changes = [{"id": AnswerId(UUID(int=8))}, {"key": bytes(len(honest.key))}, {"chunks": 9}, {"digest": bytes(32)}]
    found = {answer_digest(TERMS, "ab" * 32, honest.model_copy(update=one)) for one in changes}
    found |= {answer_digest(terms, "ab" * 32, honest) for terms in OTHERS} | {answer_digest(TERMS, "cd" * 32, honest)}
    assert known not in found
    assert len(found) == len(changes) + len(OTHERS) + 1


@pytest.mark.parametrize(
    "body",
    [b'{"outcome":"grant"}', b'{"outcome":"refuse"}', b'{"outcome":"perhaps"}', b'{"outcome":"approve","answer":{}}'],
)
def test_a_decision_says_what_it_needs_and_no_more(body: bytes) -> None:
    """Who grants gives an answer, who refuses says why, who approves does neither."""
    with pytest.raises(InputError):
        parse(DisclosureDecision, body)
