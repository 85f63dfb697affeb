# SPDX-License-Identifier: EUPL-1.2
"""A signal ends: its pseudonyms and sealed parts go, and whoever was told of a hit with it is told that it is gone.

Cases that knew each other by it forget each other, and their other signals are matched again: what stayed silent while
that hit stood, such as the hit of the signal that corrects it, is told now.

Pure. Used for what an agency takes back and for what expires. Not here: which signals expire (``retention.py``).
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from broker.facts import BatchQueued, Fact, NoticeAdded, Outcome, PairForgotten, Recorded, RequestKept, SignalEnded
from broker.interfaces import Acquainted, StoredSignal, ToldHit
from broker.recording import Recorder
from protocol.ids import Epoch, PartyId, PurposeId, SignalId
from protocol.signing import Verified

EXPIRED: Final = "expired"
"""The reason that the other side reads."""


def receivers(told: Sequence[ToldHit]) -> Mapping[PartyId, int]:
    """Return how many notices each agency gets."""
    return dict(Counter(hit.agency for hit in told))


def withdraw(
    signal: StoredSignal,
    by: Verified,
    reason: str,
    told: Sequence[ToldHit],
    acquainted: Acquainted,
    next_seqs: Mapping[PartyId, int],
    recorder: Recorder,
    now: datetime,
) -> Outcome:
    """End one signal because its agency says so."""
    event = recorder.withdrawn(signal, by, reason, now)
    facts: list[Fact] = [SignalEnded(signal.id, "withdrawn", event.id), RequestKept(recorder.new_id(), by)]
    told_facts, told_events = _tell(told, reason, next_seqs, recorder, now)
    return Outcome((*facts, *told_facts, *_forget(acquainted, recorder)), (event, *told_events))


def expire(
    ended: Sequence[tuple[StoredSignal, str]],
    told: Sequence[ToldHit],
    acquainted: Acquainted,
    next_seqs: Mapping[PartyId, int],
    recorder: Recorder,
    now: datetime,
) -> Outcome:
    """End signals because their time is over, each by the rule named with it."""
    events = [recorder.expired(signal, rule, now) for signal, rule in ended]
    facts = [SignalEnded(signal.id, "expired", event.id) for (signal, _), event in zip(ended, events, strict=True)]
    told_facts, told_events = _tell(told, EXPIRED, next_seqs, recorder, now)
    return Outcome((*facts, *told_facts, *_forget(acquainted, recorder)), (*events, *told_events))


def _forget(acquainted: Acquainted, recorder: Recorder) -> list[Fact]:
    again: dict[tuple[PurposeId, Epoch], list[SignalId]] = defaultdict(list)
    for purpose, epoch, signal in acquainted.others:
        again[purpose, epoch].append(signal)
    queued = [BatchQueued(recorder.new_id(), *key, tuple(signals)) for key, signals in sorted(again.items())]
    return [*(PairForgotten(pair, purpose) for pair, purpose in acquainted.pairs), *queued]


def _tell(
    told: Sequence[ToldHit], reason: str, next_seqs: Mapping[PartyId, int], recorder: Recorder, now: datetime
) -> tuple[list[NoticeAdded], list[Recorded]]:
    facts: list[NoticeAdded] = []
    events: list[Recorded] = []
    seqs = dict(next_seqs)
    for hit in told:
        seq = seqs[hit.agency]
        seqs[hit.agency] += 1
        event = recorder.gone_notice(hit.agency, hit.purpose, seq, hit.hit_id, hit.my_signal, now)
        events.append(event)
        facts.append(
            NoticeAdded(
                agency=hit.agency,
                seq=seq,
                type="withdrawn",
                at=now,
                event_id=event.id,
                my_signal=hit.my_signal,
                purpose=hit.purpose,
                epoch=hit.epoch,
                hit_id=hit.hit_id,
                their_signal=hit.ended,
                reason=reason,
            )
        )
    return facts, events
