# SPDX-License-Identifier: EUPL-1.2
"""What may be read of the log by whom, and what fits a question: the same rules at the broker and at who reads."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID

import pytest

from protocol import events as e
from protocol.commitments import commit
from protocol.errors import InputError
from protocol.event_search import EventFilters, EventPage, EventSearch, Reach, Refused, fits, kinds_of, reach_of
from protocol.ids import HitId, KeyKind, PartyId, PurposeId, SignalId
from protocol.messages import Evidence, parse
from protocol.policy import LogPurpose, PersonRole, PolicyEngine
from tests.fakes.covenants import make_covenant

NOW = datetime(2026, 11, 22, tzinfo=UTC)
PURPOSE, VICTIM = PurposeId("offender-prevention"), PurposeId("victim-protection")
POLICE, PROSECUTION, CARE = (PartyId(name) for name in ("police-oost", "prosecution-oost", "care-linde"))
SUPERVISOR = PartyId("supervisor-oost")
SIGNAL, HIT = SignalId(UUID(int=1)), HitId(UUID(int=2))
WHY = e.Words(text="overleg", case_reference="Z-1")


@cache
def engine() -> PolicyEngine:
    """Return the rules of the repository's covenant."""
    kit = make_covenant(now=NOW, agencies=5, also=((SUPERVISOR, "supervisor", "Toezichthouder"),))
    return PolicyEngine(kit.covenant)


def reach(
    party: PartyId,
    role: PersonRole = "privacy-officer",
    log_purpose: LogPurpose = "self-monitoring",
    **filters: Any,
) -> Reach | Refused:
    """Return what somebody may read."""
    search = EventSearch(log_purpose=log_purpose, filters=EventFilters(**filters))
    return reach_of(engine(), party, role, search, NOW)


def _reach(party: PartyId, role: PersonRole = "privacy-officer", log_purpose: LogPurpose = "self-monitoring") -> Reach:
    found = reach(party, role, log_purpose)
    assert isinstance(found, Reach)
    return found


def act(**facts: Any) -> e.Act:
    """Return an act under the purpose of the tests."""
    covenant = e.CovenantRef(version="2026.1", sha256="ab" * 32)
    held: dict[str, Any] = {"time": NOW, "covenant": covenant, "purpose": PURPOSE} | facts
    return e.Act(**held)


def opened(agency: PartyId = POLICE) -> e.HitOpened:
    """Return that a hit was opened."""
    subject = e.Subject(signal_ids=(SIGNAL,), hit_id=HIT, words=WHY)
    return e.HitOpened(act=act(agency=agency, person="p-1", justification="own-case"), subject=subject)


def notice(recipient: PartyId, asker: PartyId | None = None) -> e.NoticeIssued:
    """Return that an agency was told."""
    told = act(recipient=recipient, agency=asker, system="broker")
    return e.NoticeIssued(act=told, subject=e.Subject(signal_ids=(SIGNAL,)), notice_seq=1, notice_type="queried")


def test_an_officer_reads_own_and_counterpart_entries_of_its_purposes() -> None:
    """Scopes and purposes follow from the covenant's rules, with the permits that say so."""
    found = _reach(POLICE)
    assert found.scopes == ("own", "counterpart")
    assert {PURPOSE, VICTIM} <= set(found.named)
    assert PurposeId("monitoring-statistics") not in found.named
    assert f"{PURPOSE}.read-events.officer" in found.policies
    assert found.purposes["others"] == frozenset()


def test_a_hidden_purpose_is_not_within_reach() -> None:
    """Whoever works with the suspect reads nothing of the victims' purpose, also when asking for it by name."""
    assert VICTIM not in _reach(PROSECUTION).named
    assert isinstance(reach(PROSECUTION, purpose=VICTIM), Refused)


@pytest.mark.parametrize("role", ["system", "coordinator", "operator", "supervisor"])
def test_no_other_role_of_an_agency_reads(role: PersonRole) -> None:
    """Only a privacy officer reads for an agency; a supervisor's role is a supervisor's."""
    assert isinstance(reach(POLICE, role), Refused)


def test_a_missing_reason_is_what_the_refusal_names() -> None:
    """Who names no reason is told that, and not that no rule allows it."""
    found = reach(POLICE, log_purpose="none")
    assert isinstance(found, Refused)
    assert found.decision.rule == "guard.log-purpose-missing"


def test_entries_without_a_purpose_need_all_purposes() -> None:
    """The victims' purpose is closed to criminal proceedings, and with it all of which nobody knows the purpose."""
    assert None in _reach(POLICE).purposes["own"]
    assert None not in _reach(POLICE, log_purpose="criminal-proceedings").purposes["own"]
    assert None in _reach(SUPERVISOR, "supervisor").purposes["others"]
    assert None not in _reach(SUPERVISOR, "supervisor", "criminal-proceedings").purposes["others"]


@pytest.mark.parametrize(
    ("event", "concerns", "scope"),
    [
        (opened(), False, "own"),
        (opened(CARE), False, None),
        (opened(CARE), True, "counterpart"),
        (notice(POLICE), False, "counterpart"),
        (notice(POLICE, CARE), False, "counterpart"),
        (notice(CARE, POLICE), False, None),
        (notice(CARE, POLICE), True, None),
        (e.RequestRefused(act=act(agency=POLICE, purpose=None), code="malformed"), False, "own"),
        (e.RequestRefused(act=act(agency=CARE, purpose=None), code="malformed"), False, None),
        (e.UnusualUse(act=act(agency=POLICE), reason="burst", count=2, limit=1), False, None),
        (e.KeyMuted(act=act(recipient=POLICE), kind=KeyKind("phone"), count=2, notice_seq=1), False, "counterpart"),
        (
            e.EventsErased(act=act(recipient=POLICE), ground="wrong-person", indexes=(1,), entries=1),
            False,
            "counterpart",
        ),
        (e.EventsErased(act=act(agency=POLICE), ground="wrong-person", indexes=(1,), entries=1), False, "own"),
        (e.CovenantActivated(act=act(purpose=None), version="2026.1", sha256="ab" * 32), False, None),
    ],
)
def test_what_an_officer_may_see(event: e.Event, concerns: bool, scope: str | None) -> None:
    """Own acts, what it was told, and openings of hits with its signals; never a notice to another, nor a match."""
    assert _reach(POLICE).scope_of(event, concerns=concerns) == scope
    assert _reach(SUPERVISOR, "supervisor").scope_of(event, concerns=False) == "others"


def test_an_entry_fits_when_it_fits_all_that_was_asked() -> None:
    """Each filter alone lets the entry through with its own value, and stops it with another."""
    event = opened()
    alone: dict[str, tuple[Any, Any]] = {
        "since": (NOW, NOW + timedelta(seconds=1)),
        "until": (NOW + timedelta(seconds=1), NOW),
        "operation": ("consultation", "collection"),
        "event": (9, 3),
        "purpose": (PURPOSE, VICTIM),
        "person": ("p-1", "p-2"),
        "agency": (POLICE, CARE),
        "decision": (None, "deny"),
        "hit": (HIT, UUID(int=9)),
        "signal": (SIGNAL, UUID(int=9)),
        "index": (7, 8),
    }
    assert set(alone) == set(EventFilters.model_fields)
    for name, (its, other) in alone.items():
        assert fits(7, event, EventFilters(**{name: its}), erased=False), name
        assert not fits(7, event, EventFilters(**{name: other}), erased=False), name


def test_of_an_erased_entry_nobody_can_say_of_which_hit_it_was() -> None:
    """What is gone fits no question about a hit or signal, and every other one as before."""
    event = replace(opened(), subject=e.Subject())
    assert fits(7, event, EventFilters(person="p-1"), erased=True)
    assert not fits(7, event, EventFilters(hit=HIT), erased=True)
    assert not fits(7, event, EventFilters(signal=SIGNAL), erased=True)


def test_both_agencies_of_a_match_are_found_by_name() -> None:
    """A match has no acting agency; it is found by either of its two."""
    event = e.SignalsMatched(act=act(), quality="hit", kinds=(KeyKind("phone"),), agencies=(POLICE, CARE))
    assert fits(1, event, EventFilters(agency=CARE), erased=False)
    assert not fits(1, event, EventFilters(agency=PROSECUTION), erased=False)


def test_an_operation_names_its_kinds() -> None:
    """What an operation can find are just the kinds of that operation."""
    assert kinds_of(EventFilters(operation="combination")) == {7}
    assert kinds_of(EventFilters()) == set(e.EVENTS)
    assert kinds_of(EventFilters(operation="combination", event=3)) == frozenset()


def _page(*places: int, **facts: Any) -> EventPage:
    opening = commit(opened(), bytes(32), bytes(32)).opening
    entries = tuple(Evidence(index=place, opening=opening, proof=()) for place in places)
    rest: dict[str, Any] = {"through": 10, "reading": entries[0], "checkpoint": "note"} | facts
    return EventPage(entries=entries, **rest)


def test_a_page_is_in_order_and_within_what_was_looked_at() -> None:
    """An entry twice, out of order or behind the end, or a next that is not the last entry, is no page."""
    assert parse(EventPage, _page(1, 4, next=4).to_json()) == _page(1, 4, next=4)
    for places, facts in (((4, 1), {}), ((1, 1), {}), ((1, 10), {}), ((1, 4), {"next": 3})):
        with pytest.raises(ValueError, match=r"entr|next"):
            _page(*places, **facts)


@pytest.mark.parametrize(
    "body", [b'{"limit": 0}', b'{"limit": 201}', b'{"after": -1}', b'{"filters": {"person": "a b"}}', b'{"more": 1}']
)
def test_a_search_is_read_strictly(body: bytes) -> None:
    """Bounds, forms and unknown fields are refused."""
    with pytest.raises(InputError):
        parse(EventSearch, body)
