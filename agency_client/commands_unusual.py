# SPDX-License-Identifier: EUPL-1.2
"""``sluis audit unusual``, also ``sluis agency unusual``: whose use is worth a look, and why; no accusation.

Not here: what is true (``unusual.py``) and listed (``unusual_list.py``).
"""

import asyncio
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Annotated, Final

import typer
from rich.markup import escape
from rich.progress import Progress
from rich.table import Table

from agency_client.budgets import known_budgets, scarcest
from agency_client.command_line import HomeOption, print_json
from agency_client.commands_audit_search import (
    JsonOption,
    LangOption,
    PersonOption,
    RoleOption,
    WhyOption,
    inquiry_of,
    lang_of,
    moment_of,
)
from agency_client.machine import Machine
from agency_client.searching import Inquiry
from agency_client.session import Session, online
from agency_client.unusual_list import CANARY, Listed, in_order, of_broker, of_budgets, of_canaries, of_findings, of_own
from edge.charts import number_of
from edge.cli import reported
from edge.event_words import UNUSUAL_SAID
from edge.languages import Lang, Pair, say
from protocol.encoding import Json, format_time
from protocol.event_search import EventFilters
from protocol.ids import PartyId, PurposeId

DAYS: Final = 31
_NOTHING: Final[Pair] = ("Niets ongewoons gevonden.", "Nothing unusual was found.")
_HEADS: Final[tuple[Pair, ...]] = (
    ("Wanneer", "When"),
    ("Wie", "Who"),
    ("Doel", "Purpose"),
    ("Waarom", "Why"),
    ("Hoeveel", "How many"),
    ("Grens", "Limit"),
)
_HOUR: Final[Pair] = ("{day}, uur van {hour} UTC", "{day}, hour of {hour} UTC")
_PERSON: Final[Pair] = ("{agency}, {person}", "{agency}, {person}")
_COUNTS: Final[Pair] = (
    "Alleen aantallen: een drukke dag kan heel goede redenen hebben. Vraag het na.",
    "Counts only: there are good reasons for a busy day. Ask.",
)
_LOGGED: Final[Pair] = (
    "Dat u dit las staat in het logboek.",
    "That you read this stands in the log.",
)


def add_unusual(app: typer.Typer, machine: Machine) -> None:
    """Add ``unusual`` to an app's commands."""
    app.command("unusual")(reported()(_listing(machine)))


def _listing(machine: Machine) -> Callable[..., None]:
    def unusual(
        home: HomeOption,
        log_purpose: WhyOption,
        since: Annotated[str | None, typer.Option(help=f"From this day on, UTC; default {DAYS} days ago.")] = None,
        reader: PersonOption = None,
        role: RoleOption = None,
        lang: LangOption = "en",
        as_json: JsonOption = False,
    ) -> None:
        """Show whose use is worth a look, and why: counts above the covenant's limits, no accusation.

        A supervisor sees what the broker wrote in the log about each agency, and who touched its canaries. A privacy
        officer sees its own agency's use, counted here from what its own entries record: bursts, odd hours, one
        employee who looked at many people, a budget near its end.
        """
        tongue = lang_of(lang)
        with machine.opened(home) as session:
            begins = moment_of(since, "--since") or session.clock() - timedelta(days=DAYS - 1)
            begins = begins.replace(hour=0, minute=0, second=0, microsecond=0)
            inquiry = inquiry_of(machine, session, EventFilters(), log_purpose, reader, role)
            found = in_order(asyncio.run(_read(session, machine, inquiry, begins)))
            if as_json:
                print_json({"unusual": [_json(one) for one in found]})
                return
            _show(machine, session, found, tongue)

    return unusual


async def _read(session: Session, machine: Machine, inquiry: Inquiry, begins: datetime) -> list[Listed]:
    bounds, since = session.covenant.terms.unusual, begins.date()
    async with online(session, asyncio.sleep) as doors:
        if session.kind == "supervisor":
            # Its notices first: what they say of canaries is part of the list.
            await doors.reading.read()
            said = await doors.unusual.read(since, inquiry.log_purpose, person=inquiry.person, role=inquiry.role)
            return [*of_broker(said), *of_canaries(session.vault, since)]
        await doors.trail.advance()
        with Progress(console=machine.notes(), disable=not sys.stderr.isatty(), transient=True) as bar:
            task = bar.add_task("Reading the log", total=None)
            own = await of_own(
                doors.searching,
                inquiry,
                begins,
                bounds,
                lambda done, total: bar.update(task, completed=done, total=total),
            )
    now = session.clock()
    budgets = of_budgets(scarcest(known_budgets(session.vault.evidence, now)), bounds, now.date())
    return of_findings([*own, *budgets], session.me.id)


# --- Output -----------------------------------------------------------------------------------------------------------


def _show(machine: Machine, session: Session, found: list[Listed], lang: Lang) -> None:
    out = machine.console()
    if not found:
        out.print(say(_NOTHING, lang))
    else:
        table, name_of = Table(*(say(head, lang) for head in _HEADS), box=None), session.vault.evidence.people()
        for one in found:
            table.add_row(*(escape(cell) for cell in _cells(session, one, name_of, lang)))
        out.print(table)
        out.print(say(_COUNTS, lang), style="dim")
    out.print(say(_LOGGED, lang), style="dim")


def _cells(session: Session, one: Listed, name_of: Callable[[str], str | None], lang: Lang) -> tuple[str, ...]:
    when = one.day.isoformat()
    if one.hour is not None:
        when = say(_HOUR, lang).format(day=when, hour=f"{one.hour:%H:%M}")
    who = _agency(session, one.agency, lang)
    if one.person is not None:
        who = say(_PERSON, lang).format(agency=who, person=name_of(one.person) or one.person)
    limit = "" if one.reason == CANARY else number_of(one.limit, lang)
    why = say(UNUSUAL_SAID[one.reason], lang)
    return when, who, _purpose(session, one.purpose, lang), why, number_of(one.count, lang), limit


def _agency(session: Session, name: PartyId, lang: Lang) -> str:
    found = session.covenant.find(name)
    return name if found is None else str(getattr(found.title, lang))


def _purpose(session: Session, name: PurposeId, lang: Lang) -> str:
    found = session.covenant.purposes.get(name)
    return name if found is None else str(getattr(found.title, lang))


def _json(one: Listed) -> dict[str, Json]:
    row: dict[str, Json] = {
        "day": one.day.isoformat(),
        "agency": one.agency,
        "purpose": one.purpose,
        "reason": one.reason,
        "nl": say(UNUSUAL_SAID[one.reason], "nl"),
        "en": say(UNUSUAL_SAID[one.reason], "en"),
        "count": one.count,
        "limit": one.limit,
    }
    if one.hour is not None:
        row["hour"] = format_time(one.hour)
    if one.person is not None:
        row["person"] = one.person
    if one.entry is not None:
        row["entry"] = one.entry
    return row
