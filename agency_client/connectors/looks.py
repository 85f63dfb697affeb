# SPDX-License-Identifier: EUPL-1.2
"""What a connector does at each look, whatever it looks at. Not here: when it looks (``running.py``)."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from agency_client.connectors.entrance import Admitted, Gone
from agency_client.mapping import Mapping
from agency_client.session import Session
from agency_client.source_rows import BadRow, Row, bad_row
from agency_client.vault.connectors import Hindrance


@dataclass(slots=True)
class Looked:
    """What one look found; right as far as it came."""

    admitted: Admitted = field(default_factory=Admitted)
    problems: list[Hindrance] = field(default_factory=list)


class Look(Protocol):
    """Looks at one source."""

    def look(self, session: Session, stopped: Callable[[], bool], done: Looked) -> None:
        """Take what is there now into ``done``; ends soon after ``stopped`` says so, without losing anything.

        Raises ``SluisError`` when the source cannot be reached or read; ``done`` is right as far as it came.
        """


def gone_or_row(row: Row, mapping: Mapping) -> Gone | BadRow:
    """Return the withdrawal of the record that a row says is gone."""
    for column, target in mapping.columns:
        if target == "reference" and (reference := row.values.get(column, "").strip()):
            return Gone(row.number, reference)
    return bad_row(row.number, "no-reference", row.fraction)
