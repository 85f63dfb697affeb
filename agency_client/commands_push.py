# SPDX-License-Identifier: EUPL-1.2
"""``sluis agency push`` and ``send``: files of records go as signals; what could not go waits and goes later.

Not here: reading and sending (``push.py``), what is shown before (``commands_preview.py``), the words of the result
(``showing.py``), the machine (``cli.py`` passes it).
"""

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from agency_client.budgets import known_budgets, scarcest
from agency_client.command_line import HomeOption, JsonOption, print_json
from agency_client.commands_preview import approved, looked_at, show_look
from agency_client.looking import Looked, look
from agency_client.machine import Machine
from agency_client.push import Constants, drain, push_files, settle_mappings
from agency_client.session import Session
from agency_client.showing import push_json, show_taken, show_tally, show_waiting
from edge.cli import exit_status, reported, show
from protocol.errors import SluisError


def add_push(app: typer.Typer, machine: Machine) -> None:
    """Add the commands to the agency's commands."""

    @app.command("push")
    @reported()
    def push(
        home: HomeOption,
        files: Annotated[list[Path], typer.Argument(help="CSV, JSON Lines or XLSX.", dir_okay=False, exists=True)],
        mapping: Annotated[
            Path | None, typer.Option(help="Which column is what; default FILE.mapping.yaml, else guessed.")
        ] = None,
        purpose: Annotated[str | None, typer.Option(help="Purpose, when the file has no column for it.")] = None,
        grounds: Annotated[str | None, typer.Option(help="Entry criteria, separated by ;")] = None,
        basis: Annotated[str | None, typer.Option(help="Your legal basis.")] = None,
        urgency: Annotated[str | None, typer.Option(help="normal or urgent.")] = None,
        dry_run: Annotated[
            bool, typer.Option("--dry-run", help="Only show what would be sent and who could be told.")
        ] = False,
        yes: Annotated[
            bool, typer.Option("--yes", help="Do not ask whether a guessed mapping, or what is shown, is right.")
        ] = False,
        as_json: JsonOption = False,
    ) -> None:
        """Send files of records as signals. Bad rows go to FILE.quarantine.csv with their reasons, good rows go on."""
        out = _beside_json(machine, as_json)
        with machine.opened(home) as session:
            constants = Constants(purpose, grounds, basis, urgency)
            mappings, guessed = settle_mappings(session, files, mapping, constants, out)
            if dry_run:
                show_look(session, look(session.intake(), mappings, Looked()), out)
                return
            if not approved(session, looked_at(session, mappings), machine.notes(), guessed=guessed, yes=yes):
                raise typer.Exit(0)
            pushed = asyncio.run(push_files(session, mappings, machine.notes(), asyncio.sleep))
            waiting = session.vault.pending.count()
            if as_json:
                print_json(push_json(pushed.taken, pushed.tally, waiting))
            for name, taken in pushed.taken.items():
                show_taken(out, name, taken, f"{name}.quarantine.csv")
            show_tally(out, pushed.tally)
            _end(session, pushed.obstacle, waiting, out)

    @app.command("send")
    @reported()
    def send(home: HomeOption, as_json: JsonOption = False) -> None:
        """Send what waits in the outbox."""
        with machine.opened(home) as session:
            tally, obstacle = asyncio.run(drain(session, asyncio.sleep, lambda: False, lambda _: None))
            waiting = session.vault.pending.count()
            if as_json:
                print_json(push_json({}, tally, waiting))
            out = _beside_json(machine, as_json)
            show_tally(out, tally)
            if obstacle is None and not tally.accepted and not tally.refused:
                out.print("Nothing waits.")
            _end(session, obstacle, waiting, out)


def _beside_json(machine: Machine, as_json: bool) -> Console:
    """Return where people read: what is for programs has standard output for itself."""
    return machine.notes() if as_json else machine.console()


def _end(session: Session, obstacle: SluisError | None, waiting: int, out: Console) -> None:
    for known in scarcest(known_budgets(session.vault.evidence, session.clock())):
        out.print(known.words, style="dim", highlight=False)
    if obstacle is None:
        return
    show_waiting(out, waiting, obstacle)
    show(obstacle)
    raise typer.Exit(exit_status(obstacle.code))
