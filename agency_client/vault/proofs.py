# SPDX-License-Identifier: EUPL-1.2
"""How each kept entry was proven: enough to write its receipt at any time, without asking anybody.

A path's steps are roots over ranges of entries, which paths share; so ranges are kept, each once, and so are
checkpoints. Not here: receipts' leaves and openings (``evidence.py``), the file that is written (``receipts.py``).
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import ColumnElement
from sqlalchemy.dialects.sqlite import insert
from sqlmodel import Session, col, func, select, tuple_

from agency_client.vault.database import Database
from agency_client.vault.tables import CheckpointRow, ProofRow, ReceiptRow, SubtreeRow
from agency_client.verified import Receipt
from protocol.messages import Evidence, Opening, parse
from protocol.tiles import inclusion_path

PAGE: Final = 500
"""Receipts read at a time: their openings together have a megabyte."""
_RANGES: Final = 5_000
"""Ranges asked for at once: two values each, and SQLite takes 32,766."""


@dataclass(frozen=True, slots=True)
class KeptProof:
    """An entry that was proven to this agency, with all that its receipt needs."""

    evidence: Evidence
    note: str
    about: str
    """What it was kept under: the signal, hit or notice number, also when the entry's own subject part is erased."""


@dataclass(frozen=True, slots=True)
class ProvenEntry:
    """An entry that was proven to this agency, and the checkpoint that it was proven by, when that is kept."""

    place: int
    opening: Opening
    note: str | None


class Proofs:
    """The shelf of paths and checkpoints."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def count(self) -> int:
        """Return of how many entries the path is kept."""
        with self._database.reading() as session:
            return session.exec(select(func.count()).select_from(ProofRow)).one()

    def about(self, names: Collection[str], limit: int) -> list[ProvenEntry]:
        """Return the newest entries that were kept under these names (signals, hits, notice numbers), newest first."""
        return self._entries(col(ReceiptRow.about).in_(sorted(names)), limit)

    def at(self, places: Collection[int]) -> list[ProvenEntry]:
        """Return the entries at these places that were proven to us, newest first."""
        return self._entries(col(ReceiptRow.place).in_(sorted(places)), len(places))

    def _entries(self, where: ColumnElement[bool], limit: int) -> list[ProvenEntry]:
        with self._database.reading() as session:
            rows = session.exec(
                select(ReceiptRow.place, ReceiptRow.opening, CheckpointRow.note)
                .join(ProofRow, col(ProofRow.place) == col(ReceiptRow.place), isouter=True)
                .join(CheckpointRow, col(CheckpointRow.size) == col(ProofRow.size), isouter=True)
                .where(where)
                .order_by(col(ReceiptRow.place).desc())
                .limit(limit)
            ).all()
        return [
            ProvenEntry(place, parse(Opening, self._database.open(sealed, "receipt", str(place))), note)
            for place, sealed, note in rows
        ]

    def all(self) -> Iterator[KeptProof]:
        """Yield every entry whose path is kept, in the log's order."""
        last = -1
        while True:
            with self._database.reading() as session:
                rows = session.exec(
                    select(ReceiptRow.place, ReceiptRow.about, ReceiptRow.opening, ProofRow.size)
                    .join(ProofRow, col(ProofRow.place) == col(ReceiptRow.place))
                    .where(col(ReceiptRow.place) > last)
                    .order_by(col(ReceiptRow.place))
                    .limit(PAGE)
                ).all()
                steps = _steps(session, [(place, size) for place, _, _, size in rows])
                notes = _notes(session, {size for *_, size in rows})
            if not rows:
                return
            for place, about, sealed, size in rows:
                opening = parse(Opening, self._database.open(sealed, "receipt", str(place)))
                path = tuple(steps[part] for part in inclusion_path(place, size))
                yield KeptProof(Evidence(index=place, opening=opening, proof=path), notes[size], about)
            last = rows[-1][0]


def put_proofs(session: Session, receipts: Sequence[Receipt]) -> None:
    """Keep within a transaction how these were proven; what was kept first stays."""
    steps = {
        part: root
        for receipt in receipts
        for part, root in zip(inclusion_path(receipt.place, receipt.size), receipt.proof, strict=True)
    }
    notes = {receipt.size: receipt.checkpoint for receipt in receipts}
    connection = session.connection()
    connection.execute(
        insert(ProofRow).on_conflict_do_nothing(),
        [{"place": receipt.place, "size": receipt.size} for receipt in receipts],
    )
    connection.execute(
        insert(CheckpointRow).on_conflict_do_nothing(), [{"size": size, "note": note} for size, note in notes.items()]
    )
    if steps:
        connection.execute(
            insert(SubtreeRow).on_conflict_do_nothing(),
            [{"low": low, "high": high, "root": root} for (low, high), root in steps.items()],
        )


def _steps(session: Session, places: Sequence[tuple[int, int]]) -> dict[tuple[int, int], bytes]:
    wanted = sorted({part for place, size in places for part in inclusion_path(place, size)})
    found: dict[tuple[int, int], bytes] = {}
    for start in range(0, len(wanted), _RANGES):
        rows = session.exec(
            select(SubtreeRow.low, SubtreeRow.high, SubtreeRow.root).where(
                tuple_(col(SubtreeRow.low), col(SubtreeRow.high)).in_(wanted[start : start + _RANGES])
            )
        ).all()
        found |= {(low, high): root for low, high, root in rows}
    return found


def _notes(session: Session, sizes: set[int]) -> dict[int, str]:
    rows = session.exec(select(CheckpointRow).where(col(CheckpointRow.size).in_(sizes))).all()
    return {row.size: row.note for row in rows}
