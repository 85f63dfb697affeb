# SPDX-License-Identifier: EUPL-1.2
"""The screen Hits: all hits in pages, by how far the agency is with them.

Not here: one hit (``hit.py``), what needs somebody now (``today.py``).
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import Depends, FastAPI, Response

from agency_client.console.hit_acts import ROLES, add_hit
from agency_client.console.hit_rows import RowShown, hit_row, read_behind
from agency_client.console.languages import N_, Speech
from agency_client.console.more import add_more
from agency_client.console.screen import Screen
from agency_client.console.visits import House, Visit
from agency_client.running import Running
from agency_client.vault.hit_lists import Progress
from protocol.errors import Code, NotFoundError

PAGE: Final = 20
"""Hits on a page: what somebody looks through without scrolling far."""
_LAST: Final = 100_000
"""The last page there can be."""
_TABS: Final[Mapping[Progress, str]] = {
    Progress.OPEN: N_("New"),
    Progress.BEGUN: N_("In progress"),
    Progress.CLOSED: N_("Closed"),
    Progress.GONE: N_("Taken back"),
    Progress.ASIDE: N_("Canaries"),
}


@dataclass(frozen=True, slots=True)
class Tab:
    """One way to look at the list."""

    href: str
    title: str
    count: int
    chosen: bool


@dataclass(frozen=True, slots=True)
class HitsShown:
    """A page of hits."""

    tabs: tuple[Tab, ...]
    rows: tuple[RowShown, ...]
    newer: str | None
    older: str | None
    here: str


def hits_shown(running: Running, progress: Progress, page: int, speech: Speech) -> HitsShown:
    """Return a page of hits; reads the vault, so call it in a thread."""
    session = running.session
    vault, covenant = session.vault, session.covenant
    listed = vault.hit_lists.page(progress, PAGE + 1, (page - 1) * PAGE)
    more, listed = len(listed) > PAGE, listed[:PAGE]
    behind = read_behind(vault, [one.kept for one in listed])
    return HitsShown(
        _tabs(vault.hit_lists.counts(), progress, speech),
        tuple(hit_row(one, behind, covenant, speech) for one in listed),
        None if page == 1 else _href(progress, page - 1),
        _href(progress, page + 1) if more else None,
        _href(progress, page),
    )


def _tabs(counts: Mapping[Progress, int], chosen: Progress, speech: Speech) -> tuple[Tab, ...]:
    return tuple(
        Tab(_href(one, 1), speech.gettext(title), counts[one], one is chosen)
        for one, title in _TABS.items()
        # Hardly anybody plants canaries: who does not, does not see the word.
        if one is not Progress.ASIDE or counts[one] or one is chosen
    )


def _href(progress: Progress, page: int) -> str:
    return f"/hits/list/{progress}" if page == 1 else f"/hits/list/{progress}/{page}"


def _add(app: FastAPI, house: House) -> None:
    enter = Annotated[Visit, Depends(house.visit(*ROLES))]

    async def listed(visit: Visit, progress: str, page: int) -> Response:
        if progress not in set(Progress) or not 1 <= page <= _LAST:
            raise NotFoundError(Code.NOT_FOUND, "This page does not exist.")
        shown = await asyncio.to_thread(hits_shown, visit.running, Progress(progress), page, visit.speech)
        return visit.page("hits.html", shown=shown)

    @app.get("/hits", include_in_schema=False)
    async def first(visit: enter) -> Response:
        return await listed(visit, Progress.OPEN, 1)

    @app.get("/hits/list/{progress}", include_in_schema=False)
    async def begin(visit: enter, progress: str) -> Response:
        return await listed(visit, progress, 1)

    @app.get("/hits/list/{progress}/{page}", include_in_schema=False)
    async def later(visit: enter, progress: str, page: int) -> Response:
        return await listed(visit, progress, page)

    add_hit(app, house)
    add_more(app, house)


def _waiting(visit: Visit) -> int:
    return visit.running.session.vault.follow_ups.counts().open


HITS: Final = Screen("hits", "Hits", frozenset(ROLES), _add, _waiting)
