# SPDX-License-Identifier: EUPL-1.2
"""``sluis agency preview``, and the same before a push: who could be told what, on which law, until when.

Not here: what is true (``preview.py``), its words (``preview_words.py``), the machine (``cli.py`` passes it).
"""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.markup import escape

from agency_client.command_line import HomeOption, JsonOption, print_json
from agency_client.looking import Looked, look, mark_shown, not_shown
from agency_client.machine import Machine
from agency_client.mapping import Mapping as ColumnMapping
from agency_client.preview import SEND_RULE, PushKind, preview, sendable
from agency_client.preview_words import Language, preview_json, show_preview
from agency_client.push import Constants, settle_mappings
from agency_client.session import Session
from agency_client.wording import counted
from edge.cli import reported
from protocol.encoding import Json
from protocol.errors import Code, InputError, RefusedError, SluisError
from protocol.ids import PurposeId
from protocol.keys import KINDS

_LANGUAGES: Final[tuple[Language, ...]] = ("nl", "en")


def add_preview(app: typer.Typer, machine: Machine) -> None:
    """Add the command to the agency's commands."""

    @app.command("preview")
    @reported()
    def command(
        home: HomeOption,
        files: Annotated[
            list[Path] | None, typer.Argument(help="Of these records; else of any.", dir_okay=False, exists=True)
        ] = None,
        mapping: Annotated[Path | None, typer.Option(help="As for push.")] = None,
        purpose: Annotated[str | None, typer.Option(help="Only this purpose; of files as for push.")] = None,
        grounds: Annotated[str | None, typer.Option(help="As for push.")] = None,
        basis: Annotated[str | None, typer.Option(help="As for push.")] = None,
        urgency: Annotated[str | None, typer.Option(help="normal or urgent.")] = None,
        language: Annotated[str, typer.Option(help="nl or en.")] = "en",
        as_json: JsonOption = False,
    ) -> None:
        """Show who could be told what of your signals, on which law and until when. Nothing is sent."""
        spoken = _language(language)
        with machine.opened(home) as session:
            if not files:
                kinds = _any_records(session, purpose, urgency)
                _show(session, kinds, Looked(), machine.console(), spoken, as_json)
                return
            constants = Constants(purpose, grounds, basis, urgency)
            out = machine.notes() if as_json else machine.console()
            mappings, _ = settle_mappings(session, files, mapping, constants, out)
            show_look(session, look(session.intake(), mappings, Looked()), machine.console(), spoken, as_json=as_json)


def show_look(
    session: Session, looked: Looked, out: Console, language: Language = "en", *, as_json: bool = False
) -> None:
    """Print what a push of these files would send, and who could be told what of it."""
    if not as_json:
        _show_files(looked, out)
    _show(session, looked.pushed, looked, out, language, as_json)
    if not as_json:
        out.print("Nothing was sent. Names, numbers and dates never leave; only pseudonyms do.", highlight=False)


def approved(session: Session, files: Looked, out: Console, *, guessed: bool, yes: bool) -> bool:
    """Show what was never shown before, and ask at a terminal whether to go on; elsewhere it is shown and goes on."""
    shelf, covenant = session.vault.evidence, session.covenant
    fresh = not_shown(shelf, covenant, files.pushed)
    if fresh:
        out.print("A push of this kind is new under this covenant:", highlight=False)
        _show(session, fresh, files, out, "en", as_json=False)
    asking = sys.stdin.isatty() and not yes
    if asking and (fresh or guessed) and not typer.confirm("Is that right?", err=True):
        return False
    mark_shown(shelf, covenant, fresh)
    return True


def looked_at(session: Session, mappings: Mapping[Path, ColumnMapping]) -> Looked:
    """Return what a push of these files would be, as far as they can be read.

    What is broken, the push itself says, after what is good was sent.
    """
    looked = Looked()
    try:
        look(session.intake(), mappings, looked)
    except SluisError:
        return looked
    return looked


def _any_records(session: Session, purpose: str | None, urgency: str | None) -> Sequence[PushKind]:
    if urgency not in (None, "normal", "urgent"):
        raise InputError(Code.MALFORMED, "--urgency is normal or urgent.")
    covenant = session.covenant
    names = (PurposeId(purpose),) if purpose is not None else sendable(covenant, session.me.id)
    if not names:
        raise RefusedError(Code.POLICY_REFUSED, "Your kind of agency signals for no purpose.", rule=SEND_RULE)
    purposes = {name: covenant.purpose(name) for name in names}
    return [
        PushKind(name, frozenset(found.key_kinds), "urgent" if (urgency or found.urgency) == "urgent" else "normal")
        for name, found in purposes.items()
    ]


def _show(
    session: Session, kinds: Sequence[PushKind], looked: Looked, out: Console, language: Language, as_json: bool
) -> None:
    engine, now = session.engine, session.clock()
    found = [preview(kind, session.me.id, engine, now) for kind in kinds]
    if as_json:
        files: list[Json] = [
            {
                "file": file.name,
                "rows": file.taken.rows,
                "signals": file.signals,
                "quarantined": file.taken.quarantined,
                "partly": file.taken.partly,
                "pseudonyms": {str(kind): count for kind, count in sorted(file.kinds.items())},
            }
            for file in looked.files
        ]
        previews: list[Json] = [dict(preview_json(one)) for one in found]
        print_json({"files": files, "previews": previews})
        return
    for one in found:
        show_preview(out, one, language, looked.informed)


def _show_files(looked: Looked, out: Console) -> None:
    for file in looked.files:
        rows, sent = counted(file.taken.rows, "row"), counted(file.signals, "signal")
        out.print(f"{escape(file.name)}: {rows}, {sent} would be sent.", highlight=False)
        if file.taken.quarantined or file.taken.partly:
            out.print(
                f"  {counted(file.taken.quarantined, 'row')} not, {file.taken.partly:,} in part: "
                f"{escape(str(file.quarantine))}",
                highlight=False,
            )
        for kind, count in file.kinds.most_common():
            out.print(f"  {counted(count, 'pseudonym')} of {KINDS[kind].en}", highlight=False)


def _language(text: str) -> Language:
    found = next((one for one in _LANGUAGES if one == text), None)
    if found is None:
        raise InputError(Code.MALFORMED, "--language is nl or en.")
    return found
