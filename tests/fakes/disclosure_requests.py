# SPDX-License-Identifier: EUPL-1.2
"""Requests for more as an agency's program sends them, with random bytes for what is sealed: the broker reads none."""

import os
from uuid import UUID

from protocol.disclosure_payload import Content, seal_answer
from protocol.disclosures import (
    AnswerChunk,
    ChunkKept,
    DisclosureCancellation,
    DisclosureDecision,
    DisclosureReceipt,
    DisclosureRequest,
    SealedAnswer,
    SealedRefusal,
    Terms,
    answer_digest,
    answer_statement,
    refusal_statement,
    request_digest,
    request_statement,
    sha256,
    why_digest,
)
from protocol.hpke import OVERHEAD
from protocol.ids import AnswerId, DisclosureId, HitId, PartyId, PurposeId
from protocol.messages import ActAnswer, Justification, Message
from tests.fakes.broker_world import PURPOSE, BrokerWorld, new_signal_id

WHY = Justification(code="case-work", text="overleg", case_reference="Z-1")


def new_disclosure() -> DisclosureId:
    """Return a UUIDv7."""
    return DisclosureId(UUID(str(new_signal_id())))


def terms_of(hit: HitId, asker: PartyId, owner: PartyId, made: DisclosureId, purpose: PurposeId = PURPOSE) -> Terms:
    """Return what both sides sign."""
    return Terms(made, hit, asker, owner, purpose)


def asked(world: BrokerWorld, terms: Terms, why: Justification = WHY) -> DisclosureRequest:
    """Return a signed request."""
    wanted, signer = os.urandom(OVERHEAD + 1_024), world.kit.signers[terms.asker]
    return DisclosureRequest(
        id=terms.id,
        hit_id=terms.hit,
        justification=why,
        wanted=wanted,
        key_id=signer.key_id,
        signature=signer.sign(request_statement(terms, why_digest(why), sha256(wanted))),
    )


def digest_of(terms: Terms, request: DisclosureRequest) -> str:
    """Return what the log calls it by."""
    return request_digest(terms, why_digest(request.justification), sha256(request.wanted))


def refused(world: BrokerWorld, terms: Terms, request: DisclosureRequest, reason: str = "no-consent") -> Message:
    """Return a signed refusal."""
    signer = world.kit.signers[terms.owner]
    bare = SealedRefusal(reason=reason, words=os.urandom(OVERHEAD + 1_024), key_id=signer.key_id, signature=bytes(64))
    signature = signer.sign(refusal_statement(terms, digest_of(terms, request), bare))
    return DisclosureDecision(outcome="refuse", refusal=bare.model_copy(update={"signature": signature}))


def given(
    world: BrokerWorld, terms: Terms, request: DisclosureRequest, text: str = "Ja."
) -> tuple[SealedAnswer, tuple[bytes, ...], str]:
    """Return a signed answer, its sealed pieces, and what the log calls it by."""
    signer, name = world.kit.signers[terms.owner], AnswerId(UUID(str(new_signal_id())))
    made = seal_answer(Content(text), name, world.kit.disclosure_keys[terms.asker].public, terms)
    bare = SealedAnswer(
        id=name,
        key=made.key,
        chunks=len(made.chunks),
        digest=made.digest,
        key_id=signer.key_id,
        signature=bytes(64),
    )
    signature = signer.sign(answer_statement(terms, digest_of(terms, request), bare))
    signed = bare.model_copy(update={"signature": signature})
    return signed, made.chunks, answer_digest(terms, digest_of(terms, request), signed)


async def send(
    world: BrokerWorld,
    party: PartyId,
    path: str,
    message: Message,
    *,
    key: str | None = None,
    person: str | None = "medewerker-17",
    role: str | None = "coordinator",
) -> ActAnswer:
    """Send one step."""
    where = f"/v1/disclosure-requests{path}"
    return await world.agency(party).client.post(
        where,
        message,
        ActAnswer,
        idempotency_key=key or os.urandom(12).hex(),
        person=person,
        role=role,  # type: ignore[arg-type]  # a word of the test
    )


async def put_chunks(world: BrokerWorld, terms: Terms, answer: SealedAnswer, chunks: tuple[bytes, ...]) -> None:
    """Bring the pieces of an answer."""
    for place, ciphertext in enumerate(chunks):
        path = f"/v1/disclosure-requests/{terms.id}/answers/{answer.id}/chunks/{place}"
        headers = {"Sluis-Person": "medewerker-17", "Sluis-Role": "coordinator"}
        found = await world.agency(terms.owner).client.request(
            "PUT", path, body=AnswerChunk(ciphertext=ciphertext).to_json(), headers=headers
        )
        assert ChunkKept.model_validate_json(found.body).sha256 == sha256(ciphertext)


async def ask(world: BrokerWorld, terms: Terms) -> DisclosureRequest:
    """Ask for more, once."""
    request = asked(world, terms)
    await send(world, terms.asker, "", request)
    return request


async def grant(world: BrokerWorld, terms: Terms, request: DisclosureRequest, *, key: str | None = None) -> str:
    """Give an answer; returns what the log calls it by."""
    answer, chunks, digest = given(world, terms, request)
    await put_chunks(world, terms, answer, chunks)
    decision = DisclosureDecision(outcome="grant", answer=answer)
    for _ in range(2):
        await send(world, terms.owner, f"/{terms.id}/decision", decision, key=key or "grant-0000000001")
    return digest


async def receive(world: BrokerWorld, terms: Terms, digest: str, *, key: str | None = None) -> ActAnswer:
    """Say that it is read."""
    return await send(world, terms.asker, f"/{terms.id}/receipt", DisclosureReceipt(answer=digest), key=key)


async def cancel(world: BrokerWorld, terms: Terms, *, key: str | None = None) -> ActAnswer:
    """Take it back."""
    return await send(world, terms.asker, f"/{terms.id}/cancellation", DisclosureCancellation(), key=key)
