# SPDX-License-Identifier: EUPL-1.2
"""Read a whole log and prove that its entries are those that its checkpoint says.

A walk does no reading itself: it is a generator that asks for one path after the other and is sent the bytes, so the
same code serves a command line, an asynchronous client and a test (``drive``, ``drive_async``). Nothing that is sent
is believed until it adds up. Spec: ``spec/merkle.md``. Not here: fetching, and keeping what was seen.
"""

from collections.abc import Awaitable, Callable, Generator, Sequence
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

from protocol.checkpoint import Checkpoint
from protocol.commitments import LEAF_BYTES, LEAF_VERSION
from protocol.errors import Code, VerificationError
from protocol.merkle import TILE_WIDTH, Frontier, append, verify_consistency
from protocol.tiles import consistency_proof, entries_path, needed_for_consistency, parse_entries, path_of

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a walk needs next: a path behind ``/log/``; and how far it is, in entries read of entries to read."""

    path: str
    done: int
    total: int


Walk: TypeAlias = Generator[Wanted, bytes, T]


def drive(walk: Walk[T], fetch: Callable[[str], bytes], on_step: Callable[[Wanted], None] | None = None) -> T:
    """Run a walk to its end, with a function that returns what stands at a path."""
    try:
        wanted = next(walk)
        while True:
            if on_step is not None:
                on_step(wanted)
            wanted = walk.send(fetch(wanted.path))
    except StopIteration as end:
        result: T = end.value
        return result


async def drive_async(
    walk: Walk[T], fetch: Callable[[str], Awaitable[bytes]], on_step: Callable[[Wanted], None] | None = None
) -> T:
    """Run a walk to its end, with an asynchronous function that returns what stands at a path."""
    try:
        wanted = next(walk)
        while True:
            if on_step is not None:
                on_step(wanted)
            wanted = walk.send(await fetch(wanted.path))
    except StopIteration as end:
        result: T = end.value
        return result


def verify_from_zero(head: Checkpoint) -> Walk[Frontier]:
    """Read every entry and return the tree they make, which is that of ``head``.

    Raises ``VerificationError``: ``log_altered`` when it is not, ``log_incomplete`` when a bundle is cut short.
    """
    return _require_root((yield from _read(Frontier(), head.size)), head)


def verify_onward(seen: Frontier, head: Checkpoint) -> Walk[Frontier]:
    """Read the entries behind the tree ``seen`` before, and return the tree of ``head`` that they make together.

    The last bundle that was seen is read again. When things do not add up, the log is read from zero to tell why.
    Raises ``VerificationError``: ``log_rolled_back`` when the head is behind what was seen; ``log_forked`` when its
    history is another, ``log_altered`` when the entries served are not those it says, and ``log_incomplete``.
    """
    if head.size < seen.size:
        raise VerificationError(
            Code.LOG_ROLLED_BACK, f"The log had {seen.size} entries and now says that it has {head.size}."
        )
    if head.size == seen.size:
        if head.root != seen.root:
            raise _forked(seen.size)
        return seen
    again = yield from _read(seen.cut_to_full_tiles(), seen.size)
    grown = yield from _read(again, head.size)
    if again == seen and grown.root == head.root:
        return grown
    again = yield from _read(Frontier(), seen.size)
    grown = _require_root((yield from _read(again, head.size)), head)
    if again != seen:
        raise _forked(seen.size)
    raise VerificationError(Code.LOG_ALTERED, "The log served other entries the second time it was asked.")


def verify_continuation(old: Checkpoint, new: Checkpoint) -> Walk[None]:
    """Prove from hash tiles alone, without entries, that ``new`` begins with ``old``: a few small files of any log.

    Raises ``VerificationError``: ``log_rolled_back``; ``log_forked`` when it does not, or when the tiles served cannot
    show that it does; ``log_incomplete`` when a tile is cut short.
    """
    if new.size < old.size:
        raise VerificationError(Code.LOG_ROLLED_BACK, f"The log had {old.size} entries and now says {new.size}.")
    if old.size == 0:
        return
    tiles = {}
    if old.size < new.size:
        for tile in sorted(needed_for_consistency(old.size, new.size)):
            tiles[tile] = yield Wanted(path_of(tile, new.size), old.size, new.size)
    try:
        verify_consistency(old.size, new.size, consistency_proof(old.size, new.size, tiles), old.root, new.root)
    except VerificationError as error:
        raise error if error.code is Code.LOG_INCOMPLETE else _forked(old.size) from error


def _read(tree: Frontier, size: int) -> Walk[Frontier]:
    while tree.size < size:
        bundle, skipped = divmod(tree.size, TILE_WIDTH)
        width = min(TILE_WIDTH, size - bundle * TILE_WIDTH)
        raw = yield Wanted(entries_path(bundle, width), tree.size, size)
        leaves = parse_entries(raw, width)
        _check_form(leaves)
        tree = append(tree, leaves[skipped:]).frontier
    return tree


def _check_form(leaves: Sequence[bytes]) -> None:
    if any(len(leaf) != LEAF_BYTES or leaf[:1] != LEAF_VERSION for leaf in leaves):
        raise VerificationError(Code.LOG_ALTERED, "The log serves an entry that does not have the form of an event.")


def _require_root(tree: Frontier, head: Checkpoint) -> Frontier:
    if tree.root != head.root:
        raise VerificationError(Code.LOG_ALTERED, "The entries that the log serves are not those that it signed.")
    return tree


def _forked(size: int) -> VerificationError:
    return VerificationError(
        Code.LOG_FORKED, f"The log shows another history for its first {size} entries than the one seen before."
    )
