# SPDX-License-Identifier: EUPL-1.2
"""Who is to be told that something waits, kept over a crash: what came since the last look, and what went out.

Not here: when (``agency_client/telling_rules.py``), the sending.
"""

import json
from collections.abc import Iterable, Set
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlmodel import Session, col, func, select

from agency_client.telling_rules import ASKS_NOTHING, Pending
from agency_client.vault.database import Database
from agency_client.vault.probes import real
from agency_client.vault.tables import FindingRow, HitRow, NoticeRow, ProbeRow, SettingRow
from agency_client.vault.telling_tables import TellingRow
from protocol.encoding import b64url, format_time, parse_time
from protocol.group import random_bytes
from protocol.messages import parse
from protocol.notices import HitNotice

_UNTIL: Final = "told-until"
_FINDING: Final = "told-finding"
_KEY_BYTES: Final = 16


@dataclass(frozen=True, slots=True)
class News:
    """One notice that somebody may have to be told of."""

    seq: int
    type: str
    urgent: bool


@dataclass(frozen=True, slots=True)
class Offer:
    """A message that is about to go out."""

    key: str
    wants: int


class Telling:
    """The shelf of messages that something waits."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def until(self) -> int | None:
        """Return the number of the last notice that was looked at; None before the first look."""
        with self._database.reading() as session:
            row = session.get(SettingRow, _UNTIL)
            return None if row is None else int(row.value)

    def news(self, until: int, most: int) -> tuple[list[News], int]:
        """Return the notices behind a number that somebody may have to be told of, and up to where was looked.

        Not those about probes, nor what did not hold, nor hits of signals that ended.
        """
        with self._database.reading() as session:
            rows = session.exec(
                select(NoticeRow).where(col(NoticeRow.seq) > until).order_by(col(NoticeRow.seq)).limit(most)
            ).all()
            hits = {
                row.seq: row
                for row in session.exec(
                    select(HitRow).where(col(HitRow.seq).in_([row.seq for row in rows]), real(HitRow.signal))
                ).all()
            }
            probes = {row for row in session.exec(select(ProbeRow.signal)).all() if row is not None}
        found = [
            News(row.seq, row.type, self._is_urgent(hits.get(row.seq)))
            for row in rows
            if (row.seq in hits if row.type == "hit" else self._asks_something(row, probes))
        ]
        return found, rows[-1].seq if rows else until

    def _asks_something(self, row: NoticeRow, probes: Set[str]) -> bool:
        return row.type not in (ASKS_NOTHING | {"refused"}) and self._about(row) not in probes

    def _is_urgent(self, row: HitRow | None) -> bool:
        if row is None:
            return False
        return parse(HitNotice, self._database.open(row.notice, "hit", row.id)).urgency == "urgent"

    def _about(self, row: NoticeRow) -> str | None:
        if row.notice is None:
            return None
        found: str | None = json.loads(self._database.open(row.notice, "notice", str(row.seq))).get("mySignal")
        return found

    def new_finding(self) -> bool:
        """Return whether something did not hold that nobody was told of yet, and note that now somebody is."""
        with self._database.writing() as session:
            last = session.exec(select(func.max(FindingRow.number))).one() or 0
            row = session.get(SettingRow, _FINDING)
            if row is not None and int(row.value) >= last:
                return False
            session.merge(SettingRow(name=_FINDING, value=str(last)))
            return row is not None

    def begin(self) -> None:
        """Begin with what comes from now on, when there was no look before."""
        with self._database.writing() as session:
            if session.get(SettingRow, _UNTIL) is None:
                last = session.exec(select(NoticeRow.seq).order_by(col(NoticeRow.seq).desc()).limit(1)).first()
                session.add(SettingRow(name=_UNTIL, value=str(last or 0)))

    def want(self, recipients: Iterable[tuple[str, bool]], until: int | None, now: datetime) -> None:
        """Write who is to be told, and whether it is urgent; with ``until``, up to where notices were looked at."""
        with self._database.writing() as session:
            for name, urgent in recipients:
                row = _row(session, name)
                row.wants += 1
                row.urgent = row.urgent or urgent
                if row.wanted_at is None:
                    row.wanted_at = format_time(now)
                    row.key = b64url(random_bytes(_KEY_BYTES))
            if until is not None:
                session.merge(SettingRow(name=_UNTIL, value=str(until)))

    def pending(self, recipients: Iterable[str]) -> dict[str, Pending]:
        """Return what is known of recipients."""
        wanted = list(recipients)
        with self._database.reading() as session:
            rows = session.exec(select(TellingRow).where(col(TellingRow.recipient).in_(wanted))).all()
        return {
            row.recipient: Pending(
                _time(row.wanted_at),
                row.urgent,
                _time(row.offered_at),
                _time(row.told_at),
                row.failures,
                _time(row.failed_at),
            )
            for row in rows
        }

    def offer(self, recipient: str, now: datetime) -> Offer:
        """Write that a message is about to go out: whoever finds this after a crash knows that it may have."""
        with self._database.writing() as session:
            row = _row(session, recipient)
            row.offered_at = format_time(now)
            row.key = row.key or b64url(random_bytes(_KEY_BYTES))
            return Offer(row.key, row.wants)

    def told(self, recipient: str, offer: Offer, now: datetime) -> None:
        """Write that the message went out; what came meanwhile is told by the next."""
        with self._database.writing() as session:
            row = _row(session, recipient)
            more = row.wants != offer.wants
            row.wanted_at, row.urgent = (format_time(now), row.urgent) if more else (None, False)
            row.key = b64url(random_bytes(_KEY_BYTES)) if more else None
            row.offered_at, row.told_at = None, format_time(now)
            row.failures, row.failed_at = 0, None

    def failed(self, recipient: str, now: datetime, *, may_be_out: bool) -> None:
        """Write that it did not go out, or that nothing says whether it did."""
        with self._database.writing() as session:
            row = _row(session, recipient)
            row.failures += 1
            row.failed_at = format_time(now)
            if not may_be_out:
                row.offered_at = None


def _row(session: Session, recipient: str) -> TellingRow:
    row = session.get(TellingRow, recipient)
    if row is None:
        row = TellingRow(recipient=recipient)
        session.add(row)
    return row


def _time(text: str | None) -> datetime | None:
    return None if text is None else parse_time(text)
