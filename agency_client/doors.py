# SPDX-License-Identifier: EUPL-1.2
"""What the client asks of the others, as it sees them; ``transport.py`` speaks HTTP, tests speak in memory.

Nothing that comes through a door is believed: the callers verify it.
"""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from protocol.disclosures import AnswerChunk, ChunksKept
from protocol.ids import AnswerId, DisclosureId, Epoch, HolderIndex, PartyId, PurposeId
from protocol.messages import EvaluationAnswer, EvaluationRequest, KeyStatementsAnswer
from protocol.notices import NoticePage
from protocol.questions import PersonRole
from protocol.statistics import StatisticsAnswer
from protocol.witness_reports import CosignatureUpload, WitnessReports


class KeyHolderDoor(Protocol):
    """One key-holder."""

    @property
    def index(self) -> HolderIndex:
        """Its place among the n, from the covenant."""

    @property
    def party(self) -> PartyId:
        """Its name in the covenant."""

    async def evaluate(self, request: EvaluationRequest) -> EvaluationAnswer:
        """Ask it to multiply blinded points. Raises ``UnavailableError`` when it cannot be reached."""


class DisclosureDoor(Protocol):
    """The broker as one that keeps the sealed pieces of answers for a while."""

    async def put_chunk(
        self, disclosure: DisclosureId, answer: AnswerId, index: int, chunk: AnswerChunk, *, person: str
    ) -> None:
        """Bring one sealed piece; the same again changes nothing."""

    async def kept_chunks(self, disclosure: DisclosureId, answer: AnswerId, *, person: str) -> ChunksKept:
        """Return which pieces of an answer of ours arrived."""

    async def chunk(self, disclosure: DisclosureId, answer: AnswerId, index: int, *, person: str) -> AnswerChunk:
        """Fetch one sealed piece of an answer to us."""


class BrokerDoor(DisclosureDoor, Protocol):
    """The broker and its log."""

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
        """Send a request of the outbox and return the answer's body. Raises what the broker's problem stands for."""

    async def query(self, body: bytes, *, purpose: PurposeId, person: str) -> bytes:
        """Ask who knows a person and return the answer's body. Every call is another question."""

    async def statistics(
        self, about: PurposeId, purpose: PurposeId, year: int, *, person: str, role: PersonRole
    ) -> StatisticsAnswer:
        """Return a year's aggregates of a purpose. Every call is another reading."""

    async def notices(self, after: int, limit: int, wait: float) -> NoticePage:
        """Return the notices after a number, waiting at most ``wait`` seconds for the first."""

    def notice_stream(self, after: int) -> AbstractAsyncContextManager[AsyncIterator[NoticePage]]:
        """Open the stream of notices after a number: pages as they come. Raises ``SilentError`` when it is held up."""

    async def key_statements(self, purpose: PurposeId, epoch: Epoch) -> KeyStatementsAnswer:
        """Return the logged key statements of a purpose and epoch."""

    async def checkpoint(self) -> str:
        """Return the note of the latest checkpoint that has its quorum."""

    async def log_file(self, path: str) -> bytes:
        """Return a tile or a bundle of entries, by its path behind ``/log/``."""


class WitnessDoor(Protocol):
    """The broker as one that keeps what witnesses show it."""

    async def cosign(self, upload: CosignatureUpload) -> None:
        """Show it a checkpoint with our cosignature."""

    async def witnesses(self) -> WitnessReports:
        """Return what it says of all witnesses."""
