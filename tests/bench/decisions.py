# SPDX-License-Identifier: EUPL-1.2
"""What a decision costs: asked of the rules' engine, and remembered; each against a floor in the same run.

The floor of one that is asked is Cedar given the same rules as text each time; of one that is remembered, looking the
same facts up in a dictionary. Not here: whether a remembered one is right (``tests/protocol/test_decision_cache.py``).
"""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import product

import cedarpy

from protocol.covenant_reading import SCHEMA
from protocol.facts import Facts, facts_of
from protocol.policy import LEVELS, Evaluate, Notify, PolicyEngine, Question, RequestDisclosure, _entities
from tests.bench.measure import Row, in_turn
from tests.fakes.covenants import make_covenant

NOW = datetime(2026, 11, 21, 20, tzinfo=UTC)
AGENCIES = 5
COLD = 500
"""Different decisions asked of Cedar a round: some 0.2 ms each."""
AS_TEXT = 20
"""The same with the rules as text: some 5 ms each."""
HOT_ROUNDS = 40


def rows(cold: int = COLD, as_text: int = AS_TEXT, hot_rounds: int = HOT_ROUNDS) -> list[Row]:
    """Return the rows about decisions a second."""
    engine = PolicyEngine(make_covenant(now=NOW, agencies=AGENCIES).covenant)
    questions = _questions(engine)
    facts = [found for question in questions if (found := facts_of(question, engine.covenant)) is not None]
    different = list(dict.fromkeys(facts))
    table = {one: engine.decide_facts(one) for one in different}
    asked = [different[place % len(different)] for place in range(cold)]
    few = asked[:as_text]
    parse = _as_text(engine)
    mine, _ = in_turn(lambda: [engine.decide_uncached(one) for one in asked], lambda: None)
    text, _ = in_turn(lambda: [parse(one) for one in few], lambda: None, rounds=3)
    known, least = in_turn(
        lambda: [engine.decide_facts(one) for _ in range(hot_rounds) for one in facts],
        lambda: [table[one] for _ in range(hot_rounds) for one in facts],
    )
    whole, least_too = in_turn(
        lambda: [engine.decide(question) for _ in range(hot_rounds) for question in questions],
        lambda: [table[one] for _ in range(hot_rounds) for one in facts],
    )
    many = len(facts) * hot_rounds
    return [
        Row("rules: decision asked (cold)", "1/s", len(asked) / mine, "Cedar, rules as text", len(few) / text),
        Row("rules: decision remembered (hot)", "1/s", many / known, "dictionary lookup", many / least),
        Row(
            "rules: question to remembered decision",
            "1/s",
            len(questions) * hot_rounds / whole,
            "dictionary lookup",
            many / least_too,
        ),
    ]


def _questions(engine: PolicyEngine) -> list[Question]:
    covenant = engine.covenant
    names = [agency.id for agency in covenant.agencies]
    epoch = covenant.epoch_at(NOW)
    found: list[Question] = []
    for purpose in covenant.purposes:
        found += [Evaluate(one, purpose, epoch, NOW) for one in names]
        for sender, receiver in product(names, names):
            found += [
                Notify(sender, receiver, purpose, quality, level, NOW)  # type: ignore[arg-type]  # words of a table
                for quality, level in product(("hit", "probable", "possible"), LEVELS)
            ]
            found.append(RequestDisclosure(sender, receiver, purpose, "coordinator", True, NOW))
    return found


def _as_text(engine: PolicyEngine) -> Callable[[Facts], cedarpy.AuthzResult]:
    """Return Cedar as it is used without our engine: rules, schema and entities read from text for each decision."""
    files = engine.covenant.policy_files
    policies = "\n".join(text for path, text in sorted(files.items()) if path != SCHEMA)
    entities, schema = json.dumps(_entities(engine.covenant)), files[SCHEMA]

    def decide(facts: Facts) -> cedarpy.AuthzResult:
        context: dict[str, object] = dict(facts.context)
        if facts.other is not None:
            name, other = facts.other
            context[name] = {"__entity": {"type": "Agency", "id": f"other-{other.kind}-{other.state}"}}
        request = {
            "principal": f'Agency::"{facts.actor.kind}-{facts.actor.state}"',
            "action": f'Action::"{facts.action}"',
            "resource": f'Purpose::"{facts.purpose}"',
            "context": context,
        }
        return cedarpy.is_authorized(request, policies, entities, schema)

    return decide
