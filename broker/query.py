# SPDX-License-Identifier: EUPL-1.2
"""Who else knows this person: an agency asks without signalling, and is told what the covenant allows of each case.

Pure. Three steps: ``plan`` says what the asker and each owner are told, ``issue`` writes the events and the owners'
notices, ``answer`` makes the asker's message; of a query nothing else is ever written. Not here: finding equal tags
(``postgres/queries.py``), what agreeing keys are worth (``matching.py``), waiting for the proof (``service.py``).
Spec: ``protocol/spec/messages.md``.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from broker.canary import PLANTER_LEVEL, planter_decision
from broker.facts import Fact, NoticeAdded, Outcome, Recorded
from broker.interfaces import SealedSignal, Shared, SharedKey, StoredSignal
from broker.levels import NAMED, RELEASED
from broker.matching import ORDER, Agreement, is_live, worth_of
from broker.recording import Queried, Recorder
from protocol import messages
from protocol.covenant_purposes import Purpose
from protocol.ids import PartyId, SignalId
from protocol.messages import (
    MAX_KEYS,
    MAX_MATCHES,
    Counterpart,
    Level,
    PartName,
    Quality,
    QueryMatch,
    QueryRequest,
    ReleasedWrap,
)
from protocol.policy import Decision, PolicyEngine, Query
from protocol.signing import Verified

MAX_WRAPS: Final = 4 * MAX_KEYS


@dataclass(frozen=True, slots=True)
class Telling:
    """How much one side is told, and by which rule."""

    level: Level
    decision: Decision


@dataclass(frozen=True, slots=True)
class Match:
    """One case that knows the person, by its best signal; ``agreed`` has the asked role first, and the signal's last.

    ``owner`` is absent where the covenant lets the signal's agency hear nothing of the asker.
    """

    signal: StoredSignal
    quality: Quality
    agreed: tuple[Agreement, ...]
    keys: tuple[SharedKey, ...]
    asker: Telling
    owner: Telling | None

    @property
    def logged(self) -> Queried:
        """What the log says of it."""
        kinds = tuple(sorted({kind for kind, _, _ in self.agreed}))
        signal = self.signal
        return Queried(signal.id, signal.agency, signal.purpose, self.quality, kinds, signal.is_canary)

    @property
    def released(self) -> tuple[PartName, ...]:
        """The parts that the asker may open."""
        return RELEASED[self.asker.level]


def question(request: QueryRequest, agency: PartyId, now: datetime) -> Query:
    """Return what the rules are asked; without code, text and case a request cannot even be read."""
    kinds = tuple(sorted({key.kind for key in request.keys}))
    return Query(agency, request.purpose, request.epoch, now, kinds, justified=True)


def plan(shared: Shared, asker: PartyId, purpose: Purpose, engine: PolicyEngine, now: datetime) -> tuple[Match, ...]:
    """Return what there is to tell, the surest first: of a case with several signals its best, of all at most the first
    ``MAX_MATCHES``. What the asker may not even know to exist is left out altogether.
    """
    by_signal: dict[SignalId, list[SharedKey]] = defaultdict(list)
    for key in shared.keys:
        by_signal[key.signal].append(key)
    best: dict[tuple[PartyId, bytes], Match] = {}
    for signal_id, keys in by_signal.items():
        signal = shared.signals.get(signal_id)
        if signal is None or signal.agency == asker or not is_live(signal, now):
            continue
        match = _match(signal, keys, asker, purpose, engine, now)
        known = best.get((signal.agency, signal.case_token))
        if match is not None and (known is None or _rank(match) < _rank(known)):
            best[signal.agency, signal.case_token] = match
    return tuple(sorted(best.values(), key=_rank)[:MAX_MATCHES])


def receivers(matches: Sequence[Match]) -> Mapping[PartyId, int]:
    """Return how many notices each agency gets."""
    return Counter(receiver_of(match.signal) for match in matches if match.owner is not None)


def receiver_of(signal: StoredSignal) -> PartyId:
    """Return who hears that this signal was asked about."""
    return signal.told


def issue(
    request: QueryRequest,
    by: Verified,
    decision: Decision,
    matches: Sequence[Match],
    next_seqs: Mapping[PartyId, int],
    recorder: Recorder,
    now: datetime,
) -> Outcome:
    """Write down that it was asked and what each owner hears; the first event is the asker's."""
    seqs = dict(next_seqs)
    facts: list[Fact] = []
    events: list[Recorded] = [recorder.queried(request, by, decision, len(matches), now)]
    for match in matches:
        events.append(recorder.query_matched(match.logged, by.party, now))
        if match.owner is None:
            continue
        receiver, told = receiver_of(match.signal), match.owner
        seq = seqs[receiver]
        seqs[receiver] += 1
        asker = by.party if told.level in NAMED else None
        event = recorder.queried_notice(match.logged, asker, receiver, seq, told.level, told.decision, now)
        events.append(event)
        facts.append(
            NoticeAdded(
                agency=receiver,
                seq=seq,
                type="queried",
                at=now,
                event_id=event.id,
                my_signal=match.signal.id,
                purpose=match.signal.purpose,
                epoch=match.signal.epoch,
                quality=match.quality,
                level=told.level,
                agreed=tuple((kind, theirs, asked) for kind, asked, theirs in match.agreed),
                rule=told.decision.rule,
            )
        )
    return Outcome(tuple(facts), tuple(events))


def wanted(matches: Sequence[Match]) -> Mapping[SignalId, tuple[PartName, ...]]:
    """Return of which signals the asker is told more than that they exist, and which of their parts go along."""
    return {match.signal.id: match.released for match in matches if match.asker.level in NAMED}


def answer(matches: Sequence[Match], sealed: Mapping[SignalId, SealedSignal]) -> tuple[QueryMatch, ...]:
    """Return what the asker is told."""
    return tuple(_told(match, sealed.get(match.signal.id)) for match in matches)


def _match(
    signal: StoredSignal,
    keys: Sequence[SharedKey],
    asker: PartyId,
    purpose: Purpose,
    engine: PolicyEngine,
    now: datetime,
) -> Match | None:
    worth = worth_of([key.agreed for key in keys], purpose)
    if worth is None:
        return None
    quality, agreed = worth
    told = _tell(signal.agency, asker, signal, quality, engine, now)
    if told is None:
        return None
    counted = tuple(key for key in keys if key.agreed in agreed)
    return Match(signal, quality, agreed, counted, told, _tell_owner(asker, signal, quality, engine, now))


def _tell(
    sender: PartyId, receiver: PartyId, signal: StoredSignal, quality: Quality, engine: PolicyEngine, now: datetime
) -> Telling | None:
    level, decision = engine.highest_level(sender, receiver, signal.purpose, quality, now)
    return None if level is None else Telling(level, decision)


def _tell_owner(
    asker: PartyId, signal: StoredSignal, quality: Quality, engine: PolicyEngine, now: datetime
) -> Telling | None:
    if not signal.is_canary:
        return _tell(asker, signal.agency, signal, quality, engine, now)
    decision = planter_decision(signal, engine, now)
    return Telling(PLANTER_LEVEL, decision) if decision.allowed else None


def _rank(match: Match) -> tuple[int, int]:
    # Among equals the newest: a signal's id begins with its time.
    return ORDER.index(match.quality), -match.signal.id.int


def _told(match: Match, sealed: SealedSignal | None) -> QueryMatch:
    return QueryMatch(
        quality=match.quality,
        level=match.asker.level,
        agreed=tuple(
            messages.Agreement(kind=kind, my_role=asked, their_role=theirs) for kind, asked, theirs in match.agreed
        ),
        counterpart=None if sealed is None else _counterpart(match, sealed),
        rule=match.asker.decision.rule,
        urgency=match.signal.urgency,
    )


def _counterpart(match: Match, sealed: SealedSignal) -> Counterpart:
    wraps = [
        ReleasedWrap(kind=kind, role=theirs, my_role=asked, part=name, wrap=wrap)
        for key in match.keys
        for kind, asked, theirs in (key.agreed,)
        for name, wrap in key.wraps.items()
        if name in match.released
    ]
    return Counterpart(
        agency=match.signal.agency,
        signal_id=match.signal.id,
        parts=sealed.parts,
        part_digests=dict(sealed.part_digests),
        wraps=tuple(wraps[:MAX_WRAPS]),
        key_id=sealed.key_id,
        signature=sealed.signature,
    )
