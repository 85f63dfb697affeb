# SPDX-License-Identifier: EUPL-1.2
"""What a coordinator does with a signal: take it back. Written into the outbox first, and done when the log proves it.

Not here: the page (``signal_page.py``), correcting (``signal_form.py``).
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Depends, FastAPI, Response

from agency_client.console.signal_page import WITHDRAWALS, find_kept, show_signal
from agency_client.console.visits import House, Visit
from protocol.errors import ConflictError, RefusedError, UnavailableError


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


def _chosen(visit: Visit, reasons: tuple[tuple[str, str], ...]) -> str | None:
    said = visit.form.text("reason")
    return next((code for code, _ in reasons if code == said), None)


async def _done(visit: Visit, signal: str, said: str, act: Callable[[], Awaitable[None]]) -> Response:
    """Do an act and say what became of it on the signal's page."""
    try:
        await act()
    except UnavailableError:
        # It stands in the outbox, and is sent as soon as the connection is back.
        visit.running.nudge()
        said = "waiting"
    except (ConflictError, RefusedError) as error:
        return await show_signal(visit, signal, 409, {"whole": error.detail})
    visit.running.changed()
    return visit.see(f"/signals/{signal}", said)
