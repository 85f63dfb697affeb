# SPDX-License-Identifier: EUPL-1.2
"""How the client is doing: connections, outbox, connectors, quarantine, messages out, logins, versions; with charts.

For everybody, since nothing on it is about a person. Not here: the sentences (``system_views.py``), the rows that wait
for repair (``quarantine.py``).
"""

import asyncio
import platform
import sqlite3
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, Final, get_args

from fastapi import Depends, FastAPI, Response
from markupsafe import Markup

from agency_client.budgets import known_budgets, scarcest
from agency_client.connectors.states import states_of
from agency_client.console.logbook_rows import witness_rows
from agency_client.console.quarantine import add_quarantine
from agency_client.console.screen import Screen
from agency_client.console.system_views import (
    WEEKS,
    budget_rows,
    connector_rows,
    failed_logins,
    per_week,
    system_view,
)
from agency_client.console.visits import House, Visit
from edge.charts import bar_chart, stacked_chart
from edge.pages import Safe
from protocol.questions import PersonRole

_LOGINS: Final = timedelta(days=7)


def add_system(app: FastAPI, house: House) -> None:
    """Add the screen's routes."""
    enter = Annotated[Visit, Depends(house.visit())]

    @app.get("/system", include_in_schema=False)
    async def system(visit: enter) -> Response:
        return visit.page("system.html", **await asyncio.to_thread(_overview, visit))

    add_quarantine(app, house)


def _overview(visit: Visit) -> Mapping[str, Any]:
    session, speech, now = visit.running.session, visit.speech, visit.now
    covenant, health = session.covenant, visit.running.health
    logins = session.vault.people.counts(now - _LOGINS) if visit.may("operator", "privacy-officer") else {}
    return {
        "view": system_view(health, covenant, speech, now),
        "connectors": connector_rows(states_of(session), speech, now),
        "quarantined": sum(session.vault.quarantine.counts().values()),
        "witnesses": witness_rows(visit),
        "covenant": health.covenant,
        "failed": failed_logins(logins) if visit.may("operator", "privacy-officer") else None,
        "findings": len(session.vault.evidence.findings(unseen_only=True)),
        "versions": _versions(visit),
        "signals": _drawn(_signals(visit)),
        "budgets": _drawn(_budgets(visit)),
    }


def _versions(visit: Visit) -> list[tuple[str, str]]:
    return [
        ("Sluis", visit.house.app.version),
        ("Python", platform.python_version()),
        ("SQLite", sqlite3.sqlite_version),
        (visit.speech.gettext("Covenant"), visit.running.session.covenant.version),
    ]


def _drawn(chart: Safe | None) -> Markup | None:
    # Made by ``edge/pages.el``, which escapes every text that is put into it.
    return None if chart is None else Markup(chart.html)  # noqa: S704


def _signals(visit: Visit) -> Safe | None:
    speech, now = visit.speech, visit.now
    since = now - timedelta(weeks=WEEKS)
    rows = per_week(visit.running.session.vault.signal_lists.per_day(since), now, speech)
    if not any(count for _, count in rows):
        return None
    heads = (speech.gettext("Week"), speech.gettext("Signals"))
    return bar_chart("signals-per-week", speech.gettext("Signals that were made, per week"), heads, rows, speech.lang)


def _budgets(visit: Visit) -> Safe | None:
    session, speech = visit.running.session, visit.speech
    least = scarcest(known_budgets(session.vault.evidence, visit.now))
    known = [(str(one.purpose), one.budget.used, one.budget.left) for one in least]
    rows = list(budget_rows(known, session.covenant, speech))
    if not rows:
        return None
    caption = speech.gettext("Comparisons of today, by the key-holder with the least left")
    parts = (speech.gettext("used"), speech.gettext("left"))
    heads = (speech.gettext("Purpose"), speech.gettext("Together"))
    return stacked_chart("budgets", caption, heads, parts, rows, speech.lang)


def _waiting(visit: Visit) -> int:
    if not visit.may("coordinator", "supervisor"):
        return 0
    return sum(visit.running.session.vault.quarantine.counts().values())


SYSTEM: Final = Screen(
    "system",
    "System",
    frozenset(role for role in get_args(PersonRole) if role != "system"),
    add_system,
    _waiting,
    second=True,
)
