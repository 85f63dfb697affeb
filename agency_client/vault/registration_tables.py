# SPDX-License-Identifier: EUPL-1.2
"""What the vault keeps of a signal's registrations for other epochs than its row's own: those before, and the next one
while it is on its way.

The envelope keys are sealed; epochs and states are not. Not here: the shelf (``registrations.py``).
"""

from sqlmodel import Field

from agency_client.vault.tables import Row


class RegistrationRow(Row, table=True):
    """A signal's registration for one epoch."""

    __tablename__ = "registration"

    signal: str = Field(primary_key=True)
    epoch: int = Field(primary_key=True)
    state: str = Field(index=True)
    posting: int | None = Field(default=None, index=True)
    """The outbox posting that carries it, while it is on its way."""
    keys: bytes | None = None
    """Sealed: its envelope keys, which open what counterparts sealed under this epoch."""
    code: str | None = None
    at: str
