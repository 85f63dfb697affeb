# SPDX-License-Identifier: EUPL-1.2
"""My signals: a list in pages, and finding one by case or person.

What is searched for is sent by POST and stands in no address. Not here: rows and sentences (``signal_views.py``), one
signal (``signal_page.py``), the form (``signal_form.py``).
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final
from urllib.parse import urlencode

from fastapi import Depends, FastAPI, Response

from agency_client.console.issue_words import field_words
from agency_client.console.screen import Screen
from agency_client.console.signal_acts import add_signal_acts
from agency_client.console.signal_form import add_signal_form
from agency_client.console.signal_page import show_signal
from agency_client.console.signal_views import STANDINGS_SAID, SignalRow, purpose_title, row_of
from agency_client.console.visits import House, Visit
from agency_client.vault.search_terms import MAX_FOUND
from agency_client.vault.signal_lists import Standing
from protocol.errors import InputError
from protocol.ids import PurposeId, SignalId
from protocol.keys import Tier
from protocol.normalise import Person, Record, normalise

PAGE: Final = 25
"""Signals on a page: some two screens high."""
_BIGGEST: Final = 10**12


@dataclass(frozen=True, slots=True)
class Tab:
    """One way to look at the list."""

    words: str
    href: str
    count: int
    current: bool


def add_signals(app: FastAPI, house: House) -> None:
    """Add the screen's routes."""
    enter = Annotated[Visit, Depends(house.visit("coordinator", "supervisor", "privacy-officer"))]

    @app.get("/signals", include_in_schema=False)
    async def overview(visit: enter) -> Response:
        return visit.page("signals.html", **await asyncio.to_thread(_overview, visit))

    @app.post("/signals/find", include_in_schema=False)
    async def find(visit: enter) -> Response:
        return await _find(visit)

    add_signal_form(app, house)
    add_signal_acts(app, house)

    @app.get("/signals/{signal}", include_in_schema=False)
    async def detail(visit: enter, signal: str) -> Response:
        return await show_signal(visit, signal)


# --- The list ---------------------------------------------------------------------------------------------------------


def _overview(visit: Visit) -> Mapping[str, Any]:
    params, vault = visit.request.query_params, visit.running.session.vault
    covenant, now = visit.running.session.covenant, visit.now
    standing = next((one for one in Standing if one == params.get("show")), None)
    purpose = next((one for one in covenant.purposes if one == params.get("purpose")), None)
    asked = params.get("before", "")
    before = min(int(asked), _BIGGEST) if asked.isascii() and asked.isdigit() and len(asked) < 16 else None
    listed = vault.signal_lists.page(now, PAGE + 1, before, standing, purpose)
    counted = vault.signal_lists.count(now)
    tabs = [Tab(visit.speech.gettext("All"), _href(None, purpose), sum(counted.standing.values()), standing is None)]
    tabs += [
        Tab(visit.speech.gettext(STANDINGS_SAID[one]), _href(one, purpose), counted.standing[one], one is standing)
        for one in Standing
    ]
    older = _href(standing, purpose, listed[PAGE - 1].position) if len(listed) > PAGE else None
    return {
        "rows": [row_of(one, covenant, visit.speech, now) for one in listed[:PAGE]],
        "tabs": tabs,
        "purposes": [(name, purpose_title(name, covenant, visit.speech)) for name in covenant.purposes],
        "purpose": purpose or "",
        "standing": standing or "",
        "address": _href(standing, purpose, before),
        "older": older,
        "newer": _href(standing, purpose) if before is not None else None,
        "any": any(counted.standing.values()),
        "sought": {},
        "errors": {},
    }


def _href(standing: Standing | None, purpose: PurposeId | None, before: int | None = None) -> str:
    said = {"show": standing, "purpose": purpose, "before": before}
    query = urlencode({name: str(value) for name, value in said.items() if value is not None})
    return f"/signals?{query}" if query else "/signals"


# --- Finding ----------------------------------------------------------------------------------------------------------

_SOUGHT: Final = ("reference", "given_names", "surname", "birth_date", "phones", "emails", "bsn")


async def _find(visit: Visit) -> Response:
    sought = {name: visit.form.text(name) for name in _SOUGHT}
    person = Person(
        given_names=sought["given_names"],
        surname=sought["surname"],
        birth_date=sought["birth_date"],
        phones=(sought["phones"],) if sought["phones"] else (),
        emails=(sought["emails"],) if sought["emails"] else (),
        bsn=sought["bsn"],
    )
    errors: dict[str, str] = {}
    found: list[SignalId] = []
    vault = visit.running.session.vault
    if sought["reference"]:
        found = await asyncio.to_thread(vault.search_terms.by_reference, sought["reference"])
    elif any(sought.values()):
        try:
            normal = normalise(Record(person))
        except InputError as error:
            errors = field_words(error.issues, visit.speech)
            errors.setdefault(
                "whole",
                visit.speech.gettext("Give a name with a birth date, or a phone number, e-mail address or BSN."),
            )
        else:
            errors = field_words(normal.issues, visit.speech)
            keys = [(key.kind, key.normal_form) for key in normal.keys if key.tier is not Tier.FACTOR]
            found = await asyncio.to_thread(vault.search_terms.by_person, keys)
    else:
        errors = {"whole": visit.speech.gettext("Fill in what you look for.")}
    context = await asyncio.to_thread(_overview, visit)
    rows = await asyncio.to_thread(_rows, visit, found)
    return visit.page(
        "signals.html",
        422 if errors and not found else 200,
        **{
            **context,
            "rows": rows,
            "sought": sought,
            "errors": errors,
            "older": None,
            "newer": None,
            "most": MAX_FOUND,
        },
    )


def _rows(visit: Visit, found: list[SignalId]) -> list[SignalRow]:
    session, now = visit.running.session, visit.now
    listed = session.vault.signal_lists.of(found, now)
    return [row_of(one, session.covenant, visit.speech, now) for one in listed]


SIGNALS: Final = Screen(
    "signals", "My signals", frozenset({"coordinator", "supervisor", "privacy-officer"}), add_signals
)
