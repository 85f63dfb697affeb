# SPDX-License-Identifier: EUPL-1.2
"""Our log before other people's programs: notes, tiles and proofs, as they are and with something wrong in them."""

import asyncio
from dataclasses import replace
from typing import Any

import httpx
import pytest

from protocol.checkpoint import Checkpoint, LogSigner, WitnessSigner, add_cosignatures, cosign, sign_checkpoint
from protocol.log_evidence import verify_leaf
from protocol.merkle import Frontier, TileId, append
from protocol.note import b64
from protocol.tiles import consistency_proof, inclusion_proof, needed_for_consistency, path_of
from tests.fakes.broker_world import POLICE, BrokerWorld, broker_world
from tests.fakes.covenants import seed_of
from tests.fakes.served_log import MOMENT, ServedLog
from tests.interop.conftest import Programs

LOG = LogSigner("sluis.test/log", seed_of("log"))
WITNESSES = [WitnessSigner(f"sluis.test/w{n}", seed_of(f"w{n}")) for n in (1, 2, 3)]
KEYS = {"logKey": LOG.key.vkey, "witnessKeys": [one.key.vkey for one in WITNESSES], "quorum": 2}
SIZE = 600
"""Three bundles, the last one partial, and two levels of tiles."""


def flipped(raw: bytes, place: int = 0) -> bytes:
    """Return the bytes with one bit of one of them turned."""
    return raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :]


class SpoiledLog(ServedLog):
    """Serves what an honest log does, but for one path, of which one bit is turned."""

    def __init__(self, path: str) -> None:
        super().__init__(LOG, WITNESSES, SIZE)
        self.spoiled = path

    def serve(self, path: str) -> bytes | None:
        """Return what stands at a path."""
        body = super().serve(path)
        return flipped(body, len(body) // 2) if body is not None and path == self.spoiled else body


def walk_of(url: str, **wanted: Any) -> dict[str, Any]:
    """Return the request to walk a log."""
    return {"url": f"{url}/log", "keys": KEYS, "old": [], "at": [], **wanted}


def test_the_notes_open(programs: Programs) -> None:
    """Go's note package and torchwood find the log's signature and every cosignature under our note."""
    log = ServedLog(LOG, WITNESSES, SIZE, cosigners=3)
    found = programs.ask("open", {"note": log.note, "keys": KEYS})
    assert (found["size"], found["root"]) == (SIZE, b64(log.tree.root))
    assert found["cosigners"] == [one.key.name for one in WITNESSES]


def test_a_note_with_one_turned_bit_is_refused(programs: Programs) -> None:
    """A bit of the root, of the log's signature or of a cosignature makes them refuse the note."""
    log = ServedLog(LOG, WITNESSES, SIZE)
    head = replace(log.head, root=flipped(log.head.root))
    text, _, lines = log.note.partition("\n\n")
    signed, cosigned, *_ = lines.splitlines(keepends=True)
    with_root = f"{head.text}\n{lines}"
    assert "malformed note" in programs.refuse("open", {"note": with_root.replace("\n\n", "\n"), "keys": KEYS})
    assert "invalid signature" in programs.refuse("open", {"note": with_root, "keys": KEYS})
    other = Checkpoint(LOG.key.name, SIZE - 1, log.head.root)
    for line in (sign_checkpoint(other, LOG).rpartition("\n\n")[2], cosign(other, WITNESSES[0], MOMENT)):
        kept = cosigned if line.split(" ")[1] == LOG.key.name else signed
        assert "invalid signature" in programs.refuse("open", {"note": f"{text}\n\n{line}{kept}", "keys": KEYS})
    assert "1 of 2" in programs.refuse("open", {"note": f"{text}\n\n{signed}{cosigned}", "keys": KEYS})


def test_the_tiles_of_a_log_are_walked(programs: Programs) -> None:
    """Entries, tiles and root of a log of several tiles agree, and the proofs that Go makes of them are ours."""
    log = ServedLog(LOG, WITNESSES, SIZE)
    rows = {growth.tile: growth.hashes for growth in log.tree.growth}
    places, olds = [0, 1, 255, 256, 511, 599], [1, 2, 255, 256, 257, 512, 599, 600]
    with log.on_loopback() as url:
        found = programs.ask("walk", walk_of(url, at=places, old=olds))
    assert found["size"] == SIZE
    for place in places:
        assert found["inclusion"][str(place)] == [b64(one) for one in inclusion_proof(place, SIZE, rows)]
    for old in olds:
        assert found["consistency"][str(old)] == [b64(one) for one in consistency_proof(old, SIZE, rows)]


@pytest.mark.parametrize(
    "path",
    ["checkpoint", "tile/0/000", "tile/0/002.p/88", "tile/1/000.p/2", "tile/entries/001", "tile/entries/002.p/88"],
)
def test_one_turned_bit_in_what_is_served_is_noticed(programs: Programs, path: str) -> None:
    """A bit of the note, of a tile of either level or of an entry makes the walk end with an error."""
    with SpoiledLog(path).on_loopback() as url:
        programs.refuse("walk", walk_of(url))


def test_a_signed_and_cosigned_lie_about_the_root_is_noticed(programs: Programs) -> None:
    """Valid signatures of everybody over another root do not make Go's tile reader believe our tiles."""
    log = ServedLog(LOG, WITNESSES, SIZE)
    lie = replace(log.head, root=flipped(log.head.root))
    log.note = add_cosignatures(sign_checkpoint(lie, LOG), [cosign(lie, one, MOMENT) for one in WITNESSES])
    with log.on_loopback() as url:
        assert "downloaded inconsistent tile" in programs.refuse("walk", walk_of(url))


def test_our_proofs_are_accepted_and_broken_ones_are_not(programs: Programs) -> None:
    """Go accepts each proof of ours, and none with another root, place, leaf, or with a hash turned or missing."""
    log = ServedLog(LOG, WITNESSES, SIZE)
    rows = {growth.tile: growth.hashes for growth in log.tree.growth}
    records = [
        {
            "index": place,
            "leaf": b64(log.leaves[place]),
            "proof": [b64(one) for one in inclusion_proof(place, SIZE, rows)],
        }
        for place in (0, 1, 255, 256, 300, 511, 512, 599)
    ]
    trees = [
        {"size": old, "root": b64(root_at(log, old)), "proof": [b64(one) for one in consistency_proof(old, SIZE, rows)]}
        for old in (1, 2, 3, 255, 256, 257, 512, 599)
    ]
    tree = {"size": SIZE, "root": b64(log.tree.root), "records": records, "trees": trees}
    found = programs.ask("proofs", tree)
    assert found == {"records": [True] * len(records), "trees": [True] * len(trees)}
    nothing = {"records": [False] * len(records), "trees": [False] * len(trees)}
    assert programs.ask("proofs", {**tree, "root": b64(flipped(log.tree.root))}) == nothing
    bent = {
        **tree,
        "records": [
            {**records[2], "index": 254},
            {**records[2], "leaf": records[3]["leaf"]},
            {**records[2], "proof": records[2]["proof"][:-1]},
            {**records[2], "proof": [b64(bytes(32)), *records[2]["proof"][1:]]},
        ],
        "trees": [
            {**trees[2], "size": 4},
            {**trees[2], "root": trees[3]["root"]},
            {**trees[2], "proof": trees[2]["proof"][:-1]},
            {**trees[2], "proof": [b64(bytes(32)), *trees[2]["proof"][1:]]},
        ],
    }
    assert programs.ask("proofs", bent) == {"records": [False] * 4, "trees": [False] * 4}


def root_at(log: ServedLog, size: int) -> bytes:
    """Return the root of the log's first entries."""
    return append(Frontier(), log.leaves[:size]).root


async def test_a_running_broker_is_walked(programs: Programs, database: str) -> None:
    """The log of a real broker holds for Go, over more than one tile, and so does the evidence that a push answers."""
    async with broker_world(database) as world:
        police = world.agency(POLICE)
        for batch in range(3):
            answer = await police.push(*(world.signal(POLICE, {"phone": f"{batch}-{n}"}) for n in range(100)))
        assert answer.checkpoint is not None
        opened = world.open(answer.checkpoint)
        cosigned = opened.checkpoint
        records = []
        for result in answer.results[::10]:
            assert result.evidence is not None
            leaf = verify_leaf(result.evidence, opened)[1]
            proof = [b64(one) for one in result.evidence.proof]
            records.append({"index": result.evidence.index, "leaf": b64(leaf), "proof": proof})
        found = await _ask(programs, "walk", {**_walk(world), "old": [1, 100, 256]})
        assert found["size"] >= cosigned.size > 300
        assert found["size"] == cosigned.size, "nobody acted in between"
        assert found["root"] == b64(cosigned.root)
        rows: dict[TileId, bytes] = {}
        for old in (1, 100, 256):
            for tile in needed_for_consistency(old, cosigned.size):
                rows[tile] = await _tile(world, tile, cosigned.size)
            assert found["consistency"][str(old)] == [b64(one) for one in consistency_proof(old, cosigned.size, rows)]
        tree = {"size": cosigned.size, "root": b64(cosigned.root), "records": records, "trees": []}
        assert (await _ask(programs, "proofs", tree))["records"] == [True] * len(records)
        turned = {**tree, "root": b64(flipped(cosigned.root))}
        assert (await _ask(programs, "proofs", turned))["records"] == [False] * len(records)


def _walk(world: BrokerWorld) -> dict[str, Any]:
    covenant = world.kit.covenant
    witnesses = [holder.witness for holder in covenant.key_holders]
    keys = {"logKey": covenant.log.key, "witnessKeys": witnesses, "quorum": covenant.witness_quorum}
    return {"url": f"{covenant.broker.url}/log", "keys": keys, "old": [], "at": []}


async def _tile(world: BrokerWorld, tile: TileId, size: int) -> bytes:
    answer = await world.http.get(f"{world.kit.covenant.broker.url}/log/{path_of(tile, size)}")
    assert answer.status_code == httpx.codes.OK
    return answer.content


async def _ask(programs: Programs, command: str, request: object) -> Any:
    """Run a command beside the event loop, in which the broker runs."""
    return await asyncio.to_thread(programs.ask, command, request)
