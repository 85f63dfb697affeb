# SPDX-License-Identifier: EUPL-1.2
"""The tree as tiles (C2SP tlog-tiles): their paths, the proofs made from them, and bundles of entries.

A tile row is the concatenated hashes of one ``TileId``. It only ever grows, so a row that is longer than a tree of some
size needs still serves that tree: every partial tile is a prefix of it. Spec: ``spec/merkle.md``.
Not here: reading rows (the caller passes a mapping: ``needed_…`` says which) and walking a whole log (``walk.py``).
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from protocol.errors import Code, InputError, VerificationError
from protocol.merkle import HASH_BYTES, MAX_SIZE, TILE_HEIGHT, TILE_WIDTH, TileId, node_hash

MAX_LEVEL: Final = 63
"""The highest level a path can name (C2SP); with 2**53 leaves none above 6 exists."""
MAX_ENTRY: Final = 0xFFFF
"""Bytes of an entry: its length prefix has two bytes."""

_PATH = re.compile(
    r"(?P<level>entries|0|[1-9][0-9]?)/(?P<n>(?:x[0-9]{3}/){0,5}[0-9]{3})(?:\.p/(?P<width>[1-9][0-9]{0,2}))?\Z"
)


# --- Paths ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TileRequest:
    """What a path asks for: the first ``width`` hashes of a tile or, when ``level`` is None, that many entries."""

    level: int | None
    n: int
    width: int


def tile_path(level: int, n: int, width: int) -> str:
    """Return a tile's path behind ``/log/``: ``tile/0/x001/234.p/17``."""
    return f"tile/{level}/{_number(n)}{_partial(width)}"


def entries_path(n: int, width: int) -> str:
    """Return a bundle's path behind ``/log/``: ``tile/entries/000.p/17``."""
    return f"tile/entries/{_number(n)}{_partial(width)}"


def parse_tile_path(path: str) -> TileRequest:
    """Read a path behind ``tile/``, such as ``0/x001/234.p/17`` or ``entries/000``, in its one canonical form.

    Raises ``InputError`` (``malformed``).
    """
    match = _PATH.match(path)
    if match is None or not path.isascii():
        raise InputError(Code.MALFORMED, "Not the path of a tile.")
    n = int(match["n"].replace("x", "").replace("/", ""))
    width = int(match["width"] or TILE_WIDTH)
    level = None if match["level"] == "entries" else int(match["level"])
    if (
        _number(n) != match["n"]
        or n >= MAX_SIZE
        or (match["width"] and width >= TILE_WIDTH)
        or (level or 0) > MAX_LEVEL
    ):
        raise InputError(Code.MALFORMED, "Not the path of a tile.")
    return TileRequest(level, n, width)


def tile_width(tile: TileId, size: int) -> int:
    """Return how many hashes this tile has in a tree of ``size`` leaves; 0 when it does not exist."""
    return max(0, min(TILE_WIDTH, (size >> TILE_HEIGHT * tile.level) - tile.n * TILE_WIDTH))


def path_of(tile: TileId, size: int) -> str:
    """Return where a tile needed for a tree of ``size`` leaves is served, behind ``/log/``."""
    return tile_path(tile.level, tile.n, tile_width(tile, size))


def _number(n: int) -> str:
    groups = [f"{n % 1000:03d}"]
    while n := n // 1000:
        groups.insert(0, f"x{n % 1000:03d}")
    return "/".join(groups)


def _partial(width: int) -> str:
    if not 1 <= width <= TILE_WIDTH:
        raise ValueError("a tile has 1 to 256 hashes")
    return "" if width == TILE_WIDTH else f".p/{width}"


# --- Proofs ---------------------------------------------------------------------------------------------------------


class _Node(NamedTuple):
    """The root of a perfect subtree of 2**height leaves, the ``place``-th of its height."""

    height: int
    place: int

    @property
    def tile(self) -> TileId:
        level, inside = divmod(self.height, TILE_HEIGHT)
        return TileId(level, self.place << inside >> TILE_HEIGHT)


def needed_tiles(indexes: Iterable[int], size: int) -> frozenset[TileId]:
    """Return every tile that ``inclusion_proofs`` reads for these indexes."""
    return frozenset(node.tile for index in indexes for part in inclusion_path(index, size) for node in _perfect(*part))


def inclusion_proofs(indexes: Iterable[int], size: int, tiles: Mapping[TileId, bytes]) -> list[tuple[bytes, ...]]:
    """Return one inclusion proof an index, in order; hashes that proofs share are computed once.

    ``tiles`` holds at least ``needed_tiles(indexes, size)``. Raises ``ValueError`` for an index outside the tree and
    ``VerificationError`` (``log_incomplete``) when a tile is missing or too short.
    """
    rows = _Rows(tiles)
    return [tuple(rows.root(*part) for part in inclusion_path(index, size)) for index in indexes]


def inclusion_proof(index: int, size: int, tiles: Mapping[TileId, bytes]) -> tuple[bytes, ...]:
    """Return the inclusion proof of one index; see ``inclusion_proofs``."""
    return inclusion_proofs([index], size, tiles)[0]


def needed_for_consistency(size1: int, size2: int) -> frozenset[TileId]:
    """Return every tile that ``consistency_proof`` reads."""
    return frozenset(node.tile for part in _consistency_path(size1, size2) for node in _perfect(*part))


def consistency_proof(size1: int, size2: int, tiles: Mapping[TileId, bytes]) -> tuple[bytes, ...]:
    """Return the proof that the tree of ``size2`` leaves begins with that of ``size1``; empty when they are equal.

    Raises ``ValueError`` unless 0 < size1 <= size2, and ``VerificationError`` like ``inclusion_proofs``.
    """
    rows = _Rows(tiles)
    return tuple(rows.root(*part) for part in _consistency_path(size1, size2))


def needed_for_root(size: int) -> frozenset[TileId]:
    """Return every tile that ``root_from_tiles`` reads."""
    return frozenset(node.tile for node in _perfect(0, size))


def root_from_tiles(size: int, tiles: Mapping[TileId, bytes]) -> bytes:
    """Return the root of the first ``size`` leaves (at least one), for a log that starts up from its rows."""
    return _Rows(tiles).root(0, size)


def inclusion_path(index: int, size: int) -> list[tuple[int, int]]:
    """Return PATH of RFC 6962 section 2.1.1, as ranges of leaves, lowest first: a proof has the root of each.

    Raises ``ValueError`` for an index outside the tree.
    """
    if not 0 <= index < size:
        raise ValueError("index outside the tree")
    low, high = 0, size
    parts = []
    while high - low > 1:
        middle = low + _split(high - low)
        if index < middle:
            parts.append((middle, high))
            high = middle
        else:
            parts.append((low, middle))
            low = middle
    return parts[::-1]


def _consistency_path(size1: int, size2: int) -> list[tuple[int, int]]:
    """SUBPROOF of RFC 6962 section 2.1.2, as ranges of leaves."""
    if not 0 < size1 <= size2:
        raise ValueError("no consistency proof between these sizes")
    low, high = 0, size2
    parts = []
    while high != size1:
        middle = low + _split(high - low)
        if size1 <= middle:
            parts.append((middle, high))
            high = middle
        else:
            parts.append((low, middle))
            low = middle
    # The part of the first tree at which the path ends is named too, unless it is the whole first tree.
    return ([(low, high)] if low else []) + parts[::-1]


def _split(width: int) -> int:
    """Return the largest power of two below ``width``."""
    return 1 << (width - 1).bit_length() - 1


def _perfect(low: int, high: int) -> Iterator[_Node]:
    """Yield the perfect subtrees of a range that the recursion of RFC 6962 reaches, from left to right."""
    while low < high:
        width = 1 << (high - low).bit_length() - 1
        yield _Node(width.bit_length() - 1, low // width)
        low += width


class _Rows:
    """Reads subtree roots out of tile rows, each at most once."""

    def __init__(self, tiles: Mapping[TileId, bytes]) -> None:
        self._tiles = tiles
        self._known: dict[_Node, bytes] = {}

    def root(self, low: int, high: int) -> bytes:
        digests = [self._read(node) for node in _perfect(low, high)]
        right = digests.pop()
        while digests:
            right = node_hash(digests.pop(), right)
        return right

    def _read(self, node: _Node) -> bytes:
        known = self._known.get(node)
        if known is None:
            height, place = node
            if height % TILE_HEIGHT:
                known = node_hash(
                    self._read(_Node(height - 1, 2 * place)), self._read(_Node(height - 1, 2 * place + 1))
                )
            else:
                known = self._hash(node)
            self._known[node] = known
        return known

    def _hash(self, node: _Node) -> bytes:
        start = node.place % TILE_WIDTH * HASH_BYTES
        digest = self._tiles.get(node.tile, b"")[start : start + HASH_BYTES]
        if len(digest) != HASH_BYTES:
            raise VerificationError(
                Code.LOG_INCOMPLETE, f"The log lacks hashes of tile {node.tile.level}/{node.tile.n}."
            )
        return digest


# --- Entries --------------------------------------------------------------------------------------------------------


def encode_entries(leaves: Iterable[bytes]) -> bytes:
    """Return a bundle: each entry behind its length in two bytes. A bundle, too, is a prefix of every longer one."""
    return b"".join(len(leaf).to_bytes(2, "big") + leaf for leaf in leaves)


def parse_entries(raw: bytes, width: int) -> Sequence[bytes]:
    """Read exactly ``width`` entries and nothing behind them. Raises ``VerificationError`` (``log_incomplete``)."""
    entries = []
    at = 0
    for _ in range(width):
        end = at + 2 + int.from_bytes(raw[at : at + 2], "big")
        if at + 2 > len(raw) or end > len(raw):
            raise VerificationError(Code.LOG_INCOMPLETE, "A bundle of the log ends before its last entry.")
        entries.append(raw[at + 2 : end])
        at = end
    if at != len(raw):
        raise VerificationError(Code.LOG_INCOMPLETE, "A bundle of the log has more bytes than entries.")
    return entries
