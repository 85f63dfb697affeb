# SPDX-License-Identifier: EUPL-1.2
"""The tree's hashing, growth and verification, against the RFC's figures, the public set and a naive tree."""

import base64
import hashlib
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol.errors import Code, InputError, VerificationError
from protocol.merkle import (
    EMPTY_ROOT,
    Frontier,
    TileId,
    append,
    leaf_hash,
    root_of,
    verify_consistency,
    verify_inclusion,
)

ROOT = Path(__file__).parents[2]
OWN = json.loads((ROOT / "tests/vectors/merkle-rfc6962.json").read_text())
PUBLIC = ROOT.parent / "shared/vectors/rfc6962-merkle.json"


def mth(hashes: list[bytes]) -> bytes:
    """The tree hash as RFC 6962 section 2.1 defines it, by recursion."""
    if not hashes:
        return hashlib.sha256().digest()
    if len(hashes) == 1:
        return hashes[0]
    k = 1
    while k * 2 < len(hashes):
        k *= 2
    return hashlib.sha256(b"\x01" + mth(hashes[:k]) + mth(hashes[k:])).digest()


def path(index: int, hashes: list[bytes]) -> list[bytes]:
    """PATH of RFC 6962 section 2.1.1, by recursion."""
    if len(hashes) == 1:
        return []
    k = 1
    while k * 2 < len(hashes):
        k *= 2
    if index < k:
        return [*path(index, hashes[:k]), mth(hashes[k:])]
    return [*path(index - k, hashes[k:]), mth(hashes[:k])]


def subproof(size: int, hashes: list[bytes], whole: bool = True) -> list[bytes]:
    """SUBPROOF of RFC 6962 section 2.1.2, by recursion."""
    if size == len(hashes):
        return [] if whole else [mth(hashes)]
    k = 1
    while k * 2 < len(hashes):
        k *= 2
    if size <= k:
        return [*subproof(size, hashes[:k], whole), mth(hashes[k:])]
    return [*subproof(size - k, hashes[k:], False), mth(hashes[:k])]


def _leaves(count: int) -> list[bytes]:
    return [f"leaf {i}".encode() for i in range(count)]


def _grown(count: int) -> Frontier:
    return append(Frontier(), _leaves(count)).frontier


def _unhex(texts: list[str]) -> list[bytes]:
    return [bytes.fromhex(text) for text in texts]


def test_roots_of_the_rfc_leaves():
    """The eight well-known leaves give the eight well-known roots, grown or at once."""
    data = _unhex(OWN["leaves"])
    for size, root in enumerate(_unhex(OWN["roots"]), start=1):
        assert root_of([leaf_hash(leaf) for leaf in data[:size]]) == root
        assert append(Frontier(), data[:size]).root == root
    assert EMPTY_ROOT == Frontier().root == root_of([]) == bytes.fromhex(OWN["emptyRoot"])


@pytest.mark.parametrize("case", OWN["inclusion"], ids=lambda case: case["fails"] or "holds")
def test_own_inclusion_vectors(case):
    """Every inclusion proof of our vectors holds or fails as it says."""
    arguments = (
        bytes.fromhex(case["leaf"]),
        case["index"],
        case["size"],
        _unhex(case["proof"]),
        bytes.fromhex(case["root"]),
    )
    if case["fails"] is None:
        verify_inclusion(*arguments)
    else:
        with pytest.raises(VerificationError) as caught:
            verify_inclusion(*arguments)
        assert caught.value.code is Code.PROOF_INVALID


@pytest.mark.parametrize("case", OWN["consistency"], ids=lambda case: case["fails"] or "holds")
def test_own_consistency_vectors(case):
    """Every consistency proof of our vectors holds or fails as it says."""
    arguments = (
        case["size1"],
        case["size2"],
        _unhex(case["proof"]),
        bytes.fromhex(case["root1"]),
        bytes.fromhex(case["root2"]),
    )
    if case["fails"] is None:
        verify_consistency(*arguments)
    else:
        with pytest.raises(VerificationError) as caught:
            verify_consistency(*arguments)
        assert caught.value.code is Code.PROOF_INVALID


def _raises(function, *arguments) -> bool:
    try:
        function(*arguments)
    except VerificationError:
        return True
    return False


def test_public_vectors_whole():
    """All 98 inclusion and 98 consistency proofs of transparency-dev/merkle hold or fail as that set says."""
    if not PUBLIC.exists():
        pytest.skip("the public set is not beside the project (shared/vectors/rfc6962-merkle.json); own vectors ran")
    public = json.loads(PUBLIC.read_text())

    def raw(text: str | None) -> bytes:
        return base64.b64decode(text or "")

    wrong = [
        case["file"]
        for case in public["inclusion"]
        if _raises(
            verify_inclusion,
            raw(case["leafHash"]),
            case["leafIdx"],
            case["treeSize"],
            [raw(part) for part in case["proof"] or []],
            raw(case["root"]),
        )
        is not case["wantErr"]
    ] + [
        case["file"]
        for case in public["consistency"]
        if _raises(
            verify_consistency,
            case["size1"],
            case["size2"],
            [raw(part) for part in case["proof"] or []],
            raw(case["root1"]),
            raw(case["root2"]),
        )
        is not case["wantErr"]
    ]
    assert wrong == []
    assert len(public["inclusion"]) + len(public["consistency"]) == 196


def test_every_small_tree_agrees_with_the_recursion():
    """Roots and both kinds of proof of every tree up to 40 leaves are those of the RFC's recursive definition."""
    hashes = [leaf_hash(leaf) for leaf in _leaves(40)]
    for size in range(1, 41):
        tree = hashes[:size]
        root = mth(tree)
        assert root_of(tree) == root == _grown(size).root
        for index in range(size):
            verify_inclusion(hashes[index], index, size, path(index, tree), root)
        for old in range(1, size + 1):
            verify_consistency(old, size, subproof(old, tree), mth(hashes[:old]), root)


@given(size=st.integers(2, 300), index=st.integers(0, 299), data=st.data())
def test_no_altered_inclusion_proof_holds(size, index, data):
    """Changing one bit of a sibling, the index, or the proof's length makes an inclusion proof fail."""
    index %= size
    hashes = [leaf_hash(leaf) for leaf in _leaves(size)]
    proof, root = path(index, hashes), mth(hashes)
    at = data.draw(st.integers(0, len(proof) - 1))
    bit = data.draw(st.integers(0, 255))
    flipped = (int.from_bytes(proof[at], "big") ^ 1 << bit).to_bytes(32, "big")
    other = data.draw(st.integers(0, size + 2).filter(lambda value: value != index))
    assert _raises(verify_inclusion, hashes[index], index, size, [*proof[:at], flipped, *proof[at + 1 :]], root)
    assert _raises(verify_inclusion, hashes[index], other, size, proof, root)
    assert _raises(verify_inclusion, hashes[index], index, size, proof[:at] + proof[at + 1 :], root)
    assert _raises(verify_inclusion, hashes[index], index, size, [*proof, root], root)


@given(old=st.integers(1, 150), more=st.integers(1, 150), data=st.data())
def test_no_altered_consistency_proof_holds(old, more, data):
    """Changing one bit of a proof, either root, or the proof's length makes a consistency proof fail."""
    hashes = [leaf_hash(leaf) for leaf in _leaves(old + more)]
    proof, root1, root2 = subproof(old, hashes), mth(hashes[:old]), mth(hashes)
    at = data.draw(st.integers(0, len(proof) - 1))
    bit = data.draw(st.integers(0, 255))
    flipped = (int.from_bytes(proof[at], "big") ^ 1 << bit).to_bytes(32, "big")
    sizes = (old, old + more)
    assert _raises(verify_consistency, *sizes, [*proof[:at], flipped, *proof[at + 1 :]], root1, root2)
    assert _raises(verify_consistency, *sizes, proof, root2, root2)
    assert _raises(verify_consistency, *sizes, proof, root1, root1)
    assert _raises(verify_consistency, *sizes, proof[:at] + proof[at + 1 :], root1, root2)
    assert _raises(verify_consistency, *sizes, [*proof, root1], root1, root2)


@settings(deadline=None)
@given(batches=st.lists(st.integers(0, 700), max_size=5))
def test_growing_in_batches_gives_the_same_tree_and_rows(batches):
    """However leaves are cut into batches, the root and every tile row are those of one batch; rows only grow."""
    rows: dict[TileId, bytes] = {}
    frontier = Frontier()
    data = _leaves(sum(batches))
    for count in batches:
        grown_now = append(frontier, data[frontier.size : frontier.size + count])
        for growth in grown_now.growth:
            row = rows.get(growth.tile, b"")
            assert len(row) == growth.start * 32
            rows[growth.tile] = row + growth.hashes
        frontier = grown_now.frontier
    at_once = append(Frontier(), data)
    assert frontier == at_once.frontier
    assert rows == {growth.tile: growth.hashes for growth in at_once.growth}
    assert all(len(row) <= 256 * 32 for row in rows.values())


def test_rows_hold_what_tlog_tiles_says():
    """A log of 70,000 leaves has 274 rows at level 0, two at level 1 and one at level 2, as in the C2SP example."""
    result = append(Frontier(), (b"%d" % i for i in range(70_000)))
    widths = {growth.tile: len(growth.hashes) // 32 for growth in result.growth}
    assert sum(tile.level == 0 for tile in widths) == 274
    assert widths[TileId(0, 273)] == 112
    assert (widths[TileId(1, 0)], widths[TileId(1, 1)], widths[TileId(2, 0)]) == (256, 17, 1)
    hashes = [leaf_hash(b"%d" % i) for i in range(256)]
    first = next(growth for growth in result.growth if growth.tile == TileId(1, 0))
    assert first.hashes[:32] == mth(hashes)


@given(size=st.integers(0, 600))
def test_frontier_survives_storage(size):
    """A frontier read back from its stored form is the same; one byte more or less is refused."""
    frontier = _grown(size)
    raw = frontier.to_bytes()
    assert Frontier.from_bytes(raw) == frontier
    for broken in (raw + b"\0", raw[:-1]):
        with pytest.raises(InputError):
            Frontier.from_bytes(broken)


@given(size=st.integers(0, 1_000))
def test_frontier_remembers_its_last_full_tile(size):
    """A frontier cut to full tiles is the frontier of that many leaves."""
    assert _grown(size).cut_to_full_tiles() == _grown(size // 256 * 256)


def test_frontier_refuses_what_is_not_one():
    """A frontier with a missing, short or surplus hash cannot exist."""
    for size, hashes in ((1, ()), (1, (b"x",)), (0, (bytes(32),)), (-1, ()), (2**53 + 1, (bytes(32), bytes(32)))):
        with pytest.raises(ValueError, match="size"):
            Frontier(size, hashes)


def test_equal_sizes_compare_roots_only():
    """With equal sizes nothing is hashed: equal roots hold, other roots and any proof do not."""
    verify_consistency(5, 5, [], b"r" * 32, b"r" * 32)
    assert _raises(verify_consistency, 5, 5, [], b"r" * 32, b"s" * 32)
    assert _raises(verify_consistency, 5, 5, [bytes(32)], b"r" * 32, b"r" * 32)
