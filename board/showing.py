# SPDX-License-Identifier: EUPL-1.2
"""``sluis policy matrix | diff``: a covenant, and the difference between two, in a terminal and as one page.

Not here: what they say (``matrix.py``, ``diff_page.py``), HTML (``pages.py``).
"""

from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress
from rich.table import Table

from board import diff_page, matrix
from board.changes import changes
from board.models import model_engine
from board.pages import chapter_of, page
from board.sheets import Cell, Grid, Pairs, Said, Sheet
from board.wording import UNSURE
from edge.cli import reported
from edge.covenant_folder import load_covenant
from edge.files import put_file
from edge.languages import LANGS, Lang, say
from edge.pages import Chapter
from protocol.covenant import Covenant
from protocol.covenant_bundle import MAX_BUNDLE
from protocol.errors import Code, ConfigurationError, NotFoundError
from protocol.ids import PurposeId
from protocol.policy import PolicyEngine

DIFFERS = 1
"""Exit status of a difference, as of diff(1)."""
_MIN_WIDTH = 120
"""Columns of a table when the output is no terminal: narrower cuts the law's names to pieces."""


class Language(StrEnum):
    """Of a page and of the terminal; the terminal shows English when both are asked."""

    NL = "nl"
    EN = "en"
    BOTH = "both"


Html = Annotated[Path | None, typer.Option(help="Also write one self-contained page here.", dir_okay=False)]
Tongue = Annotated[Language, typer.Option("--lang", help="Language of the page, and of what is shown here.")]


def add_showing(app: typer.Typer) -> None:
    """Add the commands to ``sluis policy``."""
    app.command("matrix")(reported()(show_matrix))
    app.command("diff")(reported()(show_difference))


def show_matrix(
    folder: Annotated[Path, typer.Argument(help="A covenant folder or bundle.", show_default=False)],
    purpose: Annotated[str | None, typer.Argument(help="Only this purpose.", show_default=False)] = None,
    html: Html = None,
    lang: Tongue = Language.BOTH,
) -> None:
    """Show who may learn what from whom, for what, on which law; and what is never allowed.

    Laws marked [unsure] were written from memory or are not settled: the board decides on them before it signs.
    """
    covenant = read_covenant(folder)
    if purpose is not None and purpose not in covenant.purposes:
        known = ", ".join(covenant.purposes)
        raise NotFoundError(Code.NOT_FOUND, "The covenant has no such purpose.", hint=f"It has: {known}.")
    only = None if purpose is None else PurposeId(purpose)
    told = _terminal(lang)
    out = _console()
    out.print(f"[bold]{escape(matrix.title(told))}[/bold]", highlight=False)
    for sheet in matrix.sheets(covenant, told, only):
        _print_sheet(out, sheet, told)
    if html is not None:
        write_page(
            html,
            lang,
            matrix.title,
            lambda one: [chapter_of(sheet, one) for sheet in matrix.sheets(covenant, one, only)],
        )


def show_difference(
    old: Annotated[Path, typer.Argument(help="A covenant folder or bundle.", show_default=False)],
    new: Annotated[Path, typer.Argument(help="A covenant folder or bundle.", show_default=False)],
    html: Html = None,
    lang: Tongue = Language.BOTH,
) -> None:
    """Show what another version of the covenant allows and forbids anew, exactly; nothing else is decided otherwise.

    Exit status 0 when the two are the same, 1 when they differ.
    """
    found = compare(model_engine(read_covenant(old)), model_engine(read_covenant(new)))
    told = _terminal(lang)
    out = _console()
    for line in diff_page.lines(found, told):
        out.print(line, highlight=False, markup=False, soft_wrap=True)
    if html is not None:
        write_page(html, lang, diff_page.title, lambda one: diff_page.chapters(found, one))
    if found.none:
        out.print(say(("Geen verschil.", "No difference."), told))
        return
    raise typer.Exit(DIFFERS)


def compare(old: PolicyEngine, new: PolicyEngine) -> diff_page.Difference:
    """Return the difference, with a bar on a terminal while it is sought."""
    errors = Console(stderr=True)
    with Progress(console=errors, transient=True, disable=not errors.is_terminal) as progress:
        task = progress.add_task("Asking both versions everything", total=None)
        found = changes(old, new, began=lambda done, total: progress.update(task, completed=done, total=total))
    return diff_page.compare(old, new, found)


def read_covenant(path: Path) -> Covenant:
    """Read a covenant folder, or a packed one (``covenant.json``). Raises ``ConfigurationError``."""
    if path.is_dir():
        return load_covenant(path)
    try:
        with path.open("rb") as stream:
            return Covenant.read(stream.read(MAX_BUNDLE + 1))
    except OSError as error:
        text = f"Cannot read {path}: {error.strerror}."
        hint = "Name a covenant folder, or a bundle as `sluis policy build` makes it."
        raise ConfigurationError(Code.COVENANT_INVALID, text, hint=hint) from None


def write_page(
    path: Path, lang: Language, title: Callable[[Lang], str], chapters: Callable[[Lang], Sequence[Chapter]]
) -> None:
    """Write the page in the languages asked for."""
    langs = [one for one in LANGS if lang in (Language.BOTH, one)]
    text = page({one: title(one) for one in langs}, {one: chapters(one) for one in langs})
    put_file(path, text.encode())


def _terminal(lang: Language) -> Lang:
    return "nl" if lang is Language.NL else "en"


def _console() -> Console:
    out = Console()
    return out if out.is_terminal else Console(width=max(_MIN_WIDTH, out.width))


def _print_sheet(out: Console, sheet: Sheet, lang: Lang) -> None:
    out.print(f"\n[bold]{escape(sheet.title)}[/bold] ({sheet.name})", highlight=False)
    for part in sheet.parts:
        if isinstance(part, Pairs):
            for name, cell in part.rows:
                lines = _text(cell, lang).splitlines() or [""]
                out.print(f"  {escape(name)}: {escape('; '.join(lines))}", highlight=False)
        else:
            _print_grid(out, part, lang)


def _print_grid(out: Console, grid: Grid, lang: Lang) -> None:
    shown = Table(title=grid.caption, title_justify="left", box=SIMPLE_HEAD)
    for head in grid.heads:
        shown.add_column(head, overflow="fold")
    for row in grid.rows:
        shown.add_row(*(escape(_text(cell, lang)) for cell in row), end_section=True)
    out.print(shown)


def _text(cell: Cell, lang: Lang) -> str:
    return "\n".join(_line(said, lang) for said in cell)


def _line(said: Said, lang: Lang) -> str:
    mark = f" [{say(UNSURE, lang)}]" if said.unsure else ""
    return f"{said.text}{mark}" + (f" ({said.code})" if said.code else "")
