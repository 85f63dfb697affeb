# SPDX-License-Identifier: EUPL-1.2
"""Probes against withheld hits: what two agencies both know of their next signals about nobody, and nobody else can.

From a secret that their signing keys make, without a word between them, both derive when each of them pushes, under
which purpose, and on what the two signals agree. Pure, and the same on every machine: no random module, whose
sequences may change. Spec: ``spec/probes.md``. Not here: what such a signal looks like and what becomes of it
(``agency_client/probing.py``), the files that tell who pushed (``probe_statements.py``), the chances
(``probe_chances.py``).
"""

import hashlib
import hmac
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from protocol.covenant import EPOCH_ZERO, Covenant
from protocol.covenant_purposes import PERSON_KINDS
from protocol.encoding import label, lp, u32
from protocol.ids import Epoch, KeyId, KeyKind, PartyId, PurposeId
from protocol.keys import KINDS, Tier
from protocol.signing import Signer

WEEK: Final = timedelta(days=7)
"""What a rate is counted over; weeks are numbered from the moment from which epochs are."""
SMALLEST_GAP: Final = timedelta(minutes=10)
"""Between the two signals of a probe: two agencies that work on one emergency signal within minutes."""
LARGEST_GAP: Final = timedelta(days=30)
"""The same at most: most real hits are with a signal of the same month, and an alarm should not take much longer."""
PATIENCE: Final = timedelta(days=3)
"""How long after its moment a signal may still be pushed: an agency that sends on working days gets over a weekend."""
BEFORE_TURN: Final = timedelta(days=1)
"""No moment lies later than this before its epoch ends: tags of two epochs never meet."""
_SECRET_BYTES: Final = 32
_UNIT: Final = 2**53
"""Of fractions: what a double holds exactly, so that every machine draws the same."""
_MOST_A_WEEK: Final = 200
"""Four times the highest rate that a covenant can have: more is never drawn in practice, and a loop must end."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two agencies, in the order of their names, so that both speak of the same pair."""

    first: PartyId
    second: PartyId

    @staticmethod
    def of(one: PartyId, other: PartyId) -> "Pair":
        """Return the pair of two different agencies."""
        if one == other:
            raise ValueError("an agency is no pair with itself")
        return Pair(*sorted((one, other)))


@dataclass(frozen=True, slots=True)
class PairSecret:
    """What only these two agencies can make, each with its own signing key and the other's public one."""

    pair: Pair
    value: bytes = field(repr=False)


def pair_secret(mine: Signer, other: PartyId, other_id: KeyId, other_key: bytes) -> PairSecret:
    """Return the secret of a pair: X25519 between the two Ed25519 keys that the covenant names, then HKDF.

    Raises ``ValueError`` for a public key that is no point to agree with.
    """
    pair = Pair.of(mine.party, other)
    names = sorted((mine.key_id, other_id))
    info = label("probe-pair") + b"".join(lp(text) for text in (pair.first, pair.second, *names))
    return PairSecret(pair, HKDF(SHA256(), _SECRET_BYTES, salt=None, info=info).derive(mine.agree(other_key)))


# --- When ---


@dataclass(frozen=True, slots=True, order=True)
class ProbeId:
    """Which probe of a pair: its week, and its number there."""

    week: int
    number: int


@dataclass(frozen=True, slots=True)
class Probe:
    """A probe as both agencies know it beforehand."""

    id: ProbeId
    secret: PairSecret
    purpose: PurposeId
    epoch: Epoch
    first_due: datetime
    """When the first agency of the pair pushes, or soon after."""
    second_due: datetime
    differs: frozenset[KeyKind]
    """Kinds on which the two signals do not agree, as when a name was spelt otherwise."""

    def due(self, party: PartyId) -> datetime:
        """Return when this agency of the pair pushes."""
        return self.first_due if party == self.secret.pair.first else self.second_due

    def form(self, kind: KeyKind, place: int, party: PartyId) -> str:
        """Return the normal form of this agency's ``place``-th key of a kind: no form that any record has.

        Beyond the first of a kind, and for kinds that differ, each agency has its own.
        """
        own = party if place or kind in self.differs else ""
        bound = _of(self.id) + b"".join(lp(text) for text in (self.purpose, kind, own)) + u32(place)
        return f"probe|{hmac.digest(self.secret.value, label('probe-form') + bound, hashlib.sha256).hex()}"


def week_at(moment: datetime) -> int:
    """Return the number of a moment's week."""
    return (moment - EPOCH_ZERO) // WEEK


def probes_of(
    secret: PairSecret, week: int, rate: float, purposes: Sequence[PurposeId], covenant: Covenant
) -> list[Probe]:
    """Return the probes of a pair that begin in a week: on average ``rate``, at random moments (Poisson).

    ``purposes`` are those under which both signal and are told of each other, in one order at both. A probe for which
    its epoch has no time left is left out.
    """
    stream = _Stream(secret, label("probe-week") + u32(week))
    found = []
    for number in range(_poisson(rate, stream.fraction()) if purposes else 0):
        probe = _draw(_Stream(secret, label("probe") + _of(ProbeId(week, number))), secret, week, purposes, covenant)
        if probe is not None:
            found.append(Probe(ProbeId(week, number), secret, *probe))
    return found


def _draw(
    stream: "_Stream", secret: PairSecret, week: int, purposes: Sequence[PurposeId], covenant: Covenant
) -> tuple[PurposeId, Epoch, datetime, datetime, frozenset[KeyKind]] | None:
    start = EPOCH_ZERO + WEEK * week + WEEK * stream.fraction()
    start = start.replace(microsecond=0)
    purpose = purposes[stream.below(len(purposes))]
    epoch = covenant.epoch_at(start)
    last = covenant.epoch_start(Epoch(epoch + 1)) - BEFORE_TURN
    # Half of a signal's life, so that the earlier one stands well beyond the later one's coming.
    longest = min(LARGEST_GAP, timedelta(days=covenant.purpose(purpose).retention_days) / 2, last - start)
    turn, gap = stream.below(2), stream.fraction()
    differs = _differing(stream, covenant.purpose(purpose).key_kinds)
    if longest < SMALLEST_GAP:
        return None
    # Of every size alike, from minutes to weeks: hits with old and with fresh signals are both probed.
    span = SMALLEST_GAP * math.exp(gap * math.log(longest / SMALLEST_GAP))
    later = start + timedelta(seconds=int(span.total_seconds()))
    moments = (start, later) if turn else (later, start)
    return purpose, epoch, *moments, differs


# --- On what the two agree ---

_FULL_DATE: Final = frozenset(
    map(
        KeyKind,
        [
            "name-dob",
            "name-dob-swapped",
            "sound-dob",
            "sound-any-dob",
            "sound-year-day",
            "initial-sound-dob",
            "sound-month-day",
            "sound-initial-dob",
            "one-sound-dob",
            "initials-dob",
            "dob-postcode",
            "dob-number",
        ],
    )
)
_PLACES: Final = frozenset(map(KeyKind, ("address", "dob-postcode", "dob-number", "sound-address", "vehicle")))
_SPELLING: Final = frozenset(map(KeyKind, ("name-dob", "name-dob-swapped", "name-year")))
_PATTERNS: Final[tuple[frozenset[KeyKind], ...]] = (
    frozenset(),
    frozenset(),
    frozenset(),
    _PLACES,
    _PLACES,
    _SPELLING,
    _SPELLING | _PLACES,
    _FULL_DATE,
)
"""How two clerks' records of one person differ, each as likely as it stands here: not at all, another address, another
spelling, both, another day of birth. All but the last leave a strong kind of key, and that one leaves two halves."""
_NAMED_OF: Final = (3, 4)
"""Three probes in four rest on name and birth date; the fourth on one number alone, as between strangers' files."""


def _differing(stream: "_Stream", kinds: Sequence[KeyKind]) -> frozenset[KeyKind]:
    """Draw on which kinds the two signals differ; at least one that makes a hit alone stays the same."""
    numbers = [kind for kind in kinds if KINDS[kind].tier is Tier.IDENTIFIER]
    named = any(KINDS[kind].tier is Tier.STRONG for kind in kinds)
    pattern = _PATTERNS[stream.below(len(_PATTERNS))]
    rests_on_name = named and (not numbers or stream.below(_NAMED_OF[1]) < _NAMED_OF[0])
    core = None if rests_on_name or not numbers else numbers[stream.below(len(numbers))]
    apart = {kind for kind in numbers if kind != core and stream.below(2)}
    others = pattern if rests_on_name else PERSON_KINDS | _PLACES
    return frozenset(apart) | others


# --- Drawing ---


class _Stream:
    """Numbers from a pair's secret: HMAC-SHA256 in counter mode, eight bytes a draw."""

    def __init__(self, secret: PairSecret, use: bytes) -> None:
        self._draws = self._blocks(secret.value, use)

    @staticmethod
    def _blocks(key: bytes, use: bytes) -> Iterator[int]:
        count = 0
        while True:
            block = hmac.digest(key, use + u32(count), hashlib.sha256)
            yield from (int.from_bytes(block[at : at + 8], "big") for at in range(0, len(block), 8))
            count += 1

    def fraction(self) -> float:
        """Return a number from 0 up to and without 1."""
        return (next(self._draws) % _UNIT) / _UNIT

    def below(self, bound: int) -> int:
        """Return a whole number below ``bound``, which is far below 2**64, so that no remainder shows."""
        return next(self._draws) % bound


def _poisson(mean: float, fraction: float) -> int:
    """Return how many events happen when on average ``mean`` do, for a uniform fraction (inversion)."""
    count, chance = 0, math.exp(-mean)
    reached = chance
    while fraction >= reached and count < _MOST_A_WEEK:
        count += 1
        chance *= mean / count
        reached += chance
    return count


def _of(probe: ProbeId) -> bytes:
    return u32(probe.week) + u32(probe.number)
