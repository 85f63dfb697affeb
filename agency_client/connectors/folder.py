# SPDX-License-Identifier: EUPL-1.2
"""Takes the files that a system puts into a folder: CSV, JSON Lines, XLSX.

Beside each file that was taken stands ``FILE.result.json``: counts, and which rows were not used and why; never a
value. Not here: when a file is whole and where it goes (``folder_files.py``), formats (``agency_client/source.py``).
"""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Final

from pydantic import Field

from agency_client.connectors.descriptions import Described, FolderDescription, is_deleted
from agency_client.connectors.entrance import BATCH, Admitted, Entrance, Gone, Origin
from agency_client.connectors.folder_files import DONE, REFUSED, PickUp
from agency_client.connectors.looks import Looked, gone_or_row
from agency_client.session import Session
from agency_client.source import read_rows, sample
from agency_client.source_rows import BadRow, Row
from agency_client.vault.connectors import Hindrance
from protocol.errors import Code, ConfigurationError, InputError, SluisError, UnavailableError
from protocol.messages import MAX_ISSUES, Message, Time

_READ: Final = 1_048_576
"""Bytes of a file that are hashed at a time."""


class RowProblem(Message):
    """A value of a row that was not used."""

    row: int
    quarantine: int
    partly: bool
    field: str
    code: str
    message: str


class FileProblem(Message):
    """Why a file as a whole was not used."""

    code: str
    message: str


class FileResult(Message):
    """``FILE.result.json``."""

    file: str
    taken_at: Time
    rows: int
    new: int
    known: int
    changed: int
    held_back: int
    withdrawn: int
    quarantined: int
    partly: int
    problems: Annotated[tuple[RowProblem, ...], Field(strict=False)] = ()
    """The first of them; the quarantine has all."""
    refused: FileProblem | None = None


@dataclass(slots=True)
class FolderLook:
    """Looks at one folder."""

    described: Described
    says: FolderDescription
    files: PickUp

    @staticmethod
    def of(described: Described, says: FolderDescription, home: Path) -> "FolderLook":
        """Return the look of a description; a relative folder is within the home."""
        return FolderLook(described, says, PickUp(home / says.folder))

    def look(self, session: Session, stopped: Callable[[], bool], done: Looked) -> None:
        """Take every file that is whole. Raises ``UnavailableError`` when the folder, or the quarantine, is full."""
        self.files.prepare()
        self.files.take_back()
        for path in self.files.whole():
            if stopped():
                break
            claimed = self.files.claim(path)
            if claimed is not None:
                self._take(claimed, session, stopped, done)
        self.files.prune(timedelta(days=self.says.keep_days), session.clock())

    def peek(self) -> Iterator[Row | BadRow | Gone]:
        """Yield the rows of the files that are there now, also those not whole yet, without moving any."""
        for path in self.files.there():
            seen = sample(path)
            if seen.fixed:
                self.described.mapping.check_columns(seen.columns)
            yield from self._rows(path)

    def _take(self, path: Path, session: Session, stopped: Callable[[], bool], done: Looked) -> None:
        stamp = self.files.stamp(path)
        if stamp is None:
            return
        admitted, refused = Admitted(), None
        try:
            if not self._admit(path, session, stopped, admitted):
                return
        except (InputError, ConfigurationError) as error:
            refused = error
        except OSError as error:
            raise UnavailableError(Code.UNAVAILABLE, "A file cannot be read.", hint=error.strerror) from None
        finally:
            done.admitted.count(admitted)
        if not self.files.unchanged(path, stamp):
            # Its writer was not done after all: it is read again once it stays the same.
            return
        result = _result(path.name, admitted, refused, session)
        self.files.finish(path, DONE if refused is None else REFUSED, result)
        if refused is not None:
            done.problems.append(Hindrance(refused.code, f"A file was refused: {refused.detail}"))

    def _admit(self, path: Path, session: Session, stopped: Callable[[], bool], admitted: Admitted) -> bool:
        """Read a file into the vault; returns False when it was stopped before the end."""
        mapping = self.described.mapping
        seen = sample(path)
        if seen.fixed:
            mapping.check_columns(seen.columns)
        entrance = Entrance(session)
        origin = Origin(self.described.name, path.name, _digest(path), one_purpose=self.says.one_purpose)
        batch: list[Row | BadRow | Gone] = []
        for row in self._rows(path):
            batch.append(row)
            if len(batch) == BATCH:
                admitted.count(entrance.admit(batch, mapping, origin))
                batch = []
                if stopped():
                    return False
        admitted.count(entrance.admit(batch, mapping, origin))
        return True

    def _rows(self, path: Path) -> Iterator[Row | BadRow | Gone]:
        for row in read_rows(path):
            deleted = isinstance(row, Row) and is_deleted(row, self.says.deleted_column)
            yield gone_or_row(row, self.described.mapping) if deleted and isinstance(row, Row) else row


def _digest(path: Path) -> bytes:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_READ):
            digest.update(piece)
    return digest.digest()


def _result(name: str, found: Admitted, refused: SluisError | None, session: Session) -> bytes:
    problems = [
        RowProblem(
            row=trouble.row,
            quarantine=trouble.quarantine,
            partly=trouble.partly,
            field=reason.location,
            code=reason.code,
            message=reason.message,
        )
        for trouble in found.troubles
        for reason in trouble.reasons
    ]
    return FileResult(
        file=name,
        taken_at=session.clock(),
        rows=found.rows,
        new=found.new,
        known=found.known,
        changed=found.changed,
        held_back=found.held_back,
        withdrawn=found.withdrawn,
        quarantined=found.quarantined,
        partly=found.partly,
        problems=tuple(problems[:MAX_ISSUES]),
        refused=None if refused is None else FileProblem(code=refused.code, message=str(refused)),
    ).to_json()
