# SPDX-License-Identifier: EUPL-1.2
"""Which piece of work this task is in, so that the requests it sends say so (W3C Trace Context).

For shells that send requests; what receives them takes the trace from the verified request instead. Not here: what is
written of the work (``ldv.py``). Spec: ``protocol/spec/ldv.md``.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

from protocol.group import random_bytes
from protocol.trace import Trace, new_trace

_WORK: Final[ContextVar[Trace | None]] = ContextVar("work", default=None)


def outgoing() -> Trace:
    """Return what a request that is sent now says: the work it is part of, or a trace of its own."""
    return _WORK.get() or new_trace(random_bytes)


def current() -> Trace | None:
    """Return the work that this task is in."""
    return _WORK.get()


@contextmanager
def working(trace: Trace) -> Iterator[None]:
    """Be in this piece of work until the end, with every task that is begun meanwhile."""
    token = _WORK.set(trace)
    try:
        yield
    finally:
        _WORK.reset(token)
