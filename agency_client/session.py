# SPDX-License-Identifier: EUPL-1.2
"""One agency's client put together: its home, its vault, and its doors to broker and key-holders.

Composed by hand, once, for all commands. Not here: clock, environment and terminal (``cli.py`` passes them).
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from agency_client.acts import Acts
from agency_client.checking import Checking
from agency_client.evaluation import KeyHolders
from agency_client.inbox import Reader
from agency_client.intake import Intake
from agency_client.keys import PublishedKeys
from agency_client.post import Post, Tally
from agency_client.reading import Reading
from agency_client.settings import Home, Identity, open_home, require_place
from agency_client.submit import person_reference
from agency_client.tagging import Sending
from agency_client.trail import LogKeys, Trail
from agency_client.transport import HttpBroker, key_holder_doors
from agency_client.vault import Vault
from edge.keyfile import SecretText
from edge.transport import SignedClient, make_http
from protocol.covenant import Covenant
from protocol.covenant_parts import Agency, AgencyKind
from protocol.errors import Code, ConfigurationError, SluisError
from protocol.policy import PolicyEngine

_PINNED = "covenant-sha256"


@dataclass(frozen=True, slots=True)
class Session:
    """An opened home, without any connection."""

    home: Home
    identity: Identity
    covenant: Covenant
    me: Agency
    vault: Vault
    clock: Callable[[], datetime]

    @property
    def kind(self) -> AgencyKind:
        """What kind of agency this is, as rules speak of it."""
        return self.covenant.kind_of(self.me.id)

    @property
    def engine(self) -> PolicyEngine:
        """The rules of the covenant."""
        return PolicyEngine(self.covenant)

    def intake(self) -> Intake:
        """Return what takes files in."""
        return Intake(self.engine, self.me, self.home.contact(), self.clock)

    def person(self, name: str) -> str:
        """Return the opaque reference of an employee, and keep who it is, sealed."""
        reference = person_reference(self.identity.person_key.reveal(), name)
        self.vault.evidence.put_person(reference, name)
        return reference


@dataclass(frozen=True, slots=True)
class Online:
    """A session with its doors open."""

    trail: Trail
    keys: PublishedKeys
    sending: Sending
    reading: Reading
    acts: Acts
    checking: Checking
    holders: KeyHolders

    async def drain(self, more: Callable[[], bool], told: Callable[[Tally], None]) -> SluisError | None:
        """Look at the log first, then send all there is. Returns what stood in the way, or None."""
        try:
            await self.trail.advance()
        except SluisError as error:
            return error
        return await self.sending.run(more, told)


@contextmanager
def opened(folder: Path, passphrase: SecretText, clock: Callable[[], datetime]) -> Iterator[Session]:
    """Open an enrolled home. Raises ``ConfigurationError``, also when the covenant is not in force now."""
    home = open_home(folder)
    identity = home.identity(passphrase)
    covenant = home.covenant()
    covenant.require_complete()
    me = require_place(home, identity, covenant)
    if not covenant.in_force(clock()):
        raise ConfigurationError(
            Code.COVENANT_INVALID,
            "The covenant is not in force now.",
            hint="Get the current one from the board and run `sluis agency enrol` again.",
        )
    vault = home.vault(identity)
    try:
        yield Session(home, identity, covenant, me, vault, clock)
    finally:
        vault.close()


@asynccontextmanager
async def online(session: Session, sleep: Callable[[float], Awaitable[None]]) -> AsyncIterator[Online]:
    """Open the doors to broker and key-holders."""
    covenant, vault, clock = session.covenant, session.vault, session.clock
    signer = session.identity.sender.signer
    async with make_http() as http:
        broker = HttpBroker(SignedClient(covenant.broker.url, signer, clock, http, called="broker"))
        doors = key_holder_doors(covenant, signer, clock, http)
        trail = Trail(vault.evidence, broker, LogKeys.of(covenant), clock)
        holders = KeyHolders(doors, covenant.sharing, vault.evidence, clock)
        keys = PublishedKeys(vault.evidence, broker, trail, covenant, clock)
        post = Post(vault, broker, trail, session.me.id, clock, sleep)
        sending = Sending(vault, holders, keys, post, session.identity.sender, covenant, clock)
        reader = Reader(session.me.id, covenant)
        reading = Reading(vault, broker, trail, reader, clock)
        acts = Acts(vault, post, reader, clock)
        yield Online(trail, keys, sending, reading, acts, Checking(vault.evidence, trail), holders)


def pin_covenant(session_vault: Vault, home: Home, covenant: Covenant, source: Path) -> bool:
    """Pin a covenant; returns whether it is another one than before.

    Raises ``ConfigurationError`` when it speaks of another log than the one that this vault has proofs of.
    """
    log = session_vault.evidence.setting("log-key")
    if log is not None and log != covenant.log.key:
        raise ConfigurationError(
            Code.COVENANT_INVALID,
            "This covenant names another log than the one that this agency's proofs are in.",
            hint="Ask the board why. A new log needs a new home.",
        )
    before = session_vault.evidence.setting(_PINNED)
    home.pin(source)
    session_vault.evidence.put_setting("log-key", covenant.log.key)
    session_vault.evidence.put_setting(_PINNED, covenant.sha256)
    return before != covenant.sha256
