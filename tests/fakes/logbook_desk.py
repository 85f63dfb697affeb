# SPDX-License-Identifier: EUPL-1.2
"""The broker in memory as a privacy officer's console reaches it: its whole log can be searched, by the real rules.

Not here: lies; those are in ``searched_log.py`` and ``subject_desk.py``.
"""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

from agency_client.informing import InformingDesk
from agency_client.running import Running
from agency_client.searching import Searching
from agency_client.signed_versions import SignedVersions
from agency_client.subject_search import SubjectSearching
from protocol.covenant_bundle import pack as pack_covenant
from protocol.errors import Code, NotFoundError
from protocol.event_search import EventPage, EventSearch
from protocol.messages import parse
from protocol.policy import PersonRole
from tests.fakes.agency import Client, clock, signed_nothing
from tests.fakes.searched_log import Entry, SearchedLog
from tests.fakes.small_world import NOW, World
from tests.fakes.subject_desk import SubjectDesk


class LogbookDesk(SubjectDesk):
    """A door at which the log can be searched too; ``asked`` are the searches."""

    def __init__(self, world: World, agency: Any) -> None:
        super().__init__(world.broker, agency)
        self.log = SearchedLog(world)
        self.asked: list[EventSearch] = []

    async def search_events(self, search: EventSearch, *, person: str, role: PersonRole) -> EventPage:
        """Answer, through the wire's form."""
        self._require_up()
        self.asked.append(search)
        log = self.broker.log
        self.log.entries = [Entry(place, made) for place, made in sorted(log.entries.items())]
        return parse(EventPage, self.log.search(self.agency, search, person, role, NOW).to_json())


class KeptCovenants:
    """The covenant of a world, as far as it is handed on."""

    def __init__(self, world: World) -> None:
        self._world = world

    def kept_bundle(self, sha256: str) -> bytes:
        """Return the one version's bundle."""
        if sha256 != self._world.kit.covenant.sha256:
            raise NotFoundError(Code.NOT_FOUND, "Not kept.")
        return pack_covenant(self._world.kit.files)


def open_logbook(running: Running, client: Client, world: World, desk: LogbookDesk) -> None:
    """Give a client in a small world the doors that a privacy officer uses."""
    session = running.session
    agreed, shelf = session.agreed, client.vault.evidence
    versions = SignedVersions(agreed, signed_nothing)
    doors = cast(SimpleNamespace, running.online)
    doors.searching = Searching(shelf, desk, client.trail, versions, agreed.engine, session.me.id, clock)
    doors.subjects = SubjectSearching(
        client.vault,
        desk,
        client.trail,
        client.keys,
        client.holders,
        versions,
        agreed.engine,
        session.me.id,
        clock,
    )
    doors.informing = InformingDesk(client.vault, client.post, session.covenant, clock)
    running.session = replace(session, trust=cast(Any, KeptCovenants(world)))
