# SPDX-License-Identifier: EUPL-1.2
"""``sluis audit search`` and ``show``: the log's entries that an agency may see, each proven here.

Not here: what is true and what may be seen (``searching.py``), an entry in words (``event_sentences.py``),
following (``commands_audit_tail.py``).
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Collection
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Annotated, Final, Literal, cast, get_args
from uuid import UUID

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress
from rich.table import Table

from agency_client.actors import actors
from agency_client.command_line import HomeOption, print_json
from agency_client.event_sentences import entry_json, headline, lines_of, proof_words
from agency_client.machine import Machine
from agency_client.searching import Inquiry, SeenEntry, SeenPage
from agency_client.session import Online, Session, online
from edge.cli import reported
from edge.languages import LANGS, Lang, say
from protocol.encoding import Json
from protocol.errors import Code, InputError, NotFoundError
from protocol.event_search import MAX_PAGE, OPERATIONS, EventFilters, Operation
from protocol.ids import PartyId, PurposeId
from protocol.policy import LogPurpose, PersonRole

SHOWN: Final = 200
"""Entries of one command unless more is asked: what somebody can look through."""
_REASONS: Final = tuple(one for one in get_args(LogPurpose) if one != "none")
_DAY: Final = len("2026-11-22")

WhyOption = Annotated[
    str,
    typer.Option("--log-purpose", help=f"Why you read the log; the law permits four reasons: {', '.join(_REASONS)}."),
]
PersonOption = Annotated[
    str | None, typer.Option("--as", help="Who reads; default the logged-in user. Only a keyed hash of it leaves.")
]
RoleOption = Annotated[
    str | None, typer.Option(help="What you are here; default privacy-officer, or supervisor at a supervisor.")
]
LangOption = Annotated[str, typer.Option(help="nl or en.")]
JsonOption = Annotated[bool, typer.Option("--json", help="For programs: one JSON document, or with tail one a line.")]


def add_search(app: typer.Typer, machine: Machine) -> None:
    """Add ``search`` and ``show`` to the audit commands."""
    app.command("search")(reported()(_searching(machine)))
    app.command("show")(reported()(_showing(machine)))


def _searching(machine: Machine) -> Callable[..., None]:
    def search(
        home: HomeOption,
        log_purpose: WhyOption,
        since: Annotated[
            str | None, typer.Option("--from", help="From this day (2026-11-01) or moment on, UTC.")
        ] = None,
        until: Annotated[str | None, typer.Option(help="Up to and with this day, or before this moment, UTC.")] = None,
        operation: Annotated[str | None, typer.Option(help=f"One of: {', '.join(OPERATIONS)}.")] = None,
        purpose: Annotated[str | None, typer.Option(help="Only this purpose of the covenant.")] = None,
        person: Annotated[str | None, typer.Option(help="Acts of this employee of yours, by login name.")] = None,
        reference: Annotated[
            str | None, typer.Option(help="Acts of the employee with this reference; with --agency when of another.")
        ] = None,
        agency: Annotated[str | None, typer.Option(help="Who acted, was told, or was matched.")] = None,
        decision: Annotated[str | None, typer.Option(help="allow or deny.")] = None,
        hit: Annotated[str | None, typer.Option(help="Entries about this hit: its number, or how it begins.")] = None,
        signal: Annotated[str | None, typer.Option(help="Entries about this signal, by its id.")] = None,
        after: Annotated[int | None, typer.Option(help="Only entries behind this place in the log.", min=0)] = None,
        everything: Annotated[bool, typer.Option("--all", help=f"All that fit, not only the first {SHOWN}.")] = False,
        reader: PersonOption = None,
        role: RoleOption = None,
        lang: LangOption = "en",
        as_json: JsonOption = False,
    ) -> None:
        """Look for entries of the log: what your agency did, was told, or what concerns it. Your reading is logged too.

        Each entry that you see was proven here: it stands in the log that enough key-holders confirmed, and it says
        what is shown. A supervisor sees everybody's, by its mandate.

        Examples: all refusals of this month: `--from 2026-11-01 --decision deny`. Who opened a hit: `--hit 0197a1f0
        --operation consultation`. What one employee did: `--person j.jansen`.
        """
        tongue = lang_of(lang)
        with machine.opened(home) as session:
            filters = EventFilters(
                since=moment_of(since, "--from"),
                until=moment_of(until, "--until", end=True),
                operation=cast("Operation | None", _one_of(operation, OPERATIONS, "--operation")),
                purpose=None
                if purpose is None
                else PurposeId(_one_of(purpose, session.covenant.purposes, "--purpose")),
                person=reference if person is None else session.person(person),
                agency=None if agency is None else PartyId(_one_of(agency, _agencies(session), "--agency")),
                decision=cast("Literal['allow', 'deny'] | None", _one_of(decision, ("allow", "deny"), "--decision")),
                hit=None if hit is None else _hit(session, hit),
                signal=None if signal is None else _uuid(signal, "--signal"),
            )
            inquiry = inquiry_of(machine, session, filters, log_purpose, reader, role)
            pages = asyncio.run(_pages(session, machine, inquiry, after, SHOWN if not everything else None))
            entries = [entry for page in pages for entry in page.entries]
            more = pages[-1].next if pages else None
            if as_json:
                print_json(_document(pages, entries, more))
            else:
                _show_found(machine.console(), session, pages, entries, more, tongue)

    return search


def _showing(machine: Machine) -> Callable[..., None]:
    def show_entry(
        home: HomeOption,
        index: Annotated[
            int, typer.Argument(help="The entry's place in the log, as `search` and receipts give it.", min=0)
        ],
        log_purpose: WhyOption,
        reader: PersonOption = None,
        role: RoleOption = None,
        lang: LangOption = "en",
        as_json: JsonOption = False,
    ) -> None:
        """Show one entry in plain words: who, when, what, why, by which rule and law, and how it is proven."""
        tongue = lang_of(lang)
        with machine.opened(home) as session:
            inquiry = inquiry_of(machine, session, EventFilters(index=index), log_purpose, reader, role)
            (page,) = asyncio.run(_pages(session, machine, inquiry, None, 1))
            if not page.entries:
                raise NotFoundError(
                    Code.NOT_FOUND,
                    f"There is no entry {index} in the log that you may see.",
                    hint="An agency sees its own acts, what it was told, and openings of hits with its signals.",
                )
            if as_json:
                print_json(_document([page], list(page.entries), None))
                return
            rules, entry = session.engine.rules, page.entries[0]
            name_of = actors(session.vault, tongue)(entry.index)
            grid = Table.grid(padding=(0, 2))
            for label, text in lines_of(entry, page.cosigned, session.covenant, rules, name_of, tongue):
                grid.add_row(f"[bold]{escape(label)}[/]", escape(text))
            machine.console().print(grid)

    return show_entry


async def _pages(
    session: Session, machine: Machine, inquiry: Inquiry, after: int | None, wanted: int | None
) -> list[SeenPage]:
    """Read page by page until there is no more, or as many as are wanted."""
    pages: list[SeenPage] = []
    with Progress(console=machine.notes(), disable=not sys.stderr.isatty(), transient=True) as bar:
        task = bar.add_task("Reading the log", total=None)
        async with online(session, asyncio.sleep) as doors:
            await doors.trail.advance()
            async for page in _each_page(doors, inquiry, after, wanted):
                pages.append(page)
                done = page.through if page.next is None else page.next + 1
                bar.update(task, completed=done, total=page.through)
    return pages


async def _each_page(doors: Online, inquiry: Inquiry, after: int | None, wanted: int | None) -> AsyncIterator[SeenPage]:
    left = wanted
    while left is None or left > 0:
        page = await doors.searching.page(inquiry, after, MAX_PAGE if left is None else min(MAX_PAGE, left))
        yield page
        if page.next is None:
            return
        after = page.next
        left = None if left is None else left - len(page.entries)


# --- Output -----------------------------------------------------------------------------------------------------------


def _show_found(
    out: Console, session: Session, pages: list[SeenPage], entries: list[SeenEntry], more: int | None, lang: Lang
) -> None:
    tell = partial(say, lang=lang)
    if not entries:
        out.print(tell(("Geen regel past hierbij die u mag zien.", "No entry fits that you may see.")))
        hint = (
            "Een instantie ziet wat zij zelf deed, wat haar is verteld, en wie een treffer met haar signaal inzag.",
            "An agency sees what it did itself, what it was told, and who opened a hit with its signal.",
        )
        out.print(tell(hint), style="dim")
    else:
        heads = (("Regel", "Entry"), ("Wanneer", "When"), ("Wie", "Who"), ("Wat", "What"), ("Doel", "Purpose"))
        table = Table(*(tell(head) for head in heads), box=None)
        table.columns[0].justify = "right"
        for entry in entries:
            table.add_row(*(escape(one) for one in headline(entry, session.covenant, lang)))
        out.print(table)
    page = pages[-1]
    proof = proof_words(page.cosigned, session.covenant, lang)
    out.print(f"{tell(('Alles', 'All'))} {proof}.", style="dim", highlight=False)
    if more is not None:
        text = (f"Er is meer: --after {more} of --all.", f"There is more: --after {more}, or --all.")
        out.print(tell(text), style="yellow", highlight=False)
    logged = (f"Dat u dit las, staat in het logboek (regel {page.reading:,}).",
              f"That you read this stands in the log (entry {page.reading:,}).")  # fmt: skip
    out.print(tell(logged), style="dim", highlight=False)


def _document(pages: list[SeenPage], entries: list[SeenEntry], more: int | None) -> dict[str, Json]:
    page = pages[-1]
    return {
        "entries": [entry_json(entry) for entry in entries],
        "next": more,
        "through": page.through,
        "readings": [one.reading for one in pages],
        "proof": {"size": page.cosigned.checkpoint.size, "cosigners": list(page.cosigned.cosigners)},
    }


# --- Input ------------------------------------------------------------------------------------------------------------


def inquiry_of(
    machine: Machine, session: Session, filters: EventFilters, why: str, reader: str | None, role: str | None
) -> Inquiry:
    """Return what is asked, why, and as whom. Raises ``InputError``."""
    _one_of(why, _REASONS, "--log-purpose")
    chosen = role or ("supervisor" if session.kind == "supervisor" else "privacy-officer")
    _one_of(chosen, get_args(PersonRole), "--role")
    person = session.person(machine.person_of(reader))
    return Inquiry(filters, cast("LogPurpose", why), person, cast("PersonRole", chosen))


def _one_of(text: str | None, known: Collection[str], option: str) -> str:
    if text is not None and text not in known:
        raise InputError(Code.MALFORMED, f"{option} cannot be `{text}`.", hint=f"Choose from: {', '.join(known)}.")
    return cast("str", text)


def _agencies(session: Session) -> list[str]:
    return [agency.id for agency in session.covenant.agencies]


def lang_of(text: str) -> Lang:
    """Return the language. Raises ``InputError``."""
    return cast("Lang", _one_of(text, LANGS, "--lang"))


def moment_of(text: str | None, option: str, *, end: bool = False) -> datetime | None:
    """Return the moment, or the end of the day, that an option names. Raises ``InputError``."""
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise InputError(
            Code.MALFORMED, f"{option} is no day or moment.", hint="Write 2026-11-01, or 2026-11-01T08:30."
        ) from None
    found = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    return found + timedelta(days=1) if end and len(text) == _DAY else found


def _uuid(text: str, option: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise InputError(Code.MALFORMED, f"{option} is no id.") from None


def _hit(session: Session, text: str) -> UUID:
    """Return the hit of this number, or one that this agency was told of and that begins so."""
    found = [kept.id for kept in session.vault.hits.all() if str(kept.id).startswith(text.lower())]
    return UUID(str(found[0])) if len(found) == 1 else _uuid(text, "--hit")
