# SPDX-License-Identifier: EUPL-1.2
"""Changes of own signals as the log proves them, and which agencies that were told carried each out.

Recipients are known here only by own hits: of an agency that was told of our signal while we were not, nothing is
known, and nothing may be. Not here: the acts (``agency_client/changing.py``).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from sqlmodel import Session, col, func, select

from agency_client.vault.change_tables import ChangeRow, ChangeSeenRow
from agency_client.vault.database import Database
from agency_client.vault.evidence import put_receipts
from agency_client.vault.hits import Hits
from agency_client.vault.outbox import CORRECTED, Outbox
from agency_client.vault.tables import HitRow, SignalRow
from agency_client.verified import Receipt
from protocol.encoding import format_time, parse_time
from protocol.ids import HitId, PartyId, SignalId

PAGE: Final = 50


class ChangeKind(StrEnum):
    """What was changed. ``corrected``: another signal took its place."""

    WITHDRAWN = "withdrawn"
    CORRECTED = "corrected"
    RESTRICTED = "restricted"
    LIFTED = "lifted"
    EXTENDED = "extended"


_ANSWERED: Final = {
    ChangeKind.WITHDRAWN: "withdrawn",
    ChangeKind.CORRECTED: "withdrawn",
    ChangeKind.RESTRICTED: "restricted",
}
"""Kinds of change that recipients carry out and answer, by what they call them."""


@dataclass(frozen=True, slots=True)
class Recipient:
    """An agency that was told of the changed signal, as far as our own hit with it says who; and when it answered."""

    hit: HitId
    agency: PartyId | None
    acknowledged_at: datetime | None


@dataclass(frozen=True, slots=True)
class Change:
    """One change of a signal of ours."""

    number: int
    signal: SignalId
    kind: ChangeKind
    at: datetime
    reason: str = field(repr=False)
    recipients: tuple[Recipient, ...] = ()
    """Who has to carry it out; nobody for what takes nothing away."""

    @property
    def waits(self) -> bool:
        """Whether a recipient did not answer yet."""
        return any(one.acknowledged_at is None for one in self.recipients)


class Changes:
    """The shelf of changes."""

    def __init__(self, database: Database, outbox: Outbox, hits: Hits) -> None:
        self._database = database
        self._outbox = outbox
        self._hits = hits

    def note(self, signal: SignalId, kind: ChangeKind, reason: str, receipt: Receipt, at: datetime) -> None:
        """Write that the log proves a change."""
        with self._database.writing() as session:
            self._put(session, signal, kind, reason, receipt, at)

    def settle(
        self,
        number: int,
        signal: SignalId,
        kind: ChangeKind,
        reason: str,
        receipt: Receipt,
        at: datetime,
        expires_at: datetime | None = None,
    ) -> None:
        """Write that a request of the outbox is proven, and what it changed."""
        with self._database.writing() as session:
            self._outbox.done(session, number)
            self._put(session, signal, kind, reason, receipt, at)
            row = session.exec(select(SignalRow).where(SignalRow.id == str(signal))).first()
            if row is not None and expires_at is not None:
                row.expires_at = format_time(expires_at)
            put_receipts(session, self._database, [receipt])

    def settle_seen(self, number: int, receipt: Receipt) -> None:
        """Write that the log proves that we carried out what we were told."""
        with self._database.writing() as session:
            self._outbox.done(session, number)
            put_receipts(session, self._database, [receipt])

    def made_before(self, signal: SignalId, answered: str, place: int) -> bool:
        """Say whether we made a change that recipients answer so, before this place of the log."""
        kinds = [kind for kind, said in _ANSWERED.items() if said == answered]
        with self._database.reading() as session:
            found = session.exec(
                select(ChangeRow.number).where(
                    ChangeRow.signal == str(signal), col(ChangeRow.kind).in_(kinds), ChangeRow.place < place
                )
            ).first()
        return found is not None

    def is_restricted(self, signal: SignalId) -> bool:
        """Say whether a signal of ours is restricted now."""
        with self._database.reading() as session:
            last = session.exec(
                select(ChangeRow.kind)
                .where(
                    ChangeRow.signal == str(signal),
                    col(ChangeRow.kind).in_([ChangeKind.RESTRICTED, ChangeKind.LIFTED]),
                )
                .order_by(col(ChangeRow.number).desc())
                .limit(1)
            ).first()
        return last == ChangeKind.RESTRICTED

    def extensions(self, signal: SignalId) -> int:
        """Return how often a signal of ours was extended."""
        with self._database.reading() as session:
            return session.exec(
                select(func.count())
                .select_from(ChangeRow)
                .where(ChangeRow.signal == str(signal), ChangeRow.kind == ChangeKind.EXTENDED)
            ).one()

    def of(self, signal: SignalId) -> list[Change]:
        """Return the changes of a signal, the newest first."""
        with self._database.reading() as session:
            rows = session.exec(
                select(ChangeRow).where(ChangeRow.signal == str(signal)).order_by(col(ChangeRow.number).desc())
            ).all()
            return [self._read(session, row) for row in rows]

    def page(self, limit: int = PAGE, before: Change | None = None) -> list[Change]:
        """Return changes, the newest first; ``before`` is the last of the page before this one."""
        chosen = [] if before is None else [col(ChangeRow.number) < before.number]
        with self._database.reading() as session:
            rows = session.exec(
                select(ChangeRow).where(*chosen).order_by(col(ChangeRow.number).desc()).limit(limit)
            ).all()
            return [self._read(session, row) for row in rows]

    def _put(
        self, session: Session, signal: SignalId, kind: ChangeKind, reason: str, receipt: Receipt, at: datetime
    ) -> None:
        row = ChangeRow(signal=str(signal), kind=kind, at=format_time(at), place=receipt.place, reason=b"")
        session.add(row)
        session.flush()
        row.reason = self._database.seal(reason.encode(), "change", str(row.number))

    def _read(self, session: Session, row: ChangeRow) -> Change:
        kind = ChangeKind(row.kind)
        return Change(
            number=row.number or 0,
            signal=SignalId(UUID(row.signal)),
            kind=kind,
            at=parse_time(row.at),
            reason=self._database.open(row.reason, "change", str(row.number)).decode(),
            recipients=self._recipients(session, row) if kind in _ANSWERED else (),
        )

    def _recipients(self, session: Session, row: ChangeRow) -> tuple[Recipient, ...]:
        hits = session.exec(
            select(HitRow).where(HitRow.signal == row.signal, HitRow.told_at <= row.at).order_by(col(HitRow.seq))
        ).all()
        seen = session.exec(
            select(ChangeSeenRow)
            .where(
                ChangeSeenRow.signal == row.signal,
                ChangeSeenRow.change == _ANSWERED[ChangeKind(row.kind)],
                ChangeSeenRow.at >= row.at,
            )
            .order_by(col(ChangeSeenRow.seq))
        ).all()
        # Who took its own signal back before was told nothing of ours any more.
        standing = [hit for hit in hits if hit.withdrawn_at is None or hit.withdrawn_at > row.at]
        return tuple(self._recipient(hit, seen) for hit in standing)

    def _recipient(self, hit: HitRow, seen: Sequence[ChangeSeenRow]) -> Recipient:
        counterpart = self._hits.get(HitId(UUID(hit.id))).notice.counterpart
        at = next((one.at for one in seen if one.hit == hit.id), None)
        return Recipient(
            HitId(UUID(hit.id)),
            None if counterpart is None else counterpart.agency,
            None if at is None else parse_time(at),
        )


def kind_of_withdrawal(reason: str) -> ChangeKind:
    """Return what a withdrawal is: of what another signal supersedes a correction."""
    return ChangeKind.CORRECTED if reason == CORRECTED else ChangeKind.WITHDRAWN
