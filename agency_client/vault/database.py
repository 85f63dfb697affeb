# SPDX-License-Identifier: EUPL-1.2
"""The vault's file: one SQLite database that survives being killed, and whose values about people are sealed.

Not here: what the tables mean (the shelves beside this module), and where the keys come from (``edge/keyfile.py``).
"""

import hashlib
import hmac
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Protocol

from sqlalchemy import Connection, create_engine, event
from sqlalchemy.exc import DatabaseError
from sqlmodel import Session

from agency_client.vault.tables import Row, SettingRow
from protocol.encoding import label, lp
from protocol.errors import Code, ConfigurationError

VERSION: Final = "1"
"""Of the tables; another version is refused instead of guessed at."""
BUSY_MS: Final = 30_000
"""How long one writer waits for another: a batch of a thousand signals is written in well under a second."""


class Cipher(Protocol):
    """Seals a value so that it opens only at the place that it was sealed for."""

    def seal(self, plain: bytes, place: bytes) -> bytes:
        """Return the sealed value."""

    def open(self, sealed: bytes, place: bytes) -> bytes:
        """Return the value, or raise ``ConfigurationError`` when the key or the place is another."""


class Database:
    """The open file. Reading and writing happen in short transactions; a writer takes the lock at once."""

    def __init__(self, path: Path, cipher: Cipher, lookup_key: bytes) -> None:
        """Open or create the vault at ``path``; ``lookup_key`` makes the keyed hashes that records are found by."""
        self._cipher = cipher
        self._lookup_key = lookup_key
        engine = create_engine(
            f"sqlite:///{path}", connect_args={"timeout": BUSY_MS / 1000, "check_same_thread": False}
        )
        event.listen(engine, "connect", _prepare)
        event.listen(engine, "begin", _begin)
        self._engine = engine
        self._joint = threading.local()
        self._write_engine = engine.execution_options(sluis_begin="BEGIN IMMEDIATE")
        try:
            with self._write_engine.begin() as connection:
                Row.metadata.create_all(connection)
            self._check_version()
        except DatabaseError as error:
            raise ConfigurationError(
                Code.SETTINGS_INVALID, "The vault file cannot be read.", hint="Put back its latest backup."
            ) from error
        path.chmod(0o600)

    def _check_version(self) -> None:
        with self.writing() as session:
            row = session.get(SettingRow, "version")
            if row is None:
                session.add(SettingRow(name="version", value=VERSION))
                session.add(SettingRow(name="key-check", value=self._cipher.seal(b"vault", b"key-check").hex()))
                return
            check = session.get(SettingRow, "key-check")
            if row.value != VERSION or check is None:
                raise ConfigurationError(Code.SETTINGS_INVALID, "The vault was made by another version of Sluis.")
            self._cipher.open(bytes.fromhex(check.value), b"key-check")

    @contextmanager
    def together(self) -> Iterator[None]:
        """Make one transaction of all that this thread reads and writes within: on the disk at the end, or not at all.

        A ``writing`` or ``together`` in it that fails still undoes its own part only. For many small steps that can be
        done again.
        """
        joined = self._joined
        if joined is not None:
            with joined.begin_nested():
                yield
            return
        with Session(self._write_engine, expire_on_commit=False) as session, session.begin():
            self._joint.session = session
            try:
                yield
            finally:
                self._joint.session = None

    @property
    def _joined(self) -> Session | None:
        found: Session | None = getattr(self._joint, "session", None)
        return found

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """Run a transaction that may write; it is on the disk when this returns, or nothing of it is."""
        joined = self._joined
        if joined is not None:
            with joined.begin_nested():
                yield joined
            return
        with Session(self._write_engine, expire_on_commit=False) as session, session.begin():
            yield session

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Run a transaction that only reads, without waiting for a writer."""
        joined = self._joined
        if joined is not None:
            yield joined
            return
        with Session(self._engine, expire_on_commit=False) as session:
            yield session

    def seal(self, plain: bytes, column: str, row: str) -> bytes:
        """Seal a value for one column of one row."""
        return self._cipher.seal(plain, lp(column) + lp(row))

    def open(self, sealed: bytes, column: str, row: str) -> bytes:
        """Open what ``seal`` sealed for the same column and row."""
        return self._cipher.open(sealed, lp(column) + lp(row))

    def keyed_hash(self, use: str, value: bytes) -> bytes:
        """Return a hash that only this vault can make, so that equal values are found without standing in the file."""
        return hmac.digest(self._lookup_key, label("vault-lookup") + lp(use) + value, hashlib.sha256)

    def checkpoint(self) -> None:
        """Empty the journal into the file, so that no old page stays in it; later when somebody reads just now."""
        with self._engine.connect() as connection:
            connection.rollback()
            connection.connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        """Close the file."""
        self._engine.dispose()


def _prepare(connection: Any, _: object) -> None:
    # The driver's own implicit BEGIN is off: it would start transactions as readers and fail when they turn to writing.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "secure_delete=ON", f"busy_timeout={BUSY_MS}"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get("sluis_begin", "BEGIN"))
