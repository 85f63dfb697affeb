# SPDX-License-Identifier: EUPL-1.2
"""The broker under the covenant of this moment: swapped whole, after the new version is in the log.

Who acts takes ``broker`` once and uses that value to the end of the act. Not here: where a new version comes from
(``edge/covenant_watch.py``), what the broker does (``service.py``).
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, Protocol

from broker.publishing import Publication
from broker.service import Broker
from broker.transport import KeyHolderDoor
from edge.covenant_watch import LOOK_SECONDS as VERIFY_SECONDS
from edge.covenant_watch import CovenantWatch
from edge.logs import Logger, error_fields
from protocol.agreed import Agreed
from protocol.covenant import Covenant
from protocol.errors import SluisError, UnavailableError
from protocol.ids import HolderIndex

LOOK_SECONDS: Final = 2.0
"""How often to look for a newly published version: a file of the broker's own folder, so it costs next to nothing."""

Look = Callable[[datetime], Agreed]
"""Returns the covenant to act under at a moment; may take a second, so it is called in a thread."""


DoorsOf = Callable[[Covenant], Mapping[HolderIndex, KeyHolderDoor]]
"""Returns a door to every key-holder of a covenant."""


class WitnessAsker(Protocol):
    """Who asks the witnesses, and has to know when they are others."""

    async def take(self, doors: Sequence[KeyHolderDoor], quorum: int) -> None:
        """Ask these from now on, and wait for so many."""


class Standing:
    """One process's current broker, and its doors to the key-holders that the same version names."""

    def __init__(self, broker: Broker, doors_of: DoorsOf, log: Logger) -> None:
        self.broker = broker
        self.doors = doors_of(broker.covenant)
        self._doors_of = doors_of
        self._log = log

    @property
    def in_force(self) -> bool:
        """Whether anything may be decided now; what waits stays where it is until it may."""
        try:
            self.broker.agreed.require_in_force(self.broker.now())
        except UnavailableError:
            return False
        return True

    async def take(self, agreed: Agreed, asker: WitnessAsker) -> None:
        """Act under this from now on. A version that is new here is logged first; without that nothing changes."""
        before = self.broker.covenant
        fresh = self.broker.under(agreed)
        if before.sha256 != agreed.covenant.sha256:
            await fresh.activate()
            doors = self._doors_of(agreed.covenant)
            await asker.take(tuple(doors.values()), agreed.covenant.witness_quorum)
            self.doors = doors
            self._log.info("covenant activated", version=agreed.covenant.version)
        self.broker = fresh

    async def run(self, look: Look, asker: WitnessAsker) -> None:
        """Follow the covenant for as long as the process runs."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                found = await asyncio.to_thread(look, self.broker.now())
                if found is not self.broker.agreed:
                    await self.take(found, asker)
            except SluisError as error:
                self._log.warning("covenant will be looked at again", code=error.code.value, **error_fields(error))


def looking(watch: CovenantWatch, publication: Publication) -> Look:
    """Return what looks at the broker's own published covenant: verified when a file has changed, and once a minute."""
    seen: list[int] = []
    looked: list[datetime] = []

    def look(now: datetime) -> Agreed:
        marks = publication.marks()
        if marks != seen or not looked or abs(now - looked[-1]) >= timedelta(seconds=VERIFY_SECONDS):
            seen[:], looked[:] = marks, [now]
            watch.look(now)
        return watch.agreed

    return look
