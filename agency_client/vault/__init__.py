# SPDX-License-Identifier: EUPL-1.2
"""The agency's vault: signals, the outbox, hits and proofs, in one sealed file. Spec page: ``docs/guide-agency.md``."""

from contextlib import AbstractContextManager
from pathlib import Path

from agency_client.vault.asked import Asked
from agency_client.vault.canaries import Canaries
from agency_client.vault.changes import Changes
from agency_client.vault.connectors import ConnectorShelf
from agency_client.vault.database import Cipher, Database
from agency_client.vault.disclosures import Disclosures
from agency_client.vault.evidence import EvidenceShelf
from agency_client.vault.follow_ups import FollowUps
from agency_client.vault.hit_lists import HitLists
from agency_client.vault.hits import Hits
from agency_client.vault.outbox import Outbox
from agency_client.vault.pending import PendingSignals
from agency_client.vault.people import People
from agency_client.vault.probes import Probes
from agency_client.vault.proofs import Proofs
from agency_client.vault.quarantine import Quarantine
from agency_client.vault.records import Records
from agency_client.vault.registrations import Registrations
from agency_client.vault.retention import Retention
from agency_client.vault.reviews import Reviews
from agency_client.vault.search_terms import SearchTerms
from agency_client.vault.signal_lists import SignalLists
from agency_client.vault.signals import Signals
from agency_client.vault.subject_requests import SubjectRequests
from agency_client.vault.systems import Systems
from agency_client.vault.telling import Telling
from agency_client.vault.typed_records import TypedRecords


class Vault:
    """The open vault and its shelves."""

    def __init__(self, path: Path, cipher: Cipher, lookup_key: bytes) -> None:
        """Open or create the vault; raises ``ConfigurationError`` when the key is not the vault's."""
        self._database = Database(path, cipher, lookup_key)
        self.signals = Signals(self._database)
        self.pending = PendingSignals(self._database)
        self.search_terms = SearchTerms(self._database)
        self.typed_records = TypedRecords(self._database, self.signals)
        self.outbox = Outbox(self._database, self.signals, self.pending)
        self.hits = Hits(self._database)
        self.asked = Asked(self._database)
        self.registrations = Registrations(self._database, self.outbox)
        self.follow_ups = FollowUps(self._database, self.outbox)
        self.changes = Changes(self._database, self.outbox, self.hits)
        self.signal_lists = SignalLists(self._database, self.signals)
        self.hit_lists = HitLists(self._database, self.hits, self.follow_ups)
        self.disclosures = Disclosures(self._database, self.outbox)
        self.evidence = EvidenceShelf(self._database)
        self.proofs = Proofs(self._database)
        self.canaries = Canaries(self._database)
        self.reviews = Reviews(self._database)
        self.probes = Probes(self._database)
        self.subject_requests = SubjectRequests(self._database)
        self.records = Records(self._database, self.signals, self.pending, self.outbox)
        self.quarantine = Quarantine(self._database)
        self.connectors = ConnectorShelf(self._database)
        self.systems = Systems(self._database)
        self.people = People(self._database)
        self.retention = Retention(self._database)
        self.telling = Telling(self._database)

    def together(self) -> AbstractContextManager[None]:
        """Make one transaction of all that this thread does with the shelves within."""
        return self._database.together()

    def close(self) -> None:
        """Close the file."""
        self._database.close()
