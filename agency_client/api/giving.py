# SPDX-License-Identifier: EUPL-1.2
"""Records that a system gives, asks back and withdraws, in its own name: what the routes do, without HTTP.

Reads and writes the disk: not for an event loop. Not here: the routes (``records.py``), rows into signals
(``agency_client/connectors/entrance.py``).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from agency_client.api.messages import NamedRecord, RecordAnswer, RecordResult, RecordSignal
from agency_client.connectors.entrance import Entrance, Gone, Origin
from agency_client.connectors.mappings import mapping_of_system, referenced
from agency_client.mapping import Mapping
from agency_client.session import Session
from agency_client.source_rows import BadRow, Row, typed_row
from agency_client.vault.signals import Kept
from protocol.encoding import parse_time
from protocol.errors import Code, ConflictError, Issue, NotFoundError
from protocol.messages import ProblemIssue

SOURCE: Final = "api"
OTHER_SYSTEM: Final = "other-system"
_NOT_YOURS: Final = Issue("reference", OTHER_SYSTEM, "Another system of this agency gives this record.")


@dataclass(slots=True)
class Giving:
    """The records of one system."""

    session: Session
    system: str

    def give(self, records: Sequence[NamedRecord]) -> list[RecordResult]:
        """Take records in one transaction; returns what became of each, in order."""
        mapping, entrance = mapping_of_system(self.session.home.folder, self.system), Entrance(self.session)
        others = self.session.vault.records.others(self.system, {one.reference for one in records})
        results: dict[int, RecordResult] = {}
        rows: list[Row] = []
        for number, record in enumerate(records):
            row = typed_row(number, record.fields)
            if record.reference in others:
                results[number] = _refused(record, _NOT_YOURS)
            elif isinstance(row, BadRow):
                results[number] = _refused(record, row.issue)
            else:
                rows.append(row)
        done = entrance.admit(
            rows, lambda row: referenced(mapping, records[row.number].reference), Origin(self.system, SOURCE)
        )
        troubles = {one.row: one for one in done.troubles}
        for row in rows:
            trouble = troubles.get(row.number)
            results[row.number] = RecordResult(
                reference=records[row.number].reference,
                result=done.results[row.number],
                quarantine=None if trouble is None else trouble.quarantine,
                errors=() if trouble is None else tuple(map(_told, trouble.reasons)),
            )
        return [results[number] for number in range(len(records))]

    def get(self, reference: str) -> RecordAnswer:
        """Return what stands of a record. Raises ``NotFoundError``, also for another system's."""
        vault = self.session.vault
        kept, waiting = vault.records.get(reference), vault.quarantine.of_record(self.system, reference)
        number = None if waiting is None else waiting.number
        if kept is None or kept.system != self.system:
            if waiting is None:
                raise NotFoundError(Code.NOT_FOUND, "This system gave no record with this reference.")
            return RecordAnswer(reference=reference, state="quarantined", quarantine=number)
        return RecordAnswer(
            reference=reference,
            state=kept.state.value,
            quarantine=number,
            signals=tuple(map(_signal, kept.signals)),
        )

    def withdraw(self, reference: str) -> RecordAnswer:
        """Say that a record is gone; said again it is the same. Raises ``NotFoundError``, ``ConflictError``."""
        before = self.get(reference)
        owner = self.session.vault.records.owner(reference)
        if owner not in (None, self.system):
            raise ConflictError(Code.CONFLICT, _NOT_YOURS.message)
        if before.state != "ended":
            Entrance(self.session).admit([Gone(0, reference)], Mapping(()), Origin(self.system, SOURCE))
        if owner is None:
            return RecordAnswer(reference=reference, state="ended")
        return self.get(reference)


def _refused(record: NamedRecord, issue: Issue) -> RecordResult:
    return RecordResult(reference=record.reference, result="refused", errors=(_told(issue),))


def _told(issue: Issue) -> ProblemIssue:
    return ProblemIssue(location=issue.location, code=issue.code, message=issue.message)


def _signal(kept: Kept) -> RecordSignal:
    return RecordSignal(
        signal_id=kept.id,
        purpose=kept.purpose,
        state=kept.state.value,
        code=kept.code,
        rule=kept.rule,
        created_at=parse_time(kept.created_at),
        expires_at=parse_time(kept.expires_at),
    )
