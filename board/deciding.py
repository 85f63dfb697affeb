# SPDX-License-Identifier: EUPL-1.2
"""Many decisions fast and exactly: each rule is asked alone, once for every combination of the facts that it looks at.

A rule's condition is a function of the facts that its text mentions, and a decision is made of which rules apply: any
forbid refuses, else a permit allows, else nothing does (Cedar's semantics, and ``policy.py`` reads it so). So rule by
rule a few thousand questions to Cedar answer for millions of points. A test compares with the engine itself.
Spec: ``spec/policy.md``. Not here: which points there are (``space.py``).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from protocol.facts import Facts
from protocol.policy import DEFAULT_DENY, POLICY_ERROR, UNKNOWN_ENTITY, PolicyEngine, Rule

Feature: TypeAlias = tuple[str, ...]
"""A fact that a rule can look at: ``("principal", "kind")``, ``("context", "level")``, ``("context", "sender",
"state")``.
"""
_WHOLE: Final = "*"
"""Of a feature: the rule uses the value as a whole, so all of it."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What was decided, and by which rule first."""

    allowed: bool
    rule: str


@dataclass(frozen=True, slots=True)
class _Part:
    """One rule that can decide an action for a purpose: what it looks at, and what it said."""

    rule: Rule
    looks_at: tuple[Feature, ...]
    alone: PolicyEngine
    said: dict[tuple[object, ...], bool | None] = field(default_factory=dict)
    """Facts looked at -> it applies, it does not, or (``None``) it cannot be applied."""

    def applies(self, flat: Mapping[Feature, object], facts: Facts) -> bool | None:
        key = tuple([flat[feature] for feature in self.looks_at])
        if key not in self.said:
            decision = self.alone.decide_uncached(facts)
            self.said[key] = None if decision.rule == POLICY_ERROR else bool(decision.policies)
        return self.said[key]


class Decider:
    """Answers as its engine does, rule by rule."""

    def __init__(self, engine: PolicyEngine) -> None:
        """Keep the engine; its rules are taken apart when they are first needed."""
        self._engine = engine
        self._parts: dict[tuple[str, str], list[_Part]] = {}
        self._alone = {rule: engine.only({rule}) for rule in engine.rules}

    def decide(self, facts: Facts | None) -> Answer:
        """Answer what was made of a question; ``None`` stands for one that names what the covenant does not."""
        if facts is None:
            return Answer(False, UNKNOWN_ENTITY)
        flat = _flat(facts)
        permits: list[str] = []
        forbids: list[str] = []
        for part in self._of(facts):
            applies = part.applies(flat, facts)
            if applies is None:
                return Answer(False, POLICY_ERROR)
            if applies:
                (permits if part.rule.effect == "permit" else forbids).append(part.rule.id)
        if forbids:
            return Answer(False, forbids[0])
        return Answer(True, permits[0]) if permits else Answer(False, DEFAULT_DENY)

    def _of(self, facts: Facts) -> list[_Part]:
        place = (facts.action, facts.purpose)
        if place not in self._parts:
            own = sorted(rules_for(self._engine, *place), key=lambda rule: rule.order)
            features = tuple(_flat(facts))
            self._parts[place] = [
                _Part(rule, looked_at(self._engine.body_of(rule.id), features), self._alone[rule.id]) for rule in own
            ]
        return self._parts[place]


def rules_for(engine: PolicyEngine, action: str, purpose: str) -> list[Rule]:
    """Return the rules whose head admits this action and purpose; no other can decide it (Cedar's policy slicing)."""
    return [rule for rule in engine.rules.values() if _admits(engine.body_of(rule.id), action, purpose)]


def _admits(body: Any, action: str, purpose: str) -> bool:
    of_action, of_purpose = body["action"], body["resource"]
    listed: list[dict[str, str]] = of_action.get("entities") or [of_action.get("entity", {})]
    right_action = of_action["op"] == "All" or any(one.get("id") == action for one in listed)
    # A head of a form that we do not know counts as admitting: one rule too many is asked, none too few.
    return right_action and (of_purpose["op"] != "==" or of_purpose["entity"]["id"] == purpose)


def looked_at(body: Any, features: tuple[Feature, ...]) -> tuple[Feature, ...]:
    """Return those of the features that a rule, in Cedar's JSON form, mentions in its conditions."""
    mentioned: set[Feature] = set()
    _mentions(body.get("conditions", []), mentioned)
    return tuple(feature for feature in features if any(_covers(one, feature) for one in mentioned))


def _covers(mentioned: Feature, feature: Feature) -> bool:
    return all(one in (_WHOLE, other) for one, other in zip(mentioned, feature, strict=False))


def _mentions(node: Any, found: set[Feature]) -> None:
    if isinstance(node, list):
        for item in node:
            _mentions(item, found)
    elif isinstance(node, dict):
        path = _path(node)
        if path is not None:
            found.add(path)
            return
        for value in node.values():
            _mentions(value, found)


def _path(node: Any) -> Feature | None:
    """Return what a chain of accesses such as ``context.sender.kind`` reaches; ``None`` when this is no such chain."""
    if not isinstance(node, dict):
        return None
    if "Var" in node:
        return (str(node["Var"]), _WHOLE)
    access = node.get(".")
    if not isinstance(access, dict):
        return None
    inner = _path(access.get("left"))
    if inner is None:
        return None
    return (*(step for step in inner if step != _WHOLE), str(access["attr"]))


def _flat(facts: Facts) -> dict[Feature, object]:
    flat: dict[Feature, object] = {
        ("principal", "kind"): facts.actor.kind,
        ("principal", "state"): facts.actor.state,
    }
    for name, value in facts.context:
        flat["context", name] = value
    if facts.other is not None:
        name, other = facts.other
        flat["context", name, "kind"] = other.kind
        flat["context", name, "state"] = other.state
    return flat
