# SPDX-License-Identifier: EUPL-1.2
"""The hits of an agency in pages, by how far it is with them: only a page is ever opened.

Not here: the hits themselves (``hits.py``), the steps of follow-up (``follow_ups.py``).
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement
from sqlmodel import and_, col, func, or_, select

from agency_client.vault.database import Database
from agency_client.vault.follow_up_tables import FollowUpRow
from agency_client.vault.follow_ups import FollowUp, FollowUps
from agency_client.vault.hits import Hits, HitState, KeptHit
from agency_client.vault.outbox import PostingState
from agency_client.vault.probes import real
from agency_client.vault.tables import HitRow, NoticeRow, PostingRow
from protocol.follow_ups import FollowUpState
from protocol.ids import HitId, SignalId


class Progress(StrEnum):
    """How far the agency is with a hit."""

    OPEN = "open"
    """Nobody acknowledged it yet."""
    BEGUN = "begun"
    """Somebody is at it; no outcome yet."""
    CLOSED = "closed"
    GONE = "gone"
    """The other side took its signal back."""
    ASIDE = "aside"
    """There is nothing to follow up: a touched canary."""


@dataclass(frozen=True, slots=True)
class ListedHit:
    """A hit, and how far we are with it."""

    kept: KeptHit
    follow_up: FollowUp | None


_BEGUN: Final = (FollowUpState.ACKNOWLEDGED, FollowUpState.CONTACTED)
_OF_A_HIT: Final = ("withdrawn", "late", "doubted")
"""Types of notice that are about a hit that was told before, once, at a moment that its row names."""
_ON_AND_OFF: Final = ("restricted", "lifted")
"""Types that may come again and again; there are few, and only the newest are looked at."""
_LOOKED_AT: Final = 200
_WAITING: Final = (PostingState.WAITING, PostingState.OFFERED)


class HitLists:
    """Lists of hits."""

    def __init__(self, database: Database, hits: Hits, follow_ups: FollowUps) -> None:
        self._database = database
        self._hits = hits
        self._follow_ups = follow_ups

    def page(self, progress: Progress, limit: int, offset: int = 0) -> list[ListedHit]:
        """Return hits without those of probes: open ones by deadline, others with the newest first."""
        order: list[Any] = [col(HitRow.seq).desc()]
        if progress is Progress.OPEN:
            order.insert(0, col(FollowUpRow.due_at))
        with self._database.reading() as session:
            found = session.exec(
                select(HitRow.id)
                .join(FollowUpRow, col(FollowUpRow.hit) == col(HitRow.id), isouter=True)
                .where(real(HitRow.signal), _where(progress))
                .order_by(*order)
                .offset(offset)
                .limit(limit)
            ).all()
        return self.of([HitId(UUID(one)) for one in found])

    def of(self, hits: Sequence[HitId]) -> list[ListedHit]:
        """Return these hits, in this order."""
        kept, followed = self._hits.several(hits), self._follow_ups.several(hits)
        return [ListedHit(kept[hit], followed.get(hit)) for hit in hits if hit in kept]

    def of_signal(self, signal: SignalId, limit: int) -> list[ListedHit]:
        """Return the newest hits with one of our signals."""
        with self._database.reading() as session:
            found = session.exec(
                select(HitRow.id).where(HitRow.signal == str(signal)).order_by(col(HitRow.seq).desc()).limit(limit)
            ).all()
        return self.of([HitId(UUID(one)) for one in found])

    def counts(self) -> Mapping[Progress, int]:
        """Return how many hits there are of each progress, without those of probes."""
        with self._database.reading() as session:
            rows = session.exec(
                select(HitRow.state, FollowUpRow.state, func.count())
                .join(FollowUpRow, col(FollowUpRow.hit) == col(HitRow.id), isouter=True)
                .where(real(HitRow.signal))
                .group_by(HitRow.state, FollowUpRow.state)
            ).all()
        found = dict.fromkeys(Progress, 0)
        for state, step, count in rows:
            found[_progress(state, step)] += count
        return found

    def notices(self, hit: HitId, moments: Collection[str]) -> list[str]:
        """Return the numbers of the later notices about a hit, told at these moments, as receipts name them."""
        told = and_(col(NoticeRow.type).in_(_OF_A_HIT), col(NoticeRow.at).in_(sorted(moments)))
        with self._database.reading() as session:
            rows = session.exec(
                select(NoticeRow.seq, NoticeRow.notice)
                .where(or_(told, col(NoticeRow.type).in_(_ON_AND_OFF)))
                .order_by(col(NoticeRow.seq).desc())
                .limit(_LOOKED_AT)
            ).all()
        return [
            str(seq)
            for seq, sealed in rows
            if sealed is not None
            and json.loads(self._database.open(sealed, "notice", str(seq))).get("hitId") == str(hit)
        ]

    def waiting(self, hit: HitId) -> list[str]:
        """Return the kinds of act on a hit that wait in the outbox, in the order in which they are sent."""
        with self._database.reading() as session:
            rows = session.exec(
                select(PostingRow.kind)
                .where(PostingRow.about == str(hit), col(PostingRow.state).in_(_WAITING))
                .order_by(col(PostingRow.number))
            ).all()
        return list(rows)


def _progress(state: str, step: str | None) -> Progress:
    if step == FollowUpState.CLOSED:
        return Progress.CLOSED
    if state == HitState.WITHDRAWN:
        return Progress.GONE
    if step is None:
        return Progress.ASIDE
    return Progress.BEGUN if step in _BEGUN else Progress.OPEN


def _where(progress: Progress) -> ColumnElement[bool]:
    stands = col(HitRow.state) != HitState.WITHDRAWN
    closed = col(FollowUpRow.state) == FollowUpState.CLOSED
    if progress is Progress.CLOSED:
        return closed
    if progress is Progress.GONE:
        return and_(~stands, func.coalesce(col(FollowUpRow.state), "") != FollowUpState.CLOSED)
    if progress is Progress.ASIDE:
        return and_(stands, col(FollowUpRow.state).is_(None))
    wanted = _BEGUN if progress is Progress.BEGUN else (FollowUpState.OPEN,)
    return and_(stands, col(FollowUpRow.state).in_(wanted))
