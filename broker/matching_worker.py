# SPDX-License-Identifier: EUPL-1.2
"""Work off the match queue: a batch is matched after its commit, in one transaction that also takes it off.

A crash in between repeats the pass; a hit is unique, so nothing is told twice. Any number of processes may run it:
passes over one purpose and epoch take turns. Not here: what a hit is (``matching.py``), who is told (``notify.py``).
"""

import asyncio
from typing import Final

from broker.matching import matches
from broker.notify import issue, plan
from broker.service import Broker
from broker.standing import Standing
from edge.bells import heard
from edge.logs import Logger, error_fields
from protocol.errors import SluisError
from protocol.ids import Epoch, PurposeId

BATCHES: Final = 8
"""Batches matched in one transaction: at most 8,000 signals, a few seconds."""
LOOK_SECONDS: Final = 1.0
"""A wake-up can be lost with its connection: look again this often anyway."""


async def match_waiting(broker: Broker) -> int:
    """Match all that waits; return how many hits were found."""
    hits = 0
    for purpose, epoch in await broker.store.waiting():
        await broker.store.analyse()
        while (found := await match_once(broker, purpose, epoch)) is not None:
            hits += found
    return hits


async def match_once(broker: Broker, purpose: PurposeId, epoch: Epoch) -> int | None:
    """Match some batches of a purpose and epoch; return the number of hits, or None when none waits."""
    async with broker.act() as act:
        batches = await act.queued(purpose, epoch, BATCHES)
        if not batches:
            return None
        now = broker.now()
        broker.agreed.require_in_force(now)
        agreed = broker.covenant.purposes.get(purpose)
        planned = None
        if agreed is not None:
            signals = sorted({signal for batch in batches for signal in batch.signals})
            candidates = await act.candidates(signals, epoch, broker.covenant.common_key_limit)
            found = await asyncio.to_thread(matches, candidates, agreed, epoch, now)
            planned = await asyncio.to_thread(
                plan, purpose, epoch, found, candidates.common, candidates.known, broker.engine, now
            )
            if not planned.empty:
                seqs = await act.next_seqs(list(planned.receivers))
                outcome = await asyncio.to_thread(issue, planned, seqs, broker.recorder, now)
                await act.commit(outcome)
        await act.matched([batch.id for batch in batches])
        return len(planned.found) if planned is not None else 0


async def run(standing: Standing, log: Logger) -> None:
    """Match for as long as the process runs."""
    while True:
        ring = standing.broker.store.queue.next()
        try:
            # While the covenant is not in force nobody may be told, so what waits for matching goes on waiting.
            hits = await match_waiting(standing.broker) if standing.in_force else 0
            if hits:
                log.info("matched", hits=hits)
        except SluisError as error:
            log.warning("matching failed and will be repeated", code=error.code.value, **error_fields(error))
        await heard(ring, LOOK_SECONDS)
