# SPDX-License-Identifier: EUPL-1.2
"""``sluis agency follow-up``, ``acknowledge``, ``contacted`` and ``outcome``: what is to be done with hits, and done.

Not here: the acts (``following.py``), the list (``vault.follow_ups``), the machine (``cli.py`` passes it).
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from agency_client.command_line import HomeOption, JsonOption, PersonOption, print_json
from agency_client.machine import Machine
from agency_client.session import Online, Session, online
from agency_client.showing import reference_of
from agency_client.vault.follow_ups import PAGE, FollowUp, FollowUps
from edge.cli import reported
from protocol.covenant import Covenant
from protocol.encoding import Json, format_time
from protocol.follow_ups import FollowUpState
from protocol.ids import HitId

HitArgument = Annotated[str, typer.Argument(help="The hit's number, or how it begins.", show_default=False)]
_SHORT: Final = 8
"""Characters of a hit's id that tell it from the others in practice."""
_SAID: Final = {
    FollowUpState.OPEN: "nobody looked yet",
    FollowUpState.ACKNOWLEDGED: "acknowledged",
    FollowUpState.CONTACTED: "contacted",
    FollowUpState.CLOSED: "closed",
}


def add_follow_up(app: typer.Typer, machine: Machine) -> None:
    """Add the commands to the agency's commands."""

    @app.command("follow-up")
    @reported()
    def listed(
        home: HomeOption,
        late: Annotated[bool, typer.Option("--late", help="Only what was not acknowledged in time.")] = False,
        as_json: JsonOption = False,
    ) -> None:
        """List the hits that are not closed yet, the nearest deadline first."""
        with machine.offline(home) as session:
            found = list(_all(session.vault.follow_ups, late=late))
            if as_json:
                rows: list[Json] = [follow_up_json(one, session) for one in found]
                print_json({"followUp": rows})
                return
            _show(machine.console(), found, session)

    @app.command("acknowledge")
    @reported()
    def acknowledge(home: HomeOption, hit: HitArgument, person: PersonOption = None) -> None:
        """Say that you saw a hit and take it up: its clock stops."""
        _take(machine, home, hit, person, lambda doors, found, who: doors.following.acknowledge(found, who))

    @app.command("contacted")
    @reported()
    def contacted(home: HomeOption, hit: HitArgument, person: PersonOption = None) -> None:
        """Say that you spoke with the other agency about a hit."""
        _take(machine, home, hit, person, lambda doors, found, who: doors.following.contacted(found, who))

    @app.command("outcome")
    @reported()
    def outcome(
        home: HomeOption,
        hit: HitArgument,
        code: Annotated[str | None, typer.Argument(help="What came of it; without one the codes are listed.")] = None,
        person: PersonOption = None,
    ) -> None:
        """Close a hit with what came of it. `not-the-same-person` is told to the other agency."""
        if code is None:
            with machine.offline(home) as session:
                _show_codes(machine.console(), session.covenant)
            return
        _take(machine, home, hit, person, lambda doors, found, who: doors.following.outcome(found, code, who))


def follow_up_json(one: FollowUp, session: Session) -> dict[str, Json]:
    """Return a hit's follow-up for programs."""
    return {
        "hitId": str(one.hit),
        "signalId": str(one.signal),
        "reference": reference_of(session.vault, one.signal),
        "purpose": one.purpose,
        "state": one.state.value,
        "due": format_time(one.due_at),
        "overdue": one.is_overdue(session.clock()),
        "late": one.late,
        "pending": one.pending,
        "outcome": one.outcome,
        "doubt": one.doubt,
    }


def _all(shelf: FollowUps, *, late: bool) -> Iterator[FollowUp]:
    last: FollowUp | None = None
    while page := shelf.open(PAGE, last, late=late):
        yield from page
        last = page[-1]


def _take(
    machine: Machine,
    home: Path,
    hit: str,
    person: str | None,
    act: Callable[[Online, HitId, str], Awaitable[None]],
) -> None:
    async def take(session: Session) -> None:
        async with online(session, asyncio.sleep) as doors:
            await act(doors, doors.acts.find_hit(hit), session.person(machine.person_of(person)))

    with machine.opened(home) as session:
        asyncio.run(take(session))
        machine.console().print("Entered, and proven to stand in the log.")


def _show(out: Console, found: list[FollowUp], session: Session) -> None:
    if not found:
        out.print("No hit waits for you.")
        return
    now = session.clock()
    table = Table("Hit", "Record", "Until", "State", box=None)
    for one in found:
        said = _SAID[one.state] if one.pending is None else f"{one.pending}, being sent"
        late = one.late or one.is_overdue(now)
        if one.doubt is not None:
            said += "; the other agency says: another person"
        table.add_row(
            str(one.hit)[:_SHORT],
            escape(reference_of(session.vault, one.signal)),
            f"[bold yellow]late since {_moment(one.due_at)}[/]"
            if late and one.state is FollowUpState.OPEN
            else _moment(one.due_at),
            said,
        )
    out.print(table)


def _show_codes(out: Console, covenant: Covenant) -> None:
    table = Table("Code", "What came of it", "", box=None)
    for code, outcome in covenant.outcomes.items():
        table.add_row(code, outcome.title.en, "the other agency is told" if outcome.told else "")
    out.print(table)


def _moment(at: datetime) -> str:
    return f"{at:%a %d %b %Y %H:%M} UTC"
