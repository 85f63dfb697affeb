# SPDX-License-Identifier: EUPL-1.2
"""How often systems may come with a wrong token: pauses that grow, for a system at its address and for an address.

A token cannot be found by trying; this keeps who tries anyway, and a system whose token was revoked, from being looked
up without end, and shows them in the log. In memory only, bounded, and nothing of a token is kept. Not here: how pauses
grow (``agency_client/people/lockout.py``), the tokens (``agency_client/vault/systems.py``).
"""

import hashlib
import math
from collections import OrderedDict
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from agency_client.people.lockout import Rule, Tries, counted, left
from edge.logs import logger
from protocol.encoding import lp
from protocol.errors import Code, RefusedError

SYSTEM: Final = Rule(free=10, first=timedelta(seconds=30), longest=timedelta(minutes=15), forgotten=timedelta(hours=1))
"""Of one name at one address: another system that runs on the same machine goes on."""
ADDRESS: Final = Rule(
    free=100, first=timedelta(seconds=30), longest=timedelta(minutes=15), forgotten=timedelta(minutes=10)
)
"""Of all names together. It forgets before the longest pause of a name is over: one system that never gives up is
paused by itself, and does not stop its neighbours.
"""
KEPT: Final = 10_000
"""Counts that are remembered, the latest ones: some megabytes. Who has so many addresses is forgotten sooner."""


class WrongTokens:
    """The counts of one process. Used in its event loop alone."""

    def __init__(self) -> None:
        self._tries: OrderedDict[bytes, Tries] = OrderedDict()

    def require_unpaused(self, caller: Mapping[bytes, Rule], now: datetime) -> None:
        """Pass unless this caller must wait. Raises ``RefusedError`` (``token_paused``)."""
        wait = max((left(self._tries.get(one), rule, now) for one, rule in caller.items()), default=timedelta(0))
        if wait > timedelta(0):
            raise RefusedError(
                Code.TOKEN_PAUSED,
                "There were too many wrong tokens.",
                hint="Wait as long as Retry-After says, and come with the token that the agency made last.",
                retry_after=math.ceil(wait.total_seconds()),
            )

    def count(self, caller: Mapping[bytes, Rule], now: datetime) -> None:
        """Count a wrong token. Several that come at once are all looked at: as many as a process has hands."""
        for one, rule in caller.items():
            self._tries[one] = counted(self._tries.get(one), rule, now)
            self._tries.move_to_end(one)
        while len(self._tries) > KEPT:
            self._tries.popitem(last=False)
        seconds = max(left(self._tries.get(one), rule, now).total_seconds() for one, rule in caller.items())
        if seconds > 0:
            logger("agency").warning("too many wrong tokens", code=Code.TOKEN_PAUSED.value, seconds=int(seconds))

    def __len__(self) -> int:
        """Return how many counts are remembered."""
        return len(self._tries)


def caller_of(address: str | None, name: str) -> Mapping[bytes, Rule]:
    """Return whose tries count: the name that a token bears at its address, and the address unless it says nothing."""
    place = (address or "").encode()
    found = {_key(b"system", place, name.encode(errors="replace")): SYSTEM}
    return found if address is None else {**found, _key(b"address", place): ADDRESS}


def _key(*parts: bytes) -> bytes:
    # What has no name in it may be somebody's whole token: it is not kept.
    return hashlib.sha256(b"".join(lp(part) for part in parts)).digest()
