# SPDX-License-Identifier: EUPL-1.2
"""The hits and notices that were verified. Nothing else is ever put here, so nothing else can be shown.

Not here: the verifying (``inbox.py``).
"""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from sqlmodel import col, func, select

from agency_client.vault.database import Database
from agency_client.vault.evidence import Receipt, put_receipts
from agency_client.vault.tables import HitRow, NoticeRow
from protocol.encoding import format_time
from protocol.errors import Code, NotFoundError
from protocol.ids import HitId
from protocol.messages import HitNotice, MutedNotice, WithdrawnNotice, parse


class HitState(StrEnum):
    """``withdrawn``: the other side's signal is gone, and what it released is erased here."""

    LIVE = "live"
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
        """Return the number of the last notice that was verified, or 0."""
        with self._database.reading() as session:
            return session.exec(select(func.max(NoticeRow.seq))).one() or 0

    def digest_matches(self, seq: int, content: bytes) -> bool | None:
        """Return whether a notice number was seen with this content; None when it was not seen."""
        with self._database.reading() as session:
            row = session.get(NoticeRow, seq)
        return None if row is None else row.digest == self._database.keyed_hash("notice", content)

    def put_hit(self, notice: HitNotice, content: bytes, receipt: Receipt) -> None:
        """Keep a verified hit."""
        with self._database.writing() as session:
            session.add(self._row(notice, content))
            session.merge(
                HitRow(
                    id=str(notice.hit_id),
                    seq=notice.seq,
                    signal=str(notice.my_signal),
                    purpose=notice.purpose,
                    state=HitState.LIVE,
                    told_at=format_time(notice.at),
                    notice=self._database.seal(notice.to_json(), "hit", str(notice.hit_id)),
                )
            )
            put_receipts(session, self._database, [receipt])

    def put_withdrawn(self, notice: WithdrawnNotice, content: bytes, receipt: Receipt) -> None:
        """Mark a hit as withdrawn and erase the sealed parts and wraps that it released."""
        with self._database.writing() as session:
            session.add(self._row(notice, content))
            row = session.get(HitRow, str(notice.hit_id))
            if row is not None and row.notice is not None:
                told = parse(HitNotice, self._database.open(row.notice, "hit", row.id))
                bare = told.model_copy(
                    update={
                        "counterpart": None
                        if told.counterpart is None
                        else told.counterpart.model_copy(update={"parts": (), "wraps": ()})
                    }
                )
                row.notice = self._database.seal(bare.to_json(), "hit", row.id)
                row.state, row.withdrawn_at = HitState.WITHDRAWN, format_time(notice.at)
            put_receipts(session, self._database, [receipt])

    def put_muted(self, notice: MutedNotice, content: bytes, receipt: Receipt) -> None:
        """Keep a verified word that one of our keys no longer matches."""
        with self._database.writing() as session:
            session.add(self._row(notice, content))
            put_receipts(session, self._database, [receipt])

    def _row(self, notice: HitNotice | WithdrawnNotice | MutedNotice, content: bytes) -> NoticeRow:
        kept = None
        if isinstance(notice, MutedNotice):
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

    def all(self) -> list[KeptHit]:
        """Return the hits in the order in which they were told."""
        with self._database.reading() as session:
            rows = session.exec(select(HitRow).order_by(col(HitRow.seq))).all()
        return [self._kept(row) for row in rows]

    def muted(self) -> list[MutedNotice]:
        """Return the verified words about muted keys, oldest first."""
        with self._database.reading() as session:
            rows = session.exec(select(NoticeRow).where(NoticeRow.type == "muted").order_by(col(NoticeRow.seq))).all()
        return [
            parse(MutedNotice, self._database.open(row.notice, "notice", str(row.seq))) for row in rows if row.notice
        ]

    def starting_with(self, text: str) -> list[HitId]:
        """Return the hits whose id starts with what the user typed."""
        with self._database.reading() as session:
            rows = session.exec(select(HitRow.id).where(col(HitRow.id).startswith(text, autoescape=True))).all()
        return [HitId(UUID(row)) for row in rows]

    def _kept(self, row: HitRow) -> KeptHit:
        if row.notice is None:
            raise ValueError("a hit without its notice")
        notice = parse(HitNotice, self._database.open(row.notice, "hit", row.id))
        return KeptHit(notice, HitState(row.state), row.opened_at, row.withdrawn_at)
