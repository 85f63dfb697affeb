# SPDX-License-Identifier: EUPL-1.2
"""Which signals of the vault ended, and since when nothing of their content is left. Not here: what erases them."""

from sqlmodel import Field

from agency_client.vault.tables import Row


class EndedRow(Row, table=True):
    """A signal that stands no more: withdrawn, refused or past its time."""

    __tablename__ = "ended_signal"

    signal: str = Field(primary_key=True)
    purpose: str
    ended_at: str
    erased_at: str | None = Field(default=None, index=True)
