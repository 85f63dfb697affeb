# SPDX-License-Identifier: EUPL-1.2
"""Staying at the inbox: each hit is shown once, as it comes, also when the broker was away for a moment."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest
import typer
from typer.testing import CliRunner, Result

from agency_client import commands_inbox
from agency_client.reading import News
from edge.cli import INTERRUPTED
from protocol.errors import Code, UnavailableError
from protocol.ids import PartyId
from tests.fakes.agency import Client, make_client
from tests.fakes.machine import machine_of
from tests.fakes.small_world import NOW, World

POLICE, CARE = PartyId("police-oost"), PartyId("care-linde")


class _Reading:
    """Reads the notices, after what happens meanwhile; when nothing more happens, somebody ends the program."""

    def __init__(self, client: Client, meanwhile: Iterator[Client | None]) -> None:
        self.client, self.meanwhile = client, meanwhile

    async def read(self, hold: float) -> News:
        """Return what is new."""
        assert hold < 30, "the broker allows no more"
        try:
            other = next(self.meanwhile)
        except StopIteration:
            raise KeyboardInterrupt from None
        if other is None:
            raise UnavailableError(Code.UNAVAILABLE, "The broker is away.")
        assert await other.send() is None
        return await self.client.reading.read()


def _follow(
    world: World, police: Client, meanwhile: list[Client | None], monkeypatch: pytest.MonkeyPatch, *words: str
) -> Result:
    async def advance() -> None:
        """Find nothing wrong with the log."""

    @asynccontextmanager
    async def online(*_: object) -> AsyncIterator[object]:
        yield SimpleNamespace(trail=SimpleNamespace(advance=advance), reading=_Reading(police, iter(meanwhile)))

    monkeypatch.setattr(commands_inbox, "online", online)
    monkeypatch.setattr(commands_inbox, "_RETRY", 0)
    me = SimpleNamespace(id=POLICE)
    session = SimpleNamespace(vault=police.vault, covenant=world.kit.covenant, me=me, clock=lambda: NOW)
    app = typer.Typer()
    commands_inbox.add_inbox(app, machine_of(session))
    return CliRunner().invoke(app, ["inbox", "--home", "x", "--follow", *words])


def _met(folder: Path, world: World) -> tuple[Client, Client]:
    """Return police whose signals stand, and care that has yet to send its own about the same people."""
    police, care = make_client(folder / "p", world, POLICE), make_client(folder / "c", world, CARE)
    for number in range(2):
        police.add((f"P-{number}", [("bsn", str(number))]))
    care.add(("C-0", [("bsn", "0")]))
    assert asyncio.run(police.send()) is None
    return police, care


def test_each_hit_is_shown_once_as_it_comes(tmp_path: Path, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line of JSON a hit; an outage between is told beside them, and Ctrl-C ends it."""
    police, care = _met(tmp_path, world)
    done = _follow(world, police, [care, None, care], monkeypatch, "--json")
    assert done.exit_code == INTERRUPTED
    (line,) = done.stdout.splitlines()
    assert json.loads(line)["reference"] == "P-0"
    assert "The broker is away." in done.stderr


def test_people_read_the_same_in_words(tmp_path: Path, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """And nothing is written while nothing comes."""
    police, care = _met(tmp_path, world)
    done = _follow(world, police, [care], monkeypatch)
    assert done.exit_code == INTERRUPTED
    assert done.stdout.count("P-0") == 1
    assert "P-1" not in done.stdout
