# SPDX-License-Identifier: EUPL-1.2
"""Messages of subject requests and of informing: digests only, bounded, and in one form."""

import json
from datetime import UTC, date, datetime
from typing import Any

import pytest

from protocol.covenant_purposes import Informing
from protocol.encoding import b64url
from protocol.errors import Code, InputError
from protocol.informing import InformingReview, may_wait_until
from protocol.messages import parse
from protocol.subject_requests import MAX_DIGESTS, SubjectSearch

WHY = {"code": "citizen-asked", "text": "Verzoek om inzage", "caseReference": "I-1"}
TAG = b64url(bytes(32))
NOW = datetime(2026, 11, 21, 20, tzinfo=UTC)
RULE = Informing(deferral_days=30, consult_from=12, own_from=16)


def search(**changes: Any) -> bytes:
    """Return a request with these changes; a change to None leaves the field out."""
    asked = {
        "justification": WHY,
        "purposes": ["offender-prevention"],
        "tags": [{"purpose": "offender-prevention", "epoch": 3, "tagDigests": [TAG]}],
    }
    return json.dumps({name: value for name, value in (asked | changes).items() if value is not None}).encode()


def test_a_search_names_digests_purposes_and_reason() -> None:
    """The shortest search has a justification, a purpose and a digest."""
    asked = parse(SubjectSearch, search())
    assert asked.tags[0].tag_digests == (bytes(32),)
    assert parse(SubjectSearch, asked.to_json()) == asked


@pytest.mark.parametrize(
    "changes",
    [
        {"justification": None},
        {"justification": WHY | {"caseReference": ""}},
        {"purposes": []},
        {"purposes": ["offender-prevention", "offender-prevention"]},
        {"tags": [{"purpose": "victim-protection", "epoch": 3, "tagDigests": [TAG]}]},
        {"tags": [{"purpose": "offender-prevention", "epoch": 3, "tagDigests": [TAG]}] * 2},
        {"tags": [{"purpose": "offender-prevention", "epoch": 3, "tagDigests": []}]},
        {"tags": [{"purpose": "offender-prevention", "epoch": 3, "tags": [TAG]}]},
        {
            "tags": [
                {"purpose": "offender-prevention", "epoch": epoch, "tagDigests": [TAG] * (MAX_DIGESTS // 2 + 1)}
                for epoch in (3, 4)
            ]
        },
        {"known": [-1]},
        {"signals": ["no-uuid"]},
        {"bsn": "123456782"},
    ],
)
def test_a_search_that_does_not_fit_is_malformed(changes: dict[str, Any]) -> None:
    """What lacks a reason, names a purpose twice or not at all, or is too large, is refused before anything is done."""
    with pytest.raises(InputError) as error:
        parse(SubjectSearch, search(**changes))
    assert error.value.code is Code.MALFORMED


@pytest.mark.parametrize(
    ("status", "review_on", "approver", "good"),
    [
        ("informed", None, "p-1", True),
        ("deferred", "2026-12-01", "p-1", True),
        ("deferred", None, "p-1", False),
        ("informed", "2026-12-01", "p-1", False),
        ("not-required", None, "p-1", False),
        ("deferred", "2026-12-01", "Jan de Vries", False),
    ],
)
def test_a_deferral_has_a_day_and_a_decision_an_approver(
    status: str, review_on: str | None, approver: str, good: bool
) -> None:
    """A deferral names its day of review, being informed none, and neither names a person in the clear."""
    asked = {"status": status, "reviewOn": review_on, "approver": approver, "justification": WHY}
    body = json.dumps({name: value for name, value in asked.items() if value is not None}).encode()
    if good:
        assert parse(InformingReview, body).approver == approver
        return
    with pytest.raises(InputError):
        parse(InformingReview, body)


@pytest.mark.parametrize(
    ("day", "allowed"),
    [
        (date(2026, 11, 20), False),
        (date(2026, 11, 21), False),
        (date(2026, 11, 22), True),
        (date(2026, 12, 21), True),
        (date(2026, 12, 22), False),
    ],
)
def test_a_deferral_ends_within_the_purposes_days(day: date, allowed: bool) -> None:
    """From tomorrow until the purpose's bound; not today, which would be no deferral, and not a day longer."""
    assert may_wait_until(day, RULE, NOW) is allowed
    assert not may_wait_until(day, None, NOW)
