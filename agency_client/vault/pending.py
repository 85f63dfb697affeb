# SPDX-License-Identifier: EUPL-1.2
"""The signals on their way: which must be tagged, and every step that one takes along the table of ``states.py``.

Nothing else writes a signal's state after it was added. Not here: adding and finding signals (``signals.py``), the
requests that carry them (``outbox.py``), the registration anew of those that stand (``registrations.py``).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from sqlalchemy import bindparam
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, func, or_, select, update

from agency_client.states import WAITING, SignalState, Step, after, before
from agency_client.vault.database import Database
from agency_client.vault.probes import real
from agency_client.vault.senders import SenderRow, as_person, as_sender, joined, sender_of, senders_of
from agency_client.vault.signals import KeptKey, pack_keys
from agency_client.vault.tables import SignalRow
from protocol.errors import Code, ConflictError
from protocol.ids import Epoch, PurposeId, SignalId

_ASKED: Final = 500
"""Signals asked for in one statement: SQLite takes 32,766 values, older ones 999."""


@dataclass(frozen=True, slots=True)
class Pending:
    """A signal that must be tagged."""

    position: int
    id: SignalId
    purpose: PurposeId
    digest: bytes
    draft: bytes = field(repr=False)
    expires_at: str
    supersedes: SignalId | None
    person: str | None = None
    """Who sends it; None when the agency's system does."""


class PendingSignals:
    """The queue of signals."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def batch(
        self,
        limit: int,
        passed: Mapping[tuple[PurposeId, str | None], int] | None = None,
        without: Collection[PurposeId] = (),
    ) -> list[Pending]:
        """Return the first signals to tag, all of one purpose and one sender, in the order of reading.

        ``passed`` is the last position that was taken already of each purpose and sender: their signals may alternate.
        """
        sender = sender_of()
        with self._database.reading() as session:
            waiting = [
                col(SignalRow.state) == SignalState.NEW,
                col(SignalRow.purpose).not_in(without),
                *(
                    or_(
                        col(SignalRow.purpose) != purpose,
                        sender != as_sender(person),
                        col(SignalRow.position) > position,
                    )
                    for (purpose, person), position in (passed or {}).items()
                ),
            ]
            first = session.exec(
                select(SignalRow.purpose, sender)
                .outerjoin(SenderRow, joined(SignalRow.id))
                .where(*waiting)
                .order_by(col(SignalRow.position))
                .limit(1)
            ).first()
            if first is None:
                return []
            purpose, who = first
            rows = session.exec(
                select(SignalRow)
                .outerjoin(SenderRow, joined(SignalRow.id))
                .where(*waiting, SignalRow.purpose == purpose, sender == who)
                .order_by(col(SignalRow.position))
                .limit(limit)
            ).all()
        return [pending_of(self._database, row, as_person(who)) for row in rows]

    def count(self) -> int:
        """Return how many signals still have to be sent or proven; without probes, since people are told this."""
        with self._database.reading() as session:
            return session.exec(select(func.count()).where(col(SignalRow.state).in_(WAITING), real(SignalRow.id))).one()

    def tagged(
        self, session: Session, signals: Sequence[tuple[Pending, Sequence[KeptKey]]], epoch: Epoch, posting: int
    ) -> None:
        """Mark signals as ready within the transaction that wrote the posting that carries them.

        Raises ``ConflictError`` when one of them moved meanwhile (withdrawn or changed at another terminal): nothing is
        written then.
        """
        # Another state or digest than the signal was read with is no row to this statement.
        moved = session.connection().execute(
            update(SignalRow)
            .where(
                col(SignalRow.id) == bindparam("signal"),
                col(SignalRow.state) == SignalState.NEW,
                col(SignalRow.digest) == bindparam("read_as"),
            )
            .values(
                state=after(SignalState.NEW, Step.TAG),
                epoch=epoch,
                posting=posting,
                envelope_keys=bindparam("sealed"),
            ),
            [
                {
                    "signal": str(signal.id),
                    "read_as": signal.digest,
                    "sealed": self._database.seal(pack_keys(kept), "envelope-keys", str(signal.id)),
                }
                for signal, kept in signals
            ],
        )
        senders = senders_of(session, [str(signal.id) for signal, _ in signals])
        if moved.rowcount != len(signals) or any(senders.get(str(one.id)) != one.person for one, _ in signals):
            raise ConflictError(Code.CONFLICT, "A signal changed while it was being prepared.", hint="Send again.")

    def turn_away(self, signals: Sequence[Pending], code: str, rule: str | None) -> int:
        """Refuse signals before they were sent; returns how many were still as they were read."""
        if not signals:
            return 0
        with self._database.writing() as session:
            moved = session.connection().execute(
                update(SignalRow)
                .where(
                    col(SignalRow.id) == bindparam("signal"),
                    col(SignalRow.state) == SignalState.NEW,
                    col(SignalRow.digest) == bindparam("read_as"),
                )
                .values(_moved(SignalState.NEW, Step.TURN_AWAY, code, rule)),
                [{"signal": str(signal.id), "read_as": signal.digest} for signal in signals],
            )
            return moved.rowcount

    def step_posting(self, session: Session, posting: int, step: Step) -> None:
        """Take every signal of a posting one step, where the table has it."""
        for state in before(step):
            session.connection().execute(
                update(SignalRow)
                .where(col(SignalRow.posting) == posting, col(SignalRow.state) == state)
                .values(_moved(state, step, None, None))
            )

    def superseded_by(self, session: Session, signals: Sequence[SignalId]) -> list[SignalId]:
        """Return the accepted signals that these take the place of."""
        old = aliased(SignalRow)
        found: list[SignalId] = []
        for start in range(0, len(signals), _ASKED):
            rows = session.exec(
                select(old.id)
                .join(SignalRow, col(SignalRow.supersedes) == col(old.id))
                .where(
                    col(SignalRow.id).in_([str(signal) for signal in signals[start : start + _ASKED]]),
                    old.state == SignalState.ACCEPTED,
                )
                .order_by(col(SignalRow.position))
            ).all()
            found += [SignalId(UUID(row)) for row in rows]
        return found

    def of_posting(self, session: Session, posting: int) -> list[SignalId]:
        """Return the signals that a posting carries."""
        rows = session.exec(select(SignalRow.id).where(SignalRow.posting == posting)).all()
        return [SignalId(UUID(row)) for row in rows]

    def step(
        self,
        session: Session,
        signals: Collection[SignalId],
        step: Step,
        *,
        code: str | None = None,
        rule: str | None = None,
    ) -> None:
        """Take signals one step; a step that one of them took before is no error, and changes nothing."""
        if not signals:
            return
        for state in before(step):
            session.connection().execute(
                update(SignalRow)
                .where(col(SignalRow.id) == bindparam("signal"), col(SignalRow.state) == state)
                .values(_moved(state, step, code, rule)),
                [{"signal": str(signal)} for signal in signals],
            )

    def withdraw_unsent(self, signal: SignalId) -> bool:
        """Withdraw a signal that was never offered; returns whether that was all there was to do."""
        with self._database.writing() as session:
            row = session.exec(select(SignalRow).where(SignalRow.id == str(signal))).one()
            if row.state == SignalState.NEW:
                row.state = after(SignalState.NEW, Step.WITHDRAW)
            return row.state == SignalState.WITHDRAWN

    def settle_erasure(self, signal: SignalId) -> None:
        """Write that the log forgot whom a signal's entries concern, and that it stands no more."""
        with self._database.writing() as session:
            self.step(session, [signal], Step.WITHDRAW)


def pending_of(database: Database, row: SignalRow, person: str | None = None) -> Pending:
    """Return a signal as it is tagged, its draft unsealed."""
    return Pending(
        row.position or 0,
        SignalId(UUID(row.id)),
        PurposeId(row.purpose),
        row.digest,
        database.open(row.draft, "draft", row.id),
        row.expires_at,
        None if row.supersedes is None else SignalId(UUID(row.supersedes)),
        person,
    )


def _moved(state: SignalState, step: Step, code: str | None, rule: str | None) -> dict[str, object]:
    """Return what a step changes in a signal's row."""
    changed: dict[str, object] = {"state": after(state, step)}
    if step in {Step.REFUSE, Step.TURN_AWAY}:
        changed |= {"code": code, "rule": rule}
    if step is Step.EPOCH_CLOSED:
        changed |= {"epoch": None, "envelope_keys": None, "posting": None}
    return changed
