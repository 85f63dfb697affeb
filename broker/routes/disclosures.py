# SPDX-License-Identifier: EUPL-1.2
"""``/v1/disclosure-requests``: ask for more after a hit, decide on it, bring and fetch the sealed pieces of an answer.

Not here: what each step means (``broker/disclosures.py``). Spec: ``protocol/spec/disclosures.md``.
"""

from typing import Final

from fastapi import FastAPI, Request, Response

from broker import disclosures
from broker.routes.door import Door, answer
from edge.api import described
from protocol.disclosures import (
    MAX_CHUNKS,
    AnswerChunk,
    ChunkKept,
    ChunksKept,
    DisclosureCancellation,
    DisclosureDecision,
    DisclosureReceipt,
    DisclosureRequest,
)
from protocol.errors import Code, InputError
from protocol.ids import AnswerId, DisclosureId
from protocol.messages import ActAnswer, as_uuid

MAX_WORDS_BODY: Final = 65_536
"""Bytes of a request or decision: sealed words of a page, with what belongs to them."""
MAX_CHUNK_BODY: Final = 400_000
"""Bytes of a piece of 256 KiB, as base64."""
_REFUSALS: Final = [
    Code.POLICY_REFUSED,
    Code.NOT_FOUND,
    Code.CONFLICT,
    Code.ALREADY_DECIDED,
    Code.SIGNAL_RESTRICTED,
    Code.IDEMPOTENCY_CONFLICT,
    Code.ENVELOPE_INVALID,
    Code.UNAVAILABLE,
]
_PIECES: Final = [
    Code.NOT_FOUND,
    Code.CONFLICT,
    Code.ALREADY_DECIDED,
    Code.SIGNAL_RESTRICTED,
    Code.UNAVAILABLE,
]


def add_disclosures(app: FastAPI, door: Door) -> None:
    """Add the routes of requests for more."""

    @app.post(
        "/v1/disclosure-requests",
        operation_id="requestDisclosure",
        summary="Ask the owner of a hit's other signal for more",
        tags=["disclosures"],
        **described(body=DisclosureRequest, answer=ActAnswer, refusals=_REFUSALS),
    )
    async def ask(request: Request) -> Response:
        signed = await door.read(request, MAX_WORDS_BODY)
        return answer(await disclosures.ask(signed.broker, signed.verified, signed.body))

    @app.post(
        "/v1/disclosure-requests/{disclosure_id}/decision",
        operation_id="decideDisclosure",
        summary="Give what was asked, refuse it, or approve it as the first of two",
        tags=["disclosures"],
        **described(body=DisclosureDecision, answer=ActAnswer, refusals=_REFUSALS),
    )
    async def decide(request: Request, disclosure_id: str) -> Response:
        signed = await door.read(request, MAX_WORDS_BODY)
        found = DisclosureId(as_uuid(disclosure_id))
        return answer(await disclosures.decide(signed.broker, signed.verified, found, signed.body))

    @app.post(
        "/v1/disclosure-requests/{disclosure_id}/receipt",
        operation_id="receiveDisclosure",
        summary="Say that a person reads what was given",
        tags=["disclosures"],
        **described(body=DisclosureReceipt, answer=ActAnswer, refusals=_REFUSALS),
    )
    async def receive(request: Request, disclosure_id: str) -> Response:
        signed = await door.read(request)
        found = DisclosureId(as_uuid(disclosure_id))
        return answer(await disclosures.receive(signed.broker, signed.verified, found, signed.body))

    @app.post(
        "/v1/disclosure-requests/{disclosure_id}/cancellation",
        operation_id="cancelDisclosure",
        summary="Take a request back",
        tags=["disclosures"],
        **described(body=DisclosureCancellation, answer=ActAnswer, refusals=_REFUSALS),
    )
    async def cancel(request: Request, disclosure_id: str) -> Response:
        signed = await door.read(request)
        found = DisclosureId(as_uuid(disclosure_id))
        return answer(await disclosures.cancel(signed.broker, signed.verified, found, signed.body))

    @app.get(
        "/v1/disclosure-requests/{disclosure_id}/answers/{answer_id}",
        operation_id="keptChunks",
        summary="Which pieces of an answer arrived",
        tags=["disclosures"],
        **described(answer=ChunksKept, refusals=_PIECES),
    )
    async def kept(request: Request, disclosure_id: str, answer_id: str) -> Response:
        signed = await door.read(request)
        named = DisclosureId(as_uuid(disclosure_id)), AnswerId(as_uuid(answer_id))
        return answer(await disclosures.kept_chunks(signed.broker, signed.verified, *named))

    @app.put(
        "/v1/disclosure-requests/{disclosure_id}/answers/{answer_id}/chunks/{index}",
        operation_id="putChunk",
        summary="Bring one sealed piece of an answer",
        tags=["disclosures"],
        **described(body=AnswerChunk, answer=ChunkKept, refusals=_PIECES),
    )
    async def put(request: Request, disclosure_id: str, answer_id: str, index: str) -> Response:
        signed = await door.read(request, MAX_CHUNK_BODY)
        named = DisclosureId(as_uuid(disclosure_id)), AnswerId(as_uuid(answer_id)), _index(index)
        return answer(await disclosures.put_chunk(signed.broker, signed.verified, *named, signed.body))

    @app.get(
        "/v1/disclosure-requests/{disclosure_id}/answers/{answer_id}/chunks/{index}",
        operation_id="getChunk",
        summary="Fetch one sealed piece of an answer",
        tags=["disclosures"],
        **described(answer=AnswerChunk, refusals=_PIECES),
    )
    async def fetch(request: Request, disclosure_id: str, answer_id: str, index: str) -> Response:
        signed = await door.read(request)
        named = DisclosureId(as_uuid(disclosure_id)), AnswerId(as_uuid(answer_id)), _index(index)
        return answer(await disclosures.chunk(signed.broker, signed.verified, *named))


def _index(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or len(text) > 3 or not 0 <= int(text) < MAX_CHUNKS:
        raise InputError(Code.MALFORMED, "Not the number of a piece.")
    return int(text)
