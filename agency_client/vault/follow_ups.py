# SPDX-License-Identifier: EUPL-1.2
"""How far this agency is with each hit: by what the log proves, and what a person asked for meanwhile.

Rows come and go with verified hits only; probes and canaries have none, since nobody follows them up.
Not here: the acts (``agency_client/following.py``), which step may follow (``protocol/follow_ups.py``).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import tuple_
from sqlmodel import Session, col, func, select

from agency_client.vault.database import Database
from agency_client.vault.evidence import put_receipts
from agency_client.vault.follow_up_tables import FollowUpRow
from agency_client.vault.outbox import Outbox
from agency_client.vault.tables import CanaryRow, HitRow, ProbeRow
from agency_client.verified import Receipt
from protocol.encoding import format_time, parse_time
from protocol.errors import Code, ConflictError, NotFoundError, VerificationError
from protocol.follow_ups import FollowUpState, Step, after
from protocol.ids import HitId, PurposeId, SignalId
from protocol.notices import DoubtedNotice, HitNotice, LateNotice

PAGE: Final = 50
_GONE: Final = "withdrawn"
"""The state of a hit whose other side has gone (``hits.HitState``)."""


@dataclass(frozen=True, slots=True)
class FollowUp:
    """How far this agency is with one hit."""

    hit: HitId
    signal: SignalId
    purpose: PurposeId
    state: FollowUpState
    due_at: datetime
    """Until when somebody has to acknowledge it, by the hours of the purpose."""
    late: bool
    """Whether the broker told us, provably, that nobody did in time."""
    outcome: str | None
    pending: Step | None = None
    """A step that a person took here and that the log does not prove yet: it is being sent."""
    changed_at: datetime | None = None
    late_at: datetime | None = None
    doubt: str | None = None
    """The code with which the other agency closed it, where it says that it may be another person."""
    doubted_at: datetime | None = None
    begun_place: int | None = None

    def is_overdue(self, now: datetime) -> bool:
        """Say whether it should have been acknowledged by now and was not, told or not."""
        return self.state is FollowUpState.OPEN and now >= self.due_at


@dataclass(frozen=True, slots=True)
class FollowUpCounts:
    """How many hits wait for whom: ``open`` for a first look, ``begun`` for an outcome; ``late`` of those open."""

    open: int
    begun: int
    late: int
    closed: int


class FollowUps:
    """The shelf of follow-up."""

    def __init__(self, database: Database, outbox: Outbox) -> None:
        self._database = database
        self._outbox = outbox

    def of(self, hit: HitId) -> FollowUp | None:
        """Return how far we are with a hit; None when there is nothing to follow up."""
        with self._database.reading() as session:
            row = session.get(FollowUpRow, str(hit))
        return None if row is None else _read(row)

    def several(self, hits: Sequence[HitId]) -> dict[HitId, FollowUp]:
        """Return how far we are with each of these hits that is followed up, in one statement."""
        with self._database.reading() as session:
            rows = session.exec(select(FollowUpRow).where(col(FollowUpRow.hit).in_([str(hit) for hit in hits]))).all()
        return {found.hit: found for found in map(_read, rows)}

    def open(self, limit: int = PAGE, before: FollowUp | None = None, *, late: bool = False) -> list[FollowUp]:
        """Return hits that are not closed, by deadline, the most urgent first; ``before`` is the last of the page
        before this one, ``late`` leaves out what was not called late.
        """
        chosen: list[Any] = [col(FollowUpRow.state) != FollowUpState.CLOSED, _standing()]
        if before is not None:
            behind = tuple_(col(FollowUpRow.due_at), col(FollowUpRow.hit))
            chosen.append(behind > tuple_(format_time(before.due_at), str(before.hit)))
        if late:
            chosen.append(col(FollowUpRow.late_at).is_not(None))
        with self._database.reading() as session:
            rows = session.exec(
                select(FollowUpRow).where(*chosen).order_by(col(FollowUpRow.due_at), col(FollowUpRow.hit)).limit(limit)
            ).all()
        return [_read(row) for row in rows]

    def counts(self) -> FollowUpCounts:
        """Return how many hits are how far; those whose other side has gone are counted only when closed."""
        with self._database.reading() as session:
            rows = session.exec(
                select(FollowUpRow.state, func.count()).where(_standing()).group_by(FollowUpRow.state)
            ).all()
            late = session.exec(
                select(func.count())
                .select_from(FollowUpRow)
                .where(_standing(), FollowUpRow.state == FollowUpState.OPEN, col(FollowUpRow.late_at).is_not(None))
            ).one()
            closed = session.exec(
                select(func.count()).select_from(FollowUpRow).where(FollowUpRow.state == FollowUpState.CLOSED)
            ).one()
        found = {FollowUpState(state): count for state, count in rows}
        begun = found.get(FollowUpState.ACKNOWLEDGED, 0) + found.get(FollowUpState.CONTACTED, 0)
        return FollowUpCounts(found.get(FollowUpState.OPEN, 0), begun, late, closed)

    def ask(self, hit: HitId, step: Step) -> FollowUp:
        """Write that a person takes a step, which the outbox carries; call within ``together`` with the posting.

        Raises ``NotFoundError`` for a hit that is not followed up; ``ConflictError`` when a colleague was first, also
        with a step that is still being sent.
        """
        with self._database.writing() as session:
            row = session.get(FollowUpRow, str(hit))
            if row is None:
                raise NotFoundError(Code.NOT_FOUND, "This hit has no follow-up.", hint="See `sluis agency follow-up`.")
            state = FollowUpState(row.state)
            if row.pending is not None:
                pending: Step = row.pending  # type: ignore[assignment]  # what `ask` wrote
                state = after(state, pending) or state
            if after(state, step) is None:
                raise ConflictError(
                    Code.CONFLICT,
                    f"A colleague was first: this hit is {state.value}.",
                    hint="Nothing was changed. Look at the hit again.",
                )
            row.pending = step
            return _read(row)

    def settle(self, number: int, hit: HitId, step: Step, outcome: str | None, receipt: Receipt, at: datetime) -> None:
        """Write that the log proves a step, taken ``at``."""
        with self._database.writing() as session:
            self._outbox.done(session, number)
            row = session.get(FollowUpRow, str(hit))
            if row is not None:
                row.state = after(FollowUpState(row.state), step) or row.state
                row.pending = None if row.pending == step else row.pending
                row.outcome = outcome or row.outcome
                row.changed_at = format_time(at)
                row.begun_place = receipt.place if row.begun_place is None else row.begun_place
            put_receipts(session, self._database, [receipt])

    def give_up(self, hit: HitId, step: Step) -> None:
        """Write that a step was refused for good: it is not being sent any more."""
        with self._database.writing() as session:
            row = session.get(FollowUpRow, str(hit))
            if row is not None and row.pending == step:
                row.pending = None


# --- What verified notices change, in the transaction that keeps them (``hits.py``) -----------------------------------


def begin(session: Session, notice: HitNotice, due: datetime) -> None:
    """Begin the follow-up of a hit that was told; once."""
    mine = str(notice.my_signal)
    if session.get(FollowUpRow, str(notice.hit_id)) is not None or session.get(CanaryRow, mine) is not None:
        return
    if session.exec(select(ProbeRow.name).where(ProbeRow.signal == mine)).first() is not None:
        return
    session.add(
        FollowUpRow(
            hit=str(notice.hit_id),
            signal=mine,
            purpose=notice.purpose,
            state=FollowUpState.OPEN,
            due_at=format_time(due),
        )
    )


def note(session: Session, notice: LateNotice | DoubtedNotice) -> None:
    """Write at a hit what was told about it."""
    row, at = session.get(FollowUpRow, str(notice.hit_id)), format_time(notice.at)
    if row is None:
        return
    late = isinstance(notice, LateNotice)
    # Each is told once a hit; the same number again has the same moment.
    if (row.late_at if late else row.doubted_at) not in (None, at):
        raise VerificationError(Code.NOTICE_REPLAYED, "The same was told of this hit under another number before.")
    if isinstance(notice, LateNotice):
        row.late_at = at
    else:
        row.doubted_at, row.doubt = at, notice.reason


def _standing() -> Any:
    return col(FollowUpRow.hit).not_in(select(HitRow.id).where(HitRow.state == _GONE))


def _read(row: FollowUpRow) -> FollowUp:
    return FollowUp(
        hit=HitId(UUID(row.hit)),
        signal=SignalId(UUID(row.signal)),
        purpose=PurposeId(row.purpose),
        state=FollowUpState(row.state),
        due_at=parse_time(row.due_at),
        late=row.late_at is not None,
        outcome=row.outcome,
        pending=row.pending,  # type: ignore[arg-type]  # what `ask` wrote
        changed_at=_moment(row.changed_at),
        late_at=_moment(row.late_at),
        doubt=row.doubt,
        doubted_at=_moment(row.doubted_at),
        begun_place=row.begun_place,
    )


def _moment(text: str | None) -> datetime | None:
    return None if text is None else parse_time(text)
