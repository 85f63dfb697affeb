# SPDX-License-Identifier: EUPL-1.2
"""The shapes of OpenID AuthZEN Authorization API 1.0, and the facts that each of our actions needs, under our names.

Bounded by the size of a request; what is not known here is passed over, as that standard demands.
Spec: ``spec/authzen.md``. Not here: what is made of them (``authzen.py``).
"""

from datetime import date
from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import ConfigDict, Field, StringConstraints

from protocol.messages import (
    CodeText,
    EpochNumber,
    Kind,
    Level,
    Message,
    Party,
    Purpose,
    Quality,
    Time,
)
from protocol.questions import InformedStatus, LogPurpose, PersonRole, Scope

MAX_EVALUATIONS: Final = 100
"""Questions in one request: every agency at every level and quality of a partnership of eight."""
MAX_CODES: Final = 100
"""Grounds or key kinds in one question: as many as a purpose may name."""


# --- AuthZEN's own shapes (sections 5 to 7) ---

_Name = Annotated[str, StringConstraints(min_length=1, max_length=256)]
Properties: TypeAlias = dict[str, Any]


class _Open(Message):
    """A message of a standard that grows: what it does not know it passes over, as that standard demands."""

    model_config = ConfigDict(extra="ignore")


class Entity(_Open):
    """A subject or resource. ``id`` is unique within its type."""

    type: _Name
    id: _Name
    properties: Annotated[Properties, Field(default_factory=dict)]


class Action(_Open):
    """What the subject would do."""

    name: _Name
    properties: Annotated[Properties, Field(default_factory=dict)]


class Evaluation(_Open):
    """May this subject do this to this resource?"""

    subject: Entity
    action: Action
    resource: Entity
    context: Properties | None = None


class Part(_Open):
    """One of several questions; what it lacks is taken, whole, from the request around it."""

    subject: Entity | None = None
    action: Action | None = None
    resource: Entity | None = None
    context: Properties | None = None


class Options(_Open):
    """How several questions are answered: all, or until one decides."""

    evaluations_semantic: Annotated[
        Literal["execute_all", "deny_on_first_deny", "permit_on_first_permit"], Field(alias="evaluations_semantic")
    ] = "execute_all"


class Evaluations(Part):
    """Several questions at once; without any it is a single one."""

    evaluations: Annotated[tuple[Part, ...], Field(strict=False, max_length=MAX_EVALUATIONS)] = ()
    options: Options = Options()


class Answer(_Open):
    """The decision, and in ``context`` the rule, its sentence, the law and the covenant's version."""

    decision: bool
    context: Properties


class Answers(_Open):
    """The decisions in the order asked."""

    evaluations: tuple[Answer, ...]


# --- The facts of each action, wherever in the request they stand ---


class Facts(_Open):
    """Named as in our messages; each is needed unless it says otherwise."""


class OfEpoch(Facts):
    """Of acts with pseudonyms: which epoch's."""

    epoch: EpochNumber | None = None
    """The current one when absent."""


_Codes = Annotated[tuple[CodeText, ...], Field(strict=False, max_length=MAX_CODES)]
_Kinds = Annotated[tuple[Kind, ...], Field(strict=False, max_length=MAX_CODES)]
_Day = Annotated[date, Field(strict=False)]


class OfPlant(OfEpoch):
    """Of ``plant``; ``cover`` is the agency whose name the canary bears."""

    cover: Party
    grounds: _Codes
    basis: CodeText
    key_kinds: _Kinds
    expires_at: Time


class OfPush(OfEpoch):
    """Of ``push``."""

    grounds: _Codes
    basis: CodeText
    key_kinds: _Kinds
    expires_at: Time
    informed: InformedStatus
    review_on: _Day | None = None


class OfQuery(OfEpoch):
    """Of ``query``; ``justified``: with a reason and a case, which themselves stay where they are."""

    key_kinds: _Kinds
    justified: bool


class OfNotify(Facts):
    """Of ``notify``: whose signal, how sure, how much."""

    sender: Party
    quality: Quality
    level: Level


class OfRequest(Facts):
    """Of ``requestDisclosure``."""

    owner: Party
    justified: bool


class OfDecision(Facts):
    """Of ``decideDisclosure``."""

    asker: Party


class OfEvents(Facts):
    """Of ``readEvents`` and ``exportEvents``."""

    scope: Scope
    log_purpose: LogPurpose


class OfStatistics(Facts):
    """Of ``readStatistics``: which purpose is counted."""

    about: Purpose


class PersonFacts(Facts):
    """Of a subject of the type person."""

    agency: Party
    role: PersonRole


class ThingFacts(Facts):
    """Of a resource of the type signal or hit."""

    purpose: Purpose
