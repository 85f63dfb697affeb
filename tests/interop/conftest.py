# SPDX-License-Identifier: EUPL-1.2
"""Builds the Go programs, once for all tests here: ours on other people's packages, and a witness that is not ours.

Without Go every test here fails and says what to install; none is skipped. Not here: what the programs check.
"""

import json
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from deploy.processes import free_port
from protocol.note import LogKey, b64
from tests.broker.conftest import database, server, template
from tests.fakes.covenants import seed_of
from tests.fakes.waiting import until

__all__ = ["database", "server", "template"]

HERE = Path(__file__).resolve().parent
LITEWITNESS = "filippo.io/torchwood/cmd/litewitness"
USUAL_PLACE = Path("/usr/local/go/bin/go")
"""Where Go's own instructions put it; a service's PATH often lacks it."""
NO_GO = (
    "Go is not installed. Install Go 1.26 or newer (go.dev/doc/install, into /usr/local/go or on PATH): without it "
    "nothing shows that other people's programs agree with our log. tests/interop/README.md says more."
)
BUILD_SECONDS = 280
"""A first build downloads and compiles a whole SQLite: one minute on an idle machine with two cores."""
START_SECONDS = 60


@dataclass(frozen=True)
class Programs:
    """The two programs, built."""

    interop: Path
    litewitness: Path

    def ask(self, command: str, request: object) -> Any:
        """Run one command of ours; return its answer. Fails the test when the program does not accept something."""
        done = self.try_(command, request)
        assert done.returncode == 0, f"{command}: {done.stderr}"
        return json.loads(done.stdout)

    def refuse(self, command: str, request: object) -> str:
        """Run one command that must not accept what it is given; return what it says."""
        done = self.try_(command, request)
        assert done.returncode == 1, f"{command} accepted it: {done.stdout}"
        return done.stderr

    def try_(self, command: str, request: object) -> "subprocess.CompletedProcess[str]":
        """Run one command."""
        return subprocess.run(
            [self.interop, command], input=json.dumps(request), capture_output=True, text=True, timeout=120, check=False
        )


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Programs:
    """Build both from the versions that go.mod names and go.sum pins."""
    go = shutil.which("go") or (str(USUAL_PLACE) if USUAL_PLACE.exists() else None)
    if go is None:
        pytest.fail(NO_GO, pytrace=False)
    folder = tmp_path_factory.mktemp("interop")
    built = Programs(folder / "interop", folder / "litewitness")
    for package, program in ((".", built.interop), (LITEWITNESS, built.litewitness)):
        line = [go, "build", "-mod=readonly", "-buildvcs=false", "-o", str(program), package]
        made = subprocess.run(line, cwd=HERE, capture_output=True, text=True, timeout=BUILD_SECONDS, check=False)
        if made.returncode != 0:
            pytest.fail(f"{package} could not be built, so nothing was checked by it:\n{made.stderr}", pytrace=False)
    return built


@dataclass
class LiteWitness:
    """The process of a standard witness, and the agent that holds its key."""

    programs: Programs
    folder: Path
    name: str
    url: str = ""
    vkey: str = ""
    _ends: ExitStack = field(default_factory=ExitStack)

    def start(self) -> None:
        """Start agent and witness, and wait until it listens."""
        socket = self.folder / "agent.sock"
        ring = subprocess.Popen(
            [self.programs.interop, "agent"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._ends.callback(_end, ring)
        assert ring.stdin is not None
        assert ring.stdout is not None
        request = {"socket": str(socket), "name": self.name, "seed": b64(seed_of("litewitness"))}
        ring.stdin.write(json.dumps(request) + "\n")
        ring.stdin.flush()
        fingerprint, self.vkey = ring.stdout.readline().split()
        address = f"127.0.0.1:{free_port()}"
        said = self._ends.enter_context((self.folder / "litewitness.log").open("ab"))
        options = {
            "-name": self.name,
            "-key": fingerprint,
            "-ssh-agent": str(socket),
            "-db": str(self.database),
            "-listen": address,
        }
        witness = subprocess.Popen(
            [self.programs.litewitness, *(part for option in options.items() for part in option)],
            stdout=said,
            stderr=subprocess.STDOUT,
        )
        self._ends.callback(_end, witness)
        self.url = f"http://{address}"
        until(lambda: witness.poll() is not None or _answers(self.url))
        assert witness.poll() is None, (self.folder / "litewitness.log").read_text()

    @property
    def database(self) -> Path:
        """Its SQLite file."""
        return self.folder / "litewitness.db"

    def know(self, log: LogKey) -> None:
        """Add a log, as ``witnessctl add-log`` and ``add-key`` do; README.md says why not by that program."""
        with sqlite3.connect(self.database, timeout=30) as rows:
            empty = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
            rows.execute("INSERT INTO log (origin, tree_size, tree_hash) VALUES (?, 0, ?)", (log.name, empty))
            rows.execute("INSERT INTO key (origin, key) VALUES (?, ?)", (log.name, log.vkey))
        rows.close()

    def seen(self, log: LogKey) -> int:
        """Return the size that it has in its own file."""
        with sqlite3.connect(self.database, timeout=30) as rows:
            (size,) = rows.execute("SELECT tree_size FROM log WHERE origin = ?", (log.name,)).fetchone()
        rows.close()
        return int(size)

    def stop(self) -> None:
        """End both processes."""
        self._ends.close()


@pytest.fixture
def litewitness(programs: Programs, tmp_path: Path) -> Iterator[LiteWitness]:
    """Run litewitness on loopback."""
    made = LiteWitness(programs, tmp_path, "litewitness.test/w")
    try:
        made.start()
        yield made
    finally:
        made.stop()


def _end(process: "subprocess.Popen[Any]") -> None:
    process.terminate()
    process.wait(START_SECONDS)
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, trust_env=False).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False
