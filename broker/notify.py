# SPDX-License-Identifier: EUPL-1.2
"""Who is told of what, at which level: hits and muted keys -> notices, each with its event.

Pure. Two steps, because a notice's number stands in its event: ``plan`` says who is told, the store hands out numbers,
``issue`` writes. Not here: what agrees (``matching.py``); showing a notice (``postgres/notices.py``).
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from broker.canary import PLANTER_LEVEL, planter_decision
from broker.facts import URGENT, Fact, FollowUpBegun, NoticeAdded, Outcome, Pair, PairKnown, Recorded, TagMuted, Urgency
from broker.interfaces import CommonTag, StoredSignal
from broker.matching import Match
from broker.recording import Hit, Recorder
from protocol.covenant import Covenant
from protocol.ids import Epoch, PartyId, PurposeId
from protocol.messages import Level
from protocol.policy import LEVELS, Decision, PolicyEngine

ACQUAINTED: Final[Level] = "agency"
"""From this level an agency knows which other it is; below it, a next hit of the same two cases may still say more."""


@dataclass(frozen=True, slots=True)
class Telling:
    """One agency to be told of one hit: its own signal, the other one, and how much."""

    match: Match
    mine: StoredSignal
    theirs: StoredSignal
    level: Level
    decision: Decision

    @property
    def receiver(self) -> PartyId:
        """Who is told: the signal's agency, or of a canary its planter."""
        return self.mine.told


@dataclass(frozen=True, slots=True)
class Plan:
    """What a matching pass leads to, without numbers yet."""

    purpose: PurposeId
    epoch: Epoch
    found: tuple[Match, ...]
    """The new hits."""
    tellings: tuple[Telling, ...]
    pairs: Mapping[Pair, Match]
    common: tuple[CommonTag, ...]

    @property
    def receivers(self) -> Mapping[PartyId, int]:
        """How many notices each agency gets."""
        told = Counter(telling.receiver for telling in self.tellings)
        told.update(common.agency for common in self.common)
        return dict(told)

    @property
    def empty(self) -> bool:
        """Whether there is nothing to write."""
        return not self.found and not self.tellings and not self.common


def plan(
    purpose: PurposeId,
    epoch: Epoch,
    matches: Sequence[Match],
    common: Sequence[CommonTag],
    known: frozenset[Pair],
    engine: PolicyEngine,
    now: datetime,
) -> Plan:
    """Decide who is told of what. Cases that know each other already stay silent, also within one pass."""
    acquainted = set(known)
    pairs: dict[Pair, Match] = {}
    tellings: list[Telling] = []
    for match in matches:
        if match.pair in acquainted:
            continue
        sides = [(match.first, match.second), (match.second, match.first)]
        # Of a canary too, as if it were its cover's own: whether the two cases know each other then must not differ.
        told = [telling for mine, theirs in sides if (telling := _tell(match, mine, theirs, engine, now))]
        tellings += [telling for telling in told if not telling.mine.is_canary]
        tellings += [found for mine, _ in sides if mine.is_canary for found in _tell_planter(match, mine, engine, now)]
        if len(told) == len(sides) and all(_knows(telling.level) for telling in told):
            acquainted.add(match.pair)
            pairs[match.pair] = match
    found = tuple(match for match in matches if match.new)
    return Plan(purpose, epoch, found, tuple(tellings), pairs, tuple(common))


def issue(planned: Plan, next_seqs: Mapping[PartyId, int], recorder: Recorder, now: datetime) -> Outcome:
    """Write the plan down; ``next_seqs`` holds the next number of every receiver."""
    seqs = dict(next_seqs)
    facts: list[Fact] = []
    events: list[Recorded] = []

    def number(agency: PartyId) -> int:
        seqs[agency] += 1
        return seqs[agency] - 1

    for match in planned.found:
        hit = match.hit
        events.append(recorder.matched(_logged(match), (hit.first_agency, hit.second_agency), planned.purpose, now))
        facts.append(hit)
    for telling in planned.tellings:
        seq = number(telling.receiver)
        event = recorder.hit_notice(
            _told(telling),
            telling.receiver,
            telling.theirs.agency if _knows(telling.level) else None,
            planned.purpose,
            seq,
            telling.level,
            telling.decision,
            now,
        )
        events.append(event)
        notice = _notice(planned, telling, seq, event, now)
        facts.append(notice)
        if not telling.mine.is_canary:
            facts.append(_begun(telling, notice, recorder.covenant))
    facts += [PairKnown(pair, planned.purpose, match.hit.id) for pair, match in sorted(planned.pairs.items())]
    for common in planned.common:
        seq = number(common.agency)
        event = recorder.muted(
            common.tag, common.kind, common.signals, common.agency, planned.purpose, seq, common.example, now
        )
        events.append(event)
        facts.append(TagMuted(common.tag, common.agency, event.id))
        facts.append(
            NoticeAdded(
                agency=common.agency,
                seq=seq,
                type="muted",
                at=now,
                event_id=event.id,
                my_signal=common.example,
                purpose=planned.purpose,
                epoch=planned.epoch,
                kind=common.kind,
                signals=common.signals,
            )
        )
    return Outcome(tuple(facts), tuple(events))


def _tell(
    match: Match, mine: StoredSignal, theirs: StoredSignal, engine: PolicyEngine, now: datetime
) -> Telling | None:
    level, decision = engine.highest_level(theirs.agency, mine.agency, mine.purpose, match.hit.quality, now)
    return None if level is None else Telling(match, mine, theirs, level, decision)


def _tell_planter(match: Match, mine: StoredSignal, engine: PolicyEngine, now: datetime) -> list[Telling]:
    theirs = match.second if mine is match.first else match.first
    decision = planter_decision(mine, engine, now)
    return [Telling(match, mine, theirs, PLANTER_LEVEL, decision)] if decision.allowed else []


def _knows(level: Level) -> bool:
    return LEVELS.index(level) >= LEVELS.index(ACQUAINTED)


def _logged(match: Match) -> Hit:
    canary = match.first.is_canary or match.second.is_canary
    return Hit(match.hit.id, (match.hit.first, match.hit.second), match.hit.quality, match.kinds, canary)


def _told(telling: Telling) -> Hit:
    hit = _logged(telling.match)
    # The receiver gets this event's opening, and a signal's id tells when it was made: below the level that names the
    # counterpart, its id stays out.
    return hit if _knows(telling.level) else replace(hit, signals=(telling.mine.id,))


def _begun(telling: Telling, notice: NoticeAdded, covenant: Covenant) -> FollowUpBegun:
    hours = covenant.purpose(notice.purpose).deadline_hours(notice.urgency or "normal")
    return FollowUpBegun(
        agency=telling.receiver,
        hit_id=telling.match.hit.id,
        mine=telling.mine.id,
        theirs=telling.theirs.id,
        purpose=notice.purpose,
        epoch=notice.epoch,
        due_at=notice.at + timedelta(hours=hours),
    )


def _notice(planned: Plan, telling: Telling, seq: int, event: Recorded, now: datetime) -> NoticeAdded:
    match = telling.match
    forward = telling.mine.id == match.hit.first
    agreed = tuple((kind, first, second) if forward else (kind, second, first) for kind, first, second in match.agreed)
    urgency: Urgency = URGENT if URGENT in (telling.mine.urgency, telling.theirs.urgency) else "normal"
    return NoticeAdded(
        agency=telling.receiver,
        seq=seq,
        type="hit",
        at=now,
        event_id=event.id,
        my_signal=telling.mine.id,
        purpose=planned.purpose,
        epoch=planned.epoch,
        hit_id=match.hit.id,
        their_signal=telling.theirs.id,
        quality=match.hit.quality,
        level=telling.level,
        urgency=urgency,
        agreed=agreed,
        rule=telling.decision.rule,
    )
