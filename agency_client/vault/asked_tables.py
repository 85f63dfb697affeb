# SPDX-License-Identifier: EUPL-1.2
"""Which of our signals a notice is about that no hit has: that somebody asked, or that a key was muted.

The notices themselves are sealed; which signal they are about and when they came is not. Not here: the shelf
(``asked.py``).
"""

from sqlmodel import Field

from agency_client.vault.tables import Row


class AskedRow(Row, table=True):
    """A verified notice about one of our signals, by its number; what it says stands in ``notice``."""

    __tablename__ = "asked"

    seq: int = Field(primary_key=True)
    type: str = Field(index=True)
    signal: str = Field(index=True)
    at: str = Field(index=True)
    key: bytes | None = Field(default=None, index=True)
    """Keyed hash of the signal and the kind of a muted key, which is told again in each period."""
