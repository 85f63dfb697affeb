# SPDX-License-Identifier: EUPL-1.2
"""Real Sluis processes for tests and the demo: start one, wait until it is ready, stop it or kill it, read its output.

Each process writes to files of its own, so that a full pipe never blocks it and a test can search everything it said.
Not here: what a role needs to run (its home, its covenant); the tests of that role make those.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[1]
"""The project's folder: processes run there, so that ``python -m sluis`` finds this tree."""
READY_SECONDS: Final = 90.0
"""A broker that first makes its own PostgreSQL cluster needs a few seconds on a busy machine; more is a fault."""
STOP_SECONDS: Final = 15.0
"""A polite stop drains running requests; who needs longer hangs."""
_PASSED_ON: Final = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "USER", "VIRTUAL_ENV")
"""What a process gets of the test's environment: no proxy settings, no settings of somebody's shell."""


class ProcessError(Exception):
    """The process ended, or did not say that it was ready; the text ends with what it last wrote."""


@dataclass
class Process:
    """A started process. Leaving it as a context kills it, whatever happened."""

    name: str
    popen: "subprocess.Popen[bytes]"
    stdout_path: Path
    stderr_path: Path
    ready: Mapping[str, Any] = field(default_factory=dict)
    """The ready line as JSON; servers give at least ``url``."""

    @property
    def url(self) -> str:
        """Where it listens."""
        return str(self.ready["url"])

    @property
    def pid(self) -> int:
        """The process id, for measuring."""
        return self.popen.pid

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self.popen.poll() is None

    def wait_ready(self, seconds: float = READY_SECONDS) -> None:
        """Wait for the ready line. Raises ``ProcessError``."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            ended = not self.running
            for line in self.stdout().splitlines(keepends=True):
                found = _ready_line(line)
                if found is not None:
                    self.ready = found
                    return
            if ended:
                raise ProcessError(f"{self.name} ended with status {self.popen.returncode}:\n{self.logs()[-4000:]}")
            time.sleep(0.02)
        self.kill()
        raise ProcessError(f"{self.name} was not ready within {seconds:.0f} s:\n{self.logs()[-4000:]}")

    def wait(self, seconds: float = STOP_SECONDS) -> int:
        """Wait until it ends by itself; return its status."""
        return self.popen.wait(seconds)

    def stop(self, seconds: float = STOP_SECONDS) -> int:
        """Ask it to end (SIGTERM) and return its status; kill it when it does not listen."""
        if self.running:
            self.popen.send_signal(signal.SIGTERM)
        try:
            return self.popen.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise ProcessError(f"{self.name} did not stop within {seconds:.0f} s:\n{self.logs()[-4000:]}") from None

    def kill(self) -> None:
        """End it as a power cut would (SIGKILL): it gets no chance to save anything."""
        if self.running:
            self.popen.kill()
        self.popen.wait()

    def stdout(self) -> str:
        """What it wrote on standard output so far."""
        return self.stdout_path.read_text(errors="replace")

    def stderr(self) -> str:
        """What it wrote on standard error so far: the log."""
        return self.stderr_path.read_text(errors="replace")

    def logs(self) -> str:
        """All it wrote."""
        return self.stdout() + self.stderr()

    def __enter__(self) -> "Process":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.kill()


def start(
    arguments: Sequence[str],
    *,
    folder: Path,
    name: str,
    environment: Mapping[str, str] | None = None,
    module: str = "sluis",
    wait: bool = True,
    ready_seconds: float = READY_SECONDS,
) -> Process:
    """Start ``python -m sluis ARGUMENTS`` and, unless told not to, wait for its ready line.

    What it writes goes to ``folder/name.N.out`` and ``.err``; N counts the starts, so that a restart loses no log.
    ``module`` may name a fake's module instead, such as ``tests.fakes.dishonest_keyholder``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    turn = len(list(folder.glob(f"{name}.*.out"))) + 1
    out, err = folder / f"{name}.{turn}.out", folder / f"{name}.{turn}.err"
    with out.open("wb") as to_out, err.open("wb") as to_err:
        popen = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            cwd=ROOT,
            env=_environment(environment),
            stdin=subprocess.DEVNULL,
            stdout=to_out,
            stderr=to_err,
        )
    process = Process(name, popen, out, err)
    if wait:
        process.wait_ready(ready_seconds)
    return process


def run(
    arguments: Sequence[str],
    *,
    environment: Mapping[str, str] | None = None,
    module: str = "sluis",
    seconds: float = 60.0,
    status: int | None = 0,
) -> "subprocess.CompletedProcess[str]":
    """Run a command to its end and return what it wrote; raises ``ProcessError`` on another status than ``status``."""
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=ROOT,
        env=_environment(environment),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    if status is not None and done.returncode != status:
        raise ProcessError(f"status {done.returncode}:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done


def free_port() -> int:
    """Return a loopback port that nobody listens on now, for an address that must be known before the process runs."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def all_of(*processes: Process) -> Iterator[tuple[Process, ...]]:
    """Kill every one of them at the end, whatever happened."""
    try:
        yield processes
    finally:
        for process in processes:
            process.kill()


def _environment(extra: Mapping[str, str] | None) -> dict[str, str]:
    kept = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    return {**kept, "PYTHONUNBUFFERED": "1", "COLUMNS": "120", **(extra or {})}


def _ready_line(line: str) -> Mapping[str, Any] | None:
    if not line.endswith("\n") or not line.startswith("{"):
        return None
    try:
        found = json.loads(line)
    except json.JSONDecodeError:
        return None
    return found if isinstance(found, dict) and ("ready" in found or found.get("event") == "ready") else None
