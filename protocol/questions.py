# SPDX-License-Identifier: EUPL-1.2
"""Everything that the covenant's rules can be asked: may this agency, or this person of it, do this now?

One frozen type a question. Not here: what of it the rules see (``facts.py``), the answer (``policy.py``).
Spec: ``spec/policy.md``.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, Literal, TypeAlias, get_args

from protocol.ids import Epoch, KeyKind, PartyId, PurposeId
from protocol.messages import Level, Quality

LEVELS: Final[tuple[Level, ...]] = get_args(Level)
"""From least to most; each includes those before it."""
PersonRole: TypeAlias = Literal["system", "coordinator", "supervisor", "privacy-officer", "operator"]
"""What somebody is at the agency, as the agency itself says; ``system`` is a machine account."""
Scope: TypeAlias = Literal["own", "counterpart", "others"]
"""Whose acts an entry of the log is about, seen from who reads: its own, one that concerned it, or neither."""
LogPurpose: TypeAlias = Literal[
    "none", "lawfulness-check", "self-monitoring", "integrity-security", "criminal-proceedings"
]
"""Why somebody reads the log: LED art. 25(2) permits four reasons; ``none`` is no reason."""
InformedStatus: TypeAlias = Literal["informed", "deferred", "not-required"]


@dataclass(frozen=True, slots=True)
class Evaluate:
    """May a key-holder evaluate blinded elements for this agency?"""

    agency: PartyId
    purpose: PurposeId
    epoch: Epoch
    now: datetime


@dataclass(frozen=True, slots=True)
class Push:
    """May this agency register this signal?"""

    agency: PartyId
    purpose: PurposeId
    epoch: Epoch
    now: datetime
    grounds: tuple[str, ...]
    basis: str
    kinds: tuple[KeyKind, ...]
    expires_at: datetime
    informed: InformedStatus = "not-required"
    review_on: date | None = None


@dataclass(frozen=True, slots=True)
class Plant:
    """May this agency plant this signal about nobody under the name of ``cover``?"""

    agency: PartyId
    cover: PartyId
    purpose: PurposeId
    epoch: Epoch
    now: datetime
    grounds: tuple[str, ...]
    basis: str
    kinds: tuple[KeyKind, ...]
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Query:
    """May this agency ask who else knows a person, without signalling? ``justified``: with a reason and a case."""

    agency: PartyId
    purpose: PurposeId
    epoch: Epoch
    now: datetime
    kinds: tuple[KeyKind, ...]
    justified: bool


@dataclass(frozen=True, slots=True)
class Notify:
    """May the receiver be told, at this level, of a hit with the sender's signal?"""

    sender: PartyId
    receiver: PartyId
    purpose: PurposeId
    quality: Quality
    level: Level
    now: datetime


@dataclass(frozen=True, slots=True)
class RequestDisclosure:
    """May a person of the asking agency ask the owner of a signal for more, after a hit?"""

    agency: PartyId
    owner: PartyId
    purpose: PurposeId
    role: PersonRole
    justified: bool
    now: datetime


@dataclass(frozen=True, slots=True)
class DecideDisclosure:
    """May a person of the owner grant or refuse what the asker asked?"""

    agency: PartyId
    asker: PartyId
    purpose: PurposeId
    role: PersonRole
    now: datetime


@dataclass(frozen=True, slots=True)
class ReadEvents:
    """May a person read entries of the log that are about a purpose?"""

    agency: PartyId
    purpose: PurposeId
    role: PersonRole
    scope: Scope
    log_purpose: LogPurpose
    now: datetime


@dataclass(frozen=True, slots=True)
class ExportEvents:
    """May a person take entries of the log that are about a purpose out, with their proofs?"""

    agency: PartyId
    purpose: PurposeId
    role: PersonRole
    scope: Scope
    log_purpose: LogPurpose
    now: datetime


@dataclass(frozen=True, slots=True)
class SubjectRequest:
    """May a person look for all entries about one citizen, to answer that citizen?"""

    agency: PartyId
    purpose: PurposeId
    role: PersonRole
    now: datetime


@dataclass(frozen=True, slots=True)
class EraseSignal:
    """May a person have the log forget whom the entries of a signal of the person's own agency concern?"""

    agency: PartyId
    purpose: PurposeId
    role: PersonRole
    now: datetime


@dataclass(frozen=True, slots=True)
class ReadStatistics:
    """May a person read, under ``purpose``, aggregates of the signals of the purpose ``about``?"""

    agency: PartyId
    purpose: PurposeId
    about: PurposeId
    role: PersonRole
    now: datetime


Question: TypeAlias = (
    Evaluate
    | Push
    | Plant
    | Query
    | Notify
    | RequestDisclosure
    | DecideDisclosure
    | ReadEvents
    | ExportEvents
    | SubjectRequest
    | EraseSignal
    | ReadStatistics
)
QUESTIONS: Final[tuple[type[Question], ...]] = get_args(Question)


def action_of(kind: type[Question]) -> str:
    """Return the name of a question's action in the rules: ``requestDisclosure`` for ``RequestDisclosure``."""
    return kind.__name__[0].lower() + kind.__name__[1:]
