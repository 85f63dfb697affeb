# SPDX-License-Identifier: EUPL-1.2
"""Every message that crosses a wire: frozen, bounded, unknown fields refused.

JSON names are camelCase; bytes travel as base64url without padding, times as RFC 3339 in UTC with milliseconds.
Spec: ``spec/messages.md``. Not here: what a message means (its subject's module) and who may send it (covenant).
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any, Final, Literal, TypeVar
from uuid import UUID

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    PlainSerializer,
    StringConstraints,
    ValidationError,
    model_validator,
)
from pydantic.alias_generators import to_camel
from pydantic_core import CoreSchema, core_schema

from protocol.encoding import b64url, format_time, unb64url
from protocol.errors import Code, InputError, Issue
from protocol.ids import Epoch, HolderIndex, KeyId, KeyKind, PartyId, PurposeId, SignalId

MAX_SIGNALS: Final = 1_000
"""Signals a push: with 16 keys and two parts each that is about 6 MB of JSON, seconds of work for one core."""
MAX_KEYS: Final = 64
"""Keys a signal: 14 person keys for a subject and a few associates, and their identifiers."""
MAX_ELEMENTS: Final = 4_096
"""Blinded points an evaluation: about 0.7 s of one core at a key-holder, so that one caller cannot hold it long."""
MAX_PART: Final = 65_536
"""Bytes of one sealed part: a contact or a short note, padded; files are for disclosures."""
MAX_MATCHES: Final = 50
"""Cases that one answer to a query tells of: more than anybody can call, and with two full parts each 6.5 MB."""
MAX_HOLDERS: Final = 9
"""Key-holders: the number of sets grows as a binomial; nine with a threshold of five gives 126."""
MAX_TEXT: Final = 500
"""Characters of a justification or reason."""
MAX_ISSUES: Final = 100
"""Input errors listed in one answer."""


@dataclass(frozen=True, slots=True)
class _Base64:
    """Annotates ``bytes`` of ``low`` to ``high`` bytes, base64url on the wire."""

    low: int
    high: int

    def _decode(self, value: object) -> bytes:
        if isinstance(value, str):
            if len(value) > (self.high * 4 + 2) // 3:
                raise ValueError(f"more than {self.high} bytes")
            try:
                value = unb64url(value)
            except InputError as error:
                raise ValueError(error.detail) from error
        if not isinstance(value, bytes):
            raise ValueError("expected base64url text")
        if not self.low <= len(value) <= self.high:
            raise ValueError(f"expected {self.low} to {self.high} bytes")
        return value

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            self._decode,
            serialization=core_schema.plain_serializer_function_ser_schema(
                b64url, return_schema=core_schema.str_schema(), when_used="json"
            ),
        )

    def __get_pydantic_json_schema__(self, source: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, object]:
        return {
            "type": "string",
            "format": "base64url",
            "minLength": (self.low * 4 + 2) // 3,
            "maxLength": (self.high * 4 + 2) // 3,
        }


Bytes32 = Annotated[bytes, _Base64(32, 32)]
Bytes64 = Annotated[bytes, _Base64(64, 64)]
Wrap = Annotated[bytes, _Base64(72, 72)]
"""A wrapped content key: 24-byte nonce, 32-byte key, 16-byte authenticator (envelope.py)."""
Ciphertext = Annotated[bytes, _Base64(40, MAX_PART)]

_SLUG = r"^[a-z][a-z0-9-]{1,62}$"
Slug = Annotated[str, StringConstraints(pattern=_SLUG)]
CodeText = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9._:-]{0,63}$")]
RuleName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}$")]
"""A policy's ``@id``, in the form that the log's records have it (events.py)."""
Text = Annotated[str, StringConstraints(min_length=1, max_length=MAX_TEXT)]
Party = Annotated[PartyId, StringConstraints(pattern=_SLUG)]
Purpose = Annotated[PurposeId, StringConstraints(pattern=_SLUG)]
Kind = Annotated[KeyKind, StringConstraints(pattern=r"^[a-z][a-z0-9-]{1,30}$")]
KeyName = Annotated[KeyId, StringConstraints(pattern=r"^[a-z][a-z0-9-]{1,62}:[0-9]{1,4}$")]
EpochNumber = Annotated[Epoch, Field(ge=0, lt=2**32)]
Holder = Annotated[HolderIndex, Field(ge=1, le=MAX_HOLDERS)]
LogIndex = Annotated[int, Field(ge=0, lt=2**53)]
Time = Annotated[AwareDatetime, Field(strict=False), PlainSerializer(format_time, return_type=str, when_used="json")]
Role = Literal["subject", "associate"]
PartName = Literal["contact", "content"]
Level = Literal["existence", "agency", "contact", "content"]
Quality = Literal["hit", "probable", "possible"]
Note = Annotated[str, StringConstraints(min_length=1, max_length=8_192)]
"""A checkpoint as signed note text, cosignatures included."""


class Message(BaseModel):
    """What every message is: frozen, strict, camelCase on the wire, unknown fields refused."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        alias_generator=to_camel,
        populate_by_name=True,
        hide_input_in_errors=True,
        defer_build=True,
    )

    def to_json(self) -> bytes:
        """Return the wire form as UTF-8 bytes."""
        return self.model_dump_json(by_alias=True, exclude_none=True).encode()


M = TypeVar("M", bound=Message)


def parse(kind: type[M], body: bytes) -> M:
    """Read a message strictly.

    Raises ``InputError`` (``malformed``) with one issue per wrong place, at most ``MAX_ISSUES``; the values
    themselves are never repeated.
    """
    try:
        return kind.model_validate_json(body)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=False)
        issues = [Issue(_location(item["loc"]), str(item["type"]), _message(item)) for item in found[:MAX_ISSUES]]
        raise InputError(Code.MALFORMED, "The message does not have the agreed form.", issues=issues) from None


def _location(path: tuple[int | str, ...]) -> str:
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text[:200]


def _message(item: Any) -> str:
    # An unknown field's own name is the sender's text and already in the location; pydantic's texts hold no input.
    return str(item["msg"])[:200]


# --- Key-holders ---


class EvaluationRequest(Message):
    """``POST /v1/evaluations`` at a key-holder: blinded points for one purpose and epoch."""

    purpose: Purpose
    epoch: EpochNumber
    quorum: Annotated[tuple[Holder, ...], Field(strict=False, min_length=1, max_length=MAX_HOLDERS)]
    """The key-holders asked together, ascending; decides for which sets each of them answers (threshold.py)."""
    elements: Annotated[tuple[Bytes32, ...], Field(strict=False, min_length=1, max_length=MAX_ELEMENTS)]

    @model_validator(mode="after")
    def _ascending(self) -> "EvaluationRequest":
        if list(self.quorum) != sorted(set(self.quorum)):
            raise ValueError("quorum must be ascending without repeats")
        return self


class Budget(Message):
    """What is used and left of an agency's elements today for this purpose; ``renews_at`` is the next midnight UTC."""

    used: Annotated[int, Field(ge=0)]
    left: Annotated[int, Field(ge=0)]
    renews_at: Time


class EvaluationAnswer(Message):
    """One key-holder's evaluated points, in the order asked, with one DLEQ proof (RFC 9497 section 2.2) for all."""

    holder: Holder
    elements: Annotated[tuple[Bytes32, ...], Field(strict=False, min_length=1, max_length=MAX_ELEMENTS)]
    proof: Bytes64
    budget: Budget


class SetPoint(Message):
    """The public point of the share that exactly these key-holders know."""

    members: Annotated[tuple[Holder, ...], Field(strict=False, min_length=1, max_length=MAX_HOLDERS)]
    point: Bytes32


class KeyStatement(Message):
    """What one key-holder says its share points are for a purpose and epoch."""

    holder: Holder
    threshold: Holder
    holders: Holder
    purpose: Purpose
    epoch: EpochNumber
    points: Annotated[tuple[SetPoint, ...], Field(strict=False, min_length=1, max_length=126)]


class SignedKeyStatement(Message):
    """A statement and its key-holder's Ed25519 signature (signing.py: label ``key-statement``)."""

    statement: KeyStatement
    key_id: KeyName
    signature: Bytes64


class KeyStatements(Message):
    """``GET /v1/keys?purpose=&epoch=`` at a key-holder."""

    statements: Annotated[tuple[SignedKeyStatement, ...], Field(strict=False, max_length=1_000)]


class SeedPlace(Message):
    """Which seed a package of the key ceremony holds, and for whom."""

    threshold: Holder
    holders: Holder
    members: Annotated[tuple[Holder, ...], Field(strict=False, min_length=2, max_length=MAX_HOLDERS)]
    receiver: Holder
    epoch: EpochNumber


class SealedSeed(Message):
    """A seed on its way from its set's lowest member to one other: a file of the ceremony (keyholder/ceremony.py)."""

    place: SeedPlace
    sealed: Annotated[bytes, _Base64(112, 112)]
    """Sealed box (libsodium) of the place's digest and the seed: 48 bytes more than these 64."""
    key_id: KeyName
    signature: Bytes64
    """The dealer's, over place and sealed (signing.py: label ``sealed-seed``)."""


# --- The log's evidence ---


class Opening(Message):
    """What is behind a leaf: both parts and their salts; or the hash of a subject part that was left out or erased."""

    record: dict[str, Any]
    record_salt: Bytes32
    subject: dict[str, Any] | None = None
    subject_salt: Bytes32 | None = None
    subject_hash: Bytes32 | None = None
    """``commitments.subject_hash``."""

    @model_validator(mode="after")
    def _one_form(self) -> "Opening":
        whole = self.subject is not None and self.subject_salt is not None and self.subject_hash is None
        if not whole and (self.subject is not None or self.subject_salt is not None or self.subject_hash is None):
            raise ValueError("either a subject part with its salt, or its hash")
        return self


class Evidence(Message):
    """That an event stands in the log: its index, opening and inclusion proof in the answer's checkpoint."""

    index: LogIndex
    opening: Opening
    proof: Annotated[tuple[Bytes32, ...], Field(strict=False, max_length=63)]


class ErasedEntry(Message):
    """An entry of which only the leaf is left, because its month was erased (erasure.py), proven in the checkpoint."""

    index: LogIndex
    leaf: Annotated[bytes, _Base64(65, 65)]
    proof: Annotated[tuple[Bytes32, ...], Field(strict=False, max_length=63)]


class LoggedKeyStatement(Message):
    """A key statement with the evidence that it was logged."""

    signed: SignedKeyStatement
    evidence: Evidence


class KeyStatementsAnswer(Message):
    """``GET /v1/key-statements?purpose=&epoch=`` at the broker."""

    statements: Annotated[tuple[LoggedKeyStatement, ...], Field(strict=False, max_length=MAX_HOLDERS)]
    checkpoint: Note | None = None


# --- Signals ---


class SignalKey(Message):
    """One match key of a signal: its pseudonym, and each part's content key wrapped under its envelope key.

    A factor, which is no hit by itself, carries no wraps (``keys.opens_parts``).
    """

    kind: Kind
    role: Role
    tag: Bytes32
    wraps: Annotated[dict[PartName, Wrap], Field(max_length=2)]


class SealedPart(Message):
    """A sealed part of a signal; opened with a content key from one of its wraps (envelope.py)."""

    name: PartName
    ciphertext: Ciphertext


class Informed(Message):
    """Whether the person was told, or when that is looked at again (GDPR 13-14, LED 13; law.md M-3)."""

    status: Literal["informed", "deferred", "not-required"]
    review_on: Annotated[date | None, Field(strict=False)] = None


class Signal(Message):
    """One agency's standing worry about one unknown person, for one purpose."""

    id: Annotated[SignalId, Field(strict=False)]
    purpose: Purpose
    epoch: EpochNumber
    grounds: Annotated[tuple[CodeText, ...], Field(strict=False, min_length=1, max_length=10)]
    basis: CodeText
    case_token: Bytes32
    urgency: Literal["normal", "urgent"] = "normal"
    keys: Annotated[tuple[SignalKey, ...], Field(strict=False, min_length=1, max_length=MAX_KEYS)]
    parts: Annotated[tuple[SealedPart, ...], Field(strict=False, max_length=2)]
    expires_at: Time
    informed: Informed
    supersedes: Annotated[SignalId | None, Field(strict=False)] = None
    cover: Party | None = None
    """Of a canary: the agency under whose name it is shown, and whose key signed it; the pusher is its planter."""
    key_id: KeyName
    signature: Bytes64
    """The agency's signature over the signal's identity and its parts' digests (envelope.py), so that who receives a
    part knows that this agency sealed it, whatever the broker says."""

    @model_validator(mode="after")
    def _distinct(self) -> "Signal":
        names = [part.name for part in self.parts]
        if len(set(names)) != len(names):
            raise ValueError("each part at most once")
        if len({(key.tag, key.role) for key in self.keys}) != len(self.keys):
            raise ValueError("each tag at most once a role")
        if any(key.wraps and set(key.wraps) != set(names) for key in self.keys):
            raise ValueError("a key wraps all the parts that are there, or none")
        if names and not any(key.wraps for key in self.keys):
            raise ValueError("a part needs a key that wraps it")
        if self.id.version != 7:
            raise ValueError("a signal id is a UUIDv7")
        return self


class PushRequest(Message):
    """``POST /v1/signals``."""

    signals: Annotated[tuple[Signal, ...], Field(strict=False, min_length=1, max_length=MAX_SIGNALS)]

    @model_validator(mode="after")
    def _distinct(self) -> "PushRequest":
        if len({signal.id for signal in self.signals}) != len(self.signals):
            raise ValueError("each signal id at most once")
        return self


class Refusal(Message):
    """Why one thing was refused: a stable code, the deciding rule's ``@id`` where a policy decided, one sentence."""

    code: CodeText
    rule: RuleName | None = None
    detail: Text


class SignalResult(Message):
    """What became of one signal.

    ``known``: the same signal was accepted before; its evidence is that of the first time. A refusal is logged too, so
    it carries evidence as well. ``evidence`` is absent only while the answer has no checkpoint: the act is committed
    and will be in the log, and the same request later brings the evidence.
    """

    id: Annotated[SignalId, Field(strict=False)]
    status: Literal["accepted", "known", "refused"]
    refusal: Refusal | None = None
    evidence: Evidence | None = None


class PushAnswer(Message):
    """One result a signal, in the order sent; ``checkpoint`` has its witness quorum, or is absent when that is late."""

    results: Annotated[tuple[SignalResult, ...], Field(strict=False, max_length=MAX_SIGNALS)]
    checkpoint: Note | None = None


class Justification(Message):
    """Why a person looks: code, text and the agency's own case reference (LED art. 25). Logged; no names."""

    code: CodeText
    text: Text
    case_reference: Annotated[str, StringConstraints(min_length=1, max_length=100)]


class WithdrawalRequest(Message):
    """``POST /v1/signals/{id}/withdrawal``."""

    reason: CodeText


ErasureGround = Literal["retention-over", "citizen-request", "wrong-person", "unlawful-processing", "court-order"]
"""Why something of the log is erased (LED 5 and 16, GDPR 17). Closed, so that a marker says nothing of whom it erases;
the first is the clock's own, for months (erasure.py)."""


class ErasureRequest(Message):
    """``POST /v1/signals/{id}/erasure``: the log is to forget whom the entries of an agency's own signal concern."""

    ground: Literal["citizen-request", "wrong-person", "unlawful-processing", "court-order"]
    text: Text
    """Why, in words without names: they stand in the subject part of the entry that says what was erased."""
    case_reference: Annotated[str, StringConstraints(min_length=1, max_length=100)]


class OpeningRequest(Message):
    """``POST /v1/hits/{id}/opening``: a person is about to read what the hit released."""

    justification: Justification


class ActAnswer(Message):
    """The evidence of one act; both absent while its checkpoint lacks its quorum: ask again, it is not repeated."""

    evidence: Evidence | None = None
    checkpoint: Note | None = None


# --- What notices and answers tell ---


class Agreement(Message):
    """A kind of match key on which the two signals agree, and the person's role in mine and in theirs."""

    kind: Kind
    my_role: Role
    their_role: Role


class ReleasedWrap(Message):
    """A content key of the counterpart's part, wrapped under the envelope key of a key that agreed."""

    kind: Kind
    role: Role
    """The role of the key in the counterpart's signal, which sealed it."""
    my_role: Role
    part: PartName
    wrap: Wrap


class Counterpart(Message):
    """The other side, as far as the level lets it be known: from ``agency`` its name, from ``contact`` sealed parts."""

    agency: Party
    signal_id: Annotated[SignalId, Field(strict=False)]
    parts: Annotated[tuple[SealedPart, ...], Field(strict=False, max_length=2)] = ()
    part_digests: Annotated[dict[PartName, Bytes32], Field(max_length=2)] = {}
    """SHA-256 of every part the counterpart sealed, released or not, as its signature covers them."""
    wraps: Annotated[tuple[ReleasedWrap, ...], Field(strict=False, max_length=4 * MAX_KEYS)] = ()
    key_id: KeyName | None = None
    signature: Bytes64 | None = None


# --- Queries ---


class QueryKey(Message):
    """One match key of a query: its pseudonym, and no wrap, since nothing of the asker's is sealed to anybody."""

    kind: Kind
    role: Role
    tag: Bytes32


class QueryRequest(Message):
    """``POST /v1/queries``: who else knows this person? Nothing of it is kept but the event, under a person's name."""

    purpose: Purpose
    epoch: EpochNumber
    justification: Justification
    keys: Annotated[tuple[QueryKey, ...], Field(strict=False, min_length=1, max_length=MAX_KEYS)]

    @model_validator(mode="after")
    def _distinct(self) -> "QueryRequest":
        if len({(key.tag, key.role) for key in self.keys}) != len(self.keys):
            raise ValueError("each tag at most once a role")
        return self


class QueryMatch(Message):
    """One case of another agency that knows the person; ``my_role`` is the role that the asker gave the key."""

    quality: Quality
    level: Level
    agreed: Annotated[tuple[Agreement, ...], Field(strict=False, min_length=1, max_length=4 * MAX_KEYS)]
    counterpart: Counterpart | None = None
    rule: RuleName
    """``@id`` of the policy that allowed telling this."""
    urgency: Literal["normal", "urgent"]


class QueryAnswer(Message):
    """What the asker is told, with the evidence of its ``QueryAnswered``; it is never given without."""

    matches: Annotated[tuple[QueryMatch, ...], Field(strict=False, max_length=MAX_MATCHES)]
    evidence: Evidence
    checkpoint: Note


# --- Problems ---


class ProblemIssue(Message):
    """One wrong place of the input."""

    location: str
    code: str
    message: str


class Problem(Message):
    """RFC 9457 ``application/problem+json`` with our stable ``code`` and, after a refusal by policy, its ``rule``."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    rule: str | None = None
    hint: str | None = None
    errors: Annotated[tuple[ProblemIssue, ...], Field(strict=False)] = ()


def as_uuid(text: str) -> UUID:
    """Read a UUID in its canonical form only. Raises ``InputError`` (``malformed``)."""
    try:
        value = UUID(text)
    except ValueError as error:
        raise InputError(Code.MALFORMED, "Not a UUID.") from error
    if str(value) != text:
        raise InputError(Code.MALFORMED, "Not a UUID in its canonical form.")
    return value


def utc(moment: datetime) -> datetime:
    """Cut a moment to the milliseconds that travel on wires and stand in the log."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
