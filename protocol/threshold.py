# SPDX-License-Identifier: EUPL-1.2
"""Many key-holders as one: who shares which seed, who answers for which share, and how answers become one.

Replicated secret sharing with pseudo-random shares (Cramer, Damgård, Ishai, TCC 2005): every set of n-t+1 of the n
key-holders shares one seed, the key of a purpose and epoch is the sum of one share a set. Any t key-holders meet every
set; t-1 miss at least one, so they know nothing of the key. Not here: evaluating (``oprf.py``), the signature on a key
statement (``signing.py``), keeping and destroying seeds (the key-holder). Spec: ``spec/threshold.md``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import combinations
from types import MappingProxyType
from typing import Final, TypeAlias

from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from protocol.encoding import label, lp, u32
from protocol.errors import Code, InputError, VerificationError
from protocol.group import WIDE_BYTES, Point, Scalar, base, decode_points, random_bytes, reduce, sum_points, sum_scalars
from protocol.ids import Epoch, HolderIndex, PurposeId
from protocol.messages import MAX_HOLDERS, KeyStatement

SEED_BYTES: Final = 32
"""256 bits: a seed outlives every epoch that is ratcheted from it."""
FINGERPRINT_BYTES: Final = 16
"""128 bits, 32 digits read aloud: nobody makes two seeds with the same one in a ceremony."""
_GROUP_DIGITS: Final = 4
"""Hexadecimal digits a spoken group."""

HolderSet: TypeAlias = tuple[HolderIndex, ...]
"""Key-holders in ascending order: one that shares a seed, or a quorum."""


@dataclass(frozen=True, slots=True)
class Sharing:
    """Any ``threshold`` of ``holders`` can evaluate, fewer know nothing; at most ``MAX_HOLDERS`` of them."""

    threshold: int
    holders: int

    def __post_init__(self) -> None:
        if not 1 <= self.threshold <= self.holders <= MAX_HOLDERS:
            raise ValueError(f"a threshold from 1 to the number of key-holders, which is at most {MAX_HOLDERS}")

    @property
    def sets(self) -> tuple[HolderSet, ...]:
        """All sets that share a seed: those of n-t+1 key-holders, in lexicographic order."""
        everyone = [HolderIndex(index) for index in range(1, self.holders + 1)]
        return tuple(combinations(everyone, self.holders - self.threshold + 1))

    def sets_of(self, holder: HolderIndex) -> tuple[HolderSet, ...]:
        """Return the sets of which this key-holder holds the seed."""
        return tuple(members for members in self.sets if holder in members)

    def check_quorum(self, quorum: HolderSet) -> None:
        """Raise ``InputError`` (``malformed``) unless these are exactly ``threshold`` key-holders, ascending."""
        known = all(1 <= index <= self.holders for index in quorum)
        if not known or len(quorum) != self.threshold or list(quorum) != sorted(set(quorum)):
            raise InputError(
                Code.MALFORMED, f"A quorum is {self.threshold} of the {self.holders} key-holders, ascending."
            )

    def answers_for(self, holder: HolderIndex, quorum: HolderSet) -> tuple[HolderSet, ...]:
        """Return the sets for which this member of a quorum answers: those of which it is the lowest member asked.

        Over a quorum every set is answered for exactly once, and every member for at least one. Raises ``InputError``
        (``malformed``) for a quorum that is none, or without this key-holder.
        """
        self.check_quorum(quorum)
        if holder not in quorum:
            raise InputError(Code.MALFORMED, "This key-holder is not in the quorum that was asked.")
        return tuple(members for members in self.sets if holder == min(index for index in members if index in quorum))


@dataclass(frozen=True, slots=True)
class Seed:
    """The secret of one set of key-holders for one epoch; that of the next epoch follows from it, never the reverse."""

    encoded: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.encoded) != SEED_BYTES:
            raise ValueError(f"a seed has {SEED_BYTES} bytes")


@dataclass(frozen=True, slots=True)
class KeySet:
    """The public points of a purpose's and epoch's shares, on which all key-holders agree. Only ``agree`` makes one."""

    sharing: Sharing
    purpose: PurposeId
    epoch: Epoch
    points: Mapping[HolderSet, Point]
    """Every set of the sharing and its point."""

    def public(self, holder: HolderIndex, quorum: HolderSet) -> Point:
        """Return the point against which this key-holder proves its answer in this quorum."""
        return quorum_public(self.points, holder, quorum, self.sharing)


def draw_seed() -> Seed:
    """Return a fresh seed; done once, by a set's lowest member at the key ceremony."""
    return Seed(random_bytes(SEED_BYTES))


def ratchet(seed: Seed) -> Seed:
    """Return the next epoch's seed. There is no way back."""
    return Seed(_derive(seed, label("ratchet"), SEED_BYTES))


def ratchet_by(seed: Seed, steps: int) -> Seed:
    """Return the seed of ``steps`` epochs later. A negative number is a ``ValueError``: the past cannot be derived."""
    if steps < 0:
        raise ValueError("a seed gives no seed of an earlier epoch")
    for _ in range(steps):
        seed = ratchet(seed)
    return seed


def share(seed: Seed, purpose: PurposeId, epoch: Epoch) -> Scalar:
    """Return the share of a purpose's key; ``seed`` must be the one ratcheted to that epoch."""
    return reduce(_derive(seed, label("share") + lp(purpose) + u32(epoch), WIDE_BYTES))


def combined_share(
    seeds: Mapping[HolderSet, Seed], purpose: PurposeId, epoch: Epoch, sets: Sequence[HolderSet]
) -> Scalar:
    """Return the sum of the shares of these sets: what a key-holder that answers for them multiplies by.

    Raises ``ValueError`` when a seed is missing: then the key-holder is not in the set, or its key file is not whole.
    """
    if any(members not in seeds for members in sets):
        raise ValueError("no seed of a set to answer for")
    return sum_scalars([share(seeds[members], purpose, epoch) for members in sets])


def share_point(seed: Seed, purpose: PurposeId, epoch: Epoch) -> Point:
    """Return the public point of a share, for the key statement."""
    return base(share(seed, purpose, epoch))


def quorum_public(points: Mapping[HolderSet, Point], holder: HolderIndex, quorum: HolderSet, sharing: Sharing) -> Point:
    """Return the sum of the points of the sets for which this key-holder answers in this quorum.

    Raises ``InputError`` (``malformed``) for a quorum that is none, and ``VerificationError``
    (``key_statement_invalid``) when the points cancel, which no honestly drawn shares do.
    """
    try:
        return sum_points([points[members] for members in sharing.answers_for(holder, quorum)])
    except InputError as error:
        if error.code is Code.INVALID_ELEMENT:
            raise _invalid("The published points of the key-holders cancel each other.") from error
        raise


def combine(answers: Mapping[HolderIndex, Sequence[Point]]) -> list[Point]:
    """Add up the answers of a whole quorum, element by element. Only for answers that were verified.

    Answers of unequal length are a ``ValueError``. Raises ``VerificationError`` (``proof_invalid``) when they cancel,
    which no honest answers do.
    """
    try:
        return [sum_points(column) for column in zip(*answers.values(), strict=True)]
    except InputError as error:
        raise VerificationError(Code.PROOF_INVALID, "The answers of the key-holders cancel each other.") from error


def fingerprint(seed: Seed) -> str:
    """Return groups of hexadecimal digits to read aloud, from which the seed cannot be found: ``9f2c 01ab …``."""
    digits = sha256(label("fingerprint") + seed.encoded).digest()[:FINGERPRINT_BYTES].hex()
    return " ".join(digits[at : at + _GROUP_DIGITS] for at in range(0, len(digits), _GROUP_DIGITS))


def agree(statements: Sequence[KeyStatement], sharing: Sharing, purpose: PurposeId, epoch: Epoch) -> KeySet:
    """Join the statements of all key-holders, whose signatures were verified, into one set of points.

    Every member of every set must have stated its point, and all the same one. Raises ``VerificationError``:
    ``key_statement_conflict`` when two members of a set, or two statements of one key-holder, differ;
    ``key_statement_invalid`` when a statement is about something else, is not whole, or is missing.
    """
    points: dict[HolderSet, Point] = {}
    heard: set[HolderIndex] = set()
    for statement in statements:
        for members, point in _stated(statement, sharing, purpose, epoch).items():
            if points.setdefault(members, point) != point:
                raise VerificationError(
                    Code.KEY_STATEMENT_CONFLICT,
                    f"Key-holder {statement.holder} states another point than was stated before for set {members}.",
                    hint="No pseudonyms are made with this key. Tell the key-holders and the covenant board.",
                )
        heard.add(statement.holder)
    missing = sorted(set(range(1, sharing.holders + 1)) - heard)
    if missing:
        raise _invalid(f"No key statement of key-holder {', '.join(map(str, missing))} for this purpose and epoch.")
    try:
        sum_points(list(points.values()))
    except InputError as error:
        raise _invalid("The published points of the key-holders cancel each other.") from error
    return KeySet(sharing, purpose, epoch, MappingProxyType(points))


def _stated(statement: KeyStatement, sharing: Sharing, purpose: PurposeId, epoch: Epoch) -> dict[HolderSet, Point]:
    if (statement.purpose, statement.epoch) != (purpose, epoch):
        raise _invalid("A key statement is about another purpose or epoch.")
    if (statement.threshold, statement.holders) != (sharing.threshold, sharing.holders):
        raise _invalid("A key statement is about another sharing than the covenant's.")
    if tuple(entry.members for entry in statement.points) != sharing.sets_of(statement.holder):
        raise _invalid(f"The statement of key-holder {statement.holder} does not list exactly its sets, in order.")
    try:
        decoded = decode_points([entry.point for entry in statement.points])
    except InputError as error:
        raise _invalid(f"The statement of key-holder {statement.holder} has a point that is none.") from error
    return {entry.members: point for entry, point in zip(statement.points, decoded, strict=True)}


def _derive(seed: Seed, info: bytes, length: int) -> bytes:
    return HKDF(SHA512(), length, salt=None, info=info).derive(seed.encoded)


def _invalid(detail: str) -> VerificationError:
    return VerificationError(Code.KEY_STATEMENT_INVALID, detail)
