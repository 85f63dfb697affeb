# SPDX-License-Identifier: EUPL-1.2
"""The one way in for records of the agency's own systems, whether by file, query or HTTP.

A batch is one transaction: signals, whose records they are, withdrawals, rows put into quarantine, and how far the
source is, all of it or nothing. A batch that comes again changes nothing. Not here: reading sources (``folder.py``,
``sql.py``, ``agency_client/api/``), and what a row means (``mapping.py``, ``intake.py``).
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby, islice
from typing import Final, Literal, TypeAlias

from agency_client.intake import Ready
from agency_client.mapping import Mapping, Quarantined
from agency_client.session import Session
from agency_client.source_rows import BadRow, Row
from agency_client.vault.adding import Added, Result
from agency_client.vault.quarantine import Unusable
from agency_client.vault.records import Key
from protocol.errors import Issue
from protocol.messages import MAX_ISSUES

BATCH: Final = 200
"""Rows of one transaction: one disk flush for so many, and other writers wait a fraction of a second."""
ENDED: Final = "ended"
"""Why a record's signal is withdrawn when its system says that it is gone."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where rows come from."""

    system: str
    """The connector or system; rows, records and quarantine are its own."""
    source: str = field(repr=False, default="")
    """The file or query, for people."""
    digest: bytes = field(repr=False, default=b"")
    """What tells this source's unreadable rows again."""
    one_purpose: bool = True
    """Whether a record stands for one purpose, so that another one takes the place of the earlier."""


@dataclass(frozen=True, slots=True)
class Gone:
    """A record that its system says is not there any more."""

    number: int
    reference: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Trouble:
    """A row that was not used, or not wholly."""

    row: int
    quarantine: int
    partly: bool
    reasons: tuple[Issue, ...]


Outcome: TypeAlias = Result | Literal["quarantined"]


@dataclass(slots=True)
class Admitted:
    """What became of rows."""

    rows: int = 0
    new: int = 0
    known: int = 0
    changed: int = 0
    held_back: int = 0
    """Withdrawn by a person here, and unchanged since: not sent again."""
    withdrawn: int = 0
    """Withdrawn because their system says that they are gone."""
    quarantined: int = 0
    partly: int = 0
    troubles: list[Trouble] = field(default_factory=list)
    """Of one batch all of them; of several the first, at most ``MAX_ISSUES``."""
    results: dict[int, Outcome] = field(default_factory=dict)
    """Of one batch: what became of each row, by its number."""

    @property
    def taken(self) -> int:
        """Records that brought something new."""
        return self.new + self.changed

    def count(self, other: "Admitted") -> None:
        """Add what became of other rows."""
        self.rows += other.rows
        self.new += other.new
        self.known += other.known
        self.changed += other.changed
        self.held_back += other.held_back
        self.withdrawn += other.withdrawn
        self.quarantined += other.quarantined
        self.partly += other.partly
        self.troubles += other.troubles[: MAX_ISSUES - len(self.troubles)]


class Entrance:
    """Takes rows into the vault of an opened home."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._vault = session.vault
        self._intake = session.intake()

    def judge(self, row: Row | BadRow, mapping: Mapping) -> Ready | Quarantined:
        """Return what a row would send, or why it sends nothing. Writes nothing."""
        return self._intake.ready(row, mapping)

    def admit(
        self,
        rows: Iterable[Row | BadRow | Gone],
        mapping: Mapping | Callable[[Row], Mapping],
        origin: Origin,
        beside: Callable[[], None] = lambda: None,
    ) -> Admitted:
        """Take rows in one transaction, which ``beside`` is part of: where the source is now.

        Raises ``UnavailableError`` when too many rows of this system wait in quarantine; nothing is written then.
        """
        judged = [(row, self._judged(row, mapping)) for row in rows]
        done, added = Admitted(rows=len(judged)), list[tuple[list[Ready], Added]]()
        with self._vault.together():
            # In the order of the source: a record may go and come back within one batch.
            for _, part in groupby(judged, key=lambda one: isinstance(one[0], Gone)):
                pairs = list(part)
                done.withdrawn += self._end([row for row, _ in pairs if isinstance(row, Gone)], origin)
                judged_rows = [(row, found) for row, found in pairs if found is not None and not isinstance(row, Gone)]
                repaired = {id(row) for row, found in judged_rows if self._repaired(row, found, origin)}
                done.known += len(repaired)
                done.results |= {row.number: "known" for row, _ in judged_rows}
                left = [(row, found) for row, found in judged_rows if id(row) not in repaired]
                usable = [(row.number, found) for row, found in left if isinstance(found, Ready)]
                if usable:
                    ready = [found for _, found in usable]
                    added.append((ready, self._add(ready, origin)))
                    done.results |= zip((number for number, _ in usable), added[-1][1].results, strict=True)
                self._put_away(left, origin, done)
            beside()
        for ready, one in added:
            self._sum(done, one)
            self._intake.mix(ready, one, self._session.clock())
        return done

    def _judged(
        self, row: Row | BadRow | Gone, mapping: Mapping | Callable[[Row], Mapping]
    ) -> Ready | Quarantined | None:
        if isinstance(row, Gone):
            return None
        if isinstance(row, BadRow):
            return Quarantined(row.number, "", (row.issue,))
        return self.judge(row, mapping if isinstance(mapping, Mapping) else mapping(row))

    def admit_repaired(self, ready: Ready, origin: Origin, beside: Callable[[], None], person: str) -> Admitted:
        """Take one repaired row in, in one transaction with ``beside``, which deals with its place in quarantine.

        It is sent as the act of ``person``, who repaired it, and so is the withdrawal of what it takes the place of.
        """
        done = Admitted(rows=1)
        with self._vault.together():
            beside()
            added = self._add([ready], origin, person)
            if origin.one_purpose:
                self._vault.records.carry_out_of([ready.draft.reference], self._session.clock(), lambda _: person)
        self._sum(done, added)
        self._intake.mix([ready], added, self._session.clock())
        return done

    @staticmethod
    def _sum(done: Admitted, added: Added) -> None:
        done.new += added.new
        done.known += added.known
        done.changed += added.changed
        done.held_back += added.withdrawn

    def _end(self, gone: Sequence[Gone], origin: Origin) -> int:
        if not gone:
            return 0
        now, purposes = self._session.clock(), tuple(self._session.covenant.purposes)
        stood = sum(self._vault.records.end(origin.system, one.reference, ENDED, purposes, now) for one in gone)
        self._vault.records.carry_out_of([one.reference for one in gone], now, self._person)
        self._vault.quarantine.overtake(origin.system, [one.reference for one in gone], now)
        return stood

    def _add(self, ready: Sequence[Ready], origin: Origin, person: str | None = None) -> Added:
        now = self._session.clock()
        keys = {id(one): Key(one.record.purpose, one.draft.reference) for one in ready}
        withdraws = self._person if person is None else lambda _: person
        again = self._vault.records.given_again(set(keys.values()), now, withdraws)
        signals = [self._intake.signal(one, now, again=keys[id(one)] in again, person=person) for one in ready]
        added = self._vault.signals.add(signals, now)
        self._vault.records.note(origin.system, set(keys.values()), now)
        whole = [one.draft.reference for one in ready if not one.unused]
        self._vault.quarantine.overtake(origin.system, whole, now)
        if origin.one_purpose:
            self._vault.records.move({one.draft.reference: one.record.purpose for one in ready}, now)
        return added

    def _repaired(self, row: Row | BadRow, found: Ready | Quarantined, origin: Origin) -> bool:
        # Else a source that still gives the old value would undo the repair at every look.
        if isinstance(found, Quarantined) or not found.unused:
            return False
        return self._vault.quarantine.repaired(_unusable(row, found, origin))

    def _put_away(
        self, judged: Sequence[tuple[Row | BadRow, Ready | Quarantined]], origin: Origin, done: Admitted
    ) -> None:
        now = self._session.clock()
        for row, found in judged:
            unusable = _unusable(row, found, origin)
            if not unusable.reasons:
                continue
            number = self._vault.quarantine.put(unusable, now)
            if not unusable.partly:
                done.results[row.number] = "quarantined"
            done.quarantined += not unusable.partly
            done.partly += unusable.partly
            done.troubles.append(Trouble(row.number, number, unusable.partly, tuple(unusable.reasons)))

    def _person(self, system: str) -> str:
        # A system, not a person: but whoever acts stands in the log by such a reference.
        return self._session.person(f"system {system}")


def _unusable(row: Row | BadRow, found: Ready | Quarantined, origin: Origin) -> Unusable:
    partly = isinstance(found, Ready)
    return Unusable(
        origin.system,
        origin.source,
        row.number,
        found.draft.reference if isinstance(found, Ready) else found.reference,
        row.values if isinstance(row, Row) else {},
        tuple(found.unused) if isinstance(found, Ready) else found.reasons,
        partly,
        origin.digest,
    )


def batches(rows: Iterable[Row | BadRow | Gone]) -> Iterator[list[Row | BadRow | Gone]]:
    """Yield rows by so many as go into one transaction."""
    iterator = iter(rows)
    while batch := list(islice(iterator, BATCH)):
        yield batch
