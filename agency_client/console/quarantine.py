# SPDX-License-Identifier: EUPL-1.2
"""Rows of own systems that could not be used: which fields and why for everybody, their values only for who repairs.

An operator keeps systems running and must never see a record, so that it sees reasons and places, and no value. Not
here: repairing (``agency_client/connectors/repairing.py``), words of reasons (``issue_words.py``).
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Final

from fastapi import Depends, FastAPI, Response

from agency_client.connectors.repairing import Repairing
from agency_client.console.issue_words import WHOLE, field_of, words_of
from agency_client.console.languages import Speech
from agency_client.console.visits import MAX_FIELDS, House, Visit
from agency_client.vault.quarantine import Quarantined
from protocol.errors import Code, ConflictError, InputError, Issue, NotFoundError

PAGE: Final = 25
_CELLS: Final = MAX_FIELDS - 10
"""Columns in the form: a mapping uses some dozens; the form's own fields need room too."""


@dataclass(frozen=True, slots=True)
class RowView:
    """A row that waits. ``reference`` is empty for who may not see records."""

    number: int
    system: str
    place: int
    at: str
    reference: str = field(repr=False)
    reasons: tuple[tuple[str, str], ...]
    """A field and what is wrong with it."""
    partly: bool
    repairable: bool


@dataclass(frozen=True, slots=True)
class CellView:
    """One value of a row in the form."""

    name: str
    column: str = field(repr=False)
    value: str = field(repr=False)
    fills: str
    error: str


def add_quarantine(app: FastAPI, house: House) -> None:
    """Add the routes."""
    look = Annotated[Visit, Depends(house.visit())]
    repair = Annotated[Visit, Depends(house.visit("coordinator", "supervisor"))]

    @app.get("/system/quarantine", include_in_schema=False)
    async def rows(visit: look) -> Response:
        return visit.page("quarantine.html", **await asyncio.to_thread(_page, visit))

    @app.get("/system/quarantine/{number}", include_in_schema=False)
    async def row(visit: repair, number: str) -> Response:
        kept = await asyncio.to_thread(_find, visit, number)
        return await _form(visit, kept, kept.values, kept.reasons)

    @app.post("/system/quarantine/{number}", include_in_schema=False)
    async def mend(visit: repair, number: str) -> Response:
        return await _mend(visit, await asyncio.to_thread(_find, visit, number))

    @app.post("/system/quarantine/{number}/dismiss", include_in_schema=False)
    async def dismiss(visit: repair, number: str) -> Response:
        kept = await asyncio.to_thread(_find, visit, number)
        repairing = Repairing(visit.running.session)
        try:
            await asyncio.to_thread(repairing.dismiss, kept.number, visit.person())
        except ConflictError:
            return visit.see("/system/quarantine", "conflict")
        visit.running.changed()
        return visit.see("/system/quarantine", "dismissed")


def _find(visit: Visit, number: str) -> Quarantined:
    if not (number.isascii() and number.isdigit() and len(number) < 16):
        raise NotFoundError(Code.NOT_FOUND, "There is no such row.")
    return visit.running.session.vault.quarantine.get(int(number))


def _page(visit: Visit) -> Mapping[str, Any]:
    asked = visit.request.query_params.get("before", "")
    before = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 16 else None
    found = visit.running.session.vault.quarantine.page(PAGE + 1, before)
    named = visit.may("coordinator", "supervisor")
    rows = [row_view(one, visit.speech, visit.speech.moment(one.at, visit.now), named=named) for one in found[:PAGE]]
    older = f"/system/quarantine?before={found[PAGE - 1].number}" if len(found) > PAGE else None
    return {
        "rows": rows,
        "older": older,
        "newer": "/system/quarantine" if before is not None else None,
        "may_repair": named,
    }


def row_view(one: Quarantined, speech: Speech, at: str, *, named: bool) -> RowView:
    """Return a row for people; ``named`` says whether they may see whose it is."""
    reasons = tuple((field_of(issue.location), words_of(issue, speech)) for issue in one.reasons)
    return RowView(
        one.number,
        one.system,
        one.place,
        at,
        one.reference if named else "",
        tuple(("" if name == WHOLE else name, words) for name, words in dict.fromkeys(reasons)),
        one.partly,
        one.repairable,
    )


async def _mend(visit: Visit, kept: Quarantined) -> Response:
    repairing = Repairing(visit.running.session)
    columns = await asyncio.to_thread(_columns, visit, kept)
    values = {
        column: visit.form.text(f"cell{place}")
        for place, (column, _) in enumerate(columns)
        if f"cell{place}" in visit.form.fields
    }
    try:
        done = await asyncio.to_thread(repairing.repair, kept.number, values, visit.person())
    except ConflictError:
        return visit.see("/system/quarantine", "conflict")
    except InputError as error:
        reasons = error.issues or (Issue("record", error.code, error.detail),)
        return await _form(visit, kept, {**kept.values, **values}, reasons, 422)
    visit.running.changed()
    visit.running.nudge()
    if done.done:
        return visit.see("/system/quarantine", "repaired")
    return await _form(visit, await asyncio.to_thread(_find, visit, str(kept.number)), values, done.reasons, 422)


def _columns(visit: Visit, kept: Quarantined) -> list[tuple[str, str]]:
    """Return the row's columns that are used, each with the field that it fills; the others are nobody's business."""
    return list(dict(Repairing(visit.running.session).columns(kept.number)).items())[:_CELLS]


async def _form(
    visit: Visit, kept: Quarantined, values: Mapping[str, str], reasons: Sequence[Issue], status: int = 200
) -> Response:
    columns = await asyncio.to_thread(_columns, visit, kept)
    wrong: dict[str, list[str]] = {}
    for issue in reasons:
        wrong.setdefault(field_of(issue.location), []).append(words_of(issue, visit.speech))
    cells = [
        CellView(f"cell{place}", column, values.get(column, ""), fills, " ".join(dict.fromkeys(wrong.get(fills, ()))))
        for place, (column, fills) in enumerate(columns)
    ]
    shown = {fills for _, fills in columns}
    whole = [words for name, said in wrong.items() if name not in shown for words in said]
    return visit.page(
        "quarantine_row.html",
        status,
        row=row_view(kept, visit.speech, visit.speech.moment(kept.at, visit.now), named=True),
        cells=cells,
        whole=list(dict.fromkeys(whole)),
    )
