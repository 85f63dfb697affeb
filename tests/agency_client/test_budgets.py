# SPDX-License-Identifier: EUPL-1.2
"""Budgets as key-holders said them last: kept per purpose and key-holder, from answers and refusals, until renewed."""

from datetime import timedelta
from pathlib import Path

import pytest

from agency_client.budgets import budget_of, keep_budgets, known_budgets, scarcest
from agency_client.vault import Vault
from edge.keyfile import SecretBytes, ValueCipher
from protocol.encoding import format_time
from protocol.errors import Code, Issue, RefusedError
from protocol.ids import PartyId, PurposeId
from protocol.messages import Budget
from tests.fakes.small_world import NOW

PREVENTION, VICTIMS = PurposeId("offender-prevention"), PurposeId("victim-protection")
ONE, TWO = PartyId("holder-1"), PartyId("holder-2")
LATER = NOW + timedelta(hours=4)


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    """An empty vault."""
    return Vault(tmp_path / "vault.db", ValueCipher(SecretBytes(b"k" * 32)), b"l" * 32)


def test_the_last_word_of_each_key_holder_is_kept(vault: Vault) -> None:
    """A later word replaces an earlier one of the same key-holder and purpose, and nothing else."""
    keep_budgets(vault.evidence, {(PREVENTION, ONE): Budget(used=10, left=90, renews_at=LATER)})
    keep_budgets(
        vault.evidence,
        {
            (PREVENTION, TWO): Budget(used=5, left=95, renews_at=LATER),
            (VICTIMS, ONE): Budget(used=1, left=99, renews_at=LATER),
        },
    )
    keep_budgets(vault.evidence, {(PREVENTION, ONE): Budget(used=40, left=60, renews_at=LATER)})
    keep_budgets(vault.evidence, {})
    known = known_budgets(vault.evidence, NOW)
    assert [(one.purpose, one.holder, one.budget.left) for one in known] == [
        (PREVENTION, ONE, 60),
        (PREVENTION, TWO, 95),
        (VICTIMS, ONE, 99),
    ]
    assert [(one.holder, one.budget.left) for one in scarcest(known)] == [(ONE, 60), (ONE, 99)]
    assert known[0].words == (
        "Budget of offender-prevention at holder-1: 40 used, 60 left; renews at 2026-11-22 00:00 UTC."
    )
    assert known_budgets(vault.evidence, LATER) == []


def test_a_refusal_tells_the_budget_too() -> None:
    """What a key-holder says when a budget is used up is kept; what cannot be understood is not."""
    said = {"used": "95", "left": "5", "renewsAt": format_time(LATER)}
    issues = [Issue(f"budget.{name}", "budget", value) for name, value in said.items()]
    refusal = RefusedError(Code.BUDGET_EXHAUSTED, "used up", issues=issues)
    assert budget_of(refusal) == Budget(used=95, left=5, renews_at=LATER)
    assert budget_of(RefusedError(Code.BUDGET_EXHAUSTED, "used up", issues=issues[:2])) is None
    assert budget_of(RefusedError(Code.POLICY_REFUSED, "no", issues=issues)) is None
    wrong = [*issues[:2], Issue("budget.renewsAt", "budget", "tomorrow")]
    assert budget_of(RefusedError(Code.BUDGET_EXHAUSTED, "used up", issues=wrong)) is None
