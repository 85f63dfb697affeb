# SPDX-License-Identifier: EUPL-1.2
"""``sluis broker decisions``: past decisions as a file, for the covenant board (``sluis policy replay``).

Not here: which entries they are (``postgres/exports.py``), the database's start (``main.py`` passes it).
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Annotated

import typer

from broker.data_keys import DataKeys
from broker.postgres.exports import decision_lines
from edge.cli import reported
from edge.files import put_lines


def add_decisions(
    app: typer.Typer,
    database: Callable[[Path, str | None, Path | None], AbstractContextManager[str]],
    keys: Callable[[Path], DataKeys],
) -> None:
    """Add the command to ``sluis broker``; ``database`` opens that of a home, or the given one; ``keys`` a home's."""

    @app.command("decisions")
    @reported()
    def command(
        home: Annotated[Path, typer.Option("--home", help="This broker's folder.", file_okay=False)],
        out: Annotated[Path, typer.Option(help="File to write, a line an entry.", dir_okay=False)],
        purpose: Annotated[
            list[str] | None, typer.Option(help="Only of this purpose; may be given again.", show_default=False)
        ] = None,
        given: Annotated[
            str | None,
            typer.Option("--database", envvar="SLUIS_DATABASE", help="postgresql://… ; the home's own when absent."),
        ] = None,
        postgres_bin: Annotated[
            Path | None, typer.Option(help="Folder of PostgreSQL's programs for the private server.", file_okay=False)
        ] = None,
    ) -> None:
        """Write what the rules decided, without signals, hits or tags, for `sluis policy replay`.

        It holds agencies, moments, rules, and the reasons of questions: give it to the covenant board only, and a
        purpose that is hidden from some to nobody of theirs. Entries about canaries are left out. With the private
        database, stop the broker first.
        """
        with database(home, given, postgres_bin) as url:
            count = put_lines(out, decision_lines(url, keys(home), purpose or ()))
        typer.echo(f"{count} decisions written to {out}")
