# SPDX-License-Identifier: EUPL-1.2
"""A connection that breaks at a chosen exchange with PostgreSQL: before the server heard it, or before we heard back.

Every statement, COPY and COMMIT goes through ``wait``, so each of them can be the one. Not here: what must hold after.
"""

import asyncio
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, Literal

import pytest
from psycopg import AsyncConnection, OperationalError
from psycopg.abc import PQGen
from psycopg_pool import AsyncConnectionPool

WORKERS: Final = ("matching", "sequencer")
Whose = Literal["request", "matching", "sequencer"]
When = Literal["before", "after"]


@dataclass
class Failure:
    """The next failure: whose exchange, which one from now (0 is the next), and on which side of it."""

    whose: Whose
    at: int
    when: When
    happened: bool = False


class FailingConnection(AsyncConnection[tuple[Any, ...]]):
    """A real connection with a planned end."""

    plan: Failure | None = None
    led: bool = False
    """Whether it is the sequencer's own, whose tasks have other names."""

    async def wait(self, gen: PQGen[Any], *args: Any, **options: Any) -> Any:  # type: ignore[override]
        """Do one exchange, or fail as planned."""
        plan = FailingConnection.plan
        if plan is None or plan.happened or self._whose() != plan.whose:
            return await super().wait(gen, *args, **options)
        plan.at -= 1
        if plan.at >= 0:
            return await super().wait(gen, *args, **options)
        plan.happened = True
        if plan.when == "after":
            answer = await super().wait(gen, *args, **options)
            self._cut()
            if self._pipeline is None:
                raise OperationalError("the connection broke before the answer came")
            return answer  # inside a pipeline answers are collected at its end, which will fail
        self._cut()
        return await super().wait(gen, *args, **options)

    def _cut(self) -> None:
        with socket.socket(fileno=os.dup(self.pgconn.socket)) as line:
            line.shutdown(socket.SHUT_RDWR)

    def _whose(self) -> str:
        task = asyncio.current_task()
        name = "" if task is None else task.get_name()
        return "sequencer" if self.led else name if name in WORKERS else "request"


class LedConnection(FailingConnection):
    """The connection on which the sequencer numbers events."""

    led = True


@contextmanager
def breakable(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Failure | None], None]]:
    """Let a broker that starts now use such connections; yields what plans the next failure."""

    def opened(*args: Any, **options: Any) -> Any:
        return AsyncConnectionPool(*args, connection_class=FailingConnection, **options)

    monkeypatch.setattr("broker.postgres.store.AsyncConnectionPool", opened)
    monkeypatch.setattr("broker.postgres.log.AsyncConnection", LedConnection)

    def plan(failure: Failure | None) -> None:
        FailingConnection.plan = failure

    try:
        yield plan
    finally:
        plan(None)
