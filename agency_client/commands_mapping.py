# SPDX-License-Identifier: EUPL-1.2
"""``sluis agency mapping --guess FILE``: what was understood of a sample, and what would be refused of it.

Nothing is sent and nothing kept; ``--write`` writes the mapping file, which every way in reads. Not here: guessing
(``mapping_guess.py``), the machine (``cli.py`` passes it).
"""

from itertools import islice
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from agency_client.command_line import HomeOption, JsonOption, print_json
from agency_client.connectors.trying import TRIED, Tried
from agency_client.machine import Machine
from agency_client.mapping import Mapping
from agency_client.mapping_guess import Guess, Surety, guess
from agency_client.push import MAPPING_SUFFIX, Constants, only_choices
from agency_client.session import Session
from agency_client.source import read_rows, sample
from agency_client.source_rows import Row
from edge.cli import reported
from protocol.encoding import Json
from protocol.errors import Code, ConflictError
from protocol.keys import KINDS

_SHOWN: Final = 3
_SURE: Final = {Surety.NAME: "sure: its name", Surety.CONTENT: "likely: its values", Surety.UNKNOWN: "not understood"}
_MAX_SHOWN: Final = 40
"""Characters of a value that is shown."""


def add_mapping(app: typer.Typer, machine: Machine) -> None:
    """Add the command."""

    @app.command("mapping")
    @reported()
    def mapping(
        home: HomeOption,
        file: Annotated[
            Path,
            typer.Option("--guess", help="A sample: CSV, JSON Lines or XLSX.", dir_okay=False, exists=True),
        ],
        write: Annotated[
            bool, typer.Option("--write", help="Write FILE.mapping.yaml beside it; an existing one stays.")
        ] = False,
        to: Annotated[
            Path | None, typer.Option(help="Write there instead, such as HOME/connectors/NAME.mapping.yaml.")
        ] = None,
        purpose: Annotated[str | None, typer.Option(help="Purpose, when there is no column for it.")] = None,
        grounds: Annotated[str | None, typer.Option(help="Entry criteria, separated by ;")] = None,
        basis: Annotated[str | None, typer.Option(help="Your legal basis.")] = None,
        show_values: Annotated[
            bool, typer.Option("--show-values", help="Also show some values: of people, so mind who looks along.")
        ] = False,
        as_json: JsonOption = False,
    ) -> None:
        """Show which column is taken for what and what would be refused; write it down when it is right."""
        with machine.offline(home) as session:
            seen = sample(file)
            found = guess(seen.columns, seen.rows)
            settled = found.mapping.with_constants(**Constants(purpose, grounds, basis).given)
            settled = settled.with_constants(**only_choices(session, settled))
            tried = None if settled.missing else try_rows(session, file, settled)
            if as_json:
                print_json(_json(found, settled, tried))
            else:
                _show(machine.console(), found, settled, seen.rows, tried, values=show_values)
            if write or to is not None:
                path = to or file.with_name(file.name + MAPPING_SUFFIX)
                _write(path, settled)
                machine.notes().print(f"Written to {escape(str(path))}: correct it there.", highlight=False)


def try_rows(session: Session, file: Path, mapping: Mapping, most: int = TRIED) -> Tried:
    """Judge the first rows of a file as a push would, without keeping anything."""
    tried, intake = Tried(), session.intake()
    for row in islice(read_rows(file), most):
        tried.add(intake.ready(row, mapping))
    return tried


def _write(path: Path, mapping: Mapping) -> None:
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(mapping.to_yaml())
    except FileExistsError:
        raise ConflictError(
            Code.CONFLICT, f"There is a mapping already: {path.name}.", hint="Move it away, or correct it by hand."
        ) from None


def _show(
    out: Console, found: Guess, mapping: Mapping, rows: tuple[Row, ...], tried: Tried | None, *, values: bool
) -> None:
    table = Table("Column", "Is taken for", "How sure", "Filled", *(("Such as",) if values else ()), box=None)
    for one in found.columns:
        filled = [cell for row in rows if (cell := row.values.get(one.column, ""))]
        meaning = escape(one.field) if one.field else "[yellow]not used, never sent[/]"
        shown = "; ".join(cell[:_MAX_SHOWN] for cell in dict.fromkeys(filled[:_SHOWN]))
        cells = [escape(one.column), meaning, _SURE[one.surety], f"{len(filled)} of {len(rows)}"]
        table.add_row(*cells, *((escape(shown),) if values else ()))
    out.print(table)
    for name, value in mapping.constants:
        out.print(f"For all records: {escape(name)} = {escape(value)}", highlight=False)
    for name in mapping.missing:
        out.print(f"Missing: {name}. Name its column in the mapping file, or give it here.", style="yellow")
    if tried is None:
        return
    out.print(
        f"Of the first {tried.rows:,} rows {tried.used:,} can be sent ({tried.partly:,} without some value), "
        f"{tried.refused:,} cannot.",
        highlight=False,
    )
    for (place, code, message), count in tried.reasons.most_common(20):
        out.print(f"  {count:,} × {escape(place)}: {escape(message)} ({escape(code)})", highlight=False)
    named = [
        f"{KINDS[kind].en if kind in KINDS else kind} {count:,}"  # type: ignore[index]  # a key's kind, as text
        for kind, count in tried.kinds.most_common()
    ]
    if named:
        out.print(f"People could be found by: {', '.join(named)}.", style="dim", highlight=False)


def _json(found: Guess, mapping: Mapping, tried: Tried | None) -> dict[str, Json]:
    columns: list[Json] = [
        {"column": one.column, "field": one.field, "surety": one.surety.value} for one in found.columns
    ]
    reasons: list[Json] = []
    if tried is not None:
        reasons = [
            {"field": place, "code": code, "count": count} for (place, code, _), count in tried.reasons.most_common()
        ]
    return {
        "columns": columns,
        "constants": dict(mapping.constants),
        "missing": list(mapping.missing),
        "rows": None if tried is None else tried.rows,
        "used": None if tried is None else tried.used,
        "partly": None if tried is None else tried.partly,
        "refused": None if tried is None else tried.refused,
        "reasons": reasons,
    }
