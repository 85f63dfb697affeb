# SPDX-License-Identifier: EUPL-1.2
"""``sluis audit tail``: entries of the log that an agency may see, as they come, each proven here.

Not here: what is true and what may be seen (``searching.py``), an entry in words (``event_sentences.py``).
"""

import asyncio
from collections.abc import Callable
from typing import Annotated, Final

import typer

from agency_client.command_line import HomeOption, print_json
from agency_client.commands_audit_search import (
    JsonOption,
    LangOption,
    PersonOption,
    RoleOption,
    WhyOption,
    inquiry_of,
    lang_of,
)
from agency_client.event_sentences import entry_json, headline
from agency_client.machine import Machine
from agency_client.searching import Inquiry, SeenEntry, SeenPage
from agency_client.session import Online, Session, online, renewed
from edge.cli import reported, show
from edge.covenant_watch import LOOK_SECONDS
from protocol.errors import UnavailableError
from protocol.event_search import MAX_PAGE, EventFilters

TAIL_SECONDS: Final = 30
"""Between looks: each one that finds something new is a reading that stands in the log itself."""


def add_tail(app: typer.Typer, machine: Machine) -> None:
    """Add ``tail`` to the audit commands."""
    app.command("tail")(reported()(_following(machine)))


def _following(machine: Machine) -> Callable[..., None]:
    def tail(
        home: HomeOption,
        log_purpose: WhyOption,
        seconds: Annotated[
            int, typer.Option("--every", help="Seconds between looks.", min=5, max=3_600)
        ] = TAIL_SECONDS,
        after: Annotated[int | None, typer.Option(help="Begin behind this place; default with what is new.")] = None,
        reader: PersonOption = None,
        role: RoleOption = None,
        lang: LangOption = "en",
        as_json: JsonOption = False,
    ) -> None:
        """Stay, and show entries as they come; Ctrl-C ends. A look that reads stands in the log, and is not shown."""
        tongue = lang_of(lang)
        with machine.opened(home) as session:
            inquiry = inquiry_of(machine, session, EventFilters(), log_purpose, reader, role)

            def told(page: SeenPage, entries: list[SeenEntry]) -> None:
                for entry in entries:
                    if as_json:
                        print_json(entry_json(entry))
                    else:
                        place, at, who, what, about = headline(entry, session.covenant, tongue)
                        line = f"{at}  {place:>9}  {who}: {what}{f', {about}' if about else ''}"
                        machine.console().print(line, markup=False, highlight=False)

            asyncio.run(_tail(session, inquiry, after, float(seconds), told))

    return tail


async def _tail(
    session: Session,
    inquiry: Inquiry,
    after: int | None,
    seconds: float,
    told: Callable[[SeenPage, list[SeenEntry]], None],
) -> None:
    mine: set[int] = set()
    looked = -1
    begun = False
    while True:
        try:
            async with online(session, asyncio.sleep) as doors:
                ends = asyncio.get_running_loop().time() + LOOK_SECONDS
                while asyncio.get_running_loop().time() < ends:
                    _end_when_told()
                    size = (await doors.trail.advance()).checkpoint.size
                    if after is None:
                        after, looked = size - 1, size
                    # What we wrote by looking is no news: else every look would be the reason of the next.
                    if any(place not in mine for place in range(max(looked, 0), size)):
                        after = await _news(doors, inquiry, after, mine, told)
                        looked = size
                    begun = True
                    await asyncio.sleep(seconds)
        except UnavailableError as error:
            if not begun:
                raise
            show(error)
            await asyncio.sleep(seconds)
        session = await asyncio.to_thread(renewed, session)


def _end_when_told() -> None:
    """End when Ctrl-C was pressed, also when what was waited for at that moment did not pass it on."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


async def _news(
    doors: Online,
    inquiry: Inquiry,
    after: int,
    mine: set[int],
    told: Callable[[SeenPage, list[SeenEntry]], None],
) -> int:
    while True:
        page = await doors.searching.page(inquiry, after if after >= 0 else None, MAX_PAGE)
        mine.add(page.reading)
        told(page, [entry for entry in page.entries if entry.index not in mine])
        if page.next is None:
            return max(after, page.through - 1)
        after = page.next
