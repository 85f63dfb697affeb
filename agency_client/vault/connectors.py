# SPDX-License-Identifier: EUPL-1.2
"""How far each connector is, and how its last look went. Counts, times and words; never a value of a record.

Not here: the connectors (``agency_client/connectors/``).
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from sqlalchemy import insert
from sqlmodel import col, delete, select

from agency_client.vault.database import Database
from agency_client.vault.record_tables import ConnectorRow, SeenRow
from protocol.encoding import format_time, lp, parse_time

_ASKED: Final = 500


@dataclass(frozen=True, slots=True)
class Progress:
    """What one look did."""

    taken: int = 0
    quarantined: int = 0
    withdrawn: int = 0


@dataclass(frozen=True, slots=True)
class Hindrance:
    """What stands in a connector's way: an error's code, and words without any value."""

    code: str
    words: str


@dataclass(frozen=True, slots=True)
class KeptConnector:
    """A connector as the vault has it; the counts are of its whole life."""

    name: str
    cursor: str | None = field(repr=False)
    looked_at: datetime | None
    taken_at: datetime | None
    taken: int
    quarantined: int
    withdrawn: int
    problem: Hindrance | None


class ConnectorShelf:
    """The shelf of connectors' places and states."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, name: str) -> KeptConnector:
        """Return one; a connector that never looked has empty counts."""
        with self._database.reading() as session:
            row = session.get(ConnectorRow, name)
        return self._kept(row or ConnectorRow(name=name))

    def all(self) -> list[KeptConnector]:
        """Return all that ever looked, by name."""
        with self._database.reading() as session:
            rows = session.exec(select(ConnectorRow).order_by(ConnectorRow.name)).all()
        return [self._kept(row) for row in rows]

    def put_cursor(self, name: str, cursor: str) -> None:
        """Keep how far a query is; within ``Vault.together`` it is kept with what was read, or not at all."""
        with self._database.writing() as session:
            row = session.get(ConnectorRow, name) or ConnectorRow(name=name)
            row.cursor = self._database.seal(cursor.encode(), "cursor", name)
            session.add(row)

    def digest(self, place: str, row: bytes) -> bytes:
        """Return what tells a row of a query again."""
        return self._database.keyed_hash("seen-row", lp(place) + row)

    def seen(self, place: str) -> set[bytes]:
        """Return the rows of a query that were dealt with and to which looks still go back."""
        with self._database.reading() as session:
            return set(session.exec(select(SeenRow.digest).where(SeenRow.place == place)).all())

    def put_seen(self, place: str, digests: Collection[bytes]) -> None:
        """Keep that rows were dealt with; within ``Vault.together`` with what they brought, or not at all."""
        if digests:
            with self._database.writing() as session:
                rows = [{"place": place, "digest": digest} for digest in sorted(digests)]
                session.connection().execute(insert(SeenRow), rows)

    def forget_seen(self, place: str, digests: Iterable[bytes]) -> None:
        """Forget rows to which looks do not go back any more."""
        gone = sorted(digests)
        for start in range(0, len(gone), _ASKED):
            with self._database.writing() as session:
                session.connection().execute(
                    delete(SeenRow).where(
                        col(SeenRow.place) == place, col(SeenRow.digest).in_(gone[start : start + _ASKED])
                    )
                )

    def rewind(self, place: str) -> None:
        """Forget how far a query is: it is read again from its start, and what did not change changes nothing."""
        with self._database.writing() as session:
            row = session.get(ConnectorRow, place)
            if row is not None:
                row.cursor = None
            session.connection().execute(delete(SeenRow).where(col(SeenRow.place) == place))

    def note(self, name: str, done: Progress, problem: Hindrance | None, now: datetime) -> None:
        """Keep how a look went."""
        with self._database.writing() as session:
            row = session.get(ConnectorRow, name) or ConnectorRow(name=name)
            row.looked_at = format_time(now)
            row.problem_code, row.problem = (None, None) if problem is None else (problem.code, problem.words)
            if done.taken or done.quarantined or done.withdrawn:
                row.taken_at = format_time(now)
            row.taken += done.taken
            row.quarantined += done.quarantined
            row.withdrawn += done.withdrawn
            session.add(row)

    def _kept(self, row: ConnectorRow) -> KeptConnector:
        return KeptConnector(
            row.name,
            None if row.cursor is None else self._database.open(row.cursor, "cursor", row.name).decode(),
            None if row.looked_at is None else parse_time(row.looked_at),
            None if row.taken_at is None else parse_time(row.taken_at),
            row.taken,
            row.quarantined,
            row.withdrawn,
            None if row.problem_code is None else Hindrance(row.problem_code, row.problem or ""),
        )
