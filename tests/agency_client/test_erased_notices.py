# SPDX-License-Identifier: EUPL-1.2
"""A notice that was erased before it was read: believed when the log says so, an alarm when it does not."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from agency_client.showing import show_erased
from agency_client.vault.hits import HitState
from agency_client.verified import VerifiedErased
from broker.erasable import MonthStanding
from broker.facts import Recorded
from broker.recording import Erased
from protocol.commitments import without_subject
from protocol.erasure import RETENTION_OVER, kept_until, month_of
from protocol.errors import Code
from protocol.events import EventsErased
from protocol.ids import PartyId
from protocol.messages import ErasedEntry
from protocol.notices import ErasedNotice, HitNotice, Notice, NoticePage
from tests.agency_client.test_bent_notices import ANNA, found, with_hit
from tests.fakes.agency import Client
from tests.fakes.small_world import NOW, AgencyDoor, MemoryBroker, World

POLICE = PartyId("police-oost")
Bend = Callable[[ErasedNotice], ErasedNotice]
Mark = Callable[[MemoryBroker, int], Recorded]


def of_entry(broker: MemoryBroker, place: int) -> Recorded:
    """Return a marker of one entry."""
    return broker.recorder.parts_erased(Erased("court-order", (place,)), None, None, NOW)


def of_another(broker: MemoryBroker, place: int) -> Recorded:
    """Return a marker of the entry before."""
    return broker.recorder.parts_erased(Erased("court-order", (place - 1,)), None, None, NOW)


def of_month(broker: MemoryBroker, place: int, *, early: timedelta = timedelta(), last: int | None = None) -> Recorded:
    """Return a marker of the month, by default from when its retention is over."""
    month = month_of(NOW)
    over = kept_until(month, broker.kit.covenant.log_retention_years) - early
    standing = MonthStanding(month, place + 1, 0, place if last is None else last, 0, 0, 0)
    return broker.recorder.month_erased(RETENTION_OVER, standing, over)


class ErasingDoor(AgencyDoor):
    """Gives every hit notice as an erased one, with a marker that the log has; ``bend`` changes it."""

    def __init__(self, broker: MemoryBroker, mark: Mark, *, whole: bool = False, bend: Bend = lambda one: one) -> None:
        super().__init__(broker, POLICE)
        self.on = True
        self._mark, self._whole, self._bend = mark, whole, bend
        self._marked: dict[int, tuple[int, Any]] = {}

    async def notices(self, after: int, limit: int, wait: float) -> NoticePage:
        """Return a page in which the hits are erased."""
        page = await super().notices(after, limit, wait)
        if not self.on:
            return page
        for notice in self._hits(page.notices):
            place = notice.evidence.index
            if place not in self._marked:
                self._marked[place] = self.broker.log.add(self._mark(self.broker, place).event)
        # The log has grown: all that is given is proven in its newest head.
        page = await super().notices(after, limit, wait)
        return page.model_copy(update={"notices": tuple(self._erased(one) for one in page.notices)})

    @staticmethod
    def _hits(notices: Iterable[Notice]) -> list[HitNotice]:
        return [one for one in notices if isinstance(one, HitNotice)]

    def _erased(self, notice: Notice) -> Notice:
        if not isinstance(notice, HitNotice):
            return notice
        evidence = notice.evidence
        left = evidence.model_copy(update={"opening": without_subject(evidence.opening)})
        leaf = self.broker.log.leaves[evidence.index]
        entry = ErasedEntry(index=evidence.index, leaf=leaf, proof=evidence.proof)
        told = ErasedNotice(
            seq=notice.seq,
            at=notice.at,
            evidence=None if self._whole else left,
            entry=entry if self._whole else None,
            marker=self.broker.log.evidence(*self._marked[evidence.index]),
        )
        return self._bend(told)


async def told(folder: Path, world: World, door: ErasingDoor) -> tuple[Client, list[Code]]:
    """Let police read through this door; return it, and what did not hold."""
    police, _ = await with_hit(folder, world, door)
    news = await police.reading.read()
    return police, [failure.code for failure in news.failures]


async def test_an_erased_notice_keeps_its_number(tmp_path: Path, world: World) -> None:
    """What was erased before it was read takes its number, shows nothing, and the reading goes on behind it."""
    door = ErasingDoor(world.broker, of_entry)
    police, care = await with_hit(tmp_path, world, door)
    (one,) = (await police.reading.read()).verified
    assert isinstance(one, VerifiedErased)
    assert (one.notice.seq, one.marker.ground) == (1, "court-order")
    assert police.vault.hits.last_seq() == 1
    assert police.vault.hits.erased() == [1]
    out = StringIO()
    show_erased(Console(file=out, width=200), police.vault)
    assert "1 notice was erased from the log before being read here" in out.getvalue()
    assert police.vault.hits.all() == []
    assert {kind for _, kind, _ in police.vault.evidence.receipts()} >= {"EventsErased", "NoticeIssued"}
    door.on = False
    care.add(("C-2", ANNA))
    assert await care.send() is None
    await police.reading.read()
    assert [hit.notice.seq for hit in police.vault.hits.all()] == [2]
    assert found(police) == []


async def test_a_notice_of_an_erased_month_keeps_its_number(tmp_path: Path, world: World) -> None:
    """Of a month that is over its retention the leaf and the marker are enough."""
    _, failures = await told(tmp_path, world, ErasingDoor(world.broker, of_month, whole=True))
    assert failures == []


@pytest.mark.parametrize(
    ("mark", "whole"),
    [
        (of_another, False),
        (lambda broker, place: broker.recorder.covenant_activated(NOW), False),
        (lambda broker, place: of_month(broker, place, last=place - 1), True),
        (lambda broker, place: of_month(broker, place, early=timedelta(seconds=1)), True),
        (of_entry, True),
    ],
    ids=["another entry", "no marker", "outside the month", "before retention was over", "record held back"],
)
async def test_a_notice_hidden_as_erased_is_an_alarm(tmp_path: Path, world: World, mark: Mark, whole: bool) -> None:
    """Without an entry of the log that erased just this, a broker that calls a notice erased hides it."""
    police, failures = await told(tmp_path, world, ErasingDoor(world.broker, mark, whole=whole))
    assert failures == [Code.ERASURE_UNPROVEN]
    assert found(police) == [Code.ERASURE_UNPROVEN]


@pytest.mark.parametrize(
    "bend",
    [
        lambda one: one.model_copy(update={"seq": one.seq, "at": one.at + timedelta(seconds=1)}),
        lambda one: one.model_copy(update={"evidence": one.marker}),
        lambda one: one.model_copy(update={"marker": one.marker.model_copy(update={"proof": one.marker.proof[:-1]})}),
    ],
    ids=["another moment", "another entry", "marker not proven"],
)
async def test_another_notice_is_not_the_erased_one(tmp_path: Path, world: World, bend: Bend) -> None:
    """The record that is left must be of this number and this agency, and both entries proven."""
    _, failures = await told(tmp_path, world, ErasingDoor(world.broker, of_entry, bend=bend))
    assert failures in ([Code.RECEIPT_INVALID], [Code.ERASURE_UNPROVEN])


async def test_another_agency_s_number_hides_nothing(tmp_path: Path, world: World) -> None:
    """A record of the same number that told another agency is no proof that ours is erased."""

    def swap(one: ErasedNotice) -> ErasedNotice:
        theirs = world.broker.told[PartyId("care-linde")][0]
        evidence = world.broker.log.evidence(theirs.place, theirs.made)
        return one.model_copy(
            update={"evidence": evidence.model_copy(update={"opening": without_subject(evidence.opening)})}
        )

    def mark_both(broker: MemoryBroker, place: int) -> Recorded:
        theirs = broker.told[PartyId("care-linde")][0].place
        return broker.recorder.parts_erased(Erased("court-order", tuple(sorted((place, theirs)))), None, None, NOW)

    _, failures = await told(tmp_path, world, ErasingDoor(world.broker, mark_both, bend=swap))
    assert failures == [Code.RECEIPT_INVALID]


async def test_a_hit_whose_parts_never_came_may_be_erased(tmp_path: Path, world: World) -> None:
    """A hit that waits for its parts is dropped when it turns out to be erased, and nothing is missed any more."""
    door = ErasingDoor(world.broker, of_entry)
    door.on = False
    police, _ = await with_hit(tmp_path, world, door)
    stored = [one for one in world.broker.signals.values() if one.agency != POLICE]
    rows = world.broker.told[POLICE]
    notice = rows[0].notice
    assert isinstance(notice, HitNotice)
    assert notice.counterpart is not None
    bare = notice.counterpart.model_copy(update={"parts": (), "wraps": ()})
    rows[0] = replace(rows[0], notice=notice.model_copy(update={"counterpart": bare}))
    await police.reading.read()
    assert [hit.state for hit in police.vault.hits.all()] == [HitState.UNDELIVERED]
    door.on = True
    news = await police.reading.read()
    assert news.failures == []
    assert police.vault.hits.all() == []
    assert police.vault.hits.undelivered() == []
    assert stored


def test_a_marker_is_an_event_of_the_list(world: World) -> None:
    """What these tests log is what the broker logs."""
    assert isinstance(of_month(world.broker, 0).event, EventsErased)
