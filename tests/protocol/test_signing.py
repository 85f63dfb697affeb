# SPDX-License-Identifier: EUPL-1.2
"""Signed requests and statements: what holds, and every trap that must not."""

import json
import warnings
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from http_message_signatures import ContentDigest, HTTPMessageSigner, MappingKeyResolver, algorithms
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol.encoding import parse_time, unb64url
from protocol.errors import AuthenticationError, Code, ConfigurationError, VerificationError
from protocol.ids import HolderIndex, KeyId, PartyId
from protocol.messages import KeyStatement, SetPoint, SignedKeyStatement, parse
from protocol.signing import (
    MAX_AGE,
    TAG,
    KeyDirectory,
    PublicKeyEntry,
    Request,
    Signer,
    Verified,
    sign_key_statement,
    sign_request,
    sign_statement,
    verify_body,
    verify_head,
    verify_key_statement,
    verify_message,
    verify_request,
    verify_statement,
)
from tests.fakes.nonces import NonceDictionary

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "signing.json").read_text())
NOW = datetime(2026, 11, 21, 20, 0, tzinfo=UTC)
START = datetime(2026, 1, 1, tzinfo=UTC)
URL = "https://broker.example/v1/signals?after=3"
NONCE = "AAECAwQFBgcICQoLDA0ODw"
OURS = {"Idempotency-Key": "attempt-00000001", "Sluis-Person": "m5tcYb0Yx0c", "Sluis-Purpose": "victim-protection"}
POLICE = Signer(KeyId("police-oost:1"), bytes(range(32)))
CARE = Signer(KeyId("care-linde:1"), bytes(range(1, 33)))
HOLDER = Signer(KeyId("holder-1:1"), bytes(range(2, 34)))


def entry(signer: Signer, **changes: Any) -> PublicKeyEntry:
    """Return the directory's entry of a signer."""
    return replace(PublicKeyEntry(signer.key_id, signer.party, signer.public_key, START), **changes)


DIRECTORY = KeyDirectory([entry(POLICE), entry(CARE), entry(HOLDER, holder=HolderIndex(1))])


def signed(signer: Signer = POLICE, headers: dict[str, str] | None = None, **changes: Any) -> Request:
    """Return a request that our signer signed."""
    request = Request("POST", URL, OURS if headers is None else headers, b"body")
    times = {"created": NOW, "nonce": NONCE} | changes
    return replace(request, headers={**request.headers, **sign_request(signer, request, **times)})


def raw(parameters: dict[str, Any], covered: tuple[str, ...] = ("@method", "@target-uri", "content-digest")) -> Request:
    """Sign with the bare library, so that a test can leave out or change what our signer always does."""
    headers = {"Content-Digest": ContentDigest.create(b"body")}
    request = Request("POST", URL, headers, b"body")
    wire = type("Wire", (), {"method": "POST", "url": URL, "headers": headers})()
    key = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    HTTPMessageSigner(
        signature_algorithm=algorithms.ED25519,
        key_resolver=MappingKeyResolver(public_keys={}, private_keys={POLICE.key_id: key}),
    ).sign(
        wire,
        covered_component_ids=covered,
        include_alg=False,
        use_existing_digest=True,
        **(
            {"key_id": POLICE.key_id, "created": NOW, "expires": NOW + timedelta(seconds=60), "nonce": NONCE}
            | parameters
        ),
    )
    return request


def with_header(request: Request, name: str, value: str) -> Request:
    """Return the request with a header changed or added after signing."""
    return replace(request, headers={**dict(request.headers), name: value})


def refusal(request: Request, now: datetime = NOW) -> Code:
    """Return the code with which the request is refused; fails when it is not."""
    with pytest.raises(AuthenticationError) as caught:
        verify_request(DIRECTORY, request, now=now)
    return caught.value.code


# --- What holds ---


def test_rfc_9421_b26_is_reproduced() -> None:
    """The library that we sign with produces the Ed25519 signature of RFC 9421 appendix B.2.6."""
    vector = VECTORS["rfc9421_b26"]
    key = Ed25519PrivateKey.from_private_bytes(unb64url(vector["seed"]))
    assert key.public_key().public_bytes_raw() == unb64url(vector["public"])
    wire = type("Wire", (), {"method": vector["method"], "url": vector["url"], "headers": dict(vector["headers"])})()
    HTTPMessageSigner(
        signature_algorithm=algorithms.ED25519,
        key_resolver=MappingKeyResolver(public_keys={}, private_keys={vector["keyid"]: key}),
    ).sign(
        wire,
        key_id=vector["keyid"],
        created=datetime.fromtimestamp(vector["created"], UTC),
        label=vector["label"],
        include_alg=False,
        covered_component_ids=vector["covered"],
        use_existing_digest=True,
    )
    assert wire.headers["Signature-Input"] == vector["signature_input"]
    assert wire.headers["Signature"] == vector["signature"]


def test_our_request_vector() -> None:
    """A request of ours gives exactly the headers of the vector file, and they are accepted."""
    vector = VECTORS["request"]
    signer = Signer(vector["key_id"], unb64url(vector["seed"]))
    request = Request(vector["method"], vector["url"], vector["headers"], vector["body"].encode())
    created = parse_time(vector["created"])
    headers = sign_request(signer, request, created=created, nonce=vector["nonce"])
    assert headers == vector["signed"]
    verify_request(DIRECTORY, replace(request, headers={**request.headers, **headers}), now=created)


def test_accepted_request_says_who_and_what() -> None:
    """A good request yields its party, key, nonce, times, person, purpose and Idempotency-Key."""
    verified = verify_request(DIRECTORY, signed(), now=NOW)
    assert isinstance(verified, Verified)
    assert (verified.party, verified.key_id, verified.nonce) == ("police-oost", "police-oost:1", NONCE)
    assert (verified.created, verified.expires) == (NOW, NOW + timedelta(seconds=60))
    assert (verified.person, verified.purpose) == ("m5tcYb0Yx0c", "victim-protection")
    assert verified.idempotency_key == "attempt-00000001"


def test_evidence_can_be_checked_later() -> None:
    """What is kept of a request suffices to show anybody that its sender signed it."""
    verified = verify_request(DIRECTORY, signed(), now=NOW)
    verify_message(POLICE.public_key, verified.base, verified.signature)
    with pytest.raises(VerificationError):
        verify_message(CARE.public_key, verified.base, verified.signature)


def test_get_without_body_is_signed_too() -> None:
    """A GET covers the digest of the empty body, and one with a body added is refused."""
    request = Request("GET", URL, {}, b"")
    request = replace(request, headers=sign_request(POLICE, request, created=NOW, nonce=NONCE))
    assert verify_request(DIRECTORY, request, now=NOW).person is None
    assert refusal(replace(request, body=b"x")) is Code.DIGEST_MISMATCH


@settings(max_examples=40, deadline=None)
@given(st.binary(max_size=300), st.from_regex(r"[A-Za-z0-9_-]{22,64}", fullmatch=True))
def test_every_body_and_nonce_round_trips(body: bytes, nonce: str) -> None:
    """Whatever the body and nonce, what is signed verifies."""
    request = Request("POST", URL, {}, body)
    request = replace(request, headers=sign_request(POLICE, request, created=NOW, nonce=nonce))
    assert verify_request(DIRECTORY, request, now=NOW).nonce == nonce


# --- Traps ---


def test_changed_body() -> None:
    """A body other than the signed one is refused."""
    assert refusal(replace(signed(), body=b"Body")) is Code.DIGEST_MISMATCH


def test_changed_body_with_its_own_digest() -> None:
    """A changed body with a Content-Digest to match is refused, since the digest is signed."""
    changed = with_header(signed(), "Content-Digest", ContentDigest.create(b"Body"))
    assert refusal(replace(changed, body=b"Body")) is Code.SIGNATURE_INVALID


def test_body_digest_must_be_of_the_whole_field() -> None:
    """Covering one member of Content-Digest is not covering the field."""
    assert refusal(raw({"tag": TAG}, ("@method", "@target-uri", '"content-digest";key="sha-256"'))) is (
        Code.SIGNATURE_INVALID
    )


async def test_replayed_nonce() -> None:
    """The same request a second time verifies, and the nonce memory refuses it."""
    memory = NonceDictionary()
    first, second = (verify_request(DIRECTORY, signed(), now=NOW) for _ in range(2))
    await memory.remember(first.party, first.nonce, first.expires)
    with pytest.raises(AuthenticationError) as caught:
        await memory.remember(second.party, second.nonce, second.expires)
    assert caught.value.code is Code.SIGNATURE_REPLAYED


@pytest.mark.parametrize("missing", ["@method", "@target-uri", "content-digest"])
def test_missing_required_component(missing: str) -> None:
    """A signature that leaves out the method, the target or the digest is refused."""
    covered = tuple(name for name in ("@method", "@target-uri", "content-digest") if name != missing)
    assert refusal(raw({"tag": TAG}, covered)) is Code.SIGNATURE_INVALID


@pytest.mark.parametrize("name", sorted(OURS))
def test_header_of_ours_added_uncovered(name: str) -> None:
    """A header that means something to us and that the signature does not cover is refused."""
    assert refusal(with_header(signed(headers={}), name, OURS[name])) is Code.SIGNATURE_INVALID


@pytest.mark.parametrize("name", sorted(OURS))
def test_header_of_ours_changed(name: str) -> None:
    """A covered header with another value is refused."""
    assert refusal(with_header(signed(), name, OURS[name] + "a")) is Code.SIGNATURE_INVALID


@pytest.mark.parametrize("name", sorted(OURS))
def test_header_of_ours_removed(name: str) -> None:
    """A covered header that is gone is refused."""
    request = signed()
    rest = {key: value for key, value in dict(request.headers).items() if key != name}
    assert refusal(replace(request, headers=rest)) is Code.SIGNATURE_INVALID


def test_a_role_is_covered() -> None:
    """The role that a person acts in is read from the request, and neither added, changed nor removed on the way."""
    role = {"Sluis-Role": "coordinator"}
    request = signed(headers=OURS | role)
    assert verify_request(DIRECTORY, request, now=NOW).role == "coordinator"
    assert verify_request(DIRECTORY, signed(), now=NOW).role is None
    bare = replace(request, headers={key: value for key, value in dict(request.headers).items() if key != "Sluis-Role"})
    for bent in (with_header(signed(), "Sluis-Role", "operator"), with_header(request, "Sluis-Role", "operator"), bare):
        assert refusal(bent) is Code.SIGNATURE_INVALID


def test_a_role_is_one_of_a_closed_list() -> None:
    """A role that the rules do not know cannot be sent, and is not read."""
    with pytest.raises(AuthenticationError):
        signed(headers=OURS | {"Sluis-Role": "director"})
    assert refusal(with_header(signed(), "Sluis-Role", "Coordinator")) is Code.SIGNATURE_INVALID


@pytest.mark.parametrize("name", ["Signature", "Signature-Input", "Content-Digest", *sorted(OURS)])
def test_duplicate_header(name: str) -> None:
    """A header of ours that occurs twice is refused, even with the same value and other capitals."""
    pairs = tuple(dict(signed().headers).items())
    repeated = (*pairs, (name.lower(), dict(pairs)[name]))
    assert refusal(replace(signed(), headers=repeated)) is Code.SIGNATURE_INVALID


@pytest.mark.parametrize(
    "url",
    [
        "http://broker.example/v1/signals?after=3",
        "https://other.example/v1/signals?after=3",
        "https://broker.example/v1/signals?after=4",
        "https://broker.example/v1/signals",
        "https://broker.example/v1/hits?after=3",
        "https://broker.example/v1/%73ignals?after=3",
    ],
)
def test_changed_target(url: str) -> None:
    """A request sent on to another scheme, host, path or query is refused."""
    assert refusal(replace(signed(), url=url)) is Code.SIGNATURE_INVALID


def test_changed_method() -> None:
    """A request sent with another method is refused."""
    assert refusal(replace(signed(), method="PUT")) is Code.SIGNATURE_INVALID


@pytest.mark.parametrize(("seconds", "accepted"), [(0, True), (59, True), (60, False), (3600, False)])
def test_too_old(seconds: int, accepted: bool) -> None:
    """A request is good until it expires and not a moment longer, so its nonce may be forgotten then."""
    now = NOW + timedelta(seconds=seconds)
    if accepted:
        assert verify_request(DIRECTORY, signed(), now=now).expires > now
    else:
        assert refusal(signed(), now) is Code.SIGNATURE_STALE


@pytest.mark.parametrize(("seconds", "accepted"), [(5, True), (6, False), (3600, False)])
def test_from_the_future(seconds: int, accepted: bool) -> None:
    """A sender's clock may run five seconds ahead and no more."""
    now = NOW - timedelta(seconds=seconds)
    if accepted:
        assert verify_request(DIRECTORY, signed(), now=now).created > now
    else:
        assert refusal(signed(), now) is Code.SIGNATURE_STALE


def test_expires_too_far() -> None:
    """A signature made to last more than five minutes is refused from the start."""
    assert refusal(raw({"tag": TAG, "expires": NOW + MAX_AGE + timedelta(seconds=1)})) is Code.SIGNATURE_INVALID
    assert verify_request(DIRECTORY, raw({"tag": TAG, "expires": NOW + MAX_AGE}), now=NOW).expires == NOW + MAX_AGE


def test_expires_before_created() -> None:
    """A signature that expires before it was created is refused."""
    assert refusal(raw({"tag": TAG, "expires": NOW - timedelta(seconds=1)})) is Code.SIGNATURE_INVALID


@pytest.mark.parametrize("absent", ["expires", "nonce"])
def test_missing_parameter(absent: str) -> None:
    """A signature without an end or a nonce could be replayed for ever: refused."""
    assert refusal(raw({"tag": TAG, absent: None})) is Code.SIGNATURE_INVALID


@pytest.mark.parametrize("nonce", ["short", "A" * 21, "A" * 65, "A" * 30 + "!", ""])
def test_nonce_of_another_form(nonce: str) -> None:
    """A nonce too short to be unique, too long to keep or of other characters is refused."""
    assert refusal(raw({"tag": TAG, "nonce": nonce})) is Code.SIGNATURE_INVALID


@pytest.mark.parametrize("tag", [None, "", "sluis2", "SLUIS"])
def test_wrong_tag(tag: str | None) -> None:
    """A signature that the same key made for another program is refused."""
    assert refusal(raw({"tag": tag})) is Code.SIGNATURE_INVALID


def test_unknown_key() -> None:
    """A key that the covenant does not list is refused by its own code."""
    assert refusal(signed(Signer(KeyId("police-oost:2"), bytes(range(32))))) is Code.UNKNOWN_KEY


def test_another_partys_key() -> None:
    """A request signed with care's key in the name of the police is refused."""
    impostor = Signer(POLICE.key_id, bytes(range(1, 33)))
    assert refusal(signed(impostor)) is Code.SIGNATURE_INVALID


def test_key_that_is_not_valid_yet_or_any_more() -> None:
    """A key counts from its first moment until just before its last."""
    directory = KeyDirectory([entry(POLICE, valid_from=NOW, valid_until=NOW + timedelta(days=1))])
    assert directory.lookup("police-oost:1", NOW).party == "police-oost"
    for moment in (NOW - timedelta(seconds=1), NOW + timedelta(days=1)):
        with pytest.raises(AuthenticationError) as caught:
            directory.lookup("police-oost:1", moment)
        assert caught.value.code is Code.UNKNOWN_KEY


def test_second_signature_smuggled() -> None:
    """A second label in either header is refused, whatever it says."""
    good, other = dict(signed().headers), dict(signed(CARE).headers)
    second = {name: other[name].replace("sluis=", "other=", 1) for name in ("Signature", "Signature-Input")}
    for names in (["Signature"], ["Signature-Input"], ["Signature", "Signature-Input"]):
        for first_last in (False, True):
            headers = dict(good)
            for name in names:
                both = [good[name], second[name]]
                headers[name] = ", ".join(reversed(both) if first_last else both)
            assert refusal(replace(signed(), headers=headers)) is Code.SIGNATURE_INVALID


def test_second_signature_of_another_tag_smuggled() -> None:
    """A second signature input with another tag is not skipped but refused."""
    headers = dict(signed().headers)
    headers["Signature-Input"] += ', other=("@method");created=1;keyid="police-oost:1";tag="other"'
    assert refusal(replace(signed(), headers=headers)) is Code.SIGNATURE_INVALID


@pytest.mark.parametrize("name", ["Signature", "Signature-Input", "Content-Digest"])
def test_unsigned(name: str) -> None:
    """A request that lacks any of the three headers is said not to be signed."""
    headers = {key: value for key, value in dict(signed().headers).items() if key != name}
    assert refusal(replace(signed(), headers=headers)) is Code.SIGNATURE_MISSING


@pytest.mark.parametrize("extra", [{"include_alg": True}, {}])
def test_algorithm_is_ours_to_say(extra: dict[str, bool]) -> None:
    """A signature input that names another algorithm is refused."""
    headers = dict(signed().headers)
    headers["Signature-Input"] += ';alg="hmac-sha256"' if not extra else ';alg="rsa-pss-sha512"'
    assert refusal(replace(signed(), headers=headers)) is Code.SIGNATURE_INVALID


@settings(max_examples=150, deadline=None)
@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=300))
def test_no_header_breaks_the_verifier(text: str) -> None:
    """Whatever stands in Signature-Input, the answer is a refusal and never another error."""
    refusal(with_header(signed(), "Signature-Input", text))


def test_huge_headers_are_not_parsed() -> None:
    """A header far longer than ours ever are is refused before it is parsed."""
    assert refusal(with_header(signed(), "Signature-Input", "a=(" + '"b" ' * 100_000 + ")")) is Code.SIGNATURE_INVALID


def test_nothing_leaks(caplog: pytest.LogCaptureFixture) -> None:
    """Neither the error, its causes, the log nor a warning repeats what the sender wrote."""
    request = with_header(signed(), "Signature-Input", 'planted-123456782=("planted-123456782");created=1')
    with warnings.catch_warnings(record=True) as caught, caplog.at_level(0):
        warnings.simplefilter("always")
        with pytest.raises(AuthenticationError) as failed:
            verify_request(DIRECTORY, request, now=NOW)
    error: BaseException | None = failed.value
    assert error is not None
    assert error.__cause__ is None
    assert error.__suppress_context__
    assert "planted" not in f"{error}{caplog.text}{[str(item.message) for item in caught]}"


def test_head_alone_is_not_a_verified_request() -> None:
    """The headers can be believed before the body has come, and the body then still has to fit."""
    request = signed()
    head = verify_head(DIRECTORY, replace(request, body=b""), now=NOW)
    assert not isinstance(head, Verified)
    assert verify_body(head, b"body").party == "police-oost"
    with pytest.raises(AuthenticationError) as caught:
        verify_body(head, b"")
    assert caught.value.code is Code.DIGEST_MISMATCH


# --- Signing, keys and the directory ---


@pytest.mark.parametrize(
    "change",
    [{"nonce": "short"}, {"lifetime": timedelta(0)}, {"lifetime": MAX_AGE * 2}, {"created": NOW.replace(tzinfo=None)}],
)
def test_signer_refuses_what_nobody_would_accept(change: dict[str, Any]) -> None:
    """Our own mistakes in signing are found here and not at the other side."""
    with pytest.raises(ValueError, match="no verifier"):
        signed(**change)


def test_signer_does_not_sign_twice() -> None:
    """A retry signs the plain request anew, never one that carries a signature."""
    with pytest.raises(ValueError, match="already"):
        sign_request(POLICE, signed(), created=NOW, nonce=NONCE)


def test_signer_hides_its_key() -> None:
    """A signer's repr is its name."""
    assert repr(POLICE) == "Signer(police-oost:1)"


@pytest.mark.parametrize(("key_id", "seed"), [("police", bytes(32)), ("Police:1", bytes(32)), ("police:1", bytes(31))])
def test_signer_refuses_a_key_without_form(key_id: str, seed: bytes) -> None:
    """A key has a party, a number and 32 bytes."""
    with pytest.raises(ConfigurationError):
        Signer(KeyId(key_id), seed)


@pytest.mark.parametrize(
    "entries",
    [
        [entry(POLICE), entry(POLICE)],
        [entry(POLICE), entry(CARE, key=POLICE.public_key)],
        [entry(POLICE, party=PartyId("care-linde"))],
        [entry(POLICE, key=bytes(31))],
    ],
    ids=["name twice", "key of two parties", "name of another party", "short key"],
)
def test_directory_refuses_doubt(entries: list[PublicKeyEntry]) -> None:
    """A directory in which it is not certain whose a key is cannot be made."""
    with pytest.raises(ConfigurationError) as caught:
        KeyDirectory(entries)
    assert caught.value.code is Code.COVENANT_INVALID


# --- Statements ---


def test_statement_holds_for_its_label_only() -> None:
    """A signature made under one label does not count under another, nor for other bytes, nor for another key."""
    signature = sign_statement(POLICE, "key", b"-statement payload")
    verify_statement(POLICE.public_key, "key", b"-statement payload", signature)
    for public, name, payload in [
        (POLICE.public_key, "key-statement", b" payload"),
        (POLICE.public_key, "key", b"payload"),
        (CARE.public_key, "key", b"-statement payload"),
    ]:
        with pytest.raises(VerificationError) as caught:
            verify_statement(public, name, payload, signature)
        assert caught.value.code is Code.SIGNATURE_INVALID


@pytest.mark.parametrize("signature", [b"", bytes(63), bytes(64), bytes(65)])
def test_statement_with_a_signature_without_form(signature: bytes) -> None:
    """A signature of another length, or of zeros, is refused like a wrong one."""
    with pytest.raises(VerificationError):
        verify_statement(POLICE.public_key, "key", b"payload", signature)


STATEMENT = KeyStatement.model_validate(
    {
        "holder": 1,
        "threshold": 2,
        "holders": 3,
        "purpose": "victim-protection",
        "epoch": 3,
        "points": (SetPoint(members=(HolderIndex(1), HolderIndex(2)), point=bytes(32)),),
    }
)


def test_key_statement_vector() -> None:
    """The vector's key statement is what signing it again gives."""
    vector = VECTORS["key_statement"]
    signed_statement = parse(SignedKeyStatement, json.dumps(vector["signed"]).encode())
    signer = Signer(signed_statement.key_id, unb64url(vector["seed"]))
    assert sign_key_statement(signer, signed_statement.statement) == signed_statement
    directory = KeyDirectory([entry(signer, holder=HolderIndex(1))])
    assert verify_key_statement(directory, signed_statement, NOW) == signed_statement.statement


@pytest.mark.parametrize("signer", [POLICE, Signer(KeyId("holder-9:1"), bytes(32))], ids=["an agency", "unknown"])
def test_key_statement_of_another(signer: Signer) -> None:
    """Only the key-holder's own key signs its statements: an agency's good signature does not count."""
    with pytest.raises(VerificationError) as caught:
        verify_key_statement(DIRECTORY, sign_key_statement(signer, STATEMENT), NOW)
    assert caught.value.code is Code.KEY_STATEMENT_INVALID


def test_key_statement_in_anothers_name() -> None:
    """Key-holder 1 cannot speak for key-holder 2."""
    other = STATEMENT.model_copy(update={"holder": HolderIndex(2)})
    with pytest.raises(VerificationError):
        verify_key_statement(DIRECTORY, sign_key_statement(HOLDER, other), NOW)


def test_key_statement_changed() -> None:
    """A statement with any field changed after signing is refused."""
    good = sign_key_statement(HOLDER, STATEMENT)
    changed = good.model_copy(update={"statement": STATEMENT.model_copy(update={"epoch": 4})})
    with pytest.raises(VerificationError):
        verify_key_statement(DIRECTORY, changed, NOW)


# --- Trace context ---

TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def test_a_signed_trace_is_believed():
    """The signature covers the trace of a request, and what was verified names it."""
    verified = verify_request(DIRECTORY, signed(headers={**OURS, "traceparent": TRACEPARENT}), now=NOW)
    assert verified.trace is not None
    assert verified.trace.header == TRACEPARENT
    assert b'"traceparent": ' in verified.base


def test_a_changed_trace_breaks_the_signature():
    """Nobody between the two can move a request to another trace."""
    request = signed(headers={**OURS, "traceparent": TRACEPARENT})
    assert refusal(with_header(request, "traceparent", TRACEPARENT.replace("4bf9", "4bfa"))) is Code.SIGNATURE_INVALID


@pytest.mark.parametrize("value", ["nonsense", TRACEPARENT.upper(), "00-" + "0" * 32 + "-00f067aa0ba902b7-01"])
def test_a_malformed_trace_is_no_reason_to_refuse(value: str):
    """A trace that cannot be read is passed over, signed or not: W3C says so."""
    assert verify_request(DIRECTORY, signed(headers={**OURS, "traceparent": value}), now=NOW).trace is None
    assert verify_request(DIRECTORY, with_header(signed(), "traceparent", value), now=NOW).trace is None


def test_a_trace_that_nobody_signed_is_passed_over():
    """A proxy's own trace, also twice or overlong, neither counts nor harms."""
    assert verify_request(DIRECTORY, with_header(signed(), "Traceparent", TRACEPARENT), now=NOW).trace is None
    pairs = (*signed().headers.items(), ("traceparent", TRACEPARENT), ("traceparent", TRACEPARENT))
    assert verify_request(DIRECTORY, replace(signed(), headers=pairs), now=NOW).trace is None
    assert verify_request(DIRECTORY, with_header(signed(), "traceparent", "x" * 10_000), now=NOW).trace is None
