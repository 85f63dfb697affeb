# SPDX-License-Identifier: EUPL-1.2
"""Awaited counterparts: which signals wait for one, and the notice that tells an agency that it stays away.

Only the side that waits is told: nobody matched, so there is no other side to name
(``docs/adr/0014-awaited-counterpart.md``).
Pure. Not here: the question to the store (``postgres/awaiting.py``), when it is asked (``awaiting_worker.py``).
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from broker.facts import Fact, NoticeAdded, Outcome, Recorded, WaitEnded
from broker.interfaces import Expectation, Waiting
from broker.recording import Recorder
from protocol.covenant import Covenant
from protocol.ids import PartyId, PurposeId
from protocol.messages import Quality

MEETS: Final[tuple[Quality, ...]] = ("hit", "probable")
"""Hits that count as the counterpart; of a possible hit nobody can say that it is about this person."""


def expectations(covenant: Covenant) -> tuple[Expectation, ...]:
    """Return what the covenant's purposes await. Who is suspended is told nothing, and waits on."""
    found = []
    for name, purpose in covenant.purposes.items():
        awaited = purpose.awaited
        if awaited is not None:
            kinds = {agency.id: covenant.kind_of(agency.id) for agency in covenant.agencies}
            active = {agency.id for agency in covenant.agencies if agency.state == "active"}
            senders = tuple(party for party, kind in kinds.items() if kind == awaited.sender and party in active)
            others = tuple(party for party, kind in kinds.items() if kind == awaited.counterpart)
            found.append(Expectation(name, senders, others, timedelta(days=awaited.days)))
    return tuple(found)


def awaits(covenant: Covenant, agency: PartyId, purpose: PurposeId) -> bool:
    """Say whether a signal of this agency waits for a counterpart from now on."""
    agreed = covenant.purposes.get(purpose)
    awaited = None if agreed is None else agreed.awaited
    return awaited is not None and covenant.find(agency) is not None and covenant.kind_of(agency) == awaited.sender


def receivers(silent: Sequence[Waiting]) -> Mapping[PartyId, int]:
    """Return how many notices each agency gets."""
    return dict(Counter(one.agency for one in silent))


def tell(silent: Sequence[Waiting], next_seqs: Mapping[PartyId, int], recorder: Recorder, now: datetime) -> Outcome:
    """Tell each waiting agency, once, that the counterpart of its signal did not come."""
    seqs = dict(next_seqs)
    events: list[Recorded] = []
    facts: list[Fact] = []
    for one in silent:
        seq = seqs[one.agency]
        seqs[one.agency] += 1
        event = recorder.overdue_notice(one.agency, one.purpose, seq, one.signal, now)
        events.append(event)
        facts += [
            WaitEnded(one.signal),
            NoticeAdded(
                agency=one.agency,
                seq=seq,
                type="overdue",
                at=now,
                event_id=event.id,
                my_signal=one.signal,
                purpose=one.purpose,
                epoch=one.epoch,
                due_since=one.due,
            ),
        ]
    return Outcome(tuple(facts), tuple(events))
