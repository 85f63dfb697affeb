# SPDX-License-Identifier: EUPL-1.2
"""What the vault keeps of the agency's own systems: whose record is whose, rows that wait for repair, cursors, tokens.

Names of connectors and systems, states and times stand in the clear; what could say something about a person is sealed
or a keyed hash. Not here: what is done with them (``records.py``, ``quarantine.py``, ``systems.py``). Spec page:
``docs/guide-systems.md``.
"""

from sqlmodel import Field

from agency_client.vault.tables import Row


class RecordRow(Row, table=True):
    """One record of a system for one purpose, by the keyed hash by which its signals are found too."""

    __tablename__ = "record"

    record: bytes = Field(primary_key=True)
    own: bytes = Field(index=True)
    """Keyed hash of the reference alone: the same record under another purpose."""
    system: str = Field(index=True)
    state: str = Field(index=True)
    reason: str | None = None
    changed_at: str


class QuarantinedRow(Row, table=True):
    """One row that was not used, or not wholly."""

    __tablename__ = "quarantined"

    number: int | None = Field(default=None, primary_key=True)
    once: bytes = Field(unique=True)
    """Keyed hash of the system and of the row itself: the same row read again is the same number."""
    system: str = Field(index=True)
    own: bytes | None = Field(default=None, index=True)
    """Keyed hash of the record's reference, when it has a usable one."""
    row: bytes | None
    """Sealed: where it came from and its values, so that it can be repaired; dropped when that is done."""
    reasons: str
    """Fields, codes and sentences as JSON; never a value."""
    partly: bool
    """Whether the rest of the row was used."""
    state: str = Field(index=True)
    at: str = Field(index=True)
    closed_at: str | None = None
    person: str | None = None
    """The opaque reference of who repaired or dismissed it."""


class ConnectorRow(Row, table=True):
    """How far a connector is, and how its last looks went."""

    __tablename__ = "connector"

    name: str = Field(primary_key=True)
    cursor: bytes | None = None
    """Sealed: the last value of the query's cursor column."""
    looked_at: str | None = None
    taken_at: str | None = None
    taken: int = 0
    quarantined: int = 0
    withdrawn: int = 0
    problem_code: str | None = None
    """What stands in its way: an error's code."""
    problem: str | None = None
    """The same in words, without any value."""


class SeenRow(Row, table=True):
    """A row that a query gave and that was dealt with, for as long as looks go back to it."""

    __tablename__ = "seen_row"
    __table_args__ = ({"sqlite_with_rowid": False},)

    place: str = Field(primary_key=True)
    digest: bytes = Field(primary_key=True)
    """Keyed hash of all its values."""


class SystemRow(Row, table=True):
    """A system of the agency that may use the local API; its token is known by a keyed hash only."""

    __tablename__ = "system"

    name: str = Field(primary_key=True)
    token: bytes
    may: str
    made_at: str
    used_at: str | None = None
    revoked_at: str | None = None
