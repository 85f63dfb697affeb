# SPDX-License-Identifier: EUPL-1.2
"""AuthZEN's words and ours: each question can be asked, means what it says, and what is unclear is denied."""

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from protocol.authzen import answer, answer_all, read_evaluation, read_evaluations
from protocol.authzen_shapes import MAX_EVALUATIONS, Answer, Answers
from protocol.errors import Code, InputError
from protocol.facts import facts_of
from protocol.ids import Epoch, KeyKind, PartyId, PurposeId
from protocol.policy import PolicyEngine
from protocol.questions import (
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
from tests.fakes.covenants import make_covenant

NOW = datetime(2026, 11, 21, 20, tzinfo=UTC)
ENGINE = PolicyEngine(make_covenant(now=NOW).covenant)
POLICE, CARE = PartyId("police-oost"), PartyId("care-linde")
PURPOSE = PurposeId("offender-prevention")
EPOCH = ENGINE.covenant.epoch_at(NOW)
UNTIL = NOW + timedelta(days=30)
SIGNAL: dict[str, Any] = {
    "grounds": ["exploits-or-recruits"],
    "basis": "legal-duty",
    "keyKinds": ["bsn", "phone"],
    "expiresAt": "2026-12-21T20:00:00Z",
}
KINDS = (KeyKind("bsn"), KeyKind("phone"))
GROUNDS = ("exploits-or-recruits",)


def asked(name: str, facts: Mapping[str, Any] = {}, role: str | None = None, **more: Any) -> dict[str, Any]:
    """Return a request by the police, or by a person of theirs, about offender prevention."""
    subject: dict[str, Any] = {"type": "agency", "id": POLICE}
    if role is not None:
        subject = {"type": "person", "id": "medewerker-17", "properties": {"agency": POLICE, "role": role}}
    resource = {"type": "purpose", "id": PURPOSE}
    return {"subject": subject, "action": {"name": name}, "resource": resource, "context": dict(facts)} | more


def decide(request: Mapping[str, Any]) -> Answer:
    """Answer a request."""
    return answer(read_evaluation(json.dumps(request).encode()), ENGINE, NOW)


QUESTIONED: list[tuple[dict[str, Any], Question]] = [
    (asked("evaluate"), Evaluate(POLICE, PURPOSE, EPOCH, NOW)),
    (asked("evaluate", {"epoch": 3}), Evaluate(POLICE, PURPOSE, Epoch(3), NOW)),
    (
        asked("push", SIGNAL | {"informed": "deferred", "reviewOn": "2026-12-01"}),
        Push(POLICE, PURPOSE, EPOCH, NOW, GROUNDS, "legal-duty", KINDS, UNTIL, "deferred", date(2026, 12, 1)),
    ),
    (
        asked("push", SIGNAL | {"informed": "deferred"}),
        Push(POLICE, PURPOSE, EPOCH, NOW, GROUNDS, "legal-duty", KINDS, UNTIL, "deferred"),
    ),
    (
        asked("plant", SIGNAL | {"cover": CARE}),
        Plant(POLICE, CARE, PURPOSE, EPOCH, NOW, GROUNDS, "legal-duty", KINDS, UNTIL),
    ),
    (
        asked("query", {"keyKinds": ["bsn", "phone"], "justified": True}),
        Query(POLICE, PURPOSE, EPOCH, NOW, KINDS, True),
    ),
    (
        asked("notify", {"sender": CARE, "quality": "hit", "level": "contact"}),
        Notify(CARE, POLICE, PURPOSE, "hit", "contact", NOW),
    ),
    (
        asked("requestDisclosure", {"owner": CARE, "justified": True}, "coordinator"),
        RequestDisclosure(POLICE, CARE, PURPOSE, "coordinator", True, NOW),
    ),
    (
        asked("decideDisclosure", {"asker": CARE}, "coordinator"),
        DecideDisclosure(POLICE, CARE, PURPOSE, "coordinator", NOW),
    ),
    (
        asked("readEvents", {"scope": "own", "logPurpose": "self-monitoring"}, "privacy-officer"),
        ReadEvents(POLICE, PURPOSE, "privacy-officer", "own", "self-monitoring", NOW),
    ),
    (
        asked("exportEvents", {"scope": "others", "logPurpose": "none"}, "operator"),
        ExportEvents(POLICE, PURPOSE, "operator", "others", "none", NOW),
    ),
    (asked("subjectRequest", role="privacy-officer"), SubjectRequest(POLICE, PURPOSE, "privacy-officer", NOW)),
    (asked("eraseSignal", role="supervisor"), EraseSignal(POLICE, PURPOSE, "supervisor", NOW)),
    (asked("subjectRequest"), SubjectRequest(POLICE, PURPOSE, "system", NOW)),
    (
        asked("readStatistics", {"about": "victim-protection"}, "coordinator"),
        ReadStatistics(POLICE, PURPOSE, PurposeId("victim-protection"), "coordinator", NOW),
    ),
]


@pytest.mark.parametrize(("request_", "question"), QUESTIONED)
def test_a_request_is_answered_as_the_question_that_it_means(request_: dict[str, Any], question: Question) -> None:
    """The decision, the rule and its sentence are those of the engine for our own form of the question."""
    mine, wanted = decide(request_), ENGINE.decide(question)
    assert (mine.decision, mine.context["rule"]) == (wanted.allowed, wanted.rule)
    assert mine.context["reason"] == {"en": wanted.reason}
    assert "error" not in mine.context


def test_every_question_of_ours_can_be_asked() -> None:
    """No action is left out, and both answers occur among the examples."""
    assert {type(question) for _, question in QUESTIONED} == set(QUESTIONS)
    assert {decide(request).decision for request, _ in QUESTIONED} == {True, False}
    assert all(facts_of(question, ENGINE.covenant) is not None for _, question in QUESTIONED)


def test_the_answer_names_the_law_and_the_covenant() -> None:
    """An allowed telling names the rule's legal basis and those of the edge, and the version that decided."""
    context = decide(asked("notify", {"sender": CARE, "quality": "hit", "level": "contact"})).context
    edge = ENGINE.covenant.purpose(PURPOSE).edge("care", "police")
    assert edge
    assert {law["code"] for law in context["legalBases"]} >= set(edge)
    assert all(law["article"] and law["certainty"] in ("checked", "unsure") for law in context["legalBases"])
    assert context["covenant"] == {"version": ENGINE.covenant.version, "sha256": ENGINE.covenant.sha256}


WITHOUT_FACTS = (Evaluate, SubjectRequest, EraseSignal)


@pytest.mark.parametrize("action", [action_of(kind) for kind in QUESTIONS if kind not in WITHOUT_FACTS])
def test_facts_that_are_missing_deny(action: str) -> None:
    """A question without the facts that its action needs is denied with a code, and never guessed at."""
    found = decide(asked(action))
    assert not found.decision
    assert found.context["error"]["code"] == "facts_unusable"
    assert found.context["error"]["facts"]


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (asked("read"), "action_unknown"),
        (asked("evaluate", subject={"type": "user", "id": "police-oost"}), "subject_unknown"),
        (asked("evaluate", subject={"type": "person", "id": "police-oost"}), "subject_unknown"),
        (asked("evaluate", resource={"type": "record", "id": PURPOSE}), "resource_unknown"),
        (asked("evaluate", resource={"type": "signal", "id": "x"}), "resource_unknown"),
        (asked("evaluate", {"epoch": "3"}), "facts_unusable"),
        (asked("evaluate", {"epoch": -1}), "facts_unusable"),
        (asked("query", {"keyKinds": ["bsn"], "justified": "yes"}), "facts_unusable"),
        (asked("push", SIGNAL | {"informed": "no"}), "facts_unusable"),
        (asked("push", SIGNAL | {"informed": "informed", "expiresAt": "tomorrow"}), "facts_unusable"),
        (asked("evaluate", {"epoch": 2}, action={"name": "evaluate", "properties": {"epoch": 3}}), "facts_contradict"),
    ],
)
def test_what_is_unclear_is_denied_with_its_code(request_: dict[str, Any], code: str) -> None:
    """An unknown word, a fact of a wrong form or two that contradict each other is a denial that says so."""
    found = decide(request_)
    assert not found.decision
    assert found.context["error"]["code"] == code
    assert found.context["error"]["status"] == 400


def test_an_unknown_party_or_purpose_is_denied_by_the_engines_own_rule() -> None:
    """Who or what the covenant does not name gets no more than that."""
    for request in (
        asked("evaluate", subject={"type": "agency", "id": "nobody"}),
        asked("evaluate", resource={"type": "purpose", "id": "nothing"}),
    ):
        found = decide(request)
        assert (found.decision, found.context["rule"]) == (False, "unknown-entity")


@pytest.mark.parametrize("kind", ["signal", "hit"])
def test_a_signal_or_hit_stands_for_its_purpose(kind: str) -> None:
    """The answer about one is the same whatever its id: it is about rules, and nothing is looked up."""
    things = [{"type": kind, "id": name, "properties": {"purpose": PURPOSE}} for name in ("one", "two")]
    facts = {"sender": CARE, "quality": "hit", "level": "existence"}
    first, second = (decide(asked("notify", facts, resource=thing)) for thing in things)
    assert first.decision
    assert first == second == decide(asked("notify", facts))


def test_our_clock_decides_and_not_the_askers() -> None:
    """A time in the context changes nothing."""
    late = asked("evaluate", {"time": "2036-01-01T00:00:00Z", "now": "2036-01-01T00:00:00Z"})
    assert decide(late) == decide(asked("evaluate"))
    assert decide(late).decision


def test_facts_may_stand_in_action_resource_or_context() -> None:
    """The same fact means the same in each of the three, also when it stands in two."""
    told = {"sender": CARE, "quality": "hit"}
    split = asked(
        "notify",
        {"sender": CARE},
        action={"name": "notify", "properties": {"level": "existence", "sender": CARE}},
        resource={"type": "purpose", "id": PURPOSE, "properties": {"quality": "hit"}},
    )
    assert decide(split) == decide(asked("notify", told | {"level": "existence"}))


# --- Several at once ---


def several(request: Mapping[str, Any]) -> Answer | Answers:
    """Answer a request with several questions."""
    return answer_all(read_evaluations(json.dumps(request).encode()), ENGINE, NOW)


ALLOWED, DENIED = {"resource": {"type": "purpose", "id": PURPOSE}}, {"resource": {"type": "purpose", "id": "nothing"}}
POLICE_EVALUATES = {"subject": {"type": "agency", "id": POLICE}, "action": {"name": "evaluate"}}


@pytest.mark.parametrize(
    ("semantic", "wanted"),
    [
        ("execute_all", [True, False, True]),
        ("deny_on_first_deny", [True, False]),
        ("permit_on_first_permit", [True]),
    ],
)
def test_answers_stop_where_the_asker_said(semantic: str, wanted: list[bool]) -> None:
    """All are answered in order, or up to and with the first that decides."""
    options = {"evaluations_semantic": semantic}
    found = several(POLICE_EVALUATES | {"options": options, "evaluations": [ALLOWED, DENIED, ALLOWED]})
    assert isinstance(found, Answers)
    assert [one.decision for one in found.evaluations] == wanted


def test_a_question_that_cannot_be_asked_counts_as_denied() -> None:
    """One that lacks a resource is denied with a code, and stops who wanted to stop at the first denial."""
    options = {"evaluations_semantic": "deny_on_first_deny"}
    found = several(POLICE_EVALUATES | {"options": options, "evaluations": [{}, ALLOWED]})
    assert isinstance(found, Answers)
    assert [one.decision for one in found.evaluations] == [False]
    assert found.evaluations[0].context["error"]["code"] == "entity_missing"


@pytest.mark.parametrize(
    "request_",
    [
        {"evaluations": [ALLOWED] * (MAX_EVALUATIONS + 1)},
        {"evaluations": "all"},
        {"options": {"evaluations_semantic": "some"}, "evaluations": [ALLOWED]},
        {"evaluations": []},
    ],
)
def test_a_batch_of_another_form_is_malformed(request_: dict[str, Any]) -> None:
    """Too many questions, an unknown semantic, or none and nothing to ask at the top, is refused as a whole."""
    with pytest.raises(InputError) as caught:
        several(POLICE_EVALUATES | request_)
    assert caught.value.code is Code.MALFORMED
