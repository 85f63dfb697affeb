# SPDX-License-Identifier: EUPL-1.2
"""Records that were typed in the console, as they were typed: to show them and to correct them.

A signal keeps only what is compared; the record behind it stands in the agency's own system. What was typed here has no
other system, so that it is kept here, sealed, as long as a signal of it is. Not here: the form (``console``).
"""

import json
from collections.abc import Mapping, Sequence

from sqlalchemy import delete, select
from sqlmodel import Session, col

from agency_client.vault.database import Database
from agency_client.vault.retention_tables import EndedRow
from agency_client.vault.signals import Signals
from agency_client.vault.tables import SignalRow
from agency_client.vault.typed_tables import TypedRecordRow
from protocol.encoding import b64url
from protocol.ids import PurposeId

_PLACE = "typed-record"


class TypedRecords:
    """The shelf of what was typed."""

    def __init__(self, database: Database, signals: Signals) -> None:
        self._database = database
        self._signals = signals

    def put(self, purpose: PurposeId, reference: str, fields: Mapping[str, Sequence[str]]) -> None:
        """Keep what was typed of a record, in place of what was typed before."""
        record = self._signals.record_key(purpose, reference)
        raw = json.dumps({name: list(texts) for name, texts in fields.items()}).encode()
        with self._database.writing() as session:
            session.merge(TypedRecordRow(record=record, typed=self._database.seal(raw, _PLACE, b64url(record))))

    def get(self, purpose: PurposeId, reference: str) -> dict[str, tuple[str, ...]] | None:
        """Return what was typed of a record; None of one that came from elsewhere."""
        record = self._signals.record_key(purpose, reference)
        with self._database.reading() as session:
            row = session.get(TypedRecordRow, record)
        if row is None:
            return None
        found = json.loads(self._database.open(row.typed, _PLACE, b64url(record)))
        return {name: tuple(texts) for name, texts in found.items()}


def forget_typed(session: Session, signals: Sequence[str]) -> None:
    """Forget what was typed of these ended signals' records, unless another signal of the record still stands."""
    connection = session.connection()
    records = select(col(SignalRow.record)).where(col(SignalRow.id).in_(signals))
    standing = select(col(SignalRow.record)).where(col(SignalRow.id).not_in(select(col(EndedRow.signal))))
    connection.execute(
        delete(TypedRecordRow).where(
            col(TypedRecordRow.record).in_(records), col(TypedRecordRow.record).not_in(standing)
        )
    )
