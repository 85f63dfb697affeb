# SPDX-License-Identifier: EUPL-1.2
"""The log's Merkle tree: hashing, growing, and verifying proofs, exactly as RFC 6962 section 2.1 says.

Spec: ``spec/merkle.md``. Not here: where hashes are kept and how proofs are made from tiles (``tiles.py``), who
signs a root (``checkpoint.py``).
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from protocol.encoding import u64
from protocol.errors import Code, InputError, VerificationError

HASH_BYTES: Final = 32
"""SHA-256."""
TILE_HEIGHT: Final = 8
"""Levels of the tree in one tile: C2SP tlog-tiles fixes it at 8."""
TILE_WIDTH: Final = 1 << TILE_HEIGHT
"""Hashes in a full tile: 256, 8,192 bytes."""
MAX_SIZE: Final = 2**53
"""Leaves in a log: indexes travel as JSON numbers, exact up to here; at a thousand a second 285,000 years."""

EMPTY_ROOT: Final = hashlib.sha256(b"").digest()
"""The root of the tree without leaves."""

_LEAF: Final = b"\x00"
_NODE: Final = b"\x01"


class TileId(NamedTuple):
    """A tile's place: its hash ``i`` is the root over 256**level leaves from leaf (256n + i) * 256**level."""

    level: int
    n: int


def leaf_hash(leaf: bytes) -> bytes:
    """Return SHA-256(0x00 || leaf)."""
    return hashlib.sha256(_LEAF + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return SHA-256(0x01 || left || right)."""
    return hashlib.sha256(_NODE + left + right).digest()


# --- Growing --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Frontier:
    """A tree of ``size`` leaves, cut down to what it needs to grow: the roots of its perfect subtrees, largest first.

    One hash per one bit of ``size``. Also called a compact range.
    """

    size: int = 0
    hashes: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.size <= MAX_SIZE:
            raise ValueError("size out of range")
        if len(self.hashes) != self.size.bit_count() or any(len(h) != HASH_BYTES for h in self.hashes):
            raise ValueError("a frontier has one 32-byte hash per one bit of its size")

    @property
    def root(self) -> bytes:
        """The root of the tree (RFC 6962 section 2.1)."""
        if not self.hashes:
            return EMPTY_ROOT
        right = self.hashes[-1]
        for left in reversed(self.hashes[:-1]):
            right = node_hash(left, right)
        return right

    def cut_to_full_tiles(self) -> "Frontier":
        """Return the tree as it was at the last multiple of 256 leaves: its hashes are this frontier's first."""
        size = self.size - self.size % TILE_WIDTH
        return Frontier(size, self.hashes[: size.bit_count()])

    def to_bytes(self) -> bytes:
        """Return the stored form: u64 size, then the hashes."""
        return u64(self.size) + b"".join(self.hashes)

    @classmethod
    def from_bytes(cls, raw: bytes) -> "Frontier":
        """Read what ``to_bytes`` writes. Raises ``InputError`` (``malformed``)."""
        hashes = tuple(raw[i : i + HASH_BYTES] for i in range(8, len(raw), HASH_BYTES))
        try:
            frontier = cls(int.from_bytes(raw[:8], "big"), hashes)
        except ValueError as error:
            raise InputError(Code.MALFORMED, "The stored head of the tree cannot be read.") from error
        if frontier.to_bytes() != raw:
            raise InputError(Code.MALFORMED, "The stored head of the tree cannot be read.")
        return frontier


@dataclass(frozen=True, slots=True)
class TileGrowth:
    """Hashes to put behind the ``start`` hashes that the row of ``tile`` has already; never more than fill it."""

    tile: TileId
    start: int
    hashes: bytes


@dataclass(frozen=True, slots=True)
class Appended:
    """The grown tree: the new frontier and root, and what every tile row gets, in order of level and number."""

    frontier: Frontier
    growth: tuple[TileGrowth, ...]
    root: bytes


def append(frontier: Frontier, leaves: Iterable[bytes]) -> Appended:
    """Grow the tree by ``leaves`` (the leaves themselves, not their hashes): about two SHA-256 a leaf."""
    stack = list(frontier.hashes)
    size = frontier.size
    rows: dict[TileId, tuple[int, list[bytes]]] = {}
    for leaf in leaves:
        digest = leaf_hash(leaf)
        _put(rows, 0, size, digest)
        height = 0
        # Every one bit at the low end of the size is a perfect subtree that the new one completes to a larger.
        while size >> height & 1:
            digest = node_hash(stack.pop(), digest)
            height += 1
            if height % TILE_HEIGHT == 0:
                _put(rows, height // TILE_HEIGHT, size >> height, digest)
        stack.append(digest)
        size += 1
    grown = Frontier(size, tuple(stack))
    growth = tuple(TileGrowth(tile, start, b"".join(hashes)) for tile, (start, hashes) in sorted(rows.items()))
    return Appended(grown, growth, grown.root)


def _put(rows: dict[TileId, tuple[int, list[bytes]]], level: int, index: int, digest: bytes) -> None:
    tile = TileId(level, index >> TILE_HEIGHT)
    if tile not in rows:
        rows[tile] = (index % TILE_WIDTH, [])
    rows[tile][1].append(digest)


def root_of(leaf_hashes: Sequence[bytes]) -> bytes:
    """Return the root over these leaf hashes."""
    stack: list[bytes] = []
    for size, leaf in enumerate(leaf_hashes):
        digest = leaf
        height = 0
        while size >> height & 1:
            digest = node_hash(stack.pop(), digest)
            height += 1
        stack.append(digest)
    return Frontier(len(leaf_hashes), tuple(stack)).root


# --- Verifying ------------------------------------------------------------------------------------------------------


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Check that the leaf whose hash is ``leaf`` stands at ``index`` in the tree of ``size`` leaves with this root.

    RFC 9162 section 2.1.3.2 (the same proofs as RFC 6962). Raises ``VerificationError`` (``proof_invalid``).
    """
    if not 0 <= index < size:
        raise _invalid("The index is not in the tree.")
    _check_hashes((leaf, root, *proof))
    # Below the height where the path leaves the tree's right edge, the index's bits say on which side each sibling
    # stands; above it, every sibling stands left.
    inner = (index ^ (size - 1)).bit_length()
    border = (index >> inner).bit_count()
    if len(proof) != inner + border:
        raise _invalid("The inclusion proof has the wrong length.")
    if _climb(leaf, proof, index, inner) != root:
        raise _invalid("The inclusion proof does not lead to the root.")


def verify_consistency(size1: int, size2: int, proof: Sequence[bytes], root1: bytes, root2: bytes) -> None:
    """Check that the tree of ``size1`` leaves with ``root1`` is the beginning of the tree of ``size2`` with ``root2``.

    RFC 9162 section 2.1.4.2 (the same proofs as RFC 6962). An empty first tree is refused: everything begins with it,
    so the check would say nothing. Raises ``VerificationError`` (``proof_invalid``).
    """
    if not 0 < size1 <= size2:
        raise _invalid("The sizes do not allow a consistency proof.")
    if size1 == size2:
        # Nothing is hashed here, and a checkpoint's root has 32 bytes by its type; the public vectors (see the spec
        # page) ask that two equal roots of any length pass.
        if proof:
            raise _invalid("The consistency proof has the wrong length.")
        if root1 != root2:
            raise _invalid("Two roots for the same size.")
        return
    _check_hashes((root1, root2, *proof))
    shift = (size1 & -size1).bit_length() - 1
    inner = ((size1 - 1) ^ (size2 - 1)).bit_length()
    border = ((size1 - 1) >> inner).bit_count()
    inner -= shift
    # When the first tree is one perfect subtree, its root is where the path starts; else the proof names the start.
    perfect = size1 == 1 << shift
    path = proof if perfect else proof[1:]
    if len(proof) != inner + border + (not perfect):
        raise _invalid("The consistency proof has the wrong length.")
    seed = root1 if perfect else proof[0]
    index = (size1 - 1) >> shift
    old = seed
    for height, sibling in enumerate(path):
        # The first tree has only what stands left of the path.
        if height >= inner or index >> height & 1:
            old = node_hash(sibling, old)
    if old != root1:
        raise _invalid("The consistency proof does not lead to the first root.")
    if _climb(seed, path, index, inner) != root2:
        raise _invalid("The consistency proof does not lead to the second root.")


def _climb(seed: bytes, path: Sequence[bytes], index: int, inner: int) -> bytes:
    digest = seed
    for height, sibling in enumerate(path):
        left = height >= inner or index >> height & 1
        digest = node_hash(sibling, digest) if left else node_hash(digest, sibling)
    return digest


def _check_hashes(hashes: Iterable[bytes]) -> None:
    if any(len(digest) != HASH_BYTES for digest in hashes):
        raise _invalid("A hash does not have 32 bytes.")


def _invalid(detail: str) -> VerificationError:
    return VerificationError(Code.PROOF_INVALID, detail)
