# SPDX-License-Identifier: EUPL-1.2
"""What users meet when a part is away: nothing at all with one key-holder down, waiting with more, an alarm when the
broker's past comes back. Not here: parts that are killed in the middle of something (``test_chaos.py``).
"""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psycopg

from protocol.errors import Code
from tests.fakes.keyholders import ENVIRONMENT
from tests.fakes.lying_proxy import LyingProxy
from tests.fakes.people_files import by_phone
from tests.fakes.processes import run, start
from tests.fakes.waiting import until
from tests.fakes.whole_system import System

POLICE, CARE, DALEN = "police-oost", "care-linde", "municipality-dalen"
TRY_LATER, PROTOCOL = 75, 76
WHY = ("--reason-code", "own-case", "--reason", "Lopende zaak", "--case", "Z-1", "--person", "a.bakker")


@contextmanager
def down(system: System, *holders: int) -> Iterator[None]:
    """Stop key-holders for a while."""
    for index in holders:
        system.running[f"holder-{index}"].stop()
    try:
        yield
    finally:
        for index in holders:
            system.start_holder(index)


def push(system: System, agency: str, file: Path) -> Any:
    """Push a file to its end."""
    return system.read(agency, "push", str(file), *system.purpose_of(agency))


def push_waits(system: System, agency: str, file: Path) -> str:
    """Push a file of three that must wait, and return what the user is told."""
    line = system.command(agency, "push", str(file), *system.purpose_of(agency))
    done = run(line, environment=ENVIRONMENT, status=TRY_LATER)
    assert "3 signals wait in the outbox" in done.stdout
    assert "sluis agency send" in done.stdout
    return done.stderr


def stands_once(system: System, agency: str, prefix: str) -> None:
    """Send what waits, and check that each of the three records has one signal, and that it stands."""
    sent = system.read(agency, "send")
    assert (sent["accepted"], sent["refused"], sent["waiting"]) == (3, 0, 0)
    listed = [one for one in system.read(agency, "signals")["signals"] if one["reference"].startswith(prefix)]
    assert [one["state"] for one in listed] == ["accepted"] * 3
    assert system.read(agency, "send")["accepted"] == 0


def frozen(system: System) -> Any:
    """Return what the broker says of itself once its log is frozen, and how many events it has."""
    until(lambda: httpx.get(f"{system.url}/readyz").json().get("status") == "log-frozen")
    with psycopg.connect(system.database) as connection:
        counted = connection.execute("SELECT count(*) FROM events").fetchone()
    assert counted is not None
    return {**httpx.get(f"{system.url}/readyz").json(), "logged": counted[0]}


def hits(inbox: Any, prefix: str) -> dict[str, str]:
    """Return the hits of an inbox by reference."""
    return {hit["reference"]: hit["hitId"] for hit in inbox["hits"] if hit["reference"].startswith(prefix)}


def test_one_key_holder_down_changes_nothing(system: System, tmp_path: Path) -> None:
    """With one of three key-holders away, push, hit, contact and verification all work."""
    with down(system, 2):
        for agency, prefix in ((POLICE, "OP-"), (CARE, "OC-")):
            pushed = push(system, agency, by_phone(tmp_path / f"{prefix}.csv", prefix.strip("-"), range(200, 203)))
            assert (pushed["accepted"], pushed["waiting"]) == (3, 0)
        told = hits(system.read(POLICE, "inbox"), "OP-")
        assert set(told) == {"OP-200", "OP-201", "OP-202"}
        opened = system.read(POLICE, "open", told["OP-200"], *WHY)
        assert opened["parts"]["contact"]["unit"] == "Team van Jeugdzorg De Linde"
        assert len(system.read(POLICE, "verify")["cosigners"]) == 2


def test_with_two_key_holders_down_pushes_wait(system: System, tmp_path: Path) -> None:
    """With two of three key-holders away a push waits with status 75 and says why; `send` then sends each once."""
    with down(system, 1, 3):
        said = push_waits(system, POLICE, by_phone(tmp_path / "two.csv", "OT", range(210, 213)))
        assert "key-holder" in said.casefold()
        assert system.read(POLICE, "send", status=TRY_LATER)["waiting"] == 3
    stands_once(system, POLICE, "OT-")


def test_with_the_broker_down_pushes_wait(system: System, proxy: LyingProxy, tmp_path: Path) -> None:
    """Without a broker a push waits with status 75 and says so; `send` then sends each once."""
    with proxy.away():
        said = push_waits(system, POLICE, by_phone(tmp_path / "none.csv", "OB", range(220, 223)))
        assert "broker" in said.casefold()
        assert "Error (unavailable)" in said
    stands_once(system, POLICE, "OB-")


@contextmanager
def past_restored(system: System, copy: Path) -> Iterator[None]:
    """Run the broker on a copy of its data; bring the true data back at the end."""
    data = system.folder / "broker" / "postgres" / "data"
    true = data.with_name("data.true")
    system.running["broker"].stop()
    data.rename(true)
    subprocess.run(["cp", "-a", str(copy), str(data)], check=True)  # noqa: S607 - keeps owner and mode, unlike shutil
    system.start_broker()
    try:
        yield
    finally:
        system.running["broker"].stop()
        shutil.rmtree(data)
        true.rename(data)
        system.start_broker()


def test_a_broker_restored_from_the_past_is_noticed(system: System, tmp_path: Path) -> None:
    """A broker on an older copy of its database gets no cosignature and publishes nothing; clients say that the log
    was rolled back, open nothing, and go on when the true log is back.
    """
    data = system.folder / "broker" / "postgres" / "data"
    copy, state = data.with_name("data.copy"), tmp_path / "auditor.json"
    for agency, prefix in ((POLICE, "RP"), (CARE, "RC")):
        push(system, agency, by_phone(tmp_path / f"{prefix}.csv", prefix, range(230, 233)))
    told = hits(system.read(POLICE, "inbox"), "RP-")
    system.running["broker"].stop()
    subprocess.run(["cp", "-a", str(data), str(copy)], check=True)  # noqa: S607 - keeps owner and mode, unlike shutil
    system.start_broker()
    push(system, POLICE, by_phone(tmp_path / "later.csv", "RL", range(233, 236)))
    audit = ["audit", "verify", "--broker", system.url, *system.trusting, "--state", str(state)]
    run(audit, environment=ENVIRONMENT)
    sent_for = system.purpose_of(DALEN)
    with past_restored(system, copy):
        before = frozen(system)
        behind = start(
            system.command(DALEN, "push", str(by_phone(tmp_path / "RM.csv", "RM", range(230, 233))), *sent_for),
            folder=tmp_path,
            name="push",
            environment=ENVIRONMENT,
            wait=False,
        )
        with behind:
            # Its client was never shown the newer log, so that only the missing cosignatures keep it from believing.
            until(lambda: frozen(system)["logged"] > before["logged"])
            assert frozen(system)["publishedSize"] == before["publishedSize"]
        said = run(system.command(POLICE, "inbox"), environment=ENVIRONMENT, status=PROTOCOL)
        assert f"Error ({Code.LOG_ROLLED_BACK})" in said.stderr
        said = run(system.command(POLICE, "open", told["RP-230"], *WHY), environment=ENVIRONMENT, status=PROTOCOL)
        assert "Team van" not in said.stdout
        run(audit, environment=ENVIRONMENT, status=12)
    system.agency(POLICE, "verify", status=None)
    assert system.read(POLICE, "verify", "--evidence-seen")["findings"] == 0
    opened = system.read(POLICE, "open", told["RP-230"], *WHY)
    assert opened["parts"]["contact"]["unit"] == "Team van Jeugdzorg De Linde"
    stands_once(system, DALEN, "RM-")
    told_by = [(hit["reference"], hit["agency"]) for hit in system.read(POLICE, "inbox")["hits"]]
    assert sorted(pair for pair in told_by if pair[0].startswith("RP-")) == sorted(
        (f"RP-{n}", other) for n in range(230, 233) for other in (CARE, DALEN)
    )
