# SPDX-License-Identifier: EUPL-1.2
"""An opened home over a small honest world: real vault, real rules, a clock that tests move, no processes."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import cast

from agency_client.running import Running
from agency_client.session import Online, Session
from agency_client.settings import Home, HomeFile, Identity
from agency_client.submit import Sender
from edge.covenant_trust import CovenantTrust
from edge.keyfile import SecretBytes
from protocol.ids import PartyId
from tests.fakes.agency import Client, make_client
from tests.fakes.covenants import CovenantKit, make_covenant
from tests.fakes.small_world import NOW, World, agreed_of

MAPPING = """
columns: {id: reference, given: given_names, name: surname, born: birth_date, bsn: bsn, tel: phones}
constants: {purpose: offender-prevention, grounds: early-offences, basis: legal-duty}
"""
HEADER = "id,given,name,born,bsn,tel\n"


@dataclass
class Hands:
    """The clock's hands."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        """Return the moment."""
        return self.now

    def move(self, by: timedelta) -> None:
        """Let time pass."""
        self.now += by


@dataclass(repr=False)
class Agency:
    """One agency: its client, its opened home, and what runs."""

    client: Client
    session: Session
    hands: Hands
    running: Running = field(init=False)

    def __post_init__(self) -> None:
        self.running = Running(self.session, cast("Online", SimpleNamespace(**vars(self.client))))

    @property
    def connectors(self) -> Path:
        """The folder of the connectors' descriptions."""
        folder = self.session.home.folder / "connectors"
        folder.mkdir(exist_ok=True)
        return folder


@cache
def signed() -> CovenantKit:
    """Return the covenant of these tests, made once: nothing changes it."""
    return make_covenant(now=NOW)


def agency_of(folder: Path, world: World, agency: str = "police-oost") -> Agency:
    """Return one agency of the world."""
    hands = Hands()
    client = make_client(folder, world, agency, clock=hands)
    agreed, party = agreed_of(world.kit.covenant), PartyId(agency)
    me = agreed.covenant.agency(party)
    secret = SecretBytes(b"p" * 32)
    identity = Identity(Sender(world.signer(party), b"c" * 32), secret, secret, secret)
    file = HomeFile(id=party, kind=me.kind, title=me.title, oin=me.oin, made_at=NOW, key_file_cost="interactive")
    nobody = cast("CovenantTrust", None)
    session = Session(Home(folder, file), identity, nobody, agreed, me, client.vault, hands, lambda _: None)
    return Agency(client, session, hands)
