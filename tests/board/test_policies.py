# SPDX-License-Identifier: EUPL-1.2
"""The repository's own policies: each rule matters to a case, purposes agree with their rules, victims stay hidden."""

import re
from dataclasses import replace
from datetime import timedelta
from functools import cache
from itertools import product
from typing import get_args

import pytest

from board.cases import Tried, read_cases, try_cases
from board.models import KINDS, model_engine, model_id, moment_with_grace
from board.tables import edges
from protocol.covenant import Covenant
from protocol.covenant_parts import AgencyKind
from protocol.errors import ConfigurationError, Issue
from protocol.ids import KeyKind, PurposeId
from protocol.messages import Level, Quality
from protocol.policy import PolicyEngine
from protocol.policy_text import split_policies
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
)
from tests.fakes.covenants import policy_files

FILES = policy_files()
COVENANT = Covenant.parse(FILES)
ENGINE = model_engine(COVENANT)
NOW = moment_with_grace(COVENANT)
LATER = NOW + timedelta(days=1)
EPOCH = COVENANT.epoch_at(NOW)
VICTIM = PurposeId("victim-protection")
STATISTICS = PurposeId("monitoring-statistics")
SUSPECTS_SIDE: tuple[AgencyKind, ...] = (
    "public-prosecution",
    "probation",
    "youth-probation",
    "labour-inspectorate",
    "custodial",
)
ROLES: tuple[PersonRole, ...] = get_args(PersonRole)
SCOPES: tuple[Scope, ...] = get_args(Scope)
LOG_PURPOSES: tuple[LogPurpose, ...] = get_args(LogPurpose)
QUALITIES: tuple[Quality, ...] = get_args(Quality)


@cache
def tried() -> tuple[Tried, ...]:
    """Return every case of the repository with its decision."""
    issues: list[Issue] = []
    cases = read_cases(FILES, issues)
    assert not issues
    return tuple(try_cases(ENGINE, cases))


def without(rule: str) -> PolicyEngine:
    """Return an engine in which this rule is taken out."""
    place = ENGINE.rules[rule].place.partition(":")[0]
    kept = [part.text for part in split_policies(place, FILES[place].decode()) if f'@id("{rule}")' not in part.text]
    engine = model_engine(Covenant.parse(FILES | {place: "\n".join(kept).encode()}))
    assert len(engine.rules) == len(ENGINE.rules) - 1
    return engine


def everything_of(kind: AgencyKind, purposes=tuple(COVENANT.purposes)) -> list[Question]:
    """Return every sort of question by an agency of a kind but for counts: all roles, scopes and other agencies."""
    me = model_id(kind)
    keys = (KeyKind("bsn"),)
    found: list[Question] = []
    for purpose in purposes:
        terms = COVENANT.purposes[purpose]
        ground = next(iter(terms.grounds), "none")
        signal = ((ground,), "legal-duty", keys, LATER)
        found += [
            Evaluate(me, purpose, EPOCH, NOW),
            Push(me, purpose, EPOCH, NOW, *signal),
            Query(me, purpose, EPOCH, NOW, keys, True),
            *(SubjectRequest(me, purpose, role, NOW) for role in ROLES),
            *(EraseSignal(me, purpose, role, NOW) for role in ROLES),
        ]
        for other in KINDS:
            you = model_id(other, other=True)
            found.append(Plant(me, you, purpose, EPOCH, NOW, *signal))
            found += [Notify(you, me, purpose, quality, level, NOW) for quality, level in product(QUALITIES, LEVELS)]
            for role in ROLES:
                found.append(RequestDisclosure(me, you, purpose, role, True, NOW))
                found.append(DecideDisclosure(me, you, purpose, role, NOW))
        for role, scope, why in product(ROLES, SCOPES, LOG_PURPOSES):
            found.append(ReadEvents(me, purpose, role, scope, why, NOW))
            found.append(ExportEvents(me, purpose, role, scope, why, NOW))
    return found


# --- Rules and cases ---


def test_every_rule_is_named_by_a_case_that_it_decides():
    """Every permit is exercised by an ALLOW case and every guard by a DENY case, so that a rule cannot go unnoticed."""
    assert all(one.wrong is None for one in tried())
    deciding = {(one.decision.rule, one.filed.allowed) for one in tried()}
    assert set(ENGINE.rules) <= {rule for rule, _ in deciding}
    assert {(rule.id, rule.effect == "permit") for rule in ENGINE.rules.values()} <= deciding


@pytest.mark.parametrize(
    "rule", ["guard.hidden-from-kind", "guard.no-legal-basis", "guard.reason-missing", "criminal-investigation.query"]
)
def test_taking_a_rule_out_fails_a_case(rule: str):
    """Without a rule, the cases that it decides are no longer as expected."""
    named = [one.filed for one in tried() if one.decision.rule == rule]
    assert named
    assert all(one.wrong is not None for one in try_cases(without(rule), named))


def test_a_body_within_a_kind_has_the_rights_of_its_kind():
    """Each of the three probation organisations may do exactly what probation may, and is hidden what probation is."""
    bodies = ("probation-rn", "probation-svg", "probation-ljr")
    models = ENGINE.covenant.agencies
    model = ENGINE.covenant.agency(model_id("probation"))
    for body in bodies:
        agencies = tuple(one.model_copy(update={"kind": body}) if one == model else one for one in models)
        engine = PolicyEngine(replace(ENGINE.covenant, agencies=agencies))
        for one in everything_of("probation"):
            assert engine.decide(one) == ENGINE.decide(one)


# --- Victims ---


@pytest.mark.parametrize("kind", SUSPECTS_SIDE)
def test_the_suspects_side_gets_one_answer_to_everything_about_victims(kind: AgencyKind):
    """Whatever a kind on the suspect's side asks about victims, in any role, it is refused by the same rule."""
    asked = everything_of(kind, (VICTIM,))
    assert {type(one) for one in asked} == set(QUESTIONS) - {ReadStatistics}
    answers = {ENGINE.decide(one) for one in asked}
    assert {(one.allowed, one.rule) for one in answers} == {(False, "guard.hidden-from-kind")}
    assert len({one.reason for one in answers}) == 1
    for purpose, role in product(COVENANT.purposes, ROLES):
        assert not ENGINE.decide(ReadStatistics(model_id(kind), purpose, VICTIM, role, NOW)).allowed


def test_a_victim_is_not_looked_for_by_a_suspects_number():
    """The criminal justice number is no key under victim protection."""
    assert "skn" not in COVENANT.purposes[VICTIM].key_kinds


def test_victims_come_first():
    """Under victim protection a signal that says nothing is urgent, and no purpose is followed up faster."""
    terms = COVENANT.purposes[VICTIM]
    assert terms.urgency == "urgent"
    sending = [one for one in COVENANT.purposes.values() if one.kinds_that("send")]
    assert terms.urgent_follow_up_hours == min(one.urgent_follow_up_hours for one in sending)


# --- Purposes ---


@pytest.mark.parametrize("purpose", sorted(COVENANT.purposes))
def test_every_told_edge_has_a_law(purpose: PurposeId):
    """Whoever is told anything is told on a law, and nobody outside the participants is told."""
    terms = COVENANT.purposes[purpose]
    for edge in edges(ENGINE, purpose):
        if any(edge.levels):
            assert edge.law
            assert set(edge.receivers) | set(edge.senders) <= set(terms.participants)


@pytest.mark.parametrize("purpose", sorted(COVENANT.purposes))
def test_a_worse_quality_never_tells_more(purpose: PurposeId):
    """Nobody is told more on a probable hit than on a hit, or more on a possible one than on a probable one."""
    ranks: dict[Level | None, int] = {level: rank for rank, level in enumerate((None, *LEVELS))}
    for edge in edges(ENGINE, purpose):
        told = [ranks[level] for level in edge.levels]
        assert told == sorted(told, reverse=True)


def test_possible_hits_show_existence_only():
    """On a possible hit nobody learns more than that there is one, under any purpose."""
    for purpose in COVENANT.purposes:
        for edge in edges(ENGINE, purpose):
            assert edge.levels[2] in (None, "existence")


def test_kinds_without_part_are_told_nothing():
    """A kind of agency that a purpose does not name is told nothing, by anyone, at any level."""
    for purpose, terms in COVENANT.purposes.items():
        for receiver in [kind for kind in KINDS if kind not in terms.participants]:
            for sender in KINDS:
                question = Notify(model_id(sender, other=True), model_id(receiver), purpose, "hit", "existence", NOW)
                assert not ENGINE.decide(question).allowed


def test_whoever_takes_part_uses_every_act_that_it_has():
    """A purpose's file and its permits agree: each act of a participant is allowed when all else is in order."""
    for purpose, terms in COVENANT.purposes.items():
        for kind, part in terms.participants.items():
            told = [ENGINE.decide(one) for one in everything_of(kind, (purpose,)) if isinstance(one, Notify)]
            asks = ENGINE.decide(Query(model_id(kind), purpose, EPOCH, NOW, terms.key_kinds, True))
            pushes = [
                ENGINE.decide(
                    Push(model_id(kind), purpose, EPOCH, NOW, tuple(terms.grounds), base, terms.key_kinds, LATER)
                )
                for base in part.bases
            ]
            counts = [
                ENGINE.decide(ReadStatistics(model_id(kind), purpose, PurposeId(about), "coordinator", NOW))
                for about in terms.counts_of
            ]
            assert any(one.allowed for one in told) == ("receive" in part.acts)
            assert asks.allowed == ("query" in part.acts)
            assert all(one.allowed for one in pushes)
            assert bool(pushes) == ("send" in part.acts)
            assert all(one.allowed for one in counts) or "count" not in part.acts


def test_canaries_are_planted_wherever_agencies_signal_but_for_awaited_advice():
    """The supervisor plants under each purpose with signals, except where a canary would lack its counterpart."""
    for terms in COVENANT.purposes.values():
        wanted = bool(terms.kinds_that("send")) and terms.awaited is None
        assert terms.kinds_that("plant") == ({"supervisor"} if wanted else set())


def test_all_that_is_signalled_is_counted():
    """The statistics count every purpose under which agencies signal, and no number below ten is shown."""
    terms = COVENANT.purposes[STATISTICS]
    assert set(terms.counts_of) == {name for name, one in COVENANT.purposes.items() if one.kinds_that("send")}
    assert terms.smallest_cell is not None
    assert terms.smallest_cell >= 10


def test_the_log_is_read_for_the_four_purposes_only():
    """Nobody reads or takes out the log without a purpose, and nobody but privacy officers and the supervisor."""
    readers = set()
    for kind in KINDS:
        for one in everything_of(kind):
            if isinstance(one, ReadEvents | ExportEvents) and ENGINE.decide(one).allowed:
                assert one.log_purpose != "none"
                readers.add((kind if kind == "supervisor" else "an agency", one.role))
    assert readers == {("an agency", "privacy-officer"), ("supervisor", "supervisor")}


def test_the_age_rule_is_that_of_the_design():
    """From twelve the person is told too, and from sixteen alone, wherever agencies signal."""
    for terms in COVENANT.purposes.values():
        if terms.kinds_that("send"):
            assert terms.informing is not None
            assert (terms.informing.consult_from, terms.informing.own_from) == (12, 16)


def test_who_makes_pseudonyms_has_a_budget():
    """Each purpose with pseudonyms says how many an agency may make a day, and the key-holders read it there."""
    for terms in COVENANT.purposes.values():
        makers = terms.kinds_that("send") | terms.kinds_that("query")
        assert ("budget_per_day" in terms.model_fields_set) == bool(makers)


def test_every_purpose_has_a_contact_point():
    """A citizen finds for every purpose whom to write to: the purpose's own, or the covenant's."""
    for terms in COVENANT.purposes.values():
        assert "@" in COVENANT.contact_point(terms).email


@pytest.mark.parametrize("purpose", sorted(COVENANT.purposes))
@pytest.mark.parametrize("setting", ["dpia", "advice"])
def test_a_purpose_without_assessment_or_advice_is_refused(purpose: PurposeId, setting: str):
    """A purpose that names no impact assessment, or no advice of the committee, cannot be read at all."""
    path = f"purposes/{purpose}.yaml"
    text = re.sub(rf"^{setting}:.*\n", "", FILES[path].decode(), flags=re.MULTILINE)
    with pytest.raises(ConfigurationError) as raised:
        Covenant.parse(FILES | {path: text.encode()})
    assert raised.value.issues[0].location.startswith(path)


def test_titles_are_in_both_languages():
    """What people read of a purpose, a criterion or a law is there in Dutch and in English, and not the same text."""
    titles = [one.title for one in COVENANT.legal_bases.values()]
    for terms in COVENANT.purposes.values():
        titles += [terms.title, terms.explanation, *terms.grounds.values()]
    assert all(title.nl != title.en for title in titles)
