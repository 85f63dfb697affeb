# SPDX-License-Identifier: EUPL-1.2
"""The outbox: every request to the broker is on the disk, byte for byte, before it is offered, and until it is proven.

A retry sends the same bytes under the same idempotency key, so a kill at any moment neither loses nor doubles an act.
Not here: the sending (``post.py``).
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

from sqlmodel import Session, col, func, select

from agency_client.states import Step
from agency_client.vault.database import Database
from agency_client.vault.evidence import put_receipts
from agency_client.vault.pending import Pending, PendingSignals
from agency_client.vault.signals import KeptKey, Signals
from agency_client.vault.tables import HitRow, PostingRow, SignalRow
from agency_client.verified import Receipt
from protocol.changes import ChangeSeen
from protocol.encoding import b64url, format_time
from protocol.group import random_bytes
from protocol.ids import Epoch, HitId, PurposeId, SignalId
from protocol.informing import InformingReview
from protocol.messages import Refusal, WithdrawalRequest
from protocol.notices import RestrictedNotice, WithdrawnNotice


class PostingKind(StrEnum):
    """What a request does."""

    PUSH = "push"
    RETAG = "retag"
    WITHDRAWAL = "withdrawal"
    OPENING = "opening"
    INFORMING = "informing"
    ACKNOWLEDGEMENT = "acknowledgement"
    OUTCOME = "outcome"
    RESTRICTION = "restriction"
    EXTENSION = "extension"
    CHANGE_SEEN = "change-seen"
    DISCLOSURE_REQUEST = "disclosure-request"
    DISCLOSURE_DECISION = "disclosure-decision"
    DISCLOSURE_RECEIPT = "disclosure-receipt"
    DISCLOSURE_CANCELLATION = "disclosure-cancellation"


PUSHES: Final = frozenset((PostingKind.PUSH, PostingKind.RETAG))
"""What carries signals, and is answered signal by signal."""


class PostingState(StrEnum):
    """``waiting`` and ``offered`` are sent (again); ``offered`` was tried before; ``done`` and ``failed`` are ends."""

    WAITING = "waiting"
    OFFERED = "offered"
    DONE = "done"
    FAILED = "failed"


CORRECTED: Final = "corrected"
"""The reason of a withdrawal whose signal another one supersedes."""
_KEY_BYTES: Final = 16
"""Random bytes of an idempotency key: no two requests of anybody ever share one."""
_OPEN = (PostingState.WAITING, PostingState.OFFERED)


@dataclass(frozen=True, slots=True)
class NewPosting:
    """A request that must reach the broker."""

    kind: PostingKind
    path: str
    idempotency_key: str
    body: bytes = field(repr=False)
    purpose: PurposeId | None = None
    person: str | None = None
    about: str | None = None


@dataclass(frozen=True, slots=True)
class Posting:
    """A request in the outbox, with its body as it was first written."""

    number: int
    kind: PostingKind
    path: str
    idempotency_key: str
    body: bytes = field(repr=False)
    body_sha256: str
    purpose: PurposeId | None
    person: str | None
    about: str | None


class Outbox:
    """The shelf of requests."""

    def __init__(self, database: Database, signals: Signals, pending: PendingSignals) -> None:
        self._database = database
        self._signals = signals
        self._pending = pending

    def put_push(
        self, posting: NewPosting, signals: Sequence[tuple[Pending, Sequence[KeptKey]]], epoch: Epoch, now: datetime
    ) -> int:
        """Write a push and mark its signals ready, in one transaction; returns the posting's number."""
        with self._database.writing() as session:
            number = self._put(session, posting, now)
            self._pending.tagged(session, signals, epoch, number)
        return number

    def put(self, posting: NewPosting, now: datetime) -> int:
        """Write a withdrawal or an opening; the same one that is still open is not written twice."""
        with self._database.writing() as session:
            known = session.exec(
                select(PostingRow).where(
                    PostingRow.kind == posting.kind,
                    PostingRow.about == posting.about,
                    PostingRow.path == posting.path,
                    PostingRow.body_sha256 == _sha256(posting.body),
                    PostingRow.person == posting.person,
                    col(PostingRow.state).in_(_OPEN),
                )
            ).first()
            if known is not None and known.number is not None:
                return known.number
            return self._put(session, posting, now)

    def _put(self, session: Session, posting: NewPosting, now: datetime) -> int:
        row = PostingRow(
            kind=posting.kind,
            path=posting.path,
            idempotency_key=posting.idempotency_key,
            body=self._database.seal(posting.body, "posting", posting.idempotency_key),
            body_sha256=_sha256(posting.body),
            purpose=posting.purpose,
            person=posting.person,
            about=posting.about,
            state=PostingState.WAITING,
            created_at=format_time(now),
        )
        session.add(row)
        session.flush()
        if row.number is None:
            raise ValueError("a row without a number after it was written")
        return row.number

    def open_numbers(self, kind: PostingKind | None = None) -> list[int]:
        """Return the numbers of the requests that still wait, in the order in which they must be sent."""
        chosen = [col(PostingRow.state).in_(_OPEN), *([] if kind is None else [col(PostingRow.kind) == kind])]
        with self._database.reading() as session:
            rows = session.exec(select(PostingRow.number).where(*chosen).order_by(col(PostingRow.number))).all()
        return [number for number in rows if number is not None]

    def count_open(self) -> int:
        """Return how many requests wait."""
        with self._database.reading() as session:
            return session.exec(
                select(func.count()).select_from(PostingRow).where(col(PostingRow.state).in_(_OPEN))
            ).one()

    def refused(self, number: int) -> str | None:
        """Return the code by which a request was refused for good; None when it was not."""
        with self._database.reading() as session:
            row = session.get(PostingRow, number)
            return row.code if row is not None and row.state == PostingState.FAILED else None

    def newest(self) -> tuple[int, int]:
        """Return the last request and the last signal that were ever written: another pair says that there is more."""
        with self._database.reading() as session:
            posting = session.exec(select(func.max(PostingRow.number))).one()
            signal = session.exec(select(func.max(SignalRow.position))).one()
        return posting or 0, signal or 0

    def anything(self) -> bool:
        """Return whether anything is to be tagged or sent."""
        with self._database.reading() as session:
            waits = session.exec(select(PostingRow.number).where(col(PostingRow.state).in_(_OPEN)).limit(1)).first()
            new = session.exec(select(SignalRow.position).where(SignalRow.state == "new").limit(1)).first()
        return waits is not None or new is not None

    def offer(self, number: int) -> Posting | None:
        """Mark a request as offered and return it, or None when it needs no sending any more.

        Called before any byte leaves: a kill after this leaves ``offered``, which says that the broker may know it.
        """
        with self._database.writing() as session:
            row = session.get(PostingRow, number)
            if row is None or row.state not in _OPEN or row.body is None:
                return None
            row.state = PostingState.OFFERED
            if row.kind == PostingKind.PUSH:
                self._pending.step_posting(session, number, Step.OFFER)
            return Posting(
                number,
                PostingKind(row.kind),
                row.path,
                row.idempotency_key,
                self._database.open(row.body, "posting", row.idempotency_key),
                row.body_sha256,
                None if row.purpose is None else PurposeId(row.purpose),
                row.person,
                row.about,
            )

    def settle_push(
        self,
        number: int,
        refusals: Mapping[SignalId, Refusal | None],
        receipts: Sequence[Receipt],
        now: datetime,
    ) -> None:
        """Write a proven answer: each signal accepted or refused, its receipts, and the request done.

        The withdrawal of what an accepted signal supersedes is written with it, so that no kill forgets the old one.
        """
        with self._database.writing() as session:
            posting = self._close(session, number, PostingState.DONE, None)
            accepted = [signal for signal, refusal in refusals.items() if refusal is None]
            self._pending.step(session, accepted, Step.ACCEPT)
            for old in self._pending.superseded_by(session, accepted):
                # Who corrects a signal is who takes the old one back.
                self._put(session, withdrawal(old, CORRECTED, None if posting is None else posting.person), now)
            for signal, refusal in refusals.items():
                if refusal is None:
                    continue
                if refusal.code == "epoch_closed":
                    self._pending.step(session, [signal], Step.EPOCH_CLOSED)
                else:
                    self._pending.step(session, [signal], Step.REFUSE, code=refusal.code, rule=refusal.rule)
            put_receipts(session, self._database, receipts)

    def settle_withdrawal(self, number: int, signal: SignalId, receipt: Receipt) -> None:
        """Write that the log proves a withdrawal."""
        with self._database.writing() as session:
            self._close(session, number, PostingState.DONE, None)
            self._pending.step(session, [signal], Step.WITHDRAW)
            put_receipts(session, self._database, [receipt])

    def settle_opening(self, number: int, hit: HitId, receipt: Receipt, now: datetime) -> None:
        """Write that the log proves that a person may now read what a hit released."""
        with self._database.writing() as session:
            self._close(session, number, PostingState.DONE, None)
            row = session.get(HitRow, str(hit))
            if row is not None and row.opened_at is None:
                row.opened_at = format_time(now)
            put_receipts(session, self._database, [receipt])

    def settle_informing(self, number: int, signal: SignalId, decided: InformingReview, receipt: Receipt) -> None:
        """Write that the log proves what was decided about telling the person of a signal."""
        with self._database.writing() as session:
            self._close(session, number, PostingState.DONE, None)
            self._signals.review(session, signal, decided)
            put_receipts(session, self._database, [receipt])

    def put_within(self, session: Session, posting: NewPosting, now: datetime) -> int:
        """Write a request within the transaction of what it is about; returns its number."""
        return self._put(session, posting, now)

    def done(self, session: Session, number: int) -> None:
        """Write, within the transaction of what it changes, that a request is proven."""
        self._close(session, number, PostingState.DONE, None)

    def fail(self, number: int, code: str, rule: str | None = None, *, epoch_closed: bool = False) -> None:
        """Write that the broker refused a whole request for good; its signals are refused, or tagged again."""
        with self._database.writing() as session:
            row = self._close(session, number, PostingState.FAILED, code)
            if row is None or row.kind != PostingKind.PUSH:
                return
            step = Step.EPOCH_CLOSED if epoch_closed else Step.REFUSE
            self._pending.step(session, self._pending.of_posting(session, number), step, code=code, rule=rule)

    @staticmethod
    def _close(session: Session, number: int, state: PostingState, code: str | None) -> PostingRow | None:
        row = session.get(PostingRow, number)
        if row is not None:
            row.state, row.code, row.body = state, code, None
        return row


def withdrawal(signal: SignalId, reason: str, person: str | None = None) -> NewPosting:
    """Return the request that takes a signal back."""
    return NewPosting(
        PostingKind.WITHDRAWAL,
        f"/v1/signals/{signal}/withdrawal",
        new_key(),
        WithdrawalRequest(reason=reason).to_json(),
        person=person,
        about=str(signal),
    )


def carried_out(notice: WithdrawnNotice | RestrictedNotice, purpose: PurposeId | None) -> NewPosting:
    """Return the request that says that what a notice tells is carried out here; no person does, our system did."""
    return NewPosting(
        PostingKind.CHANGE_SEEN,
        f"/v1/notices/{notice.seq}/acknowledgement",
        new_key(),
        ChangeSeen(change=notice.type).to_json(),
        purpose,
        about=str(notice.hit_id),
    )


def new_key() -> str:
    """Return a fresh idempotency key."""
    return b64url(random_bytes(_KEY_BYTES))


def _sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()
