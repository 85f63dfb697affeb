# SPDX-License-Identifier: EUPL-1.2
"""Who says so: signed requests (RFC 9421, Ed25519) and signed statements, and the directory of public keys.

Spec: ``spec/signing.md``. Not here: remembering nonces (``edge/requests.py`` asks a store, after verification), keeping
private keys (``edge/keyfile.py``), and what a party may do (``policy.py``).
"""

import base64
import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final, cast, get_args

from cryptography.exceptions import InvalidSignature as BadSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from http_message_signatures import (
    ContentDigest,
    HTTPMessageSigner,
    HTTPMessageVerifier,
    HTTPSignatureKeyResolver,
    MappingKeyResolver,
    algorithms,
)
from http_message_signatures.exceptions import HTTPMessageSignaturesException

from protocol.encoding import canonical_json, label, lp
from protocol.errors import AuthenticationError, Code, ConfigurationError, VerificationError
from protocol.ids import HolderIndex, KeyId, PartyId, PurposeId
from protocol.messages import KeyStatement, SignedKeyStatement
from protocol.questions import PersonRole
from protocol.trace import MAX_TRACEPARENT, TRACEPARENT, Trace, parse_traceparent
from protocol.weak_keys import is_weak

TAG: Final = "sluis"
"""RFC 9421's application tag: a signature made for another program does not count here."""
LIFETIME: Final = timedelta(seconds=60)
"""How long a request of ours stays good: a slow connection and a small difference between clocks."""
MAX_AGE: Final = timedelta(seconds=300)
"""The most that a verifier accepts between ``created`` and now, and between ``created`` and ``expires``; it bounds how
long nonces must be remembered."""
MAX_SKEW: Final = timedelta(seconds=5)
"""How far ahead the sender's clock may run: more than servers kept in time by NTP ever differ."""
NONCE_TEXT: Final = re.compile(r"[A-Za-z0-9_-]{22,64}\Z")
"""16 random bytes make 22 characters of base64url; 64 bounds what a nonce store must keep."""

METHOD_HEADERS: Final = ("signature-input", "signature", "content-digest")
BOUND_HEADERS: Final = ("idempotency-key", "sluis-person", "sluis-role", "sluis-purpose")
"""Headers that mean something to us; where one is present, the signature must cover it."""
_TRACE_FORM: Final = re.compile(rf"[\x21-\x7e]{{1,{MAX_TRACEPARENT}}}\Z")
"""What may be signed as ``traceparent``; whether it says anything is for ``parse_traceparent``."""
_REQUIRED: Final = ("@method", "@target-uri", "content-digest")
_LABEL: Final = "sluis"
_HEADER_FORMS: Final[Mapping[str, re.Pattern[str]]] = {
    # One long line would otherwise be parsed for as long as its sender likes; ours are about 300 characters.
    "signature-input": re.compile(r"[\x20-\x7e]{1,1024}\Z"),
    "signature": re.compile(r"[a-z*][a-z0-9_.*-]{0,63}=:[A-Za-z0-9+/]{86}==:\Z"),
    "content-digest": re.compile(r"[\x20-\x7e]{1,256}\Z"),
    "idempotency-key": re.compile(r"[A-Za-z0-9_.:-]{8,128}\Z"),
    "sluis-person": re.compile(r"[A-Za-z0-9_.~-]{8,128}\Z"),
    "sluis-role": re.compile(rf"(?:{'|'.join(get_args(PersonRole))})\Z"),
    "sluis-purpose": re.compile(r"[a-z][a-z0-9-]{1,62}\Z"),
}
_FIELD: Final = 2**255 - 19
"""The prime of the field that Ed25519 and X25519 share."""
_KEY_ID: Final = re.compile(r"([a-z][a-z0-9-]{1,62}):[0-9]{1,4}\Z")

Headers = Mapping[str, str] | tuple[tuple[str, str], ...]
"""Header fields; what came off a wire is a tuple of pairs, so that a repeated field stays visible."""


class Signer:
    """An Ed25519 private key (RFC 8032) and the name it goes by."""

    __slots__ = ("_private", "key_id", "public_key")

    def __init__(self, key_id: KeyId, seed: bytes) -> None:
        """Take the key's 32-byte seed; ``key_id`` is ``<party>:<number>``. Raises ``ConfigurationError``."""
        if not _KEY_ID.match(key_id) or len(seed) != 32:
            raise ConfigurationError(Code.SETTINGS_INVALID, "A signing key is <party>:<number> with a 32-byte seed.")
        self.key_id = key_id
        self._private = Ed25519PrivateKey.from_private_bytes(seed)
        self.public_key = self._private.public_key().public_bytes_raw()

    def __repr__(self) -> str:
        return f"Signer({self.key_id})"

    @property
    def party(self) -> PartyId:
        """The party that this key speaks for."""
        return _party_of(self.key_id)

    def sign(self, message: bytes) -> bytes:
        """Return the 64-byte signature. The message must be one that no other use can produce (``spec/signing.md``)."""
        return self._private.sign(message)

    def agree(self, other: bytes) -> bytes:
        """Return what only this key and another party's Ed25519 key have in common: X25519 (RFC 7748) between the two.

        Never used as it is: only HKDF with a label makes a key of it. Raises ``ValueError`` for a bad public key.
        """
        half = hashlib.sha512(self._private.private_bytes_raw()).digest()[:32]
        return X25519PrivateKey.from_private_bytes(half).exchange(X25519PublicKey.from_public_bytes(_montgomery(other)))


def _montgomery(public: bytes) -> bytes:
    """Return the X25519 form of an Ed25519 public key: u = (1 + y) / (1 - y) (RFC 7748 section 4.1)."""
    y = int.from_bytes(public, "little") & ((1 << 255) - 1)
    if len(public) != 32 or y in (0, 1) or y >= _FIELD - 1:
        raise ValueError("this is no public key to agree with")
    return int.to_bytes((1 + y) * pow(1 - y, -1, _FIELD) % _FIELD, 32, "little")


@dataclass(frozen=True, slots=True)
class PublicKeyEntry:
    """One public key of one party, as the covenant lists it.

    ``holder`` is set for a key-holder's key only: nobody else's key can sign that key-holder's statements.
    """

    key_id: KeyId
    party: PartyId
    key: bytes
    valid_from: datetime
    valid_until: datetime | None = None
    holder: HolderIndex | None = None


class KeyDirectory:
    """Which key speaks for whom, and when. Built from the covenant."""

    __slots__ = ("_entries",)

    def __init__(self, entries: Iterable[PublicKeyEntry]) -> None:
        """Raise ``ConfigurationError`` for an entry without form, a name that occurs twice, or a key of two parties.

        And for a weak key, under which anybody's signature holds.
        """
        self._entries: dict[str, PublicKeyEntry] = {}
        owners: dict[bytes, PartyId] = {}
        for entry in entries:
            if not _KEY_ID.match(entry.key_id) or _party_of(entry.key_id) != entry.party or len(entry.key) != 32:
                raise ConfigurationError(Code.COVENANT_INVALID, f"Key {entry.key_id[:70]!r} is not a key of its party.")
            if is_weak(entry.key):
                raise ConfigurationError(Code.COVENANT_INVALID, f"Anybody can sign with key {entry.key_id}.")
            if entry.key_id in self._entries:
                raise ConfigurationError(Code.COVENANT_INVALID, f"Key {entry.key_id} is listed twice.")
            if owners.setdefault(entry.key, entry.party) != entry.party:
                raise ConfigurationError(Code.COVENANT_INVALID, f"Key {entry.key_id} is also another party's.")
            self._entries[entry.key_id] = entry

    def lookup(self, key_id: str, at: datetime) -> PublicKeyEntry:
        """Return the key that goes by this name at this moment. Raises ``AuthenticationError`` (``unknown_key``)."""
        entry = self._entries.get(key_id)
        if entry is None:
            raise AuthenticationError(Code.UNKNOWN_KEY, "The covenant has no such key.", hint=_UNKNOWN_HINT)
        if at < entry.valid_from or (entry.valid_until is not None and at >= entry.valid_until):
            raise AuthenticationError(Code.UNKNOWN_KEY, "The covenant's key is not valid now.", hint=_UNKNOWN_HINT)
        return entry


_UNKNOWN_HINT: Final = (
    "Check that both sides have the same covenant version, and that the key in use is the one it lists."
)


def _party_of(key_id: str) -> PartyId:
    return PartyId(key_id.partition(":")[0])


# --- Requests ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Request:
    """A request before anyone believes it. ``url`` is the absolute URL as the sender addressed it, percent-encoded."""

    method: str
    url: str
    headers: Headers
    body: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class VerifiedHead:
    """A request line and headers that its sender signed; the body is still to come and must have this digest."""

    party: PartyId
    key_id: KeyId
    nonce: str
    created: datetime
    expires: datetime
    person: str | None
    purpose: PurposeId | None
    idempotency_key: str | None
    content_digest: str
    base: bytes = field(repr=False)
    """What was signed (RFC 9421 signature base)."""
    signature: bytes = field(repr=False)
    role: PersonRole | None = None
    """What the sender says that the person is there."""
    trace: Trace | None = None
    """The work that this request is part of, by its sender's word; only when the signature covers it."""


@dataclass(frozen=True, slots=True)
class Verified:
    """A whole request that ``party`` signed; ``base`` and ``signature`` are the evidence of it, for as long as kept."""

    party: PartyId
    key_id: KeyId
    nonce: str
    created: datetime
    expires: datetime
    person: str | None
    purpose: PurposeId | None
    idempotency_key: str | None
    body_digest: bytes
    """SHA-256 of the body."""
    base: bytes = field(repr=False)
    signature: bytes = field(repr=False)
    role: PersonRole | None = None
    trace: Trace | None = None


@dataclass(slots=True)
class _Wire:
    """What the library reads and, when signing, writes to."""

    method: str
    url: str
    headers: dict[str, str]


def sign_request(
    signer: Signer, request: Request, *, created: datetime, nonce: str, lifetime: timedelta = LIFETIME
) -> dict[str, str]:
    """Return the headers to add: ``Content-Digest``, ``Signature-Input``, ``Signature``.

    Covers ``@method @target-uri content-digest``, and those of ``BOUND_HEADERS`` and ``traceparent`` that the request
    carries. ``nonce`` is 16 or more random bytes in base64url, fresh for every attempt. Raises ``ValueError`` for what
    nobody would accept.
    """
    if not NONCE_TEXT.match(nonce) or not timedelta(seconds=1) <= lifetime <= MAX_AGE or created.tzinfo is None:
        raise ValueError("a nonce, lifetime or moment that no verifier would accept")
    carried = _bound_headers(request)
    if any(name in carried for name in METHOD_HEADERS):
        raise ValueError("the request is signed already")
    wire = _Wire(request.method, request.url, dict(carried))
    keys: dict[str, Any] = {signer.key_id: signer._private}
    HTTPMessageSigner(
        signature_algorithm=algorithms.ED25519, key_resolver=MappingKeyResolver(public_keys={}, private_keys=keys)
    ).sign(
        wire,
        key_id=signer.key_id,
        created=created,
        expires=created + lifetime,
        nonce=nonce,
        label=_LABEL,
        tag=TAG,
        include_alg=False,
        covered_component_ids=(*_REQUIRED, *(name for name in (*BOUND_HEADERS, TRACEPARENT) if name in carried)),
        body=request.body,
    )
    return {name: wire.headers[name] for name in ("Content-Digest", "Signature-Input", "Signature")}


def verify_request(
    directory: KeyDirectory, request: Request, *, now: datetime, max_age: timedelta = MAX_AGE
) -> Verified:
    """Return who signed this whole request. The caller then has its nonce store remember ``nonce`` until ``expires``.

    Raises ``AuthenticationError``: ``signature_missing``, ``signature_invalid``, ``signature_stale``, ``unknown_key``,
    ``digest_mismatch``.
    """
    return verify_body(verify_head(directory, request, now=now, max_age=max_age), request.body)


def verify_head(
    directory: KeyDirectory, request: Request, *, now: datetime, max_age: timedelta = MAX_AGE
) -> VerifiedHead:
    """Verify all but the body, which ``request`` need not have yet: so that nobody unknown can make us read a long one.

    Raises as ``verify_request`` does, except ``digest_mismatch``.
    """
    carried = _bound_headers(request)
    if "signature-input" not in carried or "signature" not in carried:
        raise AuthenticationError(Code.SIGNATURE_MISSING, "The request is not signed.", hint="See spec/signing.md.")
    if "content-digest" not in carried:
        raise AuthenticationError(Code.SIGNATURE_MISSING, "The request has no Content-Digest.")
    required = (*_REQUIRED, *(name for name in BOUND_HEADERS if name in carried))
    verifier = _Verifier(directory, now, max_age)
    try:
        # No ``expect_tag``: the library then refuses a second signature instead of skipping it; the tag comes below.
        # No ``body``: ``verify_body`` below does that, and nobody gets a ``Verified`` without it.
        results = verifier.verify(
            _Wire(request.method, request.url, carried), max_age=None, require_components=required
        )
    except HTTPMessageSignaturesException as error:
        # The library wraps what our key lookup raises. Its own texts can repeat what the sender wrote: not passed on.
        if isinstance(error.__cause__, AuthenticationError):
            raise error.__cause__ from None
        raise AuthenticationError(Code.SIGNATURE_INVALID, "The request's signature does not hold.") from None
    (result,) = results
    if result.parameters.get("tag") != TAG:
        raise AuthenticationError(Code.SIGNATURE_INVALID, "The signature was made for another use.")
    key_id = str(result.parameters["keyid"])
    purpose = carried.get("sluis-purpose")
    return VerifiedHead(
        party=_party_of(key_id),
        key_id=KeyId(key_id),
        nonce=str(result.nonce),
        created=datetime.fromtimestamp(int(result.parameters["created"]), UTC),
        expires=datetime.fromtimestamp(int(result.parameters["expires"]), UTC),
        person=carried.get("sluis-person"),
        purpose=None if purpose is None else PurposeId(purpose),
        idempotency_key=carried.get("idempotency-key"),
        content_digest=carried["content-digest"],
        base="\n".join(f"{name}: {value}" for name, value in result.covered_components.items()).encode(),
        signature=base64.b64decode(carried["signature"].partition("=")[2].strip(":")),
        role=cast("PersonRole | None", carried.get("sluis-role")),
        # Somebody between the two may add one that nobody signed: passed over, as a malformed one is (W3C).
        trace=parse_traceparent(carried[TRACEPARENT]) if f'"{TRACEPARENT}"' in result.covered_components else None,
    )


def verify_body(head: VerifiedHead, body: bytes) -> Verified:
    """Check that this body is the one that was signed. Raises ``AuthenticationError`` (``digest_mismatch``)."""
    try:
        ContentDigest.verify(head.content_digest, body)
    except HTTPMessageSignaturesException:
        raise AuthenticationError(Code.DIGEST_MISMATCH, "The body is not the one that was signed.") from None
    return Verified(
        party=head.party,
        key_id=head.key_id,
        nonce=head.nonce,
        created=head.created,
        expires=head.expires,
        person=head.person,
        purpose=head.purpose,
        idempotency_key=head.idempotency_key,
        body_digest=hashlib.sha256(body).digest(),
        base=head.base,
        signature=head.signature,
        role=head.role,
        trace=head.trace,
    )


def _bound_headers(request: Request) -> dict[str, str]:
    """Return the headers we give meaning to, by lower-case name; refuses a repeated or oversized one."""
    pairs = request.headers.items() if isinstance(request.headers, Mapping) else request.headers
    found: dict[str, str] = {}
    traces = [value for name, value in pairs if name.lower() == TRACEPARENT]
    if len(traces) == 1 and _TRACE_FORM.match(traces[0]):
        # Says nothing about the request, so a wrong or repeated one is no reason to refuse it.
        found[TRACEPARENT] = traces[0]
    for name, value in pairs:
        lower = name.lower()
        form = _HEADER_FORMS.get(lower)
        if form is None:
            continue
        if lower in found:
            raise AuthenticationError(Code.SIGNATURE_INVALID, f"The header {lower} occurs more than once.")
        if not form.match(value):
            raise AuthenticationError(Code.SIGNATURE_INVALID, f"The header {lower} does not have the agreed form.")
        found[lower] = value
    return found


class _Verifier(HTTPMessageVerifier):
    """The library's verifier with our clock, our directory and our limits."""

    def __init__(self, directory: KeyDirectory, now: datetime, max_age: timedelta) -> None:
        super().__init__(signature_algorithm=algorithms.ED25519, key_resolver=_Resolver(directory, now))
        self._now = int(now.timestamp())
        self._max_age = int(max_age.total_seconds())

    def validate_created_and_expires(self, sig_input: Any, max_age: timedelta | None = None) -> None:
        """Replace the library's check: it reads the machine's clock, lets ``expires`` be absent and any time away."""
        created, expires = sig_input.params.get("created"), sig_input.params.get("expires")
        nonce = sig_input.params.get("nonce")
        if type(created) is not int or type(expires) is not int or not NONCE_TEXT.match(str(nonce or "")):
            raise AuthenticationError(Code.SIGNATURE_INVALID, "The signature lacks created, expires or a nonce.")
        if not created < expires <= created + self._max_age:
            raise AuthenticationError(Code.SIGNATURE_INVALID, "The signature is made to last longer than is agreed.")
        if created > self._now + int(MAX_SKEW.total_seconds()):
            raise AuthenticationError(Code.SIGNATURE_STALE, "The signature is from the future.", hint=_CLOCK_HINT)
        if self._now >= expires or self._now - created > self._max_age:
            raise AuthenticationError(Code.SIGNATURE_STALE, "The signature is too old.", hint=_CLOCK_HINT)


_CLOCK_HINT: Final = "Check the clocks of both machines, and sign every attempt anew."


class _Resolver(HTTPSignatureKeyResolver):
    def __init__(self, directory: KeyDirectory, now: datetime) -> None:
        self._directory = directory
        self._now = now

    def resolve_public_key(self, key_id: str) -> Ed25519PublicKey:
        return Ed25519PublicKey.from_public_bytes(self._directory.lookup(key_id, self._now).key)


# --- Statements -------------------------------------------------------------------------------------------------------


def sign_statement(signer: Signer, name: str, payload: bytes) -> bytes:
    """Return the 64-byte signature of ``LP(label(name)) || payload``."""
    return signer.sign(lp(label(name)) + payload)


def verify_statement(public: bytes, name: str, payload: bytes, signature: bytes) -> None:
    """Check what ``sign_statement`` made. Raises ``VerificationError`` (``signature_invalid``)."""
    verify_message(public, lp(label(name)) + payload, signature)


def verify_message(public: bytes, message: bytes, signature: bytes) -> None:
    """Check what ``Signer.sign`` made. Raises ``VerificationError`` (``signature_invalid``)."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (BadSignature, ValueError):
        raise VerificationError(Code.SIGNATURE_INVALID, "The signature does not hold.") from None


_KEY_STATEMENT: Final = "key-statement"


def sign_key_statement(signer: Signer, statement: KeyStatement) -> SignedKeyStatement:
    """Return the statement with its key-holder's signature over its canonical JSON."""
    signature = sign_statement(signer, _KEY_STATEMENT, _statement_bytes(statement))
    return SignedKeyStatement(statement=statement, key_id=signer.key_id, signature=signature)


def verify_key_statement(directory: KeyDirectory, signed: SignedKeyStatement, at: datetime) -> KeyStatement:
    """Return the statement when the key-holder that it speaks for signed it.

    Raises ``VerificationError`` (``key_statement_invalid``), also when the key is unknown or belongs to anybody else.
    """
    try:
        entry = directory.lookup(signed.key_id, at)
        verify_statement(entry.key, _KEY_STATEMENT, _statement_bytes(signed.statement), signed.signature)
    except (AuthenticationError, VerificationError):
        raise VerificationError(Code.KEY_STATEMENT_INVALID, "A key statement's signature does not hold.") from None
    if entry.holder is None or entry.holder != signed.statement.holder:
        raise VerificationError(Code.KEY_STATEMENT_INVALID, "A key statement is signed by another than its key-holder.")
    return signed.statement


def _statement_bytes(statement: KeyStatement) -> bytes:
    return canonical_json(json.loads(statement.to_json()))
