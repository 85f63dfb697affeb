# SPDX-License-Identifier: EUPL-1.2
"""What proofs cost in a log of a million entries, and verifying it from its first, against the SHA-256 they need.

All in memory: no database, no network. Not here: fetching tiles.
"""

import hashlib
import os
import random
import resource
from collections import defaultdict
from typing import Final

from protocol.checkpoint import Checkpoint
from protocol.commitments import LEAF_BYTES, LEAF_VERSION
from protocol.merkle import TILE_WIDTH, Frontier, TileId, append, leaf_hash, verify_consistency, verify_inclusion
from protocol.tiles import (
    consistency_proof,
    encode_entries,
    inclusion_proof,
    needed_for_consistency,
    needed_for_root,
    parse_tile_path,
    root_from_tiles,
)
from protocol.walk import drive, verify_from_zero
from tests.bench.measure import Row, in_turn

LEAVES: Final = 1_000_000
PROOFS: Final = 500
_CHUNK: Final = 50_000


class Tree:
    """A log's leaves and tiles."""

    def __init__(self, count: int) -> None:
        """Grow it to so many random leaves."""
        self.leaves = [LEAF_VERSION + os.urandom(LEAF_BYTES - 1) for _ in range(count)]
        rows: dict[TileId, list[bytes]] = defaultdict(list)
        frontier = Frontier()
        for low in range(0, count, _CHUNK):
            grown = append(frontier, self.leaves[low : low + _CHUNK])
            frontier = grown.frontier
            for growth in grown.growth:
                rows[growth.tile].append(growth.hashes)
        self.tiles = {tile: b"".join(parts) for tile, parts in rows.items()}
        self.frontier = frontier

    def serve(self, path: str) -> bytes:
        """Return a bundle of entries, as the broker serves it."""
        asked = parse_tile_path(path.removeprefix("tile/"))
        low = asked.n * TILE_WIDTH
        return encode_entries(self.leaves[low : low + asked.width])


def rows(count: int = LEAVES, proofs: int = PROOFS) -> list[Row]:
    """Return the rows about proofs, in microseconds, and about verifying all, with what memory it took."""
    tree = Tree(count)
    root, draw = tree.frontier.root, random.Random(3)
    picked = [draw.randrange(count) for _ in range(proofs)]
    older = [draw.randrange(1, count) for _ in range(proofs)]
    made = [inclusion_proof(index, count, tree.tiles) for index in picked]
    leaves = [leaf_hash(tree.leaves[index]) for index in picked]
    depth = max(len(proof) for proof in made)
    roots = [_root(tree, size) for size in older]
    chains = [consistency_proof(size, count, _only(tree, size, count)) for size in older]

    def prove() -> None:
        for index in picked:
            inclusion_proof(index, count, tree.tiles)

    def verify() -> None:
        for leaf, index, proof in zip(leaves, picked, made, strict=True):
            verify_inclusion(leaf, index, count, proof, root)

    def continues() -> None:
        for size, chain, old in zip(older, chains, roots, strict=True):
            verify_consistency(size, count, chain, old, root)

    def path() -> None:
        for _ in range(proofs * depth):
            hashlib.sha256(b"\x01" + root + root).digest()

    micro = 1e6 / proofs
    against = f"{depth} SHA-256, a path's length"
    said = f"among {count:,}"
    found = []
    for name, act in (
        ("prove an entry", prove),
        ("verify an entry", verify),
        ("verify a consistency proof", continues),
    ):
        mine, least = in_turn(act, path)
        found.append(Row(f"log: {name} {said}", "us", mine * micro, against, least * micro))
    return [*found, *_whole(tree, count)]


def _whole(tree: Tree, count: int) -> list[Row]:
    head = Checkpoint("bench.example/log", count, tree.frontier.root)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    def whole() -> None:
        drive(verify_from_zero(head), tree.serve)

    def floor() -> None:
        for leaf in tree.leaves:
            hashlib.sha256(hashlib.sha256(leaf).digest()).digest()

    mine, least = in_turn(whole, floor, rounds=1)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    each = 1e6 / count
    return [
        Row(f"log: verify all {count:,} from the first", "us/entry", mine * each, "two SHA-256", least * each),
        Row(f"memory: verifying {count:,} entries, more than before", "MB", grown, ""),
    ]


def _root(tree: Tree, size: int) -> bytes:
    return root_from_tiles(size, {tile: tree.tiles[tile] for tile in needed_for_root(size)})


def _only(tree: Tree, old: int, new: int) -> dict[TileId, bytes]:
    return {tile: tree.tiles[tile] for tile in needed_for_consistency(old, new)}
