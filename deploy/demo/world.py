# SPDX-License-Identifier: EUPL-1.2
"""Every party as its own process on loopback: set up with the commands that real parties use, then running.

All traffic passes the wiretap; all logs and all data lie under one folder, where the search for leaks looks.
Not here: what the agencies do (``story.py``, ``linkage.py``).
"""

import json
import secrets
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

from deploy.processes import Process, ProcessError, run, start

ROOT: Final = Path(__file__).resolve().parents[2]
BROKER: Final = "sluis-makelaar"
HOLDERS: Final = (
    ("sleutelhouder-een", "Sleutelhouder Een (een hogeschool)"),
    ("sleutelhouder-twee", "Sleutelhouder Twee (een notariskantoor)"),
    ("sleutelhouder-drie", "Sleutelhouder Drie (een stichting)"),
)
BOARD: Final = ("voorzitter", "functionaris-gegevensbescherming", "secretaris")
"""The covenant board: who signs root and covenants, each with a key that never goes online."""
SIGNATURES: Final = 2
"""How many of them must sign before any party acts."""
COLUMNS: Final = 104
"""Characters a line of what the commands print, so that it fits into the frames that the demo draws around it."""
_CHEAP: Final = ("--key-file-cost", "interactive")
"""The demo opens key files dozens of times; real parties leave the cost at its default."""
AGENCIES: Final = (
    ("politie-oost", "police", "Politie, Team Mensenhandel Oost"),
    ("om-oost", "public-prosecution", "Openbaar Ministerie, parket Oost"),
    ("reclassering-oost", "probation", "Reclassering Oost"),
    ("jeugdzorg-zuid", "care", "Jeugdzorg Zuid"),
    ("gemeente-veldstad", "municipality", "Gemeente Veldstad"),
)


@dataclass
class World:
    """The demo's parties under one folder. Leaving it as a context stops every process."""

    folder: Path
    _processes: dict[str, Process] = field(default_factory=dict)
    _tap: "subprocess.Popen[str] | None" = None
    _fronts: dict[str, int] = field(default_factory=dict)
    days_ago: int = 0
    """How far everybody's clock is set back: all that is started runs as if it were so long ago."""
    passphrase: str = field(default_factory=lambda: secrets.token_urlsafe(12), repr=False)

    @property
    def covenant(self) -> Path:
        """The covenant's source, which its board edits; nobody acts under it before it is signed."""
        return self.folder / "covenant"

    @property
    def board(self) -> Path:
        """The board's folder of signed versions, which goes from hand to hand."""
        return self.folder / "board"

    @property
    def trusting(self) -> list[str]:
        """The options by which a party is told whose covenant to believe, and where to fetch it."""
        return ["--root", str(self.board / "1.root.json"), "--from", f"{self.url(BROKER)}/covenant/"]

    @property
    def logs(self) -> Path:
        """What every server wrote."""
        return self.folder / "logs"

    @property
    def wire(self) -> Path:
        """What passed between the parties, one file per connection and direction."""
        return self.folder / "wire"

    def home(self, party: str) -> Path:
        """A party's own folder."""
        return self.folder / "homes" / party

    def url(self, party: str) -> str:
        """A server's address as the covenant names it: the wiretap's front."""
        return f"http://127.0.0.1:{self._fronts[party]}"

    # --- Setting up ---

    def set_up(self) -> None:
        """Make keys, fill the covenant, let its board sign it, hold the key ceremony."""
        for folder in (self.logs, self.wire, self.folder / "homes"):
            folder.mkdir(parents=True)
        shutil.copytree(ROOT / "policies", self.covenant)
        self._start_wiretap()
        self._each(self._init_commands())
        parties = (BROKER, *(name for name, _ in HOLDERS), *(name for name, _, _ in AGENCIES))
        statements = [str(self.home(party) / "party.yaml") for party in parties]
        self.sluis("policy", "add-party", str(self.covenant), *statements)
        self._sign()
        # The broker hands the signed covenant out, so it comes first; it logs nothing before there are witnesses.
        self.start_broker()
        self._each(["keyholder", "enrol", *self._at(name), *self.trusting] for name, _ in HOLDERS)
        self._ceremony()

    def start(self) -> None:
        """Start the key-holders, and enrol the agencies."""
        self._each_call(partial(self.start_holder, name) for name, _ in HOLDERS)
        self._each(["agency", "enrol", *self._at(name), *self.trusting] for name, _, _ in AGENCIES)

    def start_holder(self, name: str) -> None:
        """Start one key-holder and let the wiretap forward to it."""
        self._serve(name, "keyholder")

    def come_to_today(self) -> None:
        """Stop every server that runs as if it were days ago, and start it again today, as after a restart."""
        self._each_call(partial(self.stop_server, name) for name in (BROKER, *(name for name, _ in HOLDERS)))
        self.days_ago = 0
        # The broker first: it says anew that the covenant is the current one, without which nobody acts.
        self.start_broker()
        self._each_call(partial(self.start_holder, name) for name, _ in HOLDERS)

    def stop_server(self, name: str) -> None:
        """Stop the broker or a key-holder, as in an outage."""
        self._processes.pop(name).stop()

    def start_console(self, name: str, port: int) -> str:
        """Start an agency's client that stays, with its console; at another port when this one is taken."""
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                port = 0
        line = ["agency", "run", *self._at(name), "--port", str(port)]
        process = self._started(line, f"console-{name}")
        self._processes[f"console-{name}"] = process
        return process.url

    def start_broker(self) -> None:
        """Start the broker with a private PostgreSQL of its own."""
        self._serve(BROKER, "broker")

    def _serve(self, name: str, role: str) -> None:
        arguments = [role, "run", *self._at(name)]
        arguments += ["--host", "127.0.0.1", "--port", "0", "--public-url", self.url(name)]
        process = self._started(arguments, name)
        self._processes[name] = process
        self._tell_wiretap(f"{name} {process.url.rsplit(':', 1)[1]}")

    def _init_commands(self) -> Iterable[list[str]]:
        origin = ["--log-origin", "makelaar.sluis.example/log"]
        yield ["broker", "init", *_CHEAP, *self._named(BROKER), "--url", self.url(BROKER), *origin]
        for index, (name, title) in enumerate(HOLDERS, 1):
            place = ["--index", str(index), "--holders", "3", "--threshold", "2"]
            yield ["keyholder", "init", *_CHEAP, *self._named(name), *place, "--title", title, "--url", self.url(name)]
        for number, (name, kind, title) in enumerate(AGENCIES, 1):
            oin = f"0000000100000000000{number}"
            yield ["agency", "init", *_CHEAP, *self._named(name), "--kind", kind, "--title", title, "--oin", oin]

    def _named(self, name: str) -> list[str]:
        return ["--home", str(self.home(name)), "--id", name]

    def _ceremony(self) -> None:
        packages = self.folder / "packages"
        self._each(["keyholder", "deal", *self._at(name), "--out", str(packages)] for name, _ in HOLDERS)
        sealed = {name: sorted(packages.glob(f"*-for-{index}.json")) for index, (name, _) in enumerate(HOLDERS, 1)}
        self._each(
            ["keyholder", "accept", *self._at(name), *map(str, paths)] for name, paths in sealed.items() if paths
        )

    def _at(self, name: str) -> list[str]:
        return ["--home", str(self.home(name))]

    def _sign(self) -> None:
        """Make the board's keys; root and covenant are each signed by two of its three members, then published."""
        keys = self.folder / "board-keys"
        self._each(["policy", "key", name, "--out", str(keys), *_CHEAP] for name in BOARD)
        root = [part for name in BOARD for part in ("--key", str(keys / f"{name}.pub"))]
        online = ["--threshold", str(SIGNATURES), "--online", str(self.home(BROKER) / "covenant.pub")]
        for proposal in (
            ["root", str(self.board), *root, *online],
            ["build", str(self.covenant), str(self.board), "--example"],
        ):
            self.sluis("policy", *proposal)
            for name in BOARD[:SIGNATURES]:
                self.sluis("policy", "sign", str(self.board), "--key-file", str(keys / f"{name}.key"), "--yes")
        self.sluis("broker", "publish", *self._at(BROKER), str(self.board))

    # --- Running commands ---

    def sluis(self, *arguments: str, status: int | None = 0, seconds: float = 300) -> str:
        """Run a ``sluis`` command to its end and return what it printed."""
        module, line = self._now(arguments)
        return run(line, environment=self._environment(), module=module, seconds=seconds, status=status).stdout

    def agency(self, name: str, *arguments: str, status: int | None = 0, seconds: float = 300) -> str:
        """Run ``sluis agency COMMAND …`` as this agency."""
        command, *rest = arguments
        return self.sluis("agency", command, "--home", str(self.home(name)), *rest, status=status, seconds=seconds)

    def read(self, name: str, *arguments: str, seconds: float = 300) -> Any:
        """Run an agency's command with ``--json`` and return what it printed, parsed."""
        return json.loads(self.agency(name, *arguments, "--json", seconds=seconds))

    def _each(self, commands: Iterable[Sequence[str]]) -> None:
        self._each_call(partial(self.sluis, *command) for command in commands)

    @staticmethod
    def _each_call(calls: Iterable[Callable[[], object]]) -> None:
        with ThreadPoolExecutor(4) as pool:
            for done in [pool.submit(call) for call in calls]:
                done.result()

    def _started(self, arguments: Sequence[str], name: str) -> Process:
        module, line = self._now(arguments)
        environment = self._environment()
        return start(line, folder=self.logs, name=name, environment=environment, module=module, ready_seconds=180)

    def _now(self, arguments: Sequence[str]) -> tuple[str, Sequence[str]]:
        """Return module and arguments that run a command at the time that it is here."""
        return ("deploy.demo.earlier", [str(self.days_ago), *arguments]) if self.days_ago else ("sluis", arguments)

    def _environment(self) -> dict[str, str]:
        return {"SLUIS_PASSPHRASE": self.passphrase, "COLUMNS": str(COLUMNS)}

    # --- The wiretap ---

    def _start_wiretap(self) -> None:
        names = [BROKER, *(name for name, _ in HOLDERS)]
        self._tap = subprocess.Popen(
            [sys.executable, "-m", "deploy.demo.wiretap", str(self.wire), *names],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._fronts = json.loads(self._ask_wiretap(None))

    def _tell_wiretap(self, line: str) -> None:
        self._ask_wiretap(line)

    def _ask_wiretap(self, line: str | None) -> str:
        if self._tap is None or self._tap.stdin is None or self._tap.stdout is None:
            raise ProcessError("the wiretap is not running")
        if line is not None:
            self._tap.stdin.write(line + "\n")
            self._tap.stdin.flush()
        return self._tap.stdout.readline()

    # --- Ending ---

    def __enter__(self) -> "World":
        return self

    def __exit__(self, *_: object) -> None:
        for process in reversed(list(self._processes.values())):
            process.stop()
        if self._tap is not None:
            self._tap.kill()
            self._tap.wait()
