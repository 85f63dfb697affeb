# SPDX-License-Identifier: EUPL-1.2
"""Nothing lost, nothing twice: concurrent pushers against a brute-force oracle, and brokers killed at random points."""

import asyncio
import contextlib
import json
import os
import random
import signal
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime
from itertools import combinations
from pathlib import Path

import httpx

from broker import binaries, cluster
from broker.matching import hit_id
from broker.settings import COVENANT_KEY, HomeFile, open_home
from edge.bells import Bell, heard
from edge.covenant_keys import make_key, open_key
from edge.keyfile import Profile, SecretText, write_keyfile
from edge.transport import make_http
from protocol.covenant_parts import Title
from protocol.errors import ConflictError, UnavailableError
from protocol.ids import HitId, PartyId
from protocol.keys import KINDS, Tier, quality_of
from protocol.messages import PushAnswer, Signal
from protocol.notices import HitNotice
from tests.broker.test_log import verify_from_zero
from tests.fakes.broker_world import BrokerWorld, Clock, broker_world
from tests.fakes.covenant_repository import SignedCovenants
from tests.fakes.covenants import make_covenant, seed_of
from tests.fakes.data_keys import share_keys
from tests.fakes.processes import Process, free_port, start
from tests.fakes.waiting import comes, until_settled
from tests.fakes.witness import FakeWitness, listeners, serving, url_of

PASSPHRASE = "vier losse woorden hier"
TIERS = [Tier.IDENTIFIER, Tier.STRONG, Tier.MEDIUM, Tier.MEDIUM, Tier.WEAK, Tier.FACTOR]
"""One kind of each tier, two of medium: so that every way to a hit occurs."""


def _people(world: BrokerWorld, parties: Iterable[PartyId], each: int, seed: int) -> dict[PartyId, list[Signal]]:
    """Return signals of overlapping people: few values, so that many agree in some kinds and not in others."""
    draw = random.Random(seed)
    kinds = _kinds()
    return {
        party: [
            world.signal(party, {kind: str(draw.randrange(each)) for kind in draw.sample(kinds, 3)})
            for _ in range(each)
        ]
        for party in parties
    }


def _kinds() -> list[str]:
    of_tier = {tier: [rule.kind for rule in KINDS.values() if rule.tier is tier] for tier in set(TIERS)}
    return [str(of_tier[tier].pop()) for tier in TIERS]


def _oracle(signals: dict[PartyId, list[Signal]]) -> set[tuple[PartyId, HitId]]:
    """Return who must be told of which hit, by comparing every pair of signals."""
    told = set()
    for (one, ours), (other, theirs) in combinations(signals.items(), 2):
        for mine in ours:
            for their in theirs:
                agreed = {(key.kind, key.tag) for key in mine.keys} & {(key.kind, key.tag) for key in their.keys}
                if quality_of(kind for kind, _ in agreed):
                    told |= {(one, hit_id(mine.id, their.id)), (other, hit_id(mine.id, their.id))}
    return told


async def _all_told(world: BrokerWorld, party: PartyId) -> list[HitId]:
    told: list[HitId] = []
    after = 0
    while True:
        page = await world.agency(party).notices(after, limit=500)
        if not page.notices:
            return told
        assert [notice.seq for notice in page.notices] == list(range(after + 1, after + 1 + len(page.notices)))
        for notice in page.notices:
            world.prove(notice.evidence, page.checkpoint)
            assert isinstance(notice, HitNotice)
            told.append(notice.hit_id)
        after = page.notices[-1].seq


async def test_eight_concurrent_pushers_match_the_oracle(database: str) -> None:
    """Eight agencies push overlapping people at once: each hit is told once to each side, and no other."""
    async with broker_world(database, agencies=8, brokers=2) as world:
        parties = [agency.id for agency in world.kit.covenant.agencies]
        signals = _people(world, parties, 12, seed=1)

        async def pusher(party: PartyId) -> None:
            mine = signals[party]
            for start_at in range(0, len(mine), 3):
                answer = await world.agency(party).push(*mine[start_at : start_at + 3])
                assert all(result.status == "accepted" for result in answer.results), party

        await asyncio.gather(*(pusher(party) for party in parties))
        await until_settled(database)
        told = [(party, hit) for party in parties for hit in await _all_told(world, party)]
        expected = _oracle(signals)
        assert len(expected) > 100
        assert Counter(told) == Counter(expected)
        await verify_from_zero(world)


async def test_one_person_pushed_by_two_at_the_same_moment(database: str) -> None:
    """Two agencies that push the same person at the same moment are both told exactly once, every time."""
    async with broker_world(database) as world:
        parties = [agency.id for agency in world.kit.covenant.agencies[:2]]
        for round_number in range(12):
            pair = [world.signal(party, {"phone": f"r{round_number}"}) for party in parties]
            await asyncio.gather(*(world.agency(s_party).push(s) for s_party, s in zip(parties, pair, strict=True)))
        await until_settled(database)
        for party in parties:
            told = await _all_told(world, party)
            assert (len(told), len(set(told))) == (12, 12)


# --- Killed processes -------------------------------------------------------------------------------------------------


class BrokerProcess:
    """A broker as a process on the test's database, killed and started again at the same address."""

    def __init__(self, folder: Path, world: BrokerWorld, port: int) -> None:
        self._folder = folder
        self._port = port
        self._database = world.database
        self._starts = 0
        self.home = folder / "home"
        self.home.mkdir()
        file = HomeFile(
            id=world.kit.covenant.broker.id,
            title=Title(nl="Makelaar", en="Broker"),
            url=world.kit.covenant.broker.url,
            log_origin=world.kit.log_signer.key.name,
            key_file_cost="interactive",
        )
        (self.home / "broker.json").write_bytes(file.to_json())
        secret = SecretText(PASSPHRASE)
        write_keyfile(self.home / "log.key", {"log": seed_of("log")}, secret, profile=Profile.INTERACTIVE)
        write_keyfile(self.home / "data.key", {"data": seed_of("data")}, secret, profile=Profile.INTERACTIVE)
        # Brokers in this process open what this one sealed, as all that share a database do.
        share_keys(self._database, open_home(self.home).data_keys(secret))
        make_key(file.id, self.home, secret, profile=Profile.INTERACTIVE, stem=Path(COVENANT_KEY).stem)
        board = SignedCovenants(folder / "board", online=open_key(self.home / COVENANT_KEY, secret))
        board.add_root()
        board.add(world.kit.files)
        open_home(self.home).publication(secret).publish(board.work.folder, datetime.now(UTC))

    def start(self) -> Process:
        """Start it; the caller kills it."""
        self._starts += 1
        arguments = ["broker", "run", "--home", str(self.home)]
        return start(
            [*arguments, "--port", str(self._port)],
            folder=self._folder / "output",
            name=f"broker-{self._starts}",
            environment={"SLUIS_PASSPHRASE": PASSPHRASE, "SLUIS_DATABASE": self._database},
        )


async def _push_until_proven(world: BrokerWorld, party: PartyId, batch: list[Signal], key: str) -> PushAnswer:
    """Push as an outbox does: the same bytes under the same key until the proof is there."""
    while True:
        try:
            answer = await world.agency(party).push(*batch, key=key)
            if answer.checkpoint is not None:
                return answer
        except (UnavailableError, ConflictError):
            await asyncio.sleep(0.1)


Disaster = Callable[[], Awaitable[None]]


async def _nothing_lost(
    database: str, tmp_path: Path, seed: int, times: int, disaster: Disaster, *, spare_broker: bool = False
) -> None:
    """Push overlapping people while, at random points, the broker is killed with -9 and ``disaster`` strikes; with
    ``spare_broker`` the first disaster leaves the broker running. Then check that nothing is lost and nothing doubled.
    """
    clock = Clock()
    sockets = listeners(3)
    port = free_port()
    broker_url = f"http://127.0.0.1:{port}"
    kit = make_covenant(now=clock(), broker_url=broker_url, holder_urls=[url_of(one) for one in sockets])
    witnesses = [FakeWitness(signer, kit.log_signer.key) for signer in kit.witness_signers.values()]
    draw = random.Random(seed)
    async with serving([one.app() for one in witnesses], sockets), make_http() as http:
        world = BrokerWorld(kit, witnesses, clock, http, database)
        broker = BrokerProcess(tmp_path, world, port)
        parties = [agency.id for agency in kit.covenant.agencies[:4]]
        signals = _people(world, parties, 12, seed)
        process = await asyncio.to_thread(broker.start)

        async def pusher(party: PartyId) -> None:
            mine = signals[party]
            for at in range(0, len(mine), 2):
                answer = await _push_until_proven(world, party, mine[at : at + 2], f"{party}-{at:08}")
                answers.append(answer)
                grown.ring()

        answers: list[PushAnswer] = []
        grown = Bell()
        pushers = asyncio.gather(*(pusher(party) for party in parties))
        cut_off = 0
        try:
            # By progress, not by the clock: on a fast machine everything would be done before the first kill.
            for number, progress in enumerate(sorted(draw.sample(range(12), times))):
                while len(answers) < progress and not pushers.done():
                    await heard(grown.next(), 0.05)
                await asyncio.sleep(draw.uniform(0, 0.05))
                cut_off += not pushers.done()
                if number == 0 and spare_broker:
                    await disaster()
                    continue
                process.kill()
                await disaster()
                process = await asyncio.to_thread(broker.start)
            await asyncio.wait_for(pushers, 90)
            assert cut_off >= 2
            proven = {
                result.id: world.prove(result.evidence, answer.checkpoint)
                for answer in answers
                for result in answer.results
            }
            assert set(proven) == {signal.id for mine in signals.values() for signal in mine}
            await until_settled(database)
            told = [(party, hit) for party in parties for hit in await _all_told(world, party)]
            assert Counter(told) == Counter(_oracle(signals))
            await verify_from_zero(world)
            for party, mine in signals.items():
                again = await world.agency(party).push(*mine)
                assert {result.status for result in again.results} == {"known"}
        finally:
            process.kill()
            if not pushers.done():
                pushers.cancel()
                await asyncio.gather(pushers, return_exceptions=True)
    assert PASSPHRASE not in process.logs()


async def _nothing() -> None:
    """Strike nothing besides."""


async def test_killing_the_broker_loses_and_doubles_nothing(database: str, tmp_path: Path) -> None:
    """A broker killed with -9 at random points of pushes keeps every acknowledged signal, tells each hit once, and its
    log verifies from zero.
    """
    await _nothing_lost(database, tmp_path, 1, 3, _nothing)


async def test_killing_the_database_loses_and_doubles_nothing(cluster_folder: Path, tmp_path: Path) -> None:
    """The same when PostgreSQL itself is killed with -9: a broker that outlives it finds it again by itself, and one
    that dies with it goes on where both were.
    """
    found = binaries.find(None, os.environ["PATH"])
    running = [cluster.start(cluster_folder, found)]
    running[0].make_database("sluis")
    database = running[0].url("sluis")

    def kill() -> None:
        pid = int((running[0].data / "postmaster.pid").read_text().split()[0])
        os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, 0)
        running[0].stop()
        running[0] = cluster.start(cluster_folder, found)

    async def disaster() -> None:
        await asyncio.to_thread(kill)

    try:
        await _nothing_lost(database, tmp_path, 2, 2, disaster, spare_broker=True)
    finally:
        running[0].stop()


async def test_another_broker_takes_over_from_a_killed_sequencer(database: str, tmp_path: Path) -> None:
    """When the process that keeps the log is killed, another one on the same database goes on with it by itself."""
    clock = Clock()
    sockets = listeners(4)
    urls = [url_of(one) for one in sockets]
    kit = make_covenant(now=clock(), broker_url=urls[3], holder_urls=urls[:3])
    witnesses = [FakeWitness(signer, kit.log_signer.key) for signer in kit.witness_signers.values()]
    async with serving([one.app() for one in witnesses], sockets[:3]), make_http() as http:
        world = BrokerWorld(kit, witnesses, clock, http, database)
        first = await asyncio.to_thread(BrokerProcess(tmp_path, world, free_port()).start)
        try:
            await comes(lambda: _published(http, first.url))
            async with serving([world.app()], sockets[3:]):
                party = kit.covenant.agencies[0].id
                await world.agency(party).push(world.signal(party, {"phone": "before"}))
                first.kill()
                answer = await world.agency(party).push(world.signal(party, {"phone": "after"}))
                assert answer.checkpoint is not None
                await verify_from_zero(world)
        finally:
            first.kill()


def test_status_and_init_speak_plainly(tmp_path: Path) -> None:
    """``init`` writes a party statement without secrets and can be repeated; ``status`` says when nobody answers."""
    from typer.testing import CliRunner

    from broker.main import app

    environment = {"SLUIS_PASSPHRASE": PASSPHRASE}
    arguments = ["init", "--home", str(tmp_path / "h"), "--id", "broker", "--url", "http://127.0.0.1:1"]
    arguments += ["--log-origin", "sluis.test/log", "--key-file-cost", "interactive"]
    runner = CliRunner()
    made = runner.invoke(app, arguments, env=environment)
    assert made.exit_code == 0, made.output
    statement = (tmp_path / "h" / "party.yaml").read_text()
    assert "sluis.test/log+" in statement
    assert runner.invoke(app, arguments, env=environment).exit_code == 0
    assert (tmp_path / "h" / "party.yaml").read_text() == statement
    wrong = runner.invoke(app, arguments, env={"SLUIS_PASSPHRASE": "een heel andere zin"})
    assert wrong.exit_code != 0
    silent = runner.invoke(app, ["status", "--home", str(tmp_path / "h")])
    assert silent.exit_code == 75
    assert "No broker answers" in silent.output
    assert json.loads((tmp_path / "h" / "broker.json").read_text())["id"] == "broker"


async def _published(http: httpx.AsyncClient, url: str) -> bool:
    return bool((await http.get(url + "/readyz")).json().get("publishedSize"))
