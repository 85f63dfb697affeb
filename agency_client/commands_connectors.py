# SPDX-License-Identifier: EUPL-1.2
"""``sluis agency connectors``: how each connector is doing, whether its file is right, and one look without effect.

Not here: the connectors (``connectors/``), the machine (``cli.py`` passes it).
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from agency_client.command_line import HomeOption, JsonOption, print_json
from agency_client.connectors.descriptions import FOLDER, SUFFIX, Broken, described, read_description
from agency_client.connectors.settings import machine_passwords
from agency_client.connectors.sql import DELETIONS
from agency_client.connectors.states import ConnectorState, states_of
from agency_client.connectors.trying import try_one
from agency_client.machine import Machine
from edge.cli import exit_status, reported
from protocol.encoding import Json, format_time
from protocol.errors import Code, NotFoundError

NameArgument = Annotated[str, typer.Argument(help="The connector's name: that of its file.")]


def add_connectors(app: typer.Typer, machine: Machine) -> None:
    """Add the commands to the agency's commands."""
    connectors = typer.Typer(no_args_is_help=True, help="How own systems bring records: files in a folder, a query.")
    app.add_typer(connectors, name="connectors")

    @connectors.command("list")
    @reported()
    def listed(home: HomeOption, as_json: JsonOption = False) -> None:
        """List the connectors: when each looked, what it took, and what stands in its way."""
        with machine.offline(home) as session:
            found = states_of(session)
        if as_json:
            print_json({"connectors": [_json(one) for one in found]})
        else:
            _show(machine.console(), found)

    @connectors.command("check")
    @reported()
    def check(home: HomeOption) -> None:
        """Check the files of all connectors, without looking at what they describe."""
        broken = 0
        for one in described(home):
            if isinstance(one, Broken):
                broken += 1
                machine.console().print(f"{escape(one.name)}: {escape(str(one.problem))}", style="red", highlight=False)
                for issue in one.problem.issues:
                    machine.console().print(f"  {escape(issue.location)}: {escape(issue.message)}", highlight=False)
            else:
                machine.console().print(f"{one.name}: right ({one.says.kind})", highlight=False)
        if broken:
            raise typer.Exit(exit_status(Code.SETTINGS_INVALID))

    @connectors.command("try")
    @reported()
    def try_connector(home: HomeOption, name: NameArgument, as_json: JsonOption = False) -> None:
        """Look once and say what would be taken and refused; nothing is moved, kept or sent."""
        one = read_description(_path(home, name))
        with machine.offline(home) as session:
            tried = try_one(one, session, machine_passwords())
        if as_json:
            reasons: list[Json] = [
                {"field": place, "code": code, "count": count} for (place, code, _), count in tried.reasons.items()
            ]
            print_json({"rows": tried.rows, "used": tried.used, "partly": tried.partly,
                        "refused": tried.refused, "gone": tried.gone, "reasons": reasons})  # fmt: skip
            return
        out = machine.console()
        out.print(
            f"{tried.rows:,} rows: {tried.used:,} can be sent ({tried.partly:,} without some value), "
            f"{tried.refused:,} cannot, {tried.gone:,} say that their record is gone.",
            highlight=False,
        )
        for (place, code, message), count in tried.reasons.most_common(20):
            out.print(f"  {count:,} × {escape(place)}: {escape(message)} ({escape(code)})", highlight=False)

    @connectors.command("rewind")
    @reported()
    def rewind(home: HomeOption, name: NameArgument) -> None:
        """Let a query begin at its start again, as after a corrected mapping; what did not change changes nothing."""
        read_description(_path(home, name))
        with machine.offline(home) as session:
            for place in (name, f"{name}{DELETIONS}"):
                session.vault.connectors.rewind(place)
        machine.console().print("It begins at its start with the next look.")


def _path(home: Path, name: str) -> Path:
    path = home / FOLDER / f"{name}{SUFFIX}"
    if not path.exists():
        raise NotFoundError(
            Code.NOT_FOUND, "There is no such connector.", hint=f"Its file would be {FOLDER}/NAME{SUFFIX} in the home."
        )
    return path


def _show(out: Console, found: Sequence[ConnectorState]) -> None:
    if not found:
        out.print(f"No connectors: put a file into {FOLDER}/ of the home (docs/guide-systems.md).")
        return
    table = Table("Connector", "Looked", "Took last", "Taken", "Withdrawn", "In quarantine", "", box=None)
    for one in found:
        state = escape(one.problem) if one.problem else "well" if one.enabled else "switched off"
        looked = "never" if one.looked_at is None else f"{one.looked_at:%Y-%m-%d %H:%M} UTC"
        took = "" if one.taken_at is None else f"{one.taken_at:%Y-%m-%d %H:%M} UTC"
        style = "red" if one.problem else "green"
        cells = [f"{one.taken:,}", f"{one.withdrawn:,}", f"{one.waiting:,}", f"[{style}]{state}[/]"]
        table.add_row(f"{escape(one.name)} ({one.kind})", looked, took, *cells)
    out.print(table)


def _json(one: ConnectorState) -> Json:
    return {
        "name": one.name,
        "kind": one.kind,
        "enabled": one.enabled,
        "lookedAt": None if one.looked_at is None else format_time(one.looked_at),
        "takenAt": None if one.taken_at is None else format_time(one.taken_at),
        "taken": one.taken,
        "quarantined": one.quarantined,
        "withdrawn": one.withdrawn,
        "waiting": one.waiting,
        "problem": one.problem,
    }
