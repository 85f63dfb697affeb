# SPDX-License-Identifier: EUPL-1.2
"""A client that stays: one opened home with its doors, shared by the daemon's tasks, the local API and the console.

All of them run in one event loop. Not here: the tasks (``daemon.py``), HTTP (``console/``, ``api/``).
"""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any

from agency_client.health import BROKER, CovenantState, Health, Reached
from agency_client.session import Online, Session
from edge.bells import Bell
from protocol.errors import SluisError
from protocol.ids import PartyId

__all__ = ["Health", "Reached", "Running"]


class Running:
    """What lasts while ``sluis agency run`` runs. ``session`` and ``online`` change when the covenant does: take them
    anew for each act, and keep neither.
    """

    def __init__(self, session: Session, online: Online) -> None:
        self.session = session
        self.online = online
        self.bell = Bell()
        """Rings when the vault or the health changed: what is on a screen may be old."""
        self.outbox = Bell()
        """Rings when something was put into the outbox."""
        self.swapped = Bell()
        """Rings when ``session`` and ``online`` are others than before."""
        self._held: Counter[int] = Counter()
        self.failed = False
        """Whether a task died of a fault of ours: the process ends, to be started anew."""
        now = session.clock()
        holders = tuple(Reached(holder.id, True, now) for holder in session.covenant.key_holders)
        self.health = Health(now, Reached(BROKER, True, now), holders, covenant=covenant_state(session))

    @property
    def clock(self) -> Callable[[], datetime]:
        """The present moment in UTC."""
        return self.session.clock

    def changed(self) -> None:
        """Say that the vault changed."""
        self.bell.ring()

    def nudge(self) -> None:
        """Ask the daemon to send what waits, now."""
        self.outbox.ring()

    # --- For the daemon's tasks ---

    @contextmanager
    def holding(self) -> Iterator[Online]:
        """Use the doors of this moment for long: they stay open until it is done, whatever doors there are by then."""
        doors = self.online
        self._held[id(doors)] += 1
        try:
            yield doors
        finally:
            self._held[id(doors)] -= 1

    def is_held(self, doors: Online) -> bool:
        """Say whether somebody still uses these doors for long."""
        return self._held[id(doors)] > 0

    def swap(self, session: Session, online: Online) -> None:
        """Go on under another version of the covenant, through other doors."""
        self.session, self.online = session, online
        now = session.clock()
        known = {one.name: one for one in self.health.key_holders}
        holders = tuple(known.get(holder.id, Reached(holder.id, True, now)) for holder in session.covenant.key_holders)
        self.note(key_holders=holders, covenant=covenant_state(session))
        self.swapped.ring()

    def note(self, **changes: Any) -> None:
        """Replace what is known of the client's health; rings when that is something else than before."""
        changed = replace(self.health, **changes)
        if changed != self.health:
            self.health = changed
            self.bell.ring()

    def reached(self, party: PartyId | str) -> None:
        """Note that a party answered; ``broker`` names the broker."""
        self._mark(str(party), None)

    def away(self, party: PartyId | str, error: SluisError) -> None:
        """Note that a party did not, and why."""
        self._mark(str(party), error)

    def _mark(self, party: str, error: SluisError | None) -> None:
        now = self.clock()

        def marked(one: Reached) -> Reached:
            if one.name != party or (one.ok and error is None):
                return one
            since = one.since if one.ok == (error is None) else now
            if error is None:
                return Reached(party, True, since)
            return Reached(party, False, since, error.detail, error.code.value)

        self.note(broker=marked(self.health.broker), key_holders=tuple(marked(one) for one in self.health.key_holders))


def covenant_state(session: Session) -> CovenantState:
    """Return under which covenant a session acts."""
    covenant = session.covenant
    return CovenantState(covenant.version, covenant.sha256, session.agreed.until)
