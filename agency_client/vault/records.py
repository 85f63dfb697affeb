# SPDX-License-Identifier: EUPL-1.2
"""Whose record is whose, and the records that a system withdraws: the wish is kept until it is carried out.

A wish to withdraw outlives kills and outages: what was not sent is withdrawn at once, what stands gets a withdrawal in
the outbox, what is on its way waits for its answer. Not here: the signals themselves (``signals.py``).
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from sqlmodel import Session, col, or_, select, update

from agency_client.states import SignalState, Step
from agency_client.vault.database import Database
from agency_client.vault.outbox import Outbox, withdrawal
from agency_client.vault.pending import PendingSignals
from agency_client.vault.record_tables import RecordRow
from agency_client.vault.signals import Kept, Signals
from agency_client.vault.tables import HitRow, PostingRow, SignalRow
from protocol.encoding import format_time, lp
from protocol.ids import HitId, PurposeId, SignalId

CORRECTED: Final = "corrected"
"""Why the signal of a record that moved to another purpose is withdrawn."""
SETTLED_AT_ONCE: Final = 200
"""Wishes carried out in one transaction: so that no other writer waits long."""
_ASKED: Final = 500
_ON_ITS_WAY: Final = frozenset({SignalState.READY, SignalState.SENT})
_OVER: Final = frozenset({SignalState.REFUSED, SignalState.WITHDRAWN})


class RecordState(StrEnum):
    """Where a record of a system is."""

    LIVE = "live"
    ENDING = "ending"
    """Its system withdrew it; a signal of it is still on its way."""
    WITHDRAWING = "withdrawing"
    """The withdrawal is in the outbox."""
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Key:
    """A record of a system for a purpose."""

    purpose: PurposeId
    reference: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class KeptRecord:
    """What stands of a record."""

    system: str
    state: RecordState
    signals: tuple[Kept, ...]
    """Newest first."""


class Records:
    """The shelf of records."""

    def __init__(self, database: Database, signals: Signals, pending: PendingSignals, outbox: Outbox) -> None:
        self._database = database
        self._signals = signals
        self._pending = pending
        self._outbox = outbox

    def own(self, reference: str) -> bytes:
        """Return the keyed hash of a reference."""
        return self._database.keyed_hash("own-record", lp(reference))

    def owner(self, reference: str) -> str | None:
        """Return the system that gave a record last, or None when none did."""
        with self._database.reading() as session:
            return session.exec(select(RecordRow.system).where(RecordRow.own == self.own(reference))).first()

    def others(self, system: str, references: Collection[str]) -> frozenset[str]:
        """Return which of these records another system gave last."""
        by_own = {self.own(reference): reference for reference in references}
        found: set[str] = set()
        wanted = sorted(by_own)
        for start in range(0, len(wanted), _ASKED):
            with self._database.reading() as session:
                rows = session.exec(
                    select(RecordRow.own).where(
                        col(RecordRow.own).in_(wanted[start : start + _ASKED]), RecordRow.system != system
                    )
                ).all()
            found |= {by_own[own] for own in rows}
        return frozenset(found)

    def get(self, reference: str) -> KeptRecord | None:
        """Return what stands of a record of a system, all its purposes together."""
        with self._database.reading() as session:
            rows = session.exec(select(RecordRow).where(RecordRow.own == self.own(reference))).all()
        if not rows:
            return None
        states = [RecordState(row.state) for row in rows]
        order = (RecordState.LIVE, RecordState.ENDING, RecordState.WITHDRAWING, RecordState.ENDED)
        return KeptRecord(rows[0].system, min(states, key=order.index), tuple(self._signals.find(reference)))

    def given_again(self, keys: Collection[Key], now: datetime, person: Callable[[str], str]) -> frozenset[Key]:
        """Return those that their system withdrew before. Of these nothing stands after this but what is on its way."""
        by_hash = {self._signals.record_key(key.purpose, key.reference): key for key in keys}
        found: set[Key] = set()
        with self._database.together(), self._database.writing() as session:
            for row in _rows(session, by_hash):
                if row.state == RecordState.LIVE:
                    continue
                if row.state == RecordState.ENDING:
                    self._carry_out(session, row, now, person)
                found.add(by_hash[row.record])
        return frozenset(found)

    def note(self, system: str, keys: Collection[Key], now: datetime) -> None:
        """Keep that a system gave these records: they are live, and its own from now on."""
        by_hash = {self._signals.record_key(key.purpose, key.reference): key for key in keys}
        with self._database.writing() as session:
            known = {row.record: row for row in _rows(session, by_hash)}
            for record, key in by_hash.items():
                row = known.get(record)
                if row is None:
                    row = RecordRow(record=record, own=self.own(key.reference), system="", state="", changed_at="")
                    session.add(row)
                if (row.system, row.state) != (system, RecordState.LIVE):
                    row.system, row.state, row.reason = system, RecordState.LIVE, None
                    row.changed_at = format_time(now)

    def end(self, system: str, reference: str, reason: str, purposes: Collection[PurposeId], now: datetime) -> bool:
        """Write the wish to withdraw a record, for all purposes; returns whether anything stood.

        ``purposes`` are those of the covenant: the record may have come by hand before its system gave it.
        """
        records = {self._signals.record_key(purpose, reference) for purpose in purposes}
        with self._database.writing() as session:
            rows = {row.record: row for row in self._of_own(session, [self.own(reference)])}
            stood = False
            for row in rows.values():
                if row.state == RecordState.LIVE:
                    row.state, row.reason, row.changed_at = RecordState.ENDING, reason, format_time(now)
                    stood = True
            by_hand = sorted(records - set(rows))
            standing = session.exec(
                select(SignalRow.record).where(col(SignalRow.record).in_(by_hand), col(SignalRow.state).not_in(_OVER))
            ).all()
            for record in set(standing):
                session.add(
                    RecordRow(
                        record=record,
                        own=self.own(reference),
                        system=system,
                        state=RecordState.ENDING,
                        reason=reason,
                        changed_at=format_time(now),
                    )
                )
        return stood or bool(standing)

    def move(self, purposes: Mapping[str, PurposeId], now: datetime) -> None:
        """Write the wish to withdraw what these records, by reference, stand for beside the purpose that is named."""
        owns = {self.own(reference): (reference, purpose) for reference, purpose in purposes.items()}
        with self._database.writing() as session:
            for row in self._of_own(session, list(owns)):
                reference, purpose = owns[row.own]
                if row.state == RecordState.LIVE and row.record != self._signals.record_key(purpose, reference):
                    row.state, row.reason, row.changed_at = RecordState.ENDING, CORRECTED, format_time(now)

    @staticmethod
    def _of_own(session: Session, owns: Sequence[bytes]) -> list[RecordRow]:
        found: list[RecordRow] = []
        for start in range(0, len(owns), _ASKED):
            found += session.exec(select(RecordRow).where(col(RecordRow.own).in_(owns[start : start + _ASKED]))).all()
        return found

    def carry_out(self, now: datetime, person: Callable[[str], str]) -> int:
        """Carry out wishes as far as can be now; returns how many postings wait in the outbox because of it.

        ``person`` gives the opaque reference under which a system stands in the log.
        """
        self._close_withdrawn(now)
        on_its_way = select(SignalRow.record).where(col(SignalRow.state).in_(_ON_ITS_WAY))
        unsent = select(SignalRow.record).where(SignalRow.state == SignalState.NEW)
        with self._database.reading() as session:
            waiting = session.exec(
                select(RecordRow.record).where(
                    RecordRow.state == RecordState.ENDING,
                    or_(col(RecordRow.record).not_in(on_its_way), col(RecordRow.record).in_(unsent)),
                )
            ).all()
        posted = 0
        for start in range(0, len(waiting), SETTLED_AT_ONCE):
            with self._database.together(), self._database.writing() as session:
                for row in _rows(session, waiting[start : start + SETTLED_AT_ONCE]):
                    posted += self._carry_out(session, row, now, person)
        return posted

    def _close_withdrawn(self, now: datetime) -> None:
        """Write that records are over whose signals all ended. One statement, since it is asked every few seconds."""
        standing = select(SignalRow.record).where(
            col(SignalRow.state).not_in(_OVER), col(SignalRow.expires_at) > format_time(now)
        )
        over = [col(RecordRow.state) == RecordState.WITHDRAWING, col(RecordRow.record).not_in(standing)]
        with self._database.reading() as session:
            found = session.exec(select(RecordRow.record).where(*over).limit(1)).first()
        if found is not None:
            with self._database.writing() as session:
                session.connection().execute(
                    update(RecordRow).where(*over).values(state=RecordState.ENDED, changed_at=format_time(now))
                )

    def carry_out_of(self, references: Sequence[str], now: datetime, person: Callable[[str], str]) -> None:
        """Carry out the wishes for these records as far as can be now."""
        owns = [self.own(reference) for reference in references]
        with self._database.together(), self._database.writing() as session:
            for row in self._of_own(session, owns):
                self._carry_out(session, row, now, person)

    def _carry_out(self, session: Session, row: RecordRow, now: datetime, person: Callable[[str], str]) -> int:
        if row.state != RecordState.ENDING:
            return 0
        posted, left = 0, set[SignalState]()
        for signal in _standing(session, row.record):
            state = SignalState(signal.state)
            if state is SignalState.NEW:
                self._pending.step(session, [SignalId(UUID(signal.id))], Step.WITHDRAW)
            elif state in _ON_ITS_WAY:
                left.add(state)
            elif signal.expires_at > format_time(now) and not _refused(session, signal.id):
                left.add(state)
                posted += self._post(session, row, SignalId(UUID(signal.id)), now, person)
        if left & _ON_ITS_WAY:
            row.state = RecordState.ENDING
        else:
            row.state = RecordState.WITHDRAWING if left else RecordState.ENDED
        session.flush()
        return posted

    def _post(
        self, session: Session, row: RecordRow, signal: SignalId, now: datetime, person: Callable[[str], str]
    ) -> int:
        open_one = session.exec(
            select(PostingRow.number).where(PostingRow.kind == "withdrawal", PostingRow.about == str(signal))
        ).first()
        if open_one is not None:
            return 0
        # In the same transaction, since all of this is done within ``together``.
        self._outbox.put(withdrawal(signal, row.reason or CORRECTED, person(row.system)), now)
        return 1

    def hits_of(self, system: str, after: int, limit: int) -> Sequence[HitId]:
        """Return the next hits of a system's own records, in the order in which they were told."""
        with self._database.reading() as session:
            rows = session.exec(
                select(HitRow.id)
                .join(SignalRow, col(SignalRow.id) == col(HitRow.signal))
                .join(RecordRow, col(RecordRow.record) == col(SignalRow.record))
                .where(RecordRow.system == system, col(HitRow.seq) > after)
                .order_by(col(HitRow.seq))
                .limit(limit)
            ).all()
        return [HitId(UUID(row)) for row in rows]

    def has_hit(self, system: str, hit: HitId) -> bool:
        """Return whether a hit is of a record of this system."""
        with self._database.reading() as session:
            found = session.exec(
                select(HitRow.id)
                .join(SignalRow, col(SignalRow.id) == col(HitRow.signal))
                .join(RecordRow, col(RecordRow.record) == col(SignalRow.record))
                .where(RecordRow.system == system, HitRow.id == str(hit))
            ).first()
        return found is not None

    def prune(self) -> int:
        """Forget records of which no signal is left here; returns how many. Given again, each is a new one."""
        with self._database.writing() as session:
            gone = session.exec(select(RecordRow).where(col(RecordRow.record).not_in(select(SignalRow.record)))).all()
            for row in gone:
                session.delete(row)
        return len(gone)

    def hand_over(self, old: str, new: str) -> None:
        """Give all records of one system to another, as when a connector was renamed."""
        with self._database.writing() as session:
            session.connection().execute(update(RecordRow).where(col(RecordRow.system) == old).values(system=new))


def _rows(session: Session, records: Collection[bytes]) -> list[RecordRow]:
    found: list[RecordRow] = []
    wanted = sorted(records)
    for start in range(0, len(wanted), _ASKED):
        found += session.exec(select(RecordRow).where(col(RecordRow.record).in_(wanted[start : start + _ASKED]))).all()
    return found


def _standing(session: Session, record: bytes) -> Sequence[SignalRow]:
    return session.exec(
        select(SignalRow)
        .where(SignalRow.record == record, col(SignalRow.state).not_in(_OVER))
        .order_by(col(SignalRow.position))
    ).all()


def _refused(session: Session, signal: str) -> bool:
    # The broker does not know it any more, or never will let it go: nothing that asking again would mend.
    refused = session.exec(
        select(PostingRow.number).where(
            PostingRow.kind == "withdrawal", PostingRow.about == signal, PostingRow.state == "failed"
        )
    ).first()
    return refused is not None
