# SPDX-License-Identifier: EUPL-1.2
"""Whatever a log's operator does to events, with its own key and willing witnesses: each lie has its own alarm."""

from pathlib import Path

import pytest

from agency_client.own_entries import open_own
from agency_client.searching import Inquiry, Searching
from agency_client.signed_versions import SignedVersions
from agency_client.trail import LogKeys, prove
from protocol.errors import Code, VerificationError
from protocol.event_search import EventFilters
from tests.fakes.agency import Client, clock, make_client, signed_nothing
from tests.fakes.covenants import make_covenant
from tests.fakes.dishonest_log import LIES, OWN, POLICE, Lie, looked, others
from tests.fakes.searched_log import SearchedLog, SearchingDoor
from tests.fakes.small_world import NOW, agreed_of, make_world

KIT = make_covenant(now=NOW)
INQUIRY = Inquiry(EventFilters(), "self-monitoring", "officer-00000001", "privacy-officer")


@pytest.fixture
def log() -> SearchedLog:
    """Return an honest log of some acts."""
    log = SearchedLog(make_world(KIT))
    others(log, OWN)
    assert looked(log) == OWN
    others(log, 20)
    return log


def police(folder: Path, log: SearchedLog) -> tuple[Client, Searching]:
    """Return the police's client, which has the receipt of its act."""
    client = make_client(folder / "p", log.world, POLICE)
    agreed = agreed_of(log.covenant)
    door = SearchingDoor(log, POLICE)
    versions = SignedVersions(agreed, signed_nothing)
    searching = Searching(client.vault.evidence, door, client.trail, versions, agreed.engine, POLICE, clock)
    if not client.vault.evidence.has_receipt(OWN):
        cosigned = LogKeys.of(log.covenant).open(log.world.broker.log.checkpoint())
        entry = next(one for one in log.entries if one.index == OWN)
        client.vault.evidence.put_receipt(prove(log.evidence(entry), cosigned).receipt("test"))
    return client, searching


async def verify(client: Client, searching: Searching) -> None:
    """Verify as `sluis agency verify --log-purpose` does."""
    checked = await client.checking.run(lambda _, __: None)
    await open_own(searching, client.vault.evidence.has_receipt, INQUIRY, None, checked.views, lambda _, __: None)


async def test_an_honest_log_raises_no_alarm(tmp_path: Path, log: SearchedLog) -> None:
    """What all the lies are held against: the same log, grown, verified twice."""
    client, searching = police(tmp_path, log)
    await verify(client, searching)
    others(log, 5)
    await verify(client, searching)
    assert client.vault.evidence.findings() == []


@pytest.mark.parametrize("lie", LIES, ids=[f"{lie.name}: {lie.agency.value}" for lie in LIES])
async def test_each_lie_has_its_alarm(tmp_path: Path, log: SearchedLog, lie: Lie) -> None:
    """An agency that verified once, and keeps its receipts, finds it."""
    client, searching = police(tmp_path, log)
    await verify(client, searching)
    lie.tell(log)
    with pytest.raises(VerificationError) as caught:
        await verify(client, searching)
    assert caught.value.code is lie.agency


def test_lies_of_every_sort_are_told() -> None:
    """Drops, alters, reorders, backdates, duplicates, forks and withholds."""
    names = " ".join(lie.name for lie in LIES)
    assert all(sort in names for sort in ("drop", "alter", "reorder", "backdate", "duplicate", "fork", "withhold"))
    assert {lie.agency for lie in LIES} >= {Code.LOG_BACKDATED, Code.ENTRY_WITHHELD, Code.LOG_DOUBLED, Code.LOG_FORKED}
