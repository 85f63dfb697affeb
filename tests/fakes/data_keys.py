# SPDX-License-Identifier: EUPL-1.2
"""The data keys of a test's database, in memory: whoever opens the same database gets the same keys.

Not here: files (``broker/data_keys.py``), which have tests of their own.
"""

import os
from collections.abc import Iterable, Sequence

import psycopg
from psycopg.sql import SQL

from broker.data_keys import DataKeys
from broker.postgres.proofs import ROW, opening_of, read_row
from broker.puncturable import NODE_BYTES
from broker.sealing import MonthKeys, leaf_number
from protocol.errors import Code, ConfigurationError
from protocol.messages import Opening

_KEPT: dict[str, DataKeys] = {}


class MemoryDataKeys:
    """``DataKeys`` that end with the process."""

    def __init__(self) -> None:
        self.held: dict[str, MonthKeys] = {}

    def of_month(self, month: str, *, make: bool = False) -> MonthKeys:
        """See ``DataKeys``."""
        if make and month not in self.held:
            self.held[month] = MonthKeys.of(os.urandom(3 * NODE_BYTES))
        if month not in self.held:
            raise ConfigurationError(Code.KEY_FILE_INVALID, "no such keys")
        return self.held[month]

    def months(self) -> Sequence[str]:
        """See ``DataKeys``."""
        return sorted(self.held)

    def puncture(self, month: str, events: Iterable[object]) -> None:
        """See ``DataKeys``."""
        keys = self.held[month]
        left = keys.subjects.without(leaf_number(event) for event in events)  # type: ignore[arg-type]
        self.held[month] = MonthKeys(keys.record, keys.handle, left)

    def destroy(self, month: str) -> None:
        """See ``DataKeys``."""
        self.held.pop(month, None)


def keys_of(database: str) -> MemoryDataKeys:
    """Return the keys of a database's log."""
    # Only tests that share no folder look into them.
    return _KEPT.setdefault(database, MemoryDataKeys())  # type: ignore[return-value]


def share_keys(database: str, keys: DataKeys) -> None:
    """Use these, of a broker that is a process of its own, for a database from now on."""
    _KEPT[database] = keys


def openings_of(database: str) -> list[Opening]:
    """Return what every event of a database says, in the order of their ids."""
    keys = keys_of(database)
    with psycopg.connect(database) as connection:
        rows = connection.execute(SQL("SELECT {} FROM events ORDER BY id").format(ROW)).fetchall()
    return [opening_of(read_row(row), keys) for row in rows]
