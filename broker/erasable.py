# SPDX-License-Identifier: EUPL-1.2
"""What can be erased from the log, as the store finds it. Not here: whether it may be (``erasing.py``)."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from protocol.ids import PartyId


@dataclass(frozen=True, slots=True)
class Erasable:
    """One entry: what its subject part names, and what of it is found elsewhere."""

    event_id: UUID
    index: int | None
    """None until the sequencer numbered it."""
    kind: int
    at: datetime
    erased: bool = False
    named: tuple[UUID, ...] = field(default=(), repr=False)
    """The signals and the hit that its subject part names."""
    filled: bool = False
    """Whether its subject part says anything at all."""
    notice: tuple[PartyId, int] | None = None
    """Of an entry that told an agency something: whom, and under which number."""
    person_handle: int | None = None
    """By which it stays to be found: who acted is in the record."""


@dataclass(frozen=True, slots=True)
class MonthStanding:
    """A month of the log of which anything is left."""

    month: str
    entries: int
    first: int
    """Lowest index that nothing is left of once this month is gone: 0, since months go in their order."""
    last: int
    unproven: int
    """Entries without a number in the published log."""
    live_signals: int
    live_statements: int
    """Key statements of epochs that are live."""

    @property
    def needed(self) -> bool:
        """Whether something in it is still used."""
        return self.unproven > 0 or self.live_signals > 0 or self.live_statements > 0
