# SPDX-License-Identifier: EUPL-1.2
"""Whether the log tells one act twice: the same leaf at two places, or two entries of what happens only once.

Every leaf has salts of its own, so an honest log never has a leaf twice. A broker that makes a new entry of an old act
is found where the act has a number or an id that counts once. An act that can be repeated, such as opening a hit, can
be invented too; there the agency's own receipts tell (``agency_client``). Pure. Spec: ``spec/events.md``.
"""

from array import array
from collections.abc import Iterable
from typing import TypeAlias

from protocol.errors import Code, VerificationError
from protocol.events import Event, KeyMuted, NoticeIssued, SignalRegistered, SignalRetagged

Once: TypeAlias = tuple[str, str, str]


class Leaves:
    """The leaves of a whole log as they come, each reduced to eight bytes under a key of this process (Python's own
    ``hash``): 8 MB a million entries, alike by chance once in 37 million such logs, and by nobody's choice.
    """

    def __init__(self) -> None:
        self._seen = array("q")

    def take(self, leaves: Iterable[bytes]) -> None:
        """Take the next leaves."""
        self._seen.extend(map(hash, leaves))

    def finish(self) -> None:
        """Pass when no two were alike. Raises ``VerificationError`` (``log_doubled``) that names two places."""
        if len(set(self._seen)) == len(self._seen):
            return
        places: dict[int, int] = {}
        for place, leaf in enumerate(self._seen):
            if leaf in places:
                raise _doubled(places[leaf], place)
            places[leaf] = place


class Acts:
    """Entries as they are read: none of what happens once may come twice."""

    def __init__(self) -> None:
        self._seen: dict[Once, int] = {}

    def take(self, index: int, event: Event, leaf: bytes) -> None:
        """Take an entry. Raises ``VerificationError`` (``log_doubled``) when it was told before."""
        for one in (("leaf", leaf.hex(), ""), *_once(event)):
            before = self._seen.setdefault(one, index)
            if before != index:
                raise _doubled(before, index)


def _once(event: Event) -> Iterable[Once]:
    if isinstance(event, SignalRegistered):
        return [("signal", str(event.act.agency), str(signal)) for signal in event.subject.signal_ids]
    if isinstance(event, SignalRetagged):
        return [
            (f"epoch {event.asked.epoch}", str(event.act.agency), str(signal)) for signal in event.subject.signal_ids
        ]
    if isinstance(event, NoticeIssued | KeyMuted):
        return [("notice", str(event.act.recipient), str(event.notice_seq))]
    return []


def _doubled(first: int, second: int) -> VerificationError:
    return VerificationError(
        Code.LOG_DOUBLED,
        f"Entry {second} of the log tells again what entry {first} told.",
        hint="Tell the covenant board: an act is made to look like two.",
    )
