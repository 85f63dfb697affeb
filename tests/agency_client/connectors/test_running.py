# SPDX-License-Identifier: EUPL-1.2
"""Connectors look in their turn while the client runs, each on its own, and say how they are doing."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from agency_client.connectors.entrance import Entrance, Gone, Origin
from agency_client.connectors.running import Connectors
from agency_client.connectors.settings import PasswordFrom
from agency_client.connectors.states import states_of
from agency_client.mapping import Mapping
from tests.fakes.agency_session import HEADER, MAPPING, Agency
from tests.fakes.waiting import comes

GOOD = "Z-1,Anna,Berg,2001-01-31,,\n"


@asynccontextmanager
async def running(agency: Agency) -> AsyncIterator[Connectors]:
    """Let the connectors run."""
    stop = asyncio.Event()
    connectors = Connectors(agency.running, PasswordFrom({}))
    task = asyncio.create_task(connectors.run(stop))
    try:
        yield connectors
    finally:
        stop.set()
        await task


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look at descriptions and wishes many times a second."""
    for name in ("RELOAD_SECONDS", "WISHES_SECONDS"):
        monkeypatch.setattr(f"agency_client.connectors.running.{name}", 0.05)


def describe(agency: Agency, name: str, folder: Path, more: str = "") -> None:
    """Write a connector's files."""
    (agency.connectors / f"{name}.mapping.yaml").write_text(MAPPING)
    (agency.connectors / f"{name}.yaml").write_text(f"kind: folder\nfolder: {folder}\neverySeconds: 1\n{more}")


async def test_each_connector_goes_on_whatever_happens_to_another(agency: Agency, tmp_path: Path) -> None:
    """A connector whose folder is away, and a file that is wrong, are told; the third one takes its records."""
    folder = tmp_path / "in"
    folder.mkdir()
    describe(agency, "good", folder)
    describe(agency, "away", tmp_path / "away")
    (agency.connectors / "wrong.yaml").write_text("kind: pigeon\n")
    (folder / "a.csv").write_text(HEADER + GOOD)
    rang = agency.running.outbox.next()
    async with running(agency) as connectors:
        await comes(lambda: {one.name for one in connectors.states() if one.problem} == {"away", "wrong"})
        await comes(lambda: {one.name for one in connectors.states() if one.taken == 1} == {"good"})
    assert rang.is_set(), "what was taken is sent at once"
    assert agency.session.vault.signals.find("Z-1")


async def test_a_connector_that_is_added_or_switched_off_counts_at_once(agency: Agency, tmp_path: Path) -> None:
    """No restart is needed for a description that comes, changes or goes."""
    folder = tmp_path / "in"
    folder.mkdir()
    async with running(agency):
        describe(agency, "late", folder)
        (folder / "a.csv").write_text(HEADER + GOOD)
        await comes(lambda: bool(agency.session.vault.signals.find("Z-1")))
        describe(agency, "late", folder, "enabled: false\n")
        await comes(lambda: not states_of(agency.session)[0].enabled)


async def test_wishes_to_withdraw_are_carried_out(agency: Agency) -> None:
    """A record that went while its signal was on its way is withdrawn by the client that runs."""
    from sqlmodel import select

    from agency_client.source_rows import Row
    from agency_client.vault.tables import SignalRow

    vault, entrance = agency.session.vault, Entrance(agency.session)
    columns, zaken = Mapping.from_yaml(MAPPING), Origin("zaken")
    values = dict(zip(HEADER.strip().split(","), GOOD.strip().split(","), strict=True))
    entrance.admit([Row(2, values)], columns, zaken)

    def put(step: str) -> None:
        with vault.signals._database.writing() as session:
            session.exec(select(SignalRow)).one().state = step

    put("sent")
    entrance.admit([Gone(2, "Z-1")], columns, zaken)
    assert vault.outbox.count_open() == 0
    async with running(agency):
        put("accepted")
        await comes(lambda: vault.outbox.count_open() == 1)
