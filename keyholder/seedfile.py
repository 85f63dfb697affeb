# SPDX-License-Identifier: EUPL-1.2
"""Where the seeds lie: one encrypted file per epoch in a folder of their own; every other file there is destroyed.

The new file is on the disk before the old one is overwritten, so no crash loses seeds; whatever else a crash leaves in
the folder is destroyed at the next call. Overwriting in place is all that a program can do: disks that write elsewhere
(flash, copy-on-write) need what ``docs/operate-keyholder.md`` says. Not here: when (``ratchet.py``).
"""

import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from edge.keyfile import Profile, SecretText, read_keyfile, write_keyfile
from keyholder.share import HeldSeeds, members_of, name_of
from protocol.errors import Code, ConfigurationError
from protocol.ids import Epoch, HolderIndex
from protocol.threshold import Seed, Sharing

_NAME: Final = re.compile(r"seeds-([0-9]{10})\.key\Z")
_OVERWRITE: Final = 65_536
"""Bytes overwritten at a time; a key file has a few thousand."""


class SeedFolder:
    """The seeds of one key-holder on disk."""

    def __init__(
        self, folder: Path, holder: HolderIndex, sharing: Sharing, passphrase: SecretText, profile: Profile
    ) -> None:
        self._folder = folder
        self._holder = holder
        self._sharing = sharing
        self._passphrase = passphrase
        self._profile = profile

    def read(self) -> HeldSeeds | None:
        """Return the newest seeds, or ``None`` before the ceremony. Raises ``ConfigurationError``."""
        epochs = sorted(epoch for epoch, _ in self._files())
        if not epochs:
            return None
        path = self._path(epochs[-1])
        held = read_keyfile(path, self._passphrase)
        try:
            seeds = {members_of(name.removeprefix("set-")): Seed(secret.reveal()) for name, secret in held.items()}
            return HeldSeeds(self._holder, self._sharing, epochs[-1], seeds)
        except ValueError:
            raise ConfigurationError(
                Code.KEY_FILE_INVALID,
                f"{path.name} holds other seeds than this key-holder's.",
                hint="Was it copied from another key-holder? Each has only its own.",
            ) from None

    def write(self, held: HeldSeeds) -> None:
        """Keep these seeds; an earlier version of the epoch's file is overwritten once the new one is on the disk."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self._path(held.epoch)
        before = path.with_suffix(".before")
        if path.exists():
            _destroy(before, path)
            before.hardlink_to(path)
        secrets = {f"set-{name_of(members)}": seed.encoded for members, seed in held.seeds.items()}
        write_keyfile(path, secrets, self._passphrase, profile=self._profile)
        _destroy(before, path)
        _sync(self._folder)

    def destroy_others(self, epoch: Epoch) -> None:
        """Overwrite and unlink every file in the folder but the seeds of ``epoch``, which must be there."""
        keep = self._path(epoch)
        if not keep.exists():
            raise ValueError("the seeds to keep are not on the disk")
        for path in sorted(self._folder.iterdir()):
            if path != keep:
                _destroy(path, keep)
        _sync(self._folder)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep two programs from changing the seeds at once, such as a running service and a command."""
        self._folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._folder.with_suffix(".lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _files(self) -> Iterator[tuple[Epoch, Path]]:
        if self._folder.is_dir():
            for path in self._folder.iterdir():
                if match := _NAME.match(path.name):
                    yield Epoch(int(match[1])), path

    def _path(self, epoch: Epoch) -> Path:
        return self._folder / f"seeds-{epoch:010}.key"


def _destroy(path: Path, keep: Path) -> None:
    """Overwrite and unlink; of a second name of ``keep``, which a crash can leave, only the name goes."""
    if not path.exists():
        return
    if path.samefile(keep):
        path.unlink()
        return
    size = path.stat().st_size
    with path.open("r+b") as file:
        for start in range(0, size, _OVERWRITE):
            file.write(bytes(min(_OVERWRITE, size - start)))
        file.flush()
        os.fsync(file.fileno())
    path.unlink()


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
