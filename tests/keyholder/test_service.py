# SPDX-License-Identifier: EUPL-1.2
"""A key-holder as a process of its own: what it answers, what a dishonest agency gets, what a kill leaves."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from edge.keyfile import SecretText, read_keyfile
from edge.problems import error_from_problem
from edge.transport import SignedClient, make_http
from keyholder.ledger import Ledger, Usage
from keyholder.settings import IDENTITY, open_home
from keyholder.share import statement_of
from protocol.checkpoint import Checkpoint, read_cosignatures, sign_checkpoint
from protocol.encoding import b64url
from protocol.errors import AuthenticationError, Code, InputError, RefusedError, SluisError
from protocol.ids import Epoch, HolderIndex, PartyId, PurposeId
from protocol.merkle import leaf_hash, root_of
from protocol.messages import EvaluationAnswer, EvaluationRequest, KeyStatements, Problem, parse
from protocol.note import WitnessKey
from protocol.oprf import accept, blind
from protocol.signing import Request, Signer, sign_request, verify_key_statement
from protocol.threshold import agree
from protocol.witness_rules import LAST_CHECKPOINT, SIZE_TYPE, format_add_checkpoint
from tests.fakes.covenants import make_covenant
from tests.fakes.keyholders import PASSPHRASE, KeyHolders, make_key_holders
from tests.fakes.processes import Process, all_of

POLICE, CARE, PROBATION = PartyId("police-oost"), PartyId("care-linde"), PartyId("probation-oost")
PREVENTION, VICTIMS = PurposeId("offender-prevention"), PurposeId("victim-protection")
PATH = "/v1/evaluations"
BUDGET = 1_000
"""What the fixture gives."""
ELEMENTS = tuple(one.encoded for one in blind([str(number).encode() for number in range(100)]).elements)


@pytest.fixture(scope="module")
def process(key_holders: KeyHolders) -> Iterator[Process]:
    """Key-holder 1, running."""
    with key_holders.start(1) as started:
        yield started


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    """A connection pool."""
    async with make_http() as pool:
        yield pool


def now() -> datetime:
    """Return the time."""
    return datetime.now(UTC)


def message(key_holders: KeyHolders, count: int = 3, **changes: object) -> EvaluationRequest:
    """Return a good request for so many elements."""
    elements = ELEMENTS[:count]
    epoch = key_holders.covenant.live_epochs(now())[0]
    fields: dict[str, object] = {"purpose": PREVENTION, "epoch": epoch, "quorum": (1, 2), "elements": elements}
    return EvaluationRequest.model_validate(fields | changes)


def client(key_holders: KeyHolders, process: Process, http: httpx.AsyncClient, agency: PartyId) -> SignedClient:
    """Return an agency's client."""
    return SignedClient(process.url, key_holders.kit.signers[agency], now, http)


def signed(signer: Signer, url: str, body: bytes, created: datetime | None = None) -> dict[str, str]:
    """Return the headers of a signed request."""
    request = Request("POST", url + PATH, {}, body)
    nonce = b64url(blind([b"nonce"]).elements[0].encoded)
    return sign_request(signer, request, created=created or now(), nonce=nonce)


async def problem_of(response: httpx.Response) -> SluisError:
    """Return the error that an answer stands for, and check that it is a problem document."""
    assert response.headers["content-type"] == "application/problem+json"
    parse(Problem, response.content)
    return error_from_problem(response.content, response.status_code)


async def test_an_evaluation_is_proven_against_the_published_points(
    key_holders: KeyHolders, process: Process, http: httpx.AsyncClient
) -> None:
    """What the process answers holds against what it and the other key-holders state, and shows the budget."""
    epoch = key_holders.covenant.live_epochs(now())[0]
    mine = parse(KeyStatements, (await http.get(f"{process.url}/v1/keys?purpose={PREVENTION}&epoch={epoch}")).content)
    directory = key_holders.covenant.key_directory()
    stated = [verify_key_statement(directory, one, now()) for one in mine.statements]
    assert [(one.holder, one.purpose, one.epoch) for one in stated] == [(1, PREVENTION, epoch)]
    others = [statement_of(key_holders.held(holder), PREVENTION, epoch) for holder in (2, 3)]
    keys = agree([*stated, *others], key_holders.covenant.sharing, PREVENTION, epoch)
    blinded = blind([b"a", b"b"])
    request = message(key_holders, elements=tuple(one.encoded for one in blinded.elements))
    answer = await client(key_holders, process, http, CARE).post(PATH, request, EvaluationAnswer)
    public = keys.public(HolderIndex(1), (HolderIndex(1), HolderIndex(2)))
    assert len(accept(public, blinded.elements, answer.elements, answer.proof)) == 2
    assert answer.budget.used + answer.budget.left == BUDGET
    assert answer.budget.renews_at.date() == now().date() + timedelta(days=1)


async def test_without_a_query_all_purposes_and_live_epochs_are_stated(
    key_holders: KeyHolders, process: Process, http: httpx.AsyncClient
) -> None:
    """The statements of every purpose and live epoch come in one answer; unknown ones are refused."""
    found = parse(KeyStatements, (await http.get(process.url + "/v1/keys")).content)
    live = key_holders.covenant.live_epochs(now())
    expected = {(purpose, epoch) for purpose in key_holders.covenant.purposes for epoch in live}
    assert {(one.statement.purpose, one.statement.epoch) for one in found.statements} == expected
    for query, code in (
        ("purpose=nothing-here", Code.NOT_FOUND),
        ("epoch=9", Code.EPOCH_CLOSED),
        ("epoch=-1", Code.MALFORMED),
        ("purpose=X", Code.MALFORMED),
    ):
        assert (await problem_of(await http.get(f"{process.url}/v1/keys?{query}"))).code is code


async def test_a_replayed_request_is_refused(
    key_holders: KeyHolders, process: Process, http: httpx.AsyncClient
) -> None:
    """The same signed bytes a second time are refused and use no budget."""
    body = message(key_holders).to_json()
    headers = signed(key_holders.kit.signers[CARE], process.url, body)
    first = await http.post(process.url + PATH, content=body, headers=headers)
    assert first.status_code == 200
    used = parse(EvaluationAnswer, first.content).budget.used
    assert (await problem_of(await http.post(process.url + PATH, content=body, headers=headers))).code is (
        Code.SIGNATURE_REPLAYED
    )
    after = await client(key_holders, process, http, CARE).post(PATH, message(key_holders), EvaluationAnswer)
    assert after.budget.used == used + 3


@pytest.mark.parametrize("change", ["body", "method-target", "digest", "other-party"])
async def test_an_altered_request_is_refused(
    key_holders: KeyHolders, process: Process, http: httpx.AsyncClient, change: str
) -> None:
    """A changed body, address or sender does not fit the signature."""
    body = message(key_holders).to_json()
    headers = signed(key_holders.kit.signers[CARE], process.url, body)
    other = message(key_holders, count=4).to_json()
    path = PATH
    if change == "body":
        body = other
    elif change == "digest":
        body = other
        headers["Content-Digest"] = signed(key_holders.kit.signers[POLICE], process.url, other)["Content-Digest"]
    elif change == "other-party":
        headers["Signature-Input"] = headers["Signature-Input"].replace("care-linde:1", "police-oost:1")
    else:
        path = PATH + "?again=1"
    error = await problem_of(await http.post(process.url + path, content=body, headers=headers))
    assert isinstance(error, AuthenticationError)


async def test_an_unsigned_or_old_request_is_refused(
    key_holders: KeyHolders, process: Process, http: httpx.AsyncClient
) -> None:
    """Without a signature, or with one of ten minutes ago, nothing is evaluated."""
    body = message(key_holders).to_json()
    assert (await problem_of(await http.post(process.url + PATH, content=body))).code is Code.SIGNATURE_MISSING
    headers = signed(key_holders.kit.signers[CARE], process.url, body, now() - timedelta(minutes=10))
    stale = await http.post(process.url + PATH, content=body, headers=headers)
    assert (await problem_of(stale)).code is Code.SIGNATURE_STALE


async def test_an_agency_gets_nothing_for_a_purpose_that_it_is_not_in(
    key_holders: KeyHolders, process: Process, http: httpx.AsyncClient
) -> None:
    """The refusal names the covenant's rule."""
    with pytest.raises(RefusedError) as caught:
        await client(key_holders, process, http, PROBATION).post(
            PATH, message(key_holders, purpose=VICTIMS), EvaluationAnswer
        )
    assert (caught.value.code, caught.value.rule) == (Code.POLICY_REFUSED, "guard.hidden-from-kind")


async def test_a_key_holder_cannot_ask_for_itself(
    key_holders: KeyHolders, process: Process, http: httpx.AsyncClient
) -> None:
    """A party that is no agency is refused, though its signature is good."""
    with pytest.raises(RefusedError) as caught:
        await client(key_holders, process, http, PartyId("holder-2")).post(PATH, message(key_holders), EvaluationAnswer)
    assert caught.value.code is Code.POLICY_REFUSED


@pytest.mark.parametrize("element", [bytes(32), b"\xff" * 32])
async def test_what_is_no_point_is_refused_and_costs_nothing(
    key_holders: KeyHolders, process: Process, http: httpx.AsyncClient, element: bytes
) -> None:
    """The identity and non-canonical bytes are refused before the budget is touched."""
    asking = client(key_holders, process, http, CARE)
    before = (await asking.post(PATH, message(key_holders, count=1), EvaluationAnswer)).budget.used
    with pytest.raises(InputError) as caught:
        await asking.post(PATH, message(key_holders, elements=(element,)), EvaluationAnswer)
    assert caught.value.code is Code.INVALID_ELEMENT
    after = (await asking.post(PATH, message(key_holders, count=1), EvaluationAnswer)).budget.used
    assert after == before + 1


async def test_a_malformed_message_lists_all_its_errors(
    key_holders: KeyHolders, process: Process, http: httpx.AsyncClient
) -> None:
    """Every wrong field is named at once, and none of the values is repeated."""
    body = json.dumps({"purpose": "X", "epoch": -1, "quorum": [2, 1], "elements": ["AAAA"], "name": "Jansen"}).encode()
    headers = signed(key_holders.kit.signers[CARE], process.url, body)
    response = await http.post(process.url + PATH, content=body, headers=headers)
    error = await problem_of(response)
    assert {issue.location for issue in error.issues} >= {"purpose", "epoch", "elements[0]", "name"}
    assert "Jansen" not in response.text


async def test_a_body_that_is_too_large_is_refused(
    key_holders: KeyHolders, process: Process, http: httpx.AsyncClient
) -> None:
    """More than a request can hold is refused, whoever signs it."""
    body = b" " * 400_000
    headers = signed(key_holders.kit.signers[CARE], process.url, body)
    response = await http.post(process.url + PATH, content=body, headers=headers)
    assert (await problem_of(response)).code is Code.TOO_LARGE


async def test_requests_at_once_share_one_budget(
    key_holders: KeyHolders, process: Process, http: httpx.AsyncClient
) -> None:
    """Twelve requests of 100 under a budget of 1,000, all at once: ten are answered, two refused with what is left."""
    asking = client(key_holders, process, http, POLICE)
    request = message(key_holders, count=100)
    done = await asyncio.gather(
        *(asking.post(PATH, request, EvaluationAnswer) for _ in range(12)), return_exceptions=True
    )
    refused = [one for one in done if isinstance(one, RefusedError)]
    assert len(refused) == 2
    assert sum(isinstance(one, EvaluationAnswer) for one in done) == 10
    for one in refused:
        assert one.code is Code.BUDGET_EXHAUSTED
        assert {issue.location: issue.message for issue in one.issues}["budget.left"] == "0"
        assert "renews at" in str(one.hint)
    assert (await asking.post(PATH, message(key_holders, 1, purpose=VICTIMS), EvaluationAnswer)).budget.used == 1


async def test_the_witness_answers_over_http(
    key_holders: KeyHolders, process: Process, http: httpx.AsyncClient
) -> None:
    """Cosignature, conflict with the size seen, and a refused fork, as C2SP tlog-witness has them."""
    log = key_holders.kit.log_signer
    leaves = [leaf_hash(bytes([number])) for number in range(4)]
    note = sign_checkpoint(Checkpoint(log.key.name, 4, root_of(leaves)), log)
    url = process.url + "/add-checkpoint"
    assert (await http.get(process.url + LAST_CHECKPOINT)).status_code == 404
    good = await http.post(url, content=format_add_checkpoint(0, [], note))
    assert good.status_code == 200
    assert good.headers["content-type"].startswith("text/plain")
    witness = WitnessKey.parse(key_holders.covenant.key_holders[0].witness)
    assert len(read_cosignatures(note, good.text, witness)) == 1
    shown = await http.get(process.url + LAST_CHECKPOINT)
    assert (shown.status_code, shown.text) == (200, note)
    late = await http.post(url, content=format_add_checkpoint(2, [], note))
    assert (late.status_code, late.text, late.headers["content-type"]) == (409, "4\n", SIZE_TYPE)
    fork = sign_checkpoint(Checkpoint(log.key.name, 4, root_of(leaves[::-1])), log)
    assert (await http.post(url, content=format_add_checkpoint(4, [], fork))).status_code == 422
    assert "log contradicts itself" in process.stderr()


async def test_operators_see_health_and_readiness(
    key_holders: KeyHolders, process: Process, http: httpx.AsyncClient
) -> None:
    """Both answer, readiness with the covenant that is in use; every answer has the API's version."""
    ready = await http.get(process.url + "/readyz")
    assert ready.json()["covenant"]["sha256"] == key_holders.covenant.sha256
    for path in ("/healthz", "/readyz", "/v1/keys", "/v1/openapi.json", "/nothing"):
        assert (await http.get(process.url + path)).headers["api-version"] == "1.0.0"


async def test_refusals_stand_in_the_ledger_without_the_callers_words(
    key_holders: KeyHolders, process: Process, http: httpx.AsyncClient
) -> None:
    """Every refusal is counted: proven agencies and known purposes by name, anything else as a dash."""
    body = message(key_holders, purpose="word-of-the-caller").to_json()
    headers = signed(key_holders.kit.signers[CARE], process.url, body)
    await http.post(process.url + PATH, content=body, headers=headers)
    await http.post(process.url + PATH, content=body, headers=headers)
    ledger = Ledger(open_home(key_holders.homes[0]).ledger_path)
    kept = {(one.agency, one.purpose, one.code) for one in ledger.refusals(now().date())}
    ledger.close()
    assert {("care-linde", "-", "policy_refused"), ("-", "-", "signature_replayed")} <= kept
    assert all("caller" not in purpose for _, purpose, _ in kept)


async def test_budgets_and_nonces_survive_a_kill(key_holders: KeyHolders, http: httpx.AsyncClient) -> None:
    """After kill -9 in the middle of requests, every answered element is on the books, and replays are refused."""
    body = message(key_holders, count=100, quorum=(2, 3)).to_json()
    with key_holders.start(2) as first:
        asking = client(key_holders, first, http, POLICE)
        request = message(key_holders, count=100, quorum=(2, 3))
        headers = signed(key_holders.kit.signers[POLICE], first.url, body)
        assert (await http.post(first.url + PATH, content=body, headers=headers)).status_code == 200
        running = [asyncio.create_task(asking.post(PATH, request, EvaluationAnswer)) for _ in range(6)]
        await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
        first.kill()
        done = await asyncio.gather(*running, return_exceptions=True)
    answered = 1 + sum(isinstance(one, EvaluationAnswer) for one in done)
    assert answered >= 2
    async with make_http() as fresh:
        with key_holders.start(2) as second:
            replay = await fresh.post(second.url + PATH, content=body, headers=headers)
            assert (await problem_of(replay)).code is Code.SIGNATURE_REPLAYED
            again = client(key_holders, second, fresh, POLICE)
            used = (await again.post(PATH, message(key_holders, 1, quorum=(2, 3)), EvaluationAnswer)).budget.used - 1
            assert answered * 100 <= used <= 700
    ledger = Ledger(open_home(key_holders.homes[1]).ledger_path)
    assert ledger.usage(now().date())[0] == Usage(now().date(), POLICE, PREVENTION, used // 100 + 1, used + 1)
    ledger.close()


async def test_a_start_destroys_the_keys_of_an_epoch_that_is_over(
    tmp_path_factory: pytest.TempPathFactory, http: httpx.AsyncClient
) -> None:
    """A key-holder that was off over the end of an epoch destroys its keys before it answers the first request."""
    at = now()
    lowest = min(make_covenant(now=at).covenant.live_epochs(at))
    late = make_key_holders(tmp_path_factory.mktemp("late"), now=at, epoch=Epoch(lowest - 1))
    with late.start(1) as process:
        assert (await http.get(process.url + "/readyz")).json()["epoch"] == lowest
    assert late.held(1).epoch == lowest
    ledger = Ledger(open_home(late.homes[0]).ledger_path)
    (gone,) = ledger.destructions()
    ledger.close()
    assert gone.epoch == lowest - 1
    assert gone.done_at is not None


def test_nothing_secret_is_logged(key_holders: KeyHolders, process: Process) -> None:
    """No seed, private key, point or caller's text stands in anything that the processes of this file wrote."""
    said = "".join(path.read_text() for path in (key_holders.folder / "output").iterdir())
    assert "budget_exhausted" in said
    secrets = [seed.encoded for holder in (1, 2) for seed in key_holders.held(holder).seeds.values()]
    for holder in (1, 2):
        own = read_keyfile(key_holders.homes[holder - 1] / IDENTITY, SecretText(PASSPHRASE))
        secrets += [secret.reveal() for secret in own.values()]
    held = key_holders.held(1)
    epoch = key_holders.covenant.live_epochs(now())[0]
    secrets += [point.encoded for point in held.points(PREVENTION, epoch).values()]
    secrets.append(held.key(PREVENTION, epoch, held.sharing.sets_of(HolderIndex(1))).encoded)
    secrets += [*ELEMENTS, PASSPHRASE.encode()]
    for secret in secrets:
        for form in (secret.hex(), b64url(secret), base64.b64encode(secret).decode(), repr(secret)[2:-1]):
            assert form[:24] not in said
    for word in ("Jansen", "word-of-the-caller", "again=1"):
        assert word not in said


def test_a_polite_stop_ends_with_status_zero(key_holders: KeyHolders) -> None:
    """SIGTERM ends the process in order."""
    started = key_holders.start(3)
    with all_of(started):
        assert started.stop() == 0
