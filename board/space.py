# SPDX-License-Identifier: EUPL-1.2
"""Everything that two versions of a covenant can be asked, as a finite set of points; a point is a question to both.

A point has a value a dimension: which kind of agency, whose signal, which entry criterion. Numbers and sets of the
question fall into finitely many classes, because the rules see only yes, no and closed lists (``protocol/facts.py``);
``spec/policy.md``, "The decision space", says why no combination of facts is left out.
Not here: deciding (``deciding.py``), comparing (``changes.py``), words (``wording.py``).
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final, Literal, TypeAlias, get_args

from board.models import KINDS, epoch_named, model_id, moment_with_grace
from protocol.covenant import Covenant
from protocol.covenant_parts import AgencyKind, AgencyState
from protocol.covenant_purposes import Purpose
from protocol.facts import Facts, facts_of
from protocol.ids import Epoch, KeyKind, PartyId, PurposeId
from protocol.messages import Quality
from protocol.questions import (
    LEVELS,
    DecideDisclosure,
    EraseSignal,
    Evaluate,
    ExportEvents,
    LogPurpose,
    Notify,
    PersonRole,
    Plant,
    Push,
    Query,
    Question,
    ReadEvents,
    ReadStatistics,
    RequestDisclosure,
    Scope,
    SubjectRequest,
)

Point: TypeAlias = Mapping[str, str]
"""Dimension -> value."""
NONE: Final = "none"
UNKNOWN: Final = "unknown"
"""Of a code: one that neither version knows."""
LIVE: Final = "live"
CLOSED: Final = "closed"
OVER: Final = "over"
"""Of time: the epoch asked for is live; it is not; the covenant is not in force, and then no epoch is live."""
ANOTHER: Final = "another"
ITSELF: Final = "itself"
EXPIRED: Final = "expired"
NO_REVIEW: Final = "deferred"
PAST_REVIEW: Final = "deferred-past"
_DEFERRED: Final = "deferred-"
_YES_NO: Final = ("yes", "no")
_STATES: Final[tuple[AgencyState, ...]] = get_args(AgencyState)
_NO_CODE: Final = "no-such-code"
_FAR: Final = 36_600
"""Days, for the class of all that is longer than any bound of a purpose."""

# Dimensions of the two agencies; the other ones are independent of each other once these are given.
AGENCY: Final = "agency"
STATE: Final = "state"
OTHER: Final = "other"
OTHER_STATE: Final = "other-state"
OWN: Final = "own"
WHO: Final = (AGENCY, STATE, OTHER, OTHER_STATE, OWN)


@dataclass(frozen=True, slots=True)
class Space:
    """The points of one action and purpose: every combination of values, but an agency is itself only as it is."""

    action: type[Question]
    purpose: PurposeId
    dimensions: Mapping[str, tuple[str, ...]]

    def pairs(self) -> Iterable[Point]:
        """Yield the combinations of the agencies' dimensions that can be."""
        found: list[dict[str, str]] = [{}]
        for name in WHO:
            if name in self.dimensions:
                found = [{**point, name: value} for point in found for value in self.dimensions[name]]
        return [point for point in found if _can_be(point)]

    @property
    def rest(self) -> tuple[str, ...]:
        """The other dimensions, which are independent of each other."""
        return tuple(name for name in self.dimensions if name not in WHO)


def _can_be(point: Point) -> bool:
    return point.get(OWN) != ITSELF or (point[AGENCY], point[STATE]) == (point[OTHER], point[OTHER_STATE])


def spaces(old: Covenant, new: Covenant, kinds: tuple[AgencyKind, ...] = KINDS) -> list[Space]:
    """Return the spaces of all actions and of the purposes that either version has."""
    purposes = sorted({*old.purposes, *new.purposes})
    return [
        Space(action, purpose, _DIMENSIONS[action](_Pair(old, new, purpose, kinds)))
        for purpose in purposes
        for action in get_args(Question)
    ]


# --- The values of each dimension ---


@dataclass(frozen=True, slots=True)
class _Pair:
    """Two versions of one purpose, either of which may be absent."""

    old: Covenant
    new: Covenant
    name: PurposeId
    kinds: tuple[AgencyKind, ...]

    def both(self) -> list[Purpose]:
        found = (covenant.purposes.get(self.name) for covenant in (self.old, self.new))
        return [purpose for purpose in found if purpose is not None]

    def codes(self, of: Callable[[Purpose], Iterable[str]]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(code for purpose in self.both() for code in of(purpose)))

    def who(self) -> dict[str, tuple[str, ...]]:
        return {AGENCY: self.kinds, STATE: _STATES}

    def pair(self) -> dict[str, tuple[str, ...]]:
        return {**self.who(), OTHER: self.kinds, OTHER_STATE: _STATES}

    def signal(self) -> dict[str, tuple[str, ...]]:
        return {
            "time": (LIVE, CLOSED, OVER),
            "ground": (*self.codes(lambda purpose: purpose.grounds), NONE, UNKNOWN),
            "basis": (*self.codes(_bases), UNKNOWN),
            "key-kind": self.key_kinds(),
            "days": (*_intervals({purpose.retention_days for purpose in self.both()}), EXPIRED),
        }

    def key_kinds(self) -> tuple[str, ...]:
        return (*self.codes(lambda purpose: purpose.key_kinds), NONE, UNKNOWN)

    def informed(self) -> tuple[str, ...]:
        bounds = {purpose.informing.deferral_days for purpose in self.both() if purpose.informing is not None}
        reviewed = tuple(_DEFERRED + interval for interval in _intervals(bounds))
        return ("informed", "not-required", NO_REVIEW, PAST_REVIEW, *reviewed)

    def abouts(self) -> tuple[str, ...]:
        return (*sorted({*self.old.purposes, *self.new.purposes}), UNKNOWN)


def _bases(purpose: Purpose) -> list[str]:
    return [code for part in purpose.participants.values() for code in part.bases]


def _intervals(bounds: Iterable[int]) -> tuple[str, ...]:
    """Return the classes of whole days that no bound cuts: from 0 to the least bound, and so on; the last is open."""
    ends = sorted(set(bounds))
    starts = [0, *(end + 1 for end in ends)]
    return tuple(f"{start}-{end}" for start, end in zip(starts, [*map(str, ends), ""], strict=True))


_IN_FORCE: Final = {"time": (LIVE, OVER)}
_ROLES: Final = {"role": get_args(PersonRole)}
_READING: Final = {"scope": get_args(Scope), "log-purpose": get_args(LogPurpose)}
_OWN: Final = {OWN: (ANOTHER, ITSELF)}

_DIMENSIONS: Final[Mapping[type[Question], Callable[[_Pair], dict[str, tuple[str, ...]]]]] = {
    Evaluate: lambda pair: {**pair.who(), "time": (LIVE, CLOSED, OVER)},
    Push: lambda pair: {**pair.who(), **pair.signal(), "informed": pair.informed()},
    Plant: lambda pair: {**pair.pair(), **pair.signal()},
    Query: lambda pair: {
        **pair.who(),
        "time": (LIVE, CLOSED, OVER),
        "key-kind": pair.key_kinds(),
        "justified": _YES_NO,
    },
    Notify: lambda pair: {**pair.pair(), **_OWN, **_IN_FORCE, "quality": get_args(Quality), "level": LEVELS},
    RequestDisclosure: lambda pair: {**pair.pair(), **_OWN, **_IN_FORCE, **_ROLES, "justified": _YES_NO},
    DecideDisclosure: lambda pair: {**pair.pair(), **_OWN, **_IN_FORCE, **_ROLES},
    ReadEvents: lambda pair: {**pair.who(), **_IN_FORCE, **_ROLES, **_READING},
    ExportEvents: lambda pair: {**pair.who(), **_IN_FORCE, **_ROLES, **_READING},
    SubjectRequest: lambda pair: {**pair.who(), **_IN_FORCE, **_ROLES},
    EraseSignal: lambda pair: {**pair.who(), **_IN_FORCE, **_ROLES},
    ReadStatistics: lambda pair: {**pair.who(), **_IN_FORCE, **_ROLES, "about": pair.abouts()},
}


# --- A point as a question to one version ---


@dataclass(frozen=True, slots=True)
class Asked:
    """One version to put questions to, whose agencies are models (``models.py``), and its moments."""

    covenant: Covenant
    in_force: datetime
    over: datetime
    current: Epoch
    closed: Epoch

    @staticmethod
    def of(covenant: Covenant) -> "Asked":
        """Raise ``ConfigurationError`` as ``moment_with_grace``."""
        now = moment_with_grace(covenant)
        current, closed = (epoch_named(covenant, now, name) for name in ("current", "closed"))
        return Asked(covenant, now, covenant.valid_until, current, closed)

    def facts_at(self, space: Space, point: Point) -> Facts | None:
        """Return the facts of the question that a point is to this version."""
        return facts_of(question_at(space.action, space.purpose, point, self), self.covenant)


def question_at(action: type[Question], purpose: PurposeId, point: Point, asked: Asked) -> Question:
    """Return the question that a point is to one version."""
    return _At(purpose, point, asked).question(action)


@dataclass(frozen=True, slots=True)
class _At:
    purpose: PurposeId
    point: Mapping[str, Any]
    """As ``Point``; each dimension's values are of their own closed list."""
    asked: Asked

    def question(self, action: type[Question]) -> Question:
        point, purpose = self.point, self.purpose
        agency = model_id(point[AGENCY], point[STATE])
        role: PersonRole = point.get("role", "system")
        now, justified = self.now, point.get("justified") == "yes"
        if action is Evaluate:
            return Evaluate(agency, purpose, self.epoch, now)
        if action is Push:
            informed, review = self.informed()
            return Push(agency, purpose, self.epoch, now, *self.signal(), informed, review)
        if action is Plant:
            return Plant(agency, self.other, purpose, self.epoch, now, *self.signal())
        if action is Query:
            return Query(agency, purpose, self.epoch, now, self.key_kinds, justified)
        if action is Notify:
            return Notify(self.other, agency, purpose, point["quality"], point["level"], now)
        if action is RequestDisclosure:
            return RequestDisclosure(agency, self.other, purpose, role, justified, now)
        if action is DecideDisclosure:
            return DecideDisclosure(agency, self.other, purpose, role, now)
        if action is SubjectRequest or action is EraseSignal:
            return action(agency, purpose, role, now)
        if action is ReadStatistics:
            about = PurposeId(_NO_CODE if point["about"] == UNKNOWN else point["about"])
            return ReadStatistics(agency, purpose, about, role, now)
        if action is ReadEvents or action is ExportEvents:
            return action(agency, purpose, role, point["scope"], point["log-purpose"], now)
        raise ValueError("a question without dimensions")

    @property
    def now(self) -> datetime:
        return self.asked.over if self.point["time"] == OVER else self.asked.in_force

    @property
    def epoch(self) -> Epoch:
        return self.asked.closed if self.point["time"] == CLOSED else self.asked.current

    @property
    def other(self) -> PartyId:
        kind, state = self.point[OTHER], self.point[OTHER_STATE]
        another = self.point.get(OWN) != ITSELF
        return model_id(kind, state, other=another)

    @property
    def key_kinds(self) -> tuple[KeyKind, ...]:
        return tuple(map(KeyKind, _codes(self.point["key-kind"])))

    def signal(self) -> tuple[tuple[str, ...], str, tuple[KeyKind, ...], datetime]:
        days = self.point["days"]
        lives = timedelta(days=-1 if days == EXPIRED else _some_day(days), hours=1)
        basis = _NO_CODE if self.point["basis"] == UNKNOWN else self.point["basis"]
        return _codes(self.point["ground"]), basis, self.key_kinds, self.now + lives

    def informed(self) -> tuple[Literal["informed", "deferred", "not-required"], date | None]:
        value = self.point["informed"]
        if value in ("informed", "not-required"):
            return value, None
        if value == NO_REVIEW:
            return "deferred", None
        days = -1 if value == PAST_REVIEW else _some_day(value.removeprefix(_DEFERRED))
        return "deferred", (self.now + timedelta(days=days)).date()


def _codes(value: str) -> tuple[str, ...]:
    return () if value == NONE else (_NO_CODE if value == UNKNOWN else value,)


def _some_day(interval: str) -> int:
    """Return a day of the interval: its last, where a mistake of one day would show; a far one when it is open."""
    start, _, end = interval.partition("-")
    return int(end) if end else int(start) + _FAR
