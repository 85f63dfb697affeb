# SPDX-License-Identifier: EUPL-1.2
"""Everything that a covenant can say is read by the program: a setting without effect would be a promise not kept."""

import ast
from pathlib import Path

import pytest

from protocol.covenant_parts import Agency, ContactPoint, KeyHolding, Probes, Terms
from protocol.covenant_purposes import Awaited, Informing, KindOfAgency, LegalBasis, Outcome, Participant, Purpose

ROOT = Path(__file__).parents[1]
PACKAGES = ("protocol", "edge", "broker", "keyholder", "agency_client", "board", "auditor")
DEFINED_IN = {"covenant_parts.py", "covenant_purposes.py"}
"""Where a setting is declared and checked; reading it there is no effect yet."""
SETTINGS = [
    (kind.__name__, name)
    for kind in (
        Terms,
        KeyHolding,
        Probes,
        ContactPoint,
        Agency,
        Purpose,
        Participant,
        Informing,
        Awaited,
        LegalBasis,
        KindOfAgency,
        Outcome,
    )
    for name in kind.model_fields
]


def _read_attributes() -> frozenset[str]:
    found = set()
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            tree = ast.parse(path.read_text())
            loads = (
                node for node in ast.walk(tree) if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load)
            )
            found |= {node.attr for node in loads if path.name not in DEFINED_IN or _in_method(node, tree)}
    return frozenset(found)


def _in_method(node: ast.Attribute, tree: ast.Module) -> bool:
    """Say whether the read stands in a public method of a part, which others call, and not in its own checks."""
    for owner in (item for item in tree.body if isinstance(item, ast.ClassDef)):
        for method in (item for item in owner.body if isinstance(item, ast.FunctionDef)):
            if not method.name.startswith("_") and any(inner is node for inner in ast.walk(method)):
                return True
    return False


READ = _read_attributes()


@pytest.mark.parametrize(("owner", "name"), SETTINGS, ids=[f"{owner}.{name}" for owner, name in SETTINGS])
def test_something_reads_every_setting(owner: str, name: str):
    """Some part of the program reads this setting beside the check of its form."""
    assert name in READ, f"nothing reads {owner}.{name}"


def test_a_setting_that_nothing_reads_would_be_found():
    """The check sees what is not read: it does not find a name that only a definition has."""
    assert "setting_that_nobody_reads" not in READ
