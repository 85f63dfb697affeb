# SPDX-License-Identifier: EUPL-1.2
"""``sluis audit export``: the log's entries of a period as an evidence pack, to hand to a supervisor or a court.

Not here: what goes into it (``exporting.py``), checking one (``sluis audit check-pack``, at the auditor).
"""

import asyncio
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.progress import Progress

from agency_client.command_line import HomeOption, print_json
from agency_client.commands_audit_search import (
    JsonOption,
    LangOption,
    PersonOption,
    RoleOption,
    WhyOption,
    inquiry_of,
    lang_of,
    moment_of,
)
from agency_client.exporting import Exporting
from agency_client.machine import Machine
from agency_client.searching import Inquiry
from agency_client.session import Session, online
from edge.cli import reported
from edge.files import put_file
from edge.languages import Pair, say
from protocol.encoding import format_time
from protocol.errors import Code, ConflictError, InputError
from protocol.event_search import EventFilters
from protocol.evidence_pack import PackContent
from protocol.ids import PurposeId

_DONE: Final[Pair] = (
    "{count} regels van {begins} tot {ends} staan in {out}, elk met zijn bewijs; getekend door {agency}.",
    "{count} entries from {begins} until {ends} are in {out}, each with its proof; signed by {agency}.",
)
_LOGGED: Final[Pair] = (
    "Dat u dit meenam, staat in het logboek als regel {places}.",
    "That you took this out stands in the log as entry {places}.",
)
_HANDLE: Final[Pair] = (
    "Geef het alleen aan wie het mag hebben: het zegt wie wat deed. Controleren: sluis audit check-pack.",
    "Give it only to who may have it: it says who did what. To check it: sluis audit check-pack.",
)


def add_export(app: typer.Typer, machine: Machine) -> None:
    """Add ``export`` to the audit commands."""
    app.command("export")(reported()(_exporting(machine)))


def _exporting(machine: Machine) -> Callable[..., None]:
    def export(
        home: HomeOption,
        log_purpose: WhyOption,
        since: Annotated[str, typer.Option("--from", help="From this day (2026-11-01) or moment on, UTC.")],
        until: Annotated[str, typer.Option(help="Up to and with this day, or before this moment, UTC.")],
        out: Annotated[Path, typer.Option(help="The pack to write, a .zip; one that is there stays.", dir_okay=False)],
        purpose: Annotated[str | None, typer.Option(help="Only this purpose of the covenant.")] = None,
        reader: PersonOption = None,
        role: RoleOption = None,
        lang: LangOption = "en",
        as_json: JsonOption = False,
    ) -> None:
        """Write the entries of a period that you may take out as an evidence pack; that you do stands in the log too.

        The pack holds the entries (JSON and a table), a proof of each, the checkpoint that witnesses confirmed, the
        covenant, and a summary in Dutch and English, all under your agency's signature. Who has the covenant can check
        it anywhere, without asking anybody.
        """
        tongue = lang_of(lang)
        begins, ends = moment_of(since, "--from"), moment_of(until, "--until", end=True)
        if begins is None or ends is None or begins >= ends:
            raise InputError(Code.MALFORMED, "The period ends before it begins.")
        if out.exists():
            raise ConflictError(Code.CONFLICT, f"{out} is already there.", hint="Evidence is not written over.")
        with machine.opened(home) as session:
            if purpose is not None:
                session.covenant.purpose(PurposeId(purpose))
            filters = EventFilters(since=begins, until=ends, purpose=None if purpose is None else PurposeId(purpose))
            inquiry = replace(inquiry_of(machine, session, filters, log_purpose, reader, role), use="export")
            raw, content = asyncio.run(_export(session, machine, inquiry, begins, ends))
            put_file(out, raw, mode=0o600)
            if as_json:
                _print_facts(out, content)
                return
            said = {
                "count": len(content.entries),
                "begins": format_time(begins),
                "ends": format_time(ends),
                "out": out,
                "agency": session.me.id,
                "places": ", ".join(map(str, content.manifest.exports)),
            }
            for line in (_DONE, _LOGGED, _HANDLE):
                machine.console().print(say(line, tongue).format(**said), highlight=False, markup=False)

    return export


async def _export(
    session: Session, machine: Machine, inquiry: Inquiry, begins: datetime, ends: datetime
) -> tuple[bytes, PackContent]:
    with Progress(console=machine.notes(), disable=not sys.stderr.isatty(), transient=True) as bar:
        task = bar.add_task("Reading the log", total=None)
        async with online(session, asyncio.sleep) as doors:
            await doors.trail.advance()
            exporting = Exporting(
                doors.searching,
                doors.trail,
                session.covenant,
                session.identity.sender.signer,
                session.trust.kept_bundle,
            )
            return await exporting.run(
                inquiry, begins, ends, lambda done, total: bar.update(task, completed=done, total=total)
            )


def _print_facts(out: Path, content: PackContent) -> None:
    manifest = content.manifest
    print_json(
        {
            "pack": str(out),
            "entries": len(content.entries),
            "erased": sum(one.erased_by is not None for one in content.entries),
            "begins": format_time(manifest.begins),
            "ends": format_time(manifest.ends),
            "exports": list(manifest.exports),
            "size": content.cosigned.checkpoint.size,
            "covenantsLacking": list(content.lacking),
        }
    )
