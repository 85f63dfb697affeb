# SPDX-License-Identifier: EUPL-1.2
"""The keys of the log's openings, a file a month, outside the database and so outside its backups.

A file is sealed under the broker's data key and replaced in one step, its old bytes overwritten; several processes of
one broker share the folder. Spec: ``protocol/spec/erasure.md``.
Not here: sealing with them (``sealing.py``), what is destroyed when (``erasing.py``).
"""

import re
import threading
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Protocol
from uuid import UUID

from broker.puncturable import NODE_BYTES
from broker.sealing import MonthKeys, leaf_number
from edge.files import alone
from edge.keyfile import ValueCipher, replace_file
from protocol.errors import Code, ConfigurationError

_NAME: Final = re.compile(r"([0-9]{4}-(?:0[1-9]|1[0-2]))\.keys\Z")


class DataKeys(Protocol):
    """The keys of every month that was not destroyed. Safe to call from several threads."""

    def of_month(self, month: str, *, make: bool = False) -> MonthKeys:
        """Return a month's keys (``2026-11``); with ``make`` drawn when there are none.

        Raises ``ConfigurationError`` (``key_file_invalid``) when they are not there.
        """

    def months(self) -> Sequence[str]:
        """Return the months whose keys are there, in order."""

    def puncture(self, month: str, events: Iterable[UUID]) -> None:
        """Destroy the keys of these events' subject parts for good; those that are gone already stay gone."""

    def destroy(self, month: str) -> None:
        """Destroy all keys of a month for good."""


def month_of(moment: datetime) -> str:
    """Return the month (UTC) whose keys seal an event of this moment: ``2026-11``."""
    return f"{moment.astimezone(UTC):%Y-%m}"


class DataKeyFolder:
    """``DataKeys`` in files."""

    def __init__(self, folder: Path, cipher: ValueCipher, draw: Callable[[int], bytes]) -> None:
        """Keep them in this folder; ``draw`` gives random bytes."""
        self._folder = folder
        self._cipher = cipher
        self._draw = draw
        self._lock = threading.Lock()
        self._held: dict[str, tuple[tuple[int, int], MonthKeys]] = {}
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def of_month(self, month: str, *, make: bool = False) -> MonthKeys:
        """See ``DataKeys``."""
        with self._lock:
            found = self._read(month)
            if found is None and make:
                with alone(self._folder):
                    found = self._read(month)
                    if found is None:
                        self._write(month, MonthKeys.of(self._draw(3 * NODE_BYTES)))
                        found = self._read(month)
        if found is None:
            raise ConfigurationError(
                Code.KEY_FILE_INVALID,
                f"The data keys of {month} are not there, so the log's entries of that month cannot be opened.",
                hint="Were they destroyed after retention? Else bring back the folder data-keys of the broker's home.",
            )
        return found

    def months(self) -> Sequence[str]:
        """See ``DataKeys``."""
        return sorted(match[1] for path in self._folder.iterdir() if (match := _NAME.match(path.name)))

    def puncture(self, month: str, events: Iterable[UUID]) -> None:
        """See ``DataKeys``."""
        with self._lock, alone(self._folder):
            keys = self._read(month)
            if keys is None:
                return
            left = keys.subjects.without(leaf_number(event) for event in events)
            if left != keys.subjects:
                self._write(month, MonthKeys(keys.record, keys.handle, left))

    def destroy(self, month: str) -> None:
        """See ``DataKeys``."""
        with self._lock, alone(self._folder):
            path = self._path(month)
            if path.exists():
                # Replacing overwrites the old bytes; what is left is a key of nothing.
                replace_file(path, bytes(path.stat().st_size))
                path.unlink()
            self._held.pop(month, None)

    def _read(self, month: str) -> MonthKeys | None:
        path = self._path(month)
        try:
            stat = path.stat()
        except FileNotFoundError:
            self._held.pop(month, None)
            return None
        # Another process replaces a file whole, which gives it another inode.
        version = (stat.st_ino, stat.st_mtime_ns)
        held = self._held.get(month)
        if held is None or held[0] != version:
            try:
                plain = self._cipher.open(path.read_bytes(), month.encode())
            except ConfigurationError:
                # What we opened may have been replaced, and then overwritten, before we read it.
                if path.stat().st_ino == version[0]:
                    raise
                return self._read(month)
            held = (version, MonthKeys.from_bytes(plain))
            self._held[month] = held
        return held[1]

    def _write(self, month: str, keys: MonthKeys) -> None:
        replace_file(self._path(month), self._cipher.seal(keys.to_bytes(), month.encode()))

    def _path(self, month: str) -> Path:
        return self._folder / f"{month}.keys"
