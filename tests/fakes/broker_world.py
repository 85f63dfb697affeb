# SPDX-License-Identifier: EUPL-1.2
"""A broker for tests: the real application on a real database, three real-rule witnesses, agencies that sign.

Tags are made from words, since the broker cannot tell how a tag came to be. Not here: key-holders, real envelopes.
"""

import hashlib
import os
import socket
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import cycle
from pathlib import Path
from uuid import UUID

import httpx
from fastapi import FastAPI

from broker.web import Running, make_broker_app, running
from edge.ldv import SpanLog, service_of
from edge.tls import trusted
from edge.transport import SignedClient
from protocol.agreed import Agreed
from protocol.checkpoint import CosignedCheckpoint, WitnessKey, open_checkpoint
from protocol.covenant_parts import AgencyKind
from protocol.envelope import PartContext, part_digest, signal_statement
from protocol.events import Event
from protocol.ids import Epoch, HitId, KeyKind, PartyId, PurposeId, SignalId
from protocol.keys import KINDS, opens_parts
from protocol.log_evidence import verify_evidence
from protocol.messages import (
    ActAnswer,
    Evidence,
    Informed,
    Justification,
    OpeningRequest,
    PushAnswer,
    PushRequest,
    QueryAnswer,
    QueryKey,
    QueryRequest,
    Role,
    SealedPart,
    Signal,
    SignalKey,
    WithdrawalRequest,
    utc,
)
from protocol.notices import NoticePage
from tests.fakes.covenants import CovenantKit, make_covenant
from tests.fakes.data_keys import keys_of
from tests.fakes.witness import FakeWitness, listeners, serving, url_of

PURPOSE = PurposeId("offender-prevention")
POLICE, PROSECUTION, PROBATION, CARE, MUNICIPALITY = (
    PartyId(name) for name in ("police-oost", "prosecution-oost", "probation-oost", "care-linde", "municipality-dalen")
)
BASES = {
    POLICE: "legal-duty",
    PROSECUTION: "legal-duty",
    PROBATION: "legal-duty",
    CARE: "reporting-right",
    MUNICIPALITY: "legal-duty",
}
GROUND = "exploits-or-recruits"


@dataclass
class Clock:
    """The machine's clock, moved by a test."""

    ahead: timedelta = timedelta()

    def __call__(self) -> datetime:
        """Return the moved moment."""
        return datetime.now(UTC) + self.ahead


def new_signal_id() -> SignalId:
    """Return a UUIDv7."""
    value = int(datetime.now(UTC).timestamp() * 1000) << 80 | int.from_bytes(os.urandom(10), "big")
    return SignalId(UUID(int=value & ~(0xF << 76) & ~(0x3 << 62) | 0x7 << 76 | 0x2 << 62))


def tag_of(kind: str, value: str, purpose: PurposeId = PURPOSE, epoch: int = 0) -> bytes:
    """Return the pseudonym of a value: the same for everybody, another for each purpose and epoch."""
    return hashlib.sha256(f"{purpose}/{epoch}/{kind}/{value}".encode()).digest()


def _opens(kind: str) -> bool:
    return kind not in KINDS or opens_parts(KeyKind(kind))


@dataclass
class BrokerWorld:
    """A covenant with its private keys, witnesses, and the broker's address."""

    kit: CovenantKit
    witnesses: Sequence[FakeWitness]
    clock: Clock
    http: httpx.AsyncClient
    database: str = ""
    sockets: Sequence[socket.socket] = field(default_factory=list)
    spans: SpanLog | None = None
    """The log of processing, of tests that look at it."""
    agreed: Agreed = field(init=False)
    """What the board has signed last: brokers follow it."""

    def __post_init__(self) -> None:
        self.agreed = Agreed.of(self.kit.covenant)

    @property
    def epoch(self) -> Epoch:
        """The current epoch."""
        return self.kit.covenant.epoch_at(self.clock())

    def agency(self, party: PartyId) -> "AgencyCaller":
        """Return an agency that calls the broker."""
        signer = self.kit.signers[party]
        return AgencyCaller(self, party, SignedClient(self.kit.covenant.broker.url, signer, self.clock, self.http))

    def signal(
        self,
        party: PartyId,
        keys: Mapping[str, str] | Sequence[tuple[str, str, Role]],
        *,
        purpose: PurposeId = PURPOSE,
        epoch: Epoch | None = None,
        case: str | None = None,
        days: float = 30,
        signal_id: SignalId | None = None,
        basis: str | None = None,
        parts: Sequence[str] = ("contact", "content"),
        signed_by: PartyId | None = None,
        factor_wraps: bool = False,
    ) -> Signal:
        """Return a signal with a key a (kind, value, role); a mapping makes all keys the subject's."""
        chosen = self.epoch if epoch is None else epoch
        found = signal_id or new_signal_id()
        listed = [(kind, value, "subject") for kind, value in keys.items()] if isinstance(keys, Mapping) else keys
        sealed = tuple(SealedPart(name=name, ciphertext=os.urandom(296)) for name in parts)  # type: ignore[arg-type]
        digests = {part.name: part_digest(part) for part in sealed}
        signer = self.kit.signers[signed_by or party]
        return Signal(
            id=found,
            purpose=purpose,
            epoch=chosen,
            grounds=(GROUND,),
            basis=basis or BASES.get(party, "legal-duty"),
            case_token=hashlib.sha256(f"{party}/{case or found}".encode()).digest(),
            keys=tuple(
                SignalKey(
                    kind=KeyKind(kind),
                    role=role,  # type: ignore[arg-type]  # a word of the test
                    tag=tag_of(kind, value, purpose, chosen),
                    wraps={name: os.urandom(72) for name in digests if factor_wraps or _opens(kind)},
                )
                for kind, value, role in listed
            ),
            parts=sealed,
            expires_at=utc(self.clock() + timedelta(days=days)),
            informed=Informed(status="not-required"),
            key_id=signer.key_id,
            signature=signer.sign(signal_statement(PartContext(found, party, purpose, chosen), digests)),
        )

    def open(self, note: str) -> CosignedCheckpoint:
        """Return the checkpoint when the log and two witnesses signed it."""
        keys = [WitnessKey.parse(holder.witness) for holder in self.kit.covenant.key_holders]
        return open_checkpoint(note, self.kit.log_signer.key, keys, self.kit.covenant.witness_quorum)

    def prove(self, evidence: Evidence | None, note: str | None) -> Event:
        """Return the event that the evidence proves."""
        assert evidence is not None
        assert note is not None
        return verify_evidence(evidence, self.open(note))

    def running(self, clock: Callable[[], datetime]) -> AbstractAsyncContextManager[Running]:
        """Return another process's broker on the same database, at this clock."""
        agreed, database = Agreed.of(self.kit.covenant), self.database
        return running(agreed, self.kit.log_signer, keys_of(database), database, clock, self.spans)

    def app(self) -> FastAPI:
        """Return a new broker on the same database."""
        return make_broker_app(
            self.agreed,
            self.kit.log_signer,
            keys_of(self.database),
            self.database,
            self.clock,
            self.kit.covenant.broker.url,
            lambda _: self.agreed,
            spans=self.spans,
        )


@dataclass
class AgencyCaller:
    """One agency's signed calls."""

    world: BrokerWorld
    party: PartyId
    client: SignedClient

    async def push(self, *signals: Signal, key: str | None = None) -> PushAnswer:
        """Push signals."""
        request = PushRequest(signals=signals)
        return await self.client.post(
            "/v1/signals", request, PushAnswer, idempotency_key=key or os.urandom(12).hex(), person="medewerker-17"
        )

    async def withdraw(self, signal: SignalId, reason: str = "case-closed") -> ActAnswer:
        """Take a signal back."""
        path = f"/v1/signals/{signal}/withdrawal"
        return await self.client.post(path, WithdrawalRequest(reason=reason), ActAnswer)

    async def open(self, hit: HitId, *, key: str | None = None, person: str | None = "medewerker-17") -> ActAnswer:
        """Ask to read a hit."""
        why = Justification(code="case-work", text="overleg", case_reference="Z-1")
        request = OpeningRequest(justification=why)
        path = f"/v1/hits/{hit}/opening"
        return await self.client.post(path, request, ActAnswer, idempotency_key=key, person=person)

    async def ask(
        self,
        keys: Mapping[str, str] | Sequence[tuple[str, str, Role]],
        *,
        purpose: PurposeId = PURPOSE,
        epoch: Epoch | None = None,
        person: str | None = "medewerker-17",
    ) -> QueryAnswer:
        """Ask who knows a person."""
        chosen = self.world.epoch if epoch is None else epoch
        listed = [(kind, value, "subject") for kind, value in keys.items()] if isinstance(keys, Mapping) else keys
        request = QueryRequest(
            purpose=purpose,
            epoch=chosen,
            justification=Justification(code="case-work", text="lopende zaak", case_reference="Z-1"),
            keys=tuple(
                QueryKey(kind=KeyKind(kind), role=role, tag=tag_of(kind, value, purpose, chosen))  # type: ignore[arg-type]
                for kind, value, role in listed
            ),
        )
        return await self.client.post("/v1/queries", request, QueryAnswer, person=person)

    async def notices(self, after: int = 0, *, wait: int = 0, limit: int = 100) -> NoticePage:
        """Ask for a page of notices."""
        params = {"after": after, "wait": wait, "limit": limit}
        return await self.client.get("/v1/notices", NoticePage, params=params, read_seconds=60)

    async def told(self, count: int) -> NoticePage:
        """Wait until there are so many notices, and return them from the first."""
        page = await self.notices(wait=10)
        for _ in range(20):
            if len(page.notices) >= count:
                break
            page_after = await self.notices(len(page.notices), wait=2)
            page = await self.notices() if page_after.notices else page
        return page


class Balancer(httpx.AsyncHTTPTransport):
    """Spreads requests to the broker's address over its processes in turn, as a load balancer does."""

    def __init__(self, ports: Sequence[int]) -> None:
        super().__init__(trust_env=False, verify=trusted())
        self._address = ports[0]
        self._turns = cycle(ports)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request to the next process; the Host header stays."""
        if request.url.port == self._address:
            request.url = request.url.copy_with(port=next(self._turns))
        return await super().handle_async_request(request)


@asynccontextmanager
async def broker_world(
    database: str,
    *,
    agencies: int = 5,
    brokers: int = 1,
    before: Callable[[Sequence[FakeWitness]], None] | None = None,
    also: Sequence[tuple[str, AgencyKind, str]] = (),
    change: Callable[[dict[str, bytes]], None] = lambda _: None,
    ldv: Path | None = None,
) -> AsyncIterator[BrokerWorld]:
    """Run witnesses and a broker, or several on one database that take requests in turn; ``before`` may change the
    witnesses first, ``ldv`` is the folder of the log of processing.
    """
    clock = Clock()
    sockets = listeners(3 + brokers)
    urls = [url_of(one) for one in sockets]
    kit = make_covenant(
        now=clock(), agencies=agencies, broker_url=urls[3], holder_urls=urls[:3], also=also, change=change
    )
    witnesses = [FakeWitness(signer, kit.log_signer.key) for signer in kit.witness_signers.values()]
    if before is not None:
        before(witnesses)
    async with AsyncExitStack() as stack:
        ports = [listener.getsockname()[1] for listener in sockets[3:]]
        http = await stack.enter_async_context(
            httpx.AsyncClient(transport=Balancer(ports), timeout=30, trust_env=False)
        )
        spans = None if ldv is None else SpanLog(ldv, service_of("sluis-broker", kit.covenant.broker.id), clock)
        world = BrokerWorld(kit, witnesses, clock, http, database, sockets[3:], spans)
        # All listen already, so they can start and stop together.
        apps = [*(one.app() for one in witnesses), *(world.app() for _ in range(brokers))]
        await stack.enter_async_context(serving(apps, sockets))
        yield world
