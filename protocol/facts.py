# SPDX-License-Identifier: EUPL-1.2
"""A question -> the facts that the rules see: yes or no, or one of a closed list; never a set, a number or a name.

So there are finitely many, two versions of a covenant can be compared exactly, equal facts have equal decisions, and a
decision can be made again from what the log keeps. Pure. Spec: ``spec/policy.md``. Not here: deciding (``policy.py``).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, TypeAlias

from protocol.covenant import Covenant
from protocol.covenant_parts import AgencyKind, AgencyState
from protocol.covenant_purposes import Purpose
from protocol.ids import Epoch, PartyId, PurposeId
from protocol.questions import (
    DecideDisclosure,
    EraseSignal,
    Evaluate,
    ExportEvents,
    Notify,
    Plant,
    Push,
    Query,
    Question,
    ReadEvents,
    ReadStatistics,
    RequestDisclosure,
    SubjectRequest,
    action_of,
)

_DAY: Final = timedelta(days=1)

Context: TypeAlias = tuple[tuple[str, bool | str], ...]


@dataclass(frozen=True, slots=True)
class Actor:
    """An agency as rules see it: what kind it is and whether it takes part now. No rule can name one agency."""

    kind: AgencyKind
    state: AgencyState


@dataclass(frozen=True, slots=True)
class Facts:
    """What the rules are asked. ``other`` is the second agency of the question, under its name in the context."""

    action: str
    actor: Actor
    purpose: PurposeId
    context: Context
    other: tuple[str, Actor] | None = None


def facts_of(question: Question, covenant: Covenant, until: datetime | None = None) -> Facts | None:
    """Return the facts of a question, or ``None`` when it names an agency or a purpose that the covenant does not.

    ``until`` ends the covenant's force early: what was signed may no longer be trusted from then on.
    """
    purpose = covenant.purposes.get(question.purpose)
    view = _Standpoint(covenant, question.now, until)
    subject = view.actor(question.receiver if isinstance(question, Notify) else question.agency)
    other = _other(question)
    second = None if other is None else view.actor(other[1])
    if purpose is None or subject is None or (other is not None and second is None):
        return None
    context = _CONTEXTS[type(question)](question, purpose, view)
    if context is None:
        return None
    return Facts(
        action_of(type(question)),
        subject,
        question.purpose,
        (("covenantInForce", view.in_force), *context.items()),
        None if other is None or second is None else (other[0], second),
    )


@dataclass(frozen=True, slots=True)
class _Standpoint:
    """The covenant at one moment."""

    covenant: Covenant
    now: datetime
    until: datetime | None

    @property
    def in_force(self) -> bool:
        return self.covenant.in_force(self.now) and (self.until is None or self.now < self.until)

    def epoch_live(self, epoch: Epoch) -> bool:
        return self.in_force and epoch in self.covenant.live_epochs(self.now)

    def actor(self, party: PartyId) -> Actor | None:
        agency = self.covenant.find(party)
        return None if agency is None else Actor(self.covenant.root_of(agency.kind), agency.state)


def _other(question: Question) -> tuple[str, PartyId] | None:
    match question:
        case Notify():
            return "sender", question.sender
        case Plant():
            return "cover", question.cover
        case RequestDisclosure():
            return "other", question.owner
        case DecideDisclosure():
            return "other", question.asker
        case _:
            return None


_Found: TypeAlias = dict[str, bool | str]


def _evaluate(question: Evaluate, purpose: Purpose, view: _Standpoint) -> _Found:
    return {"epochLive": view.epoch_live(question.epoch)}


def _signal(question: Push | Plant, bases: tuple[str, ...], purpose: Purpose, view: _Standpoint) -> _Found:
    days = (question.expires_at - question.now) // _DAY
    return {
        "epochLive": view.epoch_live(question.epoch),
        "groundsGiven": bool(question.grounds),
        "groundsAgreed": purpose.grounds.keys() >= set(question.grounds),
        "basisAgreed": question.basis in bases,
        "keyKindsAgreed": set(purpose.key_kinds) >= set(question.kinds),
        "expired": question.expires_at <= question.now,
        "withinRetention": days <= purpose.retention_days,
    }


def _push(question: Push, purpose: Purpose, view: _Standpoint) -> _Found:
    bases = purpose.bases_of(view.covenant.kind_of(question.agency))
    reviewed = question.informed != "deferred" or (
        purpose.informing is not None
        and question.review_on is not None
        and question.now.date() <= question.review_on <= (question.now + purpose.informing.deferral_days * _DAY).date()
    )
    return {**_signal(question, bases, purpose, view), "deferralReviewed": reviewed}


def _plant(question: Plant, purpose: Purpose, view: _Standpoint) -> _Found:
    return _signal(question, purpose.bases_of(view.covenant.kind_of(question.cover)), purpose, view)


def _query(question: Query, purpose: Purpose, view: _Standpoint) -> _Found:
    return {
        "epochLive": view.epoch_live(question.epoch),
        "keyKindsAgreed": set(purpose.key_kinds) >= set(question.kinds),
        "justified": question.justified,
    }


def _notify(question: Notify, purpose: Purpose, view: _Standpoint) -> _Found:
    return {
        "own": question.sender == question.receiver,
        "quality": question.quality,
        "level": question.level,
        "lawful": _lawful(question.sender, question.receiver, purpose, view),
    }


def _request_disclosure(question: RequestDisclosure, purpose: Purpose, view: _Standpoint) -> _Found:
    return {
        "own": question.owner == question.agency,
        "role": question.role,
        "lawful": _lawful(question.owner, question.agency, purpose, view),
        "justified": question.justified,
    }


def _decide_disclosure(question: DecideDisclosure, purpose: Purpose, view: _Standpoint) -> _Found:
    return {
        "own": question.asker == question.agency,
        "role": question.role,
        "lawful": _lawful(question.agency, question.asker, purpose, view),
    }


def _events(question: ReadEvents | ExportEvents, purpose: Purpose, view: _Standpoint) -> _Found:
    return {"role": question.role, "scope": question.scope, "logPurpose": question.log_purpose}


def _person(question: SubjectRequest | EraseSignal, purpose: Purpose, view: _Standpoint) -> _Found:
    return {"role": question.role}


def _statistics(question: ReadStatistics, purpose: Purpose, view: _Standpoint) -> _Found | None:
    about = view.covenant.purposes.get(question.about)
    if about is None:
        return None
    hidden = view.covenant.kind_of(question.agency) in about.hidden_from
    return {"role": question.role, "aboutHidden": hidden, "aboutCounted": question.about in purpose.counts_of}


def _lawful(sender: PartyId, receiver: PartyId, purpose: Purpose, view: _Standpoint) -> bool:
    return bool(purpose.edge(view.covenant.kind_of(sender), view.covenant.kind_of(receiver)))


_CONTEXTS: Final[Mapping[type, Callable[[Any, Purpose, _Standpoint], _Found | None]]] = {
    Evaluate: _evaluate,
    Push: _push,
    Plant: _plant,
    Query: _query,
    Notify: _notify,
    RequestDisclosure: _request_disclosure,
    DecideDisclosure: _decide_disclosure,
    ReadEvents: _events,
    ExportEvents: _events,
    SubjectRequest: _person,
    EraseSignal: _person,
    ReadStatistics: _statistics,
}
