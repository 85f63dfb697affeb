# SPDX-License-Identifier: EUPL-1.2
"""The covenant changes, is tampered with and runs out while everything runs: real processes, and a board that signs.

Not here: every way in which signatures can be wrong (``tests/edge/test_covenant_trust.py``).
"""

import asyncio
import json
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import psycopg
import pytest

from edge.covenant_header import COVENANT_HEADER
from edge.transport import SignedClient, make_http
from protocol.covenant import Covenant
from protocol.errors import Code, UnavailableError
from protocol.group import base, random_scalar
from protocol.ids import HolderIndex, PurposeId
from protocol.messages import EvaluationAnswer, EvaluationRequest
from protocol.notices import NoticePage
from tests.fakes.keyholders import ENVIRONMENT
from tests.fakes.people_files import by_phone
from tests.fakes.processes import ProcessError, run
from tests.fakes.waiting import until
from tests.fakes.whole_system import System, whole_system

POLICE, CARE = "police-oost", "care-linde"
TRY_LATER, PROTOCOL = 75, 76
SHORT = 30.0
"""Seconds that the board's signature holds in the test of its end: long enough for all to take it over first."""


@pytest.fixture(scope="module")
def own() -> Iterator[System]:
    """Return a running system of its own: what happens to its covenant here, no other test could bear."""
    with tempfile.TemporaryDirectory(prefix="sluis-covenant-") as folder:
        Path(folder).chmod(0o711)
        with whole_system(Path(folder), look_every=0.5) as made:
            yield made


def servers(system: System) -> list[str]:
    """Return the addresses of broker and key-holders."""
    return [system.url, *(holder.url for holder in system.holders.covenant.key_holders)]


def acted_under(url: str) -> str:
    """Return the covenant that a server says it acts under, in its header and in its state alike."""
    answer = httpx.get(f"{url}/readyz")
    return str(answer.headers[COVENANT_HEADER])


def sign(system: System, version: str | None, *, days: float = 180) -> Covenant:
    """Let the board sign the covenant, by another version name if one is given, and the broker publish it."""
    if version is not None:
        text = system.files["covenant.yaml"].decode()
        before = next(line for line in text.splitlines() if line.startswith("version:"))
        system.files["covenant.yaml"] = text.replace(before, f'version: "{version}"').encode()
    system.board.add(system.files, days=days)
    system.publish()
    return Covenant.parse(system.files)


def test_a_new_version_reaches_everybody_without_a_restart(own: System, tmp_path: Path) -> None:
    """What the board signs and the broker publishes is soon acted under by all, and its activation is logged."""
    own.read(POLICE, "push", str(by_phone(tmp_path / "a.csv", "A", [700])), *own.purpose_of(POLICE))
    before = {process.pid for process in own.running.values()}
    new = sign(own, "2026.2")
    until(lambda: all(acted_under(url) == new.sha256 for url in servers(own)))
    assert {process.pid for process in own.running.values() if process.running} == before
    with psycopg.connect(own.database) as database:
        (kept,) = database.execute("SELECT count(*) FROM covenants WHERE sha256 = %s", [new.sha256]).fetchone() or (0,)
    assert kept == 1
    # The first command after it hears of the new version and fetches it; what was told before still holds.
    own.read(CARE, "push", str(by_phone(tmp_path / "b.csv", "B", [700])), *own.purpose_of(CARE))
    done = run(own.command(POLICE, "inbox", "--json"), environment=ENVIRONMENT)
    assert [hit["reference"] for hit in json.loads(done.stdout)["hits"]] == ["A-700"]
    assert "Warning" not in done.stderr
    status = own.read(POLICE, "status")
    assert status["covenant"] == {"version": "2026.2", "sha256": new.sha256}
    assert (status["differing"], status["findings"]) == ([], 0)


def test_a_rule_changed_at_the_broker_only_changes_nothing(own: System) -> None:
    """Who changes the broker's own files gets a broker that goes on under the signed rules and does not start anew."""
    home = own.folder / "broker"
    signed = acted_under(own.url)
    published = next((home / "covenant-repository" / "targets").glob(f"{signed}.*.json"))
    kept = home / "covenant" / "targets" / f"{signed}.json"
    true = kept.read_bytes()
    false = true.replace(b"forbid", b"permit", 1)
    for path in (published, kept):
        path.write_bytes(false)
    try:
        time.sleep(3)
        assert [acted_under(url) for url in servers(own)] == [signed] * 4
        own.read(POLICE, "inbox")
        own.running["broker"].stop()
        with pytest.raises(ProcessError, match=Code.COVENANT_UNTRUSTED):
            own.start_broker()
        # An agency's own copy is no safer from its own administrator, and no more believed.
        (mine,) = [one for one in (own.home(CARE) / "covenant" / "targets").glob("*.json") if one.stem == signed]
        mine.write_bytes(false)
        refused = run(own.command(CARE, "status"), environment=ENVIRONMENT, status=PROTOCOL)
        assert f"Error ({Code.COVENANT_UNTRUSTED})" in refused.stderr
        mine.write_bytes(true)
    finally:
        for path in (published, kept):
            path.write_bytes(true)
    own.start_broker()
    assert acted_under(own.url) == signed


async def _asked(system: System) -> list[Code]:
    """Return what the broker and a key-holder answer to signed requests of an agency."""
    covenant = system.holders.covenant
    request = EvaluationRequest(
        purpose=PurposeId("offender-prevention"),
        epoch=covenant.epoch_at(datetime.now(UTC)),
        quorum=(HolderIndex(1), HolderIndex(2)),
        elements=(base(random_scalar()).encoded,),
    )
    codes: list[Code] = []
    async with make_http() as http:
        broker, holder = (
            SignedClient(url, system.signer(POLICE), lambda: datetime.now(UTC), http) for url in servers(system)[:2]
        )
        for ask in (
            lambda: broker.get("/v1/notices", NoticePage, params={"after": 0}),
            lambda: holder.post("/v1/evaluations", request, EvaluationAnswer),
        ):
            with pytest.raises(UnavailableError) as refused:
                await ask()
            codes.append(refused.value.code)
    return codes


def test_expired_signatures_stop_every_act_and_lose_nothing(own: System, tmp_path: Path) -> None:
    """Without a new signature of the board broker, key-holders and agencies stop; with it all that waited goes on."""
    own.running["broker"].stop()
    pushed = run(
        own.command(POLICE, "push", str(by_phone(tmp_path / "c.csv", "C", range(710, 713))), *own.purpose_of(POLICE)),
        environment=ENVIRONMENT,
        status=TRY_LATER,
    )
    assert "3 signals wait" in pushed.stdout
    own.start_broker()
    sign(own, None, days=SHORT / 86_400)
    until(lambda: all(httpx.get(f"{url}/readyz").status_code == 503 for url in servers(own)[1:]))
    until(lambda: httpx.get(f"{own.url}/readyz").json()["covenantInForce"] is False)
    assert asyncio.run(_asked(own)) == [Code.COVENANT_EXPIRED, Code.COVENANT_EXPIRED]
    for path in ("/log/checkpoint", "/covenant/timestamp.json", "/healthz"):
        assert httpx.get(own.url + path).status_code == 200
    stopped = run(own.command(POLICE, "send"), environment=ENVIRONMENT, status=TRY_LATER)
    assert f"Error ({Code.COVENANT_EXPIRED})" in stopped.stderr
    signed = sign(own, None)
    until(lambda: all(acted_under(url) == signed.sha256 for url in servers(own)))
    until(lambda: all(httpx.get(f"{url}/readyz").status_code == 200 for url in servers(own)))
    assert own.read(POLICE, "send")["accepted"] == 3
    assert own.read(POLICE, "status")["waiting"] == 0
