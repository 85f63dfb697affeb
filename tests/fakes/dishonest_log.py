# SPDX-License-Identifier: EUPL-1.2
"""Logs that lie about what happened, each in one way; their operator holds the log's key and all witnesses cosign.

Each lie is told after the police verified honestly once and kept its receipts, and says by which alarm an agency and an
outsider find it; ``None`` where an outsider, who sees neither times nor openings, cannot.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID

from protocol import events as e
from protocol.errors import Code, NotFoundError
from protocol.event_search import EventPage
from protocol.ids import HitId, PartyId, PurposeId
from tests.fakes.searched_log import SearchedLog
from tests.fakes.small_world import NOW

POLICE, CARE = PartyId("police-oost"), PartyId("care-linde")
PURPOSE = PurposeId("offender-prevention")
OWN = 20
"""Where the police's own act stands; before and behind it others act."""


@dataclass(frozen=True)
class Lie:
    """One lie: how it is told, and by which alarm it is found."""

    name: str
    tell: Callable[[SearchedLog], None]
    agency: Code
    outsider: Code | None


def others(log: SearchedLog, count: int) -> None:
    """Let others act so often."""
    for n in range(count):
        log.add(e.SignalWithdrawn(act=log.act(agency=CARE, purpose=PURPOSE), reason=f"r{n}"))


def looked(log: SearchedLog, **facts: object) -> int:
    """Let the police open a hit; return where it stands."""
    subject = e.Subject(hit_id=HitId(UUID(int=1)), words=e.Words(text="overleg", case_reference="Z-1"))
    act = log.act(agency=POLICE, person="p-1", purpose=PURPOSE, justification="own-case", **facts)
    return log.add(e.HitOpened(act=act, subject=subject)).index


def _rebuild(log: SearchedLog, leaves: list[bytes]) -> None:
    """Sign another history."""
    memory = log.world.broker.log
    memory.__init__(log.world.kit)  # type: ignore[misc]  # as a broker restored from something else
    for leaf in leaves:
        memory.add_leaf(leaf)


def _drops(log: SearchedLog) -> None:
    leaves = log.world.broker.log.leaves
    _rebuild(log, leaves[:OWN] + leaves[OWN + 1 :])
    others(log, 5)


def _drops_and_stays_short(log: SearchedLog) -> None:
    _rebuild(log, log.world.broker.log.leaves[:OWN])


def _alters_what_it_serves(log: SearchedLog) -> None:
    log.world.broker.log.leaves[OWN] = b"\x01" + b"x" * 64


def _alters_what_it_signs(log: SearchedLog) -> None:
    leaves = list(log.world.broker.log.leaves)
    leaves[OWN] = b"\x01" + b"x" * 64
    _rebuild(log, leaves)
    others(log, 5)


def _reorders(log: SearchedLog) -> None:
    leaves = list(log.world.broker.log.leaves)
    leaves[OWN], leaves[OWN + 1] = leaves[OWN + 1], leaves[OWN]
    _rebuild(log, leaves)
    others(log, 5)


def _reorders_what_it_serves(log: SearchedLog) -> None:
    leaves = log.world.broker.log.leaves
    leaves[3], leaves[4] = leaves[4], leaves[3]


def _backdates(log: SearchedLog) -> None:
    looked(log, time=NOW - timedelta(days=1))


def _postdates(log: SearchedLog) -> None:
    looked(log, time=NOW + timedelta(days=1))


def _duplicates(log: SearchedLog) -> None:
    log.world.broker.log.add_leaf(log.world.broker.log.leaves[OWN])


def _duplicates_afresh(log: SearchedLog) -> None:
    for _ in range(2):
        act = log.act(recipient=POLICE, system="broker", purpose=PURPOSE, decision="allow")
        log.add(e.NoticeIssued(act=act, notice_seq=7, notice_type="hit", level="agency", quality="hit"))


def _forks(log: SearchedLog) -> None:
    leaves = log.world.broker.log.leaves
    _rebuild(log, [*leaves[:-1], b"\x01" + b"y" * 64])


def _withholds_an_entry(log: SearchedLog) -> None:
    log.entries = [one for one in log.entries if one.index != OWN]


def _withholds_a_bundle(log: SearchedLog) -> None:
    memory = log.world.broker.log
    honest = memory.file

    def file(path: str) -> bytes:
        if path.startswith("tile/entries/"):
            raise NotFoundError(Code.NOT_FOUND, "No such bundle.")
        return honest(path)

    memory.file = file  # type: ignore[method-assign]


def _withholds_cosignatures(log: SearchedLog) -> None:
    memory = log.world.broker.log
    honest = memory.checkpoint
    memory.checkpoint = lambda witnesses=1: honest(1)  # type: ignore[method-assign]


def _erases_in_silence(log: SearchedLog) -> None:
    # The marker that it names is of another entry.
    marker = log.erase(1).index
    log.entries = [replace(one, erased_by=marker) if one.index == OWN else one for one in log.entries]


def _tells_otherwise(log: SearchedLog) -> None:
    honest = log.search

    def search(*asked: object) -> EventPage:
        page = honest(*asked)  # type: ignore[arg-type]  # passed on
        entries = tuple(
            one.model_copy(
                update={"opening": one.opening.model_copy(update={"record": {**one.opening.record, "person": "p-2"}})}
            )
            if one.index == OWN
            else one
            for one in page.entries
        )
        return page.model_copy(update={"entries": entries})

    log.search = search  # type: ignore[method-assign,assignment]


LIES = (
    Lie("drops an event", _drops, Code.LOG_FORKED, Code.LOG_FORKED),
    Lie("drops an event and what came after", _drops_and_stays_short, Code.LOG_ROLLED_BACK, Code.LOG_ROLLED_BACK),
    Lie("alters a leaf that it serves", _alters_what_it_serves, Code.LOG_ALTERED, Code.LOG_ALTERED),
    Lie("alters a leaf that it signs", _alters_what_it_signs, Code.LOG_FORKED, Code.LOG_FORKED),
    Lie("tells an event otherwise", _tells_otherwise, Code.RECEIPT_INVALID, None),
    Lie("reorders events", _reorders, Code.LOG_FORKED, Code.LOG_FORKED),
    Lie("reorders what it serves", _reorders_what_it_serves, Code.LOG_ALTERED, Code.LOG_ALTERED),
    Lie("backdates an event", _backdates, Code.LOG_BACKDATED, None),
    Lie("postdates an event", _postdates, Code.LOG_BACKDATED, None),
    Lie("duplicates an event", _duplicates, Code.LOG_DOUBLED, Code.LOG_DOUBLED),
    Lie("duplicates an event with fresh salts", _duplicates_afresh, Code.LOG_DOUBLED, None),
    Lie("forks", _forks, Code.LOG_FORKED, Code.LOG_FORKED),
    Lie("withholds an entry", _withholds_an_entry, Code.ENTRY_WITHHELD, None),
    Lie("withholds a bundle", _withholds_a_bundle, Code.LOG_INCOMPLETE, Code.LOG_INCOMPLETE),
    Lie("withholds cosignatures", _withholds_cosignatures, Code.QUORUM_MISSING, Code.QUORUM_MISSING),
    Lie("erases in silence", _erases_in_silence, Code.ERASURE_UNPROVEN, None),
)
