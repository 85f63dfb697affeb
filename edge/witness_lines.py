# SPDX-License-Identifier: EUPL-1.2
"""How far the witnesses are, in words for a terminal: the same for agency, broker and auditor.

Not here: what is known and how it was verified (``protocol/witness_reports.py``).
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final

from protocol.witness_reports import WitnessState

_UNITS: Final = ((timedelta(days=1), "day"), (timedelta(hours=1), "hour"), (timedelta(minutes=1), "minute"))


def witness_lines(states: Sequence[WitnessState], now: datetime) -> Iterator[str]:
    """Yield a line a witness: who, whether it counts, what it cosigned last, how long ago, and whether it fails."""
    for one in states:
        who = f"{one.name} ({'key-holder' if one.counts else 'agency, beside the quorum'})"
        if one.size is None or one.at is None:
            yield f"{who}: no cosignature yet{', FAILING' if one.failing(now) else ''}"
            continue
        behind = f", {one.behind:,} entries behind" if one.behind else ""
        failing = ", FAILING" if one.failing(now) else ""
        yield f"{who}: size {one.size:,}{behind}, {ago(now - one.at)}{failing}"


def ago(past: timedelta) -> str:
    """Return how long ago, in the largest unit that fits."""
    for unit, name in _UNITS:
        if past >= unit:
            count = past // unit
            return f"{count} {name}{'' if count == 1 else 's'} ago"
    return "just now"
