# SPDX-License-Identifier: EUPL-1.2
"""The group: what is refused at the door, and that batches do what single operations do."""

import json
import tempfile
from hashlib import sha512
from pathlib import Path
from typing import Any

import pytest
import rbcl
from hypothesis import given
from hypothesis import strategies as st

from protocol import group
from protocol.encoding import lp
from protocol.errors import Code, InputError
from protocol.group import Point, Scalar

VECTORS: dict[str, Any] = json.loads((Path(__file__).parents[1] / "vectors" / "oprf-rfc9497.json").read_text())

GENERATOR = bytes.fromhex("e2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2d76")
"""RFC 9496 appendix A.1, the first multiple of the generator."""
TWICE = bytes.fromhex("6a493210f7499cd17fecb510ae0cea23a110e8d5b901f8acadd3095c73a3b919")
THRICE = bytes.fromhex("94741f5d5d52755ece4f23f044ee27d5d1ea1e2bd196b462166b16152a9d0259")

BAD_ENCODINGS = {
    "the identity": bytes(32),
    "non-canonical (RFC 9496 A.2)": bytes.fromhex("00" + "ff" * 31),
    "field element not below p (RFC 9496 A.2)": bytes.fromhex(
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"
    ),
    "negative field element (RFC 9496 A.2)": bytes.fromhex("01" + "00" * 31),
    "negative field element 2 (RFC 9496 A.2)": bytes.fromhex(
        "ed57ffd8c914fb201471d1c3d245ce3c746fcbe63a3679d51b6a516ebebe0e20"
    ),
    "non-square x^2 (RFC 9496 A.2)": bytes.fromhex("26948d35ca62e643e26a83177332e6b6afeb9d08e4268b650f1f5bbd8d81d371"),
    "top bit set": GENERATOR[:31] + bytes([GENERATOR[31] | 0x80]),
    "too short": GENERATOR[:31],
    "too long": GENERATOR + b"\x00",
    "empty": b"",
}

scalars = st.integers(1, group.ORDER - 1).map(lambda n: Scalar(n.to_bytes(32, "little")))


def number(scalar: Scalar) -> int:
    """Return the scalar's value."""
    return int.from_bytes(scalar.encoded, "little")


def scalar(value: int) -> Scalar:
    """Return the scalar of a value."""
    return group.scalar_from_bytes(value.to_bytes(32, "little"))


def test_small_multiples() -> None:
    """The first multiples of the generator are those of RFC 9496."""
    assert [group.base(scalar(n)).encoded for n in (1, 2, 3)] == [GENERATOR, TWICE, THRICE]


@pytest.mark.parametrize("raw", BAD_ENCODINGS.values(), ids=BAD_ENCODINGS.keys())
def test_bad_encodings_are_refused(raw: bytes) -> None:
    """An encoding that is not the one canonical form of a point other than the identity is refused, with its place."""
    with pytest.raises(InputError, match="Element 1 ") as refusal:
        group.decode_points([GENERATOR, raw])
    assert refusal.value.code is Code.INVALID_ELEMENT


def test_decode_returns_the_points() -> None:
    """Good encodings come back as points in the same order."""
    assert [point.encoded for point in group.decode_points([THRICE, GENERATOR])] == [THRICE, GENERATOR]


@pytest.mark.parametrize(
    "raw",
    [bytes(32), group.ORDER.to_bytes(32, "little"), b"\xff" * 32, b"\x01" * 31, b"\x01" * 33, b""],
    ids=["zero", "the order", "all ones", "too short", "too long", "empty"],
)
def test_bad_scalars_are_refused(raw: bytes) -> None:
    """Bytes that are not the canonical form of a scalar other than zero are refused."""
    with pytest.raises(InputError) as refusal:
        group.scalar_from_bytes(raw)
    assert refusal.value.code is Code.INVALID_ELEMENT


@given(scalars, scalars)
def test_scalar_arithmetic(a: Scalar, b: Scalar) -> None:
    """Sums, differences and products are those of the integers modulo the order."""
    assert number(group.multiply_scalars(a, b)) == number(a) * number(b) % group.ORDER
    if (number(a) + number(b)) % group.ORDER:
        assert number(group.add_scalars(a, b)) == (number(a) + number(b)) % group.ORDER
    if a != b:
        assert number(group.subtract_scalars(a, b)) == (number(a) - number(b)) % group.ORDER


@given(st.lists(scalars, max_size=8))
def test_inverses(values: list[Scalar]) -> None:
    """Each scalar times its inverse from the batch is one."""
    inverses = group.invert_scalars(values)
    assert [number(group.multiply_scalars(a, b)) for a, b in zip(values, inverses, strict=True)] == [1] * len(values)


def test_zero_results_are_no_scalars() -> None:
    """A sum, difference or reduction that is zero gives no scalar."""
    one, minus_one = scalar(1), scalar(group.ORDER - 1)
    for operation in (
        lambda: group.add_scalars(one, minus_one),
        lambda: group.subtract_scalars(one, one),
        lambda: group.sum_scalars([one, minus_one]),
        lambda: group.reduce(bytes(64)),
    ):
        with pytest.raises(ValueError, match="zero"):
            operation()


@given(st.binary(min_size=64, max_size=64).filter(any))
def test_reduce(wide: bytes) -> None:
    """64 bytes reduce to their little-endian value modulo the order."""
    assert number(group.reduce(wide)) == int.from_bytes(wide, "little") % group.ORDER


def test_reduce_takes_exactly_64_bytes() -> None:
    """Fewer bytes would give a scalar that is not uniform, so they are refused."""
    with pytest.raises(ValueError, match="64 bytes"):
        group.reduce(b"\x01" * 63)


@pytest.mark.parametrize("count", [1, 2, 31, 32, 33, 100])
def test_batches_equal_single_operations(count: int) -> None:
    """A batch, spread over threads or not, gives in order what one multiplication at a time gives."""
    factors = [group.random_scalar() for _ in range(count)]
    points = [group.base(group.random_scalar()) for _ in range(count)]
    pairs = zip(factors, points, strict=True)
    one_by_one = [Point(rbcl.crypto_scalarmult_ristretto255(s.encoded, p.encoded)) for s, p in pairs]
    assert group.multiply_each(factors, points) == one_by_one
    assert group.weighted_sum(factors, points) == group.sum_points(one_by_one)
    assert group.multiply(factors[0], points)[-1] == group.multiply(factors[0], points[-1:])[0]


def test_unequal_lengths_are_a_bug() -> None:
    """Factors and points of unequal number are never cut to the shorter."""
    with pytest.raises(ValueError, match="as many"):
        group.multiply_each([scalar(1), scalar(2)], [Point(GENERATOR)])


def test_an_identity_sum_is_refused() -> None:
    """Points that cancel give an error, not the identity as a point."""
    minus = group.base(scalar(group.ORDER - 1))
    for operation in (
        lambda: group.add_points(Point(GENERATOR), minus),
        lambda: group.sum_points([]),
        lambda: group.weighted_sum([scalar(2), scalar(2)], [Point(GENERATOR), minus]),
    ):
        with pytest.raises(InputError) as refusal:
            operation()
        assert refusal.value.code is Code.INVALID_ELEMENT


def test_a_sum_may_pass_through_the_identity() -> None:
    """Points of which some cancel add up to the others."""
    minus = group.base(scalar(group.ORDER - 1))
    assert group.sum_points([Point(GENERATOR), minus, Point(TWICE)]).encoded == TWICE


@pytest.mark.parametrize("vector", VECTORS["suites"][0]["vectors"], ids=lambda v: f"input {v['inputs'][0][:4]}")
def test_mode_0_of_the_rfc(vector: dict[str, Any]) -> None:
    """The group's functions alone reproduce RFC 9497's vectors of the mode without proofs."""
    suite = VECTORS["suites"][0]
    dst, key = bytes.fromhex(suite["hashToGroupTag"]), group.scalar_from_bytes(bytes.fromhex(suite["secretKey"]))
    (message,), (blind,) = (
        [bytes.fromhex(x) for x in vector["inputs"]],
        [bytes.fromhex(x) for x in vector["blinds"]],
    )
    factor = group.scalar_from_bytes(blind)
    blinded = group.multiply(factor, [group.hash_to_group(message, dst)])
    evaluated = group.multiply(key, blinded)
    assert [blinded[0].encoded.hex()] == vector["blindedElements"]
    assert [evaluated[0].encoded.hex()] == vector["evaluationElements"]
    (unblinded,) = group.multiply_each(group.invert_scalars([factor]), evaluated)
    assert [sha512(lp(message) + lp(unblinded.encoded) + b"Finalize").hexdigest()] == vector["outputs"]


def test_a_long_domain_separation_tag_is_a_bug() -> None:
    """A tag whose length does not fit its byte is refused, not cut."""
    with pytest.raises(ValueError, match="255"):
        group.hash_to_group(b"", b"x" * 256)


def test_scalars_hide_themselves() -> None:
    """Neither the text nor the repr of a scalar shows it."""
    secret = group.random_scalar()
    assert repr(secret) == str(secret) == "Scalar()"


def test_randomness_is_fresh() -> None:
    """No two random values are the same."""
    assert len({group.random_scalar() for _ in range(50)}) == 50
    assert len({group.random_bytes(32) for _ in range(50)}) == 50


def test_the_library_leaves_no_file() -> None:
    """The copy of the curve library that rbcl unpacks for this process is gone from the temporary folder."""
    assert Path(rbcl._sodium._name).parent == Path(tempfile.gettempdir())
    assert not Path(rbcl._sodium._name).exists()
