# SPDX-License-Identifier: EUPL-1.2
"""A remembered decision is that of exactly these rules: never of another version, and never of another moment."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from protocol.agreed import Agreed
from protocol.covenant import Covenant
from protocol.facts import facts_of
from protocol.ids import Epoch, PartyId, PurposeId
from protocol.policy import LEVELS, Evaluate, Notify, PolicyEngine, Question
from tests.fakes.covenants import make_covenant

NOW = datetime(2026, 11, 21, 20, tzinfo=UTC)
KIT = make_covenant(now=NOW)
STRICT = Covenant.parse(
    KIT.files
    | {
        "purposes/offender-prevention.cedar": KIT.files["purposes/offender-prevention.cedar"].replace(
            b'context.level == "existence"', b'context.level == "existence" && context.quality == "hit"', 1
        )
    }
)
OFFENDER = PurposeId("offender-prevention")
NAMES = [agency.id for agency in KIT.covenant.agencies]
POSSIBLE = Notify(NAMES[0], NAMES[3], OFFENDER, "possible", "existence", NOW)

QUESTIONS: st.SearchStrategy[Question] = st.one_of(
    st.builds(
        Notify,
        st.sampled_from(NAMES),
        st.sampled_from(NAMES),
        st.sampled_from(sorted(KIT.covenant.purposes)),
        st.sampled_from(["hit", "probable", "possible"]),
        st.sampled_from(LEVELS),
        st.sampled_from([NOW, NOW + timedelta(days=4000)]),
    ),
    st.builds(
        Evaluate,
        st.sampled_from([*NAMES, PartyId("nobody")]),
        st.sampled_from(sorted(KIT.covenant.purposes)),
        st.sampled_from([KIT.covenant.epoch_at(NOW), Epoch(0)]),
        st.sampled_from([NOW, NOW + timedelta(days=4000)]),
    ),
)


def test_equal_facts_under_two_versions_have_each_their_own_decision() -> None:
    """Where one permit differs, two engines that were asked the same facts in turn answer as their own rules say."""
    loose, strict = PolicyEngine(KIT.covenant), PolicyEngine(STRICT)
    facts = facts_of(POSSIBLE, KIT.covenant)
    assert facts is not None
    assert facts == facts_of(POSSIBLE, STRICT)
    for _ in range(3):
        assert loose.decide_facts(facts).allowed
        assert not strict.decide_facts(facts).allowed
        assert loose.decide(POSSIBLE).allowed
        assert not strict.decide(POSSIBLE).allowed


def test_the_next_version_starts_with_no_memory() -> None:
    """What a role swaps in for another covenant remembers nothing of the one before, in either order."""
    for first, second in ((KIT.covenant, STRICT), (STRICT, KIT.covenant)):
        before = Agreed.of(first)
        before.engine.decide(POSSIBLE)
        after = Agreed.of(second)
        assert after.engine._cached.cache_info().currsize == 0
        assert after.engine.decide(POSSIBLE).allowed != before.engine.decide(POSSIBLE).allowed


def test_memory_is_shared_only_under_the_very_same_bytes() -> None:
    """Fresh signatures keep the covenant and its memory; even the same bytes read again do not share it."""
    agreed = Agreed.of(KIT.covenant)
    renewed = agreed.renewed(NOW + timedelta(days=1))
    assert renewed.covenant is agreed.covenant
    assert renewed.engine.covenant is agreed.engine.covenant
    assert renewed.engine._cached is agreed.engine._cached
    again = Agreed.of(Covenant.parse(KIT.files))
    assert again.covenant.sha256 == agreed.covenant.sha256
    assert again.engine._cached is not agreed.engine._cached


def test_what_was_remembered_does_not_outlive_the_signatures() -> None:
    """A decision remembered while the signatures held is not given after their end, nor the refusal before it."""
    agreed = Agreed.of(KIT.covenant, NOW + timedelta(hours=1))
    asked = replace(POSSIBLE, now=NOW + timedelta(hours=2))
    assert agreed.engine.decide(POSSIBLE).allowed
    assert agreed.engine.decide(asked).rule == "guard.covenant-not-in-force"
    renewed = agreed.renewed(NOW + timedelta(hours=3))
    assert renewed.engine.decide(asked).allowed
    assert agreed.engine.decide(asked).rule == "guard.covenant-not-in-force"


REMEMBERING = PolicyEngine(KIT.covenant)
STRICTLY = PolicyEngine(STRICT)


@given(QUESTIONS)
def test_a_remembered_decision_is_the_one_that_the_rules_give(question: Question) -> None:
    """For any question, under either version, memory and the rules themselves agree."""
    for engine in (REMEMBERING, STRICTLY):
        facts = facts_of(question, engine.covenant)
        if facts is not None:
            assert engine.decide(question) == engine.decide(question) == engine.decide_uncached(facts)
