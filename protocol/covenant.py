# SPDX-License-Identifier: EUPL-1.2
"""The covenant: parties, purposes and rules as one typed, checked value, and the arithmetic of its epochs.

``Covenant.parse`` is the only way in: if a ``Covenant`` exists, its parts fit together. It may still lack parties,
because a covenant is filled step by step; a running role calls ``require_complete`` first.
Spec: ``spec/covenant.md``. Not here: folders and clocks (``edge/covenant_folder.py``), what the Cedar texts decide
(``policy.py``), who signed the covenant.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final, TypeVar

from protocol.covenant_parts import (
    EPOCH_ZERO,
    Agency,
    Broker,
    ContactPoint,
    KeyHolder,
    LegalBases,
    LegalBasis,
    Log,
    Parties,
    PartyStatement,
    Purpose,
    SigningKey,
    Terms,
)
from protocol.covenant_text import Document, TextError, dump, read_document, read_model, refuse
from protocol.encoding import label, lp
from protocol.errors import Code, ConfigurationError, Issue, NotFoundError
from protocol.ids import Epoch, HolderIndex, PartyId, PurposeId
from protocol.keys import KINDS, check_selectivity
from protocol.messages import Message
from protocol.note import WitnessKey
from protocol.signing import KeyDirectory, PublicKeyEntry
from protocol.threshold import Sharing

TERMS: Final = "covenant.yaml"
PARTIES: Final = "parties.yaml"
SCHEMA: Final = "sluis.cedarschema"
BASES: Final = "vocabulary/legal-bases.yaml"
MAX_FILES: Final = 200
"""Files of one bundle: six purposes make some twenty; a bound before anything is read."""

_PURPOSE = re.compile(r"purposes/([a-z][a-z0-9-]{1,62})\.yaml\Z")
_CEDAR = re.compile(r"(base|purposes)/[a-z0-9][a-z0-9-]{1,62}\.cedar\Z")
_ASIDE = re.compile(r"(README\.md|cases/.*)\Z", re.DOTALL)
"""Read by people and by ``sluis policy``, and without effect on any decision: no part of the bundle."""


@dataclass(frozen=True, slots=True)
class Covenant:
    """What all parties agreed, checked. ``sha256`` names these bytes: two parties with the same one agree on all."""

    terms: Terms
    agencies: tuple[Agency, ...]
    key_holders: tuple[KeyHolder, ...]
    purposes: Mapping[PurposeId, Purpose]
    legal_bases: Mapping[str, LegalBasis]
    policy_files: Mapping[str, str]
    """Path -> text of the Cedar files and their schema; ``policy.py`` reads them."""
    sha256: str
    named_broker: Broker | None = None
    named_log: Log | None = None
    _by_id: Mapping[PartyId, Agency] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_id", MappingProxyType({agency.id: agency for agency in self.agencies}))

    @staticmethod
    def parse(files: Mapping[str, bytes]) -> "Covenant":
        """Read a covenant from its files: path with forward slashes -> content.

        Raises ``ConfigurationError`` (``covenant_invalid``) with an issue per wrong place: file, line and what to do.
        """
        return _Reading(files).covenant()

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
    def sharing(self) -> Sharing:
        """How many key-holders there are and how many make a pseudonym."""
        return Sharing(self.terms.key_holding.threshold, self.terms.key_holding.holders)

    @property
    def contact_point(self) -> ContactPoint:
        """Where a citizen can turn to."""
        return self.terms.contact_point

    def in_force(self, moment: datetime) -> bool:
        """Say whether the covenant holds at this moment."""
        return self.valid_from <= moment < self.valid_until

    # --- Parties ---

    def agency(self, party: PartyId) -> Agency:
        """Return the agency of this name. Raises ``NotFoundError``."""
        found = self._by_id.get(party)
        if found is None:
            raise NotFoundError(Code.NOT_FOUND, "The covenant names no such agency.")
        return found

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

    def missing(self) -> tuple[str, ...]:
        """Return in words which parties a running role would miss; empty when complete."""
        lacks = []
        if self.named_broker is None:
            lacks.append("it names no broker")
        if (there := len(self.key_holders)) != (wanted := self.sharing.holders):
            lacks.append(f"it names {there} of {wanted} key-holders")
        if not self.agencies:
            lacks.append("it names no agency")
        return tuple(lacks)

    def require_complete(self) -> None:
        """Pass when every party that a running role needs is there. Raises ``ConfigurationError``."""
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


def read_party(file: str, text: bytes) -> PartyStatement:
    """Read a party statement; ``file`` is named in errors. Raises ``ConfigurationError`` (``covenant_invalid``)."""
    issues: list[Issue] = []
    document = _document(file, text, issues)
    statement = read_model(PartyStatement, document, issues) if document is not None else None
    if statement is None:
        raise refuse(issues, "The party statement")
    return statement


def dump_parties(parties: Parties) -> str:
    """Return ``parties.yaml`` as text."""
    return dump(json.loads(parties.to_json()))


def bundle_digest(files: Mapping[str, bytes]) -> str:
    """Return the SHA-256, in hex, that names these files' paths and contents; what has no effect is left out."""
    digest = hashlib.sha256(label("covenant"))
    for path in sorted(path for path in files if not _ASIDE.match(path)):
        digest.update(lp(path) + hashlib.sha256(files[path]).digest())
    return digest.hexdigest()


def _entry(party: PartyId, key: SigningKey, holder: HolderIndex | None) -> PublicKeyEntry:
    return PublicKeyEntry(key.id, party, key.key, key.valid_from, key.valid_until, holder)


def _incomplete(lacks: str) -> ConfigurationError:
    return ConfigurationError(
        Code.COVENANT_INVALID,
        f"The covenant is not complete: {lacks}.",
        hint="Add the party with `sluis policy add-party FOLDER PARTY.yaml`.",
    )


# --- Reading ---

M = TypeVar("M", bound=Message)


def _document(file: str, text: bytes, issues: list[Issue]) -> Document | None:
    try:
        return read_document(file, text)
    except TextError as error:
        issues.append(Issue(f"{file}:{error.line}", error.code, error.message))
        return None


class _Reading:
    """One pass over the files that collects everything that is wrong before it refuses."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self.files = files
        self.issues: list[Issue] = []
        self.documents: dict[str, Document] = {}

    def covenant(self) -> Covenant:
        self._check_names()
        terms = self._part(TERMS, Terms)
        parties = self._part(PARTIES, Parties)
        bases = self._part(BASES, LegalBases)
        purposes = {
            PurposeId(match[1]): self._part(path, Purpose)
            for path in sorted(self.files)
            if (match := _PURPOSE.match(path))
        }
        read = {name: purpose for name, purpose in purposes.items() if purpose is not None}
        if terms is not None and parties is not None:
            self._check_parties(terms, parties)
        for name, purpose in read.items():
            self._check_kinds(f"purposes/{name}.yaml", purpose, terms)
        if bases is not None:
            for name, purpose in read.items():
                self._check_bases(f"purposes/{name}.yaml", purpose, bases.bases)
        texts = self._policy_texts(purposes)
        if self.issues or terms is None or parties is None or bases is None:
            raise refuse(self.issues, "The covenant")
        return Covenant(
            terms,
            parties.agencies,
            tuple(sorted(parties.key_holders, key=lambda holder: holder.index)),
            MappingProxyType(read),
            MappingProxyType(bases.bases),
            MappingProxyType(texts),
            bundle_digest(self.files),
            parties.broker,
            parties.log,
        )

    def _check_names(self) -> None:
        if len(self.files) > MAX_FILES + sum(1 for path in self.files if _ASIDE.match(path)):
            self._add(TERMS, "too_many_files", f"More than {MAX_FILES} files in one covenant.")
        for path in sorted(self.files):
            known = path in (TERMS, PARTIES, SCHEMA, BASES) or _PURPOSE.match(path) or _CEDAR.match(path)
            if not known and not _ASIDE.match(path):
                self._add(path, "unknown_file", "Nothing reads this file. Rename or remove it.")
        if not any(_PURPOSE.match(path) for path in self.files):
            self._add("purposes", "missing", "A covenant has at least one purpose: add purposes/<purpose>.yaml.")

    def _part(self, path: str, kind: type[M]) -> M | None:
        if path not in self.files:
            self._add(path, "missing", "This file is missing.")
            return None
        document = _document(path, self.files[path], self.issues)
        if document is None:
            return None
        self.documents[path] = document
        return read_model(kind, document, self.issues)

    def _check_parties(self, terms: Terms, parties: Parties) -> None:
        document = self.documents[PARTIES]
        seen: set[tuple[str, str]] = set()

        def once(what: str, value: str, place: tuple[int | str, ...]) -> None:
            if (what, value) in seen:
                self.issues.append(document.issue(place, "repeated", f"This {what} stands here twice."))
            seen.add((what, value))

        for place, agency in enumerate(parties.agencies):
            once("party id", agency.id, ("agencies", place, "id"))
            once("OIN", agency.oin, ("agencies", place, "oin"))
            for key in agency.signing_keys:
                once("signing key", key.key.hex(), ("agencies", place, "signingKeys"))
        for place, holder in enumerate(parties.key_holders):
            once("party id", holder.id, ("keyHolders", place, "id"))
            once("index", str(holder.index), ("keyHolders", place, "index"))
            once("url", holder.url, ("keyHolders", place, "url"))
            once("sealing key", holder.sealing_key.hex(), ("keyHolders", place, "sealingKey"))
            once("witness key", holder.witness, ("keyHolders", place, "witness"))
            for key in holder.signing_keys:
                once("signing key", key.key.hex(), ("keyHolders", place, "signingKeys"))
            if holder.index > terms.key_holding.holders:
                text = f"The covenant has {terms.key_holding.holders} key-holders; this is number {holder.index}."
                self.issues.append(document.issue(("keyHolders", place, "index"), "out_of_range", text))
        if parties.broker is not None:
            once("party id", parties.broker.id, ("broker", "id"))
        if (parties.broker is None) != (parties.log is None):
            self.issues.append(document.issue(("broker",), "missing", "`broker` and `log` go together: add the other."))

    def _check_kinds(self, file: str, purpose: Purpose, terms: Terms | None) -> None:
        for place, kind in enumerate(purpose.key_kinds):
            path = ("keyKinds", place)
            if kind not in KINDS:
                known = ", ".join(KINDS)
                text = f"There is no key kind `{kind}`. There are: {known}."
                self.issues.append(self.documents[file].issue(path, "unknown_kind", text))
            elif terms is not None:
                try:
                    check_selectivity(terms.population, [KINDS[kind]])
                except ConfigurationError as error:
                    text = f"With population {terms.population} `{kind}` gives {error.issues[0].message}."
                    self.issues.append(self.documents[file].issue(path, "not_selective", text))

    def _check_bases(self, file: str, purpose: Purpose, known: Mapping[str, LegalBasis]) -> None:
        places: list[tuple[tuple[int | str, ...], Iterable[str]]] = [
            (("participants", kind, "bases"), part.bases) for kind, part in purpose.participants.items()
        ]
        for sender, row in purpose.legal_bases.items():
            places += [(("legalBases", sender, receiver), codes) for receiver, codes in row.items()]
        for place, codes in places:
            for code in codes:
                if code not in known:
                    text = f"The legal basis `{code}` is not in {BASES}. Add it there, or use one that is."
                    self.issues.append(self.documents[file].issue(place, "unknown_basis", text))

    def _policy_texts(self, purposes: Iterable[PurposeId]) -> dict[str, str]:
        texts: dict[str, str] = {}
        for path in sorted(self.files):
            if path == SCHEMA or _CEDAR.match(path):
                try:
                    texts[path] = self.files[path].decode("utf-8")
                except UnicodeDecodeError:
                    self._add(path, "not_utf8", "Not UTF-8 text. Save the file as UTF-8.")
        wanted = {SCHEMA, *(f"purposes/{name}.cedar" for name in purposes)}
        for path in sorted(wanted - set(self.files)):
            self._add(path, "missing", "This file is missing.")
        if not any(path.startswith("base/") for path in texts):
            self._add("base", "missing", "A covenant has guards: add base/00-guards.cedar.")
        for path in texts:
            owner = re.fullmatch(r"purposes/(.*)\.cedar", path)
            if owner and owner[1] not in set(purposes):
                self._add(path, "unknown_file", f"There is no purposes/{owner[1]}.yaml. Rename or remove this file.")
        return texts

    def _add(self, path: str, code: str, message: str) -> None:
        self.issues.append(Issue(path, code, message))
