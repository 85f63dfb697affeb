# SPDX-License-Identifier: EUPL-1.2
"""Dishonest parties, each caught; those whom users meet, through the real commands against a broker that bends answers.

What is promised, and by which tests it is held:

* key-holder that answers with another key
    tests/flow/test_dishonest.py::test_a_key_holder_with_another_key_is_named_and_replaced
    tests/agency_client/test_dishonest_keyholder.py::test_two_lying_key_holders_stop_the_push
    tests/agency_client/test_dishonest_keyholder.py::test_statements_that_disagree_are_refused
    tests/keyholder/test_dishonest_keyholder.py::test_a_lie_is_caught
* broker that swaps an envelope
    tests/flow/test_dishonest.py::test_a_bent_notice_is_not_shown
    tests/agency_client/test_dishonest_broker.py::test_a_bent_notice_is_neither_shown_nor_kept
* broker that replays a notice
    tests/flow/test_dishonest.py::test_a_replayed_notice_is_no_hit
    tests/agency_client/test_dishonest_broker.py::test_a_hit_told_twice_is_a_replay
* broker that hides an event
    tests/flow/test_dishonest.py::test_a_hidden_event_is_found
    tests/flow/test_dishonest.py::test_a_hidden_notice_leaves_a_gap
    tests/agency_client/test_dishonest_broker.py::test_a_hidden_notice_shows_by_the_gap
    tests/agency_client/test_verifying.py::test_an_event_that_vanished_is_missing
* broker that forks the log
    tests/flow/test_dishonest.py::test_a_fork_with_colluding_witnesses_stops_all
    tests/flow/test_dishonest.py::test_honest_witnesses_cosign_no_fork
    tests/keyholder/test_witness.py::test_a_fork_is_refused_and_kept_as_evidence
    tests/auditor/test_cli.py::test_forked_keeps_both_notes
* agency that replays a request
    tests/flow/test_dishonest.py::test_a_captured_request_is_worth_nothing
    tests/broker/test_push.py::test_a_replayed_request_is_refused
    tests/keyholder/test_service.py::test_a_replayed_request_is_refused
* agency that alters a request
    tests/flow/test_dishonest.py::test_a_captured_request_is_worth_nothing
    tests/keyholder/test_service.py::test_an_altered_request_is_refused
* agency that evaluates above its budget
    tests/flow/test_dishonest.py::test_an_agency_above_its_budget_gets_nothing_more
    tests/keyholder/test_service.py::test_requests_at_once_share_one_budget
    tests/keyholder/test_service.py::test_budgets_and_nonces_survive_a_kill
* agency that uses a purpose it is not in
    tests/flow/test_dishonest.py::test_an_agency_outside_a_purpose_gets_nothing
    tests/keyholder/test_service.py::test_an_agency_gets_nothing_for_a_purpose_that_it_is_not_in
* notice whose event is not proven in a checkpoint cosigned by two key-holders
    tests/flow/test_dishonest.py::test_a_notice_without_quorum_is_not_opened
    tests/agency_client/test_dishonest_broker.py::test_a_notice_without_quorum_is_not_opened
    tests/broker/test_log.py::test_nothing_is_told_without_a_quorum
"""

import asyncio
import json
import re
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from broker.settings import open_home as open_broker_home
from deploy.processes import ROOT
from edge.keyfile import SecretText
from edge.transport import SignedClient, make_http
from protocol.encoding import b64url
from protocol.errors import Code, RefusedError
from protocol.group import base, random_scalar
from protocol.ids import HolderIndex, PurposeId
from protocol.messages import EvaluationAnswer, EvaluationRequest, parse
from protocol.notices import HitNotice, NoticePage
from protocol.tiles import entries_path, parse_entries
from protocol.witness_rules import format_add_checkpoint
from tests.fakes import dishonest_broker as lies
from tests.fakes.covenant_repository import SignedCovenants
from tests.fakes.keyholders import ENVIRONMENT, PASSPHRASE
from tests.fakes.lying_proxy import Answered, Asked, LyingProxy
from tests.fakes.people_files import by_phone
from tests.fakes.processes import run
from tests.fakes.served_log import ServedLog, leaf
from tests.fakes.whole_system import System
from tests.flow.conftest import BUDGET

POLICE, CARE, DALEN, DISHONEST = "police-oost", "care-linde", "municipality-dalen", "probation-vals"
OUTSIDER = "probation-buiten"
PREVENTION = PurposeId("offender-prevention")
NOT_THERE, TRY_LATER, PROTOCOL, NO_PERMISSION = 66, 75, 76, 77
WHY = ("--reason-code", "own-case", "--reason", "Lopende zaak", "--case", "Z-1", "--person", "a.bakker")
TOLD = range(300, 303)
"""People whom police and care both know. Care reads of them before any lie; the police never before the last test."""
BATCH = 4_000
"""Elements that the dishonest agency asks for at once: the budget is five of these."""
PAGE = "/v1/notices"
Bend = Callable[[NoticePage], NoticePage]


@pytest.fixture(scope="module")
def told(system: System, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Two agencies know the same people; care has read so, the police have not. Returns care's hits by reference."""
    folder = tmp_path_factory.mktemp("told")
    for agency, prefix in ((POLICE, "DP"), (CARE, "DC")):
        file = by_phone(folder / f"{prefix}.csv", prefix, TOLD)
        system.read(agency, "push", str(file), *system.purpose_of(agency))
    yield {hit["reference"]: hit["hitId"] for hit in system.read(CARE, "inbox")["hits"]}
    for agency in (POLICE, CARE, DISHONEST):
        system.agency(agency, "verify", "--evidence-seen", status=None)


def inbox_fails(system: System, agency: str, code: Code, status: int = PROTOCOL) -> Any:
    """Read an inbox that must say this code, and return it."""
    done = run([*system.command(agency, "inbox"), "--json"], environment=ENVIRONMENT, status=status)
    assert f"Error ({code})" in done.stderr
    return json.loads(done.stdout)


def shown(inbox: Any) -> set[str]:
    """Return which of this module's people an inbox shows."""
    return {hit["reference"] for hit in inbox["hits"] if hit["reference"].startswith(("DP-", "DC-"))}


def bent(bend: Bend) -> Callable[[Asked, Answered], Answered]:
    """Return the lie that bends pages of notices."""

    def lie(asked: Asked, answered: Answered) -> Answered:
        if not asked.path.startswith(PAGE) or answered.status != 200:
            return answered
        return answered.with_body(bend(parse(NoticePage, answered.body)).to_json())

    return lie


def each_hit(bend: Callable[[HitNotice], HitNotice]) -> Bend:
    """Return the lie about every hit of a page."""

    def page_of(page: NoticePage) -> NoticePage:
        notices = tuple(bend(one) if isinstance(one, HitNotice) else one for one in page.notices)
        return page.model_copy(update={"notices": notices})

    return page_of


def without_first(page: NoticePage) -> NoticePage:
    """Leave the first notice out."""
    return page.model_copy(update={"notices": page.notices[1:]})


def test_the_promises_have_tests() -> None:
    """Every test that the table above names is there, and every promise has one at the level of commands."""
    promises = re.split(r"^\* ", __doc__ or "", flags=re.MULTILINE)[1:]
    assert len(promises) == 10
    for promise in promises:
        named = re.findall(r"^ {4}(tests/\S+\.py)::(test_\w+)$", promise, flags=re.MULTILINE)
        assert len(named) == len(promise.strip().splitlines()) - 1
        assert any(file == "tests/flow/test_dishonest.py" for file, _ in named), promise
        for file, name in named:
            assert re.search(rf"^(async )?def {name}\(", (ROOT / file).read_text(), flags=re.MULTILINE), (file, name)


def test_a_key_holder_with_another_key_is_named_and_replaced(system: System, tmp_path: Path) -> None:
    """A key-holder that answers with another key is named in a finding, and the pseudonyms come from the others."""
    for agency, prefix in ((CARE, "KC"), (POLICE, "KP")):
        file = by_phone(tmp_path / f"{prefix}.csv", prefix, [310])
        line = (str(file), *system.purpose_of(agency))
        if agency == CARE:
            assert system.read(agency, "push", *line)["accepted"] == 1
            continue
        # Key-holders 1 and 2 are asked first, so that the lie is met.
        system.running["holder-1"].stop()
        with system.holders.start_lying(1, "other-key"):
            assert system.read(agency, "push", *line)["accepted"] == 1
        system.start_holder(1)
    looked = run(system.command(POLICE, "verify"), environment=ENVIRONMENT, status=PROTOCOL).stdout
    assert f"{Code.PROOF_INVALID}" in looked
    assert "key-holder holder-1" in looked
    found = system.read(POLICE, "verify", "--evidence-seen")
    assert found["findings"] == 0
    assert "KC-310" in {hit["reference"] for hit in system.read(CARE, "inbox")["hits"]}


@pytest.mark.parametrize(
    ("bend", "code"),
    [
        (each_hit(lies.SwapsEnvelope._swap), Code.ENVELOPE_INVALID),
        (each_hit(lies.SwapsSigned._swap), Code.ENVELOPE_INVALID),
        (each_hit(lies.SwapsWrap._swap), Code.ENVELOPE_INVALID),
    ],
    ids=["swapped", "swapped-with-digest", "swapped-wrap"],
)
def test_a_bent_notice_is_not_shown(
    system: System, proxy: LyingProxy, told: dict[str, str], bend: Bend, code: Code
) -> None:
    """A swapped envelope or wrap ends with its own code, and no hit is shown."""
    with proxy.lying(bent(bend)):
        assert shown(inbox_fails(system, POLICE, code)) == set()


def test_a_hidden_notice_leaves_a_gap(system: System, proxy: LyingProxy, tmp_path: Path) -> None:
    """When a notice is left out and a later one told, the client names the gap and shows neither."""
    for agency, prefix in ((DALEN, "HD"), (CARE, "HC")):
        file = by_phone(tmp_path / f"{prefix}.csv", prefix, range(350, 352))
        system.read(agency, "push", str(file), *system.purpose_of(agency))
    with proxy.lying(bent(without_first)):
        told = inbox_fails(system, DALEN, Code.NOTICE_MISSING)["hits"]
        assert not any(hit["reference"].startswith("HD-") for hit in told)
    told = system.read(DALEN, "inbox")["hits"]
    assert {hit["reference"] for hit in told} >= {"HD-350", "HD-351"}
    system.agency(DALEN, "verify", "--evidence-seen", status=None)


def test_a_notice_without_quorum_is_not_opened(system: System, proxy: LyingProxy, told: dict[str, str]) -> None:
    """A notice that only one key-holder saw in the log is neither shown nor can it be opened."""

    def one_witness(page: NoticePage) -> NoticePage:
        head, _, signatures = (page.checkpoint or "").partition("\n\n")
        kept = "\n".join(signatures.splitlines()[:2])
        return page.model_copy(update={"checkpoint": f"{head}\n\n{kept}\n"})

    with proxy.lying(bent(one_witness)):
        assert shown(inbox_fails(system, POLICE, Code.QUORUM_MISSING, TRY_LATER)) == set()
        opening = system.command(POLICE, "open", next(hit for name, hit in told.items() if name == "DC-300"), *WHY)
        done = run(opening, environment=ENVIRONMENT, status=NOT_THERE)
        assert "Team van" not in done.stdout


def test_a_replayed_notice_is_no_hit(system: System, proxy: LyingProxy, told: dict[str, str]) -> None:
    """An old notice under a new number is not what the log has, and leaves no hit behind."""
    old: list[Any] = []

    def replay(asked: Asked, answered: Answered) -> Answered:
        if not asked.path.startswith(PAGE):
            return answered
        page = parse(NoticePage, answered.body)
        if page.notices:
            return answered
        after = int(httpx.URL(asked.path).params["after"])
        again = page_of_first(system, CARE)
        old.append(again.notices[0].model_copy(update={"seq": after + 1}))
        return answered.with_body(again.model_copy(update={"notices": tuple(old[-1:])}).to_json())

    before = system.read(CARE, "inbox")["hits"]
    with proxy.lying(replay):
        assert inbox_fails(system, CARE, Code.RECEIPT_INVALID)["hits"] == before
    assert old


def page_of_first(system: System, agency: str) -> NoticePage:
    """Return the page with an agency's first notice, from the broker itself."""

    async def ask() -> NoticePage:
        async with make_http() as http:
            client = SignedClient(system.url, system.signer(agency), lambda: datetime.now(UTC), http)
            return await client.get(f"{PAGE}", NoticePage, params={"after": 0, "limit": 1, "wait": 0})

    return asyncio.run(ask())


def audit(system: System, *more: str) -> list[str]:
    """Return the auditor's command line."""
    return ["audit", "verify", "--broker", system.url, *system.trusting, *more]


def test_a_hidden_event_is_found(system: System, proxy: LyingProxy, told: dict[str, str]) -> None:
    """A log that serves another entry in an event's place is altered, for agencies and for auditors."""

    def hide(asked: Asked, answered: Answered) -> Answered:
        if "/log/tile/entries" not in asked.path:
            return answered
        return answered.with_body(answered.body[:-64] + bytes(64))

    with proxy.lying(hide):
        done = run(system.command(CARE, "verify"), environment=ENVIRONMENT, status=10)
        assert f"Error ({Code.LOG_ALTERED})" in done.stderr
        run(audit(system), environment=ENVIRONMENT, status=10)
    run(audit(system), environment=ENVIRONMENT)


def forked(system: System, witnesses: int) -> ServedLog:
    """Return the log as it is but for its first entry, one entry longer, signed by its own key and some witnesses."""
    note = httpx.get(f"{system.url}/log/checkpoint").text
    size = int(note.split("\n")[1])
    leaves: list[bytes] = []
    for n in range(-(-size // 256)):
        width = min(256, size - n * 256)
        leaves += parse_entries(httpx.get(f"{system.url}/log/{entries_path(n, width)}").content, width)
    signer = open_broker_home(system.folder / "broker").signer(SecretText(PASSPHRASE))
    log = ServedLog(signer, [system.holders.opened(n).identity.witness for n in (1, 2, 3)], cosigners=witnesses)
    log.leaves = [leaf(0, "another"), *leaves[1:], leaf(1, "another")]
    log.sign()
    return log


def test_a_fork_with_colluding_witnesses_stops_all(
    system: System, proxy: LyingProxy, told: dict[str, str], tmp_path: Path
) -> None:
    """When log and two key-holders show another history, agency and auditor say so, keep both notes, open nothing."""
    state = tmp_path / "state.json"
    run(audit(system, "--state", str(state)), environment=ENVIRONMENT)
    system.agency(CARE, "verify", "--evidence-seen", status=None)
    other = forked(system, 2)

    def fork(asked: Asked, answered: Answered) -> Answered:
        if not asked.path.startswith("/log/"):
            return answered
        return Answered(200, {}, other.serve(asked.path.removeprefix("/log/")) or b"")

    with proxy.lying(fork):
        inbox_fails(system, CARE, Code.LOG_FORKED)
        run(audit(system, "--state", str(state)), environment=ENVIRONMENT, status=11)
    opening = system.command(CARE, "open", told["DC-300"], *WHY)
    # The fork is over, and still nothing is opened until somebody looked.
    done = run(opening, environment=ENVIRONMENT, status=PROTOCOL)
    assert f"Error ({Code.LOG_FORKED})" in done.stderr
    looked = run(system.command(CARE, "verify"), environment=ENVIRONMENT, status=11)
    assert other.note in looked.stdout
    system.agency(CARE, "verify", "--evidence-seen")
    assert "Politie Oost" in system.agency(CARE, "open", told["DC-300"], *WHY)


def test_honest_witnesses_cosign_no_fork(system: System, told: dict[str, str]) -> None:
    """No key-holder cosigns another history, whatever it is told that it saw, though the log's own key signed it."""
    other = forked(system, 0)
    for holder in system.holders.covenant.key_holders:
        for old in (0, other.head.size - 1, other.head.size):
            body = format_add_checkpoint(old, [bytes(32)] if 0 < old < other.head.size else [], other.note)
            answer = httpx.post(f"{holder.url}/add-checkpoint", content=body)
            assert answer.status_code in (409, 422)


def test_a_captured_request_is_worth_nothing(system: System, proxy: LyingProxy, tmp_path: Path) -> None:
    """A push that was captured on its way is refused when it is sent again, and when any of it is altered."""
    seen = len(proxy.asked)
    file = by_phone(tmp_path / "captured.csv", "CP", [320])
    system.read(POLICE, "push", str(file), *system.purpose_of(POLICE))
    asked = next(one for one in proxy.asked[seen:] if (one.method, one.path) == ("POST", "/v1/signals"))

    def refused(headers: dict[str, str], body: bytes, path: str = asked.path) -> str:
        answer = httpx.post(system.url + path, headers=headers, content=body)
        assert answer.status_code == 401
        return str(answer.json()["code"])

    same = dict(asked.headers)
    assert refused(same, asked.body) == Code.SIGNATURE_REPLAYED
    assert refused(same, asked.body.replace(b"exploits", b"recruits")[: len(asked.body)]) == Code.DIGEST_MISMATCH
    key = next(name for name in same if name.lower() == "idempotency-key")
    assert refused({**same, key: b64url(bytes(16))}, asked.body) == Code.SIGNATURE_INVALID


async def evaluations(system: System, holder: int, purpose: PurposeId, times: int, agency: str = DISHONEST) -> int:
    """Ask a key-holder so many times for a whole batch, as no client of ours would; returns how many were answered."""
    covenant = system.holders.covenant
    request = EvaluationRequest(
        purpose=purpose,
        epoch=covenant.epoch_at(datetime.now(UTC)),
        quorum=(HolderIndex(1), HolderIndex(2)),
        elements=(base(random_scalar()).encoded,) * BATCH,
    )
    url = covenant.key_holders[holder - 1].url
    async with make_http() as http:
        client = SignedClient(url, system.signer(agency), lambda: datetime.now(UTC), http)
        for answered in range(times):
            try:
                await client.post("/v1/evaluations", request, EvaluationAnswer)
            except RefusedError as error:
                if error.code is not Code.BUDGET_EXHAUSTED:
                    raise
                return answered
    return times


def test_an_agency_above_its_budget_gets_nothing_more(system: System, tmp_path: Path) -> None:
    """Who asks two key-holders for more than the covenant's budget is refused there, and its next push waits."""
    for holder in (1, 2):
        assert asyncio.run(evaluations(system, holder, PREVENTION, BUDGET // BATCH + 1)) == BUDGET // BATCH
    file = by_phone(tmp_path / "b.csv", "B", [330])
    line = system.command(DISHONEST, "push", str(file), *system.purpose_of(DISHONEST))
    done = run(line, environment=ENVIRONMENT, status=TRY_LATER)
    assert f"Error ({Code.BUDGET_EXHAUSTED}" in done.stderr
    assert "1 signal waits in the outbox" in done.stdout


def test_an_agency_outside_a_purpose_gets_nothing(system: System, tmp_path: Path) -> None:
    """An agency that signs itself into a purpose is refused by the others, and believes no answer of theirs."""
    with pytest.raises(RefusedError) as refused:
        asyncio.run(evaluations(system, 1, PurposeId("victim-protection"), 1, OUTSIDER))
    assert (refused.value.code, refused.value.rule) == (Code.POLICY_REFUSED, "guard.hidden-from-kind")
    own, true = system.home(OUTSIDER) / "covenant", tmp_path / "true"
    board = SignedCovenants(tmp_path / "board", board=("one", "two", "three"))
    board.add_root()
    purpose, rules = "purposes/victim-protection.yaml", "purposes/victim-protection.cedar"
    text, permits = system.files[purpose].decode(), system.files[rules].decode()
    false = text.replace("public-prosecution, probation, youth", "public-prosecution, youth").replace(
        "participants:\n", "participants:\n  probation: {acts: [send, receive], bases: [legal-duty]}\n"
    )
    assert false != text
    open_to_all = re.sub(r"\[[^]]*\]\s*\.contains\(\s*principal\.kind\s*\)", "true", permits)
    board.add({**system.files, purpose: false.encode(), rules: open_to_all.encode()})
    board.publish()
    own.rename(true)
    try:
        board.enrol(own)
        file = by_phone(tmp_path / "v.csv", "V", [340])
        how = ["--purpose", "victim-protection", "--grounds", "under-coercion", "--basis", "legal-duty", "--yes"]
        done = run(system.command(OUTSIDER, "push", str(file), *how), environment=ENVIRONMENT, status=None)
    finally:
        shutil.rmtree(own)
        true.rename(own)
    assert done.returncode != 0
    assert f"Error ({Code.COVENANT_UNTRUSTED})" in done.stderr
    assert "not everybody acts under the same covenant" in done.stderr


def test_after_all_lies_everybody_is_told(system: System, told: dict[str, str]) -> None:
    """What was told among lies is told in full by an honest broker, once."""
    inbox = system.read(POLICE, "inbox", status=None)
    assert shown(inbox) == {f"DP-{n}" for n in TOLD}
    assert shown(system.read(CARE, "inbox", status=None)) == {f"DC-{n}" for n in TOLD}
