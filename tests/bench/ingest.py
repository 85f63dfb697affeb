# SPDX-License-Identifier: EUPL-1.2
"""What a pseudonym costs to register: whole pushes over HTTP until their proof, against bare COPY of the same rows.

The rows that the broker stored are copied once more, from bytes made beforehand, into the same table of a second
database in the same PostgreSQL: same partitions, same indexes, same durability.
"""

import asyncio
import os
import statistics
import time
from collections.abc import Sequence
from typing import Final

import psycopg

from broker.migrate import migrate
from edge.transport import SignedClient, make_http
from protocol.ids import PartyId
from protocol.messages import MAX_SIGNALS, PushAnswer, PushRequest, parse
from tests.bench.measure import Row
from tests.bench.world import AGENCY, OTHER, World

KINDS: Final = (
    *("bsn", "name-dob", "name-dob-swapped", "sound-dob", "sound-any-dob", "sound-year-day", "sound-year-month"),
    *("initial-sound-dob", "sound-month-day", "sound-initial-dob", "name-year", "sound-address", "one-sound-dob"),
    *("initials-dob", "address", "dob-postcode"),
)
"""Sixteen keys: what a record with a number, name, birth date and address has, less one."""
ROUNDS: Final = 4
"""Pushes measured one at a time, after one to warm up."""
CROWD: Final = 3
"""Pushes that each of two agencies sends at the same time."""
_DATABASE: Final = "bench"
_PROMPT_SECONDS: Final = 120.0


def rows(world: World) -> list[Row]:
    """Return the rows about registering, in pseudonyms a second."""
    bare = world.database(_DATABASE)
    with psycopg.connect(world.database(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {_DATABASE}")
    migrate(bare)
    singles = [_push(world, AGENCY) for _ in range(ROUNDS + 1)]
    crowds = {party: [_push(world, party) for _ in range(CROWD)] for party in (AGENCY, OTHER)}
    pushed, copied = asyncio.run(_one_at_a_time(world, bare, singles))
    together = asyncio.run(_together(world, crowds))
    tags = MAX_SIGNALS * len(KINDS)
    against, theirs = "bare COPY", tags / statistics.median(copied[1:])
    return [
        Row("broker: push answered with proof", "keys/s", tags / statistics.median(pushed[1:]), against, theirs),
        Row("broker: two agencies, until matched", "keys/s", 2 * CROWD * tags / together, against, theirs),
    ]


def _push(world: World, party: PartyId) -> PushRequest:
    return world.make_signals(party, [[(kind, os.urandom(32)) for kind in KINDS] for _ in range(MAX_SIGNALS)])


async def _one_at_a_time(
    world: World, bare: str, pushes: Sequence[PushRequest]
) -> tuple[Sequence[float], Sequence[float]]:
    """Push and copy in turn, each while nothing else is going on; return the seconds of each."""
    pushed, copied = [], []
    async with make_http() as http:
        client = world.client(AGENCY, http)
        for push in pushes:
            body = push.to_json()
            start = time.perf_counter()
            answer = await _send(client, body)
            pushed.append(time.perf_counter() - start)
            _check(answer)
            await asyncio.to_thread(_wait_matched, world)
            copied.append(await asyncio.to_thread(_copy, world.database(), bare, push))
    return pushed, copied


async def _together(world: World, crowds: dict[PartyId, list[PushRequest]]) -> float:
    """Let the agencies push at the same time; return the seconds until every signal is proven and matched."""
    async with make_http() as http:

        async def all_of(party: PartyId, bodies: Sequence[bytes]) -> list[bytes]:
            client = world.client(party, http)
            return [await _send(client, body) for body in bodies]

        bodies = {party: [push.to_json() for push in pushes] for party, pushes in crowds.items()}
        start = time.perf_counter()
        answers = await asyncio.gather(*(all_of(party, those) for party, those in bodies.items()))
        await asyncio.to_thread(_wait_matched, world)
        taken = time.perf_counter() - start
        for answer in answers:
            for one in answer:
                _check(one)
    return taken


async def _send(client: SignedClient, body: bytes) -> bytes:
    key = os.urandom(12).hex()
    return (await client.request("POST", "/v1/signals", body=body, headers={"Idempotency-Key": key})).body


def _check(answer: bytes) -> None:
    found = parse(PushAnswer, answer)
    wrong = [one for one in found.results if one.status != "accepted" or one.evidence is None]
    if found.checkpoint is None or wrong:
        codes = {one.refusal.code if one.refusal else one.status for one in wrong}
        raise RuntimeError(f"{len(wrong)} signals were not accepted with proof {codes}: the figure would mean nothing")


def _wait_matched(world: World) -> None:
    deadline = time.monotonic() + _PROMPT_SECONDS
    with psycopg.connect(world.database(), autocommit=True) as connection:
        while connection.execute("SELECT 1 FROM match_queue LIMIT 1").fetchone() is not None:
            if time.monotonic() > deadline:
                raise RuntimeError("the broker did not match what was pushed")
            time.sleep(0.01)


def _copy(source: str, target: str, push: PushRequest) -> float:
    """Copy the tag rows of a push from the broker's database; return the seconds of writing and committing them."""
    ids = [signal.id for signal in push.signals]
    select = "COPY (SELECT * FROM tags WHERE signal_id = ANY(%s) ORDER BY tag) TO STDOUT (FORMAT BINARY)"
    with psycopg.connect(source) as connection, connection.cursor() as cursor:
        literal = select.replace("%s", "'{" + ",".join(map(str, ids)) + "}'::uuid[]")
        with cursor.copy(literal) as copy:
            content = b"".join(bytes(block) for block in copy)
    with psycopg.connect(target, autocommit=True) as connection:
        start = time.perf_counter()
        with connection.cursor() as cursor, cursor.copy("COPY tags FROM STDIN (FORMAT BINARY)") as copy:
            copy.write(content)
        taken = time.perf_counter() - start
        counted = connection.execute("SELECT count(*) FROM tags WHERE signal_id = ANY(%s)", (ids,)).fetchone()
    stored = counted[0] if counted else 0
    if stored != len(ids) * len(KINDS):
        raise RuntimeError(f"{stored} rows were copied instead of {len(ids) * len(KINDS)}")
    return taken
