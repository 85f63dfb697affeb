# SPDX-License-Identifier: EUPL-1.2
"""The signals of an agency in pages, newest first, by what stands with them: only a page is ever opened.

Not here: the signals' own moves (``pending.py``), finding one by a case or person (``search_terms.py``).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement
from sqlmodel import and_, col, func, or_, select

from agency_client.states import WAITING, SignalState
from agency_client.vault.change_tables import ChangeRow
from agency_client.vault.changes import ChangeKind
from agency_client.vault.database import Database
from agency_client.vault.hits import HitState
from agency_client.vault.probes import real
from agency_client.vault.signals import Kept, Signals
from agency_client.vault.tables import HitRow, SignalRow
from protocol.encoding import format_time
from protocol.ids import PurposeId, SignalId

_INDEXES: Final = (
    "CREATE INDEX IF NOT EXISTS signal_standing ON signal (state, expires_at, purpose, id)",
    "CREATE INDEX IF NOT EXISTS signal_made ON signal (created_at, id)",
)
"""So that counting does not read past every sealed draft. Made here and not with the table, so that an older vault gets
them too."""


class Standing(StrEnum):
    """What is up with a signal, for the people who made it."""

    LIVE = "live"
    """It is compared now."""
    WAITING = "waiting"
    """It is being sent."""
    REFUSED = "refused"
    ENDED = "ended"
    """Withdrawn, or its time is over."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A signal in a list. ``position`` is where the next page begins."""

    position: int
    kept: Kept
    standing: Standing
    hits: int
    """Hits with it that still stand."""
    restricted: bool
    """It is only kept, and compared with nobody."""


@dataclass(frozen=True, slots=True)
class Counted:
    """How many signals stand how."""

    standing: Mapping[Standing, int]
    purposes: Mapping[PurposeId, int]
    """Of each purpose, those that are compared now."""


class SignalLists:
    """Lists of signals."""

    def __init__(self, database: Database, signals: Signals) -> None:
        self._database = database
        self._signals = signals
        with database.writing() as session:
            for index in _INDEXES:
                session.connection().exec_driver_sql(index)

    def page(
        self,
        now: datetime,
        limit: int,
        before: int | None = None,
        standing: Standing | None = None,
        purpose: PurposeId | None = None,
    ) -> list[Listed]:
        """Return the newest signals that were read before a position, without probes."""
        wanted = [real(SignalRow.id)]
        if before is not None:
            wanted.append(col(SignalRow.position) < before)
        if standing is not None:
            wanted.append(_where(standing, now))
        if purpose is not None:
            wanted.append(col(SignalRow.purpose) == purpose)
        with self._database.reading() as session:
            rows = session.exec(
                select(SignalRow.id, SignalRow.position)
                .where(*wanted)
                .order_by(col(SignalRow.position).desc())
                .limit(limit)
            ).all()
        return self._listed({row[0]: row[1] or 0 for row in rows}, now)

    def of(self, signals: Sequence[SignalId], now: datetime) -> list[Listed]:
        """Return these signals, in this order."""
        return self._listed({str(signal): 0 for signal in signals}, now)

    def _listed(self, positions: Mapping[str, int], now: datetime) -> list[Listed]:
        found = self._signals.with_keys([SignalId(UUID(one)) for one in positions])
        with self._database.reading() as session:
            counted = session.exec(
                select(HitRow.signal, func.count())
                .where(col(HitRow.signal).in_(positions), HitRow.state != HitState.WITHDRAWN)
                .group_by(HitRow.signal)
            ).all()
            # In the order of changing, so that the last one counts.
            last = dict(
                session.exec(
                    select(ChangeRow.signal, ChangeRow.kind)
                    .where(
                        col(ChangeRow.signal).in_(positions),
                        col(ChangeRow.kind).in_((ChangeKind.RESTRICTED, ChangeKind.LIFTED)),
                    )
                    .order_by(col(ChangeRow.number))
                ).all()
            )
        hits = dict(counted)
        return [
            Listed(
                position,
                found[signal][0],
                standing_of(found[signal][0], now),
                hits.get(one, 0),
                last.get(one) == ChangeKind.RESTRICTED,
            )
            for one, position in positions.items()
            if (signal := SignalId(UUID(one))) in found
        ]

    def count(self, now: datetime) -> Counted:
        """Return how many signals stand how, without probes."""
        moment = format_time(now)
        with self._database.reading() as session:
            over = (col(SignalRow.expires_at) <= moment).label("over")
            rows = session.exec(
                select(SignalRow.state, SignalRow.purpose, over, func.count())
                .where(real(SignalRow.id))
                .group_by(SignalRow.state, SignalRow.purpose, "over")
            ).all()
        standing = dict.fromkeys(Standing, 0)
        purposes: dict[PurposeId, int] = {}
        for state, purpose, ended, count in rows:
            where = _standing(SignalState(state), over=bool(ended))
            standing[where] += count
            if where is Standing.LIVE:
                purposes[PurposeId(purpose)] = purposes.get(PurposeId(purpose), 0) + count
        return Counted(standing, purposes)

    def per_day(self, since: datetime) -> list[tuple[str, int]]:
        """Return how many signals were made on each day (UTC) since a moment, as ``2026-11-21``."""
        day = func.substr(SignalRow.created_at, 1, 10)
        with self._database.reading() as session:
            rows = session.exec(
                select(day, func.count())
                .where(SignalRow.created_at >= format_time(since), real(SignalRow.id))
                .group_by(day)
                .order_by(day)
            ).all()
        return [(str(one), count) for one, count in rows]

    def later_of(self, signal: SignalId) -> SignalId | None:
        """Return the signal that takes, or took, this one's place."""
        with self._database.reading() as session:
            found = session.exec(select(SignalRow.id).where(SignalRow.supersedes == str(signal))).first()
        return None if found is None else SignalId(UUID(found))


def standing_of(kept: Kept, now: datetime) -> Standing:
    """Return what is up with a signal."""
    return _standing(kept.state, over=kept.expires_at <= format_time(now))


def _standing(state: SignalState, *, over: bool) -> Standing:
    if state is SignalState.REFUSED:
        return Standing.REFUSED
    if state is SignalState.WITHDRAWN or over:
        return Standing.ENDED
    return Standing.LIVE if state is SignalState.ACCEPTED else Standing.WAITING


def _where(standing: Standing, now: datetime) -> ColumnElement[bool]:
    state, over = col(SignalRow.state), col(SignalRow.expires_at) <= format_time(now)
    if standing is Standing.REFUSED:
        return state == SignalState.REFUSED
    if standing is Standing.ENDED:
        return or_(state == SignalState.WITHDRAWN, and_(state != SignalState.REFUSED, over))
    states: Collection[str] = WAITING if standing is Standing.WAITING else (SignalState.ACCEPTED,)
    return and_(state.in_(states), ~over)
