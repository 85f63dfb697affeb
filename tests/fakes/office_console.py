# SPDX-License-Identifier: EUPL-1.2
"""The console of an agency at a real broker, with a hit and requests for more about it.

Not here: the agencies (``disclosing_agencies.py``), the console (``console_world.py``).
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import cast

from agency_client.following import Following
from agency_client.run_settings import RunSettings
from agency_client.session import Online, Session
from agency_client.settings import Home, HomeFile, Identity
from agency_client.submit import Sender
from edge.covenant_trust import CovenantTrust
from edge.keyfile import SecretBytes
from tests.fakes.agency import Client
from tests.fakes.console_world import PLAIN, Console, console_over
from tests.fakes.disclosing_agencies import Office


@asynccontextmanager
async def console_at(office: Office, settings: RunSettings = PLAIN) -> AsyncIterator[Console]:
    """Return the console of an office."""
    kit, clock, agreed = office.world.kit, office.world.clock, office.world.agreed
    me = agreed.covenant.agency(office.party)
    secret = SecretBytes(b"p" * 32)
    identity = Identity(Sender(kit.signers[office.party], b"c" * 32), secret, secret, secret)
    file = HomeFile(id=me.id, kind=me.kind, title=me.title, oin=me.oin, made_at=clock(), key_file_cost="interactive")
    nobody = cast("CovenantTrust", None)
    home = Home(office.folder, file)
    session = Session(home, identity, nobody, agreed, me, office.vault, clock, lambda _: None)
    following = Following(office.vault, office.post, agreed.covenant, clock)
    doors = SimpleNamespace(
        post=office.post,
        reading=office.reading,
        requesting=office.requesting,
        deciding=office.deciding,
        following=following,
    )
    async with console_over(session, cast("Online", doors), cast("Client", office), settings=settings) as console:
        yield console
