# SPDX-License-Identifier: EUPL-1.2
"""``sluis audit year``: a year of the log in figures, for a board: a page, tables, and what proves them.

Not here: reading and counting (``year_reading.py``), the page (``year_page.py``).
"""

import asyncio
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from agency_client.command_line import HomeOption, print_json
from agency_client.commands_audit_search import (
    JsonOption,
    LangOption,
    PersonOption,
    RoleOption,
    WhyOption,
    inquiry_of,
    lang_of,
)
from agency_client.machine import Machine
from agency_client.searching import Inquiry
from agency_client.session import Session, online
from agency_client.year_page import YearReport, summary_of, year_page
from agency_client.year_reading import YearRead, limit_of, read_year
from edge.cli import reported
from edge.files import put_file
from edge.findings import show_finding, status_of
from edge.languages import Lang, Pair, say
from protocol.encoding import Json, canonical_json, format_time
from protocol.errors import SluisError, VerificationError
from protocol.event_search import EventFilters
from protocol.note import b64
from protocol.statistics import FIRST_YEAR, LAST_YEAR
from protocol.year_counting import YearCount
from protocol.year_figures import year_of
from protocol.year_tables import tables_of

FORM: Final = 1
_WRITTEN: Final[Pair] = (
    "Dit jaar staat in {folder}: een pagina, tabellen en het checkpoint. U las ervoor {count} keer in het logboek.",
    "This year is in {folder}: a page, tables and the checkpoint. You read the log {count} times for it.",
)


def add_year(app: typer.Typer, machine: Machine) -> None:
    """Add ``year`` to the audit commands."""
    app.command("year")(reported()(_yearly(machine)))


def _yearly(machine: Machine) -> Callable[..., None]:
    def year_command(
        home: HomeOption,
        year: Annotated[int, typer.Argument(help="Calendar year, in UTC.", min=FIRST_YEAR, max=LAST_YEAR)],
        log_purpose: WhyOption,
        out: Annotated[
            Path | None,
            typer.Option(help="Folder to write to; default sluis-YEAR, or none with --json.", file_okay=False),
        ] = None,
        reader: PersonOption = None,
        role: RoleOption = None,
        lang: LangOption = "en",
        as_json: JsonOption = False,
    ) -> None:
        """Tell a year of the log in figures: per operation, purpose and agency; refusals, follow-up, what was erased.

        The whole log is verified first; then the year's entries that you may see are read, each proven and each
        reading logged. A supervisor sees all agencies, a privacy officer its own. Of a year that is not over, it tells
        what there is until now. Writes a page in Dutch and English, a table of each number, and the checkpoint.
        """
        tongue: Lang = "en"
        try:
            tongue = lang_of(lang)
            with machine.opened(home) as session:
                now = session.clock().replace(microsecond=0)
                period = year_of(year, now)
                inquiry = inquiry_of(machine, session, EventFilters(), log_purpose, reader, role)
                read = _run(session, machine, inquiry, period)
                report = report_of(session, year, read, now)
                folder = out or (None if as_json else Path(f"sluis-{year}"))
                if folder is not None:
                    _write(folder, report)
                if as_json:
                    print_json(document_of(report))
                elif folder is not None:
                    _show(machine, report, folder, tongue)
        except SluisError as error:
            show_finding(error, tongue)
            raise typer.Exit(status_of(error)) from None

    return year_command


def report_of(session: Session, year: int, read: YearRead, now: datetime) -> YearReport:
    """Return the year with what this home knows beside it."""
    shelf, years = session.vault.evidence, session.covenant.log_retention_years
    return YearReport(
        year=year,
        read=read,
        covenant=session.covenant,
        reader=session.me.id,
        findings=len(shelf.findings()),
        unseen=len(shelf.findings(unseen_only=True)),
        closed=now.year > year,
        erasable=(year + years, 1) < (now.year, now.month),
    )


def _run(session: Session, machine: Machine, inquiry: Inquiry, period: tuple[datetime, datetime]) -> YearRead:
    try:
        return asyncio.run(_read(session, machine, inquiry, period))
    except VerificationError as error:
        session.vault.evidence.report(error.code, "year of the log", error.detail, session.clock())
        raise


async def _read(session: Session, machine: Machine, inquiry: Inquiry, period: tuple[datetime, datetime]) -> YearRead:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    counted = YearCount(*period, limit_of(session.covenant), session.vault.probes.signals())
    with Progress(*columns, console=machine.notes(), disable=not sys.stderr.isatty(), transient=True) as bar:
        async with online(session, asyncio.sleep) as doors:
            whole = bar.add_task("Verifying the log", total=None)
            checked = await doors.checking.run(lambda done, total: bar.update(whole, completed=done, total=total))
            months = bar.add_task("Reading months", total=None)

            def told(done: int, total: int) -> None:
                bar.update(months, completed=done, total=total)

            return await read_year(doors.searching, inquiry, counted, checked, told)


# --- Output -----------------------------------------------------------------------------------------------------------


def _write(folder: Path, report: YearReport) -> None:
    name = f"year-{report.year}"
    files = {
        f"{name}.html": year_page(report).encode(),
        f"{name}.json": canonical_json(document_of(report)) + b"\n",
        f"{name}-checkpoint.txt": report.read.checked.head.note.encode(),
    }
    tables = tables_of(report.read.figures)
    files |= {f"{name}-{title}.csv": table.csv() for title, table in tables.items()}
    for title, content in files.items():
        put_file(folder / title, content, mode=0o600)


def _show(machine: Machine, report: YearReport, folder: Path, lang: Lang) -> None:
    out = machine.console()
    for line in summary_of(report, lang):
        out.print(f"• {line}", highlight=False, markup=False)
    said = say(_WRITTEN, lang).format(folder=folder, count=len(report.read.readings))
    out.print(said, highlight=False, markup=False, style="green")


def document_of(report: YearReport) -> dict[str, Json]:
    """Return the year for programs."""
    read, found, head = report.read, report.read.figures, report.read.checked.head
    return {
        "form": FORM,
        "year": report.year,
        "closed": report.closed,
        "begins": format_time(found.begins),
        "ends": format_time(found.ends),
        "reader": report.reader,
        "supervised": report.supervised,
        "entries": found.entries,
        "erased": found.erased,
        "leftOut": found.left_out,
        "ownProbes": found.probes,
        "openingsUnknown": found.openings_unknown,
        "statisticsRead": found.statistics_read,
        "subjectReports": found.subject_reports,
        "tables": {name: table.json() for name, table in tables_of(found).items()},
        "proof": {
            "origin": head.checkpoint.origin,
            "size": head.checkpoint.size,
            "root": b64(head.checkpoint.root),
            "cosigners": list(head.cosigners),
            "receipts": read.checked.receipts,
            "findings": report.findings,
            "findingsUnseen": report.unseen,
            "readings": list(read.readings),
            "covenantUnknown": read.unsigned,
        },
    }
