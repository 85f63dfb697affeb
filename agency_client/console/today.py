# SPDX-License-Identifier: EUPL-1.2
"""The screen Today: what needs the person who looks, most urgent first, each thing one sentence with its next act.

Each role sees its own: coordinators hits and requests, supervisors what is late, privacy officers what must be looked
at, operators what stands still. Not here: the rows of each kind (``today_rows.py``).
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Final

from fastapi import Depends, FastAPI, Response

from agency_client.console.asked import Told, canary_questions, told_today
from agency_client.console.colleagues import reference_of
from agency_client.console.hit_rows import RowShown
from agency_client.console.languages import Speech
from agency_client.console.screen import Screen
from agency_client.console.today_rows import (
    LIMIT,
    Reading,
    absent_rows,
    canary_rows,
    coordinator_waits,
    hit_rows,
    late_rows,
    operator_rows,
    privacy_rows,
    request_rows,
    supervisor_waits,
    waiting_for,
)
from agency_client.console.visits import House, Visit
from agency_client.vault.hit_lists import Progress
from agency_client.vault.signal_lists import Standing
from protocol.questions import PersonRole

_LAST: Final = datetime.max.replace(tzinfo=UTC)
"""What has no deadline comes last."""


@dataclass(frozen=True, slots=True)
class Beside:
    """What goes on beside what waits: a number in words, and where to see it."""

    words: str
    href: str


@dataclass(frozen=True, slots=True)
class TodayShown:
    """What needs somebody."""

    lead: str
    rows: tuple[RowShown, ...]
    more: int
    """How many things wait beyond the rows."""
    beside: tuple[Beside, ...]
    told: Told
    """What is good to know, and waits for nobody."""


def today_shown(reading: Reading) -> TodayShown:
    """Return what needs a person of these roles; reads the vault, so call it in a thread."""
    speech, roles = reading.speech, reading.roles
    rows: list[RowShown] = []
    unread = 0
    if "operator" in roles:
        rows += operator_rows(reading)
    if "privacy-officer" in roles:
        rows += privacy_rows(reading)
    if "coordinator" in roles:
        hits, requests = hit_rows(reading), request_rows(reading)
        rows += [*hits, *requests]
        unread = coordinator_waits(reading) - len(hits) - len(requests)
    elif "supervisor" in roles:
        late = late_rows(reading)
        rows += late
        unread = supervisor_waits(reading) - len(late)
    if "supervisor" in roles:
        rows += [*canary_rows(reading), *canary_questions(reading)]
    if "coordinator" in roles or "supervisor" in roles:
        rows += absent_rows(reading)
    shown = in_order(rows)[:LIMIT]
    total = len(rows) + max(0, unread)
    return TodayShown(_lead(total, speech), tuple(shown), total - len(shown), _beside(reading), _told(reading))


def in_order(rows: Sequence[RowShown]) -> list[RowShown]:
    """Return rows with the most urgent first: what stands still, then by deadline."""
    return sorted(rows, key=lambda row: (row.due is not None or row.press != "now", row.due or _LAST))


def _lead(total: int, speech: Speech) -> str:
    if not total:
        return speech.gettext("Nothing waits for you.")
    text = speech.ngettext("%(num)d thing waits for you.", "%(num)d things wait for you.", total) % {"num": total}
    return text if total == 1 else f"{text} {speech.gettext('The most urgent stands on top.')}"


def _told(reading: Reading) -> Told:
    return told_today(reading) if "coordinator" in reading.roles else Told((), 0)


def _beside(reading: Reading) -> tuple[Beside, ...]:
    speech, vault = reading.speech, reading.vault
    if not {"coordinator", "supervisor"} & reading.roles:
        return ()
    live = vault.signal_lists.count(reading.now).standing[Standing.LIVE]
    begun = vault.hit_lists.counts()[Progress.BEGUN]
    held = sum(vault.quarantine.counts().values())
    said = [
        (live, speech.ngettext("%(num)d live signal", "%(num)d live signals", live), "/signals"),
        (begun, speech.ngettext("%(num)d hit in progress", "%(num)d hits in progress", begun), "/hits/list/begun"),
        (held, speech.ngettext("%(num)d row in quarantine", "%(num)d rows in quarantine", held), "/system"),
    ]
    return tuple(Beside(words % {"num": count}, href) for count, words, href in said if count)


def _add(app: FastAPI, house: House) -> None:
    enter = Annotated[Visit, Depends(house.visit())]

    @app.get("/today", include_in_schema=False)
    async def today(visit: enter) -> Response:
        shown = await asyncio.to_thread(today_shown, _reading(visit))
        # The menu says the same number, without reading it all again.
        visit.request.state.waiting = len(shown.rows) + shown.more
        return visit.page("today.html", shown=shown)


def _reading(visit: Visit) -> Reading:
    session = visit.running.session
    return Reading(
        session.vault,
        session.covenant,
        session.me.id,
        visit.running.health,
        visit.visitor.roles,
        reference_of(visit),
        visit.now,
        visit.speech,
    )


def _waiting(visit: Visit) -> int:
    known: int | None = getattr(visit.request.state, "waiting", None)
    return waiting_for(_reading(visit)) if known is None else known


_ROLES: Final[frozenset[PersonRole]] = frozenset(("coordinator", "supervisor", "privacy-officer", "operator"))
TODAY: Final = Screen("today", "Today", _ROLES, _add, _waiting)
