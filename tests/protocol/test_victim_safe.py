# SPDX-License-Identifier: EUPL-1.2
"""A purpose that is hidden from a kind of agency stays so, whatever anybody ever permits beside the guards."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from protocol.covenant import Covenant
from protocol.covenant_parts import AgencyKind
from protocol.facts import Facts, facts_of
from protocol.ids import KeyKind, PartyId, PurposeId
from protocol.policy import PolicyEngine
from protocol.questions import (
    LEVELS,
    QUESTIONS,
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
from tests.fakes.covenants import FIRST, make_covenant
from tests.protocol.test_policy import annotated

NOW = datetime(2026, 11, 21, 20, tzinfo=UTC)
PLAIN = make_covenant(now=NOW).covenant
ALSO = [
    (f"agency-{kind}", cast("AgencyKind", kind), kind)
    for kind in PLAIN.agency_kinds
    if kind not in {first[1] for first in FIRST}
]
KIT = make_covenant(now=NOW, also=ALSO)
COVENANT = KIT.covenant
HIDING = sorted(name for name, purpose in COVENANT.purposes.items() if purpose.hidden_from)
VICTIMS = PurposeId("victim-protection")
HIDDEN_RULE = "guard.hidden-from-kind"
BEFORE_IT = {"guard.covenant-not-in-force", "guard.agency-suspended"}
ACTIONS = [action_of(kind) for kind in QUESTIONS]
NAMES = [agency.id for agency in COVENANT.agencies]
ROLES = ("system", "coordinator", "supervisor", "privacy-officer", "operator")


def permitting(rules: Iterable[tuple[PurposeId, str]]) -> PolicyEngine:
    """Return an engine with these permits beside those that there are."""
    files = dict(KIT.files)
    for place, (purpose, rule) in enumerate(rules):
        path = f"purposes/{purpose}.cedar"
        files[path] += b"\n" + annotated(rule, f"{purpose}.extra-{place}", purpose).encode()
    return PolicyEngine(Covenant.parse(files))


def permit(action: str, purpose: PurposeId, when: str = "true") -> tuple[PurposeId, str]:
    """Return a permit for one action of one purpose."""
    head = f'principal is Agency, action == Action::"{action}", resource == Purpose::"{purpose}"'
    return purpose, f"permit ({head}) when {{ {when} }};"


EVERYTHING = permitting(permit(action, purpose) for purpose in COVENANT.purposes for action in ACTIONS)
"""The most that permits can ever give: all of it, to everybody."""


def hidden_from(purpose: PurposeId) -> list[PartyId]:
    """Return an agency of every kind and body that a purpose is hidden from."""
    return [name for name in NAMES if COVENANT.kind_of(name) in COVENANT.purposes[purpose].hidden_from]


@st.composite
def closed_questions(draw: st.DrawFn) -> Question:
    """Draw any question by an agency about a purpose that is hidden from its kind."""
    purpose = PurposeId(draw(st.sampled_from(HIDING)))
    party, other = draw(st.sampled_from(hidden_from(purpose))), draw(st.sampled_from(NAMES))
    epoch, role = COVENANT.epoch_at(NOW), draw(st.sampled_from(ROLES))
    kinds, until = (KeyKind("bsn"),), NOW + timedelta(days=30)
    scope = draw(st.sampled_from(["own", "counterpart", "others"]))
    why = draw(st.sampled_from(["lawfulness-check", "self-monitoring", "none"]))
    quality, level = draw(st.sampled_from(["hit", "probable", "possible"])), draw(st.sampled_from(LEVELS))
    about = PurposeId(draw(st.sampled_from(sorted(COVENANT.purposes))))
    return cast(
        "Question",
        draw(
            st.sampled_from(
                [
                    Evaluate(party, purpose, epoch, NOW),
                    Push(party, purpose, epoch, NOW, ("runaway-minor",), "legal-duty", kinds, until),
                    Plant(party, other, purpose, epoch, NOW, ("runaway-minor",), "legal-duty", kinds, until),
                    Query(party, purpose, epoch, NOW, kinds, justified=True),
                    Notify(other, party, purpose, quality, level, NOW),
                    RequestDisclosure(party, other, purpose, role, True, NOW),
                    DecideDisclosure(party, other, purpose, role, NOW),
                    ReadEvents(party, purpose, role, scope, why, NOW),
                    ExportEvents(party, purpose, role, scope, why, NOW),
                    SubjectRequest(party, purpose, role, NOW),
                    EraseSignal(party, purpose, role, NOW),
                    ReadStatistics(party, purpose, about, role, NOW),
                ]
            )
        ),
    )


@st.composite
def closed_facts(draw: st.DrawFn) -> Facts:
    """Draw what the rules see of such a question, with every yes and no of it drawn anew, and any state."""
    found = facts_of(draw(closed_questions()), COVENANT)
    assert found is not None
    context = tuple((name, draw(st.booleans()) if isinstance(one, bool) else one) for name, one in found.context)
    state = draw(st.sampled_from(["active", "suspended"]))
    return replace(found, context=context, actor=replace(found.actor, state=state))


def assert_closed(engine: PolicyEngine, facts: Facts) -> None:
    """Pass when the guard forbids, and nothing but a guard that says still less is named before it."""
    decision = engine.decide_facts(facts)
    assert not decision.allowed
    assert decision.rule in {HIDDEN_RULE} | BEFORE_IT
    assert HIDDEN_RULE in decision.policies


@given(closed_facts())
@settings(max_examples=400)
def test_what_is_hidden_stays_hidden_when_everything_is_permitted(facts: Facts) -> None:
    """With every act permitted to everybody, every question of a hidden kind is still refused by the guard."""
    assert_closed(EVERYTHING, facts)


CONDITIONS = st.sampled_from(
    [
        "true",
        'principal.kind == "probation"',
        'principal.kind != "police"',
        "resource.hiddenFrom.contains(principal.kind)",
        "!resource.senders.contains(principal.kind)",
        "context.covenantInForce",
        'principal.state like "*"',
    ]
)
PERMITS = st.lists(
    st.builds(permit, st.sampled_from(ACTIONS), st.sampled_from([PurposeId(one) for one in HIDING]), CONDITIONS),
    min_size=1,
    max_size=12,
)


@given(st.data())
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_what_is_hidden_stays_hidden_whatever_permits_are_added(data: st.DataObject) -> None:
    """Random permits, also ones that name exactly the hidden kinds, open nothing."""
    engine = permitting(data.draw(PERMITS))
    for facts in data.draw(st.lists(closed_facts(), min_size=20, max_size=20)):
        assert_closed(engine, facts)


@pytest.mark.parametrize("under", sorted(COVENANT.purposes))
@pytest.mark.parametrize("role", ROLES)
def test_no_statistic_counts_what_is_hidden_from_its_reader(under: str, role: str) -> None:
    """Under whatever purpose, a hidden kind is refused counts of the hidden purpose, with everything permitted."""
    for party in hidden_from(VICTIMS):
        decision = EVERYTHING.decide(ReadStatistics(party, PurposeId(under), VICTIMS, role, NOW))  # type: ignore[arg-type]
        assert not decision.allowed
        assert {"guard.about-hidden", HIDDEN_RULE} & set(decision.policies)


def test_the_permits_of_these_tests_do_open_things() -> None:
    """The same permits give a kind that takes part what the plain rules refuse it: it is the guard that holds."""
    asked = Notify(NAMES[0], NAMES[3], VICTIMS, "possible", "content", NOW)
    assert not PolicyEngine(COVENANT).decide(asked).allowed
    assert EVERYTHING.decide(asked).allowed
    assert {COVENANT.kind_of(name) for name in hidden_from(VICTIMS)} == set(COVENANT.purposes[VICTIMS].hidden_from)
    assert {"probation-rn", "probation-svg", "probation-ljr"} <= {
        COVENANT.agency(name).kind for name in hidden_from(VICTIMS)
    }
