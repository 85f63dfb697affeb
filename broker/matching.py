# SPDX-License-Identifier: EUPL-1.2
"""Which signals point at the same person: agreeing tags -> pairs -> hits, by the tier rule.

Pure. Only equality and the rule count: no scores. Not here: finding equal tags (``postgres/acts.py``) and who is told
(``notify.py``). Spec: protocol.md sections 3 and 7, ``protocol/spec/normalise.md``.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Final, TypeAlias
from uuid import UUID

from broker.facts import HitFound, Pair
from broker.interfaces import Agreed, Candidates, StoredSignal
from protocol.covenant_purposes import Purpose
from protocol.encoding import label
from protocol.ids import Epoch, HitId, KeyKind, SignalId
from protocol.keys import quality_of
from protocol.messages import Quality, Role

Agreement: TypeAlias = tuple[KeyKind, Role, Role]
"""A kind that agrees, and the roles that its two sides gave it."""
ORDER: Final[tuple[Quality, ...]] = ("hit", "probable", "possible")
"""From the best."""


@dataclass(frozen=True, slots=True)
class Match:
    """A hit, what agrees as (kind, first's role, second's role), its two signals and the pair of cases.

    One that is not ``new`` was found before, but nobody was told of it.
    """

    hit: HitFound
    agreed: tuple[tuple[KeyKind, Role, Role], ...]
    first: StoredSignal
    second: StoredSignal
    pair: Pair
    new: bool

    @property
    def kinds(self) -> tuple[KeyKind, ...]:
        """The kinds that agree, each once, in order of name."""
        return tuple(sorted({kind for kind, _, _ in self.agreed}))


def hit_id(one: SignalId, other: SignalId) -> HitId:
    """Return the id of the hit of two signals, the same in both orders (RFC 9562 version 8: the rest is a hash)."""
    low, high = sorted((one, other))
    digest = bytearray(hashlib.sha256(label("hit") + low.bytes + high.bytes).digest()[:16])
    digest[6] = digest[6] & 0x0F | 0x80
    digest[8] = digest[8] & 0x3F | 0x80
    return HitId(UUID(bytes=bytes(digest)))


def matches(candidates: Candidates, purpose: Purpose, epoch: Epoch, now: datetime) -> tuple[Match, ...]:
    """Return the hits of an epoch that nobody was told of, in order of their signals' ids.

    One that was found before stayed silent because its cases knew each other by another hit, which may have ended.
    """
    found = []
    ordered = sorted(candidates.agreed, key=lambda item: (item.first, item.second))
    for (first, second), items in groupby(ordered, key=lambda item: (item.first, item.second)):
        told = candidates.found.get((first, second))
        if told:
            continue
        one, other = candidates.signals.get(first), candidates.signals.get(second)
        if one is not None and other is not None and _may_meet(one, other, now):
            match = _match(one, other, list(items), purpose, epoch, now, new=told is None)
            if match is not None:
                found.append(match)
    return tuple(found)


def _may_meet(one: StoredSignal, other: StoredSignal, now: datetime) -> bool:
    # Not by their epochs: one may have its next epoch's keys already, beside those that agree.
    same = one.purpose == other.purpose
    # Two canaries have nobody behind them to be told of anything.
    told = one.agency != other.agency and not (one.is_canary and other.is_canary)
    return is_live(one, now) and is_live(other, now) and same and told


def is_live(signal: StoredSignal, now: datetime) -> bool:
    """Say whether a signal stands and may be matched and shown."""
    return signal.state == "live" and not signal.restricted and signal.expires_at > now


def worth_of(agreed: Iterable[Agreement], purpose: Purpose) -> tuple[Quality, tuple[Agreement, ...]] | None:
    """Return what agreeing keys are worth together, and those of the people who count; None when it is no hit."""
    people: dict[tuple[Role, Role], set[KeyKind]] = defaultdict(set)
    for kind, one, other in agreed:
        if purpose.may_meet(one, other):
            people[one, other].add(kind)
    # A name of the one and an address of the other do not add up: each pair of roles must suffice by itself.
    worth = {roles: found for roles, kinds in people.items() if (found := quality_of(kinds)) is not None}
    if not worth:
        return None
    return min(worth.values(), key=ORDER.index), tuple(
        sorted((kind, *roles) for roles in worth for kind in people[roles])
    )


def _match(
    one: StoredSignal,
    other: StoredSignal,
    items: Sequence[Agreed],
    purpose: Purpose,
    epoch: Epoch,
    now: datetime,
    *,
    new: bool,
) -> Match | None:
    worth = worth_of([(item.kind, item.first_role, item.second_role) for item in items], purpose)
    if worth is None:
        return None
    quality, agreed = worth
    hit = HitFound(
        id=hit_id(one.id, other.id),
        first=one.id,
        second=other.id,
        first_agency=one.agency,
        second_agency=other.agency,
        purpose=one.purpose,
        epoch=epoch,
        quality=quality,
        at=now,
    )
    return Match(hit, agreed, one, other, pair_of(one, other), new)


def pair_of(one: StoredSignal, other: StoredSignal) -> Pair:
    """Return the two signals' cases, the lower agency first."""
    low, high = sorted((one, other), key=lambda signal: signal.agency)
    return Pair(low.agency, low.case_token, high.agency, high.case_token)
