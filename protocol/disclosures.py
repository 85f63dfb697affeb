# SPDX-License-Identifier: EUPL-1.2
"""Asking the owner of a hit's other signal for more, and giving it: the messages, and what each side signs.

What is asked and what is given is sealed to the other agency (``hpke.py``, ``disclosure_payload.py``), so that the
broker reads neither; both are signed, over all that they belong to, so that it can swap neither. Spec:
``spec/disclosures.md``. Not here: the states (``disclosure_states.py``), who may do what (``policies/``).
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final, Literal

from pydantic import Field, StringConstraints, model_validator

from protocol.encoding import canonical_json, label, lp, u32
from protocol.errors import AuthenticationError, Code, VerificationError
from protocol.hpke import OVERHEAD
from protocol.ids import AnswerId, DisclosureId, HitId, PartyId, PurposeId, SignalId
from protocol.messages import (
    Bytes32,
    Bytes64,
    CodeText,
    Evidence,
    Justification,
    KeyName,
    Message,
    Party,
    Purpose,
    Time,
    _Base64,
)
from protocol.signing import KeyDirectory, verify_message

CHUNK: Final = 256 * 1024
"""Plain bytes of a chunk: a slow line sends it within seconds, and what a cut line costs is no more."""
CHUNK_OVERHEAD: Final = 24 + 16
"""XChaCha20-Poly1305's nonce and authenticator."""
MAX_ATTACHMENTS: Final = 10 * 1024 * 1024
"""Bytes of all attachments of one answer: a file with photographs; more is a matter for the parties' own file exchange.
"""
MAX_FILES: Final = 20
MAX_PLAIN: Final = MAX_ATTACHMENTS + 2 * CHUNK
"""Bytes of an answer before padding: its attachments, and room for its words."""
MAX_CHUNKS: Final = MAX_PLAIN // CHUNK
MAX_WORDS: Final = 4_000
"""Characters of what is wanted, of a refusal's reason and of an answer's text: a page."""
MAX_TOPICS: Final = 20
MAX_SEALED_WORDS: Final = OVERHEAD + 32_768
"""Bytes of sealed words: ``MAX_WORDS`` characters of four bytes, escaped, with the topics, padded."""

SealedWords = Annotated[bytes, _Base64(OVERHEAD, MAX_SEALED_WORDS)]
SealedKey = Annotated[bytes, _Base64(OVERHEAD + 32, OVERHEAD + 32)]
ChunkBytes = Annotated[bytes, _Base64(CHUNK_OVERHEAD + 1, CHUNK_OVERHEAD + CHUNK)]
RequestId = Annotated[DisclosureId, Field(strict=False)]
AnswerName = Annotated[AnswerId, Field(strict=False)]
Index = Annotated[int, Field(ge=0, lt=MAX_CHUNKS)]


class DisclosureRequest(Message):
    """``POST /v1/disclosure-requests``: tell me more about the person of this hit."""

    id: RequestId
    """UUIDv7 of the asker's own making: the same again is the same request."""
    hit_id: Annotated[HitId, Field(strict=False)]
    justification: Justification
    """Logged; its words in the erasable part (law.md L-4)."""
    wanted: SealedWords
    """What is asked, sealed to the owner: ``disclosure_payload.Wanted``."""
    key_id: KeyName
    signature: Bytes64
    """Over ``request_statement``."""


class SealedAnswer(Message):
    """What belongs to the chunks of an answer: their key, sealed to the asker, and the owner's signature over all."""

    id: AnswerName
    key: SealedKey
    chunks: Annotated[int, Field(ge=1, le=MAX_CHUNKS)]
    digest: Bytes32
    """``chunks_digest`` of the sealed chunks."""
    key_id: KeyName
    signature: Bytes64
    """Over ``answer_statement``."""


class SealedRefusal(Message):
    """Why something is not given: a code for all, and words for the asker alone."""

    reason: CodeText
    """Of ``vocabulary/disclosures.yaml``."""
    words: SealedWords
    key_id: KeyName
    signature: Bytes64
    """Over ``refusal_statement``."""


class DisclosureDecision(Message):
    """``POST /v1/disclosure-requests/{id}/decision``."""

    outcome: Literal["approve", "grant", "refuse"]
    answer: SealedAnswer | None = None
    refusal: SealedRefusal | None = None

    @model_validator(mode="after")
    def _one(self) -> "DisclosureDecision":
        if (self.outcome == "grant") != (self.answer is not None):
            raise ValueError("who grants gives an answer, and only who grants")
        if (self.outcome == "refuse") != (self.refusal is not None):
            raise ValueError("who refuses says why, and only who refuses")
        return self


class DisclosureReceipt(Message):
    """``POST /v1/disclosure-requests/{id}/receipt``: the answer is here, it opens, and a person is about to read it."""

    answer: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    """``answer_digest`` of what was opened."""


class DisclosureCancellation(Message):
    """``POST /v1/disclosure-requests/{id}/cancellation``: it is not needed any more."""

    reason: CodeText = "not-needed"


class AnswerChunk(Message):
    """``PUT`` and ``GET /v1/disclosure-requests/{id}/answers/{answer}/chunks/{index}``: one sealed piece."""

    ciphertext: ChunkBytes


class ChunkKept(Message):
    """What the broker says of a chunk that it keeps."""

    index: Index
    sha256: Bytes32


class ChunksKept(Message):
    """``GET /v1/disclosure-requests/{id}/answers/{answer}``: which chunks of an answer arrived, to go on from there."""

    kept: Annotated[tuple[ChunkKept, ...], Field(strict=False, max_length=MAX_CHUNKS)]


class DisclosureNotice(Message):
    """Something happened to a request for more that your agency asked or is asked."""

    type: Literal["disclosure"] = "disclosure"
    seq: Annotated[int, Field(ge=1)]
    at: Time
    disclosure_id: RequestId
    hit_id: Annotated[HitId, Field(strict=False)]
    my_signal: Annotated[SignalId, Field(strict=False)]
    their_signal: Annotated[SignalId, Field(strict=False)]
    purpose: Purpose
    asker: Party
    owner: Party
    requested_at: Time
    due_at: Time
    """Until when it can be decided."""
    fetch_by: Time | None = None
    """Until when what was given can be fetched."""
    wanted: SealedWords | None = None
    """To the owner, while the request is open."""
    wanted_digest: Bytes32
    why_digest: Bytes32
    """``why_digest`` of the justification."""
    key_id: KeyName
    signature: Bytes64
    """The asker's, over ``request_statement``."""
    answer: SealedAnswer | None = None
    """To the asker, of what was granted."""
    refusal: SealedRefusal | None = None
    act: Evidence
    """The entry of what happened: of the request, the decision, the reading or the end."""
    evidence: Evidence
    """The entry of this notice."""


# --- What is signed ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Terms:
    """What a request is, beside its words: all that both sides and the broker agree on before anything is opened."""

    id: DisclosureId
    hit: HitId
    asker: PartyId
    owner: PartyId
    purpose: PurposeId

    def encoded(self) -> bytes:
        """Return the terms as bytes, each with its length."""
        return lp(self.id.bytes) + lp(self.hit.bytes) + lp(self.asker) + lp(self.owner) + lp(self.purpose)


def wanted_info(terms: Terms) -> bytes:
    """Return what a sealed question belongs to."""
    return label("disclosure-wanted") + terms.encoded()


def refusal_info(terms: Terms, reason: str) -> bytes:
    """Return what the sealed words of a refusal belong to."""
    return label("disclosure-refusal-words") + terms.encoded() + lp(reason)


def answer_info(terms: Terms, answer: AnswerId) -> bytes:
    """Return what the sealed key of an answer belongs to."""
    return label("disclosure-answer-key") + terms.encoded() + lp(answer.bytes)


def why_digest(why: Justification) -> bytes:
    """Return what the asker's signature says of the justification."""
    said = {"code": why.code, "text": why.text, "caseReference": why.case_reference}
    return hashlib.sha256(label("disclosure-why") + canonical_json(dict(said))).digest()


def sha256(sealed: bytes) -> bytes:
    """Return SHA-256 of something sealed."""
    return hashlib.sha256(sealed).digest()


def request_statement(terms: Terms, why: bytes, wanted: bytes) -> bytes:
    """Return what the asker signs; ``why`` and ``wanted`` are digests."""
    return label("disclosure-request") + terms.encoded() + lp(why) + lp(wanted)


def request_digest(terms: Terms, why: bytes, wanted: bytes) -> str:
    """Return what the log's records call a request by, in hex: nobody can guess it, since what is wanted is sealed at
    random.
    """
    return sha256(request_statement(terms, why, wanted)).hex()


def refusal_statement(terms: Terms, request: str, refusal: SealedRefusal) -> bytes:
    """Return what the owner signs of a refusal."""
    words = sha256(refusal.words)
    return label("disclosure-refusal") + terms.encoded() + lp(request) + lp(refusal.reason) + lp(words)


def chunks_digest(digests: tuple[bytes, ...]) -> bytes:
    """Return one digest of the sealed chunks, from the SHA-256 of each, in their order."""
    return sha256(label("disclosure-chunks") + u32(len(digests)) + b"".join(digests))


def answer_statement(terms: Terms, request: str, answer: SealedAnswer) -> bytes:
    """Return what the owner signs of an answer."""
    return (
        label("disclosure-answer")
        + terms.encoded()
        + lp(request)
        + lp(answer.id.bytes)
        + lp(sha256(answer.key))
        + u32(answer.chunks)
        + lp(answer.digest)
    )


def answer_digest(terms: Terms, request: str, answer: SealedAnswer) -> str:
    """Return what the log's records call an answer by, in hex."""
    return sha256(answer_statement(terms, request, answer)).hex()


def require_signed(
    directory: KeyDirectory, party: PartyId, key_id: str, signature: bytes, statement: bytes, at: datetime
) -> None:
    """Pass when this party signed the statement with a key of its own that counted at this moment.

    Raises ``VerificationError`` (``envelope_invalid``).
    """
    try:
        entry = directory.lookup(key_id, at)
        verify_message(entry.key, statement, signature)
    except (AuthenticationError, VerificationError) as error:
        raise _unsigned() from error
    if entry.party != party:
        raise _unsigned()


def _unsigned() -> VerificationError:
    return VerificationError(
        Code.ENVELOPE_INVALID,
        "The other agency's signature over this request, or over its answer, does not hold.",
        hint="Nothing of it is shown. Tell the board.",
    )
