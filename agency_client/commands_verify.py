# SPDX-License-Identifier: EUPL-1.2
"""``sluis agency verify``, also ``sluis audit verify-own``: the whole log, and all of it that is this agency's.

Not here: what is verified (``checking.py``, ``own_entries.py``), and verifying as an outsider (``auditor``).
"""

import asyncio
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from agency_client.checking import Checked
from agency_client.command_line import HomeOption, print_json
from agency_client.commands_audit_search import inquiry_of, lang_of
from agency_client.machine import Machine
from agency_client.own_entries import OwnEntries, open_own
from agency_client.session import Session, online
from agency_client.vault.evidence import EvidenceShelf
from edge.cli import exit_status, reported
from edge.findings import show_finding, status_of
from edge.languages import Lang, Pair, listed, say
from protocol.backdating import Seen
from protocol.encoding import Json, format_time
from protocol.errors import Code, SluisError, VerificationError
from protocol.event_search import EventFilters

SHOWN: Final = 20
"""Erased entries that are listed; all are in the JSON."""

_HOLDS: Final[Pair] = (
    "Het logboek klopt: {size} regels {read}, medeondertekend door {cosigners}, op of na {at}.",
    "The log holds: {size} entries {read}, cosigned by {cosigners}, at or after {at}.",
)
_FROM_ZERO: Final[Pair] = ("vanaf de eerste", "from the first")
_ONWARD: Final[Pair] = (
    "(gelezen vanaf regel {place}; wat daarvoor staat is nagegaan met wat eerder klopte)",
    "(read from entry {place} on; what stands before was held against what held before)",
)
_RECEIPTS: Final[Pair] = (
    "Alle {count} regels die in dat stuk aan deze instantie zijn bewezen, staan erin.",
    "All {count} entries of that part that were proven to this agency stand in it.",
)
_OWN: Final[Pair] = (
    "Van wat deze instantie mag zien zijn {total} regels geopend: {fine} kloppen, van {erased} is iets gewist.",
    "Of what this agency may see, {total} entries were opened: {fine} are fine, something of {erased} was erased.",
)
_ERASED: Final[Pair] = ("regel {index} is gewist volgens regel {by}", "entry {index} was erased, as entry {by} tells")
_MORE: Final[Pair] = ("en nog {count}", "and {count} more")
_LEFT_OUT: Final[Pair] = (
    "Bij {count} daarvan, handelingen van anderen, mag deze instantie niet zien over wie het ging.",
    "Of {count} of them, acts of others, this agency may not see whom they were about.",
)
_UNSIGNED: Final[Pair] = (
    "{count} regels noemen een versie van het convenant die hier niet bekend is.",
    "{count} entries name a version of the covenant that is not known here.",
)
_UNRECEIPTED: Final[Pair] = (
    "Van {count} handelingen op naam van deze instantie is hier geen ontvangstbewijs: {places}. Ga na of een ander "
    "systeem van u ze deed; anders deed niemand ze.",
    "Of {count} acts in this agency's name there is no receipt here: {places}. Find out whether another system of "
    "yours did them; else nobody did.",
)
_WAITING: Final[Pair] = (
    "{count} verzoeken zijn nog niet medeondertekend of nog niet verzonden; daarover is niets vastgesteld.",
    "{count} requests are not yet cosigned, or not yet sent; nothing was concluded about them.",
)
_LEFT: Final[Pair] = (
    "{count} bevindingen hierboven wachten nog op u: --evidence-seen",
    "{count} findings above still wait for you: --evidence-seen",
)
_NOT_OPENED: Final[Pair] = (
    "Wat de eigen regels zeggen is niet opgevraagd: geef --log-purpose om ze te openen (dat wordt vastgelegd).",
    "What the own entries say was not asked for: give --log-purpose to open them (that is logged).",
)


@dataclass(frozen=True, slots=True)
class Verified:
    """The whole log, and the own entries when they were asked for."""

    checked: Checked
    own: OwnEntries | None


def add_verify(app: typer.Typer, machine: Machine, name: str = "verify") -> None:
    """Add the command under a name."""
    app.command(name)(reported()(_verifying(machine)))


def _verifying(machine: Machine) -> Callable[..., None]:
    def verify(
        home: HomeOption,
        log_purpose: Annotated[
            str | None,
            typer.Option(help="Also open the entries this agency may see, for one of the law's four reasons. Logged."),
        ] = None,
        onward: Annotated[
            bool, typer.Option("--onward", help="Read only what is new since the last verification of this home.")
        ] = False,
        evidence_seen: Annotated[
            bool, typer.Option("--evidence-seen", help="Go on after you looked at the findings; they are kept.")
        ] = False,
        reader: Annotated[str | None, typer.Option("--as", help="Who reads; default the logged-in user.")] = None,
        role: Annotated[str | None, typer.Option(help="What you are here; default privacy-officer.")] = None,
        lang: Annotated[str, typer.Option(help="nl or en.")] = "en",
        as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object, and words beside it.")] = False,
    ) -> None:
        """Verify the whole log from its first entry, and that all that was proven to this agency still stands in it.

        Exit status: 0 it holds; 10 altered; 11 forked; 12 rolled back; 13 incomplete; 14 checkpoint not valid; 15 not
        yet cosigned by enough witnesses; 16 backdated; 17 an entry is withheld; 19 an erasure is not proven;
        25 an act is told twice; 76 findings wait; others as for every command.
        """
        tongue: Lang = "en"
        try:
            tongue = lang_of(lang)
            with machine.opened(home) as session:
                out = machine.notes() if as_json else machine.console()
                _show_findings(session.vault.evidence, out)
                if evidence_seen:
                    seen = session.vault.evidence.mark_seen(session.clock())
                    out.print(f"{seen} findings marked as seen; they are kept.", highlight=False)
                found = _run(session, machine, log_purpose, reader, role, onward=onward)
                left = len(session.vault.evidence.findings(unseen_only=True))
                waiting = session.vault.outbox.count_open()
                if as_json:
                    print_json(_json(found, left, waiting))
                _show(out, found, left, waiting, tongue)
        except SluisError as error:
            show_finding(error, tongue)
            raise typer.Exit(status_of(error)) from None
        if left:
            raise typer.Exit(exit_status(Code.RECEIPT_INVALID))

    return verify


def _run(
    session: Session, machine: Machine, log_purpose: str | None, reader: str | None, role: str | None, *, onward: bool
) -> Verified:
    try:
        return asyncio.run(_verify(session, machine, log_purpose, reader, role, onward=onward))
    except VerificationError as error:
        session.vault.evidence.report(error.code, "whole log", error.detail, session.clock())
        raise


async def _verify(
    session: Session, machine: Machine, log_purpose: str | None, reader: str | None, role: str | None, *, onward: bool
) -> Verified:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    async with online(session, asyncio.sleep) as doors:
        with Progress(*columns, console=machine.notes(), disable=not sys.stderr.isatty(), transient=True) as bar:
            task = bar.add_task("Reading entries", total=None)

            def told(done: int, total: int) -> None:
                bar.update(task, completed=done, total=total)

            checked = await doors.checking.run(told, onward=onward)
            if log_purpose is None:
                return Verified(checked, None)
            inquiry = inquiry_of(machine, session, EventFilters(), log_purpose, reader, role)
            task = bar.add_task("Opening own entries", total=None)
            after = checked.read_from - 1 if checked.read_from else None
            known = session.vault.evidence.has_receipt
            return Verified(checked, await open_own(doors.searching, known, inquiry, after, checked.views, told))


def _show_findings(shelf: EvidenceShelf, out: Console) -> None:
    for finding in shelf.findings(unseen_only=True):
        out.print(f"[red]{finding.code}[/] {finding.found_at} {finding.place}: {finding.detail}", highlight=False)
        for title, note in (("ours", finding.ours), ("theirs", finding.theirs)):
            if note:
                out.print(f"  {title}:\n{note}", markup=False, highlight=False)


def _show(out: Console, found: Verified, left: int, waiting: int, lang: Lang) -> None:
    head, own = found.checked.head, found.own
    read = say(_ONWARD if found.checked.read_from else _FROM_ZERO, lang).format(place=found.checked.read_from)
    size, at = f"{head.checkpoint.size:,}", format_time(Seen.of(head).at)
    holds = say(_HOLDS, lang).format(size=size, read=read, cosigners=listed(head.cosigners, lang), at=at)
    out.print(holds, style="green", highlight=False, markup=False)
    lines = [say(_RECEIPTS, lang).format(count=f"{found.checked.receipts:,}")]
    if own is None:
        lines.append(say(_NOT_OPENED, lang))
    else:
        total, erased = own.fine + len(own.erased), own.erased
        lines.append(say(_OWN, lang).format(total=total, fine=own.fine, erased=len(erased)))
        lines += [f"  {say(_ERASED, lang).format(index=index, by=by)}" for index, by in erased[:SHOWN]]
        if len(erased) > SHOWN:
            lines.append(f"  {say(_MORE, lang).format(count=len(erased) - SHOWN)}")
        if own.left_out:
            lines.append(say(_LEFT_OUT, lang).format(count=own.left_out))
        if own.unreceipted:
            places = ", ".join(map(str, own.unreceipted[:SHOWN]))
            lines.append(say(_UNRECEIPTED, lang).format(count=len(own.unreceipted), places=places))
        if own.unsigned:
            lines.append(say(_UNSIGNED, lang).format(count=len(own.unsigned)))
    if waiting:
        lines.append(say(_WAITING, lang).format(count=waiting))
    for line in lines:
        out.print(line, highlight=False, markup=False)
    if left:
        out.print(say(_LEFT, lang).format(count=left), style="red", highlight=False)


def _json(found: Verified, left: int, waiting: int) -> dict[str, Json]:
    checked, own = found.checked, found.own
    answer: dict[str, Json] = {
        "size": checked.head.checkpoint.size,
        "readFrom": checked.read_from,
        "receipts": checked.receipts,
        "cosigners": list(checked.head.cosigners),
        "findings": left,
        "waiting": waiting,
    }
    if own is not None:
        answer["own"] = {
            "fine": own.fine,
            "leftOut": own.left_out,
            "erased": [{"index": index, "by": by} for index, by in own.erased],
            "covenantUnknown": list(own.unsigned),
            "withoutReceipt": list(own.unreceipted),
        }
    return answer
