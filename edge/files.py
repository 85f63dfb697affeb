# SPDX-License-Identifier: EUPL-1.2
"""Files that others read while they are replaced: whole at any moment, and there after a power cut.

Not here: secrets, whose old bytes are overwritten (``keyfile.replace_file``), which a reader must never see.
"""

import contextlib
import fcntl
import os
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from protocol.errors import Code, ConfigurationError


def put_file(path: Path, content: bytes, *, mode: int = 0o644) -> None:
    """Write a file so that any reader finds the old or the new one whole. Raises ``ConfigurationError``."""
    with _put(path, mode) as stream:
        stream.write(content)


def put_lines(path: Path, lines: Iterable[str], *, mode: int = 0o600) -> int:
    """Write lines as they come, as ``put_file`` does, and return how many. Raises ``ConfigurationError``."""
    count = 0
    with _put(path, mode) as stream:
        for line in lines:
            stream.write(line.encode() + b"\n")
            count += 1
    return count


@contextmanager
def _put(path: Path, mode: int) -> Generator[BinaryIO, None, None]:
    fresh = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, mode)
        with os.fdopen(handle, "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        fresh.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        raise _cannot(path, error) from None
    finally:
        with contextlib.suppress(OSError):
            fresh.unlink()


def put_link(path: Path, target: Path) -> None:
    """Let the link at ``path`` lead to a sibling, in one step. Raises ``ConfigurationError``."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}.link")
    try:
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(target.name)
        fresh.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        with contextlib.suppress(OSError):
            fresh.unlink()
        raise _cannot(path, error) from None


def sync_tree(folder: Path) -> None:
    """Pass when everything below the folder is on the disk."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            with path.open("rb") as stream:
                os.fsync(stream.fileno())
        elif path.is_dir() and not path.is_symlink():
            sync_folder(path)
    sync_folder(folder)


def sync_folder(folder: Path) -> None:
    """Pass when the folder's names are on the disk."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def alone(folder: Path) -> Generator[None, None, None]:
    """Hold the folder's lock, so that of two processes at once neither undoes the other's work; waits for it."""
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise _cannot(folder, error) from None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _cannot(path: Path, error: OSError) -> ConfigurationError:
    return ConfigurationError(
        Code.SETTINGS_INVALID, f"{path.name} cannot be written: {error.strerror}.", hint=f"Looked at {path.parent}."
    )
