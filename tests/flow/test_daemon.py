# SPDX-License-Identifier: EUPL-1.2
"""A client that stays, as a real process: it sends what other commands write, outlives outages and kills, and stops."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.fakes.keyholders import ENVIRONMENT
from tests.fakes.people_files import by_phone
from tests.fakes.processes import Process, start
from tests.fakes.waiting import until
from tests.fakes.whole_system import System

DALEN, CARE = "municipality-dalen", "care-linde"
TRY_LATER = 75


def stay(system: System, name: str) -> Process:
    """Start the client of an agency."""
    return start(
        system.command(DALEN, "run", "--port", "0"),
        folder=system.folder / "output",
        name=name,
        environment=ENVIRONMENT,
    )


def state(system: System) -> Any:
    """Return what the running client says of itself."""
    return json.loads((system.home(DALEN) / "daemon.json").read_text())


def ours(system: System) -> Counter[str]:
    """Return how many of this test's signals are in each state, by the agency's own vault."""
    listed = system.read(DALEN, "signals")["signals"]
    return Counter(one["state"] for one in listed if one["reference"].startswith("NM-"))


def stored(system: System) -> list[str]:
    """Return the ids of the agency's signals at the broker."""
    with psycopg.connect(system.database) as connection:
        rows = connection.execute("SELECT id::text FROM signals WHERE agency = %s", (DALEN,)).fetchall()
    return [row[0] for row in rows]


@pytest.mark.timeout(600)  # ten programs start in it, one after another
def test_a_client_that_stays_outlives_outages_and_kills(system: System, tmp_path: Path) -> None:
    """What other commands write is sent by it, once, also when the broker goes and it is killed in between."""
    before = len(stored(system))
    push = by_phone(tmp_path / "care.csv", "NC", range(850, 856))
    assert system.read(CARE, "push", str(push), *system.purpose_of(CARE))["accepted"] == 6
    first = by_phone(tmp_path / "first.csv", "NM", range(850, 853))
    second = by_phone(tmp_path / "second.csv", "NM", range(853, 856))
    with stay(system, "staying") as process:
        sent = system.read(DALEN, "push", str(first), *system.purpose_of(DALEN))
        assert (sent["accepted"], sent["waiting"]) == (3, 0)
        system.running["broker"].kill()
        waits = system.read(DALEN, "push", str(second), *system.purpose_of(DALEN), status=TRY_LATER)
        assert waits["waiting"] == 3
        until(lambda: not state(system)["broker"]["ok"])
        assert "broker: away since" in system.agency(DALEN, "status")
        process.kill()
    system.start_broker()
    with stay(system, "staying-again") as process:
        # Its outbox was empty, and by a long poll, since the proxy lets no stream through, it was told.
        until(lambda: state(system)["pid"] == process.pid and state(system)["sentAt"] is not None)
        until(lambda: state(system)["noticeAt"] is not None)
        assert ours(system) == {"accepted": 6}
        inbox = system.read(DALEN, "inbox")
        told = Counter(hit["reference"] for hit in inbox["hits"] if hit["reference"].startswith("NM-"))
        assert told == {f"NM-{number}": 1 for number in range(850, 856)}
        assert inbox["findings"] == []
        assert len(stored(system)) - before == 6
        until(lambda: state(system)["broker"]["ok"] and state(system)["blocked"] is None)
        assert process.stop() == 0
