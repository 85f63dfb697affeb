# SPDX-License-Identifier: EUPL-1.2
"""Tell of awaited counterparts that stay away, by the clock: each waiting signal once, however many processes look.

Not here: what is awaited and who is told (``awaiting.py``).
"""

import asyncio
from datetime import timedelta
from typing import Final

from broker.awaiting import MEETS, expectations, receivers, tell
from broker.service import Broker
from broker.standing import Standing
from edge.logs import Logger, error_fields
from protocol.errors import SluisError

GRACE: Final = timedelta(minutes=5)
"""A counterpart that comes at the last moment still has to be matched: seconds, or the wait for a restart."""
BATCH: Final = 200
"""Signals told of in one transaction: short locks, and seldom more due at a time."""
LOOK_SECONDS: Final = 60.0
"""Days are awaited; a minute does not matter."""


async def tell_overdue(broker: Broker) -> int:
    """Tell of every counterpart that is overdue; return how many. Any number of processes may do it at once."""
    expected, count = expectations(broker.covenant), 0
    while expected:
        now = broker.now()
        broker.agreed.require_in_force(now)
        async with broker.act() as act:
            due = await act.awaiting(expected, MEETS, now, now - GRACE, BATCH)
            if not due:
                break
            silent = [one for one in due if not one.met]
            if silent:
                seqs = await act.next_seqs(list(receivers(silent)))
                await act.commit(tell(silent, seqs, broker.recorder, now))
            await act.waited([one.signal for one in due if one.met])
        count += len(silent)
    return count


async def run(standing: Standing, log: Logger) -> None:
    """Tell of overdue counterparts for as long as the process runs."""
    while True:
        try:
            # While the covenant is not in force nobody may be told; what is overdue then is told when it is again.
            count = await tell_overdue(standing.broker) if standing.in_force else 0
            if count:
                log.info("counterparts overdue", count=count)
        except SluisError as error:
            log.warning("overdue counterparts will be looked at again", code=error.code.value, **error_fields(error))
        await asyncio.sleep(LOOK_SECONDS)
