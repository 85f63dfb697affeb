# SPDX-License-Identifier: EUPL-1.2
"""The law in ``policies/``: the vocabulary of legal bases, and the README's table of what holds which requirement."""

import re
from pathlib import Path

import pytest

from board.cases import read_cases, try_cases
from board.models import model_engine
from protocol.covenant import Covenant
from protocol.errors import Issue
from protocol.policy import DEFAULT_DENY
from tests.fakes.covenants import policy_files

ROOT = Path(__file__).resolve().parents[2]
FILES = policy_files()
README = FILES["README.md"].decode()
COVENANT = Covenant.parse(FILES)
ENGINE = model_engine(COVENANT)
ISSUES: list[Issue] = []
CASES = read_cases(FILES, ISSUES)
REQUIREMENTS = {
    f"{letter}-{number}"
    for letter, last in {"L": 10, "D": 11, "S": 6, "M": 4, "Y": 5}.items()
    for number in range(1, last + 1)
}
"""Every requirement of the design's law page."""
REFERENCE = re.compile(r"`((?:[a-z-]+/(?:ALLOW|DENY)/|tests/)[^`]+)`")
RULE = re.compile(r"`([a-z-]+(?:\.[a-z-]+)+)`")


def _rows(heading: str) -> list[list[str]]:
    """Return the cells of the rows of all tables in the README's section of this heading."""
    section = README.split(f"\n## {heading}", 1)[1].split("\n## ", 1)[0]
    lines = [line.strip().strip("|").split("|") for line in section.splitlines() if line.startswith("|")]
    rows = [[cell.strip() for cell in cells] for cells in lines]
    return [row for row in rows if not row[0].startswith(("id", "code", "---"))]


LAW = {row[0]: row[1:] for row in _rows("What the law asks")}
HELD_BY_RULES = sorted(requirement for requirement, cells in LAW.items() if len(cells) == 3)


# --- Legal bases ---


def test_every_legal_basis_is_used():
    """No basis stands in the vocabulary that neither a purpose nor a rule names."""
    used = {rule.legal_basis for rule in ENGINE.rules.values()}
    for terms in COVENANT.purposes.values():
        used |= {code for part in terms.participants.values() for code in part.bases}
        used |= {code for row in terms.legal_bases.values() for codes in row.values() for code in codes}
    assert used == set(COVENANT.legal_bases)


def test_what_was_read_is_listed():
    """The articles marked as read are exactly those of which the README says where they were read."""
    checked = {code for code, basis in COVENANT.legal_bases.items() if basis.certainty == "checked"}
    assert checked == {code for row in _rows("What somebody read") for code in re.findall(r"`([a-z0-9-]+)`", row[0])}


def test_every_legal_basis_has_a_name_on_the_web():
    """Each basis has an IRI: the Data Privacy Vocabulary's, or ours with the same code."""
    for code, basis in COVENANT.legal_bases.items():
        ours = f"https://sluis.example/vocabulary#{code}"
        assert basis.iri == ours or (basis.iri or "").startswith("https://w3id.org/dpv/legal/eu/gdpr#A")


def test_every_refusal_names_its_ground():
    """Each rule has a sentence for the person who is refused or told, and so has a refusal by no rule."""
    assert all(rule.says.endswith(".") and len(rule.says) > 20 for rule in ENGINE.rules.values())
    refused = [one.decision for one in try_cases(ENGINE, CASES) if one.decision.rule == DEFAULT_DENY]
    assert refused
    assert all(one.reason.endswith(".") for one in refused)


# --- The law table ---


def _exists(reference: str) -> bool:
    if reference.startswith("tests/"):
        file, _, name = reference.partition("::")
        path = ROOT / file
        return path.is_file() and re.search(rf"^(async )?def {name}\(", path.read_text(), re.MULTILINE) is not None
    return f"cases/{reference}.yaml" in FILES


def test_every_requirement_of_the_law_has_its_place():
    """Each requirement of the design stands in the tables once: held by a rule, or with whoever holds it instead."""
    assert set(LAW) == REQUIREMENTS
    assert len(_rows("What the law asks")) == len(REQUIREMENTS)


@pytest.mark.parametrize("requirement", HELD_BY_RULES)
def test_a_requirement_points_to_cases_or_tests_that_exist(requirement: str):
    """A requirement that policy holds names at least one case or test, and all that it names is there."""
    _, rules, evidence = LAW[requirement]
    references = REFERENCE.findall(evidence)
    assert references
    assert len(references) == evidence.count("`") // 2
    assert [one for one in references if not _exists(one)] == []
    assert [one for one in RULE.findall(rules) if one not in ENGINE.rules] == []
    assert len(RULE.findall(rules)) == rules.count("`") // 2


def test_a_rule_of_a_requirement_decides_one_of_its_cases():
    """A rule in the table is the rule that one of the line's cases expects, so that rule and case speak of the same."""
    expected = {one.file.removeprefix("cases/").removesuffix(".yaml"): one.case.rule for one in CASES}
    for requirement in HELD_BY_RULES:
        _, rules, evidence = LAW[requirement]
        undecided = set(RULE.findall(rules)) - {expected.get(one) for one in REFERENCE.findall(evidence)}
        assert not undecided, requirement


def test_what_is_held_elsewhere_points_to_tests_that_exist():
    """A test that the second table names is there."""
    named = [one for cells in LAW.values() if len(cells) == 2 for one in REFERENCE.findall(" ".join(cells))]
    assert named
    assert [one for one in named if not _exists(one)] == []
