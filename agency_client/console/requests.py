# SPDX-License-Identifier: EUPL-1.2
"""The screen Requests: what others ask of this agency, and what it asked itself, in pages; and each on its own page.

Not here: the acts (``request_acts.py``), the form by which something is asked (``more.py``).
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import Depends, FastAPI, Response

from agency_client.console.hit_acts import ROLES
from agency_client.console.hit_rows import RowShown
from agency_client.console.hit_words import agency_said
from agency_client.console.languages import N_, Speech
from agency_client.console.request_acts import add_request
from agency_client.console.request_shown import STATES
from agency_client.console.screen import Screen
from agency_client.console.today_rows import request_row, topics_said
from agency_client.console.visits import House, Visit
from agency_client.running import Running
from agency_client.vault.disclosures import Disclosures, KeptDisclosure
from protocol.covenant import Covenant
from protocol.disclosure_states import DisclosureState
from protocol.errors import Code, NotFoundError

PAGE: Final = 20
_TABS: Final[Mapping[str, str]] = {
    "decide": N_("To decide"),
    "mine": N_("Asked by you"),
    "theirs": N_("Asked of you"),
}


@dataclass(frozen=True, slots=True)
class RequestsTab:
    """One way to look at the list."""

    href: str
    title: str
    count: int | None
    chosen: bool


@dataclass(frozen=True, slots=True)
class RequestsShown:
    """A page of requests."""

    tabs: tuple[RequestsTab, ...]
    rows: tuple[RowShown, ...]
    newer: str | None
    older: str | None
    here: str


def requests_shown(running: Running, which: str, before: int | None, speech: Speech) -> RequestsShown:
    """Return a page of requests; reads the vault, so call it in a thread."""
    session = running.session
    shelf, covenant = session.vault.disclosures, session.covenant
    found = _page(shelf, which, before)
    counts = shelf.counts()
    waits = {"decide": counts.to_decide, "mine": counts.to_fetch or None, "theirs": None}
    older = f"/requests/list/{which}/{found[PAGE - 1].number}" if len(found) > PAGE else None
    return RequestsShown(
        tuple(
            RequestsTab(f"/requests/list/{name}", speech.gettext(title), waits[name], name == which)
            for name, title in _TABS.items()
        ),
        tuple(_row(one, which, covenant, speech) for one in found[:PAGE]),
        None if before is None else f"/requests/list/{which}",
        older,
        f"/requests/list/{which}" if before is None else f"/requests/list/{which}/{before}",
    )


def _page(shelf: Disclosures, which: str, before: int | None) -> Sequence[KeptDisclosure]:
    pages = {"decide": shelf.to_decide, "mine": shelf.mine, "theirs": shelf.theirs}
    return pages[which](PAGE + 1, before)


def _row(kept: KeptDisclosure, which: str, covenant: Covenant, speech: Speech) -> RowShown:
    if which == "decide":
        return request_row(kept, covenant, speech)
    who = {"who": agency_said(kept.other, covenant, speech)}
    if kept.direction == "mine":
        text = speech.gettext("You asked %(who)s for more.") % who
    else:
        text = speech.gettext("%(who)s asked you for more.") % who
    answered = kept.direction == "mine" and kept.state is DisclosureState.GRANTED
    act = speech.gettext("Read the answer") if answered else speech.gettext("Look")
    tag = speech.gettext("being sent") if kept.waiting is not None else speech.gettext(STATES[kept.state])
    press = "good" if kept.state in (DisclosureState.GRANTED, DisclosureState.RECEIVED) else "plain"
    sub = tuple(said for said in (topics_said(kept, covenant, speech),) if said)
    due = kept.due_at if kept.is_open and kept.waiting is None else None
    return RowShown(text, sub, f"/requests/{kept.id}", act, due, tag, press, first=answered)


def _add(app: FastAPI, house: House) -> None:
    enter = Annotated[Visit, Depends(house.visit(*ROLES))]

    async def listed(visit: Visit, which: str, before: int | None) -> Response:
        if which not in _TABS:
            raise NotFoundError(Code.NOT_FOUND, "This page does not exist.")
        shown = await asyncio.to_thread(requests_shown, visit.running, which, before, visit.speech)
        return visit.page("requests.html", shown=shown)

    @app.get("/requests", include_in_schema=False)
    async def first(visit: enter) -> Response:
        return await listed(visit, "decide", None)

    @app.get("/requests/list/{which}", include_in_schema=False)
    async def begin(visit: enter, which: str) -> Response:
        return await listed(visit, which, None)

    @app.get("/requests/list/{which}/{before}", include_in_schema=False)
    async def later(visit: enter, which: str, before: int) -> Response:
        return await listed(visit, which, before)

    add_request(app, house)


def _waiting(visit: Visit) -> int:
    counts = visit.running.session.vault.disclosures.counts()
    return counts.to_decide + counts.to_fetch


REQUESTS: Final = Screen("requests", "Requests", frozenset(ROLES), _add, _waiting)
