# SPDX-License-Identifier: EUPL-1.2
"""``sluis audit check``: whether receipts hold, offline, and in plain words what they prove.

Not here: what holds (``checking.py``), the words (``receipt_words.py``, ``receipt_page.py``).
"""

import json
import textwrap
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Final

import typer

from auditor.checking import Covenants, GivenCovenants, Proven, SignedCovenants, check_receipt
from auditor.receipt_page import Looked, closing, headline, receipts_page
from auditor.receipt_words import facts_of, seen_at
from edge.cli import exit_status, reported
from edge.covenant_trust import ROOT, CovenantTrust
from edge.covenant_watch import FOLDER, newest, pin
from edge.files import put_file
from edge.findings import FINDINGS
from edge.languages import LANGS, Lang
from edge.problems import plain
from protocol.covenant import Covenant
from protocol.encoding import Json, format_time
from protocol.errors import Code, ConfigurationError, InputError, SluisError
from protocol.note import b64
from protocol.tlog_proof import MAX_FILE

WRONG: Final = {
    Code.CHECKPOINT_INVALID: FINDINGS[Code.CHECKPOINT_INVALID],
    Code.QUORUM_MISSING: FINDINGS[Code.QUORUM_MISSING],
    Code.MALFORMED: 20,
    Code.TOO_LARGE: 20,
    Code.RECEIPT_INVALID: 21,
    Code.PROOF_INVALID: 22,
    Code.LOG_UNKNOWN: 23,
    Code.COVENANT_UNTRUSTED: 24,
}
"""Exit statuses of what can be wrong with a receipt, so that programs can tell them apart; 14 and 15 are those of
``verify``. Everything else ends with the status that all commands share."""
_WIDTH: Final = 100
_NAMES: Final = 40
"""Columns of what facts are called; a longer name gets a line of its own."""


def add_check(app: typer.Typer) -> None:
    """Add the command to the auditor's."""

    @app.command("check")
    @reported()
    def command(
        files: Annotated[list[Path], typer.Argument(help="Receipts: files that end in .tlog-proof.", dir_okay=False)],
        covenant: Annotated[
            list[Path] | None,
            typer.Option(help="The covenant's file (covenant.json); again for each version.", dir_okay=False),
        ] = None,
        root: Annotated[
            Path | None, typer.Option(help="Instead: the covenant board's root file, whose fingerprint you compared.")
        ] = None,
        source: Annotated[
            str | None, typer.Option("--from", help="With --root: where signed covenants are, an address or a folder.")
        ] = None,
        keep: Annotated[
            Path | None,
            typer.Option(
                help="With --root: remember the covenant in this folder; without --from, use only what is in it.",
                file_okay=False,
            ),
        ] = None,
        lang: Annotated[str, typer.Option(help="nl or en.")] = "en",
        html: Annotated[
            Path | None, typer.Option(help="Write a page for people to this file, in both languages.", dir_okay=False)
        ] = None,
        as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")] = False,
    ) -> None:
        """Check receipts offline, with only the covenant's public keys, and say in plain words what they prove.

        Exit status: 0 all hold; of the first that does not: 14 a signature under the log's state is not genuine; 15 too
        few witnesses; 20 no receipt; 21 what it says cannot be read; 22 what it says does not stand in the log;
        23 another log; 24 a covenant that is not the board's. Others as for every command (75: the covenant's source
        cannot be reached, or its signatures expired; 76, 78: the covenant cannot be believed or used).
        """
        chosen = _lang(lang)
        with _believed(covenant, root, source, keep) as (covenants, given):
            looked = [Looked(file.name, _look(file, covenants)) for file in files]
        lacking = any(isinstance(one.found, Proven) and one.found.covenant is None for one in looked)
        if html is not None:
            put_file(html, receipts_page(looked, given, lacking=lacking).encode(), mode=0o600)
        if as_json:
            typer.echo(json.dumps(_json(looked, given), ensure_ascii=False))
        else:
            _print(looked, closing(looked, given, chosen, lacking=lacking), chosen)
        failed = next((one.found for one in looked if isinstance(one.found, SluisError)), None)
        if failed is not None:
            raise typer.Exit(WRONG.get(failed.code) or exit_status(failed.code))


@contextmanager
def _believed(
    files: list[Path] | None, root: Path | None, source: str | None, keep: Path | None
) -> Generator[tuple[Covenants, Sequence[Covenant]], None, None]:
    """Yield the covenants to believe, and those of them whose signatures nobody checked."""
    if files and root is None and source is None and keep is None:
        found = GivenCovenants(files)
        yield found, found.all()
        return
    if files or root is None or (source is None and keep is None):
        raise InputError(
            Code.MALFORMED,
            "Say which covenant to believe.",
            hint="--covenant FILE; or --root ROOT.json with --from SOURCE, or with --keep FOLDER of an earlier time.",
        )
    if source is None and keep is not None:
        kept = CovenantTrust.open(keep / FOLDER)
        pin(keep, root, kept.source)
        # Its own folder is the source: nobody is asked.
        trust = CovenantTrust(kept.folder, (kept.folder / ROOT).read_bytes(), str(kept.folder))
        yield SignedCovenants(trust, trust.load().covenant), ()
        return
    with _home(keep) as home:
        trust = pin(home, root, source or "")
        yield SignedCovenants(trust, newest(trust).covenant), ()


@contextmanager
def _home(keep: Path | None) -> Generator[Path, None, None]:
    if keep is not None:
        yield keep
        return
    with TemporaryDirectory() as scratch:
        yield Path(scratch)


def _look(file: Path, covenants: Covenants) -> Proven | SluisError:
    try:
        with file.open("rb") as stream:
            raw = stream.read(MAX_FILE + 1)
    except OSError as error:
        return ConfigurationError(Code.SETTINGS_INVALID, f"{file.name} cannot be read: {error.strerror}.")
    try:
        return check_receipt(raw, covenants)
    except SluisError as error:
        return error


def _lang(text: str) -> Lang:
    for known in LANGS:
        if text == known:
            return known
    raise InputError(Code.MALFORMED, "There is no such language.", hint="--lang nl, or --lang en.")


def _print(looked: Sequence[Looked], about: Sequence[str], lang: Lang) -> None:
    for one in looked:
        good = isinstance(one.found, Proven)
        colour = typer.colors.GREEN if good else typer.colors.RED
        typer.secho(plain(f"{one.name}: {headline(one, lang)}"), fg=colour, bold=not good)
        for line in _lines(one, lang):
            typer.echo(line)
        typer.echo()
    for text in about:
        typer.echo("\n".join(textwrap.wrap(text, _WIDTH)))


def _lines(looked: Looked, lang: Lang) -> Iterator[str]:
    if not isinstance(looked.found, Proven):
        yield f"  {plain(str(looked.found))}"
        return
    for name, said in facts_of(looked.found, lang):
        # What a receipt says is its maker's text: nothing in it may speak to the terminal.
        head = f"  {name:<{_NAMES}} "
        indent = " " * (_NAMES + 3)
        wrapped = textwrap.wrap(plain(said), _WIDTH - len(indent)) or [""]
        if len(name) > _NAMES:
            yield f"  {name}"
            head = indent
        yield head + wrapped[0]
        yield from (indent + rest for rest in wrapped[1:])


def _json(looked: Sequence[Looked], given: Sequence[Covenant]) -> Json:
    return {
        "holds": all(isinstance(one.found, Proven) for one in looked),
        "unsignedCovenants": [one.sha256 for one in given],
        "receipts": [_one(one) for one in looked],
    }


def _one(looked: Looked) -> Json:
    if not isinstance(looked.found, Proven):
        error = looked.found
        return {"file": looked.name, "holds": False, "code": error.code.value, "detail": error.detail}
    receipt = looked.found.receipt
    event, head = receipt.event, receipt.cosigned.checkpoint
    subject = event.subject
    return {
        "file": looked.name,
        "holds": True,
        "event": type(event).__name__,
        "operation": event.OPERATION,
        "at": format_time(event.act.time),
        "agency": event.act.agency,
        "recipient": event.act.recipient,
        "purpose": event.act.purpose,
        "basis": event.act.basis,
        "decision": event.act.decision,
        "covenant": {
            "version": event.act.covenant.version,
            "sha256": event.act.covenant.sha256,
            "known": looked.found.covenant is not None,
        },
        "subjectLeftOut": receipt.erased,
        "signals": [str(one) for one in subject.signal_ids],
        "hit": None if subject.hit_id is None else str(subject.hit_id),
        "index": receipt.index,
        "log": head.origin,
        "size": head.size,
        "root": b64(head.root),
        "witnesses": list(receipt.cosigned.cosigners),
        "seenAt": format_time(seen_at(looked.found)),
        "keysOf": {"version": receipt.terms.version, "sha256": receipt.terms.sha256},
        "words": {lang: [list(fact) for fact in facts_of(looked.found, lang)] for lang in LANGS},
    }
