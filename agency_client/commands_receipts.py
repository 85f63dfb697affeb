# SPDX-License-Identifier: EUPL-1.2
"""``sluis agency receipts``: files that prove to anybody, offline, what the log proved to this agency.

From the agency's own vault; nobody is asked. The covenants that the receipts name are put beside them. Not here: what
is written (``receipts.py``), the machine (``cli.py`` passes it).
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from agency_client.command_line import HomeOption, JsonOption, print_json
from agency_client.machine import Machine
from agency_client.receipts import Wanted, Written, write_covenants, write_receipts
from agency_client.session import Session
from agency_client.vault import Vault
from agency_client.wording import counted
from edge.cli import reported
from protocol.encoding import Json
from protocol.errors import Code, ConflictError, InputError, NotFoundError
from protocol.ids import HitId, SignalId


def add_receipts(app: typer.Typer, machine: Machine) -> None:
    """Add the command to the agency's commands."""

    @app.command("receipts")
    @reported()
    def command(
        home: HomeOption,
        out: Annotated[Path, typer.Option(help="Folder to write to; made when it is not there.", file_okay=False)],
        signal: Annotated[str | None, typer.Option(help="Your record's reference, or a signal's id.")] = None,
        notice: Annotated[int | None, typer.Option(help="A notice's number.", min=1)] = None,
        hit: Annotated[str | None, typer.Option(help="A hit's number, or how it begins.")] = None,
        since: Annotated[
            str | None, typer.Option(help="Of what happened from this day on (UTC), such as 2026-11-01.")
        ] = None,
        everything: Annotated[bool, typer.Option("--all", help="Of everything.")] = False,
        bare: Annotated[
            bool,
            typer.Option(
                "--without-subject", help="Leave out signal ids, hit ids, tags and words; it proves the same."
            ),
        ] = False,
        as_json: JsonOption = False,
    ) -> None:
        """Write a receipt for each act and notice that the log proved to this agency, a file each.

        The covenants that they name are put beside them. Whoever has these checks them without network:
        `sluis audit check FOLDER/*.tlog-proof --covenant FOLDER/covenant-….json`.
        """
        chosen = [signal, notice, hit, since]
        if everything == any(one is not None for one in chosen):
            raise InputError(
                Code.MALFORMED, "Say of what you want receipts.", hint="--signal, --notice, --hit, --since, or --all."
            )
        day = _day(since)
        with machine.offline(home) as session:
            wanted = Wanted(
                signals=None if signal is None else _signals(session.vault, signal),
                hit=None if hit is None else _hit(session.vault, hit),
                notice=notice,
                since=day,
            )
            listed: list[Json] = []
            versions, count, told = {session.covenant.sha256}, 0, False
            for one in _written(session, wanted, out, bare, machine.notes()):
                count, told = count + 1, told or not one.erased
                versions.add(one.event.act.covenant.sha256)
                if as_json:
                    listed.append(one.json)
            without = session.vault.evidence.count_receipts() - session.vault.proofs.count()
            covenants = write_covenants(session.trust, versions, out) if count else []
        if as_json:
            print_json({"folder": str(out), "receipts": listed, "covenants": [*covenants], "withoutPath": without})
            return
        _show(machine.console(), count, out, without, told=told)


def _written(session: Session, wanted: Wanted, out: Path, bare: bool, notes: Console) -> Iterator[Written]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=notes, transient=True, disable=not notes.is_terminal) as bar:
        task = bar.add_task("Entries", total=session.vault.proofs.count())
        yield from write_receipts(session.vault, wanted, out, lambda done: bar.update(task, completed=done), bare=bare)


def _show(out: Console, count: int, folder: Path, without: int, *, told: bool) -> None:
    if not count:
        out.print("Nothing of this was proven to this agency.")
    else:
        out.print(f"{counted(count, 'receipt')} in {folder}.", highlight=False, markup=False)
        if told:
            out.print("They say what the log's entries say, also about signals: give them to who may know that.")
        out.print(
            "Anybody checks them offline, with the covenant that lies beside them: "
            "sluis audit check FILE --covenant covenant-….json",
            highlight=False,
            markup=False,
        )
    if without:
        out.print(
            f"{without} older entries were proven to an earlier version of this program, which kept no paths; "
            "`sluis agency verify` still checks them.",
            highlight=False,
        )


def _day(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        return datetime.combine(date.fromisoformat(text), time(), UTC)
    except ValueError:
        raise InputError(Code.MALFORMED, "Not a day.", hint="Write it as 2026-11-01.") from None


def _signals(vault: Vault, text: str) -> frozenset[SignalId]:
    found = vault.signals.find(text)
    if not found:
        raise NotFoundError(Code.NOT_FOUND, "No signal has this reference or id.", hint="See `sluis agency signals`.")
    return frozenset(one.id for one in found)


def _hit(vault: Vault, text: str) -> HitId:
    found = vault.hits.starting_with(text)
    if not found:
        raise NotFoundError(Code.NOT_FOUND, "There is no such hit.", hint="`sluis agency inbox` lists them.")
    if len(found) > 1:
        raise ConflictError(Code.CONFLICT, "Several hits begin like this.", hint="Type more of the hit's number.")
    return found[0]
