# SPDX-License-Identifier: EUPL-1.2
"""``sluis audit check-pack``: does an evidence pack hold? Offline, or with the board's signed covenants.

Not here: the check itself (``packs.py``).
"""

import json
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Final

import typer

from auditor.pack_words import WORDS
from auditor.packs import CheckedPack, CovenantOf, check_pack, from_board, from_file, read_raw
from edge.cli import exit_status, show
from edge.covenant_watch import newest, pin
from edge.findings import FINDINGS
from edge.languages import LANGS, Lang, listed, say
from edge.pack_pages import total_of
from edge.problems import plain
from protocol.backdating import Seen
from protocol.encoding import Json, format_time
from protocol.errors import Code, InputError, SluisError, VerificationError

NOT_HELD: Final = FINDINGS[Code.PACK_INVALID]
"""Exit status of a pack that does not hold, whatever of it."""


def add_check_pack(app: typer.Typer) -> None:
    """Add the command to the auditor's."""

    @app.command("check-pack")
    def command(
        pack: Annotated[Path, typer.Argument(help="The evidence pack (a .zip that `sluis audit export` wrote)")],
        covenant: Annotated[
            Path | None,
            typer.Option(help="The covenant it was exported under, as you were given it: a bundle (.json) or a folder"),
        ] = None,
        root: Annotated[Path | None, typer.Option(help="Or: the board's root file, with --from")] = None,
        source: Annotated[
            str | None, typer.Option("--from", help="Where signed covenants are: an address or a folder")
        ] = None,
        keep: Annotated[
            Path | None, typer.Option(help="Remember the signed covenants in this folder", file_okay=False)
        ] = None,
        lang: Annotated[str, typer.Option(help="nl or en")] = "en",
        as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text")] = False,
    ) -> None:
        """Check that an evidence pack is as it was signed, and that the log proves every entry of it.

        Exit status: 0 it holds; 18 it does not; 15 too few witnesses confirmed the log; others as for every command.
        """
        spoken: Lang = "nl" if lang == "nl" else "en"
        try:
            if lang not in LANGS:
                raise InputError(Code.MALFORMED, "--lang is nl or en.")
            with _covenants(covenant, root, source, keep) as covenant_of:
                found = check_pack(read_raw(pack), covenant_of)
        except SluisError as error:
            _report_failure(error, spoken, as_json=as_json)
            raise typer.Exit(_status(error)) from None
        _report(found, spoken, as_json=as_json)


@contextmanager
def _covenants(
    covenant: Path | None, root: Path | None, source: str | None, keep: Path | None
) -> Generator[CovenantOf, None, None]:
    if (covenant is None) == (root is None) or (root is None) != (source is None):
        raise InputError(Code.MALFORMED, "Give either --covenant, or --root and --from.")
    if covenant is not None:
        yield from_file(covenant)
    elif root is not None and source is not None:
        with TemporaryDirectory() as scratch:
            trust = pin(keep or Path(scratch), root, source)
            newest(trust)
            yield from_board(trust)


def _status(error: SluisError) -> int:
    if error.code is Code.QUORUM_MISSING:
        return FINDINGS[error.code]
    if isinstance(error, VerificationError) and error.code not in (Code.COVENANT_UNTRUSTED, Code.COVENANT_EXPIRED):
        return NOT_HELD
    return exit_status(error.code)


def _report(found: CheckedPack, lang: Lang, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(_json(found)))
        return
    content = found.pack.content
    manifest, head = content.manifest, content.cosigned.checkpoint
    erased = sum(one.erased_by is not None for one in content.entries)
    typer.secho(say(WORDS["holds"], lang), fg=typer.colors.GREEN)
    lines = [
        _said("signed", lang, agency=manifest.agency, key=found.pack.key_id),
        _said(
            "entries",
            lang,
            count=len(content.entries),
            begins=format_time(manifest.begins),
            ends=format_time(manifest.ends),
            origin=head.origin,
        ),
        _said(
            "witnesses",
            lang,
            names=listed(content.cosigned.cosigners, lang),
            at=format_time(Seen.of(content.cosigned).at),
        ),
        _said("export", lang, index=listed(list(map(str, manifest.exports)), lang)),
        *([_said("erased", lang, count=erased)] if erased else []),
        _said("table", lang),
        _said("pages" if found.pages_compared else "pages-not", lang),
        *([_said("versions-unknown", lang, versions=", ".join(found.unknown))] if found.unknown else []),
        *([_said("versions-false", lang, versions=", ".join(found.unsigned))] if found.unsigned else []),
        *([] if found.unknown or found.unsigned else [_said("versions-signed", lang)]),
        _said("limits", lang),
    ]
    for line in lines:
        typer.echo(f"  {plain(line)}")


def _said(name: str, lang: Lang, **values: object) -> str:
    return say(WORDS[name], lang).format(**values)


def _json(found: CheckedPack) -> dict[str, Json]:
    content = found.pack.content
    manifest, head = content.manifest, content.cosigned.checkpoint
    return {
        "holds": True,
        "agency": manifest.agency,
        "person": manifest.person,
        "logPurpose": manifest.log_purpose,
        "begins": format_time(manifest.begins),
        "ends": format_time(manifest.ends),
        "exportedAt": format_time(manifest.exported_at),
        "entries": len(content.entries),
        "erased": sum(one.erased_by is not None for one in content.entries),
        "operations": dict(total_of(content.entries)),
        "origin": head.origin,
        "size": head.size,
        "cosigners": list(content.cosigned.cosigners),
        "pagesCompared": found.pages_compared,
        "covenantsUnsigned": list(found.unsigned),
        "covenantsUnknown": list(found.unknown),
    }


def _report_failure(error: SluisError, lang: Lang, *, as_json: bool) -> None:
    if as_json:
        answer: Json = {"holds": False, "code": error.code.value, "detail": error.detail, "hint": error.hint}
        typer.echo(json.dumps(answer))
        return
    if _status(error) == NOT_HELD:
        typer.secho(say(WORDS["not"], lang), fg=typer.colors.RED, bold=True, err=True)
    elif error.code is Code.QUORUM_MISSING:
        typer.secho(say(WORDS["unsure"], lang), fg=typer.colors.YELLOW, err=True)
    show(error)
