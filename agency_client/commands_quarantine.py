# SPDX-License-Identifier: EUPL-1.2
"""``sluis agency quarantine``: the rows of own systems that could not be used: list, repair in place, dismiss.

Not here: the repair (``connectors/repairing.py``), the machine (``cli.py`` passes it).
"""

from collections.abc import Sequence
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from agency_client.command_line import HomeOption, JsonOption, print_json
from agency_client.connectors.repairing import Repaired, Repairing
from agency_client.machine import Machine
from agency_client.vault.quarantine import Quarantined
from edge.cli import reported
from protocol.encoding import Json, format_time
from protocol.errors import Code, InputError, Issue

NumberArgument = Annotated[int, typer.Argument(help="The row's number in the list.", min=1)]
PersonOption = Annotated[
    str | None, typer.Option(help="Who does this; default the logged-in user. Only a keyed hash of it is kept.")
]
PAGE: Final = 100


def add_quarantine(app: typer.Typer, machine: Machine) -> None:
    """Add the commands to the agency's commands."""
    rows = typer.Typer(no_args_is_help=True, help="Rows of own systems that wait for repair.")
    app.add_typer(rows, name="quarantine")

    @rows.command("list")
    @reported()
    def listed(
        home: HomeOption,
        system: Annotated[str | None, typer.Option(help="Only of this connector or system.")] = None,
        before: Annotated[int | None, typer.Option(help="Those below this number: the next page.")] = None,
        as_json: JsonOption = False,
    ) -> None:
        """List the rows that wait, newest first: where each came from and what is wrong, without its values."""
        with machine.offline(home) as session:
            found = session.vault.quarantine.page(PAGE, before, system)
        if as_json:
            print_json({"rows": [_json(one) for one in found]})
        else:
            _show(machine.console(), found)

    @rows.command("show")
    @reported()
    def show(home: HomeOption, number: NumberArgument) -> None:
        """Show one row with the values that its mapping uses, and what is wrong with them."""
        with machine.offline(home) as session:
            kept, used = session.vault.quarantine.get(number), Repairing(session).columns(number)
        out = machine.console()
        table = Table("Column", "Fills", "Value", box=None)
        for column, target in used:
            table.add_row(escape(column), target, escape(kept.values.get(column, "")))
        out.print(table)
        _reasons(out, kept.reasons)

    @rows.command("repair")
    @reported()
    def repair(
        home: HomeOption,
        number: NumberArgument,
        values: Annotated[list[str], typer.Argument(help="COLUMN=VALUE, as often as needed; COLUMN= empties it.")],
        person: PersonOption = None,
        as_json: JsonOption = False,
    ) -> None:
        """Correct values of a row and take it in, as if its system had given it so."""
        given = dict(_pair(one) for one in values)
        with machine.opened(home) as session:
            who = session.person(machine.person_of(person))
            done = Repairing(session).repair(number, given, who)
        if as_json:
            print_json(_repaired_json(done))
        elif done.done:
            machine.console().print("Repaired and taken; it is sent with the next `send`, or by the client that runs.")
        else:
            machine.console().print("Not all of it can be used yet:", style="yellow")
            _reasons(machine.console(), done.reasons)
        if not done.done:
            raise typer.Exit(_NOT_YET)

    @rows.command("dismiss")
    @reported()
    def dismiss(
        home: HomeOption,
        numbers: Annotated[list[int], typer.Argument(help="Numbers of rows that need not be used.")],
        person: PersonOption = None,
    ) -> None:
        """Say that rows need not be used: their values are dropped, and the same rows do not come back."""
        with machine.offline(home) as session:
            who = session.person(machine.person_of(person))
            for number in numbers:
                Repairing(session).dismiss(number, who)
        machine.console().print("Dismissed.")


_NOT_YET: Final = 65
"""Exit status: the input cannot be used (sysexits), as of every command that is given wrong values."""


def _pair(text: str) -> tuple[str, str]:
    column, sign, value = text.partition("=")
    if not sign or not column:
        raise InputError(Code.MALFORMED, "Give values as COLUMN=VALUE.", hint="Such as geboortedatum=2001-01-31")
    return column, value


def _show(out: Console, found: Sequence[Quarantined]) -> None:
    if not found:
        out.print("Nothing waits in quarantine.")
        return
    table = Table("No.", "From", "Row", "Since", "Rest used", "What is wrong", box=None)
    for one in found:
        wrong = "; ".join(f"{reason.location}: {reason.message}" for reason in one.reasons[:3])
        origin = f"{one.system} ({one.source})" if one.source else one.system
        rest = "yes" if one.partly else "no"
        table.add_row(str(one.number), escape(origin), str(one.place), f"{one.at:%Y-%m-%d}", rest, escape(wrong))
    out.print(table)
    out.print("Correct one: sluis agency quarantine repair NUMBER COLUMN=VALUE", style="dim")


def _reasons(out: Console, reasons: Sequence[Issue]) -> None:
    for reason in reasons:
        out.print(f"{escape(reason.location)}: {escape(reason.message)} ({escape(reason.code)})", highlight=False)


def _issues_json(reasons: Sequence[Issue]) -> list[Json]:
    return [{"field": one.location, "code": one.code, "message": one.message} for one in reasons]


def _json(one: Quarantined) -> Json:
    return {
        "number": one.number,
        "system": one.system,
        "source": one.source,
        "row": one.place,
        "reference": one.reference,
        "partly": one.partly,
        "repairable": one.repairable,
        "at": format_time(one.at),
        "reasons": _issues_json(one.reasons),
    }


def _repaired_json(done: Repaired) -> Json:
    return {"done": done.done, "taken": done.admitted.taken, "reasons": _issues_json(done.reasons)}
