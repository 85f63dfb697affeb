# SPDX-License-Identifier: EUPL-1.2
"""``sluis agency erase``: the log forgets whom the entries of one of our signals concern.

Not here: asking and believing (``erasing.py``), the machine (``cli.py`` passes it).
"""

import asyncio
import json
from typing import Annotated, cast, get_args

import typer

from agency_client.command_line import HomeOption
from agency_client.machine import Machine
from agency_client.session import Session, online
from agency_client.vault.signals import Kept
from edge.cli import reported
from protocol.erasure import GROUNDS, RETENTION_OVER, Marker
from protocol.errors import Code, InputError
from protocol.messages import ErasureRequest, parse
from protocol.policy import PersonRole

_GROUNDS = ", ".join(ground for ground in GROUNDS if ground != RETENTION_OVER)


def add_erase(app: typer.Typer, machine: Machine) -> None:
    """Add the command to the agency's commands."""

    @app.command("erase")
    @reported()
    def command(
        home: HomeOption,
        signal: Annotated[str, typer.Argument(help="A record's reference, or a signal's id.")],
        ground: Annotated[str, typer.Option(help=f"Why, as a code: {_GROUNDS}.")],
        reason: Annotated[str, typer.Option(help="Why, in words. They stand in the log: no names.")],
        case: Annotated[str, typer.Option(help="Your own case's number. It stands in the log: no names.")],
        role: Annotated[
            str, typer.Option(help="What you are here: privacy-officer or supervisor.")
        ] = "privacy-officer",
        person: Annotated[
            str | None, typer.Option(help="Who does it; default the logged-in user. Only a keyed hash of it leaves.")
        ] = None,
        yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    ) -> None:
        """Have the log forget for good whom a signal's entries concern; a signal that still stands ends by it.

        The log keeps that something was signalled, told and read, when and by whom, and says itself what was erased.
        Who was told of a hit with it hears that it is gone. Nobody can undo this, nor look the person up by it again.
        What is on this agency's own disk stays.
        """
        if ground == RETENTION_OVER or ground not in GROUNDS:
            raise InputError(Code.MALFORMED, "There is no such ground.", hint=f"Grounds are: {_GROUNDS}.")
        if role not in get_args(PersonRole) or role == "system":
            raise InputError(Code.MALFORMED, "There is no such role.", hint="Roles: privacy-officer, supervisor.")
        asked = json.dumps({"ground": ground, "text": reason, "caseReference": case}).encode()
        request = parse(ErasureRequest, asked)
        with machine.opened(home) as session:
            if not (yes or typer.confirm("Nobody can undo this. Erase it?")):
                machine.console().print("Nothing was erased.")
                return
            reference = session.person(machine.person_of(person))
            marker = asyncio.run(_erase(session, signal, request, reference, cast("PersonRole", role)))
            machine.console().print(
                f"Whom the log's entries about it concerned is erased; entry {marker.index} says so.", highlight=False
            )


async def _erase(session: Session, text: str, request: ErasureRequest, person: str, role: PersonRole) -> Marker:
    async with online(session, asyncio.sleep) as doors:
        kept: Kept = doors.acts.find_signal(text)
        return await doors.erasing.erase(kept, request, person, role)
