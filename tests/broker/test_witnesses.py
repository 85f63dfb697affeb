# SPDX-License-Identifier: EUPL-1.2
"""What witnesses tell the broker beside the quorum: agencies' cosignatures, a quiet log, and what freezes a log."""

import asyncio
import io
import json
from collections.abc import Sequence
from datetime import timedelta
from uuid import uuid4

import psycopg
import pytest
from psycopg.sql import SQL, Identifier
from typer.testing import CliRunner

from broker import service
from broker.cluster import Cluster
from broker.main import app as broker_commands
from edge.cli import exit_status
from edge.logs import configure
from edge.witness_lines import witness_lines
from protocol.checkpoint import (
    Checkpoint,
    CosignedCheckpoint,
    LogSigner,
    WitnessSigner,
    add_cosignatures,
    cosign,
    open_checkpoint,
    sign_checkpoint,
)
from protocol.errors import Code, ConflictError, InputError, RefusedError, SluisError, VerificationError
from protocol.ids import PartyId
from protocol.messages import parse
from protocol.witness_reports import CosignatureKept, CosignatureUpload, WitnessReports, WitnessState, read_reports
from tests.fakes.broker_world import CARE, POLICE, PROSECUTION, BrokerWorld, broker_world
from tests.fakes.covenants import seed_of
from tests.fakes.waiting import comes
from tests.fakes.witness import FakeWitness

PHONE = {"phone": "1"}


async def get(world: BrokerWorld, path: str) -> str:
    """Return what everybody gets there."""
    answer = await world.http.get(world.kit.covenant.broker.url + path)
    assert answer.status_code == 200
    return answer.text


async def head(world: BrokerWorld) -> CosignedCheckpoint:
    """Return the published checkpoint."""
    return world.open(await get(world, "/log/checkpoint"))


async def states(world: BrokerWorld) -> dict[str, WitnessState]:
    """Return every witness's state as its signature shows it."""
    reports = parse(WitnessReports, (await get(world, "/log/witnesses")).encode())
    return {one.name: one for one in read_reports(reports, world.kit.covenant)}


async def readyz(world: BrokerWorld) -> dict[str, object]:
    """Return what the broker says of itself."""
    state: dict[str, object] = (await world.http.get(world.kit.covenant.broker.url + "/readyz")).json()
    return state


def note_of(world: BrokerWorld, tree: Checkpoint, party: PartyId, *, signer: WitnessSigner | None = None) -> str:
    """Return a checkpoint as our log signed it, cosigned by an agency."""
    note = sign_checkpoint(tree, world.kit.log_signer)
    return add_cosignatures(note, [cosign(tree, signer or world.kit.agency_witnesses[party], world.clock())])


async def upload(world: BrokerWorld, party: PartyId, note: str) -> int:
    """Send a cosignature; return the size of the newest that is kept."""
    client = world.agency(party).client
    return (await client.post("/v1/log/cosignatures", CosignatureUpload(note=note), CosignatureKept)).size


async def test_an_agencys_cosignature_is_shown_and_counts_for_nothing(database: str) -> None:
    """It stands under the served checkpoint and among the witnesses, and gives no checkpoint a quorum."""
    async with broker_world(database) as world:
        await world.agency(POLICE).push(world.signal(POLICE, PHONE))
        tree = (await head(world)).checkpoint
        assert await upload(world, POLICE, note_of(world, tree, POLICE)) == tree.size
        served = await get(world, "/log/checkpoint")
        own = world.kit.agency_witnesses[POLICE].key
        assert open_checkpoint(served, world.kit.log_signer.key, [own], 1).cosigners == (POLICE,)
        assert POLICE not in world.open(served).cosigners
        found = await states(world)
        assert list(found) == [
            "sluis.test/log/holder-1",
            "sluis.test/log/holder-2",
            "sluis.test/log/holder-3",
            *(agency.id for agency in world.kit.covenant.agencies),
        ]
        assert (found[POLICE].size, found[POLICE].counts, found[POLICE].behind) == (tree.size, False, 0)
        assert (found[PROSECUTION].size, found[PROSECUTION].behind) == (None, tree.size)
        assert found["sluis.test/log/holder-1"].counts
        lines = list(witness_lines(list(found.values()), world.clock()))
        assert f"{POLICE} (agency, beside the quorum): size {tree.size}, just now" in lines
        assert f"{PROSECUTION} (agency, beside the quorum): no cosignature yet" in lines


async def test_the_newest_of_an_agency_is_kept(database: str) -> None:
    """One row an agency: a later upload of an older tree changes nothing, and under a new checkpoint no old line is."""
    async with broker_world(database) as world:
        trees = []
        for n in range(3):
            await world.agency(POLICE).push(world.signal(POLICE, {"phone": str(n)}))
            trees.append((await head(world)).checkpoint)
        for tree, newest in ((trees[0], trees[0]), (trees[1], trees[1]), (trees[0], trees[1])):
            assert await upload(world, POLICE, note_of(world, tree, POLICE)) == newest.size
        assert f"— {POLICE} " not in await get(world, "/log/checkpoint")
        with psycopg.connect(database) as connection:
            assert connection.execute("SELECT witness, size FROM agency_cosignatures").fetchall() == [
                (POLICE, trees[1].size)
            ]


def _another_agencys(world: BrokerWorld, tree: Checkpoint) -> str:
    return note_of(world, tree, CARE)


def _another_key(world: BrokerWorld, tree: Checkpoint) -> str:
    return note_of(world, tree, POLICE, signer=WitnessSigner(POLICE, seed_of("another")))


def _over_another_tree(world: BrokerWorld, tree: Checkpoint) -> str:
    other = Checkpoint(tree.origin, tree.size + 1, tree.root)
    return sign_checkpoint(tree, world.kit.log_signer) + cosign(
        other, world.kit.agency_witnesses[POLICE], world.clock()
    )


def _not_signed_by_the_log(world: BrokerWorld, tree: Checkpoint) -> str:
    forged = sign_checkpoint(tree, LogSigner(tree.origin, seed_of("another log")))
    return forged + cosign(tree, world.kit.agency_witnesses[POLICE], world.clock())


def _from_tomorrow(world: BrokerWorld, tree: Checkpoint) -> str:
    note = sign_checkpoint(tree, world.kit.log_signer)
    return note + cosign(tree, world.kit.agency_witnesses[POLICE], world.clock() + timedelta(days=1))


def _no_note(_: BrokerWorld, __: Checkpoint) -> str:
    return "x"


BAD = (_another_agencys, _another_key, _over_another_tree, _not_signed_by_the_log, _from_tomorrow, _no_note)


async def test_a_cosignature_that_does_not_hold_is_refused(database: str) -> None:
    """Only the sender's own key, over a checkpoint that the log signed, at a time that can be, is kept."""
    async with broker_world(database) as world:
        await world.agency(POLICE).push(world.signal(POLICE, PHONE))
        tree = (await head(world)).checkpoint
        for bad in BAD:
            with pytest.raises(InputError) as refused:
                await upload(world, POLICE, bad(world, tree))
            assert refused.value.code is Code.MALFORMED, bad
        assert (await states(world))[POLICE].size is None
        assert (await readyz(world))["status"] == "ready"


async def test_only_agencies_with_a_witness_key_cosign(database: str) -> None:
    """A key-holder, and an agency of which the covenant names no witness key, are refused."""

    def without_key(files: dict[str, bytes]) -> None:
        vkey = WitnessSigner(CARE, seed_of(f"{CARE} witness")).key.vkey
        files["parties.yaml"] = files["parties.yaml"].replace(f"  witness: {vkey}\n".encode(), b"")

    async with broker_world(database, change=without_key) as world:
        await world.agency(POLICE).push(world.signal(POLICE, PHONE))
        tree = (await head(world)).checkpoint
        assert CARE not in await states(world)
        for party in (CARE, world.kit.covenant.key_holders[0].id):
            with pytest.raises(RefusedError):
                await upload(world, party, note_of(world, tree, CARE))


async def test_a_report_that_was_made_up_is_refused(database: str) -> None:
    """A broker that says of a witness what that witness did not sign is found out by whoever reads the report."""
    async with broker_world(database) as world:
        await world.agency(POLICE).push(world.signal(POLICE, PHONE))
        reports = parse(WitnessReports, (await get(world, "/log/witnesses")).encode())
        first, *others = reports.witnesses
        for lie in ({"size": first.size + 1}, {"root": bytes(32)}, {"line": others[0].line}):
            told = reports.model_copy(update={"witnesses": (first.model_copy(update=lie), *others)})
            with pytest.raises(VerificationError):
                read_reports(told, world.kit.covenant)


async def test_a_quiet_log_is_cosigned_anew(database: str) -> None:
    """When nothing happens for hours the unchanged head gets fresh cosignatures of all witnesses, and again later."""
    async with broker_world(database) as world:
        for witness in world.witnesses:
            witness.clock = world.clock
        await world.agency(POLICE).push(world.signal(POLICE, PHONE))
        before = await head(world)
        for hours in (3, 5, 10):
            world.clock.ahead = timedelta(hours=hours)
            fresh = (world.clock() - timedelta(minutes=30)).timestamp()
            if hours == 3:
                await asyncio.sleep(1.5)
                assert (await head(world)).cosigned_at == before.cosigned_at
                continue
            await comes(lambda fresh=fresh: _cosigned_since(world, fresh))  # type: ignore[misc]  # a bound default
            after = await head(world)
            assert after.checkpoint == before.checkpoint
            assert not any(state.failing(world.clock()) for state in (await states(world)).values())


async def _cosigned_since(world: BrokerWorld, seconds: float) -> bool:
    return (await head(world)).cosigned_at >= seconds


async def test_a_silent_key_holder_is_seen_to_fail(database: str) -> None:
    """One that stays away shows as failing after hours, while the others' fresh cosignatures keep the log going."""
    async with broker_world(database) as world:
        for witness in world.witnesses:
            witness.clock = world.clock
        await world.agency(POLICE).push(world.signal(POLICE, PHONE))
        name = world.witnesses[2].signer.key.name
        await comes(lambda: _seen(world, name, world.witnesses[0].last))
        world.witnesses[2].down = True
        world.clock.ahead = timedelta(hours=7)
        fresh = (world.clock() - timedelta(minutes=30)).timestamp()
        await comes(lambda: _cosigned_since(world, fresh))
        found = await states(world)
        assert {one.name for one in found.values() if one.failing(world.clock())} == {name}
        (line,) = [line for line in witness_lines(list(found.values()), world.clock()) if line.startswith(name)]
        assert line.endswith("7 hours ago, FAILING")


async def test_a_witness_that_comes_back_catches_up_in_a_quiet_log(database: str) -> None:
    """It is asked again within a minute, also when nothing new happens."""
    async with broker_world(database) as world:
        late = world.witnesses[2]
        late.down = True
        await world.agency(POLICE).push(world.signal(POLICE, PHONE))
        tree = (await head(world)).checkpoint
        assert not await _seen(world, late.signer.key.name, tree)
        late.down = False
        world.clock.ahead = timedelta(minutes=2)
        await comes(lambda: _seen(world, late.signer.key.name, tree))
        assert late.signer.key.name in (await head(world)).cosigners


async def _seen(world: BrokerWorld, name: str, tree: Checkpoint | None) -> bool:
    assert tree is not None
    return (await states(world))[name].size == tree.size


async def test_a_broker_restored_from_an_old_backup_freezes(database: str, server: Cluster) -> None:
    """A copy of the database from before the last acts asks its witnesses first, signs nothing, and says why."""
    backup = f"backup_{uuid4().hex}"
    async with broker_world(database) as world:
        await world.agency(POLICE).push(world.signal(POLICE, PHONE))
        old = (await head(world)).checkpoint
    with psycopg.connect(server.url(), autocommit=True) as connection:
        names = (Identifier(backup), Identifier(database.rpartition("/")[2].partition("?")[0]))
        connection.execute(SQL("CREATE DATABASE {} TEMPLATE {}").format(*names))
    async with broker_world(database) as world:
        await world.agency(POLICE).push(world.signal(POLICE, {"phone": "2"}))
        newer = (await head(world)).checkpoint
        seen = [(witness.last, witness.shown) for witness in world.witnesses]

    def remember(witnesses: Sequence[FakeWitness]) -> None:
        for witness, (last, shown) in zip(witnesses, seen, strict=True):
            witness.last, witness.shown = last, shown

    async with broker_world(server.url(backup), before=remember) as world:
        await comes(lambda: _is_frozen(world))
        state = await readyz(world)
        assert f"shows a checkpoint of {newer.size} entries" in str(state["frozenBecause"])
        assert f"this database, which has {old.size} entries" in str(state["frozenBecause"])
        assert (await head(world)).checkpoint == old
        url = world.kit.covenant.broker.url
        told = await asyncio.to_thread(CliRunner().invoke, broker_commands, ["status", "--home", "none", "--url", url])
        assert told.exit_code == exit_status(Code.UNAVAILABLE)
        assert "frozen: " in told.output
        assert "old backup" in told.output
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(backup)))


async def test_a_checkpoint_that_only_an_agency_saw_freezes_a_restored_broker(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A database from an old backup, whose key-holders lost their memory too: the first agency with a newer checkpoint
    freezes it, and log, readiness and a broker started later all say why.
    """
    monkeypatch.setattr(service, "PROOF_SECONDS", 0.5)
    said = io.StringIO()
    configure(stream=said)
    async with broker_world(database) as world:
        await world.agency(POLICE).push(world.signal(POLICE, PHONE))
        old = await head(world)
        newer = Checkpoint(old.checkpoint.origin, old.checkpoint.size + 45, bytes(range(32)))
        with pytest.raises(ConflictError):
            await upload(world, CARE, note_of(world, newer, CARE))
        await comes(lambda: _is_frozen(world))
        why = (await readyz(world))["frozenBecause"]
        assert isinstance(why, str)
        assert why.startswith(f"{CARE} shows a checkpoint of {newer.size} entries that this log's own key signed")
        assert "old backup" in why
        with pytest.raises(SluisError):
            await _push_proven(world)
        assert (await head(world)).checkpoint == old.checkpoint
        # Entries, not elements of anybody's: the line names who showed it, and both sizes.
        lines = [json.loads(line) for line in said.getvalue().splitlines()]
        (line,) = [one for one in lines if one["event"].startswith("log frozen")]
        assert (line["step"], line["size"], line["entries"]) == (CARE, newer.size, old.checkpoint.size)
    async with broker_world(database) as world:
        await comes(lambda: _is_frozen(world))
        assert (await readyz(world))["frozenBecause"] == why


async def _is_frozen(world: BrokerWorld) -> bool:
    return (await readyz(world))["status"] == "log-frozen"


async def _push_proven(world: BrokerWorld) -> None:
    answer = await world.agency(POLICE).push(world.signal(POLICE, {"phone": "2"}))
    if answer.checkpoint is None:
        raise VerificationError(Code.NOT_LOGGED, "No receipt.")


async def test_what_did_not_contradict_is_forgotten(database: str) -> None:
    """An older checkpoint that our tree extends is an ordinary upload: nothing is kept against the log."""
    async with broker_world(database) as world:
        await world.agency(POLICE).push(world.signal(POLICE, PHONE))
        old = (await head(world)).checkpoint
        await world.agency(POLICE).push(world.signal(POLICE, {"phone": "2"}))
        await upload(world, CARE, note_of(world, old, CARE))
        with psycopg.connect(database) as connection:
            assert connection.execute("SELECT count(*) FROM log_contradictions").fetchone() == (0,)
