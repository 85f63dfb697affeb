# SPDX-License-Identifier: EUPL-1.2
"""Questions -> Cedar -> decisions with the rule that decided. The only door to the policy engine.

Default deny, and fail closed: a decision is a permission only when Cedar says Allow, names at least one permit, reports
no error, and every agency and purpose of the question is in the covenant. Cedar alone is not enough: it skips a
``forbid`` that errs, and it answers Allow about entities that do not exist.
Spec: ``spec/policy.md``. Not here: the rules (``policies/``), the clock (time is part of each question), logging.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Final, TypeAlias, get_args

import cedarpy

from protocol.covenant import Covenant
from protocol.covenant_parts import Purpose
from protocol.covenant_reading import SCHEMA
from protocol.covenant_text import refuse
from protocol.encoding import Json
from protocol.errors import Issue
from protocol.ids import Epoch, KeyKind, PartyId, PurposeId
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

__all__ = [
    "DEFAULT_DENY",
    "LEVELS",
    "POLICY_ERROR",
    "UNKNOWN_ENTITY",
    "Decision",
    "Evaluate",
    "Notify",
    "PolicyEngine",
    "Push",
    "Question",
    "Rule",
]

LEVELS: Final[tuple[Level, ...]] = get_args(Level)
"""From least to most; each includes those before it."""
CACHE_SIZE: Final = 16_384
"""Decisions remembered an engine, about 15 MB; one that fell out costs 0.2 ms to ask again."""

_OWN_REASONS: Final = {
    DEFAULT_DENY: "No rule of the covenant allows this.",
    POLICY_ERROR: "The covenant's rules could not be applied, so nothing is allowed. Tell the covenant board.",
    UNKNOWN_ENTITY: "The covenant does not name this agency or this purpose.",
}


# --- Questions and decisions ---


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


@dataclass(frozen=True, slots=True)
class Notify:
    """May the receiver be told, at this level, of a hit with the sender's signal?"""

    sender: PartyId
    receiver: PartyId
    purpose: PurposeId
    quality: Quality
    level: Level
    now: datetime


Question: TypeAlias = Evaluate | Push | Notify


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


# --- Deciding ---


@dataclass(frozen=True, slots=True)
class _Facts:
    """What Cedar is asked, without the clock: equal facts have equal decisions, so this is the cache's key."""

    action: str
    principal: str
    resource: str
    context: str
    named: tuple[tuple[str, str], ...]


class PolicyEngine:
    """Decides under exactly one covenant. Its rules are parsed once; its cache cannot answer for another covenant."""

    def __init__(self, covenant: Covenant) -> None:
        """Raise ``ConfigurationError`` (``covenant_invalid``) when a rule is not valid Cedar, does not fit the schema,
        lacks an annotation, repeats an ``@id`` or stands in the wrong file.
        """
        self.covenant = covenant
        schema, policies, self.rules = _read_rules(covenant)
        self._schema = schema
        self._policies = policies
        self._entities = cedarpy.Entities.from_json_str(json.dumps(_entities(covenant)), schema)
        self._known = frozenset(
            {("Agency", str(agency.id)) for agency in covenant.agencies}
            | {("Purpose", str(purpose)) for purpose in covenant.purposes}
        )
        self._cached = lru_cache(maxsize=CACHE_SIZE)(self._ask)

    def decide(self, question: Question) -> Decision:
        """Answer one question. Never raises for a question: what cannot be decided is refused."""
        if question.purpose not in self.covenant.purposes:
            return self._own(UNKNOWN_ENTITY)
        return self._cached(self._facts(question))

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

    def _facts(self, question: Question) -> _Facts:
        purpose = self.covenant.purposes[question.purpose]
        in_force = self.covenant.in_force(question.now)
        context: dict[str, Any] = {"covenantInForce": in_force}
        if isinstance(question, Notify):
            context |= self._notify_context(question, purpose)
            named: tuple[PartyId, ...] = (question.receiver, question.sender)
        else:
            context["epochLive"] = in_force and question.epoch in self.covenant.live_epochs(question.now)
            named = (question.agency,)
        if isinstance(question, Push):
            context |= self._push_context(question, purpose)
        entities = [("Agency", str(party)) for party in named] + [("Purpose", str(question.purpose))]
        action = type(question).__name__.lower()
        return _Facts(action, named[0], question.purpose, json.dumps(context, sort_keys=True), tuple(entities))

    def _kind_of(self, party: PartyId) -> Any:
        # None for an unknown party: the question is then refused because it names something that is not there.
        return self.covenant.agency(party).kind if ("Agency", party) in self._known else None

    def _push_context(self, question: Push, purpose: Purpose) -> dict[str, Any]:
        return {
            "grounds": sorted(set(question.grounds)),
            "basis": question.basis,
            "basesOfSender": sorted(purpose.bases_of(self._kind_of(question.agency))),
            "keyKinds": sorted(set(question.kinds)),
            "days": (question.expires_at - question.now) // timedelta(days=1),
        }

    def _notify_context(self, question: Notify, purpose: Purpose) -> dict[str, Any]:
        edge = purpose.edge(self._kind_of(question.sender), self._kind_of(question.receiver))
        return {
            "sender": {"__entity": {"type": "Agency", "id": question.sender}},
            "quality": question.quality,
            "level": question.level,
            "legalBases": sorted(edge),
        }

    def _ask(self, facts: _Facts) -> Decision:
        if not self._known.issuperset(facts.named):
            return self._own(UNKNOWN_ENTITY)
        request = {
            "principal": {"type": "Agency", "id": facts.principal},
            "action": {"type": "Action", "id": facts.action},
            "resource": {"type": "Purpose", "id": facts.resource},
            "context": facts.context,
        }
        try:
            result = cedarpy.is_authorized(request, self._policies, self._entities, self._schema)
        except ValueError:
            return self._own(POLICY_ERROR)
        return self._judge(result)

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


def _entities(covenant: Covenant) -> list[dict[str, Any]]:
    agencies = [_entity("Agency", party.id, {"kind": party.kind, "state": party.state}) for party in covenant.agencies]
    purposes = [
        _entity(
            "Purpose",
            name,
            {
                "senders": sorted(purpose.kinds_that("send")),
                "receivers": sorted(purpose.kinds_that("receive")),
                "hiddenFrom": sorted(purpose.hidden_from),
                "grounds": sorted(purpose.grounds),
                "keyKinds": sorted(purpose.key_kinds),
                "retentionDays": purpose.retention_days,
            },
        )
        for name, purpose in covenant.purposes.items()
    ]
    return agencies + purposes


def _entity(kind: str, name: str, attributes: dict[str, Any]) -> dict[str, Any]:
    return {"uid": {"type": kind, "id": name}, "attrs": attributes, "parents": []}


# --- Reading the rules ---


def _read_rules(covenant: Covenant) -> tuple[cedarpy.Schema, cedarpy.PolicySet, Mapping[str, Rule]]:
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
    # Cedar takes our @id as the policy's own id this way, so that its reasons name rules and not places in a file.
    whole = json.dumps({"staticPolicies": bodies, "templates": {}, "templateLinks": []})
    return schema, cedarpy.PolicySet.from_json_str(whole), rules


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
