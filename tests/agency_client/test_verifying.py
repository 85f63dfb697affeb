# SPDX-License-Identifier: EUPL-1.2
"""Verifying the log as an agency: from zero and onward, receipts and times, and what its own entries turn out to be."""

from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest

from agency_client.checking import Checking
from agency_client.own_entries import OwnEntries, open_own
from agency_client.searching import Inquiry, Searching
from agency_client.signed_versions import SignedVersions
from agency_client.trail import prove
from protocol import events as e
from protocol.backdating import MAX_LAG, Seen
from protocol.errors import Code, VerificationError
from protocol.event_search import EventFilters
from protocol.ids import HitId, PartyId, PurposeId
from tests.fakes.agency import Client, clock, make_client, signed_nothing
from tests.fakes.covenants import make_covenant
from tests.fakes.searched_log import SearchedLog, SearchingDoor
from tests.fakes.small_world import NOW, AgencyDoor, World, agreed_of, make_world

POLICE, CARE = PartyId("police-oost"), PartyId("care-linde")
PURPOSE = PurposeId("offender-prevention")
KIT = make_covenant(now=NOW)
INQUIRY = Inquiry(EventFilters(), "self-monitoring", "officer-00000001", "privacy-officer")


class Counts(AgencyDoor):
    """Counts the bundles of entries that are asked for."""

    def __init__(self, world: World) -> None:
        super().__init__(world.broker, POLICE)
        self.paths: list[str] = []

    async def log_file(self, path: str) -> bytes:
        """Note and answer."""
        self.paths.append(path)
        return await super().log_file(path)

    @property
    def bundles(self) -> list[str]:
        """The bundles, in the order in which they were asked."""
        return [path for path in self.paths if path.startswith("tile/entries/")]


@pytest.fixture
def log() -> SearchedLog:
    """Return a log with 300 entries of others."""
    log = SearchedLog(make_world(KIT))
    fill(log, 300)
    return log


def fill(log: SearchedLog, count: int) -> None:
    """Let others act so often."""
    for n in range(count):
        log.add(e.SignalWithdrawn(act=log.act(agency=CARE, purpose=PURPOSE), reason=f"r{n}"))


def opened(log: SearchedLog, hit: int = 1, **facts: object) -> int:
    """Let the police open a hit, and return the entry's place."""
    subject = e.Subject(hit_id=HitId(UUID(int=hit)), words=e.Words(text="overleg", case_reference="Z-1"))
    act = log.act(agency=POLICE, person="p-1", purpose=PURPOSE, justification="own-case", **facts)
    return log.add(e.HitOpened(act=act, subject=subject)).index


def receive(client: Client, log: SearchedLog, place: int) -> None:
    """Let the client keep the receipt of an entry."""
    entry = next(one for one in log.entries if one.index == place)
    keys = client.trail._keys  # the keys that the client opens checkpoints with
    cosigned = keys.open(log.world.broker.log.checkpoint())
    client.vault.evidence.put_receipt(prove(log.evidence(entry), cosigned).receipt("test"))


async def test_onward_reads_only_what_is_new(tmp_path: Path, log: SearchedLog) -> None:
    """The second run begins at the bundle that was last seen, and counts the receipts from there on."""
    door = Counts(log.world)
    client = make_client(tmp_path / "p", log.world, broker=door)
    receive(client, log, opened(log))
    first = await client.checking.run(lambda _, __: None, onward=True)
    assert (first.read_from, first.receipts, len(door.bundles)) == (0, 1, 2)
    fill(log, 400)
    receive(client, log, opened(log, 2))
    del door.paths[:]
    second = await client.checking.run(lambda _, __: None, onward=True)
    assert (second.read_from, second.receipts) == (256, 2)
    assert door.bundles[0] != "tile/entries/000"
    assert set(door.bundles) == {"tile/entries/001.p/45", "tile/entries/001", "tile/entries/002.p/190"}
    del door.paths[:]
    third = await client.checking.run(lambda _, __: None, onward=True)
    assert (third.head.checkpoint.size, door.bundles) == (702, [])
    assert (await client.checking.run(lambda _, __: None)).receipts == 2


async def test_onward_finds_entries_that_were_changed_meanwhile(tmp_path: Path, log: SearchedLog) -> None:
    """When what was seen is served otherwise, the log is read from zero, and it is said to be altered."""
    client = make_client(tmp_path / "p", log.world)
    await client.checking.run(lambda _, __: None)
    fill(log, 10)
    log.world.broker.log.leaves[299] = log.world.broker.log.leaves[298]
    with pytest.raises(VerificationError) as caught:
        await client.checking.run(lambda _, __: None, onward=True)
    assert caught.value.code is Code.LOG_ALTERED


async def test_an_event_that_vanished_is_missing(tmp_path: Path, log: SearchedLog) -> None:
    """A log that ends before what was proven to us is incomplete."""
    client = make_client(tmp_path / "p", log.world)
    place = opened(log)
    receive(client, log, place)
    fresh = make_client(tmp_path / "fresh", log.world)
    leaves = log.world.broker.log.leaves[:place]
    log.world.broker.log.__init__(log.world.kit)  # type: ignore[misc]
    for leaf in leaves:
        log.world.broker.log.add_leaf(leaf)
    with pytest.raises(VerificationError) as caught:
        await Checking(client.vault.evidence, fresh.trail).run(lambda _, __: None)
    assert caught.value.code is Code.LOG_INCOMPLETE
    assert f"Entry {place}" in caught.value.detail


async def test_a_receipt_that_is_dated_back_is_found(tmp_path: Path, log: SearchedLog) -> None:
    """What was logged after a verification cannot be older than it: the witnesses' time of then says so."""
    client = make_client(tmp_path / "p", log.world)
    await client.checking.run(lambda _, __: None)
    receive(client, log, opened(log, time=NOW - MAX_LAG))
    await client.checking.run(lambda _, __: None)
    receive(client, log, opened(log, 2, time=NOW - MAX_LAG - timedelta(milliseconds=1)))
    with pytest.raises(VerificationError) as caught:
        await client.checking.run(lambda _, __: None, onward=True)
    assert caught.value.code is Code.LOG_BACKDATED


def reader(folder: Path, log: SearchedLog) -> Searching:
    """Return the police's way to read the log."""
    client = make_client(folder / "p", log.world, POLICE)
    agreed = agreed_of(log.covenant)
    versions = SignedVersions(agreed, signed_nothing)
    door = SearchingDoor(log, POLICE)
    return Searching(client.vault.evidence, door, client.trail, versions, agreed.engine, POLICE, clock)


async def open_all(searching: Searching, after: int | None = None, views: tuple[Seen, ...] = ()) -> OwnEntries:
    """Open all own entries."""
    known = searching._shelf.has_receipt  # of the vault that it keeps its own readings in
    return await open_own(searching, known, INQUIRY, after, views, lambda _, __: None)


async def test_each_own_entry_is_told_apart(tmp_path: Path, log: SearchedLog) -> None:
    """Fine, erased with the entry that tells of it, or without whom it was about; pages make no difference."""
    for n in range(230):
        opened(log, n + 1)
    marker = log.erase(301).index
    look = log.act(agency=CARE, person="p-9", purpose=PURPOSE, justification="own-case")
    words = e.Words(text="overleg", case_reference="Z-1")
    log.add(e.HitOpened(act=look, subject=e.Subject(words=words)), concerns=POLICE)
    found = await open_all(reader(tmp_path, log))
    assert found.erased == ((301, marker),)
    assert (found.left_out, found.unsigned) == (1, ())
    # 229 own openings, the one of the other side, and this reading's own first page.
    assert found.fine == 231
    assert (await open_all(reader(tmp_path, log), after=528)).erased == ()


async def test_an_own_entry_that_is_withheld_is_found(tmp_path: Path, log: SearchedLog) -> None:
    """What was proven to us and is left out of the answer is an alarm that names it."""
    place = opened(log)

    searching = reader(tmp_path, log)
    receive(make_client(tmp_path / "p", log.world, POLICE), log, place)
    log.entries = [one for one in log.entries if one.index != place]
    with pytest.raises(VerificationError) as caught:
        await open_all(searching)
    assert (caught.value.code, f"Entry {place}" in caught.value.detail) == (Code.ENTRY_WITHHELD, True)


async def test_an_act_that_nobody_here_did_is_listed(tmp_path: Path, log: SearchedLog) -> None:
    """An entry in our name without a receipt of ours is named; one that we have the receipt of is not."""
    mine, other = opened(log), opened(log, 2)
    searching = reader(tmp_path, log)
    receive(make_client(tmp_path / "p", log.world, POLICE), log, mine)
    assert (await open_all(searching)).unreceipted == (other,)
    # The reading itself has its receipt, so the next one lists no more.
    assert (await open_all(searching)).unreceipted == (other,)


async def test_own_entries_are_held_against_what_witnesses_saw(tmp_path: Path, log: SearchedLog) -> None:
    """An entry behind a view of the log that is hours older than that view is an alarm; an honest one is none."""
    seen = Seen(len(log.world.broker.log.leaves), NOW)
    opened(log)
    await open_all(reader(tmp_path, log), views=(seen,))
    opened(log, 2, time=NOW - timedelta(hours=2))
    with pytest.raises(VerificationError) as caught:
        await open_all(reader(tmp_path, log), views=(seen,))
    assert caught.value.code is Code.LOG_BACKDATED
