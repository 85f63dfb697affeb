# SPDX-License-Identifier: EUPL-1.2
"""When somebody looks again whether a person can be told: by day, so that what is due is found without opening drafts.

The drafts say the same, sealed; a day alone says nothing of a person. Not here: deciding (``informing.py``).
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from sqlalchemy.dialects.sqlite import insert
from sqlmodel import Field, Session, col, delete, func, select

from agency_client.states import SignalState
from agency_client.vault.database import Database
from agency_client.vault.probes import real
from agency_client.vault.tables import Row, SignalRow
from protocol.encoding import format_time

_DAY: Final = re.compile(rb'"reviewOn":"(\d{4}-\d\d-\d\d)"')
"""How a draft names its day: drafts are canonical, and within a text of one every quote is escaped."""


class ReviewRow(Row, table=True):
    """The day on which somebody looks again at a signal; empty when no day is set any more."""

    __tablename__ = "signal_review"

    signal: str = Field(primary_key=True)
    review_on: str | None = Field(default=None, index=True)


@dataclass(frozen=True, slots=True)
class DueReviews:
    """How many reviews are due, and since when the oldest is."""

    count: int
    first: date | None


class Reviews:
    """The shelf of days."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def due(self, now: datetime, until: date) -> DueReviews:
        """Return the reviews of standing signals that are due on a day."""
        with self._database.reading() as session:
            count, first = session.exec(
                select(func.count(), func.min(ReviewRow.review_on))
                .select_from(ReviewRow)
                .join(SignalRow, col(SignalRow.id) == col(ReviewRow.signal))
                .where(
                    col(ReviewRow.review_on) <= until.isoformat(),
                    col(SignalRow.state) == SignalState.ACCEPTED,
                    col(SignalRow.expires_at) > format_time(now),
                    real(SignalRow.id),
                )
            ).one()
        return DueReviews(count, None if first is None else date.fromisoformat(first))


def review_day(draft: bytes) -> str | None:
    """Return the day that a draft names."""
    found = _DAY.search(draft)
    return None if found is None else found[1].decode()


def put_reviews(session: Session, days: Mapping[str, str | None]) -> None:
    """Write within a transaction on which day somebody looks at each of these signals; None is never."""
    if not days:
        return
    rows = [{"signal": signal, "review_on": day} for signal, day in days.items()]
    statement = insert(ReviewRow)
    session.connection().execute(
        statement.on_conflict_do_update(index_elements=["signal"], set_={"review_on": statement.excluded.review_on}),
        rows,
    )


def forget_reviews(session: Session, signals: Collection[str]) -> None:
    """Forget the days of signals whose content is erased."""
    session.connection().execute(delete(ReviewRow).where(col(ReviewRow.signal).in_(signals)))
