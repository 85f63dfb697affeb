# SPDX-License-Identifier: EUPL-1.2
"""Erase from the vault what is over: drafts, envelope keys, what hits released, what notices said.

What stays of a signal is its id, purpose, state, dates and keyed hashes, so that the same record is recognised, and the
receipts, which prove what was done. Overwritten in the file (``secure_delete``) and gone from its journal (a truncating
checkpoint); a disk that moves blocks around, and backups, are outside its reach (``docs/data-life.md``). Not here: when
something is over (``agency_client/retention.py``).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from sqlmodel import Session, col, delete, or_, select, update
from sqlmodel.sql.expression import SelectOfScalar

from agency_client.draft import Draft, DraftKey
from agency_client.states import SignalState
from agency_client.vault.asked import forget_asked
from agency_client.vault.database import Database
from agency_client.vault.disclosure_tables import DisclosureChunkRow, DisclosureContentRow, DisclosureRow
from agency_client.vault.follow_up_tables import FollowUpRow
from agency_client.vault.hits import HitState
from agency_client.vault.registration_tables import RegistrationRow
from agency_client.vault.retention_tables import EndedRow
from agency_client.vault.reviews import forget_reviews
from agency_client.vault.search_terms import forget_terms
from agency_client.vault.senders import forget_senders
from agency_client.vault.tables import HitRow, NoticeRow, SignalRow
from agency_client.vault.typed_records import forget_typed
from protocol.encoding import format_time, parse_time
from protocol.ids import PurposeId

CHUNK: Final = 200
"""Signals erased in one transaction: short, so that nobody who writes waits for it."""
ERASED: Final = ""
"""The reference of a record whose draft was erased."""
_KEPT_TYPES: Final = ("refused", "erased")
"""Notices of which nothing is kept but their number and type."""


@dataclass(frozen=True, slots=True)
class Ended:
    """A signal that ended and whose content is still here."""

    signal: str
    purpose: PurposeId
    ended_at: datetime


class Retention:
    """The shelf of what is over."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def note_ended(self, now: datetime) -> int:
        """Write which signals ended since the last look; returns how many."""
        moment = format_time(now)
        is_over = or_(
            col(SignalRow.state).in_((SignalState.WITHDRAWN, SignalState.REFUSED)),
            (col(SignalRow.state) == SignalState.ACCEPTED) & (col(SignalRow.expires_at) <= moment),
        )
        with self._database.writing() as session:
            # An extension that was on its way when the time was over makes it stand again.
            stands = select(SignalRow.id).where(~is_over)
            session.connection().execute(
                delete(EndedRow).where(col(EndedRow.signal).in_(stands), col(EndedRow.erased_at).is_(None))
            )
            rows = session.exec(
                select(SignalRow.id, SignalRow.purpose, SignalRow.expires_at).where(
                    is_over, col(SignalRow.id).not_in(select(EndedRow.signal))
                )
            ).all()
            for signal, purpose, expires_at in rows:
                # What expired while nobody looked ended then; when a withdrawal was proven no column says.
                session.add(EndedRow(signal=signal, purpose=purpose, ended_at=min(moment, expires_at)))
        return len(rows)

    def ended(self) -> list[Ended]:
        """Return the signals that ended and whose content is still here, oldest first."""
        with self._database.reading() as session:
            rows = session.exec(
                select(EndedRow).where(col(EndedRow.erased_at).is_(None)).order_by(col(EndedRow.ended_at))
            ).all()
        return [Ended(row.signal, PurposeId(row.purpose), parse_time(row.ended_at)) for row in rows]

    def erase(self, signals: Sequence[str], now: datetime) -> None:
        """Erase the content of signals and of all hits with them."""
        for start in range(0, len(signals), CHUNK):
            chunk = signals[start : start + CHUNK]
            with self._database.writing() as session:
                for row in session.exec(select(SignalRow).where(col(SignalRow.id).in_(chunk))).all():
                    row.draft = self._bare(row)
                    row.envelope_keys = None
                session.connection().execute(delete(RegistrationRow).where(col(RegistrationRow.signal).in_(chunk)))
                _forget_hits(session, select(HitRow.id).where(col(HitRow.signal).in_(chunk)))
                forget_terms(session, chunk)
                forget_reviews(session, chunk)
                forget_senders(session, chunk)
                forget_typed(session, chunk)
                session.connection().execute(
                    update(EndedRow).where(col(EndedRow.signal).in_(chunk)).values(erased_at=format_time(now))
                )

    def _bare(self, row: SignalRow) -> bytes:
        held = Draft.from_bytes(self._database.open(row.draft, "draft", row.id))
        bare = replace(
            held,
            reference=ERASED,
            case_reference=ERASED,
            keys=tuple(DraftKey(key.kind, key.role, "") for key in held.keys),
            parts={},
            review_on=None,
        )
        return self._database.seal(bare.to_bytes(), "draft", row.id)

    def erase_withdrawn(self, purpose: PurposeId, before: datetime) -> int:
        """Erase the hits of a purpose whose other side withdrew before a moment."""
        with self._database.writing() as session:
            return _forget_hits(
                session,
                select(HitRow.id).where(
                    col(HitRow.purpose) == purpose,
                    col(HitRow.state) == HitState.WITHDRAWN,
                    col(HitRow.withdrawn_at) < format_time(before),
                ),
            )

    def erase_notices(self, before: datetime) -> int:
        """Erase what notices said that were given before a moment; their numbers and keyed hashes stay."""
        with self._database.writing() as session:
            done = session.connection().execute(
                update(NoticeRow)
                .where(
                    col(NoticeRow.at) < format_time(before),
                    col(NoticeRow.notice).is_not(None),
                    col(NoticeRow.type).not_in(_KEPT_TYPES),
                )
                .values(notice=None)
            )
            forget_asked(session)
            return done.rowcount

    def settle(self) -> None:
        """Move what was written into the file and empty its journal, which has old pages until then."""
        self._database.checkpoint()


def _forget_hits(session: Session, which: SelectOfScalar[str]) -> int:
    """Erase hits, how they were followed up, and all that was asked and given about them; returns how many."""
    hits = list(session.exec(which).all())
    for start in range(0, len(hits), CHUNK):
        chunk = hits[start : start + CHUNK]
        asked = select(DisclosureRow.id).where(col(DisclosureRow.hit).in_(chunk))
        for statement in (
            delete(DisclosureContentRow).where(col(DisclosureContentRow.disclosure).in_(asked)),
            delete(DisclosureChunkRow).where(col(DisclosureChunkRow.disclosure).in_(asked)),
            delete(DisclosureRow).where(col(DisclosureRow.hit).in_(chunk)),
            delete(FollowUpRow).where(col(FollowUpRow.hit).in_(chunk)),
            delete(HitRow).where(col(HitRow.id).in_(chunk)),
        ):
            session.connection().execute(statement)
    return len(hits)
