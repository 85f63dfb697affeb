# SPDX-License-Identifier: EUPL-1.2
"""What the vault keeps of changes of own signals: what was changed, and which recipients carried it out.

Why is sealed; kinds and moments are not. Not here: the shelf (``changes.py``).
"""

from sqlmodel import Field

from agency_client.vault.tables import Row


class ChangeRow(Row, table=True):
    """A change of one of our signals that the log proves; rows are only ever added."""

    __tablename__ = "change"

    number: int | None = Field(default=None, primary_key=True)
    signal: str = Field(index=True)
    kind: str = Field(index=True)
    at: str
    place: int
    """Where in the log it stands."""
    reason: bytes
    """Sealed."""


class ChangeSeenRow(Row, table=True):
    """That the other agency of a hit carried out a change, by the notice of this number."""

    __tablename__ = "change_seen"

    seq: int = Field(primary_key=True)
    hit: str = Field(index=True)
    signal: str = Field(index=True)
    change: str
    at: str
