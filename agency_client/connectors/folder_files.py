# SPDX-License-Identifier: EUPL-1.2
"""Picking files up from a folder so that a crash at any instruction neither loses nor doubles one.

A file is taken when it is whole: the writer renames it into the folder, or its size and time are the same at two looks.
It is renamed into ``taking``, read there, and renamed into ``done`` or ``refused`` beside its result. What is found in
``taking`` is read again, which changes nothing that was read before. By looking, not by inotify: that says nothing of
what another machine writes to a network share, and loses events when much happens. Not here: reading (``folder.py``).
"""

import os
import stat
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from protocol.errors import Code, UnavailableError

TAKING: Final = "taking"
DONE: Final = "done"
REFUSED: Final = "refused"
RESULT: Final = ".result.json"
KNOWN: Final = frozenset({".csv", ".tsv", ".txt", ".jsonl", ".ndjson", ".xlsx"})
"""Files of other kinds, such as ``.tmp`` and ``.part``, are left where they are."""
MAX_FILES: Final = 10_000
"""Files looked at in one look; the others wait for the next one."""
_MAX_NAME: Final = 200
"""Bytes of a name, so that its result fits beside it (255 on all usual file systems)."""
_Stamp = tuple[int, int, int]


class PickUp:
    """The folder of one connector."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._seen: dict[str, _Stamp] = {}
        self._done: dict[Path, _Stamp] = {}

    def prepare(self) -> None:
        """Make the folders within. Raises ``UnavailableError`` when the folder is not there or may not be written."""
        try:
            if not self.folder.is_dir():
                raise UnavailableError(Code.UNAVAILABLE, "The folder is not there: is its share connected?")
            for name in (TAKING, DONE, REFUSED):
                (self.folder / name).mkdir(mode=0o750, exist_ok=True)
        except OSError as error:
            raise _blocked(error) from None

    def whole(self) -> list[Path]:
        """Return the files that can be taken now, by name: left from a crash, written on after they were taken, new."""
        now: dict[str, _Stamp] = {}
        found = []
        for path in (*self._files(TAKING), *self._files("")):
            key = str(path)
            stamp = _stamp(path)
            if stamp is None:
                continue
            now[key] = stamp
            if self._seen.get(key) == stamp:
                found.append(path)
        self._seen = now
        return found

    def there(self) -> list[Path]:
        """Return the files that are there, whole or not."""
        return [path for path in self._files("") if _stamp(path) is not None]

    def take_back(self) -> None:
        """Take files again that a slow writer went on with after they were done; known while this program runs."""
        for path, before in list(self._done.items()):
            now, back = _stamp(path), self.folder / TAKING / path.name
            if now is None:
                del self._done[path]
            elif now != before and not back.exists():
                path.rename(back)
                del self._done[path]

    def claim(self, path: Path) -> Path | None:
        """Move a file to where nobody else takes it; None while another of its name is there, or it is gone."""
        if path.parent.name == TAKING:
            return path
        claimed = self.folder / TAKING / path.name
        if claimed.exists():
            return None
        try:
            path.rename(claimed)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _blocked(error) from None
        return claimed

    def unchanged(self, path: Path, stamp: _Stamp | None) -> bool:
        """Return whether nobody wrote to a file since; its writer may still have it open."""
        return stamp is not None and _stamp(path) == stamp

    def stamp(self, path: Path) -> _Stamp | None:
        """Return what changes when a file is written to, or None when it is no plain file."""
        return _stamp(path)

    def finish(self, path: Path, shelf: str, result: bytes) -> Path:
        """Write a file's result beside where it goes, then move it there; returns where it is."""
        target = self._free(shelf, path.name)
        try:
            self._write(target.with_name(target.name + RESULT), result)
            stamp = _stamp(path)
            path.rename(target)
        except OSError as error:
            raise _blocked(error) from None
        if stamp is not None and shelf == DONE:
            self._done[target] = stamp
        return target

    def _write(self, path: Path, content: bytes) -> None:
        temporary = path.with_name(f".{path.name}.tmp")
        temporary.write_bytes(content)
        temporary.replace(path)

    def prune(self, keep: timedelta, now: datetime) -> int:
        """Delete what was done longer ago than that, with its results; what was refused stays. Returns how many."""
        gone = 0
        for path in self._files(DONE):
            result = path.with_name(path.name + RESULT)
            done = _stamp(result) or _stamp(path)
            if done is not None and done[1] <= (now - keep).timestamp() * 1e9:
                path.unlink(missing_ok=True)
                gone += 1
        for result in (self.folder / DONE).glob(f"*{RESULT}"):
            orphan = not result.with_name(result.name.removesuffix(RESULT)).exists()
            if orphan and result.stat().st_mtime <= (now - max(keep, timedelta(days=1))).timestamp():
                result.unlink(missing_ok=True)
        return gone

    def _files(self, name: str) -> Iterator[Path]:
        try:
            with os.scandir(self.folder / name) as entries:
                names = sorted(entry.name for _, entry in zip(range(MAX_FILES), entries, strict=False))
        except OSError as error:
            raise _blocked(error) from None
        for one in names:
            path = self.folder / name / one
            if path.suffix.casefold() in KNOWN and not one.startswith((".", "~$")) and len(one.encode()) <= _MAX_NAME:
                yield path

    def _free(self, shelf: str, name: str) -> Path:
        target, number = self.folder / shelf / name, 1
        while target.exists():
            number += 1
            target = self.folder / shelf / f"{Path(name).stem}.{number}{Path(name).suffix}"
        return target


def _stamp(path: Path) -> _Stamp | None:
    try:
        found = path.lstat()
    except OSError:
        return None
    # Never a link or a pipe: who may write to the folder must not choose what else of this machine is read.
    return (found.st_size, found.st_mtime_ns, found.st_ino) if stat.S_ISREG(found.st_mode) else None


def _blocked(error: OSError) -> UnavailableError:
    reason = (error.strerror or type(error).__name__)[:100]
    return UnavailableError(
        Code.UNAVAILABLE,
        f"The folder cannot be used: {reason}.",
        hint="This program must be able to write to it and to rename files within it.",
    )
