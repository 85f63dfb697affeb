# SPDX-License-Identifier: EUPL-1.2
"""The ledger's tables, and a SQLite file opened so that what was committed is on the disk.

Not here: what is read and written (``ledger.py``).
"""

import sqlite3
from pathlib import Path
from typing import Any, Final

from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel, create_engine

BUSY_SECONDS: Final = 10
"""How long a writer waits for another, such as ``sluis keyholder ledger`` beside a running service."""


class Row(SQLModel, registry=registry()):
    """What every row of this file is; a registry of its own keeps these tables apart from other roles' tables."""


class BudgetRow(Row, table=True):
    """How many elements an agency used for a purpose on a day (UTC)."""

    __tablename__ = "budget"
    agency: str = Field(primary_key=True)
    purpose: str = Field(primary_key=True)
    day: str = Field(primary_key=True)
    requests: int = 0
    elements: int = 0


class HourRow(Row, table=True):
    """How many elements an agency used for a purpose in an hour (UTC); kept for as many days as are looked back."""

    __tablename__ = "hour"
    agency: str = Field(primary_key=True)
    purpose: str = Field(primary_key=True)
    hour: str = Field(primary_key=True)
    elements: int = 0


class ReportedRow(Row, table=True):
    """An hour (UTC) whose use and refusals the log has."""

    __tablename__ = "reported"
    hour: str = Field(primary_key=True)


class RefusalRow(Row, table=True):
    """How often a minute (UTC) saw the same refusal: a flood of bad requests does not fill the disk."""

    __tablename__ = "refusal"
    minute: str = Field(primary_key=True)
    agency: str = Field(primary_key=True)
    purpose: str = Field(primary_key=True)
    code: str = Field(primary_key=True)
    requests: int = 0
    elements: int = 0


class NonceRow(Row, table=True):
    """A nonce of an accepted signature, and the second (Unix) after which it may be forgotten."""

    __tablename__ = "nonce"
    party: str = Field(primary_key=True)
    nonce: str = Field(primary_key=True)
    forget_after: int = Field(index=True)


class DestructionRow(Row, table=True):
    """An epoch whose seeds were destroyed; without ``done_at`` the destruction was begun and must be finished."""

    __tablename__ = "destruction"
    epoch: int = Field(primary_key=True)
    begun_at: str
    done_at: str | None = None


class DrawnRow(Row, table=True):
    """A set whose seed this key-holder drew: it must never draw another, which the other members would not have."""

    __tablename__ = "drawn"
    members: str = Field(primary_key=True)
    at: str


class WitnessRow(Row, table=True):
    """The last checkpoint cosigned for a log."""

    __tablename__ = "witnessed"
    origin: str = Field(primary_key=True)
    size: int
    root: bytes
    note: str
    at: str


class ContradictionRow(Row, table=True):
    """A checkpoint that a log signed although it denies one of the same size that was cosigned: evidence against it."""

    __tablename__ = "contradiction"
    origin: str = Field(primary_key=True)
    size: int = Field(primary_key=True)
    note: str = Field(primary_key=True)
    cosigned: str
    at: str


def _table(row: type[Row]) -> Any:
    return Row.metadata.tables[str(row.__tablename__)]


BUDGET, REFUSAL, NONCE, DESTRUCTION, DRAWN, WITNESSED, CONTRADICTION = TABLES = tuple(
    _table(row) for row in (BudgetRow, RefusalRow, NonceRow, DestructionRow, DrawnRow, WitnessRow, ContradictionRow)
)
HOUR: Any = _table(HourRow)
REPORTED: Any = _table(ReportedRow)


def open_file(path: Path) -> Engine:
    """Return the file with every commit written through (WAL, ``synchronous=FULL``)."""
    engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": BUSY_SECONDS})

    @event.listens_for(engine, "connect")
    def _set_up(connection: sqlite3.Connection, record: object) -> None:
        # The driver must not begin transactions by itself: it would begin them for reading, and two readers that both
        # want to write next would refuse each other.
        connection.isolation_level = None
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine
