# SPDX-License-Identifier: EUPL-1.2
"""The hits and notices that were verified. Nothing else is ever put here, so nothing else can be shown.

Not here: the verifying (``inbox.py``).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from sqlmodel import Session, col, func, select

from agency_client.vault.asked import put_asked
from agency_client.vault.change_tables import ChangeSeenRow
from agency_client.vault.database import Database
from agency_client.vault.disclosure_rows import DisclosureRows
from agency_client.vault.evidence import put_receipts
from agency_client.vault.follow_ups import begin, note
from agency_client.vault.probes import real
from agency_client.vault.tables import HitRow, NoticeRow, PostingRow, ProbeRow, ReceiptRow
from agency_client.verified import (
    VerifiedAcknowledged,
    VerifiedDisclosure,
    VerifiedDoubted,
    VerifiedErased,
    VerifiedHit,
    VerifiedLate,
    VerifiedLifted,
    VerifiedNotice,
    VerifiedOverdue,
    VerifiedPast,
    VerifiedRestricted,
    VerifiedUndelivered,
    VerifiedWithdrawal,
)
from protocol.encoding import format_time, parse_time
from protocol.errors import Code, NotFoundError, VerificationError
from protocol.ids import HitId, SignalId
from protocol.messages import parse
from protocol.notices import (
    AcknowledgedNotice,
    HitNotice,
    LiftedNotice,
    MutedNotice,
    Notice,
    OverdueNotice,
    QueriedNotice,
    RestrictedNotice,
    WithdrawnNotice,
)

REFUSED: Final = "refused"
"""The type of a notice row whose notice did not hold."""
_HIDING: Final[Mapping[str, type[WithdrawnNotice] | type[RestrictedNotice] | type[LiftedNotice]]] = {
    "withdrawn": WithdrawnNotice,
    "restricted": RestrictedNotice,
    "lifted": LiftedNotice,
}
_RELEASING: Final = ("contact", "content")
"""Levels at which a hit releases parts."""


class HitState(StrEnum):
    """``withdrawn``: the other side's signal is gone, and what it released is erased here; ``restricted``: it stays,
    and must not be shown meanwhile, so that it is erased here too; ``undelivered``: what its level releases has not
    come yet, or not again.
    """

    LIVE = "live"
    RESTRICTED = "restricted"
    UNDELIVERED = "undelivered"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class KeptHit:
    """A verified hit."""

    notice: HitNotice
    state: HitState
    opened_at: str | None
    withdrawn_at: str | None

    @property
    def id(self) -> HitId:
        """Return the hit's id."""
        return self.notice.hit_id


class Hits:
    """The shelf of hits and notices."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def last_seq(self) -> int:
        """Return the number of the last notice that was read, or 0."""
        with self._database.reading() as session:
            return session.exec(select(func.max(NoticeRow.seq))).one() or 0

    def digest_matches(self, seq: int, content: bytes) -> bool | None:
        """Return whether a notice number was seen with this content; None when it was not seen."""
        with self._database.reading() as session:
            row = session.get(NoticeRow, seq)
        return None if row is None else row.digest == self._database.keyed_hash("notice", content)

    def put(self, found: VerifiedNotice, content: bytes, now: datetime) -> None:
        """Keep a verified notice, and what it changes, in one transaction. ``content`` is what tells a repeat."""
        with self._database.writing() as session:
            if isinstance(found, VerifiedOverdue):
                _require_first(session, found)
            session.merge(self._row(found.notice, content))
            put_asked(session, self._database, found.notice)
            receipts = found.receipts if isinstance(found, VerifiedErased | VerifiedDisclosure) else (found.receipt,)
            if isinstance(found, VerifiedDisclosure):
                DisclosureRows(self._database).put_told(session, found.kept, found.told)
            put_receipts(session, self._database, receipts)
            if isinstance(found, VerifiedHit | VerifiedUndelivered) and found.due is not None:
                begin(session, found.notice, found.due)
            if isinstance(found, VerifiedLate | VerifiedDoubted):
                note(session, found.notice)
            if isinstance(found, VerifiedHit):
                self._put_hit(session, found.notice, HitState.LIVE, None)
            elif isinstance(found, VerifiedUndelivered):
                self._put_hit(session, found.notice, HitState.UNDELIVERED, now)
            elif isinstance(found, VerifiedPast):
                self._drop_undelivered(session, found.notice.hit_id)
            elif isinstance(found, VerifiedWithdrawal | VerifiedRestricted):
                self._put_hidden(session, found.notice)
            elif isinstance(found, VerifiedLifted):
                self._put_lifted(session, found.notice)
            elif isinstance(found, VerifiedAcknowledged):
                _put_seen(session, found.notice)
            elif isinstance(found, VerifiedErased):
                self._drop_erased(session, found.notice.seq)

    def put_refused(self, notice: Notice, content: bytes) -> None:
        """Keep only that this number was given something that did not hold; nothing of it is kept."""
        with self._database.writing() as session:
            row = self._row(notice, content)
            row.type, row.notice = REFUSED, None
            session.merge(row)

    def refused(self) -> list[int]:
        """Return the numbers whose notices did not hold, to ask for again."""
        with self._database.reading() as session:
            return list(session.exec(select(NoticeRow.seq).where(NoticeRow.type == REFUSED)).all())

    def _put_hit(self, session: Session, notice: HitNotice, state: HitState, missing_since: datetime | None) -> None:
        known = session.get(HitRow, str(notice.hit_id))
        if known is not None and known.seq != notice.seq:
            raise VerificationError(Code.NOTICE_REPLAYED, "The same hit was told under another number before.")
        if known is not None and (known.state != HitState.UNDELIVERED or state is HitState.UNDELIVERED):
            return
        row = HitRow(
            id=str(notice.hit_id),
            seq=notice.seq,
            signal=str(notice.my_signal),
            purpose=notice.purpose,
            state=state,
            told_at=format_time(notice.at),
            missing_since=None if missing_since is None else format_time(missing_since),
            notice=self._database.seal(notice.to_json(), "hit", str(notice.hit_id)),
        )
        if known is None:
            session.add(row)
        else:
            row.opened_at = known.opened_at
            row = session.merge(row)
        # A notice that did not hold at first can come after the one that ends it, or that hides it.
        hidden = None
        for later in self._later(session, notice.seq):
            if later.hit_id == notice.hit_id and not isinstance(hidden, WithdrawnNotice):
                hidden = None if isinstance(later, LiftedNotice) else later
        if hidden is not None:
            self._hide(row, hidden)

    @staticmethod
    def _drop_undelivered(session: Session, hit: HitId) -> None:
        # Our own signal ended before the parts came: they never will, and there is nobody to miss them.
        row = session.get(HitRow, str(hit))
        if row is not None and row.state == HitState.UNDELIVERED:
            session.delete(row)

    @staticmethod
    def _drop_erased(session: Session, seq: int) -> None:
        # What was told in part, and is erased now, is not delivered any more.
        row = session.exec(select(HitRow).where(HitRow.seq == seq, HitRow.state == HitState.UNDELIVERED)).first()
        if row is not None:
            session.delete(row)

    def _later(self, session: Session, after: int) -> list[WithdrawnNotice | RestrictedNotice | LiftedNotice]:
        rows = session.exec(
            select(NoticeRow)
            .where(col(NoticeRow.type).in_(_HIDING), col(NoticeRow.seq) > after)
            .order_by(col(NoticeRow.seq))
        ).all()
        return [
            parse(_HIDING[row.type], self._database.open(row.notice, "notice", str(row.seq)))
            for row in rows
            if row.notice
        ]

    def _put_hidden(self, session: Session, notice: WithdrawnNotice | RestrictedNotice) -> None:
        row = session.get(HitRow, str(notice.hit_id))
        if row is not None and row.state != HitState.WITHDRAWN:
            self._hide(row, notice)

    def _hide(self, row: HitRow, notice: WithdrawnNotice | RestrictedNotice) -> None:
        told = parse(HitNotice, self._database.open(row.notice, "hit", row.id))
        other = told.counterpart
        bare = None if other is None else other.model_copy(update={"parts": (), "wraps": ()})
        told = told.model_copy(update={"counterpart": bare})
        row.notice = self._database.seal(told.to_json(), "hit", row.id)
        row.missing_since = None
        if isinstance(notice, WithdrawnNotice):
            row.state, row.withdrawn_at = HitState.WITHDRAWN, format_time(notice.at)
        else:
            row.state = HitState.RESTRICTED

    def _put_lifted(self, session: Session, notice: LiftedNotice) -> None:
        row = session.get(HitRow, str(notice.hit_id))
        if row is None or row.state != HitState.RESTRICTED:
            return
        told = parse(HitNotice, self._database.open(row.notice, "hit", row.id))
        releases = told.level in _RELEASING and told.counterpart is not None and told.counterpart.part_digests
        # What was erased here when it was restricted is asked for again, like what did not come at first.
        row.state = HitState.UNDELIVERED if releases else HitState.LIVE
        row.missing_since = format_time(notice.at) if releases else None

    def is_restricted(self, hit: HitId) -> bool:
        """Return whether what a hit released may not be shown now, since its counterpart restricted its signal."""
        with self._database.reading() as session:
            row = session.get(HitRow, str(hit))
        return row is not None and row.state == HitState.RESTRICTED

    def undelivered(self) -> list[tuple[int, datetime]]:
        """Return the numbers of the hits whose parts did not come, and since when they are missed."""
        with self._database.reading() as session:
            rows = session.exec(
                select(HitRow).where(HitRow.state == HitState.UNDELIVERED).order_by(col(HitRow.seq))
            ).all()
        return [(row.seq, parse_time(row.missing_since or row.told_at)) for row in rows]

    def taken_back(self, signal: SignalId) -> bool:
        """Return whether a withdrawal of our own signal waits or is done: the broker may have forgotten its keys."""
        with self._database.reading() as session:
            asked = session.exec(
                select(PostingRow.number).where(
                    PostingRow.kind == "withdrawal", PostingRow.about == str(signal), PostingRow.state != "failed"
                )
            ).first()
        return asked is not None

    def _row(self, notice: Notice, content: bytes) -> NoticeRow:
        kept = None
        if not isinstance(notice, HitNotice):
            kept = self._database.seal(notice.to_json(), "notice", str(notice.seq))
        return NoticeRow(
            seq=notice.seq,
            type=notice.type,
            at=format_time(notice.at),
            digest=self._database.keyed_hash("notice", content),
            notice=kept,
        )

    def get(self, hit: HitId) -> KeptHit:
        """Return one hit; raises ``NotFoundError``."""
        with self._database.reading() as session:
            row = session.get(HitRow, str(hit))
        if row is None:
            raise NotFoundError(Code.NOT_FOUND, "There is no such hit.", hint="sluis agency inbox lists them.")
        return self._kept(row)

    def several(self, hits: Sequence[HitId]) -> dict[HitId, KeptHit]:
        """Return those of these hits that there are, in one statement."""
        with self._database.reading() as session:
            rows = session.exec(select(HitRow).where(col(HitRow.id).in_([str(hit) for hit in hits]))).all()
        return {kept.id: kept for kept in map(self._kept, rows)}

    def all(self) -> list[KeptHit]:
        """Return the hits in the order in which they were told, without those of probes."""
        with self._database.reading() as session:
            rows = session.exec(select(HitRow).where(real(HitRow.signal)).order_by(col(HitRow.seq))).all()
        return [self._kept(row) for row in rows]

    def muted(self) -> list[MutedNotice]:
        """Return the verified words about muted keys, oldest first."""
        with self._database.reading() as session:
            rows = session.exec(select(NoticeRow).where(NoticeRow.type == "muted").order_by(col(NoticeRow.seq))).all()
        return [
            parse(MutedNotice, self._database.open(row.notice, "notice", str(row.seq))) for row in rows if row.notice
        ]

    def erased(self) -> list[int]:
        """Return the numbers of the notices that were erased from the log before they were read."""
        with self._database.reading() as session:
            rows = session.exec(select(NoticeRow.seq).where(NoticeRow.type == "erased").order_by(col(NoticeRow.seq)))
            return list(rows.all())

    def overdue(self) -> list[OverdueNotice]:
        """Return the verified words about counterparts that stay away, oldest first."""
        with self._database.reading() as session:
            rows = session.exec(select(NoticeRow).where(NoticeRow.type == "overdue").order_by(col(NoticeRow.seq))).all()
            probes = _probes(session)
        told = [
            parse(OverdueNotice, self._database.open(row.notice, "notice", str(row.seq))) for row in rows if row.notice
        ]
        return [notice for notice in told if str(notice.my_signal) not in probes]

    def of_signal(self, signal: SignalId) -> list[KeptHit]:
        """Return the hits with one of our signals."""
        with self._database.reading() as session:
            rows = session.exec(select(HitRow).where(HitRow.signal == str(signal)).order_by(col(HitRow.seq))).all()
        return [self._kept(row) for row in rows]

    def queried(self) -> list[QueriedNotice]:
        """Return the verified words about who asked about our people, oldest first."""
        with self._database.reading() as session:
            rows = session.exec(select(NoticeRow).where(NoticeRow.type == "queried").order_by(col(NoticeRow.seq))).all()
            probes = _probes(session)
        told = [
            parse(QueriedNotice, self._database.open(row.notice, "notice", str(row.seq))) for row in rows if row.notice
        ]
        return [notice for notice in told if str(notice.my_signal) not in probes]

    def starting_with(self, text: str) -> list[HitId]:
        """Return the hits whose id starts with what the user typed."""
        with self._database.reading() as session:
            rows = session.exec(
                select(HitRow.id).where(col(HitRow.id).startswith(text, autoescape=True), real(HitRow.signal))
            ).all()
        return [HitId(UUID(row)) for row in rows]

    def _kept(self, row: HitRow) -> KeptHit:
        notice = parse(HitNotice, self._database.open(row.notice, "hit", row.id))
        return KeptHit(notice, HitState(row.state), row.opened_at, row.withdrawn_at)


def _put_seen(session: Session, notice: AcknowledgedNotice) -> None:
    session.merge(
        ChangeSeenRow(
            seq=notice.seq,
            hit=str(notice.hit_id),
            signal=str(notice.my_signal),
            change=notice.change,
            at=format_time(notice.at),
        )
    )


def _probes(session: Session) -> frozenset[str]:
    return frozenset(row for row in session.exec(select(ProbeRow.signal)).all() if row is not None)


def _require_first(session: Session, found: VerifiedOverdue) -> None:
    # The receipts of these are kept under the signal: silence is told once, so another place is another telling.
    known = session.exec(
        select(ReceiptRow.place).where(
            ReceiptRow.kind == found.receipt.kind,
            ReceiptRow.about == found.receipt.about,
            ReceiptRow.place != found.receipt.place,
        )
    ).first()
    if known is not None:
        raise VerificationError(Code.NOTICE_REPLAYED, "The same silence was told under another number before.")
