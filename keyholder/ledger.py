# SPDX-License-Identifier: EUPL-1.2
"""What a key-holder must never forget: budgets used, nonces seen, refusals, keys destroyed, checkpoints witnessed.

One SQLite file, written through (WAL, ``synchronous=FULL``): what a method returned is on the disk, so a power cut
gives no budget back, lets no request in twice and makes no witness forget. It holds no element, key or identifier; of
a request only who, for which purpose, how many. Every method is safe to call from several threads.
Not here: what a budget is or which checkpoint may follow (the covenant, ``evaluate.py``, ``witness.py``).
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final, TypeVar

from sqlalchemy import ColumnElement, and_, delete, event, func, select, update
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import DatabaseError, IntegrityError
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel, create_engine

from protocol.encoding import format_time, parse_time
from protocol.errors import AuthenticationError, Code, ConfigurationError, UnavailableError
from protocol.ids import Epoch, PartyId, PurposeId

SCHEMA: Final = 1
"""The file's version (SQLite ``user_version``); a file of another version is refused, never guessed at."""
BUSY_SECONDS: Final = 10
"""How long a writer waits for another, such as ``sluis keyholder ledger`` beside a running service."""
NONCE_MARGIN: Final = timedelta(minutes=10)
"""A nonce is kept this much longer than its request could be accepted, for clocks that are set back a little."""
UNKNOWN: Final = "-"
"""Stands for an agency that was not proven or a purpose that the covenant does not have: no caller's text is kept."""

T = TypeVar("T")


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


class WitnessRow(Row, table=True):
    """The last checkpoint cosigned for a log."""

    __tablename__ = "witnessed"
    origin: str = Field(primary_key=True)
    size: int
    root: bytes
    at: str


@dataclass(frozen=True, slots=True)
class Spent:
    """What a reservation did: ``granted`` or not, and the day's use after it."""

    granted: bool
    used: int


@dataclass(frozen=True, slots=True)
class Usage:
    """A day's requests and elements of an agency for a purpose."""

    day: date
    agency: str
    purpose: str
    requests: int
    elements: int


@dataclass(frozen=True, slots=True)
class Refusals:
    """A day's requests that were refused for the same reason."""

    day: date
    agency: str
    purpose: str
    code: str
    requests: int
    elements: int


@dataclass(frozen=True, slots=True)
class Destruction:
    """That an epoch's seeds were destroyed; ``done_at`` is absent while it is still to be finished."""

    epoch: Epoch
    begun_at: datetime
    done_at: datetime | None


@dataclass(frozen=True, slots=True)
class Witnessed:
    """The size and root of the last checkpoint cosigned for a log."""

    size: int
    root: bytes


class Ledger:
    """The open file. An error of disk or file becomes ``UnavailableError`` (``not_logged``), and nothing was done."""

    def __init__(self, path: Path) -> None:
        new = not path.exists()
        if new:
            path.touch(mode=0o600)
        self._engine = _engine(path)
        try:
            with self._transaction() as connection:
                version = int(connection.exec_driver_sql("PRAGMA user_version").scalar_one())
                if version == 0 and new:
                    for table in _TABLES:
                        table.create(connection)
                    connection.exec_driver_sql(f"PRAGMA user_version = {SCHEMA}")
                elif version != SCHEMA:
                    raise ConfigurationError(
                        Code.SETTINGS_INVALID,
                        f"{path.name} is not a key-holder's ledger of version {SCHEMA}.",
                        hint="Was it made by another version of Sluis, or is it another file?",
                    )
        except UnavailableError as error:
            raise ConfigurationError(
                Code.SETTINGS_INVALID,
                f"{path.name} cannot be opened.",
                hint="Check that the disk is there, not full, and that this user may write in the folder.",
            ) from error

    def close(self) -> None:
        """Let go of the file."""
        self._engine.dispose()

    # --- Budgets ---

    def reserve(self, agency: PartyId, purpose: PurposeId, day: date, count: int, limit: int) -> Spent:
        """Take ``count`` elements off the day's budget if they fit under ``limit``, else take nothing; atomic."""
        key = _same(BudgetRow, agency=agency, purpose=purpose, day=day.isoformat())
        with self._transaction() as connection:
            row = {"agency": agency, "purpose": purpose, "day": day.isoformat(), "requests": 0, "elements": 0}
            connection.execute(insert(_BUDGET).values(row).on_conflict_do_nothing())
            taken = connection.execute(
                update(_BUDGET)
                .where(key, _BUDGET.c.elements + count <= limit)
                .values(elements=_BUDGET.c.elements + count, requests=_BUDGET.c.requests + 1)
                .returning(_BUDGET.c.elements)
            ).scalar_one_or_none()
            if taken is not None:
                return Spent(True, int(taken))
            return Spent(False, int(connection.execute(select(_BUDGET.c.elements).where(key)).scalar_one()))

    def usage(self, since: date) -> tuple[Usage, ...]:
        """Return what was used from ``since`` on, in order of day, agency and purpose."""
        columns = [_BUDGET.c[name] for name in ("day", "agency", "purpose", "requests", "elements")]
        wanted = and_(_BUDGET.c.day >= since.isoformat(), _BUDGET.c.requests > 0)
        query = select(*columns).where(wanted).order_by(*columns[:3])
        with self._transaction() as connection:
            return tuple(Usage(date.fromisoformat(row[0]), *row[1:]) for row in connection.execute(query))

    # --- Refusals ---

    def refuse(
        self, at: datetime, agency: PartyId | None, purpose: PurposeId | None, code: Code, elements: int
    ) -> None:
        """Count a refused request. ``agency`` and ``purpose`` are given only where they are proven and known."""
        row = {
            "minute": at.astimezone(UTC).strftime("%Y-%m-%dT%H:%MZ"),
            "agency": agency or UNKNOWN,
            "purpose": purpose or UNKNOWN,
            "code": code.value,
            "requests": 1,
            "elements": elements,
        }
        more = {"requests": _REFUSAL.c.requests + 1, "elements": _REFUSAL.c.elements + elements}
        with self._transaction() as connection:
            keys = list(_REFUSAL.primary_key)
            connection.execute(insert(_REFUSAL).values(row).on_conflict_do_update(index_elements=keys, set_=more))

    def refusals(self, since: date) -> tuple[Refusals, ...]:
        """Return the refusals from ``since`` on, summed per day."""
        day = func.substr(_REFUSAL.c.minute, 1, 10)
        keys = [day, _REFUSAL.c.agency, _REFUSAL.c.purpose, _REFUSAL.c.code]
        sums = [func.sum(_REFUSAL.c.requests), func.sum(_REFUSAL.c.elements)]
        query = select(*keys, *sums).where(day >= since.isoformat()).group_by(*keys).order_by(*keys)
        with self._transaction() as connection:
            return tuple(Refusals(date.fromisoformat(row[0]), *row[1:]) for row in connection.execute(query))

    # --- Nonces ---

    def remember(self, party: PartyId, nonce: str, expires: datetime) -> None:
        """Keep a nonce; raises ``AuthenticationError`` (``signature_replayed``) when the party used it before."""
        forget_after = int((expires + NONCE_MARGIN).timestamp())
        with self._transaction() as connection:
            try:
                connection.execute(insert(_NONCE).values(party=party, nonce=nonce, forget_after=forget_after))
            except IntegrityError:
                raise AuthenticationError(
                    Code.SIGNATURE_REPLAYED,
                    "This signed request was received before.",
                    hint="Sign every attempt anew, with its own nonce.",
                ) from None

    def forget_expired(self, now: datetime) -> None:
        """Drop the nonces whose requests are too old to be accepted anyway."""
        with self._transaction() as connection:
            connection.execute(delete(_NONCE).where(_NONCE.c.forget_after < int(now.timestamp())))

    # --- Destroyed keys ---

    def begin_destruction(self, epochs: range, now: datetime) -> None:
        """Write down that the seeds of these epochs are about to be destroyed; what was begun before stays as it is."""
        rows = [{"epoch": epoch, "begun_at": format_time(now), "done_at": None} for epoch in epochs]
        if rows:
            with self._transaction() as connection:
                connection.execute(insert(_DESTRUCTION).values(rows).on_conflict_do_nothing())

    def finish_destruction(self, before: Epoch, now: datetime) -> None:
        """Write down that no seed of an epoch before ``before`` exists any more."""
        with self._transaction() as connection:
            connection.execute(
                update(_DESTRUCTION)
                .where(_DESTRUCTION.c.epoch < before, _DESTRUCTION.c.done_at.is_(None))
                .values(done_at=format_time(now))
            )

    def destructions(self) -> tuple[Destruction, ...]:
        """Return every destruction, oldest epoch first."""
        columns = [_DESTRUCTION.c[name] for name in ("epoch", "begun_at", "done_at")]
        query = select(*columns).order_by(columns[0])
        with self._transaction() as connection:
            return tuple(
                Destruction(Epoch(epoch), parse_time(begun), parse_time(done) if done else None)
                for epoch, begun, done in connection.execute(query)
            )

    # --- Witnessing ---

    def advance(
        self, origin: str, now: datetime, decide: Callable[[Witnessed | None], tuple[T, Witnessed | None]]
    ) -> T:
        """Ask ``decide`` what follows the last checkpoint of a log, and keep the new one before returning its answer.

        Reading, deciding and writing are one transaction: two requests at once cannot build on the same checkpoint.
        """
        with self._transaction() as connection:
            query = select(_WITNESSED.c.size, _WITNESSED.c.root).where(_WITNESSED.c.origin == origin)
            row = connection.execute(query).one_or_none()
            answer, following = decide(Witnessed(int(row[0]), bytes(row[1])) if row else None)
            if following is not None:
                values = {"size": following.size, "root": following.root, "at": format_time(now)}
                connection.execute(
                    insert(_WITNESSED)
                    .values(origin=origin, **values)
                    .on_conflict_do_update(index_elements=["origin"], set_=values)
                )
        return answer

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        try:
            with self._engine.begin() as connection:
                yield connection
        except DatabaseError as error:
            raise UnavailableError(
                Code.NOT_LOGGED, "The key-holder cannot write its ledger, so it did nothing.", hint="Try again later."
            ) from error


def _table(row: type[Row]) -> Any:
    return Row.metadata.tables[str(row.__tablename__)]


_BUDGET, _REFUSAL, _NONCE, _DESTRUCTION, _WITNESSED = _TABLES = tuple(
    _table(row) for row in (BudgetRow, RefusalRow, NonceRow, DestructionRow, WitnessRow)
)


def _same(row: type[Row], **values: str) -> ColumnElement[bool]:
    return and_(*(_table(row).c[name] == value for name, value in values.items()))


def _engine(path: Path) -> Engine:
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
