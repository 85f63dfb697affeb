# SPDX-License-Identifier: EUPL-1.2
"""The covenant: parties, purposes and rules as one typed, checked value, and the arithmetic of its epochs.

``Covenant.parse`` is the only way in: if a ``Covenant`` exists, its parts fit together. It may still lack parties,
because a covenant is filled step by step; a running role calls ``require_complete`` first.
Spec: ``spec/covenant.md``. Not here: folders and clocks (``edge/covenant_folder.py``), what the Cedar texts decide
(``policy.py``), who signed the covenant.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import cast

from protocol.covenant_bundle import bundle_digest, unpack
from protocol.covenant_parts import (
    EPOCH_ZERO,
    Agency,
    AgencyKind,
    BodyKind,
    Broker,
    ContactPoint,
    KeyHolder,
    Log,
    Parties,
    PartyStatement,
    SigningKey,
    Terms,
    Title,
)
from protocol.covenant_purposes import Disclosures, KindOfAgency, LegalBasis, Outcome, Purpose
from protocol.covenant_reading import read_parts, read_party
from protocol.covenant_text import dump
from protocol.errors import Code, ConfigurationError, NotFoundError
from protocol.ids import Epoch, HolderIndex, PartyId, PurposeId
from protocol.note import WitnessKey
from protocol.signing import KeyDirectory, PublicKeyEntry
from protocol.threshold import Sharing

__all__ = [
    "EPOCH_ZERO",
    "Agency",
    "Broker",
    "ContactPoint",
    "Covenant",
    "KeyHolder",
    "LegalBasis",
    "Log",
    "Parties",
    "PartyStatement",
    "Purpose",
    "SigningKey",
    "Terms",
    "Title",
    "bundle_digest",
    "dump_parties",
    "dump_party",
    "read_party",
]


@dataclass(frozen=True, slots=True)
class Covenant:
    """What all parties agreed, checked. ``sha256`` names these bytes: two parties with the same one agree on all."""

    terms: Terms
    agencies: tuple[Agency, ...]
    key_holders: tuple[KeyHolder, ...]
    purposes: Mapping[PurposeId, Purpose]
    legal_bases: Mapping[str, LegalBasis]
    agency_kinds: Mapping[BodyKind, KindOfAgency]
    policy_files: Mapping[str, str]
    """Path -> text of the Cedar files and their schema; ``policy.py`` reads them."""
    sha256: str
    named_broker: Broker | None = None
    named_log: Log | None = None
    outcomes: Mapping[str, Outcome] = field(default_factory=dict)
    """With what a hit may be closed, by code."""
    disclosures: Disclosures | None = None
    """About what more can be asked after a hit, and why it can be refused."""
    reasons: Mapping[str, Title] = field(default_factory=dict)
    """Why somebody looks, by code."""
    _by_id: Mapping[PartyId, Agency] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_id", MappingProxyType({agency.id: agency for agency in self.agencies}))

    @staticmethod
    def parse(files: Mapping[str, bytes]) -> "Covenant":
        """Read a covenant from its files: path with forward slashes -> content.

        Raises ``ConfigurationError`` (``covenant_invalid``) with an issue per wrong place: file, line and what to do.
        """
        parts = read_parts(files)
        return Covenant(
            parts.terms,
            parts.parties.agencies,
            tuple(sorted(parts.parties.key_holders, key=lambda holder: holder.index)),
            MappingProxyType(parts.purposes),
            MappingProxyType(parts.legal_bases),
            MappingProxyType(parts.agency_kinds),
            MappingProxyType(parts.policy_files),
            bundle_digest(files),
            parts.parties.broker,
            parts.parties.log,
            MappingProxyType(parts.outcomes),
            parts.disclosures,
            MappingProxyType(parts.reasons),
        )

    @staticmethod
    def read(bundle: bytes) -> "Covenant":
        """Read a covenant from its packed form (``covenant_bundle.pack``). Raises as ``parse``.

        Says nothing of who signed it: that is ``edge/covenant_trust.py``, which calls this.
        """
        return Covenant.parse(unpack(bundle))

    # --- Terms ---

    @property
    def name(self) -> str:
        """What the partnership calls itself."""
        return self.terms.name

    @property
    def version(self) -> str:
        """The version that people speak of; ``sha256`` is what machines compare."""
        return self.terms.version

    @property
    def valid_from(self) -> datetime:
        """The first moment of its force."""
        return self.terms.valid_from

    @property
    def valid_until(self) -> datetime:
        """The first moment after its force."""
        return self.terms.valid_until

    @property
    def epoch_days(self) -> int:
        """Days of an epoch, the same for all purposes: they share seeds, and the ratchet destroys a seed only when no
        purpose needs its number any more.
        """
        return self.terms.epoch_days

    @property
    def grace_days(self) -> int:
        """Days after the turn that the previous epoch stays live, so that clients can tag their signals anew."""
        return self.terms.grace_days

    @property
    def population(self) -> int:
        """N: how many people a chance agreement is counted over (protocol.md section 3)."""
        return self.terms.population

    @property
    def common_key_limit(self) -> int:
        """Signals of different cases above which one agency's key points at nobody and is muted."""
        return self.terms.common_key_limit

    @property
    def witness_quorum(self) -> int:
        """Key-holders that must have cosigned a checkpoint before anyone acts on it."""
        return self.terms.witness_quorum

    @property
    def log_retention_years(self) -> int:
        """How long the log's records are kept, counted from the end of their month (``erasure.kept_until``)."""
        return self.terms.log_retention_years

    @property
    def sharing(self) -> Sharing:
        """How many key-holders there are and how many make a pseudonym."""
        return Sharing(self.terms.key_holding.threshold, self.terms.key_holding.holders)

    def contact_point(self, purpose: Purpose | None = None) -> ContactPoint:
        """Return where a citizen can turn to: about this purpose, or about the covenant as a whole."""
        return (purpose.contact_point if purpose is not None else None) or self.terms.contact_point

    def in_force(self, moment: datetime) -> bool:
        """Say whether the covenant holds at this moment."""
        return self.valid_from <= moment < self.valid_until

    # --- Parties ---

    def find(self, party: PartyId) -> Agency | None:
        """Return the agency of this name, or ``None``."""
        return self._by_id.get(party)

    def agency(self, party: PartyId) -> Agency:
        """Return the agency of this name. Raises ``NotFoundError``."""
        found = self.find(party)
        if found is None:
            raise NotFoundError(Code.NOT_FOUND, "The covenant names no such agency.")
        return found

    def root_of(self, kind: BodyKind) -> AgencyKind:
        """Return the kind that rules speak of: of a single body the kind it stands within."""
        return self.agency_kinds[kind].within or cast("AgencyKind", kind)

    def kind_of(self, party: PartyId) -> AgencyKind:
        """Return the kind of an agency, as rules speak of it. Raises ``NotFoundError``."""
        return self.root_of(self.agency(party).kind)

    def purpose(self, purpose: PurposeId) -> Purpose:
        """Return the purpose of this name. Raises ``NotFoundError``."""
        found = self.purposes.get(purpose)
        if found is None:
            raise NotFoundError(Code.NOT_FOUND, "The covenant names no such purpose.")
        return found

    @property
    def broker(self) -> Broker:
        """The broker. Raises ``ConfigurationError`` while the covenant has none."""
        if self.named_broker is None:
            raise _incomplete("it names no broker")
        return self.named_broker

    @property
    def log(self) -> Log:
        """The log and its public key. Raises ``ConfigurationError`` while the covenant has none."""
        if self.named_log is None:
            raise _incomplete("it names no log")
        return self.named_log

    @property
    def witness_keys(self) -> tuple[WitnessKey, ...]:
        """The key-holders' witness keys, in the order of their indexes."""
        return tuple(holder.witness_key for holder in self.key_holders)

    @property
    def agency_witness_keys(self) -> Mapping[PartyId, WitnessKey]:
        """The witness keys of the agencies that have one; they show the log to more eyes and count for no quorum."""
        return {agency.id: agency.witness_key for agency in self.agencies if agency.witness_key is not None}

    def missing(self) -> tuple[str, ...]:
        """Return in words what a running role would miss; empty when complete."""
        lacks = []
        if self.named_broker is None:
            lacks.append("it names no broker")
        if (there := len(self.key_holders)) != (wanted := self.sharing.holders):
            lacks.append(f"it names {there} of {wanted} key-holders")
        if not self.agencies:
            lacks.append("it names no agency")
        if not self.reasons:
            lacks.append("it names no reason to look")
        return tuple(lacks)

    def require_complete(self) -> None:
        """Pass when all that a running role needs is there. Raises ``ConfigurationError``."""
        if lacks := self.missing():
            raise _incomplete(", ".join(lacks))

    def key_directory(self) -> KeyDirectory:
        """Return the signing keys of all agencies and key-holders."""
        agencies = [_entry(agency.id, key, None) for agency in self.agencies for key in agency.signing_keys]
        holders = [_entry(holder.id, key, holder.index) for holder in self.key_holders for key in holder.signing_keys]
        return KeyDirectory(agencies + holders)

    # --- Epochs ---

    def epoch_at(self, moment: datetime) -> Epoch:
        """Return the number of whole epoch lengths since ``EPOCH_ZERO``. Raises ``ConfigurationError`` before that."""
        if moment < EPOCH_ZERO:
            raise ConfigurationError(
                Code.SETTINGS_INVALID,
                "The clock stands before 2026, when counting epochs starts.",
                hint="Set the clock of this machine.",
            )
        return Epoch((moment - EPOCH_ZERO) // timedelta(days=self.epoch_days))

    def epoch_start(self, epoch: Epoch) -> datetime:
        """Return the first moment of an epoch."""
        return EPOCH_ZERO + timedelta(days=self.epoch_days) * epoch

    def epoch_end(self, epoch: Epoch) -> datetime:
        """Return the first moment after an epoch's grace: it is no longer live and its seeds may be destroyed."""
        return self.epoch_start(Epoch(epoch + 1)) + timedelta(days=self.grace_days)

    def live_epochs(self, moment: datetime) -> tuple[Epoch, ...]:
        """Return the current epoch, and after it the previous one while that is in its grace."""
        current = self.epoch_at(moment)
        if current > 0 and moment < self.epoch_end(previous := Epoch(current - 1)):
            return (current, previous)
        return (current,)


def dump_party(entry: PartyStatement) -> str:
    """Return a party statement as the YAML text that ``read_party`` and ``sluis policy add-party`` read."""
    return dump(json.loads(entry.to_json()))


def dump_parties(parties: Parties) -> str:
    """Return ``parties.yaml`` as text."""
    return dump(json.loads(parties.to_json()))


def _entry(party: PartyId, key: SigningKey, holder: HolderIndex | None) -> PublicKeyEntry:
    return PublicKeyEntry(key.id, party, key.key, key.valid_from, key.valid_until, holder)


def _incomplete(lacks: str) -> ConfigurationError:
    return ConfigurationError(
        Code.COVENANT_INVALID,
        f"The covenant is not complete: {lacks}.",
        hint="Add the party with `sluis policy add-party FOLDER PARTY.yaml`.",
    )
