# SPDX-License-Identifier: EUPL-1.2
"""One agency's client put together: its home, its vault, and its doors to broker and key-holders.

Composed by hand, once, for all commands. Not here: clock, environment and terminal (``cli.py`` passes them).
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Final

from agency_client.acts import Acts
from agency_client.ask import Asking
from agency_client.budgets import keep_budgets
from agency_client.changing import Changing
from agency_client.checking import Checking
from agency_client.cosigning import Cosigning
from agency_client.deciding import Deciding
from agency_client.disclosure_desk import DisclosureDesk
from agency_client.erasing import Erasing
from agency_client.evaluation import KeyHolders
from agency_client.following import Following
from agency_client.heard import Differing, Heard, differing, warning_of
from agency_client.inbox import Reader
from agency_client.informing import InformingDesk
from agency_client.intake import Intake
from agency_client.keys import PublishedKeys
from agency_client.post import Post, Tally
from agency_client.probe_counts import Declaring
from agency_client.probing import Prober
from agency_client.reading import Reading
from agency_client.requesting import Requesting
from agency_client.retagging import Retagging
from agency_client.searching import Searching
from agency_client.settings import Home, Identity, open_home, require_place
from agency_client.signed_versions import SignedVersions, earlier_of
from agency_client.statistics import Statistics
from agency_client.subject_search import SubjectSearching
from agency_client.submit import person_reference
from agency_client.tagging import Sending
from agency_client.taken import last_taken, note_taken, replaced_at
from agency_client.trail import LogKeys, Trail
from agency_client.transport import broker_door, key_holder_doors
from agency_client.unusual import UnusualUses
from agency_client.vault import Vault
from edge.cli import warn as warn_people
from edge.covenant_trust import CovenantTrust, Trusted
from edge.covenant_watch import recent
from edge.keyfile import SecretText
from edge.ldv import FOLDER as SPANS
from edge.ldv import SpanLog, Works, collector, service_of
from edge.transport import make_http
from protocol.agreed import Agreed
from protocol.covenant import Covenant
from protocol.covenant_parts import Agency, AgencyKind
from protocol.errors import Code, ConfigurationError, SluisError, UnavailableError, VerificationError
from protocol.ids import PartyId
from protocol.policy import PolicyEngine

_LOG: Final = "log-key"


@dataclass(frozen=True, slots=True)
class Session:
    """An opened home, without any connection."""

    home: Home
    identity: Identity
    trust: CovenantTrust
    agreed: Agreed
    """The covenant of this command, from its begin to its end."""
    me: Agency
    vault: Vault
    clock: Callable[[], datetime]
    warn: Callable[[str], None]

    @property
    def covenant(self) -> Covenant:
        """What the parties agreed."""
        return self.agreed.covenant

    @property
    def kind(self) -> AgencyKind:
        """What kind of agency this is, as rules speak of it."""
        return self.covenant.kind_of(self.me.id)

    @property
    def engine(self) -> PolicyEngine:
        """The rules of the covenant."""
        return self.agreed.engine

    def intake(self) -> Intake:
        """Return what takes files in."""
        return Intake(self.engine, self.me, self.home.contact(), self.clock, self.prober().mix)

    def prober(self) -> Prober:
        """Return what pushes this agency's probes."""
        return Prober(self.vault, self.identity.sender.signer, self.engine, self.me, self.clock)

    def seen_as(self, agency: Agency) -> "Session":
        """Return the session with another agency's place in the covenant, for what is written in its name."""
        return replace(self, me=agency)

    def person(self, name: str, shown: str | None = None) -> str:
        """Return the opaque reference of an employee, and keep who it is, sealed: as ``shown``, or by the name itself.

        The same person has the same reference, whether logged in to the console or at the command line.
        """
        reference = person_reference(self.identity.person_key.reveal(), name)
        self.vault.evidence.put_person(reference, shown or name)
        return reference


@dataclass(frozen=True, slots=True)
class Online:
    """A session with its doors open."""

    trail: Trail
    keys: PublishedKeys
    sending: Sending
    reading: Reading
    acts: Acts
    post: Post
    checking: Checking
    holders: KeyHolders
    asking: Asking
    statistics: Statistics
    unusual: UnusualUses
    searching: Searching
    subjects: SubjectSearching
    informing: InformingDesk
    declaring: Declaring
    erasing: Erasing
    requesting: Requesting
    deciding: Deciding
    following: Following
    changing: Changing
    retagging: Retagging
    pings: Mapping[PartyId, Callable[[], Awaitable[None]]]
    """For each key-holder what passes when it answers at all."""
    settle: Callable[[], None]
    """Keeps what was heard meanwhile (budgets, covenants) and sends the log of processing on; may take seconds."""

    async def drain(self, more: Callable[[], bool], told: Callable[[Tally], None]) -> SluisError | None:
        """Look at the log first, then send all there is. Returns what stood in the way, or None."""
        try:
            await self.trail.advance()
        except SluisError as error:
            return error
        return await self.sending.run(more, told)


@contextmanager
def opened(
    folder: Path,
    passphrase: SecretText,
    clock: Callable[[], datetime],
    *,
    offline: bool = False,
    warn: Callable[[str], None] = warn_people,
) -> Iterator[Session]:
    """Open an enrolled home under the board's newest covenant; ``offline`` asks nobody and takes the last one, also
    when that is over: what is on this disk can still be shown, and every rule then says no.

    Raises ``ConfigurationError``; ``covenant_expired`` or ``covenant_untrusted`` when no covenant can be acted under.
    """
    home = open_home(folder)
    trust = home.trust()
    identity = home.identity(passphrase)
    vault = home.vault(identity)
    try:
        agreed = _for_showing(trust, vault, clock(), warn) if offline else _agreed(recent(trust, clock()))
        if not offline:
            agreed.require_in_force(clock())
        me = require_place(home, identity, agreed.covenant)
        _require_log(vault, agreed.covenant)
        note_taken(vault.evidence, agreed.covenant.sha256, clock())
        yield Session(home, identity, trust, agreed, me, vault, clock, warn)
    finally:
        vault.close()


def renewed(session: Session) -> Session:
    """Return the session under the board's newest covenant, for a command that stays: the same when nothing changed.

    Raises as ``opened``.
    """
    found = recent(session.trust, session.clock())
    last = session.agreed
    if found.covenant.sha256 == last.covenant.sha256:
        agreed = last if found.until == last.until else last.renewed(found.until)
    else:
        agreed = _agreed(found)
        _require_log(session.vault, agreed.covenant)
        note_taken(session.vault.evidence, agreed.covenant.sha256, session.clock())
    agreed.require_in_force(session.clock())
    if agreed is last:
        return session
    return replace(session, agreed=agreed, me=require_place(session.home, session.identity, agreed.covenant))


def _for_showing(trust: CovenantTrust, vault: Vault, now: datetime, warn: Callable[[str], None]) -> Agreed:
    """Return the covenant to show what is here by: nothing can be done under one that is over."""
    try:
        agreed = _agreed(trust.load())
        agreed.require_in_force(now)
    except (UnavailableError, VerificationError) as error:
        last = last_taken(vault.evidence)
        if error.code is not Code.COVENANT_EXPIRED or last is None:
            raise
        warn(f"{error.detail} What is here is shown by the last covenant; nothing can be sent or asked under it.")
        return Agreed.of(trust.kept(last), now)
    return agreed


def _agreed(found: Trusted) -> Agreed:
    found.covenant.require_complete()
    return Agreed.of(found.covenant, found.until)


@asynccontextmanager
async def online(session: Session, sleep: Callable[[float], Awaitable[None]]) -> AsyncIterator[Online]:
    """Open the doors to broker and key-holders."""
    covenant, vault, clock = session.covenant, session.vault, session.clock
    signer, heard = session.identity.sender.signer, Heard()
    versions = SignedVersions(session.agreed, earlier_of(session.trust), replaced_at(vault.evidence))
    spans = SpanLog(session.home.folder / SPANS, service_of("sluis-agency", session.me.id), clock)
    works = Works(spans, covenant)
    async with make_http() as http:
        broker = broker_door(session.agreed, signer, clock, http, heard)
        doors = key_holder_doors(session.agreed, signer, clock, http, heard)
        cosigning = Cosigning(session.identity.witness, session.me, covenant, vault.evidence, broker, clock)
        trail = Trail(vault.evidence, broker, LogKeys.of(covenant), clock, cosigning)
        holders = KeyHolders(doors, covenant.sharing, vault.evidence, clock)
        keys = PublishedKeys(vault.evidence, broker, trail, versions, covenant, clock)
        post = Post(vault, broker, trail, versions, session.me.id, clock, sleep, works)
        sending = Sending(vault, holders, keys, post, session.identity.sender, covenant, clock, works=works)
        reader = Reader(session.me.id, covenant, versions, session.identity.disclosure)
        reading = Reading(vault, broker, trail, reader, clock, works)
        acts = Acts(vault, post, reader, clock)
        desk = DisclosureDesk(vault, post, session.engine, session.me.id, signer, clock)
        asking = Asking(vault.evidence, broker, trail, keys, holders, reader, session.engine, clock, works)
        statistics = Statistics(vault.evidence, broker, trail, versions, session.engine, clock)
        unusual = UnusualUses(vault.evidence, broker, trail, versions, session.engine, session.me.id, clock)
        searching = Searching(vault.evidence, broker, trail, versions, session.engine, session.me.id, clock)

        def settle() -> None:
            keep_budgets(vault.evidence, holders.heard_budgets())
            _settle(session, heard)
            _send_on(spans, covenant)

        try:
            checking = Checking(vault.evidence, trail)
            yield Online(
                *(trail, keys, sending, reading, acts, post, checking, holders, asking, statistics, unusual, searching),
                subjects=SubjectSearching(
                    vault, broker, trail, keys, holders, versions, session.engine, session.me.id, clock, works
                ),
                informing=InformingDesk(vault, post, covenant, clock),
                declaring=Declaring(session.prober(), broker, trail, versions),
                following=Following(vault, post, covenant, clock),
                changing=Changing(vault, post, acts, covenant, clock),
                retagging=Retagging(vault, holders, keys, post, session.identity.sender, covenant, clock, works=works),
                erasing=Erasing(vault, broker, trail, versions, session.me.id, clock),
                requesting=Requesting(desk, broker, session.identity.disclosure),
                deciding=Deciding(desk, session.person),
                pings={door.party: door.ping for door in doors},
                settle=settle,
            )
        finally:
            await asyncio.to_thread(settle)


def _send_on(spans: SpanLog, covenant: Covenant) -> None:
    """Send the log of processing to the collector, where there is one; what it does not take goes the next time."""
    spans.close()
    spans.forget_over(covenant.log_retention_years)
    if address := collector():
        from edge.ldv_otlp import forwarder_of

        forwarder_of(spans.folder, address).forward_all()


def differing_of(session: Session, current: Covenant) -> list[Differing]:
    """Return who, when last asked, acted under another covenant than this one."""

    def named(sha256: str) -> str | None:
        try:
            return session.trust.earlier(sha256).version
        except SluisError:
            return None

    return differing(session.vault.evidence, current, named)


def _settle(session: Session, heard: Heard) -> None:
    """Keep what was heard; when somebody differs, look once more whether it is we who are behind, and warn."""
    current = session.covenant
    if heard.others(current.sha256):
        with contextlib.suppress(SluisError):
            current = session.trust.latest().covenant
    heard.keep(session.vault.evidence, current.sha256)
    if heard.others(current.sha256):
        session.warn(warning_of(differing_of(session, current), current))


def _require_log(vault: Vault, covenant: Covenant) -> None:
    """Pass for a covenant with the log that this vault has proofs of, and keep which that is.

    Raises ``ConfigurationError``.
    """
    log = vault.evidence.setting(_LOG)
    if log is None:
        vault.evidence.put_setting(_LOG, covenant.log.key)
    elif log != covenant.log.key:
        raise ConfigurationError(
            Code.COVENANT_INVALID,
            "This covenant names another log than the one that this agency's proofs are in.",
            hint="Ask the board why. A new log needs a new home.",
        )
