# SPDX-License-Identifier: EUPL-1.2
"""The broker's application: its routes, and the workers that run beside them.

A worker that dies of a bug stops the process: a broker that no longer logs must not go on accepting.
Not here: settings and clock (``main.py``).
"""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from fastapi import FastAPI, Response
from fastapi.responses import JSONResponse

from broker import awaiting_worker, erasing, following_worker, matching_worker, publishing, statistics, timers, unusual
from broker.data_keys import DataKeys
from broker.event_ids import EventIds
from broker.log_worker import LogWorker
from broker.postgres.store import PostgresStore
from broker.publishing import Publication
from broker.recording import Recorder
from broker.routes.access import add_access
from broker.routes.changes import add_changes
from broker.routes.covenant import add_covenant
from broker.routes.disclosures import add_disclosures
from broker.routes.door import Door
from broker.routes.erasure import add_erasure
from broker.routes.evaluation_reports import add_evaluation_reports
from broker.routes.events import add_events
from broker.routes.follow_ups import add_follow_ups
from broker.routes.hits import add_hits
from broker.routes.informing import add_informing
from broker.routes.key_statements import add_key_statements
from broker.routes.log import add_log
from broker.routes.notices import add_notices
from broker.routes.probe_counts import add_probe_counts
from broker.routes.queries import add_queries
from broker.routes.signals import add_signals
from broker.routes.statistics import add_statistics
from broker.routes.subject_requests import add_subject_requests
from broker.routes.unusual import add_unusual
from broker.routes.witnesses import add_witnesses
from broker.service import Broker
from broker.standing import Look, Standing
from broker.transport import WITNESS_SECONDS, key_holder_doors
from broker.witnessing import Witnessing
from edge.api import make_app
from edge.ldv import SpanLog
from edge.logs import Logger, error_fields, logger
from edge.transport import make_http
from protocol.agreed import Agreed
from protocol.checkpoint import LogSigner
from protocol.errors import SluisError
from protocol.group import random_bytes

if TYPE_CHECKING:
    # Loads OpenTelemetry, which is needed only where a collector is configured.
    from edge.ldv_otlp import Forwarder

API_VERSION: Final = "1.0.0"


@dataclass(frozen=True, slots=True)
class Running:
    """One started broker."""

    standing: Standing
    store: PostgresStore
    log_worker: LogWorker
    log: Logger

    @property
    def broker(self) -> Broker:
        """The broker under the covenant of this moment."""
        return self.standing.broker


@asynccontextmanager
async def running(
    agreed: Agreed,
    signer: LogSigner,
    keys: DataKeys,
    database: str,
    clock: Callable[[], datetime],
    spans: SpanLog | None = None,
) -> AsyncIterator[Running]:
    """Open the store and build the broker on it; nothing runs by itself yet."""
    covenant = agreed.covenant
    covenant.require_complete()
    log = logger("broker")
    opening = PostgresStore.open(database, random_bytes, keys, spans)
    async with opening as store, make_http(read_seconds=WITNESS_SECONDS) as http:
        ids = EventIds(clock, random_bytes)
        recorder = Recorder(covenant, covenant.broker.id, ids.next)
        broker = Broker(agreed, store, recorder, clock)
        standing = Standing(broker, partial(key_holder_doors, http=http), log)
        witnesses = tuple(standing.doors.values())
        told = Witnessing(store.log, store.witnesses, signer.key)
        worker = LogWorker(store.log, told, signer, witnesses, covenant.witness_quorum, store.events, broker.now, log)
        yield Running(standing, store, worker, log)


def make_broker_app(
    agreed: Agreed,
    signer: LogSigner,
    keys: DataKeys,
    database: str,
    clock: Callable[[], datetime],
    public_url: str,
    look: Look | None = None,
    publication: Publication | None = None,
    spans: SpanLog | None = None,
    forwarder: "Forwarder | None" = None,
) -> FastAPI:
    """Return the application; its lifespan opens the store and keeps the workers going.

    ``keys`` seal what the log's entries say. ``look`` returns the covenant to act under later on; without it the first
    one stays. ``publication`` is served to all parties and kept fresh. ``spans`` is the log of processing, which
    ``forwarder`` sends on.
    """
    acting: list[Standing] = []

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with running(agreed, signer, keys, database, clock, spans) as started:
            await started.broker.activate()
            acting.append(started.standing)
            _add_routes(app, started, public_url)
            tasks = [
                _worker("sequencer", started.log_worker.run(), started.log),
                _worker("matching", matching_worker.run(started.standing, started.log), started.log),
                _worker("awaited", awaiting_worker.run(started.standing, started.log), started.log),
                _worker("follow-up", following_worker.run(started.standing, started.log), started.log),
                _worker("use", unusual.run(started.standing, started.log), started.log),
                _worker("counting", statistics.run(started.standing, started.log), started.log),
                _worker("erasure", erasing.run(started.standing, started.log), started.log),
                _worker("expiry", timers.run_expiry(started.standing, started.log), started.log),
                _worker("statements", timers.run_statements(started.standing, started.log), started.log),
            ]
            if look is not None:
                tasks.append(_worker("covenant", started.standing.run(look, started.log_worker), started.log))
            if forwarder is not None:
                tasks.append(_worker("spans", forwarder.run(app.state.stopping, started.log), started.log))
            if publication is not None:
                add_covenant(app, publication)
                tasks.append(_worker("publication", publishing.run(publication, clock, started.log), started.log))
            try:
                yield
            finally:
                app.state.stopping.set()
                await _end(tasks)

    return make_app(
        "Sluis broker",
        API_VERSION,
        "Matches pseudonyms between agencies, tells each what it may know, and logs every act provably.",
        lifespan,
        role="broker",
        covenant=lambda: (acting[-1].broker.agreed if acting else agreed).covenant.sha256,
    )


def _add_routes(app: FastAPI, started: Running, public_url: str) -> None:
    door = Door(started.standing, public_url, app.state.stopping)
    add_signals(app, door)
    add_erasure(app, door)
    add_notices(app, door)
    add_hits(app, door)
    add_follow_ups(app, door)
    add_changes(app, door)
    add_disclosures(app, door)
    add_queries(app, door)
    add_key_statements(app, door)
    add_evaluation_reports(app, door)
    add_log(app, started.store.log, started.store.witnesses)
    add_witnesses(app, door, started.log_worker.witnessing)
    add_access(app, door)
    add_statistics(app, door)
    add_probe_counts(app, door)
    add_unusual(app, door)
    add_events(app, door)
    add_subject_requests(app, door)
    add_informing(app, door)

    @app.get("/readyz", include_in_schema=False)
    async def readyz() -> Response:
        """Whether this process can do its work, and how far the log is."""
        try:
            await started.store.ping()
            head, published = await started.store.log.head(), await started.store.log.published()
        except SluisError as error:
            return JSONResponse({"status": "unavailable", "code": error.code.value}, 503)
        frozen, covenant = started.log_worker.frozen, started.broker.covenant
        state: dict[str, Any] = {
            "status": "log-frozen" if frozen else "ready",
            "covenant": {"version": covenant.version, "sha256": covenant.sha256},
            "covenantInForce": started.standing.in_force,
            "logSize": head[0] if head else 0,
            "publishedSize": published.size,
            "failingWitnesses": started.log_worker.failing,
        }
        if frozen is not None:
            state["frozenBecause"] = frozen.words
        return JSONResponse(state, 503 if frozen else 200)


async def _end(tasks: Iterable["asyncio.Task[None]"]) -> None:
    """End all workers. They are told again each second: one that misses it must not keep the process from stopping."""
    left = set(tasks)
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=1.0)


def _worker(name: str, work: Coroutine[Any, Any, None], log: Logger) -> "asyncio.Task[None]":
    def ended(task: "asyncio.Task[None]") -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("worker died, stopping", step=name, **error_fields(error))
            signal.raise_signal(signal.SIGTERM)

    task = asyncio.create_task(work, name=name)
    task.add_done_callback(ended)
    return task
