# SPDX-License-Identifier: EUPL-1.2
"""``sluis agency more``, ``requests``, ``grant``, ``refuse``, ``approve``, ``hand-over``, ``take`` and ``cancel``.

Not here: the acts (``requesting.py``, ``deciding.py``), how they are printed (``showing_disclosures.py``), the machine
(``cli.py``).
"""

import asyncio
import json
import mimetypes
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Final

import typer

from agency_client.command_line import HomeOption, JsonOption, PersonOption, print_json
from agency_client.deciding import Answer
from agency_client.machine import Machine
from agency_client.requesting import Disclosed
from agency_client.saving import save_files
from agency_client.session import Online, Session, online
from agency_client.showing_disclosures import disclosed_json, disclosure_json, show_codes, show_disclosed, show_requests
from agency_client.why_looking import justification_of, require_reason
from edge.cli import reported
from protocol.disclosure_payload import Attachment, Wanted
from protocol.disclosures import MAX_ATTACHMENTS
from protocol.encoding import Json
from protocol.errors import Code, InputError
from protocol.ids import DisclosureId
from protocol.messages import Justification, parse

RequestArgument = Annotated[
    str, typer.Argument(help="The request's number, or how it begins: see `requests`.", show_default=False)
]
LISTED: Final = 100
"""Requests of each sort that are listed: more is for the console, which has pages."""

Deed = Callable[[Session, Online, DisclosureId, str], Awaitable[None]]


def add_disclosures(app: typer.Typer, machine: Machine) -> None:
    """Add the commands to the agency's commands."""

    @app.command("more")
    @reported()
    def more(
        home: HomeOption,
        hit: Annotated[str | None, typer.Argument(help="The hit's number, or how it begins.")] = None,
        ask: Annotated[str | None, typer.Option("--ask", help="What you want to know, in your own words.")] = None,
        topic: Annotated[
            list[str] | None, typer.Option("--topic", help="About what, as a code; may be given again.")
        ] = None,
        case: Annotated[
            str | None, typer.Option(help="Your own case's number. It stands in the log: no names.")
        ] = None,
        reason: Annotated[str | None, typer.Option(help="Why, in words. It stands in the log: no names.")] = None,
        reason_code: Annotated[str, typer.Option(help="Why, as a code of the covenant.")] = "own-case",
        person: PersonOption = None,
    ) -> None:
        """Ask the other agency of a hit for more than the hit tells.

        What you ask is sealed to that agency: the broker cannot read it. Why you ask stands in the log. A coordinator
        there gives it, refuses it, or lets it lie until the purpose's deadline. Without a hit, the topics are listed.

        Example: sluis agency more 3f2a --topic safety-now --ask "Can we ring the bell tonight?" --case Z-17 --reason
        "home visit"
        """
        if hit is None:
            with machine.offline(home) as session:
                show_codes(machine.console(), session.covenant)
            return
        if ask is None or case is None or reason is None:
            raise InputError(Code.MALFORMED, "A request says what (--ask), why (--reason) and for which case (--case).")
        wanted = parse(Wanted, json.dumps({"text": ask, "topics": topic or []}).encode())
        why = justification_of(reason_code, reason, case)
        with machine.opened(home) as session:
            require_reason(reason_code, session.covenant)
            made = asyncio.run(_ask(session, hit, wanted, why, machine.person_of(person)))
            machine.console().print(
                f"Asked, and proven to stand in the log. Request {made}: see `sluis agency requests`.", highlight=False
            )

    @app.command("requests")
    @reported()
    def listed(
        home: HomeOption,
        mine: Annotated[bool, typer.Option("--mine", help="Only what your agency asked.")] = False,
        open_only: Annotated[bool, typer.Option("--to-decide", help="Only what waits for your decision.")] = False,
        as_json: JsonOption = False,
    ) -> None:
        """List requests for more: what waits for your decision, and what you asked. `inbox` fetches what is new."""
        with machine.offline(home) as session:
            shelf = session.vault.disclosures
            theirs = shelf.to_decide(LISTED) if open_only else shelf.theirs(LISTED)
            asked = [] if open_only else shelf.mine(LISTED)
            if as_json:
                rows: list[Json] = [disclosure_json(one, session) for one in (*([] if mine else theirs), *asked)]
                print_json({"requests": rows})
                return
            show_requests(machine.console(), [] if mine else theirs, asked, session)

    @app.command("grant")
    @reported()
    def grant(
        home: HomeOption,
        request: RequestArgument,
        text: Annotated[str, typer.Option(help="What you answer, in words.")] = "",
        field: Annotated[
            list[str] | None, typer.Option("--field", help="A fact as NAME=VALUE; may be given again.")
        ] = None,
        attach: Annotated[
            list[Path] | None,
            typer.Option("--attach", help="A file that goes along; 10 MB together.", exists=True, dir_okay=False),
        ] = None,
        person: PersonOption = None,
    ) -> None:
        """Give what was asked, sealed to the asker.

        Danger flags and contact preferences of your own record go along by themselves. Where the purpose wants two
        persons, a colleague approves first (`approve`). Giving it again while it is on its way changes nothing.
        """
        answer = Answer(text, _fields(field or []), _files(attach or []))

        async def give(_: Session, doors: Online, found: DisclosureId, who: str) -> None:
            await doors.deciding.grant(found, answer, who)

        _do(machine, home, request, person, give, "Given, and proven to stand in the log.")

    @app.command("refuse")
    @reported()
    def refuse(
        home: HomeOption,
        request: RequestArgument,
        code: Annotated[str, typer.Argument(help="Why, as a code of the covenant: `more` without a hit lists them.")],
        text: Annotated[str, typer.Option(help="Why, in words: sealed, for the asker alone.")] = "",
        person: PersonOption = None,
    ) -> None:
        """Refuse what was asked. The code stands in the log, so that refusals can be counted; your words do not."""

        async def turn_down(_: Session, doors: Online, found: DisclosureId, who: str) -> None:
            await doors.deciding.refuse(found, code, text, who)

        _do(machine, home, request, person, turn_down, "Refused, and proven to stand in the log.")

    @app.command("approve")
    @reported()
    def approve(home: HomeOption, request: RequestArgument, person: PersonOption = None) -> None:
        """Agree as the first of two persons that something is given; a colleague then gives it (`grant`)."""

        async def agree(_: Session, doors: Online, found: DisclosureId, who: str) -> None:
            await doors.deciding.approve(found, who)

        _do(machine, home, request, person, agree, "Approved. A colleague can give it now: `sluis agency grant`.")

    @app.command("hand-over")
    @reported()
    def hand_over(
        home: HomeOption,
        request: RequestArgument,
        to: Annotated[str, typer.Argument(help="Which colleague answers.")],
        person: PersonOption = None,
    ) -> None:
        """Let a colleague answer. It stays within your agency: the asker and the broker hear nothing of it."""

        async def pass_on(_: Session, doors: Online, found: DisclosureId, who: str) -> None:
            await doors.deciding.hand_over(found, to, who)

        _do(machine, home, request, person, pass_on, "Handed over.")

    @app.command("cancel")
    @reported()
    def cancel(home: HomeOption, request: RequestArgument, person: PersonOption = None) -> None:
        """Take your own request back. What was given and not read yet is deleted."""

        async def take_back(_: Session, doors: Online, found: DisclosureId, who: str) -> None:
            await doors.requesting.cancel(found, who)

        _do(machine, home, request, person, take_back, "Taken back, and proven to stand in the log.")

    @app.command("take")
    @reported()
    def take(
        home: HomeOption,
        request: RequestArgument,
        into: Annotated[
            Path | None, typer.Option("--into", help="Folder to save attachments in; without one they are only named.")
        ] = None,
        as_json: JsonOption = False,
        person: PersonOption = None,
    ) -> None:
        """Fetch what was given and read it: danger first. That you read it stands in the log, each time."""
        with machine.opened(home) as session:
            given = asyncio.run(_take(session, request, machine.person_of(person)))
            saved = {} if into is None else save_files(into, given.attachments)
            if as_json:
                print_json(disclosed_json(given, saved))
                return
            show_disclosed(machine.console(), given, saved, session.covenant)


async def _ask(session: Session, hit: str, wanted: Wanted, why: Justification, person: str) -> DisclosureId:
    async with online(session, asyncio.sleep) as doors:
        await doors.reading.read()
        return await doors.requesting.ask(doors.acts.find_hit(hit), wanted, why, session.person(person))


async def _take(session: Session, request: str, person: str) -> Disclosed:
    async with online(session, asyncio.sleep) as doors:
        await doors.reading.read()
        return await doors.requesting.take(doors.acts.find_request(request), session.person(person))


def _do(machine: Machine, home: Path, request: str, person: str | None, deed: Deed, said: str) -> None:
    async def run(session: Session) -> None:
        async with online(session, asyncio.sleep) as doors:
            await doors.reading.read()
            found = doors.acts.find_request(request)
            await deed(session, doors, found, session.person(machine.person_of(person)))

    with machine.opened(home) as session:
        asyncio.run(run(session))
        machine.console().print(said)


def _fields(given: list[str]) -> dict[str, str]:
    fields = {}
    for one in given:
        name, equals, value = one.partition("=")
        if not equals or not name:
            raise InputError(Code.MALFORMED, "A field is given as NAME=VALUE.")
        fields[name] = value
    return fields


def _files(paths: list[Path]) -> tuple[Attachment, ...]:
    if sum(path.stat().st_size for path in paths) > MAX_ATTACHMENTS:
        raise InputError(
            Code.TOO_LARGE, "All attachments of one answer together have at most 10 MB.", hint="Send fewer files."
        )
    return tuple(
        Attachment(path.name, path.read_bytes(), mimetypes.guess_type(path.name)[0] or "application/octet-stream")
        for path in paths
    )
