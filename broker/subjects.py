# SPDX-License-Identifier: EUPL-1.2
"""What the store is asked for a subject request, and finds. Not here: who may see it (``subject_requests.py``)."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from broker.sealing import HandleKind
from protocol.events import Event
from protocol.ids import PartyId, PurposeId


@dataclass(frozen=True, slots=True)
class AboutSought:
    """Entries that name one of these values, of these purposes or none, that are this agency's or name it."""

    agency: PartyId
    purposes: frozenset[PurposeId]
    values: tuple[tuple[HandleKind, bytes], ...] = field(repr=False)
    since: datetime
    """Before it no entry names any of them."""


@dataclass(frozen=True, slots=True)
class AboutEntry:
    """One entry, opened."""

    id: UUID
    event: Event = field(repr=False)


@dataclass(frozen=True, slots=True)
class ErasedRow:
    """An entry whose subject part, or all, was erased, and the event that says so."""

    index: int
    marker: UUID
