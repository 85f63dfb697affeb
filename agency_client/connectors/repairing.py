# SPDX-License-Identifier: EUPL-1.2
"""Repairs a row of the quarantine in place: the corrected values go through the same intake as any row.

Not here: keeping the rows (``agency_client/vault/quarantine.py``), showing them.
"""

from collections.abc import Mapping as ReadOnlyMapping
from dataclasses import dataclass

from agency_client.connectors.descriptions import FOLDER, SUFFIX, read_description
from agency_client.connectors.entrance import Admitted, Entrance, Origin
from agency_client.connectors.mappings import mapping_of_system, referenced
from agency_client.intake import Ready
from agency_client.mapping import Mapping
from agency_client.session import Session
from agency_client.source_rows import BadRow, typed_row
from agency_client.vault.quarantine import Quarantined, QuarantineState
from protocol.errors import Code, ConflictError, InputError, Issue


@dataclass(frozen=True, slots=True)
class Repaired:
    """What became of a repair. With reasons left the row stays in quarantine, with the new values."""

    admitted: Admitted
    reasons: tuple[Issue, ...]

    @property
    def done(self) -> bool:
        """Return whether the row was used whole."""
        return not self.reasons


class Repairing:
    """Deals with the rows in quarantine of an opened home."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._shelf = session.vault.quarantine

    def columns(self, number: int) -> tuple[tuple[str, str], ...]:
        """Return the columns of a row that its mapping uses, each with the field that it fills, for a form."""
        return self._mapping(self._shelf.get(number))[0].columns

    def repair(self, number: int, values: ReadOnlyMapping[str, str], person: str) -> Repaired:
        """Replace some values of a row and take it in; an empty one takes the value out.

        ``person`` is who did it, as an opaque reference. Raises ``NotFoundError``; ``ConflictError`` when it was dealt
        with meanwhile; ``InputError`` for a column that it does not have, or a value that is no text of one line.
        """
        kept = self._shelf.get(number)
        if not kept.repairable:
            raise ConflictError(
                Code.CONFLICT,
                "This row was dealt with meanwhile, or could not be read at all.",
                hint="Correct it in the system that it came from, which gives it again.",
            )
        mapping, one_purpose = self._mapping(kept)
        known = {*kept.values, *(column for column, _ in mapping.columns)}
        if not set(values) <= known:
            raise InputError(
                Code.UNKNOWN_COLUMN, "The row does not have this column.", hint=f"It has: {', '.join(sorted(known))}."
            )
        corrected = {**kept.values, **values}
        row = typed_row(kept.place, corrected)
        if isinstance(row, BadRow):
            raise InputError(Code.MALFORMED, row.issue.message)
        entrance = Entrance(self._session)
        found = entrance.judge(row, mapping)
        reasons = tuple(found.unused) if isinstance(found, Ready) else found.reasons
        if not isinstance(found, Ready):
            self._shelf.repair(number, corrected, reasons, person)
            return Repaired(Admitted(), reasons)
        origin = Origin(kept.system, kept.source, one_purpose=one_purpose)
        admitted = entrance.admit_repaired(
            found, origin, lambda: self._finish(number, corrected, reasons, person), person
        )
        return Repaired(admitted, reasons)

    def _finish(
        self, number: int, corrected: ReadOnlyMapping[str, str], reasons: tuple[Issue, ...], person: str
    ) -> None:
        if reasons:
            self._shelf.repair(number, corrected, reasons, person)
        else:
            self._shelf.close(number, QuarantineState.REPAIRED, person, self._session.clock())

    def dismiss(self, number: int, person: str) -> None:
        """Say that a row need not be used. Raises ``NotFoundError``, ``ConflictError``."""
        self._shelf.close(number, QuarantineState.DISMISSED, person, self._session.clock())

    def _mapping(self, kept: Quarantined) -> tuple[Mapping, bool]:
        home = self._session.home.folder
        path = home / FOLDER / f"{kept.system}{SUFFIX}"
        if path.exists():
            found = read_description(path)
            return found.mapping, found.says.one_purpose
        return referenced(mapping_of_system(home, kept.system), kept.reference), True
