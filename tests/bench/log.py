# SPDX-License-Identifier: EUPL-1.2
"""What an entry of the log costs to append, against the two SHA-256 that no Merkle tree can do without."""

import hashlib
import os

from protocol import merkle
from tests.bench.measure import Row, in_turn

LEAVES = 50_000
_LEAF_BYTES = 65


def rows(count: int = LEAVES) -> list[Row]:
    """Return the row about appending so many leaves, in microseconds a leaf."""
    leaves = [os.urandom(_LEAF_BYTES) for _ in range(count)]

    def append() -> None:
        merkle.append(merkle.Frontier(), leaves)

    def floor() -> None:
        for leaf in leaves:
            hashlib.sha256(hashlib.sha256(leaf).digest()).digest()

    mine, least = in_turn(append, floor)
    micro = 1e6 / count
    return [Row("log: append a leaf", "us/leaf", mine * micro, "two SHA-256", least * micro)]
