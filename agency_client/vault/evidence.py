# SPDX-License-Identifier: EUPL-1.2
"""What the client can prove, and what others did that does not hold: checkpoint, receipts, key sets, findings.

Not here: the verifying (``trail.py``, ``inbox.py``, ``post.py``); only verified things are put here, except findings.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy.dialects.sqlite import insert
from sqlmodel import Session, col, func, select

from agency_client.vault.database import Database
from agency_client.vault.proofs import put_proofs
from agency_client.vault.tables import FindingRow, KeySetRow, PersonRow, ReceiptRow, SettingRow
from agency_client.verified import Receipt
from protocol.commitments import parse_opening
from protocol.encoding import format_time
from protocol.errors import Code
from protocol.events import SignalRegistered
from protocol.ids import Epoch, PurposeId, SignalId
from protocol.messages import Opening, parse

_CHECKPOINT = "checkpoint"
RECEIPT_PAGE: Final = 1_000
"""Receipts read at a time while verifying the whole log."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that did not hold."""

    number: int
    code: str
    place: str
    detail: str
    ours: str
    theirs: str
    found_at: str
    seen_at: str | None


class EvidenceShelf:
    """The shelf of proofs and findings."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def checkpoint(self) -> str | None:
        """Return the note of the last checkpoint that was proven consistent, or None before the first."""
        return self.setting(_CHECKPOINT)

    def put_checkpoint(self, previous: str | None, note: str) -> bool:
        """Move from the checkpoint that the caller compared with to the next; False when another was first."""
        with self._database.writing() as session:
            row = session.get(SettingRow, _CHECKPOINT)
            if (row.value if row else None) != previous:
                return False
            session.merge(SettingRow(name=_CHECKPOINT, value=note))
            return True

    def setting(self, name: str) -> str | None:
        """Return one setting of the vault."""
        with self._database.reading() as session:
            row = session.get(SettingRow, name)
            return None if row is None else row.value

    def put_setting(self, name: str, value: str) -> None:
        """Write one setting of the vault."""
        with self._database.writing() as session:
            session.merge(SettingRow(name=name, value=value))

    def receipts(self) -> Iterator[tuple[int, str, bytes]]:
        """Yield place, kind and leaf of every receipt, in the log's order."""
        last = -1
        while True:
            with self._database.reading() as session:
                rows = session.exec(
                    select(ReceiptRow)
                    .where(col(ReceiptRow.place) > last)
                    .order_by(col(ReceiptRow.place))
                    .limit(RECEIPT_PAGE)
                ).all()
            if not rows:
                return
            yield from ((row.place, row.kind, row.leaf) for row in rows)
            last = rows[-1].place

    def openings(self) -> Iterator[tuple[int, Opening]]:
        """Yield place and opening of every receipt, in the log's order."""
        for place, _, _ in self.receipts():
            with self._database.reading() as session:
                row = session.get_one(ReceiptRow, place)
                sealed = row.opening
            yield place, parse(Opening, self._database.open(sealed, "receipt", str(place)))

    def openings_between(self, first: int, behind: int) -> Iterator[tuple[int, Opening, bytes]]:
        """Yield place, opening and leaf of the receipts from one place on and before another, in the log's order."""
        while first < behind:
            with self._database.reading() as session:
                rows = session.exec(
                    select(ReceiptRow)
                    .where(col(ReceiptRow.place) >= first, col(ReceiptRow.place) < behind)
                    .order_by(col(ReceiptRow.place))
                    .limit(RECEIPT_PAGE)
                ).all()
            if not rows:
                return
            for row in rows:
                sealed = self._database.open(row.opening, "receipt", str(row.place))
                yield row.place, parse(Opening, sealed), row.leaf
            first = rows[-1].place + 1

    def newest(self, limit: int, before: int | None = None) -> list[tuple[int, Opening]]:
        """Return place and opening of the receipts before a place, newest first."""
        query = select(ReceiptRow).order_by(col(ReceiptRow.place).desc()).limit(limit)
        if before is not None:
            query = query.where(col(ReceiptRow.place) < before)
        with self._database.reading() as session:
            rows = session.exec(query).all()
        return [
            (row.place, parse(Opening, self._database.open(row.opening, "receipt", str(row.place)))) for row in rows
        ]

    def has_receipt(self, place: int) -> bool:
        """Return whether the log's entry at a place was proven to us before."""
        with self._database.reading() as session:
            return session.get(ReceiptRow, place) is not None

    def registered(self, signals: Sequence[SignalId]) -> dict[SignalId, datetime]:
        """Return when each of these signals was registered, as the log proved to us; of others nothing."""
        found: dict[SignalId, datetime] = {}
        wanted = [str(signal) for signal in signals]
        for start in range(0, len(wanted), RECEIPT_PAGE // 2):
            with self._database.reading() as session:
                rows = session.exec(
                    select(ReceiptRow).where(
                        ReceiptRow.kind == SignalRegistered.__name__,
                        col(ReceiptRow.about).in_(wanted[start : start + RECEIPT_PAGE // 2]),
                    )
                ).all()
            for row in rows:
                opening = parse(Opening, self._database.open(row.opening, "receipt", str(row.place)))
                found[SignalId(UUID(row.about))] = parse_opening(opening).act.time
        return found

    def put_receipt(self, receipt: Receipt) -> None:
        """Keep one receipt of an act that changes nothing else here."""
        with self._database.writing() as session:
            put_receipts(session, self._database, [receipt])

    def places(self, kind: str, about: str) -> list[int]:
        """Return where entries of a kind that are about something were proven to stand."""
        with self._database.reading() as session:
            rows = session.exec(
                select(ReceiptRow.place).where(ReceiptRow.kind == kind, ReceiptRow.about == about)
            ).all()
        return list(rows)

    def count_receipts(self) -> int:
        """Return how many receipts there are."""
        with self._database.reading() as session:
            return session.exec(select(func.count()).select_from(ReceiptRow)).one()

    def key_statements(self, purpose: PurposeId, epoch: Epoch) -> bytes | None:
        """Return the key statements of a purpose and epoch that were proven to be logged, as JSON."""
        with self._database.reading() as session:
            row = session.get(KeySetRow, (purpose, epoch))
            return None if row is None else row.statements.encode()

    def put_key_statements(self, purpose: PurposeId, epoch: Epoch, statements: bytes) -> None:
        """Keep proven key statements; the first stay, since a purpose and epoch have one key for ever."""
        with self._database.writing() as session:
            if session.get(KeySetRow, (purpose, epoch)) is None:
                session.add(KeySetRow(purpose=purpose, epoch=epoch, statements=statements.decode()))

    def report(self, code: Code, place: str, detail: str, now: datetime, *, ours: str = "", theirs: str = "") -> None:
        """Keep a finding; the same one that nobody has seen yet is kept once."""
        with self._database.writing() as session:
            known = session.exec(
                select(FindingRow).where(
                    FindingRow.code == code, FindingRow.place == place, col(FindingRow.seen_at).is_(None)
                )
            ).first()
            if known is None:
                session.add(
                    FindingRow(
                        code=code, place=place, detail=detail, ours=ours, theirs=theirs, found_at=format_time(now)
                    )
                )

    def findings(self, *, unseen_only: bool = False) -> list[Finding]:
        """Return the findings, oldest first."""
        with self._database.reading() as session:
            query = select(FindingRow).order_by(col(FindingRow.number))
            if unseen_only:
                query = query.where(col(FindingRow.seen_at).is_(None))
            rows = session.exec(query).all()
        return [
            Finding(r.number or 0, r.code, r.place, r.detail, r.ours, r.theirs, r.found_at, r.seen_at) for r in rows
        ]

    def mark_seen(self, now: datetime) -> int:
        """Write that an operator looked at all findings; returns how many were new to him."""
        with self._database.writing() as session:
            rows = session.exec(select(FindingRow).where(col(FindingRow.seen_at).is_(None))).all()
            for row in rows:
                row.seen_at = format_time(now)
            return len(rows)

    def people(self) -> Callable[[str], str | None]:
        """Return what gives who is behind a person reference of this agency's, if it was made here.

        All are read at once, and a name is unsealed when it is asked for.
        """
        with self._database.reading() as session:
            sealed = {row.reference: row.name for row in session.exec(select(PersonRow)).all()}

        def name_of(reference: str) -> str | None:
            name = sealed.get(reference)
            return None if name is None else self._database.open(name, "person", reference).decode()

        return name_of

    def put_person(self, reference: str, name: str) -> None:
        """Keep who is behind a person reference, sealed."""
        with self._database.writing() as session:
            if session.get(PersonRow, reference) is None:
                sealed = self._database.seal(name.encode(), "person", reference)
                session.add(PersonRow(reference=reference, name=sealed))


def put_receipts(session: Session, database: Database, receipts: Sequence[Receipt]) -> None:
    """Write receipts within a transaction; the same act proven again changes nothing."""
    rows = [
        {
            "place": receipt.place,
            "kind": receipt.kind,
            "about": receipt.about,
            "leaf": receipt.leaf,
            "opening": database.seal(receipt.opening, "receipt", str(receipt.place)),
        }
        for receipt in receipts
    ]
    if rows:
        session.connection().execute(insert(ReceiptRow).on_conflict_do_nothing(index_elements=["place"]), rows)
        put_proofs(session, receipts)
