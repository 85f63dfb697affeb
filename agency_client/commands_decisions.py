# SPDX-License-Identifier: EUPL-1.2
"""``sluis agency decisions``: what the rules decided about this agency, as a file for ``sluis policy replay``.

From the agency's own proven receipts; nobody is asked. Not here: a line's form (``protocol/decision_lines.py``), the
machine (``cli.py`` passes it).
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from agency_client.command_line import HomeOption
from agency_client.machine import Machine
from agency_client.session import Session
from edge.cli import reported
from edge.files import put_lines
from protocol.decision_lines import is_decision, write_line


def add_decisions(app: typer.Typer, machine: Machine) -> None:
    """Add the command to the agency's commands."""

    @app.command("decisions")
    @reported()
    def command(
        home: HomeOption,
        out: Annotated[Path, typer.Option(help="File to write, a line an entry.", dir_okay=False)],
    ) -> None:
        """Write what the rules decided about this agency, without signals, hits or tags, for `sluis policy replay`.

        It holds moments, rules, and the reasons of questions. Canaries are left out.
        """
        with machine.offline(home) as session:
            count = put_lines(out, decisions_of(session))
        typer.echo(f"{count} decisions written to {out}")


def decisions_of(session: Session) -> Iterator[str]:
    """Yield a line for every decision that the log proved to us, in its order."""
    for place, opening in session.vault.evidence.openings():
        if is_decision(opening.record) and "cover" not in opening.record.get("asked", {}):
            yield write_line(place, opening)
