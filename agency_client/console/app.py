# SPDX-License-Identifier: EUPL-1.2
"""The console as one application: its screens, its files, its errors, its live updates.

Everything works without JavaScript; htmx only refreshes what changed. Not here: what a screen shows, pages of errors
(``failures.py``).
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Final

from fastapi import Depends, FastAPI, Request, Response
from fastapi.responses import RedirectResponse, StreamingResponse

from agency_client.console.failures import API, OWN_HEADERS, add_errors, too_large
from agency_client.console.languages import Languages
from agency_client.console.pages import Pages
from agency_client.console.screens import SCREENS, Screen
from agency_client.console.visits import (
    LANGUAGE_COOKIE,
    MAX_FORM,
    House,
    People,
    Visit,
    read_form,
    require_same_site,
)
from agency_client.run_settings import RunSettings
from edge.api import Asgi, Event, Lifespan, Receive, Scope, Send, announced, make_app
from edge.bells import heard
from edge.languages import LANGS
from protocol.errors import Code, NotFoundError

STATIC: Final = Path(__file__).parent / "static"
_TYPES: Final = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
_KEEP_ALIVE: Final = 15.0
"""Seconds between signs of life on a silent stream: half of what impatient proxies wait."""
_STREAM: Final = 600.0
"""A stream ends after ten minutes and is opened again, so that a session that ended is noticed."""


def make_console(
    lifespan: Lifespan,
    settings: RunSettings,
    people: People,
    screens: Sequence[Screen] = SCREENS,
    version: str = "1.0.0",
) -> FastAPI:
    """Return the application. ``lifespan`` puts the ``Running`` client into ``app.state.running``."""
    app = make_app(
        "Sluis agency client",
        version,
        "The agency's own systems push records here and read hits, on the agency's own network.",
        lifespan,
        role="agency",
        max_body=MAX_FORM,
    )
    house = House(app, settings, people, Languages(settings.time_zone), Pages(), screens)
    app.state.house = house
    add_errors(app, house)
    _add_files(app)
    _add_frame(app, house)
    people.add_pages(app, house)
    for screen in screens:
        screen.add(app, house)

    app.add_middleware(_Secured, house=house)
    return app


class _Secured:
    """Gives the console's answers its own policy, in place of the API's that forbids everything; and its own page to
    who sends too much.
    """

    _OWN: Final = {name.lower().encode(): value.encode() for name, value in OWN_HEADERS.items()}

    def __init__(self, app: Asgi, house: House) -> None:
        self._app = app
        self._house = house

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(API):
            await self._app(scope, receive, send)
            return

        async def dressed(event: Event) -> None:
            if event["type"] == "http.response.start":
                kept = [(name, value) for name, value in event["headers"] if name.lower() not in self._OWN]
                event["headers"] = [*kept, *self._OWN.items()]
            await send(event)

        if announced(scope) > MAX_FORM:
            # Answered before a byte of it is read; the server then closes the connection.
            await too_large(Request(scope), self._house)(scope, receive, dressed)
        else:
            await self._app(scope, receive, dressed)


def _add_files(app: FastAPI) -> None:
    components = b"\n".join(path.read_bytes() for path in sorted((STATIC / "vendor" / "utrecht").glob("*.css")))
    files = {
        "components.css": components,
        "htmx.js": (STATIC / "vendor" / "htmx.min.js").read_bytes(),
        **{path.name: path.read_bytes() for path in STATIC.iterdir() if path.suffix in _TYPES},
    }
    tags = {name: f'"{hashlib.sha256(content).hexdigest()[:16]}"' for name, content in files.items()}

    @app.get("/static/{name}", include_in_schema=False)
    async def static(request: Request, name: str) -> Response:
        content = files.get(name)
        if content is None:
            raise NotFoundError(Code.NOT_FOUND, "There is no such file.")
        headers = {"ETag": tags[name], "Cache-Control": "no-cache"}
        if request.headers.get("if-none-match") == tags[name]:
            return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
        return Response(content, media_type=_TYPES[Path(name).suffix], headers=headers)


def _add_frame(app: FastAPI, house: House) -> None:
    @app.get("/", include_in_schema=False)
    async def begin(visit: Annotated[Visit, Depends(house.visit())]) -> Response:
        return visit.see(next((f"/{one.name}" for one in SCREENS if visit.visitor.roles & one.roles), "/account"))

    @app.post("/language", include_in_schema=False)
    async def language(request: Request) -> Response:
        # Also for who is not logged in yet, so there is no session whose token it could carry: it only sets a cookie.
        require_same_site(request, house.settings)
        form = await read_form(request)
        back = form.text("back")
        answer = RedirectResponse(back if back.startswith("/") and back[1:2] not in ("/", "\\") else "/", 303)
        chosen = next((lang for lang in LANGS if lang == form.text("lang")), None)
        if chosen is not None:
            answer.set_cookie(LANGUAGE_COOKIE, chosen, max_age=31_536_000, httponly=True, samesite="lax")
        return answer

    @app.get("/live", include_in_schema=False)
    async def live(visit: Annotated[Visit, Depends(house.visit())]) -> Response:
        return StreamingResponse(_changes(app, house), media_type="text/event-stream")


async def _changes(app: FastAPI, house: House) -> AsyncIterator[bytes]:
    clock = asyncio.get_running_loop().time
    ends = clock() + _STREAM
    ring = house.running.bell.next()
    yield b": welcome\n\n"
    stopping: asyncio.Event = app.state.stopping
    while not stopping.is_set() and clock() < ends:
        if await heard(ring, _KEEP_ALIVE if not stopping.is_set() else 0):
            ring = house.running.bell.next()
            yield b"event: changed\ndata: \n\n"
        else:
            yield b": still here\n\n"
