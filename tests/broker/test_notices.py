# SPDX-License-Identifier: EUPL-1.2
"""From two agencies' signals to what each is told: levels, order, proof, withdrawal, expiry, muting, opening."""

import asyncio
import json
from datetime import timedelta
from uuid import UUID

import pytest

from broker.matching import hit_id
from broker.timers import expire
from protocol.errors import InputError, NotFoundError
from protocol.events import HitOpened, KeyMuted, NoticeIssued, SignalWithdrawn
from protocol.ids import PartyId, PurposeId
from protocol.messages import Signal, parse
from protocol.notices import HitNotice, MutedNotice, NoticePage, WithdrawnNotice
from tests.fakes.broker_world import CARE, MUNICIPALITY, POLICE, PROSECUTION, BrokerWorld, broker_world
from tests.fakes.waiting import until_settled

PHONE = {"phone": "+31612345678"}


async def _hit(world: BrokerWorld) -> tuple[Signal, Signal]:
    mine, theirs = world.signal(POLICE, PHONE), world.signal(PROSECUTION, PHONE)
    await world.agency(POLICE).push(mine)
    await world.agency(PROSECUTION).push(theirs)
    return mine, theirs


@pytest.mark.parametrize(("second", "released"), [(PROSECUTION, ["contact", "content"]), (CARE, ["contact"])])
async def test_both_sides_are_told_once_with_proof(database: str, second: PartyId, released: list[str]) -> None:
    """A shared identifier tells both agencies, the earlier one too, with the released contact and a proof."""
    async with broker_world(database) as world:
        mine, theirs = world.signal(POLICE, PHONE), world.signal(second, PHONE)
        await world.agency(POLICE).push(mine)
        await world.agency(second).push(theirs)
        sides = ((POLICE, mine, theirs, ["contact"]), (second, theirs, mine, released))
        for party, own, other, parts in sides:
            page = await world.agency(party).told(1)
            (notice,) = page.notices
            assert isinstance(notice, HitNotice)
            assert (notice.seq, notice.hit_id, notice.my_signal) == (1, hit_id(mine.id, theirs.id), own.id)
            assert (notice.quality, notice.level) == ("hit", parts[-1])
            counterpart = notice.counterpart
            assert counterpart is not None
            assert counterpart.signal_id == other.id
            assert [part.name for part in counterpart.parts] == parts
            assert counterpart.parts == tuple(part for part in other.parts if part.name in parts)
            assert {wrap.part: wrap.wrap for wrap in counterpart.wraps} == {
                name: wrap for name, wrap in other.keys[0].wraps.items() if name in parts
            }
            assert counterpart.signature == other.signature
            assert set(counterpart.part_digests) == {"contact", "content"}
            event = world.prove(notice.evidence, page.checkpoint)
            assert isinstance(event, NoticeIssued)
            assert (event.act.recipient, event.notice_seq, event.level) == (party, 1, parts[-1])
            assert event.subject.hit_id == notice.hit_id
            assert set(event.subject.signal_ids) == {mine.id, theirs.id}


async def test_only_wraps_of_agreeing_keys_are_released(database: str) -> None:
    """Of a counterpart with many keys, only the wraps of the kinds that agreed leave the broker."""
    async with broker_world(database) as world:
        await world.agency(POLICE).push(world.signal(POLICE, {**PHONE, "iban": "a", "email": "b"}))
        theirs = world.signal(PROSECUTION, {**PHONE, "iban": "c", "handle": "d"})
        await world.agency(PROSECUTION).push(theirs)
        notice = (await world.agency(POLICE).told(1)).notices[0]
        assert isinstance(notice, HitNotice)
        assert [one.kind for one in notice.agreed] == ["phone"]
        assert notice.counterpart is not None
        assert {wrap.kind for wrap in notice.counterpart.wraps} == {"phone"}


async def test_a_factor_s_wraps_are_refused_and_none_is_released(database: str) -> None:
    """An address that carries wraps is refused; without them it counts, and only the other key's wraps are released."""
    async with broker_world(database) as world:
        keys = {**PHONE, "address": "1234AB 5"}
        answer = await world.agency(POLICE).push(world.signal(POLICE, keys, factor_wraps=True))
        assert [one.refusal.code for one in answer.results if one.refusal] == ["malformed"]
        await world.agency(POLICE).push(world.signal(POLICE, keys))
        await world.agency(PROSECUTION).push(world.signal(PROSECUTION, keys))
        notice = (await world.agency(POLICE).told(1)).notices[0]
        assert isinstance(notice, HitNotice)
        assert {one.kind for one in notice.agreed} == {"phone", "address"}
        assert notice.counterpart is not None
        assert {wrap.kind for wrap in notice.counterpart.wraps} == {"phone"}
        assert notice.counterpart.parts != ()


async def test_quality_and_level_follow_tiers_and_covenant(database: str) -> None:
    """A strong key is probable and tells care which agency; two medium keys are possible: existence only."""
    async with broker_world(database) as world:
        strong, medium = {"name-dob": "n1"}, {"name-year": "n2", "sound-month-day": "n2"}
        await world.agency(POLICE).push(world.signal(POLICE, strong), world.signal(POLICE, medium))
        await world.agency(CARE).push(world.signal(CARE, strong), world.signal(CARE, medium))
        page = await world.agency(CARE).told(2)
        told = {notice.quality: notice for notice in page.notices if isinstance(notice, HitNotice)}
        assert told["probable"].level == "agency"
        assert told["probable"].counterpart is not None
        assert (told["probable"].counterpart.agency, told["probable"].counterpart.parts) == (POLICE, ())
        assert (told["possible"].level, told["possible"].counterpart) == ("existence", None)


async def test_existence_does_not_tell_the_counterpart_s_signal(database: str) -> None:
    """At level existence the logged event names the receiver's own signal and the hit, at agency both signals."""
    async with broker_world(database) as world:
        strong, medium = {"name-dob": "n1"}, {"name-year": "n2", "sound-month-day": "n2"}
        police = world.signal(POLICE, strong), world.signal(POLICE, medium)
        care = world.signal(CARE, strong), world.signal(CARE, medium)
        await world.agency(POLICE).push(*police)
        await world.agency(CARE).push(*care)
        page = await world.agency(CARE).told(2)
        told = {notice.level: notice for notice in page.notices if isinstance(notice, HitNotice)}
        named = {level: world.prove(one.evidence, page.checkpoint).subject.signal_ids for level, one in told.items()}
        assert named["existence"] == (care[1].id,)
        assert set(named["agency"]) == {police[0].id, care[0].id}


@pytest.mark.parametrize(
    ("mine", "theirs"),
    [
        ([("sound-month-day", "x", "subject")], [("sound-month-day", "x", "subject")]),
        ([("phone", "x", "associate")], [("phone", "x", "associate")]),
        (
            [("one-sound-dob", "x", "subject"), ("address", "y", "associate")],
            [("one-sound-dob", "x", "subject"), ("address", "y", "subject")],
        ),
    ],
    ids=["one medium key", "two associates", "name of one and address of another"],
)
async def test_what_does_not_suffice_is_no_hit(database: str, mine: list, theirs: list) -> None:
    """One medium key, two associates, or keys of different people do not make a hit."""
    async with broker_world(database) as world:
        ours = await world.agency(POLICE).push(world.signal(POLICE, mine))
        answer = await world.agency(PROSECUTION).push(world.signal(PROSECUTION, theirs))
        assert [one.results[0].status for one in (ours, answer)] == ["accepted", "accepted"]
        await world.agency(POLICE).push(world.signal(POLICE, PHONE))
        await world.agency(PROSECUTION).push(world.signal(PROSECUTION, PHONE))
        page = await world.agency(POLICE).told(1)
        assert [one.agreed[0].kind for one in page.notices if isinstance(one, HitNotice)] == ["phone"]


async def test_purposes_and_own_signals_never_match(database: str) -> None:
    """The same tag bytes under another purpose, or twice at one agency, make no hit."""
    async with broker_world(database) as world:
        other = PurposeId("victim-protection")
        victim = world.signal(POLICE, PHONE, purpose=other)
        same_bytes = victim.keys[0].model_copy(update={"tag": world.signal(POLICE, PHONE).keys[0].tag})
        victim = victim.model_copy(update={"keys": (same_bytes,)})
        await world.agency(PROSECUTION).push(world.signal(PROSECUTION, PHONE), world.signal(PROSECUTION, PHONE))
        await world.agency(POLICE).push(victim)
        assert (await world.agency(POLICE).notices(wait=1)).notices == ()
        assert (await world.agency(PROSECUTION).notices()).notices == ()


async def test_known_cases_stay_silent(database: str) -> None:
    """Two cases that were told of each other are not told again when one of them signals once more."""
    async with broker_world(database) as world:
        for _ in range(2):
            await world.agency(POLICE).push(world.signal(POLICE, PHONE, case="A"))
            await world.agency(PROSECUTION).push(world.signal(PROSECUTION, PHONE, case="B"))
        await world.agency(POLICE).push(world.signal(POLICE, {"iban": "z"}, case="C"))
        await world.agency(PROSECUTION).push(world.signal(PROSECUTION, {"iban": "z"}, case="D"))
        page = await world.agency(POLICE).told(2)
        assert [one.agreed[0].kind for one in page.notices if isinstance(one, HitNotice)] == ["phone", "iban"]


async def test_withdrawal_tells_the_other_side_and_erases(database: str) -> None:
    """After a withdrawal the counterpart is told, the first notice no longer carries the parts, and nothing matches."""
    async with broker_world(database) as world:
        mine, _ = await _hit(world)
        police, prosecution = world.agency(POLICE), world.agency(PROSECUTION)
        await prosecution.told(1)
        answer = await police.withdraw(mine.id)
        event = world.prove(answer.evidence, answer.checkpoint)
        assert isinstance(event, SignalWithdrawn)
        assert (event.subject.signal_ids, event.reason) == ((mine.id,), "case-closed")
        again = await police.withdraw(mine.id)
        assert again.evidence is not None
        assert answer.evidence is not None
        assert again.evidence.index == answer.evidence.index
        page = await prosecution.told(2)
        first, second = page.notices
        assert isinstance(first, HitNotice)
        assert first.counterpart is not None
        assert (first.counterpart.parts, first.counterpart.wraps) == ((), ())
        assert isinstance(second, WithdrawnNotice)
        assert (second.hit_id, second.reason) == (first.hit_id, "case-closed")
        world.prove(second.evidence, page.checkpoint)
        await world.agency(CARE).push(world.signal(CARE, PHONE))
        told = await world.agency(CARE).told(1)
        assert [n.counterpart.agency for n in told.notices if isinstance(n, HitNotice) and n.counterpart] == [
            PROSECUTION
        ]
        with pytest.raises(NotFoundError):
            await prosecution.withdraw(mine.id)


def _kinds_of(page: NoticePage) -> list[tuple[str, UUID]]:
    return [(one.type, one.hit_id) for one in page.notices if not isinstance(one, MutedNotice)]


async def test_a_corrected_signal_keeps_its_hit(database: str) -> None:
    """When a signal is withdrawn for the one that corrects it, the new one's hit, silent until then, is told once to
    both sides, and the other side hears that the old one is gone.
    """
    async with broker_world(database) as world:
        police, prosecution = world.agency(POLICE), world.agency(PROSECUTION)
        old, theirs = world.signal(POLICE, PHONE, case="A"), world.signal(PROSECUTION, PHONE, case="B")
        await police.push(old)
        await prosecution.push(theirs)
        await police.told(1)
        new = world.signal(POLICE, PHONE, case="A").model_copy(update={"supersedes": old.id})
        await police.push(new)
        await until_settled(database)
        assert len((await police.notices()).notices) == 1
        await police.withdraw(old.id, "corrected")
        first, second = hit_id(old.id, theirs.id), hit_id(new.id, theirs.id)
        page = await police.told(2)
        assert _kinds_of(page) == [("hit", first), ("hit", second)]
        event = world.prove(page.notices[1].evidence, page.checkpoint)
        assert isinstance(event, NoticeIssued)
        assert _kinds_of(await prosecution.told(3)) == [("hit", first), ("withdrawn", first), ("hit", second)]
        # And again: the correction of a correction, of the other side.
        newer = world.signal(PROSECUTION, PHONE, case="B")
        await prosecution.push(newer)
        await prosecution.withdraw(theirs.id, "corrected")
        third = hit_id(new.id, newer.id)
        *gone, last = _kinds_of(await police.told(5))[2:]
        assert (sorted(gone), last) == (sorted([("withdrawn", first), ("withdrawn", second)]), ("hit", third))
        assert _kinds_of(await prosecution.told(4))[3:] == [("hit", third)]


async def test_cases_that_part_may_meet_again(database: str) -> None:
    """After a withdrawal, a new signal of the same case is told like the first."""
    async with broker_world(database) as world:
        police, prosecution = world.agency(POLICE), world.agency(PROSECUTION)
        await prosecution.push(world.signal(PROSECUTION, PHONE, case="B"))
        for count in (1, 2):
            mine = world.signal(POLICE, PHONE, case="A")
            await police.push(mine)
            assert [kind for kind, _ in _kinds_of(await police.told(count))] == ["hit"] * count
            await police.withdraw(mine.id)
        page = await prosecution.told(4)
        assert [kind for kind, _ in _kinds_of(page)] == ["hit", "withdrawn", "hit", "withdrawn"]


async def test_what_outlives_an_expired_pair_is_told(database: str) -> None:
    """When both signals of a told hit expire at once, the hit of the same cases' other signals is told to both."""
    async with broker_world(database) as world:
        short = [world.signal(party, {"phone": "1"}, case="X", days=2) for party in (POLICE, PROSECUTION)]
        long = [world.signal(party, {"iban": "2"}, case="X") for party in (POLICE, PROSECUTION)]
        for signals in (short, long):
            for party, signal in zip((POLICE, PROSECUTION), signals, strict=True):
                await world.agency(party).push(signal)
            await until_settled(database)
        assert len((await world.agency(POLICE).told(1)).notices) == 1
        later = lambda: world.clock() + timedelta(days=3)  # noqa: E731 - a moved clock
        async with world.running(later) as moved:
            assert await expire(moved.broker) == 2
        told = hit_id(long[0].id, long[1].id)
        for party in (POLICE, PROSECUTION):
            assert ("hit", told) in _kinds_of(await world.agency(party).told(3))


async def test_corrections_at_the_same_moment_lose_no_hit(database: str) -> None:
    """While one side corrects, at two brokers and without waiting, every hit of live signals ends up told once."""
    async with broker_world(database, brokers=2) as world:
        police = world.agency(POLICE)
        theirs = [world.signal(PROSECUTION, {"phone": f"{n}"}, case=f"{n}") for n in range(10)]
        await world.agency(PROSECUTION).push(*theirs)

        async def correct(n: int) -> Signal:
            old, new = (world.signal(POLICE, {"phone": f"{n}"}, case=f"{n}") for _ in range(2))
            await police.push(old)
            await asyncio.gather(police.push(new), police.withdraw(old.id, "corrected"))
            return new

        new = await asyncio.gather(*(correct(n) for n in range(10)))
        await until_settled(database)
        wanted = {hit_id(mine.id, their.id) for mine, their in zip(new, theirs, strict=True)}
        for party in (POLICE, PROSECUTION):
            told = [hit for kind, hit in _kinds_of(await world.agency(party).notices(limit=500)) if kind == "hit"]
            assert wanted <= set(told)
            assert len(told) == len(set(told))


async def test_expiry_erases_and_tells(database: str) -> None:
    """When its time is over a signal goes by itself, and the other side is told why."""
    async with broker_world(database) as world:
        mine = world.signal(POLICE, PHONE, days=2)
        await world.agency(POLICE).push(mine)
        await world.agency(PROSECUTION).push(world.signal(PROSECUTION, PHONE))
        await world.agency(PROSECUTION).told(1)
        later = lambda: world.clock() + timedelta(days=3)  # noqa: E731 - a moved clock
        async with world.running(later) as moved:
            assert await expire(moved.broker) == 1
            assert await expire(moved.broker) == 0
        page = await world.agency(PROSECUTION).told(2)
        assert isinstance(page.notices[1], WithdrawnNotice)
        assert page.notices[1].reason == "expired"
        with pytest.raises(NotFoundError):
            await world.agency(POLICE).withdraw(mine.id)


async def test_a_key_on_too_many_cases_is_muted(database: str) -> None:
    """A key on more cases of one agency than the covenant allows matches nobody, and that agency is told."""
    async with broker_world(database) as world:
        limit = world.kit.covenant.common_key_limit
        many = [world.signal(MUNICIPALITY, PHONE) for _ in range(limit + 1)]
        await world.agency(MUNICIPALITY).push(*many)
        page = await world.agency(MUNICIPALITY).told(1)
        (notice,) = page.notices
        assert isinstance(notice, MutedNotice)
        assert (notice.kind, notice.signals) == ("phone", limit + 1)
        assert notice.example in {signal.id for signal in many}
        event = world.prove(notice.evidence, page.checkpoint)
        assert isinstance(event, KeyMuted)
        assert (event.act.recipient, event.notice_seq) == (MUNICIPALITY, 1)
        await world.agency(POLICE).push(world.signal(POLICE, PHONE))
        assert (await world.agency(POLICE).notices(wait=1)).notices == ()
        await world.agency(MUNICIPALITY).push(world.signal(MUNICIPALITY, PHONE))
        assert len((await world.agency(MUNICIPALITY).notices(1, wait=1)).notices) == 0


async def test_opening_is_logged_first(database: str) -> None:
    """Opening a hit proves who looked and why; without a reason or a person it is refused; strangers find nothing."""
    async with broker_world(database) as world:
        mine, theirs = await _hit(world)
        await world.agency(POLICE).told(1)
        hit = hit_id(mine.id, theirs.id)
        answer = await world.agency(POLICE).open(hit, key="opening-0001")
        event = world.prove(answer.evidence, answer.checkpoint)
        assert isinstance(event, HitOpened)
        assert (event.act.agency, event.act.person, event.subject.hit_id) == (POLICE, "medewerker-17", hit)
        again = await world.agency(POLICE).open(hit, key="opening-0001")
        assert again.evidence == answer.evidence or (
            again.evidence and answer.evidence and again.evidence.index == answer.evidence.index
        )
        with pytest.raises(NotFoundError):
            await world.agency(CARE).open(hit)
        with pytest.raises(InputError):
            await world.agency(POLICE).open(hit, person=None)
        with pytest.raises(InputError):
            await world.agency(POLICE).client.request("POST", f"/v1/hits/{hit}/opening", body=b'{"justification":{}}')


async def test_pages_have_limits_and_go_on(database: str) -> None:
    """Pages of one notice each give all of them, in order, without a gap or repeat."""
    async with broker_world(database) as world:
        keys = [{"phone": str(n)} for n in range(5)]
        await world.agency(POLICE).push(*(world.signal(POLICE, one) for one in keys))
        await world.agency(PROSECUTION).push(*(world.signal(PROSECUTION, one) for one in keys))
        police = world.agency(POLICE)
        await police.told(5)
        seen = [(await police.notices(after, limit=1)).notices[0].seq for after in range(5)]
        assert seen == [1, 2, 3, 4, 5]
        assert (await police.notices(5)).notices == ()


async def test_a_long_poll_ends_when_something_is_told(database: str) -> None:
    """A poll that waits for what is not there yet returns with it as soon as it is proven."""
    async with broker_world(database) as world:
        waiting = asyncio.create_task(world.agency(POLICE).notices(wait=20))
        await asyncio.sleep(0.1)
        await _hit(world)
        assert len((await waiting).notices) == 1


async def test_a_stream_resumes_behind_the_last_event(database: str) -> None:
    """The event stream gives pages with their last number as id, and goes on behind the number a client names."""
    async with broker_world(database) as world:
        await _hit(world)
        page, last = await _first_event(world, {})
        assert (last, len(page.notices)) == (1, 1)
        world.prove(page.notices[0].evidence, page.checkpoint)
        waiting = asyncio.create_task(_first_event(world, {"Last-Event-ID": "1"}))
        await asyncio.sleep(0.1)
        await world.agency(CARE).push(world.signal(CARE, PHONE))
        page, last = await waiting
        assert (last, [notice.seq for notice in page.notices]) == (2, [2])


async def _first_event(world: BrokerWorld, headers: dict[str, str]) -> tuple[NoticePage, int]:
    last = 0
    async with world.agency(POLICE).client.stream("/v1/notices/stream", headers=headers, read_seconds=20) as lines:
        async for line in lines:
            if line.startswith("id: "):
                last = int(line[4:])
            if line.startswith("data: "):
                assert json.loads(line[6:])
                return parse(NoticePage, line[6:].encode()), last
    raise AssertionError("the stream ended")
