# SPDX-License-Identifier: EUPL-1.2
"""Who is told what of whose signals, per pair of kinds of agency. Asks the rules, so it cannot differ.

Not here: the rest of the matrix (``matrix.py``) and the rules.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from board.models import KINDS, model_id, moment_with_grace
from protocol.covenant_parts import AgencyKind
from protocol.ids import PurposeId
from protocol.messages import Level, Quality
from protocol.policy import PolicyEngine

QUALITIES: Final[tuple[Quality, ...]] = ("hit", "probable", "possible")


@dataclass(frozen=True, slots=True)
class Edge:
    """What kinds of agency are told when their signal meets one of other kinds, a level per quality."""

    receivers: tuple[AgencyKind, ...]
    senders: tuple[AgencyKind, ...]
    levels: tuple[Level | None, ...]
    law: tuple[str, ...]
    refusal: str | None
    """The rule that refuses, when nothing is told at any quality."""


def edges(engine: PolicyEngine, purpose: PurposeId) -> Iterator[Edge]:
    """Yield every pair of kinds that occur in a purpose; ``engine`` is one of models (``models.py``)."""
    covenant = engine.covenant
    terms = covenant.purposes[purpose]
    involved = [kind for kind in KINDS if kind in terms.participants or kind in terms.hidden_from]
    now = moment_with_grace(covenant)
    for receiver in involved:
        for sender in [kind for kind in involved if kind in terms.kinds_that("send")]:
            asked = [
                engine.highest_level(model_id(sender, other=True), model_id(receiver), purpose, quality, now)
                for quality in QUALITIES
            ]
            levels = tuple(level for level, _ in asked)
            refusal = None if any(levels) else asked[0][1].rule
            yield Edge((receiver,), (sender,), levels, terms.edge(sender, receiver), refusal)


def merged(found: Iterable[Edge]) -> list[Edge]:
    """Return fewer edges that say the same: senders that a receiver is told alike of, then receivers told alike."""
    senders: dict[Edge, list[AgencyKind]] = {}
    for edge in found:
        senders.setdefault(replace(edge, senders=()), []).extend(edge.senders)
    receivers: dict[Edge, list[AgencyKind]] = {}
    for edge, kinds in senders.items():
        receivers.setdefault(replace(edge, senders=tuple(kinds), receivers=()), []).extend(edge.receivers)
    return [replace(edge, receivers=tuple(kinds)) for edge, kinds in receivers.items()]
