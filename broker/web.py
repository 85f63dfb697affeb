# SPDX-License-Identifier: EUPL-1.2
"""The broker's application: its routes, and the workers that run beside them.

A worker that dies of a bug stops the process: a broker that no longer logs must not go on accepting.
Not here: settings and clock (``main.py``).
"""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from fastapi import FastAPI, Response
from fastapi.responses import JSONResponse

from broker import matching_worker, timers
from broker.event_ids import EventIds
from broker.log_worker import LogWorker
from broker.postgres.store import PostgresStore
from broker.recording import Recorder
from broker.routes.door import Door
from broker.routes.hits import add_hits
from broker.routes.key_statements import add_key_statements
from broker.routes.log import add_log
from broker.routes.notices import add_notices
from broker.routes.signals import add_signals
from broker.service import Broker
from broker.transport import WITNESS_SECONDS, KeyHolderDoor
from edge.api import make_app
from edge.logs import Logger, error_fields, logger
from edge.transport import make_http
from protocol.checkpoint import LogSigner, WitnessKey
from protocol.covenant import Covenant
from protocol.errors import SluisError
from protocol.group import random_bytes
from protocol.ids import HolderIndex
from protocol.policy import PolicyEngine

API_VERSION: Final = "1.0.0"


@dataclass(frozen=True, slots=True)
class Running:
    """One started broker."""

    broker: Broker
    store: PostgresStore
    log_worker: LogWorker
    doors: Mapping[HolderIndex, KeyHolderDoor]
    log: Logger


@asynccontextmanager
async def running(
    covenant: Covenant, signer: LogSigner, database: str, clock: Callable[[], datetime]
) -> AsyncIterator[Running]:
    """Open the store and build the broker on it; nothing runs by itself yet."""
    covenant.require_complete()
    log = logger("broker")
    engine = PolicyEngine(covenant)
    async with PostgresStore.open(database, random_bytes) as store, make_http(read_seconds=WITNESS_SECONDS) as http:
        ids = EventIds(clock, random_bytes)
        recorder = Recorder(covenant, covenant.broker.id, ids.next)
        doors = {
            holder.index: KeyHolderDoor(holder.url, WitnessKey.parse(holder.witness), http)
            for holder in covenant.key_holders
        }
        broker = Broker(covenant, engine, covenant.key_directory(), store, recorder, clock)
        worker = LogWorker(
            store.log, signer, tuple(doors.values()), covenant.witness_quorum, store.events, broker.now, log
        )
        yield Running(broker, store, worker, doors, log)


def make_broker_app(
    covenant: Covenant, signer: LogSigner, database: str, clock: Callable[[], datetime], public_url: str
) -> FastAPI:
    """Return the application; its lifespan opens the store and keeps the workers going."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with running(covenant, signer, database, clock) as started:
            await started.broker.activate()
            _add_routes(app, started, public_url)
            tasks = [
                _worker("sequencer", started.log_worker.run(), started.log),
                _worker("matching", matching_worker.run(started.broker, started.log), started.log),
                _worker("expiry", timers.run_expiry(started.broker, started.log), started.log),
                _worker("statements", timers.run_statements(started.broker, started.doors, started.log), started.log),
            ]
            try:
                yield
            finally:
                app.state.stopping.set()
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    return make_app(
        "Sluis broker",
        API_VERSION,
        "Matches pseudonyms between agencies, tells each what it may know, and logs every act provably.",
        lifespan,
        role="broker",
    )


def _add_routes(app: FastAPI, started: Running, public_url: str) -> None:
    door = Door(started.broker, public_url, app.state.stopping)
    add_signals(app, door)
    add_notices(app, door)
    add_hits(app, door)
    add_key_statements(app, door)
    add_log(app, started.store.log)

    @app.get("/readyz", include_in_schema=False)
    async def readyz() -> Response:
        """Whether this process can do its work, and how far the log is."""
        try:
            await started.store.ping()
            head, published = await started.store.log.head(), await started.store.log.published()
        except SluisError as error:
            return JSONResponse({"status": "unavailable", "code": error.code.value}, 503)
        frozen = started.log_worker.frozen
        state = {
            "status": "log-frozen" if frozen else "ready",
            "covenant": started.broker.covenant.version,
            "logSize": head[0] if head else 0,
            "publishedSize": published.size,
            "failingWitnesses": started.log_worker.failing,
        }
        return JSONResponse(state, 503 if frozen else 200)


def _worker(name: str, work: Coroutine[Any, Any, None], log: Logger) -> "asyncio.Task[None]":
    def ended(task: "asyncio.Task[None]") -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("worker died, stopping", step=name, **error_fields(error))
            signal.raise_signal(signal.SIGTERM)

    task = asyncio.create_task(work, name=name)
    task.add_done_callback(ended)
    return task
