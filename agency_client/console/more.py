# SPDX-License-Identifier: EUPL-1.2
"""The form by which somebody asks the other agency of a hit for more: about what, in which words, and why.

What is asked is sealed to the other agency; why stands in the log. Not here: the requests themselves
(``requests.py``), the act (``agency_client/requesting.py``).
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Annotated

from fastapi import Depends, FastAPI, Response

from agency_client.console.hit_acts import ROLES, hit_id, tried
from agency_client.console.hit_rows import read_behind
from agency_client.console.hit_words import agency_said, counterpart_of, purpose_said, titled
from agency_client.console.languages import Speech
from agency_client.console.reasons import ReasonForm, options
from agency_client.console.visits import House, Visit
from agency_client.running import Running
from agency_client.vault.hits import HitState
from edge.problems import plain
from protocol.disclosure_payload import Wanted
from protocol.disclosures import MAX_WORDS
from protocol.ids import HitId


@dataclass(frozen=True, slots=True)
class MoreShown:
    """Whom is asked about which case, and what there is to ask about."""

    hit: str
    who: str
    case: str = field(repr=False)
    purpose: str
    topics: tuple[tuple[str, str], ...]
    due: datetime
    """By when they decide, when it is asked now."""
    nobody: bool
    """Whether there is nobody to ask: the other agency may not be named, or took its signal back."""
    restricted: bool
    """Whether nothing may be asked for now, since one of both signals is restricted."""


def more_shown(running: Running, hit: HitId, speech: Speech) -> MoreShown:
    """Return the form's page; reads the vault, so call it in a thread. Raises ``NotFoundError``."""
    session = running.session
    covenant, kept = session.covenant, session.vault.hits.get(hit)
    draft = read_behind(session.vault, [kept]).draft(kept.notice.my_signal)
    purpose = covenant.purposes.get(kept.notice.purpose)
    known = covenant.disclosures.topics if covenant.disclosures is not None else {}
    other = counterpart_of(kept)
    hours = 0 if purpose is None else purpose.disclosure_hours
    return MoreShown(
        str(hit),
        agency_said(other, covenant, speech),
        "" if draft is None else plain(draft.case_reference),
        purpose_said(kept.notice.purpose, covenant, speech),
        tuple((code, titled(title, speech)) for code, title in known.items()),
        session.clock() + timedelta(hours=hours),
        other is None or kept.state is HitState.WITHDRAWN,
        kept.state is HitState.RESTRICTED or session.vault.changes.is_restricted(kept.notice.my_signal),
    )


def add_more(app: FastAPI, house: House) -> None:
    """Add the form."""
    enter = Annotated[Visit, Depends(house.visit(*ROLES))]

    async def shown(
        visit: Visit,
        hit: HitId,
        form: ReasonForm | None = None,
        errors: Mapping[str, str] | None = None,
        status: int = HTTPStatus.OK,
        *,
        restricted: bool = False,
    ) -> Response:
        more = await asyncio.to_thread(more_shown, visit.running, hit, visit.speech)
        asked = form or ReasonForm(case=more.case)
        chosen, text = visit.form.texts("topic"), visit.form.text("wanted")
        return visit.page(
            "more.html",
            status,
            more=more,
            form=asked,
            errors=errors or {},
            chosen=chosen,
            text=text,
            restricted=restricted or more.restricted,
            reasons=options(visit.running.session.covenant, visit.speech),
        )

    @app.get("/hits/{hit}/more", include_in_schema=False)
    async def blank(visit: enter, hit: str) -> Response:
        return await shown(visit, hit_id(hit))

    @app.post("/hits/{hit}/more", include_in_schema=False)
    async def ask(visit: enter, hit: str) -> Response:
        found, form = hit_id(hit), ReasonForm.read(visit.form, visit.running.session.covenant, visit.speech)
        text, topics = visit.form.text("wanted"), visit.form.texts("topic")
        errors = dict(form.errors)
        if not text or len(text) > MAX_WORDS:
            errors["wanted"] = visit.speech.gettext("Say what you want to know, in at most 4,000 characters.")
        if errors:
            return await shown(visit, found, form, errors, HTTPStatus.UNPROCESSABLE_ENTITY)
        wanted, why = Wanted(topics=topics, text=text), form.justification(visit.running.session.covenant, visit.speech)
        desk = visit.running.online.requesting

        async def asked() -> None:
            await desk.ask(found, wanted, why, visit.person())

        async def restricted() -> Response:
            return await shown(visit, found, form, status=HTTPStatus.CONFLICT, restricted=True)

        return await tried(visit, found, asked(), "asked", restricted)
