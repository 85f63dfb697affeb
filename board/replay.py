# SPDX-License-Identifier: EUPL-1.2
"""Past decisions made again under another covenant, as if it had been in force at the time.

A registration is decided again from the facts that its event keeps, a question likewise; what an agency was told of a
hit, from the two agencies and the quality that the log names. What the log does not keep cannot be decided again, and
that is said. Spec: ``spec/policy.md``. Not here: the lines (``protocol/decision_lines.py``), words (``replaying.py``).
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final, Literal, TypeAlias

from protocol.covenant import EPOCH_ZERO, Covenant
from protocol.decision_lines import DecisionLine
from protocol.events import (
    Asked,
    Event,
    NoticeIssued,
    QueryAnswered,
    RequestRefused,
    SignalRefused,
    SignalRegistered,
    SignalsMatched,
)
from protocol.ids import KeyKind, PartyId, PurposeId
from protocol.messages import Level, Quality
from protocol.policy import UNKNOWN_ENTITY, PolicyEngine
from protocol.questions import Plant, Push, Query, Question

NOT_IN_FORCE: Final = "guard.covenant-not-in-force"
"""Refused because of the moment, which another covenant cannot be held against."""
_FAR: Final = datetime(9000, 1, 1, tzinfo=UTC)
_WITHIN_DAY: Final = timedelta(hours=1)
"""The log keeps whole days, rounded down; an hour more is within the same day."""

Why: TypeAlias = Literal["unknown", "no-facts", "not-in-force", "counterpart", "silent"]
"""Why a decision cannot be made again: the new covenant does not name its agency or purpose; the log keeps no facts of
it; the old covenant was not in force; the file does not say whose signal it was about, or it was a canary's; nobody was
told, which may be because the two cases knew each other.
"""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was decided: allowed or not, of a notice how much was told, and by which rule."""

    allowed: bool
    rule: str
    level: Level | None = None


@dataclass(frozen=True, slots=True)
class Replayed:
    """One decision, then and under the new covenant; ``why`` when it cannot be made again."""

    index: int
    act: Literal["signal", "canary", "query", "notice", "request"]
    agency: PartyId | None
    purpose: PurposeId | None
    then: Outcome
    now: Outcome | None
    why: Why | None = None

    @property
    def differs(self) -> bool:
        """Whether it was made again and came out otherwise."""
        return self.now is not None and self.now != self.then


def replay(new: Covenant, lines: Sequence[DecisionLine]) -> list[Replayed]:
    """Return every decision of the lines, in their order, decided again under ``new``."""
    terms = new.terms.model_copy(update={"valid_from": EPOCH_ZERO, "valid_until": _FAR})
    engine = PolicyEngine(replace(new, terms=terms))
    found = [again for line in lines if (again := _alone(engine, line)) is not None]
    found += _Notices(engine, lines).replayed()
    return sorted(found, key=lambda one: one.index)


# --- Decisions that an event holds all facts of ---


def _alone(engine: PolicyEngine, line: DecisionLine) -> Replayed | None:
    event, act = line.event, line.event.act
    match event:
        case SignalRegistered():
            kind: Literal["signal", "canary"] = "signal" if event.asked.cover is None else "canary"
            return _again(engine, line, kind, _signal(event, event.asked))
        case SignalRefused() if event.rule is not None:
            kind = "signal" if event.asked.cover is None else "canary"
            return _again(engine, line, kind, _signal(event, event.asked))
        case QueryAnswered():
            if act.agency is None or act.purpose is None:
                return Replayed(line.index, "query", act.agency, act.purpose, _then(event), None, "no-facts")
            question = Query(act.agency, act.purpose, event.epoch, act.time, event.key_kinds, justified=True)
            return _again(engine, line, "query", question)
        case RequestRefused() if event.rule is not None:
            return Replayed(line.index, "request", act.agency, act.purpose, _then(event), None, "no-facts")
        case _:
            return None


def _again(
    engine: PolicyEngine, line: DecisionLine, kind: Literal["signal", "canary", "query"], question: Question | None
) -> Replayed:
    act, then = line.event.act, _then(line.event)
    if question is None:
        return Replayed(line.index, kind, act.agency, act.purpose, then, None, "no-facts")
    if then.rule == NOT_IN_FORCE:
        return Replayed(line.index, kind, act.agency, act.purpose, then, None, "not-in-force")
    decision = engine.decide(question)
    if decision.rule == UNKNOWN_ENTITY and then.rule != UNKNOWN_ENTITY:
        return Replayed(line.index, kind, act.agency, act.purpose, then, None, "unknown")
    return Replayed(line.index, kind, act.agency, act.purpose, then, Outcome(decision.allowed, decision.rule))


def _then(event: Event) -> Outcome:
    rule = event.act.policy_ids[0] if event.act.policy_ids else ""
    return Outcome(event.act.decision == "allow", rule)


def _signal(event: Event, asked: Asked) -> Question | None:
    act = event.act
    if act.agency is None or act.purpose is None:
        return None
    expires = act.time + timedelta(days=asked.days) + _WITHIN_DAY
    facts = (asked.grounds, asked.basis, asked.key_kinds, expires)
    if asked.cover is not None:
        return Plant(act.agency, asked.cover, act.purpose, asked.epoch, act.time, *facts)
    days = asked.review_days
    review = None if days is None else act.time.date() + timedelta(days=days)
    return Push(act.agency, act.purpose, asked.epoch, act.time, *facts, asked.informed, review)


# --- What agencies were told ---


@dataclass(frozen=True, slots=True)
class _Group:
    """What entries of one moment have in common that are about the same hits."""

    time: datetime
    purpose: PurposeId | None
    quality: Quality | None
    kinds: tuple[KeyKind, ...]


class _Notices:
    """Finds of each notice whose signal it was about: the log names both agencies of a hit, and a notice its receiver.

    Where more than one hit of the same moment, quality and keys could be meant, a notice counts as changed only when
    none of them explains it.
    """

    def __init__(self, engine: PolicyEngine, lines: Sequence[DecisionLine]) -> None:
        self.engine = engine
        self.matches: dict[_Group, list[tuple[int, PartyId, PartyId]]] = defaultdict(list)
        self.notices: dict[_Group, list[tuple[int, PartyId, Outcome]]] = defaultdict(list)
        self.asked: set[tuple[datetime, PurposeId | None, PartyId | None]] = set()
        """Who asked when: what an asker is told stands in the answer, and no notice says it."""
        for line in lines:
            event = line.event
            if isinstance(event, SignalsMatched):
                one, other = event.agencies
                self.matches[_group(event)].append((line.index, one, other))
            elif isinstance(event, QueryAnswered):
                self.asked.add((event.act.time, event.act.purpose, event.act.agency))
            elif isinstance(event, NoticeIssued) and event.level is not None and event.act.recipient is not None:
                then = replace(_then(event), level=event.level)
                self.notices[_group(event)].append((line.index, event.act.recipient, then))

    def replayed(self) -> Iterator[Replayed]:
        """Yield what each agency was told, and what it was not told though it may be now."""
        for group, notices in self.notices.items():
            yield from self._told(group, notices)
        for group, matches in self.matches.items():
            yield from self._untold(group, matches)

    def _told(self, group: _Group, notices: Iterable[tuple[int, PartyId, Outcome]]) -> Iterator[Replayed]:
        for index, receiver, then in notices:
            senders = [_other(match, receiver) for match in self.matches[group] if receiver in match[1:]]
            outcomes = [self._level(group, sender, receiver) for sender in senders]
            if not outcomes:
                yield Replayed(index, "notice", receiver, group.purpose, then, None, "counterpart")
            elif all(outcome.rule == UNKNOWN_ENTITY for outcome in outcomes):
                yield Replayed(index, "notice", receiver, group.purpose, then, None, "unknown")
            else:
                now = then if then in outcomes else outcomes[0]
                yield Replayed(index, "notice", receiver, group.purpose, then, now)

    def _untold(self, group: _Group, matches: Sequence[tuple[int, PartyId, PartyId]]) -> Iterator[Replayed]:
        told = [receiver for _, receiver, _ in self.notices[group]]
        parties = {party for match in matches for party in match[1:]}
        for match in matches:
            for receiver, sender in (match[1:], match[:0:-1]):
                if receiver in told or (group.time, group.purpose, receiver) in self.asked:
                    continue
                now = self._level(group, sender, receiver)
                then = Outcome(False, "")
                # Told apart only where it is sure that a rule kept silent: the other one was told, of this one hit.
                sure = len(matches) == 1 and sender in told and set(told) <= parties
                if now.allowed and sure:
                    yield Replayed(match[0], "notice", receiver, group.purpose, then, now)
                elif now.allowed:
                    yield Replayed(match[0], "notice", receiver, group.purpose, then, None, "silent")

    def _level(self, group: _Group, sender: PartyId, receiver: PartyId) -> Outcome:
        if group.purpose is None or group.quality is None:
            return Outcome(False, UNKNOWN_ENTITY)
        asked = (sender, receiver, group.purpose, group.quality, group.time)
        level, decision = self.engine.highest_level(*asked)
        return Outcome(decision.allowed, decision.rule, level)


def _group(event: SignalsMatched | NoticeIssued) -> _Group:
    return _Group(event.act.time, event.act.purpose, event.quality, tuple(sorted(event.kinds)))


def _other(match: tuple[int, PartyId, PartyId], party: PartyId) -> PartyId:
    return match[2] if match[1] == party else match[1]
