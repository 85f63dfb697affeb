# SPDX-License-Identifier: EUPL-1.2
"""The doors of ``doors.py`` over HTTP, with every request signed.

Not here: when to try again (``post.py``, ``evaluation.py``) and whether an answer is true (whoever asked verifies it).
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import date, datetime
from typing import Final

import httpx
from httpx_sse import ServerSentEvent

from agency_client.heard import Heard
from edge.transport import READ_SECONDS, SignedClient
from protocol.agreed import Agreed
from protocol.covenant_parts import KeyHolder
from protocol.disclosures import AnswerChunk, ChunksKept
from protocol.errors import Code, InputError, VerificationError
from protocol.event_search import EventPage, EventSearch
from protocol.ids import AnswerId, DisclosureId, Epoch, HolderIndex, PartyId, PurposeId, SignalId
from protocol.messages import ActAnswer, ErasureRequest, EvaluationAnswer, EvaluationRequest, KeyStatementsAnswer, parse
from protocol.notices import NoticePage
from protocol.questions import LogPurpose, PersonRole
from protocol.signing import Signer
from protocol.statistics import StatisticsAnswer
from protocol.unusual import UnusualAnswer
from protocol.witness_reports import CosignatureUpload, WitnessReports

COORDINATOR: Final[PersonRole] = "coordinator"
"""Who brings and fetches what is disclosed."""
WITNESS_SECONDS: Final = 3.0
"""What is shown as a witness takes milliseconds, and must not hold up what the agency came for."""
FIRST_SIGN_SECONDS: Final = 10.0
"""A broker greets at once; a proxy that keeps the greeting back would keep notices back too."""
SILENT_SECONDS: Final = 45.0
"""Three times the broker's sign of life."""
MAX_LOG_FILE: Final = 256 * 67 + 8_192
"""Bytes of a bundle of 256 entries of 65 bytes, each with its two-byte length; a tile of hashes is smaller."""


class HttpKeyHolder:
    """A key-holder at its address in the covenant."""

    def __init__(self, holder: KeyHolder, client: SignedClient, allowed: Callable[[], None]) -> None:
        self.index = HolderIndex(holder.index)
        self.party = PartyId(holder.id)
        self._client = client
        self._allowed = allowed

    async def ping(self) -> None:
        """Pass when it answers at all. Raises ``UnavailableError``."""
        await self._client.request("GET", "/healthz", read_seconds=WITNESS_SECONDS)

    async def evaluate(self, request: EvaluationRequest) -> EvaluationAnswer:
        """Ask it to multiply blinded points."""
        self._allowed()
        return await self._client.post("/v1/evaluations", request, EvaluationAnswer)


class HttpBroker:
    """The broker at its address in the covenant.

    ``allowed`` is asked before every act and raises ``UnavailableError`` (``covenant_expired``) once the covenant is
    over, as it may be in the middle of a long push; the log can be read at any time.
    """

    def __init__(self, client: SignedClient, allowed: Callable[[], None]) -> None:
        self._client = client
        self._allowed = allowed

    async def post(
        self,
        path: str,
        body: bytes,
        *,
        idempotency_key: str,
        purpose: PurposeId | None,
        person: str | None,
        role: PersonRole | None = None,
    ) -> bytes:
        """Send the exact bytes of a request of the outbox."""
        self._allowed()
        named = {
            "Idempotency-Key": idempotency_key,
            "Sluis-Purpose": purpose,
            "Sluis-Person": person,
            "Sluis-Role": role,
        }
        headers = {name: value for name, value in named.items() if value is not None}
        return (await self._client.request("POST", path, body=body, headers=headers)).body

    async def put_chunk(
        self, disclosure: DisclosureId, answer: AnswerId, index: int, chunk: AnswerChunk, *, person: str
    ) -> None:
        """Bring one sealed piece of an answer."""
        self._allowed()
        path = f"/v1/disclosure-requests/{disclosure}/answers/{answer}/chunks/{index}"
        headers = {"Sluis-Person": person, "Sluis-Role": COORDINATOR}
        await self._client.request("PUT", path, body=chunk.to_json(), headers=headers)

    async def kept_chunks(self, disclosure: DisclosureId, answer: AnswerId, *, person: str) -> ChunksKept:
        """Ask which pieces of an answer of ours arrived."""
        self._allowed()
        path = f"/v1/disclosure-requests/{disclosure}/answers/{answer}"
        return await self._client.get(path, ChunksKept, person=person, role=COORDINATOR)

    async def chunk(self, disclosure: DisclosureId, answer: AnswerId, index: int, *, person: str) -> AnswerChunk:
        """Fetch one sealed piece of an answer to us."""
        self._allowed()
        path = f"/v1/disclosure-requests/{disclosure}/answers/{answer}/chunks/{index}"
        return await self._client.get(path, AnswerChunk, person=person, role=COORDINATOR)

    async def query(self, body: bytes, *, purpose: PurposeId, person: str) -> bytes:
        """Send a question, once: it has no key under which it could be sent again."""
        self._allowed()
        headers = {"Sluis-Purpose": purpose, "Sluis-Person": person}
        return (await self._client.request("POST", "/v1/queries", body=body, headers=headers)).body

    async def search_events(self, search: EventSearch, *, person: str, role: PersonRole) -> EventPage:
        """Ask for a page of the log's entries, once: every call is another reading."""
        self._allowed()
        headers = {"Sluis-Person": person, "Sluis-Role": role}
        found = await self._client.request("POST", "/v1/events/search", body=search.to_json(), headers=headers)
        try:
            return parse(EventPage, found.body)
        except InputError as error:
            raise VerificationError(
                Code.RECEIPT_INVALID, "The broker's answer does not have the agreed form.", hint=error.detail
            ) from error

    async def erase(
        self, signal: SignalId, request: ErasureRequest, *, idempotency_key: str, person: str, role: PersonRole
    ) -> ActAnswer:
        """Ask to have the log forget whom a signal's entries concern."""
        self._allowed()
        path = f"/v1/signals/{signal}/erasure"
        return await self._client.post(
            path, request, ActAnswer, idempotency_key=idempotency_key, person=person, role=role
        )

    async def unusual(self, since: date, log_purpose: LogPurpose, *, person: str, role: PersonRole) -> UnusualAnswer:
        """Ask for the unusual use that stands in the log from a day on."""
        self._allowed()
        params: dict[str, str | int] = {"since": since.isoformat(), "logPurpose": log_purpose}
        return await self._client.get("/v1/unusual", UnusualAnswer, params=params, person=person, role=role)

    async def subject_request(self, body: bytes, *, person: str, role: PersonRole) -> bytes:
        """Ask what the log has about a citizen, once: every call is another consultation."""
        self._allowed()
        headers = {"Sluis-Person": person, "Sluis-Role": role}
        return (await self._client.request("POST", "/v1/subject-requests", body=body, headers=headers)).body

    async def statistics(
        self, about: PurposeId, purpose: PurposeId, year: int, *, person: str, role: PersonRole
    ) -> StatisticsAnswer:
        """Ask for a year's aggregates of a purpose."""
        self._allowed()
        params: dict[str, str | int] = {"about": about, "purpose": purpose, "year": year}
        return await self._client.get("/v1/statistics", StatisticsAnswer, params=params, person=person, role=role)

    async def notices(self, after: int, limit: int, wait: float) -> NoticePage:
        """Ask for a page of notices, as a long poll when ``wait`` is above zero."""
        self._allowed()
        return await self._client.get(
            "/v1/notices",
            NoticePage,
            params={"after": after, "limit": limit, "wait": int(wait)},
            read_seconds=READ_SECONDS + wait,
        )

    @asynccontextmanager
    async def notice_stream(self, after: int) -> AsyncIterator[AsyncIterator[NoticePage]]:
        """Open the stream of notices after a number."""
        self._allowed()
        async with self._client.events(
            "/v1/notices/stream",
            params={"after": after},
            first_seconds=FIRST_SIGN_SECONDS,
            silent_seconds=SILENT_SECONDS,
        ) as events:
            yield _pages(events)

    async def key_statements(self, purpose: PurposeId, epoch: Epoch) -> KeyStatementsAnswer:
        """Ask for the logged key statements."""
        self._allowed()
        return await self._client.get(
            "/v1/key-statements", KeyStatementsAnswer, params={"purpose": purpose, "epoch": epoch}
        )

    async def checkpoint(self) -> str:
        """Fetch the newest checkpoint."""
        answer = await self._client.request("GET", "/log/checkpoint")
        try:
            return answer.body.decode()
        except UnicodeDecodeError:
            raise VerificationError(Code.CHECKPOINT_INVALID, "The checkpoint is not text.") from None

    async def log_file(self, path: str) -> bytes:
        """Fetch a tile or a bundle."""
        body = (await self._client.request("GET", f"/log/{path}")).body
        if len(body) > MAX_LOG_FILE:
            raise VerificationError(Code.LOG_INCOMPLETE, "A part of the log is larger than it can be.")
        return body

    async def cosign(self, upload: CosignatureUpload) -> None:
        """Show the broker a checkpoint with our cosignature; nobody's work waits long for it."""
        body = upload.to_json()
        await self._client.request("POST", "/v1/log/cosignatures", body=body, read_seconds=WITNESS_SECONDS)

    async def witnesses(self) -> WitnessReports:
        """Ask what the broker says of all witnesses."""
        return await self._client.get("/log/witnesses", WitnessReports, read_seconds=WITNESS_SECONDS)


async def _pages(events: AsyncIterator[ServerSentEvent]) -> AsyncIterator[NoticePage]:
    async for event in events:
        if event.event != "notices":
            continue
        try:
            yield parse(NoticePage, event.data.encode())
        except InputError as error:
            raise VerificationError(
                Code.MALFORMED, "The broker's stream does not have the agreed form.", hint=error.detail
            ) from None


def key_holder_doors(
    agreed: Agreed, signer: Signer, clock: Callable[[], datetime], http: httpx.AsyncClient, heard: Heard
) -> list[HttpKeyHolder]:
    """Return a door to every key-holder of the covenant."""

    def allowed() -> None:
        agreed.require_in_force(clock())

    return [
        HttpKeyHolder(holder, SignedClient(holder.url, signer, clock, http, heard=heard.hear(holder.id)), allowed)
        for holder in agreed.covenant.key_holders
    ]


def broker_door(
    agreed: Agreed, signer: Signer, clock: Callable[[], datetime], http: httpx.AsyncClient, heard: Heard
) -> HttpBroker:
    """Return the door to the covenant's broker."""
    broker = agreed.covenant.broker
    client = SignedClient(broker.url, signer, clock, http, called="broker", heard=heard.hear(broker.id))

    def allowed() -> None:
        agreed.require_in_force(clock())

    return HttpBroker(client, allowed)
