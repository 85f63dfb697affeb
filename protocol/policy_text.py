# SPDX-License-Identifier: EUPL-1.2
"""Cedar files as text: cut into policies that keep their line, and what each policy must tell about itself.

Cedar itself numbers policies by place and gives no line with an error. Spec: ``spec/policy.md``.
Not here: what a policy means; only ``policy.py`` speaks with Cedar.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, Literal

from protocol.covenant_purposes import LegalBasis
from protocol.errors import Issue

DEFAULT_DENY: Final = "default-deny"
POLICY_ERROR: Final = "policy-error"
UNKNOWN_ENTITY: Final = "unknown-entity"
ANNOTATIONS: Final = ("id", "legal_basis", "purpose", "owner", "review_by", "says")
"""What every policy tells about itself; ``says`` is the sentence that a refused or told person reads."""

_TOKEN = re.compile(r'//[^\n]*|"(?:[^"\\]|\\.)*"|;', re.DOTALL)
_ID = re.compile(r"(?=.{1,128}\Z)[a-z][a-z0-9-]*(\.[a-z0-9-]+)*\Z")
_BLANK = re.compile(r"(?:\s|//[^\n]*)*")


@dataclass(frozen=True, slots=True)
class PolicyText:
    """One policy's text and where it starts, counted from 1."""

    file: str
    line: int
    text: str

    @property
    def place(self) -> str:
        """File and line, as an editor opens them."""
        return f"{self.file}:{self.line}"


def split_policies(file: str, text: str) -> Iterator[PolicyText]:
    """Yield the policies of a file, each up to and with its semicolon; comments and text between quotes do not end one.

    What stands after the last semicolon is yielded too unless it is blank or comment: Cedar then says what is wrong.
    """
    start = 0
    for token in _TOKEN.finditer(text):
        if token[0] == ";":
            yield _cut(file, text, start, token.end())
            start = token.end()
    if _skip(text, start) < len(text):
        yield _cut(file, text, start, len(text))


def _cut(file: str, text: str, start: int, end: int) -> PolicyText:
    first = min(_skip(text, start), end)
    return PolicyText(file, text.count("\n", 0, first) + 1, text[first:end])


def _skip(text: str, start: int) -> int:
    blank = _BLANK.match(text, start)
    return blank.end() if blank else start


@dataclass(frozen=True, slots=True)
class Rule:
    """One policy: where it stands and what it says about itself."""

    id: str
    place: str
    effect: Literal["permit", "forbid"]
    purpose: str
    legal_basis: str
    owner: str
    review_by: date
    says: str
    order: int


def describe(
    text: PolicyText, body: dict[str, Any], legal_bases: Mapping[str, LegalBasis], order: int, issues: list[Issue]
) -> Rule | None:
    """Return what a policy says about itself, or add what is wrong to ``issues`` and return ``None``.

    ``body`` is the policy in Cedar's JSON form; ``order`` its place among all, by which the first of several is named.
    """
    notes: dict[str, str] = body.get("annotations") or {}
    lacks = [name for name in ANNOTATIONS if not notes.get(name)]
    if lacks:
        names = ", ".join(f"@{name}" for name in lacks)
        issues.append(Issue(text.place, "missing_annotation", f"Lacks {names}. Every policy says who answers for it."))
        return None
    found = len(issues)
    _check_place(text, body, notes["purpose"], issues)
    if not _ID.match(notes["id"]) or notes["id"] in (DEFAULT_DENY, POLICY_ERROR, UNKNOWN_ENTITY):
        issues.append(Issue(text.place, "wrong_id", "An @id is words joined by dots and hyphens, and not one of ours."))
    if notes["legal_basis"] not in legal_bases:
        issues.append(
            Issue(text.place, "unknown_basis", f"@legal_basis({notes['legal_basis']}) is not in the vocabulary.")
        )
    review_by = None
    try:
        review_by = date.fromisoformat(notes["review_by"])
    except ValueError:
        issues.append(Issue(text.place, "review_by", "@review_by is not a date such as 2027-11-01."))
    if _names_agency(body):
        only = "Rights hang on a kind of agency: a policy may not name one (Agency::…), nor compare two."
        issues.append(Issue(text.place, "names_agency", only))
    if review_by is None or len(issues) > found:
        return None
    return Rule(
        notes["id"],
        text.place,
        body["effect"],
        notes["purpose"],
        notes["legal_basis"],
        notes["owner"],
        review_by,
        notes["says"],
        order,
    )


_AGENCIES: Final = (
    {"Var": "principal"},
    *({".": {"left": {"Var": "context"}, "attr": name}} for name in ("sender", "cover", "other")),
)
"""Where a rule finds an agency, in Cedar's JSON form (``policies/sluis.cedarschema``)."""


def _names_agency(value: object) -> bool:
    """Say whether a policy, in Cedar's JSON form, names an agency or uses one other than by its kind and state.

    ``policy.py`` shows the rules models of agencies, one a kind and state; a rule that compared them would decide by
    what is not there.
    """
    if isinstance(value, list):
        return any(map(_names_agency, value))
    if not isinstance(value, dict):
        return False
    access = value.get(".")
    if isinstance(access, dict) and access.get("attr") in ("kind", "state") and access.get("left") in _AGENCIES:
        return False
    if value in _AGENCIES or (value.get("type") == "Agency" and "id" in value):
        return True
    return any(map(_names_agency, value.values()))


def _check_place(text: PolicyText, body: dict[str, Any], purpose: str, issues: list[Issue]) -> None:
    """Guards forbid and hold for all; a purpose's file permits, and for that purpose and one action only."""
    if text.file.startswith("base/"):
        if body["effect"] != "forbid" or purpose != "all":
            issues.append(Issue(text.place, "not_a_guard", 'Only forbid with @purpose("all") may stand in base/.'))
        return
    own = text.file.removeprefix("purposes/").removesuffix(".cedar")
    scoped = body["resource"] == {"op": "==", "entity": {"type": "Purpose", "id": own}} and body["action"]["op"] == "=="
    if body["effect"] != "permit" or purpose != own or not scoped:
        only = f'Only permit for one action, resource == Purpose::"{own}" and @purpose("{own}") may stand here.'
        issues.append(Issue(text.place, "not_a_permit", only))
