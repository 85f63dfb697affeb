# SPDX-License-Identifier: EUPL-1.2
"""What the vault keeps of follow-up: how far this agency is with each hit, and until when it has.

No column says anything of a person: steps, codes, moments. Not here: the shelf (``follow_ups.py``).
"""

from sqlmodel import Field

from agency_client.vault.tables import Row


class FollowUpRow(Row, table=True):
    """How far we are with a hit. Moments are those of the log's events."""

    __tablename__ = "follow_up"

    hit: str = Field(primary_key=True)
    signal: str = Field(index=True)
    purpose: str
    state: str = Field(index=True)
    due_at: str = Field(index=True)
    pending: str | None = None
    """The step that a person asked for and that is not proven yet."""
    outcome: str | None = None
    begun_place: int | None = None
    """Where in the log the first step stands: a later word that nothing was done is false."""
    changed_at: str | None = None
    late_at: str | None = None
    doubted_at: str | None = None
    doubt: str | None = None
    """The outcome's code with which the other side closed it."""
