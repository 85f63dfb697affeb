# SPDX-License-Identifier: EUPL-1.2
"""A key-holder that answers with another key, or lies otherwise, is caught by what it published and proved."""

from datetime import UTC, datetime

import pytest

from edge.transport import SignedClient, make_http
from keyholder.share import statement_of
from protocol.checkpoint import Checkpoint, read_cosignatures, sign_checkpoint
from protocol.errors import Code, VerificationError
from protocol.group import Point
from protocol.ids import HolderIndex, PartyId, PurposeId
from protocol.merkle import leaf_hash, root_of
from protocol.messages import EvaluationAnswer, EvaluationRequest, KeyStatements, parse
from protocol.note import WitnessKey
from protocol.oprf import accept, blind
from protocol.signing import verify_key_statement
from protocol.threshold import agree
from protocol.witness_rules import format_add_checkpoint
from tests.fakes.keyholders import KeyHolders

PREVENTION = PurposeId("offender-prevention")


@pytest.mark.parametrize(
    ("lie", "code"),
    [
        ("other-key", Code.PROOF_INVALID),
        ("swapped-answers", Code.PROOF_INVALID),
        ("no-points", Code.PROOF_INVALID),
        ("other-statement", Code.KEY_STATEMENT_CONFLICT),
    ],
)
async def test_a_lie_is_caught(key_holders: KeyHolders, lie: str, code: Code) -> None:
    """Each lie fails at the statement or at the proof, over real HTTP, with the signature of a real key-holder."""
    with key_holders.start_lying(2, lie) as process, pytest.raises(VerificationError) as caught:
        await ask(key_holders, process.url)
    assert caught.value.code is code


async def test_the_same_questions_to_an_honest_one_are_answered(key_holders: KeyHolders) -> None:
    """What catches the lies lets an honest key-holder pass."""
    with key_holders.start(2) as process:
        assert len(await ask(key_holders, process.url)) == 3


async def ask(key_holders: KeyHolders, url: str) -> list[Point]:
    """Ask key-holder 2 as a careful client does: its statements against the others', its answer against those."""
    covenant = key_holders.covenant
    epoch = covenant.live_epochs(datetime.now(UTC))[0]
    async with make_http() as http:
        found = parse(KeyStatements, (await http.get(f"{url}/v1/keys?purpose={PREVENTION}&epoch={epoch}")).content)
        directory = covenant.key_directory()
        stated = [verify_key_statement(directory, one, datetime.now(UTC)) for one in found.statements]
        honest = [statement_of(key_holders.held(holder), PREVENTION, epoch) for holder in (1, 3)]
        keys = agree([*honest, *stated], covenant.sharing, PREVENTION, epoch)
        blinded = blind([b"a", b"b", b"c"])
        request = EvaluationRequest(
            purpose=PREVENTION,
            epoch=epoch,
            quorum=(HolderIndex(1), HolderIndex(2)),
            elements=tuple(one.encoded for one in blinded.elements),
        )
        signer = key_holders.kit.signers[PartyId("police-oost")]
        client = SignedClient(url, signer, lambda: datetime.now(UTC), http)
        answer = await client.post("/v1/evaluations", request, EvaluationAnswer)
        return accept(keys.public(HolderIndex(2), request.quorum), blinded.elements, answer.elements, answer.proof)


async def test_a_cosignature_by_an_unlisted_key_does_not_count(key_holders: KeyHolders) -> None:
    """What a witness signs with another key than the covenant's is not its cosignature."""
    log = key_holders.kit.log_signer
    note = sign_checkpoint(Checkpoint(log.key.name, 1, root_of([leaf_hash(b"x")])), log)
    with key_holders.start_lying(3, "other-witness-key") as process:
        async with make_http() as http:
            answer = await http.post(process.url + "/add-checkpoint", content=format_add_checkpoint(0, [], note))
    assert answer.status_code == 200
    witness = WitnessKey.parse(key_holders.covenant.key_holders[2].witness)
    with pytest.raises(VerificationError) as caught:
        read_cosignatures(note, answer.text, witness)
    assert caught.value.code is Code.CHECKPOINT_INVALID
