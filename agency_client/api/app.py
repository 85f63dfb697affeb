# SPDX-License-Identifier: EUPL-1.2
"""Adds the local API to the one web server of a client that stays.

Not here: the routes (``records.py``, ``hits.py``).
"""

from fastapi import APIRouter, FastAPI

from agency_client.api.described import Routes
from agency_client.api.hits import add_hits
from agency_client.api.records import add_records
from agency_client.api.tokens import SCHEME


def add_api(app: FastAPI) -> None:
    """Add the routes under ``/v1``; ``app.state.running`` is the client, from when the application lives."""
    router, routes = APIRouter(), Routes(app)
    add_records(router, routes)
    add_hits(router, routes)
    app.include_router(router)
    app.state.security_schemes = SCHEME
