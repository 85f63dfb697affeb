# SPDX-License-Identifier: EUPL-1.2
"""Agencies with their real vaults and real verification, at a real broker, that have a hit with each other.

What is missing are key-holders and sealed parts: tags are made from words, and nothing is released with the hit.
"""

import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from agency_client.deciding import Deciding
from agency_client.disclosure_desk import DisclosureDesk
from agency_client.doors import BrokerDoor
from agency_client.draft import Draft, DraftKey
from agency_client.heard import Heard
from agency_client.inbox import Reader
from agency_client.post import Post
from agency_client.reading import News, Reading
from agency_client.requesting import Requesting
from agency_client.signed_versions import SignedVersions
from agency_client.trail import LogKeys, Trail
from agency_client.transport import broker_door
from agency_client.vault import Vault
from agency_client.vault.adding import NewSignal
from agency_client.vault.outbox import NewPosting, PostingKind, new_key
from agency_client.vault.signals import KeptKey
from broker.matching import hit_id
from protocol.ids import HitId, KeyKind, PartyId, PurposeId, SignalId
from protocol.policy import PolicyEngine
from tests.fakes.agency import no_pause, signed_nothing
from tests.fakes.agency_vault import open_vault
from tests.fakes.broker_world import CARE, GROUND, POLICE, PURPOSE, BrokerWorld, broker_world, new_signal_id
from tests.fakes.waiting import until_settled

__all__ = ["Meeting", "Office", "meeting"]

RECORD = {"feiten": "Woont op een onveilige plek.", "gevaar": "Agressieve hond", "contactvoorkeur": "Alleen bellen"}
"""What an agency's own record of the person says."""


@dataclass
class Office:
    """One agency: its vault, and what it does."""

    party: PartyId
    world: BrokerWorld
    folder: Path
    bent: Callable[[BrokerDoor], BrokerDoor] = lambda door: door
    vault: Vault = field(init=False)
    post: Post = field(init=False)
    reading: Reading = field(init=False)
    requesting: Requesting = field(init=False)
    deciding: Deciding = field(init=False)

    def __post_init__(self) -> None:
        self.open()

    def open(self) -> None:
        """Open the vault and the doors, as a program that starts does."""
        self.folder.mkdir(exist_ok=True)
        self.vault = open_vault(self.folder, self.party.encode())
        kit, clock = self.world.kit, self.world.clock
        agreed, signer = self.world.agreed, kit.signers[self.party]
        door = self.bent(broker_door(agreed, signer, clock, self.world.http, Heard()))
        trail = Trail(self.vault.evidence, door, LogKeys.of(kit.covenant), clock)
        versions = SignedVersions(agreed, signed_nothing)
        opening = kit.disclosure_keys.get(self.party)
        self.post = Post(self.vault, door, trail, versions, self.party, clock, no_pause)
        self.reading = Reading(self.vault, door, trail, Reader(self.party, kit.covenant, versions, opening), clock)
        engine: PolicyEngine = agreed.engine
        desk = DisclosureDesk(self.vault, self.post, engine, self.party, signer, clock)
        self.requesting = Requesting(desk, door, opening)
        self.deciding = Deciding(desk, self.person)

    def reopen(self) -> None:
        """Start anew, as after a kill."""
        self.vault.close()
        self.open()

    def person(self, name: str) -> str:
        """Return an opaque reference."""
        return hashlib.sha256(f"{self.party} {name}".encode()).hexdigest()[:32]

    async def read(self, wait: float = 10.0) -> News:
        """Read all notices of what happened by now, waiting for the first."""
        # Of two acts the first can be proven, and read, while the second waits for its witnesses.
        await until_settled(self.world.database)
        return await self.reading.read(wait)

    def know(self, signal: SignalId, purpose: PurposeId, keys: dict[str, str]) -> None:
        """Have a signal of ours in the vault, as if it had been sent and proven."""
        drafted = tuple(DraftKey(KeyKind(kind), "subject", value) for kind, value in keys.items())
        draft = Draft("R-1", "Z-1", (GROUND,), "legal-duty", drafted, {"content": RECORD})
        now = self.world.clock()
        self.vault.signals.add(
            [NewSignal(signal, purpose, "R-1", draft.to_bytes(), now + timedelta(days=30), draft)], now
        )
        (pending,) = self.vault.pending.batch(1, {}, ())
        kept = [KeptKey(KeyKind(kind), "subject", bytes(32)) for kind in keys]
        posting = NewPosting(PostingKind.PUSH, "/v1/signals", new_key(), b'{"signals":[]}', purpose)
        number = self.vault.outbox.put_push(posting, [(pending, kept)], self.world.epoch, now)
        self.vault.outbox.offer(number)
        self.vault.outbox.settle_push(number, {signal: None}, [], now)


@dataclass
class Meeting:
    """Two agencies with a hit, and the world around them."""

    world: BrokerWorld
    asker: Office
    owner: Office
    hit: HitId
    asker_signal: SignalId
    owner_signal: SignalId

    async def end_due(self) -> int:
        """Let the broker look at its clock."""
        from broker.disclosures import end_due

        async with self.world.running(self.world.clock) as started:
            return await end_due(started.broker)


@asynccontextmanager
async def meeting(
    database: str,
    folder: Path,
    *,
    asker: PartyId = POLICE,
    owner: PartyId = CARE,
    purpose: PurposeId = PURPOSE,
    bent_asker: Callable[[BrokerDoor], BrokerDoor] = lambda door: door,
    bent_owner: Callable[[BrokerDoor], BrokerDoor] = lambda door: door,
    change: Callable[[dict[str, bytes]], None] = lambda _: None,
    bases: dict[PartyId, str] | None = None,
    ground: str = GROUND,
) -> AsyncIterator[Meeting]:
    """Let two agencies signal about the same person, and both be told."""
    keys = {"phone": "1"}
    async with AsyncExitStack() as stack:
        world = await stack.enter_async_context(broker_world(database, change=change))
        offices, signals = [], []
        for party, bent in ((asker, bent_asker), (owner, bent_owner)):
            office = Office(party, world, folder / party, bent)
            stack.callback(lambda one=office: one.vault.close())  # type: ignore[misc]
            made = world.signal(
                party, keys, purpose=purpose, parts=(), signal_id=new_signal_id(), basis=(bases or {}).get(party)
            ).model_copy(update={"grounds": (ground,)})
            office.know(made.id, purpose, keys)
            answer = await world.agency(party).push(made)
            assert answer.results[0].status == "accepted", answer.results[0].refusal
            offices.append(office)
            signals.append(made.id)
        for office in offices:
            await world.agency(office.party).told(1)
            news = await office.read()
            assert not news.failures, news.failures
        yield Meeting(world, *offices, hit_id(*signals), *signals)
