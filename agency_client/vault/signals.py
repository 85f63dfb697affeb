# SPDX-License-Identifier: EUPL-1.2
"""The signals on their way: added once a record, moved only along the table of ``states.py``.

Not here: the requests that carry them (``outbox.py``).
"""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlmodel import Session, col, func, or_, select, update

from agency_client.states import WAITING, SignalState, Step, after, before
from agency_client.vault.database import Database
from agency_client.vault.tables import SignalRow
from protocol.encoding import b64url, format_time, lp, unb64url
from protocol.errors import Code, ConflictError, NotFoundError
from protocol.ids import Epoch, KeyKind, PurposeId, SignalId
from protocol.messages import Role


@dataclass(frozen=True, slots=True)
class NewSignal:
    """A record that was read and normalised: what its signal will be, before any key-holder is asked."""

    id: SignalId
    purpose: PurposeId
    reference: str
    draft: bytes = field(repr=False)
    """All that would be sent about the record (``draft.py``); two drafts are equal when their bytes are."""
    expires_at: datetime


@dataclass(slots=True)
class Added:
    """What became of records that were offered to the vault."""

    new: int = 0
    known: int = 0
    """Unchanged since last time: nothing to do."""
    changed: int = 0
    """Sent before, and changed since: a new signal takes the old one's place."""
    withdrawn: int = 0
    """Unchanged, and withdrawn by you since: not sent again."""


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


@dataclass(frozen=True, slots=True)
class KeptKey:
    """The envelope key of one match key of one of our signals: what opens a counterpart's part."""

    kind: KeyKind
    role: Role
    key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Kept:
    """A signal as the vault has it, for showing and for verifying what we are told about it."""

    id: SignalId
    purpose: PurposeId
    state: SignalState
    epoch: Epoch | None
    draft: bytes = field(repr=False)
    created_at: str
    expires_at: str
    code: str | None
    rule: str | None
    supersedes: SignalId | None


class Signals:
    """The shelf of signals."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, offered: Iterable[NewSignal], now: datetime) -> Added:
        """Add the signals of records that are new or changed, in one transaction."""
        added = Added()
        with self._database.writing() as session:
            for signal in offered:
                self._add_one(session, signal, now, added)
        return added

    def _add_one(self, session: Session, signal: NewSignal, now: datetime, added: Added) -> None:
        record = self._record_key(signal.purpose, signal.reference)
        digest = self._database.keyed_hash("draft", signal.draft)
        latest = session.exec(
            select(SignalRow).where(SignalRow.record == record).order_by(col(SignalRow.position).desc()).limit(1)
        ).first()
        supersedes: str | None = None
        if latest is not None:
            state = SignalState(latest.state)
            if latest.digest == digest and state is SignalState.WITHDRAWN:
                added.withdrawn += 1
                return
            if latest.digest == digest and state is not SignalState.REFUSED:
                added.known += 1
                return
            if state is SignalState.NEW:
                latest.draft = self._database.seal(signal.draft, "draft", latest.id)
                latest.digest = digest
                added.changed += 1
                return
            if state not in {SignalState.REFUSED, SignalState.WITHDRAWN}:
                supersedes = latest.id
        added.changed += supersedes is not None
        added.new += supersedes is None
        session.add(
            SignalRow(
                id=str(signal.id),
                purpose=signal.purpose,
                record=record,
                digest=digest,
                state=SignalState.NEW,
                draft=self._database.seal(signal.draft, "draft", str(signal.id)),
                created_at=format_time(now),
                expires_at=format_time(signal.expires_at),
                supersedes=supersedes,
            )
        )
        session.flush()

    def pending(self, limit: int, after_position: int = 0) -> list[Pending]:
        """Return the first signals to tag, all of one purpose, in the order of reading."""
        with self._database.reading() as session:
            waiting = (SignalRow.state == SignalState.NEW, col(SignalRow.position) > after_position)
            first = session.exec(
                select(SignalRow.purpose).where(*waiting).order_by(col(SignalRow.position)).limit(1)
            ).first()
            rows = session.exec(
                select(SignalRow)
                .where(*waiting, SignalRow.purpose == first)
                .order_by(col(SignalRow.position))
                .limit(limit)
            ).all()
        return [
            Pending(
                row.position or 0,
                SignalId(UUID(row.id)),
                PurposeId(row.purpose),
                row.digest,
                self._database.open(row.draft, "draft", row.id),
                row.expires_at,
                _id(row.supersedes),
            )
            for row in rows
        ]

    def tagged(
        self, session: Session, signals: Sequence[tuple[Pending, Sequence[KeptKey]]], epoch: Epoch, posting: int
    ) -> None:
        """Mark signals as ready within the transaction that wrote the posting that carries them.

        Raises ``ConflictError`` when one of them moved meanwhile (withdrawn or changed at another terminal): nothing is
        written then.
        """
        for signal, kept in signals:
            sealed = self._database.seal(_pack(kept), "envelope-keys", str(signal.id))
            moved = session.exec(
                update(SignalRow)
                .where(
                    col(SignalRow.id) == str(signal.id),
                    col(SignalRow.state).in_(before(Step.TAG)),
                    col(SignalRow.digest) == signal.digest,
                )
                .values(state=after(SignalState.NEW, Step.TAG), epoch=epoch, envelope_keys=sealed, posting=posting)
            )
            if moved.rowcount != 1:
                raise ConflictError(Code.CONFLICT, "A signal changed while it was being prepared.", hint="Send again.")

    def step_posting(self, session: Session, posting: int, step: Step) -> None:
        """Take every signal of a posting one step, where the table has it."""
        rows = session.exec(select(SignalRow).where(SignalRow.posting == posting)).all()
        for row in rows:
            self._step(row, step)

    def superseded_by(self, session: Session, signal: SignalId) -> SignalId | None:
        """Return the accepted signal that this one takes the place of, if there is one."""
        new = session.exec(select(SignalRow).where(SignalRow.id == str(signal))).one()
        old = session.exec(
            select(SignalRow).where(SignalRow.id == new.supersedes, SignalRow.state == SignalState.ACCEPTED)
        ).first()
        return None if old is None else _id(old.id)

    def of_posting(self, session: Session, posting: int) -> list[SignalId]:
        """Return the signals that a posting carries."""
        rows = session.exec(select(SignalRow.id).where(SignalRow.posting == posting)).all()
        return [SignalId(UUID(row)) for row in rows]

    def step(
        self, session: Session, signal: SignalId, step: Step, *, code: str | None = None, rule: str | None = None
    ) -> None:
        """Take one signal one step; a step that it took before is no error."""
        row = session.exec(select(SignalRow).where(SignalRow.id == str(signal))).one()
        self._step(row, step)
        if step is Step.REFUSE:
            row.code, row.rule = code, rule

    @staticmethod
    def _step(row: SignalRow, step: Step) -> None:
        state = SignalState(row.state)
        if state not in before(step):
            return
        row.state = after(state, step)
        if step is Step.EPOCH_CLOSED:
            row.epoch, row.envelope_keys, row.posting = None, None, None

    def withdraw_unsent(self, signal: SignalId) -> bool:
        """Withdraw a signal that was never offered; returns whether that was all there was to do."""
        with self._database.writing() as session:
            row = session.exec(select(SignalRow).where(SignalRow.id == str(signal))).one()
            if row.state == SignalState.NEW:
                row.state = after(SignalState.NEW, Step.WITHDRAW)
            return row.state == SignalState.WITHDRAWN

    def find(self, text: str) -> list[Kept]:
        """Return the signals that a user means by a signal id or a record reference, newest first."""
        with self._database.reading() as session:
            purposes = session.exec(select(SignalRow.purpose).distinct()).all()
            records = [self._record_key(PurposeId(purpose), text) for purpose in purposes]
            rows = session.exec(
                select(SignalRow)
                .where(or_(col(SignalRow.id) == text, col(SignalRow.record).in_(records)))
                .order_by(col(SignalRow.position).desc())
            ).all()
        return [self._kept(row) for row in rows]

    def get(self, signal: SignalId) -> Kept:
        """Return one signal; raises ``NotFoundError``."""
        with self._database.reading() as session:
            row = session.exec(select(SignalRow).where(SignalRow.id == str(signal))).first()
        if row is None:
            raise NotFoundError(Code.NOT_FOUND, "There is no such signal in this vault.")
        return self._kept(row)

    def page(self, after_position: int, limit: int) -> list[tuple[int, Kept]]:
        """Return the next signals in the order of reading, so that a long list needs little memory."""
        with self._database.reading() as session:
            rows = session.exec(
                select(SignalRow)
                .where(col(SignalRow.position) > after_position)
                .order_by(col(SignalRow.position))
                .limit(limit)
            ).all()
        return [(row.position or 0, self._kept(row)) for row in rows]

    def envelope_keys(self, signal: SignalId) -> tuple[KeptKey, ...]:
        """Return the envelope keys of a tagged signal; none for one that was not tagged."""
        with self._database.reading() as session:
            row = session.exec(select(SignalRow).where(SignalRow.id == str(signal))).first()
        if row is None or row.envelope_keys is None:
            return ()
        return _unpack(self._database.open(row.envelope_keys, "envelope-keys", row.id))

    def count(self) -> Counter[SignalState]:
        """Return how many signals are in each state."""
        with self._database.reading() as session:
            rows = session.exec(select(SignalRow.state, func.count()).group_by(SignalRow.state)).all()
        return Counter({SignalState(state): count for state, count in rows})

    def waiting(self) -> int:
        """Return how many signals still have to be sent or proven."""
        counted = self.count()
        return sum(counted[state] for state in WAITING)

    def _record_key(self, purpose: PurposeId, reference: str) -> bytes:
        return self._database.keyed_hash("record", lp(purpose) + lp(reference))

    def _kept(self, row: SignalRow) -> Kept:
        return Kept(
            SignalId(UUID(row.id)),
            PurposeId(row.purpose),
            SignalState(row.state),
            None if row.epoch is None else Epoch(row.epoch),
            self._database.open(row.draft, "draft", row.id),
            row.created_at,
            row.expires_at,
            row.code,
            row.rule,
            _id(row.supersedes),
        )


def _id(text: str | None) -> SignalId | None:
    return None if text is None else SignalId(UUID(text))


def _pack(keys: Sequence[KeptKey]) -> bytes:
    return json.dumps([[key.kind, key.role, b64url(key.key)] for key in keys]).encode()


def _unpack(raw: bytes) -> tuple[KeptKey, ...]:
    return tuple(KeptKey(kind, role, unb64url(key, length=32)) for kind, role, key in json.loads(raw))
