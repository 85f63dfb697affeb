# SPDX-License-Identifier: EUPL-1.2
"""Reading the log at the broker: by right and reason only, each reading logged, nothing that is another's to see."""

from datetime import timedelta
from typing import Any

import pytest

from broker.matching import hit_id
from edge.transport import SignedClient
from protocol.commitments import open_entry
from protocol.covenant_parts import AgencyKind
from protocol.erasure import prove_part
from protocol.errors import Code, InputError, RefusedError
from protocol.event_search import EventFilters, EventPage, EventSearch
from protocol.events import EVENTS, EventsRead, HitOpened, RequestRefused, SignalRegistered
from protocol.ids import PartyId, PurposeId
from protocol.merkle import leaf_hash, verify_inclusion
from protocol.messages import parse, utc
from protocol.policy import PersonRole
from tests.broker.test_erasing import erase
from tests.fakes.broker_world import CARE, POLICE, PROSECUTION, PURPOSE, BrokerWorld, broker_world
from tests.fakes.data_keys import openings_of

SUPERVISOR, OTHER = PartyId("supervisor-oost"), PartyId("supervisor-west")
ALSO: tuple[tuple[str, AgencyKind, str], ...] = (
    (SUPERVISOR, "supervisor", "Toezichthouder Oost"),
    (OTHER, "supervisor", "Toezichthouder West"),
)
OFFICER = "functionaris-3"
PHONE = {"phone": "1"}


async def read(
    world: BrokerWorld,
    party: PartyId,
    *,
    role: PersonRole | None = None,
    log_purpose: str = "self-monitoring",
    after: int | None = None,
    limit: int = 100,
    reader: str | None = OFFICER,
    **filters: Any,
) -> EventPage:
    """Read a page of the log as the privacy officer of a party, or as its supervisor."""
    chosen = role or ("supervisor" if party in (SUPERVISOR, OTHER) else "privacy-officer")
    search = EventSearch(
        log_purpose=log_purpose,  # type: ignore[arg-type]  # a word of the test
        filters=EventFilters(**filters),
        after=after,
        limit=limit,
    )
    client: SignedClient = world.agency(party).client
    named = {"Sluis-Person": reader, "Sluis-Role": chosen}
    headers = {name: value for name, value in named.items() if value is not None}
    answer = await client.request("POST", "/v1/events/search", body=search.to_json(), headers=headers)
    return parse(EventPage, answer.body)


def kinds(page: EventPage) -> list[str]:
    """Return what kinds of entry a page has."""
    return [type(open_entry(entry.opening).event).__name__ for entry in page.entries]


async def _hit(world: BrokerWorld) -> None:
    """Police and prosecution find each other, and police look."""
    mine, theirs = world.signal(POLICE, PHONE), world.signal(PROSECUTION, PHONE)
    await world.agency(POLICE).push(mine)
    await world.agency(PROSECUTION).push(theirs)
    await world.agency(POLICE).told(1)
    await world.agency(PROSECUTION).told(1)
    await world.agency(POLICE).open(hit_id(mine.id, theirs.id), key="opening-0001")


async def test_an_agency_reads_what_it_did_what_it_was_told_and_who_opened_its_hit(database: str) -> None:
    """Own acts and notices come whole; the other side's opening as a record without words; a match not at all."""
    async with broker_world(database) as world:
        await _hit(world)
        police, prosecution = await read(world, POLICE), await read(world, PROSECUTION)
        for page in (police, prosecution):
            for entry in page.entries:
                opened = open_entry(entry.opening)
                head = world.open(page.checkpoint).checkpoint
                verify_inclusion(leaf_hash(opened.leaf), entry.index, head.size, entry.proof, head.root)
    assert kinds(police) == ["SignalRegistered", "NoticeIssued", "HitOpened"]
    assert kinds(prosecution) == ["SignalRegistered", "NoticeIssued", "HitOpened"]
    assert all(entry.opening.subject is not None for entry in police.entries)
    assert [entry.opening.subject is None for entry in prosecution.entries] == [False, False, True]
    assert prosecution.entries[-1].opening.record["agency"] == POLICE
    assert "overleg" not in prosecution.entries[-1].opening.to_json().decode()


async def test_every_reading_stands_in_the_log_before_it_is_answered(database: str) -> None:
    """Scopes, purposes, reason, number and permits are logged with the person, and proven with the answer."""
    async with broker_world(database) as world:
        await world.agency(POLICE).push(world.signal(POLICE, PHONE))
        page = await read(world, POLICE)
        event = world.prove(page.reading, page.checkpoint)
    assert isinstance(event, EventsRead)
    assert (event.act.agency, event.act.person, event.act.decision) == (POLICE, OFFICER, "allow")
    assert (event.log_purpose, event.entries, event.scopes) == ("self-monitoring", 1, ("own", "counterpart"))
    assert PURPOSE in event.purposes
    assert f"{PURPOSE}.read-events.officer" in event.act.policy_ids
    assert page.reading.index >= page.through


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"log_purpose": "none"}, "guard.log-purpose-missing"),
        ({"role": "coordinator"}, "default-deny"),
        ({"role": "supervisor"}, "default-deny"),
        ({"purpose": PurposeId("probation-advice")}, "default-deny"),
        ({"purpose": PurposeId("no-such-purpose")}, "unknown-entity"),
    ],
)
async def test_who_may_not_read_is_refused_and_that_is_logged(database: str, change: dict[str, Any], rule: str) -> None:
    """Without one of the four reasons, or in another role, nothing is read; the log says who tried (law.md L-5)."""
    async with broker_world(database) as world:
        with pytest.raises(RefusedError) as caught:
            await read(world, POLICE, **change)
    assert (caught.value.code, caught.value.rule) == (Code.POLICY_REFUSED, rule)
    last = openings_of(database)[-1].record
    assert (EVENTS[last["event"]], last["agency"], last["person"]) == (RequestRefused, POLICE, OFFICER)
    assert not any(one.record["event"] == EventsRead.TAG for one in openings_of(database))


async def test_a_request_that_cannot_be_read_is_refused_and_logged(database: str) -> None:
    """Also who sends no search at all is known as one who tried."""
    async with broker_world(database) as world:
        headers = {"Sluis-Person": OFFICER, "Sluis-Role": "privacy-officer"}
        with pytest.raises(InputError):
            await world.agency(POLICE).client.request("POST", "/v1/events/search", body=b"{", headers=headers)
    assert openings_of(database)[-1].record["code"] == "malformed"


async def test_filters_find_what_fits_and_nothing_else(database: str) -> None:
    """Operation, kind, purpose, person, agency, decision, hit, signal, place and period, each alone."""
    async with broker_world(database) as world:
        mine, theirs = world.signal(POLICE, PHONE), world.signal(PROSECUTION, PHONE)
        await world.agency(POLICE).push(mine)
        await world.agency(PROSECUTION).push(theirs)
        await world.agency(POLICE).told(1)
        await world.agency(PROSECUTION).told(1)
        hit = hit_id(mine.id, theirs.id)
        await world.agency(POLICE).open(hit, key="opening-0001")
        await world.agency(POLICE).push(world.signal(POLICE, PHONE, epoch=world.epoch + 9))  # type: ignore[arg-type]
        now = utc(world.clock())
        asked: dict[str, dict[str, Any]] = {
            "operation": {"operation": "disclosure"},
            "kind": {"event": SignalRegistered.TAG},
            "purpose": {"purpose": PURPOSE, "operation": "collection"},
            "other purpose": {"purpose": PurposeId("victim-protection")},
            "person": {"person": "medewerker-17", "operation": "consultation"},
            "nobody": {"person": "medewerker-99"},
            "agency": {"agency": PROSECUTION},
            "decision": {"decision": "deny"},
            "hit": {"hit": hit},
            "signal": {"signal": mine.id},
            "place": {"index": (await read(world, POLICE, hit=hit)).entries[0].index},
            "later": {"since": now + timedelta(minutes=5)},
            "before": {"until": now - timedelta(days=1)},
            "today": {"since": now - timedelta(hours=1), "until": now + timedelta(hours=1), "event": 3},
        }
        found = {name: kinds(await read(world, POLICE, **filters)) for name, filters in asked.items()}
        theirs_of_hit = kinds(await read(world, PROSECUTION, hit=hit))
    assert found == {
        "operation": ["NoticeIssued"],
        "kind": ["SignalRegistered"],
        "purpose": ["SignalRegistered", "SignalRefused"],
        "other purpose": [],
        "person": ["HitOpened"],
        "nobody": [],
        "agency": [],
        "decision": ["SignalRefused"],
        "hit": ["NoticeIssued", "HitOpened"],
        "signal": ["SignalRegistered", "NoticeIssued", "HitOpened"],
        "place": ["NoticeIssued"],
        "later": [],
        "before": [],
        "today": ["SignalRegistered"],
    }
    # It may know that its hit was opened, but not by asking for what it is not given.
    assert theirs_of_hit == ["NoticeIssued"]


async def test_pages_follow_each_other_without_gap_or_repetition(database: str) -> None:
    """Page by page all entries come, each once, in the log's order; only then there is no next."""
    async with broker_world(database) as world:
        await world.agency(POLICE).push(*(world.signal(POLICE, {"phone": str(one)}) for one in range(7)))
        whole = await read(world, POLICE, event=SignalRegistered.TAG)
        places, after = [], None
        for _ in range(4):
            page = await read(world, POLICE, event=SignalRegistered.TAG, after=after, limit=2)
            places += [entry.index for entry in page.entries]
            after = page.next
        exact = await read(world, POLICE, event=SignalRegistered.TAG, limit=7)
    assert after is None
    assert places == [entry.index for entry in whole.entries]
    assert len(places) == 7
    assert exact.next is None


async def test_a_supervisor_reads_everybodys_entries_whole(database: str) -> None:
    """By mandate the match is there too, also by the name of one of its agencies."""
    async with broker_world(database, also=ALSO) as world:
        await _hit(world)
        page = await read(world, SUPERVISOR, log_purpose="lawfulness-check")
        named = await read(world, SUPERVISOR, log_purpose="lawfulness-check", agency=PROSECUTION)
        event = world.prove(page.reading, page.checkpoint)
    assert {"SignalsMatched", "HitOpened", "CovenantActivated"} <= set(kinds(page))
    assert all(entry.opening.subject is not None for entry in page.entries)
    assert kinds(named) == ["SignalRegistered", "SignalsMatched", "NoticeIssued"]
    assert isinstance(event, EventsRead)
    assert event.scopes == ("own", "counterpart", "others")


async def test_entries_without_a_purpose_need_every_purpose(database: str) -> None:
    """For a criminal case the victims' purpose is closed, and with it what may be of any purpose."""
    async with broker_world(database, also=ALSO) as world:
        with pytest.raises(RefusedError):
            await read(world, POLICE, role="coordinator")
        await world.agency(POLICE).push(world.signal(POLICE, PHONE))
        own = kinds(await read(world, POLICE))
        case = kinds(await read(world, POLICE, log_purpose="criminal-proceedings"))
        all_of = kinds(await read(world, SUPERVISOR, log_purpose="integrity-security"))
        of_case = kinds(await read(world, SUPERVISOR, log_purpose="criminal-proceedings"))
    assert own == ["RequestRefused", "SignalRegistered"]
    assert case == ["SignalRegistered"]
    assert "CovenantActivated" in all_of
    assert "CovenantActivated" not in of_case


async def test_an_erased_part_comes_with_the_marker_that_is_the_readers(database: str) -> None:
    """Each side gets its entries by their hash, with the marker of its own, and nobody the words of the reason."""
    async with broker_world(database) as world:
        mine, theirs = world.signal(POLICE, PHONE), world.signal(PROSECUTION, PHONE)
        await world.agency(POLICE).push(mine)
        await world.agency(PROSECUTION).push(theirs)
        await world.agency(PROSECUTION).told(1)
        await erase(world, POLICE, mine.id)
        police = await read(world, POLICE, event=SignalRegistered.TAG)
        prosecution = await read(world, PROSECUTION, operation="disclosure")
        found = await read(world, PROSECUTION, operation="erasure")
        for page in (police, prosecution):
            (marker,) = page.markers
            head = world.open(page.checkpoint)
            assert marker.opening.subject is None
            assert prove_part(page.entries[0], marker, head).marker.ground == "wrong-person"
        assert prosecution.markers[0].opening.record["recipient"] == PROSECUTION
        assert [one.index for one in found.entries] == [prosecution.markers[0].index]
        gone = await read(world, POLICE, signal=mine.id)
    assert gone.entries == ()


async def _canary(world: BrokerWorld) -> None:
    """Plant a canary under care's name; police signal and look, and prosecution asks, about the same."""
    planted = world.signal(CARE, PHONE, signed_by=CARE).model_copy(update={"cover": CARE})
    answer = await world.agency(SUPERVISOR).push(planted)
    assert answer.results[0].status == "accepted", answer.results[0]
    mine = world.signal(POLICE, PHONE)
    await world.agency(POLICE).push(mine)
    await world.agency(POLICE).told(1)
    await world.agency(SUPERVISOR).told(1)
    await world.agency(POLICE).open(hit_id(planted.id, mine.id), key="opening-0001")
    await world.agency(PROSECUTION).ask(PHONE)


async def test_a_canary_is_its_planters_secret_in_the_log_too(database: str) -> None:
    """Its cover sees nothing of it, who touches it sees an ordinary hit, another supervisor no planting."""
    async with broker_world(database, also=ALSO) as world:
        await _canary(world)
        cover, toucher = await read(world, CARE), await read(world, POLICE)
        asker = await read(world, PROSECUTION)
        planter = await read(world, SUPERVISOR, log_purpose="lawfulness-check")
        other = await read(world, OTHER, log_purpose="lawfulness-check")
    assert kinds(cover) == []
    assert kinds(toucher) == ["SignalRegistered", "NoticeIssued", "HitOpened", "NoticeIssued"]
    assert kinds(asker) == ["QueryAnswered"]
    assert not any("supervisor" in entry.opening.to_json().decode() for entry in (*toucher.entries, *asker.entries))
    assert kinds(planter).count("SignalRegistered") == 2
    shown = [entry.opening.record for entry in other.entries]
    assert not any("cover" in one.get("asked", {}) for one in shown)
    told = [one for one in shown if one["event"] == 8]
    assert [one["recipient"] for one in told] == [POLICE, POLICE]
    assert any(one["event"] == HitOpened.TAG for one in shown)


async def test_an_ordinary_hit_and_a_canarys_look_the_same_to_who_reads(database: str) -> None:
    """Whoever touches a canary reads as many entries of the same kinds and words as of a signal of the cover's."""
    seen: list[list[dict[str, Any]]] = []
    async with broker_world(database, also=ALSO) as world:
        for phone, planted in (("1", True), ("2", False)):
            keys = {"phone": phone}
            signal = world.signal(CARE, keys, signed_by=CARE)
            pushed = signal.model_copy(update={"cover": CARE}) if planted else signal
            await world.agency(SUPERVISOR if planted else CARE).push(pushed)
            mine = world.signal(POLICE, keys)
            await world.agency(POLICE).push(mine)
            await world.agency(POLICE).told(1 + len(seen))
            await world.agency(POLICE).open(hit_id(signal.id, mine.id), key=f"opening-{phone:>04}")
            page = await read(world, POLICE, signal=mine.id)
            seen.append([_comparable(one.opening.record) for one in page.entries])
    assert [one["event"] for one in seen[0]] == [3, 8, 9]
    assert seen[0] == seen[1]


def _comparable(record: dict[str, Any]) -> dict[str, Any]:
    return {name: one for name, one in record.items() if name not in _OF_THE_MOMENT}


_OF_THE_MOMENT = {"time", "requestDigest", "noticeSeq", "traceId", "spanId"}
