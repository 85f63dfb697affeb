# SPDX-License-Identifier: EUPL-1.2
"""A whole system for tests: three key-holders, a broker and some agencies, all real processes and homes on loopback.

Not here: lies; those are in the dishonest fakes and in ``lying_proxy.py``.
"""

import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from agency_client.settings import HomeFile, make_home, open_home
from broker.publishing import SERVED
from broker.settings import COVENANT_KEY
from broker.settings import HomeFile as BrokerFile
from broker.settings import make_home as make_broker_home
from broker.settings import open_home as open_broker_home
from edge.covenant_keys import open_key
from edge.covenant_watch import FOLDER
from edge.keyfile import SecretText
from protocol.covenant import dump_parties, read_party
from protocol.covenant_parts import Parties, Title
from protocol.ids import PartyId
from protocol.messages import utc
from protocol.signing import Signer
from tests.fakes.covenant_repository import SignedCovenants
from tests.fakes.keyholders import ENVIRONMENT, PASSPHRASE, KeyHolders, make_key_holders
from tests.fakes.processes import Process, free_port, run, start

AGENCIES = (
    ("police-oost", "police", "Politie Oost", "legal-duty"),
    ("care-linde", "care", "Jeugdzorg De Linde", "reporting-right"),
)
"""Id, kind, title and the basis on which it signals, of the agencies unless a test names others."""


@dataclass
class System:
    """Homes and running processes; ``stack`` ends them."""

    folder: Path
    holders: KeyHolders
    url: str
    """The broker's address in the covenant."""
    broker_port: int
    """Where the broker itself listens: another port than the covenant's when something stands in between."""
    agencies: Sequence[tuple[str, str, str, str]] = AGENCIES
    running: dict[str, Process] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    """Of the covenant that all act under from the start."""

    @property
    def board(self) -> SignedCovenants:
        """Who signs covenants."""
        return self.holders.board

    @property
    def source(self) -> str:
        """Where parties fetch the signed covenant."""
        return f"{self.url}/covenant/"

    @property
    def trusting(self) -> list[str]:
        """The options by which a command is told whose covenant to believe."""
        return ["--root", str(self.board.root_path), "--from", self.source]

    def publish(self) -> None:
        """Let the broker publish what the board has signed."""
        publication = open_broker_home(self.folder / "broker").publication(SecretText(PASSPHRASE))
        publication.publish(self.board.work.folder, datetime.now(UTC))

    def home(self, agency: str) -> Path:
        """Return an agency's home."""
        return self.folder / agency

    def start_broker(self) -> None:
        """Start the broker at its port."""
        arguments = ["broker", "run", "--home", str(self.folder / "broker")]
        self.running["broker"] = start(
            [*arguments, "--port", str(self.broker_port)],
            folder=self.folder / "output",
            name="broker",
            environment=ENVIRONMENT,
        )

    def start_holder(self, index: int) -> None:
        """Start a key-holder."""
        self.running[f"holder-{index}"] = self.holders.start(index)

    def stop(self) -> None:
        """Stop all that runs, at the same time."""
        with ThreadPoolExecutor() as pool:
            for _ in pool.map(lambda process: process.running and process.stop(), self.running.values()):
                pass

    @property
    def database(self) -> str:
        """The address of the broker's private database."""
        return f"postgresql://sluis@/sluis?host={self.folder / 'broker' / 'postgres' / 'socket'}"

    def signer(self, agency: str) -> Signer:
        """Return an agency's signing key, for requests that its client would never send."""
        return open_home(self.home(agency)).identity(SecretText(PASSPHRASE)).sender.signer

    def command(self, agency: str, command: str, *arguments: str) -> list[str]:
        """Return the command line of an agency's command."""
        return ["agency", command, "--home", str(self.home(agency)), *arguments]

    def agency(self, agency: str, command: str, *arguments: str, status: int | None = 0) -> str:
        """Run an agency's command to its end and return what it printed."""
        line = self.command(agency, command, *arguments)
        return str(run(line, environment=ENVIRONMENT, seconds=120, status=status).stdout)

    def read(self, agency: str, command: str, *arguments: str, status: int | None = 0) -> Any:
        """Run a command with ``--json`` and return what it printed."""
        return json.loads(self.agency(agency, command, *arguments, "--json", status=status))

    def purpose_of(self, agency: str) -> list[str]:
        """Return the options by which an agency says what it sends for."""
        basis = next(basis for name, _, _, basis in self.agencies if name == agency)
        return ["--purpose", "offender-prevention", "--grounds", "exploits-or-recruits", "--basis", basis, "--yes"]


@contextmanager
def whole_system(
    folder: Path,
    *,
    budget: int | None = None,
    agencies: Sequence[tuple[str, str, str, str]] = AGENCIES,
    url: str | None = None,
    broker_port: int | None = None,
    look_every: float = 30,
) -> Iterator[System]:
    """Make, start and enrol everything; stop it at the end. ``budget`` replaces each purpose's, as for a covenant.

    ``look_every`` is how many seconds lie between a key-holder's looks for a newer covenant, for who publishes one;
    ``url`` is the broker's address in the covenant when something else listens there, and passes on to ``broker_port``.
    """
    now, port = utc(datetime.now(UTC)), broker_port or free_port()
    address = url or f"http://127.0.0.1:{port}"
    holders = make_key_holders(folder / "holders", now=now, broker_url=address, budget=budget, sign=False)
    holders = replace(holders, look_every=look_every)
    system = System(folder, holders, address, port, agencies)
    system.files = _write_parties(system, now)
    _sign(system)
    with ExitStack() as stack:
        stack.callback(system.stop)
        with ThreadPoolExecutor() as pool:
            started = [pool.submit(system.start_holder, index) for index in (1, 2, 3)]
            started.append(pool.submit(system.start_broker))
            for one in started:
                one.result()
            for done in [pool.submit(system.agency, name, "enrol", *system.trusting) for name, *_ in agencies]:
                done.result()
        yield system


def _sign(system: System) -> None:
    """Let the board sign the covenant, the broker publish it, and the key-holders enrol under it."""
    home = system.folder / "broker"
    system.board.online = open_key(home / COVENANT_KEY, SecretText(PASSPHRASE))
    system.board.add_root()
    system.board.add(system.files)
    system.publish()
    for holder in system.holders.homes:
        # The folder itself: key-holders start before the broker serves it.
        system.board.enrol(holder / FOLDER, str(home / SERVED))


def _write_parties(system: System, now: datetime) -> dict[str, bytes]:
    """Make the homes of broker and agencies, and return a covenant's files that name them."""
    passphrase = SecretText(PASSPHRASE)
    broker = make_broker_home(
        system.folder / "broker",
        BrokerFile(
            id=PartyId("broker"),
            title=Title(nl="Makelaar", en="Broker"),
            url=system.url,
            log_origin="sluis.test/whole",
            key_file_cost="interactive",
        ),
        passphrase,
    )
    agencies = []
    for place, (name, kind, title, _) in enumerate(system.agencies, 1):
        file = HomeFile(
            id=PartyId(name),
            kind=kind,  # type: ignore[arg-type]  # checked by the model
            title=Title(nl=title, en=title),
            oin=f"{place:020}",
            made_at=now,
            key_file_cost="interactive",
        )
        made = make_home(system.home(name), file, passphrase)
        made.contact_path.write_text(json.dumps({"unit": f"Team van {title}", "phone": "088 000 00 00"}))
        agencies.append(read_party("party.yaml", made.statement_path.read_bytes()).agency)
    stated = read_party("party.yaml", broker.statement_path.read_bytes())
    parties = Parties(
        agencies=tuple(agency for agency in agencies if agency is not None),
        key_holders=system.holders.covenant.key_holders,
        broker=stated.broker,
        log=stated.log,
    )
    files = system.holders.kit.files
    # A probe that happens to be due would be one signal more than a test sent.
    terms = files["covenant.yaml"].replace(b"perPairPerWeek: 1", b"perPairPerWeek: 0")
    return {**files, "covenant.yaml": terms, "parties.yaml": dump_parties(parties).encode()}
