# SPDX-License-Identifier: EUPL-1.2
"""One look of a connector without effect: what would be taken, and what refused and why.

Not here: a look that counts (``folder.py``, ``sql.py``).
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from agency_client.connectors.descriptions import Described, FolderDescription
from agency_client.connectors.entrance import Entrance, Gone
from agency_client.connectors.folder import FolderLook
from agency_client.connectors.settings import PasswordFrom
from agency_client.connectors.sql import SqlLook
from agency_client.intake import Ready
from agency_client.session import Session
from agency_client.source_rows import BadRow, Row

TRIED: Final = 1_000
"""Rows tried: enough to see what goes wrong, done in seconds."""


@dataclass(slots=True)
class Tried:
    """What would become of rows."""

    rows: int = 0
    used: int = 0
    partly: int = 0
    refused: int = 0
    gone: int = 0
    reasons: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """How often which field was wrong in which way: field, code, sentence."""
    kinds: Counter[str] = field(default_factory=Counter)
    """Of how many records which kind of match key could be made."""

    def add(self, found: object) -> None:
        """Count what one row came to: a draft, reasons, or that its record is gone."""
        self.rows += 1
        if isinstance(found, Gone):
            self.gone += 1
            return
        unused = found.unused if isinstance(found, Ready) else getattr(found, "reasons", ())
        self.reasons.update((one.location, one.code, one.message) for one in unused)
        if isinstance(found, Ready):
            self.used += 1
            self.partly += bool(found.unused)
            self.kinds.update({str(key.kind) for key in found.draft.keys})
        else:
            self.refused += 1


def try_one(one: Described, session: Session, passwords: PasswordFrom, most: int = TRIED) -> Tried:
    """Look once without effect, at no more than so many rows. Raises ``SluisError`` as a look does."""
    tried, entrance = Tried(), Entrance(session)
    for row in _rows(one, session, passwords):
        tried.add(row if isinstance(row, Gone) else entrance.judge(row, one.mapping))
        if tried.rows >= most:
            break
    return tried


def _rows(one: Described, session: Session, passwords: PasswordFrom) -> Iterator[Row | BadRow | Gone]:
    home = session.home.folder
    if isinstance(one.says, FolderDescription):
        return FolderLook.of(one, one.says, home).peek()
    return SqlLook(one, one.says, home, passwords).peek(session)
