# SPDX-License-Identifier: EUPL-1.2
"""A whole agency client in a test: its vault in a folder, its doors into a small world."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from agency_client.acts import Acts
from agency_client.ask import Asking
from agency_client.checking import Checking
from agency_client.doors import BrokerDoor, KeyHolderDoor
from agency_client.draft import Draft, DraftKey
from agency_client.evaluation import KeyHolders
from agency_client.inbox import Reader
from agency_client.keys import PublishedKeys
from agency_client.post import Post
from agency_client.reading import Reading
from agency_client.signed_versions import Earlier, SignedVersions
from agency_client.submit import UUID_RANDOM, Sender, signal_id
from agency_client.tagging import Sending
from agency_client.trail import LogKeys, Trail
from agency_client.vault import Vault
from agency_client.vault.adding import Added, NewSignal
from edge.ldv import UNLOGGED, Works
from protocol.covenant import Covenant
from protocol.errors import Code, NotFoundError, SluisError
from protocol.group import random_bytes
from protocol.ids import KeyKind, PartyId, PurposeId
from protocol.messages import Role
from tests.fakes.agency_vault import open_vault
from tests.fakes.small_world import NOW, PURPOSE, World, agreed_of

CONTACT = {"unit": "Team Mensenhandel", "phone": "088 000 00 00"}


def clock() -> datetime:
    """Return the one moment of these tests."""
    return NOW


def signed_nothing(_: str) -> Covenant:
    """Know no version but the current one."""
    raise NotFoundError(Code.NOT_FOUND, "The board has signed no such version of the covenant.")


async def no_pause(_: float) -> None:
    """Do not wait between tries."""


@dataclass
class Client:
    """One agency's client."""

    vault: Vault
    trail: Trail
    holders: KeyHolders
    keys: PublishedKeys
    post: Post
    sending: Sending
    reading: Reading
    acts: Acts
    checking: Checking
    asking: Asking

    def add(
        self,
        *records: tuple[str, Sequence[tuple[str, str]]],
        role: Role = "subject",
        purpose: PurposeId = PURPOSE,
    ) -> Added:
        """Add records: a reference and its (kind, normal form) keys."""
        return self.vault.signals.add([new_signal(reference, keys, role, purpose) for reference, keys in records], NOW)

    async def send(self) -> SluisError | None:
        """Send all there is."""
        return await self.sending.run(lambda: False, lambda _: None)


def new_signal(
    reference: str, keys: Sequence[tuple[str, str]], role: Role = "subject", purpose: PurposeId = PURPOSE
) -> NewSignal:
    """Return a record on its way."""
    draft = Draft(
        reference,
        f"case of {reference}",
        ("exploits-or-recruits",),
        "legal-duty",
        tuple(DraftKey(KeyKind(kind), role, form) for kind, form in keys),
        {"contact": CONTACT},
    )
    made = signal_id(NOW, random_bytes(UUID_RANDOM))
    return NewSignal(made, purpose, reference, draft.to_bytes(), NOW + timedelta(days=90), draft)


def make_client(
    folder: Path,
    world: World,
    agency: str = "police-oost",
    *,
    broker: BrokerDoor | None = None,
    holders: Sequence[KeyHolderDoor] | None = None,
    batch: int = 200,
    clock: Callable[[], datetime] = clock,
    earlier: Earlier = signed_nothing,
    replaced: Mapping[str, datetime] | None = None,
    works: Works = UNLOGGED,
) -> Client:
    """Return the client of one agency, with its vault in ``folder``."""
    folder.mkdir(exist_ok=True)
    party = PartyId(agency)
    covenant = world.kit.covenant
    vault = open_vault(folder, agency.encode())
    door = broker or world.broker.door(party)
    trail = Trail(vault.evidence, door, LogKeys.of(covenant), clock)
    agreed = agreed_of(covenant)
    versions = SignedVersions(agreed, earlier, replaced)
    quorum = KeyHolders(holders or world.holders, covenant.sharing, vault.evidence, clock)
    keys = PublishedKeys(vault.evidence, door, trail, versions, covenant, clock)
    post = Post(vault, door, trail, versions, party, clock, no_pause, works)
    sender = Sender(world.signer(party), b"c" * 32)
    sending = Sending(vault, quorum, keys, post, sender, covenant, clock, batch=batch, works=works)
    reader = Reader(party, covenant, versions)
    reading = Reading(vault, door, trail, reader, clock, works)
    acts = Acts(vault, post, reader, clock)
    asking = Asking(vault.evidence, door, trail, keys, quorum, reader, agreed.engine, clock, works)
    return Client(vault, trail, quorum, keys, post, sending, reading, acts, Checking(vault.evidence, trail), asking)
