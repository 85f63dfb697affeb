# SPDX-License-Identifier: EUPL-1.2
"""``sluis agency awaited``: own signals that await a counterpart, from the vault alone; nobody is asked.

Not here: what is true (``awaiting.py``), its words (``showing_waits.py``), the machine (``cli.py`` passes it).
"""

import typer

from agency_client.awaiting import waits
from agency_client.command_line import HomeOption, JsonOption, print_json
from agency_client.machine import Machine
from agency_client.showing_waits import show_waits, wait_json
from edge.cli import reported
from protocol.encoding import Json


def add_awaited(app: typer.Typer, machine: Machine) -> None:
    """Add the command to the agency's commands."""

    @app.command("awaited")
    @reported()
    def command(home: HomeOption, as_json: JsonOption = False) -> None:
        """Show which of your signals await a counterpart: until when, whether it is late, whether it came."""
        with machine.offline(home) as session:
            found = list(waits(session.vault, session.covenant, session.me.id, session.clock()))
            if as_json:
                listed: list[Json] = [wait_json(wait, session.vault, session.covenant) for wait in found]
                print_json({"awaited": listed})
                return
            show_waits(machine.console(), session.vault, found, session.covenant)
