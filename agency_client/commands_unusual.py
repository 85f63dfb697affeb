# SPDX-License-Identifier: EUPL-1.2
"""``sluis agency unusual``: for a supervisor, which agency's use is worth a look, and why; sums only.

Not here: what is true (``unusual.py``), the machine (``cli.py`` passes it).
"""

import asyncio
import json
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Final, cast, get_args

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from agency_client.session import Session, online
from agency_client.wording import title_of
from edge.cli import reported
from protocol.encoding import Json
from protocol.errors import Code, InputError
from protocol.policy import LogPurpose, PersonRole
from protocol.unusual import Reason, UnusualEntry

DAYS: Final = 31
_WORDS: Final[dict[Reason, str]] = {
    "burst": "many people in one hour",
    "odd-hours": "many people at night",
    "many-subjects-few-hits": "many people, hardly any known elsewhere",
    "budget-near-end": "the day's budget nearly used",
}


def add_unusual(
    app: typer.Typer,
    opened: Callable[[Path], AbstractContextManager[Session]],
    console: Callable[[], Console],
    person_of: Callable[[str | None], str],
) -> None:
    """Add the command to the agency's commands; ``opened`` opens a home, ``console`` is where people read."""

    @app.command("unusual")
    @reported()
    def command(
        home: Annotated[Path, typer.Option("--home", help="This agency's folder.", file_okay=False)],
        days: Annotated[int, typer.Option(help="How many days back.", min=1, max=3_660)] = DAYS,
        log_purpose: Annotated[
            str, typer.Option(help="Why you read the log: lawfulness-check, integrity-security, ...")
        ] = "lawfulness-check",
        role: Annotated[str, typer.Option(help="What you are here.")] = "supervisor",
        person: Annotated[
            str | None, typer.Option(help="Who reads; default the logged-in user. Only a keyed hash of it leaves.")
        ] = None,
        as_json: Annotated[bool, typer.Option("--json", help="For programs: one JSON document.")] = False,
    ) -> None:
        """Show whose use is worth a look, by counts alone; no accusation. For a supervisor."""
        why, who = _one_of(log_purpose, LogPurpose), _one_of(role, PersonRole)
        with opened(home) as session:
            since = (session.clock() - timedelta(days=days - 1)).date()
            reference = session.person(person_of(person))

            async def work() -> tuple[UnusualEntry, ...]:
                async with online(session, asyncio.sleep) as doors:
                    return await doors.unusual.read(
                        since, cast("LogPurpose", why), person=reference, role=cast("PersonRole", who)
                    )

            found = asyncio.run(work())
            if as_json:
                sys.stdout.write(json.dumps({"unusual": [_json(one) for one in found]}, ensure_ascii=False) + "\n")
                return
            _show(console(), session, found)


def _show(out: Console, session: Session, found: tuple[UnusualEntry, ...]) -> None:
    if not found:
        out.print("Nothing unusual was said.")
        return
    table = Table("Day", "Agency", "Purpose", "Why", "Count", "Limit", box=None)
    for one in found:
        title = escape(title_of(one.agency, session.covenant))
        words = _WORDS[one.reason]
        table.add_row(one.day.isoformat(), title, one.purpose, words, f"{one.count:,}", f"{one.limit:,}")
    out.print(table)
    out.print("Counts only: there are good reasons for a busy day. Ask the agency.", style="dim")


def _json(one: UnusualEntry) -> dict[str, Json]:
    return {
        "day": one.day.isoformat(),
        "agency": one.agency,
        "purpose": one.purpose,
        "reason": one.reason,
        "count": one.count,
        "limit": one.limit,
    }


def _one_of(text: str, kind: object) -> str:
    if text not in get_args(kind):
        raise InputError(Code.MALFORMED, f"There is no `{text}`.", hint=f"Choose from: {', '.join(get_args(kind))}.")
    return text
