# SPDX-License-Identifier: EUPL-1.2
"""W3C Trace Context: which work belongs together, across parties. Written and read strictly; no meaning beside that.

A trace id is 16 bytes that its sender chose: it proves nothing, and is never shown to another party than its sender
(``broker/ldv.py``). Not here: the header's place under a signature (``signing.py``), spans (``ldv.py``).
Spec: ``spec/ldv.md``; W3C Recommendation Trace Context, section 3.2.
"""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from protocol.encoding import label, lp

TRACEPARENT: Final = "traceparent"
MAX_TRACEPARENT: Final = 256
"""Characters that are looked at: version 00 has 55, and a later version begins with those."""
TRACE_BYTES: Final = 16
SPAN_BYTES: Final = 8

_FORM: Final = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(-[\x20-\x7e]*)?\Z")
_TRACE_ID: Final = re.compile(r"(?!0{32})[0-9a-f]{32}\Z")
_SPAN_ID: Final = re.compile(r"(?!0{16})[0-9a-f]{16}\Z")
_VERSION: Final = "00"
_NO_VERSION: Final = "ff"


@dataclass(frozen=True, slots=True)
class Trace:
    """One piece of work: the trace it belongs to, and its own span id in it, both in lower-case hex."""

    trace_id: str
    span_id: str

    def __post_init__(self) -> None:
        """Raise ``ValueError`` for ids that no trace can have: all zeros means none."""
        if not _TRACE_ID.match(self.trace_id) or not _SPAN_ID.match(self.span_id):
            raise ValueError("not the ids of a trace")

    @property
    def header(self) -> str:
        """The value of ``traceparent``. The flag says that the span is recorded: here every span is."""
        return f"{_VERSION}-{self.trace_id}-{self.span_id}-01"

    def child(self, draw: Callable[[int], bytes]) -> "Trace":
        """Return a new piece of work of the same trace; ``draw`` gives random bytes."""
        return Trace(self.trace_id, _drawn(draw, SPAN_BYTES))


def new_trace(draw: Callable[[int], bytes]) -> Trace:
    """Return the first piece of work of a new trace; ``draw`` gives random bytes."""
    return Trace(_drawn(draw, TRACE_BYTES), _drawn(draw, SPAN_BYTES))


def trace_of_key(idempotency_key: str, draw: Callable[[int], bytes]) -> Trace:
    """Return a new piece of work for an act with this Idempotency-Key: every attempt at one act has one trace id."""
    digest = hashlib.sha256(label("trace") + lp(idempotency_key)).hexdigest()
    return Trace(digest[: 2 * TRACE_BYTES], _drawn(draw, SPAN_BYTES))


def parse_traceparent(text: str) -> Trace | None:
    """Return what a header says, or None for one that W3C tells us to pass over: malformed, or without ids."""
    if len(text) > MAX_TRACEPARENT:
        return None
    found = _FORM.match(text)
    if found is None or found[1] == _NO_VERSION or (found[1] == _VERSION and found[4]):
        return None
    if not _TRACE_ID.match(found[2]) or not _SPAN_ID.match(found[3]):
        return None
    return Trace(found[2], found[3])


def _drawn(draw: Callable[[int], bytes], size: int) -> str:
    drawn = draw(size)
    # All zeros would mean that there is none; it never comes, and costs nothing to exclude.
    return drawn.hex() if any(drawn) else _drawn(draw, size)
