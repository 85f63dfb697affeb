# SPDX-License-Identifier: EUPL-1.2
"""Ids of events, made here and not by the database: UUIDv7 (RFC 9562), so that one process's acts sort by time.

Not here: an event's place in the log, which the sequencer gives.
"""

from collections.abc import Callable
from datetime import datetime
from threading import Lock
from typing import Final
from uuid import UUID

_COUNTER_BITS: Final = 12
_TAIL_BYTES: Final = 8
_TAILS: Final = 256
"""Random tails drawn at once: a system call each costs more than all else about an id."""


class EventIds:
    """A source of ids. Within a millisecond a counter keeps their order (RFC 9562 section 6.2, method 1)."""

    def __init__(self, clock: Callable[[], datetime], draw: Callable[[int], bytes]) -> None:
        self._clock = clock
        self._draw = draw
        self._last = 0
        self._drawn = b""
        self._lock = Lock()

    def next(self) -> UUID:
        """Return the next id, higher than all before."""
        now = int(self._clock().timestamp() * 1000) << _COUNTER_BITS
        # Acts of many requests are written down in threads of their own.
        with self._lock:
            # A full counter runs on into the time, as the RFC allows; a clock set back does not turn the order.
            self._last = max(now, self._last + 1)
            if not self._drawn:
                self._drawn = self._draw(_TAIL_BYTES * _TAILS)
            tail = int.from_bytes(self._drawn[:_TAIL_BYTES], "big") & (1 << 62) - 1
            self._drawn = self._drawn[_TAIL_BYTES:]
            last = self._last
        high, counter = last >> _COUNTER_BITS, last & 0xFFF
        return UUID(int=high << 80 | 0x7 << 76 | counter << 64 | 0b10 << 62 | tail)
