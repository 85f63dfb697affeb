# SPDX-License-Identifier: EUPL-1.2
"""Witnesses that are not ours cosign our log, and ours answers a log that is not ours as the standard says."""

import asyncio
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

from keyholder.ledger import Ledger
from keyholder.settings import open_home
from protocol.messages import utc
from protocol.note import LogSigner, WitnessKey, b64, cosignature_times, parse_note
from protocol.witness_rules import SIZE_TYPE
from tests.fakes.broker_world import POLICE, BrokerWorld, broker_world
from tests.fakes.covenants import ORIGIN, seed_of
from tests.fakes.keyholders import make_key_holders
from tests.fakes.waiting import comes
from tests.interop.conftest import LiteWitness, Programs

SCENARIO = {
    "0->2": 200,
    "1->2": 409,
    "2->4": 200,
    "4->4": 200,
    "4->5": 200,
    "5->8 with another log's proof": 422,
    "5->8 of a fork": 422,
    "5->5 of a fork": 422,
    "8->5": 400,
    "unknown origin": 404,
    "another key": 403,
    "5->8": 200,
}
"""What C2SP tlog-witness says to each request of the Go program, in its order."""


def log_signer_text() -> str:
    """Return the tests' log key as Go's note package reads a signer."""
    key = LogSigner(ORIGIN, seed_of("log")).key
    return f"PRIVATE+KEY+{key.name}+{key.key_id.hex()}+{b64(bytes([1]) + seed_of('log'))}"


def scenario(programs: Programs, url: str, witness_key: str) -> dict[str, tuple[int, str, str]]:
    """Let a log that Go keeps and signs ask a witness everything."""
    request = {"url": url, "logSigner": log_signer_text(), "witnessKey": witness_key}
    return {step["what"]: (step["status"], step["type"], step["body"]) for step in programs.ask("scenario", request)}


def test_our_witness_answers_as_the_standard_says(programs: Programs, tmp_path: Path) -> None:
    """A key-holder's process answers a log kept and signed by Go's packages in every case of the standard, and
    torchwood finds its cosignature under each note that it accepted.
    """
    holders = make_key_holders(tmp_path, now=utc(datetime.now(UTC)))
    with holders.start(1) as running:
        found = scenario(programs, running.url, holders.covenant.key_holders[0].witness)
    assert {what: status for what, (status, _, _) in found.items()} == SCENARIO
    assert found["1->2"][1:] == (SIZE_TYPE, "2\n")
    ledger = Ledger(open_home(holders.homes[0]).ledger_path)
    (kept,) = ledger.contradictions()
    ledger.close()
    assert kept.size == 5, "the one request that signed another tree of a size that was cosigned"


def test_litewitness_agrees_about_the_scenario(programs: Programs, litewitness: LiteWitness) -> None:
    """The same requests get the same answers from litewitness, but that it says 403 where the standard now says 404."""
    litewitness.know(LogSigner(ORIGIN, seed_of("log")).key)
    found = scenario(programs, litewitness.url, litewitness.vkey)
    assert {what: status for what, (status, _, _) in found.items()} == {**SCENARIO, "unknown origin": 403}
    assert found["1->2"][1:] == (SIZE_TYPE, "2\n")


async def test_litewitness_cosigns_our_log(litewitness: LiteWitness, database: str, programs: Programs) -> None:
    """In the place of a key-holder, and with all three needed for the quorum, litewitness cosigns every checkpoint of
    a broker: each push is answered with a proof that rests on its cosignature too.
    """

    def with_litewitness(files: dict[str, bytes]) -> None:
        files["covenant.yaml"] = re.sub(rb"(?m)^witnessQuorum:.*$", b"witnessQuorum: 3", files["covenant.yaml"])
        before, third, after = files["parties.yaml"].decode().partition("- id: holder-3\n")
        for key, value in {"url": litewitness.url, "witness": litewitness.vkey}.items():
            after = re.sub(rf"(?m)^  {key}:.*$", f"  {key}: {value}", after, count=1)
        files["parties.yaml"] = f"{before}{third}{after}".encode()

    async with broker_world(database, change=with_litewitness) as world:
        litewitness.know(world.kit.log_signer.key)
        sizes = []
        for batch in range(4):
            answer = await world.agency(POLICE).push(
                *(world.signal(POLICE, {"phone": f"{batch}-{n}"}) for n in range(40))
            )
            assert answer.checkpoint is not None
            opened = world.open(answer.checkpoint)
            assert litewitness.name in opened.cosigners
            sizes.append(opened.checkpoint.size)
        assert sizes == sorted(set(sizes))
        assert sizes[-1] > 150
        assert litewitness.seen(world.kit.log_signer.key) == sizes[-1]
        before = await _cosigned_at(world, litewitness)
        world.clock.ahead = timedelta(hours=5)
        # Nothing happens any more: it is asked to cosign the same size again, and does.
        await comes(lambda: _cosigned_since(world, litewitness, before))
        found = await asyncio.to_thread(programs.ask, "open", {"note": answer.checkpoint, "keys": _keys(world)})
        assert litewitness.name in found["cosigners"]


async def _cosigned_since(world: BrokerWorld, litewitness: LiteWitness, before: int) -> bool:
    return await _cosigned_at(world, litewitness) > before


async def _cosigned_at(world: BrokerWorld, litewitness: LiteWitness) -> int:
    """Return when litewitness cosigned the published checkpoint, by its own clock."""
    note = (await world.http.get(f"{world.kit.covenant.broker.url}/log/checkpoint")).text
    return max(cosignature_times(parse_note(note), WitnessKey.parse(litewitness.vkey)))


def _keys(world: BrokerWorld) -> dict[str, object]:
    covenant = world.kit.covenant
    witnesses = [holder.witness for holder in covenant.key_holders]
    return {"logKey": covenant.log.key, "witnessKeys": witnesses, "quorum": covenant.witness_quorum}
