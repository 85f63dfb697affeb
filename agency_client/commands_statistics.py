# SPDX-License-Identifier: EUPL-1.2
"""``sluis agency statistics``: numbers of closed months that point at nobody; that they are read is logged first.

Not here: what is true (``statistics.py``), its words (``showing_statistics.py``), the machine (``cli.py`` passes it).
"""

import asyncio
from typing import Annotated, cast, get_args

import typer

from agency_client.command_line import HomeOption, JsonOption, print_json
from agency_client.machine import Machine
from agency_client.session import Session, online
from agency_client.showing_statistics import show_statistics, statistics_json
from agency_client.statistics import CheckedStatistics, Wish, purpose_for
from edge.cli import reported
from protocol.errors import Code, InputError
from protocol.ids import PurposeId
from protocol.policy import PersonRole
from protocol.statistics import FIRST_YEAR, LAST_YEAR


def add_statistics(app: typer.Typer, machine: Machine) -> None:
    """Add the command to the agency's commands."""

    @app.command("statistics")
    @reported()
    def command(
        home: HomeOption,
        about: Annotated[str, typer.Option(help="The purpose whose numbers you want.")],
        year: Annotated[int, typer.Option(help="Calendar year.", min=FIRST_YEAR, max=LAST_YEAR)],
        purpose: Annotated[
            str | None, typer.Option(help="The purpose under which you count; the only one when absent.")
        ] = None,
        role: Annotated[str, typer.Option(help="What you are here: coordinator, privacy-officer, ...")] = "coordinator",
        person: Annotated[
            str | None, typer.Option(help="Who reads; default the logged-in user. Only a keyed hash of it leaves.")
        ] = None,
        as_json: JsonOption = False,
    ) -> None:
        """Show how many signals and hits there were, by closed month and kind of agency; no small numbers."""
        with machine.opened(home) as session:
            counted = PurposeId(about)
            under = PurposeId(purpose) if purpose else purpose_for(counted, session.me.id, session.covenant)
            reference = session.person(machine.person_of(person))
            found = asyncio.run(_read(session, Wish(counted, under, year, session.me.id, reference, _role(role))))
            if as_json:
                print_json(statistics_json(found))
                return
            show_statistics(machine.console(), found, session.covenant)


async def _read(session: Session, wish: Wish) -> CheckedStatistics:
    async with online(session, asyncio.sleep) as doors:
        return await doors.statistics.read(wish)


def _role(text: str) -> PersonRole:
    if text not in get_args(PersonRole) or text == "system":
        roles = ", ".join(one for one in get_args(PersonRole) if one != "system")
        raise InputError(Code.MALFORMED, "There is no such role.", hint=f"Roles are: {roles}.")
    return cast("PersonRole", text)
