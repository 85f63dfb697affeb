# SPDX-License-Identifier: EUPL-1.2
"""Tell of hits that are not followed up in time, by the clock: each once, however many processes look.

Not here: what late is and who is told (``following.py``).
"""

import asyncio
from datetime import timedelta
from typing import Final

from broker.following import receivers, tell
from broker.service import Broker
from broker.standing import Standing
from edge.logs import Logger, error_fields
from protocol.errors import SluisError

GRACE: Final = timedelta(minutes=1)
"""An acknowledgement of the last moment is still on its way: seconds."""
BATCH: Final = 200
"""Hits told of in one transaction: short locks, and seldom more due at a time."""
LOOK_SECONDS: Final = 30.0
"""The shortest time that a purpose can give is an hour; half a minute does not matter."""


async def tell_late(broker: Broker) -> int:
    """Tell of every hit that is late; return how many. Any number of processes may do it at once."""
    count = 0
    while True:
        now = broker.now()
        broker.agreed.require_in_force(now)
        # Who is suspended is told nothing; what is late then is told when it takes part again.
        active = [agency.id for agency in broker.covenant.agencies if agency.state == "active"]
        async with broker.act() as act:
            late = await act.late_follow_ups(active, now, now - GRACE, BATCH)
            if not late:
                return count
            seqs = await act.next_seqs(list(receivers(late)))
            await act.commit(tell(late, seqs, broker.recorder, now))
        count += len(late)


async def run(standing: Standing, log: Logger) -> None:
    """Tell of late hits for as long as the process runs."""
    while True:
        try:
            # While the covenant is not in force nobody may be told; what is late then is told when it is again.
            count = await tell_late(standing.broker) if standing.in_force else 0
            if count:
                log.info("hits not followed up", count=count)
        except SluisError as error:
            log.warning("late hits will be looked at again", code=error.code.value, **error_fields(error))
        await asyncio.sleep(LOOK_SECONDS)
