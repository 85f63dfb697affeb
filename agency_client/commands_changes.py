# SPDX-License-Identifier: EUPL-1.2
"""``sluis agency restrict``, ``lift``, ``extend`` and ``changes``: own signals that stand, and who carried changes out.

Not here: the acts (``changing.py``), the list (``vault.changes``), the machine (``cli.py`` passes it).
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from agency_client.command_line import HomeOption, JsonOption, PersonOption, print_json
from agency_client.machine import Machine
from agency_client.session import Online, Session, online
from agency_client.showing import reference_of
from agency_client.vault.changes import PAGE, Change, Recipient
from edge.cli import reported
from protocol.covenant import Covenant
from protocol.encoding import Json, format_time
from protocol.errors import Code, InputError
from protocol.ids import SignalId

SignalArgument = Annotated[str, typer.Argument(help="Your record's reference, or a signal's id.", show_default=False)]
CodeOption = Annotated[str, typer.Option("--reason", help="Why, as a code. It stands in the log: no names.")]


def add_changes(app: typer.Typer, machine: Machine) -> None:
    """Add the commands to the agency's commands."""

    @app.command("restrict")
    @reported()
    def restrict(
        home: HomeOption, signal: SignalArgument, reason: CodeOption = "accuracy-contested", person: PersonOption = None
    ) -> None:
        """Restrict a signal: it stays, and is neither matched nor shown to anybody until you lift that."""
        _act(machine, home, signal, person, lambda doors, one, who: doors.changing.restrict(one, True, reason, who))

    @app.command("lift")
    @reported()
    def lift(
        home: HomeOption, signal: SignalArgument, reason: CodeOption = "settled", person: PersonOption = None
    ) -> None:
        """Lift the restriction of a signal: it is matched again, and shown to who was told of it."""
        _act(machine, home, signal, person, lambda doors, one, who: doors.changing.restrict(one, False, reason, who))

    @app.command("extend")
    @reported()
    def extend(
        home: HomeOption,
        signal: SignalArgument,
        reason: Annotated[str, typer.Option(help="Why it is still needed, in words, for the log: no names.")],
        until: Annotated[
            str | None, typer.Option(help="Its last day, such as 2027-03-01; the latest if absent.")
        ] = None,
        person: PersonOption = None,
    ) -> None:
        """Let a signal live on: so often, and so long, as its purpose allows."""
        end = None if until is None else _day(until)
        _act(machine, home, signal, person, lambda doors, one, who: doors.changing.extend(one, reason, who, end))

    @app.command("changes")
    @reported()
    def listed(
        home: HomeOption,
        as_json: JsonOption = False,
        count: Annotated[int, typer.Option("--last", help="How many, the newest first.", min=1, max=1_000)] = PAGE,
    ) -> None:
        """List what you changed of your signals, and who of those who were told carried it out."""
        with machine.offline(home) as session:
            found = session.vault.changes.page(count)
            if as_json:
                rows: list[Json] = [change_json(one, session) for one in found]
                print_json({"changes": rows})
                return
            _show(machine.console(), found, session)


def change_json(one: Change, session: Session) -> dict[str, Json]:
    """Return a change for programs."""
    return {
        "signalId": str(one.signal),
        "reference": reference_of(session.vault, one.signal),
        "change": one.kind.value,
        "at": format_time(one.at),
        "reason": one.reason,
        "recipients": [
            {
                "hitId": str(each.hit),
                "agency": each.agency,
                "acknowledgedAt": None if each.acknowledged_at is None else format_time(each.acknowledged_at),
            }
            for each in one.recipients
        ],
    }


def _act(
    machine: Machine,
    home: Path,
    signal: str,
    person: str | None,
    act: Callable[[Online, SignalId, str], Awaitable[None]],
) -> None:
    async def do(session: Session) -> None:
        async with online(session, asyncio.sleep) as doors:
            await act(doors, doors.acts.find_signal(signal).id, session.person(machine.person_of(person)))

    with machine.opened(home) as session:
        asyncio.run(do(session))
        machine.console().print("Done, and proven to stand in the log. Who was told of it hears so.")


def _show(out: Console, found: list[Change], session: Session) -> None:
    if not found:
        out.print("You changed nothing about a signal that stood.")
        return
    table = Table("Record", "What", "When", "Why", "Carried out by", box=None)
    for one in found:
        table.add_row(
            escape(reference_of(session.vault, one.signal)),
            one.kind.value,
            f"{one.at:%Y-%m-%d %H:%M} UTC",
            escape(one.reason),
            "; ".join(_recipient(each, session.covenant) for each in one.recipients) or "-",
        )
    out.print(table)


def _recipient(one: Recipient, covenant: Covenant) -> str:
    agency = None if one.agency is None else covenant.find(one.agency)
    name = "another agency" if agency is None else escape(agency.title.en)
    at = one.acknowledged_at
    return f"{name}: not yet" if at is None else f"{name}: {at:%Y-%m-%d %H:%M} UTC"


def _day(text: str) -> datetime:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise InputError(Code.MALFORMED, "That is not a day.", hint="Write it as 2027-03-01.") from None
    return datetime(day.year, day.month, day.day, 23, 59, tzinfo=UTC)
