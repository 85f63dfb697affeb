# SPDX-License-Identifier: EUPL-1.2
"""A key of many keys, any one of which can be destroyed alone: a tree of hashes that is cut where a leaf must go.

Every leaf's key is derived from the root, level by level (Goldreich, Goldwasser and Micali 1986). To destroy one, the
nodes above it are replaced by their other children: what is left derives every leaf but that one (a puncturable
pseudorandom function: Boneh and Waters 2013). Pure. Spec: ``protocol/spec/erasure.md``.
Not here: which leaf is whose (``sealing.py``), where the nodes are kept (``data_keys.py``).
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from protocol.errors import Code, InputError, NotFoundError

NODE_BYTES: Final = 32
"""SHA-256."""
_BITS: Final = 2
ARITY: Final = 1 << _BITS
"""Children of a node: a wider tree is derived faster and costs more nodes for each leaf destroyed."""
DEPTH: Final = 32
"""Levels: 64 bits of leaf, so that among a million events of a month two hardly ever share one (3 in 10^8)."""
LEAVES: Final = ARITY**DEPTH
_CHILD: Final = b"sluis/v1/child"
_Place = tuple[int, int]


@dataclass(frozen=True, slots=True)
class PuncturableKey:
    """The nodes that are left, by level and number; a whole tree has its root only."""

    nodes: Mapping[_Place, bytes] = field(repr=False)

    @classmethod
    def of(cls, root: bytes) -> "PuncturableKey":
        """Return the whole tree over 32 random bytes."""
        if len(root) != NODE_BYTES:
            raise ValueError("a root has 32 bytes")
        return cls({(0, 0): root})

    def derive(self, leaf: int) -> bytes:
        """Return the key of a leaf. Raises ``NotFoundError`` when it was destroyed."""
        level, node = self._above(leaf)
        for deeper in range(level + 1, DEPTH + 1):
            node = _child(node, _digit(leaf, deeper))
        return node

    def has(self, leaf: int) -> bool:
        """Say whether this leaf's key can still be derived."""
        return any((level, _number(leaf, level)) in self.nodes for level in range(DEPTH + 1))

    def without(self, leaves: Iterable[int]) -> "PuncturableKey":
        """Return what derives every key but these leaves'; those that are gone already stay gone."""
        left = dict(self.nodes)
        for leaf in leaves:
            cut = PuncturableKey(left)
            if cut.has(leaf):
                level, node = cut._above(leaf)
                del left[level, _number(leaf, level)]
                left.update(_beside(leaf, level, node))
        return PuncturableKey(left)

    def to_bytes(self) -> bytes:
        """Return the stored form: for each node its level (1 byte), number (8 bytes) and key, in their order."""
        return b"".join(
            level.to_bytes(1, "big") + number.to_bytes(8, "big") + node
            for (level, number), node in sorted(self.nodes.items())
        )

    @classmethod
    def from_bytes(cls, raw: bytes) -> "PuncturableKey":
        """Read what ``to_bytes`` writes. Raises ``InputError`` (``malformed``)."""
        width = 9 + NODE_BYTES
        rows = [raw[start : start + width] for start in range(0, len(raw), width)]
        read = cls({(row[0], int.from_bytes(row[1:9], "big")): row[9:] for row in rows if len(row) == width})
        if read.to_bytes() != raw or any(level > DEPTH or number >= ARITY**level for level, number in read.nodes):
            raise InputError(Code.MALFORMED, "The stored data key cannot be read.")
        return read

    def _above(self, leaf: int) -> tuple[int, bytes]:
        if not 0 <= leaf < LEAVES:
            raise ValueError("no such leaf")
        for level in range(DEPTH + 1):
            node = self.nodes.get((level, _number(leaf, level)))
            if node is not None:
                return level, node
        raise NotFoundError(Code.NOT_FOUND, "This part's key was destroyed.")


def _beside(leaf: int, level: int, node: bytes) -> Iterator[tuple[_Place, bytes]]:
    for deeper in range(level + 1, DEPTH + 1):
        number, mine = _number(leaf, deeper), _digit(leaf, deeper)
        for digit in range(ARITY):
            if digit != mine:
                yield (deeper, number - mine + digit), _child(node, digit)
        node = _child(node, mine)


def _child(node: bytes, digit: int) -> bytes:
    return hashlib.sha256(_CHILD + node + bytes((digit,))).digest()


def _number(leaf: int, level: int) -> int:
    return leaf >> _BITS * (DEPTH - level)


def _digit(leaf: int, level: int) -> int:
    return _number(leaf, level) % ARITY
