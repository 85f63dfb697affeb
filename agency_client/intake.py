# SPDX-License-Identifier: EUPL-1.2
"""From an agency's file into the vault: rows -> records -> match keys -> new signals, a few hundred at a time.

A row that cannot be used goes to a quarantine file with its reasons, and the others go on; memory does not grow with
the file, and reading it again adds nothing. Not here: formats and columns (``source.py``, ``mapping.py``).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, TextIO, TypeAlias

from agency_client.draft import Draft, DraftKey
from agency_client.mapping import Mapping as ColumnMapping
from agency_client.mapping import Quarantined, SourceRecord, to_record
from agency_client.source import read_rows
from agency_client.source_rows import BadRow, Row
from agency_client.submit import UUID_RANDOM, signal_id
from agency_client.vault import Vault
from agency_client.vault.adding import Added, NewSignal
from protocol.covenant_parts import Agency
from protocol.errors import InputError, Issue
from protocol.group import random_bytes
from protocol.ids import PurposeId
from protocol.messages import PartName
from protocol.normalise import normalise
from protocol.policy import Plant, PolicyEngine, Push
from protocol.spreadsheet import TableWriter

CHUNK: Final = 200
"""Records written to the vault at once: one disk flush for so many, and small in memory."""
QUARANTINE_SUFFIX: Final = ".quarantine.csv"
Mix: TypeAlias = Callable[[frozenset[PurposeId], int, datetime], object]
OF_THE_MOMENT: Final = frozenset({"guard.covenant-not-in-force", "guard.epoch-closed"})
"""Refusals that pass without any change to the record: it waits in the vault, and nothing is lost."""


@dataclass(slots=True)
class Taken:
    """What became of a file's rows."""

    rows: int = 0
    quarantined: int = 0
    partly: int = 0
    """Records of which a value could not be used; the rest of them is."""
    added: Added = field(default_factory=Added)
    fraction: float | None = None


class Intake:
    """Takes files into the vault of one agency."""

    def __init__(
        self,
        engine: PolicyEngine,
        me: Agency,
        card: Mapping[str, str],
        clock: Callable[[], datetime],
        mix: Mix = lambda _, __, ___: None,
    ) -> None:
        """``card`` is the agency's contact card, for records without a contact of their own. ``mix`` is told of which
        purposes and how many signals were just added, and may add some of the same moment (``probing.py``).
        """
        self._engine = engine
        self._covenant = engine.covenant
        self._me = me
        self._card = dict(card)
        self._clock = clock
        self._mix = mix

    def drafts(self, path: Path, mapping: ColumnMapping, quarantine: "Quarantine", taken: Taken) -> Iterator["Ready"]:
        """Yield what each usable row would send; the others go to ``quarantine``."""
        for row in read_rows(path):
            taken.rows += 1
            taken.fraction = row.fraction
            found = self.ready(row, mapping)
            if isinstance(found, Quarantined):
                taken.quarantined += 1
                quarantine.add(found)
                continue
            if found.unused:
                taken.partly += 1
                quarantine.add(Quarantined(row.number, found.draft.reference, tuple(found.unused)), sent=True)
            yield found

    def ready(self, row: Row | BadRow, mapping: ColumnMapping) -> "Ready | Quarantined":
        """Return what a row would send, or why it sends nothing."""
        if isinstance(row, BadRow):
            return Quarantined(row.number, "", (row.issue,))
        record = to_record(mapping, row)
        return record if isinstance(record, Quarantined) else self.judged(record)

    def judged(self, record: SourceRecord) -> "Ready | Quarantined":
        """Return what a record would send, from whatever it was read, or why it sends nothing."""
        reasons = self._against_covenant(record)
        if reasons:
            return Quarantined(record.row, record.reference, tuple(reasons))
        try:
            ready = self._draft(record)
        except InputError as error:
            whole = Issue("record", error.code, str(error))
            return Quarantined(record.row, record.reference, (*error.issues, whole))
        if refusals := self._against_rules(ready):
            return Quarantined(record.row, record.reference, tuple(refusals))
        return ready

    def _against_rules(self, ready: "Ready") -> list[Issue]:
        """Return every rule that refuses this record's signal for a reason that does not pass by itself."""
        decision = self._engine.decide(self._question(ready))
        refusing = () if decision.allowed else decision.policies or (decision.rule,)
        says = {decision.rule: decision.reason} | {rule: self._engine.rules[rule].says for rule in decision.policies}
        return [Issue("record", rule, says[rule]) for rule in refusing if rule not in OF_THE_MOMENT]

    def _question(self, ready: "Ready") -> Push | Plant:
        """Return what the broker will be asked about this record's signal, were it sent now."""
        now, draft = self._clock(), ready.draft
        return Push(
            agency=self._me.id,
            purpose=ready.record.purpose,
            epoch=self._covenant.epoch_at(now),
            now=now,
            grounds=draft.grounds,
            basis=draft.basis,
            kinds=tuple(sorted({key.kind for key in draft.keys})),
            expires_at=self._expiry(ready, now),
            informed=draft.informed,
            review_on=draft.review_on,
        )

    def _expiry(self, ready: "Ready", now: datetime) -> datetime:
        return now + timedelta(days=self._covenant.purpose(ready.record.purpose).retention_days) - _MARGIN

    def _against_covenant(self, record: SourceRecord) -> list[Issue]:
        """Return what the broker would refuse for certain and what could be written instead; the rules themselves are
        asked after this, about what is left.
        """
        purpose = self._covenant.purposes.get(record.purpose)
        if purpose is None:
            known = ", ".join(self._covenant.purposes)
            return [Issue("purpose", "unknown-purpose", f"The covenant has: {known}.")]
        bases = purpose.bases_of(self._covenant.kind_of(self._me.id))
        if not bases:
            return [Issue("purpose", "not-a-sender", "Your kind of agency does not signal for this purpose.")]
        issues = []
        if record.basis not in bases:
            issues.append(Issue("basis", "unknown-basis", f"For you: {', '.join(bases)}."))
        unknown = [ground for ground in record.grounds if ground not in purpose.grounds]
        if unknown or not record.grounds:
            issues.append(Issue("grounds", "unknown-ground", f"The purpose has: {', '.join(purpose.grounds)}."))
        return issues

    def _draft(self, record: SourceRecord) -> "Ready":
        found = normalise(record.record)
        kinds = self._covenant.purpose(record.purpose).key_kinds
        keys = tuple(DraftKey(key.kind, key.role, key.normal_form) for key in found.keys if key.kind in kinds)
        parts: dict[PartName, Mapping[str, str]] = {}
        if contact := dict(record.contact) or self._card:
            parts["contact"] = contact
        if record.content:
            parts["content"] = dict(record.content)
        draft = Draft(
            record.reference,
            record.case_reference,
            record.grounds,
            record.basis,
            keys,
            parts,
            record.urgency or self._covenant.purpose(record.purpose).urgency,
            record.informed,
            record.review_on,
        )
        return Ready(draft, record, found.issues)

    def take(
        self,
        path: Path,
        mapping: ColumnMapping,
        vault: Vault,
        told: Callable[[Taken], None],
        stop: Callable[[], bool] = lambda: False,
    ) -> Taken:
        """Read a file into the vault; ``told`` hears of progress after every chunk."""
        taken = Taken()
        with Quarantine(path) as quarantine:
            for chunk in _chunks(self.drafts(path, mapping, quarantine, taken)):
                now = self._clock()
                done = vault.signals.add([self.signal(ready, now) for ready in chunk], now)
                self.mix(chunk, done, now)
                _sum(taken.added, done)
                told(taken)
                if stop():
                    break
        told(taken)
        return taken

    def mix(self, taken: Iterable["Ready"], added: Added, now: datetime) -> None:
        """Let signals of the same moment be added to those that were just added."""
        self._mix(frozenset(ready.record.purpose for ready in taken), added.new + added.changed, now)

    def signal(self, ready: "Ready", now: datetime, *, again: bool = False, person: str | None = None) -> NewSignal:
        """Return the signal of a record; ``again`` when its system withdrew it before, ``person`` who gives it, as an
        opaque reference, when a person does.
        """
        return NewSignal(
            signal_id(now, random_bytes(UUID_RANDOM)),
            ready.record.purpose,
            ready.draft.reference,
            ready.draft.to_bytes(),
            self._expiry(ready, now),
            ready.draft,
            again,
            person,
        )


_MARGIN: Final = timedelta(minutes=10)
"""Taken off the longest life that the purpose allows, so that a fast clock does not ask for more than that."""


@dataclass(frozen=True, slots=True)
class Ready:
    """A row that can be sent, and which of its values could not be used."""

    draft: Draft
    record: SourceRecord
    unused: Sequence[Issue]


class Quarantine:
    """The file beside a source that says which rows, or which values of them, were not used, and why.

    It never repeats a value. Without any such row there is no file.
    """

    def __init__(self, source: Path) -> None:
        self.path = source.with_name(source.name + QUARANTINE_SUFFIX)
        self._file: TextIO | None = None
        self._table: TableWriter | None = None

    def __enter__(self) -> "Quarantine":
        self.path.unlink(missing_ok=True)
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()

    def add(self, row: Quarantined, *, sent: bool = False) -> None:
        """Write one row's reasons, a line each."""
        if self._table is None:
            self.path.touch(mode=0o600)
            self._file = self.path.open("w", encoding="utf-8", newline="")
            self._table = TableWriter(self._file)
            self._table.row(["row", "reference", "sent", "field", "reason", "hint"])
        for reason in row.reasons:
            self._table.row(
                [row.row, row.reference, "rest" if sent else "no", reason.location, reason.code, reason.message]
            )


def _chunks(ready: Iterable[Ready]) -> Iterator[list[Ready]]:
    chunk: list[Ready] = []
    for one in ready:
        chunk.append(one)
        if len(chunk) == CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _sum(total: Added, part: Added) -> None:
    total.new += part.new
    total.known += part.known
    total.changed += part.changed
    total.withdrawn += part.withdrawn
