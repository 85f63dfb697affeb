# SPDX-License-Identifier: EUPL-1.2
"""A search of the log as the store is asked it, and what it finds. Not here: who may see what (``searching.py``)."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from protocol.event_search import EventFilters
from protocol.ids import PartyId, PurposeId
from protocol.questions import Scope


@dataclass(frozen=True, slots=True)
class Sought:
    """Which entries somebody may see, and which of those are asked."""

    agency: PartyId
    purposes: Mapping[Scope, frozenset[PurposeId | None]]
    """Of which purposes under each scope; None is an entry without one. Nothing else is touched."""
    filters: EventFilters
    after: int | None
    limit: int
    planters: tuple[PartyId, ...]
    """Other agencies that plant canaries: what they planted, and were told of it, is nobody else's to see."""


@dataclass(frozen=True, slots=True)
class FoundEvent:
    """One entry that fits."""

    index: int
    event_id: UUID
    erased_by: UUID | None
    whole: bool
    """Whether its subject part may be seen too."""


@dataclass(frozen=True, slots=True)
class FoundEvents:
    """A page, in the log's order."""

    entries: tuple[FoundEvent, ...]
    more: bool
    size: int
    """Of the log that was looked at."""
