# SPDX-License-Identifier: EUPL-1.2
"""``sluis agency inbox`` and ``open``: what this agency was told, once or as it comes, and whom to call.

Not here: reading notices (``reading.py``), the words of a hit (``showing.py``, ``wording.py``), the act of opening
(``acts.py``), the machine (``cli.py`` passes it).
"""

import asyncio
from typing import Annotated, Final

import typer
from rich.console import Console

from agency_client.acts import Opened
from agency_client.awaiting import Wait, overdue
from agency_client.command_line import HomeOption, JsonOption, PersonOption, print_json
from agency_client.machine import Machine
from agency_client.reading import News
from agency_client.session import Online, Session, online, renewed
from agency_client.showing import (
    hit_json,
    opened_json,
    queried_json,
    reference_of,
    show_erased,
    show_hit,
    show_muted,
    show_opened,
    show_queried,
)
from agency_client.showing_waits import show_overdue, wait_json
from agency_client.vault.hits import HitState, KeptHit
from agency_client.why_looking import justification_of, require_reason
from agency_client.wording import words_of
from edge.cli import exit_status, reported, show
from edge.covenant_watch import LOOK_SECONDS
from protocol.encoding import Json
from protocol.errors import SluisError, UnavailableError, VerificationError
from protocol.messages import Justification
from protocol.notices import QueriedNotice

_LONG_POLL: Final = 25.0
"""Seconds that the broker may hold `inbox --follow`: below the 30 that it allows."""
_RETRY: Final = 5.0
"""Seconds between tries of `inbox --follow` while the broker is away."""


def add_inbox(app: typer.Typer, machine: Machine) -> None:
    """Add the commands to the agency's commands."""

    @app.command("inbox")
    @reported()
    def inbox(
        home: HomeOption,
        follow: Annotated[bool, typer.Option("--follow", help="Stay, and show each hit as it comes.")] = False,
        as_json: JsonOption = False,
    ) -> None:
        """Show the hits: who knows the same person, on what, how sure, and by when to act."""
        with machine.opened(home) as session:
            if follow:
                asyncio.run(_follow(machine, session, as_json))
            problem = asyncio.run(_read(session))
            if as_json:
                print_json(_json(session))
            else:
                _show(machine.console(), session)
            if problem is not None:
                show(problem)
                raise typer.Exit(exit_status(problem.code))

    @app.command("open")
    @reported()
    def open_hit(
        home: HomeOption,
        hit: Annotated[str, typer.Argument(help="The hit's number, or how it begins.")],
        reason_code: Annotated[str, typer.Option(help="Why you look, as a code, such as own-case.")],
        reason: Annotated[str, typer.Option(help="Why you look, in words. No names: this stands in the log.")],
        case: Annotated[str, typer.Option(help="Your own case's number.")],
        person: PersonOption = None,
        as_json: JsonOption = False,
    ) -> None:
        """Show whom to call. That you look, and why, is put in the log first."""
        justification = justification_of(reason_code, reason, case)
        with machine.opened(home) as session:
            require_reason(reason_code, session.covenant)
            found = asyncio.run(_open(session, hit, justification, machine.person_of(person)))
            if as_json:
                print_json(opened_json(found))
                return
            reference = reference_of(session.vault, found.hit.notice.my_signal)
            words = words_of(found.hit, reference, session.covenant, session.clock())
            show_opened(machine.console(), found, words)


# --- Once -------------------------------------------------------------------------------------------------------------


async def _read(session: Session) -> SluisError | None:
    """Read the notices; returns the first thing that was wrong, after keeping all that was right."""
    try:
        async with online(session, asyncio.sleep) as doors:
            await doors.trail.advance()
            news: News = await doors.reading.read()
            await doors.changing.answer()
    except (VerificationError, UnavailableError) as error:
        return error
    return news.failures[0] if news.failures else None


def _json(session: Session) -> Json:
    vault, covenant, now = session.vault, session.covenant, session.clock()
    listed: list[Json] = [hit_json(vault, kept, covenant, now) for kept in vault.hits.all()]
    muted: list[Json] = [
        {"kind": one.kind, "signals": one.signals, "reference": reference_of(vault, one.example)}
        for one in vault.hits.muted()
    ]
    findings: list[Json] = [
        {"code": one.code, "place": one.place, "detail": one.detail}
        for one in vault.evidence.findings(unseen_only=True)
    ]
    late: list[Json] = [wait_json(wait, vault, covenant) for wait in _late(session)]
    asked: list[Json] = [queried_json(vault, one, covenant) for one in vault.hits.queried()]
    return {
        "hits": listed,
        "muted": muted,
        "queried": asked,
        "overdue": late,
        "erased": [*vault.hits.erased()],
        "findings": findings,
    }


def _show(out: Console, session: Session) -> None:
    vault, covenant, now = session.vault, session.covenant, session.clock()
    hits, order = vault.hits.all(), {"hit": 0, "probable": 1, "possible": 2}
    for kept in sorted(hits, key=lambda one: (one.state is HitState.WITHDRAWN, order[one.notice.quality])):
        show_hit(out, vault, kept, covenant, now)
    show_muted(out, vault)
    show_erased(out, vault)
    show_queried(out, vault, covenant, vault.hits.queried())
    show_overdue(out, vault, _late(session), covenant)
    if not hits:
        out.print("No hits. Your signals stand; you are told as soon as another agency knows the same person.")


def _late(session: Session) -> list[Wait]:
    return list(overdue(session.vault, session.covenant, session.me.id, session.clock()))


# --- As it comes ------------------------------------------------------------------------------------------------------


async def _follow(machine: Machine, session: Session, as_json: bool) -> None:
    shown: set[str] = set()
    begun = False
    while True:
        try:
            await _follow_for_a_while(machine, session, as_json, shown)
        except UnavailableError as error:
            if not begun:
                raise
            show(error)
            await asyncio.sleep(_RETRY)
        begun, session = True, await asyncio.to_thread(renewed, session)


async def _follow_for_a_while(machine: Machine, session: Session, as_json: bool, shown: set[str]) -> None:
    """Show what comes under one version of the covenant, until it is time to look for a newer one."""
    async with online(session, asyncio.sleep) as doors:
        await doors.trail.advance()
        ends = asyncio.get_running_loop().time() + LOOK_SECONDS
        while asyncio.get_running_loop().time() < ends:
            for kept in session.vault.hits.all():
                if f"{kept.id} {kept.state}" not in shown:
                    shown.add(f"{kept.id} {kept.state}")
                    _show_one(machine, session, kept, as_json)
            for notice in session.vault.hits.queried():
                if f"queried {notice.seq}" not in shown:
                    shown.add(f"queried {notice.seq}")
                    _show_question(machine, session, notice, as_json)
            for wait in _late(session):
                if f"overdue {wait.signal.id}" not in shown:
                    shown.add(f"overdue {wait.signal.id}")
                    _show_late(machine, session, wait, as_json)
            await _next_news(doors)


async def _next_news(doors: Online) -> None:
    try:
        news = await doors.reading.read(_LONG_POLL)
    except UnavailableError as error:
        show(error)
        await asyncio.sleep(_RETRY)
        return
    for failure in news.failures:
        show(failure)
    if news.failures and not news.verified:
        await asyncio.sleep(_RETRY)


def _show_one(machine: Machine, session: Session, kept: KeptHit, as_json: bool) -> None:
    if as_json:
        print_json(hit_json(session.vault, kept, session.covenant, session.clock()))
    else:
        show_hit(machine.console(), session.vault, kept, session.covenant, session.clock())


def _show_question(machine: Machine, session: Session, notice: QueriedNotice, as_json: bool) -> None:
    if as_json:
        print_json({"queried": queried_json(session.vault, notice, session.covenant)})
    else:
        show_queried(machine.console(), session.vault, session.covenant, [notice])


def _show_late(machine: Machine, session: Session, wait: Wait, as_json: bool) -> None:
    if as_json:
        print_json({"overdue": wait_json(wait, session.vault, session.covenant)})
    else:
        show_overdue(machine.console(), session.vault, [wait], session.covenant)


# --- Whom to call -----------------------------------------------------------------------------------------------------


async def _open(session: Session, hit: str, why: Justification, person: str) -> Opened:
    async with online(session, asyncio.sleep) as doors:
        doors.trail.require_unstopped()
        return await doors.acts.open(doors.acts.find_hit(hit), why, session.person(person))
