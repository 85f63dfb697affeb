# SPDX-License-Identifier: EUPL-1.2
"""A whole system whose agencies stay: real ``sluis agency run`` processes, and people with accounts at them.

Not here: browsers (``browsing.py``).
"""

import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from agency_client.people.gate import Gate
from agency_client.people.passwords import Cost, Hashing
from agency_client.people.staff import Staff
from agency_client.settings import open_home
from edge.keyfile import SecretText
from tests.fakes.keyholders import ENVIRONMENT, PASSPHRASE
from tests.fakes.processes import Process, start
from tests.fakes.whole_system import System, whole_system

PASSWORD: Final = "vier woorden die niets delen"
PEOPLE: Final = (
    ("coordinator", "Noor Bakker", ("coordinator",)),
    ("officer", "Femke Smit", ("privacy-officer",)),
    ("chief", "Ruud de Wit", ("coordinator", "supervisor", "operator")),
)
"""User name, name and roles of who works at each agency."""


@dataclass
class Consoles:
    """The system and its consoles."""

    system: System
    running: dict[str, Process] = field(default_factory=dict)

    def url(self, agency: str) -> str:
        """Return where an agency's console is."""
        return self.running[agency].url

    def start(self, agency: str, port: int = 0) -> None:
        """Start an agency's console; with a port, at that one."""
        self.running[agency] = start(
            [*self.system.command(agency, "run"), "--port", str(port)],
            folder=self.system.folder / "output",
            name=f"console-{agency}",
            environment=ENVIRONMENT,
            ready_seconds=300,
        )

    def stop(self) -> None:
        """Stop all consoles."""
        with ThreadPoolExecutor() as pool:
            for _ in pool.map(lambda process: process.running and process.stop(), self.running.values()):
                pass


def add_people(home: Path, people: Sequence[tuple[str, str, Sequence[str]]] = PEOPLE) -> None:
    """Give people accounts, with one password, of which the second factor is still to be set up."""
    opened = open_home(home)
    vault = opened.vault(opened.identity(SecretText(PASSPHRASE)))
    try:
        staff = Staff(Gate(vault.people, Hashing.at(Cost.LOGIN), lambda: datetime.now(UTC)))
        for name, shown, roles in people:
            staff.add(name, shown, list(roles), "nl", password=PASSWORD)
    finally:
        vault.close()


def write_settings(home: Path, **settings: object) -> None:
    """Write a home's ``run.json``."""
    (home / "run.json").write_text(json.dumps(settings))


@contextmanager
def consoles(folder: Path, agencies: Sequence[tuple[str, str, str, str]]) -> Iterator[Consoles]:
    """Start a whole system and a console of each agency; stop all at the end."""
    with whole_system(folder, agencies=agencies) as system:
        made = Consoles(system)
        try:
            for name, *_ in agencies:
                add_people(system.home(name))
            with ThreadPoolExecutor() as pool:
                list(pool.map(made.start, [name for name, *_ in agencies]))
            yield made
        finally:
            made.stop()
