# SPDX-License-Identifier: EUPL-1.2
"""Takes the rows that a query gives, from where it was: on any database that SQLAlchemy knows.

How far the query is stands in the vault, written with the rows it brought. Every look goes back a little, so that rows
of transactions that ended late are found; a row that was dealt with is known by a keyed hash, and passed over, or a
record that ended since would come back. Reads only. Not here: the cursor's
arithmetic (``sql_cursor.py``). Spec page: ``docs/guide-systems.md``.
"""

import json
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, CursorResult, Engine, RowMapping, create_engine, event, make_url, text
from sqlalchemy.exc import (
    ArgumentError,
    DBAPIError,
    InterfaceError,
    NoSuchModuleError,
    OperationalError,
    SQLAlchemyError,
)
from sqlalchemy.pool import NullPool

from agency_client.connectors.descriptions import FOLDER, CursorDescription, Described, SqlDescription, is_deleted
from agency_client.connectors.entrance import BATCH, Entrance, Gone, Origin
from agency_client.connectors.looks import Looked, gone_or_row
from agency_client.connectors.settings import PasswordFrom
from agency_client.connectors.sql_cursor import Cursor
from agency_client.mapping import Mapping
from agency_client.session import Session
from agency_client.source_rows import BadRow, typed_row
from agency_client.source_rows import Row as SourceRow
from agency_client.vault.connectors import ConnectorShelf
from protocol.errors import Code, ConfigurationError, InputError, UnavailableError

DELETIONS: Final = "/deletions"
"""Added to a connector's name for the place of its second query."""
CONNECT_SECONDS: Final = 10
"""A database on the own network answers in less; a stop of this program waits for a look that goes on."""
MAX_LOOK: Final = 200_000
"""Rows of one look; the rest comes at the next one, which begins where this one ended."""


@dataclass(slots=True)
class SqlLook:
    """Looks with one query, and where there is one with that of deletions."""

    described: Described
    says: SqlDescription
    home: Path
    password: PasswordFrom
    most: int = MAX_LOOK

    def look(self, session: Session, stopped: Callable[[], bool], done: Looked) -> None:
        """Take the rows that came since the last look into ``done``.

        Raises ``UnavailableError``, ``ConfigurationError`` or ``InputError`` when the database or the query does not do
        as agreed. None of them repeats the database's own words: those may hold values.
        """
        name, says = self.described.name, self.says
        queries = [_Query(name, says.query, says.cursor, self._as_row, self.described.mapping)]
        if says.deletions is not None:
            gone = says.deletions
            references = Mapping(((gone.reference, "reference"),))
            # First, so that a record that went and came back between two looks is there after them.
            queries.insert(0, _Query(f"{name}{DELETIONS}", gone.query, gone.cursor, self._as_deletion, references))
        engine = self._engine()
        try:
            with engine.connect() as connection:
                for query in queries:
                    if not stopped():
                        self._run(connection, query, session, stopped, done)
        except DBAPIError as error:
            raise _database_said(error) from None
        except SQLAlchemyError as error:
            detail = f"The query of {name} cannot be run ({type(error).__name__})."
            raise ConfigurationError(Code.SETTINGS_INVALID, detail) from None
        finally:
            engine.dispose()

    def peek(self, session: Session) -> Iterator[SourceRow | BadRow | Gone]:
        """Yield the rows that a look would read now, without taking any. Raises as ``look``."""
        says, engine = self.says, self._engine()
        cursor = Cursor.of(says.cursor, session.vault.connectors.get(self.described.name).cursor)
        try:
            with engine.connect() as connection:
                found = self._found(connection, says.query, says.cursor, cursor, self.described.mapping)
                for number, row in enumerate(found.mappings(), start=1):
                    cursor.advance(row[says.cursor.column], session.clock())
                    yield self._as_row(number, row)
        except DBAPIError as error:
            raise _database_said(error) from None
        finally:
            engine.dispose()

    def _engine(self) -> Engine:
        try:
            url = make_url(self.says.url)
        except ArgumentError:
            raise _wrong_url("This is not an address of a database.") from None
        if url.password is not None or any("password" in name.casefold() for name in url.query):
            raise _wrong_url("The address has a password in it: put that in a file of its own.")
        secret = self.password.read(self.home / FOLDER, self.says.password_file, self.says.password_variable)
        whole = url if secret is None else url.set(password=secret.reveal())
        try:
            patience = {"connect_timeout": CONNECT_SECONDS} if url.get_backend_name() == "postgresql" else {}
            engine = create_engine(whole, poolclass=NullPool, hide_parameters=True, echo=False, connect_args=patience)
        except (NoSuchModuleError, ImportError, ArgumentError, TypeError):
            raise _wrong_url("There is no driver here for this kind of database.") from None
        # A query written by mistake changes nothing; other kinds of database need a user who may only read.
        if engine.dialect.name == "sqlite":
            event.listen(engine, "connect", _only_read_sqlite)
        elif engine.dialect.name == "postgresql":
            engine = engine.execution_options(postgresql_readonly=True)
        return engine

    def _run(
        self, connection: Connection, query: "_Query", session: Session, stopped: Callable[[], bool], done: Looked
    ) -> None:
        entrance, shelf = Entrance(session), session.vault.connectors
        origin = Origin(self.described.name, query.place, one_purpose=self.says.one_purpose)
        cursor = Cursor.of(query.cursor, shelf.get(query.place).cursor)
        found = self._found(connection, query.text, query.cursor, cursor, query.mapping)
        read, known, met = 0, shelf.seen(query.place), set[bytes]()
        for batch in found.mappings().partitions(BATCH):
            rows, fresh = [], set[bytes]()
            for row in batch:
                read += 1
                cursor.advance(row[query.cursor.column], session.clock())
                digest = shelf.digest(query.place, _told(row))
                if digest not in known and digest not in met:
                    fresh.add(digest)
                    rows.append(query.read(read, row))
                met.add(digest)
            if rows:
                put = partial(_keep, shelf, query.place, cursor.kept, fresh)
                done.admitted.count(entrance.admit(rows, query.mapping, origin, put))
            if stopped():
                return
            if read >= self.most:
                cursor.require_progress(self.most)
                return
        shelf.forget_seen(query.place, known - met)

    @staticmethod
    def _found(
        connection: Connection, query: str, says: CursorDescription, cursor: Cursor, mapping: Mapping
    ) -> "CursorResult[Any]":
        streamed = connection.execution_options(stream_results=True, max_row_buffer=BATCH)
        found = streamed.execute(text(query), {"cursor": cursor.begin})
        columns = tuple(found.keys())
        if says.column not in columns:
            raise InputError(Code.UNKNOWN_COLUMN, f"The query gives no column {says.column}.")
        mapping.check_columns(columns)
        return found

    def _as_row(self, number: int, values: RowMapping) -> SourceRow | BadRow | Gone:
        row = typed_row(number, {str(name): value for name, value in values.items()})
        if isinstance(row, SourceRow) and is_deleted(row, self.says.deleted_column):
            return gone_or_row(row, self.described.mapping)
        return row

    def _as_deletion(self, number: int, values: RowMapping) -> SourceRow | BadRow | Gone:
        column = "" if self.says.deletions is None else self.says.deletions.reference
        row = typed_row(number, {column: values[column]})
        return row if isinstance(row, BadRow) else gone_or_row(row, Mapping(((column, "reference"),)))


@dataclass(frozen=True, slots=True)
class _Query:
    """One of a connector's queries."""

    place: str
    """Under which name the vault keeps how far it is."""
    text: str
    cursor: CursorDescription
    read: Callable[[int, RowMapping], SourceRow | BadRow | Gone]
    mapping: Mapping


def _told(row: RowMapping) -> bytes:
    return json.dumps([[str(name), str(value)] for name, value in row.items()]).encode()


def _keep(shelf: ConnectorShelf, place: str, cursor: str, digests: Collection[bytes]) -> None:
    shelf.put_cursor(place, cursor)
    shelf.put_seen(place, digests)


def _only_read_sqlite(connection: Any, _: object) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA query_only = ON")
    cursor.close()


def _wrong_url(detail: str) -> ConfigurationError:
    return ConfigurationError(
        Code.SETTINGS_INVALID, detail, hint="Such as postgresql+psycopg://reader@db.intern/zaken, with passwordFile."
    )


def _database_said(error: DBAPIError) -> UnavailableError | ConfigurationError:
    if isinstance(error, OperationalError | InterfaceError) or error.connection_invalidated:
        return UnavailableError(
            Code.UNAVAILABLE,
            "The database cannot be reached, or does not let this program in.",
            hint="Are its address, its user and its password right? The database's own log says more.",
        )
    return ConfigurationError(
        Code.SETTINGS_INVALID,
        f"The database does not take the query ({type(error).__name__}).",
        hint="Run it by hand; the database's own log says more.",
    )
