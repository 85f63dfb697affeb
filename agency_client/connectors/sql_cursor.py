# SPDX-License-Identifier: EUPL-1.2
"""How far a query is: the highest value of its cursor column, and how far the next look goes back from it.

Not here: running the query (``sql.py``), keeping the place (``agency_client/vault/connectors.py``).
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final, TypeAlias

from agency_client.connectors.descriptions import CursorDescription
from protocol.errors import Code, ConfigurationError, InputError

Value: TypeAlias = datetime | Decimal | str
AHEAD: Final = timedelta(minutes=5)
"""How far past our clock a time may take the place: clocks differ, but a year mistyped as 2999 must not pass over all
that comes before it."""
AHEAD_WITHOUT_ZONE: Final = timedelta(hours=14)
"""The same for times without a time zone, which may be those of any place."""
MAX_TEXT: Final = 1_000
"""Characters of a text that rows go by."""


@dataclass(slots=True)
class Cursor:
    """The place of one query during one look."""

    says: CursorDescription
    begun: Value | None
    """Where the last look ended; None at the first."""
    at: Value
    last: Value | None = None
    """The row before, in this look."""

    @staticmethod
    def of(says: CursorDescription, kept: str | None) -> "Cursor":
        """Return the place as it was kept; the start when nothing was, or it was of another type.

        Raises ``ConfigurationError`` when the start is not of the type.
        """
        if kept is not None:
            found = json.loads(kept)
            if found["type"] == says.type and found["column"] == says.column:
                value = _read(says.type, found["value"])
                return Cursor(says, value, value)
        return Cursor(says, None, _read(says.type, says.start))

    @property
    def begin(self) -> datetime | int | Decimal | str:
        """Return what the query is given: a little before the place, so that what was written late is found."""
        value = self.at
        if self.begun is None or isinstance(value, str):
            return _bound(value)
        if isinstance(value, datetime):
            return value - timedelta(seconds=self.says.overlap)
        return _bound(value - self.says.overlap)

    def advance(self, found: object, now: datetime) -> None:
        """Go on to a row; one from the future does not take the place along.

        Raises ``InputError`` when it has no place, or comes before the row before it.
        """
        value = self._value(found)
        if isinstance(value, str):
            # The database's own order of texts counts, not ours.
            self.at = value
            return
        if self.last is not None and _before(value, self.last):
            raise InputError(
                Code.MALFORMED,
                f"The rows are not in the order of {self.says.column}.",
                hint=f"End the query with ORDER BY {self.says.column}.",
            )
        self.last = value
        if not _before(value, self.at) and not _ahead(value, now):
            self.at = value

    @property
    def kept(self) -> str:
        """Return the place as text."""
        value = self.at
        text = value.isoformat() if isinstance(value, datetime) else str(value)
        return json.dumps({"type": self.says.type, "column": self.says.column, "value": text})

    def require_progress(self, rows: int) -> None:
        """Raise ``InputError`` when so many rows brought the place no further: it would stay there for ever."""
        if self.begun is not None and self.at == self.begun:
            raise InputError(
                Code.TOO_LARGE,
                f"More than {rows:,} rows have the same {self.says.column}, or lie within the overlap.",
                hint="Take a column whose values differ more, or a smaller overlap.",
            )

    def _value(self, found: object) -> Value:
        kinds: dict[str, tuple[type, ...]] = {"time": (datetime,), "number": (int, Decimal), "text": (str,)}
        if not isinstance(found, kinds[self.says.type]) or isinstance(found, bool):
            raise InputError(
                Code.MALFORMED,
                f"The column {self.says.column} has a value that is no {self.says.type}.",
                hint="Is it empty in some row? Is `type` of the cursor right?",
            )
        if isinstance(found, str):
            if len(found) > MAX_TEXT:
                raise InputError(Code.TOO_LARGE, f"A value of {self.says.column} is too long to go by.")
            return found
        return found if isinstance(found, datetime) else Decimal(str(found))


def _ahead(value: Value, now: datetime) -> bool:
    if not isinstance(value, datetime):
        return False
    if value.tzinfo is None:
        return value > now.astimezone(UTC).replace(tzinfo=None) + AHEAD_WITHOUT_ZONE
    return value > now + AHEAD


def _before(one: Value, other: Value) -> bool:
    try:
        return one < other  # type: ignore[operator]  # of one type, since both are of the description's
    except TypeError:
        raise InputError(
            Code.MALFORMED,
            "Some times of the cursor column have a time zone and others do not.",
            hint="Does `start` have one exactly when the column has?",
        ) from None


def _read(kind: str, text: str) -> Value:
    try:
        if kind == "time":
            return datetime.fromisoformat(text)
        return Decimal(int(text)) if kind == "number" else text
    except ValueError:
        raise ConfigurationError(Code.SETTINGS_INVALID, f"The start of the cursor is no {kind}.") from None


def _bound(value: Value) -> datetime | int | Decimal | str:
    return int(value) if isinstance(value, Decimal) and value == value.to_integral_value() else value
