# SPDX-License-Identifier: EUPL-1.2
"""The group ristretto255 (RFC 9496): scalars, points, hashing to both, and the program's only source of entropy.

The only module that touches the curve library (``rbcl``, a bundled libsodium) or ``secrets``. A ``Scalar`` or ``Point``
that exists is valid, because only the functions here make one: bytes of others enter through ``scalar_from_bytes`` and
``decode_points``. Not here: any protocol built on the group (``oprf.py``, ``threshold.py``). Spec: ``spec/oprf.md``.
"""

import secrets
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha512
from itertools import chain
from pathlib import Path
from typing import Final, TypeVar

import rbcl

from protocol.errors import Code, InputError

POINT_BYTES: Final = 32
"""RFC 9496 section 4.3: one canonical encoding a point."""
SCALAR_BYTES: Final = 32
"""RFC 9496 section 4.4: little-endian, below the order."""
WIDE_BYTES: Final = 64
"""Bytes that are reduced to a scalar or mapped to a point: twice the size, so that the result is uniform."""
ORDER: Final = 2**252 + 27742317777372353535851937790883648493
"""The number of points, a prime (RFC 9496 section 4)."""

_IDENTITY: Final = bytes(POINT_BYTES)
_SHA512_BLOCK: Final = 128
_WORKERS: Final = 4
"""Threads a batch: the library lets go of Python's lock while it computes. Two cores gave 1.4 to 2 times the speed of
one; four threads on two cores cost nothing over two."""
_SPREAD_FROM: Final = 32
"""Elements from which threads pay: starting them costs about as much as two multiplications."""

T = TypeVar("T")

# rbcl unpacks its library (2.7 MB) into a new temporary file at every start of a program and leaves it there. Loaded is
# loaded: the file is not needed any more. Where the system refuses (Windows), it stays.
if Path(rbcl._sodium._name).parent == Path(tempfile.gettempdir()):
    with suppress(OSError):
        Path(rbcl._sodium._name).unlink()


@dataclass(frozen=True, slots=True)
class Scalar:
    """A secret integer from 1 to ORDER - 1. Zero is no scalar of ours: as a key or blind it would hide nothing."""

    encoded: bytes = field(repr=False)
    """32 bytes, little-endian."""


@dataclass(frozen=True, slots=True)
class Point:
    """An element of the group other than the identity."""

    encoded: bytes
    """32 bytes, canonical."""


def random_bytes(count: int) -> bytes:
    """Return fresh random bytes from the operating system."""
    return secrets.token_bytes(count)


def random_scalar() -> Scalar:
    """Return a fresh scalar, uniform over 1 to ORDER - 1."""
    return Scalar(bytes(rbcl.crypto_core_ristretto255_scalar_random()))


def scalar_from_bytes(raw: bytes) -> Scalar:
    """Read 32 bytes, little-endian.

    Raises ``InputError`` (``invalid_element``) for zero or a value not below the order.
    """
    if len(raw) != SCALAR_BYTES or not 0 < int.from_bytes(raw, "little") < ORDER:
        raise InputError(Code.INVALID_ELEMENT, "Not the canonical form of a scalar other than zero.")
    return Scalar(raw)


def reduce(wide: bytes) -> Scalar:
    """Reduce 64 uniform bytes, little-endian, modulo the order. Raises ``ValueError`` for another length."""
    if len(wide) != WIDE_BYTES:
        raise ValueError("64 bytes are reduced to a scalar")
    return _scalar(rbcl.crypto_core_ristretto255_scalar_reduce(wide))


def add_scalars(a: Scalar, b: Scalar) -> Scalar:
    """Return a + b."""
    return _scalar(rbcl.crypto_core_ristretto255_scalar_add(a.encoded, b.encoded))


def subtract_scalars(a: Scalar, b: Scalar) -> Scalar:
    """Return a - b."""
    return _scalar(rbcl.crypto_core_ristretto255_scalar_sub(a.encoded, b.encoded))


def multiply_scalars(a: Scalar, b: Scalar) -> Scalar:
    """Return a · b."""
    return Scalar(bytes(rbcl.crypto_core_ristretto255_scalar_mul(a.encoded, b.encoded)))


def sum_scalars(scalars: Sequence[Scalar]) -> Scalar:
    """Return the sum of one or more scalars."""
    total = bytes(SCALAR_BYTES)
    for scalar in scalars:
        total = rbcl.crypto_core_ristretto255_scalar_add(total, scalar.encoded)
    return _scalar(total)


def invert_scalars(scalars: Sequence[Scalar]) -> list[Scalar]:
    """Return 1/s for each.

    With Montgomery's trick (Math. Comp. 48, 1987, section 10.3.1): one inversion and three multiplications each, 4 µs
    instead of 33.
    """
    if not scalars:
        return []
    running = [scalars[0]]
    for scalar in scalars[1:]:
        running.append(multiply_scalars(running[-1], scalar))
    inverse = Scalar(bytes(rbcl.crypto_core_ristretto255_scalar_invert(running[-1].encoded)))
    inverses = [inverse] * len(scalars)
    for i in range(len(scalars) - 1, 0, -1):
        inverses[i] = multiply_scalars(inverse, running[i - 1])
        inverse = multiply_scalars(inverse, scalars[i])
    inverses[0] = inverse
    return inverses


def base(scalar: Scalar) -> Point:
    """Return s·G, G being the group's generator."""
    return Point(bytes(rbcl.crypto_scalarmult_ristretto255_base(scalar.encoded)))


def multiply(scalar: Scalar, points: Sequence[Point]) -> list[Point]:
    """Return s·P for each point."""
    return multiply_each([scalar] * len(points), points)


def multiply_each(scalars: Sequence[Scalar], points: Sequence[Point]) -> list[Point]:
    """Return s·P for each pair. Raises ``ValueError`` for unequal lengths."""
    return [Point(raw) for raw in _in_pairs(_products, scalars, points)]


def weighted_sum(scalars: Sequence[Scalar], points: Sequence[Point]) -> Point:
    """Return the sum of s·P over the pairs. Raises like ``sum_points``, and ``ValueError`` for unequal lengths."""
    return _point(_sum(_in_pairs(_product_sum, scalars, points)))


def add_points(a: Point, b: Point) -> Point:
    """Return a + b. Raises like ``sum_points``."""
    return sum_points([a, b])


def sum_points(points: Sequence[Point]) -> Point:
    """Return the sum of the points. Raises ``InputError`` (``invalid_element``) when it is the identity."""
    return _point(_sum([point.encoded for point in points]))


def decode_points(encodings: Sequence[bytes]) -> list[Point]:
    """Read points of others.

    Raises ``InputError`` (``invalid_element``), naming the place, for another length, an encoding that is not canonical
    (RFC 9496 section 4.3.1) or the identity.
    """
    for place, raw in enumerate(encodings):
        if not _is_canonical(raw):
            raise InputError(Code.INVALID_ELEMENT, f"Element {place} is not a canonical point other than the identity.")
    return [Point(raw) for raw in encodings]


def hash_to_group(message: bytes, dst: bytes) -> Point:
    """Map a message to a point whose logarithm nobody knows (RFC 9380, hash_to_ristretto255 with SHA-512)."""
    return _point(rbcl.crypto_core_ristretto255_from_hash(_expand(message, dst)))


def hash_to_scalar(message: bytes, dst: bytes) -> Scalar:
    """Map a message to a scalar (RFC 9497 section 4.1, HashToScalar)."""
    return reduce(_expand(message, dst))


def _expand(message: bytes, dst: bytes) -> bytes:
    """RFC 9380 section 5.3.1, expand_message_xmd with SHA-512 for 64 bytes: exactly one block of output."""
    if len(dst) > 255:
        raise ValueError("a domain-separation tag has at most 255 bytes")
    suffix = dst + bytes([len(dst)])
    first = sha512(bytes(_SHA512_BLOCK) + message + WIDE_BYTES.to_bytes(2, "big") + b"\x00" + suffix).digest()
    return sha512(first + b"\x01" + suffix).digest()


def _scalar(raw: bytes) -> Scalar:
    if raw == bytes(SCALAR_BYTES):
        raise ValueError("zero: honest scalars give it once in 2**252")
    return Scalar(bytes(raw))


def _is_canonical(raw: bytes) -> bool:
    # The bundled libsodium (1.0.18) ignores the top bit, which would give every point a second encoding.
    if len(raw) != POINT_BYTES or raw == _IDENTITY or raw[-1] & 0x80:
        return False
    return bool(rbcl.crypto_core_ristretto255_is_valid_point(raw))


def _point(raw: bytes) -> Point:
    if raw == _IDENTITY:
        raise InputError(Code.INVALID_ELEMENT, "The result is the identity element.")
    return Point(bytes(raw))


def _products(scalars: Sequence[Scalar], points: Sequence[Point]) -> list[bytes]:
    # Neither factor is zero and the order is prime: the library's refusal of an identity result cannot happen here.
    multiply_one = rbcl.crypto_scalarmult_ristretto255
    return [multiply_one(s.encoded, p.encoded) for s, p in zip(scalars, points, strict=True)]


def _product_sum(scalars: Sequence[Scalar], points: Sequence[Point]) -> list[bytes]:
    return [_sum(_products(scalars, points))]


def _sum(encodings: Sequence[bytes]) -> bytes:
    total = _IDENTITY
    for raw in encodings:
        total = rbcl.crypto_core_ristretto255_add(total, raw) if total != _IDENTITY else raw
    return total


def _in_pairs(
    work: Callable[[Sequence[Scalar], Sequence[Point]], list[T]], scalars: Sequence[Scalar], points: Sequence[Point]
) -> list[T]:
    """Do the work on pairs, in as many pieces as pay, and join the pieces' results in order."""
    if len(scalars) != len(points):
        raise ValueError("as many scalars as points")
    if len(points) < _SPREAD_FROM:
        return work(scalars, points)
    size = -(-len(points) // _WORKERS)
    pieces = [slice(start, start + size) for start in range(0, len(points), size)]
    with ThreadPoolExecutor(_WORKERS) as pool:
        return list(chain.from_iterable(pool.map(work, [scalars[p] for p in pieces], [points[p] for p in pieces])))
