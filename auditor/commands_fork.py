# SPDX-License-Identifier: EUPL-1.2
"""``sluis audit check-fork``: does a file show that a log signed two histories? Offline, in plain words.

Not here: the check itself (``protocol/fork_evidence.py``) and finding a contradiction.
"""

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Final

import typer

from edge.cli import show
from edge.covenant_folder import load_covenant
from edge.covenant_watch import newest, pin
from edge.findings import status_of
from edge.languages import LANGS, Lang, Pair, say
from protocol.covenant import Covenant
from protocol.covenant_bundle import MAX_BUNDLE
from protocol.errors import Code, ConfigurationError, InputError, SluisError
from protocol.fork_evidence import MAX_FILE, Fork, read_evidence, verify_fork
from protocol.note import b64

_PROVEN: Final[Pair] = (
    "BEWEZEN: dit logboek heeft twee geschiedenissen ondertekend.",
    "PROVEN: this log signed two histories.",
)
_SAME_SIZE: Final[Pair] = (
    "Het logboek {origin} heeft voor zijn eerste {size} regels twee verschillende wortels ondertekend.",
    "The log {origin} signed two different roots for its first {size} entries.",
)
_OTHER_BEGINNING: Final[Pair] = (
    "Het logboek {origin} heeft {size} regels ondertekend, en ook {larger} waarvan de eerste {size} andere zijn.",
    "The log {origin} signed {size} entries, and also {larger} entries of which the first {size} are others.",
)
_MEANING: Final[Pair] = (
    "Beide handtekeningen zijn echt, en hoogstens een van beide kan waar zijn: wie het logboek voert heeft "
    "verschillende partijen verschillende dingen laten zien, of de sleutel is ook elders in gebruik.",
    "Both signatures are genuine, and at most one of them can be true: whoever keeps the log showed different things "
    "to different parties, or its key is in use elsewhere too.",
)
_NOT_PROVEN: Final[Pair] = ("NIET BEWEZEN door dit bestand.", "NOT PROVEN by this file.")


def add_check_fork(app: typer.Typer) -> None:
    """Add the command to the auditor's."""

    @app.command("check-fork")
    def command(
        file: Annotated[Path, typer.Argument(help="The evidence that `sluis audit evidence export` wrote")],
        covenant: Annotated[
            Path | None, typer.Option(help="The covenant as you were given it: a bundle (.json) or a folder")
        ] = None,
        root: Annotated[Path | None, typer.Option(help="Or: the board's root file, with --from")] = None,
        source: Annotated[
            str | None, typer.Option("--from", help="Where signed covenants are: an address or a folder")
        ] = None,
        lang: Annotated[str, typer.Option(help="nl or en")] = "en",
        as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text")] = False,
    ) -> None:
        """Check, without asking the log, that it signed two checkpoints that cannot both be true.

        Exit status: 0 it did, and the file proves it; 14 the log did not sign one of them; 76 the file does not show a
        contradiction; others as for every command.
        """
        spoken: Lang = "nl" if lang == "nl" else "en"
        try:
            if lang not in LANGS:
                raise InputError(Code.MALFORMED, "--lang is nl or en.")
            agreed = _covenant(covenant, root, source)
            found = verify_fork(read_evidence(_read(file, MAX_FILE)), agreed.log.verifier)
        except SluisError as error:
            if as_json:
                typer.echo(json.dumps({"proven": False, "code": error.code.value, "detail": error.detail}))
            else:
                typer.secho(say(_NOT_PROVEN, spoken), fg=typer.colors.YELLOW, err=True)
                show(error)
            raise typer.Exit(status_of(error)) from None
        _report(found, spoken, as_json=as_json)


def _report(found: Fork, lang: Lang, *, as_json: bool) -> None:
    first, second = found.first, found.second
    heads = [{"size": head.size, "root": b64(head.root)} for head in (first, second)]
    if as_json:
        typer.echo(json.dumps({"proven": True, "origin": first.origin, "heads": heads}))
        return
    typer.secho(say(_PROVEN, lang), fg=typer.colors.RED, bold=True)
    words = _SAME_SIZE if first.size == second.size else _OTHER_BEGINNING
    typer.echo(say(words, lang).format(origin=first.origin, size=first.size, larger=second.size))
    typer.echo(say(_MEANING, lang))
    for head in heads:
        typer.echo(f"  {head['size']:>12}  {head['root']}")


def _covenant(given: Path | None, root: Path | None, source: str | None) -> Covenant:
    if given is not None and root is None and source is None:
        return load_covenant(given) if given.is_dir() else Covenant.read(_read(given, MAX_BUNDLE))
    if given is None and root is not None and source is not None:
        with TemporaryDirectory() as scratch:
            return newest(pin(Path(scratch), root, source)).covenant
    raise InputError(Code.MALFORMED, "Give either --covenant, or --root and --from.")


def _read(path: Path, most: int) -> bytes:
    try:
        with path.open("rb") as stream:
            return stream.read(most + 1)
    except OSError as error:
        raise ConfigurationError(Code.SETTINGS_INVALID, f"{path} cannot be read: {error.strerror}.") from None
