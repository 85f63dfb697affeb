# SPDX-License-Identifier: EUPL-1.2
"""What the one web server of a client that stays serves: the local API under ``/v1``, the console, its health.

Composed here and nowhere else. Not here: what any of them does.
"""

from typing import Final

from fastapi import FastAPI, Response
from fastapi.responses import JSONResponse

from agency_client.api.app import add_api
from agency_client.console.app import make_console
from agency_client.console.people import AgencyPeople
from agency_client.run_settings import RunSettings
from agency_client.running import Running
from agency_client.session import Session
from edge.api import Lifespan

API_VERSION: Final = "1.0.0"


def make_served(lifespan: Lifespan, settings: RunSettings, session: Session) -> FastAPI:
    """Return the application. ``lifespan`` puts the ``Running`` client into ``app.state.running``."""
    app = make_console(lifespan, settings, AgencyPeople(settings), version=API_VERSION)
    add_api(app)
    add_health(app)
    return app


def add_health(app: FastAPI) -> None:
    """Add ``/readyz``: whether all goes on, for who watches machines; no counts, since anybody may ask."""

    @app.get("/readyz", include_in_schema=False)
    async def readyz() -> Response:
        running: Running = app.state.running
        health = running.health
        # Away is not ill: the console shows what is here, and all that waits is kept.
        state = "stopped" if health.stopped is not None else "ready" if health.works else "waiting"
        said = {"status": state, "listening": health.listening, "broker": health.broker.ok}
        return JSONResponse(said, 200 if health.stopped is None else 503)
