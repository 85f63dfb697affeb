# SPDX-License-Identifier: EUPL-1.2
"""``sluis broker ldv-check``: hold the log of processing against the log of events, and say what is missing.

Not here: what fits and what does not (``ldv_check.py``), the database's start (``main.py`` passes it).
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, closing
from pathlib import Path
from typing import Annotated

import typer

from broker.data_keys import DataKeys
from broker.ldv_check import Join, Report
from broker.postgres.entries import log_entries
from edge.cli import exit_status, reported
from edge.ldv import FOLDER, span_files
from protocol.errors import Code


def add_ldv_check(
    app: typer.Typer,
    database: Callable[[Path, str | None, Path | None], AbstractContextManager[str]],
    keys: Callable[[Path], DataKeys],
) -> None:
    """Add the command to ``sluis broker``; ``database`` opens that of a home, or the given one; ``keys`` a home's."""

    @app.command("ldv-check")
    @reported()
    def command(
        home: Annotated[Path, typer.Option("--home", help="This broker's folder.", file_okay=False)],
        spans: Annotated[
            list[Path] | None,
            typer.Option(help="Files of lines; those in the home when absent. May be given again.", dir_okay=False),
        ] = None,
        given: Annotated[
            str | None,
            typer.Option("--database", envvar="SLUIS_DATABASE", help="postgresql://… ; the home's own when absent."),
        ] = None,
        postgres_bin: Annotated[
            Path | None, typer.Option(help="Folder of PostgreSQL's programs for the private server.", file_okay=False)
        ] = None,
    ) -> None:
        """Prove that every line of the log of processing has its entry in the log, and the reverse.

        Says what is missing on either side, and what a kill or a power cut explains. Exit status 76 for an alarm. With
        the private database, stop the broker first.
        """
        opened = keys(home)
        files = spans or span_files(home / FOLDER)
        with database(home, given, postgres_bin) as url, closing(Join()) as join:
            join.add_lines(_lines(files))
            join.add_events(log_entries(url, opened))
            report = join.report()
        for line in report_lines(report):
            typer.echo(line)
        if report.alarms:
            raise typer.Exit(exit_status(Code.LOG_INCOMPLETE))


def _lines(files: Sequence[Path]) -> Iterator[tuple[str, bytes]]:
    for path in files:
        with path.open("rb") as stream:
            for number, line in enumerate(stream, start=1):
                yield f"{path.name}, line {number}", line


def report_lines(report: Report) -> Iterator[str]:
    """Yield what people are told: alarms first, with places; then what is explained."""
    for finding, count in sorted(report.alarms.items()):
        yield f"ALARM: {count} {finding}"
        yield from _places(report.places.get(finding, []), count)
    for why, count in sorted(report.explained.items()):
        yield f"{count} {why}"
    if report.alarms:
        yield f"{report.joined} lines and entries belong together; the rest does not."
    else:
        yield f"Every line has its entry and every entry its line: {report.joined} belong together."


def _places(places: Sequence[str], count: int) -> Iterator[str]:
    for place in places:
        yield f"  {place}"
    if count > len(places):
        yield f"  and {count - len(places)} more"
