# SPDX-License-Identifier: EUPL-1.2
"""Which of our signals are probes, what is expected of each, and what the other agency of the pair says.

Only this shelf knows: to the broker, and on every other shelf, a probe is a signal like any other; what is shown to
people leaves out the signals that are named here (``real``). Not here: what a probe is (``protocol/probes.py``), when
one is pushed and what its answer is worth (``agency_client/probing.py``).
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement
from sqlmodel import col, func, select

from agency_client.states import SignalState
from agency_client.vault.database import Database
from agency_client.vault.senders import SenderRow, as_person, joined, sender_of
from agency_client.vault.tables import ProbeRow, ReceiptRow, SignalRow
from protocol.encoding import format_time, parse_time
from protocol.events import SignalRefused, SignalRegistered
from protocol.ids import Epoch, KeyKind, PartyId, PurposeId, SignalId
from protocol.messages import Opening, Quality, parse
from protocol.probes import Probe, ProbeId


class ProbeState(StrEnum):
    """Where a probe is. ``pushed`` and ``unanswered`` are open; a late one was missing before, or may have been."""

    PASSED = "passed"
    """Let pass: this agency did not send in time, or had nothing to make it look like."""
    PUSHED = "pushed"
    UNANSWERED = "unanswered"
    """No hit came in the time for it; whether the other agency pushed is not known here."""
    ANSWERED = "answered"
    LATE = "late"
    """The hit came, after its time. An alarm."""
    MISSING = "missing"
    """The log has both signals, its time is over, and no hit came. An alarm."""
    VOID = "void"
    """Nothing is to be expected: the other agency let it pass, or our signal was refused or ended before."""


OPEN = (ProbeState.PUSHED, ProbeState.UNANSWERED, ProbeState.MISSING)
"""States in which a hit may still come."""


@dataclass(frozen=True, slots=True)
class KeptProbe:
    """One probe as the vault has it."""

    counterpart: PartyId
    id: ProbeId
    purpose: PurposeId
    epoch: Epoch
    their_due: datetime
    state: ProbeState
    signal: SignalId | None
    kinds: frozenset[KeyKind]
    """Of the subject's keys in our signal, those on which the other's must agree."""
    keys: int
    """Keys in all: what it used of the key-holders' budget."""
    read_at: datetime | None
    """When all notices were last read while our signal stood."""
    their_at: datetime | None
    """When the log has the other's signal, proven."""
    theirs: str
    """The other's claim, as JSON; empty before."""
    quality: Quality | None
    """Of the hit that both signals must make; known once the other's is."""


@dataclass(frozen=True, slots=True)
class Look:
    """A real signal as a probe must look like it."""

    draft: bytes = field(repr=False)
    person: str | None
    """Who sent it, as an opaque reference; None when the agency's system did."""


class Probes:
    """The shelf of probes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def push(
        self, probe: Probe, counterpart: PartyId, due: datetime, signal: SignalId, kinds: Sequence[KeyKind], keys: int
    ) -> None:
        """Keep that a signal is a probe; called in the transaction that adds it."""
        self._put(probe, counterpart, due, ProbeState.PUSHED, str(signal), kinds, keys)

    def let_pass(self, probe: Probe, counterpart: PartyId, due: datetime) -> None:
        """Keep that this agency pushed nothing for a probe."""
        self._put(probe, counterpart, due, ProbeState.PASSED, None, (), 0)

    def _put(
        self,
        probe: Probe,
        counterpart: PartyId,
        due: datetime,
        state: ProbeState,
        signal: str | None,
        kinds: Sequence[KeyKind],
        keys: int,
    ) -> None:
        with self._database.writing() as session:
            session.add(
                ProbeRow(
                    name=_name(counterpart, probe.id),
                    counterpart=counterpart,
                    week=probe.id.week,
                    number=probe.id.number,
                    purpose=probe.purpose,
                    epoch=probe.epoch,
                    due_at=format_time(due),
                    their_due_at=format_time(probe.due(counterpart)),
                    state=state,
                    signal=signal,
                    kinds=" ".join(sorted(set(kinds))),
                    keys=keys,
                )
            )

    def known(self, since_week: int) -> frozenset[tuple[PartyId, ProbeId]]:
        """Return which probes since a week were dealt with."""
        with self._database.reading() as session:
            rows = session.exec(
                select(ProbeRow.counterpart, ProbeRow.week, ProbeRow.number).where(col(ProbeRow.week) >= since_week)
            ).all()
        return frozenset((PartyId(other), ProbeId(week, number)) for other, week, number in rows)

    def all(self, counterpart: PartyId | None = None) -> list[KeptProbe]:
        """Return the probes, oldest first; of one pair when named."""
        with self._database.reading() as session:
            query = select(ProbeRow).order_by(col(ProbeRow.week), col(ProbeRow.number), col(ProbeRow.counterpart))
            if counterpart is not None:
                query = query.where(ProbeRow.counterpart == counterpart)
            rows = session.exec(query).all()
        return [self._kept(row) for row in rows]

    def open(self) -> list[KeptProbe]:
        """Return the probes of which a hit may still come."""
        with self._database.reading() as session:
            rows = session.exec(select(ProbeRow).where(col(ProbeRow.state).in_(OPEN)).order_by(ProbeRow.name)).all()
        return [self._kept(row) for row in rows]

    def signals(self) -> frozenset[SignalId]:
        """Return which of our signals are probes."""
        with self._database.reading() as session:
            rows = session.exec(select(ProbeRow.signal).where(col(ProbeRow.signal).is_not(None))).all()
        return frozenset(SignalId(UUID(row)) for row in rows if row)

    def places(self) -> frozenset[int]:
        """Return where in the log our probes were registered or refused, as it was proven to us."""
        kinds = (SignalRegistered.__name__, SignalRefused.__name__)
        with self._database.reading() as session:
            rows = session.exec(
                select(ReceiptRow.place)
                .join(ProbeRow, col(ProbeRow.signal) == col(ReceiptRow.about))
                .where(col(ReceiptRow.kind).in_(kinds))
            ).all()
        return frozenset(rows)

    def settle(self, probe: KeptProbe, state: ProbeState) -> None:
        """Write what became of a probe."""
        self._change(probe, state=state)

    def note_read(self, probes: Sequence[KeptProbe], now: datetime) -> None:
        """Write that all notices were read while the signals of these probes stood."""
        with self._database.writing() as session:
            for probe in probes:
                row = session.get_one(ProbeRow, _name(probe.counterpart, probe.id))
                row.read_at = format_time(now)

    def note_theirs(
        self, probe: KeptProbe, claim: bytes, registered_at: datetime | None, quality: Quality | None
    ) -> None:
        """Keep what the other agency proved to have pushed, or with no moment that it pushed nothing.

        An answered probe is looked at once more: only now can be seen whether the answer was in time.
        """
        state = ProbeState.PUSHED if probe.state is ProbeState.ANSWERED else probe.state
        sealed = self._database.seal(claim, "probe-claim", _name(probe.counterpart, probe.id))
        at = None if registered_at is None else format_time(registered_at)
        self._change(probe, theirs=sealed, their_at=at, quality=quality, state=state)

    def _change(self, probe: KeptProbe, **values: Any) -> None:
        with self._database.writing() as session:
            row = session.get_one(ProbeRow, _name(probe.counterpart, probe.id))
            for name, value in values.items():
                setattr(row, name, value)

    def registration(self, signal: SignalId) -> tuple[int, Opening] | None:
        """Return where the log has one of our signals, and its opening; None before that is proven."""
        with self._database.reading() as session:
            row = session.exec(
                select(ReceiptRow).where(ReceiptRow.kind == SignalRegistered.__name__, ReceiptRow.about == str(signal))
            ).first()
        if row is None:
            return None
        return row.place, parse(Opening, self._database.open(row.opening, "receipt", str(row.place)))

    def looks(self, purpose: PurposeId, limit: int) -> list[Look]:
        """Return the newest real signals of a purpose that stand: what a probe must look like."""
        with self._database.reading() as session:
            rows = session.exec(
                select(SignalRow, sender_of())
                .outerjoin(SenderRow, joined(SignalRow.id))
                .where(
                    SignalRow.purpose == purpose,
                    SignalRow.state == SignalState.ACCEPTED,
                    # Of one that ended only the bare draft is left.
                    col(SignalRow.envelope_keys).is_not(None),
                    real(SignalRow.id),
                )
                .order_by(col(SignalRow.position).desc())
                .limit(limit)
            ).all()
        return [Look(self._database.open(row.draft, "draft", row.id), as_person(sender)) for row, sender in rows]

    def sizes(self, limit: int) -> list[int]:
        """Return how many real signals each of our last pushes carried."""
        with self._database.reading() as session:
            rows = session.exec(
                select(SignalRow.posting, func.count())
                .where(col(SignalRow.posting).is_not(None), real(SignalRow.id))
                .group_by(col(SignalRow.posting))
                .order_by(col(SignalRow.posting).desc())
                .limit(limit)
            ).all()
        return [count for _, count in rows]

    def signalled(self, purpose: PurposeId, month: str) -> bool:
        """Return whether any signal of a purpose was made in a month (``2026-11``), real or not."""
        with self._database.reading() as session:
            return (
                session.exec(
                    select(SignalRow.id).where(
                        SignalRow.purpose == purpose, col(SignalRow.created_at).startswith(month, autoescape=True)
                    )
                ).first()
                is not None
            )

    def real_since(self, moment: datetime) -> int:
        """Return how many real signals were made since a moment."""
        with self._database.reading() as session:
            return session.exec(
                select(func.count())
                .select_from(SignalRow)
                .where(col(SignalRow.created_at) >= format_time(moment), real(SignalRow.id))
            ).one()

    def count(self) -> Counter[ProbeState]:
        """Return how many probes are in each state."""
        with self._database.reading() as session:
            rows = session.exec(select(ProbeRow.state, func.count()).group_by(ProbeRow.state)).all()
        return Counter({ProbeState(state): count for state, count in rows})

    def _kept(self, row: ProbeRow) -> KeptProbe:
        theirs = b"" if row.theirs is None else self._database.open(row.theirs, "probe-claim", row.name)
        quality: Any = row.quality
        return KeptProbe(
            PartyId(row.counterpart),
            ProbeId(row.week, row.number),
            PurposeId(row.purpose),
            Epoch(row.epoch),
            parse_time(row.their_due_at),
            ProbeState(row.state),
            None if row.signal is None else SignalId(UUID(row.signal)),
            frozenset(KeyKind(kind) for kind in row.kinds.split()),
            row.keys,
            None if row.read_at is None else parse_time(row.read_at),
            None if row.their_at is None else parse_time(row.their_at),
            theirs.decode(),
            quality,
        )


def real(signal: Any) -> ColumnElement[bool]:
    """Return the condition that a signal is no probe: the one door by which probes stay out of what people see."""
    return col(signal).not_in(select(ProbeRow.signal).where(col(ProbeRow.signal).is_not(None)))


def _name(counterpart: PartyId, probe: ProbeId) -> str:
    return f"{counterpart}/{probe.week}/{probe.number}"
