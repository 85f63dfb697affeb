# SPDX-License-Identifier: EUPL-1.2
"""Sealed parts: who opens them, and everything that keeps them shut."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import envelope
from protocol.envelope import EnvelopeKeyRef, PartContext, open_part, part_digest, seal, signal_statement
from protocol.errors import Code, InputError, VerificationError
from protocol.group import random_bytes
from protocol.ids import Epoch, KeyKind, PartyId, PurposeId, SignalId
from protocol.messages import MAX_PART, PartName, Role, SealedPart
from protocol.tags import EnvelopeKey

OWN: dict[str, Any] = json.loads((Path(__file__).parents[1] / "vectors" / "envelope.json").read_text())
PHONE, BSN = KeyKind("phone"), KeyKind("bsn")


def context_of(fields: dict[str, Any]) -> PartContext:
    """Return the context that a vector names."""
    return PartContext(
        SignalId(UUID(fields["signalId"])),
        PartyId(fields["agency"]),
        PurposeId(fields["purpose"]),
        Epoch(fields["epoch"]),
    )


CONTEXT = context_of(OWN["context"])


def key(kind: KeyKind = PHONE, role: Role = "subject") -> EnvelopeKeyRef:
    """Return a fresh envelope key."""
    return EnvelopeKeyRef(kind, role, EnvelopeKey(random_bytes(32)))


def refused(opening: Callable[[], bytes]) -> None:
    """Check that this does not open."""
    with pytest.raises(VerificationError) as refusal:
        opening()
    assert refusal.value.code is Code.ENVELOPE_INVALID


class TestVectors:
    """Our own vectors, made by a separate program."""

    def test_sealing(self) -> None:
        """With the vectors' random draws, parts, wraps, digests and the signed statement are theirs byte for byte."""
        draws = iter(OWN["draws"])

        def draw(count: int) -> bytes:
            drawn = bytes.fromhex(next(draws))
            assert len(drawn) == count
            return drawn

        parts = {row["name"]: bytes.fromhex(row["plaintext"]) for row in OWN["parts"]}
        refs = [
            EnvelopeKeyRef(row["kind"], row["role"], EnvelopeKey(bytes.fromhex(row["envelopeKey"])))
            for row in OWN["keys"]
        ]
        sealed = envelope._seal(parts, refs, CONTEXT, draw)
        assert next(draws, None) is None
        assert [(part.name, part.ciphertext.hex(), part_digest(part).hex()) for part in sealed.parts] == [
            (row["name"], row["ciphertext"], row["digest"]) for row in OWN["parts"]
        ]
        assert [{name: wrap.hex() for name, wrap in one.items()} for one in sealed.wraps] == [
            row["wraps"] for row in OWN["keys"]
        ]
        digests = {part.name: part_digest(part) for part in sealed.parts}
        assert signal_statement(CONTEXT, digests).hex() == OWN["statement"]

    @pytest.mark.parametrize("row", OWN["keys"], ids=lambda row: row["kind"])
    @pytest.mark.parametrize("part", OWN["parts"], ids=lambda part: part["name"])
    def test_opening(self, row: dict[str, Any], part: dict[str, Any]) -> None:
        """Every key of the vectors opens every part."""
        sealed = SealedPart(name=part["name"], ciphertext=bytes.fromhex(part["ciphertext"]))
        ek, wrap = EnvelopeKey(bytes.fromhex(row["envelopeKey"])), bytes.fromhex(row["wraps"][part["name"]])
        assert open_part(sealed, wrap, row["kind"], row["role"], ek, CONTEXT).hex() == part["plaintext"]

    @pytest.mark.parametrize("row", OWN["refusedOpenings"], ids=lambda row: row["name"])
    def test_refused_openings(self, row: dict[str, Any]) -> None:
        """With any one thing of the vector replaced, its first part does not open."""
        part, first = OWN["parts"][0], OWN["keys"][0]
        given_ = (
            {"name": part["name"]} | {field: first[field] for field in ("kind", "role", "envelopeKey")} | OWN["context"]
        )
        used = given_ | row["change"]
        assert used != given_
        sealed = SealedPart(name=used["name"], ciphertext=bytes.fromhex(part["ciphertext"]))
        wrap, ek = bytes.fromhex(first["wraps"][part["name"]]), EnvelopeKey(bytes.fromhex(used["envelopeKey"]))
        with pytest.raises(VerificationError) as refusal:
            open_part(sealed, wrap, used["kind"], used["role"], ek, context_of(used))
        assert refusal.value.code == row["code"]

    @pytest.mark.parametrize("row", OWN["padding"], ids=lambda row: str(row["plaintextBytes"]))
    def test_padding(self, row: dict[str, Any]) -> None:
        """A part's size on the wire tells only how many blocks of 256 bytes it has."""
        sealed = seal({"content": b"x" * row["plaintextBytes"]}, [key()], CONTEXT)
        assert len(sealed.parts[0].ciphertext) == row["paddedBytes"] + 40

    @pytest.mark.parametrize("row", OWN["refusedPadding"], ids=lambda row: row["name"])
    def test_refused_padding(self, row: dict[str, Any]) -> None:
        """A plaintext that is not padded in the one agreed way is refused, although its seal is right."""
        content_key, ref = random_bytes(32), key()
        padded = bytes.fromhex(row["padded"])
        ciphertext = envelope._encrypt(padded, envelope._part_data("content", CONTEXT), content_key, random_bytes)
        wrap_data = envelope._wrap_data("content", PHONE, "subject", CONTEXT)
        wrap = envelope._encrypt(content_key, wrap_data, ref.key.encoded, random_bytes)
        with pytest.raises(VerificationError) as refusal:
            open_part(SealedPart(name="content", ciphertext=ciphertext), wrap, PHONE, "subject", ref.key, CONTEXT)
        assert refusal.value.code == row["code"]


@given(
    st.dictionaries(st.sampled_from(["contact", "content"]), st.binary(max_size=600)),
    st.lists(st.sampled_from([PHONE, BSN]), min_size=1, max_size=4),
)
def test_every_key_opens_every_part(parts: dict[PartName, bytes], kinds: list[KeyKind]) -> None:
    """Whatever the parts and however many keys, each key's wrap opens each part, zeros at its end included."""
    refs = [key(kind) for kind in kinds]
    sealed = seal(parts, refs, CONTEXT)
    assert [part.name for part in sealed.parts] == sorted(parts)
    assert len(sealed.wraps) == len(refs)
    for ref, wraps in zip(refs, sealed.wraps, strict=True):
        assert wraps.keys() == parts.keys()
        opened = {
            part.name: open_part(part, wraps[part.name], ref.kind, ref.role, ref.key, CONTEXT) for part in sealed.parts
        }
        assert opened == parts


@given(st.binary(max_size=40).map(lambda text: text + bytes(250)))
def test_zeros_at_the_end_survive(plaintext: bytes) -> None:
    """Padding takes away exactly what it added."""
    assert envelope._unpad(envelope._pad(plaintext)) == plaintext
    assert len(envelope._pad(plaintext)) % envelope.PADDING_BLOCK == 0


@dataclass(frozen=True)
class Sealed:
    """Two parts of one signal, sealed for two keys."""

    contact: SealedPart
    content: SealedPart
    phone: EnvelopeKeyRef
    bsn: EnvelopeKeyRef
    phone_wraps: dict[PartName, bytes]
    bsn_wraps: dict[PartName, bytes]


@pytest.fixture(scope="module")
def sealed() -> Sealed:
    """Sealed once for all tests; none changes it."""
    phone, bsn = key(PHONE), key(BSN)
    made = seal({"contact": b"call us", "content": b"a worry"}, [phone, bsn], CONTEXT)
    return Sealed(*made.parts, phone, bsn, *made.wraps)


def test_who_does_not_know_the_identifier(sealed: Sealed) -> None:
    """Another identifier's envelope key opens nothing."""
    refused(lambda: open_part(sealed.contact, sealed.phone_wraps["contact"], PHONE, "subject", key().key, CONTEXT))
    refused(lambda: open_part(sealed.contact, sealed.phone_wraps["contact"], PHONE, "subject", sealed.bsn.key, CONTEXT))


@pytest.mark.parametrize(
    "moved",
    [
        replace(CONTEXT, signal_id=SignalId(UUID("0192d3a0-7c1e-7abc-8def-0123456789ac"))),
        replace(CONTEXT, agency=PartyId("care-west")),
        replace(CONTEXT, purpose=PurposeId("victim-protection")),
        replace(CONTEXT, epoch=Epoch(4)),
    ],
    ids=["signal", "agency", "purpose", "epoch"],
)
def test_a_part_moved_elsewhere(sealed: Sealed, moved: PartContext) -> None:
    """A part and its wrap given out as another signal's, agency's, purpose's or epoch's do not open."""
    refused(lambda: open_part(sealed.contact, sealed.phone_wraps["contact"], PHONE, "subject", sealed.phone.key, moved))


def test_a_part_swapped_between_signals_of_one_person(sealed: Sealed) -> None:
    """Between two signals sealed under the same identifier neither part nor wrap can be exchanged."""
    other = replace(CONTEXT, signal_id=SignalId(UUID("0192d3a0-7c1e-7abc-8def-0123456789ac")))
    made = seal({"contact": b"call them"}, [sealed.phone], other)
    theirs, wrap = made.parts[0], made.wraps[0]["contact"]
    ek = sealed.phone.key
    refused(lambda: open_part(theirs, wrap, PHONE, "subject", ek, CONTEXT))
    refused(lambda: open_part(theirs, sealed.phone_wraps["contact"], PHONE, "subject", ek, CONTEXT))
    refused(lambda: open_part(sealed.contact, wrap, PHONE, "subject", ek, CONTEXT))
    refused(lambda: open_part(sealed.contact, wrap, PHONE, "subject", ek, other))
    assert open_part(theirs, wrap, PHONE, "subject", ek, other) == b"call them"


def test_parts_of_one_signal_do_not_swap(sealed: Sealed) -> None:
    """The content's wrap does not open the contact, nor does one part pass for the other."""
    refused(
        lambda: open_part(sealed.contact, sealed.phone_wraps["content"], PHONE, "subject", sealed.phone.key, CONTEXT)
    )
    renamed = SealedPart(name="contact", ciphertext=sealed.content.ciphertext)
    refused(lambda: open_part(renamed, sealed.phone_wraps["content"], PHONE, "subject", sealed.phone.key, CONTEXT))


def test_a_wrap_of_another_kind(sealed: Sealed) -> None:
    """A wrap given out as that of another kind does not open, so nobody is told a kind that did not agree."""
    refused(lambda: open_part(sealed.contact, sealed.phone_wraps["contact"], BSN, "subject", sealed.phone.key, CONTEXT))
    refused(lambda: open_part(sealed.contact, sealed.bsn_wraps["contact"], PHONE, "subject", sealed.phone.key, CONTEXT))


@pytest.mark.parametrize(("true", "told"), [("subject", "associate"), ("associate", "subject")])
def test_a_wrap_in_another_role(true: Role, told: Role) -> None:
    """A broker that turns a subject into an associate, or back, gives out a wrap that does not open."""
    ref = key(PHONE, true)
    made = seal({"contact": b"call us"}, [ref], CONTEXT)
    part, wrap = made.parts[0], made.wraps[0]["contact"]
    assert open_part(part, wrap, PHONE, true, ref.key, CONTEXT) == b"call us"
    refused(lambda: open_part(part, wrap, PHONE, told, ref.key, CONTEXT))


@given(st.integers(0), st.integers(0, 7))
def test_a_changed_byte(place: int, bit: int) -> None:
    """One bit turned anywhere in part or wrap keeps the part shut."""
    ref = key()
    made = seal({"contact": b"call us"}, [ref], CONTEXT)
    part, wrap = made.parts[0], made.wraps[0]["contact"]

    def turned(raw: bytes) -> bytes:
        changed = bytearray(raw)
        changed[place % len(raw)] ^= 1 << bit
        return bytes(changed)

    spoilt = SealedPart(name="contact", ciphertext=turned(part.ciphertext))
    refused(lambda: open_part(spoilt, wrap, PHONE, "subject", ref.key, CONTEXT))
    refused(lambda: open_part(part, turned(wrap), PHONE, "subject", ref.key, CONTEXT))


@pytest.mark.parametrize("length", [0, 39, 71, 73])
def test_a_wrap_of_another_length(sealed: Sealed, length: int) -> None:
    """A wrap that is cut or stretched does not open."""
    refused(lambda: open_part(sealed.contact, bytes(length), PHONE, "subject", sealed.phone.key, CONTEXT))


def test_sealing_twice_shows_nothing() -> None:
    """The same part sealed twice for the same key has nothing in common, so equal contents cannot be seen."""
    ref = key()
    one, two = (seal({"contact": b"call us"}, [ref], CONTEXT) for _ in range(2))
    assert one.parts != two.parts
    assert one.wraps != two.wraps


def test_a_part_that_is_too_large() -> None:
    """The largest part fits the wire, and one byte more is refused with the limit."""
    largest = seal({"content": bytes(envelope.MAX_PLAINTEXT)}, [key()], CONTEXT)
    assert len(largest.parts[0].ciphertext) <= MAX_PART
    with pytest.raises(InputError, match="65279") as refusal:
        seal({"content": bytes(envelope.MAX_PLAINTEXT + 1)}, [key()], CONTEXT)
    assert refusal.value.code is Code.TOO_LARGE


def test_sealing_for_nobody_is_a_bug() -> None:
    """A part that no key opens is never sent."""
    with pytest.raises(ValueError, match="nobody"):
        seal({"contact": b"call us"}, [], CONTEXT)


def test_the_statement_binds_everything() -> None:
    """Another signal, agency, purpose, epoch, part or digest gives other bytes to sign; the order of parts does not."""
    digests: dict[PartName, bytes] = {"contact": b"\x01" * 32, "content": b"\x02" * 32}
    variants = [
        signal_statement(CONTEXT, digests),
        signal_statement(replace(CONTEXT, signal_id=SignalId(UUID(int=1))), digests),
        signal_statement(replace(CONTEXT, agency=PartyId("care-west")), digests),
        signal_statement(replace(CONTEXT, purpose=PurposeId("victim-protection")), digests),
        signal_statement(replace(CONTEXT, epoch=Epoch(4)), digests),
        signal_statement(CONTEXT, {"contact": b"\x01" * 32}),
        signal_statement(CONTEXT, {"contact": b"\x02" * 32, "content": b"\x01" * 32}),
        signal_statement(CONTEXT, {}),
    ]
    assert len(set(variants)) == len(variants)
    assert signal_statement(CONTEXT, dict(reversed(digests.items()))) == variants[0]


def test_a_digest_has_32_bytes() -> None:
    """A digest of another length would make the statement ambiguous, so it is a bug."""
    with pytest.raises(ValueError, match="32 bytes"):
        signal_statement(CONTEXT, {"contact": b"\x01" * 31})


def test_errors_tell_nothing(sealed: Sealed) -> None:
    """The refusal names neither key, payload nor identifier, and is the same whichever step fails."""
    texts = set()
    for wrap, ek in ((sealed.phone_wraps["contact"], key().key), (sealed.phone_wraps["content"], sealed.phone.key)):
        with pytest.raises(VerificationError) as refusal:
            open_part(sealed.contact, wrap, PHONE, "subject", ek, CONTEXT)
        texts.add(str(refusal.value))
    assert len(texts) == 1
