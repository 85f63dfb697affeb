# SPDX-License-Identifier: EUPL-1.2
"""The logbook, for the privacy officer: what was done, proven; who reads it says why, and that is logged too.

At once and without network: what this client was proven before, findings, and how far the witnesses are. With the
broker's help, by POST because each reading is an act: entries, use that is worth a look, a pack of evidence.
Not here: rows (``logbook_rows.py``), citizens and informing (``logbook_people.py``). Guide: ``docs/guide-console.md``.
"""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

from fastapi import Depends, FastAPI, Response

from agency_client.budgets import known_budgets, scarcest
from agency_client.console.logbook_asking import Asked, asked_of, day_of, reasons, role_of
from agency_client.console.logbook_people import add_people, grounds, open_requests
from agency_client.console.logbook_rows import (
    EntryRow,
    UseRow,
    WitnessRow,
    kept_rows,
    seen_rows,
    use_rows,
    witness_rows,
)
from agency_client.console.screen import Screen
from agency_client.console.visits import House, Visit
from agency_client.exporting import Exporting
from agency_client.searching import Inquiry, SeenPage
from agency_client.unusual_list import Listed, in_order, of_broker, of_budgets, of_canaries, of_findings, of_own
from edge.event_words import EVENTS_SAID
from edge.languages import say
from protocol.errors import Code, InputError
from protocol.event_search import PAGE, EventFilters

KEPT: Final = 25
"""Own receipts on a page."""
DAYS: Final = 31
"""Days that a search and the look for unusual use go back, unless another period is asked."""


def add_logbook(app: FastAPI, house: House) -> None:
    """Add the screen's routes."""
    enter = Annotated[Visit, Depends(house.visit("privacy-officer"))]

    @app.get("/logbook", include_in_schema=False)
    async def overview(visit: enter) -> Response:
        before = visit.request.query_params.get("before", "")
        return await _overview(
            visit, int(before) if before.isascii() and before.isdigit() and len(before) < 16 else None
        )

    @app.post("/logbook/entries", include_in_schema=False)
    async def entries(visit: enter) -> Response:
        asked = asked_of(visit)
        if asked.errors:
            return await _overview(visit, None, asked)
        page = await _read(visit, asked.inquiry, asked.after)
        rows = [row for row in seen_rows(visit, page) if asked.scope in ("", row.scope)]
        return _found(visit, asked, page, rows)

    @app.post("/logbook/unusual", include_in_schema=False)
    async def unusual(visit: enter) -> Response:
        asked = asked_of(visit)
        if asked.errors:
            return await _overview(visit, None, asked)
        rows: list[UseRow] = use_rows(visit, in_order(await _unusual(visit, asked.inquiry)))
        return visit.page("logbook_unusual.html", rows=rows, days=DAYS)

    @app.post("/logbook/export", include_in_schema=False)
    async def export(visit: enter) -> Response:
        asked = asked_of(visit, export=True)
        if asked.errors:
            return await _overview(visit, None, asked)
        return await _export(visit, asked)

    add_people(app, house)


async def _overview(visit: Visit, before: int | None, asked: Asked | None = None) -> Response:
    session, trail = visit.running.session, visit.running.online.trail
    cosigned = await asyncio.to_thread(trail.last)
    kept: list[EntryRow] = []
    if cosigned is not None:
        found = await asyncio.to_thread(session.vault.evidence.newest, KEPT + 1, before)
        kept = kept_rows(visit, found, cosigned)
    witnesses: list[WitnessRow] = witness_rows(visit)
    today = visit.now.astimezone(UTC).date()
    return visit.page(
        "logbook.html",
        422 if asked else 200,
        kept=kept[:KEPT],
        older=f"/logbook?before={kept[KEPT - 1].place}" if len(kept) > KEPT else None,
        newer="/logbook" if before is not None else None,
        cosigned=cosigned,
        holders=len(session.covenant.key_holders),
        witnesses=witnesses,
        findings=session.vault.evidence.findings(unseen_only=True),
        requests=await asyncio.to_thread(open_requests, visit),
        grounds=grounds(visit),
        asked=asked,
        fields=asked.fields if asked else {"since": (today - timedelta(days=DAYS - 1)).isoformat()},
        errors=asked.errors if asked else {},
        reasons=reasons(visit),
        purposes=_purposes(visit),
        kinds=sorted(((str(tag), say(said, visit.speech.lang)) for tag, said in EVENTS_SAID.items()), key=_second),
        today=today.isoformat(),
    )


def _second(pair: tuple[str, str]) -> str:
    return pair[1].casefold()


def _purposes(visit: Visit) -> list[tuple[str, str]]:
    titles = visit.running.session.covenant.purposes.items()
    return sorted(((name, str(getattr(one.title, visit.speech.lang))) for name, one in titles), key=_second)


def _found(visit: Visit, asked: Asked, page: SeenPage, rows: list[EntryRow]) -> Response:
    return visit.page(
        "logbook_found.html",
        rows=rows,
        page=page,
        left_out=len(page.entries) - len(rows),
        holders=len(visit.running.session.covenant.key_holders),
        fields={name: text for name, text in asked.fields.items() if text and name != "after"},
    )


async def _read(visit: Visit, inquiry: Inquiry, after: int | None) -> SeenPage:
    online = visit.running.online
    await online.trail.advance()
    return await online.searching.page(inquiry, after, PAGE)


async def _unusual(visit: Visit, inquiry: Inquiry) -> list[Listed]:
    session, online, now = visit.running.session, visit.running.online, visit.now
    begins = (now - timedelta(days=DAYS - 1)).replace(hour=0, minute=0, second=0, microsecond=0)
    bounds = session.covenant.terms.unusual
    inquiry = replace(inquiry, filters=EventFilters())
    if session.kind == "supervisor":
        said = await online.unusual.read(begins.date(), inquiry.log_purpose, person=inquiry.person, role=role_of(visit))
        return [*of_broker(said), *of_canaries(session.vault, begins.date())]
    await online.trail.advance()
    own = await of_own(online.searching, inquiry, begins, bounds, lambda _, __: None)
    budgets = of_budgets(scarcest(known_budgets(session.vault.evidence, now)), bounds, now.date())
    return of_findings([*own, *budgets], session.me.id)


async def _export(visit: Visit, asked: Asked) -> Response:
    begins, ends = _period(asked)
    session, online = visit.running.session, visit.running.online
    await online.trail.advance()
    signer = session.identity.sender.signer
    exporting = Exporting(online.searching, online.trail, session.covenant, signer, session.trust.kept_bundle)
    filters = EventFilters(since=begins, until=ends, purpose=asked.inquiry.filters.purpose)
    inquiry = replace(asked.inquiry, filters=filters, use="export")
    raw, _ = await exporting.run(inquiry, begins, ends, lambda _, __: None)
    name = f"sluis-{session.me.id}-{begins:%Y%m%d}-{ends - timedelta(seconds=1):%Y%m%d}.zip"
    return Response(
        raw, media_type="application/zip", headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )


def _period(asked: Asked) -> tuple[datetime, datetime]:
    begins, ends = day_of(asked.fields.get("since", "")), day_of(asked.fields.get("until", ""), end=True)
    if begins is None or ends is None:
        raise InputError(Code.MALFORMED, "A pack has a first and a last day.")
    return begins, ends


LOGBOOK: Final = Screen("logbook", "Logbook", frozenset({"privacy-officer"}), add_logbook, second=True)
