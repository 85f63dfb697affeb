# SPDX-License-Identifier: EUPL-1.2
"""Ids of events, made here and not by the database: UUIDv7 (RFC 9562), so that one process's acts sort by time.

Not here: an event's place in the log, which the sequencer gives.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Final
from uuid import UUID

_COUNTER_BITS: Final = 12


class EventIds:
    """A source of ids. Within a millisecond a counter keeps their order (RFC 9562 section 6.2, method 1)."""

    def __init__(self, clock: Callable[[], datetime], draw: Callable[[int], bytes]) -> None:
        self._clock = clock
        self._draw = draw
        self._last = 0

    def next(self) -> UUID:
        """Return the next id, higher than all before."""
        now = int(self._clock().timestamp() * 1000) << _COUNTER_BITS
        # A full counter runs on into the time, as the RFC allows; a clock set back does not turn the order.
        self._last = max(now, self._last + 1)
        high, counter = self._last >> _COUNTER_BITS, self._last & 0xFFF
        tail = int.from_bytes(self._draw(8), "big") & (1 << 62) - 1
        return UUID(int=high << 80 | 0x7 << 76 | counter << 64 | 0b10 << 62 | tail)
