# SPDX-License-Identifier: EUPL-1.2
"""The operator's erasure: shown first, done only on a yes, and once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psycopg
import typer
from typer.testing import CliRunner, Result

from broker.commands_erase import add_erase
from broker.service import Broker
from tests.fakes.broker_world import POLICE, PROSECUTION, BrokerWorld, broker_world

PHONE = {"phone": "+31612345678"}


async def _run(world: BrokerWorld, *options: str, typed: str | None = None) -> Result:
    """Run the command as a process of its own would, on the database of a broker that serves."""

    @asynccontextmanager
    async def acting(home: Path, given: str | None, postgres_bin: Path | None) -> AsyncIterator[Broker]:
        async with world.running(world.clock) as started:
            yield started.broker

    app = typer.Typer()
    app.callback()(lambda: None)
    add_erase(app, acting)
    arguments = ["erase", "--home", "unused", *options]
    return await asyncio.to_thread(CliRunner().invoke, app, arguments, input=typed)


def _erased(database: str) -> int:
    with psycopg.connect(database) as connection:
        row = connection.execute("SELECT count(*) FROM events WHERE erased_by IS NOT NULL AND key_gone").fetchone()
    assert row is not None
    return int(row[0])


async def test_nothing_goes_without_a_yes(database: str) -> None:
    """It says what would go; neither a dry run nor a no erases, a yes does, and asked again there is nothing."""
    async with broker_world(database) as world:
        mine, theirs = world.signal(POLICE, PHONE), world.signal(PROSECUTION, PHONE)
        await world.agency(POLICE).push(mine)
        await world.agency(PROSECUTION).push(theirs)
        await world.agency(POLICE).told(1)
        signal = ("--signal", str(mine.id), "--ground", "court-order")
        shown = await _run(world, *signal, "--dry-run")
        assert shown.exit_code == 0
        assert "Whom 4 of the log's entries concern" in shown.output
        assert "The signal is live and ends by this" in shown.output
        assert "Nothing was erased." in (await _run(world, *signal, typed="n\n")).output
        assert _erased(database) == 0
        done = await _run(world, *signal, typed="y\n")
        assert "Erased: 5 entries; the keys are destroyed." in done.output
        assert _erased(database) == 5
        again = await _run(world, *signal, "--yes")
        assert "There is nothing of it" in again.output
        assert _erased(database) == 5


async def test_what_is_asked_wrongly_is_refused(database: str) -> None:
    """One thing at a time, with a ground of its own; a month under retention is not erased."""
    async with broker_world(database) as world:
        month = f"{world.clock():%Y-%m}"
        for options in ((), ("--index", "1", "--month", month), ("--index", "1"), ("--index", "1", "--ground", "x")):
            assert (await _run(world, *options)).exit_code != 0
        assert (await _run(world, "--month", month, "--ground", "court-order")).exit_code != 0
        assert (await _run(world, "--month", "november", "--yes")).exit_code != 0
        refused = await _run(world, "--month", month, "--yes")
        assert refused.exit_code != 0
        assert _erased(database) == 0
