# SPDX-License-Identifier: EUPL-1.2
"""Who asked about our people, and which of our values point at nobody, in pages: only a page is ever opened.

Without probes, and without what retention erased. Not here: the verifying (``inbox.py``), hits (``hit_lists.py``).
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement
from sqlmodel import Session, col, func, select

from agency_client.states import SignalState
from agency_client.vault.asked_tables import AskedRow
from agency_client.vault.database import Database
from agency_client.vault.probes import real
from agency_client.vault.tables import CanaryRow, NoticeRow, SignalRow
from protocol.encoding import format_time
from protocol.ids import SignalId
from protocol.messages import parse
from protocol.notices import MutedNotice, Notice, QueriedNotice

_TYPES: Final[dict[str, type[QueriedNotice] | type[MutedNotice]]] = {"queried": QueriedNotice, "muted": MutedNotice}
_NOTICES_BY_TYPE: Final = "CREATE INDEX IF NOT EXISTS notice_type ON notice (type, seq)"
"""So that looking for what an older vault has does not read past every sealed notice."""


class Asked:
    """The shelf of questions about our people and of muted keys."""

    def __init__(self, database: Database) -> None:
        self._database = database
        with database.writing() as session:
            session.connection().exec_driver_sql(_NOTICES_BY_TYPE)
            # What an older vault was told before there was a row for it.
            missing = session.exec(
                select(NoticeRow).where(
                    col(NoticeRow.type).in_(_TYPES),
                    col(NoticeRow.notice).is_not(None),
                    col(NoticeRow.seq).not_in(select(AskedRow.seq)),
                )
            ).all()
            for row in missing:
                put_asked(session, database, self._opened(row))

    def of_signal(self, signal: SignalId, limit: int) -> list[QueriedNotice]:
        """Return the newest words that somebody asked about the person of one of our signals, newest first."""
        return self._questions([AskedRow.signal == str(signal)], limit)

    def muted_of(self, signal: SignalId, limit: int) -> list[MutedNotice]:
        """Return the newest word about each muted key that one of our signals is the example of."""
        return self._muted([AskedRow.signal == str(signal)], limit)

    def since(self, moment: datetime, limit: int, *, canaries: bool = False) -> list[QueriedNotice]:
        """Return the newest words since a moment that somebody asked: about people, or about our canaries."""
        return self._questions(_since(moment, canaries=canaries), limit)

    def count_since(self, moment: datetime, *, canaries: bool = False) -> int:
        """Return how many of these there are."""
        with self._database.reading() as session:
            return session.exec(
                select(func.count()).select_from(AskedRow).where(*_questions(_since(moment, canaries=canaries)))
            ).one()

    def muted(self, now: datetime, limit: int) -> list[MutedNotice]:
        """Return the newest word about each muted key whose example still stands, newest first."""
        return self._muted([_stands(now)], limit)

    def count_muted(self, now: datetime) -> int:
        """Return how many of these there are."""
        with self._database.reading() as session:
            return session.exec(
                select(func.count(func.distinct(AskedRow.key))).where(*_of_type("muted"), _stands(now))
            ).one()

    def _questions(self, where: Sequence[Any], limit: int) -> list[QueriedNotice]:
        with self._database.reading() as session:
            rows = session.exec(
                select(NoticeRow)
                .join(AskedRow, col(AskedRow.seq) == col(NoticeRow.seq))
                .where(*_questions(where))
                .order_by(col(AskedRow.seq).desc())
                .limit(limit)
            ).all()
        return [one for one in map(self._opened, rows) if isinstance(one, QueriedNotice)]

    def _muted(self, where: Sequence[Any], limit: int) -> list[MutedNotice]:
        newest = (
            select(func.max(AskedRow.seq).label("seq"))
            .where(*_of_type("muted"), *where)
            .group_by(col(AskedRow.key))
            .order_by(func.max(AskedRow.seq).desc())
            .limit(limit)
        )
        with self._database.reading() as session:
            rows = session.exec(
                select(NoticeRow).where(col(NoticeRow.seq).in_(newest)).order_by(col(NoticeRow.seq).desc())
            ).all()
        return [one for one in map(self._opened, rows) if isinstance(one, MutedNotice)]

    def _opened(self, row: NoticeRow) -> QueriedNotice | MutedNotice:
        return parse(_TYPES[row.type], self._database.open(row.notice or b"", "notice", str(row.seq)))


def put_asked(session: Session, database: Database, notice: Notice) -> None:
    """Write within a transaction which signal a notice is about, when no hit says so."""
    if isinstance(notice, QueriedNotice):
        signal, key = str(notice.my_signal), None
    elif isinstance(notice, MutedNotice):
        signal = str(notice.example)
        key = database.keyed_hash("muted", f"{signal}/{notice.kind}".encode())
    else:
        return
    session.merge(AskedRow(seq=notice.seq, type=notice.type, signal=signal, at=format_time(notice.at), key=key))


def forget_asked(session: Session) -> None:
    """Forget within a transaction which signals the notices were about that were erased."""
    erased = select(NoticeRow.seq).where(col(NoticeRow.type).in_(_TYPES), col(NoticeRow.notice).is_(None))
    for row in session.exec(select(AskedRow).where(col(AskedRow.seq).in_(erased))).all():
        session.delete(row)


def _of_type(name: str) -> Collection[ColumnElement[bool]]:
    return (col(AskedRow.type) == name, real(AskedRow.signal))


def _questions(where: Sequence[Any]) -> Sequence[Any]:
    return (*_of_type("queried"), *where)


def _since(moment: datetime, *, canaries: bool) -> Sequence[Any]:
    of_canary = col(AskedRow.signal).in_(select(CanaryRow.id))
    return (col(AskedRow.at) >= format_time(moment), of_canary if canaries else ~of_canary)


def _stands(now: datetime) -> ColumnElement[bool]:
    return col(AskedRow.signal).in_(
        select(SignalRow.id).where(SignalRow.state == SignalState.ACCEPTED, SignalRow.expires_at > format_time(now))
    )
