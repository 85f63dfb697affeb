# SPDX-License-Identifier: EUPL-1.2
"""Decisions: the real policies as one table, and every trap by which Cedar alone would say yes."""

from datetime import UTC, datetime, timedelta
from itertools import product

import cedarpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import policy as policy_module
from protocol.covenant import Covenant
from protocol.errors import ConfigurationError
from protocol.facts import facts_of
from protocol.ids import Epoch, KeyKind, PartyId, PurposeId
from protocol.messages import Level, Quality
from protocol.policy import LEVELS, Evaluate, Notify, PolicyEngine, Push
from protocol.policy_text import split_policies
from tests.fakes.covenants import CovenantKit, make_covenant, policy_files

NOW = datetime(2026, 11, 21, 20, tzinfo=UTC)
KIT = make_covenant(now=NOW, agencies=10)
ENGINE = PolicyEngine(KIT.covenant)
EPOCH = KIT.covenant.epoch_at(NOW)
OFFENDER = PurposeId("offender-prevention")
VICTIM = PurposeId("victim-protection")
POLICE, PROSECUTION, PROBATION, CARE, MUNICIPALITY = (agency.id for agency in KIT.covenant.agencies[:5])
QUALITIES: tuple[Quality, ...] = ("hit", "probable", "possible")


def push(agency: PartyId = POLICE, **changed: object) -> Push:
    """Return a question that is allowed, with these facts changed."""
    facts = {
        "agency": agency,
        "purpose": OFFENDER,
        "epoch": EPOCH,
        "now": NOW,
        "grounds": ("early-offences",),
        "basis": "legal-duty",
        "kinds": (KeyKind("bsn"), KeyKind("name-dob")),
        "expires_at": NOW + timedelta(days=365),
    }
    return Push(**(facts | changed))  # type: ignore[arg-type]  # a table of changes to one valid question


def with_policy(extra: str, *, path: str = "base/99-test.cedar", kit: CovenantKit = KIT) -> PolicyEngine:
    """Return an engine under the kit's covenant with one policy file added or replaced."""
    return PolicyEngine(Covenant.parse(kit.files | {path: extra.encode()}))


def annotated(rule: str, name: str = "test.rule", purpose: str = "all") -> str:
    """Return a policy with all annotations."""
    return (
        f'@id("{name}")\n@says("A test.")\n@legal_basis("covenant")\n@purpose("{purpose}")\n'
        f'@owner("tests")\n@review_by("2027-01-01")\n{rule}\n'
    )


# --- What the policies say ---


def test_push_by_a_participant_is_allowed():
    """A participant's well-founded signal is allowed, by the purpose's own rule."""
    decision = ENGINE.decide(push())
    assert (decision.allowed, decision.rule) == (True, "offender-prevention.push")


@pytest.mark.parametrize(
    ("changed", "rule"),
    [
        ({"grounds": ()}, "guard.ground-missing"),
        ({"grounds": ("early-offences", "bad-feeling")}, "guard.ground-unknown"),
        ({"basis": "consent"}, "guard.basis-not-the-senders"),
        ({"kinds": ("bsn", "shoe-size")}, "guard.key-kind-not-agreed"),
        ({"expires_at": NOW + timedelta(days=366)}, "guard.kept-too-long"),
        ({"expires_at": NOW - timedelta(seconds=1)}, "guard.already-expired"),
        ({"epoch": EPOCH + 1}, "guard.epoch-closed"),
        ({"epoch": EPOCH - 1}, "guard.epoch-closed"),
        ({"now": KIT.covenant.valid_until}, "guard.covenant-not-in-force"),
        ({"now": KIT.covenant.valid_from - timedelta(days=3000)}, "guard.covenant-not-in-force"),
        ({"agency": PROBATION, "purpose": VICTIM}, "guard.hidden-from-kind"),
    ],
)
def test_push_refused_names_the_rule(changed: dict[str, object], rule: str):
    """Each thing wrong with a signal is refused by the guard that is about it, with a sentence."""
    decision = ENGINE.decide(push(**changed))
    assert (decision.allowed, decision.rule) == (False, rule)
    assert decision.reason.endswith(".")


def test_previous_epoch_stays_open_in_its_grace():
    """In the fourteen days after an epoch's turn both epochs are evaluated, and after them only the new one."""
    turn = KIT.covenant.epoch_start(Epoch(EPOCH + 1))
    in_grace = turn + timedelta(days=13)
    assert ENGINE.decide(Evaluate(CARE, OFFENDER, EPOCH, in_grace)).allowed
    assert ENGINE.decide(Evaluate(CARE, OFFENDER, Epoch(EPOCH + 1), in_grace)).allowed
    assert ENGINE.decide(Evaluate(CARE, OFFENDER, EPOCH, turn + timedelta(days=14))).rule == "guard.epoch-closed"


@pytest.mark.parametrize("receiver", [PROSECUTION, PROBATION])
def test_suspect_side_is_told_nothing_of_victims(receiver: PartyId):
    """Prosecution and probation learn nothing under victim protection, from anyone, at any quality and level."""
    for agency, quality, level in product(KIT.covenant.agencies, QUALITIES, LEVELS):
        decision = ENGINE.decide(Notify(agency.id, receiver, VICTIM, quality, level, NOW))
        assert (decision.allowed, decision.rule) == (False, "guard.hidden-from-kind")


@pytest.mark.parametrize("purpose", [OFFENDER, VICTIM])
def test_a_level_includes_those_below_it(purpose: PurposeId):
    """Whoever may be told at a level may be told at each lower level, so that the highest is well-defined."""
    for sender, receiver, quality in product(KIT.covenant.agencies, KIT.covenant.agencies, QUALITIES):
        told = [ENGINE.decide(Notify(sender.id, receiver.id, purpose, quality, level, NOW)).allowed for level in LEVELS]
        assert told == sorted(told, reverse=True)


@pytest.mark.parametrize(
    ("purpose", "sender", "receiver", "quality", "level", "rule"),
    [
        (OFFENDER, CARE, POLICE, "hit", "contact", "offender-prevention.notify.contact-in-chain"),
        (OFFENDER, POLICE, CARE, "hit", "contact", "offender-prevention.notify.contact"),
        (OFFENDER, POLICE, CARE, "probable", "agency", "offender-prevention.notify.agency"),
        (OFFENDER, POLICE, PROSECUTION, "hit", "content", "offender-prevention.notify.content"),
        (OFFENDER, CARE, PROSECUTION, "hit", "contact", "offender-prevention.notify.contact-in-chain"),
        (OFFENDER, CARE, MUNICIPALITY, "possible", "existence", "offender-prevention.notify.existence"),
        (VICTIM, CARE, POLICE, "probable", "contact", "victim-protection.notify.contact-protectors"),
        (VICTIM, POLICE, MUNICIPALITY, "probable", "agency", "victim-protection.notify.agency"),
        (VICTIM, POLICE, MUNICIPALITY, "hit", "contact", "victim-protection.notify.contact"),
        (VICTIM, POLICE, PROBATION, "hit", None, "guard.hidden-from-kind"),
        (OFFENDER, POLICE, POLICE, "hit", None, "guard.own-signal"),
        (OFFENDER, PartyId("police-oost-2"), POLICE, "hit", "contact", "offender-prevention.notify.contact-in-chain"),
    ],
)
def test_highest_level(
    purpose: PurposeId, sender: PartyId, receiver: PartyId, quality: Quality, level: Level | None, rule: str
):
    """A receiver is told exactly as much as the covenant says for its kind, the sender's kind and the hit's quality."""
    found, decision = ENGINE.highest_level(sender, receiver, purpose, quality, NOW)
    assert (found, decision.rule, decision.allowed) == (level, rule, level is not None)


def test_nobody_is_told_of_victims_content():
    """No permit releases the content of a victim's signal."""
    for sender, receiver, quality in product(KIT.covenant.agencies, KIT.covenant.agencies, QUALITIES):
        assert not ENGINE.decide(Notify(sender.id, receiver.id, VICTIM, quality, "content", NOW)).allowed


def test_suspended_agency_can_do_nothing():
    """A suspended agency may not act, is not told, and nobody is told of its signals."""
    text = KIT.files["parties.yaml"].replace(b"state: active", b"state: suspended", 1)
    engine = PolicyEngine(Covenant.parse(KIT.files | {"parties.yaml": text}))
    assert engine.decide(push()).rule == "guard.agency-suspended"
    assert engine.decide(Evaluate(POLICE, OFFENDER, EPOCH, NOW)).rule == "guard.agency-suspended"
    assert engine.highest_level(CARE, POLICE, OFFENDER, "hit", NOW)[1].rule == "guard.agency-suspended"
    assert engine.highest_level(POLICE, CARE, OFFENDER, "hit", NOW)[1].rule == "guard.sender-suspended"


def test_no_law_no_notice():
    """Without a law on the edge from sender kind to receiver kind nobody is told, whatever the permits say."""
    path = f"purposes/{OFFENDER}.yaml"
    text = KIT.files[path].replace(b"    care: [wpg-partnership, wgs-partnership]\n", b"", 1)
    assert text != KIT.files[path]
    engine = PolicyEngine(Covenant.parse(KIT.files | {path: text}))
    assert engine.highest_level(POLICE, CARE, OFFENDER, "hit", NOW)[1].rule == "guard.no-legal-basis"
    assert engine.highest_level(CARE, POLICE, OFFENDER, "hit", NOW)[0] == "contact"


# --- Fail closed ---


def test_trap_default_deny():
    """What no permit allows is refused with the rule default-deny."""
    files = KIT.files | {f"purposes/{OFFENDER}.cedar": b"// nothing is allowed\n"}
    decision = PolicyEngine(Covenant.parse(files)).decide(push())
    assert (decision.allowed, decision.rule, decision.policies) == (False, "default-deny", ())


def test_trap_erring_forbid():
    """A guard that errs refuses everything it was asked about; Cedar alone would skip it and allow."""
    rule = (
        "forbid (principal, action, resource) "
        "when { 9223372036854775807 + (if context.covenantInForce then 1 else 0) > 0 };"
    )
    engine = with_policy(annotated(rule))
    facts = facts_of(push(), engine.covenant)
    raw = cedarpy.is_authorized(
        {
            "principal": {"type": "Agency", "id": "police-active"},
            "action": {"type": "Action", "id": facts.action},
            "resource": {"type": "Purpose", "id": facts.purpose},
            "context": dict(facts.context),
        },
        engine._parsed.policies,
        engine._parsed.entities,
    )
    assert raw.allowed
    decision = engine.decide(push())
    assert (decision.allowed, decision.rule, decision.alarming) == (False, "policy-error", True)


@pytest.mark.parametrize(
    "question",
    [
        push(agency=PartyId("nobody")),
        push(purpose=PurposeId("no-purpose")),
        Evaluate(PartyId("nobody"), OFFENDER, EPOCH, NOW),
        Notify(PartyId("nobody"), POLICE, OFFENDER, "hit", "existence", NOW),
        Notify(POLICE, PartyId("nobody"), OFFENDER, "hit", "existence", NOW),
        Notify(PartyId("holder-1"), POLICE, OFFENDER, "hit", "existence", NOW),
    ],
)
def test_trap_missing_entity(question: policy_module.Question):
    """A question about somebody whom the covenant does not name is refused before Cedar is asked."""
    decision = ENGINE.decide(question)
    assert (decision.allowed, decision.rule, decision.alarming) == (False, "unknown-entity", True)


def test_trap_missing_entity_would_be_allowed_by_cedar():
    """Cedar itself allows a request about an agency that does not exist, which is why presence is our own check."""
    raw = cedarpy.is_authorized(
        {
            "principal": {"type": "Agency", "id": "nobody"},
            "action": {"type": "Action", "id": "push"},
            "resource": {"type": "Purpose", "id": "nothing"},
        },
        "permit (principal, action, resource);",
        "[]",
    )
    assert raw.allowed


@pytest.mark.parametrize(
    ("answer", "rule"),
    [
        ({"decision": "Allow", "diagnostics": {"reason": [], "errors": []}}, "policy-error"),
        ({"decision": "Allow", "diagnostics": {}}, "policy-error"),
        (
            {"decision": "Allow", "diagnostics": {"reason": ["offender-prevention.push"], "errors": ["x"]}},
            "policy-error",
        ),
        ({"decision": "Allow", "diagnostics": {"reason": ["not-ours"], "errors": []}}, "policy-error"),
        ({"decision": "Allow", "diagnostics": {"reason": ["guard.own-signal"], "errors": []}}, "policy-error"),
        ({"decision": "Deny", "diagnostics": {"reason": ["offender-prevention.push"], "errors": []}}, "policy-error"),
        ({"decision": "NoDecision", "diagnostics": {"reason": [], "errors": []}}, "policy-error"),
        ({"decision": "Deny", "diagnostics": {"reason": [], "errors": []}}, "default-deny"),
    ],
)
def test_trap_allow_without_reasons(monkeypatch: pytest.MonkeyPatch, answer: dict[str, object], rule: str):
    """An answer that is not a clean Allow by permits or a clean Deny by guards is refused."""
    monkeypatch.setattr(policy_module.cedarpy, "is_authorized", lambda *_: cedarpy.AuthzResult(answer))
    decision = PolicyEngine(KIT.covenant).decide(push())
    assert (decision.allowed, decision.rule) == (False, rule)


def test_trap_engine_that_cannot_answer(monkeypatch: pytest.MonkeyPatch):
    """When Cedar cannot read a request at all, the answer is a refusal and not an exception."""

    def broken(*_: object) -> cedarpy.AuthzResult:
        raise ValueError("cannot")

    monkeypatch.setattr(policy_module.cedarpy, "is_authorized", broken)
    assert PolicyEngine(KIT.covenant).decide(push()).rule == "policy-error"


def test_a_broken_rule_stops_the_search_for_a_level():
    """When a rule cannot be applied, nothing is told at any level, and the refusal says so."""
    rule = (
        'forbid (principal, action == Action::"notify", resource) '
        'when { context.level == "content" && 9223372036854775807 + (if context.lawful then 1 else 0) > 0 };'
    )
    engine = with_policy(annotated(rule))
    assert engine.decide(Notify(CARE, POLICE, OFFENDER, "hit", "contact", NOW)).allowed
    level, decision = engine.highest_level(CARE, POLICE, OFFENDER, "hit", NOW)
    assert (level, decision.rule) == (None, "policy-error")


# --- The cache ---


def test_cache_depends_on_attributes_only(monkeypatch: pytest.MonkeyPatch):
    """The same facts at another moment ask Cedar once; facts that changed with time ask again."""
    asked = []
    real = cedarpy.is_authorized
    monkeypatch.setattr(policy_module.cedarpy, "is_authorized", lambda *args: asked.append(1) or real(*args))
    engine = PolicyEngine(KIT.covenant)
    assert engine.decide(Evaluate(CARE, OFFENDER, EPOCH, NOW)).allowed
    assert engine.decide(Evaluate(CARE, OFFENDER, EPOCH, NOW + timedelta(hours=1))).allowed
    assert len(asked) == 1
    assert not engine.decide(Evaluate(CARE, OFFENDER, EPOCH, KIT.covenant.valid_until)).allowed
    assert len(asked) == 2


@given(
    st.sampled_from(KIT.covenant.agencies),
    st.sampled_from([OFFENDER, VICTIM]),
    st.integers(0, 6),
    st.integers(-100, 1000),
    st.lists(st.sampled_from(["early-offences", "under-coercion", "made-up"]), max_size=3),
    st.sampled_from(["legal-duty", "consent", "reporting-right", "none"]),
    st.integers(-5, 400),
)
def test_cached_answer_is_the_fresh_answer(agency, purpose, epoch, shift, grounds, basis, days):
    """For any facts the remembered decision equals what Cedar answers anew."""
    now = NOW + timedelta(days=shift)
    question = Push(agency.id, purpose, Epoch(epoch), now, tuple(grounds), basis, (), now + timedelta(days=days))
    fresh = ENGINE.decide_uncached(facts_of(question, KIT.covenant))
    assert ENGINE.decide(question) == fresh == ENGINE.decide(question)


# --- Refusing rules ---


@pytest.mark.parametrize(
    ("path", "text", "code"),
    [
        ("base/99-x.cedar", "forbid (principal, action, resource)", "cedar_syntax"),
        ("base/99-x.cedar", "forbid (principal, action, resource);", "missing_annotation"),
        ("base/99-x.cedar", annotated("permit (principal, action, resource);"), "not_a_guard"),
        (
            "base/99-x.cedar",
            annotated("forbid (principal, action, resource) when { principal.shoe == 1 };"),
            "cedar_schema",
        ),
        ("base/99-x.cedar", annotated("forbid (principal == ?principal, action, resource);"), "cedar_template"),
        ("base/99-x.cedar", annotated("forbid (principal, action, resource);", "guard.own-signal"), "repeated_id"),
        ("base/99-x.cedar", annotated("forbid (principal, action, resource);", "default-deny"), "wrong_id"),
        ("base/99-x.cedar", annotated("forbid (principal, action, resource);", "Not An Id"), "wrong_id"),
        (
            f"purposes/{OFFENDER}.cedar",
            annotated(
                f'permit (principal, action == Action::"push", resource == Purpose::"{VICTIM}");', "x.y", OFFENDER
            ),
            "not_a_permit",
        ),
        (
            f"purposes/{OFFENDER}.cedar",
            annotated(f'permit (principal, action, resource == Purpose::"{OFFENDER}");', "x.y", OFFENDER),
            "not_a_permit",
        ),
    ],
)
def test_rules_that_cannot_stand(path: str, text: str, code: str):
    """A rule that is broken, says nothing about itself, repeats a name or stands in the wrong file stops the engine."""
    with pytest.raises(ConfigurationError) as raised:
        with_policy(text, path=path)
    assert raised.value.issues[0].code == code
    assert raised.value.issues[0].location.startswith(f"{path}:1")


def test_wrong_schema_is_refused():
    """A schema that is not Cedar stops the engine."""
    with pytest.raises(ConfigurationError) as raised:
        PolicyEngine(Covenant.parse(KIT.files | {"sluis.cedarschema": b"entity Agency = {"}))
    assert raised.value.issues[0].location == "sluis.cedarschema"


def test_rules_keep_their_lines():
    """A policy is found on the line where it starts, whatever comments and quoted semicolons stand before it."""
    text = '// one; two\n@id("a;b")\nforbid (principal, action, resource); // end;\n\n@id("c")\nforbid (principal);'
    assert [(part.line, part.text[:8]) for part in split_policies("f", text)] == [(2, '@id("a;b'), (5, '@id("c")')]


def test_every_rule_of_the_repository_is_read():
    """The repository's own policies, which have no parties yet, make a working engine with all their rules."""
    files = policy_files()
    engine = PolicyEngine(Covenant.parse(files))
    written = sum(text.count(b"@id(") for path, text in files.items() if path.endswith(".cedar"))
    assert len(engine.rules) == written > 20


# --- No rule names an agency ---


@pytest.mark.parametrize(
    "condition",
    [
        'principal == Agency::"police-active"',
        'context.sender == Agency::"x"',
        "principal == context.sender",
        "context.sender != principal",
        "[principal].contains(context.sender)",
        "{a: principal}.a == context.sender",
    ],
)
def test_a_rule_that_names_or_compares_agencies_is_refused(condition: str):
    """Rights hang on kinds: a rule that names an agency, or asks whether two are the same, is no rule here."""
    rule = f'forbid (principal, action == Action::"notify", resource) when {{ {condition} }};'
    with pytest.raises(ConfigurationError) as refused:
        with_policy(annotated(rule))
    assert "names_agency" in {issue.code for issue in refused.value.issues}


@pytest.mark.parametrize(
    "scope", ['principal == Agency::"police-active"', 'principal in Agency::"x"', 'principal is Agency in Agency::"x"']
)
def test_a_scope_that_names_an_agency_is_refused(scope: str):
    """A permit for one named agency is refused, whatever its kind."""
    rule = f"forbid ({scope}, action, resource);"
    with pytest.raises(ConfigurationError) as refused:
        with_policy(annotated(rule))
    assert "names_agency" in {issue.code for issue in refused.value.issues}


# --- Signatures that are too old ---


def test_nothing_is_allowed_once_the_signatures_are_too_old():
    """From the moment that the signed metadata expires, every act is refused, and fresh signatures mend it."""
    engine = PolicyEngine(KIT.covenant, NOW + timedelta(hours=1))
    later = NOW + timedelta(hours=1)
    assert engine.decide(Evaluate(CARE, OFFENDER, EPOCH, NOW)).allowed
    assert engine.decide(Evaluate(CARE, OFFENDER, EPOCH, later)).rule == "guard.covenant-not-in-force"
    assert engine.renewed(NOW + timedelta(days=1)).decide(Evaluate(CARE, OFFENDER, EPOCH, later)).allowed
