# SPDX-License-Identifier: EUPL-1.2
"""OpenID AuthZEN Authorization API 1.0: a request in its words -> a question to the rules -> a decision in its words.

It speaks of rules only: a signal or hit is named by what purpose it is of, and none is looked up. Pure.
Spec: ``spec/authzen.md``. Not here: who may ask (the broker's routes), deciding (``policy.py``).
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, Literal, TypeAlias, TypeVar

from protocol.authzen_shapes import (
    Answer,
    Answers,
    Entity,
    Evaluation,
    Evaluations,
    Facts,
    OfDecision,
    OfEpoch,
    OfEvents,
    OfNotify,
    OfPlant,
    OfPush,
    OfQuery,
    OfRequest,
    OfStatistics,
    Part,
    PersonFacts,
    Properties,
    ThingFacts,
)
from protocol.covenant import Covenant
from protocol.encoding import Json
from protocol.errors import InputError
from protocol.ids import Epoch, PartyId, PurposeId
from protocol.messages import parse
from protocol.policy import Decision, PolicyEngine
from protocol.questions import (
    QUESTIONS,
    DecideDisclosure,
    EraseSignal,
    Evaluate,
    ExportEvents,
    Notify,
    PersonRole,
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

THING_TYPES: Final = frozenset({"signal", "hit"})
"""Resources that stand for their purpose; their ids are never looked at."""
_ACTIONS: Final = {action_of(kind): kind for kind in QUESTIONS}

Trouble: TypeAlias = Literal[
    "entity_missing", "subject_unknown", "action_unknown", "resource_unknown", "facts_contradict", "facts_unusable"
]
"""Why a request could not be made into a question of ours; ``context.error.code``. Never renamed."""
_MESSAGES: Final[Mapping[Trouble, str]] = {
    "entity_missing": "The evaluation lacks a subject, action or resource, and there is none to take it from.",
    "subject_unknown": "A subject is of the type agency, or of the type person with the properties agency and role.",
    "action_unknown": "The rules know no action of this name.",
    "resource_unknown": "A resource is of the type purpose, or of the type signal or hit with the property purpose.",
    "facts_contradict": "The same fact stands in two places with different values.",
    "facts_unusable": "Facts that this action needs are missing or not of the agreed form.",
}

F = TypeVar("F", bound=Facts)


class _UnusableError(Exception):
    """A request that cannot become a question; ``places`` names facts, never their values."""

    def __init__(self, code: Trouble, places: tuple[str, ...] = ()) -> None:
        super().__init__(code)
        self.code: Trouble = code
        self.places = places


def read_evaluation(body: bytes) -> Evaluation:
    """Read one question. Raises ``InputError`` (``malformed``)."""
    return parse(Evaluation, body)


def read_evaluations(body: bytes) -> Evaluations:
    """Read several questions, or one in the same form. Raises ``InputError`` (``malformed``)."""
    found = parse(Evaluations, body)
    if not found.evaluations:
        parse(Evaluation, body)
    return found


def answer(asked: Evaluation, engine: PolicyEngine, now: datetime) -> Answer:
    """Decide one question. What cannot be made into a question of ours is denied, and ``context.error`` says why."""
    try:
        question = _question(asked, engine.covenant, now)
    except _UnusableError as error:
        return _denied(error, engine.covenant)
    decision = engine.decide(question)
    return Answer(decision=decision.allowed, context=_explained(question, decision, engine))


def answer_all(asked: Evaluations, engine: PolicyEngine, now: datetime) -> Answer | Answers:
    """Decide several questions, each by itself, in order; one that cannot be asked counts as denied."""
    if not asked.evaluations:
        return _answer_part(asked, asked, engine, now)
    last = {"deny_on_first_deny": False, "permit_on_first_permit": True}.get(asked.options.evaluations_semantic)
    answers: list[Answer] = []
    for part in asked.evaluations:
        answers.append(_answer_part(part, asked, engine, now))
        if answers[-1].decision is last:
            break
    return Answers(evaluations=tuple(answers))


def _answer_part(part: Part, around: Part, engine: PolicyEngine, now: datetime) -> Answer:
    subject, action, resource = (
        part.subject or around.subject,
        part.action or around.action,
        part.resource or around.resource,
    )
    if subject is None or action is None or resource is None:
        return _denied(_UnusableError("entity_missing"), engine.covenant)
    context = around.context if part.context is None else part.context
    return answer(Evaluation(subject=subject, action=action, resource=resource, context=context), engine, now)


# --- From their words to ours ---


def _question(asked: Evaluation, covenant: Covenant, now: datetime) -> Question:
    kind = _ACTIONS.get(asked.action.name)
    if kind is None:
        raise _UnusableError("action_unknown")
    agency, role = _who(asked.subject)
    purpose = _purpose(asked.resource)
    facts = _gathered(asked)
    if kind in (Evaluate, Push, Plant, Query):
        return _of_pseudonyms(kind, agency, purpose, facts, covenant, now)
    return _of_others(kind, agency, role, purpose, facts, now)


def _of_pseudonyms(
    kind: type[Question], agency: PartyId, purpose: PurposeId, facts: Properties, covenant: Covenant, now: datetime
) -> Question:
    given = _read(OfEpoch, facts).epoch
    epoch: Epoch = covenant.epoch_at(now) if given is None else given
    if kind is Push:
        push = _read(OfPush, facts)
        bounds = (push.grounds, push.basis, push.key_kinds, push.expires_at, push.informed, push.review_on)
        return Push(agency, purpose, epoch, now, *bounds)
    if kind is Plant:
        plant = _read(OfPlant, facts)
        sown = (plant.grounds, plant.basis, plant.key_kinds, plant.expires_at)
        return Plant(agency, plant.cover, purpose, epoch, now, *sown)
    if kind is Query:
        query = _read(OfQuery, facts)
        return Query(agency, purpose, epoch, now, query.key_kinds, query.justified)
    return Evaluate(agency, purpose, epoch, now)


def _of_others(
    kind: type[Question], agency: PartyId, role: PersonRole, purpose: PurposeId, facts: Properties, now: datetime
) -> Question:
    if kind is Notify:
        told = _read(OfNotify, facts)
        return Notify(told.sender, agency, purpose, told.quality, told.level, now)
    if kind is RequestDisclosure:
        wanted = _read(OfRequest, facts)
        return RequestDisclosure(agency, wanted.owner, purpose, role, wanted.justified, now)
    if kind is DecideDisclosure:
        return DecideDisclosure(agency, _read(OfDecision, facts).asker, purpose, role, now)
    if kind is SubjectRequest:
        return SubjectRequest(agency, purpose, role, now)
    if kind is EraseSignal:
        return EraseSignal(agency, purpose, role, now)
    if kind is ReadStatistics:
        return ReadStatistics(agency, purpose, _read(OfStatistics, facts).about, role, now)
    looked = _read(OfEvents, facts)
    if kind is ExportEvents:
        return ExportEvents(agency, purpose, role, looked.scope, looked.log_purpose, now)
    return ReadEvents(agency, purpose, role, looked.scope, looked.log_purpose, now)


def _who(subject: Entity) -> tuple[PartyId, PersonRole]:
    if subject.type == "agency":
        return PartyId(subject.id), "system"
    if subject.type != "person":
        raise _UnusableError("subject_unknown")
    person = _read(PersonFacts, subject.properties, "subject_unknown")
    return person.agency, person.role


def _purpose(resource: Entity) -> PurposeId:
    if resource.type == "purpose":
        return PurposeId(resource.id)
    if resource.type not in THING_TYPES:
        raise _UnusableError("resource_unknown")
    return _read(ThingFacts, resource.properties, "resource_unknown").purpose


def _gathered(asked: Evaluation) -> Properties:
    """Return the facts of action, resource and context; raises where two of them say otherwise of the same fact."""
    facts: Properties = {}
    for place in (asked.action.properties, asked.resource.properties, asked.context or {}):
        if clash := [name for name, value in place.items() if name in facts and facts[name] != value]:
            raise _UnusableError("facts_contradict", tuple(clash))
        facts |= place
    return facts


def _read(kind: type[F], facts: Properties, trouble: Trouble = "facts_unusable") -> F:
    wanted = {field.alias or name for name, field in kind.model_fields.items()}
    try:
        return parse(kind, json.dumps({name: facts[name] for name in facts.keys() & wanted}).encode())
    except InputError as error:
        raise _UnusableError(trouble, tuple(issue.location for issue in error.issues)) from None


# --- From our words to theirs ---


def _denied(error: _UnusableError, covenant: Covenant) -> Answer:
    told: dict[str, Any] = {"status": 400, "code": error.code, "message": _MESSAGES[error.code]}
    if error.places:
        told["facts"] = sorted(set(error.places))
    return Answer(decision=False, context={"error": told, "covenant": _version(covenant)})


def _explained(question: Question, decision: Decision, engine: PolicyEngine) -> Properties:
    covenant, rule = engine.covenant, engine.rules.get(decision.rule)
    codes = [] if rule is None else [rule.legal_basis]
    if decision.allowed:
        codes += _edge(question, covenant)
    return {
        "rule": decision.rule,
        "policies": list(decision.policies),
        "reason": {"en": decision.reason},
        "legalBases": [_law(code, covenant) for code in dict.fromkeys(codes)],
        "covenant": _version(covenant),
    }


def _edge(question: Question, covenant: Covenant) -> tuple[str, ...]:
    """Return the law on which one agency is told of the other, where the question has two."""
    match question:
        case Notify(sender=sender, receiver=receiver):
            pass
        case RequestDisclosure(owner=sender, agency=receiver) | DecideDisclosure(agency=sender, asker=receiver):
            pass
        case _:
            return ()
    return covenant.purpose(question.purpose).edge(covenant.kind_of(sender), covenant.kind_of(receiver))


def _law(code: str, covenant: Covenant) -> Json:
    basis = covenant.legal_bases[code]
    return {
        "code": code,
        "title": {"nl": basis.title.nl, "en": basis.title.en},
        "article": basis.article,
        "certainty": basis.certainty,
    }


def _version(covenant: Covenant) -> Json:
    return {"version": covenant.version, "sha256": covenant.sha256}
