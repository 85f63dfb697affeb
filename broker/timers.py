# SPDX-License-Identifier: EUPL-1.2
"""What the broker does by the clock: end signals past their time, fetch key statements, forget old nonces.

Not here: which signals and why (``retention.py``), what ending means (``withdrawal.py``), HTTP (``transport.py``).
"""

import asyncio
from collections.abc import Mapping
from typing import Final

from broker import withdrawal
from broker.disclosures import end_due
from broker.facts import Outcome, StatementKept
from broker.retention import BATCH, oldest_live_epoch, rule_of
from broker.service import Broker
from broker.standing import Standing
from broker.transport import KeyHolderDoor
from edge.logs import Logger, error_fields
from protocol.errors import SluisError
from protocol.ids import Epoch, HolderIndex, PurposeId
from protocol.messages import SignedKeyStatement
from protocol.signing import verify_key_statement

EXPIRY_SECONDS: Final = 60.0
"""A signal is gone at most a minute after its time; matching looks at the time itself."""
STATEMENTS_SECONDS: Final = 2.0
"""While a statement is missing, clients cannot start: ask often."""
STATEMENTS_REST: Final = 300.0
"""When all are there: a new epoch is seen within five minutes of its start."""


async def expire(broker: Broker) -> int:
    """End every signal past its time; return how many."""
    count = 0
    while True:
        now = broker.now()
        async with broker.act() as act:
            due = await act.expired(now, oldest_live_epoch(broker.covenant, now), BATCH)
            if not due:
                return count
            ids = [signal.id for signal in due]
            told, acquainted = await act.told(ids), await act.acquainted(ids)
            seqs = await act.next_seqs(list(withdrawal.receivers(told)))
            ended = [(signal, rule_of(signal, now)) for signal in due]
            outcome = withdrawal.expire(ended, told, acquainted, seqs, broker.recorder, now)
            await act.commit(outcome)
        count += len(due)


async def collect_statements(broker: Broker, doors: Mapping[HolderIndex, KeyHolderDoor], log: Logger) -> bool:
    """Ask each key-holder for the statements that are missing; say whether all are there now."""
    now = broker.now()
    wanted = [
        (index, purpose, epoch)
        for index in doors
        for purpose in broker.covenant.purposes
        for epoch in broker.covenant.live_epochs(now)
    ]
    complete = await asyncio.gather(*(_collect(broker, doors[index], index, p, e, log) for index, p, e in wanted))
    return all(complete)


async def _collect(
    broker: Broker, door: KeyHolderDoor, index: HolderIndex, purpose: PurposeId, epoch: Epoch, log: Logger
) -> bool:
    if await broker.store.has_statement(purpose, epoch, index):
        return True
    try:
        said = await door.statements(purpose, epoch)
        for signed in said.statements:
            found = verify_key_statement(broker.directory, signed, broker.now())
            if (found.holder, found.purpose, found.epoch) == (index, purpose, epoch):
                await keep_statement(broker, signed)
                return True
    except SluisError as error:
        log.info("no key statement yet", holder=index, purpose=purpose, epoch=epoch, code=error.code.value)
    return False


async def keep_statement(broker: Broker, signed: SignedKeyStatement) -> None:
    """Log a verified statement and keep it; the first of a key-holder for a purpose and epoch stands."""
    async with broker.act() as act:
        if not await act.has_statement(signed):
            event = broker.recorder.key_statement(signed, broker.now())
            await act.commit(Outcome((StatementKept(signed, event.id),), (event,)))


async def run_expiry(standing: Standing, log: Logger) -> None:
    """End signals and forget nonces for as long as the process runs."""
    while True:
        broker = standing.broker
        try:
            # Also when the covenant is over: what must be deleted is deleted.
            count = await expire(broker)
            await end_due(broker)
            await broker.store.retire(oldest_live_epoch(broker.covenant, broker.now()))
            await broker.store.clean(broker.now())
            if count:
                log.info("signals expired", count=count)
        except SluisError as error:
            log.warning("expiry failed and will be repeated", code=error.code.value, **error_fields(error))
        await asyncio.sleep(EXPIRY_SECONDS)


async def run_statements(standing: Standing, log: Logger) -> None:
    """Collect key statements for as long as the process runs."""
    while True:
        complete = False
        try:
            if standing.in_force:
                complete = await collect_statements(standing.broker, standing.doors, log)
        except SluisError as error:
            log.warning("key statements will be asked again", code=error.code.value, **error_fields(error))
        rest = STATEMENTS_REST if complete else STATEMENTS_SECONDS
        acting = standing.broker.covenant
        epoch = acting.epoch_at(standing.broker.now())
        while rest > 0 and standing.broker.covenant is acting and acting.epoch_at(standing.broker.now()) == epoch:
            # A new version can have new purposes, and a new epoch's keys are needed from its first moment.
            await asyncio.sleep(STATEMENTS_SECONDS)
            rest -= STATEMENTS_SECONDS
