# SPDX-License-Identifier: EUPL-1.2
"""RFC 9497, mode VOPRF (0x01), suite ristretto255-SHA512, byte for byte, in batches, always with the proof.

A client blinds inputs, a key-holder multiplies and proves that it used the key it published, the client checks the
proof, unblinds and hashes. Not here: several key-holders (``threshold.py``: the sum of their answers is finalised here)
and what the output is used for (``tags.py``). Spec: ``spec/oprf.md``.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha512
from typing import Final

from protocol.encoding import lp
from protocol.errors import Code, InputError, VerificationError
from protocol.group import (
    SCALAR_BYTES,
    Point,
    Scalar,
    base,
    decode_points,
    hash_to_group,
    hash_to_scalar,
    invert_scalars,
    multiply,
    multiply_each,
    multiply_scalars,
    random_scalar,
    scalar_from_bytes,
    subtract_scalars,
    sum_points,
    weighted_sum,
)
from protocol.messages import MAX_ELEMENTS

OUTPUT_BYTES: Final = 64
"""One SHA-512 digest an input."""
PROOF_BYTES: Final = 2 * SCALAR_BYTES
"""Challenge and response."""

_CONTEXT: Final = b"OPRFV1-\x01-ristretto255-SHA512"
"""RFC 9497 section 3.1, CreateContextString for mode 0x01."""
_DERIVE_TRIES: Final = 256
"""RFC 9497 section 3.2.1: a one-byte counter; more than one try is not expected before the sun is cold."""


@dataclass(frozen=True, slots=True)
class Blinded:
    """What a client keeps (``blinds``) and sends (``elements``), in the order of its inputs."""

    blinds: tuple[Scalar, ...] = field(repr=False)
    elements: tuple[Point, ...]


def derive_key(seed: bytes, info: bytes) -> Scalar:
    """Derive a key from a 32-byte seed and public text (RFC 9497 section 3.2.1, DeriveKeyPair)."""
    material = seed + lp(info)
    for counter in range(_DERIVE_TRIES):
        try:
            return hash_to_scalar(material + bytes([counter]), b"DeriveKeyPair" + _CONTEXT)
        except ValueError:  # Zero: the RFC says to try the next counter.
            continue
    raise ValueError("no key from this seed")


def blind(inputs: Sequence[bytes]) -> Blinded:
    """Hide each input behind a fresh random factor (RFC 9497 section 3.3.1, Blind).

    One to ``MAX_ELEMENTS`` inputs of at most 65,535 bytes; anything else is a ``ValueError``.
    """
    return _blind(inputs, [random_scalar() for _ in inputs])


def _blind(inputs: Sequence[bytes], blinds: Sequence[Scalar]) -> Blinded:
    _check_batch(len(inputs))
    points = [hash_to_group(one, b"HashToGroup-" + _CONTEXT) for one in inputs]
    return Blinded(tuple(blinds), tuple(multiply_each(blinds, points)))


def evaluate(key: Scalar, public: Point, elements: Sequence[Point]) -> tuple[list[Point], bytes]:
    """Multiply each element by the key and prove it for all at once (RFC 9497 section 3.3.2, BlindEvaluate).

    ``public`` must be ``base(key)``, or no proof will verify. Returns the points in order and the 64-byte proof.
    """
    return _evaluate(key, public, elements, random_scalar())


def _evaluate(key: Scalar, public: Point, elements: Sequence[Point], nonce: Scalar) -> tuple[list[Point], bytes]:
    _check_batch(len(elements))
    evaluated = multiply(key, elements)
    # RFC 9497 section 2.2.1: who has the key needs one multiplication an element for the composites, not two.
    joined = weighted_sum(_weights(public, elements, evaluated), elements)
    joined_evaluated, joined_nonce = multiply_each([key, nonce], [joined, joined])
    challenge = _challenge(public, joined, joined_evaluated, base(nonce), joined_nonce)
    response = subtract_scalars(nonce, multiply_scalars(challenge, key))
    return evaluated, challenge.encoded + response.encoded


def verify(public: Point, blinded: Sequence[Point], evaluated: Sequence[Point], proof: bytes) -> None:
    """Check that every evaluated element is its blinded element times the key behind ``public``.

    RFC 9497 section 2.2.2, VerifyProof. Raises ``VerificationError`` (``proof_invalid``).
    """
    _check_batch(len(blinded))
    if len(blinded) != len(evaluated) or len(proof) != PROOF_BYTES:
        raise _refused()
    try:
        challenge = scalar_from_bytes(proof[:SCALAR_BYTES])
        response = scalar_from_bytes(proof[SCALAR_BYTES:])
        weights = _weights(public, blinded, evaluated)
        joined = weighted_sum(weights, blinded)
        joined_evaluated = weighted_sum(weights, evaluated)
        commitment = sum_points([base(response), *multiply(challenge, [public])])
        joined_commitment = sum_points(multiply_each([response, challenge], [joined, joined_evaluated]))
    except InputError as error:  # Not a scalar, or an identity that only a wrong proof leads to.
        raise _refused() from error
    if _challenge(public, joined, joined_evaluated, commitment, joined_commitment) != challenge:
        raise _refused()


def accept(public: Point, blinded: Sequence[Point], answer: Sequence[bytes], proof: bytes) -> list[Point]:
    """Turn a key-holder's unverified answer into points that were verified: decode and ``verify``.

    Raises ``VerificationError`` (``proof_invalid``), also for bytes that are no points.
    """
    try:
        evaluated = decode_points(answer)
    except InputError as error:
        raise _refused() from error
    verify(public, blinded, evaluated, proof)
    return evaluated


def finalise(inputs: Sequence[bytes], blinds: Sequence[Scalar], evaluated: Sequence[Point]) -> list[bytes]:
    """Unblind and hash (RFC 9497 section 3.3.1, Finalize): 64 bytes an input. Only for points that were verified."""
    if not len(inputs) == len(blinds) == len(evaluated):
        raise ValueError("as many blinds and evaluated elements as inputs")
    unblinded = multiply_each(invert_scalars(blinds), evaluated)
    return [
        sha512(lp(one) + lp(point.encoded) + b"Finalize").digest() for one, point in zip(inputs, unblinded, strict=True)
    ]


def _weights(public: Point, blinded: Sequence[Point], evaluated: Sequence[Point]) -> list[Scalar]:
    """The factors d of RFC 9497 section 2.2.1, ComputeComposites: unforeseeable, so that no error cancels another."""
    seed = sha512(lp(public.encoded) + lp(b"Seed-" + _CONTEXT)).digest()
    return [
        hash_to_scalar(
            lp(seed) + place.to_bytes(2, "big") + lp(before.encoded) + lp(after.encoded) + b"Composite",
            b"HashToScalar-" + _CONTEXT,
        )
        for place, (before, after) in enumerate(zip(blinded, evaluated, strict=True))
    ]


def _challenge(public: Point, *points: Point) -> Scalar:
    transcript = b"".join(lp(point.encoded) for point in (public, *points))
    return hash_to_scalar(transcript + b"Challenge", b"HashToScalar-" + _CONTEXT)


def _check_batch(count: int) -> None:
    if not 1 <= count <= MAX_ELEMENTS:
        raise ValueError(f"a batch has 1 to {MAX_ELEMENTS} elements")


def _refused() -> VerificationError:
    return VerificationError(
        Code.PROOF_INVALID,
        "The key-holder did not prove that it used its published key.",
        hint="Nothing of its answer is used. Tell the key-holder and the covenant board.",
    )
