# SPDX-License-Identifier: EUPL-1.2
"""Kills (-9) of broker, key-holder and client at random moments of real pushes: nothing is lost and nothing doubled.

Random, but the seed is printed: ``SLUIS_TEST_SEED=… pytest tests/flow/test_chaos.py`` draws the same people, victims
and waits again. Not here: the broker under concurrent pushers alone (``tests/broker/test_concurrency.py``).
"""

import asyncio
import os
import random
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import combinations
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest

from broker.matching import hit_id
from edge.transport import SignedClient, make_http
from protocol.ids import SignalId
from protocol.keys import quality_of
from protocol.normalise import Person, Record, normalise
from protocol.notices import HitNotice, NoticePage
from tests.fakes.dutch_people import Town
from tests.fakes.keyholders import ENVIRONMENT
from tests.fakes.people_files import write_people
from tests.fakes.processes import Process, run, start
from tests.fakes.waiting import is_settled, until
from tests.fakes.whole_system import System

PUSHERS = ("police-oost", "care-linde", "municipality-dalen")
ROUNDS = 3
EACH = 36
"""Records an agency and round: a few hundred in all, of which each client has some on the way when it is killed."""
TOWN = 70
"""People in all: few enough that agencies know the same, too many for keys that point at everybody."""
CLIENT_SECONDS = 120.0
"""More than a client needs beside its pauses while broker and key-holders start again on a busy machine."""


@dataclass(frozen=True)
class Sheet:
    """What one agency knows, as it pushes it."""

    agency: str
    people: Mapping[str, Person]

    def rows(self, chosen: Sequence[str]) -> list[list[str]]:
        """Return the rows of these references."""
        return [
            [name, one.given_names, one.surname, one.birth_date, one.postcode, one.house_number, "".join(one.phones)]
            for name, one in ((name, self.people[name]) for name in chosen)
        ]


def seed_from_clock() -> int:
    """Return the seed of this run, and print it for who wants the same run again."""
    seed = int(os.environ.get("SLUIS_TEST_SEED") or time.time_ns() % 1_000_000)
    print(f"SLUIS_TEST_SEED={seed}")
    return seed


def draw_sheets(chance: random.Random) -> list[Sheet]:
    """Draw a town, and what each agency wrote down of some of its people, with a clerk's errors."""
    town = Town(chance.randrange(1_000_000))
    people = [town.person() for _ in range(TOWN)]
    # Shared by families; a birth date alone tells the rest apart.
    phones = [(f"06{chance.randrange(20_000_000, 90_000_000)}",) if chance.random() < 0.4 else () for _ in people]
    known = [replace(person, phones=phone) for person, phone in zip(people, phones, strict=True)]
    sheets = []
    for agency in PUSHERS:
        drawn = [town.with_errors(chance.choice(known), chance.choice((0, 0, 1, 1, 2))) for _ in range(ROUNDS * EACH)]
        sheets.append(Sheet(agency, {f"X{agency[0]}-{n:03}": person for n, person in enumerate(drawn)}))
    return sheets


def keys_of(person: Person) -> frozenset[tuple[str, str]]:
    """Return the match keys of a record, by the protocol's own rule."""
    return frozenset((key.kind, key.normal_form) for key in normalise(Record(person)).keys)


def oracle(sheets: Sequence[Sheet], signals: Mapping[str, SignalId]) -> set[tuple[str, UUID]]:
    """Return who must be told of which hit, by comparing every two records of different agencies."""
    made = {sheet.agency: {name: keys_of(person) for name, person in sheet.people.items()} for sheet in sheets}
    told: set[tuple[str, UUID]] = set()
    for one, other in combinations(made, 2):
        for mine, keys in made[one].items():
            for theirs, others in made[other].items():
                if quality_of(kind for kind, _ in keys & others):  # type: ignore[misc]  # kinds are strings
                    hit = hit_id(signals[mine], signals[theirs])
                    told |= {(one, hit), (other, hit)}
    return told


class Chaos:
    """Pushes rounds of files while it kills; every server is started again at once, every client later."""

    def __init__(self, system: System, folder: Path, chance: random.Random) -> None:
        self.system = system
        self.folder = folder
        self.chance = chance
        self.killed: Counter[str] = Counter()

    def round(self, number: int, sheets: Sequence[Sheet]) -> None:
        """Push a file of every agency at once, and kill one of each kind of process meanwhile."""
        clients = {sheet.agency: self._push(number, sheet) for sheet in sheets}
        victims = ["broker", f"holder-{self.chance.choice((1, 2, 3))}", self.chance.choice(PUSHERS)]
        self.chance.shuffle(victims)
        for victim in victims:
            time.sleep(self.chance.uniform(0.2, 2.0))
            self._kill(victim, clients)
        for client in clients.values():
            status = client.wait(CLIENT_SECONDS)
            assert status in (0, 75, -9), client.logs()

    def _push(self, number: int, sheet: Sheet) -> Process:
        names = list(sheet.people)[: (number + 1) * EACH]
        # Each round's file begins with the rounds before: what was cut off is offered again, what is known is not sent.
        file = write_people(self.folder / f"{sheet.agency}-{number}.csv", sheet.rows(names))
        line = self.system.command(sheet.agency, "push", str(file), *self.system.purpose_of(sheet.agency), "--json")
        return start(line, folder=self.folder, name=f"push-{sheet.agency}", environment=ENVIRONMENT, wait=False)

    def _kill(self, victim: str, clients: Mapping[str, Process]) -> None:
        process = clients.get(victim) or self.system.running[victim]
        self.killed[victim] += process.running
        process.kill()
        if victim == "broker":
            self.system.start_broker()
        elif victim.startswith("holder"):
            self.system.start_holder(int(victim[-1]))


def all_sent(system: System, agency: str, file: Path) -> dict[str, Any]:
    """Push the whole file once more, now that everything runs, and return its signals by reference."""
    system.read(agency, "push", str(file), *system.purpose_of(agency))
    assert system.read(agency, "send")["waiting"] == 0
    listed = [one for one in system.read(agency, "signals")["signals"] if one["reference"].startswith("X")]
    found = {one["reference"]: one for one in listed}
    assert len(found) == len(listed), "a record has two signals"
    return found


async def notices(system: System, agency: str) -> list[HitNotice]:
    """Return every notice that the broker has for an agency, as it gives them, and check that numbers have no gap."""
    told: list[Any] = []
    async with make_http() as http:
        client = SignedClient(system.url, system.signer(agency), lambda: datetime.now(UTC), http)
        while True:
            page = await client.get("/v1/notices", NoticePage, params={"after": len(told), "limit": 500, "wait": 0})
            if not page.notices:
                break
            told += page.notices
    assert [one.seq for one in told] == list(range(1, len(told) + 1))
    return [one for one in told if isinstance(one, HitNotice)]


@pytest.mark.timeout(600)
def test_kills_lose_and_double_nothing(system: System, tmp_path: Path) -> None:
    """However broker, key-holders and clients are killed, each record stands once and each hit is told once a side."""
    chance = random.Random(seed_from_clock())
    chaos, sheets = Chaos(system, tmp_path, chance), draw_sheets(chance)
    for number in range(ROUNDS):
        chaos.round(number, sheets)
    assert chaos.killed["broker"] == ROUNDS
    files = [tmp_path / f"{sheet.agency}-{ROUNDS - 1}.csv" for sheet in sheets]
    with ThreadPoolExecutor() as pool:
        signals = list(
            pool.map(lambda pair: all_sent(system, pair[0].agency, pair[1]), zip(sheets, files, strict=True))
        )
    for sheet, found in zip(sheets, signals, strict=True):
        assert set(found) == set(sheet.people)
        assert {one["state"] for one in found.values()} == {"accepted"}
    until(lambda: is_settled(system.database))
    with psycopg.connect(system.database) as connection:
        stored = connection.execute("SELECT agency, id FROM signals").fetchall()
    ids = {name: SignalId(UUID(one["signalId"])) for found in signals for name, one in found.items()}
    assert Counter(agency for agency, signal in stored if signal in set(ids.values())) == Counter(
        dict.fromkeys(PUSHERS, ROUNDS * EACH)
    )
    told_all_once(system, sheets, ids)


def told_all_once(system: System, sheets: Sequence[Sheet], ids: Mapping[str, SignalId]) -> None:
    """Check notices against the oracle, at the broker and in every agency's own inbox, and verify the log."""
    expected = oracle(sheets, ids)
    assert len(expected) > 100
    mine = set(ids.values())
    told = [
        (agency, UUID(str(one.hit_id)))
        for agency in PUSHERS
        for one in asyncio.run(notices(system, agency))
        if one.my_signal in mine
    ]
    assert Counter(told) == Counter(expected)
    shown: set[tuple[str, UUID]] = set()
    with ThreadPoolExecutor() as pool:
        for agency, inbox in zip(PUSHERS, pool.map(lambda one: system.read(one, "inbox"), PUSHERS), strict=True):
            assert inbox["findings"] == []
            shown |= {(agency, UUID(one["hitId"])) for one in inbox["hits"] if one["reference"].startswith("X")}
        assert shown == expected
        assert [one["findings"] for one in pool.map(lambda one: system.read(one, "verify"), PUSHERS)] == [0, 0, 0]
    run(["audit", "verify", "--broker", system.url, *system.trusting], environment=ENVIRONMENT)
