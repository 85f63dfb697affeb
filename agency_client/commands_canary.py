# SPDX-License-Identifier: EUPL-1.2
"""``sluis agency canary``: signals about nobody, by a supervisor under another agency's name.

Three steps, two files: the supervisor drafts, the cover lends its name, the supervisor plants. Every command may be
given again. Not here: what any of them refuses (``canaries.py``), the machine (``cli.py`` passes it).
"""

import asyncio
import sys
from collections import Counter
from pathlib import Path
from typing import Annotated, Final, TypeVar

import typer
from rich.markup import escape
from rich.table import Table

from agency_client.canaries import checked, lent, put_planted
from agency_client.canary_drafting import draft, read_canaries
from agency_client.command_line import HomeOption, print_json
from agency_client.handing_over import left_to_the_other
from agency_client.machine import Machine
from agency_client.post import Tally
from agency_client.push import Constants, settle_mapping
from agency_client.session import Session, online
from agency_client.settings import SendingError, read_contact
from agency_client.states import SignalState
from agency_client.wording import counted, title_of
from edge.cli import reported
from edge.keyfile import replace_file
from protocol.canaries import LentName, SignedCanaryRequest
from protocol.encoding import Json
from protocol.errors import Code, InputError, RefusedError
from protocol.ids import PartyId, SignalId
from protocol.messages import Message, parse

MAX_FILE: Final = 1 << 20
"""Bytes of a file of canaries: a thousand statements with two digests each are 300 kB."""

M = TypeVar("M", bound=Message)
OutOption = Annotated[Path, typer.Option("--out", help="File to write.", dir_okay=False)]


def add_canary(app: typer.Typer, machine: Machine) -> None:
    """Add the commands to the agency's commands."""
    canary = typer.Typer(no_args_is_help=True, help="Signals about nobody, which tell a supervisor who goes fishing.")
    app.add_typer(canary, name="canary")
    _add_drafting(canary, machine)
    _add_lending(canary, machine)
    _add_keeping(canary, machine)


def _add_drafting(canary: typer.Typer, machine: Machine) -> None:
    @canary.command("draft")
    @reported()
    def draft_command(
        home: HomeOption,
        file: Annotated[Path, typer.Argument(help="Records about nobody: CSV, JSON Lines or XLSX.", exists=True)],
        cover: Annotated[str, typer.Option(help="The agency that lends its name.")],
        purpose: Annotated[str, typer.Option(help="Purpose of the covenant.")],
        out: OutOption,
        mapping: Annotated[Path | None, typer.Option(help="Which column is what; default as for push.")] = None,
        grounds: Annotated[str | None, typer.Option(help="Entry criteria, separated by ;")] = None,
        basis: Annotated[str | None, typer.Option(help="A legal basis of the cover's kind.")] = None,
        urgency: Annotated[str | None, typer.Option(help="normal or urgent.")] = None,
        contact: Annotated[
            Path | None, typer.Option(help="Contact card for records without one, as contact.json of a home.")
        ] = None,
    ) -> None:
        """Seal records about nobody in a cover's name, and write what the cover must sign."""
        with machine.opened(home) as session:
            agency = session.covenant.agency(PartyId(cover))
            as_cover = session.seen_as(agency)
            constants = Constants(purpose, grounds, basis, urgency)
            settled, _ = settle_mapping(as_cover, file, mapping, constants, machine.console())
            card = {} if contact is None else read_contact(contact.read_bytes(), str(contact))
            ready, intake, taken, quarantine = read_canaries(session, agency.id, file, settled, card)

            async def work() -> SignedCanaryRequest:
                async with online(session, asyncio.sleep) as doors:
                    return await draft(session, doors, agency.id, ready, intake)

            request = asyncio.run(work())
            replace_file(out, request.to_json() + b"\n")
            screen = machine.console()
            count = counted(len(request.request.statements), "canary", "canaries")
            screen.print(f"{count} drafted; give {escape(str(out))} to {agency.id} to sign.", highlight=False)
            if taken.quarantined or taken.partly:
                screen.print(f"  Some rows could not be used: {escape(str(quarantine))}", highlight=False)


def _add_lending(canary: typer.Typer, machine: Machine) -> None:
    @canary.command("lend")
    @reported()
    def lend_command(
        home: HomeOption,
        request: Annotated[Path, typer.Argument(help="The supervisor's file.", exists=True, dir_okay=False)],
        out: OutOption,
        yes: Annotated[bool, typer.Option("--yes", help="Do not ask whether that is right.")] = False,
    ) -> None:
        """Lend this agency's name to a supervisor's canaries, after showing what that means."""
        with machine.opened(home) as session:
            wanted = checked(session, _read(SignedCanaryRequest, request))
            screen = machine.console()
            counts = Counter((one.purpose, one.epoch) for one in wanted.statements)
            for (purpose, epoch), count in sorted(counts.items()):
                title = session.covenant.purpose(purpose).title.en
                screen.print(
                    f"{title_of(wanted.planter, session.covenant)} plants {counted(count, 'signal')} about nobody in "
                    f"your name, for {title}, epoch {epoch}.",
                    highlight=False,
                )
            screen.print(
                "Who touches one sees an ordinary signal of yours. You see neither the canaries nor who touches them, "
                "and your own signals never meet them. Only the supervisor can take them back.",
                highlight=False,
            )
            if not yes and sys.stdin.isatty() and not typer.confirm("Lend your name to these?", err=True):
                raise typer.Exit(0)
            replace_file(out, lent(session, wanted).to_json() + b"\n")
            screen.print(f"Signed. Give {escape(str(out))} back to the supervisor.", highlight=False)


def _add_keeping(canary: typer.Typer, machine: Machine) -> None:
    @canary.command("plant")
    @reported()
    def plant_command(
        home: HomeOption, name: Annotated[Path, typer.Argument(help="The cover's file.", exists=True, dir_okay=False)]
    ) -> None:
        """Send canaries whose cover has signed; from then on you hear of whoever touches one."""
        with machine.opened(home) as session:
            number = put_planted(session, _read(LentName, name))
            tally = Tally()

            async def work() -> None:
                async with online(session, asyncio.sleep) as doors:
                    await doors.trail.advance()
                    for waiting in session.vault.outbox.open_numbers():
                        await doors.post.send(waiting, tally)

            try:
                with session.home.sending():
                    asyncio.run(work())
            except SendingError as error:
                before = session.vault.signals.count()
                handed = left_to_the_other(session, before, lambda: False, lambda _: None, asyncio.sleep, error)
                tally, obstacle = asyncio.run(handed)
                if obstacle is not None:
                    raise obstacle from None
            if tally.retag:
                detail = "The epoch of these canaries is over, and their pseudonyms with it."
                raise RefusedError(Code.EPOCH_CLOSED, detail, hint="Draft them anew; the cover signs anew too.")
            if tally.refused:
                why = "; ".join(tally.refusals)
                raise RefusedError(
                    Code.POLICY_REFUSED, f"{counted(tally.refused, 'canary', 'canaries')} refused: {why}."
                )
            said = "They were planted before." if number is None and not tally.accepted else None
            stand = counted(tally.accepted, "canary stands", "canaries stand")
            machine.console().print(said or f"{stand}, proven in the log.", highlight=False)

    @canary.command("list")
    @reported()
    def list_command(
        home: HomeOption, as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False
    ) -> None:
        """Show this supervisor's canaries and how each of them is."""
        with machine.offline(home) as session:
            listed = [
                (one, _state(session, one.id) if one.planted else "drafted") for one in session.vault.canaries.all()
            ]
            if as_json:
                found: list[Json] = [
                    {
                        "signalId": str(one.id),
                        "reference": one.reference,
                        "cover": one.cover,
                        "purpose": one.purpose,
                        "state": state,
                        "expiresAt": one.expires_at,
                    }
                    for one, state in listed
                ]
                print_json({"canaries": found})
                return
            table = Table("Canary", "Shown as", "Purpose", "State", "Until", box=None)
            for one, state in listed:
                table.add_row(escape(one.reference), one.cover, one.purpose, state, one.expires_at[:10])
            machine.console().print(table)

    @canary.command("withdraw")
    @reported()
    def withdraw_command(
        home: HomeOption,
        which: Annotated[str, typer.Argument(help="A canary's reference, or its signal's id.")],
        reason: Annotated[str, typer.Option(help="Why, as a code.")] = "ended",
    ) -> None:
        """Take a canary back; whoever touched it hears that the cover's signal is gone, as of any other."""
        with machine.opened(home) as session:
            person = session.person(session.me.id)

            async def work() -> None:
                async with online(session, asyncio.sleep) as doors:
                    doors.trail.require_unstopped()
                    kept = doors.acts.find_signal(which)
                    if session.vault.canaries.cover_of(kept.id) is None:
                        raise InputError(Code.CONFLICT, "This is no canary.", hint="`sluis agency withdraw` takes it.")
                    await doors.acts.withdraw(kept, reason, person)

            asyncio.run(work())
            machine.console().print("Withdrawn.")


def _state(session: Session, signal: SignalId) -> str:
    state = session.vault.signals.get(signal).state
    return "stands" if state is SignalState.ACCEPTED else str(state)


def _read(kind: type[M], path: Path) -> M:
    with path.open("rb") as file:
        raw = file.read(MAX_FILE + 1)
    if len(raw) > MAX_FILE:
        raise InputError(Code.TOO_LARGE, f"{path.name} is too large for a file of canaries.")
    return parse(kind, raw)
