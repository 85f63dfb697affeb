# SPDX-License-Identifier: EUPL-1.2
"""Before anything is sent: who could be told what of a signal, on which law, until when, and who never is.

Decided by the agency's own verified covenant with the very code that the broker decides with. Pure.
Not here: its words (``preview_words.py``) and reading files for it (``looking.py``).
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal, TypeAlias

from protocol.covenant import Covenant
from protocol.covenant_parts import Agency, AgencyKind, ContactPoint
from protocol.covenant_purposes import LegalBasis, Purpose
from protocol.errors import Code, RefusedError
from protocol.ids import Epoch, KeyKind, PartyId, PurposeId
from protocol.keys import quality_of
from protocol.messages import Level, Quality
from protocol.policy import PolicyEngine

Urgency: TypeAlias = Literal["normal", "urgent"]
QUALITIES: Final[tuple[Quality, ...]] = ("hit", "probable", "possible")
"""From most to least sure."""
SEND_RULE: Final = "guard.not-a-sender"


@dataclass(frozen=True, slots=True)
class PushKind:
    """What signals have in common that can matter to who is told: purpose, kinds of key, urgency."""

    purpose: PurposeId
    kinds: frozenset[KeyKind]
    urgency: Urgency


@dataclass(frozen=True, slots=True)
class Told:
    """Agencies of one kind that could be told the same. ``levels``: the most that each quality of hit tells."""

    kind: AgencyKind
    agencies: tuple[Agency, ...]
    levels: Mapping[Quality, Level]
    laws: Mapping[str, LegalBasis]
    asks: bool
    """They are also told when they only ask."""


@dataclass(frozen=True, slots=True)
class Preview:
    """What becomes of such a signal, under one version of the covenant."""

    pushed: PushKind
    purpose: Purpose
    told: tuple[Told, ...]
    silent: tuple[Agency, ...]
    """Agencies that are told nothing now."""
    hidden: tuple[AgencyKind, ...]
    """Kinds that learn nothing, whatever any permit says."""
    bases: Mapping[str, LegalBasis]
    """On which the sender may provide."""
    kept_until: datetime
    """The longest that the purpose allows, counted from now."""
    epoch: Epoch
    epoch_ends: datetime
    """From then on its pseudonyms meet no others."""
    deadline_hours: int
    contact_point: ContactPoint
    covenant: Covenant


def preview(pushed: PushKind, me: PartyId, engine: PolicyEngine, now: datetime) -> Preview:
    """Return what would become of such signals. Raises ``RefusedError`` when this agency does not send them."""
    covenant = engine.covenant
    purpose, mine = covenant.purpose(pushed.purpose), covenant.kind_of(me)
    if mine not in purpose.kinds_that("send"):
        raise RefusedError(
            Code.POLICY_REFUSED,
            f"Your kind of agency does not signal for {pushed.purpose}.",
            rule=SEND_RULE,
            hint=f"It signals for {', '.join(sendable(covenant, me)) or 'no purpose'}.",
        )
    told, silent = _told(pushed, me, engine, now)
    epoch = covenant.epoch_at(now)
    return Preview(
        pushed,
        purpose,
        told,
        silent,
        purpose.hidden_from,
        {code: covenant.legal_bases[code] for code in purpose.bases_of(mine)},
        now + timedelta(days=purpose.retention_days),
        epoch,
        covenant.epoch_end(epoch),
        purpose.deadline_hours(pushed.urgency),
        covenant.contact_point(purpose),
        covenant,
    )


def sendable(covenant: Covenant, me: PartyId) -> tuple[PurposeId, ...]:
    """Return the purposes for which this agency's kind signals."""
    mine = covenant.kind_of(me)
    return tuple(name for name, purpose in covenant.purposes.items() if mine in purpose.kinds_that("send"))


def _told(
    pushed: PushKind, me: PartyId, engine: PolicyEngine, now: datetime
) -> tuple[tuple[Told, ...], tuple[Agency, ...]]:
    covenant, best = engine.covenant, quality_of(pushed.kinds)
    purpose, mine = covenant.purpose(pushed.purpose), covenant.kind_of(me)
    reachable = QUALITIES[QUALITIES.index(best) :] if best is not None else ()
    groups: dict[tuple[AgencyKind, tuple[tuple[Quality, Level], ...]], list[Agency]] = defaultdict(list)
    silent: list[Agency] = []
    for agency in covenant.agencies:
        if agency.id == me:
            continue
        found = [(one, engine.highest_level(me, agency.id, pushed.purpose, one, now)[0]) for one in reachable]
        levels = tuple((quality, level) for quality, level in found if level is not None)
        if levels:
            groups[covenant.kind_of(agency.id), levels].append(agency)
        else:
            silent.append(agency)
    askers = purpose.kinds_that("query")
    told = [
        Told(
            kind,
            tuple(agencies),
            dict(levels),
            {code: covenant.legal_bases[code] for code in purpose.edge(mine, kind)},
            kind in askers,
        )
        for (kind, levels), agencies in groups.items()
    ]
    return tuple(told), tuple(silent)
