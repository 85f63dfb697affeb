# SPDX-License-Identifier: EUPL-1.2
"""``sluis agency awaited``: own signals that await a counterpart, from the vault alone; nobody is asked.

Not here: what is true (``awaiting.py``), its words (``showing_waits.py``), the machine (``cli.py`` passes it).
"""

import json
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from agency_client.awaiting import waits
from agency_client.session import Session
from agency_client.showing_waits import show_waits, wait_json
from edge.cli import reported


def add_awaited(
    app: typer.Typer, opened: Callable[[Path], AbstractContextManager[Session]], console: Callable[[], Console]
) -> None:
    """Add the command to the agency's commands; ``opened`` opens a home, ``console`` is where people read."""

    @app.command("awaited")
    @reported()
    def command(
        home: Annotated[Path, typer.Option("--home", help="This agency's folder.", file_okay=False)],
        as_json: Annotated[bool, typer.Option("--json", help="For programs: one JSON document.")] = False,
    ) -> None:
        """Show which of your signals await a counterpart: until when, whether it is late, whether it came."""
        with opened(home) as session:
            found = list(waits(session.vault, session.covenant, session.me.id, session.clock()))
            if as_json:
                listed = [wait_json(wait, session.vault, session.covenant) for wait in found]
                sys.stdout.write(json.dumps({"awaited": listed}, ensure_ascii=False) + "\n")
                return
            show_waits(console(), session.vault, found, session.covenant)
