# SPDX-License-Identifier: EUPL-1.2
"""What the vault keeps of requests for more, as SQLite tables: what is listed by in the clear, all words sealed.

Not here: reading and writing them (``disclosures.py``).
"""

from sqlmodel import Field

from agency_client.vault.tables import Row


class DisclosureRow(Row, table=True):
    """One request, asked by us (``mine``) or of us (``theirs``)."""

    __tablename__ = "disclosure"

    number: int | None = Field(default=None, primary_key=True)
    id: str = Field(unique=True)
    direction: str = Field(index=True)
    state: str = Field(index=True)
    hit: str = Field(index=True)
    signal: str = Field(index=True)
    purpose: str
    other: str
    at: str
    due_at: str
    fetch_by: str | None = None
    waiting: str | None = None
    """The step that is on its way to the broker."""
    posting: int | None = None
    """The outbox's request that carries it."""
    place: int = -1
    """Of the newest entry of the log about it."""
    code: str | None = None
    """Why the broker refused the request itself."""
    rule: str | None = None
    assigned_to: str | None = None
    """Opaque reference of the colleague to whom it was handed over."""
    said: bytes
    """Sealed: why, what is wanted, what was answered, and the steps (``disclosures.Said``)."""


class DisclosureChunkRow(Row, table=True):
    """One sealed chunk of an answer of ours, until the log proves that it was given."""

    __tablename__ = "disclosure_chunk"

    disclosure: str = Field(primary_key=True)
    answer: str = Field(primary_key=True)
    place: int = Field(primary_key=True)
    ciphertext: bytes


class DisclosureContentRow(Row, table=True):
    """What was given to us, opened and checked: ours to read once the log has that somebody reads it."""

    __tablename__ = "disclosure_content"

    disclosure: str = Field(primary_key=True)
    content: bytes
    """Sealed."""
