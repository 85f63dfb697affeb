# SPDX-License-Identifier: EUPL-1.2
"""``sluis policy``: check a covenant, try its cases, show it in plain words, compare two, add a party; and sign it.

The composition root: clock, environment and terminal. Not here: what a covenant is (``protocol/covenant.py``), the
commands that sign (``signing.py``).
"""

import getpass
import os
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import track

from board.cases import Tried, read_cases, try_cases
from board.checking import find_issues, unformatted
from board.models import model_engine
from board.parties import add_party as added
from board.parties import changed, name_of, parties_of, rewrite
from board.replaying import add_replay
from board.showing import add_showing
from board.signing import Desk, add_commands
from edge.cli import exit_status, reported
from edge.covenant_folder import read_folder
from edge.files import alone, put_file
from edge.keyfile import SecretText, passphrase_from
from protocol.covenant import Covenant, Parties, read_party
from protocol.covenant_reading import PARTIES
from protocol.errors import Code, ConfigurationError, Issue

app = typer.Typer(
    no_args_is_help=True,
    help="The covenant board: check and show purposes, parties and rules, and add parties.\n\n"
    "FOLDER is a covenant folder such as `policies/`: covenant.yaml, parties.yaml, purposes/, base/, cases/.",
)

Folder = Annotated[Path, typer.Argument(help="The covenant folder.", show_default=False)]
_MIN_WIDTH = 100
"""Columns of a table when the output is no terminal: narrower cuts the law's names to pieces."""


@app.command()
@reported()
def check(folder: Folder) -> None:
    """Check everything: form, rules, annotations and cases; name file and line of what is wrong.

    Exit status 0 when all is well. A covenant that still lacks parties passes, and it says which.
    """
    files = read_folder(folder)
    try:
        found = find_issues(files, _today())
    except ConfigurationError as error:
        if not error.issues:
            raise
        _fail(error.issues)
    if found.issues:
        _fail(found.issues)
    covenant, engine, cases = found.covenant, found.engine, found.cases
    out = _console()
    out.print(f"{escape(covenant.name)}, version {escape(covenant.version)}", highlight=False)
    out.print(f"  sha256 {covenant.sha256}", highlight=False, soft_wrap=True)
    out.print(
        f"  {len(covenant.purposes)} purposes, {len(engine.rules)} rules, {len(cases)} cases as expected; "
        f"{len(covenant.agencies)} agencies, {len(covenant.key_holders)} key-holders",
        highlight=False,
    )
    for lack in covenant.missing():
        out.print(f"  not complete yet: {lack}", highlight=False)
    for left in found.to_settle:
        said = f"{escape(left.location)}: {escape(left.message)}"
        out.print(f"  [yellow]for the board to settle:[/yellow] {said}", highlight=False, soft_wrap=True)
    out.print("[green]All is well.[/green]")


@app.command("format")
@reported()
def format_files(folder: Folder) -> None:
    """Write the Cedar files as Cedar's own formatter does, so that a difference between two versions is a real one."""
    with alone(folder):
        wanted = unformatted(read_folder(folder))
        for path, text in wanted.items():
            put_file(folder / path, text.encode())
            _console().print(f"{path}: written anew", highlight=False)
    if not wanted:
        _console().print("All files are as they should be.", highlight=False)


@app.command("test")
@reported()
def run_cases(
    folder: Folder,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="List every case, not only those that fail.")
    ] = False,
) -> None:
    """Try every case of cases/<purpose>/ALLOW and DENY, and list those that are not decided as expected."""
    files = read_folder(folder)
    engine = model_engine(Covenant.parse(files))
    issues: list[Issue] = []
    cases = read_cases(files, issues)
    errors = Console(stderr=True)
    tried = list(
        track(try_cases(engine, cases), "Cases", total=len(cases), console=errors, disable=not errors.is_terminal)
    )
    if verbose:
        _list_cases(tried)
    issues += [one.wrong for one in tried if one.wrong is not None]
    if issues:
        _fail(issues)
    _console().print(f"[green]{len(cases)} cases, all as expected.[/green]", highlight=False)


@app.command("add-party")
@reported()
def add_party(
    folder: Folder,
    party: Annotated[list[Path], typer.Argument(help="Party statements, as written by `init`.", show_default=False)],
    replace: Annotated[
        bool, typer.Option("--replace", help="Put a party's new statement in the place of the one that is there.")
    ] = False,
) -> None:
    """Add parties to the covenant, from the statements that their own `init` wrote.

    A statement holds public keys only. Compare its keys with the party by telephone before you add it: who is in
    the covenant is believed. The same statement again changes nothing; another one of the same party is refused, unless
    you say --replace: then you see what it changes. Whether an agency is suspended stays as it is.
    """
    statements = [read_party(path.name, _read(path)) for path in party]
    with alone(folder):
        files = dict(read_folder(folder))
        covenant = Covenant.parse(files)
        there = parties_of(covenant)
        parties = there
        for statement in statements:
            name, before = name_of(statement), parties
            parties = added(parties, statement, replace=replace)
            _console().print(f"{name}: {_done(before, parties, name)}", highlight=False)
        if parties != there:
            files[PARTIES] = rewrite(files[PARTIES].decode(), parties).encode()
            covenant = Covenant.parse(files)
            put_file(folder / PARTIES, files[PARTIES])
    for lack in covenant.missing():
        _console().print(f"  not complete yet: {lack}", highlight=False)


def _done(before: Parties, after: Parties, name: str) -> str:
    if before == after:
        return "is there already"
    fields = changed(before, after, name)
    return "added" if "id" in fields else f"replaced: {', '.join(fields)}"


def _list_cases(tried: Sequence[Tried]) -> None:
    for one in tried:
        mark = "[green]as expected[/green]" if one.wrong is None else "[red]WRONG[/red]"
        answer = "allowed" if one.filed.allowed else "refused"
        _console().print(
            f"{mark}  {one.filed.purpose}: {answer}: {one.filed.sentence}", highlight=False, soft_wrap=True
        )


def _today() -> date:
    return datetime.now(UTC).date()


def _fail(issues: Sequence[Issue]) -> NoReturn:
    errors = Console(stderr=True)
    for issue in issues:
        errors.print(f"{issue.location}: {issue.message}", style="red", highlight=False, markup=False, soft_wrap=True)
    errors.print(f"{len(issues)} wrong.", style="bold red", highlight=False)
    raise typer.Exit(exit_status(Code.COVENANT_INVALID))


def _console() -> Console:
    out = Console()
    return out if out.is_terminal else Console(width=max(_MIN_WIDTH, out.width))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        text = f"Cannot read {path}: {error.strerror}."
        raise ConfigurationError(Code.COVENANT_INVALID, text, hint="Name the file that `init` wrote.") from None


def _passphrase(new: bool) -> SecretText:
    return passphrase_from(os.environ, getpass.getpass if os.isatty(0) else None, new=new)


def _agrees(question: str) -> bool:
    if not os.isatty(0):
        detail = "There is nobody at a terminal to ask."
        raise ConfigurationError(Code.SETTINGS_INVALID, detail, hint="Give --yes when you have read it before.")
    return typer.confirm(question)


add_showing(app)
add_replay(app)
add_commands(app, Desk(lambda: datetime.now(UTC), _passphrase, _agrees))
