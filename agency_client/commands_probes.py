# SPDX-License-Identifier: EUPL-1.2
"""``sluis agency probes``: how often the broker is probed, what came of it, and the files that settle a doubt.

Probes themselves go with every push and send. Not here: what they are (``probing.py``), the machine (``cli.py`` passes
it).
"""

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from agency_client.command_line import HomeOption, JsonOption, print_json
from agency_client.machine import Machine
from agency_client.probe_answers import Answers
from agency_client.probe_exchange import Taken, statement_for, take
from agency_client.push import drain
from agency_client.session import Session, online
from agency_client.showing_probes import figures_json, figures_of, show_figures
from agency_client.vault.probes import ProbeState
from agency_client.wording import counted
from edge.cli import exit_status, reported, show
from edge.keyfile import replace_file
from edge.languages import Lang
from protocol.errors import Code, InputError, SluisError, VerificationError
from protocol.ids import PartyId
from protocol.messages import parse
from protocol.probe_statements import MAX_FILE, SignedProbeStatement


def add_probes(app: typer.Typer, machine: Machine) -> None:
    """Add the commands to the agency's program."""
    probes = typer.Typer(invoke_without_command=True, help="Probes against hits that the broker would withhold.")

    @probes.callback()
    @reported()
    def status(
        context: typer.Context,
        home: Annotated[Path | None, typer.Option("--home", help="This agency's folder.", file_okay=False)] = None,
        lang: Annotated[str, typer.Option(help="nl or en.")] = "en",
        as_json: JsonOption = False,
    ) -> None:
        """Show how often the broker is probed, what came of it, and the chance to notice what it withholds."""
        if context.invoked_subcommand is not None:
            return
        if home is None:
            raise InputError(Code.MALFORMED, "Which agency?", hint="Give --home.")
        with machine.offline(home) as session:
            figures = figures_of(session.prober())
            if as_json:
                print_json(figures_json(figures))
            else:
                show_figures(machine.console(), figures, _lang(lang))

    _add_run(probes, machine)
    _add_files(probes, machine)
    app.add_typer(probes, name="probes")


def _add_run(probes: typer.Typer, machine: Machine) -> None:
    @probes.command("run")
    @reported()
    def run(home: HomeOption) -> None:
        """Push what is due, tell last month's numbers, read the notices, and look at the answers."""
        with machine.opened(home) as session:
            before = _alarms(session)
            _, obstacle = asyncio.run(drain(session, asyncio.sleep, lambda: False, lambda _: None))
            obstacle = obstacle or asyncio.run(_read(session))
            screen, alarms = machine.console(), _alarms(session)
            if obstacle is not None:
                show(obstacle)
                raise typer.Exit(exit_status(obstacle.code))
            if alarms > before:
                what = counted(alarms - before, "hit was", "hits were")
                raise VerificationError(
                    Code.PROBE_UNANSWERED, f"{what} withheld or late.", hint="`sluis agency verify` shows the evidence."
                )
            screen.print("Done what was due.", highlight=False)


async def _read(session: Session) -> SluisError | None:
    try:
        async with online(session, asyncio.sleep) as doors:
            await doors.trail.advance()
            news = await doors.reading.read()
    except SluisError as error:
        return error
    return news.failures[0] if news.failures else None


def _alarms(session: Session) -> int:
    counts = session.vault.probes.count()
    return counts[ProbeState.MISSING] + counts[ProbeState.LATE]


def _add_files(probes: typer.Typer, machine: Machine) -> None:
    @probes.command("export")
    @reported()
    def export_command(
        home: HomeOption,
        other: Annotated[str, typer.Argument(help="The agency that it is for, by its name in the covenant.")],
        out: Annotated[Path, typer.Argument(help="The file to write.", dir_okay=False)],
    ) -> None:
        """Write which probes with another agency were pushed from here, for that agency."""
        with machine.offline(home) as session:
            said = statement_for(session.prober(), PartyId(other))
            replace_file(out, said.to_json() + b"\n")
            claims = counted(len(said.statement.claims), "probe")
            machine.console().print(f"{claims} written; give {escape(str(out))} to {escape(other)}.", highlight=False)

    @probes.command("import")
    @reported()
    def import_command(
        home: HomeOption,
        file: Annotated[Path, typer.Argument(help="The other agency's file.", exists=True, dir_okay=False)],
    ) -> None:
        """Take another agency's word of what it pushed, as far as the log proves it, and look at the answers again."""
        with machine.opened(home) as session:
            said = _statement(file)

            async def work() -> Taken:
                async with online(session, asyncio.sleep) as doors:
                    taken = await take(session.prober(), doors.trail, said)
                    await doors.reading.read()
                    return taken

            before = _alarms(session)
            taken = asyncio.run(work())
            Answers(session.vault, session.covenant, session.clock).assess()
            machine.console().print(
                f"{taken.pushed} pushed there as the log proves, {taken.passed} not pushed, "
                f"{taken.unfit} that do not go with ours.",
                highlight=False,
            )
            if (alarms := _alarms(session) - before) > 0:
                raise VerificationError(
                    Code.PROBE_UNANSWERED,
                    f"{counted(alarms, 'hit was', 'hits were')} withheld or late.",
                    hint="`sluis agency verify` shows the evidence. Tell the board.",
                )


def _statement(file: Path) -> SignedProbeStatement:
    with file.open("rb") as opened:
        raw = opened.read(MAX_FILE + 1)
    if len(raw) > MAX_FILE:
        raise InputError(Code.TOO_LARGE, f"{file.name} is too large for a file of probes.")
    return parse(SignedProbeStatement, raw)


def _lang(text: str) -> Lang:
    if text == "nl":
        return "nl"
    if text == "en":
        return "en"
    raise InputError(Code.MALFORMED, "There is no such language here.", hint="Give nl or en.")
