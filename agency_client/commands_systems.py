# SPDX-License-Identifier: EUPL-1.2
"""``sluis agency systems``: which of the agency's own systems may use the local API, each by a token of its own.

Not here: the tokens (``vault/systems.py``), the machine (``cli.py`` passes it).
"""

import sys
from typing import Annotated

import typer
from rich.table import Table

from agency_client.command_line import HomeOption, JsonOption, print_json
from agency_client.connectors.descriptions import FOLDER, NAME, SUFFIX
from agency_client.machine import Machine
from agency_client.vault.systems import KeptSystem, Scope
from edge.cli import reported
from protocol.encoding import Json, format_time
from protocol.errors import Code, ConflictError, InputError

NameArgument = Annotated[str, typer.Argument(help="The system's name: small letters, digits, hyphens.")]


def add_systems(app: typer.Typer, machine: Machine) -> None:
    """Add the commands to the agency's commands."""
    systems = typer.Typer(no_args_is_help=True, help="Which own systems may use the local API.")
    app.add_typer(systems, name="systems")

    @systems.command("add")
    @reported()
    def add(
        home: HomeOption,
        name: NameArgument,
        may: Annotated[
            list[Scope] | None, typer.Option(help="What it may do: records, hits. Records when absent.")
        ] = None,
    ) -> None:
        """Make a token for a system. It is printed once, alone on a line, and cannot be shown again."""
        if not NAME.match(name):
            raise InputError(Code.MALFORMED, "A name has small letters, digits and hyphens, at most forty.")
        if (home / FOLDER / f"{name}{SUFFIX}").exists():
            raise ConflictError(Code.CONFLICT, f"There is a connector {name}.", hint="Give the system another name.")
        with machine.offline(home) as session:
            token = session.vault.systems.add(name, may or [Scope.RECORDS], session.clock())
        machine.notes().print(f"The token of {name}. Put it where only that system can read it:", highlight=False)
        sys.stdout.write(token + "\n")

    @systems.command("list")
    @reported()
    def listed(
        home: HomeOption,
        as_json: JsonOption = False,
    ) -> None:
        """List the systems, what each may do and when its token was last used."""
        with machine.offline(home) as session:
            found = session.vault.systems.all()
        if as_json:
            print_json({"systems": [_json(one) for one in found]})
            return
        if not found:
            machine.console().print("No system has a token.")
            return
        table = Table("System", "May", "Made", "Last used", "", box=None)
        for one in found:
            used = "never" if one.used_at is None else f"{one.used_at:%Y-%m-%d %H:%M} UTC"
            ended = "" if one.revoked_at is None else f"revoked {one.revoked_at:%Y-%m-%d %H:%M} UTC"
            table.add_row(one.name, ", ".join(sorted(one.may)), f"{one.made_at:%Y-%m-%d}", used, ended)
        machine.console().print(table)

    @systems.command("revoke")
    @reported()
    def revoke(home: HomeOption, name: NameArgument) -> None:
        """End a system's token at once, also in the client that runs."""
        with machine.offline(home) as session:
            session.vault.systems.revoke(name, session.clock())
        machine.console().print(f"The token of {name} is worth nothing any more.", highlight=False)


def _json(one: KeptSystem) -> Json:
    may: list[Json] = [scope.value for scope in sorted(one.may)]
    return {
        "name": one.name,
        "may": may,
        "madeAt": format_time(one.made_at),
        "usedAt": None if one.used_at is None else format_time(one.used_at),
        "revokedAt": None if one.revoked_at is None else format_time(one.revoked_at),
    }
