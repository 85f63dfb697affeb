# SPDX-License-Identifier: EUPL-1.2
"""A client that stays, in a small honest world, with a clock that the test moves and outages on order.

Its tasks are the daemon's own; a test gives them their turns, so that an hour passes in a moment. Not here: the event
loop that gives turns (``agency_client/daemon.py``).
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import cast

from agency_client.daemon_notices import NoticesTask
from agency_client.daemon_outbox import OutboxTask
from agency_client.reading import News
from agency_client.running import Running
from agency_client.session import Online, Session
from agency_client.settings import Home, HomeFile, Identity
from agency_client.submit import Sender
from edge.covenant_trust import CovenantTrust
from edge.event_stream import SilentError
from edge.keyfile import SecretBytes
from protocol.errors import Code, UnavailableError
from protocol.ids import PartyId
from protocol.messages import parse
from protocol.notices import NoticePage
from tests.fakes.agency import Client, make_client
from tests.fakes.small_world import NOW, AgencyDoor, World, agreed_of


class StreamingDoor(AgencyDoor):
    """The broker with its stream; ``held_back``: a proxy lets none through; ``most``: it is cut after so many pages."""

    held_back = False
    most = 1_000
    opened = 0
    polled = 0

    async def notices(self, after: int, limit: int, wait: float) -> NoticePage:
        """Answer a question, and count the long ones."""
        self.polled += wait > 0
        return await super().notices(after, limit, wait)

    @asynccontextmanager
    async def notice_stream(self, after: int) -> AsyncIterator[AsyncIterator[NoticePage]]:
        """Open a stream that breaks once there is no more."""
        self._require_up()
        self.opened += 1
        if self.held_back:
            raise SilentError()
        yield self._pages(after)

    async def _pages(self, after: int) -> AsyncIterator[NoticePage]:
        for _ in range(self.most):
            page = parse(NoticePage, self.broker.page(self.agency, after, 1).to_json())
            if not page.notices:
                break
            after = page.notices[-1].seq
            yield page
        raise UnavailableError(Code.UNAVAILABLE, "The connection to the broker broke.")


@dataclass
class Staying:
    """One agency's client that stays."""

    client: Client
    running: Running
    door: StreamingDoor
    now: datetime = NOW
    news: list[News] = field(default_factory=list)
    outbox: OutboxTask = field(init=False)
    notices: NoticesTask = field(init=False)

    def __post_init__(self) -> None:
        self.outbox = OutboxTask(self.running)
        self.notices = NoticesTask(self.running, self._told)

    async def _told(self, news: News) -> None:
        self.news.append(news)

    async def live(self, seconds: float, step: float = 1.0) -> None:
        """Let time pass: every task gets its turns when they are due, ``step`` seconds apart at least."""
        ends, send_at, listen_at = self.now + timedelta(seconds=seconds), self.now, self.now
        while self.now < ends:
            if send_at <= self.now:
                send_at = self.now + timedelta(seconds=max(step, await self.outbox.once()))
            if listen_at <= self.now:
                listen_at = self.now + timedelta(seconds=max(step, await self.notices.once()))
            self.now = min(ends, max(min(send_at, listen_at), self.now + timedelta(milliseconds=100)))


def stay(folder: Path, world: World, agency: str = "police-oost", now: datetime = NOW) -> Staying:
    """Return a client of the world that stays; given the same folder again, it is started anew after a kill."""
    moment = [now]
    party = PartyId(agency)
    door = StreamingDoor(world.broker, party)
    made: list[Staying] = []

    def clock() -> datetime:
        return made[0].now if made else moment[0]

    client = make_client(folder, world, agency, broker=door, clock=clock)
    agreed = agreed_of(world.kit.covenant)
    me = next(one for one in agreed.covenant.agencies if one.id == party)
    secret = SecretBytes(b"p" * 32)
    identity = Identity(Sender(world.signer(party), b"c" * 32), secret, secret, secret)
    file = HomeFile(id=party, kind=me.kind, title=me.title, oin=me.oin, made_at=NOW, key_file_cost="interactive")
    nobody = cast("CovenantTrust", None)
    session = Session(Home(folder, file), identity, nobody, agreed, me, client.vault, clock, lambda _: None)
    doors = cast("Online", SimpleNamespace(**vars(client), pings={}, settle=lambda: None))
    made.append(Staying(client, Running(session, doors), door, now))
    return made[0]
