# SPDX-License-Identifier: EUPL-1.2
"""Whether entries stand where their times say: no entry is put behind a checkpoint that is younger than it, or before.

The order of the log is what witnesses swear to; the time of an event is the broker's own word. Here the one is held
against the other. A broker that is caught has dated an act to another day than it was done. Pure.
Spec: ``spec/events.md``. Not here: proving that the entries are in the log, and the checkpoint cosigned.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from protocol.checkpoint import CosignedCheckpoint
from protocol.errors import Code, VerificationError

MAX_LAG: Final = timedelta(hours=1)
"""An act is numbered within a second, and a checkpoint cosigned within seconds more; only a broker whose numbering
stands still for this long, which its operator can explain, is accused for nothing. What is dated back by less than this
is not found."""
MAX_AHEAD: Final = timedelta(minutes=5)
"""How far a broker's clock may be before the witnesses': servers kept in time by NTP differ by less than a second."""
_LAST: Final = int(datetime(9999, 12, 31, tzinfo=UTC).timestamp())
"""A witness may sign any time up to 2**63; a calendar ends here."""


@dataclass(frozen=True, slots=True)
class Seen:
    """At this moment a quorum of witnesses had seen the log with so many entries and no more."""

    size: int
    at: datetime

    @staticmethod
    def of(cosigned: CosignedCheckpoint) -> "Seen":
        """Return what a checkpoint's quorum swore."""
        return Seen(cosigned.checkpoint.size, datetime.fromtimestamp(min(cosigned.cosigned_at, _LAST), UTC))


def require_dated(entries: Iterable[tuple[int, datetime]], seen: Sequence[Seen]) -> None:
    """Pass when the times of these entries, given in the log's order, fit their places and what was seen.

    Raises ``VerificationError`` (``log_backdated``): an entry behind a checkpoint is older than it, one in a checkpoint
    is from after it, or one is older than an entry before it; each by more than clocks and a slow broker explain.
    """
    newest: tuple[int, datetime] | None = None
    for index, at in entries:
        for one in seen:
            _require_between(index, at, one)
        if newest is not None and at < newest[1] - MAX_LAG:
            raise _backdated(f"Entry {index} says to be older than entry {newest[0]}, which stands before it.")
        if newest is None or at > newest[1]:
            newest = (index, at)


def _require_between(index: int, at: datetime, seen: Seen) -> None:
    if index >= seen.size and at < seen.at - MAX_LAG:
        raise _backdated(
            f"Entry {index} says to be older than the witnesses' view of the log when it had only {seen.size} entries."
        )
    if index < seen.size and at > seen.at + MAX_AHEAD:
        raise _backdated(f"Entry {index} says to be of a later time than when witnesses saw it in the log.")


def _backdated(detail: str) -> VerificationError:
    return VerificationError(
        Code.LOG_BACKDATED, detail, hint="Keep the log's files and tell the covenant board: a time in it is false."
    )
