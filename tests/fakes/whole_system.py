# SPDX-License-Identifier: EUPL-1.2
"""A whole system for tests: three key-holders, a broker and two agencies, all real processes and homes on loopback.

Not here: lies; those are in the dishonest fakes.
"""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from agency_client.settings import HomeFile, make_home
from broker.settings import HomeFile as BrokerFile
from broker.settings import make_home as make_broker_home
from edge.keyfile import SecretText
from protocol.covenant import dump_parties, read_party
from protocol.covenant_parts import Parties, Title
from protocol.ids import PartyId
from protocol.messages import utc
from tests.fakes.keyholders import ENVIRONMENT, PASSPHRASE, KeyHolders, make_key_holders
from tests.fakes.processes import Process, free_port, run, start

AGENCIES = (
    ("police-oost", "police", "Politie Oost", "legal-duty"),
    ("care-linde", "care", "Jeugdzorg De Linde", "reporting-right"),
)


@dataclass
class System:
    """Homes and running processes; ``stack`` ends them."""

    folder: Path
    holders: KeyHolders
    url: str
    running: dict[str, Process] = field(default_factory=dict)

    @property
    def covenant(self) -> Path:
        """The covenant's folder."""
        return self.holders.covenant_folder

    def home(self, agency: str) -> Path:
        """Return an agency's home."""
        return self.folder / agency

    def start_broker(self) -> None:
        """Start the broker at its address."""
        port = self.url.rpartition(":")[2]
        arguments = ["broker", "run", "--home", str(self.folder / "broker"), "--covenant", str(self.covenant)]
        self.running["broker"] = start(
            [*arguments, "--port", port], folder=self.folder / "output", name="broker", environment=ENVIRONMENT
        )

    def start_holder(self, index: int) -> None:
        """Start a key-holder."""
        self.running[f"holder-{index}"] = self.holders.start(index)

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
        basis = next(basis for name, _, _, basis in AGENCIES if name == agency)
        return ["--purpose", "offender-prevention", "--grounds", "exploits-or-recruits", "--basis", basis, "--yes"]


@contextmanager
def whole_system(folder: Path) -> Iterator[System]:
    """Make, start and enrol everything; stop it at the end."""
    now, passphrase = utc(datetime.now(UTC)), SecretText(PASSPHRASE)
    url = f"http://127.0.0.1:{free_port()}"
    holders = make_key_holders(folder / "holders", now=now, broker_url=url)
    broker = make_broker_home(
        folder / "broker",
        BrokerFile(
            id=PartyId("broker"),
            title=Title(nl="Makelaar", en="Broker"),
            url=url,
            log_origin="sluis.test/whole",
            key_file_cost="interactive",
        ),
        passphrase,
    )
    agencies = []
    for place, (name, kind, title, _) in enumerate(AGENCIES, 1):
        file = HomeFile(
            id=PartyId(name),
            kind=kind,  # type: ignore[arg-type]  # checked by the model
            title=Title(nl=title, en=title),
            oin=f"{place:020}",
            made_at=now,
            key_file_cost="interactive",
        )
        made = make_home(folder / name, file, passphrase)
        made.contact_path.write_text(json.dumps({"unit": f"Team van {title}", "phone": "088 000 00 00"}))
        agencies.append(read_party("party.yaml", made.statement_path.read_bytes()).agency)
    stated = read_party("party.yaml", broker.statement_path.read_bytes())
    parties = Parties(
        agencies=tuple(agency for agency in agencies if agency is not None),
        key_holders=holders.covenant.key_holders,
        broker=stated.broker,
        log=stated.log,
    )
    (holders.covenant_folder / "parties.yaml").write_bytes(dump_parties(parties).encode())
    system = System(folder, holders, url)
    with ExitStack() as stack:
        stack.callback(lambda: [process.stop() for process in system.running.values() if process.running])
        for index in (1, 2, 3):
            system.start_holder(index)
        system.start_broker()
        for name, *_ in AGENCIES:
            system.agency(name, "enrol", "--covenant", str(system.covenant))
        yield system
