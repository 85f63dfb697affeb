# SPDX-License-Identifier: EUPL-1.2
"""Registrations of own signals for several epochs: what is due for the next one, on its way, and what stood before.

Keys of earlier epochs stay as long as the signal, since what counterparts sealed under them is opened with them.
Not here: which are due now (``agency_client/retagging.py``), tagging and sending.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from sqlmodel import Session, col, select

from agency_client.states import SignalState
from agency_client.vault.database import Database
from agency_client.vault.evidence import put_receipts
from agency_client.vault.outbox import NewPosting, Outbox
from agency_client.vault.pending import Pending, pending_of
from agency_client.vault.probes import real
from agency_client.vault.registration_tables import RegistrationRow
from agency_client.vault.signals import KeptKey, pack_keys
from agency_client.vault.tables import CanaryRow, PostingRow, SignalRow
from agency_client.verified import Receipt
from protocol.encoding import format_time
from protocol.ids import Epoch, PurposeId, SignalId
from protocol.messages import Refusal

RETRY: Final = timedelta(days=1)
"""How long one that was refused rests: what stands in its way, such as an overdue review, is mended by people."""


class RegistrationState(StrEnum):
    """``waiting``: on its way; ``earlier``: another epoch's stands now; ``refused``: tried again after a while."""

    WAITING = "waiting"
    EARLIER = "earlier"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A signal that stands under an epoch that is passing."""

    id: SignalId
    purpose: PurposeId
    epoch: Epoch
    share: float
    """Where in the time of re-tagging it comes: from 0 to 1, by a keyed hash, so that nobody can tell which or why."""


class Registrations:
    """The shelf of registrations."""

    def __init__(self, database: Database, outbox: Outbox) -> None:
        self._database = database
        self._outbox = outbox

    def candidates(self, current: Epoch, now: datetime) -> list[Candidate]:
        """Return the signals that stand, whose epoch is not the current one, and that are not on their way.

        Probes and canaries are none: a probe is over by then, and a canary needs its cover's signature again.
        """
        moment, rested = format_time(now), format_time(now - RETRY)
        busy = select(RegistrationRow.signal).where(
            (col(RegistrationRow.state) == RegistrationState.WAITING)
            | ((col(RegistrationRow.state) == RegistrationState.REFUSED) & (col(RegistrationRow.at) > rested))
        )
        with self._database.reading() as session:
            rows = session.exec(
                select(SignalRow.id, SignalRow.purpose, SignalRow.epoch)
                .where(
                    SignalRow.state == SignalState.ACCEPTED,
                    col(SignalRow.epoch) < current,
                    SignalRow.expires_at > moment,
                    real(SignalRow.id),
                    col(SignalRow.id).not_in(select(CanaryRow.id)),
                    col(SignalRow.id).not_in(busy),
                    col(SignalRow.id).not_in(_ending()),
                )
                .order_by(col(SignalRow.position))
            ).all()
        return [
            Candidate(SignalId(UUID(name)), PurposeId(purpose), Epoch(epoch or 0), self._share(name))
            for name, purpose, epoch in rows
        ]

    def _share(self, signal: str) -> float:
        found = self._database.keyed_hash("retagging", signal.encode())
        return int.from_bytes(found[:8], "big") / 2**64

    def pending(self, signals: Sequence[SignalId]) -> list[Pending]:
        """Return these signals as they are tagged anew, in the order of reading; what moved meanwhile is left out."""
        with self._database.reading() as session:
            rows = session.exec(
                select(SignalRow)
                .where(col(SignalRow.id).in_([str(one) for one in signals]), SignalRow.state == SignalState.ACCEPTED)
                .order_by(col(SignalRow.position))
            ).all()
        return [pending_of(self._database, row) for row in rows]

    def put(
        self,
        posting: NewPosting,
        signals: Sequence[tuple[SignalId, Sequence[KeptKey]]],
        epoch: Epoch,
        now: datetime,
    ) -> int:
        """Write the request that carries new registrations, and their keys, in one transaction; returns its number."""
        with self._database.together():
            number = self._outbox.put(posting, now)
            with self._database.writing() as session:
                for signal, keys in signals:
                    session.merge(
                        RegistrationRow(
                            signal=str(signal),
                            epoch=epoch,
                            state=RegistrationState.WAITING,
                            posting=number,
                            keys=self._database.seal(pack_keys(keys), "registration", f"{signal}/{epoch}"),
                            at=format_time(now),
                        )
                    )
        return number

    def settle(
        self, number: int, refusals: Mapping[SignalId, Refusal | None], receipts: Sequence[Receipt], now: datetime
    ) -> int:
        """Write a proven answer: what was accepted stands for its signal now; returns how many that are."""
        with self._database.writing() as session:
            self._outbox.done(session, number)
            moved = 0
            for row in session.exec(select(RegistrationRow).where(RegistrationRow.posting == number)).all():
                refusal = refusals.get(SignalId(UUID(row.signal)))
                if refusal is None:
                    self._stand(session, row, now)
                    moved += 1
                else:
                    _refuse(row, refusal.code, now)
            put_receipts(session, self._database, receipts)
        return moved

    def refuse(self, number: int, code: str, now: datetime) -> int:
        """Write that a whole request was refused for good: its signals stand as before; returns how many these are."""
        with self._database.writing() as session:
            rows = session.exec(select(RegistrationRow).where(RegistrationRow.posting == number)).all()
            for row in rows:
                _refuse(row, code, now)
        return len(rows)

    def _stand(self, session: Session, row: RegistrationRow, now: datetime) -> None:
        signal = session.exec(select(SignalRow).where(SignalRow.id == row.signal)).one()
        if row.keys is None or signal.epoch is None or signal.epoch >= row.epoch:
            return
        opened = self._database.open(row.keys, "registration", f"{row.signal}/{row.epoch}")
        before = signal.envelope_keys
        if before is not None:
            held = self._database.open(before, "envelope-keys", signal.id)
            session.merge(
                RegistrationRow(
                    signal=signal.id,
                    epoch=signal.epoch,
                    state=RegistrationState.EARLIER,
                    keys=self._database.seal(held, "registration", f"{signal.id}/{signal.epoch}"),
                    at=format_time(now),
                )
            )
        signal.epoch = row.epoch
        signal.envelope_keys = self._database.seal(opened, "envelope-keys", signal.id)
        session.delete(row)

    def count_waiting(self, current: Epoch, now: datetime) -> int:
        """Return how many signals are still to be given the current epoch's keys."""
        return len(self.candidates(current, now))


def _refuse(row: RegistrationRow, code: str, now: datetime) -> None:
    row.state, row.code, row.posting, row.keys, row.at = RegistrationState.REFUSED, code, None, None, format_time(now)


def _ending() -> Any:
    return select(PostingRow.about).where(
        PostingRow.kind == "withdrawal", PostingRow.state != "failed", col(PostingRow.about).is_not(None)
    )
