# SPDX-License-Identifier: EUPL-1.2
"""What ``sluis policy check`` refuses beyond form and fit, and what it leaves to the board."""

import re
from datetime import date

import pytest

from board.checking import Checked, find_issues
from protocol.errors import ConfigurationError
from tests.fakes.covenants import policy_files

FILES = policy_files()
TODAY = date(2026, 11, 22)
GUARDS = "base/00-guards.cedar"


def found(changes: dict[str, str] | None = None, *, today: date = TODAY, without: str = "^$") -> Checked:
    """Check the repository's covenant with these files in place of its own, and without the files that match."""
    files = {path: content for path, content in FILES.items() if not re.match(without, path)}
    return find_issues(files | {path: text.encode() for path, text in (changes or {}).items()}, today)


def text_of(path: str) -> str:
    """Return a file of the repository's covenant."""
    return FILES[path].decode()


def codes(checked: Checked) -> set[str]:
    """Return the codes of what is wrong."""
    return {issue.code for issue in checked.issues}


def test_the_repositorys_covenant_is_sound():
    """Nothing is wrong with the covenant that comes with the program, and what it leaves open is told."""
    checked = found()
    checked.require_sound()
    places = [issue.location for issue in checked.to_settle]
    assert any(place.startswith("covenant.yaml:") and place.endswith(" dpia") for place in places)
    for name in checked.covenant.purposes:
        assert any(place.startswith(f"purposes/{name}.yaml:") and place.endswith(" advice") for place in places)
    assert any(place.endswith("bases.wgs-partnership") for place in places)


def test_an_article_that_is_checked_is_not_left_to_the_board():
    """Only articles marked unsure, and used by a purpose or rule, are left to the board."""
    checked = found()
    unsure = {issue.location.rpartition(".")[2] for issue in checked.to_settle if issue.code == "unsure"}
    assert unsure == {code for code in unsure if checked.covenant.legal_bases[code].certainty == "unsure"}


def test_a_policy_past_its_review_date_is_refused():
    """The day of review itself is in time; the day after is not, and the rule's place is named."""
    path = "purposes/victim-protection.cedar"
    text = text_of(path).replace('@review_by("2027-11-01")', '@review_by("2026-11-22")', 1)
    assert not found({path: text}).issues
    late = found({path: text}, today=date(2026, 11, 23)).issues
    assert [(issue.code, issue.location.partition(":")[0]) for issue in late] == [("review_overdue", path)]
    with pytest.raises(ConfigurationError, match="1 faults"):
        found({path: text}, today=date(2026, 11, 23)).require_sound()


def test_a_covenant_that_is_over_is_refused():
    """A covenant whose force has ended cannot be built any more."""
    over = found(today=date(2028, 1, 1)).issues
    assert "covenant.yaml:1" in [issue.location for issue in over if issue.code == "covenant_over"]


def test_an_unformatted_file_is_refused_at_its_first_line_that_differs():
    """Cedar that its own formatter would write otherwise is refused, with the line."""
    text = text_of(GUARDS)
    line = text[: text.index("unless { context.covenantInForce };")].count("\n") + 1
    issues = found({GUARDS: text.replace("unless { context.covenantInForce };", "unless {context.covenantInForce};")})
    assert [(issue.location, issue.code) for issue in issues.issues] == [(f"{GUARDS}:{line}", "unformatted")]


def test_a_permit_that_no_case_exercises_is_refused():
    """A permit that decides no ALLOW case any more is named with its place."""
    rule = "victim-protection.query"
    names = [path for path in FILES if "/ALLOW/" in path and f"rule: {rule}\n" in text_of(path)]
    assert names
    checked = found(without="|".join(map(re.escape, names)))
    assert [issue.code for issue in checked.issues] == ["permit_without_case"]
    assert rule in checked.issues[0].message
    assert checked.issues[0].location.startswith("purposes/victim-protection.cedar:")


def test_a_guard_whose_removal_fails_no_case_is_refused():
    """When no DENY case names a guard any more, the guard itself is refused."""
    names = [path for path in FILES if "/DENY/" in path and "rule: guard.own-signal" in text_of(path)]
    assert names
    checked = found(without="|".join(map(re.escape, names)))
    assert [issue.code for issue in checked.issues] == ["guard_without_case"]
    assert "rule: guard.own-signal" in checked.issues[0].message
    assert checked.issues[0].location.startswith(f"{GUARDS}:")


def test_a_purpose_of_which_nothing_is_allowed_is_refused():
    """A purpose without a single ALLOW case is refused."""
    checked = found(without="cases/monitoring-statistics/ALLOW/")
    assert "purpose_without_case" in codes(checked)
    place = "purposes/monitoring-statistics.yaml:1"
    assert place in [issue.location for issue in checked.issues if issue.code == "purpose_without_case"]


def test_a_failing_case_counts_for_no_rule():
    """A case that is decided otherwise than it says fails, and holds neither a permit nor a guard."""
    path = next(path for path in FILES if "/DENY/" in path and "rule: guard.already-expired" in text_of(path))
    others = [name for name in FILES if name != path and "rule: guard.already-expired" in text_of(name)]
    wrong = text_of(path).replace("rule: guard.already-expired", "rule: default-deny")
    checked = found({path: wrong}, without="|".join(map(re.escape, others)) or "^$")
    assert codes(checked) == {"case_failed", "guard_without_case"}


def test_a_purpose_without_assessment_or_advice_cannot_be_read():
    """A purpose that names no impact assessment, or no advice, is refused with its file and line."""
    path = "purposes/victim-protection.yaml"
    for field in ("dpia", "advice"):
        with pytest.raises(ConfigurationError) as refused:
            found({path: re.sub(rf"^{field}:.*\n", "", text_of(path), flags=re.MULTILINE)})
        assert f"`{field}` is missing" in refused.value.issues[0].message
        assert refused.value.issues[0].location.startswith(f"{path}:")


def test_a_kind_of_key_that_would_hit_too_many_strangers_is_refused():
    """With a population so large that a key's expected false hits exceed its bound, the purpose is refused."""
    with pytest.raises(ConfigurationError) as refused:
        found({"covenant.yaml": re.sub(r"population: \d+", "population: 10000000000", text_of("covenant.yaml"))})
    assert {issue.code for issue in refused.value.issues} == {"not_selective"}
    assert "keyKinds" in refused.value.issues[0].location
