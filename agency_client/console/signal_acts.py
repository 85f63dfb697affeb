# SPDX-License-Identifier: EUPL-1.2
"""What a coordinator does with a signal: take it back, restrict it or lift that, let it live on.

Each is written into the outbox first, and done when the log proves it.

Not here: the page (``signal_page.py``), correcting (``signal_form.py``).
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Depends, FastAPI, Response

from agency_client.console.refusals import detail_said
from agency_client.console.signal_page import LIFTED, RESTRICTIONS, WITHDRAWALS, find_kept, show_signal
from agency_client.console.visits import House, Visit
from protocol.errors import ConflictError, RefusedError, UnavailableError
from protocol.messages import MAX_TEXT


def add_signal_acts(app: FastAPI, house: House) -> None:
    """Add the routes."""
    enter = Annotated[Visit, Depends(house.visit("coordinator"))]

    @app.post("/signals/{signal}/withdraw", include_in_schema=False)
    async def withdraw(visit: enter, signal: str) -> Response:
        reason = _chosen(visit, WITHDRAWALS)
        if reason is None:
            return await show_signal(visit, signal, 422, {"reason": visit.speech.gettext("Choose one of these.")})
        kept = await asyncio.to_thread(find_kept, visit, signal)
        acts = visit.running.online.acts
        return await _done(visit, signal, "withdrawn", lambda: acts.withdraw(kept, reason, visit.person()))

    @app.post("/signals/{signal}/restrict", include_in_schema=False)
    async def restrict(visit: enter, signal: str) -> Response:
        reason = _chosen(visit, RESTRICTIONS)
        if reason is None:
            return await show_signal(visit, signal, 422, {"restriction": visit.speech.gettext("Choose one of these.")})
        kept = await asyncio.to_thread(find_kept, visit, signal)
        changing = visit.running.online.changing
        return await _done(
            visit, signal, "restricted", lambda: changing.restrict(kept.id, True, reason, visit.person())
        )

    @app.post("/signals/{signal}/lift", include_in_schema=False)
    async def lift(visit: enter, signal: str) -> Response:
        kept = await asyncio.to_thread(find_kept, visit, signal)
        changing = visit.running.online.changing
        return await _done(visit, signal, "lifted", lambda: changing.restrict(kept.id, False, LIFTED, visit.person()))

    @app.post("/signals/{signal}/extend", include_in_schema=False)
    async def extend(visit: enter, signal: str) -> Response:
        words = " ".join(visit.form.text("why").split())
        if not words or len(words) > MAX_TEXT:
            said = visit.speech.gettext("Say in a sentence why it is still needed.")
            return await show_signal(visit, signal, 422, {"why": said})
        kept = await asyncio.to_thread(find_kept, visit, signal)
        changing = visit.running.online.changing
        return await _done(visit, signal, "extended", lambda: changing.extend(kept.id, words, visit.person()))


def _chosen(visit: Visit, reasons: tuple[tuple[str, str], ...]) -> str | None:
    said = visit.form.text("restriction") or visit.form.text("reason")
    return next((code for code, _ in reasons if code == said), None)


async def _done(visit: Visit, signal: str, said: str, act: Callable[[], Awaitable[None]]) -> Response:
    """Do an act and say what became of it on the signal's page."""
    try:
        await act()
    except UnavailableError:
        # It stands in the outbox, and is sent as soon as the connection is back.
        visit.running.nudge()
        said = "waiting"
    except ConflictError:
        words = visit.speech.gettext(
            "Something changed meanwhile, or the signal is on its way. You changed nothing now."
        )
        return await show_signal(visit, signal, 409, {"whole": words})
    except RefusedError as error:
        words = visit.speech.gettext("This is not allowed now, so that nothing was changed.")
        words = f"{words} {detail_said(error, visit.speech)}"
        return await show_signal(visit, signal, 409, {"whole": words})
    visit.running.changed()
    return visit.see(f"/signals/{signal}", said)
