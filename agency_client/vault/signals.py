# SPDX-License-Identifier: EUPL-1.2
"""The signals of an agency: added once a record, found again by it or by their ids, counted by their states.

Not here: what moves them from one state to the next (``pending.py``), pages for people (``signal_lists.py``).
"""

import json
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import bindparam, insert
from sqlmodel import Session, col, func, or_, select, update

from agency_client.draft import Draft
from agency_client.states import SignalState
from agency_client.vault.adding import Added, Adding, Latest, NewSignal
from agency_client.vault.database import Database
from agency_client.vault.probes import real
from agency_client.vault.registration_tables import RegistrationRow
from agency_client.vault.reviews import put_reviews, review_day
from agency_client.vault.search_terms import put_terms
from agency_client.vault.senders import put_senders
from agency_client.vault.tables import SignalRow
from protocol.encoding import b64url, lp, unb64url
from protocol.errors import Code, NotFoundError
from protocol.ids import Epoch, KeyKind, PurposeId, SignalId
from protocol.informing import InformingReview
from protocol.messages import Role

_ASKED: Final = 500
"""Records or signals asked for in one statement: SQLite takes 32,766 values, older ones 999."""


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
    earlier: tuple[Epoch, ...] = ()
    """Other epochs under which it is registered: those before, and the next while that is on its way. Known only where
    it was asked for with its keys."""

    @property
    def epochs(self) -> frozenset[Epoch]:
        """All epochs under which somebody can have been told of it."""
        return frozenset(self.earlier) | (frozenset() if self.epoch is None else {self.epoch})


class Signals:
    """The shelf of signals."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, offered: Iterable[NewSignal], now: datetime) -> Added:
        """Add the signals of records that are new or changed, in one transaction."""
        keyed = [
            (
                self.record_key(signal.purpose, signal.reference),
                self._database.keyed_hash("draft", signal.draft),
                signal,
            )
            for signal in offered
        ]
        with self._database.writing() as session:
            adding = Adding(self._latest(session, {record for record, _, _ in keyed}))
            found_by: dict[str, Draft] = {}
            days: dict[str, str | None] = {}
            persons: dict[str, str | None] = {}
            for record, digest, signal in keyed:
                if adding.wants(record, digest, again=signal.again):
                    stands_as = adding.id_of(record, signal)
                    sealed = self._database.seal(signal.draft, "draft", stands_as)
                    adding.put(record, digest, signal, sealed, now)
                    days[stands_as] = review_day(signal.draft)
                    persons[stands_as] = signal.person
                    if signal.found_by is not None:
                        found_by[stands_as] = signal.found_by
            # By the statement, not row by row through the object mapper: a tenth of the time.
            if adding.changed:
                session.connection().execute(
                    update(SignalRow)
                    .where(col(SignalRow.id) == bindparam("changed"))
                    .values(draft=bindparam("new_draft"), digest=bindparam("new_digest")),
                    adding.changed,
                )
            if adding.fresh:
                session.connection().execute(insert(SignalRow), list(adding.fresh.values()))
            put_terms(session, self._database, found_by)
            # Without a day there is nothing to look at again, unless there was one before.
            put_reviews(session, {name: day for name, day in days.items() if day or name not in adding.fresh})
            # Who changed it last before it leaves is who sends it.
            put_senders(session, {name: who for name, who in persons.items() if who or name not in adding.fresh})
        return adding.added

    @staticmethod
    def _latest(session: Session, records: Collection[bytes]) -> dict[bytes, "Latest"]:
        found: dict[bytes, Latest] = {}
        wanted = sorted(records)
        for start in range(0, len(wanted), _ASKED):
            rows = session.exec(
                select(SignalRow.record, SignalRow.id, SignalRow.digest, SignalRow.state)
                .where(col(SignalRow.record).in_(wanted[start : start + _ASKED]))
                .order_by(col(SignalRow.position))
            ).all()
            found |= {record: Latest(id, digest, SignalState(state)) for record, id, digest, state in rows}
        return found

    def review(self, session: Session, signal: SignalId, decided: InformingReview) -> None:
        """Write what was decided about telling the person. The record's digest stays: its source did not change."""
        row = session.exec(select(SignalRow).where(SignalRow.id == str(signal))).one()
        held = Draft.from_bytes(self._database.open(row.draft, "draft", row.id))
        changed = replace(held, informed=decided.status, review_on=decided.review_on)
        row.draft = self._database.seal(changed.to_bytes(), "draft", row.id)
        put_reviews(session, {row.id: None if decided.review_on is None else decided.review_on.isoformat()})

    def erasure_key(self, signal: SignalId, body: bytes) -> bytes:
        """Return what makes a request to erase a signal the same one: nobody else can tell for which it is."""
        return self._database.keyed_hash("erasure", signal.bytes + lp(body))

    def find(self, text: str) -> list[Kept]:
        """Return the signals that a user means by a signal id or a record reference, newest first; never a probe."""
        with self._database.reading() as session:
            purposes = session.exec(select(SignalRow.purpose).distinct()).all()
            records = [self.record_key(PurposeId(purpose), text) for purpose in purposes]
            rows = session.exec(
                select(SignalRow)
                .where(or_(col(SignalRow.id) == text, col(SignalRow.record).in_(records)), real(SignalRow.id))
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

    def with_keys(self, signals: Collection[SignalId]) -> dict[SignalId, tuple[Kept, tuple[KeptKey, ...]]]:
        """Return those signals that there are, each with its envelope keys, in one statement for many."""
        found: dict[SignalId, tuple[Kept, tuple[KeptKey, ...]]] = {}
        wanted = sorted({str(signal) for signal in signals})
        for start in range(0, len(wanted), _ASKED):
            with self._database.reading() as session:
                rows = session.exec(
                    select(SignalRow).where(col(SignalRow.id).in_(wanted[start : start + _ASKED]))
                ).all()
                others = self._registrations(session, [row.id for row in rows])
            for row in rows:
                sealed, more = row.envelope_keys, others.get(row.id, [])
                keys = () if sealed is None else _unpack(self._database.open(sealed, "envelope-keys", row.id))
                kept = replace(self._kept(row), earlier=tuple(epoch for epoch, _ in more))
                found[SignalId(UUID(row.id))] = (kept, (*keys, *(key for _, held in more for key in held)))
        return found

    def _registrations(
        self, session: Session, signals: Sequence[str]
    ) -> dict[str, list[tuple[Epoch, tuple[KeptKey, ...]]]]:
        found: dict[str, list[tuple[Epoch, tuple[KeptKey, ...]]]] = {}
        rows = session.exec(
            select(RegistrationRow).where(
                col(RegistrationRow.signal).in_(signals), col(RegistrationRow.keys).is_not(None)
            )
        ).all()
        for row in rows:
            if row.keys is not None:
                held = _unpack(self._database.open(row.keys, "registration", f"{row.signal}/{row.epoch}"))
                found.setdefault(row.signal, []).append((Epoch(row.epoch), held))
        return found

    def page(
        self, after_position: int, limit: int, purposes: Collection[PurposeId] | None = None
    ) -> list[tuple[int, Kept]]:
        """Return the next signals in the order of reading, without probes, so that a long list needs little memory."""
        chosen = [] if purposes is None else [col(SignalRow.purpose).in_(purposes)]
        with self._database.reading() as session:
            rows = session.exec(
                select(SignalRow)
                .where(col(SignalRow.position) > after_position, real(SignalRow.id), *chosen)
                .order_by(col(SignalRow.position))
                .limit(limit)
            ).all()
        return [(row.position or 0, self._kept(row)) for row in rows]

    def envelope_keys(self, signal: SignalId) -> tuple[KeptKey, ...]:
        """Return the envelope keys of a tagged signal, of all its epochs; none for one that was not tagged."""
        found = self.with_keys([signal]).get(signal)
        return () if found is None else found[1]

    def count(self) -> Counter[SignalState]:
        """Return how many signals are in each state, without probes."""
        with self._database.reading() as session:
            rows = session.exec(
                select(SignalRow.state, func.count()).where(real(SignalRow.id)).group_by(SignalRow.state)
            ).all()
        return Counter({SignalState(state): count for state, count in rows})

    def record_key(self, purpose: PurposeId, reference: str) -> bytes:
        """Return the keyed hash by which a record's signals for a purpose are found."""
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
            None if row.supersedes is None else SignalId(UUID(row.supersedes)),
        )


def pack_keys(keys: Sequence[KeptKey]) -> bytes:
    """Return envelope keys as bytes, to be sealed."""
    return json.dumps([[key.kind, key.role, b64url(key.key)] for key in keys]).encode()


def _unpack(raw: bytes) -> tuple[KeptKey, ...]:
    return tuple(KeptKey(kind, role, unb64url(key, length=32)) for kind, role, key in json.loads(raw))
