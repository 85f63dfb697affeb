# SPDX-License-Identifier: EUPL-1.2
"""How far the witnesses are, in words for a terminal: the same for agency, broker and auditor.

Not here: what is known and how it was verified (``protocol/witness_reports.py``).
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final

from edge.languages import Lang, Pair, say
from protocol.witness_reports import WitnessState

_COUNTS: Final[Pair] = ("sleutelhouder", "key-holder")
_BESIDE: Final[Pair] = ("organisatie, telt niet voor het quorum", "agency, beside the quorum")
_NEVER: Final[Pair] = ("nog geen medeondertekening", "no cosignature yet")
_SIZE: Final[Pair] = ("tot regel {size:,}", "size {size:,}")
_BEHIND: Final[Pair] = (", {behind:,} regels achter", ", {behind:,} entries behind")
_FAILING: Final[Pair] = (", VALT UIT", ", FAILING")
_NOW: Final[Pair] = ("zojuist", "just now")
_UNITS: Final[tuple[tuple[timedelta, Pair, Pair], ...]] = (
    (timedelta(days=1), ("{count} dag geleden", "{count} day ago"), ("{count} dagen geleden", "{count} days ago")),
    (timedelta(hours=1), ("{count} uur geleden", "{count} hour ago"), ("{count} uur geleden", "{count} hours ago")),
    (
        timedelta(minutes=1),
        ("{count} minuut geleden", "{count} minute ago"),
        ("{count} minuten geleden", "{count} minutes ago"),
    ),
)


def witness_lines(states: Sequence[WitnessState], now: datetime, lang: Lang = "en") -> Iterator[str]:
    """Yield a line a witness: who, whether it counts, what it cosigned last, how long ago, and whether it fails."""
    for one in states:
        who = f"{one.name} ({say(_COUNTS if one.counts else _BESIDE, lang)})"
        failing = say(_FAILING, lang) if one.failing(now) else ""
        if one.size is None or one.at is None:
            yield f"{who}: {say(_NEVER, lang)}{failing}"
            continue
        size = say(_SIZE, lang).format(size=one.size)
        behind = say(_BEHIND, lang).format(behind=one.behind) if one.behind else ""
        yield f"{who}: {size}{behind}, {ago(now - one.at, lang)}{failing}"


def ago(past: timedelta, lang: Lang = "en") -> str:
    """Return how long ago, in the largest unit that fits."""
    for unit, single, several in _UNITS:
        if past >= unit:
            count = past // unit
            return say(single if count == 1 else several, lang).format(count=count)
    return say(_NOW, lang)
