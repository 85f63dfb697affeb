# SPDX-License-Identifier: EUPL-1.2
"""What the routes of the local API have in common: the client behind them, and how they stand in the OpenAPI document.

Not here: any route.
"""

from collections.abc import Sequence
from typing import Any, Final

from fastapi import FastAPI, Response

from agency_client.api.wrong_tokens import WrongTokens
from agency_client.running import Running
from edge.api import described
from edge.description import problem_schema
from edge.problems import PROBLEM_TYPE
from protocol.errors import Code
from protocol.messages import Message, Problem

_ALWAYS: Final = (Code.TOKEN_INVALID, Code.POLICY_REFUSED, Code.TOKEN_PAUSED)


class Routes:
    """The client that the routes are of."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app
        self.wrong_tokens = WrongTokens()

    @property
    def running(self) -> Running:
        """The running client, as it is now."""
        found: Running = self._app.state.running
        return found

    def changed(self) -> None:
        """Say that there is something to send, and that screens are old."""
        self.running.nudge()
        self.running.changed()

    @staticmethod
    def json(answer: Message, status: int = 200) -> Response:
        """Return an answer."""
        return Response(answer.to_json(), status_code=status, media_type="application/json")


def answered(
    answer: type[Message],
    *,
    body: type[Message] | None = None,
    refusals: Sequence[Code] = (),
    problem: type[Problem] = Problem,
) -> dict[str, Any]:
    """Return the keyword arguments that describe a route; ``problem`` is what its status 400 looks like."""
    found = described(body=body, answer=answer, refusals=[*_ALWAYS, *refusals])
    found["openapi_extra"]["security"] = [{"bearer": []}]
    if problem is not Problem:
        found["responses"][400]["content"] = {PROBLEM_TYPE: {"schema": problem_schema(problem)}}
    return found
