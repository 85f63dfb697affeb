# SPDX-License-Identifier: EUPL-1.2
"""Tile paths, proofs made from tile rows, and bundles of entries."""

from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol.errors import Code, InputError, VerificationError
from protocol.merkle import Frontier, TileId, append, leaf_hash, root_of, verify_consistency, verify_inclusion
from protocol.tiles import (
    TileRequest,
    consistency_proof,
    encode_entries,
    entries_path,
    inclusion_proof,
    inclusion_proofs,
    needed_for_consistency,
    needed_for_root,
    needed_tiles,
    parse_entries,
    parse_tile_path,
    path_of,
    root_from_tiles,
    tile_path,
    tile_width,
)


def _rows_of(count: int) -> dict[TileId, bytes]:
    return {g.tile: g.hashes for g in append(Frontier(), (b"%d" % i for i in range(count))).growth}


def _root_at(size: int) -> bytes:
    return root_of([leaf_hash(b"%d" % i) for i in range(size)])


BIG = 70_000
ROWS = _rows_of(BIG)


class Counting(Mapping[TileId, bytes]):
    """Only the tiles that were said to be needed, each cut to its width in the tree."""

    def __init__(self, tiles: frozenset[TileId], size: int) -> None:
        self._rows = {tile: ROWS[tile][: tile_width(tile, size) * 32] for tile in tiles}
        self.reads = 0

    def __getitem__(self, tile: TileId) -> bytes:
        self.reads += 1
        return self._rows[tile]

    def __iter__(self):
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)


@settings(deadline=None, max_examples=60)
@given(size=st.integers(1, 2_000), data=st.data())
def test_inclusion_proofs_verify_from_needed_tiles_only(size, data):
    """Proofs made from exactly the needed tiles, partial at the tree's size, verify against the naive root."""
    indexes = data.draw(st.lists(st.integers(0, size - 1), min_size=1, max_size=5))
    tiles = Counting(needed_tiles(indexes, size), size)
    for index, proof in zip(indexes, inclusion_proofs(indexes, size, tiles), strict=True):
        verify_inclusion(leaf_hash(b"%d" % index), index, size, proof, _root_at(size))
        assert proof == inclusion_proof(index, size, ROWS)


@settings(deadline=None, max_examples=60)
@given(old=st.integers(1, 2_000), more=st.integers(0, 1_500))
def test_consistency_proofs_verify_from_needed_tiles_only(old, more):
    """A consistency proof made from exactly the needed tiles verifies against both naive roots."""
    tiles = Counting(needed_for_consistency(old, old + more), old + more)
    verify_consistency(old, old + more, consistency_proof(old, old + more, tiles), _root_at(old), _root_at(old + more))


@pytest.mark.parametrize("size", [1, 255, 256, 257, 65_535, 65_536, 65_537, BIG])
def test_edges_of_tiles(size):
    """At and around full tiles, the first, middle and last index and the root come out right."""
    root = _root_at(size)
    assert root_from_tiles(size, Counting(needed_for_root(size), size)) == root
    for index in {0, size // 2, size - 1}:
        proof = inclusion_proof(index, size, Counting(needed_tiles([index], size), size))
        verify_inclusion(leaf_hash(b"%d" % index), index, size, proof, root)
    for old in {1, size // 2 or 1, size}:
        proof = consistency_proof(old, size, Counting(needed_for_consistency(old, size), size))
        verify_consistency(old, size, proof, _root_at(old), root)


def test_a_longer_row_serves_a_smaller_tree():
    """Rows that have grown since give the same proof for the smaller tree as its own partial tiles."""
    assert inclusion_proof(5, 300, ROWS) == inclusion_proof(5, 300, _rows_of(300))
    assert consistency_proof(200, 300, ROWS) == consistency_proof(200, 300, _rows_of(300))


def test_a_thousand_proofs_share_their_reading():
    """A thousand consecutive indexes need at most eight tiles, and far fewer reads than a thousand single proofs."""
    indexes = range(BIG - 1_000, BIG)
    needed = needed_tiles(indexes, BIG)
    assert len(needed) <= 8
    shared, single = Counting(needed, BIG), Counting(needed, BIG)
    proofs = inclusion_proofs(indexes, BIG, shared)
    assert proofs == [inclusion_proof(index, BIG, single) for index in indexes]
    assert shared.reads * 100 < single.reads
    root = _root_at(BIG)
    for index, proof in zip(indexes, proofs, strict=True):
        verify_inclusion(leaf_hash(b"%d" % index), index, BIG, proof, root)


def test_a_missing_or_short_row_is_said_to_be_incomplete():
    """A tile that is not there, or too short, is an incomplete log, not a wrong proof."""
    for rows in ({}, {tile: row[:-32] for tile, row in _rows_of(300).items()}):
        with pytest.raises(VerificationError) as caught:
            inclusion_proof(0, 300, rows)
        assert caught.value.code is Code.LOG_INCOMPLETE


def test_proofs_outside_the_tree_are_our_own_bug():
    """Asking for a proof that cannot exist is refused before anything is read."""
    for ask in (
        lambda: inclusion_proof(5, 5, ROWS),
        lambda: inclusion_proof(-1, 5, ROWS),
        lambda: consistency_proof(0, 5, ROWS),
        lambda: consistency_proof(6, 5, ROWS),
    ):
        with pytest.raises(ValueError, match=r"outside|between"):
            ask()


@pytest.mark.parametrize(
    ("path", "request_"),
    [
        ("0/000", TileRequest(0, 0, 256)),
        ("0/x001/x234/067", TileRequest(0, 1_234_067, 256)),
        ("2/x001/000.p/1", TileRequest(2, 1_000, 1)),
        ("63/999.p/255", TileRequest(63, 999, 255)),
        ("entries/x001/234.p/17", TileRequest(None, 1_234, 17)),
    ],
)
def test_paths_read_and_write(path, request_):
    """The C2SP examples and edges read as they should and are written the same."""
    assert parse_tile_path(path) == request_
    write = entries_path if request_.level is None else lambda n, width: tile_path(request_.level, n, width)
    assert write(request_.n, request_.width) == f"tile/{path}"


@pytest.mark.parametrize(
    "path",
    [
        *[
            "",
            "0",
            "0/",
            "0/0",
            "00/000",
            "64/000",
            "-1/000",
            "0/x000/001",
            "0/001/000",
            "0/x001",
            "0/1000",
            "0/000.p/0",
        ],
        *["0/000.p/256", "0/000.p/01", "0/000.p", "0/000/", "0/000\n", "entries", "Entries/000", "0/../000", "0/٠٠٠"],
        *["0/x999/x999/x999/x999/x999/x999/999", "0/x999/x999/x999/x999/x999/999"],
    ],
)
def test_other_paths_are_refused(path):
    """Anything but a canonical path, such as leading zeros, width 0 or 256, or other digits, is refused."""
    with pytest.raises(InputError):
        parse_tile_path(path)


@given(level=st.integers(0, 63), n=st.integers(0, 2**53 - 1), width=st.integers(1, 256))
def test_every_path_reads_back(level, n, width):
    """Writing and reading a path are each other's inverse."""
    assert parse_tile_path(tile_path(level, n, width).removeprefix("tile/")) == TileRequest(level, n, width)
    assert parse_tile_path(entries_path(n, width).removeprefix("tile/")) == TileRequest(None, n, width)


@given(st.text(max_size=40))
def test_hostile_paths_never_crash(text):
    """Any text is either a canonical path or refused as malformed."""
    try:
        request = parse_tile_path(text)
    except InputError:
        return
    path = entries_path if request.level is None else lambda n, width: tile_path(request.level, n, width)
    assert path(request.n, request.width) == f"tile/{text}"


def test_widths_of_the_c2sp_example():
    """A tree of 70,000 leaves has the partial tiles that C2SP names, and no others."""
    assert [tile_width(TileId(*t), BIG) for t in ((0, 272), (0, 273), (0, 274))] == [256, 112, 0]
    assert [tile_width(TileId(*t), BIG) for t in ((1, 0), (1, 1), (2, 0), (3, 0))] == [256, 17, 1, 0]
    assert path_of(TileId(1, 1), BIG) == "tile/1/001.p/17"
    with pytest.raises(ValueError, match="1 to 256"):
        path_of(TileId(3, 0), BIG)


@given(st.lists(st.binary(max_size=80), max_size=256))
def test_bundles_read_back_and_are_prefixes(leaves):
    """A bundle reads back as its entries, is a prefix of every longer one, and nothing may follow or lack."""
    raw = encode_entries(leaves)
    assert list(parse_entries(raw, len(leaves))) == leaves
    assert encode_entries([*leaves, b"more"]).startswith(raw)
    for broken, width in ((raw + b"\0", len(leaves)), (raw, len(leaves) + 1), (raw[:-1], len(leaves))):
        if broken == raw[:-1] and not raw:
            continue
        with pytest.raises(VerificationError):
            parse_entries(broken, width)
