# SPDX-License-Identifier: EUPL-1.2
"""``sluis audit``: verify a broker's log with nothing but its address and the covenant board's root.

Not here: what is verified (``walk.py``).
"""

import json
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from auditor.commands_check import add_check
from auditor.commands_fork import add_check_fork
from auditor.commands_pack import add_check_pack
from auditor.state import keep_evidence, read_state, write_state
from auditor.transport import LogReader
from auditor.walk import ContradictionError, Verified, terms_of, verify_log
from auditor.witnesses import witness_states
from edge.covenant_watch import newest, pin
from edge.findings import show_finding, status_of
from edge.languages import LANGS, Lang, Pair, listed, say
from edge.witness_lines import witness_lines
from protocol.backdating import Seen
from protocol.covenant import Covenant
from protocol.encoding import format_time
from protocol.errors import Code, InputError, SluisError
from protocol.note import b64
from protocol.walk import Wanted
from protocol.witness_reports import WitnessState, states_json

_HOLDS: Final[Pair] = ("Het logboek klopt.", "The log holds.")
_READ_ALL: Final[Pair] = ("gelezen vanaf de eerste", "read from the first")
_READ_ON: Final[Pair] = ("gelezen vanaf regel {place}, waar we waren", "read from entry {place} on, where we were")
_ROWS: Final[tuple[Pair, ...]] = (
    ("logboek", "log"),
    ("regels", "entries"),
    ("wortel", "root"),
    ("gezien door", "seen by"),
    ("stand van", "as of"),
)
_WITNESS: Final[Pair] = ("getuige", "witness")

app = typer.Typer(no_args_is_help=True, add_completion=False)
add_check(app)


@app.callback()
def _audit() -> None:
    """Verify the log from outside, with only the covenant board's root."""


@app.command()
def verify(
    broker: Annotated[str, typer.Option(help="The broker's address: https://host[:port]")],
    root: Annotated[Path, typer.Option(help="The covenant board's root file, whose fingerprint you compared")],
    source: Annotated[
        str | None, typer.Option("--from", help="Where signed covenants are; the broker's …/covenant/ when absent")
    ] = None,
    keep: Annotated[
        Path | None,
        typer.Option(help="Remember the covenant in this folder, so that an older one is noticed", file_okay=False),
    ] = None,
    state: Annotated[
        Path | None, typer.Option(help="Remember what was seen in this file, and next time read only what is new")
    ] = None,
    lang: Annotated[str, typer.Option(help="nl or en")] = "en",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text")] = False,
) -> None:
    """Read every entry of the log and check that it is what the log signed and the witnesses saw.

    Exit status: 0 it holds; 10 altered; 11 forked; 12 rolled back; 13 incomplete; 14 checkpoint not valid; 15 not yet
    cosigned by enough witnesses; 25 an entry stands in it twice; others as for every command (75: broker not reachable
    or the covenant's signatures expired, 76: the covenant is not as the board signed it, 78: covenant or state
    unusable).
    """
    spoken: Lang = "nl" if lang == "nl" else "en"
    try:
        if lang not in LANGS:
            raise InputError(Code.MALFORMED, "--lang is nl or en.")
        with _home(keep) as home:
            covenant = newest(pin(home, root, source or f"{broker.rstrip('/')}/covenant/")).covenant
        found, witnesses = _verify(broker, covenant, state, quiet=as_json)
    except SluisError as error:
        _report_failure(error, spoken, as_json=as_json)
        raise typer.Exit(status_of(error)) from None
    _report(found, witnesses, spoken, as_json=as_json)


@contextmanager
def _home(keep: Path | None) -> Generator[Path, None, None]:
    """Yield where to keep what was seen of the covenant: a folder that is there next time, or one that is not."""
    if keep is not None:
        yield keep
        return
    with TemporaryDirectory() as scratch:
        yield Path(scratch)


def _verify(
    broker: str, covenant: Covenant, state: Path | None, *, quiet: bool
) -> tuple[Verified, Sequence[WitnessState] | None]:
    terms = terms_of(covenant)
    seen = None if state is None else read_state(state, terms.log_key)
    try:
        with LogReader(broker) as log, _progress(quiet) as on_step:
            found = verify_log(terms, log.fetch, seen, on_step)
            witnesses = witness_states(covenant, found.cosigned.checkpoint, log.fetch)
    except ContradictionError as error:
        if state is not None and seen is not None:
            kept = keep_evidence(state, error.code, seen.signed, error.found)
            error.hint = f"{error.hint} Kept in {kept}."
        raise
    if state is not None:
        write_state(state, found.cosigned.note, found.tree)
    return found, witnesses


@contextmanager
def _progress(quiet: bool) -> Generator[Callable[[Wanted], None], None, None]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=quiet) as bar:
        task = bar.add_task("Reading entries", total=None)
        yield lambda wanted: bar.update(task, completed=wanted.done, total=wanted.total)


def _report(found: Verified, witnesses: Sequence[WitnessState] | None, lang: Lang, *, as_json: bool) -> None:
    now = datetime.now(UTC)
    head = found.cosigned.checkpoint
    cosigned_at = format_time(Seen.of(found.cosigned).at)
    if as_json:
        answer = {
            "verified": True,
            "origin": head.origin,
            "size": head.size,
            "root": b64(head.root),
            "readFrom": found.read_from,
            "cosigners": list(found.cosigned.cosigners),
            "cosignedAt": cosigned_at,
            "witnesses": None if witnesses is None else states_json(witnesses, now),
        }
        typer.echo(json.dumps(answer))
        return
    typer.secho(say(_HOLDS, lang), fg=typer.colors.GREEN)
    read = say(_READ_ON if found.read_from else _READ_ALL, lang).format(place=found.read_from)
    rows = (head.origin, f"{head.size}, {read}", b64(head.root), listed(found.cosigned.cosigners, lang), cosigned_at)
    for name, text in zip(_ROWS, rows, strict=True):
        typer.echo(f"  {say(name, lang):<12} {text}")
    for line in witness_lines(witnesses or (), now, lang):
        typer.echo(f"  {say(_WITNESS, lang):<12} {line}")


def _report_failure(error: SluisError, lang: Lang, *, as_json: bool) -> None:
    if as_json:
        answer = {"verified": False, "code": error.code.value, "detail": error.detail, "hint": error.hint}
        typer.echo(json.dumps(answer))
        return
    show_finding(error, lang)


add_check_pack(app)
add_check_fork(app)
