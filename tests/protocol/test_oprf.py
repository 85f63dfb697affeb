# SPDX-License-Identifier: EUPL-1.2
"""The VOPRF: the RFC's vectors byte for byte, and what a dishonest key-holder cannot get past the proof."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol import oprf
from protocol.errors import Code, VerificationError
from protocol.group import ORDER, Point, Scalar, base, decode_points, multiply, random_scalar, scalar_from_bytes
from protocol.messages import MAX_ELEMENTS

ROOT = Path(__file__).parents[2]
OWN: dict[str, Any] = json.loads((ROOT / "tests" / "vectors" / "oprf-rfc9497.json").read_text())
SUITE = OWN["suites"][1]
KEY = scalar_from_bytes(bytes.fromhex(SUITE["secretKey"]))
PUBLIC = decode_points([bytes.fromhex(SUITE["publicKey"])])[0]


def raw(values: list[str]) -> list[bytes]:
    """Return the bytes of hexadecimal values."""
    return [bytes.fromhex(value) for value in values]


def run(vector: dict[str, Any]) -> dict[str, Any]:
    """Blind, evaluate, verify and finalise a vector's inputs, and return every value the RFC prints."""
    inputs = raw(vector["inputs"])
    blinds = [scalar_from_bytes(b) for b in raw(vector["blinds"])]
    nonce = scalar_from_bytes(bytes.fromhex(vector["proofNonce"]))
    blinded = oprf._blind(inputs, blinds)
    evaluated, proof = oprf._evaluate(KEY, PUBLIC, blinded.elements, nonce)
    oprf.verify(PUBLIC, blinded.elements, evaluated, proof)
    return vector | {
        "blindedElements": [point.encoded.hex() for point in blinded.elements],
        "evaluationElements": [point.encoded.hex() for point in evaluated],
        "proof": proof.hex(),
        "outputs": [output.hex() for output in oprf.finalise(inputs, blinded.blinds, evaluated)],
    }


@pytest.mark.parametrize("vector", SUITE["vectors"], ids=["one byte", "17 bytes", "batch of two"])
def test_vectors_of_the_rfc(vector: dict[str, Any]) -> None:
    """Elements, proof and outputs equal RFC 9497 appendix A.1.2, batch included."""
    assert run(vector) == vector


def test_key_derivation_of_the_rfc() -> None:
    """The RFC's seed and text give the RFC's key pair."""
    key = oprf.derive_key(bytes.fromhex(SUITE["seed"]), bytes.fromhex(SUITE["keyInfo"]))
    assert key == KEY
    assert base(key) == PUBLIC


def test_fresh_randomness_gives_the_same_output() -> None:
    """Whatever blinds and proof nonce are drawn, the outputs are the RFC's."""
    vector = SUITE["vectors"][2]
    inputs = raw(vector["inputs"])
    blinded = oprf.blind(inputs)
    assert [point.encoded.hex() for point in blinded.elements] != vector["blindedElements"]
    evaluated, proof = oprf.evaluate(KEY, PUBLIC, blinded.elements)
    accepted = oprf.accept(PUBLIC, blinded.elements, [point.encoded for point in evaluated], proof)
    assert [output.hex() for output in oprf.finalise(inputs, blinded.blinds, accepted)] == vector["outputs"]


@settings(max_examples=20, deadline=None)
@given(st.lists(st.binary(max_size=40), min_size=1, max_size=40))
def test_output_depends_on_key_and_input_only(inputs: list[bytes]) -> None:
    """A batch gives for each input what the key gives for it alone, in order, also when inputs repeat."""
    key = random_scalar()
    blinded = oprf.blind(inputs)
    evaluated, proof = oprf.evaluate(key, base(key), blinded.elements)
    oprf.verify(base(key), blinded.elements, evaluated, proof)
    outputs = oprf.finalise(inputs, blinded.blinds, evaluated)
    last = oprf.blind(inputs[-1:])
    assert oprf.finalise(inputs[-1:], last.blinds, multiply(key, last.elements)) == outputs[-1:]
    assert len(set(outputs)) == len(set(inputs))


class Exchange:
    """An honest exchange of forty elements, to be spoilt."""

    def __init__(self) -> None:
        self.key = random_scalar()
        self.public = base(self.key)
        self.blinded = oprf.blind([bytes([n]) for n in range(40)]).elements
        self.evaluated, self.proof = oprf.evaluate(self.key, self.public, self.blinded)

    def refused(
        self,
        *,
        public: Point | None = None,
        blinded: tuple[Point, ...] | None = None,
        evaluated: list[Point] | None = None,
        proof: bytes | None = None,
    ) -> None:
        """Check that the exchange with these things replaced is refused."""
        with pytest.raises(VerificationError) as refusal:
            oprf.verify(
                public or self.public,
                self.blinded if blinded is None else blinded,
                self.evaluated if evaluated is None else evaluated,
                self.proof if proof is None else proof,
            )
        assert refusal.value.code is Code.PROOF_INVALID


@pytest.fixture(scope="module")
def exchange() -> Exchange:
    """One honest exchange for all tests; none changes it."""
    return Exchange()


def test_another_key_is_refused(exchange: Exchange) -> None:
    """An evaluation under another key than the published one is refused, however it is proved."""
    other = random_scalar()
    for claimed in (exchange.public, base(other)):
        evaluated, proof = oprf.evaluate(other, claimed, exchange.blinded)
        exchange.refused(evaluated=evaluated, proof=proof)


def test_one_element_under_another_key_is_refused(exchange: Exchange) -> None:
    """One element of a batch under another key spoils the batch: nobody can be given a pseudonym apart."""
    evaluated = [*exchange.evaluated[:-1], *multiply(random_scalar(), exchange.blinded[-1:])]
    exchange.refused(evaluated=evaluated)


def test_a_marked_element_cannot_be_proved(exchange: Exchange) -> None:
    """A key-holder that knows its key cannot make a proof over a batch in which it marked one element."""
    real = oprf.multiply

    def marking(key: Scalar, points: list[Point]) -> list[Point]:
        return [*real(key, points[:-1]), *real(random_scalar(), points[-1:])]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(oprf, "multiply", marking)
        evaluated, proof = oprf.evaluate(exchange.key, exchange.public, exchange.blinded)
    exchange.refused(evaluated=evaluated, proof=proof)


def test_swapped_elements_are_refused(exchange: Exchange) -> None:
    """Two answers in each other's place are refused, so no person gets another's pseudonym."""
    first, second, *rest = exchange.evaluated
    exchange.refused(evaluated=[second, first, *rest])


def test_an_answer_to_another_question_is_refused(exchange: Exchange) -> None:
    """An honest answer to other elements is refused."""
    exchange.refused(blinded=oprf.blind([bytes([n]) for n in range(40)]).elements)


@pytest.mark.parametrize("change", [slice(0, 39), slice(0, 0)], ids=["one missing", "none"])
def test_missing_elements_are_refused(exchange: Exchange, change: slice) -> None:
    """An answer with fewer elements than asked is refused."""
    exchange.refused(evaluated=exchange.evaluated[change])


@pytest.mark.parametrize("bit", range(0, 512, 17))
def test_a_changed_proof_is_refused(exchange: Exchange, bit: int) -> None:
    """A proof with one bit turned, wherever, is refused."""
    proof = bytearray(exchange.proof)
    proof[bit // 8] ^= 1 << bit % 8
    exchange.refused(proof=bytes(proof))


@pytest.mark.parametrize(
    "proof",
    [b"", bytes(64), bytes(63), bytes(65), b"\xff" * 64, ORDER.to_bytes(32, "little") * 2],
    ids=["empty", "zeros", "too short", "too long", "not canonical", "the order"],
)
def test_a_proof_of_another_form_is_refused(exchange: Exchange, proof: bytes) -> None:
    """Bytes that are no pair of canonical scalars are refused as a proof."""
    exchange.refused(proof=proof)


def test_a_proof_shifted_by_the_order_is_refused(exchange: Exchange) -> None:
    """The same proof in a second, non-canonical encoding is refused, so a proof has one form."""
    response = int.from_bytes(exchange.proof[32:], "little") + ORDER
    exchange.refused(proof=exchange.proof[:32] + response.to_bytes(32, "little"))


@pytest.mark.parametrize(
    "bad", [bytes(32), b"\xff" * 32, b"", b"\x01" * 31], ids=["identity", "ones", "empty", "short"]
)
def test_an_answer_that_is_no_point_is_refused(exchange: Exchange, bad: bytes) -> None:
    """A key-holder's bytes that are no point other than the identity are its fault: the proof does not hold."""
    answer = [point.encoded for point in exchange.evaluated[:-1]] + [bad]
    with pytest.raises(VerificationError) as refusal:
        oprf.accept(exchange.public, exchange.blinded, answer, exchange.proof)
    assert refusal.value.code is Code.PROOF_INVALID


def test_batch_limits() -> None:
    """An empty batch and one above the wire's limit are our own bugs, on either side."""
    point = base(random_scalar())
    for count in (0, MAX_ELEMENTS + 1):
        with pytest.raises(ValueError, match="a batch has"):
            oprf.blind([b""] * count)
        with pytest.raises(ValueError, match="a batch has"):
            oprf.evaluate(KEY, PUBLIC, [point] * count)


def test_lengths_must_agree() -> None:
    """Finalising never cuts to the shorter list."""
    blinded = oprf.blind([b"a", b"b"])
    with pytest.raises(ValueError, match="as many"):
        oprf.finalise([b"a"], blinded.blinds, blinded.elements)


def test_blinds_hide_themselves() -> None:
    """The repr of what a client keeps shows no blind."""
    blinded = oprf.blind([b"a"])
    assert "blinds" not in repr(blinded)
    assert blinded.blinds[0].encoded.hex() not in repr(blinded)
