# SPDX-License-Identifier: EUPL-1.2
"""The list of unusual use: a supervisor believes what the log proves and adds canaries; an officer counts its own."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from agency_client.budgets import KnownBudget
from agency_client.searching import Inquiry, Searching
from agency_client.signed_versions import SignedVersions
from agency_client.unusual import UnusualUses
from agency_client.unusual_list import Listed, in_order, of_broker, of_budgets, of_canaries, of_findings, of_own
from edge.event_words import UNUSUAL_SAID
from edge.languages import LANGS
from protocol import events as e
from protocol.errors import Code, RefusedError, VerificationError
from protocol.event_search import EventFilters, Refused
from protocol.ids import HitId, PartyId, PurposeId, SignalId
from protocol.messages import Budget, parse
from protocol.policy import LogPurpose, PersonRole, PolicyEngine
from protocol.unusual import REASONS, UnusualAnswer, UnusualEntry
from protocol.unusual_reading import unusual_reach
from tests.fakes.agency import Client, clock, make_client, signed_nothing
from tests.fakes.covenants import CovenantKit, make_covenant
from tests.fakes.searched_log import Entry, SearchedLog, SearchingDoor
from tests.fakes.small_world import NOW, agreed_of, make_world

PURPOSE = PurposeId("offender-prevention")
POLICE, CARE, SUPERVISOR = PartyId("police-oost"), PartyId("care-linde"), PartyId("supervisor-oost")
PERSON = "toezicht-01"
SINCE = date(2026, 1, 1)

Bend = Callable[[UnusualAnswer], UnusualAnswer]


@cache
def _kit() -> CovenantKit:
    return make_covenant(now=NOW, agencies=5, also=((SUPERVISOR, "supervisor", "Toezichthouder Oost"),))


@dataclass
class Door:
    """The broker's list, honest until it is bent."""

    log: SearchedLog
    bend: Bend = lambda answer: answer
    change: dict[str, Any] = field(default_factory=dict)
    """What the log has otherwise of the reading."""
    asked: int = 0

    async def unusual(self, since: date, log_purpose: LogPurpose, *, person: str, role: PersonRole) -> UnusualAnswer:
        """Answer, through the wire's form."""
        self.asked += 1
        log = self.log
        reach = unusual_reach(PolicyEngine(log.covenant), SUPERVISOR, role, log_purpose, NOW)
        assert not isinstance(reach, Refused)
        noted = [one for one in log.entries if isinstance(one.made.event, e.UnusualUse)]
        said: dict[str, Any] = {
            "scopes": reach.scopes,
            "log_purpose": log_purpose,
            "purposes": reach.named,
            "entries": len(noted),
        }
        act = log.act(agency=SUPERVISOR, person=person, time=NOW, decision="allow", policy_ids=reach.policies)
        of_act = {name: value for name, value in self.change.items() if hasattr(act, name)}
        rest = {name: value for name, value in self.change.items() if name not in of_act}
        reading = log.add(e.EventsRead(act=replace(act, **of_act), **(said | rest)))
        answer = UnusualAnswer(
            entries=tuple(_entry(log, one) for one in noted),
            reading=log.evidence(reading),
            checkpoint=log.world.broker.log.checkpoint(),
        )
        return parse(UnusualAnswer, self.bend(answer).to_json())


def _entry(log: SearchedLog, one: Entry) -> UnusualEntry:
    event: Any = one.made.event
    facts = {"reason": event.reason, "count": event.count, "limit": event.limit, "evidence": log.evidence(one)}
    return UnusualEntry(agency=event.act.agency, purpose=event.act.purpose, day=event.act.time.date(), **facts)


@pytest.fixture
def log() -> SearchedLog:
    """Return a log that says two things of the police."""
    log = SearchedLog(make_world(_kit()))
    for reason, count in (("burst", 5), ("one-person-many-subjects", 61)):
        act = log.act(agency=POLICE, purpose=PURPOSE, system="broker")
        log.add(e.UnusualUse(act=act, reason=reason, count=count, limit=4))  # type: ignore[arg-type]  # words
    return log


def _uses(folder: Path, log: SearchedLog, door: Door) -> tuple[Client, UnusualUses]:
    client = make_client(folder / "s", log.world, SUPERVISOR)
    agreed = agreed_of(log.covenant)
    versions = SignedVersions(agreed, signed_nothing)
    uses = UnusualUses(client.vault.evidence, door, client.trail, versions, agreed.engine, SUPERVISOR, clock)
    return client, uses


async def _read(uses: UnusualUses, why: LogPurpose = "lawfulness-check") -> tuple[UnusualEntry, ...]:
    return await uses.read(SINCE, why, person=PERSON, role="supervisor")


async def test_what_the_log_proves_is_listed_and_the_reading_is_kept(tmp_path: Path, log: SearchedLog) -> None:
    """Agency, reason and numbers come from the log, and that they were read stands there too, proven to the reader."""
    client, uses = _uses(tmp_path, log, Door(log))
    rows = in_order(of_broker(await _read(uses)))
    assert [(one.agency, one.reason, one.count, one.entry) for one in rows] == [
        (POLICE, "burst", 5, 0),
        (POLICE, "one-person-many-subjects", 61, 1),
    ]
    assert client.vault.evidence.has_receipt(2)
    assert client.vault.evidence.findings() == []


async def test_who_may_not_read_asks_nobody(tmp_path: Path, log: SearchedLog) -> None:
    """In another role nothing leaves, and nothing is logged."""
    door = Door(log)
    _, uses = _uses(tmp_path, log, door)
    with pytest.raises(RefusedError):
        await uses.read(SINCE, "lawfulness-check", person=PERSON, role="coordinator")
    assert door.asked == 0


@pytest.mark.parametrize(
    "change",
    [
        {"agency": CARE},
        {"person": "toezicht-02"},
        {"entries": 1},
        {"log_purpose": "self-monitoring"},
        {"scopes": ("own",)},
        {"purposes": (PURPOSE,)},
        {"decision": "deny"},
        {"policy_ids": ("some.other.rule",)},
    ],
    ids=lambda change: next(iter(change)),
)
async def test_a_reading_that_is_logged_otherwise_is_an_alarm(
    tmp_path: Path, log: SearchedLog, change: dict[str, Any]
) -> None:
    """Who read, why, how much and by which rules must stand in the log as it was; else nothing is shown."""
    await _alarmed(tmp_path, log, Door(log, change=change))


def _fewer(answer: UnusualAnswer) -> UnusualAnswer:
    return answer.model_copy(update={"entries": answer.entries[:1]})


def _more(answer: UnusualAnswer) -> UnusualAnswer:
    first = answer.entries[0].model_copy(update={"count": 9})
    return answer.model_copy(update={"entries": (first, *answer.entries[1:])})


def _early(answer: UnusualAnswer) -> UnusualAnswer:
    first = answer.entries[0].model_copy(update={"day": date(2020, 1, 1)})
    return answer.model_copy(update={"entries": (first, *answer.entries[1:])})


def _other_reading(answer: UnusualAnswer) -> UnusualAnswer:
    return answer.model_copy(update={"reading": answer.entries[0].evidence})


@pytest.mark.parametrize("bend", [_fewer, _more, _early, _other_reading])
async def test_a_bent_list_is_an_alarm(tmp_path: Path, log: SearchedLog, bend: Bend) -> None:
    """What is left out of what the log says was read, or said otherwise than it stands there, is not shown."""
    await _alarmed(tmp_path, log, Door(log, bend))


async def _alarmed(tmp_path: Path, log: SearchedLog, door: Door) -> None:
    client, uses = _uses(tmp_path, log, door)
    with pytest.raises(VerificationError) as caught:
        await _read(uses)
    assert caught.value.code is Code.RECEIPT_INVALID
    assert [one.code for one in client.vault.evidence.findings()] == [Code.RECEIPT_INVALID]


async def test_one_entry_of_the_log_is_one_reading(tmp_path: Path, log: SearchedLog) -> None:
    """The proof of an earlier look does not stand for a later one."""
    first: list[UnusualAnswer] = []

    def bend(answer: UnusualAnswer) -> UnusualAnswer:
        first.append(answer)
        return first[0]

    _, uses = _uses(tmp_path, log, Door(log, bend))
    await _read(uses)
    with pytest.raises(VerificationError):
        await _read(uses)


# --- An agency's own ------------------------------------------------------------------------------------------------


async def test_an_officer_counts_its_own_entries_and_no_others(tmp_path: Path, log: SearchedLog) -> None:
    """One employee who opened many hits is named to its own agency; what another agency did counts for nothing."""
    limit = log.covenant.terms.unusual.acts_per_person

    def opened(party: PartyId, person: str, n: int) -> None:
        act = log.act(agency=party, person=person, purpose=PURPOSE, justification="own-case")
        why = e.Words(text="overleg", case_reference="Z-1")
        log.add(e.HitOpened(act=act, subject=e.Subject(hit_id=HitId(UUID(int=n)), words=why)), concerns=POLICE)

    for n in range(limit + 1):
        opened(POLICE, "employee-1", n)
        opened(CARE, "employee-9", n)
    for n in range(limit):
        opened(POLICE, "employee-2", n)
    client = make_client(tmp_path / "p", log.world, POLICE)
    agreed, shelf = agreed_of(log.covenant), client.vault.evidence
    versions = SignedVersions(agreed, signed_nothing)
    searching = Searching(shelf, SearchingDoor(log, POLICE), client.trail, versions, agreed.engine, POLICE, clock)
    inquiry = Inquiry(EventFilters(), "self-monitoring", "officer-00000001", "privacy-officer")
    since = NOW - timedelta(days=1)
    found = await of_own(searching, inquiry, since, log.covenant.terms.unusual, lambda _, __: None)
    assert of_findings(found, POLICE) == [
        Listed(NOW.date(), POLICE, PURPOSE, "one-person-many-subjects", limit + 1, limit, person="employee-1")
    ]
    readings = [one.made.event for one in log.entries if isinstance(one.made.event, e.EventsRead)]
    assert len(readings) == 3


def test_a_budget_near_its_end_is_listed() -> None:
    """As a key-holder said last: above the covenant's share of what the day has, and not at it."""
    bounds = _kit().covenant.terms.unusual
    share, whole = bounds.budget_share, 100

    def known(used: int) -> list[KnownBudget]:
        said = Budget(used=used, left=whole - used, renews_at=NOW + timedelta(hours=2))
        return [KnownBudget(PURPOSE, PartyId("keyholder-1"), said)]

    assert of_budgets(known(share), bounds, NOW.date()) == []
    (near,) = of_findings(of_budgets(known(share + 1), bounds, NOW.date()), POLICE)
    assert (near.reason, near.count, near.limit) == ("budget-near-end", share + 1, share)


# --- Canaries -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Other:
    agency: PartyId


@dataclass(frozen=True)
class _Notice:
    my_signal: SignalId
    at: datetime
    purpose: PurposeId = PURPOSE
    counterpart: _Other | None = None
    asker: PartyId | None = None


@dataclass(frozen=True)
class _Kept:
    notice: _Notice


class _Shelves:
    """A vault with canaries and what was told, as far as the list looks at it."""

    def __init__(self, canaries: list[SignalId], hits: list[_Notice], queried: list[_Notice]) -> None:
        self.canaries = self.hits = self
        self._canaries, self._hits, self._queried = canaries, hits, queried
        self._asked_for_canaries = False

    def all(self) -> list[Any]:
        """Return the canaries first, then the hits, as the list asks."""
        if not self._asked_for_canaries:
            self._asked_for_canaries = True
            return [type("Canary", (), {"id": one}) for one in self._canaries]
        return [_Kept(one) for one in self._hits]

    def queried(self) -> list[_Notice]:
        """Return what was asked."""
        return self._queried


def test_touches_of_canaries_are_counted_by_day_and_agency() -> None:
    """Signals and questions about a canary count together; other signals, older days and unnamed agencies do not."""
    canary, other = SignalId(UUID(int=1)), SignalId(UUID(int=2))
    touch = _Notice(canary, NOW, counterpart=_Other(POLICE))
    vault: Any = _Shelves(
        [canary],
        [touch, replace(touch, my_signal=other), replace(touch, at=NOW - timedelta(days=9)), _Notice(canary, NOW)],
        [_Notice(canary, NOW, asker=POLICE), _Notice(canary, NOW, asker=CARE), _Notice(canary, NOW)],
    )
    rows = in_order(of_canaries(vault, (NOW - timedelta(days=1)).date()))
    assert [(one.agency, one.reason, one.count, one.limit) for one in rows] == [
        (CARE, "canary", 1, 0),
        (POLICE, "canary", 2, 0),
    ]


def test_every_reason_has_plain_words() -> None:
    """What may be listed is said in both languages."""
    assert set(UNUSUAL_SAID) == {*REASONS, "canary"}
    assert all(len(pair) == len(LANGS) and all(pair) for pair in UNUSUAL_SAID.values())
