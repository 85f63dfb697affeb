# SPDX-License-Identifier: EUPL-1.2
"""The log as served, its witnesses, its sequencer's restarts and its freeze."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

import httpx
import psycopg
import pytest

from broker import service
from broker.sequencer import Verdict, read_answer
from protocol.checkpoint import Checkpoint, LogSigner, WitnessSigner, cosign, sign_checkpoint
from protocol.merkle import TILE_WIDTH, TileId, leaf_hash, root_of
from protocol.tiles import entries_path, parse_entries, tile_path, tile_width
from tests.fakes.broker_world import POLICE, PROSECUTION, BrokerWorld, broker_world
from tests.fakes.covenants import seed_of
from tests.fakes.waiting import comes
from tests.fakes.witness import FakeWitness, listeners, serving

PHONE = {"phone": "1"}


async def _checkpoint(world: BrokerWorld) -> Checkpoint:
    answer = await world.http.get(world.kit.covenant.broker.url + "/log/checkpoint")
    assert answer.status_code == 200
    return world.open(answer.text).checkpoint


async def verify_from_zero(world: BrokerWorld) -> int:
    """Fetch every entry, rebuild the tree and compare it with the cosigned root; return the size."""
    checkpoint = await _checkpoint(world)
    leaves: list[bytes] = []
    for n in range(-(-checkpoint.size // TILE_WIDTH)):
        width = tile_width(TileId(0, n), checkpoint.size)
        answer = await world.http.get(f"{world.kit.covenant.broker.url}/log/{entries_path(n, width)}")
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]
        bundle = parse_entries(answer.content, width)
        tile = await world.http.get(f"{world.kit.covenant.broker.url}/log/{tile_path(0, n, width)}")
        assert tile.content == b"".join(leaf_hash(leaf) for leaf in bundle)
        leaves += bundle
    assert len(leaves) == checkpoint.size
    assert root_of([leaf_hash(leaf) for leaf in leaves]) == checkpoint.root
    return checkpoint.size


async def test_the_log_verifies_from_zero(database: str) -> None:
    """Entries and tiles as served rebuild exactly the root that the witnesses cosigned, over more than one tile."""
    async with broker_world(database) as world:
        for n in range(3):
            await world.agency(POLICE).push(*(world.signal(POLICE, {"phone": f"{n}-{i}"}) for i in range(100)))
        assert await verify_from_zero(world) > TILE_WIDTH
        for path in ("0/000.p/257", "0/x000/001", "9/000", "entries/099", "0/000/", "0/00"):
            answer = await world.http.get(f"{world.kit.covenant.broker.url}/log/tile/{path}")
            assert answer.status_code == 404, path


async def test_nothing_is_told_without_a_quorum(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With two witnesses down a push is kept without proof and nobody is told; when one is back, both are."""
    monkeypatch.setattr(service, "PROOF_SECONDS", 1.0)
    async with broker_world(database) as world:
        police, prosecution = world.agency(POLICE), world.agency(PROSECUTION)
        await police.push(world.signal(POLICE, {"iban": "first"}))
        world.witnesses[0].down = world.witnesses[1].down = True
        mine = world.signal(POLICE, PHONE)
        held, theirs = await asyncio.gather(
            police.push(mine, key="outbox-000001"), prosecution.push(world.signal(PROSECUTION, PHONE))
        )
        assert (held.checkpoint, held.results[0].evidence, held.results[0].status) == (None, None, "accepted")
        assert theirs.checkpoint is None
        assert (await police.notices()).notices == ()
        world.witnesses[0].down = False
        page = await police.told(1)
        assert len(page.notices) == 1
        proven = await police.push(mine, key="outbox-000001")
        world.prove(proven.results[0].evidence, proven.checkpoint)
        assert await verify_from_zero(world)


async def test_a_slow_or_dead_witness_delays_nobody(database: str) -> None:
    """With one witness that takes seconds, proofs still come from the other two at once."""
    async with broker_world(database) as world:
        await world.agency(POLICE).push(world.signal(POLICE, {"iban": "first"}))
        world.witnesses[1].delay = 2.5
        clock = asyncio.get_running_loop().time
        for n in range(4):
            started = clock()
            answer = await world.agency(POLICE).push(world.signal(POLICE, {"phone": str(n)}))
            assert answer.checkpoint is not None
            assert clock() - started < 2.0
        world.witnesses[1].delay = 0


async def test_two_brokers_keep_one_log(database: str) -> None:
    """Two brokers on one database serve one log, which goes on when both were stopped and the witnesses are new."""
    async with broker_world(database) as world:
        other = listeners(1)
        async with serving([world.app()], other):
            url = f"http://127.0.0.1:{other[0].getsockname()[1]}"
            await world.agency(POLICE).push(world.signal(POLICE, PHONE))
            await world.agency(PROSECUTION).push(world.signal(PROSECUTION, PHONE))
            assert len((await world.agency(POLICE).told(1)).notices) == 1
            shown = await world.http.get(url + "/log/checkpoint")
            assert world.open(shown.text).checkpoint.size == (await _checkpoint(world)).size
        assert await verify_from_zero(world)
    async with broker_world(database) as world:
        await world.agency(POLICE).push(world.signal(POLICE, {"phone": "2"}))
        assert await verify_from_zero(world)


async def test_a_log_behind_its_witnesses_freezes(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """When a witness saw a larger tree than the database holds, nothing is signed and readiness says why."""
    monkeypatch.setattr(service, "PROOF_SECONDS", 1.0)
    async with broker_world(database) as world:
        await world.agency(POLICE).push(world.signal(POLICE, PHONE))
        size = (await _checkpoint(world)).size
        for witness in world.witnesses:
            witness.last = Checkpoint(world.kit.log_signer.key.name, size + 50, bytes(32))
            witness.shown = sign_checkpoint(witness.last, world.kit.log_signer)
        answer = await world.agency(POLICE).push(world.signal(POLICE, {"phone": "2"}))
        assert answer.checkpoint is None
        assert (await _readyz(world))[0] == "log-frozen"
        with psycopg.connect(database) as connection:
            frozen = connection.execute("SELECT size, published_size FROM log_head").fetchone()
        assert frozen is not None
        assert frozen[1] == size


async def test_a_restored_database_is_noticed_before_signing(database: str) -> None:
    """A broker that starts on an emptied database asks its witnesses first, and signs nothing."""
    async with broker_world(database) as world:
        await world.agency(POLICE).push(world.signal(POLICE, PHONE))
        seen = [(witness.last, witness.shown) for witness in world.witnesses]
    with psycopg.connect(database) as connection:
        connection.execute("TRUNCATE events, log_tiles, log_head, checkpoints, cosignatures, signals, tags, covenants")
    async with broker_world(database, before=lambda fakes: _remember(fakes, seen)) as world:

        async def unready() -> httpx.Response | None:
            answer = await world.http.get(world.kit.covenant.broker.url + "/readyz")
            return answer if answer.status_code == 503 else None

        ready = await comes(unready)
        assert ready.json()["status"] == "log-frozen"
        assert ready.json()["logSize"] == 0


def _remember(fakes: Sequence[FakeWitness], seen: Sequence[tuple[Checkpoint | None, str | None]]) -> None:
    for fake, (last, shown) in zip(fakes, seen, strict=True):
        fake.last, fake.shown = last, shown


async def _readyz(world: BrokerWorld) -> tuple[str, list[str]]:
    state = (await world.http.get(world.kit.covenant.broker.url + "/readyz")).json()
    return state["status"], state["failingWitnesses"]


@pytest.mark.parametrize("lie", [(409, b"999999\n"), (422, b"another tree\n")])
async def test_one_lying_witness_freezes_nothing(database: str, lie: tuple[int, bytes]) -> None:
    """A witness that denies the log without a note under the log's own key is named as failing, from the start and
    later, and the quorum of the others goes on.
    """

    def lying(fakes: Sequence[FakeWitness]) -> None:
        fakes[1].lie = lie

    async with broker_world(database, before=lying) as world:
        answer = await world.agency(POLICE).push(world.signal(POLICE, PHONE))
        assert answer.checkpoint is not None
        liar = world.witnesses[1]
        assert await _readyz(world) == ("ready", [liar.signer.key.name])
        # Notes that prove nothing: one that another key signed, and an old one of ours that our tree extends.
        forged = sign_checkpoint(
            Checkpoint(world.kit.log_signer.key.name, 9_999, bytes(32)), LogSigner(LOG.key.name, bytes(32))
        )
        for shown in (forged, (await world.http.get(world.kit.covenant.broker.url + "/log/checkpoint")).text):
            liar.shown = shown
            assert (await world.agency(POLICE).push(world.signal(POLICE, PHONE))).checkpoint is not None
            await asyncio.sleep(0.1)
            assert await _readyz(world) == ("ready", [liar.signer.key.name])
        liar.lie = None
        assert (await world.agency(POLICE).push(world.signal(POLICE, PHONE))).checkpoint is not None
        for _ in range(100):
            if (state := await _readyz(world)) == ("ready", []):
                break
            await world.agency(POLICE).push(world.signal(POLICE, PHONE))
        assert state == ("ready", [])


@pytest.mark.parametrize("ahead", [-1, 0, 40])
async def test_a_note_under_our_own_key_freezes_the_log(
    database: str, monkeypatch: pytest.MonkeyPatch, ahead: int
) -> None:
    """One witness with a checkpoint that our key signed and our tree denies, of any size, stops the log."""
    monkeypatch.setattr(service, "PROOF_SECONDS", 1.0)
    async with broker_world(database) as world:
        await world.agency(POLICE).push(world.signal(POLICE, PHONE))
        other = Checkpoint(world.kit.log_signer.key.name, (await _checkpoint(world)).size + ahead, bytes(32))
        world.witnesses[0].last, world.witnesses[0].shown = other, sign_checkpoint(other, world.kit.log_signer)
        for _ in range(100):
            if (await _readyz(world))[0] == "log-frozen":
                break
            await world.agency(POLICE).push(world.signal(POLICE, PHONE))
        assert (await _readyz(world))[0] == "log-frozen"


# --- Reading a witness's answer --------------------------------------------------------------------------------------

LOG = LogSigner("sluis.test/log", seed_of("log"))
WITNESS = WitnessSigner("sluis.test/w", seed_of("w"))
NOTE = sign_checkpoint(Checkpoint("sluis.test/log", 7, bytes(range(32))), LOG)


@pytest.mark.parametrize(
    ("status", "body", "old", "verdict"),
    [
        (409, b"5\n", 3, Verdict.BEHIND),
        (409, b"7\n", 3, Verdict.BEHIND),
        (409, b"8\n", 3, Verdict.DENIED),
        (409, b"3\n", 3, Verdict.REFUSED),
        (409, b"five\n", 3, Verdict.REFUSED),
        (422, b"", 3, Verdict.DENIED),
        (404, b"", 3, Verdict.REFUSED),
        (500, b"", 3, Verdict.REFUSED),
        (200, b"nothing", 3, Verdict.REFUSED),
    ],
)
def test_answers_are_read_strictly(status: int, body: bytes, old: int, verdict: Verdict) -> None:
    """Each answer of a witness has one meaning, and a larger tree or a broken history is a contradiction."""
    assert read_answer(status, body, NOTE, old, 7, WITNESS.key).verdict is verdict


def test_only_its_own_cosignature_counts() -> None:
    """A line of the witness's key over this very note is kept; one over another note is refused."""
    moment = datetime(2026, 3, 1, tzinfo=UTC)
    good = cosign(Checkpoint("sluis.test/log", 7, bytes(range(32))), WITNESS, moment)
    other = cosign(Checkpoint("sluis.test/log", 8, bytes(range(32))), WITNESS, moment)
    assert read_answer(200, good.encode(), NOTE, 3, 7, WITNESS.key).verdict is Verdict.COSIGNED
    assert read_answer(200, other.encode(), NOTE, 3, 7, WITNESS.key).verdict is Verdict.REFUSED
