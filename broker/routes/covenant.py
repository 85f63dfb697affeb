# SPDX-License-Identifier: EUPL-1.2
"""The signed covenant for everybody: ``/covenant/timestamp.json`` and the files that it leads to (TUF).

Nothing in it is secret, and nothing in it is believed for coming from here. Not here: making it (``publishing.py``).
"""

import asyncio

from fastapi import FastAPI, Response

from broker.publishing import Publication
from broker.routes.log import IMMUTABLE
from protocol.errors import Code, NotFoundError


def add_covenant(app: FastAPI, publication: Publication) -> None:
    """Add the covenant's route."""

    @app.get("/covenant/{name:path}", include_in_schema=False)
    async def covenant(name: str) -> Response:
        content = await asyncio.to_thread(publication.read, name)
        if content is None:
            raise NotFoundError(Code.NOT_FOUND, "The covenant has no such file.")
        # Only the timestamp keeps its name when it changes.
        caching = "no-cache" if name == "timestamp.json" else IMMUTABLE
        return Response(content, media_type="application/json", headers={"Cache-Control": caching})
