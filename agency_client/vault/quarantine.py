# SPDX-License-Identifier: EUPL-1.2
"""Rows of the agency's own systems that could not be used, or not wholly: kept, sealed, until somebody repairs them.

The same row read again is the same number. When its system gives a newer version of the record, or the row is repaired
or dismissed, its values are dropped; what is left says only that there was such a row, and goes after a month. Not
here: taking a repaired row in (``agency_client/connectors/repairing.py``).
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from sqlmodel import Session, and_, col, func, or_, select, update

from agency_client.vault.database import Database
from agency_client.vault.record_tables import QuarantinedRow
from protocol.encoding import canonical_json, format_time, lp, parse_time
from protocol.errors import Code, ConflictError, Issue, NotFoundError, UnavailableError

MAX_OPEN: Final = 5_000
"""Open rows of one system: with more the mapping is wrong rather than the rows, and reading stops until it is right."""
KEPT_OPEN: Final = timedelta(days=90)
"""How long values wait for repair: a quarter. A record that still matters is given again by its system."""
KEPT_CLOSED: Final = timedelta(days=30)
"""How long it is known that a row was there, so that the same row is not put here again the next minute."""
_SEEN_EVERY: Final = timedelta(days=1)
"""How exactly it is known when a closed row was last seen: a write a day, not one a look."""
MAX_REASONS: Final = 50
"""Reasons kept of one row; a row has fewer fields that can be wrong."""


class QuarantineState(StrEnum):
    """Where a row is. All but ``open`` are ends."""

    OPEN = "open"
    REPAIRED = "repaired"
    DISMISSED = "dismissed"
    OVERTAKEN = "overtaken"
    """Its system gave a newer version of the record, or withdrew it."""


@dataclass(frozen=True, slots=True)
class Unusable:
    """A row that could not be used, or not wholly, on its way into the quarantine."""

    system: str
    source: str = field(repr=False)
    """The file or query that it came from."""
    place: int
    """Its number there."""
    reference: str = field(repr=False)
    """Of the record; empty when it has none that could be read."""
    values: Mapping[str, str] = field(repr=False)
    reasons: Sequence[Issue]
    partly: bool
    once: bytes = b""
    """What tells a row without values again, such as its file's digest."""


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A row in the quarantine; ``values`` are empty once it is closed, or when it could not be read at all."""

    number: int
    system: str
    source: str = field(repr=False)
    place: int
    reference: str = field(repr=False)
    values: Mapping[str, str] = field(repr=False)
    reasons: tuple[Issue, ...]
    partly: bool
    state: QuarantineState
    at: datetime
    closed_at: datetime | None

    @property
    def repairable(self) -> bool:
        """Return whether it still has values to repair."""
        return self.state is QuarantineState.OPEN and bool(self.values)


class Quarantine:
    """The shelf of rows that wait for somebody to look."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, found: Unusable, now: datetime) -> int:
        """Keep a row and return its number. An open row of the same record of the same system is overtaken by it.

        Raises ``UnavailableError`` when too many of this system wait already.
        """
        row = _packed(found.source, found.place, found.reference, found.values)
        once, own = self._once(found), self._own(found.reference)
        with self._database.writing() as session:
            known = session.exec(select(QuarantinedRow).where(QuarantinedRow.once == once)).first()
            if known is not None and known.number is not None:
                self._seen_again(session, known, row, now)
                return known.number
            if own is not None:
                self._overtake(session, found.system, [own], now)
            if self._open(session, found.system) >= MAX_OPEN:
                raise UnavailableError(
                    Code.UNAVAILABLE,
                    f"{MAX_OPEN:,} rows of {found.system} wait in quarantine; no more are taken.",
                    hint="Is its mapping right? Repair or dismiss them: `sluis agency quarantine`.",
                )
            kept = QuarantinedRow(
                once=once,
                system=found.system,
                own=own,
                row=self._database.seal(row, "quarantined", once.hex()),
                reasons=_reasons(found.reasons),
                partly=found.partly,
                state=QuarantineState.OPEN,
                at=format_time(now),
            )
            session.add(kept)
            session.flush()
            if kept.number is None:
                raise ValueError("a row without a number after it was written")
            return kept.number

    def repaired(self, found: Unusable) -> bool:
        """Return whether somebody repaired this very row, if only in part: what it says itself counts no more."""
        with self._database.reading() as session:
            row = session.exec(select(QuarantinedRow).where(QuarantinedRow.once == self._once(found))).first()
        if row is None or row.state in (QuarantineState.DISMISSED, QuarantineState.OVERTAKEN):
            return False
        return row.state == QuarantineState.REPAIRED or row.person is not None

    def overtake(self, system: str, references: Sequence[str], now: datetime) -> None:
        """Close the open rows of records that their system gave anew, or withdrew."""
        owns = [own for reference in references if (own := self._own(reference)) is not None]
        with self._database.writing() as session:
            self._overtake(session, system, owns, now)

    def page(
        self,
        limit: int,
        before: int | None = None,
        system: str | None = None,
        state: QuarantineState = QuarantineState.OPEN,
    ) -> list[Quarantined]:
        """Return rows, newest first."""
        wanted = [col(QuarantinedRow.state) == state]
        if before is not None:
            wanted.append(col(QuarantinedRow.number) < before)
        if system is not None:
            wanted.append(col(QuarantinedRow.system) == system)
        with self._database.reading() as session:
            rows = session.exec(
                select(QuarantinedRow).where(*wanted).order_by(col(QuarantinedRow.number).desc()).limit(limit)
            ).all()
        return [self._kept(row) for row in rows]

    def get(self, number: int) -> Quarantined:
        """Return one row; raises ``NotFoundError``."""
        with self._database.reading() as session:
            row = session.get(QuarantinedRow, number)
        if row is None:
            raise NotFoundError(Code.NOT_FOUND, "There is no row with this number in quarantine.")
        return self._kept(row)

    def of_record(self, system: str, reference: str) -> Quarantined | None:
        """Return the open row of a record, if there is one."""
        own = self._own(reference)
        with self._database.reading() as session:
            row = session.exec(
                select(QuarantinedRow).where(
                    QuarantinedRow.system == system,
                    QuarantinedRow.own == own,
                    QuarantinedRow.state == QuarantineState.OPEN,
                )
            ).first()
        return None if row is None or own is None else self._kept(row)

    def counts(self) -> Counter[str]:
        """Return how many rows of each system wait."""
        with self._database.reading() as session:
            rows = session.exec(
                select(QuarantinedRow.system, func.count())
                .where(QuarantinedRow.state == QuarantineState.OPEN)
                .group_by(QuarantinedRow.system)
            ).all()
        return Counter(dict(rows))

    def repair(self, number: int, values: Mapping[str, str], reasons: Sequence[Issue], person: str) -> None:
        """Write the values that somebody corrected, and what is still wrong with them; it stays open."""
        with self._database.writing() as session:
            row = self._require_open(session, number)
            kept = self._kept(row)
            packed = _packed(kept.source, kept.place, kept.reference, values)
            row.row = self._database.seal(packed, "quarantined", row.once.hex())
            row.reasons, row.person = _reasons(reasons), person

    def close(self, number: int, state: QuarantineState, person: str | None, now: datetime) -> None:
        """End a row and drop its values. Raises ``NotFoundError``, ``ConflictError`` when it is closed already."""
        with self._database.writing() as session:
            row = self._require_open(session, number)
            row.state, row.row, row.person, row.closed_at = state, None, person, format_time(now)

    def prune(self, now: datetime) -> int:
        """Forget rows that waited a quarter, and traces of closed ones after a month; returns how many."""
        opened, closed = format_time(now - KEPT_OPEN), format_time(now - KEPT_CLOSED)
        with self._database.writing() as session:
            old = session.exec(
                select(QuarantinedRow).where(
                    or_(
                        and_(col(QuarantinedRow.state) == QuarantineState.OPEN, col(QuarantinedRow.at) < opened),
                        col(QuarantinedRow.closed_at) < closed,
                    )
                )
            ).all()
            for row in old:
                session.delete(row)
        return len(old)

    def _once(self, found: Unusable) -> bytes:
        tells = canonical_json(dict(found.values)) if found.values else lp(found.once) + lp(str(found.place))
        return self._database.keyed_hash("quarantine", lp(found.system) + tells)

    def _seen_again(self, session: Session, row: QuarantinedRow, packed: bytes, now: datetime) -> None:
        if row.state == QuarantineState.OVERTAKEN:
            if row.own is not None:
                self._overtake(session, row.system, [row.own], now)
            row.state, row.closed_at = QuarantineState.OPEN, None
            row.row = self._database.seal(packed, "quarantined", row.once.hex())
        elif row.closed_at is not None and now - parse_time(row.closed_at) >= _SEEN_EVERY:
            # What was dismissed or repaired stays so for as long as its source goes on giving it.
            row.closed_at = format_time(now)

    def _own(self, reference: str) -> bytes | None:
        return self._database.keyed_hash("own-record", lp(reference)) if reference else None

    @staticmethod
    def _overtake(session: Session, system: str, owns: Sequence[bytes], now: datetime) -> None:
        if owns:
            session.connection().execute(
                update(QuarantinedRow)
                .where(
                    col(QuarantinedRow.system) == system,
                    col(QuarantinedRow.own).in_(owns),
                    col(QuarantinedRow.state) == QuarantineState.OPEN,
                )
                .values(state=QuarantineState.OVERTAKEN, row=None, closed_at=format_time(now))
            )

    @staticmethod
    def _open(session: Session, system: str) -> int:
        return session.exec(
            select(func.count())
            .select_from(QuarantinedRow)
            .where(QuarantinedRow.system == system, QuarantinedRow.state == QuarantineState.OPEN)
        ).one()

    @staticmethod
    def _require_open(session: Session, number: int) -> QuarantinedRow:
        row = session.get(QuarantinedRow, number)
        if row is None:
            raise NotFoundError(Code.NOT_FOUND, "There is no row with this number in quarantine.")
        if row.state != QuarantineState.OPEN:
            raise ConflictError(Code.CONFLICT, "This row was dealt with meanwhile.", hint=f"It is {row.state}.")
        return row

    def _kept(self, row: QuarantinedRow) -> Quarantined:
        found = {"source": "", "place": 0, "reference": "", "values": {}}
        if row.row is not None:
            found = json.loads(self._database.open(row.row, "quarantined", row.once.hex()))
        return Quarantined(
            row.number or 0,
            row.system,
            str(found["source"]),
            int(str(found["place"])),
            str(found["reference"]),
            dict(found["values"]),  # type: ignore[call-overload]  # as ``_packed`` wrote it
            tuple(Issue(*one) for one in json.loads(row.reasons)),
            row.partly,
            QuarantineState(row.state),
            parse_time(row.at),
            None if row.closed_at is None else parse_time(row.closed_at),
        )


def _packed(source: str, place: int, reference: str, values: Mapping[str, str]) -> bytes:
    return canonical_json({"source": source, "place": place, "reference": reference, "values": dict(values)})


def _reasons(reasons: Sequence[Issue]) -> str:
    return json.dumps([[one.location, one.code, one.message] for one in reasons[:MAX_REASONS]])
