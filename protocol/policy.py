# SPDX-License-Identifier: EUPL-1.2
"""Questions -> Cedar -> decisions with the rule that decided. The only door to the policy engine.

Default deny, and fail closed: a decision is a permission only when Cedar says Allow, names at least one permit, reports
no error, and every agency and purpose of the question is in the covenant. Cedar alone is not enough: it skips a
``forbid`` that errs, and it answers Allow about entities that do not exist.
Spec: ``spec/policy.md``. Not here: the questions (``questions.py``), what the rules see (``facts.py``), the rules
themselves (``policies/``), the clock (time is part of each question), logging.
"""

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from itertools import product
from typing import Any, Final, get_args

import cedarpy

from protocol.covenant import Covenant
from protocol.covenant_parts import Act, AgencyKind, AgencyState
from protocol.covenant_reading import SCHEMA
from protocol.covenant_text import refuse
from protocol.encoding import Json
from protocol.errors import Issue
from protocol.facts import Actor, Facts, facts_of
from protocol.ids import PartyId, PurposeId
from protocol.messages import Level, Quality
from protocol.policy_text import (
    DEFAULT_DENY,
    POLICY_ERROR,
    UNKNOWN_ENTITY,
    PolicyText,
    Rule,
    describe,
    split_policies,
)
from protocol.questions import (
    LEVELS,
    QUESTIONS,
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
    action_of,
)

__all__ = [
    "DEFAULT_DENY",
    "LEVELS",
    "POLICY_ERROR",
    "QUESTIONS",
    "UNKNOWN_ENTITY",
    "DecideDisclosure",
    "Decision",
    "EraseSignal",
    "Evaluate",
    "ExportEvents",
    "LogPurpose",
    "Notify",
    "PersonRole",
    "Plant",
    "PolicyEngine",
    "Push",
    "Query",
    "Question",
    "ReadEvents",
    "ReadStatistics",
    "RequestDisclosure",
    "Rule",
    "Scope",
    "SubjectRequest",
    "action_of",
]

CACHE_SIZE: Final = 131_072
"""Decisions remembered an engine, at most some 60 MB: more than one covenant's whole decision space of daily acts has;
one that fell out costs 0.2 ms to ask again."""

FORMAT_WIDTH: Final = 100
"""Columns of a Cedar file: most conditions of ours then stand on one line."""

_OWN_REASONS: Final = {
    DEFAULT_DENY: "No rule of the covenant allows this.",
    POLICY_ERROR: "The covenant's rules could not be applied, so nothing is allowed. Tell the covenant board.",
    UNKNOWN_ENTITY: "The covenant does not name this agency or this purpose.",
}


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer: the deciding policy's ``@id`` (or one of the three names above), all policies that decided, and the
    rule's own sentence.
    """

    allowed: bool
    rule: str
    policies: tuple[str, ...]
    reason: str

    @property
    def alarming(self) -> bool:
        """Whether the refusal points at something broken, so that an operator should look."""
        return self.rule in (POLICY_ERROR, UNKNOWN_ENTITY)


@dataclass(frozen=True, slots=True)
class _Parsed:
    """What Cedar made of one covenant's rules, and the decisions already asked of it."""

    schema: cedarpy.Schema
    policies: cedarpy.PolicySet
    entities: cedarpy.Entities
    rules: Mapping[str, Rule]
    bodies: Mapping[str, Json]
    """Each rule in Cedar's JSON form, by its ``@id``."""


class PolicyEngine:
    """Decides under exactly one covenant. Its rules are parsed once; its cache cannot answer for another covenant."""

    def __init__(self, covenant: Covenant, until: datetime | None = None) -> None:
        """Raise ``ConfigurationError`` (``covenant_invalid``) when a rule is not valid Cedar, does not fit the schema,
        lacks an annotation, repeats an ``@id`` or stands in the wrong file.

        From ``until`` on the covenant counts as not in force: the signatures behind it are too old by then.
        """
        self.covenant = covenant
        self.until = until
        schema, self.rules, bodies = _read_rules(covenant)
        entities = cedarpy.Entities.from_json_str(json.dumps(_entities(covenant)), schema)
        self._parsed = _Parsed(schema, _policy_set(bodies), entities, self.rules, bodies)
        self._cached = lru_cache(maxsize=CACHE_SIZE)(self.decide_uncached)

    def renewed(self, until: datetime | None) -> "PolicyEngine":
        """Return this engine with another end; the rules and their remembered decisions are shared.

        That is safe because no remembered decision depends on the time: it reaches the rules as a fact.
        """
        other = object.__new__(PolicyEngine)
        other.__dict__ = {**self.__dict__, "until": until}
        return other

    def only(self, rules: Collection[str]) -> "PolicyEngine":
        """Return an engine with these of the covenant's rules and no other: for the board, to see what each does."""
        other = object.__new__(PolicyEngine)
        bodies = {rule: body for rule, body in self._parsed.bodies.items() if rule in rules}
        parsed = replace(self._parsed, policies=_policy_set(bodies), bodies=bodies)
        other.covenant, other.until, other._parsed = self.covenant, self.until, parsed
        other.rules = {rule: self.rules[rule] for rule in bodies}
        other._cached = lru_cache(maxsize=CACHE_SIZE)(other.decide_uncached)
        return other

    def body_of(self, rule: str) -> Json:
        """Return a rule in Cedar's JSON form."""
        return self._parsed.bodies[rule]

    def decide(self, question: Question) -> Decision:
        """Answer one question. Never raises for a question: what cannot be decided is refused."""
        facts = facts_of(question, self.covenant, self.until)
        return self._own(UNKNOWN_ENTITY) if facts is None else self.decide_facts(facts)

    def decide_facts(self, facts: Facts) -> Decision:
        """Answer what was made of a question (``facts.facts_of``)."""
        return self._cached(facts)

    def decide_uncached(self, facts: Facts) -> Decision:
        """Ask Cedar itself, past the remembered decisions."""
        context: dict[str, Any] = dict(facts.context)
        if facts.other is not None:
            name, other = facts.other
            context[name] = {"__entity": {"type": "Agency", "id": _model(other, second=True)}}
        request = {
            "principal": {"type": "Agency", "id": _model(facts.actor)},
            "action": {"type": "Action", "id": facts.action},
            "resource": {"type": "Purpose", "id": facts.purpose},
            "context": context,
        }
        parsed = self._parsed
        try:
            result = cedarpy.is_authorized(request, parsed.policies, parsed.entities, parsed.schema)
        except ValueError:
            return self._own(POLICY_ERROR)
        return self._judge(result)

    def highest_level(
        self, sender: PartyId, receiver: PartyId, purpose: PurposeId, quality: Quality, now: datetime
    ) -> tuple[Level | None, Decision]:
        """Return the most that the receiver may be told and the decision that allows it, or ``None`` and the refusal of
        even the least.
        """
        decision = self._own(DEFAULT_DENY)
        for level in reversed(LEVELS):
            decision = self.decide(Notify(sender, receiver, purpose, quality, level, now))
            if decision.allowed:
                return level, decision
            if decision.alarming:
                break
        return None, decision

    def _judge(self, result: cedarpy.AuthzResult) -> Decision:
        """Read Cedar's answer closed: everything but a clean Allow or a clean Deny is an error of ours."""
        reasons = result.diagnostics.reasons
        if result.diagnostics.errors or result.decision is cedarpy.Decision.NoDecision:
            return self._own(POLICY_ERROR)
        if any(reason not in self.rules for reason in reasons):
            return self._own(POLICY_ERROR)
        deciding = sorted((self.rules[reason] for reason in reasons), key=lambda rule: rule.order)
        wanted = "permit" if result.allowed else "forbid"
        if any(rule.effect != wanted for rule in deciding) or (result.allowed and not deciding):
            return self._own(POLICY_ERROR)
        if not deciding:
            return self._own(DEFAULT_DENY)
        return Decision(result.allowed, deciding[0].id, tuple(rule.id for rule in deciding), deciding[0].says)

    @staticmethod
    def _own(rule: str) -> Decision:
        return Decision(False, rule, (), _OWN_REASONS[rule])


_SETS: Final[Mapping[str, Act]] = {
    "senders": "send",
    "receivers": "receive",
    "askers": "query",
    "planters": "plant",
    "counters": "count",
}


def _model(actor: Actor, *, second: bool = False) -> str:
    # The second agency of a question is another entity even when it is of the same kind and state: whether it is the
    # very same agency is a fact of its own.
    return f"{'other-' if second else ''}{actor.kind}-{actor.state}"


def _entities(covenant: Covenant) -> list[dict[str, Any]]:
    actors = [Actor(kind, state) for kind, state in product(get_args(AgencyKind), get_args(AgencyState))]
    agencies = [
        _entity("Agency", _model(actor, second=second), {"kind": actor.kind, "state": actor.state})
        for actor, second in product(actors, (False, True))
    ]
    purposes = [
        _entity(
            "Purpose",
            name,
            {set_: sorted(purpose.kinds_that(act)) for set_, act in _SETS.items()}
            | {"hiddenFrom": sorted(purpose.hidden_from)},
        )
        for name, purpose in covenant.purposes.items()
    ]
    return agencies + purposes


def _entity(kind: str, name: str, attributes: dict[str, Any]) -> dict[str, Any]:
    return {"uid": {"type": kind, "id": name}, "attrs": attributes, "parents": []}


# --- Reading the rules ---


def formatted(text: str) -> str:
    """Return a Cedar file's text as Cedar's own formatter writes it; the text itself when Cedar cannot read it."""
    try:
        return cedarpy.format_policies(text, FORMAT_WIDTH)
    except ValueError:
        return text


def _policy_set(bodies: Mapping[str, Json]) -> cedarpy.PolicySet:
    # Cedar takes our @id as the policy's own id this way, so that its reasons name rules and not places in a file.
    whole = json.dumps({"staticPolicies": dict(bodies), "templates": {}, "templateLinks": []})
    return cedarpy.PolicySet.from_json_str(whole)


def _read_rules(covenant: Covenant) -> tuple[cedarpy.Schema, Mapping[str, Rule], Mapping[str, Json]]:
    issues: list[Issue] = []
    try:
        schema = cedarpy.Schema.from_str(covenant.policy_files[SCHEMA])
    except ValueError as error:
        raise refuse([Issue(SCHEMA, "cedar_schema", _one_line(error))], "The policy schema") from None
    rules: dict[str, Rule] = {}
    bodies: dict[str, Json] = {}
    for text in _texts(covenant):
        body = _parse_one(text, schema, issues)
        if body is None:
            continue
        rule = describe(text, body, covenant.legal_bases, len(rules), issues)
        if rule is None:
            continue
        if rule.id in rules:
            issues.append(Issue(text.place, "repeated_id", f"@id({rule.id}) stands at {rules[rule.id].place} already."))
        rules[rule.id] = rule
        bodies[rule.id] = body
    if issues:
        raise refuse(issues, "The policies")
    return schema, rules, bodies


def _texts(covenant: Covenant) -> Iterable[PolicyText]:
    for path, text in sorted(covenant.policy_files.items()):
        if path != SCHEMA:
            yield from split_policies(path, text)


def _parse_one(text: PolicyText, schema: cedarpy.Schema, issues: list[Issue]) -> dict[str, Any] | None:
    try:
        found = json.loads(cedarpy.policies_to_json_str(text.text))
    except ValueError as error:
        issues.append(Issue(text.place, "cedar_syntax", f"Not a Cedar policy: {_one_line(error)}."))
        return None
    bodies = list(found["staticPolicies"].values())
    if found["templates"] or len(bodies) != 1:
        issues.append(Issue(text.place, "cedar_template", "Templates (?principal, ?resource) are not used here."))
        return None
    wrong = cedarpy.validate_policies(text.text, schema).errors
    issues.extend(Issue(text.place, "cedar_schema", f"Misfits the schema: {_one_line(item.error)}") for item in wrong)
    body: dict[str, Any] = bodies[0]
    return body


def _one_line(error: object) -> str:
    return " ".join(str(error).split())[:300]
