# SPDX-License-Identifier: EUPL-1.2
"""What is asked and what is given, as bytes: padded, sealed, and an answer cut into chunks that belong together.

An answer is one text: a JSON head (words, fields, danger flags, names and sizes of attachments) and the attachments
behind it, padded to a size class, cut into chunks of 256 KiB. Each chunk is sealed (XChaCha20-Poly1305) for its
request, its answer, its index and whether it is the last, so that none can be left out, moved or swapped. The chunks'
key is sealed to the asker. Spec: ``spec/disclosures.md``. Not here: the signatures over it (``disclosures.py``).
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Final, TypeVar

from pydantic import Field, StringConstraints

from protocol.disclosures import (
    CHUNK,
    MAX_ATTACHMENTS,
    MAX_CHUNKS,
    MAX_FILES,
    MAX_PLAIN,
    MAX_TOPICS,
    MAX_WORDS,
    SealedAnswer,
    Terms,
    answer_info,
    chunks_digest,
    refusal_info,
    sha256,
    wanted_info,
)
from protocol.encoding import label, lp, u32
from protocol.envelope import CONTENT_KEY_BYTES, open_bytes, pad, seal_bytes, unpad
from protocol.errors import Code, InputError, VerificationError
from protocol.group import random_bytes
from protocol.hpke import Opens, RecipientKey
from protocol.ids import AnswerId
from protocol.messages import CodeText, Message, parse

WORDS_BLOCK: Final = 1_024
"""Words are padded to a multiple of this: whether a question is short or long says something of the case."""
SIZES: Final = (4 * 1024, 16 * 1024, 64 * 1024, CHUNK)
"""An answer's size classes below a chunk; above it, whole chunks in powers of two, and then all there may be."""
_HEAD_BYTES: Final = 4
MAX_HEAD: Final = CHUNK
MAX_FIELD: Final = 2_000


class Wanted(Message):
    """What is asked: topics of ``vocabulary/disclosures.yaml``, and the asker's own words."""

    topics: Annotated[tuple[CodeText, ...], Field(strict=False, max_length=MAX_TOPICS)] = ()
    text: Annotated[str, StringConstraints(min_length=1, max_length=MAX_WORDS)]


class RefusalWords(Message):
    """Why something is not given, for the asker alone."""

    text: Annotated[str, StringConstraints(max_length=MAX_WORDS)] = ""


class FileHead(Message):
    """One attachment: its name and kind as its sender says, and how many bytes it has."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    kind: Annotated[str, StringConstraints(pattern=r"^[a-z]+/[A-Za-z0-9.+-]{1,100}$")] = "application/octet-stream"
    size: Annotated[int, Field(ge=0, le=MAX_ATTACHMENTS)]


FieldName = Annotated[str, StringConstraints(min_length=1, max_length=100)]
FieldText = Annotated[str, StringConstraints(max_length=MAX_FIELD)]
Fields = Annotated[dict[FieldName, FieldText], Field(max_length=100)]


class AnswerHead(Message):
    """The words of an answer. ``danger`` and ``contact`` come from the signal's own record, always (law.md M-4)."""

    text: Annotated[str, StringConstraints(max_length=MAX_WORDS)] = ""
    fields: Fields
    danger: Fields
    contact_preference: Fields
    files: Annotated[tuple[FileHead, ...], Field(strict=False, max_length=MAX_FILES)] = ()


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that goes along."""

    name: str
    content: bytes = field(repr=False)
    kind: str = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class Content:
    """What an answer says, whole."""

    text: str = field(default="", repr=False)
    fields: Mapping[str, str] = field(default_factory=dict, repr=False)
    danger: Mapping[str, str] = field(default_factory=dict, repr=False)
    contact_preference: Mapping[str, str] = field(default_factory=dict, repr=False)
    attachments: tuple[Attachment, ...] = field(default=(), repr=False)

    def to_bytes(self) -> bytes:
        """Return head and attachments, not padded. Raises ``InputError`` for more than an answer may hold."""
        if sum(len(one.content) for one in self.attachments) > MAX_ATTACHMENTS:
            raise InputError(
                Code.TOO_LARGE,
                f"All attachments of one answer together have at most {MAX_ATTACHMENTS // 1024 // 1024} MB.",
                hint="Send fewer or smaller files.",
            )
        head = {
            "text": self.text,
            "fields": dict(self.fields),
            "danger": dict(self.danger),
            "contactPreference": dict(self.contact_preference),
            "files": [{"name": one.name, "kind": one.kind, "size": len(one.content)} for one in self.attachments],
        }
        raw = parse(AnswerHead, json.dumps(head).encode()).to_json()
        if len(raw) > MAX_HEAD:
            raise InputError(Code.TOO_LARGE, "The words of this answer are too long.", hint="Send them as a file.")
        return u32(len(raw)) + raw + b"".join(one.content for one in self.attachments)

    @staticmethod
    def from_bytes(raw: bytes) -> "Content":
        """Read what ``to_bytes`` wrote. Raises ``VerificationError`` for anything else: its sender signed it."""
        size = int.from_bytes(raw[:_HEAD_BYTES], "big")
        start = _HEAD_BYTES + size
        try:
            if size > MAX_HEAD or start > len(raw):
                raise InputError(Code.MALFORMED, "The answer ends within its words.")
            head = parse(AnswerHead, raw[_HEAD_BYTES:start])
        except InputError as error:
            raise _refused("The answer is not in the agreed form.") from error
        files = []
        for one in head.files:
            files.append(Attachment(one.name, raw[start : start + one.size], one.kind))
            start += one.size
        if start != len(raw):
            raise _refused("The answer's attachments are not as long as it says.")
        return Content(head.text, head.fields, head.danger, head.contact_preference, tuple(files))


@dataclass(frozen=True, slots=True)
class Unsigned:
    """An answer as it goes to the broker, before its sender signs it."""

    id: AnswerId
    key: bytes
    chunks: tuple[bytes, ...] = field(repr=False)

    @property
    def digest(self) -> bytes:
        """What the signature says of all chunks."""
        return chunks_digest(tuple(sha256(one) for one in self.chunks))


def seal_wanted(wanted: Wanted, owner: RecipientKey, terms: Terms) -> bytes:
    """Return what is asked, sealed to the owner."""
    return owner.seal(pad(wanted.to_json(), WORDS_BLOCK), wanted_info(terms))


def open_wanted(sealed: bytes, key: Opens, terms: Terms) -> Wanted:
    """Return what is asked. Raises ``VerificationError`` (``envelope_invalid``)."""
    return _parsed(Wanted, unpad(key.open(sealed, wanted_info(terms)), WORDS_BLOCK))


def seal_refusal(words: str, reason: str, asker: RecipientKey, terms: Terms) -> bytes:
    """Return the words of a refusal, sealed to the asker."""
    return asker.seal(pad(RefusalWords(text=words).to_json(), WORDS_BLOCK), refusal_info(terms, reason))


def open_refusal(sealed: bytes, reason: str, key: Opens, terms: Terms) -> str:
    """Return the words of a refusal. Raises ``VerificationError`` (``envelope_invalid``)."""
    return _parsed(RefusalWords, unpad(key.open(sealed, refusal_info(terms, reason)), WORDS_BLOCK)).text


def seal_answer(content: Content, answer: AnswerId, asker: RecipientKey, terms: Terms) -> Unsigned:
    """Return an answer in sealed chunks, and their key sealed to the asker. Raises ``InputError``."""
    raw = content.to_bytes()
    size = _class_of(len(raw) + 1)
    padded = raw + b"\x80" + bytes(size - len(raw) - 1)
    key = random_bytes(CONTENT_KEY_BYTES)
    pieces = [padded[start : start + CHUNK] for start in range(0, size, CHUNK)]
    last = len(pieces) - 1
    chunks = tuple(
        seal_bytes(piece, _chunk_data(terms, answer, place, place == last), key) for place, piece in enumerate(pieces)
    )
    return Unsigned(answer, asker.seal(key, answer_info(terms, answer)), chunks)


def open_answer(sealed: SealedAnswer, chunks: Sequence[bytes], key: Opens, terms: Terms) -> Content:
    """Return what an answer says. Raises ``VerificationError`` (``envelope_invalid``) unless every chunk is there, in
    its place, of this answer to this request.
    """
    if len(chunks) != sealed.chunks or chunks_digest(tuple(sha256(one) for one in chunks)) != sealed.digest:
        raise _refused("The pieces of this answer are not those that its sender signed.")
    content_key = key.open(sealed.key, answer_info(terms, sealed.id))
    last = len(chunks) - 1
    padded = b"".join(
        open_bytes(piece, _chunk_data(terms, sealed.id, place, place == last), content_key)
        for place, piece in enumerate(chunks)
    )
    raw = padded.rstrip(b"\x00")[:-1]
    if len(padded) != _class_of(len(raw) + 1) or padded[len(raw)] != 0x80:
        raise _refused("The answer is not padded as agreed.")
    return Content.from_bytes(raw)


def _class_of(size: int) -> int:
    """Return the size class that holds so many bytes: the smallest, so that one answer has one form."""
    if size > MAX_PLAIN:
        raise InputError(Code.TOO_LARGE, "This is more than one answer may hold.")
    for one in SIZES:
        if size <= one:
            return one
    count = 2
    while count * CHUNK < size:
        count *= 2
    return min(count, MAX_CHUNKS) * CHUNK


def _chunk_data(terms: Terms, answer: AnswerId, index: int, last: bool) -> bytes:
    place = u32(index) + (b"\x01" if last else b"\x00")
    return label("disclosure-chunk") + terms.encoded() + lp(answer.bytes) + place


M = TypeVar("M", bound=Message)


def _parsed(kind: type[M], raw: bytes) -> M:
    try:
        return parse(kind, raw)
    except InputError as error:
        raise _refused("What was sealed is not in the agreed form.") from error


def _refused(detail: str) -> VerificationError:
    return VerificationError(Code.ENVELOPE_INVALID, detail, hint="Nothing of it is shown. Tell the board.")
